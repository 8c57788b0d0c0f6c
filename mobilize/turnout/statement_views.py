"""The noon number: prepared, signed and read at the office; read by everybody where the office says so."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Response, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from mobilize import clock, settings
from mobilize.accounts.entrance import after_step_up, anyone, me, signed_in
from mobilize.accounts.models import Person, RoleName
from mobilize.actions.models import Action
from mobilize.actions.seen import seen_action
from mobilize.checkins.models import Method
from mobilize.database import db
from mobilize.errors import Refused
from mobilize.languages import _, language
from mobilize.qr import qr_svg
from mobilize.turnout import statements as noon_number
from mobilize.turnout.blueprint import bp
from mobilize.turnout.challenge import for_outsiders
from mobilize.turnout.numbers_views import in_both
from mobilize.turnout.queries import names_final_at
from mobilize.turnout.report_models import Statement
from mobilize.turnout.report_views import as_file
from mobilize.turnout.statement_files import pack_csv, pack_workbook, statement_pdf
from mobilize.turnout.statements import Signing
from mobilize.turnout.wording import figure_text, figure_word, method_word

FORM = ".<any(csv, pdf, xlsx):form>"


@dataclass(frozen=True, slots=True)
class Shown:
    """One published version with the one before it, and the version that stands now."""

    statement: Statement
    before: Statement | None
    latest: Statement

    @property
    def changes(self) -> list[tuple[str, Any, Any]]:
        return noon_number.changes(self.before, self.statement) if self.before else []


@bp.get("/actions/<uuid:action_id>/statement")
@signed_in(RoleName.ADMIN)
def statements(action_id: UUID) -> str:
    """What was published, the public address, and what stands ready to be signed."""
    return _desk(seen_action(action_id, me().scope))


@bp.post("/actions/<uuid:action_id>/statement/prepare")
@signed_in(RoleName.ADMIN)
def prepare_statement(action_id: UUID) -> Answer:
    """Freeze the counts of this moment, to look at."""
    action = seen_action(action_id, me().scope)
    try:
        noon_number.prepare(action, _person(), clock.now())
    except Refused as refusal:
        flash(refusal.message, "warning")
    return redirect(url_for("turnout.statements", action_id=action.id), 303)


@bp.post("/actions/<uuid:action_id>/statement/sign")
@signed_in(RoleName.ADMIN, step_up=True)
def sign_statement(action_id: UUID) -> Answer | tuple[str, int]:
    """Publish what was prepared, under her name; with `public` also to everybody who gets the address."""
    action, draft = seen_action(action_id, me().scope), noon_number.draft_of(action_id)
    try:
        as_of_at = datetime.fromisoformat(request.form.get("as_of", ""))
        if draft is None or as_of_at.tzinfo is None:
            abort(404)
        with after_step_up():
            made = noon_number.publish(draft.id, as_of_at, _signing(), _person(), clock.now())
            if "public" in request.form:
                noon_number.open_link(action.id, me().actor, clock.now())
    except ValueError:
        abort(404)
    except Refused as refusal:
        return _desk(seen_action(action_id, me().scope), problem=refusal.message), refusal.status
    flash(_("Published as version %(version)s.", version=made.version), "done")
    return redirect(url_for("turnout.statement", action_id=action_id, version=made.version), 303)


@bp.post("/actions/<uuid:action_id>/statement/link")
@signed_in(RoleName.ADMIN, step_up=True)
def statement_link(action_id: UUID) -> Answer:
    """Open the public address, or with `end` close it."""
    action = seen_action(action_id, me().scope)
    try:
        with after_step_up():
            if "end" in request.form:
                noon_number.close_link(action.id, me().actor, clock.now())
            else:
                noon_number.open_link(action.id, me().actor, clock.now())
    except Refused as refusal:
        flash(refusal.message, "warning")
    return redirect(url_for("turnout.statements", action_id=action_id), 303)


@bp.get("/actions/<uuid:action_id>/statement/<int:version>")
@bp.get("/actions/<uuid:action_id>/statement/<int:version>" + FORM)
@signed_in(RoleName.ADMIN)
def statement(action_id: UUID, version: int, form: str = "page") -> str | Response:
    """One version with its challenge pack, whole."""
    action = seen_action(action_id, me().scope)
    shown = _version(action.id, version)
    return _answer(action, shown, shown.statement.figures["pack"], form, code=None)


@bp.get("/noon/<code>")
@bp.get("/noon/<code>/<int:version>")
@bp.get("/noon/<code>/<int:version>" + FORM)
@anyone
def noon(code: str, version: int | None = None, form: str = "page") -> str | Response:
    """The same for everybody, without counts that would tell of few, and before the named totals are final
    without any that a typed number moves. 404 once the office has closed it."""
    action = db.session.get(Action, noon_number.action_behind(code) or abort(404)) or abort(404)
    shown = _version(action.id, version)
    figures = shown.statement.figures
    pack = for_outsiders(figures["pack"], final=figures["numbers"]["final"])
    return _answer(action, shown, pack, form, code=code)


def _answer(
    action: Action, shown: Shown, pack: dict[str, Any], form: str, *, code: str | None
) -> str | Response:
    one = shown.statement
    name = f"statement-v{one.version}"
    if form == "csv":
        return as_file(pack_csv(pack), "csv", f"{name}-sites", drill=action.drill)
    if form == "xlsx":
        return as_file(pack_workbook(one, pack), "xlsx", f"{name}-challenge", drill=action.drill)
    if form == "pdf":
        pdf = statement_pdf(action, one, shown.before, pack)
        return as_file(pdf, "pdf", f"{name}-{language()}", drill=action.drill)
    return render_template(
        "turnout/statement.html",
        action=action,
        shown=shown,
        said=in_both(lambda lang: _one_language(action, shown, lang)),
        pack=pack,
        methods=[(method_word(Method(name)), count) for name, count in pack["methods"].items()],
        code=code,
        final_at=names_final_at(action),
        drill=action.drill,
    )


def _one_language(action: Action, shown: Shown, lang: str) -> str:
    return render_template(
        "turnout/_statement.html",
        action=action,
        one=shown.statement,
        n=shown.statement.figures["numbers"],
        final_at=names_final_at(action),
        code=lang,
        changed=[
            (figure_word(name), figure_text(name, old), figure_text(name, new))
            for name, old, new in shown.changes
        ],
    )


def _desk(action: Action, problem: str = "") -> str:
    versions, link = noon_number.published(action.id), noon_number.link_of(action.id)
    address = f"{settings().public_base_url}/noon/{link.code}" if link else ""
    draft = noon_number.draft_of(action.id)
    return render_template(
        "turnout/statements.html",
        action=action,
        versions=versions,
        draft=draft,
        final_at=names_final_at(action),
        changed=[
            (figure_word(name), figure_text(name, old), figure_text(name, new))
            for name, old, new in (noon_number.changes(versions[-1], draft) if versions and draft else [])
        ],
        address=address,
        qr=qr_svg(address, _("QR code of this link")) if address else "",
        problem=problem,
        typed=request.form,
        drill=action.drill,
    )


def _version(action_id: UUID, version: int | None) -> Shown:
    versions = noon_number.published(action_id)
    if not versions or not 1 <= (version or 1) <= len(versions):
        abort(404)
    at = (version or len(versions)) - 1
    return Shown(versions[at], versions[at - 1] if at else None, versions[-1])


def _signing() -> Signing:
    names = ("signed_as", "words_en", "words_es", "why_en", "why_es")
    return Signing(*(request.form.get(name, "") for name in names))


def _person() -> Person:
    return me().person or abort(401)
