"""The tasks of the room checkins."""

from celery import shared_task

from mobilize import clock
from mobilize.checkins.record import deferred


@shared_task(name="checkins.derive_deferred")
def derive_deferred() -> None:
    deferred.derive_deferred(clock.now())
