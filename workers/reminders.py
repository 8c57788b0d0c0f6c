"""Tasks of the room reminders. Safe to run twice, late, and by two beats."""

from celery import shared_task

from mobilize import clock
from mobilize.reminders import answers, broadcasts, counts, planning


@shared_task(name="reminders.plan")
def plan() -> None:
    planning.plan_reminders(clock.now())


@shared_task(name="reminders.ask_for_counts")
def ask_for_counts() -> None:
    counts.ask_for_counts(clock.now())


@shared_task(name="reminders.read_answers")
def read_answers() -> None:
    answers.read_answers(clock.now())


@shared_task(name="reminders.queue_broadcasts")
def queue_broadcasts() -> None:
    broadcasts.queue_broadcasts(clock.now())
