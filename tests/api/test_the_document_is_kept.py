"""The document and the API say the same, whatever is made up; and no change of it breaks a program."""

import ast
import json
import os
import re
import uuid
from collections.abc import Iterator
from copy import deepcopy
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from flask import Flask

from mobilize import clock
from mobilize.api.document import TAGS, document
from mobilize.api.document_views import as_html
from mobilize.api.endpoint import OPERATIONS
from mobilize.api.vocabulary import CODES, KINDS
from mobilize.database import atomic
from mobilize.reminders.models import Broadcast, BroadcastState
from mobilize.turnout.figures.closing import close_events
from mobilize.webhooks.endpoints.operations import make_webhook
from mobilize.webhooks.endpoints.queries import all_webhooks
from tests.api.breaking import breaking_changes
from tests.api.fuzzing import IdsOfTag, example_of, run
from tests.api.program import Program, make_secret
from tests.builders import ZONE, make_action, make_event, make_site
from tests.world import World

ROOT = Path(__file__).parents[2]
CONTRACT = ROOT / "docs" / "openapi.json"
EXAMPLES, SEED = int(os.environ.get("API_EXAMPLES", "2")), int(os.environ.get("API_SEED", "1937"))


# In the long run both.
DATABASES = ["sqlite_app", "pg_app"] if EXAMPLES > 10 else ["sqlite_app"]


@pytest.fixture(params=DATABASES)
def fuzzed_app(request: pytest.FixtureRequest) -> Flask:
    return cast(Flask, request.getfixturevalue(request.param))


@pytest.fixture
def ids(fuzzed_app: Flask) -> IdsOfTag:
    """Those of an action that goes on; what plans has one of tomorrow at seven, figures have a closed one."""
    now = clock.now()
    own = World().own
    with atomic() as session:
        session.get_one(Broadcast, own["broadcast_id"]).state = BroadcastState.QUEUED
    seven = clock.local(now, ZONE).replace(hour=7, minute=0, second=0, microsecond=0)
    planned, closed = ids_of_event(seven + timedelta(1)), ids_of_event(seven - timedelta(2))
    close_events(closed["action_id"], [closed["event_id"]], now)
    of_tag = {"Plan": planned, "Figures": closed}
    return lambda tag: own | ({"webhook_id": a_webhook()} if tag == "Webhooks" else of_tag.get(tag, {}))


def a_webhook() -> uuid.UUID:
    """One that is on: a program may have switched off the one before, or removed it."""
    on = [one for one in all_webhooks() if one.off_at is None]
    if on:
        return on[0].id
    return make_webhook("Map", "http://localhost", ["event.moved"], actor="shell", now=clock.now())[0].id


def ids_of_event(start: datetime) -> dict[str, Any]:
    site, when = make_site(), {"starts_at": start, "ends_at": start + timedelta(minutes=45)}
    event = make_event(site, action=make_action(**when))
    return {"site_id": site.id, "action_id": event.action_id, "event_id": event.id}


@pytest.mark.timeout(3600 if EXAMPLES > 10 else 300)
def test_whatever_is_made_up_is_answered_as_the_document_says(fuzzed_app: Flask, ids: IdsOfTag) -> None:
    """`make security ONLY=api` makes up more, of another seed each time, and gets something done by each
    operation."""
    findings = run(fuzzed_app, make_secret(), ids, examples=EXAMPLES, seed=SEED)
    print(findings)
    assert findings.wrong == {}
    assert findings.never_done == set() or EXAMPLES <= 10
    assert len(findings.never_done) < len(OPERATIONS) / 2
    assert sum(findings.cases.values()) > 500 and findings.statuses[200] > 50
    assert {"examples", "coverage", "fuzzing", "stateful"} <= findings.cases.keys()
    assert findings.cases["stateful"] >= 40 and findings.followed >= 10


