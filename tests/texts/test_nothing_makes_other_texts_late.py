"""What waits, what one number does, and whose clock is ahead make no other text late."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select, text, update

from mobilize import clock
from mobilize.database import atomic, db, is_postgres
from mobilize.demo.carrier.server import Carrier
from mobilize.texts.models import OutboxText, Priority, Sender, TextClass, TextState
from mobilize.texts.operations import PlannedText, queue_texts
from mobilize.texts.queries import paused_senders
from mobilize.texts.receiving.receipts import note_receipt
from mobilize.texts.sending.claiming import claim, due_zones
from mobilize.texts.sending.delivery import drain
from mobilize.texts.sending.pauses import add_sender, pause_sending
from tests.texts.conftest import MIA, NATE, attempt, bodies, fresh

Queue = Callable[..., OutboxText]
TOMORROW = timedelta(days=1)


def queue_many(count: int, now: datetime, *, due_at: datetime) -> None:
    """As a planner does it, without PostgreSQL hearing of it: its statistics are those of an empty table."""
    if is_postgres():
        for statement in ("ALTER TABLE outbox SET (autovacuum_enabled = false)", "ANALYZE outbox"):
            with atomic() as session:
                session.execute(text(statement))
    texts = [
        PlannedText(
            purpose="day_before:e:1",
            phone=f"+1213{n:07d}",
            wording="as_written",
            language="en",
            text_class=TextClass.MEMBER,
            tz="America/Los_Angeles",
            due_at=due_at,
            expires_at=due_at + TOMORROW,
            merge_fields={"body": "Tomorrow"},
        )
        for n in range(count)
    ]
    for start in range(0, count, 2000):
        queue_texts(texts[start : start + 2000], now=now)


def rows_read() -> int:
    """Rows of the outbox that PostgreSQL read on this connection lately; 0 on SQLite, which does not say."""
    if not is_postgres():
        return 0
    read = text("SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'outbox'")
    return db.session.scalar(read) or 0


def test_a_claim_costs_the_same_however_much_is_planned_for_later(
    app: Flask, queued: Queue, now: datetime
) -> None:
    queue_many(6000, now, due_at=now + timedelta(hours=1))
    for n in range(5):
        queued(purpose=f"due:{n}")
    with atomic():
        before = rows_read()
        assert due_zones(now) == ["America/Los_Angeles"]
        assert len(claim(64, by="a", now=now)) == 5
        read = rows_read() - before
    assert claim(64, by="a", now=now) == []
    assert read < 200, "what is not due was read"


def test_what_waits_longest_leaves_first_and_the_most_urgent_before_it(
    app: Flask, queued: Queue, now: datetime
) -> None:
    for priority in (Priority.THANKS, Priority.REMINDER, Priority.NOTICE, Priority.CODE):
        for minutes in (1, 3, 2):
            due_at = now - timedelta(minutes=minutes)
            queued(purpose=f"{priority}:{minutes}", priority=priority, due_at=due_at)
    leaving = [claimed.body.removeprefix("Hello, ") for claimed in claim(7, by="a", now=now)]
    assert leaving == ["0:3", "0:2", "0:1", "10:3", "10:2", "10:1", "40:3"]


def test_a_text_of_no_known_priority_is_refused_when_it_is_queued(app: Flask, queued: Queue) -> None:
    with pytest.raises(ValueError, match="priority"):
        queued(priority=35)


def test_a_code_waits_for_no_pause_no_pace_and_no_day_that_is_used_up(
    app: Flask, carrier: Carrier, queued: Queue, now: datetime
) -> None:
    queued(purpose="first")
    drain(now=now)
    with atomic() as session:
        session.execute(update(Sender).values(tokens=-10_000.0))
    queued(purpose="a reminder")
    queued(NATE, purpose="a code", priority=Priority.CODE)
    assert drain(now=now).accepted == 1
    pause_sending("rain", now=now)
    queued(NATE, purpose="another", priority=Priority.CODE_OF_MEMBER)
    assert drain(now=now, unheld_only=True).accepted == 1
    assert bodies(carrier) == ["Hello, first", "Hello, a code", "Hello, another"]


def test_a_carrier_that_hangs_holds_up_nobody_else(
    app: Flask, carrier: Carrier, queued: Queue, now: datetime
) -> None:
    carrier.faults.next = {"hang_accepted": 1}
    carrier.faults.hang_s = 5.0
    queued(purpose="hangs", priority=Priority.CODE)
    calls: list[str] = []

    def queue_another() -> bool:
        """Asked by the drain each time before it claims: somebody asks for a code meanwhile."""
        calls.append("")
        if len(calls) == 2:
            queued(NATE, purpose="asked later", priority=Priority.CODE)
        return False

    began = time.monotonic()
    drain(now=now, is_stopping=queue_another)
    taken = {one["body"]: one["created_at"] for one in carrier.store.ledger()}
    assert time.monotonic() - began > 3, "it did hang"
    assert taken["Hello, asked later"] - taken["Hello, hangs"] < 3


def test_a_number_the_carrier_does_not_text_stops_only_its_own_text(
    carrier: Carrier, queued: Queue, now: datetime
) -> None:
    abroad, here = queued(NATE, purpose="abroad"), queued(purpose="here")
    carrier.faults.refuse = {NATE: 21408}
    drain(now=now)
    assert (fresh(abroad).state, fresh(abroad).error_code) == (TextState.FAILED, 21408)
    assert fresh(here).state is TextState.ACCEPTED and not paused_senders()


def test_a_clock_that_was_ahead_stops_nothing(app: Flask, queued: Queue, now: datetime) -> None:
    add_sender("main", now=now)
    with atomic() as session:
        session.execute(update(Sender).values(refilled_at=now + timedelta(hours=1), tokens=-1.0))
    queued()
    assert claim(10, by="a", now=now) == []
    assert len(claim(10, by="a", now=now + timedelta(seconds=1))) == 1


def test_a_host_that_is_an_hour_ahead_does_not_overrun_the_pace(
    app: Flask, queued: Queue, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two hosts claim in turn; of one the clock is an hour ahead."""
    app.config["MOBILIZE"] = replace(app.config["MOBILIZE"], segments_per_second=12.0)
    for n in range(200):
        queued(purpose=f"t:{n}")
    claimed, here = 0, clock.now
    for tenth in range(50):
        for ahead in (timedelta(), timedelta(hours=1)):
            monkeypatch.setattr(clock, "now", lambda ahead=ahead: here() + ahead)
            claimed += len(claim(50, by="a", now=now + timedelta(seconds=tenth / 10) + ahead))
    assert 12 * 5 <= claimed <= 12 * 5 + 13


