"""Calls to silent sites: who has one, and what became of it."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

RESULTS = ("reached", "no_answer", "wrong_number")


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "site_calls",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("by", sa.String(64), nullable=False),
        sa.Column("claimed_at", moment, nullable=False),
        sa.Column("claimed_until", moment, nullable=False),
        sa.Column(
            "result", sa.Enum(*RESULTS, name="callresult", native_enum=False, length=24), nullable=True
        ),
        sa.Column("chair", sa.String(64), nullable=True),
        sa.Column("ended_at", moment, nullable=True),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_site_calls_event_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_site_calls")),
    )
    is_open = sa.text("ended_at IS NULL")
    op.create_index(
        "uq_site_calls_one_open_per_event",
        "site_calls",
        ["event_id"],
        unique=True,
        sqlite_where=is_open,
        postgresql_where=is_open,
    )
    op.create_index("ix_site_calls_event", "site_calls", ["event_id", "claimed_at"])


def downgrade() -> None:
    op.drop_table("site_calls")
