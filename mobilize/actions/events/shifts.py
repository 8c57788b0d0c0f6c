"""The shifts of a strike day, and the gates of a site: what a check-in and a head count fall into."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from mobilize import audit, clock
from mobilize.actions.models import Event, EventState, Shift
from mobilize.actions.queries import EARLY
from mobilize.actions.time_ranges import LocalTimeRange
from mobilize.database import atomic
from mobilize.errors import Refused
from mobilize.languages import _, say_time
from mobilize.roster.models import Gate

MOST_SHIFTS, MOST_GATES = 6, 20
SHORTEST = timedelta(minutes=30)


@dataclass(frozen=True)
class ShiftTimes:
    """A shift on the clock of wherever it is. An end at or before the start is on the next day."""

    start: time
    end: time


def set_shifts(event: Event, times: Sequence[ShiftTimes], *, actor: str, now: datetime) -> bool:
    """Give an event these shifts, in their order; True when that changed anything.

    The first stays the first, whatever its times: what was counted in it stays there. Raises `Refused` when
    there is none, for times outside the event's, for shifts that overlap, and for fewer than there were once
    members may check in.
    """
    with atomic() as session:
        session.refresh(event, with_for_update={"of": Event})
        if event.state is not EventState.PLANNED:
            raise Refused("is_over", _("This event is closed or called off. Its shifts stay."), status=409)
        moments = _moments(event, times)
        before = [(shift.starts_at, shift.ends_at) for shift in event.shifts]
        if moments == before:
            return False
        if len(moments) < len(before) and now >= event.starts_at - EARLY:
            raise Refused(
                "begun", _("Members are already checking in: a shift can be moved, but not removed.")
            )
        _store(session, event, moments)
        audit.note(actor, "event.shifts", event.id, now=now)
    return True


def set_shifts_of_all(
    events: Iterable[Event], times: Sequence[ShiftTimes], *, actor: str, now: datetime
) -> int:
    """Give all of these events that are not over the same shifts; returns how many were changed. All or none:
    raises `Refused` as `set_shifts` does."""
    with atomic():
        return sum(
            set_shifts(event, times, actor=actor, now=now)
            for event in events
            if event.state is EventState.PLANNED and event.ends_at > now
        )


def set_shifts_and_gates(
    event: Event, times: Sequence[ShiftTimes], gates: Iterable[str], *, actor: str, now: datetime
) -> None:
    """Give an event its shifts, and its site its gates: both, or neither. Raises `Refused` as the two do."""
    with atomic():
        set_shifts(event, times, actor=actor, now=now)
        if event.site_id:
            name_gates(event.site_id, gates, actor=actor, now=now)


def name_gates(site_id: uuid.UUID, names: Iterable[str], *, actor: str, now: datetime) -> None:
    """Make these the gates of a site. Raises `Refused` for one that is left out though heads were counted
    there, and for more than `MOST_GATES`."""
    gate_names = list(dict.fromkeys(" ".join(name.split())[:80] for name in names if name.strip()))
    if len(gate_names) > MOST_GATES:
        raise Refused("too_many", _("At most %(most)s gates.", most=MOST_GATES))
    with atomic() as session:
        stored = dict(session.execute(select(Gate.name, Gate.id).where(Gate.site_id == site_id)).all())
        for name in stored.keys() - set(gate_names):
            _drop_gate(session, name, stored[name])
        session.add_all(Gate(site_id=site_id, name=name) for name in gate_names if name not in stored)
        if set(gate_names) != set(stored):
            audit.note(actor, "site.gates", site_id, now=now)


def local_shifts(event: Event) -> list[ShiftTimes]:
    """The shifts of an event on the clock of the place."""
    moments = [(clock.local(s.starts_at, event.tz), clock.local(s.ends_at, event.tz)) for s in event.shifts]
    return [ShiftTimes(start.time(), end.time()) for start, end in moments]


def read_shifts(written: Iterable[str]) -> list[ShiftTimes]:
    """Shifts from "06:00-10:00". Raises `Refused` for other text."""
    try:
        pairs = [one.split("-") for one in written]
        return [ShiftTimes(time.fromisoformat(start), time.fromisoformat(end)) for start, end in pairs]
    except ValueError:
        raise Refused("bad_time", _("Write each shift like 06:00-10:00.")) from None


def _moments(event: Event, times: Sequence[ShiftTimes]) -> list[tuple[datetime, datetime]]:
    if not 1 <= len(times) <= MOST_SHIFTS:
        raise Refused("no_shifts", _("Enter one to %(most)s shifts.", most=MOST_SHIFTS))
    opens = clock.local(event.starts_at, event.tz)
    moments = []
    for one in times:
        # On a day that goes past midnight, a shift that begins before the event's own hour is the next day's.
        day = opens.date() if one.start >= opens.time() else opens.date() + timedelta(days=1)
        moments.append(LocalTimeRange(day, one.start, one.end).moments(event.tz))
    _refuse_odd(event, moments)
    return moments


def _refuse_odd(event: Event, shifts: Sequence[tuple[datetime, datetime]]) -> None:
    if any(starts < event.starts_at or ends > event.ends_at for starts, ends in shifts):
        hours = {"start": say_time(event.starts_at, event.tz), "end": say_time(event.ends_at, event.tz)}
        raise Refused("outside", _("The event is from %(start)s to %(end)s. Change its time first.", **hours))
    if any(ends - starts < SHORTEST for starts, ends in shifts):
        raise Refused("too_short", _("A shift lasts half an hour or more."))
    if any(later[0] < earlier[1] for earlier, later in zip(shifts, shifts[1:], strict=False)):
        raise Refused("overlap", _("One shift follows the other, and none begins before the last has ended."))


def _store(session: Session, event: Event, moments: Sequence[tuple[datetime, datetime]]) -> None:
    existing = list(event.shifts)
    for shift, (starts_at, ends_at) in zip(existing, moments, strict=False):
        shift.starts_at, shift.ends_at = starts_at, ends_at
    for starts_at, ends_at in moments[len(existing) :]:
        session.add(Shift(event_id=event.id, starts_at=starts_at, ends_at=ends_at))
    gone = [shift.id for shift in existing[len(moments) :]]
    session.flush()
    if gone:
        session.execute(delete(Shift).where(Shift.id.in_(gone)))
    session.expire(event, ["shifts"])


def _drop_gate(session: Session, name: str, gate_id: uuid.UUID) -> None:
    try:
        with session.begin_nested():
            session.execute(delete(Gate).where(Gate.id == gate_id))
    except IntegrityError:
        message = _("People were already counted at “%(gate)s”: it stays.", gate=name)
        raise Refused("gate_in_use", message, status=409) from None
