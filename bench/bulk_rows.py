"""Millions of rows for a bench, in minutes: indexes without a constraint are made when they are there."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

AT_ONCE = 250_000
_INDEXES = """SELECT indexname, indexdef FROM pg_indexes LEFT JOIN pg_constraint ON conname = indexname
              WHERE schemaname = 'public' AND tablename = %s AND conname IS NULL"""


def insert_rows(connection: psycopg.Connection, table: str, statement: str, first: int, last: int) -> None:
    """`statement` for every number `n` from `first` to just before `last`: an INSERT that ends with what it
    selects. No foreign key is looked up."""
    with _bulk(connection, table):
        for low in range(first, last, AT_ONCE):
            high = min(low + AT_ONCE, last) - 1
            connection.execute(f"{statement} FROM generate_series({low}, {high}) n")
    connection.execute(f"VACUUM ANALYZE {table}")


@contextmanager
def _bulk(connection: psycopg.Connection, table: str) -> Iterator[None]:
    connection.execute("SET session_replication_role = replica")
    connection.execute("SET synchronous_commit = off")
    connection.execute("SET maintenance_work_mem = '512MB'")
    indexes = connection.execute(_INDEXES, [table]).fetchall()
    for name, _ in indexes:
        connection.execute(f'DROP INDEX "{name}"')
    yield
    for _, definition in indexes:
        connection.execute(definition)
