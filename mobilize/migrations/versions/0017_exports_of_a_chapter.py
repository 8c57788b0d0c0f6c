"""Exports of one chapter: its report with names, on paper.

Revision ID: 0017
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("exports") as table:
        table.add_column(sa.Column("site_id", sa.Uuid(), nullable=True))
        table.create_foreign_key(op.f("fk_exports_site_id"), "sites", ["site_id"], ["id"])


def downgrade() -> None:
    with op.batch_alter_table("exports") as table:
        table.drop_constraint(op.f("fk_exports_site_id"), type_="foreignkey")
        table.drop_column("site_id")
