"""Where is my line?: by school, near a school or a tap on the map, on one page that may be framed."""

from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from mobilize import clock
from mobilize.accounts.models import RoleName
from mobilize.actions.line_finder.operations import show_lines
from mobilize.actions.line_finder.queries import open_finder
from mobilize.actions.models import Action, Event
from mobilize.actions.operations import call_off_action
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.keys import tokens
from tests.builders import make_action, make_event, make_person, make_site, sign_in
from tests.test_security_headers import policy

# Downtown, a mile north of it, the valley: and one whose signs are swapped.
DOWNTOWN, NORTH, VALLEY, SLIP = (34.05, -118.25), (34.0645, -118.25), (34.20, -118.45), (-34.05, 118.25)


def line(name: str, at: tuple[float, float] | None, action: Action, **values: object) -> Event:
    lat, lon = at or (None, None)
    site = make_site(name, lat=lat, lon=lon, street="1 Main Street", city="Los Angeles")
    return make_event(site, action=action, **values)  # type: ignore[arg-type]


@pytest.fixture
def action(app: Flask) -> Action:
    now = clock.now()
    action = make_action(starts_at=now, ends_at=now + timedelta(hours=1))
    line("Lincoln Senior High", DOWNTOWN, action)
    line("Roosevelt Elementary", NORTH, action)
    line("Reseda Charter", VALLEY, action)
    line("Lost Middle", SLIP, action)
    return action


@pytest.fixture
def open_action(action: Action) -> Action:
    show_lines(action, True, actor="shell", now=clock.now())
    return action


def test_nobody_finds_anything_before_the_office_says_so(action: Action, client: FlaskClient) -> None:
    page = client.get("/where?q=lincoln")
    assert page.status_code == 404 and "There is no line to look up now" in page.text
    assert "Lincoln" not in page.text
    assert client.get("/where.json").get_json() == {"lines": []}


def test_the_office_switches_it_on_and_off(action: Action, client: FlaskClient) -> None:
    sign_in(client, make_person("Ada Stone", role=RoleName.ADMIN))
    assert "Show its lines to everybody" in client.get(f"/actions/{action.id}").text
    for _twice in range(2):
        assert client.post(f"/actions/{action.id}/where?show=1").status_code == 303
    assert client.get("/where?q=lincoln").status_code == 200
    assert "Stop showing them" in client.get(f"/actions/{action.id}").text
    client.post(f"/actions/{action.id}/where?show=0")
    assert client.get("/where?q=lincoln").status_code == 404


def test_an_organizer_does_not_switch_it(action: Action, client: FlaskClient) -> None:
    area = db.session.get_one(Event, action.events[0].id).area
    sign_in(client, make_person("Olga Brandt", role=RoleName.ORGANIZER, area=area))
    assert client.post(f"/actions/{action.id}/where?show=1").status_code == 403
    assert "Show its lines" not in client.get(f"/actions/{action.id}").text


def test_somebody_types_their_school_and_reads_where_and_when(
    open_action: Action, client: FlaskClient
) -> None:
    event = next(
        event for event in open_action.events if event.site and event.site.name.startswith("Lincoln")
    )
    with atomic():
        event.meet_at = "Front gate on Broadway"
    page = client.get("/where?q=LINCÓLN high").text
    assert "Front gate on Broadway" in page and "1 Main Street, Los Angeles" in page
    # The nearest other line stands first, with its distance.
    near = page.partition("Lines near it")[2]
    assert near.index("Roosevelt") < near.index("Reseda") and "About 1.0 miles" in near
    assert "Lost Middle" not in near


def test_the_page_speaks_spanish_by_its_address_alone(open_action: Action, client: FlaskClient) -> None:
    page = client.get("/where?q=lincoln&lang=es").text
    assert "¿Dónde está mi línea?" in page and "lang=es" in page
    assert "<script" not in page


def test_several_schools_are_offered_and_a_slip_of_the_pen_too(
    open_action: Action, client: FlaskClient
) -> None:
    several = client.get("/where?q=e").text
    assert "Which of them?" in several and "Roosevelt Elementary" in several
    alike = client.get("/where?q=Linkoln Senior").text
    assert "Did you mean one of these?" in alike and "Lincoln Senior High" in alike
    nothing = client.get("/where?q=%00%F0%9F%91%8D")
    assert nothing.status_code == 200 and "No school is called that" in nothing.text


def test_a_tap_on_the_map_names_the_lines_around_it(open_action: Action, client: FlaskClient) -> None:
    whole = client.get("/where").text
    assert whole.count("<rect") == 64 and "at=77" in whole
    # The valley lies in the upper left.
    near = client.get("/where?at=00").text.partition("Lines near where you tapped")[2]
    assert near.index("Reseda") < near.index("Lincoln")
    assert client.get("/where?at=00-44").status_code == 200
    for nonsense in ("99", "0", "00-44-11", "00-", "x"):
        page = client.get("/where", query_string={"at": nonsense})
        assert page.status_code == 200 and "where you tapped" not in page.text


