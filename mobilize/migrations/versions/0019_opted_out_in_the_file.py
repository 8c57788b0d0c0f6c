"""Members whose opt-out the roster brought are asked for each time texts are claimed: an index of these few.

Revision ID: 0019
Revises: 0018
"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_members_opted_out",
        "members",
        ["phone_bix"],
        sqlite_where=sa.text("opted_out_in_file IS 1"),
        postgresql_where=sa.text("opted_out_in_file IS TRUE"),
    )


def downgrade() -> None:
    op.drop_index("ix_members_opted_out", table_name="members")
