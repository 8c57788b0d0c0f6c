"""What is stored is read in every format there was, and a count that is added touches no closed action."""

import dataclasses
import json
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask.testing import FlaskClient

from mobilize.accounts.access.scope import THE_OFFICE
from mobilize.accounts.models import Person, RoleName
from mobilize.actions.models import Action
from mobilize.database import atomic, db
from mobilize.languages import Translated
from mobilize.turnout.board import cache as live
from mobilize.turnout.campaigns.matrix import matrix_of
from mobilize.turnout.campaigns.series import chapter_series
from mobilize.turnout.figures import types as figures
from mobilize.turnout.figures.closing import close_due_events, correct_action, correct_closed_actions
from mobilize.turnout.figures.queries import board
from mobilize.turnout.figures.snapshots import (
    as_stored,
    current_format,
    fixed_outside,
    latest_fixed,
    outside_as_stored,
    settled,
)
from mobilize.turnout.figures.types import Count, NameCounts
from mobilize.turnout.models import ChapterTotal, OutsideTotal, Report, ReportKind, Statement
from mobilize.turnout.reports.operations import make_due_reports, put_together
from mobilize.turnout.statements import operations as statements
from mobilize.turnout.statements.formats import FORMAT
from tests.builders import START, make_campaign, make_person, sign_in
from tests.turnout.conftest import Morning, fill, text_of

FIXTURES = Path(__file__).parent / "fixtures"
DAY_AFTER = START + timedelta(days=1)


@pytest.fixture(autouse=True)
def day_after() -> Iterator[None]:
    with time_machine.travel(DAY_AFTER, tick=False):
        yield


@pytest.fixture
def closed(morning: Morning) -> Morning:
    """The morning of the fixtures, filled and closed, with its reports."""
    with atomic() as session:
        session.get_one(Action, morning.action.id).campaign_id = make_campaign().id
    fill(morning)
    close_due_events(DAY_AFTER)
    make_due_reports(DAY_AFTER)
    return morning


@pytest.fixture
def office(client: FlaskClient) -> Person:
    person = make_person("Olga Office", role=RoleName.ADMIN)
    sign_in(client, person)
    return person


@pytest.mark.parametrize("format", range(1, current_format() + 1))
def test_totals_of_every_format_are_read(closed: Morning, format: int) -> None:
    frozen = _fixture(f"figures_v{format}.json")["totals"]
    with atomic() as session:
        for row in session.scalars(db.select(ChapterTotal)):
            row.figures = frozen[board(closed.action).chapter(row.chapter_id).name]
    fixed = latest_fixed(closed.action.id)
    lincoln, madison = fixed[closed.lincoln.id], fixed[closed.madison.id]
    assert (lincoln.names.eligible, lincoln.names.came, lincoln.names.also_there) == (6, 4, 1)
    assert (lincoln.names.verified, lincoln.names.vouched, lincoln.names.self_reported) == (1, 1, 3)
    assert (madison.line.head_count, madison.line.supporters, madison.line.hosted) == (5, 3, 2)
    assert madison.line.counted_at == START + timedelta(minutes=15)
    for chapter in board(closed.action).chapters:
        again = as_stored(settled(chapter, fixed[chapter.site_id]), format)
        assert again == {"format": format, **frozen[chapter.name]}
    assert correct_action(closed.action.id, DAY_AFTER) == 0


@pytest.mark.parametrize("format", range(1, current_format() + 1))
def test_totals_outside_of_every_format_are_read(closed: Morning, format: int) -> None:
    frozen = _fixture(f"figures_v{format}.json")["outside_totals"]
    with atomic() as session:
        session.scalars(db.select(OutsideTotal)).one().figures = frozen
    held = fixed_outside(closed.action.id)
    assert held and held.no_site and (held.no_site.eligible, held.no_site.came, held.others) == (1, 0, None)
    assert outside_as_stored(held, format) == {"format": format, **frozen}
    assert correct_action(closed.action.id, DAY_AFTER) == 0
    matrix = matrix_of(closed.action.campaign_id, THE_OFFICE, DAY_AFTER)
    assert matrix and matrix.no_site and matrix.no_site.cells[0].eligible == 1


