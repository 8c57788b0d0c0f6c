"""Pages of imports: choose a file, look at the dry run, import exactly that, undo it."""

import json
import uuid
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from typing import Any, TypeVar, cast

from flask import Response as FileResponse
from flask import abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from mobilize import audit, clock, settings
from mobilize.accounts.access.permissions import me, require_step_up, signed_in
from mobilize.accounts.approvals import operations as approvals
from mobilize.accounts.approvals.operations import ApprovalKind
from mobilize.accounts.models import RoleName
from mobilize.accounts.queries import looks_after_everything
from mobilize.database import db
from mobilize.errors import Refused
from mobilize.jobs.files import NamedFile
from mobilize.jobs.models import JobKind
from mobilize.jobs.operations import open_job
from mobilize.jobs.views import attachment
from mobilize.languages import N_, Translated, _, in_every_language, say_date
from mobilize.roster import queries
from mobilize.roster.forms import MOST_HEADINGS, PlacesForm, UploadForm
from mobilize.roster.imports import jobs as import_jobs
from mobilize.roster.imports import operations as importing
from mobilize.roster.imports.reading.column_mapping import ROSTER
from mobilize.roster.imports.remembered_mappings import columns_of, forget_headings, remember_places
from mobilize.roster.imports.summary import needs_second_person, rejected_in_words
from mobilize.roster.models import Import, ImportState, Member
from mobilize.roster.routes import bp
from mobilize.roster.uploads.uploaded_table import LARGEST_UPLOAD, open_table

View = TypeVar("View", bound=Callable[..., Any])
_UPLOADS = ("roster.read_file", "roster.read_mended")


def for_the_union(*, step_up: bool = False) -> Callable[[View], View]:
    """Permission for the office and for organizers of every area: a file changes the whole union. `step_up`
    as in `signed_in`."""

    def stated(view: View) -> View:
        @wraps(view)
        def looked_at(*args: Any, **kwargs: Any) -> Any:
            if not looks_after_everything(me().scope):
                abort(403)
            return view(*args, **kwargs)

        return signed_in(RoleName.ORGANIZER, step_up=step_up)(cast(View, looked_at))

    return stated


@bp.url_value_preprocessor
def _allow_large_uploads(endpoint: str | None, _values: object) -> None:
    """Allow larger requests where files are uploaded, before anything reads the form."""
    if endpoint in _UPLOADS:
        request.max_content_length = LARGEST_UPLOAD


@bp.get("/imports")
@for_the_union()
def imports() -> str:
    return _upload_page(UploadForm())


@bp.post("/imports/<any(roster, sites):kind>")
@for_the_union()
def read_file(kind: str) -> tuple[str, int] | Response:
    """Look at the headings, and give the file to a worker."""
    form, file = UploadForm(), _uploaded()
    try:
        importing.check_headings(kind, _chosen_file(file).content, form.columns)
    except Refused as refusal:
        return _upload_page(form, refusal, kind, _headings(kind, file.content, refusal)), refusal.status
    district = form.district.data.strip()[:80] or None
    job = import_jobs.start_reading(
        kind, file, by=me().actor, now=clock.now(), chosen=form.columns, district=district
    )
    return redirect(url_for("jobs.job", job_id=job.id))


@bp.get("/imports/<uuid:import_id>/refused-lines")
@for_the_union()
def refused_lines(import_id: uuid.UUID) -> FileResponse:
    """The refused lines of a file, with why, to be mended."""
    row = _import(import_id)
    file = import_jobs.refused_rows(row.id) or abort(404)
    audit.note(me().actor, "import.refused_lines", row.id, now=clock.now())
    return attachment(file)


@bp.post("/imports/<uuid:import_id>/mended")
@for_the_union()
def read_mended(import_id: uuid.UUID) -> Response:
    """Read a file once more, with its refused lines as somebody mended them."""
    row, file = _import(import_id), _chosen_file(_uploaded())
    importing.check_mended(file.content)
    job = import_jobs.read_again(row, by=me().actor, now=clock.now(), mended=file)
    return redirect(url_for("jobs.job", job_id=job.id))


@bp.post("/imports/<uuid:import_id>/places")
@for_the_union()
def choose_places(import_id: uuid.UUID) -> Response:
    """Remember which sites the unknown places of a file are, and read it once more."""
    row, now = _import(import_id), clock.now()
    chosen, book = {}, importing.site_book()
    try:
        chosen = PlacesForm().chosen(row.summary, book.code_of)
        refused = _("Nothing was chosen.")
    except Refused as refusal:
        refused = refusal.message
    if row.state is not ImportState.STAGED or not chosen:
        flash(refused, "warning")
        return redirect(url_for("roster.show_import", import_id=import_id))
    remember_places(bytes.fromhex(str(row.summary["source"])), chosen, by=me().actor, now=now)
    job = import_jobs.read_again(row, by=me().actor, now=now)
    return redirect(url_for("jobs.job", job_id=job.id))


@bp.get("/imports/<uuid:import_id>")
@for_the_union()
def show_import(import_id: uuid.UUID) -> str:
    row = _import(import_id)
    has_file = row.state is ImportState.STAGED and import_jobs.reading_job(row.id) is not None
    last = importing.undoable_import()
    can_undo = last is not None and last.id == row.id
    edited = importing.edited_members(row.id) if can_undo else []
    now = clock.now()
    return render_template(
        "roster/show_import.html",
        this_import=row,
        rejected=rejected_in_words(row.kind, row.summary),
        all_sites=importing.site_book().suggestions() if has_file and row.summary.get("unresolved") else [],
        warned_lines=json.loads(row.warned_lines or "{}"),
        recalled=columns_of(_recalled(row)),
        fields=_fields(),
        second_needed=_second_needed(row) and row.by == me().actor,
        approval=approvals.open_approval(ApprovalKind.IMPORT, str(row.id), now=now),
        alone=approvals.is_lone_admin(me().actor, now),
        can_undo=can_undo,
        running=open_job(JobKind.IMPORT, row.id) or open_job(JobKind.UNDO_IMPORT, row.id),
        has_file=has_file,
        has_refused_lines=has_file and import_jobs.refused_rows(row.id) is not None,
        edited=[db.session.get_one(Member, member_id) for member_id in edited[:50]],
    )


