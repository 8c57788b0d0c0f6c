"""The mapping of a roster's columns, remembered for the next file with the same headings."""

import sqlalchemy as sa
from alembic import op

from mobilize.migrations import online

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    online.create_table(
        "roster_columns",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("headings", sa.LargeBinary(length=32), nullable=False),
        sa.Column("columns_enc", sa.LargeBinary(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("chosen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roster_columns")),
        sa.UniqueConstraint("headings", name=op.f("uq_roster_columns_headings")),
    )


def downgrade() -> None:
    op.drop_table("roster_columns")
