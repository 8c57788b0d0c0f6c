"""Jobs: started by a person, run by a worker, once each, though the worker is killed or woken twice.

A run claims its job by a conditional UPDATE and says every few seconds that it lives. A run that was not
heard of for `DEAD_AFTER` is taken for dead and the job begins again; so what a job does may be done twice,
and the second time finds it done. Whatever a run writes about its job it writes under its `run_id`: one that
was taken for dead and lives writes nothing.
"""

import json
import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from flask import Flask, current_app
from sqlalchemy import Select, delete, or_, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from mobilize import clock
from mobilize.database import atomic, db, inside_atomic, is_postgres
from mobilize.errors import Refused
from mobilize.jobs import files
from mobilize.jobs.files import NamedFile
from mobilize.jobs.models import FilePurpose, Job, JobFile, JobKind, JobState, JobStep
from mobilize.languages import _, in_language

BEATS_EVERY_S = 5
DEAD_AFTER = timedelta(seconds=45)
MOST_RUNS = 3
JOB_FILES_KEPT = timedelta(hours=24)
EXPORTS_KEPT = timedelta(hours=1)
JOBS_KEPT = timedelta(days=7)
TELLS_EVERY_S = 0.5

_log = logging.getLogger(__name__)


class RunWasLost(Exception):
    """The job was taken from this run, which was believed to be dead. It stops."""


@dataclass
class JobRun:
    """One run of a job, as its function gets it."""

    app: Flask
    id: uuid.UUID
    run_id: uuid.UUID
    kind: JobKind
    by: str
    subject_id: uuid.UUID | None
    options: dict[str, Any]
    language: str
    _reported: tuple[JobStep | None, float] = field(default=(None, 0.0))

    @property
    def subject(self) -> uuid.UUID:
        """The id of what it is done to."""
        if self.subject_id is None:
            raise LookupError(f"job {self.id} has no subject")
        return self.subject_id

    def tell(self, step: JobStep, done: int = 0, total: int = 0) -> None:
        """Show how far it is; `total` 0 where nobody knows. Twice a second at most, and never inside a
        transaction. Raises `RunWasLost`."""
        now = time.monotonic()
        if inside_atomic() or (self._reported[0] is step and now - self._reported[1] < TELLS_EVERY_S):
            return
        self._reported = step, now
        self.write(step=step, done=done, total=total)

    def tell_inside(self, step: JobStep, done: int, total: int) -> None:
        """`tell` from inside the function's own transaction, over another connection. On SQLite, which has
        one writer, nothing is said: that would wait for itself. To write in parts would give a number, and no
        longer all or nothing; an import takes two seconds there."""
        now = time.monotonic()
        if is_postgres() and now - self._reported[1] >= TELLS_EVERY_S:
            self._reported = step, now
            self.write(step=step, done=done, total=total)

    def upload(self) -> NamedFile:
        """The file that was given to it. Raises `Refused` when it was deleted meanwhile."""
        file = files.file_of(self.id, FilePurpose.UPLOAD)
        if file is None:
            raise files_are_gone()
        return file

    def keep(self, purpose: FilePurpose, file: NamedFile) -> None:
        """Keep a file for whoever started this."""
        parts = files.sealed_parts(self.id, purpose, file)
        with atomic() as session:
            files.store(session, parts)

    def write(self, **values: Any) -> None:
        """Write these columns, and that we live; in a session of its own, so that what the function has read
        stays as it is. Raises `RunWasLost`."""
        with self.app.app_context(), atomic() as session:
            own = update(Job).where(
                Job.id == self.id, Job.run_id == self.run_id, Job.state == JobState.RUNNING
            )
            done = session.execute(own.values(heartbeat_at=clock.now(), **values))
            if not done.rowcount:  # type: ignore[attr-defined]
                raise RunWasLost(str(self.id))

    def end(self, state: JobState, *, result_id: uuid.UUID | None = None, message: str = "") -> None:
        """Write the end. Raises `RunWasLost`."""
        sealed = Job.message.seal(self.id, message) if message else None
        self.write(state=state, ended_at=clock.now(), result_id=result_id, message_enc=sealed)


Runners = Mapping[JobKind, Callable[[JobRun], uuid.UUID | None]]


def start(
    kind: JobKind,
    *,
    by: str,
    language: str,
    about: str,
    now: datetime,
    subject_id: uuid.UUID | None = None,
    options: Mapping[str, Any] | None = None,
    upload: NamedFile | None = None,
) -> Job:
    """Start a job, with the file it is given. `by` is as in `audit.note`, `language` the person's. Where one
    of theirs of this kind and subject is open, it is given back: twice is once."""
    job = Job(
        kind=kind,
        by=by,
        language=language,
        about=about[:200],
        options=json.dumps(dict(options or {})),
        subject_id=subject_id,
        state=JobState.WAITING,
        made_at=now,
    )
    parts = files.sealed_parts(job.id, FilePurpose.UPLOAD, upload) if upload else []
    with atomic() as session:
        if running := open_job(kind, subject_id, by):
            return running
        try:
            with session.begin_nested():
                session.add(job)
                session.flush()
        except IntegrityError:  # somebody's, of this moment
            return _open_one(kind, subject_id, by)
        if parts:
            files.store(session, parts)
    return job


