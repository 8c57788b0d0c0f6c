"""Tasks of the room privacy. Safe to run twice, late, and by two beats."""

from celery import shared_task

from mobilize import clock
from mobilize.privacy import operations


@shared_task(name="privacy.forget_due")
def forget_due() -> None:
    operations.forget_due(clock.now())
