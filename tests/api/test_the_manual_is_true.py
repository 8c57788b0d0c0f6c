"""What docs/api.md says a reader can type works, and so does the example beside it, on the real server."""

import csv
import json
import os
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from mobilize import clock
from mobilize.accounts.tokens.access import token_access
from mobilize.accounts.tokens.models import PERSONAL, ApiScope
from mobilize.actions.eligibility import freeze_event
from mobilize.actions.models import Event
from mobilize.api.endpoint import OPERATIONS
from mobilize.checkins.models import Evidence, HeadCount
from mobilize.database import db
from mobilize.demo.links import program_token
from mobilize.demo.seed import local
from tests.api.program import make_secret
from tests.builders import make_event, make_member, make_site
from tests.world import stating

DOCS = Path(__file__).parents[2] / "docs"
CURL = re.compile(r"^```sh\n(curl .*?)\n```", re.MULTILINE | re.DOTALL)


@pytest.fixture
def event(pg_app: Flask) -> Event:
    site, now = make_site("Lincoln"), clock.now()
    event = make_event(site, starts_at=now - timedelta(minutes=5), ends_at=now + timedelta(hours=1))
    make_member(site=site, phone="+12135550123")
    freeze_event(event.id, now)
    return event


def run(argv: list[str], live_server: str, **environ: str) -> str:
    values = {**os.environ, "MOBILIZE_URI": live_server, "MOBILIZE_TOKEN": make_secret(), **environ}
    values["TOKEN"] = values["MOBILIZE_TOKEN"]
    done = subprocess.run(argv, env=values, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_line_for_curl_works(event: Event, live_server: str) -> None:
    text = (DOCS / "api.md").read_text(encoding="utf-8")
    lines = CURL.findall(text)
    assert len(lines) >= 2 and text.index(lines[0]) < 100, "the manual begins with one"
    for line in lines:
        here = line.replace("http://localhost:5000", live_server)
        answer = json.loads(run(["sh", "-c", here], live_server, EVENT=str(event.id)))
        assert "code" not in answer, answer
    db.session.rollback()
    assert db.session.scalar(select(func.count()).select_from(Evidence)) == 1


def test_the_example_writes_its_table_and_reports_once(
    event: Event, live_server: str, tmp_path: Path
) -> None:
    argv = [sys.executable, str(DOCS / "examples" / "turnout_to_csv.py"), str(tmp_path / "turnout.csv")]
    for _twice in range(2):
        output = run(argv, live_server)
        assert "0 of 1 sites" in output or "1 of 1 sites" in output
        assert "Reported 12" in output or "nonce" in output
    [row] = csv.DictReader((tmp_path / "turnout.csv").open())
    assert (row["site"], row["eligible"], row["came"]) == ("Lincoln", "1", "0")
    assert db.session.scalars(select(HeadCount.n)).all()[0] == 12


def test_the_connector_says_what_was_declined(event: Event, live_server: str) -> None:
    script = (
        "from mobilize_connector import Mobilize, MobilizeError\n"
        "union, event = Mobilize(), __import__('os').environ['EVENT']\n"
        "print(len(union.get_sites()), union.check_in(event, typed='101')['outcome'])\n"
        "items = [{'key': f'item-{n:04d}', 'typed': str(n)} for n in range(1, 131)]\n"
        "answers = union.check_in_many(event, items)\n"
        "print(len(answers), {one['stored'] for one in answers})\n"
        "try:\n    union.report_head_count(event, 900)\n"
        "except MobilizeError as refusal:\n    print(refusal.code, refusal.status)\n"
    )
    argv = [sys.executable, "-c", script]
    output = run(argv, live_server, EVENT=str(event.id), PYTHONPATH=str(DOCS / "examples"))
    assert output.splitlines() == ["1 walkup", "130 {True}", "count_unusual 422"]


def test_the_connector_plans_and_prepares(event: Event, live_server: str) -> None:
    script = (
        "import os\nfrom mobilize_connector import Mobilize\nunion = Mobilize()\n"
        "plan = {'name': {'en': 'Walk-in'}, 'starts_at': '2035-03-06T07:00:00-08:00',"
        " 'ends_at': '2035-03-06T07:45:00-08:00'}\n"
        "made = union.create_event(union.get_sites()[0]['id'], key='walk-in-01', **plan)\n"
        "print(made == union.create_event(union.get_sites()[0]['id'], key='walk-in-01', **plan))\n"
        "prepared = union.create_action(**plan | {'starts_at': '2035-03-07T07:00:00-08:00',"
        " 'ends_at': '2035-03-07T07:45:00-08:00'})\n"
        "print(prepared['state'], prepared['id'] in prepared['confirm_url'])\n"
        "text = union.write_text(made['action_id'], {'en': 'See you', 'es': 'Nos vemos'})\n"
        "print('/broadcasts/' + text['id'] in text['confirm_url'])\n"
    )
    output = run([sys.executable, "-c", script], live_server, PYTHONPATH=str(DOCS / "examples"))
    assert output.splitlines() == ["True", "prepared True", "True"]


def test_every_deed_of_a_page_stands_in_the_manual_with_its_operation(sqlite_app: Flask) -> None:
    """A new one joins the table: with the operation that does the same, or with why there is none."""
    table = (
        (DOCS / "api.md")
        .read_text(encoding="utf-8")
        .partition("| deed | pages | API |")[2]
        .partition("\n\n")[0]
    )
    rows = [line.split("|")[1:4] for line in table.strip().splitlines()[1:]]
    pages = [name for _what, cell, _api in rows for name in re.findall(r"`(\w+\.\w+)`", cell)]
    assert sorted(pages) == sorted(changing_endpoints(sqlite_app))
    named = [name for _what, _pages, cell in rows for name in re.findall(r"`(\w+)`", cell)]
    written = {operation.name for operation in OPERATIONS if operation.keyed}
    assert written <= set(named) and all(
        api.strip().startswith("no") or "`" in api for _what, _pages, api in rows
    )


def changing_endpoints(app: Flask) -> set[str]:
    """The pages that change something for whoever is signed in, or is about to be."""
    inside = stating(app, "signed_in")
    return {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if "POST" in rule.methods and rule.endpoint in inside
    }


def test_the_demo_gives_a_token_for_everything_but_names(sqlite_app: Flask) -> None:
    now = clock.now()
    assert program_token(now) is None
    local.load_demo(now)
    first, second = program_token(now), program_token(now)
    assert first and second and token_access(first, now=now) is None
    access = token_access(second, now=now)
    assert access is not None and access.scopes == frozenset(ApiScope) - PERSONAL
