"""What every answer carries, whatever kind it is, and what our cookies are like."""

import errno
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError

import config
from mobilize import clock, create_app
from mobilize.accounts.access.grants import grant_line
from mobilize.accounts.access.permissions import anyone
from mobilize.accounts.models import GrantKind, LinkKind, RoleName
from mobilize.accounts.sign_in.one_time_links import make_link
from mobilize.errors import Refused
from tests.builders import make_event, make_person, make_site, sign_in
from tests.services.client import BareClient
from tests.services.databases import opened

CLOSED = ("accelerometer", "camera", "geolocation", "gyroscope", "microphone", "payment", "usb")


def policy(answer: Any) -> dict[str, str]:
    parts = (part.strip().partition(" ") for part in answer.headers["Content-Security-Policy"].split(";"))
    return {name: value for name, _space, value in parts}


def check(answer: Any, *, secure: bool = False) -> None:
    """Every header `security_headers` puts on an answer."""
    directives = policy(answer)
    assert directives["default-src"] == "'none'"
    assert directives["frame-ancestors"] == directives["base-uri"] == "'none'"
    for kind in ("script", "style", "img", "connect", "manifest", "worker"):
        assert directives[f"{kind}-src"] == "'self'"
    assert directives["form-action"] == "'self'"
    headers = answer.headers
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Opener-Policy"] == headers["Cross-Origin-Resource-Policy"] == "same-origin"
    for sense in CLOSED:
        assert f"{sense}=()" in headers["Permissions-Policy"] or sense == "camera"
    assert ("Strict-Transport-Security" in headers) is secure
    assert "Server" not in headers and "X-Powered-By" not in headers


@pytest.fixture
def breaking(own_app: Flask) -> Flask:
    """The application with doors that break in each way."""

    def fail(error: Exception) -> Any:
        def view() -> None:
            raise error

        return anyone(view)

    own_app.add_url_rule("/surprise", "surprise", fail(ValueError("a phone: +12135550101")))
    own_app.add_url_rule("/no-file", "no_file", fail(OSError(errno.EMFILE, "Too many open files")))
    own_app.add_url_rule("/no-memory", "no_memory", fail(MemoryError()))
    own_app.add_url_rule("/away", "away", fail(OperationalError("x", {}, Exception())))
    own_app.add_url_rule("/refused", "refused", fail(Refused("no", "Not like that.")))
    own_app.add_url_rule("/unstated", "unstated", lambda: "open to nobody")
    own_app.testing = False
    return own_app


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("GET", "/sign-in", 200),
        ("GET", "/healthz", 200),
        ("GET", "/colours.css", 200),
        ("GET", "/static/css/mobilize.css", 200),
        ("GET", "/static/nothing.css", 404),
        ("GET", "/people", 302),
        ("GET", "/nowhere", 404),
        ("GET", "/nowhere%00", 404),
        ("POST", "/nowhere", 404),
        ("DELETE", "/", 405),
        ("OPTIONS", "/sign-in", 200),
        ("HEAD", "/sign-in", 200),
        ("POST", "/people", 401),
        ("GET", "/line/ABC", 403),
        ("POST", "/texts/inbound", 403),
        ("GET", "/enter/x", 410),
        ("GET", "/refused", 422),
        ("GET", "/unstated", 403),
        ("GET", "/surprise", 500),
        ("GET", "/away", 503),
        ("GET", "/no-file", 503),
        ("GET", "/no-memory", 503),
    ],
)
@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_every_answer_carries_them(breaking: Flask, method: str, path: str, status: int, accept: str) -> None:
    answer = breaking.test_client().open(path, method=method, headers={"Accept": accept})
    assert answer.status_code == (401 if (path, accept) == ("/people", "application/json") else status)
    check(answer)
    assert "5550101" not in answer.text and "Traceback" not in answer.text


def test_a_body_that_is_too_large_is_answered_with_them(sqlite_app: Flask) -> None:
    answer = sqlite_app.test_client().post("/sign-in", data={"phone": "1" * (2 << 20)})
    assert answer.status_code == 413
    check(answer)


def test_what_is_personal_is_not_kept_by_a_browser(sqlite_app: Flask) -> None:
    client = sqlite_app.test_client()
    sign_in(client, make_person(role=RoleName.ADMIN))
    answer = client.get("/people")
    assert answer.status_code == 200 and answer.headers["Cache-Control"] == "no-store"
    check(answer)


def test_only_the_line_page_may_use_the_camera(sqlite_app: Flask) -> None:
    now, client = clock.now(), sqlite_app.test_client()
    event = make_event(starts_at=now, ends_at=now)
    _grant, token = grant_line(
        event.id, GrantKind.CAPTAIN, "Rosa", None, "shell", now + timedelta(hours=1), now=now
    )
    client.set_cookie(f"line-{event.code}", token, domain="localhost")
    line = client.get(f"/line/{event.code}")
    assert line.status_code == 200 and "camera=(self)" in line.headers["Permissions-Policy"]
    check(line)
    assert "camera=()" in client.get("/").headers["Permissions-Policy"]


@pytest.fixture
def https_app(sqlite_url: str, base_environ: Mapping[str, str]) -> Any:
    values = {"DATABASE_URL": sqlite_url, "PUBLIC_BASE_URL": "https://mobilize.example.org"}
    app = create_app(config.load({**base_environ, **values}))
    app.test_client_class = BareClient
    with opened(app):
        yield app


def test_over_https_cookies_are_host_cookies_and_the_browser_stays_on_https(https_app: Flask) -> None:
    client: FlaskClient = https_app.test_client()
    chair = make_person(role=RoleName.CHAIR, site=make_site())
    link = make_link(chair, "shell", kind=LinkKind.SHELL, now=clock.now())
    response = client.post("/sign-in", data={"phone": "2135550101"})
    entered = client.post(f"/enter/{link}")
    page = client.get("/devices")
    assert page.status_code == 200
    check(page, secure=True)
    cookies = [line for answer in (response, entered, page) for line in answer.headers.getlist("Set-Cookie")]
    assert {line.split("=")[0] for line in cookies} == {"__Host-browser", "__Host-session", "__Host-form"}
    for line in cookies:
        directives = {part.strip().lower() for part in line.split(";")}
        assert {"secure", "httponly", "path=/", "samesite=lax"} <= directives
        assert not any(part.startswith("domain") for part in directives)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 303),
        ({"Origin": "http://localhost"}, 303),
        # What browsers send from our own pages, which send no referrer.
        ({"Origin": "null", "Sec-Fetch-Site": "same-origin"}, 303),
        ({"Origin": "null"}, 303),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"}, 403),
        ({"Origin": "null", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "null", "Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "http://localhost.evil.example"}, 403),
    ],
)
def test_a_form_of_another_site_does_nothing(sqlite_app: Flask, headers: dict[str, str], status: int) -> None:
    values = sqlite_app.config["MOBILIZE"].public_base_url
    headers = {n: values if v == "http://localhost" else v for n, v in headers.items()}
    answer = sqlite_app.test_client().post("/sign-in", data={"phone": "2135550101"}, headers=headers)
    assert answer.status_code == status
    check(answer)


def test_a_signed_in_form_without_its_token_is_given_back_to_send_again(sqlite_app: Flask) -> None:
    client = sqlite_app.test_client()
    sign_in(client, make_person(role=RoleName.ADMIN))
    answer = client.post("/people", data={"name": "Carmen Ortiz"})
    assert answer.status_code == 400
    assert 'name="name" value="Carmen Ortiz"' in answer.text and "Send it again" in answer.text
    check(answer)
