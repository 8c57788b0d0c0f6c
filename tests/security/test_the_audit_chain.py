"""How operations are noted, sealed into a chain, verified and asked for."""

import threading
import uuid
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, event, select, update

from mobilize import audit
from mobilize.audit import HEAD, VERIFIED, AuditRow, ChainCheck
from mobilize.database import atomic, db
from mobilize.keys import crypto
from mobilize.observability import health_checks
from tests.builders import START

HOUR = timedelta(hours=1)


def all_rows() -> list[AuditRow]:
    db.session.expire_all()
    return list(db.session.scalars(select(AuditRow).order_by(AuditRow.id)))


def chain(count: int) -> list[AuditRow]:
    """So many operations, sealed."""
    audit.note_all("shell", "test.operation", range(count), now=START)
    assert audit.seal_rows(now=START) == count
    return all_rows()


def change(number: int, **values: object) -> None:
    with atomic() as session:
        session.execute(update(AuditRow).where(AuditRow.seq == number).values(**values))


def test_a_deed_is_noted_as_it_was_done(app: Flask) -> None:
    audit.note("person:1", "role.give", uuid.UUID(int=5), now=START)
    [row] = all_rows()
    assert (row.actor, row.verb, row.ref) == ("person:1", "role.give", str(uuid.UUID(int=5)))
    assert (row.at, row.seq, row.hash, row.prev) == (START, None, None, None)


def test_many_things_are_a_row_each_and_a_long_name_is_cut(app: Flask) -> None:
    audit.note_all("shell", "import", ["a", "b" * 300], now=START)
    assert [row.ref for row in all_rows()] == ["a", "b" * 200]


def test_a_deed_of_an_operation_that_fails_is_not_noted(app: Flask) -> None:
    with pytest.raises(ZeroDivisionError), atomic():
        audit.note("shell", "test", "x", now=START)
        raise ZeroDivisionError
    assert all_rows() == []


def test_rows_are_numbered_from_one_in_their_order_each_with_the_hash_before(app: Flask) -> None:
    first, second, third = chain(3)
    assert [first.seq, second.seq, third.seq] == [1, 2, 3]
    assert (first.prev, second.prev, third.prev) == (b"", first.hash, second.hash)
    parts = [str(third.id), "3", START.isoformat(), "shell", "test.operation", "2"]
    # As it stands in databases that were sealed long ago.
    assert third.hash == crypto.link((second.hash or b"") + "\x1f".join(parts).encode())


def test_so_many_are_sealed_at_once_and_the_next_go_on_from_them(app: Flask) -> None:
    audit.note_all("shell", "test.operation", range(5), now=START)
    assert audit.seal_rows(now=START, limit=2) == 2
    assert [row.seq for row in all_rows()] == [1, 2, None, None, None]
    assert (audit.seal_rows(now=START), audit.seal_rows(now=START)) == (3, 0)
    assert [row.seq for row in all_rows()] == [1, 2, 3, 4, 5] and audit.verify() == ChainCheck(5, 0)


def test_the_order_is_that_of_the_ids_whatever_was_stored_first(app: Flask) -> None:
    for n in (3, 1, 2):
        with atomic() as session:
            session.add(AuditRow(id=uuid.UUID(int=n), at=START, actor="shell", verb="test", ref=str(n)))
    assert audit.seal_rows(now=START) == 3
    assert [(row.ref, row.seq) for row in all_rows()] == [("1", 1), ("2", 2), ("3", 3)]
    assert audit.verify() == ChainCheck(3, 0)


def test_where_the_chain_ends_is_kept_beside_it(app: Flask) -> None:
    assert audit.seal_rows(now=START) == 0 and health_checks.latest(HEAD) is None
    last = chain(2)[-1]
    head = health_checks.latest(HEAD)
    assert head is not None and (last.hash or b"").hex() in head.value
    assert (head.value, head.seen_at) == (f"2:{(last.hash or b'').hex()}", START)


def test_an_empty_chain_holds(app: Flask) -> None:
    assert audit.verify() == ChainCheck(0, 0) and audit.verify().holds


def test_a_chain_is_read_whole_however_long_it_is(app: Flask) -> None:
    audit.note_all("shell", "test.operation", range(1002), now=START)
    assert audit.seal_rows(now=START) == 1000
    assert audit.verify() == ChainCheck(1000, 2)


@pytest.mark.parametrize("how", [{"ref": "another"}, {"prev": b"\1" * 32}, {"hash": b"\1" * 32}])
def test_an_altered_row_is_named_with_how_far_the_chain_holds(app: Flask, how: dict[str, Any]) -> None:
    rows = chain(4)
    audit.note("shell", "late", "x", now=START)
    change(3, **how)
    check = audit.verify()
    assert check == ChainCheck(2, 1, 3, rows[2].id, "altered") and not check.holds


