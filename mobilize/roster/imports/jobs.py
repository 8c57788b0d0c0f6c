"""Jobs of imports: reading a file, importing what was displayed, undoing it."""

import uuid
from datetime import datetime
from functools import partial

from mobilize import clock
from mobilize.jobs import files, operations
from mobilize.jobs.files import NamedFile
from mobilize.jobs.models import FilePurpose, Job, JobKind, JobStep
from mobilize.jobs.operations import JobRun
from mobilize.jobs.queries import jobs_with_result, with_files
from mobilize.languages import language
from mobilize.roster.imports import operations as importing
from mobilize.roster.models import Import


def start_reading(
    kind: str, file: NamedFile, *, by: str, now: datetime, chosen: dict[str, str], district: str | None
) -> Job:
    """Start reading a file, with what was said of its columns, or the district that is wanted of it."""
    roster = kind == importing.ROSTER
    return operations.start(
        JobKind.READ_ROSTER if roster else JobKind.READ_SITES,
        by=by,
        language=language(),
        about=file.name,
        now=now,
        options={"chosen": chosen, "before": [], "own": True} if roster else {"district": district},
        upload=file,
    )


def read_again(this: Import, *, by: str, now: datetime, mended: NamedFile | None = None) -> Job:
    """Start reading a roster once more, with its mended lines where there are some. Raises `Refused` (410)
    when its file is no longer here."""
    first = reading_job(this.id)
    if first is None:
        raise operations.files_are_gone()
    return operations.start(
        JobKind.READ_ROSTER,
        by=by,
        language=language(),
        about=mended.name if mended else first.about,
        now=now,
        options={
            "chosen": first.choices["chosen"],
            "before": _jobs_with_parts(first),
            "own": mended is not None,
        },
        upload=mended,
    )


def reading_job(import_id: uuid.UUID) -> Job | None:
    """The job that read the roster of this import, while its file is here."""
    readings = (job for job in jobs_with_result(import_id) if job.kind is JobKind.READ_ROSTER)
    return next((job for job in readings if _is_whole(job)), None)


def refused_rows(import_id: uuid.UUID) -> NamedFile | None:
    """The refused lines of a file, while they are here."""
    readings = jobs_with_result(import_id)
    kept = with_files(readings, FilePurpose.REFUSED_ROWS)
    job = next((job for job in readings if job.id in kept), None)
    return files.file_of(job.id, FilePurpose.REFUSED_ROWS) if job else None


def start_on(this: Import, kind: JobKind, *, by: str, now: datetime, second_by: str | None = None) -> Job:
    """Start importing what was shown, or undoing it. Asked for twice it is one job."""
    return operations.start(
        kind,
        by=by,
        language=language(),
        about="",
        now=now,
        subject_id=this.id,
        options={"second_by": second_by},
    )


def read_roster(run: JobRun) -> uuid.UUID:
    """The import that a roster's dry run made."""
    own = [str(run.id)] if run.options["own"] else []
    data, *mended = [_upload_of(uuid.UUID(part)) for part in (*run.options["before"], *own)]
    return importing.dry_run_roster(
        data,
        by=run.by,
        now=clock.now(),
        chosen=run.options["chosen"],
        mended=mended,
        tell=run.tell,
        keep_refused=partial(run.keep, FilePurpose.REFUSED_ROWS),
    ).id


def read_sites(run: JobRun) -> uuid.UUID:
    """The import that the dry run of a list of sites made."""
    run.tell(JobStep.READING)
    data = run.upload().content
    district = run.options["district"]
    return importing.dry_run_sites(data, by=run.by, now=clock.now(), district=district).id


def put_in_place(run: JobRun) -> uuid.UUID:
    """Import exactly what was shown; the files are not needed any more."""
    run.tell(JobStep.WRITING)
    import_id = run.subject
    second_by = run.options["second_by"]
    importing.commit_import(import_id, by=run.by, now=clock.now(), second_by=second_by, tell=run.tell_inside)
    forget_files_of(import_id)
    return import_id


def undo(run: JobRun) -> uuid.UUID:
    """Put everything back as it was before."""
    run.tell(JobStep.WRITING)
    importing.undo_import(run.subject, by=run.by, now=clock.now(), tell=run.tell_inside)
    return run.subject


def forget_files_of(import_id: uuid.UUID) -> None:
    """Delete what was uploaded for this import, and its refused lines. Twice is once."""
    readings = jobs_with_result(import_id)
    parts = {uuid.UUID(part) for job in readings for part in _jobs_with_parts(job)}
    operations.forget_files([*parts, *(job.id for job in readings)])


def _jobs_with_parts(job: Job) -> list[str]:
    """The ids of the jobs that were given a part of what this one read, in the order of reading."""
    chosen = job.choices
    return [*chosen.get("before", []), *([str(job.id)] if chosen.get("own") else [])]


def _is_whole(job: Job) -> bool:
    return all(files.has_file(uuid.UUID(part), FilePurpose.UPLOAD) for part in _jobs_with_parts(job))


def _upload_of(job_id: uuid.UUID) -> bytes:
    file = files.file_of(job_id, FilePurpose.UPLOAD)
    if file is None:
        raise operations.files_are_gone()
    return file.content
