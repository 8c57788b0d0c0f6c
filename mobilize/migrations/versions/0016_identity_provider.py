"""Organizers and admins may sign in with their account at the union's identity provider."""

import sqlalchemy as sa
from alembic import op

from mobilize.migrations import online

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    online.create_table(
        "provider_identities",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("subject_hash", sa.LargeBinary(length=16), nullable=False),
        sa.Column("linked_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_provider_identities_person_id")),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_provider_identities")),
        sa.UniqueConstraint("subject_hash", name=op.f("uq_provider_identities_subject_hash")),
    )


def downgrade() -> None:
    op.drop_table("provider_identities")
