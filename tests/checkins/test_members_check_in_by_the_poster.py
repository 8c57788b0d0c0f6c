from datetime import timedelta

import pytest

from mobilize.actions.models import EventState, Shift
from mobilize.checkins.line.queries import device_mark
from mobilize.checkins.models import Outcome, Tier, Walkup
from mobilize.checkins.record.identifiers import read_typed
from mobilize.checkins.record.operations import check_in, check_in_by_poster
from mobilize.database import atomic, db
from mobilize.errors import Refused
from tests.builders import START, make_action, make_event, make_member, make_site
from tests.checkins.morning import OPEN, attendance, evidence, nonce, outcomes, scan, tick_proof

pytestmark = pytest.mark.usefixtures("app")


WRITTEN = [
    "2135550101",
    "(213) 555-0101",
    "213.555.0101",
    "+1 213 555 0101",
    "1-213-555-0101",
    " 213 555 0101 ",
    "２１３５５５０１０１",
    "213\u00a0555\u00a00101",
    "00012345",
    "12345",
    "12345.",
    "0001-2345",
    "#12345",
    "１２３４５",
]


def test_a_member_is_counted_by_phone_or_number_however_they_write_it():
    site = make_site()
    mia = make_member(site=site, phone="+12135550101", number="00012345")
    for written in WRITTEN:
        event = make_event(action=make_action())
        assert scan(event, written).outcome is Outcome.COUNTED, written
        [row] = attendance(event)
        assert (row.member_id, row.chapter_id, row.tier) == (mia.id, site.id, Tier.SELF)
        assert row.first_at == OPEN


def test_second_scan_of_the_same_code_is_stored_and_not_counted():
    event = make_event()
    make_member(phone="+12135550101")
    assert scan(event, "2135550101").outcome is Outcome.COUNTED
    assert scan(event, "2135550101", at=OPEN + timedelta(minutes=1)).outcome is Outcome.REPEAT
    assert outcomes(event) == ["counted", "repeat"]
    assert [row.first_at for row in attendance(event)] == [OPEN]


def test_a_page_sent_twice_gives_the_stored_answer_and_stores_nothing_more():
    event = make_event()
    make_member(phone="+12135550101")
    first, again = (scan(event, "2135550101", page="one page") for _ in range(2))
    assert first == again
    assert first.outcome is Outcome.COUNTED
    assert len(evidence(event)) == 1


def test_six_members_on_one_page_and_phone_are_six_and_marked_as_one_device():
    event = make_event()
    for n in range(6):
        make_member(phone=f"+1213555010{n}")
    cookie = None
    for n in range(6):
        _done, cookie = check_in_by_poster(
            event.id, read_typed(f"213555010{n}"), page="one page", cookie=cookie, now=OPEN
        )
    assert len(attendance(event)) == 6
    assert len({row.device_hmac for row in evidence(event)}) == 1


def test_a_phone_is_marked_differently_at_every_event():
    first, second = make_event(), make_event()
    assert device_mark(first.id, "token") != device_mark(second.id, "token")


def test_a_stranger_is_a_walkup_once_per_event():
    event, other = make_event(), make_event()
    assert [scan(event, "2135550142").outcome for _ in range(2)] == [Outcome.WALKUP, Outcome.WALKUP]
    scan(other, "2135550142")
    assert not attendance(event)
    walkups = db.session.query(Walkup).all()
    assert sorted(w.event_id for w in walkups) == sorted([event.id, other.id])
    assert walkups[0].typed == "+12135550142"
    assert walkups[0].until == OPEN + timedelta(days=14)
    assert len({row.walkup_id for row in evidence(event)}) == 1


def test_a_number_two_members_share_is_ambiguous_and_counts_nobody():
    event = make_event()
    for first in ("Mia", "Nate"):
        make_member(first=first, phone="+12135550101")
    assert scan(event, "2135550101").outcome is Outcome.AMBIGUOUS
    [row] = evidence(event)
    assert row.member_id is None
    assert not attendance(event)


