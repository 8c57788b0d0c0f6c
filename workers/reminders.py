"""Tasks of the room reminders. Safe to run twice, late, and by two beats."""

from celery import shared_task

from mobilize import clock
from mobilize.reminders import (
    answers,
    briefing,
    broadcasts,
    calling_off,
    code_alarms,
    counts,
    duty,
    planning,
    watching,
    which,
)


@shared_task(name="reminders.plan")
def plan() -> None:
    planning.plan_reminders(clock.now())


@shared_task(name="reminders.ask_for_counts")
def ask_for_counts() -> None:
    counts.ask_for_counts(clock.now())


@shared_task(name="reminders.read_answers")
def read_answers() -> None:
    answers.read_answers(clock.now())


@shared_task(name="reminders.ask_who_checked_in")
def ask_who_checked_in() -> None:
    which.ask_who_checked_in(clock.now())


@shared_task(name="reminders.queue_broadcasts")
def queue_broadcasts() -> None:
    broadcasts.queue_broadcasts(clock.now())


@shared_task(name="reminders.brief_chairs")
def brief_chairs() -> None:
    briefing.brief_chairs(clock.now())


@shared_task(name="reminders.tell_of_calling_off")
def tell_of_calling_off() -> None:
    calling_off.tell_of_calling_off(clock.now())


@shared_task(name="reminders.alert_duty")
def alert_duty() -> None:
    duty.alert_duty(clock.now())


@shared_task(name="reminders.alert_about_codes")
def alert_about_codes() -> None:
    code_alarms.alert_about_codes(clock.now())


@shared_task(name="reminders.watch_campaigns")
def watch_campaigns() -> None:
    watching.watch_campaigns(clock.now())
