"""Every door there is, with input nobody honest sends: an answer below 500, at once, and nothing breaks."""

import io
import re
import time
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

import mobilize
from mobilize.accounts.models import RoleName
from tests.builders import sign_in
from tests.services.client import Client
from tests.staged import stage
from tests.world import World, address, routes_and_methods

NASTY = (
    "x" * 9_000,
    "\udcff\udcfe".encode("utf-8", "surrogateescape"),
    "\x00\x08\u202e\ufeff",
    "1" + "0" * 30,
    "../../../../etc/passwd%00",
    "=cmd|' /C calc'!A0",
    "javascript:alert(1)",
)
QUERIES = ("-1", "1" + "0" * 30, "%00", "%ff%fe", "../x", "x" * 3_000, "=1")
BODIES = [
    (b"x" * 2_000_000, "application/x-www-form-urlencoded"),
    (b"&".join(b"f%d=1" % n for n in range(10_000)), "application/x-www-form-urlencoded"),
    (b"[" * 50_000, "application/json"),
    (b'{"items": 1, "items": [[{}]], "at": 1e999}', "application/json"),
    (b"--x\r\n", "multipart/form-data; boundary=x"),
]
_FIELDS = (
    re.compile(r'(?:form\.get(?:list)?\(|form\[|\bname=|"name", )["\']([a-z_]{2,24})["\']'),
    re.compile(r"^    ([a-z_]{2,24}) = \w+Field\(", re.MULTILINE),
)


def fields() -> list[str]:
    """Every name that a form of ours has anywhere."""
    here = Path(mobilize.__file__).parent
    files = [*here.rglob("*.py"), *here.parent.joinpath("templates").rglob("*.html")]
    sources = [path.read_text(encoding="utf-8") for path in files]
    return sorted({name for source in sources for pattern in _FIELDS for name in pattern.findall(source)})


@pytest.fixture
def admin(sqlite_app: Flask) -> tuple[Client, World]:
    sqlite_app.testing = False  # a surprise is then a 500, as in use
    client, world = Client(sqlite_app, use_cookies=True), World()
    for _endpoint, values in stage(world):
        world.own |= {name: value for name, value in values.items() if name not in world.own}
    sign_in(client, world.people[RoleName.ADMIN])
    return client, world


def everywhere(app: Flask, world: World, method: str) -> list[tuple[str, str]]:
    kinds = ("signed_in", "anyone", "grant", "upload", "first_step")
    return [
        (rule.endpoint, address(app, rule, world.own))
        for kind in kinds
        for rule, how in routes_and_methods(app, kind)
        if how == method and rule.endpoint not in ("accounts.sign_out", "accounts.end_session")
    ]


def test_no_field_breaks_a_door(sqlite_app: Flask, admin: tuple[Client, World]) -> None:
    """Twice, each field with another of the values."""
    client, world = admin
    names, broken = fields(), []
    assert len(names) > 60
    for turn in (0, 3):
        form: dict[str, Any] = {name: NASTY[(n + turn) % len(NASTY)] for n, name in enumerate(names)}
        for endpoint, path in everywhere(sqlite_app, world, "POST"):
            if client.post(path, data=form).status_code >= 500:
                broken.append((endpoint, turn))
    assert broken == []


def test_no_body_breaks_a_door(sqlite_app: Flask, admin: tuple[Client, World]) -> None:
    client, world = admin
    broken = []
    for n, (endpoint, path) in enumerate(everywhere(sqlite_app, world, "POST")):
        for body, kind in (BODIES[n % len(BODIES)], BODIES[(n + 2) % len(BODIES)]):
            began = time.process_time()
            answer = client.post(
                path, input_stream=io.BytesIO(body), content_type=kind, content_length=len(body)
            )
            if answer.status_code >= 500 or time.process_time() - began > 2:
                broken.append((endpoint, body[:20], answer.status_code))
    assert broken == []


def test_nothing_behind_a_question_mark_breaks_a_page(sqlite_app: Flask, admin: tuple[Client, World]) -> None:
    client, world = admin
    names = ("q", "page", "day", "person", "verb", "site", "area", "next", "code", "names", "kind", "state")
    broken = []
    for turn in (0, 4):
        query = "&".join(f"{name}={QUERIES[(n + turn) % len(QUERIES)]}" for n, name in enumerate(names))
        for endpoint, path in everywhere(sqlite_app, world, "GET"):
            if client.get(f"{path}?{query}").status_code >= 500:
                broken.append((endpoint, turn))
    assert broken == []


@pytest.mark.parametrize("written", ["..%2f..%2fetc%2fpasswd%00", "1" + "0" * 30, "%ff%fe"])
def test_no_id_in_an_address_breaks_a_page(
    sqlite_app: Flask, admin: tuple[Client, World], written: str
) -> None:
    client, _world = admin
    for rule in sqlite_app.url_map.iter_rules():
        if rule.arguments and rule.endpoint != "static":
            path = re.sub(r"<[^>]+>", written, rule.rule)
            for method in rule.methods & {"GET", "POST"}:  # type: ignore[operator]
                assert client.open(path, method=method).status_code < 500, (rule.endpoint, method)


def test_neither_json_nor_files_are_read_as_fields(sqlite_app: Flask, admin: tuple[Client, World]) -> None:
    """A field holds a string; a number, a list or a file would be a surprise."""
    client, world = admin
    names, broken = fields(), []
    for endpoint, path in everywhere(sqlite_app, world, "POST"):
        files = {name: (io.BytesIO(b"x"), "x.txt") for name in names}
        answers = [client.post(path, json=sent) for sent in ([1], "abc", dict.fromkeys(names, 5))]
        if any(answer.status_code >= 500 for answer in [*answers, client.post(path, data=files)]):
            broken.append(endpoint)
    assert broken == []
