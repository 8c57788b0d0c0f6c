"""Tasks of the room reminders. Safe to run twice, late, and by two beats."""

from celery import shared_task

from mobilize import clock
from mobilize.reminders.broadcasts import operations as broadcasts
from mobilize.reminders.calling_off import operations as calling_off
from mobilize.reminders.head_counts import briefing, lost_minutes, requests
from mobilize.reminders.inbox import answers, shared_phones
from mobilize.reminders.monitoring import alarms, delivery_monitoring, on_call
from mobilize.reminders.rules import planning


@shared_task(name="reminders.plan")
def plan() -> None:
    planning.plan_reminders(clock.now())


@shared_task(name="reminders.follow_changes")
def follow_changes() -> None:
    planning.plan_reminders(clock.now())


@shared_task(name="reminders.ask_for_counts")
def ask_for_counts() -> None:
    requests.ask_for_counts(clock.now())


@shared_task(name="reminders.ask_about_lost_minutes")
def ask_about_lost_minutes() -> None:
    lost_minutes.ask_about_lost_minutes(clock.now())


@shared_task(name="reminders.read_answers")
def read_answers() -> None:
    answers.read_answers(clock.now())


@shared_task(name="reminders.ask_who_checked_in")
def ask_who_checked_in() -> None:
    shared_phones.ask_who_checked_in(clock.now())


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
    on_call.alert_duty(clock.now())


@shared_task(name="reminders.alert_about_codes")
def alert_about_codes() -> None:
    alarms.alert_about_codes(clock.now())


@shared_task(name="reminders.alert_about_callbacks")
def alert_about_callbacks() -> None:
    alarms.alert_about_callbacks(clock.now())


@shared_task(name="reminders.watch_campaigns")
def watch_campaigns() -> None:
    delivery_monitoring.watch_campaigns(clock.now())
