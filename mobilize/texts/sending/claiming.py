"""The claim of a delivery: which due texts a worker may send now, and how fast.

Everything is decided in one transaction, committed before any call is made: the rows are this worker's, an
attempt is written down for each, the sender's tokens are spent, and the questions the texts ask are open.
"""

import json
import logging
import math
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Select,
    and_,
    exists,
    false,
    func,
    literal_column,
    or_,
    select,
    true,
    union_all,
    update,
)
from sqlalchemy.orm import Session, aliased

from mobilize import clock, failpoints, settings
from mobilize.backup import gaps
from mobilize.database import atomic, db, insert, is_postgres, new_id, seconds_of_database
from mobilize.keys.crypto import CannotOpen, blind_index
from mobilize.segments import segments as measured
from mobilize.texts.carriers import CARRIERS
from mobilize.texts.consent.suppressions import is_bad, is_confirmation, says_stop
from mobilize.texts.models import (
    Attempt,
    AttemptOutcome,
    OutboxText,
    Priority,
    Question,
    Sender,
    TextClass,
    TextState,
)
from mobilize.texts.sending import limits, senders, trial, unmatched
from mobilize.texts.sending.pauses import MAIN_SENDER, add_sender
from mobilize.texts.sending.senders import Route
from mobilize.texts.sending.spending import left_today, note_spent
from mobilize.texts.templates import FIRST_TEXT, BadWording, render

DEFAULT = senders.ALONE["twilio"]
CLAIM_LASTS = timedelta(seconds=failpoints.seconds(60))
# A text that is claimed is called out at once; one that had to wait this long in the process is handed back.
CALL_WITHIN_S = failpoints.seconds(20)
# Until PostgreSQL has statistics of a queue that was filled a moment ago, it would read and sort all of it
# each time, instead of the head of the index that is in this very order, and then a row for each of its ids.
# And a plan for the values at hand, not one that was kept from when the queue was empty.
_BY_INDEX = select(
    func.set_config("plan_cache_mode", "force_custom_plan", True),
    *(
        func.set_config(f"enable_{way}", "off", True)
        for way in ("seqscan", "bitmapscan", "sort", "hashjoin", "mergejoin")
    ),
)
ZONES_KEPT = timedelta(seconds=30)
_zones: list[tuple[datetime, list[str]]] = []
# How much of the queue is looked at for what may leave, in multiples of what is claimed, and of that before.
HEAD, MORE = 4, 8
_WAITING = OutboxText.state == literal_column("'waiting'")  # a literal, so that the partial index is used
# Asked once more of rows found by their ids, and so that the partial index is not read for it, all of it.
_STILL_WAITING = func.coalesce(OutboxText.state, "") == literal_column("'waiting'")

# SQL: what the text says, or asks for, is false by now. Passed in by the workers, since a room above knows.
IsMoot = Callable[[], ColumnElement[bool]]
never_moot: IsMoot = false

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ClaimedText:
    """One text this process may hand to this carrier, once, as attempt `n`. `plain`: the body as it is when
    it is not the first to its number."""

    id: uuid.UUID
    n: int
    to: str
    body: str
    segments: int
    validity_s: int
    expires_at: datetime
    carrier: str = DEFAULT.carrier
    number: str | None = None
    plain: str = ""


