"""Forgetting an action: its rows no longer identify anybody, and every figure stays as it was.

An action of a whole union has a hundred thousand rows. They are rewritten in small transactions, so that
check-ins elsewhere go on; an interrupted run is finished by the next one.
"""

import uuid
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, exists, func, or_, select, update
from sqlalchemy.orm import Session

from mobilize import audit
from mobilize.accounts.access.grants import UPLOADS_ARE_TAKEN
from mobilize.accounts.models import LineGrant
from mobilize.actions.models import Action, Eligible, Event, EventState
from mobilize.checkins.models import Attendance, Evidence, HeadCount, NewNumber, Photo, Supporters, Walkup
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.observability import health_checks
from mobilize.privacy.exports.jobs import forget_made
from mobilize.privacy.retention.anonymize import (
    AT_ONCE,
    NO_BODY,
    NOBODY,
    empty_texts,
    empty_walkups,
    events_of,
    evidence_rows,
    unlink_attendance,
    unlink_eligible,
    unlink_evidence,
)
from mobilize.privacy.retention.legal_holds import is_held, on_hold
from mobilize.privacy.retention.periods import days_kept
from mobilize.privacy.retention.purge import purge
from mobilize.reminders.models import Broadcast, ReminderRule, Rsvp
from mobilize.texts.models import Inbound, OutboxText, Question
from mobilize.turnout.figures.closing import close_events


def forget_due(now: datetime) -> int:
    """Forget every action whose days are over, and purge everything with a period of its own.

    Returns how many actions were forgotten. Legal holds are respected; safe to repeat, at once and late.
    """
    forgotten = forget_due_actions(now)
    purge(now)
    health_checks.record("privacy.forgotten", str(forgotten), now=now)
    return forgotten


def forget_due_actions(now: datetime) -> int:
    """Forget every action whose days are over and on which no hold stands; returns how many.

    Safe to repeat, to run twice at once, and late. Rows that arrived for a forgotten action since (an upload
    from an offline phone) are unlinked too, and an interrupted run is finished.
    """
    due = _due(now)
    for action_id in due:
        forget_action(action_id, by="worker", now=now)
    for action_id in _unfinished():
        _unlink(action_id, now)
    return len(due)


def forget_action(action_id: uuid.UUID, *, by: str, now: datetime) -> bool:
    """Forget one action now: freeze its totals, then unlink every row. False: it was forgotten already.

    Refused: "no_action", "not_over" before its last event has ended and closed, "on_hold".
    """
    refuse_forgetting(action_id, now=now)
    action = db.session.get_one(Action, action_id)
    if action.forgotten_at is None:
        _fix_totals(action, now)
    marked = _mark(action_id, by, now)
    _unlink(action_id, now)
    return marked


def refuse_forgetting(action_id: uuid.UUID, *, now: datetime) -> None:
    """Raises what `forget_action` would refuse now. Changes nothing."""
    action = db.session.get(Action, action_id)
    if action is None:
        raise Refused("no_action", _("There is no such action."), status=404)
    if action.forgotten_at is None:
        _refuse_too_early(action, now)
        if db.session.scalar(select(is_held(action_id))):
            raise on_hold()


def forget_on(action: Action, ends_at: datetime) -> datetime:
    """The time at which this action is due to be forgotten."""
    return ends_at + timedelta(days=days_kept(action.campaign))


def ends_at(action: Action) -> datetime:
    """The end of its last event."""
    running = select(func.max(Event.ends_at)).where(
        Event.action_id == action.id, Event.state != EventState.CALLED_OFF
    )
    return db.session.scalar(running) or action.ends_at


def _due(now: datetime) -> list[uuid.UUID]:
    query = select(Action).where(Action.forgotten_at.is_(None), Action.ends_at <= now, ~is_held(Action.id))
    waiting = db.session.scalars(query.order_by(Action.ends_at)).all()
    return [action.id for action in waiting if forget_on(action, ends_at(action)) <= now]


def _refuse_too_early(action: Action, now: datetime) -> None:
    if now < ends_at(action) + timedelta(minutes=action.close_after_minutes):
        raise Refused("not_over", _("This action is not over yet. Forget it when its last event has closed."))


def _fix_totals(action: Action, now: datetime) -> None:
    still_open = select(Event.id).where(Event.action_id == action.id, Event.state == EventState.PLANNED)
    close_events(action.id, list(db.session.scalars(still_open)), now)


def _mark(action_id: uuid.UUID, by: str, now: datetime) -> bool:
    """Mark the action as forgotten: from now on late check-ins stay unresolved, since nobody is known."""
    with atomic() as session:
        action = session.get_one(Action, action_id, with_for_update=True)
        if action.forgotten_at is not None:
            return False
        if session.scalar(select(is_held(action_id))):
            raise on_hold()
        action.forgotten_at = now
        audit.note(by, "action.forget", action_id, now=now)
        _forget_answers(session, action_id)
        _forget_the_line(session, action_id)
        forget_made()
        return True