@pytest.mark.parametrize("format", range(1, current_format() + 1))
@pytest.mark.parametrize("kind", ReportKind)
def test_reports_of_every_format_are_read(closed: Morning, kind: ReportKind, format: int) -> None:
    frozen = _fixture(f"figures_v{format}.json")["reports"][kind] | {"action": str(closed.action.id)}
    place = {
        ReportKind.CHAPTER: closed.roosevelt.id,
        ReportKind.AREA: closed.south.id,
        ReportKind.UNION: closed.action.id,
    }[kind]
    for site in frozen.get("sites", ()):
        site["site_code"] = closed.roosevelt.code
    with atomic() as session:
        session.scalars(db.select(Report).filter_by(kind=kind, place_id=place)).one().figures = frozen
    report = put_together(closed.action, kind, place, by="test", now=DAY_AFTER)
    assert (report.version, report.figures) == (1, frozen)


@pytest.mark.parametrize("format", range(1, FORMAT + 1))
def test_statements_of_every_format_are_read(
    closed: Morning, client: FlaskClient, office: Person, format: int
) -> None:
    one = _published(closed, office)
    with atomic() as session:
        session.get_one(Statement, one.id).figures = _fixture(f"statements_v{format}.json")
    page = f"/actions/{closed.action.id}/statement/1"
    assert "Roosevelt" in client.get(page).text
    assert "Lincoln,below,6,4,1,1,3,1,,,0" in client.get(f"{page}.csv").text
    assert all(client.get(f"{page}.{form}").status_code == 200 for form in ("xlsx", "pdf"))


def test_a_figure_that_came_later_is_empty_in_an_earlier_statement(closed: Morning, office: Person) -> None:
    one = _published(closed, office)
    stored = json.loads(json.dumps(one.figures))
    for part in (stored["numbers"], *stored["numbers"]["areas"]):
        del part["supporters"]
    for part in (stored["pack"], *stored["pack"]["sites"]):
        del part["unmatched"]
    with atomic() as session:
        session.get_one(Statement, one.id).figures = stored
    assert (one.numbers["supporters"], one.numbers["areas"][0]["supporters"]) == (None, None)
    assert (one.pack["unmatched"], one.pack["sites"][0]["unmatched"]) == (None, None)
    assert statements.changes(one, _published(closed, office)) == []


