"""Strike days: who left when, duty elsewhere, what a person made of unmatched evidence, new numbers.

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def _word(*words: str, name: str) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, length=24)


def upgrade() -> None:
    says = _word("here", "left", "undo", name="says")
    duty = _word("picket", "kitchen", "phones", "childcare", "supplies", "office", "other", name="duty")
    op.add_column("evidence", sa.Column("says", says, server_default="here", nullable=False))
    op.add_column("evidence", sa.Column("duty", duty, nullable=True))
    with op.batch_alter_table("matches") as matches:
        matches.alter_column("member_id", existing_type=sa.Uuid(), nullable=True)
        verdict = _word("counts", "not_ours", "open", name="verdict")
        matches.add_column(sa.Column("verdict", verdict, server_default="counts", nullable=False))
        matches.add_column(sa.Column("reason", sa.String(length=200), server_default="", nullable=False))
    op.add_column("walkups", sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("head_counts", sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("supporters", sa.Column("voided_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("supporters", sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True))
    _new_numbers()


def _new_numbers() -> None:
    op.create_table(
        "new_numbers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("nonce", sa.LargeBinary(length=16), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("phone_enc", sa.LargeBinary(), nullable=True),
        sa.Column("phone_bix", sa.LargeBinary(length=16), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_by", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_new_numbers_event_id")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_new_numbers_member_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_new_numbers")),
        sa.UniqueConstraint("event_id", "nonce", name="uq_new_numbers_one_per_event_and_nonce"),
    )
    op.create_index("ix_new_numbers_member", "new_numbers", ["member_id"])


def downgrade() -> None:
    op.drop_table("new_numbers")
    op.drop_column("supporters", "settled_at")
    op.drop_column("supporters", "voided_at")
    op.drop_column("head_counts", "settled_at")
    op.drop_column("walkups", "settled_at")
    with op.batch_alter_table("matches") as matches:
        matches.drop_column("reason")
        matches.drop_column("verdict")
    op.drop_column("evidence", "duty")
    op.drop_column("evidence", "says")
