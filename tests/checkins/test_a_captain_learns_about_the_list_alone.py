"""What a line's phones are told of people whose names are not on their list: one number, and no more."""

import pytest

from mobilize.checkins.member.personal_links import personal_address
from mobilize.checkins.models import Method
from mobilize.turnout.figures.queries import board
from tests.builders import make_event, make_member, make_site
from tests.checkins.morning import attendance, evidence, grant_for, item, scan, send, tick

pytestmark = pytest.mark.usefixtures("in_the_morning")


@pytest.fixture
def lincoln(app):
    return make_site("Lincoln")


@pytest.fixture
def olga(lincoln):
    """A member of another chapter."""
    return make_member("Lund", "Olga", site=lincoln, phone="+12135550120", number="00004720")


def state(line, event):
    return line.get(f"/line/{event.code}/state").json


@pytest.mark.parametrize("typed", ["2135550120", "4720", "2135550142", "87654321"])
@pytest.mark.parametrize("is_in", [False, True])
def test_a_walk_in_is_one_more_whether_a_member_a_stranger_or_a_repeat(line, event, olga, typed, is_in):
    if is_in:
        scan(event, typed)
    before = state(line, event)
    answers = send(line, event, item(1, "walkin", typed=typed))
    assert answers == [{"nonce": f"{1:032x}", "stored": True, "outcome": "walkup"}]
    assert state(line, event) == before | {"others": before["others"] + 1}


def test_a_name_on_the_list_is_no_other(line, event, mia):
    assert send(line, event, item(1, member=str(mia.id)), item(2, "walkin", typed="2135550101"))
    result = state(line, event)
    assert (result["named"], result["others"], list(result["in"])) == (1, 0, [str(mia.id)])


def test_a_scanned_code_of_another_line_says_nothing_of_who_was_here_before(line, event, lincoln, olga):
    elsewhere = make_event(lincoln)
    code = personal_address(elsewhere.code, elsewhere.id, olga.id).rpartition("/p/")[2]
    first, again = (send(line, event, item(n, "scan", personal=code))[0] for n in (1, 2))
    assert first["outcome"] == again["outcome"] == "counted"
    assert [row.method for row in evidence(event)] == [Method.SCAN, Method.SCAN]
    assert len(attendance(event)) == 1 and state(line, event)["others"] == 2


def test_at_a_rally_all_is_one_number_and_no_id_is_told(client, lincoln, olga):
    rally = make_event(chapters=[make_site(), lincoln], venue="City Hall")
    client.set_cookie(f"line-{rally.code}", grant_for(rally)[1], domain="localhost")
    for n, typed in enumerate(("2135550120", "2135550142"), 1):
        scan(rally, typed)
        assert (state(client, rally)["named"], state(client, rally)["others"]) == (0, n)
    assert state(client, rally)["in"] == {}
    page = client.get(f"/line/{rally.code}").text
    assert "Check-ins on this line" in page and "Checked in from your list" not in page


def test_outsiders_count_ticks_alike_whether_or_not_their_member_typed_as_well(app, event, mia, site):
    typed_first, ticked_first, typed_only = (
        make_member(site=site, phone=f"+1213555013{n}") for n in range(3)
    )
    scan(event, "2135550130")
    tick(event, typed_first)
    tick(event, ticked_first)
    scan(event, "2135550131")
    scan(event, "2135550132")
    tick(event, mia)
    assert {row.member_id: row.observed for row in attendance(event)} == {
        typed_first.id: True,
        ticked_first.id: True,
        typed_only.id: False,
        mia.id: True,
    }
    assert board(event.action).total.names.observed == 3


def test_a_number_that_a_captain_typed_is_not_observed(line, event, mia):
    send(line, event, item(1, "walkin", typed="2135550101"))
    [row] = attendance(event)
    assert (row.member_id, row.observed, evidence(event)[0].method) == (mia.id, False, Method.WALKIN)
    send(line, event, item(2, "untick", member=str(mia.id)))
    assert not attendance(event), "who was written down by mistake is taken back by their name"
