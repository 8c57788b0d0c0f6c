"""Olga's code is not enough: her passkey, her app or a recovery code comes after it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pyotp
import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from mobilize import clock
from mobilize.accounts.authenticator_apps import confirm_app, start_app, use_app
from mobilize.accounts.codes import send_codes
from mobilize.accounts.links import make_link
from mobilize.accounts.models import (
    AuthenticatorApp,
    Passkey,
    PasskeyChallenge,
    Person,
    RecoveryCode,
    RoleName,
    SignedInSession,
)
from mobilize.accounts.people import give_role, start_anew
from mobilize.accounts.recovery import new_recovery_codes
from mobilize.accounts.scope import THE_OFFICE
from mobilize.accounts.second_steps import Proof, pass_second_step
from mobilize.accounts.sessions import begin_session
from mobilize.audit import AuditRow
from mobilize.database import db
from mobilize.errors import Refused
from mobilize.roster.models import Area
from mobilize.texts.models import OutboxText
from mobilize.tokens import hash_token
from tests.builders import make_area, make_person, make_site, sign_in
from tests.services.authenticator import Authenticator

NOW = datetime(2026, 3, 3, 14, 45, tzinfo=UTC)
OLGA = "+12135550110"


@pytest.fixture
def olga(app: Flask) -> Person:
    return make_person("Olga Brandt", phone=OLGA, role=RoleName.ORGANIZER, area=make_area("North"))


@pytest.fixture
def passkey(app: Flask) -> Authenticator:
    return Authenticator(app.config["MOBILIZE"].public_base_url)


def by_link(client: FlaskClient, person: Person) -> TestResponse:
    return client.post(f"/enter/{make_link(person, 'shell', now=clock.now())}")


def by_code(client: FlaskClient, phone: str = OLGA) -> TestResponse:
    client.post("/sign-in", data={"phone": phone})
    send_codes(now=clock.now())
    texts = db.session.scalars(select(OutboxText).order_by(OutboxText.id)).all()
    return client.post("/sign-in/code", data={"code": json.loads(texts[-1].blanks)["code"]})


def options(client: FlaskClient, purpose: str) -> dict[str, object]:
    answer = client.post(f"/sign-in/passkey/{purpose}")
    assert answer.status_code == 200
    return dict(answer.json)


def add(client: FlaskClient, passkey: Authenticator, name: str = "My phone") -> TestResponse:
    made = passkey.create(options(client, "add"))
    return client.post("/sign-in/set-up", data={"step_credential": made, "step_name": name})


def prove(client: FlaskClient, passkey: Authenticator, **more: str) -> TestResponse:
    proof = passkey.get(options(client, "prove"))
    return client.post("/sign-in/second", data={"step_credential": proof, **more})


def app_for(person: Person, *, now: datetime = NOW) -> pyotp.TOTP:
    totp = pyotp.TOTP(start_app(person, now=now).secret)
    confirm_app(person, totp.at(now), now=now)
    return totp


def half_in(person: Person, *, now: datetime = NOW) -> SignedInSession:
    return db.session.get_one(SignedInSession, hash_token(begin_session(person, now=now)))


def is_in(client: FlaskClient) -> bool:
    return client.get("/people").status_code == 200


def cookie(client: FlaskClient) -> str:
    return client.get_cookie("session").value


def test_the_first_link_leads_to_a_passkey_and_then_recovery_codes_once(
    client: FlaskClient, olga: Person, passkey: Authenticator
) -> None:
    entered = by_link(client, olga)
    page = client.get(entered.location, follow_redirects=True)
    assert page.request.path == "/sign-in/set-up" and "Set up your passkey" in page.text
    assert not is_in(client)
    done = add(client, passkey)
    assert done.status_code == 200 and "shown only here, only once" in done.text
    assert is_in(client)
    assert db.session.scalars(select(Passkey)).one().name == "My phone"
    assert db.session.scalar(select(func.count()).select_from(RecoveryCode)) == 10


def test_the_passkey_opens_after_the_code_and_she_goes_where_she_wanted(
    app: Flask, client: FlaskClient, olga: Person, passkey: Authenticator
) -> None:
    by_link(client, olga)
    add(client, passkey)
    laptop = type(client)(app, use_cookies=True)
    assert by_code(laptop).status_code == 303
    asked = laptop.get("/people?place=x")
    assert asked.status_code == 302 and asked.location.startswith("/sign-in/second?next=")
    assert "Use my passkey" in laptop.get(asked.location).text
    entered = prove(laptop, passkey, step_there="/people?place=x")
    assert (entered.status_code, entered.location) == (303, "/people?place=x")
    assert is_in(laptop)


def test_every_step_has_a_new_session_and_the_one_before_opens_nothing(
    app: Flask, client: FlaskClient, olga: Person, passkey: Authenticator
) -> None:
    seen = []
    by_link(client, olga)
    seen.append(cookie(client))
    add(client, passkey)
    seen.append(cookie(client))
    client.post("/sign-out")
    by_code(client)
    seen.append(cookie(client))
    prove(client, passkey)
    seen.append(cookie(client))
    client.post("/step-up", data={"step_credential": passkey.get(options(client, "prove"))})
    seen.append(cookie(client))
    assert len(set(seen)) == 5
    for old in seen[:-1]:
        thief = app.test_client()
        thief.set_cookie("session", old, domain="localhost")
        assert thief.get("/people").status_code == 302


def test_a_stolen_number_sets_up_no_passkey(
    client: FlaskClient, olga: Person, passkey: Authenticator
) -> None:
    by_code(client)
    page = client.get("/sign-in/second", follow_redirects=True)
    assert page.status_code == 403 and "You need a sign-in link once" in page.text
    assert add(client, passkey).status_code == 403
    assert client.post("/sign-in/set-up/app").status_code == 403
    assert db.session.scalars(select(Passkey)).all() == [] and not is_in(client)


def test_half_in_is_nobody_on_every_other_page(client: FlaskClient, olga: Person) -> None:
    app_for(olga)
    by_code(client)
    assert client.get("/people").status_code == 302
    assert client.post("/people", data={}).status_code == 401
    assert client.get("/devices").status_code == 302
    assert "Olga" not in client.get("/sign-in/second").text


def test_whoever_gets_a_role_meanwhile_needs_the_second_step_at_once(client: FlaskClient) -> None:
    carmen = make_person(role=RoleName.CHAIR, site=make_site())
    client.set_cookie("session", begin_session(carmen, now=clock.now()), domain="localhost")
    assert client.get("/devices").status_code == 200
    give_role(carmen, RoleName.ORGANIZER, area=make_area(), actor="shell", now=clock.now())
    assert client.get("/devices").location.startswith("/sign-in/second")


def test_a_challenge_is_good_once_for_its_session_and_five_minutes(
    app: Flask, client: FlaskClient, olga: Person, passkey: Authenticator
) -> None:
    by_link(client, olga)
    add(client, passkey)
    client.post("/sign-out")
    by_code(client)
    asked = options(client, "prove")
    other = type(client)(app, use_cookies=True)
    by_code(other)
    assert other.post("/sign-in/second", data={"step_credential": passkey.get(asked)}).status_code == 422
    with time_machine.travel(clock.now() + timedelta(minutes=5, seconds=1), tick=False):
        late = client.post("/sign-in/second", data={"step_credential": passkey.get(asked)})
        assert late.status_code == 422 and "longer than five minutes" in late.text
    again = client.post("/sign-in/second", data={"step_credential": passkey.get(asked)})
    assert again.status_code == 422 and not is_in(client)
    assert db.session.scalars(select(PasskeyChallenge)).all() == []
    assert prove(client, passkey).status_code == 303


@pytest.mark.parametrize(
    "spoil",
    [
        lambda key: setattr(key, "origin", "https://evil.example"),
        lambda key: setattr(key, "rp_id", "evil.example"),
        lambda key: setattr(key, "key", Authenticator("x").key),
        lambda key: setattr(key, "id", b"another credential"),
        lambda key: setattr(key, "count", -1),  # a copy of the key: its counter does not move on
    ],
    ids=["other origin", "other site", "other key", "other id", "copied"],
)
def test_what_is_not_her_passkey_opens_nothing(
    client: FlaskClient, olga: Person, passkey: Authenticator, spoil: Callable[[Authenticator], None]
) -> None:
    by_link(client, olga)
    passkey.count = 5
    add(client, passkey)
    client.post("/sign-out")
    by_code(client)
    spoil(passkey)
    assert prove(client, passkey).status_code == 422
    assert not is_in(client)


@pytest.mark.parametrize(
    "sent",
    [
        "{",
        "[]",
        "null",
        '"x"',
        "{}",
        '{"id": 1}',
        "x" * 30_000,
        '{"rawId": "%00", "id": "a", "type": "public-key"}',
    ]
    + [
        '{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"AA","attestationObject":"gg"}}'
    ]
    + [
        '{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"e30","authenticatorData":"AA"}}'
    ],
)
def test_garbage_for_a_passkey_is_a_no_and_never_a_500(client: FlaskClient, olga: Person, sent: str) -> None:
    by_link(client, olga)
    options(client, "add")
    assert client.post("/sign-in/set-up", data={"step_credential": sent}).status_code == 422
    options(client, "prove")
    assert client.post("/sign-in/second", data={"step_credential": sent}).status_code == 422


def test_digits_of_the_app_open_and_the_same_digits_never_again(olga: Person) -> None:
    totp = app_for(olga)
    later = NOW + timedelta(minutes=2)
    assert use_app(olga, totp.at(later), now=later)
    assert not use_app(olga, totp.at(later), now=later)
    assert not use_app(olga, totp.at(later - timedelta(seconds=30)), now=later)
    assert use_app(olga, totp.at(later + timedelta(seconds=30)), now=later + timedelta(seconds=30))


@pytest.mark.parametrize(("off", "good"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
def test_a_clock_may_be_half_a_minute_off(olga: Person, off: int, good: bool) -> None:
    totp, later = app_for(olga), NOW + timedelta(minutes=10)
    assert use_app(olga, totp.at(later + timedelta(seconds=off)), now=later) is good


def test_the_app_is_set_up_by_its_digits_and_its_secret_is_sealed(client: FlaskClient, olga: Person) -> None:
    by_link(client, olga)
    page = client.post("/sign-in/set-up/app")
    row = db.session.scalars(select(AuthenticatorApp)).one()
    assert "<svg" in page.text and row.secret[:4] in page.text and row.secret.encode() not in row.secret_enc
    wrong = client.post("/sign-in/set-up/app", data={"step_code": "000000"})
    assert wrong.status_code == 422 and row.secret[:4] in wrong.text and not is_in(client)
    done = client.post("/sign-in/set-up/app", data={"step_code": pyotp.TOTP(row.secret).now()})
    assert "recovery codes" in done.text and is_in(client)


def test_a_recovery_code_opens_once_however_it_is_typed(olga: Person) -> None:
    app_for(olga)
    code, *others = new_recovery_codes(olga, now=NOW)
    assert len(others) == 9
    assert pass_second_step(half_in(olga), Proof(typed=f" {code.lower().replace('-', ' ')}."), now=NOW)
    with pytest.raises(Refused):
        pass_second_step(half_in(olga), Proof(typed=code), now=NOW)
    stored = b"".join(row.code_hash for row in db.session.scalars(select(RecoveryCode)))
    assert code.replace("-", "").encode() not in stored


def test_another_persons_recovery_code_opens_nothing(olga: Person) -> None:
    ada = make_person("Ada Stone", role=RoleName.ADMIN)
    code = new_recovery_codes(ada, now=NOW)[0]
    app_for(olga)
    with pytest.raises(Refused):
        pass_second_step(half_in(olga), Proof(typed=code), now=NOW)


def test_five_wrong_second_steps_end_the_session_through_a_restart_too(app: Flask, olga: Person) -> None:
    totp = app_for(olga)
    running, later = half_in(olga), NOW + timedelta(minutes=2)
    heard = []
    for _n in range(5):
        with pytest.raises(Refused) as refused:
            pass_second_step(running, Proof(typed="000000"), now=later)
        heard.append(refused.value.code)
        token_hash = running.token_hash
        db.session.remove()
        db.engine.dispose()
        running = db.session.get_one(SignedInSession, token_hash)
    assert heard == ["wrong_step"] * 4 + ["too_many_steps"]
    with pytest.raises(Refused) as refused:
        pass_second_step(running, Proof(typed=totp.at(later)), now=later)
    assert refused.value.code == "signed_out"
    # Nobody's account is locked: the next session has tries of its own.
    assert pass_second_step(
        half_in(db.session.get_one(Person, running.person_id)), Proof(typed=totp.at(later)), now=later
    )


@pytest.mark.parametrize(
    "typed", ["", " ", "12345", "1234567", "ABCD", "\x00", "é" * 500, "٣٤٥٦٧٨", "9" * 5000]
)
def test_what_is_no_second_step_is_told_so(client: FlaskClient, olga: Person, typed: str) -> None:
    app_for(olga)
    by_code(client)
    answer = client.post("/sign-in/second", data={"step_code": typed})
    assert answer.status_code == 422 and "does not fit" in answer.text and not is_in(client)


def test_a_chair_gets_in_by_her_code_alone_until_she_sets_one_up(
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
    link = f"/enter/{make_link(olga, 'shell', now=clock.now())}"
    assert "DEMO: this link lets everybody in" in client.get(link).text
    page = client.get(client.post(link).location)
    assert page.status_code == 200 and "DEMO: this link let you in" in page.text
    assert is_in(client)


def test_what_happens_to_second_steps_is_in_the_audit(
    client: FlaskClient, olga: Person, passkey: Authenticator
) -> None:
    by_link(client, olga)
    add(client, passkey)
    client.post("/sign-out")
    by_code(client)
    prove(client, passkey)
    verbs = set(db.session.scalars(select(AuditRow.verb)))
    assert {"passkey.add", "recovery_codes.make", "sign_in.code", "second_step.passkey"} <= verbs
