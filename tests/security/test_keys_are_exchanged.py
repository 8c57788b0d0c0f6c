"""The operator exchanges the keys while the service runs: nothing is lost, and the old key can go."""

import json
import threading
import uuid
from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import select, update

import config
from mobilize import create_app
from mobilize.accounts.models import Person
from mobilize.database import Model, SealedText, atomic, db
from mobilize.keys import rotation as key_rotation
from mobilize.keys.crypto import blind_index
from mobilize.roster.imports import operations as imports
from mobilize.roster.models import Member, StagedMember
from mobilize.roster.names import PersonName
from mobilize.roster.queries import members_by_number_or_phone
from tests.builders import START, make_area, make_member, make_person, make_site
from tests.roster.files import member, roster, site_list
from tests.services.client import BareClient
from tests.services.databases import opened

NEW = config.new_key().partition(":")[2]


def with_keys(app: Flask, base_environ: dict[str, str], listed: str) -> Flask:
    """The same database as a process started with these keys sees it."""
    environ = {"DATABASE_URL": app.config["DATABASE_URL"], "SECRET_KEYS": listed}
    made_app = create_app(config.load({**base_environ, **environ}))
    made_app.test_client_class = BareClient
    return made_app


@pytest.fixture
def both(app: Flask, base_environ: dict[str, str]) -> Iterator[Flask]:
    """Both keys are listed, the new one first."""
    app_with = with_keys(app, base_environ, f"n2:{NEW},{base_environ['SECRET_KEYS']}")
    with opened(app_with):
        yield app_with


@pytest.fixture
def only_new(app: Flask, base_environ: dict[str, str]) -> Iterator[Flask]:
    """The old key has left the list."""
    app_with = with_keys(app, base_environ, f"n2:{NEW}")
    yield app_with
    with opened(app_with):
        pass


@pytest.fixture
def people(app: Flask) -> list[uuid.UUID]:
    """Their ids: the rows themselves belong to the session of `app`."""
    site = make_site(area=make_area("North"))
    make_person("Olga Brandt", phone="+12135550150")
    return [make_member("Reyes", f"Mia {n}", site=site, phone=f"+121355501{n:02d}").id for n in range(7)]


def test_every_sealed_column_is_found(app: Flask) -> None:
    columns = {str(column) for column in key_rotation.sealed_columns()}
    stored = {
        f"{table.name}.{column.name}"
        for table in Model.metadata.tables.values()
        for column in table.columns
        if column.name.endswith("_enc")
    }
    assert columns == stored and "staged_members.name_enc" in columns


def test_after_a_rotation_the_old_key_is_not_needed(
    people: list[uuid.UUID], both: Flask, only_new: Flask
) -> None:
    names = sorted(f"Mia {n}" for n in range(7))
    assert {use.key_id: use.values > 0 for use in key_rotation.uses()} == {"n2": False, "t1": True}
    done = key_rotation.rotate(by="shell", now=START)
    assert not done.shut and done.resealed["members.name_enc"] == 7
    assert {use.key_id: use.values > 0 for use in key_rotation.uses()} == {"n2": True, "t1": False}
    with only_new.app_context():
        assert sorted(row.person.first for row in db.session.scalars(select(Member))) == names
        assert [row.person.first for row in members_by_number_or_phone("213-555-0103")] == ["Mia 3"]
        assert only_new.test_client().get("/readyz").status_code == 200


def test_a_lookup_and_a_unique_key_hold_before_during_and_after(people: list[uuid.UUID], both: Flask) -> None:
    before = db.session.get_one(Member, people[0]).phone_index
    assert blind_index("phone", "+12135550100") == before
    key_rotation.rotate(by="shell", now=START)
    assert blind_index("phone", "+12135550100") == db.session.get_one(Member, people[0]).phone_index == before


