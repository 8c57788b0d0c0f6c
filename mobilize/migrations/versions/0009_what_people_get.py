"""Broadcasts, duty, more rules, spending, pauses by campaign, and consents.

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def _word(*words: str, name: str) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, length=24)


def upgrade() -> None:
    _spending_and_pauses()
    _consents()
    _rules_and_broadcasts()


def _spending_and_pauses() -> None:
    op.create_table(
        "spending_hours",
        sa.Column("hour_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("segments", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("hour_at", name=op.f("pk_spending_hours")),
    )
    op.create_table(
        "allowances",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("ref", sa.String(length=80), nullable=False),
        sa.Column("cents", sa.Integer(), nullable=False),
        sa.Column("from_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_allowances")),
        sa.UniqueConstraint("ref", name=op.f("uq_allowances_ref")),
    )
    op.create_index("ix_allowances_until", "allowances", ["until_at"])
    op.create_table(
        "text_holds",
        sa.Column("ref", sa.Uuid(), nullable=False),
        sa.Column("why", sa.String(length=120), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("held_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("ref", name=op.f("pk_text_holds")),
    )
    op.create_table(
        "held_events",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("ref", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_held_events")),
    )
    op.create_index(op.f("ix_held_events_ref"), "held_events", ["ref"])
    failed = sa.text("error_code IS NOT NULL")
    op.create_index(
        "ix_outbox_failed", "outbox", ["settled_at"], sqlite_where=failed, postgresql_where=failed
    )


def _consents() -> None:
    op.create_table(
        "consents",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("phone_bix", sa.LargeBinary(length=16), nullable=False),
        sa.Column("kind", _word("texts", "urgent", name="consentkind"), nullable=False),
        sa.Column("given", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("how", sa.String(length=24), nullable=False),
        sa.Column("wording", sa.String(length=40), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consents")),
    )
    op.create_index("ix_consents_phone", "consents", ["phone_bix", "at"])


def _rules_and_broadcasts() -> None:
    op.add_column("reminder_rules", sa.Column("minutes_before", sa.Integer(), nullable=True))
    op.add_column("reminder_rules", sa.Column("reason", sa.String(length=200), nullable=True))
    op.create_table(
        "broadcasts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("action_id", sa.Uuid(), nullable=False),
        sa.Column("site_ids", sa.JSON(), nullable=True),
        sa.Column("audience", _word("members", "chairs", "staff", name="audience"), nullable=False),
        sa.Column("wording", sa.String(length=40), nullable=False),
        sa.Column("text_en", sa.Text(), nullable=False),
        sa.Column("text_es", sa.Text(), nullable=False),
        sa.Column("urgent_reason", sa.String(length=200), nullable=True),
        sa.Column("state", _word("draft", "queueing", "queued", name="broadcaststate"), nullable=False),
        sa.Column("made_by", sa.String(length=64), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("phones", sa.Integer(), nullable=True),
        sa.Column("segments", sa.Integer(), nullable=True),
        sa.Column("cost_cents", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["action_id"], ["actions.id"], name=op.f("fk_broadcasts_action_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_broadcasts")),
    )
    op.create_index("ix_broadcasts_action", "broadcasts", ["action_id", "made_at"])
    op.create_index(op.f("ix_broadcasts_state"), "broadcasts", ["state"])
    op.create_table(
        "duties",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("from_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_duties_person_id")),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_duties")),
    )


def downgrade() -> None:
    for table in ("duties", "broadcasts", "consents", "held_events", "text_holds", "allowances"):
        op.drop_table(table)
    op.drop_table("spending_hours")
    op.drop_column("reminder_rules", "reason")
    op.drop_column("reminder_rules", "minutes_before")
    op.drop_index("ix_outbox_failed", table_name="outbox")
