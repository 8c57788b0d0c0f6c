"""On a strike day whoever leaves says so, by phone, at the line or on paper, and hours come of it."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from sqlalchemy import select

from mobilize.accounts.models import RoleName
from mobilize.actions.models import ActionKind, Shift
from mobilize.checkins.line.paper_entry import mark_of
from mobilize.checkins.line.queries import who_is_in
from mobilize.checkins.member.personal_links import personal_code
from mobilize.checkins.models import Attendance, CheckInKind, Duty, Method
from mobilize.checkins.record.deferred_attendance import derive_deferred
from mobilize.checkins.record.hours import TimedEvidence, minutes_of, spells
from mobilize.checkins.record.operations import check_in
from mobilize.database import atomic, db
from tests.builders import make_action, make_event, make_member, make_person, sign_in
from tests.checkins.morning import attendance, evidence, grant_for, outcomes, post, scan, tick, tick_proof
from tests.services.client import Client

SIX = datetime(2026, 3, 3, 14, 0, tzinfo=UTC)  # in Los Angeles
TEN, TWO = SIX + timedelta(hours=4), SIX + timedelta(hours=8)
MIA = "2135550101"


def at(clock):
    """A time of that day in Los Angeles: "9:45"."""
    hours, minutes = clock.split(":")
    return SIX + timedelta(hours=int(hours) - 6, minutes=int(minutes))


@pytest.fixture
def mia(site):
    return make_member("Reyes", "Mia", site=site, phone=f"+1{MIA}")


@pytest.fixture
def strike(site, mia):
    """From six to two, in two shifts."""
    action = make_action(kind=ActionKind.STRIKE, starts_at=SIX, ends_at=TWO)
    event = make_event(site, action=action)
    with atomic() as session:
        event.shifts[0].ends_at = TEN
        session.add(Shift(event_id=event.id, starts_at=TEN, ends_at=TWO))
        session.flush()
        session.expire(event, ["shifts"])
    return event


def leave(event, member, clock, **values):
    """Somebody says that they leave."""
    when = at(clock)
    fields = {"body": f"left {member.id}".encode(), "kind": CheckInKind.LEFT, **values}
    return check_in(tick_proof(event, member, at=when, **fields), now=when)


def shifts_of(event):
    """The shifts with their members, from when until when."""
    rows = db.session.execute(
        select(Shift.starts_at, Attendance.first_at, Attendance.out_at)
        .join(Attendance, Attendance.shift_id == Shift.id)
        .where(Attendance.event_id == event.id)
        .order_by(Shift.starts_at)
    )
    return [tuple(moment and moment.astimezone(UTC) for moment in row) for row in rows]


def test_a_check_in_falls_into_its_shift_and_who_is_early_comes_for_the_next(strike, site):
    expected = {"5:35": SIX, "9:44": SIX, "9:46": TEN, "11:00": TEN, "14:20": TEN}
    for clock in expected:
        tick(strike, make_member(site=site), at=at(clock))
    results = {came: shift for shift, came, _left in shifts_of(strike)}
    assert results == {at(clock): shift for clock, shift in expected.items()}


def test_who_stays_for_two_shifts_is_one_person_in_each(strike, mia):
    tick(strike, mia, at=at("6:05"))
    tick(strike, mia, at=at("10:05"))
    leave(strike, mia, "13:00")
    assert shifts_of(strike) == [(SIX, at("6:05"), at("13:00")), (TEN, at("10:05"), at("13:00"))]


def test_leaving_is_evidence_that_counts_nobody_and_coming_back_opens_again(strike, mia):
    tick(strike, mia, at=at("6:05"))
    assert leave(strike, mia, "8:00").outcome == "out"
    assert shifts_of(strike) == [(SIX, at("6:05"), at("8:00"))]
    scan(strike, MIA, at=at("9:00"))
    derive_deferred(at("9:00"))
    assert shifts_of(strike) == [(SIX, at("6:05"), None)], "as a check-in without any fuss"
    leave(strike, mia, "9:30")
    assert shifts_of(strike) == [(SIX, at("6:05"), at("9:30"))]
    assert outcomes(strike) == ["counted", "out", "out", "repeat"]


def test_it_does_not_matter_in_which_order_it_arrives(strike, mia):
    leave(strike, mia, "9:30")
    assert not attendance(strike), "who leaves was not checked in by that"
    check_in(tick_proof(strike, mia, at=at("6:05")), now=at("11:00"))  # from a phone without a network
    assert [derive_deferred(at("11:00")) for _again in range(2)] == [1, 1]
    assert shifts_of(strike) == [(SIX, at("6:05"), at("9:30"))]


def test_taking_a_check_out_back_leaves_them_there(client, strike, mia):
    with time_machine.travel(at("6:05"), tick=False) as clock:
        post(client, strike, MIA)
        clock.move_to(at("9:00"))
        post(client, strike, known="1", left="1")
        assert derive_deferred(at("9:00")) == 1
        assert shifts_of(strike) == [(SIX, at("6:05"), at("9:00"))]
        client.post(f"/c/{strike.code}/undo")
        derive_deferred(at("9:00"))
    assert shifts_of(strike) == [(SIX, at("6:05"), None)]


def masked(answer):
    """Without what is random in each answer: the receipt's code, the cookie, the form's token."""
    body = re.sub(r'(<dd class="code">)[0-9A-Z]{6}', r"\1", answer.text)
    body = re.sub(r'(name="token"[^>]*value=")[^"]+', r"\1", body)
    headers = [(n, re.sub(r"known=[\w-]{43}", "", v)) for n, v in answer.headers if n != "Date"]
    return answer.status, headers, body


@pytest.mark.parametrize("left", [{}, {"left": "1"}], ids=["coming", "leaving"])
def test_the_page_says_the_same_to_member_and_stranger(app, strike, mia, left):
    answers = []
    with time_machine.travel(at("7:00"), tick=False):
        for typed in (MIA, "2135550142", MIA):
            phone = Client(app, use_cookies=True)
            answers += [
                masked(post(phone, strike, typed, **left)),
                masked(post(phone, strike, known="1", **left)),
            ]
    assert len(set(map(str, answers))) == 1
    assert ("checked out" in answers[0][2]) is bool(left)


def test_a_phone_that_is_known_offers_both_and_a_picket_neither(client, strike, mia, site):
    picket = make_event(site, action=make_action(starts_at=SIX, ends_at=TWO))
    with time_machine.travel(at("7:00"), tick=False):
        assert "I am leaving" in post(client, strike, MIA).text
        page = client.get(f"/c/{strike.code}").text
        assert "Check me in" in page and "I am leaving" in page
        assert "I am leaving" not in client.get(f"/c/{picket.code}").text + post(client, picket, MIA).text


def test_a_tap_that_waited_on_the_phone_says_when_they_left(client, strike, mia):
    tick(strike, mia, at=at("6:05"))
    with time_machine.travel(at("11:00"), tick=False):
        token = re.search(r'name="token"[^>]*value="([^"]+)', client.get(f"/c/{strike.code}").text)[1]
        times = {"at": at("9:30").isoformat(), "sent_at": at("11:00").isoformat()}
        saved = {"nonce": "0" * 31 + "7", "typed": MIA, "token": token, "left": True, **times}
        answers = [client.post(f"/c/{strike.code}", json=saved).json for _ in range(2)]
    assert "checked out" in answers[0]["page"] and all(one["stored"] for one in answers)
    derive_deferred(at("11:00"))
    assert shifts_of(strike) == [(SIX, at("6:05"), at("9:30"))]


def test_their_own_link_checks_them_out_and_in_again(client, strike, mia):
    address = f"/p/{strike.code}/{personal_code(strike.id, mia.id)}"
    with time_machine.travel(at("6:05"), tick=False) as clock:
        for when, more in (("6:05", {}), ("8:00", {"left": "1"}), ("9:00", {}), ("9:30", {"left": "1"})):
            clock.move_to(at(when))
            token = re.search(r'name="token" value="([^"]+)', client.get(address).text)[1]
            for _ in range(2):
                assert client.post(address, data={"token": token, **more}).status_code == 200
    assert outcomes(strike) == ["counted", "out", "out", "repeat"]
    derive_deferred(at("9:30"))
    assert shifts_of(strike) == [(SIX, at("6:05"), at("9:30"))]


@pytest.fixture
def line(client, strike):
    client.set_cookie(f"line-{strike.code}", grant_for(strike, now=SIX)[1], domain="localhost")
    with time_machine.travel(at("9:00"), tick=False):
        yield client


def send(line, event, *taps):
    items = [
        {"nonce": f"{n:032x}", "at": at(clock).isoformat(), **item} for n, (clock, item) in enumerate(taps)
    ]
    return [
        one["outcome"] for one in line.post(f"/line/{event.code}/items", json={"items": items}).json["items"]
    ]


def test_a_captain_puts_them_on_kitchen_duty_and_sees_who_left(line, strike, mia, site):
    ana = make_member("Soto", "Ana", site=site)
    done = send(
        line, strike,
        ("6:05", {"kind": "tick", "member": str(mia.id), "duty": "kitchen"}),
        ("6:10", {"kind": "tick", "member": str(ana.id)}),
        ("8:00", {"kind": "left", "member": str(ana.id)}),
    )  # fmt: skip
    assert done == ["counted", "counted", "out"]
    assert {row.member_id: row.duty for row in attendance(strike)} == {mia.id: "kitchen", ana.id: None}
    state = line.get(f"/line/{strike.code}/state").json
    assert state["duties"] == {"kitchen": 1} and state["named"] == 2
    assert state["in"][str(mia.id)]["duty"] == "kitchen" and "out" not in state["in"][str(mia.id)]
    assert state["in"][str(ana.id)]["out"] == "8:00 AM".replace(" ", state["in"][str(ana.id)]["out"][4])
    page = line.get(f"/line/{strike.code}").text
    assert f"left:{mia.id}" in page and f"tick:{ana.id}" in page and "Kitchen" in page


def test_the_same_by_plain_forms(line, strike, mia):
    def do(nonce, **form):
        return line.post(
            f"/line/{strike.code}/do", data={"nonce": nonce * 32, **form}, follow_redirects=True
        ).text

    assert "Done." in do("a", do=f"tick:{mia.id}", duty="phones")
    assert "Done." in do("b", do=f"left:{mia.id}", duty="phones")
    assert who_is_in(strike.id)[mia.id].out_at == at("9:00")
    assert [row.duty for row in attendance(strike)] == ["phones"]


def test_the_line_page_of_a_picket_has_none_of_it(client, site, mia):
    picket = make_event(site, action=make_action(starts_at=SIX, ends_at=TWO))
    client.set_cookie(f"line-{picket.code}", grant_for(picket, now=SIX)[1], domain="localhost")
    tick(picket, mia, at=at("6:05"))
    with time_machine.travel(at("9:00"), tick=False):
        page = client.get(f"/line/{picket.code}").text
    assert "left:" not in page and 'id="duty"' not in page


def test_the_paper_sheet_has_a_shift_a_duty_and_who_signed_out_when(client, strike, mia, site):
    names = [make_member(last, site=site) for last in ("Alvarez", "Brown")]  # Mia Reyes is the third
    sign_in_at = at("14:10")
    with time_machine.travel(sign_in_at, tick=True):
        sign_in(client, make_person(role=RoleName.CHAIR, site=site))
        form = {"mark": mark_of(strike), "numbers": "1-3", "page": "p", "shift": "0", "duty": "phones"}
        path = f"/events/{strike.id}/paper"
        assert client.post(path, data={**form, "left": "half past"}).status_code == 422
        assert not evidence(strike)
        for _ in range(2):
            answer = client.post(path, data={**form, "left": "8:30 1\n9:30 2"})
            assert "2 signed out." in answer.text
    until = {names[0].id: at("8:30"), names[1].id: at("9:30"), mia.id: None}
    assert {row.member_id: row.out_at for row in attendance(strike)} == until
    assert {(row.first_at, row.duty) for row in attendance(strike)} == {(SIX, "phones")}
    assert {row.method for row in evidence(strike)} == {Method.PAPER} and len(evidence(strike)) == 5


def signs(*reports):
    """("6:05", "here" | "left" | a duty), each seen in the shift that ends at ten, or at two after that."""
    return [
        TimedEvidence(
            at(clock),
            CheckInKind.LEFT if what == "left" else CheckInKind.HERE,
            Duty(what) if what in set(Duty) else None,
            TEN if at(clock) < TEN else TWO,
        )
        for clock, what in reports
    ]


@pytest.mark.parametrize(
    ("reports", "expected"),
    [
        ([], []),
        ([("9:00", "left")], []),
        ([("6:05", "here"), ("9:00", "left")], [("picket", "6:05", "9:00", True)]),
        ([("9:00", "left"), ("6:05", "here")], [("picket", "6:05", "9:00", True)]),
        ([("6:05", "here")], [("picket", "6:05", "10:00", False)]),
        ([("6:05", "here"), ("10:05", "here")], [("picket", "6:05", "14:00", False)]),
        (
            [("6:05", "here"), ("7:00", "left"), ("8:00", "left"), ("9:00", "here"), ("12:00", "left")],
            [("picket", "6:05", "7:00", True), ("picket", "9:00", "12:00", True)],
        ),
        (
            [("6:05", "here"), ("8:00", "kitchen"), ("9:00", "here"), ("9:30", "left")],
            [("picket", "6:05", "8:00", True), ("kitchen", "8:00", "9:30", True)],
        ),
        ([("6:05", "phones"), ("6:05", "left")], [("phones", "6:05", "6:05", True)]),
    ],
)
def test_hours_are_what_was_said_and_what_was_not_said_is_marked(reports, expected):
    results = [(s.duty.value, s.from_at, s.until_at, s.is_reported) for s in spells(signs(*reports))]
    assert results == [(duty, at(begin), at(end), is_reported) for duty, begin, end, is_reported in expected]


def test_minutes_that_overlap_count_once_and_only_within_the_hours():
    [early] = spells(signs(("5:35", "here"), ("9:00", "left")))
    assert early.within(SIX, TWO) == (SIX, at("9:00"))
    assert minutes_of([(SIX, at("8:00")), (at("7:00"), at("9:00")), (at("9:30"), TEN)]) == 210
    [late] = spells(signs(("14:05", "here"), ("14:20", "left")))
    assert minutes_of([late.within(SIX, TWO)]) == 0
