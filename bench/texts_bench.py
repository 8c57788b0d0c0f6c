"""Texts, measured: planned, drained, received and paced by the real workers against the stand-in at 50 ms.

ROWS=drain,receipts measures some of them; TEXTS=8000 drains fewer (the row says so), PACING_S=20 paces for
less than a minute. PostgreSQL with fsync on; everything, the stand-in and the load generator too, shares the
machine, so CPU per text tells more than texts per second.
"""

import os
import statistics
import sys
import time
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import psycopg
from celery import Celery
from sqlalchemy import delete, func, select, text, update

from bench import code_latency
from bench.load import Load, send_all
from bench.process_use import pss
from bench.texts_place import PLANNED_AT, TOKEN, Place, open_place, seed_members, wait_for
from mobilize import clock
from mobilize.database import atomic, db
from mobilize.demo.carrier.callbacks import signature
from mobilize.reminders.models import ReminderRule
from mobilize.reminders.rules.operations import set_default_rules
from mobilize.reminders.rules.planning import plan_reminders
from mobilize.segments import segments
from mobilize.texts.models import Attempt, AttemptOutcome, OutboxText, Sender, TextClass, TextState
from mobilize.texts.operations import PlannedText, queue_texts
from mobilize.texts.sending.claiming import claim
from tests.services import free_port
from tests.services.processes import answers

TEXTS = int(os.environ.get("TEXTS", "37000"))
PACING_S = int(os.environ.get("PACING_S", "60"))
ONE_EACH, RECEIPTS = min(600, TEXTS), 2000
PARTS = ("codes", "claim", "planning", "drain", "receipts", "pacing12", "pacing225")
Rows = dict[str, dict[str, Any]]


def run() -> Rows:
    """The rows of `make bench` for texts, or those of them that ROWS names."""
    chosen = [part for part in os.environ.get("ROWS", "").split(",") if part] or list(PARTS)
    if set(chosen) - set(PARTS):
        raise SystemExit(f"ROWS: choose from {', '.join(PARTS)}")
    rows: Rows = {}
    for part, measured in (("codes", _code_latency), ("claim", _claiming)):
        if part in chosen:
            with open_place() as place:
                rows |= measured(place)
    if set(PARTS[2:]) & set(chosen):
        with open_place() as place:
            rows |= _one_after_the_other(place, chosen)
    return rows


def _one_after_the_other(place: Place, chosen: list[str]) -> Rows:
    rows: Rows = {}
    if {"planning", "drain"} & set(chosen):
        seed_members(TEXTS)
        rows |= _planning()
    if "drain" in chosen:
        rows |= _draining(place)
    if "receipts" in chosen:
        rows |= _receiving(place)
    for rate in (12, 225):
        if f"pacing{rate}" in chosen:
            rows |= _pacing(place, rate)
    return rows


def _code_latency(place: Place) -> Rows:
    seed_members(TEXTS)
    rows: Rows = {}
    for condition, seconds in code_latency.measure(place).items():
        p99 = seconds[min(len(seconds) - 1, int(len(seconds) * 0.99))]
        rows[f"code latency: {condition}, p99 of {len(seconds)}"] = _row(p99, "s", 3, "lower")
    return rows


def _claiming(_place: Place) -> Rows:
    """A claim while much waits for later, of which PostgreSQL has no statistics."""
    with atomic() as session:
        session.execute(text("ALTER TABLE outbox SET (autovacuum_enabled = false)"))
    later = clock.now() + timedelta(hours=1)
    for start in range(0, TEXTS, 5000):
        queue_texts(_later_texts(range(start, min(TEXTS, start + 5000)), later), now=clock.now())
    taken = []
    for _turn in range(20):
        began = time.perf_counter()
        assert claim(64, by="bench", now=clock.now()) == []
        taken.append(time.perf_counter() - began)
    return {
        f"claim beside {TEXTS:,} just queued, none due": _row(
            statistics.median(taken) * 1000, "ms", 50, "lower"
        )
    }


def _later_texts(numbers: range, later: datetime) -> list[PlannedText]:
    return [
        PlannedText(
            purpose="later:1:1", phone=f"+1323{n:07d}", wording="as_written", language="en",
            text_class=TextClass.MEMBER, tz="UTC", due_at=later, expires_at=later + timedelta(hours=1),
            merge_fields={"body": "Later"},
        )
        for n in numbers
    ]  # fmt: skip


