"""Pages of statements: prepared, signed and read at the office; public where the office says so."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Response, abort, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response as BaseResponse

from mobilize import clock, settings
from mobilize.accounts.access.permissions import after_step_up, anyone, me, signed_in
from mobilize.accounts.models import Person, RoleName
from mobilize.actions.models import Action
from mobilize.actions.visibility import visible_action
from mobilize.checkins.models import Method
from mobilize.database import db
from mobilize.errors import Refused
from mobilize.languages import _, language
from mobilize.printing.qr import qr_svg
from mobilize.turnout.figures.queries import names_final_at
from mobilize.turnout.forms import SigningForm, StatementLinkForm
from mobilize.turnout.labels import figure_text, figure_word, method_word
from mobilize.turnout.models import Statement
from mobilize.turnout.reports.views import as_file, as_table
from mobilize.turnout.routes import bp
from mobilize.turnout.statements import operations
from mobilize.turnout.statements.challenge_pack import for_outsiders
from mobilize.turnout.statements.files import pack_sheets, sites_sheet, statement_pdf
from mobilize.turnout.statements.press_views import rendered_in_each

FORM = ".<any(csv, pdf, xlsx):form>"


@dataclass(frozen=True, slots=True)
class PublishedVersion:
    """One published version with the one before it, and the version that stands now."""

    statement: Statement
    before: Statement | None
    latest: Statement

    @property
    def changes(self) -> list[tuple[str, Any, Any]]:
        return operations.changes(self.before, self.statement) if self.before else []


@bp.get("/actions/<uuid:action_id>/statement")
@signed_in(RoleName.ADMIN)
def statements(action_id: UUID) -> str:
    """The published versions, the public address, and the draft that waits to be signed."""
    return _desk(visible_action(action_id, me().scope), SigningForm(signed_as=_person().name))


@bp.post("/actions/<uuid:action_id>/statement/prepare")
@signed_in(RoleName.ADMIN)
def prepare_statement(action_id: UUID) -> BaseResponse:
    """Freeze the counts of this moment, to look at."""
    action = visible_action(action_id, me().scope)
    try:
        operations.prepare(action, _person(), clock.now())
    except Refused as refusal:
        flash(refusal.message, "warning")
    return redirect(url_for("turnout.statements", action_id=action.id), 303)


@bp.post("/actions/<uuid:action_id>/statement/sign")
@signed_in(RoleName.ADMIN, step_up=True)
def sign_statement(action_id: UUID) -> BaseResponse | tuple[str, int]:
    """Publish what was prepared, under their name; with `public` also to everybody who gets the address."""
    action, draft = visible_action(action_id, me().scope), operations.draft_of(action_id)
    form = SigningForm()
    try:
        as_of_at = datetime.fromisoformat(form.as_of.data)
        if draft is None or as_of_at.tzinfo is None:
            abort(404)
        with after_step_up():
            published = operations.publish(draft.id, as_of_at, form.signing, _person(), clock.now())
            if form.public.data:
                operations.open_link(action.id, me().actor, clock.now())
    except ValueError:
        abort(404)
    except Refused as refusal:
        return _desk(visible_action(action_id, me().scope), form, refusal.message), refusal.status
    flash(_("Published as version %(version)s.", version=published.version), "done")
    return redirect(url_for("turnout.statement", action_id=action_id, version=published.version), 303)


@bp.post("/actions/<uuid:action_id>/statement/link")
@signed_in(RoleName.ADMIN, step_up=True)
def statement_link(action_id: UUID) -> BaseResponse:
    """Open the public address, or with `end` close it."""
    action = visible_action(action_id, me().scope)
    try:
        with after_step_up():
            if StatementLinkForm().end.data:
                operations.close_link(action.id, me().actor, clock.now())
            else:
                operations.open_link(action.id, me().actor, clock.now())
    except Refused as refusal:
        flash(refusal.message, "warning")
    return redirect(url_for("turnout.statements", action_id=action_id), 303)


@bp.get("/actions/<uuid:action_id>/statement/<int:version>")
@bp.get("/actions/<uuid:action_id>/statement/<int:version>" + FORM)
@signed_in(RoleName.ADMIN)
def statement(action_id: UUID, version: int, form: str = "page") -> str | Response:
    """One version with its challenge pack, whole."""
    action = visible_action(action_id, me().scope)
    selected = _version(action.id, version)
    return _answer(action, selected, selected.statement.pack, form, code=None)


@bp.get("/noon/<code>")
@bp.get("/noon/<code>/<int:version>")
@bp.get("/noon/<code>/<int:version>" + FORM)
@anyone
def public_statement(code: str, version: int | None = None, form: str = "page") -> str | Response:
    """The same for everybody, without counts that would tell of few, and before the named totals are final
    without any that a typed number moves. 404 once the office has closed it."""
    action = db.session.get(Action, operations.action_behind(code) or abort(404)) or abort(404)
    selected = _version(action.id, version)
    pack = for_outsiders(selected.statement.pack, final=selected.statement.numbers["final"])
    return _answer(action, selected, pack, form, code=code)


def _answer(
    action: Action, selected: PublishedVersion, pack: dict[str, Any], form: str, *, code: str | None
) -> str | Response:
    one = selected.statement
    name = f"statement-v{one.version}"
    if form == "csv":
        return as_table([sites_sheet(pack)], "csv", action, name, "sites")
    if form == "xlsx":
        return as_table(pack_sheets(one, pack), "xlsx", action, name, "challenge")
    if form == "pdf":
        pdf = statement_pdf(action, one, selected.before, pack)
        return as_file(pdf, "pdf", action, name, language())
    return render_template(
        "turnout/statement.html",
        action=action,
        selected=selected,
        translations=rendered_in_each(lambda lang: _one_language(action, selected, lang)),
        pack=pack,
        methods=[(method_word(Method(name)), count) for name, count in pack["methods"].items()],
        code=code,
        final_at=names_final_at(action),
        drill=action.drill,
    )


def _one_language(action: Action, selected: PublishedVersion, lang: str) -> str:
    return render_template(
        "turnout/_statement.html",
        action=action,
        one=selected.statement,
        n=selected.statement.numbers,
        final_at=names_final_at(action),
        code=lang,
        changed=[
            (figure_word(name), figure_text(name, old), figure_text(name, new))
            for name, old, new in selected.changes
        ],
    )


def _desk(action: Action, form: SigningForm, problem: str = "") -> str:
    versions, link = operations.published(action.id), operations.link_of(action.id)
    address = f"{settings().public_base_url}/noon/{link.code}" if link else ""
    draft = operations.draft_of(action.id)
    return render_template(
        "turnout/statements.html",
        action=action,
        versions=versions,
        draft=draft,
        final_at=names_final_at(action),
        changed=[
            (figure_word(name), figure_text(name, old), figure_text(name, new))
            for name, old, new in (operations.changes(versions[-1], draft) if versions and draft else [])
        ],
        address=address,
        qr=qr_svg(address, _("QR code of this link")) if address else "",
        problem=problem,
        form=form,
        drill=action.drill,
    )


def _version(action_id: UUID, version: int | None) -> PublishedVersion:
    versions = operations.published(action_id)
    if not versions or not 1 <= (version or 1) <= len(versions):
        abort(404)
    at = (version or len(versions)) - 1
    return PublishedVersion(versions[at], versions[at - 1] if at else None, versions[-1])


def _person() -> Person:
    return me().person or abort(401)
