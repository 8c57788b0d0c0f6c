"""Which attendance a chair or captain observed: all that outsiders' figures may count while a form is open.

Revision ID: 0023
Revises: 0022
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "attendance", sa.Column("observed", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    # Ticks and signatures from before cannot be told from numbers that were typed: they are left out.
    op.execute(
        "UPDATE attendance SET observed = true WHERE EXISTS ("
        " SELECT 1 FROM evidence WHERE evidence.event_id = attendance.event_id"
        " AND evidence.shift_id = attendance.shift_id AND evidence.member_id = attendance.member_id"
        " AND evidence.method = 'scan' AND evidence.outcome IN ('counted', 'repeat')"
        " AND NOT EXISTS (SELECT 1 FROM voids WHERE voids.evidence_id = evidence.id))"
    )


def downgrade() -> None:
    op.drop_column("attendance", "observed")