def _planning() -> Rows:
    set_default_rules(PLANNED_AT)
    with atomic() as session:
        # Above 2,000 phones it is off until an organizer has seen what it costs.
        session.execute(update(ReminderRule).values(on=True))
    began = time.perf_counter()
    planned = plan_reminders(PLANNED_AT)
    taken = time.perf_counter() - began
    assert planned == TEXTS, planned
    return {f"planning {TEXTS:,} reminders": _row(taken, "s", 10, "lower")}


def _draining(place: Place) -> Rows:
    """The reminders planned above, due now; and one task each for as many as are worth waiting for."""
    each, each_cpu = _one_task_each(place)
    _make_due(in_s=3600)  # or the sweep would drop them as too late
    before = len(place.ledger())
    workers = place.work("drain", rate=9000, workers=1, concurrency=2)
    time.sleep(8)  # what starting costs is not what a text costs
    used, began = place.cpu_s(workers), time.monotonic()
    _make_due(in_s=0)
    wait_for(lambda: len(place.ledger()) - before >= TEXTS, 900)
    speed = TEXTS / (time.monotonic() - began)
    wait_for(lambda: _states() == {TextState.ACCEPTED: TEXTS}, 30)
    cpu = (place.cpu_s(workers) - used) / TEXTS
    memory = pss(workers[0].pid)
    place.processes.stop()
    _verify(place.ledger()[before:])
    return {
        f"drain of {TEXTS:,} due reminders": _row(speed, "texts/s", 350, "higher"),
        "drain against one Celery task per text": _row(speed / each, "x", 2, "higher"),
        "one Celery task per text, 16 processes": _row(each, "texts/s", None, "higher"),
        "CPU per text, everything but the stand-in": _row(cpu * 1000, "ms", 3, "lower"),
        "CPU per text, one Celery task per text": _row(each_cpu * 1000, "ms", None, "lower"),
        "memory of a worker, two processes for texts": _row(memory / 1e6, "MB PSS", 350, "lower"),
    }


def _one_task_each(place: Place) -> tuple[float, float]:
    """Texts a second, and CPU seconds a text."""
    with psycopg.connect(place.environ["DATABASE_URL"]) as connection:
        connection.execute("CREATE TABLE one_each (n int PRIMARY KEY, phone text, body text, sid text)")
        rows = [(n, f"+1213{n:07d}", f"One task for text {n}") for n in range(ONE_EACH)]
        connection.cursor().executemany("INSERT INTO one_each VALUES (%s, %s, %s)", rows)
    argv = [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "bench.texts_one_task_each",
        "worker",
        "--concurrency",
        "16",
    ]
    worker = place.processes.start("one_each", argv, place.environ)
    sender = Celery(broker=place.redis.url)
    sender.send_task("send", [0])
    wait_for(lambda: len(place.ledger()) == 1, 90)
    time.sleep(2)
    used, began = place.cpu_s([worker]), time.monotonic()
    for n in range(1, ONE_EACH):
        sender.send_task("send", [n])
    wait_for(lambda: len(place.ledger()) >= ONE_EACH, 300)
    taken = time.monotonic() - began
    cpu = place.cpu_s([worker]) - used
    place.processes.stop()
    place.redis.empty()
    return ONE_EACH / taken, cpu / ONE_EACH


def _make_due(*, in_s: float) -> None:
    """Tomorrow's reminders become due; urgent, so that the bench may run at night."""
    now = clock.now()
    values = {"next_try_at": now + timedelta(seconds=in_s), "expires_at": now + timedelta(hours=2)}
    with atomic() as session:
        session.execute(update(OutboxText).values(urgent=True, **values))


def _verify(taken: list[dict[str, Any]]) -> None:
    """Each left exactly once, and each is recorded under the carrier's own id for it."""
    db.session.rollback()
    sids = set(db.session.scalars(select(Attempt.sid)))
    if len({text["to"] for text in taken}) != len(taken) or sids != {text["sid"] for text in taken}:
        raise AssertionError(f"{len(taken)} taken, {len(sids)} recorded: not each exactly once")