def test_a_rotation_that_is_killed_goes_on_where_it_stopped(
    people: list[uuid.UUID], both: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SealedText, "at_once", 2)
    steps = iter(range(1000))

    def killed(column: str, _done: int) -> None:
        if column == "members.name_enc" and next(steps) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        key_rotation.rotate(by="shell", now=START, tell=killed)
    assert sorted(row.person.first for row in db.session.scalars(select(Member)))[0] == "Mia 0"
    again = key_rotation.rotate(by="shell", now=START)
    assert again.resealed["members.name_enc"] == 3 and not again.shut
    assert key_rotation.rotate(by="shell", now=START).resealed.total() == 0


def test_what_somebody_writes_meanwhile_is_theirs(people: list[uuid.UUID], both: Flask) -> None:
    problems: list[Exception] = []

    def write() -> None:
        with both.app_context():
            try:
                for n in range(30):
                    with atomic() as session:
                        member = session.get_one(Member, people[n % 7])
                        member.name = f"Cruz\x1fEva {n}"
            except Exception as problem:
                problems.append(problem)
            finally:
                db.session.remove()

    writer = threading.Thread(target=write)
    writer.start()
    while writer.is_alive():
        key_rotation.rotate(by="shell", now=START)
    writer.join()
    assert problems == []
    key_rotation.rotate(by="shell", now=START)
    db.session.rollback()
    names = [str(row.name) for row in db.session.scalars(select(Member))]
    assert sorted(names) == sorted(f"Cruz\x1fEva {n}" for n in range(23, 30))
    assert [use.values for use in key_rotation.uses() if use.key_id == "t1"] == [0]


def test_an_import_can_still_be_undone(app: Flask, base_environ: dict[str, str], both: Flask) -> None:
    dry_run = imports.dry_run_sites(site_list(), by="shell", now=START)
    imports.commit_import(dry_run.id, by="shell", now=START)
    with app.app_context():
        for rows in ([member("1"), member("2")], [member("1", last="Cruz"), member("3")]):
            dry_run = imports.dry_run_roster(roster(*rows), by="shell", now=START)
            imports.commit_import(dry_run.id, by="shell", now=START)
        last = dry_run.id
        imports.dry_run_roster(roster(member("4", last="Lund")), by="shell", now=START)
        db.session.remove()
    key_rotation.rotate(by="shell", now=START)
    assert imports.edited_members(last) == []
    imports.undo_import(last, by="shell", now=START)
    assert sorted(row.person.last for row in db.session.scalars(select(Member))) == ["Reyes", "Reyes"]
    staged = [PersonName.read(row.name).last for row in db.session.scalars(select(StagedMember)) if row.name]
    assert {"Lund", "Cruz"} <= set(staged), "what waits, and what can be undone, is read with the new key"


def test_a_key_that_is_missing_is_named_and_the_service_is_not_ready(
    people: list[uuid.UUID], only_new: Flask
) -> None:
    assert only_new.test_client().get("/readyz").get_json() == {"ok": False, "why": "keys"}
    with only_new.app_context():
        result = only_new.test_cli_runner().invoke(args=["keys", "status", "--json"])
    uses = {use["key_id"]: use for use in json.loads(result.stdout)}
    assert result.exit_code == 1 and uses["t1"]["values"] > 0 and uses["t1"]["listed"] is False


def test_what_cannot_be_opened_is_left_and_told(people: list[uuid.UUID], both: Flask) -> None:
    moved = db.session.scalar(select(Person.name_enc))
    with atomic() as session:
        session.execute(update(Member).where(Member.id == people[3]).values(name_enc=moved))
    result = both.test_cli_runner().invoke(args=["keys", "rotate", "--json"])
    assert result.exit_code == 1
    assert json.loads(result.stdout)["cannot_open"] == {"members.name_enc": 1}
    assert json.loads(result.stdout)["resealed"]["members.name_enc"] == 6


def test_a_new_key_is_good_and_says_its_day() -> None:
    entry = config.new_key()
    assert config.load({"SECRET_KEYS": entry, "MOBILIZE_ENV": "test"}).secret_keys[0].id.startswith("k")
    assert entry != config.new_key()


def test_a_class_shows_its_sealed_columns() -> None:
    assert isinstance(vars(Member)["name"], SealedText)
