"""Senders with a carrier each, texts bound to one, blocks at a carrier, and when words were redacted there."""

import sqlalchemy as sa
from alembic import op

from mobilize.migrations import online

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_BOUND = sa.text("state = 'waiting' AND carrier IS NOT NULL")
_UNREDACTED = sa.text("redacted_at IS NULL AND sid IS NOT NULL")


def upgrade() -> None:
    online.add_column("senders", _carrier())
    numbers = sa.Column("numbers", sa.String(length=400), server_default="", nullable=False)
    online.add_column("senders", numbers)
    online.add_column("senders", sa.Column("trouble", sa.Integer(), server_default="0", nullable=False))
    online.add_column("senders", sa.Column("rest_until", sa.DateTime(timezone=True), nullable=True))
    online.add_column("outbox", sa.Column("carrier", sa.String(length=16), nullable=True))
    online.add_column("outbox", sa.Column("number", sa.String(length=16), nullable=True))
    online.add_column("attempts", _carrier())
    online.add_column("attempts", sa.Column("redacted_at", sa.DateTime(timezone=True), nullable=True))
    online.add_column("inbound", _carrier())
    online.add_column("inbound", sa.Column("number", sa.String(length=16), nullable=True))
    online.add_column("inbound", sa.Column("media", sa.Integer(), server_default="0", nullable=False))
    online.add_column("inbound", sa.Column("redacted_at", sa.DateTime(timezone=True), nullable=True))
    online.create_table(
        "carrier_blocks",
        sa.Column("phone_index", sa.LargeBinary(length=16), nullable=False),
        sa.Column("carrier", sa.String(length=16), nullable=False),
        sa.Column("blocked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("phone_index", "carrier", name=op.f("pk_carrier_blocks")),
    )
    online.create_index("ix_outbox_bound", "outbox", ["carrier", "next_try_at"], where=_BOUND)
    online.create_index("ix_attempts_unredacted", "attempts", ["started_at"], where=_UNREDACTED)


def downgrade() -> None:
    op.drop_table("carrier_blocks")
    op.drop_index("ix_attempts_unredacted", "attempts")
    op.drop_index("ix_outbox_bound", "outbox")
    for table, names in (
        ("inbound", ("redacted_at", "media", "number", "carrier")),
        ("attempts", ("redacted_at", "carrier")),
        ("outbox", ("number", "carrier")),
        ("senders", ("rest_until", "trouble", "numbers", "carrier")),
    ):
        for name in names:
            op.drop_column(table, name)


def _carrier() -> "sa.Column[str]":
    return sa.Column("carrier", sa.String(length=16), server_default="twilio", nullable=False)
