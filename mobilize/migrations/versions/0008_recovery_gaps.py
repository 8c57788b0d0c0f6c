"""Minutes that a restore has lost: heartbeats, gaps, and messages that left in them."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "heartbeats",
        sa.Column("name", sa.String(24), nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.Column("identity", sa.String(80), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_heartbeats")),
    )
    reasons = sa.Enum("silence", "moved", "restored", name="gapreason", native_enum=False, length=24)
    op.create_table(
        "recovery_gaps",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("reason", reasons, nullable=False),
        sa.Column("from_at", moment, nullable=False),
        sa.Column("opened_at", moment, nullable=False),
        sa.Column("log_read_at", moment, nullable=True),
        sa.Column("replayed_at", moment, nullable=True),
        sa.Column("closed_at", moment, nullable=True),
        sa.Column("trouble", sa.String(40), nullable=True),
        sa.Column("is_loss", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_gaps")),
    )
    op.create_table(
        "unmatched_messages",
        sa.Column("sid", sa.String(34), nullable=False),
        sa.Column("carrier", sa.String(16), nullable=False),
        sa.Column("phone_index", sa.LargeBinary(16), nullable=False),
        sa.Column("body_index", sa.LargeBinary(16), nullable=True),
        sa.Column("names_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("outbox_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("sid", name=op.f("pk_unmatched_messages")),
    )
    op.create_index("ix_unmatched_messages_phone", "unmatched_messages", ["phone_index"])
    op.create_table(
        "replayed_entries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("replayed_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_replayed_entries")),
    )


def downgrade() -> None:
    op.drop_table("replayed_entries")
    op.drop_table("unmatched_messages")
    op.drop_table("recovery_gaps")
    op.drop_table("heartbeats")
