"""Requests that Schemathesis makes up from the document: that fit it, that do not, and one after the other.

It checks that no answer is a 5xx, that each is as the document says (status, kind, headers, schema), that
what fits is not refused as unfitting and what does not fit is, that nothing opens without its token, and that
what was made can be read. Addresses have ids of the world every other time, else nobody's.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch
from zlib import crc32

import schemathesis
from flask import Flask
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema
from werkzeug.test import Client

# What fits the document is done, or declined by the union's rules (409, 422), and never a 400.
ACCEPTED = ["2xx", "3xx", "401", "403", "404", "409", "422", "429"]
REFUSED = ["400", "401", "403", "404", "405", "406", "413", "414", "415", "422"]


_OPEN = Client.open


@dataclass
class Findings:
    """What was sent, by phase, and what was wrong, each once."""

    cases: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    wrong: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        phases = ", ".join(f"{phase} {count:,}" for phase, count in self.cases.items())
        statuses = ", ".join(f"{status} {count:,}" for status, count in sorted(self.statuses.items()))
        return f"{sum(self.cases.values()):,} requests ({phases}; {statuses}), {len(self.wrong)} findings"


def run(app: Flask, secret: str, ids: Mapping[str, Any], *, examples: int, seed: int) -> Findings:
    """Every operation of the document, with so many made-up requests each, and the same in sequences."""
    app.config["API_REQUESTS_A_WINDOW"] = 10**9
    config = _config(secret, examples, seed)
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app, config=config)

    @schema.hook("map_path_parameters")
    def with_ids_of_the_world(_context: Any, path_parameters: dict[str, Any] | None) -> dict[str, Any] | None:
        return path_parameters and {
            name: str(ids[name]) if name in ids and crc32(str(value).encode()) % 2 else value
            for name, value in path_parameters.items()
        }

    findings = Findings()
    with patch.object(Client, "open", _open_in_process):
        for event in from_schema(schema).execute():
            if isinstance(event, events.ScenarioFinished):
                _note(findings, event)
            elif isinstance(event, events.NonFatalError | events.FatalError):
                label = getattr(event, "label", "the run")
                findings.wrong[f"{label}: could not be tested"] = str(getattr(event, "value", event))
    return findings


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
            "checks": {
                "positive_data_acceptance": {"expected-statuses": ACCEPTED},
                "negative_data_rejection": {"expected-statuses": REFUSED},
            },
        }
    )


def _note(findings: Findings, event: events.ScenarioFinished) -> None:
    phase = event.phase.value
    findings.cases[phase] += len(event.recorder.cases)
    for interaction in event.recorder.interactions.values():
        if interaction.response is not None:
            findings.statuses[interaction.response.status_code] += 1
    for case_id, checks in event.recorder.checks.items():
        for check in checks:
            if check.failure_info is not None:
                case = event.recorder.cases[case_id].value
                words = f"{check.failure_info.failure}\n{check.failure_info.code_sample}"
                findings.wrong.setdefault(f"{case.operation.label}: {check.name}", words)
