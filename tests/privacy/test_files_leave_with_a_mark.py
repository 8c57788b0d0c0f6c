"""Olga exports counts, names with a reason, and no phones without a second person; no cell is a formula."""

import csv
import io
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import openpyxl
import pypdfium2
import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from mobilize.accounts.access.scope import THE_OFFICE
from mobilize.accounts.approvals.operations import ApprovalKind, approve, open_approval
from mobilize.accounts.models import Person, RoleName
from mobilize.audit import AuditRow
from mobilize.database import db
from mobilize.privacy.models import Export
from mobilize.privacy.retention.forgetting import forget_action
from mobilize.turnout.board import cache as live
from tests.builders import START, make_action, make_event, make_member, make_person, make_site, sign_in
from tests.privacy.morning import Morning, day


@pytest.fixture(autouse=True)
def stopped_clock() -> Iterator[Any]:
    live.forget()
    with time_machine.travel(day(1), tick=False) as clock:
        yield clock
    live.forget()


@pytest.fixture
def morning(app: Flask) -> Morning:
    return Morning().happen()


@pytest.fixture
def olga(morning: Morning) -> Person:
    return make_person("Olga Peña", role=RoleName.ORGANIZER, area=morning.lincoln.area)


def ask(client: FlaskClient, of: Any, **fields: str) -> Any:
    form = {"kind": "counts", "format": "csv", "reason": "", **fields}
    action_id = of.action.id if isinstance(of, Morning) else of
    return client.post(f"/exports/{action_id}", data=form)


def link_in(answer: Any) -> str:
    page = answer.get_data(as_text=True)
    return page.split('href="/exports/file/')[1].split('"')[0]


def fetch(client: FlaskClient, answer: Any) -> Any:
    return client.post(f"/exports/file/{link_in(answer)}")


def rows_of(file: Any) -> list[list[str]]:
    return list(csv.reader(io.StringIO(file.data.decode("utf-8-sig"))))


def test_counts_of_their_area_with_who_when_and_which_file(
    client: FlaskClient, morning: Morning, olga: Person
) -> None:
    sign_in(client, olga)
    file = fetch(client, ask(client, morning))
    rows = rows_of(file)
    export = db.session.scalars(select(Export)).one()
    short = str(export.id)[-12:]
    assert rows[0] == [f"Exported by Olga Peña, 2026-03-04 21:45 UTC, file {short}"]
    assert [row[1] for row in rows[2:]] == ["Lincoln"] and b"Mia" not in file.data
    named = file.headers["Content-Disposition"]
    assert f"morning-picket-counts-20260304-2145-olga-pena-{short}.csv" in named


def test_a_file_of_a_drill_says_so_in_its_name_and_first_row(
    client: FlaskClient, morning: Morning, olga: Person
) -> None:
    morning.action.drill = True
    db.session.commit()
    sign_in(client, olga)
    file = fetch(client, ask(client, morning))
    assert rows_of(file)[0][0].startswith("DRILL - a rehearsal, in no total. Exported by Olga")
    assert 'filename="drill-' in file.headers["Content-Disposition"]


def test_a_link_works_once_for_them_alone_within_a_day(
    app: Flask, client: FlaskClient, morning: Morning, olga: Person, stopped_clock: Any
) -> None:
    sign_in(client, olga)
    other = app.test_client()
    pages = [ask(client, morning) for _ in range(3)]
    assert client.get(f"/exports/file/{link_in(pages[0])}").status_code == 200
    assert fetch(client, pages[0]).status_code == 200
    assert fetch(client, pages[0]).status_code == 410
    assert client.get(f"/exports/file/{link_in(pages[0])}").status_code == 410
    assert other.post(f"/exports/file/{link_in(pages[1])}").status_code in (400, 401)
    sign_in(client, make_person("Ada", role=RoleName.ADMIN))
    assert fetch(client, pages[1]).status_code == 410
    stopped_clock.shift(timedelta(hours=24))
    sign_in(client, olga)
    assert fetch(client, pages[2]).status_code == 410
    assert client.post("/exports/file/none").status_code == 410


def test_names_need_a_reason_and_are_written_down(
    client: FlaskClient, morning: Morning, olga: Person
) -> None:
    sign_in(client, olga)
    for reason in ("", "  x  "):
        assert ask(client, morning, kind="names", reason=reason).status_code == 422
    file = fetch(client, ask(client, morning, kind="names", reason="Thank-you calls by the chapter"))
    rows = rows_of(file)
    assert rows[0][0].endswith(": Thank-you calls by the chapter")
    assert ["Reyes", "Mia", "yes"] in [row[2:5] for row in rows]
    assert b"555-01" not in file.data and b"Paz" not in file.data
    verbs = db.session.scalars(select(AuditRow.verb).where(AuditRow.verb.startswith("export."))).all()
    assert sorted(verbs) == ["export.ask.names", "export.take.names"]


def test_what_is_missing_is_said_by_the_name_its_field_has_on_the_page(
    client: FlaskClient, morning: Morning, olga: Person
) -> None:
    sign_in(client, olga)
    for language, name in (("en", "What for"), ("es", "Para qué")):
        client.set_cookie("language", language, domain="localhost")
        page = ask(client, morning, kind="names").text
        assert f'href="#reason">{name}</a>' in page and f'<label for="reason">{name}' in page


def test_names_ask_again_whether_it_is_them(
    client: FlaskClient, morning: Morning, olga: Person, stopped_clock: Any
) -> None:
    sign_in(client, olga)
    stopped_clock.shift(timedelta(minutes=11))
    assert ask(client, morning).status_code == 200
    again = ask(client, morning, kind="names", reason="Thank-you calls")
    assert again.status_code == 403 and b"Is it you?" in again.data
    assert db.session.scalars(select(Export.kind)).all() == ["counts"]


