"""What docs/api.md says a reader can type works, and so does the example beside it, on the real server."""

import csv
import importlib
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import pytest
from flask import Flask
from sqlalchemy import func, select

from mobilize import clock
from mobilize.accounts.tokens.access import token_access
from mobilize.accounts.tokens.models import PERSONAL, ApiScope
from mobilize.actions.eligibility import freeze_event
from mobilize.actions.line_finder.operations import show_lines
from mobilize.actions.models import Event
from mobilize.api.endpoint import OPERATIONS
from mobilize.checkins.models import Evidence, HeadCount, Outcome
from mobilize.database import db
from mobilize.demo.links import program_token
from mobilize.demo.prepare import DemoLinks
from mobilize.demo.seed import local
from mobilize.demo.start import _print_welcome
from tests.api.program import Program, make_secret
from tests.builders import make_action, make_event, make_member, make_site
from tests.security.test_what_is_dangerous_asks_again import ASKS
from tests.services.client import BareClient
from tests.world import stating

DOCS = Path(__file__).parents[2] / "docs"
CURL = re.compile(r"^```sh\n(curl .*?)\n```", re.MULTILINE | re.DOTALL)


API_MD = (DOCS / "api.md").read_text(encoding="utf-8")
EXAMPLE = [sys.executable, str(DOCS / "examples" / "turnout_to_csv.py")]

# What a page does at once, and a program may not: beside each, why.
NO_OPERATION = {
    "accounts.call_session": "a name for one's own browser",
    "accounts.decline": "its no is a person's, as its yes is",
    "accounts.ask_about_chairs": "a file of roles: a token gives no power",
    "accounts.read_chairs": "a file of roles: a token gives no power",
    "accounts.end_session_there": "signs a person out",
    "accounts.examine": "reads the whole audit, which shows what every person did",
    "accounts.find_in_audit": "shows what every person did",
    "accounts.give_step_up": "proves who a person is",
    "accounts.revoke_token": "one that leaked would end all the others",
    "accounts.stop_link": "one that leaked would keep people out",
    "accounts.unlink_provider": "about the account of who sits there",
    "actions.draw_posters": "draws a file for whoever prints it; a program has the square's content",
    "checkins.end_calendars": "ends the addresses of who sits there",
    "checkins.end_links_of": "a member's own links, ended when they ask a person",
    "checkins.settle_kept": "of a phone that was taken away: whether it is believed, a person decides",
    "grants.open_own_line": "opens the line on the phone in their hand",
    "grants.take_back": "takes a phone out of a person's hand, who is then outcomes why",
    "line.add": "a photo shows faces: it is taken and sent from one phone, and kept for that count",
    "line.hand_over": "shows a link on the phone that is handed over",
    "privacy.switch_photos": "whether faces are taken at all is answered for by a person",
    "privacy.take_down_photo": "only who sees it can tell that it must go",
    "reminders.answer_inbound": "a person answers a person",
    "reminders.correct": "reading a text anew may opt somebody out, or in: a person reads it",
    "reminders.finish_inbound": "that it was read by a person is what it says",
    "reminders.take_duty": "a program has no phone that is called at night",
    "reminders.test_broadcast": "to the phone of who sits there; a program's draft is tested on its page",
    "reminders.test_reminder": "to the phone of who sits there",
    "roster.ask_second_person": "of a file that a person has looked at",
    "roster.choose_places": "of a file that a person looks at",
    "roster.drop_import": "of a file that a person looks at",
    "roster.find_members": "reads; a program reads `members`",
    "roster.forget_columns": "of a file that a person looks at",
    "roster.read_file": "of a file that a person looks at, before anything is imported",
    "roster.read_mended": "of a file that a person looks at",
    "setup.add_areas": "areas decide who sees whom: set up once, by the office",
    "setup.change_union": "the union's own name and looks: once, by the office",
    "setup.test_carrier": "to the phone of who sits there",
    "turnout.call_next": "gives a site to who sits there; a program chooses its own and says how it went",
    "turnout.take_wall_back": "a token gives no link, and ends none",
    "webhooks.names_off": "what has names is switched by a person, on and off",
}


