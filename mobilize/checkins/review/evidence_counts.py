"""Counts of an action's evidence: by method, unmatched, taken back, and flags for people to look at.

For reports and challenge packs; nothing here opens a name or a number.
"""

import uuid
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from mobilize.checkins.models import (
    Attendance,
    CheckInKind,
    Evidence,
    Match,
    Method,
    Outcome,
    Resolution,
    Tier,
    Void,
)
from mobilize.database import db

# Flags are for people to look at, and block nothing.
MOST_OF_ONE_DEVICE = 3
TWO_PLACES_WITHIN = timedelta(minutes=10)
BURST = 12
_NOBODY = (Outcome.WALKUP, Outcome.AMBIGUOUS)


@dataclass(frozen=True, slots=True)
class Flags:
    """`busy_devices`: phones that checked in more than three members at one line, and readings of its
    rotating code that did so on several phones. `two_places`: members seen at two lines within ten minutes.
    `bursts`: lines with twelve check-ins or more within one minute that nobody ticked."""

    busy_devices: int
    two_places: int
    bursts: int


def by_method(events: Collection[uuid.UUID]) -> dict[Method, int]:
    """Pieces of evidence that stand behind attendance, in the order of `Method`. A member who was counted in
    two ways stands in two of these."""
    counting = Evidence.outcome.in_([Outcome.COUNTED, Outcome.REPEAT]) & Match.verdict.is_(None)
    matched = Match.verdict == Resolution.COUNTS
    rows = db.session.execute(
        _valid_evidence(Evidence.method, func.count())
        .where(Evidence.event_id.in_(events), counting | matched, Evidence.kind == CheckInKind.HERE)
        .group_by(Evidence.method)
    )
    counts: dict[Method, int] = dict(rows.all())
    return {method: counts[method] for method in Method if method in counts}


def unmatched_by_event(events: Collection[uuid.UUID]) -> dict[uuid.UUID, int]:
    """The number of check-ins that matched nobody or several, each number or name once, by line.

    Of a forgotten action this is no longer known: whom somebody was matched with is gone as well.
    """
    each = func.count(func.coalesce(Evidence.walkup_id, Evidence.id).distinct())
    rows = db.session.execute(
        _valid_evidence(Evidence.event_id, each)
        .where(Evidence.event_id.in_(events), Evidence.outcome.in_(_NOBODY), _undecided())
        .group_by(Evidence.event_id)
    )
    return dict(rows.all())


def left_out(events: Collection[uuid.UUID]) -> dict[Outcome, int]:
    """Pieces of evidence that counted for nobody and wait for a person, by outcome."""
    waiting = Evidence.outcome.in_([*_NOBODY, Outcome.OUTSIDE_HOURS, Outcome.UNRESOLVED]), _undecided()
    rows = _valid_evidence(Evidence.outcome, func.count()).where(Evidence.event_id.in_(events), *waiting)
    return dict(db.session.execute(rows.group_by(Evidence.outcome)).all())


def taken_back(events: Collection[uuid.UUID]) -> int:
    """Pieces of evidence a person took back."""
    rows = select(func.count()).select_from(Void).join(Evidence, Evidence.id == Void.evidence_id)
    return db.session.scalar(rows.where(Evidence.event_id.in_(events))) or 0


def flags_of(events: Collection[uuid.UUID]) -> Flags:
    """The flags a person should look at before they pass the figures on; none of a forgotten action."""
    shared = func.count(Evidence.device_hmac.distinct()) > 1
    busy = _busy(events, Evidence.device_hmac) + _busy(events, Evidence.ticket_hmac, shared)
    return Flags(busy, _at_two_places(events), _bursts(events))


def _busy(events: Collection[uuid.UUID], mark: Any, *but: Any) -> int:
    """The number of phones or tickets that checked in more members at one line than one should."""
    marks = (
        _valid_evidence(Evidence.event_id)
        .where(Evidence.event_id.in_(events), mark.is_not(None))
        # What counts nobody, as all that comes months later, is no flag either.
        .where(Evidence.outcome.in_([Outcome.COUNTED, Outcome.REPEAT]))
        .group_by(Evidence.event_id, mark)
        .having(func.count(Evidence.member_id.distinct()) > MOST_OF_ONE_DEVICE, *but)
    )
    return db.session.scalar(select(func.count()).select_from(marks.subquery())) or 0


def _valid_evidence(*columns: Any) -> Any:
    """Evidence that was not taken back, with its match if there is one."""
    return (
        select(*columns)
        .select_from(Evidence)
        .outerjoin(Void, Void.evidence_id == Evidence.id)
        .outerjoin(Match, Match.evidence_id == Evidence.id)
        .where(Void.evidence_id.is_(None))
    )


def _undecided() -> Any:
    """The condition that no person has decided yet."""
    return Match.verdict.is_(None) | (Match.verdict == Resolution.OPEN)


def _at_two_places(events: Collection[uuid.UUID]) -> int:
    conditions = Attendance.event_id.in_(events), Attendance.member_id.is_not(None)
    several = (
        select(Attendance.member_id)
        .where(*conditions)
        .group_by(Attendance.member_id)
        .having(func.count(Attendance.event_id.distinct()) > 1)
    )
    rows = db.session.execute(
        select(Attendance.member_id, Attendance.event_id, Attendance.first_at)
        .where(*conditions, Attendance.member_id.in_(several))
        .order_by(Attendance.member_id, Attendance.first_at)
    ).all()
    pairs = zip(rows, rows[1:], strict=False)
    return len({a.member_id for a, b in pairs if _is_too_quick(a, b)})


def _is_too_quick(a: Any, b: Any) -> bool:
    same = a.member_id == b.member_id and a.event_id != b.event_id
    return same and b.first_at - a.first_at < TWO_PLACES_WITHIN


def _bursts(events: Collection[uuid.UUID]) -> int:
    rows = db.session.execute(
        _valid_evidence(Evidence.event_id, Evidence.happened_at).where(
            Evidence.event_id.in_(events),
            # By one reading of the rotating code after the other as well: a script at home can read it.
            (Evidence.tier == Tier.SELF) | Evidence.ticket_hmac.is_not(None),
            Evidence.outcome == Outcome.COUNTED,
            Evidence.device_hmac.is_not(None),
        )
    )
    minutes = Counter((event_id, _minute(at)) for event_id, at in rows)
    return len({event_id for (event_id, _at), count in minutes.items() if count >= BURST})


def _minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)
