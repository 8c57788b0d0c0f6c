"""Long work is a job that a worker does, with its files; what was said of unknown places is remembered."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

KINDS = (
    "read_roster", "read_sites", "import", "undo_import", "read_chairs", "carry_out_chairs", "posters", "reports",
)  # fmt: skip
STATES = ("waiting", "running", "done", "refused", "failed")
STEPS = ("reading", "comparing", "writing", "drawing")
PURPOSES = ("upload", "result", "refused_rows")


def upgrade() -> None:
    moment, number = sa.DateTime(timezone=True), sa.Integer()
    op.create_table(
        "jobs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", _words("jobkind", KINDS), nullable=False),
        sa.Column("by", sa.String(64), nullable=False),
        sa.Column("language", sa.String(3), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("about_enc", sa.LargeBinary(), nullable=False),
        sa.Column("options_enc", sa.LargeBinary(), nullable=False),
        sa.Column("state", _words("jobstate", STATES), nullable=False),
        sa.Column("step", _words("jobstep", STEPS), nullable=True),
        sa.Column("done", number, nullable=False),
        sa.Column("total", number, nullable=False),
        sa.Column("result_id", sa.Uuid(), nullable=True),
        sa.Column("message_enc", sa.LargeBinary(), nullable=True),
        sa.Column("made_at", moment, nullable=False),
        sa.Column("started_at", moment, nullable=True),
        sa.Column("heartbeat_at", moment, nullable=True),
        sa.Column("ended_at", moment, nullable=True),
        sa.Column("seen_at", moment, nullable=True),
        sa.Column("runs", number, nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
    )
    is_open, unseen = sa.text("ended_at IS NULL"), sa.text("seen_at IS NULL")
    unique = "uq_jobs_one_open_per_kind_subject_and_person"
    _index(unique, ["kind", "subject_id", "by"], is_open, unique=True)
    _index("ix_jobs_open", ["heartbeat_at"], is_open)
    _index("ix_jobs_unseen", ["by"], unseen)
    op.create_index("ix_jobs_by", "jobs", ["by", "made_at"])
    op.create_table(
        "job_files",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", _words("filepurpose", PURPOSES), nullable=False),
        sa.Column("part", number, nullable=False),
        sa.Column("name_enc", sa.LargeBinary(), nullable=False),
        sa.Column("content_enc", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name=op.f("fk_job_files_job_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_files")),
        sa.UniqueConstraint("job_id", "purpose", "part", name="uq_job_files_one_per_job_purpose_and_part"),
    )
    op.create_table(
        "roster_places",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("headings", sa.LargeBinary(length=32), nullable=False),
        sa.Column("places_enc", sa.LargeBinary(), nullable=False),
        sa.Column("by", sa.String(64), nullable=False),
        sa.Column("chosen_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_roster_places")),
        sa.UniqueConstraint("headings", name=op.f("uq_roster_places_headings")),
    )


def downgrade() -> None:
    op.drop_table("roster_places")
    op.drop_table("job_files")
    op.drop_table("jobs")


def _words(name: str, words: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, length=24)


def _index(name: str, columns: list[str], where: sa.TextClause, *, unique: bool = False) -> None:
    op.create_index(name, "jobs", columns, unique=unique, sqlite_where=where, postgresql_where=where)
