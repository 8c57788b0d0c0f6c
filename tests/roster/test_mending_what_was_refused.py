"""The office mends refused lines in a spreadsheet and adds them; unknown places are chosen on the page."""

import io
import re

import openpyxl
import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from mobilize.accounts.models import RoleName
from mobilize.database import db
from mobilize.jobs.models import JobFile
from mobilize.roster.models import Import, ImportState, Member
from mobilize.roster.uploads.uploaded_table import open_table
from tests.builders import make_person, sign_in
from tests.jobs.work import carried_out
from tests.roster.files import BIRCH, HEADER, MAPLE, csv_bytes, member, roster, workbook
from tests.roster.importing import home, who

pytestmark = pytest.mark.usefixtures("imported_sites")


@pytest.fixture
def office(client: FlaskClient) -> FlaskClient:
    sign_in(client, make_person("Ada Office", role=RoleName.ADMIN))
    return client


def post(client: FlaskClient, address: str, data: bytes | None = None, **more: str) -> str:
    """The page that a posted file, or form, leads to once a worker has done it."""
    file = {"file": (io.BytesIO(data), "list")} if data is not None else {}
    answer = carried_out(client, client.post(address, data={**file, **more}))
    assert answer.status_code == 302, answer.text
    return str(answer.location)


def rows_of(data: bytes) -> tuple[list[str], list[list[str]]]:
    table = open_table(data)
    return table.header, [record.cells for record in table.records]


def imported(client: FlaskClient, address: str) -> int:
    post(client, address + "/commit")
    return db.session.scalar(select(func.count()).select_from(Member).where(Member.gone_on.is_(None))) or 0


def test_refused_lines_are_mended_in_a_csv_and_read_with_the_rest(office: FlaskClient) -> None:
    formula = member("", "=Reyes", "Mia", notes="+1 (213) 555-0101")
    page = post(office, "/imports/roster", roster(member("1"), formula, member("2", status="Banana")))
    answer = office.get(page + "/refused-lines")
    assert 'filename="refused-lines.csv"' in answer.headers["Content-Disposition"]
    assert answer.headers["Cache-Control"] == "no-store"
    header, rows = rows_of(answer.data)
    assert header == ["Why it was refused", *HEADER]
    assert [row[0] for row in rows] == ["has no member number", "the status is a word we do not know"]
    assert rows[0][2] == "'=Reyes" and rows[0][-1].startswith("'+1"), "no spreadsheet runs it"
    rows[0][1], rows[1][13] = "00000003", "Active"
    again = post(office, page + "/mended", csv_bytes([header, *rows], "utf-8-sig"))
    text = office.get(again).text
    assert "add 3, change 0, remove 0" in text and "are refused" not in text
    assert imported(office, again) == 3 and who("3").person.last == "=Reyes"


def test_a_workbook_comes_back_as_a_workbook_and_may_be_mended_twice(office: FlaskClient) -> None:
    bad = [member("", last=name) for name in ("Reyes", "Okafor", "Lund")]
    page = post(office, "/imports/roster", workbook([HEADER, member("1"), *bad]))
    for n in (2, 3):
        data = office.get(page + "/refused-lines").data
        book = openpyxl.load_workbook(io.BytesIO(data))
        assert book.active.max_row == 1 + 5 - n
        book.active.cell(row=2, column=2).value = str(n)
        out = io.BytesIO()
        book.save(out)
        page = post(office, page + "/mended", out.getvalue())
    assert "1 line is refused" in office.get(page).text
    assert imported(office, page) == 3 and who("3").person.last == "Okafor"
    assert office.get(page + "/refused-lines").status_code == 404, "forgotten with the import"
    assert db.session.scalar(select(func.count()).select_from(JobFile)) == 0


def test_a_line_with_a_cell_too_many_keeps_it(office: FlaskClient) -> None:
    page = post(office, "/imports/roster", roster(member("1"), [*member("2"), "one too many"]))
    _header, [row] = rows_of(office.get(page + "/refused-lines").data)
    assert row[1] == "2" and row[-1] == "one too many"


