"""A link to the wall view may be for one area alone.

Revision ID: 0018
Revises: 0017
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("line_grants") as grants:
        grants.add_column(sa.Column("area_id", sa.Uuid(), nullable=True))
        grants.create_foreign_key(op.f("fk_line_grants_area_id"), "areas", ["area_id"], ["id"])


def downgrade() -> None:
    with op.batch_alter_table("line_grants") as grants:
        grants.drop_constraint(op.f("fk_line_grants_area_id"), type_="foreignkey")
        grants.drop_column("area_id")
