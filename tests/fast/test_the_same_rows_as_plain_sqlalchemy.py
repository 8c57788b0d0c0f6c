"""The contract of the fast path: what it stores and reads is what plain SQLAlchemy stores and reads."""

import enum
import uuid
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from sqlalchemy import (
    Boolean,
    Column,
    Date,
    Double,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Uuid,
    bindparam,
    delete,
    insert,
    select,
)
from sqlalchemy import Enum as EnumColumn

from mobilize.checkins.models import Evidence
from mobilize.database import UtcDateTime, atomic, db, is_postgres
from mobilize.fast.statements import CachedStatement, all_or_nothing, given_rows, retried, run, run_for


class Word(enum.StrEnum):
    YES = "yes"
    NO = "no"


TYPES = {
    "id": Uuid(),
    "day": Date(),
    "moment": UtcDateTime(),
    "sealed": LargeBinary(),
    "word": EnumColumn(Word, native_enum=False, length=24, values_callable=lambda e: [w.value for w in e]),
    "text": String(),
    "number": Integer(),
    "share": Double(),
    "is_so": Boolean(),
}
TABLE = Table("each_type", MetaData(), *(Column(name, kind, nullable=True) for name, kind in TYPES.items()))
FULL = {
    "id": uuid.UUID(int=46),
    "day": date(2024, 2, 29),
    "moment": datetime(2024, 11, 3, 1, 30, 0, 123456, tzinfo=timezone(timedelta(hours=-7))),
    "sealed": b"\x00\xff'\"\\x00 {}",
    "word": Word.NO,
    "text": "Ñandú 'quoted' \\ \"double\" :not_a_parameter %(nor)s {this} \u2028",
    "number": -(2**31),
    "share": 0.1,
    "is_so": False,
}
ROWS = [FULL, dict.fromkeys(TYPES) | {"id": uuid.UUID(int=1)}, FULL | {"id": uuid.UUID(int=2), "is_so": True}]


def _by_statements() -> dict[str, object]:
    return {name: bindparam(f"of_{name}", type_=kind) for name, kind in TYPES.items()}


ONE = CachedStatement(lambda: insert(TABLE).values(_by_statements()))
ALL = CachedStatement(lambda: insert(TABLE).from_select(list(TYPES), select(*given_rows(TYPES).c.values())))
READ = CachedStatement(lambda: select(TABLE).order_by(TABLE.c.id))
BY_VALUE = CachedStatement(
    lambda: select(TABLE.c.id).where(*(TABLE.c[name] == of for name, of in _by_statements().items()))
)


@pytest.fixture(autouse=True)
def table(app):
    with atomic() as session:
        TABLE.create(session.connection())
    yield
    db.session.rollback()
    with atomic() as session:
        TABLE.drop(session.connection())


def plainly_read():
    db.session.rollback()
    return [tuple(row) for row in db.session.execute(select(TABLE).order_by(TABLE.c.id))]


def plainly_stored():
    with atomic() as session:
        session.execute(delete(TABLE))
        session.execute(insert(TABLE), ROWS)
    return plainly_read()


def of(row):
    return {f"of_{name}": value for name, value in row.items()}


@pytest.mark.parametrize("inside", [False, True], ids=["by itself", "inside atomic()"])
def test_one_row_at_a_time_is_stored_and_read_as_plain_sqlalchemy_does(inside):
    plain = plainly_stored()
    with atomic() as session:
        session.execute(delete(TABLE))

    def store_and_read():
        for row in ROWS:
            with all_or_nothing():
                run(ONE, of(row))
        return run(READ, {})

    if inside:
        with atomic():
            read = store_and_read()
    else:
        read = retried(store_and_read)
    assert read == plain == plainly_read()
    assert [dict(zip(TYPES, row, strict=True))["moment"] for row in read][0] is None
    assert read[-1][list(TYPES).index("moment")] == FULL["moment"].astimezone(UTC)
    assert [type(value) for value in read[-1]] == [type(value) for value in plain[-1]]


def test_many_rows_in_one_statement_are_stored_as_plain_sqlalchemy_does(app):
    if not is_postgres():
        return  # SQLite is given them one at a time: the test above
    plain = plainly_stored()
    with atomic() as session:
        session.execute(delete(TABLE))
    retried(lambda: run_for(ALL, ROWS))
    assert plainly_read() == plain


def test_every_type_is_found_by_its_value():
    plainly_stored()
    assert retried(lambda: run(BY_VALUE, of(FULL))) == [(FULL["id"],)]


def test_every_column_of_evidence_has_one_of_these_types():
    assert {type(column.type) for column in Evidence.__table__.c} <= {type(kind) for kind in TYPES.values()}