def test_a_count_that_is_added_touches_no_closed_action(
    closed: Morning, client: FlaskClient, office: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    _published(closed, office)
    before, stored = _outputs(closed, client), _stored()
    _add_a_count(monkeypatch)
    assert _outputs(closed, client) == before
    assert correct_closed_actions(DAY_AFTER + timedelta(hours=1)) == 0
    assert correct_action(closed.action.id, DAY_AFTER + timedelta(hours=1)) == 0
    for kind, place in ((ReportKind.CHAPTER, closed.lincoln.id), (ReportKind.UNION, closed.action.id)):
        assert put_together(closed.action, kind, place, by="test", now=DAY_AFTER).version == 1
    assert _stored() == stored
    lincoln = board(closed.action).chapter(closed.lincoln.id)
    assert (lincoln.names.scratch, lincoln.moved_since, board(closed.action).total.names.scratch) == (
        None,
        False,
        None,
    )


def test_a_correction_after_that_is_stored_with_the_new_count(
    closed: Morning, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = current_format()
    _add_a_count(monkeypatch)
    closed.send(closed.members[closed.lincoln.id][5], closed.lincoln)
    assert correct_action(closed.action.id, DAY_AFTER + timedelta(hours=1)) == 1
    first, second = db.session.scalars(
        db.select(ChapterTotal).filter_by(chapter_id=closed.lincoln.id).order_by(ChapterTotal.version)
    )
    assert (first.figures["format"], "scratch" in first.figures) == (before, False)
    assert (second.figures["format"], second.figures["scratch"], second.figures["came"]) == (before + 1, 0, 5)
    assert correct_action(closed.action.id, DAY_AFTER + timedelta(hours=2)) == 0
    report = put_together(closed.action, ReportKind.CHAPTER, closed.lincoln.id, by="test", now=DAY_AFTER)
    assert (report.version, report.figures["format"]) == (2, before + 1)
    assert report.figures["total"]["scratch"] == 0


def test_a_count_with_a_column_says_that_it_was_not_counted_then(
    closed: Morning, client: FlaskClient, office: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    _add_a_count(monkeypatch, column=True)
    of = f"/actions/{closed.action.id}"
    area, chapter = (client.get(f"{of}/{page}report") for page in ("", f"sites/{closed.lincoln.id}/"))
    assert area.text.count('data-label="Scratch count" class="num">–<') == 5
    assert "<dt>Scratch count</dt><dd>–</dd>" in chapter.text
    papers = (client.get(f"{of}/{page}report.pdf").data for page in ("", f"sites/{closed.lincoln.id}/"))
    assert all("Scratch count" in text_of(paper) for paper in papers)


def _add_a_count(monkeypatch: pytest.MonkeyPatch, *, column: bool = False) -> None:
    """From here on the program also counts something else."""
    added_field = ("scratch", int | None, dataclasses.field(default=0))
    how = {"frozen": True, "slots": True}
    wider = dataclasses.make_dataclass("NameCounts", [added_field], bases=(NameCounts,), **how)
    scratch = Count("scratch", "Scratch count", since=current_format() + 1, column=column)
    added = {"NameCounts": wider, "COUNTS": (*figures.COUNTS, scratch)}
    for module in [one for name, one in sys.modules.items() if name.startswith("mobilize.turnout")]:
        for name, new in added.items():
            if getattr(module, name, None) is getattr(figures, name) and module is not figures:
                monkeypatch.setattr(module, name, new)
    for name, new in added.items():
        monkeypatch.setattr(figures, name, new)
    live.forget()


def _outputs(morning: Morning, client: FlaskClient) -> dict[str, Any]:
    """The figures on pages, in files and in series."""
    of = f"/actions/{morning.action.id}"
    pages = [f"{of}/report", f"{of}/sites/{morning.lincoln.id}/report", f"{of}/statement/1"]
    pages += [f"{of}/report.csv", f"{of}/statement/1.csv", f"/campaigns/{morning.action.campaign_id}/series"]
    answers = [client.get(page) for page in pages]
    assert {answer.status_code for answer in answers} == {200}
    steps = chapter_series(morning.action, morning.lincoln.id, DAY_AFTER)
    shares = [(step.chapter.names.eligible, step.chapter.names.came, step.change) for step in steps]
    return {"shares": shares, **dict(zip(pages, (answer.text for answer in answers), strict=True))}


def _stored() -> list[Any]:
    tables: tuple[Any, ...] = (ChapterTotal, OutsideTotal, Report, Statement)
    return [
        sorted(json.dumps([row.version, row.figures]) for row in db.session.scalars(db.select(table)))
        for table in tables
    ]


def _published(morning: Morning, person: Person) -> Statement:
    draft = statements.prepare(morning.action, person, DAY_AFTER)
    reason = Translated(en="Late.", es="Tarde.") if draft.version > 1 else Translated()
    signing = statements.OfficerSignature("Olga, Secretary", reason=reason)
    return statements.publish(draft.id, draft.as_of_at, signing, person, DAY_AFTER)


def _fixture(name: str) -> Any:
    return json.loads((FIXTURES / name).read_text(encoding="utf-8"))
