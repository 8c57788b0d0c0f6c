"""The job of an action's posters: those of all its places, in one file or a file for each."""

import io
import uuid
import zipfile
from collections.abc import Sequence
from datetime import datetime

from mobilize.accounts.access.scope import Scope
from mobilize.actions.models import Action, Event
from mobilize.actions.printing.print_jobs import posters_of
from mobilize.actions.visibility import visible_events
from mobilize.database import db
from mobilize.errors import Refused
from mobilize.jobs import operations
from mobilize.jobs.files import NamedFile
from mobilize.jobs.models import FilePurpose, Job, JobKind, JobStep
from mobilize.jobs.operations import JobRun
from mobilize.languages import _, language
from mobilize.tabular import file_name


def start_posters(action: Action, area_id: uuid.UUID | None, *, each: bool, by: str, now: datetime) -> Job:
    """Start drawing the posters of an action, or of one of its areas; `each` in a file of its own. Asked for
    twice it is one job."""
    area = str(area_id) if area_id else None
    options = {"action_id": str(action.id), "area_id": area, "each": each, "names": dict(action.name)}
    return operations.start(
        JobKind.POSTERS,
        by=by,
        language=language(),
        about=action.name.in_(language()),
        now=now,
        subject_id=uuid.uuid5(action.id, f"{area_id} {each}"),
        options=options,
    )


def draw_posters(run: JobRun, scope: Scope) -> None:
    """The posters of the events that `scope` sees now, as one PDF, or as PDF files in a ZIP."""
    action = db.session.get(Action, uuid.UUID(run.options["action_id"]))
    area_id = run.options["area_id"]
    events = visible_events(action, scope, uuid.UUID(area_id) if area_id else None) if action else []
    if action is None or not events:
        raise Refused("no_events", _("This action has no event there."))
    name = f"posters {action.starts_at:%Y-%m-%d}"
    if run.options["each"]:
        file = NamedFile(file_name(name, ending="zip"), _zipped(run, events))
    else:
        pdf = posters_of(events, tell=lambda n: run.tell(JobStep.DRAWING, n, len(events)))
        file = NamedFile(file_name(name, ending="pdf"), pdf.getvalue())
    run.keep(FilePurpose.RESULT, file)


def _zipped(run: JobRun, events: Sequence[Event]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as parts:
        for n, event in enumerate(events, start=1):
            area = event.area.name if event.area else ""
            name = file_name(area, event.place, event.code, ending="pdf")
            parts.writestr(name, posters_of([event]).getvalue())
            run.tell(JobStep.DRAWING, n, len(events))
    return out.getvalue()
