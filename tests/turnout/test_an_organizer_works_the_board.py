"""The board of many sites: searched, filtered, sorted; a head count entered for one of them at the desk."""

import json
import re
import secrets
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from flask.testing import FlaskClient

from mobilize import clock
from mobilize.accounts.access.scope import THE_OFFICE
from mobilize.accounts.models import RoleName
from mobilize.actions.models import Action, Event, EventState
from mobilize.audit import AuditRow
from mobilize.checkins.models import HeadCount
from mobilize.database import atomic, db
from mobilize.turnout.board import cache
from mobilize.turnout.board.pace import pace_of, paces_of_areas
from mobilize.turnout.board.sites import BoardState, board_state
from mobilize.turnout.figures.queries import board
from mobilize.turnout.figures.types import Board
from tests.builders import (
    START,
    make_action,
    make_area,
    make_campaign,
    make_event,
    make_person,
    make_site,
    sign_in,
)
from tests.turnout.conftest import Morning

CARMEN = "+12135550111"


@pytest.fixture
def office(client: FlaskClient) -> FlaskClient:
    sign_in(client, make_person("Olga Office", role=RoleName.ADMIN))
    return client


def test_the_first_page_holds_the_twenty_in_trouble_and_little_more(
    morning: Morning, office: FlaskClient
) -> None:
    _many_sites(morning, 40)
    morning.freeze()
    morning.count(morning.lincoln, 12)
    page = office.get(_board(morning))
    assert len(_listed(page.text)) == 20 and "Lincoln" not in _listed(page.text)
    assert len(page.data) < 60_000
    last = office.get(f"{_board(morning)}?page=3").text
    assert _listed(last)[-1] == "Lincoln"


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("q=pena", ["Peña Academy"]),
        ("q=south+roose", ["Roosevelt"]),
        ("q=nowhere", []),
        ("state=zero", ["Madison"]),
        ("state=none", ["Roosevelt", "Peña Academy"]),
        ("state=nonsense&sort=name", ["Lincoln", "Madison", "Peña Academy", "Roosevelt"]),
        ("sort=-heads", ["Lincoln", "Madison", "Roosevelt", "Peña Academy"]),
        ("sort=-name&q=a", ["Peña Academy", "Madison"]),
        ("area=nonsense&page=-3", ["Roosevelt", "Peña Academy", "Madison", "Lincoln"]),
    ],
)
def test_a_site_is_found_by_words_state_and_column_without_a_script(
    morning: Morning, office: FlaskClient, query: str, names: list[str]
) -> None:
    extra = make_site("Peña Academy", area=morning.north)
    make_event(extra, action=morning.action)
    morning.freeze()
    morning.count(morning.madison, 0)
    morning.count(morning.lincoln, 12)
    assert _listed(office.get(f"{_board(morning)}?{query}").text) == names


def test_an_areas_sites_are_found_by_its_tile(morning: Morning, office: FlaskClient) -> None:
    morning.freeze()
    page = office.get(f"{_board(morning)}?area={morning.south.id}").text
    assert _listed(page) == ["Roosevelt"]
    assert re.search(rf'data-area="{morning.south.id}" aria-current="true"', page)


def test_every_state_of_a_line_has_its_own_word(morning: Morning) -> None:
    morning.freeze()
    mia = morning.members[morning.lincoln.id][0]
    morning.send(mia, morning.lincoln)
    morning.count(morning.madison, 0)
    # Somebody checked in where a chair said that nobody is there: what was reported stands, and is looked at.
    morning.send(morning.members[morning.madison.id][0], morning.madison)
    states = {chapter.name: board_state(chapter) for chapter in board(morning.action).chapters}
    assert states == {
        "Lincoln": BoardState.UNCOUNTED,
        "Madison": BoardState.ZERO,
        "Roosevelt": BoardState.NONE,
    }


def test_an_action_that_has_not_begun_says_when_it_starts_and_no_site_is_in_trouble(
    morning: Morning, office: FlaskClient
) -> None:
    site = make_site("Early", area=morning.north)
    make_event(site, action=(later := make_action(starts_at=clock.now() + timedelta(days=8))))
    make_event(make_site("Other", area=morning.south), action=later)
    page = office.get(f"/actions/{later.id}/turnout").text
    assert "Starts " in page and page.count('class="badge waiting"') >= 3
    assert "not started" in page and "without a report" not in page
    assert [figures[0] for figures in _payload(office, later)["figures"]] == [6, 6]
    assert "Starts " in office.get(f"/actions/{later.id}/report").text
    calls = office.get(f"/actions/{later.id}/calls").text
    assert "Starts " in calls and "These sites sent no head count" not in calls


