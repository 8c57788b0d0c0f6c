"""Many rows in one statement."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ARRAY, cast, func, literal, select

from mobilize.database import atomic, insert, is_postgres


def insert_new(table: Any, rows: Sequence[dict[str, Any]], key: str) -> int:
    """Insert those of `rows` (all with the same columns) whose `key` is not there; returns how many.

    On PostgreSQL one statement with an array for each column, which is several times as fast as row by row.
    """
    with atomic() as session:
        if is_postgres():
            columns = {name: _column_of(table.c[name], [row[name] for row in rows]) for name in rows[0]}
            new, many = insert(table).from_select(list(columns), select(*columns.values())), None
        else:
            new, many = insert(table), list(rows)
        unless_there = new.on_conflict_do_nothing(index_elements=[key])
        done = session.execute(unless_there, many, execution_options={"preserve_rowcount": True})
        return max(0, int(done.rowcount))  # type: ignore[attr-defined]


def _column_of(column: Any, values: list[Any]) -> Any:
    """SQL: one value a row; a value that all rows share is sent once."""
    if values.count(values[0]) == len(values):
        return cast(literal(values[0], column.type), column.type).label(column.key)
    many = ARRAY(column.type)
    return func.unnest(cast(literal(values, many), many)).label(column.key)
