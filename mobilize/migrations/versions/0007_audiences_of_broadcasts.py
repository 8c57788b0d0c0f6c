"""Broadcasts go to some of the members: who said they come, who is not seen yet, who came last time."""

import sqlalchemy as sa
from alembic import op

from mobilize.migrations import online

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

FILTERS = ("all", "missing", "said_coming", "not_seen", "came_last")


def upgrade() -> None:
    kind = sa.Enum(*FILTERS, name="audiencefilter", native_enum=False, length=24)
    for column in (
        sa.Column("audience_filter", kind, nullable=False, server_default="all"),
        sa.Column("language", sa.String(length=3), nullable=True),
        sa.Column("last_action_id", sa.Uuid(), nullable=True),
    ):
        online.add_column("broadcasts", column)
    online.add_column("outbox", sa.Column("only_for", sa.String(length=24), nullable=True))
    op.execute(sa.text("UPDATE broadcasts SET audience_filter = 'missing' WHERE only_missing"))
    online.create_index("ix_replies_member", "replies", ["member_id"])


def downgrade() -> None:
    op.drop_index("ix_replies_member", table_name="replies")
    op.drop_column("outbox", "only_for")
    op.drop_column("broadcasts", "last_action_id")
    op.drop_column("broadcasts", "language")
    op.drop_column("broadcasts", "audience_filter")
