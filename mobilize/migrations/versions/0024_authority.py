"""When a role was given, who made or restarted whom, how a link reached its person, whose a line grant is.

Revision ID: 0024
Revises: 0023
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_WORD = sa.String(length=24)


def upgrade() -> None:
    _columns()
    # Where nothing was written down, a role counts from when its person was made, and a link as one that its
    # maker saw.
    op.execute("UPDATE roles SET given_at = (SELECT made_at FROM people WHERE people.id = roles.person_id)")
    op.execute("UPDATE one_time_links SET kind = 'shown', opens_at = made_at")
    with op.batch_alter_table("roles") as table:
        table.alter_column("given_at", existing_type=_MOMENT, nullable=False)
    with op.batch_alter_table("one_time_links") as table:
        table.alter_column("kind", existing_type=_WORD, nullable=False)
        table.alter_column("opens_at", existing_type=_MOMENT, nullable=False)
    _tables()


def downgrade() -> None:
    op.drop_table("admin_changes")
    op.drop_table("sponsorships")
    with op.batch_alter_table("line_grants") as table:
        table.drop_index("ix_line_grants_role_id")
        table.drop_constraint("fk_line_grants_role_id", type_="foreignkey")
        table.drop_column("role_id")
    with op.batch_alter_table("one_time_links") as table:
        table.drop_column("opens_at")
        table.drop_column("kind")
    with op.batch_alter_table("roles") as table:
        table.drop_column("given_at")
    with op.batch_alter_table("people") as table:
        table.drop_column("restarted_at")


def _columns() -> None:
    with op.batch_alter_table("people") as table:
        table.add_column(sa.Column("restarted_at", _MOMENT, nullable=True))
    with op.batch_alter_table("roles") as table:
        table.add_column(sa.Column("given_at", _MOMENT, nullable=True))
    with op.batch_alter_table("one_time_links") as table:
        table.add_column(sa.Column("kind", _WORD, nullable=True))
        table.add_column(sa.Column("opens_at", _MOMENT, nullable=True))
    with op.batch_alter_table("line_grants") as table:
        table.add_column(sa.Column("role_id", sa.Uuid(), nullable=True))
        table.create_foreign_key("fk_line_grants_role_id", "roles", ["role_id"], ["id"])
        table.create_index("ix_line_grants_role_id", ["role_id"])


def _tables() -> None:
    op.create_table(
        "sponsorships",
        sa.Column("person_id", sa.Uuid(), sa.ForeignKey("people.id"), nullable=False),
        sa.Column("sponsor_id", sa.Uuid(), sa.ForeignKey("people.id"), nullable=False),
        sa.Column("from_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("person_id", "sponsor_id", name="pk_sponsorships"),
    )
    op.create_table(
        "admin_changes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("deed", _WORD, nullable=False),
        sa.Column("person_id", sa.Uuid(), sa.ForeignKey("people.id"), nullable=False),
        sa.Column("term_id", sa.Uuid(), sa.ForeignKey("roles.id"), nullable=True),
        sa.Column("from_on", sa.Date(), nullable=True),
        sa.Column("last_on", sa.Date(), nullable=True),
        sa.Column("phone_enc", sa.LargeBinary(), nullable=True),
        sa.Column("made_by", sa.String(length=64), nullable=False),
        sa.Column("made_at", _MOMENT, nullable=False),
        sa.Column("done_at", _MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_admin_changes"),
    )
