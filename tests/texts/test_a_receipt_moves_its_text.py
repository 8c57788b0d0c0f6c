"""One receipt at a time: whose it is, what it changes, and what it leaves as it was. No carrier here."""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.event import listen, remove
from sqlalchemy.exc import StatementError

from mobilize.database import atomic, db, is_postgres, new_id
from mobilize.texts.models import Attempt, AttemptOutcome, OutboxText, Receipt, TextState
from mobilize.texts.receiving.receipts import note_receipt
from tests.texts.conftest import attempt, fresh

Queue = Callable[..., OutboxText]
pytestmark = pytest.mark.usefixtures("app")
SID, OTHER = "SM" + "a" * 32, "SM" + "b" * 32
MINUTE = timedelta(minutes=1)


@pytest.fixture
def text(app: Flask, queued: Queue) -> OutboxText:
    """A text that was claimed, and nothing came back yet."""
    return waiting(queued(), TextState.CLAIMED)


def waiting(text: OutboxText, state: TextState, **values: Any) -> OutboxText:
    """The text in this state, with one attempt under way."""
    with atomic():
        text.state, text.tries, text.claimed_by, text.claimed_until = state, 1, "a", text.due_at + MINUTE
    tried(text, **values)
    return text


def tried(text: OutboxText, n: int = 1, **values: Any) -> None:
    fields = {"outcome": AttemptOutcome.STARTED, "look_after": text.due_at, **values}
    with atomic() as session:
        session.add(Attempt(outbox_id=text.id, n=n, started_at=text.due_at, body_index=bytes(16), **fields))
        text.tries = n


def report(text: OutboxText, status: str, now: datetime, *, sid: str = SID, **values: Any) -> bool:
    return note_receipt(sid, status, **{"outbox_id": text.id, "error_code": None, "now": now, **values})


def receipts() -> list[Receipt]:
    db.session.rollback()
    return list(db.session.scalars(select(Receipt).order_by(Receipt.sid, Receipt.status)))


def test_a_receipt_is_stored_as_it_came_and_once(text: OutboxText, now: datetime) -> None:
    assert report(text, "failed", now, error_code=30007) is True
    assert report(text, "failed", now + MINUTE, error_code=30005) is False
    [stored] = receipts()
    assert (stored.sid, stored.status, stored.outbox_id) == (SID, "failed", text.id)
    assert (stored.error_code, stored.received_at) == (30007, now)
    assert fresh(text).error_code == 30007, "the repeat changed nothing"
    assert report(text, "delivered", now) is True and report(text, "delivered", now, sid=OTHER) is True


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("accepted", TextState.ACCEPTED),
        ("scheduled", TextState.ACCEPTED),
        ("queued", TextState.ACCEPTED),
        ("sending", TextState.ACCEPTED),
        ("sent", TextState.SENT),
        ("undelivered", TextState.FAILED),
        ("failed", TextState.FAILED),
        ("canceled", TextState.FAILED),
        ("delivered", TextState.DELIVERED),
        ("read", TextState.DELIVERED),
        ("teleported", TextState.CLAIMED),
    ],
)
def test_each_word_of_the_carriers_is_a_state(
    text: OutboxText, now: datetime, status: str, state: TextState
) -> None:
    assert report(text, status, now) is True
    assert fresh(text).state is state


def test_a_text_that_moves_is_nobodys_claim_any_more_and_settled_when_delivered(
    text: OutboxText, now: datetime
) -> None:
    report(text, "sent", now)
    moved = fresh(text)
    assert (moved.state, moved.claimed_by, moved.claimed_until) == (TextState.SENT, None, None)
    assert moved.settled_at is None
    with atomic():
        moved.error_code = 30003
    report(text, "delivered", now + MINUTE)
    moved = fresh(text)
    assert (moved.state, moved.settled_at, moved.error_code) == (TextState.DELIVERED, now + MINUTE, None)


ORDER = ["accepted", "sent", "failed", "delivered"]


@pytest.mark.parametrize(("first", "second"), list(permutations(ORDER, 2)))
def test_a_text_moves_forward_only(text: OutboxText, now: datetime, first: str, second: str) -> None:
    report(text, first, now, error_code=30007 if first == "failed" else None)
    report(text, second, now + MINUTE, error_code=30005 if second == "failed" else None)
    furthest = max(first, second, key=ORDER.index)
    row = fresh(text)
    assert row.state is TextState(furthest)
    codes = {"failed": 30007 if first == "failed" else 30005}
    assert row.error_code == codes.get(furthest)


