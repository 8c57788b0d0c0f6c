"""What people write in their own words is sealed, for a name may stand in it: whose phone opens a line, why
evidence was taken back or matched, texts to many and their reasons. And how many phones an export holds.

Nothing was released with the columns that go, so nothing is carried over from them.

Revision ID: 0025
Revises: 0024
"""

import uuid

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

# Table, column in clear, its type, and what stands in it on the way back.
CLEAR = (
    ("line_grants", "label", sa.String(80), ""),
    ("voids", "reason", sa.String(200), ""),
    ("matches", "reason", sa.String(200), ""),
    ("broadcasts", "text_en", sa.Text(), ""),
    ("broadcasts", "text_es", sa.Text(), ""),
    ("broadcasts", "urgent_reason", sa.String(200), None),
    ("reminder_rules", "reason", sa.String(200), None),
    ("senders", "paused_why", sa.String(80), None),
    ("text_holds", "why", sa.String(120), ""),
)


def upgrade() -> None:
    for table, column, _type, _empty in CLEAR:
        op.add_column(table, sa.Column(f"{column}_enc", sa.LargeBinary(), nullable=True))
        op.drop_column(table, column)
    op.add_column("senders", sa.Column("id", sa.Uuid(), nullable=True))
    senders = sa.table("senders", sa.column("name", sa.String), sa.column("id", sa.Uuid))
    for (name,) in op.get_bind().execute(sa.select(senders.c.name)).all():
        op.execute(senders.update().where(senders.c.name == name).values(id=uuid.uuid4()))
    with op.batch_alter_table("senders") as rows:
        rows.alter_column("id", existing_type=sa.Uuid(), nullable=False)
    op.add_column("exports", sa.Column("people", sa.Integer(), nullable=True))
    op.add_column("exports", sa.Column("agreed_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    for column in ("people", "agreed_at"):
        op.drop_column("exports", column)
    op.drop_column("senders", "id")
    for table, column, kind, empty in reversed(CLEAR):
        op.add_column(table, sa.Column(column, kind, nullable=empty is None, server_default=empty))
        op.drop_column(table, f"{column}_enc")
