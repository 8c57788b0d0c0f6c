"""Queries about jobs. They are somebody's own: whoever started one sees it, and nobody else."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from mobilize.database import db, locks
from mobilize.jobs.models import FilePurpose, Job, JobFile

MOST_LISTED = 50
# The clock of the workers writes once a minute that it ticks; where that is older, nobody works.
CLOCK = "beat"
SILENT_AFTER = timedelta(minutes=3)
# So long it takes at most until a worker that is there begins.
BEGINS_WITHIN = timedelta(seconds=20)


def job_of(job_id: uuid.UUID, by: str) -> Job | None:
    """A job, for whoever started it."""
    job = db.session.get(Job, job_id, populate_existing=True)
    return job if job is not None and job.by == by else None


def jobs_of(by: str) -> Sequence[Job]:
    """Somebody's jobs of the last days, newest first."""
    query = select(Job).where(Job.by == by).order_by(Job.made_at.desc()).limit(MOST_LISTED)
    return db.session.scalars(query).all()


def unseen_of(by: str) -> Sequence[Job]:
    """Somebody's jobs that wait, run, or have ended without their seeing it; the newest five."""
    query = select(Job).where(Job.by == by, Job.seen_at.is_(None)).order_by(Job.made_at.desc())
    return db.session.scalars(query.limit(5)).all()


def jobs_with_result(result_id: uuid.UUID) -> Sequence[Job]:
    """The jobs that made this, the latest first."""
    query = select(Job).where(Job.result_id == result_id)
    return db.session.scalars(query.order_by(Job.made_at.desc())).all()


def with_files(jobs: Sequence[Job], purpose: FilePurpose) -> set[uuid.UUID]:
    """Those of these jobs that have such a file."""
    query = select(JobFile.job_id).where(JobFile.job_id.in_([job.id for job in jobs]))
    return set(db.session.scalars(query.where(JobFile.purpose == purpose).distinct()))


@dataclass(frozen=True)
class Waiting:
    """Whether a job waits for longer than it should, and whether no worker is there."""

    is_long: bool
    nobody_works: bool


def waiting(job: Job, now: datetime) -> Waiting:
    """What to say of a job that has not begun."""
    is_long = job.is_open and job.started_at is None and now - job.made_at > BEGINS_WITHIN
    last = locks.last_run(CLOCK) if is_long else None
    return Waiting(is_long, is_long and (last is None or now - last > SILENT_AFTER))
