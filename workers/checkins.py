"""The tasks of the room checkins."""

from celery import shared_task

from mobilize import clock
from mobilize.checkins import settling


@shared_task(name="checkins.work_out_leavings")
def work_out_leavings() -> None:
    settling.work_out_leavings(clock.now())