def open_job(kind: JobKind, subject_id: uuid.UUID | None, by: str | None = None) -> Job | None:
    """The job of this kind, of one person or of anybody, that waits or runs for this subject."""
    if subject_id is None:
        return None
    query = select(Job).where(Job.kind == kind, Job.subject_id == subject_id, Job.ended_at.is_(None))
    if by is not None:
        query = query.where(Job.by == by)
    return db.session.scalars(query.execution_options(populate_existing=True)).first()


def to_run(now: datetime) -> Select[Any]:
    """SELECT of the jobs that wait, or whose run is not heard of any more."""
    dead = Job.heartbeat_at < now - DEAD_AFTER
    return select(Job.id).where(Job.ended_at.is_(None), or_(Job.heartbeat_at.is_(None), dead))


def run_next(runners: Runners, *, now: datetime) -> bool:
    """Run the job that waits the longest, to its end; False when none waits.

    What its function refuses is shown to whoever started it. What nobody expected ends it too, and is raised
    again for the log and the page of the tasks.
    """
    run = _claim(now)
    if run is None:
        return False
    try:
        with _alive(run), in_language(run.language):
            _run(run, runners[run.kind])
    except RunWasLost:
        _log.warning("another worker has taken job %s over", run.id)
    return True


def note_seen(job_id: uuid.UUID, *, now: datetime) -> None:
    """Whoever started it has seen its end, and is not told of it any more."""
    ended = Job.id == job_id, Job.ended_at.is_not(None), Job.seen_at.is_(None)
    with atomic() as session:
        session.execute(update(Job).where(*ended).values(seen_at=now))


def forget_files(job_ids: list[uuid.UUID]) -> None:
    """Delete the files of these jobs. Twice is once."""
    with atomic() as session:
        gone = delete(JobFile).where(JobFile.job_id.in_(job_ids))
        session.execute(gone.execution_options(synchronize_session=False))


def forget_old(now: datetime) -> None:
    """Delete files after a day, those of exports after an hour, and jobs after a week; what has waited for a
    day is given up."""
    late = update(Job).where(Job.state == JobState.WAITING, Job.made_at < now - JOB_FILES_KEPT)
    old = JobFile.job_id.in_(select(Job.id).where(Job.made_at < now - JOB_FILES_KEPT))
    over = JobFile.job_id.in_(select(Job.id).where(Job.ended_at <= now - EXPORTS_KEPT))
    gone = delete(JobFile).where(old | (over & (JobFile.purpose == FilePurpose.EXPORT)))
    with atomic() as session:
        session.execute(late.values(state=JobState.FAILED, ended_at=now))
        session.execute(gone.execution_options(synchronize_session=False))
        expired = delete(Job).where(Job.made_at < now - JOBS_KEPT, Job.ended_at.is_not(None))
        session.execute(expired.execution_options(synchronize_session=False))


def files_are_gone() -> Refused:
    """The refusal where a file was deleted meanwhile."""
    message = _("The file is no longer here: it is kept for a day. Choose it again.")
    return Refused("file_gone", message, status=410)


def _open_one(kind: JobKind, subject_id: uuid.UUID | None, by: str) -> Job:
    job = open_job(kind, subject_id, by)
    if job is None:  # it has ended in this very moment
        raise Refused("busy", _("This is being done already. Look again in a moment."), status=409)
    return job


def _claim(now: datetime) -> JobRun | None:
    """The job that waits the longest, taken by this run alone; one that has begun too often is given up."""
    for job_id in db.session.scalars(to_run(now).order_by(Job.made_at)).all():
        with atomic() as session:
            job = session.get(Job, job_id, with_for_update={"skip_locked": True}, populate_existing=True)
            if job is None or session.scalar(to_run(now).where(Job.id == job_id)) is None:
                continue
            if job.runs >= MOST_RUNS:
                job.state, job.ended_at = JobState.FAILED, now
                continue
            job.state, job.run_id, job.runs = JobState.RUNNING, Job.make_id(), job.runs + 1
            job.started_at, job.heartbeat_at = job.started_at or now, now
            job.step, job.done, job.total = None, 0, 0
        return _run_of(job)
    return None


def _run_of(job: Job) -> JobRun:
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    return JobRun(
        app, job.id, job.run_id or job.id, job.kind, job.by, job.subject_id, job.choices, job.language
    )


def _run(run: JobRun, runner: Callable[[JobRun], uuid.UUID | None]) -> None:
    try:
        result_id = runner(run)
    except Refused as refusal:
        run.end(JobState.REFUSED, message=refusal.message)
    except (RunWasLost, SQLAlchemyError):
        raise  # the database is away, or the job is another's: it begins again when we are taken for dead
    except Exception:
        run.end(JobState.FAILED)
        raise
    else:
        run.end(JobState.DONE, result_id=result_id)


@contextmanager
def _alive(run: JobRun) -> Iterator[None]:
    """Say that this run lives, from a thread, for as long as it does: one statement may take a minute."""
    ended = threading.Event()
    thread = threading.Thread(target=_say_it_lives, args=(run, ended), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _say_it_lives(run: JobRun, ended: threading.Event) -> None:
    while not ended.wait(BEATS_EVERY_S):
        try:
            run.write()
        except RunWasLost:
            return
        except SQLAlchemyError as problem:  # away, or locked by what the job itself does: the next one
            _log.warning("job %s could not say that it lives: %s", run.id, type(problem).__name__)
