"""Whom one reading of the line's changing code has verified; and which link a captain's phone was opened by.

Revision ID: 0027
Revises: 0026
"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_A_TICKET = sa.text("ticket_hmac IS NOT NULL")


def upgrade() -> None:
    op.add_column("evidence", sa.Column("ticket_hmac", sa.LargeBinary(length=16), nullable=True))
    op.add_column("evidence", sa.Column("ticket_place", sa.Integer(), nullable=True))
    op.create_index(
        "uq_evidence_one_per_place_of_a_ticket",
        "evidence",
        ["event_id", "ticket_hmac", "ticket_place"],
        unique=True,
        sqlite_where=_A_TICKET,
        postgresql_where=_A_TICKET,
    )
    with op.batch_alter_table("line_grants") as grants:
        grants.add_column(sa.Column("link_id", sa.Uuid(), nullable=True))
        grants.create_foreign_key(op.f("fk_line_grants_link_id"), "line_grants", ["link_id"], ["id"])


def downgrade() -> None:
    with op.batch_alter_table("line_grants") as grants:
        grants.drop_constraint(op.f("fk_line_grants_link_id"), type_="foreignkey")
        grants.drop_column("link_id")
    op.drop_index("uq_evidence_one_per_place_of_a_ticket", table_name="evidence")
    op.drop_column("evidence", "ticket_place")
    op.drop_column("evidence", "ticket_hmac")
