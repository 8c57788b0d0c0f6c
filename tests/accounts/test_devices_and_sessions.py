"""People see where they are signed in, sign out there, and look after passkeys, app and recovery codes."""

from datetime import timedelta

import pyotp
import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from mobilize import clock
from mobilize.accounts.models import Device, Passkey, Person, RecoveryCode, RoleName, SignedInSession
from mobilize.accounts.second_factor.recovery_codes import new_recovery_codes
from mobilize.accounts.second_factor.totp import confirm_app, start_app
from mobilize.database import atomic, db
from tests.builders import full_session, make_area, make_person, sign_in


@pytest.fixture
def olga(app: Flask) -> Person:
    return make_person("Olga Brandt", role=RoleName.ORGANIZER, area=make_area())


def give_passkey(person: Person, name: str = "Own phone") -> Passkey:
    key = Passkey(person_id=person.id, credential_id=name.encode(), public_key=b"", sign_count=0)
    key.name, key.made_at = name, clock.now()
    with atomic() as session:
        session.add(key)
    return key


def sessions() -> list[SignedInSession]:
    return list(db.session.scalars(select(SignedInSession).order_by(SignedInSession.began_at)))


def test_they_see_their_sessions_and_sign_out_there(app: Flask, client: FlaskClient, carmen: Person) -> None:
    with time_machine.travel(clock.now() - timedelta(minutes=5)):
        office = app.test_client()
        sign_in(office, carmen)
    sign_in(client, carmen)
    other, here = sessions()
    page = client.get("/devices").text
    assert page.count("A browser without a name") == 2 and page.count("Sign out there") == 1
    assert str(other.handle) in page and other.token_hash.hex() not in page
    assert client.post(f"/devices/sessions/{other.handle}/end").status_code == 303
    assert office.get("/devices").status_code == 302 and client.get("/devices").status_code == 200
    assert client.post(f"/devices/sessions/{other.handle}/end").status_code == 404
    assert here.ended_at is None


def test_nothing_about_their_browser_is_kept_but_the_word_they_chose(
    client: FlaskClient, carmen: Person
) -> None:
    sign_in(client, carmen)
    row = sessions()[0]
    odd = {"User-Agent": "Odd/1.0", "X-Forwarded-For": "203.0.113.9"}
    assert client.get("/devices", headers=odd).status_code == 200
    client.post(f"/devices/sessions/{row.handle}/name", data={"device": "phone"})
    assert sessions()[0].device is Device.PHONE and "My phone" in client.get("/devices").text
    client.post(f"/devices/sessions/{row.handle}/name", data={"device": "Carmen's own"})
    kept = [str(getattr(sessions()[0], column.key)) for column in SignedInSession.__table__.columns]
    assert not any("Odd" in one or "203.0" in one or "Carmen" in one for one in kept)


def test_anothers_session_and_passkey_are_not_there(
    client: FlaskClient, carmen: Person, olga: Person
) -> None:
    full_session(olga, now=clock.now())
    key = give_passkey(olga)
    handle = sessions()[0].handle
    sign_in(client, carmen)
    assert client.post(f"/devices/sessions/{handle}/end").status_code == 404
    assert client.post(f"/devices/passkeys/{key.id}/remove").status_code == 404


def test_the_last_second_factor_of_an_organizer_stays(client: FlaskClient, olga: Person) -> None:
    first, second = give_passkey(olga, "One"), give_passkey(olga, "Two")
    sign_in(client, olga)
    assert client.post(f"/devices/passkeys/{first.id}/remove").status_code == 303
    kept = client.post(f"/devices/passkeys/{second.id}/remove")
    assert kept.status_code == 422 and "Add another one first" in kept.text
    assert [key.name for key in db.session.scalars(select(Passkey))] == ["Two"]


def test_a_chair_may_remove_theirs_and_its_codes_go_with_it(client: FlaskClient, carmen: Person) -> None:
    app = start_app(carmen, now=clock.now())
    confirm_app(carmen, pyotp.TOTP(app.secret).now(), now=clock.now())
    new_recovery_codes(carmen, now=clock.now())
    sign_in(client, carmen)
    assert "10 are left." in client.get("/devices").text
    assert client.post("/devices/app/remove").status_code == 303
    assert db.session.scalars(select(RecoveryCode)).all() == []


def test_new_recovery_codes_end_the_old_ones(client: FlaskClient, olga: Person) -> None:
    give_passkey(olga)
    before = {row.code_hash for row in _codes_after(olga)}
    sign_in(client, olga)
    page = client.post("/devices/recovery-codes")
    after = {row.code_hash for row in db.session.scalars(select(RecoveryCode))}
    assert page.text.count('<li class="code">') == 10 and len(after) == 10 and not before & after


def _codes_after(person: Person) -> list[RecoveryCode]:
    new_recovery_codes(person, now=clock.now())
    return list(db.session.scalars(select(RecoveryCode)))


@pytest.mark.parametrize("address", ["/devices/app/remove", "/devices/recovery-codes", "/sign-in/set-up/app"])
def test_an_open_browser_left_alone_changes_nothing(client: FlaskClient, olga: Person, address: str) -> None:
    give_passkey(olga)
    with time_machine.travel(clock.now() - timedelta(minutes=11), tick=False):
        sign_in(client, olga)
    answer = client.post(address)
    assert answer.status_code == 403 and "Is it you?" in answer.text
