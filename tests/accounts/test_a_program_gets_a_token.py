"""Tokens of programs: made on a page with a step-up, shown once, bounded by their maker, revoked at once."""

import re
from dataclasses import replace
from datetime import timedelta
from functools import partial
from threading import Event, Timer
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from mobilize import clock
from mobilize.accounts.access.scope import THE_OFFICE, scope_of, today
from mobilize.accounts.access.sponsors import actor_of
from mobilize.accounts.approvals.operations import ApprovalKind, approve, decline, open_approval
from mobilize.accounts.models import Person, RoleName, RoleTerm, SignedInSession
from mobilize.accounts.people.operations import give_role
from mobilize.accounts.tokens.access import token_access
from mobilize.accounts.tokens.models import ApiScope, ApiToken
from mobilize.accounts.tokens.operations import NewToken, make_token, show_token
from mobilize.audit import AuditRow
from mobilize.database import atomic, db
from mobilize.errors import Refused
from mobilize.fast.statements import run
from mobilize.keys.tokens import hash_token
from mobilize.roster.models import Area
from tests.api.program import Program
from tests.at_once import all_at_once
from tests.builders import make_area, make_member, make_person, make_site, sign_in

FORM = {"label": "Dashboard of Dan", "scopes": ["read", "figures"], "area": "", "days": "30"}
NAMES = {**FORM, "scopes": ["names"], "reason": "Calls before the strike"}
SECRET = re.compile(r'value="(mobilize_[\w-]{43})"')


@pytest.fixture
def north(app: Flask) -> Area:
    return make_area("North")


@pytest.fixture
def olga(north: Area) -> Person:
    return make_person("Olga Brandt", phone="+12135550111", role=RoleName.ORGANIZER, area=north)


@pytest.fixture
def ada(app: Flask) -> Person:
    return make_person("Ada Stone", role=RoleName.ADMIN)


def opened(secret: str, later: timedelta = timedelta(0)) -> Any:
    db.session.rollback()
    return token_access(secret, now=clock.now() + later)


def token_of(person: Person, *scopes: ApiScope, **more: Any) -> tuple[ApiToken, str | None]:
    new = NewToken("Dashboard", frozenset(scopes or {ApiScope.READ}), **more)
    scope = scope_of(person, today(clock.now()))
    return make_token(new, person=person, scope=scope, now=clock.now())


def secret_of(person: Person, *scopes: ApiScope, **more: Any) -> str:
    secret = token_of(person, *scopes, **more)[1]
    assert secret is not None
    return secret


def verbs() -> list[str]:
    db.session.rollback()
    rows = db.session.scalars(select(AuditRow).order_by(AuditRow.id))
    return [row.verb for row in rows if row.verb.startswith(("token", "approval"))]


def test_olga_makes_a_token_and_sees_it_once(client: FlaskClient, olga: Person, north: Area) -> None:
    sign_in(client, olga)
    page = client.post("/tokens", data=FORM)
    [secret] = SECRET.findall(page.text)
    access = opened(secret)
    assert access.scopes == {ApiScope.READ, ApiScope.FIGURES} and access.scope.areas == {north.id}
    listed = client.get("/tokens").text
    assert secret not in listed and secret[:15] in listed and "Dashboard of Dan" in listed
    [token] = db.session.scalars(select(ApiToken)).all()
    assert token.token_hash == hash_token(secret) and verbs() == ["token.make"]


def test_it_asks_once_more_who_they_are(client: FlaskClient, olga: Person) -> None:
    sign_in(client, olga)
    with atomic() as session:
        session.execute(update(SignedInSession).values(stepped_up_at=None))
    page = client.post("/tokens", data=FORM)
    assert page.status_code == 403 and "Is it you?" in page.text
    assert db.session.scalars(select(ApiToken)).all() == []


