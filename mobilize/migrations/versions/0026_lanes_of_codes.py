"""Codes have lanes with budgets of their own, and what they cost is counted apart from other texts.

Revision ID: 0026
Revises: 0025
"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

LANES = sa.Enum("known_browser", "role", "member", name="codelane", native_enum=False, length=24)


def upgrade() -> None:
    op.add_column("code_requests", sa.Column("lane", LANES, nullable=True))
    op.add_column(
        "spending_hours", sa.Column("code_segments", sa.Integer(), server_default="0", nullable=False)
    )


def downgrade() -> None:
    op.drop_column("spending_hours", "code_segments")
    op.drop_column("code_requests", "lane")
