"""Tasks of the doctor. Safe to run twice, late, and by two beats."""

from celery import shared_task

from mobilize import clock
from workers.doctor import examination


@shared_task(name="doctor.examine")
def examine() -> None:
    examination.examine_and_record(clock.now())


@shared_task(name="doctor.ping")
def ping() -> None:
    examination.ping(clock.now())