@pytest.mark.parametrize(
    ("field", "typed", "words"),
    [
        ("label", " ", "Say which program"),
        ("scopes", [], "at least one thing"),
        ("days", "3650", "Not a valid choice"),
        ("area", "0190c0de-0000-7000-8000-000000000001", "Not a valid choice"),
    ],
)
def test_what_is_missing_is_said(
    client: FlaskClient, olga: Person, field: str, typed: Any, words: str
) -> None:
    sign_in(client, olga)
    page = client.post("/tokens", data=FORM | {field: typed})
    assert page.status_code == 422 and words in page.text
    assert db.session.scalars(select(ApiToken)).all() == []


def test_a_revoked_token_opens_nothing_from_then_on(client: FlaskClient, olga: Person) -> None:
    secret = secret_of(olga)
    [token] = db.session.scalars(select(ApiToken)).all()
    sign_in(client, olga)
    for _twice in range(2):
        assert client.post(f"/tokens/{token.id}/revoke").status_code == 200
    assert opened(secret) is None
    assert verbs() == ["token.make", "token.revoke"]


def test_of_many_who_ask_at_once_each_has_their_own_token(app: Flask, olga: Person, ada: Person) -> None:
    own, whole, over = secret_of(olga), secret_of(ada), secret_of(ada, ApiScope.REPORT)
    with atomic() as session:
        over_hash = ApiToken.token_hash == hash_token(over)
        session.execute(update(ApiToken).where(over_hash).values(revoked_at=clock.now()))
    tokens = [own, whole, over, "mobilize_nothing", own]
    first, second, third, nobody, again = all_at_once(app, *(partial(opened, one) for one in tokens))
    assert first.person_id == again.person_id == olga.id and second.scope.everything
    assert third is None and nobody is None


