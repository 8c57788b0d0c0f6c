"""Olga's code is not enough: a second factor comes after it."""

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from mobilize import clock
from mobilize.accounts.access.scope import THE_OFFICE
from mobilize.accounts.models import (
    LinkKind,
    Passkey,
    Person,
    RecoveryCode,
    RoleName,
    SignedInSession,
)
from mobilize.accounts.people.operations import give_role
from mobilize.accounts.second_factor.operations import SecondFactorProof, verify_second_factor
from mobilize.accounts.sign_in.one_time_links import make_link
from mobilize.accounts.sign_in.role_links import start_anew
from mobilize.accounts.sign_in.sessions import begin_session
from mobilize.audit import AuditRow
from mobilize.database import db
from mobilize.errors import Refused
from mobilize.roster.models import Area
from tests.accounts.second_factor import (
    NOW,
    add,
    app_for,
    by_code,
    by_link,
    cookie,
    half_in,
    is_in,
    options,
    prove,
)
from tests.builders import make_area, make_person, make_site, sign_in
from tests.services.authenticator import Authenticator


def test_every_step_has_a_new_session_and_the_one_before_opens_nothing(
    app: Flask, client: FlaskClient, olga: Person, passkey: Authenticator
) -> None:
    cookies = []
    by_link(client, olga)
    cookies.append(cookie(client))
    add(client, passkey)
    cookies.append(cookie(client))
    client.post("/sign-out")
    by_code(client)
    cookies.append(cookie(client))
    prove(client, passkey)
    cookies.append(cookie(client))
    client.post("/step-up", data={"step_credential": passkey.get(options(client, "prove"))})
    cookies.append(cookie(client))
    assert len(set(cookies)) == 5
    for old in cookies[:-1]:
        thief = app.test_client()
        thief.set_cookie("session", old, domain="localhost")
        assert thief.get("/people").status_code == 302


def test_half_in_is_nobody_on_every_other_page(client: FlaskClient, olga: Person) -> None:
    app_for(olga)
    by_code(client)
    assert client.get("/people").status_code == 302
    assert client.post("/people", data={}).status_code == 401
    assert client.get("/devices").status_code == 302
    assert "Olga" not in client.get("/sign-in/second").text


def test_whoever_gets_a_higher_role_meanwhile_signs_in_anew(client: FlaskClient) -> None:
    carmen = make_person(role=RoleName.CHAIR, site=make_site())
    client.set_cookie("session", begin_session(carmen, now=clock.now()), domain="localhost")
    assert client.get("/devices").status_code == 200
    give_role(carmen, RoleName.ORGANIZER, area=make_area(), actor="shell", now=clock.now())
    assert client.get("/devices").location.startswith("/sign-in?")


def test_five_wrong_second_factors_end_the_session_through_a_restart_too(app: Flask, olga: Person) -> None:
    totp = app_for(olga)
    running, later = half_in(olga), NOW + timedelta(minutes=2)
    codes = []
    for _n in range(5):
        with pytest.raises(Refused) as refused:
            verify_second_factor(running, SecondFactorProof(typed="000000"), now=later)
        codes.append(refused.value.code)
        token_hash = running.token_hash
        db.session.remove()
        db.engine.dispose()
        running = db.session.get_one(SignedInSession, token_hash)
    assert codes == ["wrong_step"] * 4 + ["too_many_steps"]
    with pytest.raises(Refused) as refused:
        verify_second_factor(running, SecondFactorProof(typed=totp.at(later)), now=later)
    assert refused.value.code == "signed_out"
    # Nobody's account is locked: the next session has tries of its own.
    assert verify_second_factor(
        half_in(db.session.get_one(Person, running.person_id)),
        SecondFactorProof(typed=totp.at(later)),
        now=later,
    )


@pytest.mark.parametrize(
    "typed", ["", " ", "12345", "1234567", "ABCD", "\x00", "é" * 500, "٣٤٥٦٧٨", "9" * 5000]
)
def test_what_is_no_second_factor_is_told_so(client: FlaskClient, olga: Person, typed: str) -> None:
    app_for(olga)
    by_code(client)
    answer = client.post("/sign-in/second", data={"step_code": typed})
    assert answer.status_code == 422 and "is not right" in answer.text and not is_in(client)


def test_a_chair_gets_in_by_their_code_alone_until_they_set_one_up(
    client: FlaskClient, passkey: Authenticator
) -> None:
    make_person(phone="+12135550101", role=RoleName.CHAIR, site=make_site())
    assert by_code(client, "+12135550101").status_code == 303
    assert client.get("/devices").status_code == 200
    assert "recovery codes" in add(client, passkey).text
    client.post("/sign-out")
    by_code(client, "+12135550101")
    assert client.get("/devices").location.startswith("/sign-in/second")
    assert prove(client, passkey).status_code == 303


def test_who_lost_everything_starts_anew_with_a_link(
    client: FlaskClient, olga: Person, passkey: Authenticator
) -> None:
    by_link(client, olga)
    add(client, passkey)
    start_anew(olga, scope=THE_OFFICE, actor="shell", now=clock.now())
    assert client.get("/people").status_code == 302
    assert db.session.scalars(select(Passkey)).all() == []
    assert db.session.scalars(select(RecoveryCode)).all() == []
    assert "Set up your passkey" in client.get(by_link(client, olga).location, follow_redirects=True).text


def test_an_organizer_lets_a_chair_start_anew_and_no_admin(client: FlaskClient, olga: Person) -> None:
    ada = make_person("Ada Stone", role=RoleName.ADMIN)
    sign_in(client, olga)
    assert client.post(f"/people/{ada.id}/start-anew").status_code == 404
    area = db.session.get_one(Area, olga.roles[0].area_id)
    rosa = make_person("Rosa Lund", role=RoleName.CHAIR, site=make_site(area=area))
    assert "/enter/" in client.post(f"/people/{rosa.id}/start-anew").text


def test_a_demos_link_lets_everybody_in_and_says_so(
    client: FlaskClient, olga: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("config.Settings.is_demo", property(lambda _self: True))
    link = f"/enter/{make_link(olga, 'shell', kind=LinkKind.SHELL, now=clock.now())}"
    assert "DEMO: this link lets everybody in" in client.get(link).text
    page = client.get(client.post(link).location)
    assert page.status_code == 200 and "DEMO: this link let you in" in page.text
    assert is_in(client)


def test_what_happens_to_second_factors_is_in_the_audit(
    client: FlaskClient, olga: Person, passkey: Authenticator
) -> None:
    by_link(client, olga)
    add(client, passkey)
    client.post("/sign-out")
    by_code(client)
    prove(client, passkey)
    verbs = set(db.session.scalars(select(AuditRow.verb)))
    assert {"passkey.add", "recovery_codes.make", "sign_in.code", "second_step.passkey"} <= verbs
