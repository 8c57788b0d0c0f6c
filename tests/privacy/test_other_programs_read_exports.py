"""Attendance and hours as other programs read them: their headings, who came, and who took the file."""

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from mobilize.accounts.models import Person, RoleName
from mobilize.actions.models import ActionKind
from mobilize.database import atomic
from mobilize.turnout.board import cache as live
from tests.builders import make_person, sign_in
from tests.privacy.morning import Morning, day

WHY = "Thank-you calls"
DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(autouse=True)
def stopped_clock() -> Iterator[None]:
    live.forget()
    with time_machine.travel(day(1), tick=False):
        yield
    live.forget()


@pytest.fixture
def morning(app: Flask) -> Morning:
    return Morning().happen()


@pytest.fixture
def olga(client: FlaskClient, morning: Morning) -> Person:
    person = make_person("Olga Peña", role=RoleName.ORGANIZER, area=morning.lincoln.area)
    sign_in(client, person)
    return person


def export(client: FlaskClient, morning: Morning, format: str, kind: str = "names") -> Any:
    form = {"kind": kind, "format": format, "reason": WHY}
    page = client.post(f"/exports/{morning.action.id}", data=form).get_data(as_text=True)
    token = page.split('href="/exports/file/')[1].split('"')[0]
    return client.post(f"/exports/file/{token}")


def table(answer: Any) -> list[dict[str, str]]:
    assert answer.mimetype == "text/csv" and not answer.data.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(answer.data.decode())))


@pytest.mark.parametrize(
    ("format", "number", "expected"),
    [
        ("van", "External ID", {"Status": "Completed", "Role": "Participant", "Event Date": "2026-03-03"}),
        ("action_network", "member_number", {"attended_on": "2026-03-03"}),
        ("action_builder", "Custom ID", {"Date": "2026-03-03"}),
        ("broadstripes", "Employee ID", {"Date": "2026-03-03"}),
        ("nationbuilder", "external_id", {"tag_list": "Attended: Morning picket 2026-03-03"}),
    ],
)
def test_each_program_has_its_headings_and_only_who_came(
    client: FlaskClient, morning: Morning, olga: Person, format: str, number: str, expected: dict[str, str]
) -> None:
    answer = export(client, morning, format)
    rows = {row[number]: row for row in table(answer)}
    assert "90000101" in rows and not {m.number for m in morning.home} & set(rows)
    mia = rows["90000101"]
    assert expected.items() <= mia.items()
    assert "Olga Peña" in mia["Source"] and WHY in mia["Source"]
    assert "213555" not in str(rows) and "(213) 555" not in str(rows)  # phones need a second person
    assert answer.headers["Content-Disposition"].endswith('.csv"')


def test_the_table_in_the_docs_names_their_headings(
    client: FlaskClient, morning: Morning, olga: Person
) -> None:
    formats = {
        "VAN, EveryAction": "van",
        "Action Network": "action_network",
        "Action Builder": "action_builder",
        "Broadstripes": "broadstripes",
        "NationBuilder": "nationbuilder",
    }
    lines = (DOCS / "reports.md").read_text(encoding="utf-8").partition("| program | finds people by ")[2]
    rows = [line.strip("|").split("|") for line in lines.partition("\n\n")[0].splitlines()[2:]]
    assert {row[0].strip() for row in rows} == formats.keys()
    for program, *cells in rows:
        [mia] = [
            row for row in table(export(client, morning, formats[program.strip()])) if "Mia" in row.values()
        ]
        named = set(re.findall(r"`([^`]+)`", "".join(cells)))
        assert named <= mia.keys() | set(mia.values()), program


def test_the_page_says_where_a_file_names_who_took_it(
    client: FlaskClient, morning: Morning, olga: Person
) -> None:
    page = client.get(f"/exports/{morning.action.id}").text
    says = " ".join(page.split())
    assert "who took it, and when: in its name and in its first row" in says
    assert "For another program it is in a last column, or named" in says
    assert "by their mobile number: choose phone numbers for it" in page


def test_phones_are_in_it_where_phones_were_asked_for(
    client: FlaskClient, morning: Morning, olga: Person
) -> None:
    rows = {row["External ID"]: row for row in table(export(client, morning, "van", "phones"))}
    assert rows["90000101"]["Cell Phone"].startswith("(213) 555-")


def test_osdi_has_a_person_in_each_attendance(client: FlaskClient, morning: Morning, olga: Person) -> None:
    answer = export(client, morning, "osdi")
    assert answer.mimetype == "application/hal+json"
    document = json.loads(answer.data)
    attendances = document["_embedded"]["osdi:attendances"]
    assert document["total_records"] == len(attendances) >= 2
    [mia] = [one for one in attendances if one["identifiers"][0].endswith("/90000101")]
    assert mia["attended"] is True and mia["status"] == "accepted"
    person = mia["_embedded"]["osdi:person"]
    assert (person["given_name"], person["family_name"]) == ("Mia", "Reyes")
    assert "phone_numbers" not in person and "Olga Peña" in document["source"]


def test_osdi_writes_a_phone_in_digits_alone(client: FlaskClient, morning: Morning, olga: Person) -> None:
    document = json.loads(export(client, morning, "osdi", "phones").data)
    people = [one["_embedded"]["osdi:person"] for one in document["_embedded"]["osdi:attendances"]]
    numbers = [phone["number"] for person in people for phone in person.get("phone_numbers", ())]
    assert numbers and all(re.fullmatch(r"1\d{10}", number) for number in numbers)


def test_nationbuilder_is_given_its_own_fields_alone(
    client: FlaskClient, morning: Morning, olga: Person
) -> None:
    """By its list of fields available for import; the last column is for people."""
    fields = {"external_id", "first_name", "last_name", "mobile_number", "employer", "tag_list", "Source"}
    [row, *_rest] = table(export(client, morning, "nationbuilder"))
    assert set(row) == fields and "," not in row["tag_list"]


def test_payroll_reads_shifts_and_hours(client: FlaskClient, morning: Morning, olga: Person) -> None:
    with atomic():
        morning.action.kind = ActionKind.STRIKE
    rows = [
        row for row in table(export(client, morning, "payroll", "hours")) if row["Employee ID"] == "90000101"
    ]
    assert rows and {row["Work Date"] for row in rows} == {"2026-03-03"}
    assert all(float(row["Hours"]) >= 0 and len(row["Hours"].split(".")[1]) == 2 for row in rows)
    assert all(row["Time In"] <= row["Time Out"] for row in rows)


@pytest.mark.parametrize(("kind", "format"), [("counts", "van"), ("names", "payroll"), ("hours", "osdi")])
def test_what_a_program_cannot_read_is_refused(
    client: FlaskClient, morning: Morning, olga: Person, kind: str, format: str
) -> None:
    form = {"kind": kind, "format": format, "reason": WHY}
    answer = client.post(f"/exports/{morning.action.id}", data=form)
    assert answer.status_code == 422 and "Payroll reads duty and hours" in answer.text
