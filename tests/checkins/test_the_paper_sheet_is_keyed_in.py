import pytest
import time_machine

from mobilize.accounts.models import RoleName
from mobilize.checkins.line.paper_entry import mark_of
from mobilize.checkins.models import Method, Tier, Walkup
from mobilize.database import db
from tests.builders import make_event, make_member, make_person, make_site, sign_in
from tests.checkins.morning import OPEN, attendance, evidence, outcomes, scan


@pytest.fixture
def members(site):
    """On the sheet in this order: the first has number 1."""
    names = ("Álvarez", "Brown", "Cruz", "Diaz", "Evans")
    return [make_member(last, "Mia", site=site, phone=f"+1213555010{n}") for n, last in enumerate(names)]


@pytest.fixture
def event(site, members):
    return make_event(site)


@pytest.fixture
def key_in(client, event, site):
    with time_machine.travel(OPEN, tick=True):
        sign_in(client, make_person(role=RoleName.CHAIR, site=site))

        def post(numbers="", walkins="", mark=None, page="p1"):
            fields = {"numbers": numbers, "walkins": walkins, "mark": mark or mark_of(event), "page": page}
            return client.post(f"/events/{event.id}/paper", data=fields)

        yield post


def test_numbers_and_spans_are_vouched_for_by_paper(key_in, event, members):
    answer = key_in("5, 1\n2-3")
    assert answer.status_code == 200
    assert "Mia Álvarez, Mia Brown, Mia Cruz, Mia Evans" in answer.text, "read back by name"
    assert {row.member_id for row in attendance(event)} == {members[n].id for n in (0, 1, 2, 4)}
    assert {(row.method, row.tier) for row in evidence(event)} == {(Method.PAPER, Tier.VOUCHED)}


def test_the_same_form_twice_is_one_deed_and_their_own_check_in_makes_two_sources(key_in, event):
    scan(event, "2135550100")
    for _ in range(2):
        key_in("1 2")
    assert outcomes(event) == ["counted", "counted", "repeat"]
    assert sorted(row.tier for row in attendance(event)) == [Tier.VERIFIED, Tier.VOUCHED]


def test_who_wrote_themselves_in_is_found_by_number_or_waits_by_name(key_in, event):
    rosa = make_member("Lund", "Rosa", site=make_site(), phone="+12135550166")
    key_in(walkins="213-555-0166\n\nTomás Rivera\n")
    assert [row.member_id for row in attendance(event)] == [rosa.id]
    assert db.session.query(Walkup).one().typed == "Tomás Rivera"


@pytest.mark.parametrize("numbers", ["6", "0", "2-9", "1 two", "99999", "4-2x", "-"])
def test_what_is_not_on_the_sheet_is_said_and_nothing_is_stored(key_in, event, numbers):
    answer = key_in(f"1 {numbers}")
    assert answer.status_code == 422 and "Not on this sheet" in answer.text
    assert f"1 {numbers}" in answer.text, "what was typed is still there"
    assert not evidence(event)


def test_a_sheet_of_an_older_list_is_not_keyed_in_by_number(key_in, event, site):
    old = mark_of(event)
    make_member("Baker", "Ann", site=site)
    answer = key_in("1 2", mark=old)
    assert answer.status_code == 422 and "list has changed" in answer.text
    assert not evidence(event)
