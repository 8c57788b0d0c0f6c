"""A line may send a photo beside each head count, where the office allows it for the action."""

import sqlalchemy as sa
from alembic import op

from mobilize.migrations import online

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    online.add_column("actions", sa.Column("photos_at", sa.DateTime(timezone=True), nullable=True))
    online.create_table(
        "photos",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("head_count_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("picture_enc", sa.LargeBinary(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["head_count_id"], ["head_counts.id"], name=op.f("fk_photos_head_count_id")),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_photos_event_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_photos")),
        sa.UniqueConstraint("head_count_id", name=op.f("uq_photos_head_count_id")),
    )
    online.create_index("ix_photos_event", "photos", ["event_id"])


def downgrade() -> None:
    op.drop_table("photos")
    op.drop_column("actions", "photos_at")
