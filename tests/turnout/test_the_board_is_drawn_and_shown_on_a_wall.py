"""The map, the pace and the arrivals beside the tables; and the wall view, which tells of nobody."""

import re
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from mobilize import clock
from mobilize.accounts.access.grants import grant_line
from mobilize.accounts.models import GrantKind, RoleName
from mobilize.actions.models import Action
from mobilize.checkins.models import Method
from mobilize.checkins.record.decision import CheckInRequest
from mobilize.checkins.record.operations import check_in
from mobilize.database import atomic, db
from mobilize.turnout.board import cache as live
from mobilize.turnout.board.area_names import LETTER_WIDTH
from mobilize.turnout.board.pace import arrivals_of, pace_of
from mobilize.turnout.board.site_map import Map, MapArea, MapMarker, site_map
from mobilize.turnout.board.sites import board_sites
from mobilize.turnout.figures.disclosure_control import final_names, hidden
from mobilize.turnout.figures.queries import board
from tests.builders import START, make_action, make_campaign, make_member, make_person
from tests.turnout.conftest import Morning, arrive, enter

MINUTE = timedelta(minutes=1)


def test_every_site_has_its_place_and_its_shape_and_a_slip_does_not_shrink_the_map(morning: Morning) -> None:
    morning.freeze()
    morning.count(morning.madison, 0)
    _place(morning, [(34.05, -118.24), (34.10, -118.30), (34.05, 118.24)])  # the sign was forgotten
    drawn = _map_of(morning)
    assert [(mark.name, mark.state) for mark in drawn.marks] == [
        ("Madison", "zero"),
        ("Lincoln", "none"),
    ]
    madison, lincoln = drawn.marks
    assert madison.x < lincoln.x and madison.y < lincoln.y  # farther west, farther north
    assert drawn.unplaced == 1
    assert _is_in_view(lincoln, drawn) and _is_in_view(madison, drawn)


def test_the_map_has_outlines_and_a_coast_and_is_zoomed_to_an_area(morning: Morning) -> None:
    morning.freeze()
    _place(morning, [(34.05, -118.24), (34.10, -118.30), (34.40, -118.60)])
    coast = ((34.0, -118.7), (34.2, -118.5))
    whole, north = _map_of(morning, lines=[coast]), _map_of(morning, area_id=morning.north.id)
    assert sorted(area.name for area in whole.areas) == ["North", "South"]
    assert len(whole.lines) == 1 and whole.lines[0].count(",") == 2
    assert {mark.name for mark in whole.marks} == {"Lincoln", "Madison", "Roosevelt"}
    assert {mark.name for mark in north.marks} == {"Lincoln", "Madison"}
    assert north.scale < whole.scale and all(_is_in_view(mark, north) for mark in north.marks)


def test_many_sites_are_clusters_that_say_how_many_lines_are_empty(
    morning: Morning, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mobilize.turnout.board.site_map.MOST_MARKS", 2)
    morning.freeze()
    morning.count(morning.lincoln, 12)
    _place(morning, [(34.05, -118.24), (34.0501, -118.2401), (34.40, -118.60)])
    drawn = _map_of(morning)
    assert not drawn.marks
    assert sorted((one.sites, one.empty) for one in drawn.clusters) == [(1, 1), (2, 1)]


def test_no_name_of_an_area_stands_over_another(morning: Morning) -> None:
    morning.freeze()
    # Lincoln and Madison are in the North, Roosevelt in the South: their middles are almost one.
    _place(morning, [(34.00, -118.24), (34.20, -118.30), (34.1001, -118.27)])
    drawn = _map_of(morning)
    north, south = sorted(drawn.areas, key=lambda area: area.name)
    beside = abs(north.x - south.x) >= LETTER_WIDTH * drawn.name_size * len("North")
    assert beside or abs(north.y - south.y) >= drawn.name_size
    assert all(_is_in_view(area, drawn) for area in (north, south))


def test_the_pace_compares_with_the_last_action_at_the_same_minute(morning: Morning) -> None:
    campaign = make_campaign()
    earlier = make_action(campaign_id=campaign.id, starts_at=START - timedelta(days=7))
    with atomic() as session:
        session.get_one(Action, morning.action.id).campaign_id = campaign.id
    before = Morning(action=earlier, sites=morning.sites)
    morning.freeze()
    members = morning.members[morning.lincoln.id]
    for n, member in enumerate(members[:4]):
        before.send(member, morning.lincoln, at=earlier.starts_at + 10 * n * MINUTE)
    morning.send(members[0], morning.lincoln, at=START - MINUTE / 2)
    morning.send(members[1], morning.lincoln, at=START + 12 * MINUTE)
    live_board = board(morning.action)
    pace = pace_of(live_board, morning.action, START + 20 * MINUTE)
    assert pace is not None
    assert (pace.now, pace.then, pace.last.id) == (2, 3, earlier.id)
    steps = arrivals_of(live_board, morning.action).steps
    assert [(int((at - START) / MINUTE), n) for at, n in steps] == [(-5, 1), (0, 0), (5, 0), (10, 1)]


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ((10, 20, 30), (10, 20, 30)),
        ((0, 20, 30), (0, 20, 30)),
        ((3, 20, 30), (None, None, 30)),  # 20 goes as well: the sum is known
        ((1, 2, 30, 40), (None, None, None, 40)),  # 1 and 2 together are too few
        ((1, 4, 30), (None, None, 30)),
        ((3,), (None,)),
        ((3, 0), (None, None)),
    ],
)
def test_a_small_count_is_not_said_nor_given_away(counts: tuple[int], message: tuple[int | None]) -> None:
    assert hidden(counts) == message