def test_another_word_of_the_same_rank_has_no_further_consequences(text: OutboxText, now: datetime) -> None:
    report(text, "failed", now, error_code=30007)
    report(text, "undelivered", now + MINUTE, error_code=30003)
    row = fresh(text)
    assert (row.state, row.error_code, row.settled_at) == (TextState.FAILED, 30007, now)


def test_a_failure_without_a_code_is_one(text: OutboxText, now: datetime) -> None:
    report(text, "failed", now)
    assert (fresh(text).state, fresh(text).error_code) == (TextState.FAILED, 0)


@pytest.mark.parametrize("sid", [None, SID])
def test_a_repeat_leaves_a_text_that_waits_to_be_tried_again(
    queued: Queue, now: datetime, sid: str | None
) -> None:
    text = waiting(queued(), TextState.ACCEPTED, sid=sid)
    report(text, "sent", now)
    report(text, "undelivered", now, error_code=30003)
    assert report(text, "sent", now) is False
    assert fresh(text).state is TextState.WAITING


@pytest.mark.parametrize("sid", [None, SID])
def test_what_was_read_was_delivered_when_it_was_first_said(
    queued: Queue, now: datetime, sid: str | None
) -> None:
    text = waiting(queued(), TextState.SENT, sid=sid)
    report(text, "delivered", now)
    report(text, "read", now + MINUTE)
    assert (fresh(text).state, fresh(text).settled_at) == (TextState.DELIVERED, now)


@pytest.mark.parametrize("sid", [None, SID])
def test_a_success_is_stored_as_it_came(queued: Queue, now: datetime, sid: str | None) -> None:
    text = waiting(queued(), TextState.ACCEPTED, sid=sid)
    report(text, "sent", now, error_code=30007)
    [stored] = receipts()
    assert (stored.sid, stored.status, stored.outbox_id) == (SID, "sent", text.id)
    assert (stored.error_code, stored.received_at) == (30007, now)
    assert fresh(text).error_code is None


@pytest.mark.parametrize("sid", [None, SID])
@pytest.mark.parametrize("status", ["sent", "failed"])
def test_a_moment_without_a_zone_is_refused(
    queued: Queue, now: datetime, status: str, sid: str | None
) -> None:
    text = waiting(queued(), TextState.ACCEPTED, sid=sid)
    with pytest.raises(StatementError, match="a naive datetime cannot be stored"):
        report(text, status, now.replace(tzinfo=None))


@pytest.mark.parametrize("status", ["sent", "delivered"])
def test_on_postgresql_the_usual_receipt_is_one_statement(queued: Queue, now: datetime, status: str) -> None:
    text = waiting(queued(), TextState.ACCEPTED, sid=SID)
    run: list[str] = []
    note = lambda _connection, _cursor, statement, *_rest: run.append(statement)  # noqa: E731
    listen(db.engine, "before_cursor_execute", note)
    report(text, status, now)
    remove(db.engine, "before_cursor_execute", note)
    assert len(run) == 1 or not is_postgres()


# ---- Whose it is


def test_it_is_found_by_its_name_before_the_address(queued: Queue, text: OutboxText, now: datetime) -> None:
    named = waiting(queued(purpose="named"), TextState.UNKNOWN, sid=SID)
    report(text, "sent", now)
    assert (fresh(named).state, fresh(text).state) == (TextState.SENT, TextState.CLAIMED)
    assert attempt(text).sid is None and receipts()[0].outbox_id == named.id
    report(text, "delivered", now, outbox_id=None)
    assert fresh(named).state is TextState.DELIVERED


def test_one_that_fits_nothing_is_stored_and_moves_nothing(text: OutboxText, now: datetime) -> None:
    assert report(text, "sent", now, outbox_id=None) is True
    assert report(text, "sent", now, sid=OTHER, outbox_id=new_id()) is True
    assert [row.outbox_id for row in receipts()] == [None, None]
    assert fresh(text).state is TextState.CLAIMED and attempt(text).sid is None


