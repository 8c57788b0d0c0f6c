"""Texts that wait for a person, readings that somebody corrected, and wrong numbers."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("inbound", sa.Column("waits_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("inbound", sa.Column("corrected_by", sa.String(length=64), nullable=True))
    op.create_table(
        "wrong_numbers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("inbound_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("phone_enc", sa.LargeBinary(), nullable=True),
        sa.Column("phone_index", sa.LargeBinary(length=16), nullable=True),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_by", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_wrong_numbers_member_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wrong_numbers")),
        sa.UniqueConstraint("inbound_id", "member_id", name="uq_wrong_numbers_one_per_text_and_member"),
    )
    op.create_index("ix_wrong_numbers_member", "wrong_numbers", ["member_id"])


def downgrade() -> None:
    op.drop_table("wrong_numbers")
    op.drop_column("inbound", "corrected_by")
    op.drop_column("inbound", "waits_at")
