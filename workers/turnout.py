"""Tasks of the room turnout. Safe to run twice, late, and by two beats."""

from celery import shared_task

from mobilize import clock
from mobilize.turnout.figures import closing
from mobilize.turnout.reports import operations as reports
from mobilize.turnout.reports import thank_you


@shared_task(name="turnout.close_due_events")
def close_due_events() -> None:
    closing.close_due_events(clock.now())


@shared_task(name="turnout.make_due_reports")
def make_due_reports() -> None:
    reports.make_due_reports(clock.now())


@shared_task(name="turnout.plan_thanks")
def plan_thanks() -> None:
    thank_you.plan_thanks(clock.now())


@shared_task(name="turnout.correct_closed_actions")
def correct_closed_actions() -> None:
    closing.correct_closed_actions(clock.now())
