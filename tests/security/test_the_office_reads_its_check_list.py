"""An admin reads what protects people here: each in plain words, with what to do."""

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from mobilize import audit, clock, leases, observations
from mobilize.accounts.models import Person, RoleName
from mobilize.accounts.protections import APPENDONLY, FORGOT, State, observe_keys, protections
from mobilize.audit import AuditRow
from mobilize.crypto import head_of
from mobilize.database import atomic
from tests.builders import make_area, make_person, sign_in

NAMES = {
    "keys", "second_admin", "second_steps", "https", "database", "backups", "forgetting", "audit", "employer",
    "help_number", "redis", "workers", "migrations",
}  # fmt: skip


def states() -> dict[str, State]:
    return {one.name: one.state for one in protections(clock.now())}


def test_each_protection_has_a_state_and_what_is_not_in_place_says_what_to_do(app: Flask) -> None:
    found = protections(clock.now())
    assert {one.name for one in found} == NAMES
    assert all(one.do for one in found if one.state is not State.OK)
    assert all(one.title and one.is_so for one in found)


def test_what_the_database_promises_is_asked_of_it(app: Flask) -> None:
    assert states()["database"] is State.OK and states()["migrations"] is State.OK


def test_a_fresh_installation_knows_what_is_open(app: Flask) -> None:
    make_person("Ada", role=RoleName.ADMIN)
    found = states()
    assert {found[name] for name in ("forgetting", "audit", "redis")} == {State.UNKNOWN}
    for name in ("second_admin", "second_steps", "https", "backups", "employer", "workers"):
        assert found[name] is State.TO_DO, name
    assert found["help_number"] is State.OK and found["keys"] is State.OK


def test_what_the_workers_saw_is_shown(app: Flask) -> None:
    now = clock.now()
    observations.observe(FORGOT, "0", now=now)
    observations.observe(APPENDONLY, "yes", now=now)
    leases.note_run("beat", now=now)
    audit.verify_and_note(now=now)
    make_person("Ada", role=RoleName.ADMIN)
    make_person("Bea", role=RoleName.ADMIN)
    found = states()
    for name in ("forgetting", "redis", "workers", "audit", "second_admin"):
        assert found[name] is State.OK, name


@pytest.mark.parametrize(("value", "state"), [("no", State.TO_DO), ("ConnectionError", State.UNKNOWN)])
def test_redis_that_forgets_or_is_away(app: Flask, value: str, state: State) -> None:
    observations.observe(APPENDONLY, value, now=clock.now())
    assert states()["redis"] is state


def test_what_stopped_running_is_noticed(app: Flask) -> None:
    long_ago = clock.now() - timedelta(days=1)
    observations.observe(FORGOT, "0", now=long_ago)
    leases.note_run("beat", now=long_ago)
    assert states()["forgetting"] is State.TO_DO and states()["workers"] is State.TO_DO


def test_a_broken_audit_is_shown(app: Flask) -> None:
    audit.note("shell", "test", "x", now=clock.now())
    audit.seal_rows(now=clock.now())
    with atomic() as session:
        session.execute(update(AuditRow).values(ref="y"))
    audit.verify_and_note(now=clock.now())
    assert states()["audit"] is State.TO_DO


def test_a_key_that_is_missing_or_old_is_shown(app: Flask) -> None:
    now = clock.now()
    observe_keys(now=now - timedelta(days=400))
    assert states()["keys"] is State.TO_DO
    observe_keys(now=now)
    make_person("Ada", role=RoleName.ADMIN)
    with atomic() as session:
        person = session.scalars(select(Person)).one()
        person.name_enc = head_of("lost") + person.name_enc[3:]
    observe_keys(now=now)
    keys = next(one for one in protections(now) if one.name == "keys")
    assert keys.state is State.TO_DO and "lost" in keys.is_so


def test_the_page_is_for_admins(app: Flask, client: FlaskClient) -> None:
    sign_in(client, make_person("Olga", role=RoleName.ORGANIZER, area=make_area("North")))
    assert client.get("/protections").status_code == 403
    sign_in(client, make_person("Ada Stone", role=RoleName.ADMIN))
    page = client.get("/protections").text
    assert "Names and numbers are encrypted" in page and "BACKUPS_ENCRYPTED=yes" in page
    assert "Ada Stone" in page  # has not set up a passkey yet
