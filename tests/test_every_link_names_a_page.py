"""A link to a page that is not there is found here, and not by whoever misses the button."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from jinja2 import nodes
from werkzeug.routing import BuildError

ROOT = Path(__file__).resolve().parents[1]
# Functions that take an endpoint, and which of their arguments it is.
TAKES_ENDPOINT = {"url_for": 0, "pagination": 2}


def in_templates(app: Flask) -> Iterator[tuple[str, str]]:
    """(file and line, endpoint) of each link, in branches that no test renders too."""
    for path in sorted((ROOT / "templates").rglob("*.html")):
        for call in app.jinja_env.parse(path.read_text()).find_all(nodes.Call):
            name = getattr(call.node, "name", None) or getattr(call.node, "attr", None)
            at = TAKES_ENDPOINT.get(name, len(call.args))
            for said in call.args[at : at + 1]:
                # One of two pages is a choice of two constants.
                either = [said.expr1, said.expr2] if isinstance(said, nodes.CondExpr) else [said]
                yield from (
                    (f"{path.name}:{call.lineno}", one.value)
                    for one in either
                    if isinstance(one, nodes.Const)
                )


def in_code() -> Iterator[tuple[str, str]]:
    for path in sorted((ROOT / "mobilize").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            links = isinstance(node, ast.Call) and getattr(node.func, "id", "") == "url_for"
            if links and isinstance(node.args[0], ast.Constant):
                yield f"{path.name}:{node.lineno}", str(node.args[0].value)


def test_every_link_names_a_page_that_is_there(sqlite_app: Flask) -> None:
    found = [*in_templates(sqlite_app), *in_code()]
    assert len(found) > 200 and any(where.startswith("event.html") for where, _endpoint in found)
    assert not [one for one in found if one[1] not in sqlite_app.view_functions]


def test_a_page_never_hides_a_link_that_cannot_be_built(sqlite_app: Flask) -> None:
    sources = [*(ROOT / "templates").rglob("*.html"), *(ROOT / "mobilize").rglob("*.py")]
    assert not [path.name for path in sources if "BuildError" in path.read_text()]
    with sqlite_app.test_request_context(), pytest.raises(BuildError):
        sqlite_app.jinja_env.from_string('{{ url_for("turnout.hourz") }}').render()