@pytest.mark.parametrize("away", [timedelta(minutes=-31), timedelta(minutes=76)])
def test_outside_the_hours_is_stored_and_not_counted(away):
    event = make_event()
    mia = make_member(phone="+12135550101")
    assert scan(event, "2135550101", at=START + away).outcome is Outcome.OUTSIDE_HOURS
    assert [row.member_id for row in evidence(event)] == [mia.id]
    assert not attendance(event)


@pytest.mark.parametrize("away", [timedelta(minutes=-30), timedelta(minutes=75)])
def test_thirty_minutes_before_and_after_still_count(away):
    event = make_event()
    make_member(phone="+12135550101")
    assert scan(event, "2135550101", at=START + away).outcome is Outcome.COUNTED


def test_at_a_called_off_event_a_check_in_is_kept_for_a_person():
    event = make_event(state=EventState.CALLED_OFF)
    make_member(phone="+12135550101")
    assert scan(event, "2135550101").outcome is Outcome.UNRESOLVED
    assert not attendance(event)


def test_standing_on_another_sites_line_counts_for_the_own_chapter():
    home, host = make_site(), make_site()
    make_member(site=home, phone="+12135550101")
    event = make_event(host)
    assert scan(event, "2135550101").outcome is Outcome.COUNTED
    assert [row.chapter_id for row in attendance(event)] == [home.id]


def test_where_the_action_forbids_it_another_chapters_member_is_unresolved():
    home, host = make_site(), make_site()
    make_member(site=home, phone="+12135550101")
    make_member(site=host, phone="+12135550102")
    event = make_event(host, action=make_action(elsewhere_ok=False))
    assert scan(event, "2135550101").outcome is Outcome.UNRESOLVED
    assert scan(event, "2135550102").outcome is Outcome.COUNTED


def test_a_member_who_left_or_was_erased_looks_like_a_stranger():
    event = make_event()
    make_member(phone="+12135550101", gone_on=START)
    make_member(phone="+12135550102", erased_at=START)
    assert scan(event, "2135550101").outcome is Outcome.WALKUP
    assert scan(event, "2135550102").outcome is Outcome.WALKUP


def test_a_merged_double_is_counted_as_the_one_they_are():
    site = make_site()
    kept = make_member(site=site, number="00000077", phone="+12135550101")
    make_member(number="00000078", phone="+12135550101", gone_on=START, merged_into_id=kept.id)
    event = make_event(site)
    assert scan(event, "78").outcome is Outcome.COUNTED
    assert scan(event, "77").outcome is Outcome.REPEAT
    assert scan(event, "2135550101").outcome is Outcome.REPEAT
    assert [row.member_id for row in attendance(event)] == [kept.id]


def test_each_shift_counts_on_its_own():
    event = make_event(ends_at=START + timedelta(hours=8))
    noon = START + timedelta(hours=4)
    with atomic() as session:
        event.shifts[0].ends_at = noon
        session.add(Shift(event_id=event.id, starts_at=noon, ends_at=event.ends_at))
    make_member(phone="+12135550101")
    outcomes = [scan(event, "2135550101", at=at).outcome for at in (OPEN, OPEN, noon + timedelta(minutes=1))]
    assert outcomes == [Outcome.COUNTED, Outcome.REPEAT, Outcome.COUNTED]
    assert len({row.shift_id for row in attendance(event)}) == 2


def test_the_same_nonce_with_another_body_is_refused_and_the_first_stays():
    event = make_event()
    mia, nate = make_member(), make_member(first="Nate")
    one = nonce()
    check_in(tick_proof(event, mia, nonce=one), now=OPEN)
    with pytest.raises(Refused) as refusal:
        check_in(tick_proof(event, nate, nonce=one), now=OPEN)
    assert (refusal.value.code, refusal.value.status) == ("nonce_reused", 422)
    assert [row.member_id for row in attendance(event)] == [mia.id]
    assert len(evidence(event)) == 1


def test_an_event_that_does_not_exist_is_refused_and_nothing_stored():
    event = make_event()
    mia = make_member()
    proof = tick_proof(event, mia)
    with pytest.raises(Refused) as refusal:
        check_in(type(proof)(**{**vars(proof), "event_id": mia.id}), now=OPEN)
    assert refusal.value.status == 404
    assert not evidence(event)