def test_a_first_row_with_something_before_it_is_altered(app: Flask) -> None:
    rows = chain(2)
    change(1, prev=b"\1")
    assert audit.verify() == ChainCheck(0, 0, 1, rows[0].id, "altered")


def test_a_row_taken_out_is_named_by_the_one_after_it(app: Flask) -> None:
    rows = chain(4)
    audit.note("shell", "late", "x", now=START)
    with atomic() as session:
        session.execute(delete(AuditRow).where(AuditRow.seq == 2))
    assert audit.verify() == ChainCheck(1, 1, 2, rows[2].id, "missing")


@pytest.mark.parametrize("left", [0, 3])
def test_rows_taken_off_the_end_are_missed(app: Flask, left: int) -> None:
    chain(4)
    audit.note("shell", "late", "x", now=START)
    with atomic() as session:
        session.execute(delete(AuditRow).where(AuditRow.seq > left))
    assert audit.verify() == ChainCheck(left, 1, left + 1, None, "missing")


def test_an_end_that_was_read_before_more_was_sealed_is_met_on_the_way(app: Flask) -> None:
    chain(3)
    end = health_checks.latest(HEAD)
    assert end is not None
    before = end.value
    audit.note_all("shell", "test.operation", [4], now=START)
    assert audit.seal_rows(now=START) == 1
    health_checks.record(HEAD, before, now=START)
    assert audit.verify() == ChainCheck(4, 0)
    health_checks.record(HEAD, "3:another", now=START)
    assert audit.verify() == ChainCheck(4, 0, 5, None, "missing")


def test_rows_that_are_sealed_while_the_chain_is_walked_do_not_break_it(app: Flask) -> None:
    chain(3)
    audit.note("shell", "test.operation", "while it is walked", now=START)
    sealed: list[int] = []

    def seal_elsewhere(*_query: object) -> None:
        if not sealed:
            sealed.append(0)
            with app.app_context():
                sealed[0] = audit.seal_rows(now=START)

    def loaded(row: AuditRow, _context: object) -> None:
        if row.seq == 3:
            worker = threading.Thread(target=seal_elsewhere)
            worker.start()
            worker.join()

    db.session.rollback()
    db.session.expunge_all()
    event.listen(AuditRow, "load", loaded)
    try:
        check = audit.verify()
    finally:
        event.remove(AuditRow, "load", loaded)
    assert check.holds and sealed == [1]
    db.session.rollback()
    assert audit.verify() == ChainCheck(4, 0)


def test_what_came_of_verifying_is_kept_for_the_office(app: Flask) -> None:
    chain(3)
    assert audit.verify_and_note(now=START).holds
    check = health_checks.latest(VERIFIED)
    assert check is not None and (check.value, check.seen_at) == ("holds", START)
    change(2, actor="nobody")
    assert audit.verify_and_note(now=START + HOUR).broken == 2
    check = health_checks.latest(VERIFIED)
    assert check is not None and (check.value, check.seen_at) == ("broken:2", START + HOUR)


@pytest.fixture
def noted_rows(app: Flask) -> None:
    noted = [
        ("person:ada", "role.give.chair", "bea"),
        ("person:bea", "role", "ada and 100%"),
        ("person:ada", "roles.see", "cal"),
        ("shell", "import", "x"),
    ]
    for n, (actor, verb, ref) in enumerate(noted):
        audit.note(actor, verb, ref, now=START + n * HOUR)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, ["import", "roles.see", "role", "role.give.chair"]),
        ({"verb": "role"}, ["role", "role.give.chair"]),
        ({"verb": "role.give"}, ["role.give.chair"]),
        ({"verb": "role_give"}, []),
        ({"verb": "%"}, []),
        ({"actors": ["person:ada"]}, ["roles.see", "role.give.chair"]),
        ({"actors": ["person:ada"], "refs": ["ada"]}, ["roles.see", "role", "role.give.chair"]),
        ({"actors": []}, []),
        ({"actors": [], "refs": ["0%"]}, ["role"]),
        ({"actors": [], "refs": ["1%0"]}, []),
        ({"since": START + 2 * HOUR}, ["import", "roles.see"]),
        ({"until": START + 2 * HOUR}, ["role", "role.give.chair"]),
        ({"verb": "role", "since": START + HOUR, "until": START + 2 * HOUR}, ["role"]),
    ],
)
def test_rows_are_found_newest_first(noted_rows: None, filters: dict[str, Any], expected: list[str]) -> None:
    assert [row.verb for row in db.session.scalars(audit.rows(**filters))] == expected


def test_the_verbs_there_are_stand_in_their_order_once(noted_rows: None) -> None:
    audit.note("shell", "import", "y", now=START)
    assert audit.verbs() == ["import", "role", "role.give.chair", "roles.see"]
