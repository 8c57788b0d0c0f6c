"""Coming against arrived, by area and home chapter: a page, and the same figures as a file."""

from uuid import UUID

from flask import Response, abort, render_template

from mobilize.accounts.entrance import me, signed_in
from mobilize.accounts.models import RoleName
from mobilize.actions.seen import seen_action
from mobilize.turnout.blueprint import bp
from mobilize.turnout.coming import HEADINGS, coming_against_arrived, table_of
from mobilize.turnout.live import board_for
from mobilize.turnout.report_views import as_file
from mobilize.turnout.spreadsheet import to_csv


@bp.get("/actions/<uuid:action_id>/coming")
@bp.get("/actions/<uuid:action_id>/coming.<any(csv):form>")
@signed_in(RoleName.ORGANIZER)
def coming(action_id: UUID, form: str = "page") -> str | Response:
    """Counts only, of the chapters in scope."""
    action = seen_action(action_id, me().scope)
    board = board_for(action, me().scope) or abort(404)
    if form == "csv":
        return as_file(to_csv(HEADINGS, table_of(action, board)), "csv", "coming", drill=action.drill)
    together, areas = coming_against_arrived(action, board)
    page = {"board": board, "together": together, "areas": areas, "drill": action.drill}
    return render_template("turnout/coming.html", action=action, **page)
