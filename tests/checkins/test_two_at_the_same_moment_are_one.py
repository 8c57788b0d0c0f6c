"""Real threads on real connections, on both databases: sent at once, everybody is counted once."""

from types import SimpleNamespace

import pytest
import time_machine

from mobilize.checkins.forms import event_token
from mobilize.checkins.models import Outcome, Tier
from mobilize.checkins.record.operations import check_in
from tests.at_once import all_at_once
from tests.builders import make_event, make_member
from tests.checkins.morning import (
    OPEN,
    attendance,
    evidence,
    outcomes,
    post,
    scan,
    take_back_ticks,
    tick_proof,
)
from tests.services.client import Client

THREADS = 8


# Plain values, since rows belong to the session of one thread.
@pytest.fixture
def event(app):
    picket = make_event()
    return SimpleNamespace(id=picket.id, code=picket.code)


@pytest.fixture
def mia(app):
    return SimpleNamespace(id=make_member(phone="+12135550101").id)


def test_the_same_member_on_two_phones_10_ms_apart(app, event, mia):
    def phone():
        return scan(event, "2135550101").outcome

    for _ in range(5):
        results = all_at_once(app, phone, phone, spread=0.01)
        assert set(results) <= {Outcome.COUNTED, Outcome.REPEAT}
    assert outcomes(event).count("counted") == 1
    assert len(evidence(event)) == 10
    assert len(attendance(event)) == 1


def test_many_phones_at_once(app, event, mia):
    outcomes = all_at_once(app, *[lambda: scan(event, "2135550101").outcome] * THREADS)
    assert sorted(outcomes) == ["counted"] + ["repeat"] * (THREADS - 1)


def test_the_same_deed_at_once_is_one_with_one_answer(app, event, mia):
    proof = tick_proof(event, mia)
    outcomes = all_at_once(app, *[lambda: check_in(proof, now=OPEN)] * THREADS)
    assert len(set(outcomes)) == 1
    assert outcomes[0].outcome is Outcome.COUNTED
    assert len(evidence(event)) == 1


def test_one_nonce_for_two_members_at_once_counts_one_and_refuses_the_other(app, event, mia):
    nate = SimpleNamespace(id=make_member(first="Nate").id)
    one = tick_proof(event, mia)
    other = tick_proof(event, nate, nonce=one.nonce)
    outcomes = all_at_once(app, lambda: check_in(one, now=OPEN), lambda: check_in(other, now=OPEN))
    assert outcomes.count("nonce_reused") == 1
    assert len(attendance(event)) == len(evidence(event)) == 1


def test_strangers_at_once_are_one_walkup(app, event):
    outcomes = all_at_once(app, *[lambda: scan(event, "2135550142").outcome] * THREADS)
    assert set(outcomes) == {Outcome.WALKUP}
    assert len({row.walkup_id for row in evidence(event)}) == 1


def test_a_tick_taken_back_while_they_check_in_themselves_leaves_their_own(app, event, mia):
    for n in range(6):
        check_in(tick_proof(event, mia), now=OPEN)
        undo = tick_proof(event, mia, body=b"untick")
        all_at_once(
            app,
            lambda undo=undo: take_back_ticks(undo, actor="grant:test", now=OPEN),
            lambda n=n: scan(event, "2135550101", page=f"round {n}"),
        )
        assert [row.tier for row in attendance(event)] == [Tier.SELF]


def test_over_http_nobody_sees_an_error(app, event, mia):
    token = event_token(event.code)

    def phone():
        return post(Client(app, use_cookies=True), event, "2135550101", token=token).status_code

    with time_machine.travel(OPEN):
        assert set(all_at_once(app, *[phone] * THREADS)) == {200}
    assert outcomes(event) == ["counted"]
