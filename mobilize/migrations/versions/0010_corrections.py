"""Totals of members who belong to no chapter of an action, fixed and corrected like the chapters'.

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "outside_totals",
        sa.Column("action_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.Column("fixed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["action_id"], ["actions.id"], name=op.f("fk_outside_totals_action_id")),
        sa.PrimaryKeyConstraint("action_id", "version", name=op.f("pk_outside_totals")),
    )


def downgrade() -> None:
    op.drop_table("outside_totals")
