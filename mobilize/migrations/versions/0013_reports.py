"""Reports that were put together at closing, and the statements an officer signed off.

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _reports()
    _statements()
    _statement_links()


def _reports() -> None:
    op.create_table(
        "reports",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("action_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("chapter", "area", "union", name="reportkind", native_enum=False, length=24),
            nullable=False,
        ),
        sa.Column("place_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.Column("made_by", sa.String(length=64), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["action_id"], ["actions.id"], name=op.f("fk_reports_action_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reports")),
    )
    op.create_index(
        "uq_reports_one_per_place_and_version",
        "reports",
        ["action_id", "kind", "place_id", "version"],
        unique=True,
    )


def _statements() -> None:
    op.create_table(
        "statements",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("action_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.Column("as_of_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("signed_as_enc", sa.LargeBinary(), nullable=True),
        sa.Column("words_en", sa.Text(), nullable=False),
        sa.Column("words_es", sa.Text(), nullable=False),
        sa.Column("why_en", sa.Text(), nullable=False),
        sa.Column("why_es", sa.Text(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["action_id"], ["actions.id"], name=op.f("fk_statements_action_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_statements_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statements")),
    )
    op.create_index(
        "uq_statements_one_per_action_and_version", "statements", ["action_id", "version"], unique=True
    )


def _statement_links() -> None:
    op.create_table(
        "statement_links",
        sa.Column("action_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(length=32), nullable=False),
        sa.Column("made_by", sa.String(length=64), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["action_id"], ["actions.id"], name=op.f("fk_statement_links_action_id")),
        sa.PrimaryKeyConstraint("action_id", name=op.f("pk_statement_links")),
        sa.UniqueConstraint("code", name=op.f("uq_statement_links_code")),
    )


def downgrade() -> None:
    op.drop_table("statement_links")
    op.drop_table("statements")
    op.drop_table("reports")
