"""Statements built once, and run for many rows at once.

All of it is SQLAlchemy Core: building a large statement costs more than running it, and a row at a time costs
more than a hundred in one statement.
"""

import json
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from types import SimpleNamespace
from typing import Any, TypeVar

from sqlalchemy import (
    CTE,
    JSON,
    Connection,
    Dialect,
    Integer,
    Text,
    bindparam,
    cast,
    column,
    func,
    literal_column,
    select,
    true,
)
from sqlalchemy.exc import DBAPIError

from mobilize.database import atomic, autocommit_connection, db, inside_atomic, is_postgres, start_afresh

Rows = list[tuple[Any, ...]]
Result = TypeVar("Result")
# Where a session keeps the connection on which each statement is stored by itself.
_AUTOCOMMIT = "autocommit"


class CachedStatement:
    """A statement with named `bindparam`s. `build` is called once for each kind of database."""

    def __init__(self, build: Callable[[], Any]):
        self._build = build
        self._built: dict[str, tuple[Any, frozenset[str]]] = {}

    def on(self, dialect: Dialect) -> tuple[Any, frozenset[str]]:
        """The statement, and the names of its parameters."""
        built = self._built.get(dialect.name)
        if built is None:
            statement = self._build()
            names = frozenset(statement.compile(dialect=dialect).params)
            built = self._built[dialect.name] = statement, names
        return built


def run(statement: CachedStatement, values: Mapping[str, Any]) -> Rows:
    """The rows it gives, as Python values; `values` may hold more than it asks for. It is part of the
    transaction that is open here, else of one that only reads, or inside `retried()` stored by itself."""
    connection = _connection()
    built, names = statement.on(connection.dialect)
    result = connection.execute(built, {name: values[name] for name in names if name in values})
    return [tuple(row) for row in result.all()] if result.returns_rows else []


def _connection() -> Connection:
    session = db.session()
    if _AUTOCOMMIT in session.info and not inside_atomic():
        connection: Connection = session.info[_AUTOCOMMIT]
        return connection
    return session.connection()


def run_for(statement: CachedStatement, rows: Sequence[Mapping[str, Any]]) -> Rows:
    """The same for a statement about `given_rows`: all of them at once."""
    return run(statement, {"given": json.dumps(rows, default=_as_text)})


class BatchStatement:
    """A SELECT about one question, run for many at once: on PostgreSQL in one statement, in which each
    question is a LATERAL step of its own; on SQLite, where nothing travels, one after the other.

    `columns`: what a question holds (name -> SQL type). `build` makes the SELECT from an object with these
    names; `order` names those of its columns that its rows are in the order of."""

    def __init__(self, columns: Mapping[str, Any], build: Callable[[Any], Any], *, order: Sequence[str] = ()):
        self._columns, self._build, self._order = {"n": Integer, **columns}, build, order
        self._for_all, self._for_one = CachedStatement(self._of_all), CachedStatement(self._of_one)

    def run(self, questions: Sequence[Mapping[str, Any]]) -> list[Rows]:
        """The rows of each question."""
        if not questions:
            return []
        if not is_postgres():
            return [run(self._for_one, question) for question in questions]
        answers: list[Rows] = [[] for _question in questions]
        for n, *row in run_for(self._for_all, [{"n": n} | dict(one) for n, one in enumerate(questions)]):
            answers[n].append(tuple(row))
        return answers

    def _of_all(self) -> Any:
        questions = given_rows(self._columns)
        # By name alone: for columns of a table each SELECT within the answer would read that table anew.
        parameters = {
            name: literal_column(f"{questions.name}.{name}", kind) for name, kind in self._columns.items()
        }
        answer = self._build(SimpleNamespace(**parameters)).lateral()
        order = [answer.c[name] for name in self._order]
        pairs = questions.join(answer, true())
        return select(questions.c.n, *answer.c).select_from(pairs).order_by(questions.c.n, *order)

    def _of_one(self) -> Any:
        question = SimpleNamespace(
            **{name: bindparam(name, type_=kind) for name, kind in self._columns.items()}
        )
        answer = self._build(question)
        return answer.order_by(*(answer.selected_columns[name] for name in self._order))


def retried(work: Callable[[], Result]) -> Result:
    """The result of `work`. Outside `atomic()` it reads afresh, every statement is stored by itself where the
    database allows that, no transaction stays open, and where its connection turns out to be lost it is run
    once more: it must bear being run twice, since an error at COMMIT does not mean "not stored"."""
    if inside_atomic():
        return work()
    start_afresh()
    try:
        return _alone(work)
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
    return _alone(work)


def _alone(work: Callable[[], Result]) -> Result:
    session = db.session()
    try:
        with autocommit_connection() as connection:
            if connection is not None:
                session.info[_AUTOCOMMIT] = connection
            return work()
    finally:
        session.info.pop(_AUTOCOMMIT, None)
        session.rollback()


@contextmanager
def all_or_nothing() -> Iterator[None]:
    """All rows inside are stored, or none: by one statement, in a transaction of its own, or
    inside `atomic()` as a part of it that can fail by itself."""
    if inside_atomic():
        # The connection's own savepoint: the session has nothing to undo, and its way costs more.
        with db.session.connection().begin_nested():
            yield
    elif _AUTOCOMMIT in db.session.info:
        yield  # PostgreSQL stores it in one statement, which is a transaction by itself
    else:
        with atomic():
            yield


def given_rows(columns: Mapping[str, Any]) -> CTE:
    """PostgreSQL: the rows a statement is run for, as a table with these columns (name -> SQL type).

    They travel as one parameter of JSON, which costs Python a third of what an array for each column does.
    What a row does not hold is NULL.
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
