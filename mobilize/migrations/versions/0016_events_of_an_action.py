"""The events of one action are asked for by every look at its board: an index for it.

Revision ID: 0016
Revises: 0015
"""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_events_action", "events", ["action_id"])


def downgrade() -> None:
    op.drop_index("ix_events_action", table_name="events")
