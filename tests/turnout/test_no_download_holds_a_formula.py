"""Every table that can be downloaded, where areas, chapters and members are named like formulas."""

import csv
import io
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from openpyxl import load_workbook
from werkzeug.routing import Rule

from mobilize.accounts.models import Person, RoleName
from mobilize.turnout.figures.closing import close_due_events
from mobilize.turnout.statements import operations as statements
from tests.builders import (
    START,
    make_action,
    make_area,
    make_campaign,
    make_member,
    make_person,
    make_site,
    sign_in,
)
from tests.turnout.conftest import Morning, arrive

NAMES = ("=cmd|' /C calc'!A0", " +1", "＝1", "@SUM(A1)", "-2+3", "\t=1")
RUNS = re.compile(r"[\t\r\n]|\s*[=+\-@＝＋－＠]")
NOW = START + timedelta(hours=10)


@pytest.fixture(autouse=True)
def later() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def dangerous(app: Flask) -> Morning:
    area = make_area(NAMES[0])
    sites = [make_site(name, area=area, code=f"{name}-{n}") for n, name in enumerate(NAMES[:3])]
    morning = Morning(make_action(campaign_id=make_campaign().id), sites)
    for site in sites:
        for name in NAMES:
            morning.members.setdefault(site.id, []).append(make_member(name, name, site=site))
    morning.freeze()
    for site in sites:
        arrive(morning, morning.members[site.id][:5], site)
    close_due_events(NOW)
    return morning


@pytest.fixture
def office(client: FlaskClient) -> Person:
    person = make_person("=Olga", role=RoleName.ADMIN)
    sign_in(client, person)
    return person


def test_no_table_of_a_page_holds_a_formula(
    dangerous: Morning, client: FlaskClient, app: Flask, office: Person
) -> None:
    _sign_a_statement(dangerous, office)
    code = statements.open_link(dangerous.action.id, "shell", NOW).code
    ids = {"action_id": dangerous.action.id, "version": 1, "code": code}
    ids |= {"site_id": dangerous.lincoln.id, "area_id": dangerous.lincoln.area_id}
    walked = 0
    for rule in _tables(app):
        for form in re.findall("csv|xlsx", rule.rule):
            path = _path(app, rule, ids, form)
            assert _dangerous_cells(client.get(path).data, form, path), path
            walked += 1
    assert walked >= 11


def test_no_series_holds_a_formula(dangerous: Morning, client: FlaskClient, office: Person) -> None:
    path = f"/campaigns/{dangerous.action.campaign_id}/series?form=csv"
    assert _dangerous_cells(client.get(path).data, "csv", path)


@pytest.mark.parametrize("form", ["csv", "xlsx"])
@pytest.mark.parametrize("kind", ["counts", "names", "hours", "phones"])
def test_no_export_holds_a_formula(
    kind: str, form: str, dangerous: Morning, client: FlaskClient, office: Person
) -> None:
    fields = {"kind": kind, "format": form, "reason": "=1+1 for the strike"}
    fields["site"] = str(dangerous.lincoln.id)
    page = client.post(f"/exports/{dangerous.action.id}", data=fields).text
    link = page.split('href="/exports/file/')[1].split('"')[0]
    file = client.post(f"/exports/file/{link}").data
    assert _dangerous_cells(file, form, kind)


def _sign_a_statement(morning: Morning, person: Person) -> None:
    draft = statements.prepare(morning.action, person, NOW)
    statements.publish(draft.id, draft.as_of_at, statements.OfficerSignature("=Olga"), person, NOW)


def _tables(app: Flask) -> list[Rule]:
    return [rule for rule in app.url_map.iter_rules() if re.search(r"any\([^)]*(csv|xlsx)", rule.rule)]


def _path(app: Flask, rule: Rule, ids: dict[str, Any], form: str) -> str:
    values = {name: ids[name] for name in rule.arguments if name != "form"} | {"form": form}
    domain, path = rule.build(values) or ("", "")
    return path


def _dangerous_cells(file: bytes, form: str, path: str) -> list[str]:
    """The guarded cells of this file; an assertion fails where one is not."""
    results = []
    for cell in _csv_cells(file) if form == "csv" else _xlsx_cells(file):
        assert not RUNS.match(cell), (path, cell)
        if cell.startswith("'") and RUNS.match(cell[1:]):
            results.append(cell)
    return results


def _csv_cells(file: bytes) -> Iterator[str]:
    for row in csv.reader(io.StringIO(file.decode("utf-8-sig"), newline="")):
        yield from row


def _xlsx_cells(file: bytes) -> Iterator[str]:
    for sheet in load_workbook(io.BytesIO(file)):
        for row in sheet:
            for cell in row:
                assert cell.data_type != "f"
                if isinstance(cell.value, str):
                    yield cell.value
