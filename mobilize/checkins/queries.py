"""What can be asked about a line while it stands."""

import time
import uuid
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, false, func, or_, select

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
)
from mobilize.checkins.strength import ATTENDS
from mobilize.database import db
from mobilize.roster.models import Member, Membership
from mobilize.roster.names import PersonName, fold
from mobilize.tokens import hash_token

# A receipt says a head count that is at most this old: one look for everybody who asks in that time.
COUNT_KEPT_SECONDS = 30
COUNTS_KEPT = 5000
# A campus of several schools shares a line; the chapters of a rally do not fit on one list.
CHAPTERS_ON_A_LIST = 8

# What makes a line's number of others one more. A member's counts or is kept, a stranger's is a walk-up.
_ONE_MORE = (*ATTENDS, Outcome.WALKUP, Outcome.AMBIGUOUS, Outcome.UNRESOLVED)

_last_counts: dict[uuid.UUID, tuple[float, "LastCount | None"]] = {}


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
    """The numbers of a line, never mixed; None means nobody has reported.

    `named`: members of the line's list who are in, each once. `others`: check-ins here of everybody else,
    each time one is sent. Whether one of those is a member, and was here before, moves nothing.
    """

    named: int
    others: int
    head_count: int | None
    head_count_at: datetime | None
    supporters: int


@dataclass(frozen=True)
class LastCount:
    """So many people stood on a line, as somebody counted at that time."""

    n: int
    at: datetime


def line_figures(event_id: uuid.UUID, here: Mapping[uuid.UUID, Here] | None = None) -> LineFigures:
    """What stands at one line now. `here` is `who_is_in()` of it, for whoever has asked that already."""
    named = len(who_is_in(event_id) if here is None else here)
    standing = Supporters.event_id == event_id, Supporters.voided_at.is_(None)
    cheers = db.session.scalar(select(func.sum(Supporters.delta)).where(*standing))
    count, at = head_count(event_id)
    return LineFigures(named, _others(event_id), count, at, max(cheers or 0, 0))


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


def last_count(event_id: uuid.UUID) -> LastCount | None:
    """The head count of a line for whoever holds its code, up to 30 s old; None while nobody was counted.

    No check-in moves it: whoever types somebody's number learns nothing by looking again.
    """
    looked, counted = _last_counts.get(event_id, (float("-inf"), None))
    if time.monotonic() - looked > COUNT_KEPT_SECONDS:
        n, at = head_count(event_id)
        counted = LastCount(n, at) if n and at else None
        if len(_last_counts) >= COUNTS_KEPT:
            _last_counts.clear()
        _last_counts[event_id] = time.monotonic(), counted
    return counted


def the_list(event_id: uuid.UUID) -> list[OnTheList] | None:
    """The members of the event's chapters, home and second, as they are called, with what is known of each.

    None where too many chapters stand together for one list, and at a rally: anybody's phone is at its gates.
    The caller has a grant for this event; phones and numbers are not in it.
    """
    if not has_list(event_id):
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
    """Who of the list is in. Of everybody else on this line its phones learn one number: `line_figures`."""
    ticked = set(db.session.scalars(_standing_ticks(event_id).with_only_columns(Evidence.member_id)))
    rows = db.session.execute(
        select(Attendance.member_id, Attendance.first_at, Attendance.out_at, Attendance.duty)
        .where(Attendance.event_id == event_id, Attendance.member_id.in_(_list_of(event_id)))
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
    """Those of `members` on this line's list: they belong, by home or second site, to its chapters."""
    return set(db.session.scalars(_list_of(event_id).where(Member.id.in_(members)))) if members else set()


def standing_ticks(event_id: uuid.UUID, members: Collection[uuid.UUID]) -> Sequence[Any]:
    """The ticks (id, member_id) of these members at an event that were not taken back."""
    theirs = _standing_ticks(event_id).where(Evidence.member_id.in_(members))
    return db.session.execute(theirs.add_columns(Evidence.member_id)).all()


def known_phone(token: str | None) -> KnownPhone | None:
    """The phone with this cookie, and in `said` what was last typed on it; None for one we do not know."""
    if not token:
        return None
    return db.session.scalar(select(KnownPhone).where(KnownPhone.token_hash == hash_token(token)))


def device_mark(event_id: uuid.UUID, token: str) -> bytes:
    """A mark of a phone's token, or of a ticket, that is the same only within one event: phones cannot be
    followed."""
    return crypto.blind_index(f"device/{event_id}", token)


def _is_rally(event_id: uuid.UUID) -> bool:
    """It has a venue instead of a site."""
    return (
        db.session.scalar(select(Event.id).where(Event.id == event_id, Event.site_id.is_(None))) is not None
    )


def _others(event_id: uuid.UUID) -> int:
    """Standing check-ins that are not those of a name on the list: of strangers, of members of other
    chapters, of a number that several share, and what waits for a person.

    Pieces of evidence and not people: a second one of the same member must not be told from a stranger's.
    """
    listed = _list_of(event_id)
    counts = and_(Evidence.outcome.in_(ATTENDS), Match.verdict.is_(None), Evidence.member_id.in_(listed))
    matched = and_(Match.verdict == Verdict.COUNTS, Match.member_id.in_(listed))
    found = (
        select(func.count())
        .select_from(Evidence)
        .outerjoin(Void, Void.evidence_id == Evidence.id)
        .outerjoin(Match, Match.evidence_id == Evidence.id)
        .where(Evidence.event_id == event_id, Evidence.says == Says.HERE, Void.evidence_id.is_(None))
        .where(Evidence.outcome.in_(_ONE_MORE), func.coalesce(Match.verdict, "") != Verdict.NOT_OURS.value)
        .where(~func.coalesce(counts, false()), ~func.coalesce(matched, false()))
    )
    return db.session.scalar(found) or 0


def has_list(event_id: uuid.UUID) -> bool:
    """Do this line's phones show names? Not at a rally, since anybody's phone is at its gates, nor where too
    many chapters stand together."""
    return not _is_rally(event_id) and len(chapters_of(event_id)) <= CHAPTERS_ON_A_LIST


def _list_of(event_id: uuid.UUID) -> Select[Any]:
    """The members whose names the line's phones show; nobody where they show none."""
    listed = _listed(event_id)
    return listed if has_list(event_id) else listed.where(false())


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
        .where(Evidence.event_id == event_id, Evidence.method.in_((Method.TICK, Method.WALKIN)))
        .where(Evidence.outcome != Outcome.UNDONE, Evidence.says != Says.UNDO, Void.evidence_id.is_(None))
    )


def _tell_apart(names: dict[uuid.UUID, PersonName]) -> dict[uuid.UUID, str]:
    """ "Rosa M." where that is one person, "Rosa Méndez" where there are two."""
    alike = Counter(name.short for name in names.values())
    return {key: name.short if alike[name.short] == 1 else name.full for key, name in names.items()}
