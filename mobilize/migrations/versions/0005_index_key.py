"""The secret of the blind indexes, in a row of its own.

Revision ID: 0005
Revises: 0004
"""

import base64
import os
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op
from flask import current_app

from mobilize import crypto
from mobilize.database import new_id

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    table = op.create_table(
        "index_keys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("secret_enc", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_index_keys")),
    )
    row_id = new_id()
    sealed = crypto.seal(base64.b64encode(_secret()).decode(), b"index_keys.secret_enc:" + row_id.bytes)
    op.bulk_insert(table, [{"id": row_id, "secret_enc": sealed, "made_at": datetime.now(UTC)}])


def _secret() -> bytes:
    """Random; where indexes stand already, the key they were made under: the oldest listed one."""
    connection = op.get_bind()
    stands = any(
        connection.execute(sa.text(f"SELECT 1 FROM {table} LIMIT 1")).first()  # noqa: S608 - our own words
        for table in ("members", "people", "phone_rules", "walkups", "inbound", "outbox", "evidence")
    )
    oldest: bytes = current_app.config["MOBILIZE"].secret_keys[-1].secret
    return oldest if stands else os.urandom(32)


def downgrade() -> None:
    op.drop_table("index_keys")
