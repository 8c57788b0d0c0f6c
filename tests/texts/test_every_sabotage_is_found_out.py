"""The test of the tests: with a promise taken out, the very checks of `make chaos` must fail.

A small round within this process; `make chaos` does the same with spoilt worker processes.
"""

import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, func, text, update

from mobilize import clock
from mobilize.database import atomic
from mobilize.demo.carrier.server import Carrier
from mobilize.demo.carrier.telnyx import TelnyxCarrier
from mobilize.texts.models import Attempt, OutboxText
from mobilize.texts.operations import queue_texts
from mobilize.texts.sending import claiming, delivery, failures
from mobilize.texts.sending.delivery import drain, sweep
from mobilize.texts.sending.reconciling import reconcile
from tests.builders import make_member
from tests.chaos import sabotage
from tests.chaos.ground import Ground
from tests.chaos.rounds import Round, Tally, compare, play, say
from tests.texts.one_worker import FIVE_MINUTES

SIZE = 24


@pytest.fixture
def app(pg_app: Flask) -> Flask:
    """PostgreSQL alone, as in `make chaos`."""
    return pg_app


class Here(Ground):
    """No process runs but the test's own."""

    def keep_up(self) -> None:
        pass


@pytest.fixture
def ground(app: Flask, carrier: Carrier, second: TelnyxCarrier, monkeypatch: pytest.MonkeyPatch) -> Here:
    # What a sabotage puts something else in the place of comes back afterwards.
    for room, name in (
        (delivery, "claim"),
        (delivery, "says_stop"),
        (claiming, "says_stop"),
        (delivery, "is_confirmation"),
        (claiming, "is_confirmation"),
        (failures, "to_unknown"),
    ):
        monkeypatch.setattr(room, name, getattr(room, name))
    nothing: Any = None
    return Here(app, {}, Path(), nothing, carrier, second)


@pytest.fixture
def keyless(app: Flask) -> Iterator[None]:
    sabotage.drop_unique_key()
    yield
    with atomic() as session:
        session.execute(delete(Attempt))
        session.execute(delete(OutboxText))
        session.execute(
            text("ALTER TABLE outbox ADD CONSTRAINT uq_outbox_idempotency_key UNIQUE (idempotency_key)")
        )


def what_comes_of(name: str, ground: Here) -> Tally:
    """One round with this sabotage, and five minutes of a worker's tasks."""
    result = Tally(of=name)
    began = clock.now()
    played = play(ground, random.Random(1), result, 0, size=SIZE)
    for seconds in FIVE_MINUTES:
        now = began + timedelta(seconds=seconds + 1)
        sweep(now=now)
        reconcile(now=now)
        drain(now=now, at_most=3 * SIZE)
    compare(ground, played, result)
    return result


def test_sound_workers_lose_double_and_force_nothing(ground: Here):
    result = what_comes_of("retry_blindly", ground)
    assert (result.lost, result.doubled, result.unwanted, result.sent) == (0, 0, 0, SIZE - 4)
    assert result.unknown_explained > 0


@pytest.mark.parametrize("name", ["release_early", "retry_blindly", "unknown_by_other"])
def test_a_claim_released_early_or_a_blind_retry_by_either_carrier_doubles(ground: Here, name: str):
    sabotage.IN_WORKERS[name]()
    assert what_comes_of(name, ground).doubled > 0


def test_without_the_look_at_opt_outs_unwanted_texts_leave(ground: Here):
    sabotage.skip_opt_outs()
    assert what_comes_of("skip_opt_outs", ground).unwanted == 4


def test_an_answer_that_passes_as_a_confirmation_is_unwanted(ground: Here):
    sabotage.confirm_with_anything()
    assert what_comes_of("confirm_with_anything", ground).unwanted == 4


def test_the_confirmation_of_an_opt_out_is_wanted_and_leaves_once(ground: Here):
    make_member(phone="+12135550001")
    tally, now = Tally(), clock.now()
    say("+12135550001", "stop texting me")
    ground.stopped["+12135550001"] = now
    drain(now=clock.now())
    compare(ground, Round("chaos0", ["+12135550001"], 0.0), tally)
    assert tally.unwanted == 0 and sum(ground.taken().values()) == 1
    with atomic() as session:
        session.execute(update(OutboxText).values(idempotency_key=func.concat("late:", OutboxText.id)))
    compare(ground, Round("chaos0", ["+12135550001"], 0.0), tally)
    assert tally.unwanted > 0, "under another key it is a text like any other"


def test_without_the_unique_key_two_planners_double(ground: Here, keyless: None):
    ground.plan = sabotage.plan_without_key
    assert what_comes_of("drop_unique_key", ground).doubled > 0


def test_with_the_unique_key_two_planners_do_not(ground: Here):
    ground.plan = queue_texts
    assert what_comes_of("drop_unique_key", ground).doubled == 0