@bp.post("/imports/<uuid:import_id>/ask")
@for_the_union()
def ask_second_person(import_id: uuid.UUID) -> Response:
    """Ask another admin to agree to what this page shows."""
    row = _import(import_id)
    if _second_needed(row):
        approvals.request_approval(
            ApprovalKind.IMPORT, str(row.id), _in_words(row), by=me().actor, now=clock.now()
        )
    return redirect(url_for("roster.show_import", import_id=import_id))


@bp.post("/imports/<uuid:import_id>/commit")
@for_the_union(step_up=True)
def commit_import(import_id: uuid.UUID) -> Response:
    row, now = _import(import_id), clock.now()
    require_step_up()  # a whole union's roster takes seconds
    if running := open_job(JobKind.IMPORT, row.id, me().actor):  # asked for twice
        return redirect(url_for("jobs.job", job_id=running.id))
    with _second_person(row) as second_by:
        job = import_jobs.start_on(row, JobKind.IMPORT, by=me().actor, now=now, second_by=second_by)
    return redirect(url_for("jobs.job", job_id=job.id))


@bp.post("/imports/<uuid:import_id>/undo")
@for_the_union(step_up=True)
def undo_import(import_id: uuid.UUID) -> Response:
    row = _import(import_id)
    require_step_up()
    job = import_jobs.start_on(row, JobKind.UNDO_IMPORT, by=me().actor, now=clock.now())
    return redirect(url_for("jobs.job", job_id=job.id))


@bp.post("/imports/<uuid:import_id>/forget-columns")
@for_the_union()
def forget_columns(import_id: uuid.UUID) -> Response:
    """Ask about the columns of such files again, and drop what was read by them."""
    row = _import(import_id)
    if headings := _recalled(row):
        forget_headings(headings)
    if row.state is ImportState.STAGED:
        importing.drop_import(row.id)
    flash(_("Forgotten. Choose the file again, and say what is in each column."), "done")
    return redirect(url_for("roster.imports"))


@bp.post("/imports/<uuid:import_id>/drop")
@for_the_union()
def drop_import(import_id: uuid.UUID) -> Response:
    row = _import(import_id)
    importing.drop_import(row.id)
    import_jobs.forget_files_of(row.id)
    flash(_("Canceled. Nothing was changed."), "done")
    return redirect(url_for("roster.imports"))


def _uploaded() -> NamedFile:
    upload = request.files.get("file")
    return NamedFile(upload.filename or "", upload.read()) if upload else NamedFile("", b"")


def _chosen_file(file: NamedFile) -> NamedFile:
    if not file.content:
        raise Refused("no_file", _("Choose a file first."))
    return file


def _headings(kind: str, data: bytes, refusal: Refused) -> list[str]:
    """The headings for the mapping screen, when a roster only lacks a heading that we know."""
    if kind != importing.ROSTER or refusal.code not in ("missing_column", "repeated_heading"):
        return []
    return [heading.strip() for heading in open_table(data).header if heading.strip()][:MOST_HEADINGS]


def _upload_page(
    form: UploadForm, refusal: Refused | None = None, kind: str = "", headings: list[str] | None = None
) -> str:
    return render_template(
        "roster/imports.html",
        form=form,
        refusal=refusal,
        kind=kind,
        headings=headings or [],
        fields=_fields(),
        recent=queries.recent_imports(),
        have_sites=bool(queries.areas()),
    )


def _fields() -> dict[str, str]:
    """The fields of a roster, by the heading that its contract gives them."""
    return {field: spellings[0] for field, spellings in ROSTER.items()}


def _recalled(row: Import) -> bytes:
    """The headings by which an earlier file said what its columns are; empty where none did."""
    return bytes.fromhex(str(row.summary.get("recalled_columns") or ""))


def _import(import_id: uuid.UUID) -> Import:
    row = db.session.get(Import, import_id)
    if row is None or row.state in (ImportState.DROPPED, ImportState.READING):
        abort(404)
    return row


def _second_needed(row: Import) -> bool:
    """Whether so much would change that two people have to agree."""
    return row.state is ImportState.STAGED and needs_second_person(row.summary)


def _second_person(row: Import) -> AbstractContextManager[str | None]:
    """The second person: None where little changes, who agreed, or the requester where another chose the
    file."""
    requester, now, ref = me(), clock.now(), str(row.id)
    if not _second_needed(row):
        return nullcontext(None)
    if row.by == requester.actor:
        return approvals.second_person(ApprovalKind.IMPORT, ref, now=now)
    return approvals.agreeing(
        ApprovalKind.IMPORT,
        ref,
        _in_words(row),
        asked_by=row.by,
        by=requester.actor,
        scope=requester.scope,
        now=now,
    )


def _in_words(row: Import) -> Translated:
    changes = Counter(row.summary["changes"])  # type: ignore[call-overload]
    words = N_(
        "Roster of %(day)s: adds %(added)s members, changes %(changed)s, removes %(gone)s of %(there)s."
    )
    return in_every_language(
        lambda _code: _(
            words,
            day=say_date(row.started_at, settings().union_timezone),
            added=changes["added"],
            changed=changes["changed"] + changes["returned"],
            gone=changes["gone"],
            there=row.summary.get("standing", 0),
        )
    )
