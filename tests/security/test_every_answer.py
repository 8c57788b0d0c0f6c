"""Every route there is, asked by a stranger and by an admin: the headers stand on each answer."""

from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from mobilize.accounts.models import RoleName
from tests.builders import make_person, sign_in
from tests.test_headers import check

WORDS = {"code": "ABCDEFGHJ", "token": "x", "filename": "nothing.css"}
NOBODY = "0190c0de-0000-7000-8000-000000000001"
PUBLIC_CACHE = {"static", "public.colours"}


def a_word_for(rule: Rule, name: str) -> str:
    """One of the words an address takes there; else an id that nobody has."""
    words = getattr(rule._converters[name], "items", None)
    return min(words) if words else NOBODY


def answers(app: Flask, client: FlaskClient) -> list[tuple[str, Any]]:
    found = []
    for rule in app.url_map.iter_rules():
        values = {name: WORDS.get(name) or a_word_for(rule, name) for name in rule.arguments}
        path = str(rule.build(values, append_unknown=False)[1])  # type: ignore[index]
        for method in sorted(rule.methods & {"GET", "POST", "PUT", "DELETE"}):
            found.append((rule.endpoint, client.open(path, method=method)))
    return found


def test_every_answer_of_every_route_carries_the_headers(sqlite_app: Flask) -> None:
    sqlite_app.testing = False
    stranger, admin = sqlite_app.test_client(), sqlite_app.test_client()
    sign_in(admin, make_person("Ada Stone", role=RoleName.ADMIN))
    asked = 0
    for client in (stranger, admin):
        for endpoint, answer in answers(sqlite_app, client):
            check(answer)
            assert answer.status_code < 500, endpoint
            if endpoint not in PUBLIC_CACHE and answer.status_code == 200:
                assert "public" not in answer.headers.get("Cache-Control", ""), endpoint
            asked += 1
    assert asked > 150