def test_a_line_that_moved_or_was_called_off_says_so(open_action: Action, client: FlaskClient) -> None:
    call_off_action(open_action, actor="shell", now=clock.now())
    later = clock.now() + timedelta(seconds=6)
    finder = open_finder(later)
    assert finder is not None and all(line.called_off for line in finder.lines)
    assert finder.nearest(DOWNTOWN, 5) == []


def test_it_is_gone_when_the_action_ends(open_action: Action, client: FlaskClient) -> None:
    assert open_finder(open_action.ends_at - timedelta(seconds=1)) is not None
    assert open_finder(open_action.ends_at) is None


def test_a_rehearsal_and_what_is_over_are_not_shown(app: Flask) -> None:
    now = clock.now()
    over = make_action(starts_at=now - timedelta(hours=2), ends_at=now - timedelta(hours=1))
    drill = make_action(starts_at=now, ends_at=now + timedelta(hours=1), drill=True)
    for action, code in ((over, "is_over"), (drill, "is_drill")):
        with pytest.raises(Refused) as refused:
            show_lines(action, True, actor="shell", now=now)
        assert refused.value.code == code


def test_a_program_reads_the_same_and_nothing_of_members(open_action: Action, client: FlaskClient) -> None:
    lines = client.get("/where.json?q=lincoln").get_json()["lines"]
    assert [line["place"] for line in lines] == ["Lincoln Senior High"]
    assert set(lines[0]) == {
        *(
            "action",
            "sites",
            "place",
            "meet_at",
            "address",
            "starts_at",
            "ends_at",
            "time_zone",
            "called_off",
        ),
        *("lat", "lon"),
    }
    assert lines[0]["starts_at"][-6:] in ("-08:00", "-07:00")
    assert len(client.get("/where.json").get_json()["lines"]) == 4


def test_this_page_alone_may_be_framed_and_by_the_listed_alone(open_action: Action, app: Flask) -> None:
    before = app.config["MOBILIZE"]
    client = app.test_client()
    assert policy(client.get("/where"))["frame-ancestors"] == "'none'"
    app.config["MOBILIZE"] = replace(before, line_finder_origins=("https://www.union.org",))
    try:
        assert policy(client.get("/where"))["frame-ancestors"] == "https://www.union.org"
        for other in ("/", "/where.json", "/sign-in"):
            assert policy(client.get(other))["frame-ancestors"] == "'none'"
        allowed = client.get("/where.json", headers={"Origin": "https://www.union.org"})
        assert allowed.headers["Access-Control-Allow-Origin"] == "https://www.union.org"
        other = client.get("/where.json", headers={"Origin": "https://evil.example"})
        assert "Access-Control-Allow-Origin" not in other.headers
    finally:
        app.config["MOBILIZE"] = before


def test_in_a_frame_nobody_is_signed_in(open_action: Action, client: FlaskClient) -> None:
    sign_in(client, make_person("Ada Stone", role=RoleName.ADMIN))
    page = client.get("/where").text
    assert "Ada Stone" not in page and 'method="post"' not in page


def test_a_chair_takes_the_codes_for_a_flyer_of_their_own(open_action: Action, client: FlaskClient) -> None:
    event = open_action.events[0]
    sign_in(client, make_person(role=RoleName.CHAIR, site=event.site))
    page = client.get(f"/events/{event.id}").text
    assert f"/events/{event.id}/qr.svg" in page and f"/events/{event.id}/qr.png?of=where" in page
    svg = client.get(f"/events/{event.id}/qr.svg")
    assert svg.mimetype == "image/svg+xml" and svg.text.startswith("<?xml")
    assert _read(client.get(f"/events/{event.id}/qr.png").data) == event.check_in_address.upper()
    where = _read(client.get(f"/events/{event.id}/qr.png?of=where").data)
    assert where.endswith("/WHERE") and client.get("/WHERE").status_code == 200
    assert tokens.read_code(event.code) == event.code


def _read(png: bytes) -> str:
    import io

    import zxingcpp
    from PIL import Image

    image = Image.open(io.BytesIO(png))
    assert min(image.size) >= 900
    [code] = zxingcpp.read_barcodes(image)
    return str(code.text)


def test_a_page_is_rendered_once_in_five_seconds(open_action: Action, client: FlaskClient) -> None:
    """The morning everybody looks, check-ins share the machine with it."""
    first = client.get("/where?at=00&lang=en", headers={"Accept-Encoding": "gzip"})
    assert first.headers["Content-Encoding"] == "gzip"
    finder = open_finder(clock.now())
    assert finder is not None
    again = finder.page(("en", "", "00", ""), lambda: pytest.fail("rendered again"))
    assert "Lines near where you tapped" in again.filled({})
    assert "Lines near where you tapped" not in client.get("/where?at=99&lang=en").text
    assert client.get("/where?lang=es&at=00").text != client.get("/where?lang=en&at=00").text