def test_a_chair_gets_the_names_of_their_own_chapter_and_no_phones(
    client: FlaskClient, morning: Morning
) -> None:
    sign_in(client, morning.carmen)
    file = fetch(client, ask(client, morning, kind="names", reason="Thank-you calls"))
    assert {row[1] for row in rows_of(file)[2:]} == {"Lincoln"}
    assert ask(client, morning, kind="phones", reason="Thank-you calls").status_code == 422


def test_phones_wait_for_a_second_person_and_one_yes_is_one_file(
    client: FlaskClient, morning: Morning, olga: Person
) -> None:
    for n in range(25):
        make_member(f"More{n}", site=morning.lincoln, since=START)
    event = make_event(morning.lincoln, action=make_action(starts_at=START + timedelta(hours=20)))
    big = event.action_id
    sign_in(client, olga)
    answer = ask(client, big, kind="phones", reason="Calls before the strike")
    assert answer.status_code == 200 and b"second person" in answer.data
    assert b"/exports/file/" not in answer.data
    export = db.session.scalars(select(Export)).one()
    link = f"/exports/{big}/{export.id}/link"
    assert export.token_hash is None and client.post(link).status_code == 403
    ada = make_person("Ada", role=RoleName.ADMIN)
    approval = open_approval(ApprovalKind.PHONE_EXPORT, str(export.id), now=day(1))
    assert approval is not None and "Calls before the strike" in approval.summary["en"]
    approve(approval.id, by=f"person:{ada.id}", scope=THE_OFFICE, stepped_up=True, now=day(1))
    assert b"Make the link" in client.get(f"/exports/{big}").data
    file = fetch(client, client.post(link))
    assert b"(213) 555-0101" in file.data
    assert client.post(link).status_code == 404


def test_phones_of_fewer_than_25_people_need_no_second_person(
    client: FlaskClient, morning: Morning, olga: Person
) -> None:
    sign_in(client, olga)
    file = fetch(client, ask(client, morning, kind="phones", reason="Calls before the strike"))
    assert b"(213) 555-0101" in file.data


def test_another_areas_action_is_like_none(client: FlaskClient, morning: Morning) -> None:
    sign_in(client, make_person("Elsa", role=RoleName.ORGANIZER, area=make_site().area))
    answers = []
    for action_id in ("01890000-0000-7000-8000-000000000000", str(morning.action.id)):
        answer = client.get(f"/exports/{action_id}")
        answers.append((answer.status_code, answer.data.replace(action_id.encode(), b"")))
    assert answers[0] == answers[1] and answers[0][0] == 404


def test_of_a_forgotten_action_only_numbers_are_left(
    client: FlaskClient, morning: Morning, olga: Person
) -> None:
    sign_in(client, olga)
    waiting = ask(client, morning, kind="names", reason="Thank-you calls")
    before = rows_of(fetch(client, ask(client, morning)))[2:]
    forget_action(morning.action.id, by="shell", now=day(1))
    live.forget()
    assert fetch(client, waiting).status_code == 410
    assert ask(client, morning, kind="names", reason="Thank-you calls").status_code == 422
    assert rows_of(fetch(client, ask(client, morning)))[2:] == before


def test_a_name_that_is_a_formula_arrives_as_text(
    client: FlaskClient, morning: Morning, olga: Person
) -> None:
    make_member("=cmd|' /C calc'!A0", "@Mia", site=morning.lincoln)
    sign_in(client, olga)
    file = fetch(client, ask(client, morning, kind="names", format="xlsx", reason="Thank-you calls"))
    sheet = openpyxl.load_workbook(io.BytesIO(file.data)).active
    assert all(cell.data_type != "f" for row in sheet for cell in row)


def test_the_chair_takes_their_chapters_report_on_paper_with_their_mark_on_each_page(
    client: FlaskClient, morning: Morning
) -> None:
    sign_in(client, morning.carmen)
    site = str(morning.lincoln.id)
    report = f"/actions/{morning.action.id}/sites/{site}/report"
    assert f"/exports/{morning.action.id}?site={site}" in client.get(report).text
    assert "PDF" in client.get(f"/exports/{morning.action.id}?site={site}").text
    assert ask(client, morning, kind="names", format="pdf", site=site).status_code == 422, "no reason given"
    answer = ask(client, morning, kind="names", format="pdf", reason="Thank-you calls", site=site)
    file = fetch(client, answer)
    pages = pypdfium2.PdfDocument(file.data)
    lines = [page.get_textpage().get_text_range() for page in pages]
    assert file.mimetype == "application/pdf" and "Reyes, Mia" in "".join(lines)
    assert all("Exported by Carmen" in page and "Thank-you calls" in page for page in lines)
    assert fetch(client, answer).status_code == 410


def test_paper_is_of_one_chapter_which_is_in_their_scope(client: FlaskClient, morning: Morning) -> None:
    sign_in(client, morning.carmen)
    names = {"kind": "names", "format": "pdf", "reason": "Thank-you calls"}
    assert ask(client, morning, **names).status_code == 422
    for site in (str(make_site().id), "01890000-0000-7000-8000-000000000000", "x"):
        assert ask(client, morning, **names, site=site).status_code == 404


def test_names_of_one_chapter_say_when_they_came(client: FlaskClient, morning: Morning, olga: Person) -> None:
    sign_in(client, olga)
    site = str(morning.lincoln.id)
    rows = rows_of(fetch(client, ask(client, morning, kind="names", reason="Thank-you calls", site=site)))
    assert rows[0][0].startswith("Exported by Olga") and "first_at_utc" in rows[1]
    assert ["Reyes", "Mia", "yes"] in [row[:3] for row in rows]
