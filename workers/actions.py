"""Tasks of the room actions. Safe to run twice, late, and by two beats."""

from celery import shared_task

from mobilize import clock
from mobilize.actions import eligibility


@shared_task(name="actions.freeze_due_events")
def freeze_due_events() -> None:
    eligibility.freeze_due_events(clock.now())