def claim(
    limit: int,
    *,
    by: str,
    now: datetime,
    zones: list[str] | None = None,
    route: Route = DEFAULT,
    unheld_only: bool = False,
    unheld_since: datetime | None = None,
    is_moot: IsMoot = never_moot,
    is_staff: trial.IsStaff = trial.nobody,
) -> list[ClaimedText]:
    """Up to `limit` due texts, most urgent first, marked as `by`'s and committed.

    Leaves out what is opted out (but for the confirmation of an opt-out), outside its window, useless by now,
    made false by what somebody did (`is_moot`), or more than the sender's tokens and its day allow. While the
    sender is paused, has no tokens or has used up its day, only what nothing holds is taken
    (`Priority.UNHELD`); after a restore, of that what is due and was queued since then (`unheld_since`).
    During a trial only texts to people with a role (`is_staff`), see `trial`. Two workers at
    once get different texts; what is not recorded within 60 s is swept up as unknown. `zones` is what
    `due_zones` said lately; texts of other zones that keep to hours stay for the next drain.
    """
    with atomic() as session:
        sender, ahead = _lock_sender(session, route.sender, now)
        if route.probes and not senders.may_probe(sender, now):
            return []
        tokens, conditions = _tokens(sender, route, now - ahead), _conditions(now, is_moot)
        if unheld_since is not None:
            conditions += (OutboxText.queued_at >= unheld_since, OutboxText.due_at >= unheld_since)
        may_spend = min(tokens, left_today(now))
        if not settings().is_live and trial.runs():
            more = trial.settle_due(session, is_staff, now)
            conditions = (*conditions, is_staff(OutboxText.phone_index, now))
            limit, may_spend = min(limit, more or limit), may_spend if more else 0
        if unheld_only or unheld_since or may_spend <= 0 or _is_paused(session, sender):
            limit = 1 if route.probes else limit
            rows = _due(session, limit, Priority.UNHELD, [], conditions, route, now)
        else:
            zones = due_zones(now) if zones is None else zones
            limit = 1 if route.probes else min(limit, math.ceil(may_spend))
            rows = _within(may_spend, _due(session, limit, Priority.ALL, zones, conditions, route, now))
        if not rows:
            return []
        ready = [claimed for row in rows if (claimed := opened(session, row, route.carrier, now))]
        _mark(session, ready, by, now)
        open_questions([question_of(row) for row in rows if row.asks and row.event_id], now=now)
        spent = sum(text.segments for text in ready)
        sender.tokens, sender.refilled_at = tokens - spent, now - ahead
        if route.probes:
            sender.rest_until = now + senders.REST
        unheld = {row.id for row in rows if row.is_unheld}
        apart = sum(text.segments for text in ready if text.id in unheld)
        note_spent(session, spent - apart, code_segments=apart, now=now)
        if gaps.any_since(now - unmatched.MESSAGES_KEPT):
            ready = unmatched.without_adopted(session, ready, {row.id: row for row in rows}, now=now)
        failpoints.reach("claiming")
        return ready


def due_zones(now: datetime, *, unheld_only: bool = False) -> list[str]:
    """The zones of all texts that are due: goes through every one of them, so once a drain is enough."""
    _go_by_index(db.session())
    due = _due_in(Priority.UNHELD if unheld_only else Priority.ALL, now)
    return list(db.session.scalars(select(OutboxText.tz).where(*due).distinct()))


def due_unheld(now: datetime) -> Select[Any]:
    """SELECT of the texts that are due and that nothing holds: codes, emergencies, confirmations."""
    return select(OutboxText.id).where(*_due_in(Priority.UNHELD, now), OutboxText.expires_at > now)


def due_texts(now: datetime) -> Select[Any]:
    """SELECT of the texts that are due, whose window is open, and which nobody holds. Those of a zone that
    nothing waited for a moment ago are among them, whatever its hour."""
    zones = _zones_lately(now)
    leaves = or_(may_leave(zones, now), OutboxText.tz.not_in(zones))
    return select(OutboxText.id).where(
        *_due_in(Priority.ALL, now), OutboxText.expires_at > now, leaves, limits.is_not_paused()
    )


def _zones_lately(now: datetime) -> list[str]:
    """The zones of all that waits, as they were within the last half minute: they are gone through for it."""
    if not _zones or not _zones[0][0] <= now < _zones[0][0] + ZONES_KEPT:
        waiting = select(OutboxText.tz).where(_WAITING).distinct()
        _zones[:] = [(now, sorted(db.session.scalars(waiting)))]
    return _zones[0][1]


def may_leave(zones: list[str], now: datetime) -> ColumnElement[bool]:
    """SQL: the text's window is open in its zone."""
    open_now = [
        and_(OutboxText.text_class == text_class, OutboxText.tz.in_(zones_open))
        for text_class in limits.WINDOWS
        if (zones_open := limits.open_zones(text_class, zones, now))
    ]
    return or_(OutboxText.text_class == TextClass.REQUESTED, OutboxText.urgent.is_(True), *open_now)


def open_questions(questions: list[tuple[bytes, str, uuid.UUID, datetime]], *, now: datetime) -> None:
    """Part of a claim: from now on a bare answer of a number means this question. Each is (phone index, kind,
    event, expiry); one that is open already is renewed."""
    if not questions:
        return
    rows = [
        {
            "id": new_id(),
            "phone_index": phone_index,
            "kind": kind,
            "event_id": event_id,
            "asked_at": now,
            "expires_at": expires_at,
        }
        for phone_index, kind, event_id, expires_at in dict.fromkeys(questions)
    ]
    with atomic() as session:
        table = Question.__table__
        new = insert(table)
        renewed = new.on_conflict_do_update(
            index_elements=["phone_index", "kind", "event_id"],
            set_={"asked_at": new.excluded.asked_at, "expires_at": new.excluded.expires_at},
        )
        # RETURNING makes one statement of many rows, instead of one each.
        session.execute(renewed.returning(table.c.id), rows)


