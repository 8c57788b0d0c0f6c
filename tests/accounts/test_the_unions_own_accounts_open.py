"""Signing in with an account at the union's identity provider: linked by oneself, and a first step only."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from joserfc.jwk import RSAKey
from sqlalchemy import select

from mobilize import clock
from mobilize.accounts.models import Person, ProviderIdentity, RoleName, SignedInSession
from mobilize.accounts.sign_in import provider
from mobilize.database import atomic, db
from tests.builders import make_person, make_site, sign_in
from tests.services.identity_provider import CLIENT, SECRET, IdentityProvider, shared_secret


@pytest.fixture
def union(app: Flask) -> Iterator[IdentityProvider]:
    running, before = IdentityProvider(), app.config["MOBILIZE"]
    app.config["MOBILIZE"] = replace(
        before,
        oidc_issuer=running.issuer,
        oidc_client_id=CLIENT,
        oidc_client_secret=SECRET,
        oidc_name="Union ID",
        employer_domains=("lausd.net",),
    )
    yield running
    app.config["MOBILIZE"] = before
    running.stop()


@pytest.fixture
def ada(union: IdentityProvider, client: FlaskClient) -> Person:
    """Of the office; their account is linked, and they are signed out again."""
    ada = make_person("Ada Stone", role=RoleName.ADMIN)
    sign_in(client, ada)
    link(client, union)
    client.post("/sign-out")
    return ada


def link(client: FlaskClient, union: IdentityProvider, subject: str = "ada-at-the-union") -> Any:
    page = client.post("/devices/provider")
    assert page.status_code == 200, page.text
    url = page.text.split(f'href="{union.issuer}')[1].split('"')[0].replace("&amp;", "&")
    return client.get(union.log_in(union.issuer + url, subject))


def come_back(client: FlaskClient, union: IdentityProvider, **claims: Any) -> Any:
    redirected = client.get("/sign-in/provider")
    assert redirected.status_code == 303 and redirected.location.startswith(f"{union.issuer}/authorize")
    return client.get(union.log_in(redirected.location, **claims))


def is_in(client: FlaskClient) -> bool:
    return client.get("/devices").status_code == 200


def test_who_linked_their_account_is_half_in_with_it(
    client: FlaskClient, union: IdentityProvider, ada: Person
) -> None:
    assert "Sign in with Union ID" in client.get("/sign-in").text
    assert come_back(client, union).status_code == 303
    assert not is_in(client) and "/second" in client.get("/devices").location


@pytest.mark.parametrize("amr", [["mfa"], ["pwd", "mfa"], ["pwd", "otp"], ["pin", "hwk"], ["fpt", "swk"]])
def test_the_provider_may_have_asked_for_a_second_factor(
    client: FlaskClient, union: IdentityProvider, ada: Person, amr: list[str]
) -> None:
    come_back(client, union, amr=amr)
    assert is_in(client)
    running = db.session.scalars(select(SignedInSession).where(SignedInSession.ended_at.is_(None))).one()
    # What is dangerous, and agreeing as a second person, asks for one of ours.
    assert running.second_at is not None and running.stepped_up_at is None


@pytest.mark.parametrize("amr", [["pwd"], "mfa", {"mfa": 1}, [], [["mfa"]], None])
def test_only_what_it_says_clearly_is_believed(
    client: FlaskClient, union: IdentityProvider, ada: Person, amr: Any
) -> None:
    come_back(client, union, amr=amr)
    assert not is_in(client)


@pytest.mark.parametrize(
    "amr", ["otp", "sms", "hwk", "swk", "fido", "pop", "sc", "face", "fpt", "iris", "pin"]
)
def test_one_factor_alone_is_no_second_one_nor_are_two_of_a_kind(
    client: FlaskClient, union: IdentityProvider, ada: Person, amr: str
) -> None:
    kinds = [{"pwd", "pin"}, {"otp", "sms", "hwk", "swk", "fido", "pop", "sc"}, {"face", "fpt", "iris"}]
    for used in ([amr], next(sorted(kind) for kind in kinds if amr in kind)):
        come_back(client, union, amr=used)
        assert not is_in(client), used


def test_an_account_that_nobody_linked_opens_nothing(
    client: FlaskClient, union: IdentityProvider, ada: Person
) -> None:
    come_back(client, union, subject="another", amr=["mfa"], email="ada@union.org", name="Ada Stone")
    assert not is_in(client) and "linked to no organizer" in client.get("/sign-in").text


def test_what_is_not_right_opens_nothing(client: FlaskClient, union: IdentityProvider, ada: Person) -> None:
    now = int(clock.now().timestamp())
    for claims in (
        {"nonce": "another"},
        {"aud": "another"},
        {"aud": [CLIENT, "another"], "azp": "another"},
        {"iss": "https://evil.example"},
        {"exp": now - 3600},
        {"iat": now + 3600},
        {"sub": None},
    ):
        come_back(client, union, amr=["mfa"], **claims)
        assert not is_in(client), claims


def test_a_token_of_somebody_elses_opens_nothing(
    client: FlaskClient, union: IdentityProvider, ada: Person
) -> None:
    stranger = RSAKey.generate_key(2048, {"kid": "one"}, private=True)
    for signed_by in (("RS256", stranger), ("HS256", shared_secret())):
        union.signed_by = signed_by
        come_back(client, union, amr=["mfa"])
        assert not is_in(client), signed_by[0]


def test_an_answer_is_for_the_browser_that_asked_and_once(
    client: FlaskClient, union: IdentityProvider, ada: Person, app: Flask
) -> None:
    back = union.log_in(client.get("/sign-in/provider").location, amr=["mfa"])
    other = app.test_client()
    other.get(back)
    assert not is_in(other)
    wrong_state = back.partition("&state=")[0] + "&state=" + "x" * 40
    client.get("/sign-in/provider")
    client.get(wrong_state)
    assert not is_in(client)
    client.get("/sign-in/provider")
    for nothing in (
        "/sign-in/provider/back",
        "/sign-in/provider/back?code=x&state=%C3%A9%00",
        "/sign-in/provider/back?error=access_denied&state=x",
    ):
        assert client.get(nothing).status_code == 303 and not is_in(client)
    back = union.log_in(client.get("/sign-in/provider").location, amr=["mfa"])
    client.get(back)
    assert is_in(client)
    client.post("/sign-out")
    client.get(back)
    assert not is_in(client)


@pytest.mark.parametrize(
    "claims",
    [
        {"email": "ada@mail.LAUSD.net"},
        {"email": "ada@lausd.net."},
        {"upn": "ada@lausd.net"},
        {"preferred_username": "ada@lausd.net"},
        {"hd": "lausd.net"},
    ],
)
def test_the_employers_accounts_are_refused(
    client: FlaskClient, union: IdentityProvider, ada: Person, claims: dict[str, str]
) -> None:
    come_back(client, union, amr=["mfa"], **claims)
    assert not is_in(client) and "employer" in client.get("/sign-in").text


@pytest.mark.parametrize(
    "claims",
    [
        {"email": None},
        {"email": ""},
        {"email": "ada"},
        {"email": "ada@lausd.net "},
        {"email": '"x" <ada@lausd.net>'},
        {"email": "ada@union.example, ada@lausd.net"},
        {"email": ["ada@lausd.net"]},
        {"upn": ["ada@lausd.net"]},
        {"preferred_username": "<ada@lausd.net>"},
        {"hd": {"lausd.net": True}},
    ],
)
def test_an_account_of_which_nobody_can_tell_whose_it_is_is_refused(
    client: FlaskClient, union: IdentityProvider, ada: Person, claims: dict[str, Any]
) -> None:
    come_back(client, union, amr=["mfa"], **claims)
    assert not is_in(client) and "no e-mail address" in client.get("/sign-in").text


def test_without_employers_to_refuse_no_address_is_needed(
    client: FlaskClient, union: IdentityProvider, ada: Person, app: Flask
) -> None:
    app.config["MOBILIZE"] = replace(app.config["MOBILIZE"], employer_domains=())
    come_back(client, union, amr=["mfa"], email=None)
    assert is_in(client)


def test_a_chair_cannot_link_one(client: FlaskClient, union: IdentityProvider) -> None:
    sign_in(client, make_person(role=RoleName.CHAIR, site=make_site()))
    assert client.post("/devices/provider").status_code == 403
    assert "Union ID" not in client.get("/devices").text


def test_one_account_is_one_persons(client: FlaskClient, union: IdentityProvider, ada: Person) -> None:
    ben = make_person("Ben Kay", role=RoleName.ADMIN)
    sign_in(client, ben)
    link(client, union)
    assert "linked to somebody else" in client.get("/devices").text
    assert db.session.scalars(select(ProviderIdentity.person_id)).all() == [ada.id]


def test_a_link_is_made_only_for_whoever_asked_for_it(
    client: FlaskClient, union: IdentityProvider, app: Flask
) -> None:
    """Another person's answer, brought into this browser, links nothing."""
    ada, ben = make_person("Ada Stone", role=RoleName.ADMIN), make_person("Ben Kay", role=RoleName.ADMIN)
    sign_in(client, ben)
    page = client.post("/devices/provider").text
    url = page.split(f'href="{union.issuer}')[1].split('"')[0].replace("&amp;", "&")
    sign_in(client, ada)
    client.get(union.log_in(union.issuer + url))
    assert db.session.scalars(select(ProviderIdentity)).all() == []


