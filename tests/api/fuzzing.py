"""Requests that Schemathesis makes up from the document: that fit it, that do not, and one after the other.

It checks that no answer is a 5xx, that each is as the document says (status, kind, headers, schema), that
what fits is not refused as unfitting and what does not fit is, that nothing opens without its token, and that
what was made can be read. Addresses have ids of the world three times of four, else nobody's; of bodies that
fit every other one is the document's own example, on a day of its own, or has its times and ids.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch
from zlib import crc32

import schemathesis
from flask import Flask
from pydantic import BaseModel, ValidationError
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema
from werkzeug.test import Client

from mobilize.api.endpoint import OPERATIONS
from mobilize.api.fields import BAD_TIME

# What fits the document is done, or declined by the union's rules (409, 422), and never a 400.
ACCEPTED = ["2xx", "3xx", "401", "403", "404", "409", "422", "429"]
REFUSED = ["400", "401", "403", "404", "405", "406", "413", "414", "415", "422"]
_OPEN = Client.open
# The ids that addresses of operations with a tag have.
IdsOfTag = Callable[[str], Mapping[str, Any]]
# What a made-up body takes of the example, so that it can be done.
_TAKEN = {
    *("starts_at", "ends_at", "place_id", "site_id", "number", "name", "kind", "items", "shifts"),
    *("delta", "n", "verdict", "reason", "result"),
}


@dataclass
class Findings:
    """What was sent, by phase, which operations never answered with 2xx, and what was wrong, each once."""

    cases: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    # How many of these took what another operation had answered.
    followed: int = 0
    never_done: set[str] = field(default_factory=lambda: {operation.name for operation in OPERATIONS})
    wrong: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        phases = ", ".join(f"{phase} {count:,}" for phase, count in self.cases.items())
        statuses = ", ".join(f"{status} {count:,}" for status, count in sorted(self.statuses.items()))
        done = f"{len(OPERATIONS) - len(self.never_done)} of {len(OPERATIONS)} operations done"
        never = f" (never: {', '.join(sorted(self.never_done))})" if self.never_done else ""
        requests = f"{sum(self.cases.values()):,} requests ({phases}; {statuses})"
        requests = f"{requests}, {self.followed} that follow from another"
        return f"{requests}, {done}{never}, {len(self.wrong)} findings"


def run(app: Flask, secret: str, ids: IdsOfTag, *, examples: int, seed: int) -> Findings:
    """Every operation of the document, with so many made-up requests each, and the same in sequences."""
    app.config["API_REQUESTS_A_WINDOW"] = 10**9
    config = _config(secret, examples, seed)
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app, config=config)

    described = {operation.name: operation for operation in OPERATIONS}

    def ids_of(tag: str) -> Mapping[str, Any]:
        with app.app_context():
            return ids(tag)

    @schema.hook("map_path_parameters")
    def with_ids_of_the_world(context: Any, path_parameters: dict[str, Any] | None) -> dict[str, Any] | None:
        own = ids_of(described[_name(context.operation)].tag)
        return path_parameters and {
            name: str(own[name]) if name in own and crc32(str(value).encode()) % 4 else value
            for name, value in path_parameters.items()
        }

    @schema.hook("map_body")
    def that_can_be_done(context: Any, body: Any) -> Any:
        operation, dice = described[_name(context.operation)], crc32(repr(body).encode())
        if dice % 2 == 0 or operation.body is None or not _fits(operation.body, body):
            return body
        example = example_of(operation.body, ids_of(operation.tag), nth=dice // 4 % 60)
        own = {field: value for field, value in example.items() if field in _TAKEN}
        # A made-up moment is hardly ever within the hours of what goes on.
        rest = {field: value for field, value in body.items() if field != "at"}
        return example if dice % 4 == 1 else {**rest, **own}

    findings = Findings()
    with patch.object(Client, "open", _open_in_process):
        for event in from_schema(schema).execute():
            if isinstance(event, events.ScenarioFinished):
                _note(findings, event)
            elif isinstance(event, events.NonFatalError | events.FatalError):
                label = getattr(event, "label", "the run")
                findings.wrong[f"{label}: could not be tested"] = str(getattr(event, "value", event))
    return findings


def example_of(model: type[BaseModel], ids: Mapping[str, Any], *, nth: int) -> dict[str, Any]:
    """The example of a body, of the world's place, each time on a day of its own: in another winter, which
    shows the same time."""
    example: dict[str, Any] = dict(model.model_json_schema()["examples"][0])
    for name in {"starts_at", "ends_at"} & example.keys():
        example[name] = (datetime.fromisoformat(example[name]) + timedelta(364 * nth)).isoformat()
    return example | {name: str(ids["site_id"]) for name in ("place_id", "site_id") if name in example}


def _name(operation: Any) -> str:
    return str(operation.definition.raw["operationId"])


def _fits(model: type[BaseModel], body: Any) -> bool:
    """As the document has it: a year that is a slip fits."""
    try:
        return bool(model.model_validate_json(json.dumps(body)))
    except ValidationError as wrong:
        return {one["type"] for one in wrong.errors()} == {BAD_TIME}
    except (TypeError, ValueError):
        return False


def _open_in_process(client: Client, *args: Any, **more: Any) -> Any:
    """Schemathesis 4.32 gives a client for WSGI also what is meant for a network."""
    for name in ("max_redirects", "verify", "cert", "proxies"):
        more.pop(name, None)
    return _OPEN(client, *args, **more)


def _config(secret: str, examples: int, seed: int) -> SchemathesisConfig:
    return SchemathesisConfig.from_dict(
        {
            "seed": seed,
            "continue-on-failure": True,
            "headers": {"Authorization": f"Bearer {secret}"},
            "generation": {"max-examples": examples, "no-shrink": True, "database": "none"},
            # It takes what one operation answers to the next: of each sequence, this many.
            "phases": {"stateful": {"generation": {"max-examples": 4 * examples}}},
            "checks": {
                "positive_data_acceptance": {"expected-statuses": ACCEPTED},
                "negative_data_rejection": {"expected-statuses": REFUSED},
            },
        }
    )


def _note(findings: Findings, event: events.ScenarioFinished) -> None:
    phase = event.phase.value
    findings.cases[phase] += len(event.recorder.cases)
    findings.followed += sum(one.transition is not None for one in event.recorder.cases.values())
    for case_id, interaction in event.recorder.interactions.items():
        if interaction.response is not None:
            status = interaction.response.status_code
            findings.statuses[status] += 1
            case = event.recorder.cases[case_id].value
            # Also its address is asked by other methods, of which OPTIONS is always answered.
            if 200 <= status < 300 and case.method.upper() == case.operation.method.upper():
                findings.never_done.discard(_name(case.operation))
    for case_id, checks in event.recorder.checks.items():
        for check in checks:
            if check.failure_info is not None:
                case = event.recorder.cases[case_id].value
                words = f"{check.failure_info.failure}\n{check.failure_info.code_sample}"
                findings.wrong.setdefault(f"{case.operation.label}: {check.name}", words)