def _lock_sender(session: Session, name: str, now: datetime) -> tuple[Sender, timedelta]:
    """The sender, and how far the clock of this host is ahead of the database's, by which all refill it."""
    query = select(Sender, seconds_of_database()).where(Sender.name == name).with_for_update(of=Sender)
    query, host = query.execution_options(populate_existing=True), clock.now().timestamp()
    row = session.execute(query).one_or_none()
    if row is None:
        add_sender(name, now=now)
        row = session.execute(query).one()
    return row[0], timedelta(seconds=host - float(row[1]))


def _is_paused(session: Session, sender: Sender) -> bool:
    if sender.paused_at is not None or sender.name == MAIN_SENDER:
        return sender.paused_at is not None
    return senders.everything_is_paused(session)


def _tokens(sender: Sender, route: Route, now: datetime) -> float:
    """The number of segments this sender may send, by the database's time. A second's worth is saved up at
    most."""
    carrier = CARRIERS[route.carrier]
    rate = carrier.segments_per_second()
    sender.rate, sender.carrier, sender.numbers = rate, carrier.NAME, ",".join(carrier.numbers())[:400]
    # Should the database's clock have been put back: it counts from here on.
    sender.refilled_at = min(sender.refilled_at, now)
    waited = (now - sender.refilled_at) / timedelta(seconds=1)
    return min(max(rate, 1.0), sender.tokens + waited * rate)


def _due(
    session: Session,
    limit: int,
    priorities: Sequence[int],
    zones: list[str],
    conditions: tuple[ColumnElement[bool], ...],
    route: Route,
    now: datetime,
) -> Sequence[Any]:
    """The most urgent that may leave now. Whether one may is asked of those at the head of the queue, and of
    more only where too few of these may: asked of 37,000 it takes a third of a second."""
    of_route = senders.leaves_by(route) if route.is_one_of_many else true()
    waiting = (OutboxText.expires_at > now, may_leave(zones, now), limits.is_not_paused(), of_route)
    in_order = (OutboxText.priority, OutboxText.next_try_at)
    _go_by_index(session)
    most = HEAD * limit
    while True:
        head = _head(priorities, waiting, most, now)
        chosen = select(*TO_SEND).where(_is_among(head), _STILL_WAITING, *conditions)
        chosen = chosen.order_by(*in_order).limit(limit)
        if is_postgres():
            chosen = chosen.with_for_update(skip_locked=True, of=OutboxText)
        rows = session.execute(chosen).all()
        if len(rows) == limit or _count(session, head) < most:
            return rows
        most *= MORE


def _head(
    priorities: Sequence[int], waiting: tuple[ColumnElement[bool], ...], most: int, now: datetime
) -> CTE:
    """SQL: the ids of the first `most` due texts of each priority.

    Each priority is a range of the index that ends now: what is not due yet is not read. Materialized, since
    PostgreSQL, where it has no statistics, would otherwise make it anew for each row it compares with it.
    """
    of_each = [
        select(OutboxText.id)
        .where(*_due_in([priority], now), *waiting)
        .order_by(OutboxText.next_try_at)
        .limit(most)
        .subquery()
        for priority in priorities
    ]
    return union_all(*(select(one.c.id) for one in of_each)).cte("head").prefix_with("MATERIALIZED")


def _is_among(head: CTE) -> ColumnElement[bool]:
    """SQL: by its id. As an array, which is looked up; a join might begin with the whole outbox."""
    ids = select(head.c.id).scalar_subquery()
    return OutboxText.id == func.any(func.array(ids)) if is_postgres() else OutboxText.id.in_(ids)


def _count(session: Session, head: CTE) -> int:
    return session.scalar(select(func.count()).select_from(head)) or 0


def _due_in(priorities: Sequence[int], now: datetime) -> tuple[ColumnElement[bool], ...]:
    """SQL: due, of one of these priorities; as the index `ix_outbox_due` is ordered."""
    return _WAITING, OutboxText.priority.in_(priorities), OutboxText.next_try_at <= now


def _go_by_index(session: Session) -> None:
    """Until the end of the transaction."""
    if is_postgres():
        session.execute(_BY_INDEX)


