"""A tap whose time cannot be known, because a phone's clock was wrong, is marked as that.

Revision ID: 0029
Revises: 0028
"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    column = sa.Column("time_uncertain", sa.Boolean(), nullable=False, server_default=sa.false())
    op.add_column("evidence", column)


def downgrade() -> None:
    op.drop_column("evidence", "time_uncertain")
