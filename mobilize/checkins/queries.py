"""What can be asked about a line while it stands."""

import time
import uuid
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, or_, select

from mobilize import crypto
from mobilize.actions.models import Event
from mobilize.actions.queries import chapters_of
from mobilize.checkins.head_counts import Reading, by_event
from mobilize.checkins.models import (
    Attendance,
    Duty,
    Evidence,
    HeadCount,
    KnownPhone,
    Match,
    Method,
    Outcome,
    Says,
    Supporters,
    Verdict,
    Void,
    Walkup,
)
from mobilize.database import db
from mobilize.roster.models import Member, Membership
from mobilize.roster.names import PersonName, fold
from mobilize.tokens import hash_token

SNAPSHOT_SECONDS = 30
# Outsiders see no named count under five: see "Who may see what" in the docs.
LEAST_SHOWN = 5
# A campus of several schools shares a line; the chapters of a rally do not fit on one list.
CHAPTERS_ON_A_LIST = 8

_snapshots: dict[uuid.UUID, tuple[float, int]] = {}


@dataclass(frozen=True)
class Here:
    """A member of the list who is in: since when, whether somebody on the line ticked her, since when she is
    gone again, and what she does if it was said."""

    first_at: datetime
    ticked: bool
    out_at: datetime | None = None
    duty: str | None = None

    @property
    def is_elsewhere(self) -> bool:
        """She is on duty, and not on the line."""
        return self.out_at is None and self.duty not in (None, Duty.PICKET)


@dataclass(frozen=True)
class OnTheList:
    """One member of the chapter as the line page shows her: `name` is short unless two would look alike.

    Nothing else of her name is in it: captains read this page's source too.
    """

    id: uuid.UUID
    name: str
    searched_in: str
    here: Here | None


@dataclass(frozen=True)
class LineFigures:
    """The three numbers of a line, never mixed; None means nobody has reported."""

    named: int
    walkups: int
    head_count: int | None
    head_count_at: datetime | None
    supporters: int


def line_figures(event_id: uuid.UUID) -> LineFigures:
    """What stands at one line now. `named` counts each member once, whatever her chapter."""
    standing = Supporters.event_id == event_id, Supporters.voided_at.is_(None)
    cheers = db.session.scalar(select(func.sum(Supporters.delta)).where(*standing))
    count, at = head_count(event_id)
    return LineFigures(*_by_name(event_id), count, at, max(cheers or 0, 0))


def head_count(event_id: uuid.UUID) -> tuple[int | None, datetime | None]:
    """What the head counts of a line come to, and when the latest was counted; (None, None) unreported."""
    columns = (
        HeadCount.event_id,
        HeadCount.shift_id,
        HeadCount.gate_id,
        HeadCount.n,
        HeadCount.counted_at,
    )
    rows = db.session.execute(
        select(*columns)
        .where(HeadCount.event_id == event_id, HeadCount.voided_at.is_(None))
        .order_by(HeadCount.counted_at, HeadCount.id)
    )
    counted = by_event(Reading(*row) for row in rows).get(event_id)
    return (counted.n, counted.at) if counted else (None, None)


def line_snapshot(event_id: uuid.UUID) -> int | None:
    """How many stand on this line, up to 30 s old: one number for everybody who asks in that time.

    Ask before the check-in is stored, so that a receipt cannot tell whether this very person was added.
    None while there are too few to say.
    """
    taken, count = _snapshots.get(event_id, (float("-inf"), 0))
    if time.monotonic() - taken > SNAPSHOT_SECONDS:
        taken, count = time.monotonic(), sum(_by_name(event_id)) + _kept_for_a_person(event_id)
        if len(_snapshots) > 5000:
            _snapshots.clear()
        _snapshots[event_id] = taken, count
    return count if count >= LEAST_SHOWN else None


def the_list(event_id: uuid.UUID) -> list[OnTheList] | None:
    """The members of the event's chapters, home and second, as they are called, with what is known of each.

    None where too many chapters stand together for one list, and at a rally: anybody's phone is at its gates.
    The caller has a grant for this event; phones and numbers are not in it.
    """
    if _is_rally(event_id) or len(chapters_of(event_id)) > CHAPTERS_ON_A_LIST:
        return None
    listed = _listed(event_id).add_columns(Member.name_enc).where(Member.name_enc.is_not(None))
    names = {row.id: PersonName.read(Member.name.open(*row)) for row in db.session.execute(listed)}
    here = who_is_in(event_id)
    people = [
        OnTheList(member, shown, fold(shown), here.get(member))
        for member, shown in _tell_apart(names).items()
    ]
    return sorted(people, key=lambda person: (fold(person.name.partition(" ")[0]), person.searched_in))


def who_is_in(event_id: uuid.UUID) -> dict[uuid.UUID, Here]:
    """Who of the list is in; members of other chapters on this line are in its figures only."""
    ticked = set(db.session.scalars(_standing_ticks(event_id).with_only_columns(Evidence.member_id)))
    rows = db.session.execute(
        select(Attendance.member_id, Attendance.first_at, Attendance.out_at, Attendance.duty)
        .where(Attendance.event_id == event_id, Attendance.member_id.in_(_listed(event_id)))
        .order_by(Attendance.first_at)
    )
    here: dict[uuid.UUID, Here] = {}
    for member, first_at, out_at, duty in rows:
        if member:  # in a later shift she is there since the first one, and does what was said last
            before = here.get(member, Here(first_at, member in ticked))
            here[member] = Here(before.first_at, before.ticked, out_at, duty)
    return here


