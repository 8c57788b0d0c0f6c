"""A tap whose time cannot be known, because a phone's clock was wrong, is marked as that.

Revision ID: 0030
Revises: 0022
"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    column = sa.Column("time_uncertain", sa.Boolean(), nullable=False, server_default=sa.false())
    op.add_column("evidence", column)


def downgrade() -> None:
    op.drop_column("evidence", "time_uncertain")