@pytest.fixture
def event(pg_app: Flask) -> Event:
    site, now = make_site("Lincoln"), clock.now()
    when = {"starts_at": now - timedelta(minutes=5), "ends_at": now + timedelta(hours=1)}
    event = make_event(site, action=make_action(**when), **when)
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
    show_lines(event.action, True, actor="shell", now=clock.now())
    assert len(lines) >= 2 and text.index(lines[0]) < 100, "the manual begins with one"
    for line in lines:
        here = line.replace("http://localhost:5000", live_server)
        answer = json.loads(run(["sh", "-c", here], live_server, EVENT=str(event.id)))
        assert "code" not in answer, answer
    db.session.rollback()
    assert db.session.scalar(select(func.count()).select_from(Evidence)) == 1


def test_the_example_works_against_the_demo(pg_app: Flask, live_server: str, tmp_path: Path) -> None:
    """And reports no count but one that somebody gives it."""
    now = clock.now()
    local.load_demo(now)
    local.open_todays_picket(now)
    token, table = program_token(now), tmp_path / "turnout.csv"
    output = run([*EXAMPLE, str(table)], live_server, MOBILIZE_TOKEN=token or "")
    assert re.search(r"\d+ of \d+ sites have reported", output) and "Reported" not in output
    rows = list(csv.DictReader(table.open()))
    assert len(rows) > 5 and all(row["site"] and row["eligible"] for row in rows)
    before = head_counts()
    open_now = Event.starts_at <= now, Event.ends_at > now, Event.site_id.is_not(None)
    event_id = db.session.scalars(select(Event.id).where(*open_now)).first()
    counted = [*EXAMPLE, str(table), "--event", str(event_id), "--heads", "27"]
    assert "Reported 27" in run(counted, live_server, MOBILIZE_TOKEN=token or "")
    assert head_counts() == before + 1


def head_counts() -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(HeadCount)) or 0


def test_make_run_prints_the_address_and_a_token(capsys: pytest.CaptureFixture[str]) -> None:
    links = DemoLinks(
        [("office", "http://localhost:5000/enter/x")], "http://localhost:5000/c/x", "", "mobilize_x"
    )
    environ = {
        "UNION_NAME": "Demo",
        "PUBLIC_BASE_URL": "http://localhost:5000",
        "CARRIER_PAGE_URL": "http://x",
    }
    _print_welcome(links, environ, "127.0.0.1")
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["programs", "http://localhost:5000/api/v1/"] in lines and ["token", "mobilize_x"] in lines


@pytest.fixture
def connector(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(DOCS / "examples"))
    return importlib.import_module("mobilize_connector")


class Answering(BaseHTTPRequestHandler):
    """A service that is restarted: what it answers, one after the other; None is too slow."""

    answers: ClassVar[list[tuple[int, bytes] | None]]
    keys: ClassVar[list[str | None]]

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.keys.append(self.headers["Idempotency-Key"])
        answer = self.answers.pop(0)
        if answer is None:
            time.sleep(0.4)
            return
        self.send_response(answer[0])
        self.send_header("Content-Length", str(len(answer[1])))
        self.end_headers()
        self.wfile.write(answer[1])

    def log_message(self, *_args: Any) -> None:
        pass


@pytest.fixture
def service() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Answering.keys = []
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_the_connector_tries_again_under_the_same_key(connector: Any, service: str) -> None:
    union = connector.Mobilize(service, "x", timeout=0.2, pause=0.01)
    Answering.answers = [None, (502, b"<html>Bad Gateway</html>"), (503, b"{}"), (200, b'{"stored": true}')]
    assert union.report_head_count("x", 27)["stored"] is True
    assert len(Answering.keys) == 4 and len(set(Answering.keys)) == 1


def test_the_connector_says_what_is_no_answer_of_ours(connector: Any, service: str) -> None:
    union = connector.Mobilize(service, "x", timeout=0.2, pause=0.01)
    for page in (b"<html>Bad Gateway</html>", b'{"error": 1}', b"[]"):
        Answering.answers = [(502, page)] * 4
        with pytest.raises(connector.MobilizeError) as declined:
            union.report_head_count("x", 27)
        assert (declined.value.code, declined.value.status) == ("not_ours", 502)
    Answering.answers = [None] * 4
    with pytest.raises(connector.requests.Timeout):
        union.report_head_count("x", 27)


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
        "print(union.rows('/campaigns'), union.get('/texts/states')['states']['sent'],"
        " union.post(f\"/events/{made['id']}/shifts\", {'shifts': [{'start': '07:00', 'end': '07:45'}]})"
        "['state'])\n"
    )
    output = run([sys.executable, "-c", script], live_server, PYTHONPATH=str(DOCS / "examples"))
    assert output.splitlines() == ["True", "prepared True", "True", "[] 0 planned"]