def _conditions(now: datetime, is_moot: IsMoot) -> tuple[ColumnElement[bool], ...]:
    """SQL: this number takes a text like this one now, and it is still true."""
    return (
        or_(~says_stop(OutboxText.phone_index), is_confirmation(now)),
        or_(OutboxText.text_class == TextClass.REQUESTED, ~is_bad(OutboxText.phone_index)),
        limits.under_cap(now),
        ~is_moot(),
    )


def _is_unheld() -> ColumnElement[bool]:
    """SQL: no pause of the sender holds it, nor the spending breaker."""
    return OutboxText.priority.in_(Priority.UNHELD)


def _is_first() -> ColumnElement[bool]:
    """SQL: nothing that was not asked for has ever been handed over for this number."""
    earlier = aliased(OutboxText)
    of_number = earlier.phone_index == OutboxText.phone_index, earlier.id != OutboxText.id
    texted = exists().where(*of_number, earlier.tries > 0, earlier.text_class != TextClass.REQUESTED)
    return and_(OutboxText.text_class != TextClass.REQUESTED, ~texted)


TO_SEND = (
    OutboxText.id,
    OutboxText.to_enc,
    OutboxText.blanks_enc,
    OutboxText.wording,
    OutboxText.language,
    OutboxText.text_class,
    OutboxText.urgent,
    OutboxText.tz,
    OutboxText.expires_at,
    OutboxText.segments,
    OutboxText.asks,
    OutboxText.asks_until,
    OutboxText.event_id,
    OutboxText.phone_index,
    OutboxText.tries,
    OutboxText.number,
    _is_unheld().label("is_unheld"),
    _is_first().label("is_first"),
)


def _within(tokens: float, rows: Sequence[Any]) -> list[Any]:
    """The rows the tokens reach for; the last may overdraw, which the next refill pays back."""
    taken = []
    for row in rows:
        if tokens <= 0:
            break
        taken.append(row)
        tokens -= row.segments
    return taken


def opened(session: Session, row: Any, carrier: str, now: datetime) -> ClaimedText | None:
    """The text in clear, ready to hand over; the first to a number says how to stop them. One that cannot be
    rendered is set aside for a person. `row` has the columns of `TO_SEND`."""
    try:
        plain = render(
            row.wording, row.language, json.loads(OutboxText.merge_fields.open(row.id, row.blanks_enc))
        )
        says_how = row.is_first and "STOP" not in plain
        body = render(FIRST_TEXT, row.language, {"body": plain}) if says_how else plain
        return ClaimedText(
            id=row.id,
            n=row.tries + 1,
            to=OutboxText.to.open(row.id, row.to_enc),
            body=body,
            segments=measured(body) if says_how else row.segments,
            validity_s=limits.validity_s(row.text_class, row.tz, row.expires_at, now, urgent=row.urgent),
            expires_at=row.expires_at,
            carrier=carrier,
            number=row.number,
            plain=plain,
        )
    except (BadWording, CannotOpen) as problem:
        _log.error("text %s cannot be rendered: %s", row.id, type(problem).__name__)
        reason = "bad_wording" if isinstance(problem, BadWording) else "cannot_open"
        session.execute(
            update(OutboxText)
            .where(OutboxText.id == row.id)
            .values(state=TextState.STUCK, reason=reason, settled_at=now)
        )
        return None


def _mark(session: Session, claimed: list[ClaimedText], by: str, now: datetime) -> None:
    if not claimed:
        return
    session.execute(
        # By their ids alone: they are locked and waiting, and asked for "waiting" as well, PostgreSQL without
        # statistics reads the whole queue for them (95 ms instead of 7, of 37,000).
        update(OutboxText)
        .where(OutboxText.id.in_([text.id for text in claimed]))
        .values(
            state=TextState.CLAIMED,
            claimed_by=by,
            claimed_until=now + CLAIM_LASTS,
            tries=OutboxText.tries + 1,
            reason=None,
            error_code=None,
        )
        .execution_options(synchronize_session=False)
    )
    attempts = Attempt.__table__
    session.execute(
        # RETURNING makes one statement of many rows, instead of one each.
        insert(attempts).returning(attempts.c.n),
        [
            {
                "outbox_id": text.id,
                "n": text.n,
                "started_at": now,
                "outcome": AttemptOutcome.STARTED,
                "carrier": text.carrier,
                "body_index": blind_index("body", text.body),
                "looks": 0,
                "blind_looks": 0,
            }
            for text in claimed
        ],
    )


def question_of(row: Any) -> tuple[bytes, str, uuid.UUID, datetime]:
    return row.phone_index, row.asks, row.event_id, row.asks_until or row.expires_at
