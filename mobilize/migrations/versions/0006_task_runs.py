"""The last run of each task of the workers, for the office."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "task_runs",
        sa.Column("task", sa.String(60), nullable=False),
        sa.Column("process", sa.String(120), nullable=False),
        sa.Column("queue", sa.String(16), nullable=False),
        sa.Column("every_s", sa.Double(), nullable=False),
        sa.Column("at_least_every_s", sa.Double(), nullable=False),
        sa.Column("reported_at", moment, nullable=False),
        sa.Column("ran_at", moment, nullable=True),
        sa.Column("took_ms", sa.Integer(), nullable=True),
        sa.Column("error", sa.String(60), nullable=True),
        sa.Column("failing_since", moment, nullable=True),
        sa.PrimaryKeyConstraint("task", "process", name=op.f("pk_task_runs")),
    )


def downgrade() -> None:
    op.drop_table("task_runs")
