"""Every route there is, asked by a stranger and by an admin: the headers stand on each answer."""

import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule

import mobilize
from mobilize.accounts.models import RoleName
from tests.builders import make_person, sign_in
from tests.security.elsewhere import from_elsewhere
from tests.test_security_headers import check

WORDS = {"code": "ABCDEFGHJ", "token": "x", "filename": "nothing.css", "version": 1}
NOBODY = "0190c0de-0000-7000-8000-000000000001"
PUBLIC_CACHE = {"static", "public.colours"}


def a_word_for(rule: Rule, name: str) -> str:
    """One of the words an address takes there; else an id that nobody has."""
    words = getattr(rule._converters[name], "items", None)
    return min(words) if words else NOBODY


def answers(app: Flask, client: FlaskClient) -> list[tuple[str, Any]]:
    results = []
    for rule in app.url_map.iter_rules():
        values = {name: WORDS.get(name) or a_word_for(rule, name) for name in rule.arguments}
        path = str(rule.build(values, append_unknown=False)[1])  # type: ignore[index]
        for method in sorted(rule.methods & {"GET", "POST", "PUT", "DELETE"}):
            results.append((rule.endpoint, client.open(path, method=method)))
    return results


def test_every_answer_of_every_route_carries_the_headers(sqlite_app: Flask) -> None:
    sqlite_app.testing = False
    stranger, admin = sqlite_app.test_client(), sqlite_app.test_client()
    sign_in(admin, make_person("Ada Stone", role=RoleName.ADMIN))
    answers_of = 0
    for client in (stranger, admin):
        for endpoint, answer in answers(sqlite_app, client):
            check(answer)
            assert answer.status_code < 500, endpoint
            if endpoint not in PUBLIC_CACHE and answer.status_code == 200:
                assert "public" not in answer.headers.get("Cache-Control", ""), endpoint
            answers_of += 1
    assert answers_of > 150


def test_no_style_or_script_of_ours_names_another_origin() -> None:
    static = Path(mobilize.__file__).parent / "static"
    files = [path for path in static.rglob("*") if path.suffix in {".css", ".js", ".webmanifest", ".svg"}]
    assert len(files) > 10
    for path in files:
        text = re.sub(r"/\*.*?\*/|^\s*//.*$|xmlns(:\w+)?=\"[^\"]*\"", "", path.read_text(), flags=re.S | re.M)
        assert from_elsewhere(text, "https://ours.example") == [], path
        assert not re.findall(r"""["'`](?:https?:|wss?:)?//[\w.-]+\.\w""", text), path


@pytest.mark.parametrize(
    "page",
    [
        '<script src="https://cdn.example/x.js">',
        "<img src=//cdn.example/x.png>",
        "<link href='http://fonts.example/a.css'>",
        "body { background: url(https://cdn.example/x.png) }",
        '<a href="https://ours.example.evil.example/">',
    ],
)
def test_the_search_finds_another_origin(page: str) -> None:
    assert from_elsewhere(page, "https://ours.example")
    harmless = '<a href="https://ours.example/c/X"><img src="/static/x.png">'
    assert not from_elsewhere(harmless, "https://ours.example")