def _forget_answers(session: Session, action_id: uuid.UUID) -> None:
    events = events_of(action_id)
    questions = select(Question.id).where(Question.event_id.in_(events))
    for statement in (
        delete(Rsvp).where(Rsvp.event_id.in_(events)),
        delete(Inbound).where(Inbound.question_id.in_(questions)),
        delete(Question).where(Question.event_id.in_(events)),
    ):
        session.execute(statement.execution_options(synchronize_session=False))


def _forget_the_line(session: Session, action_id: uuid.UUID) -> None:
    """Empty who held the line's page, who reported, and the words people wrote; what was reported stays."""
    events = events_of(action_id)
    for statement in (
        update(LineGrant)
        .where(LineGrant.event_id.in_(events))
        .values(person_id=None, label_enc=None, made_by=NOBODY),
        update(HeadCount).where(HeadCount.event_id.in_(events)).values(by=NOBODY),
        update(Supporters).where(Supporters.event_id.in_(events)).values(by=NOBODY),
        delete(NewNumber).where(NewNumber.event_id.in_(events)),
        delete(Photo).where(Photo.event_id.in_(events)),
        update(Broadcast)
        .where(Broadcast.action_id == action_id)
        .values(text_enc=None, urgent_reason_enc=None),
        update(ReminderRule).where(ReminderRule.action_id == action_id).values(reason_enc=None),
    ):
        session.execute(statement.execution_options(synchronize_session=False))


def _unlink(action_id: uuid.UUID, now: datetime) -> None:
    """Unlink the rows of an action, evidence last: by it an unfinished action is found again."""
    for step in (_some_texts, _some_walkups, _some_attendance, _some_eligible):
        _until_nothing_is_left(step, action_id)
    action = db.session.get_one(Action, action_id)
    keep_nonces = now < ends_at(action) + UPLOADS_ARE_TAKEN
    _until_nothing_is_left(lambda session, which: _some_evidence(session, which, keep_nonces), action_id)


def _until_nothing_is_left(step: Callable[[Session, uuid.UUID], int], action_id: uuid.UUID) -> None:
    while True:
        with atomic() as session:
            if not step(session, action_id):
                return


def _some_texts(session: Session, action_id: uuid.UUID) -> int:
    ids = session.scalars(
        select(OutboxText.id)
        .where(
            OutboxText.event_id.in_(events_of(action_id)),
            ~OutboxText.idempotency_key.startswith(f"{NOBODY}:"),
        )
        .limit(AT_ONCE)
    ).all()
    empty_texts(session, ids)
    return len(ids)


def _some_walkups(session: Session, action_id: uuid.UUID) -> int:
    linked = Walkup.event_id.in_(events_of(action_id)), Walkup.typed_enc.is_not(None)
    ids = session.scalars(select(Walkup.id).where(*linked).limit(AT_ONCE)).all()
    empty_walkups(session, ids)
    return len(ids)


def _some_attendance(session: Session, action_id: uuid.UUID) -> int:
    linked = Attendance.event_id.in_(events_of(action_id)), Attendance.member_id.is_not(None)
    members = _ids(session.scalars(select(Attendance.member_id).where(*linked).distinct().limit(AT_ONCE)))
    unlink_attendance(session, action_id, members)
    return len(members)


def _some_eligible(session: Session, action_id: uuid.UUID) -> int:
    linked = Eligible.action_id == action_id, Eligible.member_id.is_not(None)
    members = _ids(session.scalars(select(Eligible.member_id).where(*linked).limit(AT_ONCE)))
    unlink_eligible(session, action_id, members)
    return len(members)


def _some_evidence(session: Session, action_id: uuid.UUID, keep_nonces: bool) -> int:
    linked = Evidence.event_id.in_(events_of(action_id)), Evidence.body_hash != NO_BODY
    rows = session.execute(evidence_rows().where(*linked).limit(AT_ONCE)).all()
    unlink_evidence(session, rows, keep_nonces=keep_nonces)
    return len(rows)


def _ids(ids: Any) -> Sequence[uuid.UUID]:
    return [member for member in ids if member]


def _unfinished() -> Sequence[uuid.UUID]:
    """Forgotten actions with new rows since, or whose run was interrupted."""
    late = exists().where(
        Evidence.event_id == Event.id,
        or_(Evidence.body_hash != NO_BODY, Evidence.member_id.is_not(None)),
    )
    query = select(Event.action_id).join(Action, Action.id == Event.action_id)
    still = exists().where(Eligible.action_id == Action.id, Eligible.member_id.is_not(None))
    return db.session.scalars(
        query.where(Action.forgotten_at.is_not(None), or_(late, still)).distinct()
    ).all()
