"""Every operation is written down, and whoever alters, takes out or reorders one is found out."""

import json
import random
import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, select, text, update

from mobilize import audit, clock
from mobilize.accounts.models import RoleName
from mobilize.audit import AuditRow
from mobilize.database import atomic, db, is_postgres
from tests.builders import START, make_area, make_member, make_person, make_site, sign_in

N = 12


@pytest.fixture
def chain(app: Flask) -> list[uuid.UUID]:
    """Twelve operations, sealed in two goes."""
    for n in range(N):
        audit.note(f"person:{n % 3}", f"test.{n}", f"thing {n}", now=START + timedelta(minutes=n))
        if n == 4:
            audit.seal_rows(now=START)
    assert audit.seal_rows(now=START) == N - 5
    assert audit.verify().holds
    return list(db.session.scalars(select(AuditRow.id).order_by(AuditRow.seq)))


def change(number: int, **values: object) -> None:
    with atomic() as session:
        session.execute(update(AuditRow).where(AuditRow.seq == number).values(**values))


def take_out(number: int) -> None:
    with atomic() as session:
        session.execute(delete(AuditRow).where(AuditRow.seq == number))


def close_the_gap(number: int) -> None:
    """Take a row out and number the others anew, as somebody would who wants it not to show."""
    take_out(number)
    for later in range(number + 1, N + 1):
        change(later, seq=later - 1)


def swap(number: int) -> None:
    other = number % N + 1
    change(number, seq=999)
    change(other, seq=number)
    change(999, seq=other)


ALTER: dict[str, Callable[[int], None]] = {
    "who": lambda n: change(n, actor="person:somebody else"),
    "what": lambda n: change(n, verb="test.nothing"),
    "about": lambda n: change(n, ref="another thing"),
    "when": lambda n: change(n, at=START - timedelta(days=1)),
    "hash": lambda n: change(n, hash=b"\0" * 32),
    "prev": lambda n: change(n, prev=b"\0" * 32),
    "taken out": take_out,
    "taken out and numbered anew": close_the_gap,
    "put elsewhere": swap,
}


@pytest.mark.parametrize("how", ALTER)
def test_any_row_altered_in_any_way_is_named(chain: list[uuid.UUID], how: str) -> None:
    number = random.Random(how).randint(1, N - 1)
    ALTER[how](number)
    verdict = audit.verify()
    assert verdict.broken == number and not verdict.holds


@pytest.mark.parametrize("number", [1, 2, 5, 6, N - 1, N])
def test_a_row_taken_out_anywhere_is_missed_the_last_one_too(chain: list[uuid.UUID], number: int) -> None:
    take_out(number)
    assert (audit.verify().broken, audit.verify().why) == (number, "missing")


def test_nobody_forges_a_row_without_the_keys(chain: list[uuid.UUID]) -> None:
    """The hash is keyed: recomputing it plainly, as somebody with the database alone would, does not fit."""
    import hashlib

    row = db.session.get_one(AuditRow, chain[-1])
    lines = "\x1f".join([str(row.id), str(row.seq), row.at.isoformat(), "shell", row.verb, row.ref])
    change(N, actor="shell", hash=hashlib.sha256((row.prev or b"") + lines.encode()).digest())
    assert audit.verify().broken == N


def test_what_is_not_sealed_yet_is_counted_and_sealed_once(chain: list[uuid.UUID]) -> None:
    audit.note("shell", "late", "x", now=START)
    assert (audit.verify().unsealed, audit.verify().sealed) == (1, N)
    assert audit.seal_rows(now=START) == 1 and audit.seal_rows(now=START) == 0
    assert audit.verify() == audit.ChainCheck(N + 1, 0)


def test_the_command_names_the_row_and_ends_with_1(app: Flask, chain: list[uuid.UUID]) -> None:
    run = app.test_cli_runner().invoke
    assert run(args=["audit", "verify"]).exit_code == 0
    change(7, actor="nobody")
    result = run(args=["audit", "verify"])
    assert result.exit_code == 1 and "number 7" in result.stderr and str(chain[6]) in result.stderr
    lines = json.loads(run(args=["audit", "verify", "--json"]).stdout)
    assert (lines["holds"], lines["broken"], lines["row"]) == (False, 7, str(chain[6]))