def _receiving(place: Place) -> Rows:
    """The delivered receipts of 2,000 texts, all posted at once."""
    port = free_port()
    web = place.processes.start_web({**place.environ, "WEB_THREADS": "8"}, port, processes=2)
    place.processes.wait_for(web, lambda: answers(f"http://127.0.0.1:{port}/readyz"), "web")
    sent = _taken_texts(RECEIPTS)
    base = place.environ["PUBLIC_BASE_URL"]
    load = send_all(port, [_receipt(base, text, sid) for text, sid in sent])
    place.processes.stop()
    _check_delivered(load)
    return {f"{RECEIPTS:,} receipts posted at once": _row(load.per_second, "/s", 300, "higher")}


def _taken_texts(count: int) -> list[tuple[str, str]]:
    """So many texts the carrier has taken, as (our id, the carrier's)."""
    now = clock.now()
    texts = [
        PlannedText(
            purpose="received:1:1", phone=f"+1424{n:07d}", wording="as_written", language="en",
            text_class=TextClass.REQUESTED, tz="UTC", due_at=now, expires_at=now + timedelta(hours=1),
            merge_fields={"body": f"Received {n}"},
        )
        for n in range(count)
    ]  # fmt: skip
    queue_texts(texts, now=now)
    queued_here = OutboxText.idempotency_key.startswith("received:")
    with atomic() as session:
        ids = session.scalars(select(OutboxText.id).where(queued_here)).all()
        session.execute(update(OutboxText).where(queued_here).values(state=TextState.ACCEPTED, tries=1))
        done = {
            "n": 1,
            "started_at": now,
            "ended_at": now,
            "outcome": AttemptOutcome.ACCEPTED,
            "body_index": bytes(16),
        }
        rows = [{"outbox_id": id, "sid": f"SM{id.hex}", "looks": 0, "blind_looks": 0, **done} for id in ids]
        session.execute(Attempt.__table__.insert(), rows)
    return [(str(id), f"SM{id.hex}") for id in ids]


def _receipt(base: str, text: str, sid: str) -> bytes:
    path, form = f"/texts/receipts/{text}?n=1", {"MessageSid": sid, "MessageStatus": "delivered"}
    body = urlencode(form)
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nX-Twilio-Signature: {signature(TOKEN, base + path, form)}\r\n"
    kind = f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n"
    return (head + kind + body).encode()


def _check_delivered(load: Load) -> None:
    delivered = _states().get(TextState.DELIVERED)
    if load.wrong or delivered != RECEIPTS:
        raise AssertionError(f"{delivered} delivered, refused: {load.wrong[:5]}")


def _pacing(place: Place, rate: int) -> Rows:
    """Segments a second by the stand-in's ledger, two workers and two beats, after the first seconds."""
    _start_afresh(rate)
    before = len(place.ledger())
    place.work(f"pace{rate}", rate=rate, workers=2, concurrency=1)
    wait_for(lambda: len(place.ledger()) > before, 60)
    time.sleep(PACING_S + 6)
    place.processes.stop()
    texts = place.ledger()[before:]
    start = texts[0]["created_at"] + 3
    within = [text for text in texts if start <= text["created_at"] < start + PACING_S]
    kept = sum(segments(text["body"]) for text in within) / PACING_S
    off = abs(kept / rate - 1) * 100
    return {f"pacing at {rate} segments/s for {PACING_S} s, off by": _row(off, "%", 5, "lower")}


def _start_afresh(rate: int) -> None:
    """Texts of one and of two segments for longer than the measurement lasts."""
    now = clock.now()
    with atomic() as session:
        session.execute(update(OutboxText).values(state=TextState.DROPPED))
        session.execute(delete(Sender))
    texts = [
        PlannedText(
            purpose=f"pace:{rate}:1", phone=f"+1310{n:07d}", wording="as_written", language="en",
            text_class=TextClass.REQUESTED, tz="UTC", due_at=now, expires_at=now + timedelta(hours=1),
            merge_fields={"body": f"Paced {n} " + "x" * (200 if n % 3 == 0 else 20)},
        )
        for n in range(int(rate * (PACING_S + 15)))
    ]  # fmt: skip
    queue_texts(texts, now=now)


def _states() -> dict[TextState, int]:
    db.session.rollback()
    counted = select(OutboxText.state, func.count()).group_by(OutboxText.state)
    return {row[0]: row[1] for row in db.session.execute(counted)}


def _row(value: float, unit: str, bar: float | None, better: str) -> dict[str, Any]:
    # Said at once: what was measured is not lost when the rest takes too long.
    print(f"    {value:,.2f} {unit}", file=sys.stderr, flush=True)
    return {"value": round(value, 3), "unit": unit, "bar": bar, "better": better}
