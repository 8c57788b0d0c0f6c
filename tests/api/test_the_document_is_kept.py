"""The document and the API say the same, whatever is made up; and no change of it breaks a program."""

import json
import os
import re
from copy import deepcopy
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from mobilize import clock
from mobilize.api.document import TAGS, document
from mobilize.api.endpoint import OPERATIONS
from mobilize.turnout.figures.closing import close_events
from mobilize.webhooks.endpoints.operations import make_webhook
from tests.api.breaking import breaking_changes
from tests.api.fuzzing import IdsOfTag, example_of, run
from tests.api.program import Program, make_secret
from tests.builders import ZONE, make_action, make_event, make_site
from tests.world import World

CONTRACT = Path(__file__).parents[2] / "docs" / "openapi.json"
EXAMPLES, SEED = int(os.environ.get("API_EXAMPLES", "2")), int(os.environ.get("API_SEED", "1937"))


@pytest.fixture
def ids(sqlite_app: Flask) -> IdsOfTag:
    """Those of an action that goes on; what plans has one of tomorrow at seven, figures have a closed one."""
    now = clock.now()
    webhook, _secret = make_webhook("Map", "http://localhost", ["event.moved"], actor="shell", now=now)
    own = World().own | {"webhook_id": webhook.id}
    seven = clock.local(now, ZONE).replace(hour=7, minute=0, second=0, microsecond=0)
    planned, closed = ids_of_event(seven + timedelta(1)), ids_of_event(seven - timedelta(2))
    close_events(closed["action_id"], [closed["event_id"]], now)
    return lambda tag: own | {"Plan": planned, "Figures": closed}.get(tag, {})


def ids_of_event(start: datetime) -> dict[str, Any]:
    site, when = make_site(), {"starts_at": start, "ends_at": start + timedelta(minutes=45)}
    event = make_event(site, action=make_action(**when))
    return {"site_id": site.id, "action_id": event.action_id, "event_id": event.id}


@pytest.mark.timeout(3600 if EXAMPLES > 10 else 120)
def test_whatever_is_made_up_is_answered_as_the_document_says(sqlite_app: Flask, ids: IdsOfTag) -> None:
    """`make security ONLY=api` makes up more, of another seed each time, and gets something done by each
    operation."""
    findings = run(sqlite_app, make_secret(), ids, examples=EXAMPLES, seed=SEED)
    print(findings)
    assert findings.wrong == {}
    assert findings.never_done == set() or EXAMPLES <= 10
    assert sum(findings.cases.values()) > 500 and findings.statuses[200] > 50


def test_the_example_of_every_body_can_be_done(sqlite_app: Flask, ids: IdsOfTag) -> None:
    program = Program(sqlite_app, make_secret())
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
    ],
)
def test_a_change_that_breaks_a_program_is_found(sqlite_app: Flask, change: Any, words: str) -> None:
    assert [one for one in changed(change) if one.startswith(words)]


def test_an_addition_breaks_nothing(sqlite_app: Flask) -> None:
    def add(new: dict[str, Any]) -> None:
        new["paths"]["/new"] = new["paths"]["/areas"]
        new["components"]["schemas"]["Site"]["properties"]["color"] = {"type": "string"}
        new["paths"]["/sites"]["get"]["parameters"].append({"name": "x", "in": "query", "schema": {}})

    assert changed(add) == []