def test_the_total_by_name_is_not_said_beside_who_came_when_the_difference_is_small(morning: Morning) -> None:
    morning.freeze()
    for member in morning.members[morning.lincoln.id]:
        morning.send(member, morning.lincoln)
    morning.send(make_member("Retired", status="retired", site=morning.lincoln), morning.lincoln)
    names = final_names(board(morning.action))
    assert (names.came, names.named) == (6, None)
    assert names.split == (None, None, None)


def test_a_wall_shows_figures_by_link_and_no_names_and_ends_when_taken_back(
    morning: Morning, client: FlaskClient
) -> None:
    morning.freeze()
    arrive(morning, morning.members[morning.lincoln.id][:5], morning.lincoln)
    arrive(morning, morning.members[morning.roosevelt.id][:1], morning.roosevelt)
    morning.send(morning.members[morning.lincoln.id][5], morning.lincoln)  # typed, and so not told
    morning.count(morning.lincoln, 31)
    with atomic() as session:
        session.get_one(Action, morning.action.id).ends_at = clock.now() + timedelta(hours=1)
    enter(client, make_person("Olga Office", role=RoleName.ADMIN), clock.now())
    response = client.post(f"/actions/{morning.action.id}/walls", data={"label": "Hall"})
    address = re.search(r"/wall/[A-Z0-9]+", response.text)
    assert response.status_code == 200 and address
    client.delete_cookie("session", domain="localhost")
    page = client.get(address[0])
    assert page.status_code == 200 and "Member0" not in page.text and "not shown" in page.text
    assert re.search(r"Names ticked or scanned by chairs and captains</dt><dd>6<", page.text)
    payload = client.get(f"{address[0]}/board.json")
    assert "31" in payload.json["html"]
    etag = {"If-None-Match": payload.headers["ETag"]}
    assert client.get(f"{address[0]}/board.json", headers=etag).status_code == 304
    enter(client, make_person("Olga Office", role=RoleName.ADMIN), clock.now())
    back = re.search(r"/actions/[^\"]+/revoke", client.get(f"/actions/{morning.action.id}/walls").text)
    assert back and client.post(back[0]).status_code == 303
    assert client.get(address[0]).status_code == 410
    assert client.get(f"{address[0]}/board.json").status_code == 410


def test_a_wall_is_not_drawn_anew_for_what_somebody_typed(
    morning: Morning, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the time of the next look would tell whether the number was a member's who is not in yet."""
    drawn, draw = [], live.render_json
    monkeypatch.setattr(live, "render_json", lambda what: drawn.append(1) or draw(what))
    monkeypatch.setattr(live, "KEEP", -1.0)
    morning.freeze()
    arrive(morning, morning.members[morning.lincoln.id][:5], morning.lincoln)
    event, later = morning.event(morning.lincoln), clock.now() + timedelta(hours=1)
    _g, token = grant_line(event.id, GrantKind.WALL, "", None, "test", later, now=clock.now())
    before = client.get(f"/wall/{token}/board.json").json
    typed = CheckInRequest(
        event_id=event.id, nonce=bytes(16), body=b"", method=Method.POSTER,
        happened_at=START + 5 * MINUTE, member_id=morning.members[morning.lincoln.id][5].id,
    )  # fmt: skip
    assert check_in(typed, now=clock.now()).outcome == "counted"
    assert client.get(f"/wall/{token}/board.json").json == before and len(drawn) == 1
    morning.count(morning.lincoln, 31)
    assert client.get(f"/wall/{token}/board.json").json != before and len(drawn) == 2


def test_a_captains_link_opens_no_wall(morning: Morning, client: FlaskClient) -> None:
    event, later = morning.event(morning.lincoln), clock.now() + timedelta(hours=1)
    _g, token = grant_line(event.id, GrantKind.CAPTAIN, "Ana", None, "test", later, now=clock.now())
    assert client.get(f"/wall/{token}").status_code == 410


def test_the_live_page_draws_map_and_arrivals(morning: Morning, client: FlaskClient) -> None:
    morning.freeze()
    _place(morning, [(34.05, -118.24), (34.10, -118.30), (34.15, -118.20)])
    morning.send(morning.members[morning.lincoln.id][0], morning.lincoln, at=START + 3 * MINUTE)
    enter(client, make_person("Olga Office", role=RoleName.ADMIN), clock.now())
    page = client.get(f"/actions/{morning.action.id}/turnout").text
    assert page.count("<use href=") == 3 and 'href="#m-uncounted"' in page
    assert "style=" not in page


def _map_of(morning: Morning, **how: Any) -> Map:
    whole = board(morning.action)
    drawn = site_map(board_sites(whole), {area.area_id: area.name for area in whole.areas}, **how)
    assert drawn is not None
    return drawn


def _is_in_view(mark: MapMarker | MapArea, drawn: Map) -> bool:
    left, top, width, height = drawn.view
    return left < mark.x < left + width and top < mark.y < top + height


def _place(morning: Morning, places: list[tuple[float, float]]) -> None:
    with atomic():
        for site, (lat, lon) in zip(morning.sites, places, strict=True):
            db.session.get_one(type(site), site.id).lat = lat
            db.session.get_one(type(site), site.id).lon = lon
