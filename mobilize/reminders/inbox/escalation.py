"""Escalation of a text to a person, and the one line back that says who will answer."""

from datetime import datetime, timedelta

from sqlalchemy import exists, select

from mobilize.accounts.models import Person
from mobilize.database import atomic, db
from mobilize.reminders.merge_fields import written_in
from mobilize.reminders.monitoring.on_call import named_person, site_of_number
from mobilize.roster.models import Member
from mobilize.texts.models import Inbound, Intent, OutboxText
from mobilize.texts.operations import answer, wait_for_person
from mobilize.texts.receiving.inbound import language_of
from mobilize.texts.receiving.replies import is_reaction

LINES = ("person_answers", "office_answers")
ONE_LINE_IN = timedelta(hours=24)
# These wait for somebody who calls; a line of ours would only be in the way.
_WITHOUT_A_LINE = (Intent.ALARM, Intent.WRONG_NUMBER, Intent.OUT)


def leave_to_person(inbound: Inbound, *, now: datetime) -> bool:
    """Put a text into the inbox, and tell a number we know who will answer, once in 24 hours at most. False
    when it was left to a person before."""
    with atomic():
        if not wait_for_person(inbound.id, now=now):
            return False
        if _gets_a_line(inbound, now):
            _say_who_answers(inbound, now)
        return True


def is_known_number(phone_index: bytes) -> bool:
    """Somebody on the roster, or somebody who signs in."""
    members = select(Member.id).where(Member.phone_index == phone_index, Member.gone_on.is_(None))
    people = select(Person.id).where(Person.phone_index == phone_index)
    return any(db.session.scalar(query.limit(1)) for query in (members, people))


def _gets_a_line(inbound: Inbound, now: datetime) -> bool:
    """Whoever sent words of their own, not a picture or a heart alone, and was not told within the day."""
    had_a_line = exists().where(
        OutboxText.phone_index == inbound.phone_index,
        OutboxText.wording.in_(LINES),
        OutboxText.due_at > now - ONE_LINE_IN,
    )
    body = inbound.body or ""
    says_something = any(letter.isalnum() for letter in body) and not is_reaction(body)
    return (
        inbound.intent not in _WITHOUT_A_LINE
        and says_something
        and is_known_number(inbound.phone_index)
        and not db.session.scalar(select(had_a_line))
    )


def _say_who_answers(inbound: Inbound, now: datetime) -> None:
    """By the first name of an organizer; nothing of a chair's."""
    person = named_person(site_of_number(inbound.phone_index, now), now)
    first_name = person.name.split()[0][:20] if person and person.name.split() else ""
    wording = "person_answers" if first_name else "office_answers"
    merge_fields = {"name": first_name} if first_name else {}
    answer(inbound, wording, merge_fields, language=written_in(language_of(inbound.phone_index)), now=now)
