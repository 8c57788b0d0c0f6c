"""When the chairs of a silent line are asked again, and when the line is to be called: set per action.

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("reminder_rules", sa.Column("again_after_minutes", sa.Integer(), nullable=True))
    op.add_column("reminder_rules", sa.Column("call_after_minutes", sa.Integer(), nullable=True))
    # Until now both followed the first question at a fixed distance.
    op.execute(
        "UPDATE reminder_rules SET again_after_minutes = minutes_after_start + 10,"
        " call_after_minutes = minutes_after_start + 20 WHERE kind = 'count_question'"
    )


def downgrade() -> None:
    op.drop_column("reminder_rules", "call_after_minutes")
    op.drop_column("reminder_rules", "again_after_minutes")
