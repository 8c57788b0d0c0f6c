"""Other programs are told what happens."""

import sqlalchemy as sa
from alembic import op

from mobilize.migrations import online

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

TOPICS = (
    "turnout.changed", "head_count.reported", "site.silent", "event.moved", "action.closed",
    "action.called_off", "action.report_ready", "text.failed", "check_ins.recorded", "webhook.test",
)  # fmt: skip
STATES = ("waiting", "delivered", "given_up")
WAITING = sa.text("state = 'waiting'")


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    online.create_table(
        "webhooks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name_enc", sa.LargeBinary(), nullable=False),
        sa.Column("url_enc", sa.LargeBinary(), nullable=False),
        sa.Column("secret_enc", sa.LargeBinary(), nullable=False),
        sa.Column("old_secret_enc", sa.LargeBinary(), nullable=True),
        sa.Column("old_until", moment, nullable=True),
        sa.Column("topics", sa.JSON(), nullable=False),
        sa.Column("names", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("names_by", sa.String(length=64), nullable=True),
        sa.Column("names_agreed_by", sa.String(length=64), nullable=True),
        sa.Column("made_by", sa.String(length=64), nullable=False),
        sa.Column("made_at", moment, nullable=False),
        sa.Column("off_at", moment, nullable=True),
        sa.Column("off_reason", sa.String(length=24), nullable=True),
        sa.Column("failing_since", moment, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhooks")),
    )
    online.create_table(
        "webhook_events",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column(
            "topic", sa.Enum(*TOPICS, name="webhooktopic", native_enum=False, length=24), nullable=False
        ),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("happened_at", moment, nullable=False),
        sa.Column("made_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_events")),
        sa.UniqueConstraint("key", name=op.f("uq_webhook_events_key")),
    )
    online.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("webhook_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column(
            "state", sa.Enum(*STATES, name="deliverystate", native_enum=False, length=24), nullable=False
        ),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_from", moment, nullable=False),
        sa.Column("next_try_at", moment, nullable=False),
        sa.Column("claimed_until", moment, nullable=True),
        sa.Column("last_result", sa.String(length=40), nullable=True),
        sa.Column("delivered_at", moment, nullable=True),
        sa.ForeignKeyConstraint(
            ["event_id"], ["webhook_events.id"], name=op.f("fk_webhook_deliveries_event_id")
        ),
        sa.ForeignKeyConstraint(
            ["webhook_id"], ["webhooks.id"], name=op.f("fk_webhook_deliveries_webhook_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_deliveries")),
        sa.UniqueConstraint("webhook_id", "event_id", name="uq_webhook_deliveries_one_per_webhook_and_event"),
    )
    online.create_table(
        "webhook_marks",
        sa.Column("source", sa.String(length=60), nullable=False),
        sa.Column("until_at", moment, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("source", name=op.f("pk_webhook_marks")),
    )
    online.create_index("ix_webhook_events_made_at", "webhook_events", ["made_at"])
    online.create_index(
        "ix_webhook_deliveries_due", "webhook_deliveries", ["webhook_id", "next_try_at"], where=WAITING
    )
    online.create_index("ix_webhook_deliveries_event", "webhook_deliveries", ["event_id"])


def downgrade() -> None:
    for table in ("webhook_marks", "webhook_deliveries", "webhook_events", "webhooks"):
        op.drop_table(table)
