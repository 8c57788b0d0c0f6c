"""Changes to tables that are large and in use: nobody who writes waits for them (docs/decisions/0023).

On PostgreSQL an index is built beside the writing, outside the migration's transaction: what the migration
did before is stored by then. So a migration does its columns and tables first, by functions that pass over
what is there, and its indexes last; one that was cut off in between is run again. On SQLite all of it is one
transaction.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from alembic import op

_IS_VALID = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)"


def add_column(table: str, column: "sa.Column[Any]") -> None:
    """Nullable, or with a `server_default` that is the same for every row: then PostgreSQL writes none of
    them."""
    op.add_column(table, column, if_not_exists=_is_postgres() or None)


def create_table(table: str, *parts: Any) -> None:
    op.create_table(table, *parts, if_not_exists=_is_postgres())


def create_index(name: str, table: str, columns: Sequence[str], *, where: Any = None) -> None:
    """One that a build before left half done is built anew."""
    partial = {"sqlite_where": where, "postgresql_where": where}
    if not _is_postgres():
        op.create_index(name, table, columns, **partial)
        return
    with _beside_the_writing():
        if _index_is_valid(name) is False:
            op.drop_index(name, table, postgresql_concurrently=True)
        op.create_index(name, table, columns, postgresql_concurrently=True, if_not_exists=True, **partial)


def replace_index(name: str, table: str, columns: Sequence[str], *, where: Any = None) -> None:
    """The same name for other columns: the old one serves until the new one is there."""
    if not _is_postgres():
        op.drop_index(name, table_name=table)
        create_index(name, table, columns, where=where)
        return
    create_index(f"{name}_new", table, columns, where=where)
    with _beside_the_writing():
        op.drop_index(name, table, postgresql_concurrently=True, if_exists=True)
    op.execute(f'ALTER INDEX "{name}_new" RENAME TO "{name}"')


def _is_postgres() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def _index_is_valid(name: str) -> bool | None:
    """None where there is none."""
    valid: bool | None = op.get_bind().execute(sa.text(_IS_VALID), {"name": name}).scalar()
    return valid


@contextmanager
def _beside_the_writing() -> Iterator[None]:
    with op.get_context().autocommit_block():
        # It may take minutes, and waits for whoever reads since before; it keeps nobody waiting.
        op.execute("SET lock_timeout = 0")
        op.execute("SET statement_timeout = 0")
        yield
