"""Workers and the series ask which events are not closed yet: an index of these few among all of history.

Revision ID: 0021
Revises: 0020
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    few = sa.text("state = 'planned'")
    op.create_index("ix_events_planned", "events", ["action_id"], sqlite_where=few, postgresql_where=few)


def downgrade() -> None:
    op.drop_index("ix_events_planned", table_name="events")