def test_why_is_said_in_the_language_of_whoever_uploads(office: FlaskClient) -> None:
    office.post("/language", data={"language": "es", "next": "/"})
    page = post(office, "/imports/roster", roster(member("1"), member("")))
    header, [row] = rows_of(office.get(page + "/refused-lines").data)
    assert (header[0], row[0]) == ("Por qué se rechazó", "no tiene número de miembro")
    office.post("/language", data={"language": "en", "next": "/"})
    row[1] = "2"
    assert "add 2" in office.get(post(office, page + "/mended", csv_bytes([header, row]))).text


def test_mended_lines_are_never_taken_for_a_whole_roster_nor_the_other_way_round(office: FlaskClient) -> None:
    page = post(office, "/imports/roster", roster(member("1"), member("")))
    answer = office.post(
        "/imports/roster", data={"file": (io.BytesIO(office.get(page + "/refused-lines").data), "x.csv")}
    )
    assert answer.status_code == 422 and "not a whole roster" in answer.text
    answer = office.post(page + "/mended", data={"file": (io.BytesIO(roster(member("1"))), "x.csv")})
    assert answer.status_code == 422 and "not the file of refused lines" in answer.text
    assert "add 1" in office.get(page).text, "as it was"


def test_a_file_that_is_gone_is_places_for_again(office: FlaskClient) -> None:
    page = post(office, "/imports/roster", roster(member("1"), member("")))
    mended = office.get(page + "/refused-lines").data
    office.post(page + "/drop")
    assert db.session.scalar(select(func.count()).select_from(JobFile)) == 0
    assert office.post(page + "/mended", data={"file": (io.BytesIO(mended), "x")}).status_code == 404


def test_an_unknown_place_is_chosen_from_the_nearest_and_remembered(office: FlaskClient) -> None:
    rows = [
        member("1", code="", school="Mapel Stret Elementry"),
        member("2", code="", school="Birch Middel"),
        member("3", code="", school="On leave, no site"),
    ]
    page = post(office, "/imports/roster", roster(*rows))
    text = office.get(page).text
    selects = re.findall(r'name="site-(\d)" aria-label="Which site is ([^?]+)\?"', text)
    places = {word: n for n, word in selects}
    assert places.keys() == {"Mapel Stret Elementry", "Birch Middel", "On leave, no site"}
    choice = {
        f"site-{places['Mapel Stret Elementry']}": MAPLE,
        f"site-{places['On leave, no site']}": "leave",
        f"site-{places['Birch Middel']}": "",
    }
    again = post(office, page + "/places", **choice)
    text = office.get(again).text
    assert "Birch Middel" in text and "Mapel Stret" not in text and "On leave, no site" not in text
    post(office, again + "/commit")
    assert (home("1"), home("2"), home("3")) == (MAPLE, None, None)
    rows.append(member("4", code="", school="MAPEL STRET ELEMENTRY"))
    later = post(office, "/imports/roster", roster(*rows))
    assert "Mapel" not in office.get(later).text, "remembered for its source"
    post(office, later + "/commit")
    assert home("4") == MAPLE


def test_a_site_that_was_not_offered_is_not_taken(office: FlaskClient) -> None:
    page = post(office, "/imports/roster", roster(member("1", code="", school="Birch Middel")))
    answer = office.post(page + "/places", data={"site-0": "00000000000000", "site-²": BIRCH})
    assert answer.location == page and "Nothing was chosen." in office.get(page).text
    assert db.session.scalars(select(Import).where(Import.state == ImportState.STAGED)).one()


def test_a_place_like_no_site_is_offered_none_and_any_site_is_typed(office: FlaskClient) -> None:
    page = post(office, "/imports/roster", roster(member("1", code="", school="SUB POOL 7")))
    text = office.get(page).text
    assert "No site is like it" in text and "Birch" not in text.split("<datalist")[0]
    assert 'list="all-sites"' in text and '<option value="Birch Middle"' in text
    again = post(office, page + "/places", **{"site-0": "", "other-0": "birch middle"})
    post(office, again + "/commit")
    assert home("1") == BIRCH


def test_a_typed_site_that_is_not_known_is_said(office: FlaskClient) -> None:
    page = post(office, "/imports/roster", roster(member("1", code="", school="SUB POOL 7")))
    office.post(page + "/places", data={"site-0": "", "other-0": "Nowhere High"})
    assert "We know no site “Nowhere High”." in office.get(page).text
