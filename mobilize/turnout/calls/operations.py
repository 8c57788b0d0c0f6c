"""Calls to silent sites, shared among organizers: one of them has each, and notes what became of it, or the
head count that a chair told them."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, delete, or_, update

from mobilize import audit
from mobilize.actions.models import Event, EventState
from mobilize.checkins.record.head_counts import report_head_count
from mobilize.database import atomic, insert, new_id
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.turnout.models import CallResult, SiteCall

# A claim is for one call; after this somebody else may be given the site.
CLAIMED_FOR = timedelta(minutes=5)
DESK = "desk"


def claim_call(event_id: UUID, *, actor: str, now: datetime) -> bool:
    """Give this line's call to `actor`, who gives back what they had before. False while somebody else has
    it. Claimed again by the same actor, the time begins anew."""
    mine_or_over = or_(SiteCall.by == actor, SiteCall.claimed_until <= now)
    claim = {"by": actor, "claimed_at": now, "claimed_until": now + CLAIMED_FOR}
    new = insert(SiteCall).values(id=new_id(), event_id=event_id, **claim).on_conflict_do_nothing()
    again = update(SiteCall).where(*_open(event_id), mine_or_over).values(claim)
    held_before = SiteCall.by == actor, SiteCall.ended_at.is_(None), SiteCall.event_id != event_id
    with atomic() as session:
        if not any(session.scalar(one.returning(SiteCall.id)) for one in (new, again)):
            return False
        session.execute(delete(SiteCall).where(*held_before))
        return True


def end_call(
    event_id: UUID, result: CallResult, *, actor: str, now: datetime, chair: UUID | None = None
) -> bool:
    """Note what became of the call that `actor` has claimed, and of whose number. False, and nothing is
    stored, where they hold none: somebody else has it by now, or this was pressed twice."""
    values = {"result": result, "ended_at": now, "chair": f"person:{chair}" if chair else None}
    with atomic() as session:
        ended = update(SiteCall).where(*_open(event_id), SiteCall.by == actor).values(values)
        if not session.execute(ended).rowcount:  # type: ignore[attr-defined]
            return False
        audit.note(actor, f"call.{result}", event_id, now=now)
        return True


def give_back_call(event_id: UUID, *, actor: str) -> None:
    """Somebody else may be given this site at once. Where `actor` holds none, nothing happens."""
    with atomic() as session:
        session.execute(delete(SiteCall).where(*_open(event_id), SiteCall.by == actor))


def enter_count(event: Event, n: int, *, nonce: bytes, sure: bool, actor: str, now: datetime) -> None:
    """Store a head count that somebody was told, as of now; a call that `actor` has claimed has reached
    somebody. The same nonce and number again change nothing.

    Raises `Refused`: "not_open" before the start, and once the event is closed or called off; and as
    `report_head_count()` does ("count_unusual" asks whether the number is right: say `sure`).
    """
    if event.state is not EventState.PLANNED:
        raise Refused("not_open", _("This event is closed or called off: its figures no longer change."))
    if now < event.starts_at:
        raise Refused("not_open", _("This event has not begun. A head count is of people who stand there."))
    with atomic():
        report_head_count(event, n, counted_at=now, nonce=nonce, via=DESK, by=actor, now=now, sure=sure)
        audit.note(actor, "count.enter", event.id, now=now)
        end_call(event.id, CallResult.REACHED, actor=actor, now=now)


def _open(event_id: UUID) -> tuple[ColumnElement[bool], ...]:
    return SiteCall.event_id == event_id, SiteCall.ended_at.is_(None)
