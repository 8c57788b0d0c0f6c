from datetime import timedelta

import pytest
import time_machine

from mobilize.actions.models import Shift
from mobilize.checkins.line.queries import head_count, line_figures
from mobilize.checkins.models import HeadCount
from mobilize.checkins.record.head_counts import add_supporters, report_head_count
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.roster.models import Gate
from tests.builders import START, make_event, make_member, make_site
from tests.checkins.morning import OPEN, item, nonce, scan, send

pytestmark = pytest.mark.usefixtures("app")


def report(event, n, *, at=OPEN, key=None):
    report_head_count(event, n, counted_at=at, nonce=key or nonce(), via="line", by="grant:test", now=at)


def cheer(event, delta, *, key=None):
    add_supporters(event, delta, nonce=key or nonce(), happened_at=OPEN, by="grant:test", now=OPEN)


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


@pytest.mark.parametrize(("members", "usual"), [(0, 200), (8, 200), (40, 400), (300, 2000)])
def test_a_count_far_above_what_a_chapter_is_counts_only_when_somebody_is_sure(app, members, usual):
    site = make_site()
    for _ in range(members):
        make_member(site=site)
    event = make_event(site)
    fields = {"counted_at": OPEN, "via": "line", "by": "grant:test", "now": OPEN}
    report_head_count(event, usual, nonce=nonce(), **fields)
    with pytest.raises(Refused, match="count_unusual"):
        report_head_count(event, usual + 1, nonce=nonce(), **fields)
    assert head_count(event.id)[0] == usual
    report_head_count(event, usual + 1, nonce=nonce(), sure=True, **fields)
    assert head_count(event.id)[0] == usual + 1
    with pytest.raises(Refused, match="bad_count"):
        report_head_count(event, 20_001, nonce=nonce(), sure=True, **fields)


def test_as_many_supporters_at_once_are_asked_about_too(app, event):
    for delta in (5000, -5000):
        with pytest.raises(Refused, match="count_unusual"):
            cheer(event, delta)
    assert line_figures(event.id).supporters == 0


def test_at_a_rally_thousands_are_usual(app):
    rally = make_event(chapters=[make_site()], venue="City Hall")
    fields = {"counted_at": OPEN, "via": "line", "by": "grant:test", "now": OPEN}
    report_head_count(rally, 2000, nonce=nonce(), **fields)
    with pytest.raises(Refused, match="count_unusual"):
        report_head_count(rally, 20_000, nonce=nonce(), **fields)


def test_the_plain_page_asks_once_and_keeps_what_was_typed(line, event):
    def report(**form):
        with time_machine.travel(OPEN, tick=False):
            return line.post(f"/line/{event.code}/do", data={"do": "head_count", "nonce": "a" * 32, **form})

    response = report(n="20000")
    assert response.status_code == 422 and "If that is right, tap the button again." in response.text
    assert 'name="sure" value="20000"' in response.text and 'value="20000" inputmode' in response.text
    assert line_figures(event.id).head_count is None
    assert report(n="19000", sure="20000").status_code == 422, "another number is asked about anew"
    assert report(n="20000", sure="20000").status_code == 303
    assert line_figures(event.id).head_count == 20_000


def test_a_phones_queue_learns_by_a_stable_code_that_a_count_is_unusual(line, event):
    with time_machine.travel(OPEN, tick=False):
        [answer] = send(line, event, item(1, "head_count", n=20_000))
        assert (answer["stored"], answer["error"]) == (False, "count_unusual") and "20000" in answer["why"]
        assert send(line, event, item(2, "head_count", n=20_000, sure=True))[0]["stored"] is True
