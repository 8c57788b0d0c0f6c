"""That somebody goes on without the carriers' logs is kept beside why a gap is still open."""

import sqlalchemy as sa
from alembic import op

from mobilize.migrations import online

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    online.add_column(
        "recovery_gaps", sa.Column("log_given_up_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.execute("UPDATE recovery_gaps SET log_given_up_at = opened_at WHERE trouble = 'given_up'")


def downgrade() -> None:
    op.drop_column("recovery_gaps", "log_given_up_at")
