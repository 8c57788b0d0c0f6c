"""When a member took back her yes to urgent texts; and requests for codes are found by phone.

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("members", sa.Column("urgent_off_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_code_requests_phone", "code_requests", ["phone_bix"])
    # Those who took it back before this column was there.
    op.execute(
        "UPDATE members SET urgent_off_at = ("
        " SELECT max(at) FROM consents WHERE consents.phone_bix = members.phone_bix"
        " AND consents.kind = 'urgent' AND consents.given = false)"
        " WHERE urgent_ok_at IS NULL AND phone_bix IS NOT NULL"
    )


def downgrade() -> None:
    op.drop_index("ix_code_requests_phone", "code_requests")
    op.drop_column("members", "urgent_off_at")
