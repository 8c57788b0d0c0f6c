"""Anybody may look up where the lines of an action are, where the office wants that."""

import sqlalchemy as sa
from alembic import op

from mobilize.migrations import online

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

IS_SHOWN = sa.text("line_finder_at IS NOT NULL")


def upgrade() -> None:
    online.add_column("actions", sa.Column("line_finder_at", sa.DateTime(timezone=True), nullable=True))
    online.create_index("ix_actions_line_finder", "actions", ["line_finder_at"], where=IS_SHOWN)


def downgrade() -> None:
    op.drop_index("ix_actions_line_finder", table_name="actions")
    op.drop_column("actions", "line_finder_at")
