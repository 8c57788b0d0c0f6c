"""Calendars follow what is moved, and whose address got into the wrong hands ends it."""

import sqlalchemy as sa
from alembic import op

from mobilize.migrations import online

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    online.add_column("events", sa.Column("moved_at", sa.DateTime(timezone=True), nullable=True))
    ended = sa.Column("calendars_ended", sa.Integer(), nullable=False, server_default="0")
    online.add_column("people", ended)


def downgrade() -> None:
    op.drop_column("people", "calendars_ended")
    op.drop_column("events", "moved_at")