def uncertain_times(event_id: uuid.UUID) -> int:
    """Members whose tap waits for a person, as nobody can tell when it was, and who are not in otherwise."""
    there = select(Attendance.member_id).where(
        Attendance.event_id == event_id, Attendance.member_id.is_not(None)
    )
    waits = (
        Evidence.event_id == event_id,
        Evidence.outcome == Outcome.UNRESOLVED,
        Evidence.time_uncertain,
        Evidence.member_id.not_in(there),
        Void.evidence_id.is_(None),
        or_(Match.verdict.is_(None), Match.verdict == Verdict.OPEN),
    )
    members = (
        select(func.count(Evidence.member_id.distinct()))
        .outerjoin(Void)
        .outerjoin(Match, Match.evidence_id == Evidence.id)
    )
    return db.session.scalar(members.where(*waits)) or 0


def listed_of(event_id: uuid.UUID, members: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """Those of `members` who belong, by home or second site, to a chapter of this event."""
    return set(db.session.scalars(_listed(event_id).where(Member.id.in_(members)))) if members else set()


def standing_ticks(event_id: uuid.UUID, member_id: uuid.UUID | None) -> Sequence[uuid.UUID]:
    """The ticks of a member at an event that were not taken back."""
    hers = _standing_ticks(event_id).where(Evidence.member_id == member_id)
    return db.session.scalars(hers).all()


def known_phone(token: str | None) -> KnownPhone | None:
    """The phone with this cookie, and in `said` what was last typed on it; None for one we do not know."""
    if not token:
        return None
    return db.session.scalar(select(KnownPhone).where(KnownPhone.token_hash == hash_token(token)))


def device_mark(event_id: uuid.UUID, token: str) -> bytes:
    """A mark of the phone that is the same only within one event, so that phones cannot be followed."""
    return crypto.blind_index(f"device/{event_id}", token)


def _is_rally(event_id: uuid.UUID) -> bool:
    """It has a venue instead of a site."""
    return (
        db.session.scalar(select(Event.id).where(Event.id == event_id, Event.site_id.is_(None))) is not None
    )


def _by_name(event_id: uuid.UUID) -> tuple[int, int]:
    """Members in, each once, and numbers that matched nobody."""
    members = func.count(Attendance.member_id.distinct())
    named = db.session.scalar(select(members).where(Attendance.event_id == event_id))
    open_ = Walkup.event_id == event_id, Walkup.settled_at.is_(None), Walkup.id.not_in(_not_here(event_id))
    walkups = db.session.scalar(select(func.count()).select_from(Walkup).where(*open_))
    return named or 0, walkups or 0


def _not_here(event_id: uuid.UUID) -> set[uuid.UUID | None]:
    """Walk-ups who took back that they were here, or only said that they leave. A member who did is counted
    no more either, and the figure on a receipt must not tell the two apart."""
    typed = select(Evidence.walkup_id).outerjoin(Void).where(Evidence.event_id == event_id)
    gone = or_(Void.evidence_id.is_not(None), Evidence.says != Says.HERE)
    maybe = set(db.session.scalars(typed.where(Evidence.walkup_id.is_not(None), gone)))
    if not maybe:
        return set()
    return maybe - set(db.session.scalars(typed.where(Evidence.walkup_id.in_(maybe), ~gone)))


def _kept_for_a_person(event_id: uuid.UUID) -> int:
    """Members whose check-in here waits for a person, as when the action keeps chapters apart: on a receipt
    they are one more, like everybody who typed a number."""
    here = select(Attendance.member_id).where(
        Attendance.event_id == event_id, Attendance.member_id.is_not(None)
    )
    waits = Evidence.outcome == Outcome.UNRESOLVED, Evidence.says == Says.HERE, Void.evidence_id.is_(None)
    members = select(func.count(Evidence.member_id.distinct())).outerjoin(Void)
    found = members.where(Evidence.event_id == event_id, *waits, Evidence.member_id.not_in(here))
    return db.session.scalar(found) or 0


def _listed(event_id: uuid.UUID) -> Select[Any]:
    belong = select(Membership.member_id).where(
        Membership.site_id.in_(chapters_of(event_id)), Membership.to_at.is_(None)
    )
    return select(Member.id).where(
        Member.id.in_(belong), Member.gone_on.is_(None), Member.erased_at.is_(None)
    )


def _standing_ticks(event_id: uuid.UUID) -> Select[Any]:
    return (
        select(Evidence.id)
        .outerjoin(Void)
        .where(Evidence.event_id == event_id, Evidence.method == Method.TICK)
        .where(Evidence.outcome != Outcome.UNDONE, Evidence.says != Says.UNDO, Void.evidence_id.is_(None))
    )


def _tell_apart(names: dict[uuid.UUID, PersonName]) -> dict[uuid.UUID, str]:
    """ "Rosa M." where that is one person, "Rosa Méndez" where there are two."""
    alike = Counter(name.short for name in names.values())
    return {key: name.short if alike[name.short] == 1 else name.full for key, name in names.items()}
