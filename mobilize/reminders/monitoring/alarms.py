"""Alarms to whoever is on call: a budget of codes is used up, many codes stay unanswered, texts of members do
not reach us as the carrier sends them."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from mobilize import settings
from mobilize.accounts.models import CodeLane, Person
from mobilize.accounts.sign_in.code_budgets import UNANSWERED_ALARM, lane_use, unanswered_codes
from mobilize.reminders.merge_fields import written_in
from mobilize.reminders.monitoring.on_call import people_on_call
from mobilize.texts.models import Priority, TextClass
from mobilize.texts.operations import PlannedText, queue_texts
from mobilize.texts.receiving.callbacks import callback_statuses
from mobilize.web.rate_limits import window_start

# A flood that goes on is told of again after so long, not in every window of twenty minutes.
AGAIN_AFTER = timedelta(hours=6)
STILL_WORTH_A_LOOK = timedelta(hours=1)


def alert_about_codes(now: datetime) -> int:
    """Text whoever is on duty, else the office, once in six hours for each lane and alarm; returns how many
    texts are new. Safe to run twice."""
    alarms = [("codes_used_up", lane) for lane in CodeLane if lane_use(lane, now).is_used_up]
    unanswered = unanswered_codes(now)
    alarms += [("codes_unanswered", lane) for lane, n in unanswered.items() if n >= UNANSWERED_ALARM]
    return _queue_alarms(alarms, "/texts/health", now)


def alert_about_callbacks(now: datetime) -> int:
    """Text whoever is on duty, else the office, once in six hours for each carrier whose callbacks are
    refused or do not come; returns how many texts are new. Safe to run twice."""
    broken = [one.carrier for one in callback_statuses(now) if one.needs_somebody]
    alarms = [("webhooks_refused", carrier) for carrier in broken]
    return _queue_alarms(alarms, "/texts/health/workers", now)


def _queue_alarms(alarms: Sequence[tuple[str, str]], path: str, now: datetime) -> int:
    """Queue each (wording, what it is about) to everybody on call; returns how many texts are new."""
    people = people_on_call(None, now) if alarms else []
    texts = [_alarm_text(*alarm, person, path, now) for alarm in alarms for person in people]
    return queue_texts(texts, now=now)


def _alarm_text(wording: str, about: str, person: Person, path: str, now: datetime) -> PlannedText:
    """An alarm to a person, with a link to the page that shows more; in six hours each is one text."""
    spell = int(window_start(AGAIN_AFTER, now).timestamp())
    return PlannedText(
        purpose=f"{wording}:{about}:{spell}",
        phone=person.phone,
        wording=wording,
        language=written_in(person.language),
        text_class=TextClass.DUTY,
        tz=settings().union_timezone,
        due_at=now,
        expires_at=now + STILL_WORTH_A_LOOK,
        priority=Priority.NOTICE,
        merge_fields={"link": settings().public_base_url + path},
        urgent=True,
    )
