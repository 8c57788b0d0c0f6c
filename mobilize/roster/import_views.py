"""Importing sites and the roster: choose a file, look at the dry run, import exactly that, undo it."""

import json
import uuid
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from typing import Any, TypeVar, cast

from flask import abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from mobilize import clock, settings
from mobilize.accounts import approvals
from mobilize.accounts.approvals import Kind
from mobilize.accounts.entrance import me, require_step_up, signed_in
from mobilize.accounts.models import RoleName
from mobilize.accounts.queries import looks_after_everything
from mobilize.database import db
from mobilize.errors import Refused
from mobilize.languages import _, say_date
from mobilize.roster import imports as importing
from mobilize.roster import queries
from mobilize.roster.columns import ROSTER
from mobilize.roster.forms import UploadForm, chosen_columns
from mobilize.roster.import_summary import needs_second_person, rejected_in_words
from mobilize.roster.models import Import, ImportState, Member
from mobilize.roster.tables import LARGEST_UPLOAD, open_table
from mobilize.roster.views import bp

View = TypeVar("View", bound=Callable[..., Any])
_UPLOADS = ("roster.read_file",)
_HEADINGS_SHOWN = 60


def for_the_union(*, step_up: bool = False) -> Callable[[View], View]:
    """Open to the office, and to whoever organizes every area: a file changes the whole union. `step_up` as
    in `signed_in`."""

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
    """Before anything looks into the form: the doors that take files take larger requests than the others."""
    if endpoint in _UPLOADS:
        request.max_content_length = LARGEST_UPLOAD


@bp.get("/imports")
@for_the_union()
def imports() -> str:
    return _upload_page()


@bp.post("/imports/<any(roster, sites):kind>")
@for_the_union()
def read_file(kind: str) -> tuple[str, int] | Response:
    upload = request.files.get("file")
    data = upload.read() if upload else b""
    try:
        if not data:
            raise Refused("no_file", _("Choose a file first."))
        found = _dry_run(kind, data)
    except Refused as refusal:
        return _upload_page(refusal, kind, _headings(kind, data, refusal)), refusal.status
    return redirect(url_for("roster.show_import", import_id=found.id))


@bp.get("/imports/<uuid:import_id>")
@for_the_union()
def show_import(import_id: uuid.UUID) -> str:
    found = _import(import_id)
    last = importing.last_import()
    can_undo = last is not None and last.id == found.id
    edited = importing.edited_members(found.id) if can_undo else []
    now = clock.now()
    return render_template(
        "roster/show_import.html",
        found=found,
        rejected=rejected_in_words(found.kind, found.summary),
        warned_lines=json.loads(found.warned_lines or "{}"),
        second_needed=_second_needed(found) and found.by == me().actor,
        approval=approvals.open_approval(Kind.IMPORT, str(found.id), now=now),
        alone=approvals.is_lone_admin(me().actor, now),
        can_undo=can_undo,
        edited=[db.session.get_one(Member, member_id) for member_id in edited[:50]],
    )


@bp.post("/imports/<uuid:import_id>/ask")
@for_the_union()
def ask_second_person(import_id: uuid.UUID) -> Response:
    """Ask another admin to agree to what this page shows."""
    found = _import(import_id)
    if _second_needed(found):
        approvals.request_approval(
            Kind.IMPORT, str(found.id), _in_words(found), by=me().actor, now=clock.now()
        )
    return redirect(url_for("roster.show_import", import_id=import_id))


@bp.post("/imports/<uuid:import_id>/commit")
@for_the_union(step_up=True)
def commit_import(import_id: uuid.UUID) -> Response:
    found, now = _import(import_id), clock.now()
    require_step_up()  # a whole union's roster takes seconds
    with _second_person(found) as second_by:
        importing.commit_import(import_id, by=me().actor, now=now, second_by=second_by)
    flash(_("Imported, exactly as shown."), "done")
    return redirect(url_for("roster.show_import", import_id=import_id))


@bp.post("/imports/<uuid:import_id>/undo")
@for_the_union(step_up=True)
def undo_import(import_id: uuid.UUID) -> Response:
    found = _import(import_id)
    require_step_up()
    importing.undo_import(found.id, by=me().actor, now=clock.now())
    flash(_("Undone. Everything is as it was before this import."), "done")
    return redirect(url_for("roster.show_import", import_id=import_id))


@bp.post("/imports/<uuid:import_id>/drop")
@for_the_union()
def drop_import(import_id: uuid.UUID) -> Response:
    importing.drop_import(_import(import_id).id)
    flash(_("Cancelled. Nothing was changed."), "done")
    return redirect(url_for("roster.imports"))


def _dry_run(kind: str, data: bytes) -> Import:
    if kind == importing.SITES:
        district = request.form.get("district", "").strip()[:80] or None
        return importing.dry_run_sites(data, by=me().actor, now=clock.now(), district=district)
    chosen = chosen_columns(request.form)
    return importing.dry_run_roster(data, by=me().actor, now=clock.now(), chosen=chosen)


def _headings(kind: str, data: bytes, refusal: Refused) -> list[str]:
    """For the mapping screen, when a roster only lacks a heading that we know."""
    if kind != importing.ROSTER or refusal.code not in ("missing_column", "repeated_heading"):
        return []
    return [heading.strip() for heading in open_table(data).header if heading.strip()][:_HEADINGS_SHOWN]


def _upload_page(refusal: Refused | None = None, kind: str = "", headings: list[str] | None = None) -> str:
    return render_template(
        "roster/imports.html",
        form=UploadForm(request.form),
        refusal=refusal,
        kind=kind,
        headings=headings or [],
        fields={field: spellings[0] for field, spellings in ROSTER.items()},
        recent=queries.recent_imports(),
        have_sites=bool(queries.areas()),
    )


def _import(import_id: uuid.UUID) -> Import:
    found = db.session.get(Import, import_id)
    if found is None or found.state in (ImportState.DROPPED, ImportState.READING):
        abort(404)
    return found


def _second_needed(found: Import) -> bool:
    """So much would change that two people have to want it."""
    return found.state is ImportState.STAGED and needs_second_person(found.summary)


def _second_person(found: Import) -> AbstractContextManager[str | None]:
    """Nobody where little changes; else who agreed, or whoever is here when another one chose the file."""
    visitor, now, ref = me(), clock.now(), str(found.id)
    if not _second_needed(found):
        return nullcontext(None)
    if found.by == visitor.actor:
        return approvals.second_person(Kind.IMPORT, ref, now=now)
    return approvals.agreeing(
        Kind.IMPORT, ref, _in_words(found), asked_by=found.by, by=visitor.actor, scope=visitor.scope, now=now
    )


def _in_words(found: Import) -> str:
    changes = Counter(found.summary["changes"])  # type: ignore[call-overload]
    return _(
        "Roster of %(day)s: adds %(added)s members, changes %(changed)s, takes off %(gone)s of %(there)s.",
        day=say_date(found.started_at, settings().union_timezone),
        added=changes["added"],
        changed=changes["changed"] + changes["returned"],
        gone=changes["gone"],
        there=found.summary.get("standing", 0),
    )
