"""Numbers somebody counted at a line: heads, and supporters without names."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, select

from mobilize.actions.models import Event
from mobilize.actions.queries import chapters_of
from mobilize.checkins.decision import shift_at
from mobilize.checkins.models import HeadCount, Supporters
from mobilize.database import atomic, db, insert, new_id
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.roster.models import Member, Membership, MemberStatus

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
    """A number somebody counted at the line. The same nonce and number again changes nothing. One that does
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
    """Parents and community came or, below zero, were counted too many. The same nonce again changes nothing.
    What does not count is kept as taken back, for a person. Returns as `report_head_count()` does.

    Raises `Refused` as `report_head_count()` does.
    """
    _refuse_absurd(delta, -MOST_AT_A_LINE)
    _refuse_unusual(event, abs(delta), sure)
    row = {"delta": delta, "happened_at": happened_at, "by": by, "voided_at": None if counts else now}
    return _store_once(Supporters, Supporters.delta, delta, row | _common(event.id, nonce, now))


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
        words = _(
            "%(n)s is far more than we expect, and not counted yet. If it is right, report it again.", n=n
        )
        raise Refused("count_unusual", words)


def _refuse_absurd(n: int, least: int) -> None:
    if not least <= n <= MOST_AT_A_LINE:
        raise Refused("bad_count", _("A head count is a number from 0 to %(most)s.", most=MOST_AT_A_LINE))


def _common(event_id: uuid.UUID, nonce: bytes, now: datetime) -> dict[str, Any]:
    return {"id": new_id(), "event_id": event_id, "nonce": nonce, "recorded_at": now}


def _store_once(table: Any, column: Any, number: int, row: dict[str, Any]) -> bool:
    """Whether it counted when it was stored, whatever a person has said of it since."""
    with atomic() as session:
        session.execute(insert(table).values(row).on_conflict_do_nothing())
        counted = and_(table.voided_at.is_(None), table.settled_at.is_(None))
        same = table.event_id == row["event_id"], table.nonce == row["nonce"]
        there = session.execute(select(column, counted).where(*same)).one_or_none()
        if there is None or there[0] != number:
            raise Refused(
                "nonce_reused", _("This check-in was already used for something else. Load the page again.")
            )
        return bool(there[1])
