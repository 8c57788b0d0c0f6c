"""The driver's own connection, for the one path where the ORM's work for every statement is felt: check-in.

A `Ready` statement is written with SQLAlchemy like any other, compiled once per database, and from then on
handed to the driver as it is. Python's time is the limit there, not the database's.
"""

import json
import re
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any, TypeVar

from psycopg import RawCursor
from sqlalchemy import CTE, JSON, Dialect, Engine, Text, bindparam, cast, column, func, select
from sqlalchemy.exc import DBAPIError

from mobilize.database import DIRECT, db, inside_atomic, one_writer, start_afresh

Rows = list[tuple[Any, ...]]
Done = TypeVar("Done")


class Ready:
    """A statement with named `bindparam`s. `build` is called once per database, when it is known."""

    def __init__(self, build: Callable[[], Any]):
        self._build = build
        self._compiled: dict[str, _Compiled] = {}

    def on(self, dialect: Dialect) -> "_Compiled":
        found = self._compiled.get(dialect.name)
        if found is None:
            found = self._compiled[dialect.name] = _Compiled(self._build(), dialect)
        return found


class Wire:
    """One connection of the driver. `takes_many`: it understands `given` rows."""

    def __init__(self, connection: Any, dialect: Dialect):
        self._connection = connection
        self._dialect = dialect
        self.takes_many = dialect.name == "postgresql"
        # What the driver raises when a unique key is taken, and all of the statement was undone.
        self.taken: type[Exception] = dialect.loaded_dbapi.IntegrityError

    def run(self, ready: Ready, values: dict[str, Any]) -> Rows:
        """The rows a statement gives, as Python values; `values` may hold more than it asks for."""
        return ready.on(self._dialect).run(self._connection, values)

    def run_for(self, ready: Ready, rows: Sequence[Mapping[str, Any]]) -> Rows:
        """The same for a statement about `given` rows: all of them at once."""
        return self.run(ready, {"given": json.dumps(rows, default=_as_text)})

    @contextmanager
    def writing(self) -> Iterator[None]:
        """What is done inside is stored wholly or not at all. In a transaction of the caller's it is a part
        of that, which can fail by itself."""
        if inside_atomic():
            with db.session.begin_nested():
                db.session.connection()  # it is not before this that the savepoint is set
                yield
        elif self._dialect.name == "sqlite":
            with one_writer(self._connection):
                yield
        else:
            yield  # a statement is a transaction by itself, and there is only one


def given(columns: Mapping[str, Any]) -> CTE:
    """PostgreSQL: the rows a statement is run for, as a table with these columns (name -> SQL type).

    They travel as one parameter of JSON, which costs Python a third of what an array for each column does.
    What a row does not say is NULL.
    """
    rows = func.json_to_recordset(cast(bindparam("given", type_=Text()), JSON))
    table = rows.table_valued(*(column(name, kind) for name, kind in columns.items()), name="each_row")
    return select(table.render_derived(with_types=True)).cte("given_rows")


def _as_text(value: Any) -> str:
    """As PostgreSQL reads it back from text."""
    if isinstance(value, uuid.UUID):
        return value.hex
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    if isinstance(value, date | datetime):
        return value.isoformat()
    raise TypeError(f"a {type(value).__name__} cannot be stored")


def on_wire(work: Callable[[Wire], Done]) -> Done:
    """What `work` returns: inside `atomic()` on its connection, as part of it; else on one of its own, where
    every statement, or what stands under `writing()`, is stored by itself before this returns.

    A connection that turns out to be lost is replaced and `work` run once more, so it must bear being run
    twice: an error at COMMIT does not mean "not done". Raises what SQLAlchemy would raise.
    """
    if inside_atomic():
        connection = db.session.connection()
        return _told(connection.engine, connection.connection, work)
    start_afresh()
    engine = db.engines[DIRECT]
    try:
        return _alone(engine, work)
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
    # The others of its age are most likely lost as well: the server was restarted.
    engine.dispose()
    return _alone(engine, work)


def _alone(engine: Engine, work: Callable[[Wire], Done]) -> Done:
    try:
        connection = engine.raw_connection()
    except engine.dialect.loaded_dbapi.Error as error:
        raise _as_told(engine, error, lost=False) from error
    try:
        return _told(engine, connection, work)
    finally:
        connection.close()


def _told(engine: Engine, connection: Any, work: Callable[[Wire], Done]) -> Done:
    """Run it; the driver's errors come in SQLAlchemy's words, which the rest of the house knows."""
    driver = connection.driver_connection
    try:
        return work(Wire(driver, engine.dialect))
    except engine.dialect.loaded_dbapi.Error as error:
        lost = engine.dialect.is_disconnect(error, driver, None)
        if lost:
            connection.invalidate(error)
        raise _as_told(engine, error, lost=lost) from error


def _as_told(engine: Engine, error: Exception, *, lost: bool) -> Exception:
    words = engine.dialect.loaded_dbapi.Error
    # Without the statement and its values: they would stand in logs.
    told: Exception = DBAPIError.instance(None, None, error, words, True, lost, engine.dialect)
    return told


class _Compiled:
    """The text of a statement for one database, and how its values go in and come out."""

    def __init__(self, statement: Any, dialect: Dialect):
        compiled = statement.compile(dialect=dialect)
        self.text, self.ordered = compiled.string, compiled.positiontup
        self.is_raw = dialect.name == "postgresql"
        if self.is_raw:
            self.text, self.ordered = _numbered(compiled.string)
        self.into = [
            (name, bind.type._cached_bind_processor(dialect)) for bind, name in compiled.bind_names.items()
        ]
        given = {name: compiled.params[name] for name, _into in self.into}
        self.fixed = {
            name: into(given[name]) if into else given[name]
            for name, into in self.into
            if given[name] is not None
        }
        self.into = [(name, into) for name, into in self.into if name not in self.fixed]
        returned = statement.exported_columns if compiled.effective_returning else None
        columns = returned if returned is not None else getattr(statement, "selected_columns", ())
        self.out = [column.type._cached_result_processor(dialect, None) for column in columns]

    def run(self, connection: Any, values: dict[str, Any]) -> Rows:
        said = dict(self.fixed)
        for name, into in self.into:
            value = values[name]
            said[name] = value if into is None or value is None else into(value)
        given = [said[name] for name in self.ordered] if self.ordered is not None else said
        # Numbered parameters are sent as they are; psycopg reads through named ones with every use.
        cursor = (RawCursor(connection) if self.is_raw else connection).execute(self.text, given)
        if not self.out:
            return []
        return [
            tuple(
                value if out is None or value is None else out(value)
                for value, out in zip(row, self.out, strict=True)
            )
            for row in cursor.fetchall()
        ]


def _numbered(text: str) -> tuple[str, list[str]]:
    """`%(name)s` as PostgreSQL's own `$1`, and the names in their order."""
    names = list(dict.fromkeys(_NAMED.findall(text)))
    numbered = _NAMED.sub(lambda found: f"${names.index(found[1]) + 1}", text)
    return numbered.replace("%%", "%"), names


_NAMED = re.compile(r"%\((\w+)\)s")
