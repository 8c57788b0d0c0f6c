"""The job of a large export: a worker makes its file, which is kept sealed until it is fetched, for an hour.

It is made from what its person may see at that moment, and fetched as any other: once, by its link, and
counted and noted then. Where they see something else by then, or anybody was erased, it is made anew.
"""

import hashlib
import uuid
from datetime import datetime

from sqlalchemy import delete, exists, select

from mobilize import clock
from mobilize.accounts.access.scope import Scope
from mobilize.database import atomic, db
from mobilize.jobs import files, operations
from mobilize.jobs.files import NamedFile
from mobilize.jobs.models import FilePurpose, Job, JobFile, JobKind, JobState, JobStep
from mobilize.jobs.operations import EXPORTS_KEPT, JobRun
from mobilize.languages import language
from mobilize.privacy.exports.approval import leaves_or_waits, second_person_asked
from mobilize.privacy.exports.content import ExportFile, export_spent, make_file, mimetype_of, visible_board
from mobilize.privacy.models import Export, ExportKind
from mobilize.roster.models import Member

# So many people are in a file in less than a second.
PEOPLE_AT_ONCE = 3_000


def is_large(export: Export, scope: Scope) -> bool:
    """Whether a worker makes the file: it names more people than a page should wait for."""
    if export.kind is ExportKind.COUNTS or export.site_id is not None or export.action.forgotten_at:
        return False
    visible = visible_board(export.action, scope, None)
    return visible is not None and visible.total.names.eligible > PEOPLE_AT_ONCE


def start_export(export: Export, token: str, *, scope: Scope, now: datetime) -> Job:
    """Start making the file of an export that is not fetched yet. Asked for twice it is one job."""
    return operations.start(
        JobKind.EXPORT,
        by=f"person:{export.person_id}",
        language=language(),
        about=export.action.name.in_(language()),
        now=now,
        subject_id=export.id,
        options={
            "action_id": str(export.action_id),
            "names": dict(export.action.name),
            "token": token,
            "scope": _digest(scope),
        },
    )


def write_export(run: JobRun, scope: Scope) -> uuid.UUID:
    """Make the file of an export and keep it. Refused like `fetch_export`, and where its person may not see
    any more what they saw when they asked for it."""
    now, export = clock.now(), db.session.get_one(Export, run.subject)
    if export.used_at or now >= export.expires_at or run.options["scope"] != _digest(scope):
        raise export_spent()
    file = make_file(
        export, export.person, scope, now, tell=lambda n, of: run.tell(JobStep.LISTING, done=n, total=of)
    )
    with atomic() as session:
        export = session.get_one(Export, export.id, with_for_update=True, populate_existing=True)
        leaves = leaves_or_waits(export, file.people, scope, now)
    if not leaves:
        raise second_person_asked()
    run.keep(FilePurpose.EXPORT, NamedFile(file.name, file.content))
    return export.id


def export_job(export: Export, scope: Scope, now: datetime) -> Job | None:
    """The job that makes the file of an export, or whose file can be fetched now."""
    query = select(Job).where(Job.kind == JobKind.EXPORT, Job.subject_id == export.id)
    jobs = db.session.scalars(query.execution_options(populate_existing=True)).all()
    return next((job for job in jobs if job.is_open or _holds(job, export, scope, now)), None)


def take_made(export: Export, scope: Scope, now: datetime) -> ExportFile | None:
    """The file that a worker made of an export, which is deleted with this; None where there is none to be
    fetched. Call it inside the transaction that claims the link."""
    job = export_job(export, scope, now)
    file = files.file_of(job.id, FilePurpose.EXPORT) if job and not job.is_open else None
    if job is None or file is None:
        return None
    operations.forget_files([job.id])
    return ExportFile(file.name, mimetype_of(export.format), file.content, export.people)


def forget_made() -> None:
    """Delete all files of exports that wait to be fetched: somebody in them is to be forgotten. They are made
    anew when they are asked for."""
    with atomic() as session:
        waiting = delete(JobFile).where(JobFile.purpose == FilePurpose.EXPORT)
        session.execute(waiting.execution_options(synchronize_session=False))


def _holds(job: Job, export: Export, scope: Scope, now: datetime) -> bool:
    """Whether a file is there, not older than it may be, and made for somebody who still sees the same."""
    if job.state is not JobState.DONE or job.started_at is None or job.ended_at is None:
        return False
    if now >= job.ended_at + EXPORTS_KEPT or job.choices["scope"] != _digest(scope):
        return False
    erased = db.session.scalar(select(exists().where(Member.erased_at >= job.started_at)))
    return not erased and export.action.forgotten_at is None and files.has_file(job.id, FilePurpose.EXPORT)


def _digest(scope: Scope) -> str:
    """Equal for equal scopes."""
    parts = [scope.everything, *(sorted(map(str, part)) for part in (scope.roles, scope.areas, scope.sites))]
    return hashlib.sha256(repr(parts).encode()).hexdigest()
