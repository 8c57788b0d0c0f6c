"""Setting up in the browser: settings that the office changes, and the one-time address of the first admin."""

import sqlalchemy as sa
from alembic import op

from mobilize.migrations import online

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    online.create_table(
        "stored_settings",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("value", sa.String(length=200), nullable=False),
        sa.Column("changed_at", moment, nullable=False),
        sa.Column("changed_by", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_stored_settings")),
    )
    online.create_table(
        "setup_links",
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("made_at", moment, nullable=False),
        sa.Column("expires_at", moment, nullable=False),
        sa.Column("used_at", moment, nullable=True),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_setup_links")),
    )
    # A service that somebody works with already is live; a new one begins in its trial.
    op.execute(
        sa.text(
            "INSERT INTO stored_settings (name, value, changed_at, changed_by)"
            " SELECT 'LIVE_AT', 'before', CURRENT_TIMESTAMP, 'upgrade' WHERE EXISTS (SELECT 1 FROM people)"
        )
    )


def downgrade() -> None:
    op.drop_table("setup_links")
    op.drop_table("stored_settings")
