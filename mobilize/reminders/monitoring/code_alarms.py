"""Alarms to whoever is on call: a budget of codes is used up, or many codes stay unanswered."""

from datetime import datetime, timedelta

from mobilize import settings
from mobilize.accounts.models import CodeLane, Person
from mobilize.accounts.sign_in.code_budgets import UNANSWERED_ALARM, lane_use, unanswered_codes
from mobilize.reminders.blanks import written_in
from mobilize.reminders.monitoring.on_call import people_on_call
from mobilize.texts.models import Priority, TextClass
from mobilize.texts.operations import PlannedText, queue_texts
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
    if not alarms:
        return 0
    people = people_on_call(None, now)
    texts = [alarm_text(*alarm, person, "/texts/health", now) for alarm in alarms for person in people]
    return queue_texts(texts, now=now)


def alarm_text(wording: str, about: str, person: Person, path: str, now: datetime) -> PlannedText:
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
        blanks={"link": settings().public_base_url + path},
        urgent=True,
    )
