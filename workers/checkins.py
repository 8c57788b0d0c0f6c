"""The tasks of the room checkins."""

from celery import shared_task

from mobilize import clock
from mobilize.checkins.record import deferred_attendance


@shared_task(name="checkins.derive_deferred")
def derive_deferred() -> None:
    deferred_attendance.derive_deferred(clock.now())
