"""The document and the API say the same, whatever is made up; and no change of it breaks a program."""

import json
import os
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from mobilize.api.document import TAGS, document
from mobilize.api.operation import OPERATIONS
from tests.api.breaking import breaking_changes
from tests.api.fuzzing import run
from tests.api.program import make_secret
from tests.world import World

CONTRACT = Path(__file__).parents[2] / "docs" / "openapi.json"
EXAMPLES, SEED = int(os.environ.get("API_EXAMPLES", "2")), int(os.environ.get("API_SEED", "1937"))


@pytest.mark.timeout(3600 if EXAMPLES > 10 else 120)
def test_whatever_is_made_up_is_answered_as_the_document_says(sqlite_app: Flask) -> None:
    """`make security ONLY=api` makes up more, of another seed each time."""
    findings = run(sqlite_app, make_secret(), World().own, examples=EXAMPLES, seed=SEED)
    print(findings)
    assert findings.wrong == {}
    assert sum(findings.cases.values()) > 500 and findings.statuses[200] > 50


def test_the_contract_is_what_the_code_says(sqlite_app: Flask) -> None:
    """After a change that breaks nothing: `python -m tests.api`."""
    kept = json.loads(CONTRACT.read_text(encoding="utf-8"))
    assert breaking_changes(kept, document()) == []
    assert kept == json.loads(json.dumps(document())), "run: python -m tests.api"


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
