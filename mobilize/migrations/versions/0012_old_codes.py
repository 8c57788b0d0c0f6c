"""Codes that leaked and were replaced, and members' own links that were ended.

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "old_codes",
        sa.Column("code", sa.String(length=16), nullable=False),
        sa.Column("text_code", sa.String(length=6), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("replaced_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_old_codes_event_id")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_old_codes")),
    )
    op.create_index("ix_old_codes_event", "old_codes", ["event_id"])
    op.create_index("ix_old_codes_text_code", "old_codes", ["text_code"])
    op.create_table(
        "ended_links",
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_ended_links_member_id")),
        sa.PrimaryKeyConstraint("member_id", name=op.f("pk_ended_links")),
    )


def downgrade() -> None:
    op.drop_table("ended_links")
    op.drop_table("old_codes")