def test_the_example_of_every_body_can_be_done(fuzzed_app: Flask, ids: IdsOfTag) -> None:
    program = Program(fuzzed_app, make_secret())
    with_body = [operation for operation in OPERATIONS if operation.body]
    assert len(with_body) > 10
    for n, operation in enumerate(with_body):
        own = ids(operation.tag)
        path = re.sub(r"<uuid:(\w+)>", lambda match: str(own[match[1]]), operation.rule)  # noqa: B023
        answer = program.post(path, example_of(operation.body, own, nth=n))
        assert answer.status_code < 300, (operation.name, answer.text)
        assert answer.json and "error" not in answer.json or answer.json["error"] is None


def test_the_contract_is_what_the_code_says(sqlite_app: Flask) -> None:
    """After a change that breaks nothing: `python -m tests.api`."""
    kept = json.loads(CONTRACT.read_text(encoding="utf-8"))
    assert breaking_changes(kept, document()) == []
    assert kept == json.loads(json.dumps(document())), "run: python -m tests.api"


def test_every_limit_is_in_the_words_of_the_document(sqlite_app: Flask) -> None:
    """pydantic writes a limit that it cannot place as it is written in Python, which nobody reads."""
    written = json.dumps(document())
    assert not [word for word in ("ge", "gt", "le", "lt") if f'"{word}":' in written]


def test_every_operation_stands_in_the_document(sqlite_app: Flask) -> None:
    described = {(method.upper(), path) for path, item in document()["paths"].items() for method in item}
    assert len(described) == len(OPERATIONS) > 25
    assert document()["openapi"].startswith("3.1")
    assert {operation.tag for operation in OPERATIONS} == set(TAGS), "else the page leaves one out"


def schema(document: dict[str, Any], name: str) -> dict[str, Any]:
    return cast(dict[str, Any], document["components"]["schemas"][name])


def answer(document: dict[str, Any], path: str) -> dict[str, Any]:
    content = document["paths"][path]["get"]["responses"]["200"]["content"]
    return cast(dict[str, Any], content["application/json"]["schema"])


def parameter(document: dict[str, Any], path: str, name: str) -> dict[str, Any]:
    parameters = document["paths"][path]["get"]["parameters"]
    return cast(dict[str, Any], next(one["schema"] for one in parameters if one["name"] == name))


def changed(change: Any) -> list[str]:
    kept = json.loads(json.dumps(document()))
    new = deepcopy(kept)
    change(new)
    return breaking_changes(kept, new)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda new: new["paths"].pop("/areas"), "GET /areas is gone"),
        (lambda new: new["paths"]["/sites"]["get"]["responses"].pop("200"), "GET /sites answers no 200"),
        (lambda new: new["components"]["schemas"]["Site"]["properties"].pop("code"), "Site.code is gone"),
        (
            lambda new: new["components"]["schemas"]["Site"]["properties"]["code"].update(type="integer"),
            "Site.code is of another kind",
        ),
        (
            lambda new: new["components"]["schemas"]["CheckInReport"].update(required=["typed"]),
            "CheckInReport.typed has to be sent",
        ),
        (
            lambda new: new["components"]["schemas"]["TextState"]["enum"].pop(),
            "TextState has no",
        ),
        (
            lambda new: new["paths"]["/sites"]["get"]["parameters"].append(
                {"name": "zone", "in": "query", "required": True, "schema": {}}
            ),
            "GET /sites wants zone",
        ),
        (
            lambda new: new["paths"]["/sites"]["get"]["parameters"].pop(0),
            "GET /sites takes no limit",
        ),
        (
            lambda new: schema(new, "HeadCountReport").update(
                required=["n", "gate_name"],
                properties=schema(new, "HeadCountReport")["properties"] | {"gate_name": {"type": "string"}},
            ),
            "HeadCountReport.gate_name has to be sent",
        ),
        (
            lambda new: answer(new, "/areas").update({"$ref": "#/components/schemas/SiteList"}),
            "GET /areas answers 200 with something else",
        ),
        (lambda new: schema(new, "Site")["required"].remove("code"), "Site.code may be missing"),
        (
            lambda new: schema(new, "CheckInBatch")["properties"]["items"].update(maxItems=10),
            "CheckInBatch.items is of another kind",
        ),
        (
            lambda new: parameter(new, "/texts", "state")["enum"].remove("waiting"),
            "GET /texts takes no state waiting",
        ),
        (
            lambda new: parameter(new, "/sites", "limit").update(default=1),
            "GET /sites takes another kind of limit",
        ),
        (
            lambda new: schema(new, "Problem")["properties"]["code"]["x-extensible-enum"].remove("scope"),
            "Problem.code has no scope",
        ),
        (
            lambda new: new["paths"]["/sites"]["get"].update(security=[{"token": ["read", "names"]}]),
            "GET /sites needs the scope names",
        ),
    ],
)
def test_a_change_that_breaks_a_program_is_found(sqlite_app: Flask, change: Any, words: str) -> None:
    assert [one for one in changed(change) if one.startswith(words)]


