"""Head counts and supporters: storing them, and the total of a line from counts per gate or whole line."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, exists, func, select

from mobilize.actions.models import Action, ActionKind, Event, EventState
from mobilize.actions.queries import chapters_of
from mobilize.checkins.models import HeadCount, Supporters
from mobilize.checkins.record.lookup import shift_at
from mobilize.database import atomic, db, insert, new_id
from mobilize.errors import Refused
from mobilize.fast.versions import mark_changed
from mobilize.languages import _
from mobilize.roster.models import Member, Membership, MemberStatus


@dataclass(frozen=True, slots=True)
class HeadCountReading:
    """One head count that was not taken back. Without a gate it is of the whole line."""

    event_id: UUID
    shift_id: UUID
    gate_id: UUID | None
    n: int
    counted_at: datetime


@dataclass(slots=True)
class LineCount:
    """The count of a line: `n` by the latest counts, `peak` the most at any time; `at` is the latest
    count."""

    n: int
    peak: int
    at: datetime


@dataclass(slots=True)
class _Shift:
    gates: dict[UUID, int] = field(default_factory=dict)
    n: int = 0
    peak: int = 0

    def take(self, reading: HeadCountReading) -> None:
        """A count of the whole line and the sum of its gates measure the same: the later one stands."""
        if reading.gate_id is None:
            self.n = reading.n
        else:
            self.gates[reading.gate_id] = reading.n
            self.n = sum(self.gates.values())
        self.peak = max(self.peak, self.n)


# No line is open for longer; asked for by its start, of which there is an index.
_LONGEST_LINE = timedelta(days=1)


def open_and_silent(now: datetime) -> tuple[int, int]:
    """(the sites whose line is open now, those of them that sent no head count yet), drills left out."""
    no_count = ~exists().where(HeadCount.event_id == Event.id, HeadCount.voided_at.is_(None))
    rows = db.session.execute(
        select(func.count(), func.count().filter(no_count))
        .select_from(Event)
        .join(Action, Action.id == Event.action_id)
        .where(Event.starts_at.between(now - _LONGEST_LINE, now), Event.ends_at > now)
        .where(Event.state == EventState.PLANNED, Event.site_id.is_not(None))
        .where(Action.kind.in_([ActionKind.PICKET, ActionKind.STRIKE]), Action.drill.is_(False))
    )
    open_now, silent = rows.one()
    return open_now, silent


def by_event(readings: Iterable[HeadCountReading]) -> dict[UUID, LineCount]:
    """The count of each line: the last count per gate, summed over its gates.

    `readings` come in the order they were counted in. Of an event with several shifts the fullest one stands:
    who stays for two is one person. An event without readings is not in the answer.
    """
    shifts: dict[tuple[UUID, UUID], _Shift] = {}
    latest: dict[UUID, datetime] = {}
    for reading in readings:
        shifts.setdefault((reading.event_id, reading.shift_id), _Shift()).take(reading)
        latest[reading.event_id] = reading.counted_at
    totals: dict[UUID, LineCount] = {}
    for (event_id, _shift_id), shift in shifts.items():
        held = totals.setdefault(event_id, LineCount(shift.n, shift.peak, latest[event_id]))
        held.n, held.peak = max(held.n, shift.n), max(held.peak, shift.peak)
    return totals


# The largest rally of the largest local; more is a slip of the finger.
MOST_AT_A_LINE = 20_000
# A site's members bring families and neighbours: beyond ten for each of them (a small chapter: beyond 200),
# and at any site beyond 2,000, it is asked whether a number is right; at a rally beyond its chapters' people.
PER_MEMBER, SMALL_SITE, LARGE_SITE = 10, 200, 2_000


def report_head_count(
    event: Event,
    n: int,
    *,
    counted_at: datetime,
    nonce: bytes,
    via: str,
    by: str,
    now: datetime,
    counts: bool = True,
    gate_id: uuid.UUID | None = None,
    sure: bool = False,
) -> bool:
    """Store a head count of a line. The same nonce and number again changes nothing. One that does
    not count is kept as taken back, for a person. Returns whether it counted when it first came.

    Raises `Refused` for a number nobody can have counted, and for the same nonce with another number; and
    "count_unusual", unless whoever counted was asked and is `sure`, for one above `usual_up_to()`.
    """
    _refuse_absurd(n, 0)
    _refuse_unusual(event, n, sure)
    with atomic() as session:
        row = {"shift_id": shift_at(session, event.id, counted_at), "n": n, "counted_at": counted_at}
        row |= {"via": via, "by": by, "gate_id": gate_id, "voided_at": None if counts else now}
        return _store_once(HeadCount, HeadCount.n, n, row | _common(event.id, nonce, now))


def add_supporters(
    event: Event,
    delta: int,
    *,
    nonce: bytes,
    happened_at: datetime,
    by: str,
    now: datetime,
    counts: bool = True,
    sure: bool = False,
) -> bool:
    """Store supporters who came or, below zero, were counted too many. The same nonce again changes nothing.
    What does not count is kept as taken back, for a person. Returns as `report_head_count()` does.

    Raises `Refused` as `report_head_count()` does.
    """
    _refuse_absurd(delta, -MOST_AT_A_LINE)
    _refuse_unusual(event, abs(delta), sure)
    row = {"delta": delta, "happened_at": happened_at, "by": by, "voided_at": None if counts else now}
    return _store_once(Supporters, Supporters.delta, delta, row | _common(event.id, nonce, now))


def supporters_at(event_id: uuid.UUID) -> int:
    """The supporters reported at this event's line, all reports added up."""
    return db.session.scalar(supporters_reported(event_id)) or 0