def test_the_command_lists_by_verb_and_day(app: Flask, chain: list[uuid.UUID]) -> None:
    run = app.test_cli_runner().invoke
    assert len(run(args=["audit", "list", "--json"]).stdout.splitlines()) == N
    assert [json.loads(run(args=["audit", "list", "--json", "--verb", "test.3"]).stdout)["ref"]] == [
        "thing 3"
    ]
    assert run(args=["audit", "list", "--day", "2026-03-04"]).stdout == ""
    assert len(run(args=["audit", "list", "--day", "2026-03-03"]).stdout.splitlines()) == N


def test_the_chain_stands_after_the_database_itself_was_asked(chain: list[uuid.UUID]) -> None:
    """Both databases give back the very bytes and moments that were sealed."""
    db.session.expire_all()
    assert audit.verify().holds
    if is_postgres():
        assert db.session.scalar(text("SELECT count(*) FROM audit WHERE octet_length(hash) = 32")) == N


# ---- Seeing names is an operation


def verbs() -> list[str]:
    return list(db.session.scalars(select(AuditRow.verb).order_by(AuditRow.id)))


def test_who_saw_names_is_written_down_without_a_name(app: Flask, client: FlaskClient) -> None:
    north = make_area("North")
    site = make_site("Birch Middle", area=north)
    mia = make_member("Reyes", "Mia", site=site, phone="+12135550101")
    olga = make_person("Olga Brandt", role=RoleName.ORGANIZER, area=north)
    sign_in(client, olga)
    client.get(f"/sites/{site.code}")
    client.post("/members", data={"q": "Mia Reyes", "area": str(north.id)})
    client.get(f"/members/{mia.id}")
    client.get("/people")
    client.post("/sign-out")
    assert verbs()[-5:] == ["chapter.see", "members.find", "member.see", "people.see", "sign_out"]
    rows = db.session.scalars(select(AuditRow)).all()
    assert {row.actor for row in rows[-5:]} == {f"person:{olga.id}"}
    assert not any(name in row.ref for row in rows for name in ("Mia", "Reyes", "5550101", "Birch"))


def test_an_admin_reads_it_with_names_and_finds_a_person(app: Flask, client: FlaskClient) -> None:
    ada = make_person("Ada Stone", role=RoleName.ADMIN)
    olga = make_person("Olga Brandt", role=RoleName.ORGANIZER, area=make_area("North"))
    mia = make_member("Reyes", "Mia", site=make_site())
    audit.note(f"person:{olga.id}", "member.see", mia.id, now=clock.now())
    sign_in(client, ada)
    page = client.get("/audit").text
    assert "Olga Brandt" in page and "Mia Reyes" in page and "opened a member" in page
    redirect = client.post("/audit", data={"q": "olga br"})
    assert redirect.status_code == 303 and redirect.location.endswith(f"person={olga.id}")
    filtered = client.get(redirect.location).text
    # That Ada looks at Olga is about Olga as well; that Ada looked at everything is not.
    assert "Mia Reyes" in filtered and '<span class="small soft">all</span>' not in filtered
    assert "Nothing found" in client.get("/audit?day=2020-01-01").text
    assert "Mia Reyes" in client.get("/audit?verb=member").text


def test_nobody_else_reads_it(client: FlaskClient, app: Flask) -> None:
    sign_in(client, make_person("Olga", role=RoleName.ORGANIZER, area=make_area("North")))
    assert client.get("/audit").status_code == 403


@pytest.mark.parametrize(
    "query", ["day=0000-99-99", "day=9999-12-31", "person=x", "page=-4", "page=9" * 9, "verb=%25"]
)
def test_any_question_is_answered(client: FlaskClient, app: Flask, query: str) -> None:
    sign_in(client, make_person("Ada", role=RoleName.ADMIN))
    assert client.get(f"/audit?{query}").status_code == 200
