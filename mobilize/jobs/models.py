"""The tables of jobs and of their files."""

import json
import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from mobilize.database import Model, SealedBytes, SealedText

_OPEN = text("ended_at IS NULL")
_UNSEEN = text("seen_at IS NULL")


class JobKind(StrEnum):
    """What a job does. Each has its words in `labels` and its function in `workers.jobs`."""

    READ_ROSTER = "read_roster"
    READ_SITES = "read_sites"
    IMPORT = "import"
    UNDO_IMPORT = "undo_import"
    READ_CHAIRS = "read_chairs"
    CARRY_OUT_CHAIRS = "carry_out_chairs"
    POSTERS = "posters"
    REPORTS = "reports"
    EXPORT = "export"


class JobState(StrEnum):
    """waiting -> running -> done, or `refused` with a sentence to the person, or `failed` where nobody
    expected it. A running one whose worker died is running again, or failed when that happened thrice."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


class JobStep(StrEnum):
    """What a running job is doing; each has its sentence in `labels`."""

    READING = "reading"
    COMPARING = "comparing"
    WRITING = "writing"
    DRAWING = "drawing"
    LISTING = "listing"


class FilePurpose(StrEnum):
    """A file that was given to a job, that it made, or the lines that it refused. A file of names and numbers
    is no result that its job's page gives away: it leaves by its export's link alone, once."""

    UPLOAD = "upload"
    RESULT = "result"
    REFUSED_ROWS = "refused_rows"
    EXPORT = "export"


class Job(Model):
    """Long work that `by` has started. `about` is its file's or action's name, `options` JSON of what was
    chosen (`names`: the action's in each language), `subject_id` what it is done to, and `result_id` what
    came of it.

    `total` is 0 where nobody can know it. `run_id` is the run that may write: a worker that was taken for
    dead writes nothing any more. `seen_at` is when whoever started it saw the end.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        # The same thing asked for twice by one person is one job.
        Index(
            "uq_jobs_one_open_per_kind_subject_and_person",
            "kind",
            "subject_id",
            "by",
            unique=True,
            sqlite_where=_OPEN,
            postgresql_where=_OPEN,
        ),
        # What the clock asks once a second.
        Index("ix_jobs_open", "heartbeat_at", sqlite_where=_OPEN, postgresql_where=_OPEN),
        # What every page of an organizer asks: are there jobs of mine that run, or have ended?
        Index("ix_jobs_unseen", "by", sqlite_where=_UNSEEN, postgresql_where=_UNSEEN),
        Index("ix_jobs_by", "by", "made_at"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    kind: Mapped[JobKind]
    by: Mapped[str] = mapped_column(String(64))
    language: Mapped[str] = mapped_column(String(3))
    subject_id: Mapped[uuid.UUID | None]
    about_enc: Mapped[bytes]
    options_enc: Mapped[bytes]
    state: Mapped[JobState]
    step: Mapped[JobStep | None]
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    result_id: Mapped[uuid.UUID | None]
    message_enc: Mapped[bytes | None]
    made_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    heartbeat_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    seen_at: Mapped[datetime | None]
    runs: Mapped[int] = mapped_column(default=0)
    run_id: Mapped[uuid.UUID | None]

    about = SealedText()
    options = SealedText()
    message = SealedText()

    @property
    def choices(self) -> dict[str, Any]:
        """What was chosen when it was started."""
        chosen: dict[str, Any] = json.loads(self.options)
        return chosen

    @property
    def is_open(self) -> bool:
        """It waits or runs."""
        return self.ended_at is None


class JobFile(Model):
    """A part of a file of a job, sealed; all are deleted with what they were for, after a day at most, and
    those of exports after an hour."""

    __tablename__ = "job_files"
    __table_args__ = (
        UniqueConstraint("job_id", "purpose", "part", name="uq_job_files_one_per_job_purpose_and_part"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    job_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    purpose: Mapped[FilePurpose]
    part: Mapped[int]
    name_enc: Mapped[bytes]
    content_enc: Mapped[bytes]

    name = SealedText()
    content = SealedBytes()
