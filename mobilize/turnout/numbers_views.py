"""By the numbers, in English and Spanish, fit for the press: page, PDF, CSV, XLSX and JSON."""

from typing import Any
from uuid import UUID

from flask import Response, abort, jsonify, render_template

from mobilize import clock
from mobilize.accounts.entrance import me, signed_in
from mobilize.accounts.models import RoleName
from mobilize.actions.models import Action
from mobilize.actions.seen import seen_action
from mobilize.languages import LANGUAGES, in_language, language
from mobilize.turnout.blueprint import bp
from mobilize.turnout.live import board_for
from mobilize.turnout.numbers import HEADINGS, Numbers, as_workbook, numbers_csv, numbers_of, rows_of
from mobilize.turnout.numbers_paper import numbers_pdf
from mobilize.turnout.queries import names_final_at
from mobilize.turnout.report_views import as_file


@bp.get("/actions/<uuid:action_id>/numbers")
@bp.get("/actions/<uuid:action_id>/numbers.<any(csv, pdf, xlsx, json):form>")
@signed_in(RoleName.ADMIN)
def numbers(action_id: UUID, form: str = "page") -> str | Response:
    """Counts only, none that tells of few, and before the named totals are final only what no typed number
    moves. A PDF is in one language: `?lang=es`, or the reader's."""
    action = seen_action(action_id, me().scope)
    board = board_for(action, me().scope, oldest=0.0) or abort(404)
    final_at = names_final_at(action)
    found = numbers_of(board, final=clock.now() >= final_at)
    if form != "page":
        return _file(action, found, form)
    given = {"action": action, "n": found, "final_at": final_at}
    said = in_both(lambda code: render_template("turnout/_numbers.html", **given, code=code))
    return render_template("turnout/numbers.html", action=action, said=said, drill=action.drill)


def in_both(draw: Any) -> list[tuple[str, str]]:
    """(language, what `draw` makes of it) in each language."""
    said = []
    for code in LANGUAGES:
        with in_language(code):
            said.append((code, draw(code)))
    return said


def _file(action: Action, found: Numbers, form: str) -> Response:
    if form == "json":
        return jsonify({"action": str(action.id), "drill": action.drill, **found})
    if form == "csv":
        return as_file(numbers_csv(found), "csv", "numbers", drill=action.drill)
    if form == "xlsx":
        return as_file(
            as_workbook([("DRILL numbers" if action.drill else "numbers", HEADINGS, rows_of(found))]),
            "xlsx",
            "numbers",
            drill=action.drill,
        )
    return as_file(
        numbers_pdf(action, found, clock.now()), "pdf", f"numbers-{language()}", drill=action.drill
    )