def supporters_reported(event: Any) -> Select[Any]:
    """SELECT of the same; `event` may be a parameter."""
    conditions = Supporters.event_id == event, Supporters.voided_at.is_(None)
    return select(func.coalesce(func.sum(Supporters.delta), 0)).where(*conditions)


def usual_up_to(event: Event) -> int:
    """The largest number at this event's line about which nobody has to be asked."""
    members = db.session.scalar(
        select(func.count(Member.id.distinct()))
        .join(Membership, Membership.member_id == Member.id)
        .where(Membership.site_id.in_(chapters_of(event.id)), Membership.to_at.is_(None))
        .where(Member.gone_on.is_(None), Member.status == MemberStatus.ACTIVE)
    )
    if event.site_id is None:
        return max(LARGE_SITE, members or 0)
    return min(LARGE_SITE, max(SMALL_SITE, PER_MEMBER * (members or 0)))


def _refuse_unusual(event: Event, n: int, sure: bool) -> None:
    # No site is so small that fewer are asked about: most counts cost no look at the roster.
    if not sure and n > SMALL_SITE and n > usual_up_to(event):
        words = _("%(n)s is far more than we expect, and not counted yet. If it is right, say so.", n=n)
        raise Refused("count_unusual", words)


def _refuse_absurd(n: int, least: int) -> None:
    if not least <= n <= MOST_AT_A_LINE:
        raise Refused("bad_count", _("A head count is a number from 0 to %(most)s.", most=MOST_AT_A_LINE))


def _common(event_id: uuid.UUID, nonce: bytes, now: datetime) -> dict[str, Any]:
    return {"id": new_id(), "event_id": event_id, "nonce": nonce, "recorded_at": now}


def _store_once(table: Any, column: Any, number: int, row: dict[str, Any]) -> bool:
    """Whether it counted when it was stored, whatever a person has decided since."""
    with atomic() as session:
        session.execute(insert(table).values(row).on_conflict_do_nothing())
        mark_changed(row["event_id"])
        counted = and_(table.voided_at.is_(None), table.settled_at.is_(None))
        same = table.event_id == row["event_id"], table.nonce == row["nonce"]
        stored = session.execute(select(column, counted).where(*same)).one_or_none()
        if stored is None or stored[0] != number:
            raise Refused(
                "nonce_reused", _("This check-in was already used for something else. Load the page again.")
            )
        return bool(stored[1])
