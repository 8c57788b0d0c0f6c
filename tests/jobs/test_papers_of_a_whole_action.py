"""Olga lets a worker draw the posters of a whole action, and put its chapters' reports on paper."""

import io
import zipfile
from typing import Any

import pypdfium2
import pytest
from flask import Flask
from flask.testing import FlaskClient

from mobilize.accounts.models import RoleName
from mobilize.actions.models import Action
from tests.builders import make_action, make_area, make_event, make_person, make_site, sign_in
from tests.jobs.work import work


@pytest.fixture
def action(app: Flask) -> Action:
    """Three places in the North and one in the South."""
    north, south, action = make_area("North"), make_area("South"), make_action()
    for name in ("Alder", "Birch", "Cedar"):
        make_event(make_site(f"{name} Elementary", area=north), action=action)
    make_event(make_site("Dogwood Elementary", area=south), action=action)
    return action


def olga_of(action: Action) -> Any:
    [north] = {event.area for event in action.events if event.area and event.area.name == "North"}
    return make_person("Olga", role=RoleName.ORGANIZER, area=north)


def file_of(client: FlaskClient, address: str, **form: str) -> Any:
    """The file at the end of the way: asked for, done by a worker, saved."""
    job = client.post(address, data=form).location
    assert "It starts in a moment." in client.get(job).text
    assert client.post(address, data=form).location == job, "asked for twice it is one"
    assert work() == 1
    assert "Save the file" in client.get(job).text
    answer = client.get(job + "/file")
    assert answer.status_code == 200 and answer.headers["Cache-Control"] == "no-store"
    return answer


def names_in(data: bytes) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(data)) as parts:
        assert parts.testzip() is None
        return sorted(parts.namelist())


def test_all_posters_come_in_one_file(client: FlaskClient, action: Action) -> None:
    sign_in(client, make_person(role=RoleName.ADMIN))
    answer = file_of(client, f"/actions/{action.id}/posters")
    assert answer.mimetype == "application/pdf" and len(pypdfium2.PdfDocument(answer.data)) == 4
    [south] = [event.area_id for event in action.events if event.area and event.area.name == "South"]
    answer = file_of(client, f"/actions/{action.id}/posters", area=str(south))
    assert len(pypdfium2.PdfDocument(answer.data)) == 1


def test_or_a_file_for_each_place_and_of_ones_own_area_alone(client: FlaskClient, action: Action) -> None:
    sign_in(client, olga_of(action))
    answer = file_of(client, f"/actions/{action.id}/posters", each="yes")
    names = names_in(answer.data)
    assert [name.rpartition("-")[0] for name in names] == [
        f"north-{name}-elementary" for name in ("alder", "birch", "cedar")
    ]


def test_the_reports_of_all_chapters_come_as_files_without_names(client: FlaskClient, action: Action) -> None:
    sign_in(client, olga_of(action))
    page = client.get(f"/actions/{action.id}/report").text
    assert "Reports of all 3 chapters to print" in page
    assert len(names_in(file_of(client, f"/actions/{action.id}/reports").data)) == 3


def test_what_somebody_may_not_see_any_more_is_not_drawn(client: FlaskClient, action: Action) -> None:
    other = make_action()
    make_event(make_site(area=make_area("West")), action=other)
    sign_in(client, olga_of(action))
    assert client.post(f"/actions/{other.id}/posters").status_code == 404
    assert client.post(f"/actions/{other.id}/reports").status_code == 404


def test_many_posters_are_not_drawn_while_a_page_waits(client: FlaskClient, app: Flask) -> None:
    area, action = make_area("North"), make_action()
    for n in range(26):
        make_event(make_site(f"School {n}", area=area), action=action)
    sign_in(client, make_person(role=RoleName.ADMIN))
    page = client.get(f"/actions/{action.id}").text
    assert f'action="/actions/{action.id}/posters"' in page and "posters.pdf" not in page
    assert client.get(f"/actions/{action.id}/posters.pdf").location == f"/actions/{action.id}"