def test_who_asks_while_a_token_is_looked_up_is_told_that_it_was_revoked_meanwhile(
    app: Flask, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret, is_read, revoked = secret_of(ada), Event(), Event()

    def run_and_wait(*query: Any) -> Any:
        rows = run(*query)
        is_read.set()
        assert revoked.wait(10)
        return rows

    def revoke() -> None:
        assert is_read.wait(10)
        with atomic() as session:
            session.execute(update(ApiToken).values(revoked_at=clock.now()))

    def ask_after() -> Any:
        revoke()
        Timer(0.2, revoked.set).start()
        return opened(secret)

    monkeypatch.setattr("mobilize.accounts.tokens.access.run", run_and_wait)
    before, after = all_at_once(app, partial(opened, secret), ask_after)
    assert before is not None and after is None


def test_what_is_revoked_says_so_and_since_when_apart_from_what_is_in_use(
    client: FlaskClient, olga: Person
) -> None:
    sign_in(client, olga)
    secret_of(olga)
    [token] = db.session.scalars(select(ApiToken)).all()
    page = client.post(f"/tokens/{token.id}/revoke").text
    assert "Revoked: Dashboard" in page and "Revoked on" in page and "Good until" not in page
    listed = client.get("/tokens").text
    in_use, _heading, over = listed.partition("Tokens that open nothing any more")
    assert "No token in use" in in_use and "Dashboard" not in in_use and "Dashboard" in over
    assert "Revoke<" not in over


def test_it_ends_on_its_day(app: Flask, olga: Person) -> None:
    secret = secret_of(olga, days=7)
    assert opened(secret, timedelta(days=7, seconds=-5)) and not opened(secret, timedelta(days=7, seconds=1))
    assert opened("mobilize_" + "x" * 43) is None and opened("") is None


@pytest.mark.parametrize("change", ["ended", "reset", "another area"])
def test_it_ends_with_its_makers_role(
    client: FlaskClient, ada: Person, olga: Person, north: Area, change: str
) -> None:
    secret, south = secret_of(olga, area=north), make_area("South")
    assert opened(secret)
    terms = update(RoleTerm).where(RoleTerm.person_id == olga.id)
    with atomic() as session:
        if change == "ended":
            session.execute(terms.values(to_on=today(clock.now())))
        elif change == "reset":
            session.execute(update(Person).where(Person.id == olga.id).values(restarted_at=clock.now()))
        else:
            session.execute(terms.values(area_id=south.id))
    assert opened(secret) is None
    sign_in(client, ada)
    assert change == "another area" or "ended with the role" in client.get("/tokens").text


def test_names_bring_the_figures_along(app: Flask, ada: Person) -> None:
    access = opened(secret_of(ada, ApiScope.NAMES, reason="Calls before the strike"))
    assert access.scopes == {ApiScope.NAMES, ApiScope.FIGURES}


def test_a_role_given_again_does_not_bring_the_token_back(app: Flask, olga: Person, north: Area) -> None:
    secret, now = secret_of(olga), clock.now()
    with atomic() as session:
        session.execute(update(RoleTerm).values(to_on=today(now)))
        again = {"from_on": today(now), "granted_by": "shell", "granted_at": now + timedelta(seconds=1)}
        session.add(RoleTerm(person_id=olga.id, role=RoleName.ORGANIZER, area_id=north.id, **again))
    assert opened(secret, timedelta(seconds=2)) is None
    assert opened(secret_of(olga), timedelta(seconds=2)) is None, "made before the role began"


def test_an_area_of_the_offices_token_is_all_it_opens(app: Flask, ada: Person, north: Area) -> None:
    assert opened(secret_of(ada)).scope.everything
    narrow = opened(secret_of(ada, area=north)).scope
    assert (narrow.everything, narrow.areas) == (False, {north.id})


def test_nobody_makes_one_for_anothers_area_and_no_chair_makes_one(
    app: Flask, olga: Person, north: Area
) -> None:
    with pytest.raises(Refused, match="not_yours"):
        token_of(olga, area=make_area("South"))
    carmen = make_person("Carmen Ortiz", role=RoleName.CHAIR, site=make_site(area=north))
    with pytest.raises(Refused, match="chair"):
        token_of(carmen)


def test_only_the_day_of_its_last_use_is_written_down(app: Flask, olga: Person) -> None:
    secret = secret_of(olga)
    for _again in range(3):
        opened(secret)
    [token] = db.session.scalars(select(ApiToken)).all()
    assert token.used_on == today(clock.now())


# ---- Names


def test_names_want_a_reason(app: Flask, ada: Person) -> None:
    with pytest.raises(Refused, match="no_reason"):
        token_of(ada, ApiScope.NAMES, reason="calls")
    assert token_of(ada, ApiScope.NAMES, reason="Calls before the strike")[1]


def crowd(area: Area, n: int = 25) -> None:
    site = make_site(area=area)
    for _n in range(n):
        make_member(site=site)


@pytest.mark.parametrize("scope", ["names", "phones"])
def test_names_of_many_wait_for_a_second_person(
    client: FlaskClient, ada: Person, north: Area, scope: str
) -> None:
    crowd(north)
    sign_in(client, ada)
    page = client.post("/tokens", data={**NAMES, "scopes": [scope]})
    assert not SECRET.findall(page.text) and "second person has been asked" in page.text
    [token] = db.session.scalars(select(ApiToken)).all()
    assert (token.people, token.token_hash) == (25, None)
    assert client.post(f"/tokens/{token.id}/show").status_code == 403
    approval = open_approval(ApprovalKind.TOKEN, str(token.id), now=clock.now())
    assert approval is not None
    bea = make_person("Bea Stone", role=RoleName.ADMIN)
    sign_in(client, bea)
    assert "Calls before the strike" in client.get("/approvals").text
    assert client.post(f"/approvals/{approval.id}/approve").status_code == 303
    assert client.post(f"/tokens/{token.id}/show").status_code == 404, "it is not theirs"
    sign_in(client, ada)
    [secret] = SECRET.findall(client.post(f"/tokens/{token.id}/show").text)
    assert opened(secret).may(ApiScope(scope))
    assert client.post(f"/tokens/{token.id}/show").status_code == 404, "once"
    assert verbs() == ["token.make", "approval.ask.token", "approval.approve", "approval.use", "token.show"]


def test_a_refused_token_is_never_shown(app: Flask, ada: Person, north: Area) -> None:
    crowd(north)
    token, secret = token_of(ada, ApiScope.NAMES, reason="Calls before the strike")
    approval = open_approval(ApprovalKind.TOKEN, str(token.id), now=clock.now())
    assert secret is None and approval is not None
    bea = make_person("Bea Stone", role=RoleName.ADMIN)
    decline(approval.id, by=actor_of(bea), scope=THE_OFFICE, now=clock.now())
    with pytest.raises(Refused, match="second_person"):
        show_token(token.id, person=ada, now=clock.now())


def test_an_organizer_of_the_area_may_agree(app: Flask, olga: Person, north: Area) -> None:
    crowd(north)
    token, _secret = token_of(olga, ApiScope.NAMES, area=north, reason="Calls before the strike")
    approval = open_approval(ApprovalKind.TOKEN, str(token.id), now=clock.now())
    vera = make_person("Vera Lund", role=RoleName.ORGANIZER, area=north)
    scope = scope_of(vera, today(clock.now()))
    assert approval is not None
    approve(approval.id, by=actor_of(vera), scope=scope, stepped_up=True, now=clock.now())
    assert opened(show_token(token.id, person=olga, now=clock.now())[1]).may(ApiScope.NAMES)


def test_members_of_other_areas_are_not_counted(app: Flask, olga: Person, north: Area) -> None:
    crowd(make_area("South"))
    crowd(north, 3)
    assert token_of(olga, ApiScope.NAMES, reason="Calls before the strike")[0].people == 3


def names_read_by(app: Flask, secret: str) -> int:
    """The status of a look at the members."""
    db.session.rollback()
    return Program(app, secret).get("/members").status_code


def test_a_token_of_an_empty_roster_does_not_open_the_one_that_is_imported_later(
    app: Flask, ada: Person, north: Area
) -> None:
    secret = secret_of(ada, ApiScope.NAMES, reason="Calls before the strike")
    crowd(north, 24)
    assert names_read_by(app, secret) == 200
    crowd(north, 1)
    answer = Program(app, secret).get("/members")
    assert (answer.status_code, answer.get_json()["code"]) == (403, "second_person")
    assert "Reyes" not in answer.text


def test_another_area_of_its_maker_asks_a_second_person_anew(app: Flask, olga: Person, north: Area) -> None:
    crowd(north, 25)
    token, _secret = token_of(olga, ApiScope.NAMES, reason="Calls before the strike")
    approval = open_approval(ApprovalKind.TOKEN, str(token.id), now=clock.now())
    assert approval is not None
    bea = make_person("Bea Stone", role=RoleName.ADMIN)
    approve(approval.id, by=actor_of(bea), scope=THE_OFFICE, stepped_up=True, now=clock.now())
    secret = show_token(token.id, person=olga, now=clock.now())[1]
    crowd(north, 5)
    assert names_read_by(app, secret) == 200, "as many as a roster grows by"
    south = make_area("South")
    crowd(south, 10)
    give_role(olga, RoleName.ORGANIZER, area=south, actor="shell", now=clock.now())
    assert names_read_by(app, secret) == 403


# ---- The employer


@pytest.mark.parametrize("words", ["sync@schools.example", "For people at SCHOOLS.example"])
def test_an_address_of_the_employers_gets_none(own_app: Flask, words: str) -> None:
    chosen = replace(own_app.config["MOBILIZE"], employer_domains=("schools.example",))
    own_app.config["MOBILIZE"] = chosen
    ada = make_person("Ada Stone", role=RoleName.ADMIN)
    new = NewToken(words, frozenset({ApiScope.READ}))
    with pytest.raises(Refused, match="employer"):
        make_token(new, person=ada, scope=THE_OFFICE, now=clock.now())


def test_somebody_at_a_desk_of_the_employers_gets_none(own_app: Flask) -> None:
    chosen = replace(own_app.config["MOBILIZE"], employer_phone_prefixes=("+1213241",))
    own_app.config["MOBILIZE"] = chosen
    ada = make_person("Ada Stone", phone="+12132410100", role=RoleName.ADMIN)
    new = NewToken("Dashboard", frozenset({ApiScope.READ}))
    with pytest.raises(Refused, match="employer"):
        make_token(new, person=ada, scope=THE_OFFICE, now=clock.now())