def rows_of(header: str, text: str = API_MD) -> list[list[str]]:
    """The cells of a table's rows."""
    table = text.partition(header)[2].partition("\n\n")[0]
    lines = [line.strip() for line in table.strip().splitlines()[1:]]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]


def test_every_deed_of_a_page_stands_in_the_manual_with_its_operation(sqlite_app: Flask) -> None:
    """A new one joins the table: with the operation that does the same; or, where a page does it at once,
    `NO_OPERATION` with why a program does not."""
    rows = rows_of("| operation | pages | API |")
    pages = {cell: re.findall(r"`(\w+\.\w+)`", cell) for _name, cell, _api in rows}
    assert sorted(sum(pages.values(), [])) == sorted(changing_endpoints(sqlite_app))
    named = {name for _what, _pages, cell in rows for name in re.findall(r"`(\w+)`", cell)}
    written = {operation.name for operation in OPERATIONS if operation.keyed}
    assert written <= named
    without = {name for _name, cell, api in rows if api.startswith("no") for name in pages[cell]}
    assert all(api.startswith("no") or set(re.findall(r"`(\w+)`", api)) & written for _d, _p, api in rows)
    assert without - ASKS.keys() == NO_OPERATION.keys()


def changing_endpoints(app: Flask) -> set[str]:
    """The pages that change something for whoever has a role: signed in, or with a line's phone. What
    members do for themselves, and what signs somebody in, is nobody else's."""
    inside = stating(app, "signed_in") | stating(app, "grant") | stating(app, "upload")
    return {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if "POST" in rule.methods and rule.endpoint in inside
    }


def test_the_manual_names_every_scope_and_every_outcome(sqlite_app: Flask) -> None:
    assert [row[0].strip("`") for row in rows_of("| scope | opens |")] == [str(one) for one in ApiScope]
    outcomes = {Outcome.COUNTED, Outcome.REPEAT, Outcome.WALKUP, Outcome.OUT, Outcome.UNDONE}
    outcomes |= {Outcome.OUTSIDE_HOURS, Outcome.UNRESOLVED}
    assert {row[0].strip("`") for row in rows_of("| `outcome` | |")} == {str(one) for one in outcomes}


def test_the_manuals_problem_is_one_of_ours(pg_app: Flask, event: Event) -> None:
    [example] = [one for one in json_in_manual() if "type" in one]
    answer = Program(pg_app, make_secret()).post(f"/events/{event.id}/head-counts", {"n": 900})
    problem = answer.json
    assert problem and problem.keys() == example.keys() and answer.mimetype == "application/problem+json"
    assert {name: problem[name] for name in ("title", "status", "code")} == {
        name: example[name] for name in ("title", "status", "code")
    }
    assert urlsplit(problem["type"]).fragment == urlsplit(example["type"]).fragment == example["code"]


def test_the_manual_says_what_a_website_reads_of_lines(pg_app: Flask, event: Event) -> None:
    show_lines(event.action, True, actor="shell", now=clock.now())
    [example] = [one["lines"][0] for one in json_in_manual() if "lines" in one]
    [line] = BareClient(pg_app, use_cookies=False).get("/where.json?q=Lincoln").json["lines"]
    assert list(line) == list(example)


def json_in_manual() -> list[dict[str, Any]]:
    return [json.loads(one) for one in re.findall(r"```json\n(.*?)```", API_MD, re.DOTALL)]


def test_the_demo_gives_a_token_for_everything_but_names(sqlite_app: Flask) -> None:
    now = clock.now()
    assert program_token(now) is None
    local.load_demo(now)
    first, second = program_token(now), program_token(now)
    assert first and second and token_access(first, now=now) is None
    access = token_access(second, now=now)
    assert access is not None and access.scopes == frozenset(ApiScope) - PERSONAL
