"""Reports on paper and as workbooks: by area, with the states of the live board, in one's language."""

import csv
import io
from datetime import datetime

import pytest
from flask.testing import FlaskClient
from openpyxl import Workbook, load_workbook

from mobilize import clock
from mobilize.accounts.models import RoleName
from tests.builders import make_person
from tests.turnout.conftest import Morning, enter, fill, text_of


@pytest.fixture
def office(morning: Morning, client: FlaskClient) -> FlaskClient:
    """Lincoln (North) sent no head count though members are in by name; Roosevelt reported zero."""
    fill(morning)
    morning.count(morning.roosevelt, 0)
    enter(client, make_person("Olga Office", role=RoleName.ADMIN), clock.now())
    return client


def test_sites_stand_under_their_area_and_its_figures(morning: Morning, office: FlaskClient) -> None:
    paper = " ".join(text_of(office.get(f"/actions/{morning.action.id}/report.pdf").data).split())
    north, south = paper.index("North, by site"), paper.index("South, by site")
    under_north, under_south = paper[north:south], paper[south:]
    assert "eligible members" in under_north and "sites reported" in under_north
    assert "Lincoln" in under_north and "Lincoln" not in under_south


def test_an_area_has_no_second_heading(morning: Morning, office: FlaskClient) -> None:
    address = f"/actions/{morning.action.id}/areas/{morning.north.id}/report.pdf"
    paper = text_of(office.get(address).data)
    assert "By site" in paper and "North, by site" not in paper


def test_a_site_has_the_state_it_has_on_the_board(morning: Morning, office: FlaskClient) -> None:
    address = f"/actions/{morning.action.id}/report"
    paper = text_of(office.get(f"{address}.pdf").data)
    assert "Names, no head" in paper and "Reported zero" in paper
    states = _column(_workbook(office, address), "Sites", "Site", "State")
    assert (states["Lincoln"], states["Roosevelt"]) == ("Names, no head count", "Reported zero")
    page = office.get(f"/actions/{morning.action.id}/turnout").text
    assert "Names, no head count" in page and "Reported zero" in page


def test_csv_keeps_the_words_of_the_api(morning: Morning, office: FlaskClient) -> None:
    text = office.get(f"/actions/{morning.action.id}/report.csv?lang=es").get_data(True)[1:]
    rows = {row["site"]: row["state"] for row in csv.DictReader(io.StringIO(text))}
    assert set(rows.values()) <= {"none", "zero", "below", "on", "above", ""}


def test_a_workbook_speaks_the_readers_language(morning: Morning, office: FlaskClient) -> None:
    office.get("/?lang=es")
    book = _workbook(office, f"/actions/{morning.action.id}/report", "?lang=es")
    assert book.sheetnames == ["Sindicato", "Áreas", "Escuelas"]
    states = _column(book, "Escuelas", "Escuela", "Estado")
    assert (states["Lincoln"], states["Roosevelt"]) == ("Con nombres, sin conteo", "Reportó cero")
    words = [cell for sheet in book for row in sheet.iter_rows(values_only=True) for cell in row]
    assert not [word for word in words if isinstance(word, str) and "_" in word]


def test_the_day_in_a_workbook_is_a_date(morning: Morning, office: FlaskClient) -> None:
    about = dict(_workbook(office, f"/actions/{morning.action.id}/report")["Union"].values)
    assert isinstance(about["Day"], datetime)
    assert about["Day"].date() == clock.local(morning.action.starts_at, "America/Los_Angeles").date()


def _workbook(office: FlaskClient, address: str, query: str = "") -> Workbook:
    return load_workbook(io.BytesIO(office.get(f"{address}.xlsx{query}").data))


def _column(book: Workbook, sheet: str, of: str, column: str) -> dict[str, str]:
    headings, *rows = book[sheet].values
    return {row[headings.index(of)]: row[headings.index(column)] for row in rows}
