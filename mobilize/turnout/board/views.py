"""Pages of live turnout, by area and site. The reports afterwards are in `reports.views`."""

from uuid import UUID

from flask import Response, abort, render_template, request

from mobilize import clock
from mobilize.accounts.access.permissions import me, signed_in, still_signed_in
from mobilize.accounts.models import RoleName
from mobilize.actions.visibility import visible_action
from mobilize.turnout.board import cache as live_board
from mobilize.turnout.board.board_page import page_of_board
from mobilize.turnout.board.drawing import drawing_cache
from mobilize.turnout.board.drawing.drawing_cache import to_response
from mobilize.turnout.board.drawing.drawings import DrawingKey, DrawingKind
from mobilize.turnout.board.overview import actions_on, own_sites, past_actions
from mobilize.turnout.board.sites import filter_from
from mobilize.turnout.labels import big_share_text, hours_text, percent_text, points_text, share_text
from mobilize.turnout.routes import bp
from mobilize.web.repeated_answers import repeat_current

bp.add_app_template_filter(hours_text, "hours")
bp.add_app_template_filter(percent_text, "share")
bp.add_app_template_filter(points_text, "points")
bp.add_app_template_filter(share_text, "share_of")
bp.add_app_template_filter(big_share_text, "big_share_of")


@bp.get("/overview")
@signed_in()
def overview() -> str:
    """The first page of whoever is signed in: a chair's next event, an organizer's actions."""
    scope, now = me().scope, clock.now()
    today, coming = actions_on(scope, now) if scope.is_organizer else ([], [])
    return render_template(
        "turnout/overview.html",
        now=now,
        sites=own_sites(scope, now),
        today=[(action, live_board.board_for(action, scope)) for action in today],
        coming=coming,
        past=past_actions(scope, now) if scope.is_organizer else [],
    )


@bp.get("/actions/<uuid:action_id>/turnout")
@signed_in(RoleName.ORGANIZER)
def live(action_id: UUID) -> str:
    """The live board of the areas in scope."""
    action = visible_action(action_id, me().scope)
    board = live_board.board_for(action, me().scope) or abort(404)
    page = page_of_board(action, board, filter_from(request.args), request.args.get("page", 1, type=int))
    return render_template("turnout/live.html", drill=action.drill, **page)


@bp.get("/actions/<uuid:action_id>/turnout.json")
@signed_in(RoleName.ORGANIZER)
def figures(action_id: UUID) -> Response:
    """The board for machines; `?with=html` is what keeps the page fresh: with `places` the names and codes
    too, with `more` what stands behind a word below the sites, and with `area` the map of that one.

    304 to whoever names the ETag of an unchanged board. Figures are two seconds old at most, more on a
    machine that is busy. Whoever asks again is answered from what others had rendered meanwhile, while they
    are signed in as they are.
    """
    scope = me().scope
    action = visible_action(action_id, scope)
    if request.args.get("with") == "html":
        parts = {name: name in request.args for name in ("places", "more")}
        key = DrawingKey.of(DrawingKind.PAGE, action, scope, filter_from(request.args).area_id, **parts)
    else:
        key = DrawingKey.of(DrawingKind.FIGURES, action, scope)
    drawing = drawing_cache.drawing_of(action, key)
    if (is_still := still_signed_in()) is not None:
        repeat_current(drawing_cache.repeated(key, is_still))
    return to_response(drawing or abort(404))
