"""Jobs of a list of chairs: reading it, and carrying out the plan that was displayed."""

import json
import uuid
from dataclasses import asdict
from datetime import date, datetime

from mobilize import clock
from mobilize.accounts.models import ChairChange, RoleName
from mobilize.accounts.people import chairs_apply
from mobilize.accounts.people.chairs_plan import ChairChangeKind, ChairMove, ChairPlan
from mobilize.database import atomic
from mobilize.jobs import files, operations
from mobilize.jobs.files import NamedFile
from mobilize.jobs.models import FilePurpose, Job, JobKind, JobStep
from mobilize.jobs.operations import JobRun
from mobilize.jobs.queries import jobs_with_result
from mobilize.languages import language


def start_reading(file: NamedFile, from_on: date | None, *, by: str, now: datetime) -> Job:
    """Start reading a list. No day is today."""
    return operations.start(
        JobKind.READ_CHAIRS,
        by=by,
        language=language(),
        about=file.name,
        now=now,
        options={"from_on": from_on.isoformat() if from_on else None},
        upload=file,
    )


def start_carrying_out(change: ChairChange, *, by: str, now: datetime) -> Job:
    """Start carrying out a list. Asked for twice it is one job."""
    return operations.start(
        JobKind.CARRY_OUT_CHAIRS, by=by, language=language(), about="", now=now, subject_id=change.id
    )


def read(run: JobRun) -> uuid.UUID:
    """The change that a list was staged as; the file itself is not needed any more."""
    run.tell(JobStep.READING)
    from_on = run.options["from_on"]
    begins = date.fromisoformat(from_on) if from_on else None
    data = run.upload().content
    change = chairs_apply.stage_chairs(data, begins, by=run.by, now=clock.now())
    operations.forget_files([run.id])
    return change.id


def carry_out(run: JobRun) -> uuid.UUID:
    """Carry out the plan, and keep it for a day: it says who needs a link. Done by a run that died, it is
    done."""
    run.tell(JobStep.WRITING)
    if files.has_file(run.id, FilePurpose.RESULT):
        return run.subject
    with atomic():
        plan = chairs_apply.carry_out(run.subject, by=run.by, now=clock.now())
        run.keep(FilePurpose.RESULT, NamedFile("plan", json.dumps(asdict(plan), default=str).encode()))
    return run.subject


def carried_out(change_id: uuid.UUID, *, by: str) -> ChairPlan | None:
    """The plan as it was carried out, for whoever did it, while it is kept."""
    for job in jobs_with_result(change_id):
        if job.kind is JobKind.CARRY_OUT_CHAIRS and job.by == by:
            file = files.file_of(job.id, FilePurpose.RESULT)
            return _unpacked(json.loads(file.content)) if file else None
    return None


def _unpacked(kept: dict[str, object]) -> ChairPlan:
    moves = [
        ChairMove(
            ChairChangeKind(one["move"]),
            uuid.UUID(one["site_id"]),
            one["site"],
            RoleName(one["role"]),
            one["name"],
            one["has_phone"],
        )
        for one in kept.pop("moves")  # type: ignore[attr-defined]
    ]
    from_on = date.fromisoformat(str(kept.pop("from_on")))
    return ChairPlan(from_on, moves, **kept)  # type: ignore[arg-type]
