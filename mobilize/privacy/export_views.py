"""Exports of one action: ask, then fetch once."""

import uuid
from functools import partial

from flask import Response as Answer
from flask import abort, render_template, request, url_for
from werkzeug.wrappers import Response

from mobilize import clock
from mobilize.accounts.entrance import after_step_up, me, require_step_up, signed_in
from mobilize.accounts.models import CHAIRS, Person, RoleName
from mobilize.actions.models import Action
from mobilize.actions.seen import seen_action, seen_site
from mobilize.errors import Refused
from mobilize.privacy import exports as files
from mobilize.privacy.blueprint import bp
from mobilize.privacy.forms import ExportForm
from mobilize.privacy.models import ExportFormat, ExportKind
from mobilize.privacy.second_person import has_second_yes
from mobilize.roster.models import Site


@bp.get("/exports/<uuid:action_id>")
@signed_in(RoleName.ORGANIZER, *CHAIRS)
def exports(action_id: uuid.UUID) -> str:
    """What can be exported of this action (`?site=`: of one chapter of it), and what she asked for."""
    action = seen_action(action_id, me().scope)
    return _page(action, None, _site(request.args.get("site", "")))


@bp.post("/exports/<uuid:action_id>")
@signed_in(RoleName.ORGANIZER, *CHAIRS, step_up=True)
def ask_for_export(action_id: uuid.UUID) -> str | tuple[str, int]:
    """Write down what is asked for, and show its link."""
    action = seen_action(action_id, me().scope)
    site = _site(request.form.get("site", ""))
    form = ExportForm().offer(me().scope, site)
    if not form.validate():
        return _page(action, form, site), 422
    try:
        with after_step_up(needed=form.kind.data != ExportKind.COUNTS):
            _export, token = files.ask_for_export(
                action, ExportKind(form.kind.data), ExportFormat(form.format.data), form.reason.data or "",
                person=_person(), scope=me().scope, now=clock.now(), site_id=site.id if site else None,
            )  # fmt: skip
    except Refused as refusal:
        form.reason.errors = [refusal.message]
        return _page(action, form, site), refusal.status
    return _page(action, None, site, token=token, waiting=token is None)


@bp.post("/exports/<uuid:action_id>/<uuid:export_id>/link")
@signed_in(RoleName.ORGANIZER, step_up=True)
def export_link(action_id: uuid.UUID, export_id: uuid.UUID) -> str:
    """A second person agreed: here is the link."""
    action = seen_action(action_id, me().scope)
    with after_step_up():
        token = files.make_link(export_id, person=_person(), now=clock.now())
    return _page(action, None, token=token)


@bp.get("/exports/file/<token>")
@signed_in(RoleName.ORGANIZER, *CHAIRS)
def file(token: str) -> str | tuple[str, int]:
    """The link was opened: nothing is fetched until the button is pressed."""
    found = files.export_behind(token, person=_person(), now=clock.now())
    page = render_template("privacy/file.html", found=found, token=token)
    return page if found else (page, 410)


@bp.post("/exports/file/<token>")
@signed_in(RoleName.ORGANIZER, *CHAIRS, step_up=True)
def fetch(token: str) -> Response | tuple[str, int]:
    """The file itself, once."""
    asked = files.export_behind(token, person=_person(), now=clock.now())
    require_step_up(needed=asked is not None and asked.kind is not ExportKind.COUNTS)
    try:
        found = files.fetch_export(token, person=_person(), scope=me().scope, now=clock.now())
    except Refused as refusal:
        page = render_template("privacy/file.html", found=None, token=token, asked=asked, refusal=refusal)
        return page, refusal.status
    named = {"Content-Disposition": f'attachment; filename="{found.name}"'}
    return Answer(found.content, mimetype=found.mimetype, headers=named)


def _person() -> Person:
    person = me().person
    if person is None:
        abort(401)
    return person


def _site(typed: str) -> Site | None:
    """The chapter that was named, in her scope; None for all she sees."""
    try:
        return seen_site(uuid.UUID(typed), me().scope) if typed else None
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
        mine=files.my_exports(action.id, _person()),
        link=url_for("privacy.file", token=token, _external=False) if token else None,
        waiting=waiting,
        agreed=partial(has_second_yes, now=clock.now()),
        now=clock.now(),
    )
