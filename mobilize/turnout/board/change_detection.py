"""Change detection: cheap queries for whether an action's figures may have changed, and of which members."""

import time
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import bindparam, func, select

from mobilize.actions.models import Action, Event
from mobilize.checkins.models import Evidence, HeadCount, Match, Supporters, Void
from mobilize.database import db
from mobilize.database.replica import oldest_seconds
from mobilize.turnout.figures.counter import AttendanceKey
from mobilize.turnout.figures.queries import as_text, made_before

# Ids carry their time. One that was made by a slower transaction may appear behind a newer one, but not
# for longer than this (seconds): only a board whose newest row is older counts as quiet.
SETTLES_IN = 5.0


class Fingerprint(NamedTuple):
    """The newest evidence; how much was taken back, and when last; the counts of heads and supporters; and
    what may touch anybody's attendance: matches and the action's events."""

    evidence: UUID | None
    taken_back: tuple[int, datetime | None]
    counts: tuple[Any, ...]
    steady: tuple[Any, ...]

    @property
    def settled(self) -> bool:
        """The newest row, whose id says in its first 48 bits when it was made, is some seconds old, and so it
        was when a replica had it."""
        newest = [self.evidence, *self.counts[:2]]
        created = [sign.int >> 80 for sign in newest if sign]
        return not created or time.time() - max(created) / 1000 > SETTLES_IN + oldest_seconds()


def signs_of(action: Action) -> Fingerprint:
    """One statement, whose cost does not grow with the history."""
    row = db.session.execute(_SIGNS, {"of_action": action.id, "since": made_before(action)}).one()
    return Fingerprint(row[8], (row[6], row[7]), tuple(row[9:]), tuple(row[:6]))


def recent_evidence(action: Action, signs: Fingerprint) -> dict[str, AttendanceKey]:
    """Evidence behind the newest of these signs, or just before it: its id, and whose attendance it says."""
    behind = _before(signs.evidence) if signs.evidence else made_before(action)
    query = select(as_text(Evidence.id), *_key(Evidence.member_id))
    rows = db.session.execute(query.where(Evidence.member_id.is_not(None), Evidence.id > behind))
    return {row[0]: AttendanceKey(*row[1:]) for row in rows}


def taken_back_since(action: Action, signs: Fingerprint) -> set[AttendanceKey]:
    """The attendance from which something was taken back after these signs, or just before."""
    _count, last = signs.taken_back
    query = (
        select(*_key(func.coalesce(Match.member_id, Evidence.member_id)))
        .join(Void, Void.evidence_id == Evidence.id)
        .outerjoin(Match, Match.evidence_id == Evidence.id)
        .where(Void.evidence_id > made_before(action))
    )
    if last:
        query = query.where(Void.at >= last - timedelta(seconds=SETTLES_IN))
    return {AttendanceKey(*row) for row in db.session.execute(query) if row[0]}


def _key(member: Any) -> list[Any]:
    return [as_text(member), as_text(Evidence.event_id), as_text(Evidence.shift_id)]


def _of(key: Any, *figures: Any) -> list[Any]:
    behind = key > bindparam("since", type_=key.type)
    return [select(figure).select_from(key.table).where(behind).scalar_subquery() for figure in figures]


def _newest(table: Any) -> Any:
    return select(table.id).order_by(table.id.desc()).limit(1).scalar_subquery()


def _before(newest: UUID) -> UUID:
    return UUID(int=max((newest.int >> 80) - int(SETTLES_IN * 1000), 0) << 80)


# Written once: to put it together takes Python longer than PostgreSQL to answer it.
_SIGNS = select(
    func.count(),
    func.sum(Event.version),
    func.count(Event.frozen_at),
    func.count(Event.closed_at),
    *_of(Match.evidence_id, func.count(), func.max(Match.at)),
    *_of(Void.evidence_id, func.count(), func.max(Void.at)),
    _newest(Evidence),
    _newest(HeadCount),
    _newest(Supporters),
    *_of(HeadCount.id, func.count(HeadCount.voided_at)),
    *_of(Supporters.id, func.count(Supporters.voided_at)),
).where(Event.action_id == bindparam("of_action", type_=Event.action_id.type))