def test_sent_said_late_takes_no_second_try_from_a_phone_that_was_off(
    carrier: Carrier, queued: Queue, now: datetime
) -> None:
    sent = queued()
    drain(now=now)
    sid = str(attempt(sent).sid)
    report = {"outbox_id": sent.id, "n": 1, "now": now}
    note_receipt(sid, "undelivered", error_code=30003, **report)
    for status in ("sending", "sent"):
        assert note_receipt(sid, status, error_code=None, **report)
    assert fresh(sent).state is TextState.WAITING
    assert drain(now=now + timedelta(minutes=61)).accepted == 1
    assert note_receipt(str(attempt(sent, 2).sid), "sent", error_code=None, outbox_id=sent.id, n=2, now=now)
    assert (fresh(sent).state, fresh(sent).error_code) == (TextState.SENT, None)


def test_delivered_after_all_needs_no_second_try(carrier: Carrier, queued: Queue, now: datetime) -> None:
    sent = queued()
    drain(now=now)
    report = {"outbox_id": sent.id, "n": 1, "now": now}
    note_receipt(str(attempt(sent).sid), "undelivered", error_code=30003, **report)
    note_receipt(str(attempt(sent).sid), "delivered", error_code=None, **report)
    assert fresh(sent).state is TextState.DELIVERED


@pytest.mark.parametrize("way", ["at once", "by a receipt"])
def test_a_carriers_day_that_is_used_up_is_waited_for(
    carrier: Carrier, queued: Queue, now: datetime, way: str
) -> None:
    sent = queued(expires_at=now + timedelta(days=3))
    if way == "at once":
        carrier.faults.refuse = {MIA: 30023}
    drain(now=now)
    if way == "by a receipt":
        report = {"outbox_id": sent.id, "n": 1, "now": now, "error_code": 30023}
        note_receipt(str(attempt(sent).sid), "undelivered", **report)
    midnight = clock.on_local_day(now, "America/Los_Angeles", 1, datetime.min.time())
    assert (fresh(sent).state, fresh(sent).next_try_at) == (TextState.WAITING, midnight)
    carrier.faults.refuse = {}
    assert drain(now=midnight).accepted == 1
    assert [row.state for row in db.session.scalars(select(OutboxText))] == [TextState.ACCEPTED]
