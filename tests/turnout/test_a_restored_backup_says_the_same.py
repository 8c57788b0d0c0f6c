"""Every output says what a recount from the evidence says, after a restored backup and forgetting too."""

import csv
import io
import json
import sqlite3
import subprocess
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openpyxl import load_workbook
from sqlalchemy import select

from mobilize import clock
from mobilize.accounts.models import RoleName
from mobilize.actions.models import Action, Eligible
from mobilize.checkins.models import Attendance, Evidence, Outcome, Void
from mobilize.database import atomic, db
from mobilize.privacy.retention.forgetting import forget_due_actions
from mobilize.turnout.board import cache as live
from mobilize.turnout.figures.closing import close_due_events, correct_closed_actions
from mobilize.turnout.figures.queries import board
from mobilize.turnout.reports.operations import make_due_reports
from mobilize.turnout.statements.operations import OfficerSignature, prepare, publish
from tests.builders import START, make_campaign, make_person
from tests.turnout.conftest import Morning, arrive, enter, text_of

DAY = timedelta(days=1)


@pytest.fixture
def held(morning: Morning) -> Morning:
    """Closed on its day: nine came, one of them elsewhere; a late upload made a correction of it; signed."""
    campaign = make_campaign(forget_after_days=90)
    with atomic():
        morning.action.campaign_id = campaign.id
    lincoln = morning.members[morning.lincoln.id]
    arrive(morning, lincoln[:5], morning.lincoln)
    arrive(morning, [lincoln[5], *morning.members[morning.madison.id][:2]], morning.madison)
    morning.count(morning.lincoln, 7)
    close_due_events(START + DAY / 6)
    make_due_reports(START + DAY / 6)
    arrive(morning, morning.members[morning.madison.id][2:3], morning.madison)
    assert correct_closed_actions(clock.now()) == 1
    return morning


def test_every_output_says_what_the_evidence_says(held: Morning, client: FlaskClient, app: Flask) -> None:
    ada = make_person("Ada Office", role=RoleName.ADMIN)
    publish(prepare(held.action, ada, START + DAY).id, START + DAY, OfficerSignature("Ada"), ada, START + DAY)
    evidence = _from_evidence(held)
    assert evidence == {"Lincoln": 6, "Madison": 3, "Roosevelt": 0}
    enter(client, ada, clock.now())
    of_action = f"/actions/{held.action.id}"
    for place in ("report", f"areas/{held.north.id}/report", f"sites/{held.lincoln.id}/report"):
        expected = {site: came for site, came in evidence.items() if site in _sites(client, of_action, place)}
        assert expected and _from_csv(client, f"{of_action}/{place}.csv") == expected
        assert _from_workbook(client, f"{of_action}/{place}.xlsx") == expected
        paper = " ".join(text_of(client.get(f"{of_action}/{place}.pdf").data).split())
        together = f"{sum(expected.values())} of"
        assert together in paper and together in " ".join(client.get(f"{of_action}/{place}").text.split())
    text = json.loads(client.get(f"{of_action}/turnout.json").data)
    assert {site["site"]: site["came"] for site in text["sites"]} == evidence
    assert json.loads(client.get(f"{of_action}/numbers.json").data)["came"] == sum(evidence.values())
    assert _from_csv(client, f"{of_action}/statement/1.csv") == evidence
    assert {r["site"]: int(r["arrived"]) for r in _rows(client, f"{of_action}/coming.csv")} == evidence
    result = app.test_cli_runner().invoke(
        args=["turnout", str(held.action.id), "--by", "site", "--format", "csv"]
    )
    assert {r["site"]: int(r["came"]) for r in csv.DictReader(io.StringIO(result.output))} == evidence


def test_a_backup_of_what_was_forgotten_counts_the_same_and_names_nobody(
    held: Morning, app: Flask, tmp_path: Path
) -> None:
    assert forget_due_actions(START + 91 * DAY) == 1
    before = _everything(held)
    backup = _back_up(app, tmp_path)
    _lose_everything(held)
    _restore(app, backup)
    assert _everything(held) == before
    assert correct_closed_actions(START + 92 * DAY) == 0
    assert _linked() == 0


