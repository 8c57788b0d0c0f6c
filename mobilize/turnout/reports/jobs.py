"""The job of an action's reports: those of all its chapters, counts only, a file for each."""

import io
import uuid
import zipfile
from datetime import datetime

from mobilize import clock
from mobilize.accounts.access.scope import Scope
from mobilize.actions.models import Action
from mobilize.database import db
from mobilize.errors import Refused
from mobilize.jobs import operations
from mobilize.jobs.files import NamedFile
from mobilize.jobs.models import FilePurpose, Job, JobKind, JobStep
from mobilize.jobs.operations import JobRun
from mobilize.languages import _, language
from mobilize.tabular import file_name
from mobilize.turnout.board.cache import board_for
from mobilize.turnout.figures.queries import board
from mobilize.turnout.reports.chapter import chapter_report_of


def start_reports(action: Action, area_id: uuid.UUID | None, *, by: str, now: datetime) -> Job:
    """Start putting the reports of an action's chapters, or of one area's, on paper. Asked for twice it is
    one job."""
    return operations.start(
        JobKind.REPORTS,
        by=by,
        language=language(),
        about=action.name.in_(language()),
        now=now,
        subject_id=uuid.uuid5(action.id, str(area_id)),
        options={
            "action_id": str(action.id),
            "area_id": str(area_id) if area_id else None,
            "names": dict(action.name),
        },
    )


def write_reports(run: JobRun, scope: Scope) -> None:
    """The reports of the chapters that `scope` sees now, as PDF files in a ZIP."""
    action = db.session.get(Action, uuid.UUID(run.options["action_id"]))
    visible = board_for(action, scope, oldest=0.0) if action else None
    if visible is not None and run.options["area_id"]:
        visible = visible.of_area(uuid.UUID(run.options["area_id"]))
    if action is None or visible is None or not visible.chapters:
        raise Refused("no_chapters", _("None of your chapters is in this action."))
    name = file_name("reports", f"{action.starts_at:%Y-%m-%d}", ending="zip")
    codes = {chapter.site_id: chapter.code for chapter in visible.chapters}
    run.keep(FilePurpose.RESULT, NamedFile(name, _zipped(run, action, codes)))


def _zipped(run: JobRun, action: Action, codes: dict[uuid.UUID, str]) -> bytes:
    out, whole, now = io.BytesIO(), board(action), clock.now()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as parts:
        for n, (site_id, code) in enumerate(codes.items(), start=1):
            if report := chapter_report_of(action, site_id, now, whole):
                name = file_name(code, report.chapter.name, ending="pdf")
                parts.writestr(name, report.pdf(now, names=False))
            run.tell(JobStep.DRAWING, n, len(codes))
    return out.getvalue()
