"""Offers of a receipt: the next event as a calendar file, and undoing the last check-in."""

import uuid
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, Uuid, and_, bindparam, func, select
from sqlalchemy.orm import aliased

from mobilize.actions.models import Action, Event, EventChapter, EventState
from mobilize.checkins.line.queries import device_mark
from mobilize.checkins.member.event_cache import CachedEvent
from mobilize.checkins.models import Evidence, Method, Void
from mobilize.checkins.record.operations import take_back_own
from mobilize.database import atomic, db
from mobilize.fast.statements import CachedStatement, retried, run
from mobilize.languages import language, say_when
from mobilize.roster.models import Site

# Long enough to see that it was the wrong number, too short to be forced to.
SLIP = timedelta(minutes=5)


class NextEvent(NamedTuple):
    """The next event of a chapter, in the reader's language."""

    name: str
    when: str
    place: str


def next_event(event: CachedEvent) -> Event | None:
    """The next planned event of this event's chapters."""
    values = {"event": event.id, "after": event.ends_at}
    return db.session.scalars(_next(Event), values).first()


def next_in_words(event: CachedEvent) -> NextEvent | None:
    """The same in words, for a receipt."""
    rows = retried(lambda: run(_NEXT_IN_WORDS, {"event": event.id, "after": event.ends_at}))
    if not rows:
        return None
    [(name, starts_at, ends_at, tz, place)] = rows
    return NextEvent(name.in_(language()), say_when(starts_at, ends_at, tz), place)


def _next(*columns: Any) -> Select[Any]:
    here, event = aliased(EventChapter), bindparam("event", type_=Uuid())
    chapters = select(here.site_id).where(here.event_id == event, here.gone_at.is_(None))
    after = bindparam("after", type_=Event.starts_at.type)
    return (
        select(*columns)
        .select_from(Event)
        .join(EventChapter, EventChapter.event_id == Event.id)
        .join(Action, Action.id == Event.action_id)
        .outerjoin(Site, Site.id == Event.site_id)
        .where(EventChapter.site_id.in_(chapters), EventChapter.gone_at.is_(None))
        .where(Event.state == EventState.PLANNED, Event.starts_at > after, ~Action.drill)
        .order_by(Event.starts_at)
        .limit(1)
    )


_NEXT_IN_WORDS = CachedStatement(
    lambda: _next(
        Action.name, Event.starts_at, Event.ends_at, Event.tz, func.coalesce(Site.name, Event.venue)
    )
)


def undo_last_of_phone(event: CachedEvent, cookie: str, *, now: datetime) -> None:
    """Take back the last check-in made on this phone at this event, if it is minutes old, matched or not.
    Repeated, it takes back no earlier one."""
    _take_back_the_last(event, Evidence.device_hmac == device_mark(event.id, cookie), now)


def undo_last_of_link(event: CachedEvent, member_id: uuid.UUID, *, now: datetime) -> None:
    """Take back the last check-in made by a member's own link, on whatever phone, if it is minutes old."""
    _take_back_the_last(event, and_(Evidence.member_id == member_id, Evidence.method == Method.LINK), now)


def links_taken_back(event_id: uuid.UUID, member_id: uuid.UUID) -> int:
    """The number of check-ins by a member's own link that were taken back at the event."""
    conditions = (
        Evidence.event_id == event_id,
        Evidence.member_id == member_id,
        Evidence.method == Method.LINK,
    )
    return db.session.scalar(select(func.count()).select_from(Void).join(Evidence).where(*conditions)) or 0


def _take_back_the_last(event: CachedEvent, condition: ColumnElement[bool], now: datetime) -> None:
    """Void it with its repeats, so that the first of two taps does not count after all."""
    recent = (
        select(Evidence, Void.evidence_id.label("taken_back"))
        .outerjoin(Void)
        .where(Evidence.event_id == event.id, condition, Evidence.recorded_at > now - SLIP)
        .order_by(Evidence.recorded_at.desc(), Evidence.id.desc())
    )
    with atomic() as session:
        rows = session.execute(recent).all()
        if not rows or rows[0].taken_back:
            return
        last = rows[0].Evidence
        same = [one.id for one, taken_back in rows if not taken_back and _is_same_check_in(one, last)]
        take_back_own(event.id, same, now=now)


def _is_same_check_in(one: Evidence, last: Evidence) -> bool:
    """Whether the same was typed; their phone and their member number are two check-ins, like anybody's."""
    return one.body_hash == last.body_hash
