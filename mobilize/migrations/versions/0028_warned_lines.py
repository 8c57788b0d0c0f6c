"""Which lines of a roster want a look is sealed: beside a list in the same order it said whose rows they are.

Revision ID: 0028
Revises: 0027
"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("imports") as table:
        table.add_column(sa.Column("warned_lines_enc", sa.LargeBinary(), nullable=True))
    _imports_without("warned_lines")


def downgrade() -> None:
    with op.batch_alter_table("imports") as table:
        table.drop_column("warned_lines_enc")


def _imports_without(key: str) -> None:
    """Earlier imports keep their counts and lose their lines: they were there for mending the file."""
    imports = sa.table("imports", sa.column("id", sa.Uuid()), sa.column("summary", sa.JSON()))
    connection = op.get_bind()
    for row in connection.execute(sa.select(imports)).all():
        if row.summary and key in row.summary:
            kept = {name: value for name, value in row.summary.items() if name != key}
            connection.execute(imports.update().where(imports.c.id == row.id).values(summary=kept))
