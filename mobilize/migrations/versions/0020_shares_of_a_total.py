"""What a share is made of, as columns beside the figures: the matrix reads 32,000 of them at once.

Revision ID: 0020
Revises: 0019
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # PostgreSQL stores what is worked out; SQLite can add only a column that is worked out when it is read.
    stored = op.get_bind().dialect.name == "postgresql"
    for name in ("eligible", "came"):
        worked_out = sa.Computed(f"CAST(figures ->> '{name}' AS INTEGER)", persisted=stored)
        op.add_column("totals", sa.Column(name, sa.Integer(), worked_out))


def downgrade() -> None:
    for name in ("came", "eligible"):
        op.drop_column("totals", name)