def test_more_names_than_people_is_not_said_again_of_a_line_that_reported_zero(
    morning: Morning, office: FlaskClient
) -> None:
    morning.freeze()
    morning.count(morning.madison, 0)
    morning.send(morning.members[morning.madison.id][0], morning.madison)
    page = office.get(_board(morning)).text
    table = page[page.index("<tbody") : page.index("</tbody>")]
    assert "Reported zero" in table and "More names than people" not in table


def _payload(office: FlaskClient, action: Action) -> dict[str, Any]:
    return dict(json.loads(office.get(f"/actions/{action.id}/turnout.json?with=html&places=1").data))


def test_what_keeps_the_page_fresh_are_numbers_and_names_come_once(
    morning: Morning, office: FlaskClient
) -> None:
    morning.freeze()
    morning.count(morning.madison, 5)
    source = f"/actions/{morning.action.id}/turnout.json?with=html"
    first = json.loads(office.get(f"{source}&places=1").data)
    assert [place[1] for place in first["places"]] == ["Lincoln", "Madison", "Roosevelt"]
    assert first["figures"][1] == [list(BoardState).index(BoardState.BELOW), 0, 4, 5, None, 0]
    later = json.loads(office.get(source).data)
    assert "places" not in later and later["key"] == first["key"]
    assert (
        later["more"] is None
        and "Areas as a table" in json.loads(office.get(f"{source}&more=1").data)["more"]
    )
    assert "Lincoln" not in json.dumps([later["figures"], later["html"]])


