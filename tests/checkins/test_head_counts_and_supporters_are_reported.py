from datetime import timedelta

import pytest

from mobilize.actions.models import Shift
from mobilize.checkins.counts import add_supporters, report_head_count
from mobilize.checkins.models import HeadCount
from mobilize.checkins.queries import head_count, line_figures
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.roster.models import Gate
from tests.builders import START, make_event, make_member
from tests.checkins.morning import OPEN, nonce, scan

pytestmark = pytest.mark.usefixtures("app")


def report(event, n, *, at=OPEN, key=None):
    report_head_count(event, n, counted_at=at, nonce=key or nonce(), via="line", by="grant:test", now=at)


def cheer(event, delta, *, key=None):
    add_supporters(event.id, delta, nonce=key or nonce(), happened_at=OPEN, by="grant:test", now=OPEN)


def test_the_last_head_count_stands_whenever_it_arrives():
    event = make_event()
    later = OPEN + timedelta(minutes=10)
    report(event, 31, at=later)
    report(event, 24)
    assert head_count(event.id) == (31, later)


def test_no_report_is_not_zero():
    event = make_event()
    assert head_count(event.id) == (None, None)
    report(event, 0)
    assert head_count(event.id) == (0, OPEN)


def test_gates_are_added_up():
    event = make_event()
    report(event, 20)
    with atomic() as session:
        for name, n in (("Main Street", 12), ("Parking", 7)):
            gate = Gate(site_id=event.site_id, name=name)
            session.add(gate)
            session.flush()
            session.add(
                HeadCount(
                    event_id=event.id,
                    shift_id=event.shifts[0].id,
                    gate_id=gate.id,
                    nonce=nonce(),
                    n=n,
                    counted_at=OPEN + timedelta(minutes=n),
                    recorded_at=OPEN,
                    via="line",
                    by="grant:test",
                )
            )
    assert head_count(event.id)[0] == 19


def test_of_several_shifts_the_fullest_stands():
    noon = START + timedelta(hours=4)
    event = make_event(ends_at=START + timedelta(hours=8))
    with atomic() as session:
        event.shifts[0].ends_at = noon
        session.add(Shift(event_id=event.id, starts_at=noon, ends_at=event.ends_at))
    report(event, 30)
    report(event, 12, at=noon + timedelta(minutes=5))
    assert head_count(event.id) == (30, noon + timedelta(minutes=5))


@pytest.mark.parametrize("n", [-1, 20_001, 10**30])
def test_an_absurd_head_count_is_refused(n):
    event = make_event()
    with pytest.raises(Refused) as refusal:
        report(event, n)
    assert refusal.value.code == "bad_count"
    assert head_count(event.id) == (None, None)


@pytest.mark.parametrize("do", [report, cheer])
def test_a_number_sent_twice_is_stored_once_and_with_another_number_refused(do):
    event = make_event()
    one = nonce()
    do(event, 5, key=one)
    do(event, 5, key=one)
    with pytest.raises(Refused) as refusal:
        do(event, 6, key=one)
    assert refusal.value.code == "nonce_reused"
    figures = line_figures(event.id)
    assert 5 in (figures.head_count, figures.supporters)


def test_supporters_add_up_and_never_show_below_zero():
    event = make_event()
    for delta in (5, 1, -2):
        cheer(event, delta)
    assert line_figures(event.id).supporters == 4
    cheer(event, -9)
    assert line_figures(event.id).supporters == 0
    with pytest.raises(Refused):
        cheer(event, 20_001)


def test_the_three_numbers_are_never_mixed():
    event = make_event()
    make_member(phone="+12135550101")
    scan(event, "2135550101")
    scan(event, "2135550142")
    report(event, 31)
    cheer(event, 7)
    figures = line_figures(event.id)
    assert (figures.named, figures.others, figures.head_count, figures.supporters) == (0, 2, 31, 7)
    assert db.session.query(HeadCount).one().n == 31
