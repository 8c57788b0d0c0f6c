"""The call list of an organizer: sites that sent no head count."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import select

from mobilize.accounts.models import Person, RoleName
from mobilize.actions.models import Action, Event, EventState
from mobilize.database import db
from mobilize.reminders.head_counts.requests import chairs_of
from mobilize.reminders.models import ReminderRule, RuleKind
from mobilize.reminders.rules.kinds import count_steps
from mobilize.texts.models import OutboxText, QuestionKind, TextState
from mobilize.turnout.figures.types import Board, Chapter
from mobilize.turnout.models import SiteCall

# Whoever did not answer is given to nobody before this.
NOT_AGAIN_WITHIN = timedelta(minutes=10)
NEVER = datetime.min.replace(tzinfo=UTC)
_ARRIVED = (TextState.DELIVERED, TextState.SENT)


@dataclass(frozen=True, slots=True)
class SilentSite:
    """A silent site: who chairs it, whether a question reached anybody, and its calls, newest first."""

    chapter: Chapter
    chairs: Sequence[tuple[RoleName, Person]]
    questions: int
    reached: bool
    calls: Sequence[SiteCall] = ()

    def claimed_by(self, now: datetime) -> str:
        """The actor who is calling it now, or ""."""
        callers = [call.by for call in self.calls if call.ended_at is None and call.claimed_until > now]
        return callers[0] if callers else ""

    @property
    def last_call(self) -> SiteCall | None:
        """The latest call that has ended."""
        return next((call for call in self.calls if call.ended_at), None)


def call_list(action: Action, board: Board, now: datetime) -> list[SilentSite]:
    """The silent sites of this board, asked or not, worst first; none after closing.

    On it from as many minutes after the start as the action's rule says, by default 35.
    """
    due = _due(action, now)
    silent = [c for c in board.by_trouble if not c.line.reported and c.line.event_id in due]
    chairs = chairs_of([chapter.site_id for chapter in silent], now)
    texts, calls = _texts(due), calls_of(due)
    return [
        SilentSite(
            c,
            chairs.get(c.site_id, ()),
            *texts.get(c.line.event_id, (0, False)),
            calls=calls.get(c.line.event_id, ()),
        )
        for c in silent
        if c.line.event_id
    ]


def sites_to_call(listed: Sequence[SilentSite], actor: str, now: datetime) -> list[SilentSite]:
    """Those that `actor` may be given next, best first: nobody else is calling them, and nobody did within
    `NOT_AGAIN_WITHIN`. Those with a chair come first; of them those that
    were never called, then whose last call is longest ago."""
    free = [site for site in listed if site.claimed_by(now) in ("", actor)]
    due = [site for site in free if now - _last_ended(site) >= NOT_AGAIN_WITHIN]
    return sorted(due, key=lambda site: (not site.chairs, _last_ended(site)))


def calls_of(event_ids: Collection[UUID]) -> dict[UUID | None, list[SiteCall]]:
    """Event -> its calls and the claim that is open, newest first."""
    rows = db.session.scalars(
        select(SiteCall)
        .where(SiteCall.event_id.in_(event_ids))
        .order_by(SiteCall.claimed_at.desc(), SiteCall.id)
    )
    calls: dict[UUID | None, list[SiteCall]] = {}
    for call in rows:
        calls.setdefault(call.event_id, []).append(call)
    return calls


def _last_ended(site: SilentSite) -> datetime:
    last = site.last_call
    return last.ended_at if last and last.ended_at else NEVER


def _due(action: Action, now: datetime) -> set[UUID]:
    """Events of sites that stand and whose time to be called has come."""
    minutes = called_after(action)
    rows = db.session.execute(
        select(Event.id, Event.starts_at).where(
            Event.action_id == action.id, Event.state == EventState.PLANNED, Event.site_id.is_not(None)
        )
    )
    return {event for event, at in rows if (now - at).total_seconds() >= minutes * 60}


def called_after(action: Action) -> int:
    """Minutes after the start, as the action's rule says, also while its question is off."""
    rule = select(ReminderRule.call_after_minutes).where(
        ReminderRule.action_id == action.id, ReminderRule.kind == RuleKind.COUNT_QUESTION
    )
    set_minutes: int | None = db.session.scalar(rule)
    return count_steps(action)["call_after_minutes"] if set_minutes is None else set_minutes


def _texts(events: set[UUID]) -> dict[UUID | None, tuple[int, bool]]:
    """Event -> (how many questions left, whether one of them arrived)."""
    left = [*_ARRIVED, TextState.ACCEPTED]
    rows = db.session.execute(
        select(OutboxText.event_id, OutboxText.state).where(
            OutboxText.event_id.in_(events), OutboxText.asks == QuestionKind.HEAD_COUNT
        )
    )
    counts: dict[UUID | None, tuple[int, bool]] = {}
    for event, state in rows:
        questions, reached = counts.get(event, (0, False))
        counts[event] = questions + (state in left), reached or state in _ARRIVED
    return counts
