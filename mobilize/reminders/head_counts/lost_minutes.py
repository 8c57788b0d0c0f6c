"""Texts to the chairs of lines whose minutes a restore has lost: they open their list, so that their phone
sends it again, and count once more."""

from datetime import datetime, timedelta

from sqlalchemy import Select, exists, select
from sqlalchemy.orm import joinedload

from mobilize import clock
from mobilize.accounts.models import Person
from mobilize.actions.models import Action, ActionKind, Event, EventState
from mobilize.actions.queries import EARLY, LATE
from mobilize.backup.gaps import RecoveryGap
from mobilize.database import atomic, db
from mobilize.reminders.head_counts.requests import LONGEST_STEP, chairs_to_ask
from mobilize.reminders.merge_fields import merge_fields_for, text_time, written_in
from mobilize.reminders.rules.kinds import COUNT_WANTED_FOR
from mobilize.texts.models import OutboxText, Priority, QuestionKind, TextClass
from mobilize.texts.operations import PlannedText, queue_texts

WORDING = "lost_minutes"


def ask_about_lost_minutes(now: datetime) -> int:
    """Ask one chair of each line that a loss touches, once texts leave again; returns how many texts are new.

    Of each site its chair, else its co-chair, else its vice chair, whoever can be texted. A line that has
    been over for two hours is not asked about. Each is asked once about each loss, however often and however
    many at once call this.
    """
    return sum(_ask(gap, now) for gap in db.session.scalars(losses_to_ask_about(now)).all())


def losses_to_ask_about(now: datetime) -> Select[RecoveryGap]:
    """SELECT of the losses so recent that a line which they touch may still be asked."""
    lost = RecoveryGap.is_loss.is_(True), RecoveryGap.closed_at.is_not(None)
    return select(RecoveryGap).where(*lost, RecoveryGap.opened_at > now - LONGEST_STEP - LATE)


def _ask(gap: RecoveryGap, now: datetime) -> int:
    with atomic() as session:
        lines = session.scalars(_touched(gap, now)).all()
        chairs = chairs_to_ask([line.site_id for line in lines if line.site_id], now)
        lines = [line for line in lines if line.site_id in chairs]
        return queue_texts([_question(gap, line, chairs[line.site_id], now) for line in lines], now=now)


def _touched(gap: RecoveryGap, now: datetime) -> Select[Event]:
    is_asked = exists().where(
        OutboxText.event_id == Event.id, OutboxText.wording == WORDING, OutboxText.queued_at >= gap.opened_at
    )
    return (
        select(Event)
        .join(Action, Action.id == Event.action_id)
        .options(joinedload(Event.site), joinedload(Event.action))
        .where(Event.starts_at < gap.opened_at + EARLY, Event.ends_at > gap.from_at - LATE)
        .where(Event.ends_at > now - LONGEST_STEP, Event.state == EventState.PLANNED, ~is_asked)
        .where(Action.drill.is_(False))
        .where(Event.site_id.is_not(None), Action.kind.in_([ActionKind.PICKET, ActionKind.STRIKE]))
    )


def _question(gap: RecoveryGap, line: Event, chair: Person, now: datetime) -> PlannedText:
    language = written_in(chair.language)
    start, end = (text_time(clock.local(at, line.tz), language) for at in (gap.from_at, gap.opened_at))
    return PlannedText(
        purpose=f"{WORDING}:{line.id}:{gap.id}",
        phone=chair.phone,
        wording=WORDING,
        language=language,
        text_class=TextClass.DUTY,
        tz=line.tz,
        due_at=now,
        expires_at=max(line.ends_at, now + COUNT_WANTED_FOR),
        priority=Priority.COUNT,
        merge_fields={**merge_fields_for(line, language), "start": start, "end": end},
        event_id=line.id,
        asks=QuestionKind.HEAD_COUNT,
        asks_until=line.ends_at + timedelta(minutes=line.action.close_after_minutes),
    )
