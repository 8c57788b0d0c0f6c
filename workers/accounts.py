"""Tasks of the room accounts. Safe to run twice, late, and by two beats."""

from celery import shared_task

from mobilize import clock
from mobilize.accounts import codes


@shared_task(name="accounts.send_codes")
def send_codes() -> None:
    codes.send_codes(now=clock.now())
