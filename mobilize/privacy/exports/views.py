"""Exports of one action: ask, then fetch once."""

import uuid
from functools import partial

from flask import Response, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from mobilize import clock
from mobilize.accounts.access.permissions import (
    after_step_up,
    me,
    require_step_up,
    signed_in,
    signed_in_person,
)
from mobilize.accounts.models import CHAIRS, RoleName
from mobilize.actions.models import Action
from mobilize.actions.visibility import visible_action, visible_site
from mobilize.errors import Refused
from mobilize.jobs.models import Job
from mobilize.jobs.operations import EXPORTS_KEPT
from mobilize.privacy.exports import operations as files
from mobilize.privacy.exports.approval import has_second_yes
from mobilize.privacy.exports.jobs import export_job, is_large, start_export
from mobilize.privacy.forms import ExportForm
from mobilize.privacy.models import Export, ExportFormat, ExportKind
from mobilize.privacy.routes import bp
from mobilize.roster.models import Site


@bp.get("/exports/<uuid:action_id>")
@signed_in(RoleName.ORGANIZER, *CHAIRS)
def exports(action_id: uuid.UUID) -> str:
    """The exports page of an action (`?site=`: of one chapter), with the requester's own requests."""
    action = visible_action(action_id, me().scope)
    return _page(action, None, _site(request.args.get("site", "")))


@bp.post("/exports/<uuid:action_id>")
@signed_in(RoleName.ORGANIZER, *CHAIRS, step_up=True)
def ask_for_export(action_id: uuid.UUID) -> str | tuple[str, int]:
    """Store the request, and show its link."""
    action = visible_action(action_id, me().scope)
    form = ExportForm()
    site = _site(form.site.data)
    if not form.offer(me().scope, site).validate():
        return _page(action, form, site), 422
    try:
        with after_step_up(needed=form.kind.data != ExportKind.COUNTS):
            _export, token = files.ask_for_export(
                action, ExportKind(form.kind.data), ExportFormat(form.format.data), form.reason.data,
                person=signed_in_person(), scope=me().scope, now=clock.now(),
                site_id=site.id if site else None,
            )  # fmt: skip
    except Refused as refusal:
        form.reason.errors = [refusal.message]
        return _page(action, form, site), refusal.status
    return _page(action, None, site, token=token, waiting=token is None)


@bp.post("/exports/<uuid:action_id>/<uuid:export_id>/link")
@signed_in(RoleName.ORGANIZER, step_up=True)
def export_link(action_id: uuid.UUID, export_id: uuid.UUID) -> str:
    """Make the link of an approved export."""
    action = visible_action(action_id, me().scope)
    with after_step_up():
        token = files.make_link(export_id, person=signed_in_person(), now=clock.now())
    return _page(action, None, token=token)


@bp.get("/exports/file/<token>")
@signed_in(RoleName.ORGANIZER, *CHAIRS)
def file(token: str) -> str | tuple[str, int]:
    """The page of a link: nothing is fetched until the button is pressed."""
    export = files.export_behind(token, person=signed_in_person(), now=clock.now())
    job = _job_of(export)
    until = job.ended_at + EXPORTS_KEPT if job and job.ended_at else None
    page = render_template(
        "privacy/file.html", export=export, token=token, large=_is_large(export), job=job, kept_until=until
    )
    return page if export else (page, 410)


@bp.post("/exports/file/<token>")
@signed_in(RoleName.ORGANIZER, *CHAIRS, step_up=True)
def fetch(token: str) -> BaseResponse | tuple[str, int]:
    """The file itself, once; a large one that is not made yet is given to a worker."""
    export = files.export_behind(token, person=signed_in_person(), now=clock.now())
    require_step_up(needed=export is not None and export.kind is not ExportKind.COUNTS)
    job = _job_of(export)
    if export and _is_large(export) and (job is None or job.is_open):
        job = job or start_export(export, token, scope=me().scope, now=clock.now())
        return redirect(url_for("jobs.job", job_id=job.id), 303)
    try:
        file = files.fetch_export(token, person=signed_in_person(), scope=me().scope, now=clock.now())
    except Refused as refusal:
        page = render_template("privacy/file.html", export=export, token=token, refusal=refusal)
        return page, refusal.status
    named = {"Content-Disposition": f'attachment; filename="{file.name}"'}
    return Response(file.content, mimetype=file.mimetype, headers=named)


def _is_large(export: Export | None) -> bool:
    return export is not None and is_large(export, me().scope)


def _job_of(export: Export | None) -> Job | None:
    return export_job(export, me().scope, clock.now()) if export else None


def _open_job_of(export: Export) -> Job | None:
    """The job of a file that can still be fetched."""
    may_have_one = export.used_at is None and export.token_hash and export.kind is not ExportKind.COUNTS
    return _job_of(export) if may_have_one else None


def _site(typed: str) -> Site | None:
    """The chapter with this id, in the requester's scope; None for all they see."""
    try:
        return visible_site(uuid.UUID(typed), me().scope) if typed else None
    except ValueError:
        abort(404)


def _page(
    action: Action,
    form: ExportForm | None,
    site: Site | None = None,
    *,
    token: str | None = None,
    waiting: bool = False,
) -> str:
    return render_template(
        "privacy/exports.html",
        action=action,
        site=site,
        form=form or ExportForm(formdata=None).offer(me().scope, site),
        own_exports=files.exports_of(action.id, signed_in_person()),
        link=url_for("privacy.file", token=token, _external=False) if token else None,
        waiting=waiting,
        agreed=partial(has_second_yes, now=clock.now()),
        job_of=_open_job_of,
        now=clock.now(),
    )
