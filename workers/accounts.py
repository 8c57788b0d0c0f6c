"""Tasks of the room accounts. Safe to run twice, late, and by two beats."""

from celery import shared_task

from mobilize import clock, rate_limits
from mobilize.accounts import code_requests, codes


@shared_task(name="accounts.send_codes")
def send_codes() -> None:
    codes.send_codes(now=clock.now())


@shared_task(name="accounts.forget_requests")
def forget_requests() -> None:
    code_requests.forget_code_requests(now=clock.now())


@shared_task(name="accounts.forget_limits")
def forget_limits() -> None:
    rate_limits.forget_old(clock.now())
