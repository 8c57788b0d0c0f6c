"""What a share is made of, in an index: SQLite works it out once there, not with every look at the matrix.

Revision ID: 0022
Revises: 0021
"""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_totals_shares", "totals", ["action_id", "chapter_id", "version", "eligible", "came"])


def downgrade() -> None:
    op.drop_index("ix_totals_shares", table_name="totals")