def test_an_addition_breaks_nothing(sqlite_app: Flask) -> None:
    def add(new: dict[str, Any]) -> None:
        schema(new, "Problem")["properties"]["code"]["x-extensible-enum"].append("new")
        schema(new, "HeadCountReport")["properties"]["note"] = {"type": "string"}
        schema(new, "Site")["required"].append("color")
        schema(new, "Duty")["enum"].append("new")
        parameter(new, "/texts", "state")["enum"].append("new")
        new["paths"]["/new"] = new["paths"]["/areas"]
        new["components"]["schemas"]["Site"]["properties"]["color"] = {"type": "string"}
        new["paths"]["/sites"]["get"]["parameters"].append({"name": "x", "in": "query", "schema": {}})

    assert changed(add) == []


# Codes in the same modules as operations that a program can do, of what pages alone do.
OF_PAGES_ALONE = {
    "bad_days", "chair", "employer", "grown", "long_name", "moved_on", "no_label", "no_names", "no_scope",
    "not_open", "not_published", "not_signed", "same_member", "stale_form",
}  # fmt: skip


def test_every_code_is_in_the_document_and_its_link_leads_there(sqlite_app: Flask) -> None:
    assert set(codes_of_operations()) - OF_PAGES_ALONE <= CODES.keys()
    page = Program(sqlite_app, None).get("/").text
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids)) and set(ids) >= CODES.keys()


def codes_of_operations() -> Iterator[str]:
    """The codes that stand in the API, and in the modules of rooms that it calls."""
    own = [*(ROOT / "mobilize/api").rglob("*.py"), *(ROOT / "mobilize/webhooks").rglob("api_views.py")]
    for path in {*own, *(called for one in own for called in imported(one))}:
        for call in (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)):
            if getattr(call.func, "id", "") in ("Refused", "DoesNotFit"):
                yield from (one.value for one in call.args[:1] if isinstance(one, ast.Constant))


def imported(path: Path) -> Iterator[Path]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("mobilize"):
            module = ROOT / node.module.replace(".", "/")
            files = [module.with_suffix(".py"), *(module / f"{alias.name}.py" for alias in node.names)]
            yield from (file for file in files if file.is_file())


def test_kinds_and_states_are_described_for_who_writes_programs(sqlite_app: Flask) -> None:
    described = {name: one for name, one in document()["components"]["schemas"].items() if "enum" in one}
    assert described.keys() <= KINDS.keys()
    words = json.dumps(document())
    assert not [one for one in ("check_in()", "rules/kinds.py", "-> ", "`--") if one in words]


def test_the_page_shows_code_and_emphasis_and_no_letters_of_markdown(sqlite_app: Flask) -> None:
    page = Program(sqlite_app, None).get("/").text
    read = re.sub(r"<[^>]+>", "", page.partition("<main")[2])
    assert "`" not in read and not re.search(r"\*\w", read)
    assert "<code>count_unusual</code>" in page and "<em>Where is my line?</em>" in page
    assert as_html("`<b>` *x*") == "<code>&lt;b&gt;</code> <em>x</em>"
