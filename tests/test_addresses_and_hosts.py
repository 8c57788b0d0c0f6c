"""Addresses that are too long, hosts that are not ours, and ways back that lead elsewhere."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

import config
import mobilize
from mobilize import create_app
from mobilize.accounts.models import RoleName
from tests.builders import make_event, make_person, sign_in
from tests.security.test_every_answer import answers
from tests.services.client import BareClient
from tests.services.databases import opened

PUBLIC = "https://mobilize.example.org"
ELSEWHERE = "evil.example"


@pytest.fixture
def production(sqlite_app: Flask, base_environ: dict[str, str]) -> Iterator[FlaskClient]:
    """A stranger's browser at an installation in production, on the database of `sqlite_app`."""
    chosen = {"MOBILIZE_ENV": "production", "PUBLIC_BASE_URL": PUBLIC, "HELP_NUMBER": "+12135551234"}
    chosen |= {"TWILIO_API_URL": "https://api.twilio.com", "TEXT_NUMBER": "+12135551235"}
    chosen |= {"DATABASE_URL": sqlite_app.config["DATABASE_URL"]}
    app = create_app(config.load({**base_environ, **chosen}))
    app.test_client_class = BareClient
    yield app.test_client()
    with opened(app):
        pass


@pytest.mark.parametrize(
    "host", [ELSEWHERE, f"mobilize.example.org.{ELSEWHERE}", "mobilize.example.org:8080", ""]
)
def test_in_production_another_host_is_refused(production: FlaskClient, host: str) -> None:
    event = make_event()
    for method, path in (("GET", "/"), ("GET", f"/c/{event.code}"), ("POST", "/language"), ("GET", "/none")):
        answer = production.open(path, method=method, headers={"Host": host})
        assert answer.status_code == 421, (method, path)
        assert ELSEWHERE not in answer.text + str(answer.headers)
        assert PUBLIC in answer.text


@pytest.mark.parametrize("host", ["mobilize.example.org", "Mobilize.Example.org", "mobilize.example.org:443"])
def test_the_public_host_is_answered_as_browsers_and_proxies_write_it(
    production: FlaskClient, host: str
) -> None:
    assert production.get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_load_balancer_asks_by_whatever_address_the_machine_has(production: FlaskClient, path: str) -> None:
    assert production.get(path, headers={"Host": "10.1.2.3:5000"}).status_code == 200


def test_in_production_a_form_from_the_host_of_the_request_is_not_ours(production: FlaskClient) -> None:
    """Nobody can say with one header where they are, and with another that this is here."""
    origin = {"Origin": "https://mobilize.example.org:443"}
    assert production.post("/language", headers=origin).status_code == 403
    assert production.post("/language", headers={"Origin": PUBLIC}).status_code == 303


def test_no_answer_says_anything_of_the_host_it_was_asked_by(sqlite_app: Flask) -> None:
    """Every route there is, as a stranger and as an admin, where any host is answered."""
    sqlite_app.testing = False

    class Elsewhere(BareClient):
        def open(self, *args: Any, **kwargs: Any) -> Any:
            kwargs["headers"] = {
                **kwargs.get("headers", {}),
                "Host": ELSEWHERE,
                "X-Forwarded-Host": ELSEWHERE,
            }
            return super().open(*args, **kwargs)

    stranger, admin = (Elsewhere(sqlite_app, use_cookies=True) for _browser in range(2))
    sign_in(admin, make_person("Ada Stone", role=RoleName.ADMIN))
    results = [one for client in (stranger, admin) for one in answers(sqlite_app, client)]
    assert len(results) > 150
    assert [at for at, answer in results if ELSEWHERE in answer.text + str(answer.headers)] == []


def test_no_address_of_ours_is_built_from_a_host() -> None:
    """The places that look at it are named: a demo's forms, in `accounts.access.permissions`, for which
    address a carrier signed what was refused, and what the doctor's own request asked for."""
    asks = re.compile(
        r"_external=True|host_url|url_root|request\.host\b|request\.base_url|request\.url\b|HTTP_HOST"
    )
    package = Path(mobilize.__file__).parent
    files = package.rglob("*.py")
    results = {
        str(path.relative_to(package)) for path in files if asks.search(path.read_text(encoding="utf-8"))
    }
    assert results == {
        "accounts/access/permissions.py",
        "home/views.py",
        "texts/carriers/twilio.py",
        "web/request_checks.py",
    }


@pytest.mark.parametrize("address", ["/?x=" + "y" * 2000, "/c/" + "A" * 2000, "/" + "%41" * 2000])
def test_an_address_that_is_too_long_is_refused_in_words(client: FlaskClient, address: str) -> None:
    answer = client.get(address, headers={"Accept-Language": "es"})
    assert answer.status_code == 414
    assert "Esa dirección es demasiado larga" in answer.text
    assert len(answer.data) < 20_000


def test_an_address_as_long_as_ours_get_is_answered(client: FlaskClient) -> None:
    assert client.get("/?x=" + "y" * 1900).status_code == 200


@pytest.mark.parametrize(
    "back",
    [
        "/\t/evil.com",
        "/\n/..",
        "/\r\nX: y",
        "//evil.com",
        "/\\evil.com",
        "https://evil.com",
        "evil.com",
        "/\x00",
        "",
    ],
)
def test_the_language_switch_leads_nowhere_else(client: FlaskClient, back: str) -> None:
    answer = client.post("/language", data={"language": "es", "next": back})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")


@pytest.mark.parametrize("path", ["/%09/evil.com", "/%0A/..", "/%0D%0AX:%20y"])
def test_a_page_that_is_not_there_leads_back_to_this_site(client: FlaskClient, path: str) -> None:
    """As a person would: open it, press "Español"."""
    page = client.get(path).text
    [back] = re.findall(r'name="next" value="([^"]*)"', page)
    answer = client.post("/language", data={"language": "es", "next": back})
    assert answer.status_code == 303
    assert re.fullmatch(r"/([^/\\\s].*)?", answer.headers["Location"])
