"""From the outbox to the carrier, on the days when nothing goes wrong."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from mobilize.database import atomic, db, new_id
from mobilize.demo.carrier.server import Carrier
from mobilize.texts.models import OutboxText, Priority, TextClass, TextState
from mobilize.texts.operations import (
    PlannedText,
    drop_texts,
    opt_in,
    opt_out,
    queue_texts,
)
from mobilize.texts.queries import counts_by_state, may_text, questions_open_to
from mobilize.texts.sending import delivery
from mobilize.texts.sending.claiming import ClaimedText, claim
from mobilize.texts.sending.delivery import drain, sweep
from mobilize.texts.sending.pauses import pause_sending, resume_sending
from tests.builders import make_member
from tests.texts.conftest import MIA, NATE, attempt, bodies, fresh

Queue = Callable[..., OutboxText]


def test_a_due_text_is_taken_once_and_recorded(carrier: Carrier, queued: Queue, now: datetime):
    text = queued()
    drained = drain(now=now)
    assert (drained.claimed, drained.accepted) == (1, 1)
    assert fresh(text).state is TextState.ACCEPTED
    taken = carrier.store.ledger()
    assert [(t["to"], t["body"]) for t in taken] == [(MIA, "Hello, test:1:1")]
    assert taken[0]["callback"].endswith(f"/texts/receipts/{text.id}?n=1")
    assert 7190 <= taken[0]["validity_s"] <= 7200
    assert attempt(text).sid == taken[0]["sid"]


def test_a_second_drain_finds_nothing(carrier: Carrier, queued: Queue, now: datetime):
    queued()
    drain(now=now)
    assert drain(now=now).claimed == 0
    assert len(bodies(carrier)) == 1


def test_the_same_purpose_queued_again_is_the_row_that_is_there(app: Flask, queued: Queue, now: datetime):
    first = queued(merge_fields={"body": "first words"})
    again = queued(merge_fields={"body": "other words"})
    assert (again.id, fresh(again).merge_fields) == (first.id, '{"body": "first words"}')


def test_number_and_words_are_sealed_and_not_in_the_key(app: Flask, queued: Queue):
    text = queued()
    assert text.to == MIA
    assert MIA[2:].encode() not in text.to_enc and MIA[2:] not in text.idempotency_key
    assert b"Hello" not in text.blanks_enc


def test_the_most_urgent_leaves_first(carrier: Carrier, queued: Queue, now: datetime):
    for n, priority in enumerate([Priority.THANKS, Priority.REMINDER, Priority.CODE, Priority.COUNT]):
        queued(purpose=f"p:{priority}:{n}", priority=priority)
    for _ in range(4):
        drain(now=now, at_most=1)
    assert [body.split(":")[1] for body in bodies(carrier)] == ["0", "20", "40", "50"]


def test_what_is_not_due_waits_and_what_is_useless_is_dropped(carrier: Carrier, queued: Queue, now: datetime):
    early = queued(purpose="early", due_at=now + timedelta(minutes=5))
    late = queued(purpose="late", due_at=now - timedelta(hours=3), expires_at=now - timedelta(seconds=1))
    drain(now=now)
    sweep(now=now)
    assert fresh(early).state is TextState.WAITING
    assert (fresh(late).state, fresh(late).reason) == (TextState.DROPPED, "too_late")
    assert bodies(carrier) == []


def test_stop_between_queue_and_claim_keeps_the_text_back(carrier: Carrier, queued: Queue, now: datetime):
    text = queued()
    opt_out(MIA, source="reply", now=now)
    assert drain(now=now).claimed == 0
    sweep(now=now)
    assert (fresh(text).state, fresh(text).reason) == (TextState.DROPPED, "opted_out")
    assert bodies(carrier) == []


def test_start_after_stop_lets_texts_through_again(carrier: Carrier, queued: Queue, now: datetime):
    opt_out(MIA, source="reply", now=now)
    opt_in(MIA, source="reply", now=now + timedelta(seconds=1))
    queued()
    assert may_text(MIA) is None
    assert drain(now=now).accepted == 1


def test_an_opt_out_in_the_roster_counts_until_the_number_itself_says_start(
    carrier: Carrier, queued: Queue, now: datetime
):
    make_member(phone=MIA, opted_out_in_file=True)
    queued()
    assert (drain(now=now).claimed, may_text(MIA)) == (0, "opted_out")
    opt_in(MIA, source="reply", now=now)
    assert (drain(now=now).claimed, may_text(MIA)) == (1, None)


def test_a_text_outside_its_window_waits_for_it(carrier: Carrier, queued: Queue, now: datetime):
    night = datetime(2026, 3, 3, 11, 0, tzinfo=now.tzinfo)  # 3:00 in Los Angeles
    text = queued(text_class=TextClass.MEMBER, due_at=night, expires_at=night + timedelta(hours=20))
    assert drain(now=night).claimed == 0
    assert fresh(text).state is TextState.WAITING
    assert drain(now=night + timedelta(hours=6, minutes=1)).claimed == 1


def test_two_workers_at_once_never_get_the_same_text(
    app: Flask, carrier: Carrier, queued: Queue, now: datetime
):
    for n in range(60):
        queued(purpose=f"t:{n}")
    got: list[str] = []

    def work() -> None:
        with app.app_context():
            for _ in range(6):
                got.extend(str(text.id) for text in claim(7, by="worker", now=now))

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(got) == len(set(got)) == 60


def test_two_drains_at_once_send_each_text_once(app: Flask, carrier: Carrier, queued: Queue, now: datetime):
    for n in range(120):
        queued(purpose=f"t:{n}")

    def work() -> None:
        with app.app_context():
            drain(now=now)

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(bodies(carrier)) == len(set(bodies(carrier))) == 120


def test_the_senders_pace_is_kept(app: Flask, carrier: Carrier, queued: Queue, now: datetime):
    import dataclasses

    app.config["MOBILIZE"] = dataclasses.replace(app.config["MOBILIZE"], segments_per_second=12.0)
    for n in range(200):
        queued(purpose=f"t:{n}")
    claimed = 0
    for tenth in range(100):
        claimed += len(claim(50, by="a", now=now + timedelta(seconds=tenth / 10)))
    assert 12 * 10 <= claimed <= 12 * 10 + 13


def test_a_paused_sender_keeps_texts_waiting(carrier: Carrier, queued: Queue, now: datetime):
    queued(purpose="a")
    drain(now=now)
    pause_sending("by the office", now=now)
    queued(purpose="b")
    assert drain(now=now).claimed == 0
    resume_sending()
    assert drain(now=now).claimed == 1


def test_a_text_without_its_blanks_is_refused_when_it_is_queued(app: Flask, queued: Queue):
    with pytest.raises(ValueError, match="body"):
        queued(merge_fields={})


def test_a_row_that_cannot_be_opened_goes_to_a_person_and_the_others_leave(
    carrier: Carrier, queued: Queue, now: datetime
):
    bad, good = queued(purpose="bad"), queued(purpose="good")
    with atomic():
        db.session.get(OutboxText, bad.id).to_enc = good.to_enc
    assert drain(now=now).accepted == 1
    assert (fresh(bad).state, fresh(bad).reason) == (TextState.STUCK, "cannot_open")


def test_taking_back_what_waits_leaves_what_was_sent(carrier: Carrier, queued: Queue, now: datetime):
    sent = queued(purpose="reminder:e1:1")
    drain(now=now)
    waiting, other = queued(NATE, purpose="reminder:e1:1"), queued(purpose="reminder:e2:1")
    assert drop_texts("reminder:e1:", "moved", now=now) == 1
    assert [fresh(t).state for t in (sent, waiting, other)] == ["accepted", "dropped", "waiting"]
    assert fresh(waiting).reason == "moved"


def test_a_text_that_asks_opens_its_question_when_it_leaves(carrier: Carrier, queued: Queue, now: datetime):
    event = new_id()
    queued(asks="head_count", event_id=event)
    assert not questions_open_to(MIA, now=now)
    drain(now=now)
    (question,) = questions_open_to(MIA, now=now)
    assert (question.kind, question.event_id) == ("head_count", event)
    assert not questions_open_to(MIA, now=now + timedelta(hours=3))


def test_many_are_queued_in_one_go_and_again_adds_none(app: Flask, now: datetime):
    planned = [
        PlannedText(
            purpose="reminder:e:1",
            phone=f"+1213555{n:04d}",
            wording="as_written",
            language="es",
            text_class=TextClass.MEMBER,
            tz="America/Los_Angeles",
            due_at=now,
            expires_at=now + timedelta(hours=1),
            merge_fields={"body": "mañana"},
        )
        for n in range(1200)
    ]
    assert queue_texts(planned, now=now) == 1200
    assert queue_texts(planned, now=now) == 0
    assert counts_by_state()["waiting"] == 1200


def test_a_worker_that_is_asked_to_stop_finishes_what_it_holds(
    carrier: Carrier, queued: Queue, now: datetime
):
    for n in range(200):
        queued(purpose=f"p{n}:1:1", phone=f"+1213555{n:04d}")
    carrier.faults.latency_ms = 20
    drained = drain(now=now, is_stopping=lambda: len(bodies(carrier)) > 0)
    assert 0 < drained.accepted == drained.claimed < 200
    assert counts_by_state()["claimed"] == 0
    assert drain(now=now).accepted == 200 - drained.accepted
    assert len(set(bodies(carrier))) == len(bodies(carrier)) == 200


def test_stop_between_claim_and_call_lets_that_one_go_and_nothing_after_it(
    carrier: Carrier, queued: Queue, now: datetime, monkeypatch: pytest.MonkeyPatch
):
    queued(purpose="before")
    call = delivery._call

    def say_stop_first(pool: Any, claimed: list[ClaimedText]) -> Any:
        if claimed:
            opt_out(MIA, source="reply", now=now + timedelta(seconds=1))
        return call(pool, claimed)

    monkeypatch.setattr(delivery, "_call", say_stop_first)
    assert drain(now=now).accepted == 1
    after = queued(purpose="after")
    drain(now=now + timedelta(seconds=2))
    sweep(now=now + timedelta(seconds=2))
    assert bodies(carrier) == ["Hello, before"]
    assert (fresh(after).state, fresh(after).reason) == (TextState.DROPPED, "opted_out")
