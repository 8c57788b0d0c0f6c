"""Indexes of due texts, the moment a broadcast is called back, and the progress of planning."""

import sqlalchemy as sa
from alembic import op

from mobilize.migrations import online

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

WAITING = sa.text("state = 'waiting'")
NO = sa.false()


def upgrade() -> None:
    online.create_table(
        "planning_progress",
        sa.Column("rule_id", sa.Uuid(), nullable=False),
        sa.Column("versions_hash", sa.LargeBinary(length=16), nullable=False),
        sa.Column("after_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["rule_id"], ["reminder_rules.id"], name=op.f("fk_planning_progress_rule_id")
        ),
        sa.PrimaryKeyConstraint("rule_id", name=op.f("pk_planning_progress")),
    )
    online.add_column("outbox", sa.Column("only_missing", sa.Boolean(), nullable=False, server_default=NO))
    online.add_column(
        "broadcasts", sa.Column("only_missing", sa.Boolean(), nullable=False, server_default=NO)
    )
    online.add_column("broadcasts", sa.Column("called_back_at", sa.DateTime(timezone=True), nullable=True))
    # The order in which the claim reads what waits.
    online.replace_index("ix_outbox_due", "outbox", ["priority", "next_try_at"], where=WAITING)


def downgrade() -> None:
    online.replace_index("ix_outbox_due", "outbox", ["priority", "due_at"], where=WAITING)
    op.drop_column("broadcasts", "called_back_at")
    op.drop_column("broadcasts", "only_missing")
    op.drop_column("outbox", "only_missing")
    op.drop_table("planning_progress")
