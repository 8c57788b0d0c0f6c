from itertools import permutations, product

import pytest

from mobilize.checkins.models import Method, Outcome, Tier, Void
from mobilize.checkins.record.operations import check_in, void
from mobilize.database import db
from mobilize.errors import Refused
from tests.builders import make_event, make_member
from tests.checkins.morning import (
    OPEN,
    attendance,
    evidence,
    nonce,
    outcomes,
    scan,
    take_back_ticks,
    tick,
    tick_proof,
)

pytestmark = pytest.mark.usefixtures("app")


@pytest.fixture
def mia():
    return make_member(phone="+12135550101")


@pytest.fixture
def event():
    return make_event()


def take_back(event, member, **values):
    return take_back_ticks(tick_proof(event, member, body=b"untick", **values), actor="grant:test", now=OPEN)


def tiers(event):
    return [row.tier for row in attendance(event)]


WAYS = ("self", "tick", "scan")
# All others are two sources that agree, or one that is verified by itself.
AMOUNTS_TO = {frozenset({"self"}): Tier.SELF, frozenset({"tick"}): Tier.VOUCHED}


def come(event, member, way):
    if way == "self":
        return scan(event, "2135550101")
    return tick(event, member, method=Method.TICK if way == "tick" else Method.SCAN)


def test_a_self_report_and_a_tick_together_are_verified_in_either_order(event, mia):
    scan(event, "2135550101")
    assert tick(event, mia).outcome is Outcome.REPEAT
    assert tiers(event) == [Tier.VERIFIED]
    other = make_event()
    tick(other, mia)
    scan(other, "2135550101")
    assert tiers(other) == [Tier.VERIFIED]


def test_two_self_reports_stay_a_self_report_and_a_scanned_code_is_verified(event, mia):
    scan(event, "2135550101")
    scan(event, "2135550101")
    assert tiers(event) == [Tier.SELF]
    tick(event, mia, method=Method.SCAN)
    assert tiers(event) == [Tier.VERIFIED]


def test_taking_back_one_of_two_sources_falls_back_to_the_other(event, mia):
    own = scan(event, "2135550101")
    ticked = tick(event, mia)
    void(own.evidence_id, "wrong number", actor="person:test", now=OPEN)
    assert tiers(event) == [Tier.VOUCHED]
    void(ticked.evidence_id, "slip", actor="person:test", now=OPEN)
    assert attendance(event) == []
    assert outcomes(event) == ["counted", "repeat"], "evidence itself is never deleted"


@pytest.mark.parametrize("ways", [*product(WAYS, repeat=2), *permutations(WAYS)], ids=" ".join)
def test_taking_one_more_back_leaves_what_the_rest_had_made(mia, ways):
    """Storing strengthens in SQL, taking back works it out anew in Python: one rule, in two places."""
    without, taken_back = make_event(), make_event()
    for event in (without, taken_back):
        for way in ways:
            come(event, mia, way)
    one_more = come(taken_back, mia, "tick")
    void(one_more.evidence_id, "slip", actor="person:test", now=OPEN)
    assert tiers(taken_back) == tiers(without) == [AMOUNTS_TO.get(frozenset(ways), Tier.VERIFIED)]


def test_undo_of_a_tick_leaves_their_own_check_in(event, mia):
    tick(event, mia)
    scan(event, "2135550101")
    assert take_back(event, mia).outcome is Outcome.UNDONE
    assert tiers(event) == [Tier.SELF]


def test_undo_takes_the_ticks_of_all_captains_and_says_who_did_it(event, mia):
    tick(event, mia)
    tick(event, mia)
    take_back(event, mia)
    assert attendance(event) == []
    assert {row.actor for row in db.session.query(Void)} == {"grant:test"}
    assert db.session.query(Void).count() == 2


def test_who_was_taken_back_can_be_ticked_again(event, mia):
    tick(event, mia)
    take_back(event, mia)
    assert tick(event, mia).outcome is Outcome.COUNTED
    assert tiers(event) == [Tier.VOUCHED]


def test_an_undo_that_arrives_again_leaves_a_later_tick_alone(event, mia):
    tick(event, mia)
    one = nonce()
    first = take_back(event, mia, nonce=one)
    tick(event, mia)
    assert take_back(event, mia, nonce=one) == first
    assert tiers(event) == [Tier.VOUCHED]


def test_a_tick_that_arrives_again_after_its_undo_counts_nobody(event, mia):
    proof = tick_proof(event, mia)
    first = check_in(proof, now=OPEN)
    take_back(event, mia)
    assert check_in(proof, now=OPEN) == first
    assert attendance(event) == []


def test_taking_back_twice_is_once_and_of_nothing_is_said_so(event, mia):
    ticked = tick(event, mia)
    for _ in range(2):
        void(ticked.evidence_id, "slip", actor="person:test", now=OPEN)
    assert db.session.query(Void).count() == 1
    with pytest.raises(Refused) as refusal:
        void(mia.id, "slip", actor="person:test", now=OPEN)
    assert refusal.value.status == 404


def test_taking_back_what_counted_nobody_changes_no_attendance(event, mia):
    tick(event, mia)
    stranger = scan(event, "2135550142")
    void(stranger.evidence_id, "not ours", actor="person:test", now=OPEN)
    assert len(attendance(event)) == 1
    assert len(evidence(event)) == 2