def test_a_poll_of_what_was_just_drawn_shows_it_to_nobody_else(
    morning: Morning, office: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    morning.freeze()
    monkeypatch.setattr("mobilize.turnout.board.cache.KEEP", 60.0)
    source = f"/actions/{morning.action.id}/turnout.json?with=html"
    first = office.get(source)
    assert office.get(source).data == first.data
    elsewhere = office.application.test_client()
    sign_in(elsewhere, make_person("Omar Okafor", role=RoleName.ORGANIZER, area=make_area("West")))
    assert elsewhere.get(source).status_code == 404


def test_one_is_sent_to_draw_anew_and_the_more_that_costs_the_later(
    morning: Morning, monkeypatch: pytest.MonkeyPatch
) -> None:
    morning.freeze()
    clocks = SimpleNamespace(now=1000.0, spent=0.0, drawn=0)
    times = SimpleNamespace(monotonic=lambda: clocks.now, thread_time=lambda: clocks.spent)
    monkeypatch.setattr(cache, "time", times)

    def draw(cost: float) -> None:
        def render(_board: Board) -> cache.Rendered:
            clocks.drawn, clocks.spent = clocks.drawn + 1, clocks.spent + cost
            return cache.render_json({"drawn": clocks.drawn})

        assert cache.rendered_for(morning.action, THE_OFFICE, ("test",), render)

    def lately() -> bool:
        return cache.rendered_lately(morning.action.id, THE_OFFICE, ("test",)) is not None

    draw(0.0)
    assert lately()
    morning.count(morning.lincoln, 5)
    clocks.now += 1.1
    assert [lately() for _look in range(4)] == [False, True, True, True]
    draw(0.5)  # for a part of a processor: the next one in some seconds
    assert clocks.drawn == 2
    morning.count(morning.lincoln, 6)
    clocks.now += 0.5 / cache.MOST_OF_A_PROCESSOR - 0.1
    assert lately()
    clocks.now += 0.2
    assert not lately()


def test_a_tile_says_how_its_area_compares(
    morning: Morning, office: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    paces = {morning.north.id: (2, 2), morning.south.id: (1, 3)}
    monkeypatch.setattr("mobilize.turnout.board.board_page.paces_of_areas", lambda _board, _pace: paces)
    page = office.get(_board(morning)).text
    assert "as many as last time" in page and "2 fewer than last time" in page
    assert "0 more than last time" not in page


def test_an_area_is_compared_with_itself_at_the_same_minute_of_the_last_action(morning: Morning) -> None:
    earlier = make_action(campaign_id=make_campaign().id, starts_at=START - timedelta(days=7))
    with atomic() as session:
        session.get_one(Action, morning.action.id).campaign_id = earlier.campaign_id
    before = Morning(action=earlier, sites=morning.sites)
    morning.freeze()
    for n, member in enumerate(morning.members[morning.lincoln.id][:3]):
        before.send(member, morning.lincoln, at=earlier.starts_at + timedelta(minutes=10 * n))
    morning.send(morning.members[morning.roosevelt.id][0], morning.roosevelt)
    whole = board(morning.action)
    paces = paces_of_areas(whole, pace_of(whole, morning.action, START + timedelta(minutes=12)))
    assert paces == {morning.north.id: (0, 2), morning.south.id: (1, 0)}


def test_a_count_is_entered_beside_the_board_once_and_by_whom_is_written_down(
    morning: Morning, office: FlaskClient
) -> None:
    make_person("Carmen Chair", phone=CARMEN, role=RoleName.CHAIR, site=morning.roosevelt)
    morning.freeze()
    page = office.get(_site(morning)).text
    assert f"tel:{CARMEN}" in page and "No report" in page
    form = {"n": "23", "nonce": _nonce(page)}
    for _twice in range(2):
        entered = office.post(f"{_site(morning)}?q=roose", data=form)
        assert (entered.status_code, entered.location) == (303, f"{_board(morning)}?q=roose")
    stored = db.session.scalars(db.select(HeadCount)).all()
    assert [(one.n, one.via) for one in stored] == [(23, "desk")]
    assert "Roosevelt: 23 counted." in office.get(_board(morning)).text
    assert "entered at the desk" in office.get(_site(morning)).text
    audited = db.session.scalars(db.select(AuditRow).where(AuditRow.verb == "count.enter")).all()
    assert {row.ref for row in audited} == {str(morning.event(morning.roosevelt).id)}


@pytest.mark.parametrize("typed", ["", "many", "-3", "9999999", "1.5"])
def test_what_is_no_count_is_asked_again_with_a_sentence(
    morning: Morning, office: FlaskClient, typed: str
) -> None:
    answer = office.post(_site(morning), data={"n": typed, "nonce": secrets.token_hex(16)})
    assert answer.status_code == 422 and "Please look at this again" in answer.text
    assert db.session.scalars(db.select(HeadCount)).all() == []


def test_a_surprising_count_is_asked_about_and_counts_when_it_is_right(
    morning: Morning, office: FlaskClient
) -> None:
    form = {"n": "900", "nonce": secrets.token_hex(16)}
    answer = office.post(_site(morning), data=form)
    assert answer.status_code == 422 and "Yes, count 900" in answer.text
    assert "If it is right, say so." in answer.text
    assert office.post(_site(morning), data={**form, "sure": "yes"}).status_code == 303
    assert [row.n for row in db.session.scalars(db.select(HeadCount))] == [900]


def test_a_closed_line_takes_no_count(morning: Morning, office: FlaskClient) -> None:
    with atomic() as session:
        session.get_one(Event, morning.event(morning.roosevelt).id).state = EventState.CLOSED
    answer = office.post(_site(morning), data={"n": "3", "nonce": secrets.token_hex(16)})
    assert answer.status_code == 422 and "its figures no longer change" in answer.text


def test_an_organizer_enters_no_count_of_another_area(morning: Morning, client: FlaskClient) -> None:
    sign_in(client, make_person("Omar North", role=RoleName.ORGANIZER, area=morning.north))
    assert client.get(_site(morning)).status_code == 404
    assert client.post(_site(morning), data={"n": "3", "nonce": secrets.token_hex(16)}).status_code == 404


def _many_sites(morning: Morning, count: int) -> None:
    for n in range(count):
        make_event(make_site(f"School {n:02d}", area=morning.north), action=morning.action)


def _board(morning: Morning) -> str:
    return f"/actions/{morning.action.id}/turnout"


def _site(morning: Morning) -> str:
    return f"{_board(morning)}/{morning.roosevelt.id}"


def _nonce(page: str) -> str:
    match = re.search(r'name="nonce"[^>]*value="(\w+)"', page)
    assert match
    return match[1]


def _listed(page: str) -> list[str]:
    """The names in the table of sites, in order."""
    table = page.split('id="sites"')[1].split("</table>")[0]
    return re.findall(r'<a href="[^"]*/turnout/[^"]+">([^<]+)</a>', table)
