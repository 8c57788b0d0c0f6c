"""Numbers somebody counted at a line: heads, and supporters without names."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import select

from mobilize.actions.models import Event
from mobilize.checkins.decision import shift_at
from mobilize.checkins.models import HeadCount, Supporters
from mobilize.database import atomic, insert, new_id
from mobilize.errors import Refused
from mobilize.languages import _

# The largest rally of the largest local; more is a slip of the finger.
MOST_AT_A_LINE = 20_000


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
) -> None:
    """A number somebody counted at the line. The same nonce and number again changes nothing. One that does
    not count is kept as taken back.

    Raises `Refused` for a number nobody can have counted, and for the same nonce with another number.
    """
    _refuse_absurd(n, 0)
    with atomic() as session:
        row = {"shift_id": shift_at(session, event.id, counted_at), "n": n, "counted_at": counted_at}
        row |= {"via": via, "by": by, "gate_id": gate_id, "voided_at": None if counts else now}
        _store_once(HeadCount, HeadCount.n, n, row | _common(event.id, nonce, now))


def add_supporters(
    event_id: uuid.UUID,
    delta: int,
    *,
    nonce: bytes,
    happened_at: datetime,
    by: str,
    now: datetime,
    counts: bool = True,
) -> None:
    """Parents and community came or, below zero, were counted too many. The same nonce again changes nothing.
    What does not count is kept as taken back, for a person.

    Raises `Refused` for an absurd number, and for the same nonce with another number.
    """
    _refuse_absurd(delta, -MOST_AT_A_LINE)
    row = {"delta": delta, "happened_at": happened_at, "by": by, "voided_at": None if counts else now}
    _store_once(Supporters, Supporters.delta, delta, row | _common(event_id, nonce, now))


def _refuse_absurd(n: int, least: int) -> None:
    if not least <= n <= MOST_AT_A_LINE:
        raise Refused("bad_count", _("A head count is a number from 0 to %(most)s.", most=MOST_AT_A_LINE))


def _common(event_id: uuid.UUID, nonce: bytes, now: datetime) -> dict[str, Any]:
    return {"id": new_id(), "event_id": event_id, "nonce": nonce, "recorded_at": now}


def _store_once(table: Any, column: Any, number: int, row: dict[str, Any]) -> None:
    with atomic() as session:
        session.execute(insert(table).values(row).on_conflict_do_nothing())
        there = session.scalar(
            select(column).where(table.event_id == row["event_id"], table.nonce == row["nonce"])
        )
        if there != number:
            raise Refused(
                "nonce_reused", _("This check-in was already used for something else. Load the page again.")
            )