def test_it_ends_with_the_role_a_reset_and_by_hand(
    client: FlaskClient, union: IdentityProvider, ada: Person
) -> None:
    with atomic():
        ada.restarted_at = clock.now() + timedelta(seconds=1)
    come_back(client, union, amr=["mfa"])
    assert not is_in(client)
    with atomic():
        ada.restarted_at = None
    come_back(client, union, amr=["mfa"])
    assert is_in(client)
    client.post("/devices/provider/unlink")
    client.post("/sign-out")
    come_back(client, union, amr=["mfa"])
    assert not is_in(client)


def test_a_provider_that_is_away_leaves_the_code_by_text(
    client: FlaskClient, union: IdentityProvider, ada: Person
) -> None:
    redirected = client.get("/sign-in/provider").location
    back = union.log_in(redirected)
    union.stop()
    client.get(back)
    assert not is_in(client) and "Sign in with a code" in client.get("/sign-in").text
    provider._cache.clear()
    assert client.get("/sign-in/provider").location.endswith("/sign-in")


def test_without_one_there_is_no_such_page(client: FlaskClient) -> None:
    assert client.get("/sign-in/provider").status_code == 404
    assert client.get("/sign-in/provider/back").status_code == 404
    sign_in(client, make_person("Ada Stone", role=RoleName.ADMIN))
    assert client.post("/devices/provider").status_code == 404
