"""Queries for the member's page and the retention page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from json import loads
from typing import Any
from uuid import UUID

from sqlalchemy import select

from mobilize.accounts.access.scope import Scope
from mobilize.actions.models import Action, ActionKind, Event
from mobilize.actions.visibility import visible_actions
from mobilize.checkins.models import Attendance, Tier
from mobilize.database import db
from mobilize.privacy.exports.operations import hours_taken_at
from mobilize.privacy.member_page.sessions import has_unshared_phone
from mobilize.privacy.models import LegalHold
from mobilize.privacy.retention.forgetting import ends_at, forget_on
from mobilize.privacy.retention.legal_holds import running_holds
from mobilize.privacy.retention.periods import days_kept
from mobilize.reminders.models import Rsvp
from mobilize.roster.models import Member, Site
from mobilize.roster.queries import sites_of
from mobilize.texts.consent.carrier_blocks import numbers_that_block
from mobilize.texts.consent.suppressions import is_opted_out
from mobilize.texts.models import OutboxText
from mobilize.texts.templates import BadWording, render

TEXTS_LISTED = 30


@dataclass(frozen=True)
class AttendedEvent:
    """One event that a member attended, as long as the attendance carries their name."""

    action: Action
    place: str
    at: datetime
    tz: str
    tier: Tier
    forget_on: datetime


@dataclass(frozen=True)
class SentText:
    """One text to a member: when it was due, its words, and its state."""

    at: datetime
    words: str
    state: str


@dataclass(frozen=True)
class MemberData:
    """The data held about one member, for their own page."""

    member: Member
    sites: Sequence[Site]
    attended: Sequence[AttendedEvent]
    answers: Sequence[tuple[Event, bool]]
    texts: Sequence[SentText]
    shares_phone: bool
    stopped: bool
    blocked_by: Sequence[str]


@dataclass(frozen=True)
class RetainedAction:
    """An action on the retention page. `ends_at` is the end of its last event."""

    action: Action
    ends_at: datetime
    forget_on: datetime
    days: int
    hold: LegalHold | None
    hours_taken_at: datetime | None = None

    @property
    def has_hours(self) -> bool:
        """A strike day, whose hours are to be exported before it is forgotten."""
        return self.action.kind is ActionKind.STRIKE and self.action.called_off_at is None


def card_of(member: Member) -> MemberData:
    """The content of a member's own page."""
    alone = has_unshared_phone(member)
    return MemberData(
        member=member,
        sites=list(sites_of(member.id).values()),
        attended=_attended_events(member),
        answers=_answers(member),
        texts=_texts(member, alone),
        shares_phone=member.phone_index is not None and not alone,
        stopped=member.phone is not None and is_opted_out(member.phone),
        blocked_by=numbers_that_block(member.phone) if member.phone else [],
    )


def kept_actions(actions: Sequence[Action], scope: Scope) -> list[RetainedAction]:
    """The actions somebody may see, with when each is forgotten; what is forgotten next comes first."""
    holds = running_holds()
    taken = hours_taken_at([action.id for action in actions if action.kind is ActionKind.STRIKE])
    kept = [_kept(action, holds, taken) for action, _events in visible_actions(actions, scope)]
    return sorted(kept, key=lambda k: (k.action.forgotten_at is not None, k.forget_on))


def all_actions() -> Sequence[Action]:
    return db.session.scalars(select(Action)).all()


def _kept(action: Action, holds: Sequence[LegalHold], taken: dict[UUID, datetime]) -> RetainedAction:
    ended = ends_at(action)
    hold = next((h for h in holds if h.action_id in (None, action.id)), None)
    days = days_kept(action.campaign)
    return RetainedAction(action, ended, forget_on(action, ended), days, hold, taken.get(action.id))


def _attended_events(member: Member) -> list[AttendedEvent]:
    rows = db.session.execute(
        select(Attendance.first_at, Attendance.tier, Event)
        .join(Event, Event.id == Attendance.event_id)
        .where(Attendance.member_id == member.id)
        .order_by(Attendance.first_at.desc())
    )
    return [
        AttendedEvent(
            event.action, event.place, at, event.tz, tier, forget_on(event.action, ends_at(event.action))
        )
        for at, tier, event in rows
    ]


def _answers(member: Member) -> list[tuple[Event, bool]]:
    query = select(Event, Rsvp.coming).join(Rsvp, Rsvp.event_id == Event.id)
    rows = db.session.execute(query.where(Rsvp.member_id == member.id).order_by(Event.starts_at.desc()))
    return [(event, coming) for event, coming in rows]


def _texts(member: Member, alone: bool) -> list[SentText]:
    conditions: Any = OutboxText.member_id == member.id
    if alone:
        conditions = conditions | (OutboxText.phone_index == member.phone_index)
    query = select(OutboxText).where(conditions).order_by(OutboxText.due_at.desc()).limit(TEXTS_LISTED)
    return [SentText(text.due_at, _words(text), text.state.value) for text in db.session.scalars(query)]


def _words(text: OutboxText) -> str:
    try:
        return render(text.wording, text.language, loads(text.merge_fields))
    except BadWording:  # a wording that is not in use any more
        return text.wording