def test_what_was_forgotten_is_forgotten_again_after_an_old_backup(
    held: Morning, app: Flask, tmp_path: Path
) -> None:
    before = _everything(held)
    backup = _back_up(app, tmp_path)  # of day 31
    forget_due_actions(START + 91 * DAY)
    _lose_everything(held)
    _restore(app, backup)
    assert (_linked(), _everything(held)) == (9, before)
    assert forget_due_actions(START + 92 * DAY) == 1
    assert _linked() == 0
    assert _everything(held) == before


def _from_evidence(held: Morning) -> dict[str, int]:
    """Chapter -> eligible members with standing evidence anywhere, from the rows themselves."""
    taken_back = set(db.session.scalars(select(Void.evidence_id)))
    sites = {
        row.member_id
        for row in db.session.scalars(select(Evidence))
        if row.outcome in (Outcome.COUNTED, Outcome.REPEAT) and row.id not in taken_back
    }
    counted = Counter(
        row.chapter_id for row in db.session.scalars(select(Eligible)) if row.member_id in sites
    )
    return {site.name: counted[site.id] for site in held.sites}


def _everything(held: Morning) -> object:
    """The fixed figures, and a recount from the rows as they are now."""
    live.forget()
    db.session.expire_all()
    action = db.session.get_one(Action, held.action.id)
    fixed, recount = board(action), board(action, fixed=False)
    return [
        [(c.code, c.names, c.line.head_count, c.line.supporters, c.line.hosted) for c in one.chapters]
        for one in (fixed, recount)
    ]


def _linked() -> int:
    return len(db.session.scalars(select(Attendance.id).where(Attendance.member_id.is_not(None))).all())


def _lose_everything(held: Morning) -> None:
    with atomic() as session:
        for table in (Attendance, Evidence, Eligible):
            session.execute(table.__table__.delete())  # type: ignore[attr-defined]
    assert sum(c.names.named for c in board(held.action, fixed=False).chapters) == 0


def _back_up(app: Flask, folder: Path) -> Path:
    url, backup = app.config["DATABASE_URL"], folder / "backup"
    _leave()
    if url.startswith("sqlite"):
        with sqlite3.connect(url.removeprefix("sqlite:///")) as source, sqlite3.connect(backup) as copy:
            source.backup(copy)
    else:
        _run("pg_dump", "--format=custom", f"--file={backup}", url)
    return backup


def _restore(app: Flask, backup: Path) -> None:
    url = app.config["DATABASE_URL"]
    _leave()
    if url.startswith("sqlite"):
        with sqlite3.connect(backup) as copy, sqlite3.connect(url.removeprefix("sqlite:///")) as target:
            copy.backup(target)
    else:
        _run("pg_restore", "--clean", "--if-exists", "--schema=public", f"--dbname={url}", str(backup))


def _leave() -> None:
    db.session.remove()
    for engine in db.engines.values():
        engine.dispose()


def _run(program: str, *arguments: str) -> None:
    from tests.services.postgres import find_binaries

    subprocess.run([str(find_binaries() / program), *arguments], check=True, timeout=60)


def _rows(client: FlaskClient, address: str) -> list[dict[str, Any]]:
    return list(csv.DictReader(io.StringIO(client.get(address).get_data(True)[1:])))


def _from_csv(client: FlaskClient, address: str) -> dict[str, int]:
    return {row["site"]: int(row["came"]) for row in _rows(client, address)}


def _sites(client: FlaskClient, of_action: str, place: str) -> set[str]:
    return set(_from_csv(client, f"{of_action}/{place}.csv"))


def _from_workbook(client: FlaskClient, address: str) -> dict[str, int]:
    book = load_workbook(io.BytesIO(client.get(address).data))
    headings, *rows = book[book.sheetnames[-1]].values  # a chapter's has one, the others end with their sites
    figures = [dict(zip(headings, row, strict=True)) for row in rows]
    of_sites = {row["Site"]: row["Came"] for row in figures if row["Site"]}
    if "Union" in book:
        union = dict(book["Union"].values)
        *_areas, (_total, *in_areas) = book["Areas"].values
        assert union["Came"] in in_areas
        assert union["Came"] == rows[-1][headings.index("Came")] == sum(of_sites.values())
    return of_sites