@pytest.mark.parametrize("outcome", AttemptOutcome)
def test_only_an_attempt_whose_message_may_have_left_takes_its_name(
    text: OutboxText, now: datetime, outcome: AttemptOutcome
) -> None:
    with atomic():
        attempt(text).outcome = outcome
    report(text, "sent", now)
    is_in_doubt = outcome in {"unknown", "started", "not_found"}
    row = attempt(text)
    assert row.sid == (SID if is_in_doubt else None)
    assert fresh(text).state is (TextState.SENT if is_in_doubt else TextState.CLAIMED)
    if is_in_doubt:
        assert (row.outcome, row.look_after, row.ended_at) == (AttemptOutcome.ADOPTED, None, now)
    else:
        assert (row.outcome, row.look_after, row.ended_at) == (outcome, text.due_at, None)


def test_a_receipt_of_an_older_attempt_is_stored_and_moves_nothing(text: OutboxText, now: datetime) -> None:
    with atomic():
        attempt(text).sid = SID
    tried(text, 2)
    assert report(text, "sent", now) is True
    assert fresh(text).state is TextState.CLAIMED and receipts()[0].outbox_id == text.id


def test_a_named_attempt_stays_as_it_is(queued: Queue, now: datetime) -> None:
    named = waiting(queued(), TextState.ACCEPTED, sid=SID, outcome=AttemptOutcome.ACCEPTED)
    report(named, "delivered", now)
    assert (attempt(named).outcome, attempt(named).look_after) == (AttemptOutcome.ACCEPTED, named.due_at)
    assert report(named, "sent", now, sid=OTHER) and attempt(named).sid == SID


@pytest.mark.parametrize(
    ("first", "second", "named", "n"),
    [
        ("unknown", "started", None, 1),
        ("started", "unknown", None, 2),
        ("not_found", "started", None, 2),
        ("unknown", "not_found", None, 1),
        ("unknown", "unknown", None, 1),
        ("unknown", "started", 2, 2),
        ("started", "unknown", 1, 1),
    ],
)
def test_of_several_it_is_the_likeliest_or_the_one_the_address_names(
    text: OutboxText, now: datetime, first: str, second: str, named: int | None, n: int
) -> None:
    tried(text, 2, outcome=AttemptOutcome(second))
    with atomic():
        attempt(text).outcome = AttemptOutcome(first)
    report(text, "sent", now, n=named)
    assert {attempt(text, one).sid for one in (1, 2)} == {SID, None} and attempt(text, n).sid == SID
    assert fresh(text).state is (TextState.SENT if n == 2 else TextState.CLAIMED), (
        "an older one moves nothing"
    )


def test_one_found_late_after_another_left_is_marked_as_that(text: OutboxText, now: datetime) -> None:
    with atomic():
        attempt(text).outcome = AttemptOutcome.NOT_FOUND
    tried(text, 2)
    report(text, "delivered", now, n=1)
    assert (attempt(text, 1).outcome, attempt(text, 2).outcome) == (
        AttemptOutcome.LATE,
        AttemptOutcome.STARTED,
    )
    assert fresh(text).state is TextState.CLAIMED
    report(text, "sent", now, sid=OTHER, n=2)
    assert attempt(text, 2).outcome is AttemptOutcome.ADOPTED and fresh(text).state is TextState.SENT


def test_an_older_attempt_in_doubt_is_adopted_and_not_late(text: OutboxText, now: datetime) -> None:
    with atomic():
        attempt(text).outcome = AttemptOutcome.UNKNOWN
    tried(text, 2)
    report(text, "sent", now, n=1)
    assert attempt(text, 1).outcome is AttemptOutcome.ADOPTED and fresh(text).state is TextState.CLAIMED


def test_an_address_that_names_no_attempt_of_the_text_names_none(text: OutboxText, now: datetime) -> None:
    assert report(text, "sent", now, n=7) is True
    assert attempt(text).sid is None and fresh(text).state is TextState.CLAIMED
    assert receipts()[0].outbox_id == text.id


def test_a_phone_that_was_off_is_tried_again_an_hour_after_the_receipt(
    text: OutboxText, now: datetime
) -> None:
    report(text, "undelivered", now + MINUTE, error_code=30003)
    row = fresh(text)
    assert (row.state, row.next_try_at) == (TextState.WAITING, now + 61 * MINUTE)
