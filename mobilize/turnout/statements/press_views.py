"""Pages and files of the press figures ("By the numbers"), in each language: HTML, PDF, CSV, XLSX, JSON."""

from collections.abc import Callable
from uuid import UUID

from flask import Response, abort, jsonify, render_template
from markupsafe import Markup

from mobilize import clock
from mobilize.accounts.access.permissions import me, signed_in
from mobilize.accounts.models import RoleName
from mobilize.actions.models import Action
from mobilize.actions.visibility import visible_action
from mobilize.languages import LANGUAGES, in_language, language
from mobilize.turnout.board.cache import board_for
from mobilize.turnout.figures.queries import names_final_at
from mobilize.turnout.reports.views import as_file, as_table
from mobilize.turnout.routes import bp
from mobilize.turnout.statements.press_figures import Numbers, numbers_of, numbers_sheet
from mobilize.turnout.statements.press_pdf import numbers_pdf


@bp.get("/actions/<uuid:action_id>/numbers")
@bp.get("/actions/<uuid:action_id>/numbers.<any(csv, pdf, xlsx, json):form>")
@signed_in(RoleName.ADMIN)
def numbers(action_id: UUID, form: str = "page") -> str | Response:
    """Counts only, none that tells of few, and before the named totals are final only what no typed number
    moves. A PDF is in one language: `?lang=es`, or the reader's."""
    action = visible_action(action_id, me().scope)
    board = board_for(action, me().scope, oldest=0.0) or abort(404)
    final_at = names_final_at(action)
    figures = numbers_of(board, final=clock.now() >= final_at)
    if form != "page":
        return _file(action, figures, form)
    context = {"action": action, "n": figures, "final_at": final_at}
    translations = rendered_in_each(
        lambda code: render_template("turnout/_numbers.html", **context, code=code)
    )
    return render_template(
        "turnout/numbers.html", action=action, translations=translations, drill=action.drill
    )


def rendered_in_each(draw: Callable[[str], str]) -> list[tuple[str, Markup]]:
    """(language, the template that `draw` renders) in each language."""
    translations = []
    for code in LANGUAGES:
        with in_language(code):
            translations.append((code, Markup(draw(code))))  # noqa: S704 - rendered, and so escaped, already
    return translations


def _file(action: Action, figures: Numbers, form: str) -> Response:
    if form == "json":
        return jsonify({"action": str(action.id), "drill": action.drill, **figures})
    if form in ("csv", "xlsx"):
        return as_table([numbers_sheet(figures)], form, action, "numbers")
    return as_file(numbers_pdf(action, figures, clock.now()), "pdf", action, "numbers", language())
