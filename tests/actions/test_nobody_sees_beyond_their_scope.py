"""Somebody else's event looks exactly like one that does not exist."""

import io
import uuid

import pypdfium2
import pytest
from flask import Flask
from flask.testing import FlaskClient

from mobilize.accounts.models import RoleName
from mobilize.actions.models import Event
from tests.builders import make_action, make_area, make_event, make_member, make_person, make_site, sign_in
from tests.services.client import without_token

EVENT_PAGES = ("", "/change", "/poster.pdf", "/sheet.pdf")


@pytest.fixture
def event(app: Flask) -> Event:
    school: Event = make_event(make_site("Glenwood Elementary"))
    return school


def statuses(client: FlaskClient, event_id: uuid.UUID) -> list[int]:
    return [client.get(f"/events/{event_id}{page}").status_code for page in EVENT_PAGES]


def test_a_chair_opens_their_own_event_and_no_other(client: FlaskClient, event: Event) -> None:
    other = make_event()
    sign_in(client, make_person(role=RoleName.CHAIR, site=event.site))
    assert statuses(client, event.id) == [200] * 4
    assert statuses(client, other.id) == [404] * 4
    nobody = uuid.uuid4()
    foreign, missing = (without_token(client.get(f"/events/{one}").text) for one in (other.id, nobody))
    assert foreign.replace(str(other.id), str(nobody)) == missing
    assert client.get(f"/sites/{other.site_id}/events/new").status_code == 404


def test_a_chair_has_no_business_with_whole_actions(client: FlaskClient, event: Event) -> None:
    sign_in(client, make_person(role=RoleName.CHAIR, site=event.site))
    for page in ("/campaigns", "/actions/new", f"/actions/{event.action_id}"):
        assert client.get(page).status_code == 403


def test_an_organizer_sees_the_events_of_their_area_and_no_other(client: FlaskClient, app: Flask) -> None:
    north, south, action = make_area("North"), make_area("South"), make_action()
    own, other = (
        make_event(make_site(f"In {area.name}", area=area), action=action) for area in (north, south)
    )
    foreign = make_event()
    sign_in(client, make_person(role=RoleName.ORGANIZER, area=north))
    page = client.get(f"/actions/{action.id}").text
    assert "In North" in page and "In South" not in page
    assert statuses(client, own.id) == [200] * 4
    assert statuses(client, other.id) == [404] * 4
    assert client.get(f"/actions/{foreign.action_id}").status_code == 404
    assert len(_pages(client, f"/actions/{action.id}/posters.pdf")) == 1


def test_a_chair_reads_about_a_rally_of_theirs_and_cannot_change_it(client: FlaskClient, app: Flask) -> None:
    site, other = make_site(), make_site()
    rally = make_event(chapters=[site, other], venue="City Hall")
    sign_in(client, make_person(role=RoleName.CHAIR, site=site))
    assert statuses(client, rally.id) == [200, 404, 200, 404]
    assert "Open the line page" not in client.get(f"/events/{rally.id}").text


def test_signed_out_nothing_opens(client: FlaskClient, event: Event) -> None:
    for page in (f"/events/{event.id}", f"/events/{event.id}/sheet.pdf", "/campaigns"):
        assert client.get(page).status_code == 302
    assert client.post(f"/events/{event.id}/change", data={}).status_code == 401


def test_posters_of_an_action_come_in_one_file_and_by_area(client: FlaskClient, app: Flask) -> None:
    north, south, action = make_area("North"), make_area("South"), make_action()
    for area in (north, north, south):
        make_event(make_site(area=area), action=action)
    sign_in(client, make_person(role=RoleName.ADMIN))
    address = f"/actions/{action.id}/posters.pdf"
    assert len(_pages(client, address)) == 3
    assert len(_pages(client, f"{address}?area={north.id}")) == 2
    assert client.get(f"{address}?area=garbage").status_code == 200


def test_a_poster_says_where_to_go_and_the_sheet_names_the_chapter(client: FlaskClient, event: Event) -> None:
    make_member("Méndez", "Rosa", site=event.site)
    sign_in(client, make_person(role=RoleName.CHAIR, site=event.site))
    poster, sheet = (_pages(client, f"/events/{event.id}/{paper}.pdf")[0] for paper in ("poster", "sheet"))
    assert "Glenwood Elementary" in poster and f"HERE {event.text_code}" in poster
    assert "Rosa" not in poster
    assert "Méndez, Rosa" in sheet
    assert client.get(f"/events/{event.id}/sheet.pdf").headers["Cache-Control"] == "no-store"


def test_places_of_an_action_are_found_by_name_and_page_by_page(client: FlaskClient, app: Flask) -> None:
    area, action = make_area(), make_action()
    for n in range(51):
        make_event(make_site(f"School No{n:03d} 100%", area=area), action=action)
    sign_in(client, make_person(role=RoleName.ADMIN))
    page = client.get(f"/actions/{action.id}").text
    assert "Page 1 of 2" in page and "School No049" in page and "School No050" not in page
    assert "School No050" in client.get(f"/actions/{action.id}?page=2").text
    assert "1 place" in client.get(f"/actions/{action.id}?q=school+no042").text
    assert "51 places" in client.get(f"/actions/{action.id}?q=100%25").text
    for odd in ("q=%00", "page=-1", "page=999999999999999999999", "area=x", "q=" + "a " * 500):
        assert client.get(f"/actions/{action.id}?{odd}").status_code == 200


def _pages(client: FlaskClient, address: str) -> list[str]:
    answer = client.get(address)
    assert answer.mimetype == "application/pdf"
    with pypdfium2.PdfDocument(io.BytesIO(answer.data)) as pdf:
        return [page.get_textpage().get_text_range() for page in pdf]
