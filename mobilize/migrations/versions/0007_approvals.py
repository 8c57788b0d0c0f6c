"""The yes of a second person.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "approvals",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("ref", sa.String(length=120), nullable=False),
        sa.Column("area_id", sa.Uuid(), nullable=True),
        sa.Column("summary_enc", sa.LargeBinary(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "pending",
                "approved",
                "used",
                "declined",
                "expired",
                name="approvalstate",
                native_enum=False,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("asked_by", sa.String(length=64), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.String(length=64), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["area_id"], ["areas.id"], name=op.f("fk_approvals_area_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approvals")),
    )
    still_open = sa.text("state IN ('pending', 'approved')")
    op.create_index(
        "uq_approvals_one_open_per_kind_and_ref",
        "approvals",
        ["kind", "ref"],
        unique=True,
        sqlite_where=still_open,
        postgresql_where=still_open,
    )
    op.create_index("ix_approvals_state", "approvals", ["state", "expires_at"])


def downgrade() -> None:
    op.drop_table("approvals")
