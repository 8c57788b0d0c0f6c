"""A link to a page that is not there is found here, and not by whoever misses the button."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from jinja2 import nodes
from werkzeug.routing import BuildError

from mobilize import ROOMS

ROOT = Path(__file__).resolve().parents[1]
# Functions that take an endpoint, and which of their arguments it is.
TAKES_ENDPOINT = {"url_for": 0, "pagination": 2}
ENDPOINT = re.compile(rf"({'|'.join(ROOMS)})\.\w+")


def in_templates(app: Flask) -> Iterator[tuple[str, str]]:
    """(file and line, endpoint) of each link, in branches that no test renders too."""
    for path in sorted((ROOT / "templates").rglob("*.html")):
        for call in app.jinja_env.parse(path.read_text()).find_all(nodes.Call):
            name = getattr(call.node, "name", None) or getattr(call.node, "attr", None)
            at = TAKES_ENDPOINT.get(name, len(call.args))
            for argument in call.args[at : at + 1]:
                # One of two pages is a choice of two constants.
                either = (
                    [argument.expr1, argument.expr2] if isinstance(argument, nodes.CondExpr) else [argument]
                )
                yield from (
                    (f"{path.name}:{call.lineno}", one.value)
                    for one in either
                    if isinstance(one, nodes.Const)
                )


def in_code() -> Iterator[tuple[str, str]]:
    """(file and line, endpoint) wherever one is written, also where a variable or a table takes it to a
    link."""
    for path in sorted((ROOT / "mobilize").rglob("*.py")):
        source = path.read_text()
        if "url_for" in source or path.name == "blueprints.py":
            yield from ((f"{path.name}:{line}", word) for line, word in endpoints(source))


def endpoints(source: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and ENDPOINT.fullmatch(str(node.value)):
            yield node.lineno, str(node.value)


def test_every_link_names_a_page_that_is_there(sqlite_app: Flask) -> None:
    results = [*in_templates(sqlite_app), *in_code()]
    assert len(results) > 200 and any(where.startswith("event.html") for where, _endpoint in results)
    assert not [one for one in results if one[1] not in sqlite_app.view_functions]


def test_these_tests_see_an_endpoint_in_a_table() -> None:
    source = 'LOOK_AT = {1: ("turnout.hourz", "event_id")}\nurl_for("accounts.people", note="not.one")'
    assert sorted(endpoints(source)) == [(1, "turnout.hourz"), (2, "accounts.people")]


def test_a_page_never_hides_a_link_that_cannot_be_built(sqlite_app: Flask) -> None:
    sources = [*(ROOT / "templates").rglob("*.html"), *(ROOT / "mobilize").rglob("*.py")]
    assert not [path.name for path in sources if "BuildError" in path.read_text()]
    with sqlite_app.test_request_context(), pytest.raises(BuildError):
        sqlite_app.jinja_env.from_string('{{ url_for("turnout.hourz") }}').render()
