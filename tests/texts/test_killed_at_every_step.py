"""kill -9 at each step of a delivery, then a restart: every text has left once, and nobody had to help."""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from flask import Flask

from mobilize import failpoints, settings
from mobilize.demo.carrier.server import Carrier
from mobilize.texts.models import OutboxText, TextState
from mobilize.texts.queries import counts_by_state, doubled_texts
from mobilize.texts.receiving.receipts import note_receipt
from mobilize.texts.sending.delivery import drain
from tests.drawn import part
from tests.services.processes import ROOT
from tests.texts.conftest import bodies, fresh
from tests.texts.one_worker import rounds, run_and_die

Queue = Callable[..., OutboxText]
STEPS = [
    "claiming",
    "claimed",
    "calling",
    "called",
    "answered",
    "recording",
    "recorded",
    "sweeping",
    "looking",
    "looked",
    "adopting",
    "giving_back",
]


@pytest.fixture
def app(pg_app: Flask) -> Flask:
    """PostgreSQL alone: what is killed here is a process of its own, and the steps are the same."""
    return pg_app


@pytest.fixture
def reachable(carrier: Carrier, base_environ: dict[str, str]) -> dict[str, str]:
    """The environment of a process that works on the same texts, with the same carrier."""
    chosen = settings()
    where = {"TWILIO_API_URL": chosen.twilio_api_url, "DATABASE_URL": chosen.database_url}
    return {**base_environ, **where, "SEGMENTS_PER_SECOND": "5000"}


@pytest.mark.parametrize("step", part(STEPS, 4))
def test_killed_there_and_started_again_each_text_leaves_once(
    carrier: Carrier, queued: Queue, now: datetime, reachable: dict[str, str], tmp_path: Path, step: str
):
    for n in range(8):
        queued(purpose=f"p{n}:1:1", phone=f"+121355501{n:02d}")
    carrier.faults.next = {"drop_accepted": 1, "500_accepted": 1, "drop": 1, "500": 1}
    ended, died_at = run_and_die(step, reachable, now, tmp_path)
    assert ended == -9, f"{step} was never reached"
    carrier.faults.next = {}
    rounds(died_at)
    assert set(Counter(bodies(carrier)).values()) == {1}
    assert len(bodies(carrier)) == 8
    assert counts_by_state()[TextState.ACCEPTED] == 8
    assert doubled_texts() == 0


def test_killed_while_a_receipt_is_noted_it_is_noted_when_it_comes_again(
    carrier: Carrier, queued: Queue, now: datetime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    text = queued()
    drain(now=now)
    sid = carrier.store.ledger()[0]["sid"]
    monkeypatch.setattr(failpoints, "reach", _raise)
    with pytest.raises(KeyboardInterrupt):
        note_receipt(sid, "delivered", outbox_id=text.id, error_code=None, now=now)
    monkeypatch.undo()
    assert fresh(text).state is TextState.ACCEPTED
    assert note_receipt(sid, "delivered", outbox_id=text.id, error_code=None, now=now)
    assert fresh(text).state is TextState.DELIVERED


def test_without_a_failpoint_the_same_rounds_survive(
    carrier: Carrier, queued: Queue, now: datetime, reachable: dict[str, str], tmp_path: Path
):
    queued()
    assert run_and_die("nowhere", reachable, now, tmp_path)[0] == 0
    assert len(bodies(carrier)) == 1


def test_a_failpoint_is_for_tests_only(tmp_path: Path):
    imported = "from mobilize import failpoints"
    program = f"{imported}; failpoints.reach('claimed'); print(failpoints.seconds(60))"
    armed = tmp_path / "armed"
    for env, ended, output in (("production", 0, "60\n"), ("test", -9, "")):
        armed.touch()
        done = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "FAILPOINT": f"claimed:{armed}", "PATIENCE": "0.05", "MOBILIZE_ENV": env},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=30,
        )
        assert (done.returncode, done.stdout) == (ended, output)


def _raise(step: str) -> None:
    """Nothing of the transaction is kept, as when the process is killed."""
    raise KeyboardInterrupt
