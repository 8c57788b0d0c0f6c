"""An admin reads what protects people here: each in plain words, with what to do."""

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from mobilize import audit, clock
from mobilize.accounts.models import Person, RoleName
from mobilize.accounts.security.protections import (
    APPENDONLY,
    FORGOT,
    ProtectionState,
    observe_keys,
    protections,
)
from mobilize.audit import AuditRow
from mobilize.database import atomic, locks
from mobilize.keys.crypto import head_of
from mobilize.observability import health_checks
from tests.builders import make_area, make_person, sign_in

NAMES = {
    "keys", "second_admin", "second_factors", "https", "database", "backups", "forgetting", "audit",
    "employer", "help_number", "texts", "redis", "workers", "migrations",
}  # fmt: skip


def states() -> dict[str, ProtectionState]:
    return {one.name: one.state for one in protections(clock.now())}


def test_each_protection_has_a_state_and_what_is_not_in_place_says_what_to_do(app: Flask) -> None:
    result = protections(clock.now())
    assert {one.name for one in result} == NAMES
    assert all(one.do for one in result if one.state is not ProtectionState.OK)
    assert all(one.title and one.is_so for one in result)


def test_what_the_database_promises_is_asked_of_it(app: Flask) -> None:
    assert states()["database"] is ProtectionState.OK and states()["migrations"] is ProtectionState.OK


def test_a_fresh_installation_knows_what_is_open(app: Flask) -> None:
    make_person("Ada", role=RoleName.ADMIN)
    result = states()
    assert {result[name] for name in ("forgetting", "audit", "redis")} == {ProtectionState.UNKNOWN}
    for name in ("second_admin", "second_factors", "https", "backups", "employer", "workers"):
        assert result[name] is ProtectionState.TO_DO, name
    assert result["help_number"] is ProtectionState.OK and result["keys"] is ProtectionState.OK


def test_what_the_workers_saw_is_shown(app: Flask) -> None:
    now = clock.now()
    health_checks.record(FORGOT, "0", now=now)
    health_checks.record(APPENDONLY, "yes", now=now)
    locks.record_run("beat", now=now)
    audit.verify_and_note(now=now)
    make_person("Ada", role=RoleName.ADMIN)
    make_person("Bea", role=RoleName.ADMIN)
    result = states()
    for name in ("forgetting", "redis", "workers", "audit", "second_admin"):
        assert result[name] is ProtectionState.OK, name


@pytest.mark.parametrize(
    ("value", "state"), [("no", ProtectionState.TO_DO), ("ConnectionError", ProtectionState.UNKNOWN)]
)
def test_redis_that_forgets_or_is_away(app: Flask, value: str, state: ProtectionState) -> None:
    health_checks.record(APPENDONLY, value, now=clock.now())
    assert states()["redis"] is state


def test_what_stopped_running_is_noticed(app: Flask) -> None:
    long_ago = clock.now() - timedelta(days=1)
    health_checks.record(FORGOT, "0", now=long_ago)
    locks.record_run("beat", now=long_ago)
    assert states()["forgetting"] is ProtectionState.TO_DO and states()["workers"] is ProtectionState.TO_DO


def test_a_broken_audit_is_shown(app: Flask) -> None:
    audit.note("shell", "test", "x", now=clock.now())
    audit.seal_rows(now=clock.now())
    with atomic() as session:
        session.execute(update(AuditRow).values(ref="y"))
    audit.verify_and_note(now=clock.now())
    assert states()["audit"] is ProtectionState.TO_DO


def test_a_key_that_is_missing_or_old_is_shown(app: Flask) -> None:
    now = clock.now()
    observe_keys(now=now - timedelta(days=400))
    assert states()["keys"] is ProtectionState.TO_DO
    observe_keys(now=now)
    make_person("Ada", role=RoleName.ADMIN)
    with atomic() as session:
        person = session.scalars(select(Person)).one()
        person.name_enc = head_of("lost") + person.name_enc[3:]
    observe_keys(now=now)
    keys = next(one for one in protections(now) if one.name == "keys")
    assert keys.state is ProtectionState.TO_DO and "lost" in keys.is_so


def test_the_page_is_for_admins(app: Flask, client: FlaskClient) -> None:
    sign_in(client, make_person("Olga", role=RoleName.ORGANIZER, area=make_area("North")))
    assert client.get("/protections").status_code == 403
    sign_in(client, make_person("Ada Stone", role=RoleName.ADMIN))
    page = client.get("/protections").text
    assert "Names and numbers are encrypted" in page and "BACKUPS_ENCRYPTED=yes" in page
    assert "Ada Stone" in page  # has not set up a passkey yet
