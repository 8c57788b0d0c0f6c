"""One database for SQLite and PostgreSQL: ids, column types, and the single way to write.

Reading happens in whatever transaction the session opens; writing happens only inside `atomic()`.
"""

import json
import os
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, overload

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import (
    JSON,
    ColumnElement,
    Connection,
    DateTime,
    Dialect,
    Enum,
    Float,
    LargeBinary,
    MetaData,
    TypeDecorator,
    Uuid,
    cast,
    extract,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import DeclarativeBase, Session

from config import Settings
from mobilize.database import engines
from mobilize.fast import autocommit
from mobilize.keys import crypto
from mobilize.languages import Translated
from mobilize.observability import metrics

# Of a database that does not answer, or not in time.
AWAY = (OperationalError, InterfaceError, PoolTimeout)
_LAST_STEPS = "last steps"
MIGRATIONS = str(Path(__file__).resolve().parents[1] / "migrations")


_id_lock = threading.Lock()
_last_stamp = 0


def new_id() -> uuid.UUID:
    """A UUIDv7 (RFC 9562, method 3): 48 bits of milliseconds and 12 of their fraction, then randomness.

    New rows lie together, and within a process a later id is the greater one, so "the last" can go by ids.
    """
    global _last_stamp
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    with _id_lock:
        stamp = _last_stamp = max(milliseconds << 12 | (rest << 12) // 1_000_000, _last_stamp + 1)
    head = (stamp >> 12) << 16 | 0x7 << 12 | stamp & 0xFFF
    tail = 0x2 << 62 | int.from_bytes(os.urandom(8)) >> 2
    return uuid.UUID(int=head << 64 | tail)


def first_id_at(moment: datetime) -> uuid.UUID:
    """The least id that `new_id` can have given at this moment; before 1970, the least of all."""
    return uuid.UUID(int=max(int(moment.timestamp() * 1000), 0) << 80)


def parse_id(text: str) -> uuid.UUID | None:
    """The id that somebody typed or a page sent; None when it is none."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC datetime on both databases. A naive one is a programming error and refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime cannot be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class TranslatedText(TypeDecorator[Translated]):
    """A `Translated` as one JSON object of language and text; `column["es"].as_string()` is asked for one."""

    impl = JSON
    cache_ok = True

    def process_bind_param(self, value: Translated | None, dialect: Dialect) -> dict[str, str] | None:
        return None if value is None else dict(value)

    def process_result_value(self, value: dict[str, str] | None, dialect: Dialect) -> Translated | None:
        return None if value is None else Translated.stored(value)

    def coerce_compared_value(self, op: Any, value: Any) -> Any:
        return self.impl_instance.coerce_compared_value(op, value)


class Model(DeclarativeBase):
    """The base of every table. A row gets its id when it is made: it can be sealed before it is stored."""

    # A model whose rows must not show in which order they were made takes `uuid.uuid4` instead.
    make_id: ClassVar[Callable[[], uuid.UUID]] = staticmethod(new_id)

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {
        datetime: UtcDateTime(),
        bytes: LargeBinary(),
        uuid.UUID: Uuid(),
        Translated: TranslatedText(),
        # Words in a text column on both databases: a new word needs no migration.
        StrEnum: Enum(
            StrEnum, native_enum=False, length=24, values_callable=lambda e: [word.value for word in e]
        ),
    }

    def __init__(self, **values: Any):
        # The id comes first: sealed columns are bound to it, and they are set in the same call.
        mapper = self.__mapper__
        if "id" in mapper.columns and "id" not in values:
            values = {"id": type(self).make_id(), **values}
        elif "id" in values:
            values = {"id": values.pop("id"), **values}
        for name, value in values.items():
            if not hasattr(type(self), name):
                raise TypeError(f"{type(self).__name__} has no {name!r}")
            setattr(self, name, value)


db = SQLAlchemy(metadata=Model.metadata, session_options={"autoflush": False})


class SealedText:
    """A text attribute kept encrypted in the column `<name>_enc`, bound to table, column and row.

    Reading gives the text or None; writing seals it. On the class, `seal` and `open` do the same in bulk.
    Staged values are sealed for the row they will stand in: `like` is its model, `row` the column of its id.
    An attribute that was renamed names the `column` it stands in.
    `at_once`: how many values may be held in memory together.
    """

    at_once: ClassVar[int] = 500

    def __init__(self, like: type | None = None, row: str = "id", column: str = ""):
        self.like = like
        self.row = row
        self.column = column

    def __set_name__(self, owner: type, name: str) -> None:
        self.column = self.column or f"{name}_enc"
        self.owner = owner

    @overload
    def __get__(self, row: None, owner: type) -> "SealedText": ...
    @overload
    def __get__(self, row: object, owner: type) -> Any: ...

    def __get__(self, row: Any, owner: type) -> Any:
        if row is None:
            return self
        sealed = getattr(row, self.column)
        return None if sealed is None else self.open(getattr(row, self.row), sealed)

    def __set__(self, row: Any, text: str | None) -> None:
        setattr(row, self.column, None if text is None else self.seal(getattr(row, self.row), text))

    def seal(self, row_id: uuid.UUID, text: str) -> bytes:
        """The value to store in the column of the row with this id."""
        return crypto.seal(text, self._place(row_id))

    def open(self, row_id: uuid.UUID, sealed: bytes) -> str:
        """The text of a stored value. Raises `crypto.CannotOpen` when it belongs to another row."""
        return crypto.unseal(sealed, self._place(row_id))

    def _place(self, row_id: uuid.UUID) -> bytes:
        table = (self.like or self.owner).__tablename__  # type: ignore[attr-defined]
        return f"{table}.{self.column}:".encode() + row_id.bytes


class SealedBytes(SealedText):
    """The same for bytes: a photo, or a part of a file."""

    at_once = 20

    def __set__(self, row: Any, data: bytes | None) -> None:  # type: ignore[override]
        setattr(row, self.column, None if data is None else self.seal(getattr(row, self.row), data))

    def seal(self, row_id: uuid.UUID, data: bytes) -> bytes:  # type: ignore[override]
        return crypto.seal_bytes(data, self._place(row_id))

    def open(self, row_id: uuid.UUID, sealed: bytes) -> bytes:  # type: ignore[override]
        return crypto.unseal_bytes(sealed, self._place(row_id))


class SealedTranslated(SealedText):
    """The same for a `Translated`: its languages are sealed together."""

    def __get__(self, row: Any, owner: type) -> Any:
        text = super().__get__(row, owner)
        return Translated.stored(json.loads(text)) if isinstance(text, str) else text

    def __set__(self, row: Any, text: Translated | None) -> None:  # type: ignore[override]
        super().__set__(row, None if text is None else _as_json(text))

    def seal_texts(self, row_id: uuid.UUID, text: Translated) -> bytes:
        """The value to store of a text in its languages."""
        return self.seal(row_id, _as_json(text))


def _as_json(text: Translated) -> str:
    return json.dumps(dict(text), ensure_ascii=False)


@contextmanager
def atomic() -> Iterator[Session]:
    """One operation, one transaction: everything inside is stored, or nothing.

    Re-entrant: only the outermost level commits. It starts with fresh rows (what was read before is read
    again), and on SQLite takes the write lock at once, since a reader that becomes a writer cannot wait.
    """
    session = db.session()
    if session.info.get("writing"):
        yield session
        return
    try:
        _begin(session)
        yield session
        for step in session.info.pop(_LAST_STEPS, {}).values():
            step(session)
        session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        session.info.pop(_LAST_STEPS, None)
        session.info.pop("writing", None)


def before_commit(name: str, step: Callable[[Session], None]) -> None:
    """Run `step` as the last of the transaction that is open here: for rows that many transactions write, so
    that each holds them for the moment of its commit only. Of several with one name the last one counts."""
    session = db.session()
    if not session.info.get("writing"):
        raise RuntimeError("before_commit() outside atomic()")
    session.info.setdefault(_LAST_STEPS, {})[name] = step


def inside_atomic() -> bool:
    """Whether an operation's transaction is open here."""
    return db.session.registry.has() and bool(db.session.info.get("writing"))


def start_afresh() -> None:
    """End what was only read, so that it is read again. Raises when something was changed but not stored."""
    if not db.session.registry.has():
        return
    session = db.session()
    changed = session.new or session.dirty or session.deleted
    session.rollback()
    if changed:
        raise RuntimeError("something was changed outside atomic()")


def roll_back(_error: BaseException | None = None) -> None:
    """Give up what is open here, also where the connection under it turns out to be gone."""
    if not db.session.registry.has():
        return
    try:
        db.session.rollback()
    except DBAPIError:
        db.session().invalidate()


def _begin(session: Session) -> None:
    start_afresh()
    session.info["writing"] = True
    session.connection(execution_options=engines.WRITES)


def insert(table: Any) -> Any:
    """An INSERT that knows `on_conflict_do_nothing` and `on_conflict_do_update`, for this database."""
    return postgres_insert(table) if is_postgres() else sqlite_insert(table)


def is_postgres() -> bool:
    return db.engine.dialect.name == "postgresql"


def seconds_of_database() -> ColumnElement[float]:
    """SQL: the clock of the database, which all hosts share, in seconds since 1970."""
    if is_postgres():
        return cast(extract("epoch", func.clock_timestamp()), Float)
    return (func.julianday("now") - 2_440_587.5) * 86_400.0


def is_pooled() -> bool:
    """Whether a pooler stands before PostgreSQL, so that no setting outlives a transaction."""
    return bool(db.session.connection().info[engines.POOLED])


def is_read_only() -> bool:
    """Whether nothing can be stored here: a standby, a database set to read only, a file that may not be
    written. One that is locked by somebody who writes is not. Raises what a database that is away raises."""
    if is_postgres():
        return bool(db.session.scalar(text("SELECT current_setting('transaction_read_only') = 'on'")))
    with closing(db.engine.raw_connection()) as connection:
        return _refuses_to_write(connection.cursor())


def is_refused_as_read_only(error: BaseException) -> bool:
    """Whether a statement failed since nothing can be stored here (SQLSTATE 25006)."""
    return getattr(getattr(error, "orig", None), "sqlstate", None) == "25006"


def _refuses_to_write(cursor: Any) -> bool:
    """Of SQLite, asked by taking the write lock, for which nobody waits here."""
    cursor.execute("PRAGMA busy_timeout=0")
    try:
        cursor.execute("BEGIN IMMEDIATE")
        cursor.execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        return error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY
    finally:
        cursor.execute("PRAGMA busy_timeout=15000")
    return False


@contextmanager
def autocommit_connection() -> Iterator[Connection | None]:
    """A connection on which every statement is stored by itself, for the fast path; None where there is no
    such thing: on SQLite, and behind a pooler, where no setting outlives a statement."""
    engine = db.engines.get(autocommit.NAME)
    if engine is None:
        yield None
        return
    with engine.connect() as connection:
        if not connection.info[engines.POOLED]:
            yield connection
            return
    yield None


def init_app(app: Flask) -> None:
    """Bind the engines to the settings, with what makes each database keep its promises."""
    chosen: Settings = app.config["MOBILIZE"]
    pools = engines.pools(chosen)
    app.config["SQLALCHEMY_BINDS"] = pools
    db.init_app(app)
    # Before its session is closed, which fails on a connection that is gone: instead of their answer somebody
    # would get an error.
    app.teardown_appcontext(roll_back)
    with app.app_context():
        for name, engine in db.engines.items():
            engines.keep_promises(engine, name)
            if chosen.metrics_port:
                most = pools[name]["pool_size"] + pools[name]["max_overflow"]
                metrics.watch_pool(engine, name or "main", most=most)
