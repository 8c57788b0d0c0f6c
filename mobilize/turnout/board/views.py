"""Pages of live turnout, by area and site. The reports afterwards are in `reports.views`."""

from collections.abc import Callable
from functools import partial
from uuid import UUID

from flask import Response, abort, render_template, request

from mobilize import clock
from mobilize.accounts.access.permissions import me, signed_in, still_signed_in
from mobilize.accounts.models import RoleName
from mobilize.actions.models import Action
from mobilize.actions.visibility import visible_action
from mobilize.languages import language
from mobilize.turnout.board import cache as live_board
from mobilize.turnout.board.board_page import board_payload, has_begun, page_of_board
from mobilize.turnout.board.cache import to_response
from mobilize.turnout.board.overview import actions_on, own_sites, past_actions
from mobilize.turnout.board.sites import filter_from
from mobilize.turnout.figures.types import Board
from mobilize.turnout.labels import big_share_text, hours_text, percent_text, points_text, share_text
from mobilize.turnout.reports.tables import as_json
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
    way: tuple[object, ...] = (language(), has_begun(action))
    render: Callable[[Action, Board], live_board.Rendered] = _as_figures
    if request.args.get("with") == "html":
        area_id = filter_from(request.args).area_id
        places, more = "places" in request.args, "more" in request.args
        way += (area_id, places, more)
        render = partial(_as_page, area_id=area_id, places=places, more=more)
    rendered = live_board.rendered_for(action, scope, way, lambda board: render(action, board))
    if (is_still := still_signed_in()) is not None:
        repeat_current(live_board.given_again(action_id, scope, way, is_still))
    return to_response(rendered or abort(404))


def _as_page(
    action: Action, board: Board, *, area_id: UUID | None, places: bool, more: bool
) -> live_board.Rendered:
    payload = board_payload(action, board, area_id=area_id, places=places, more=more)
    return live_board.render_json(payload)


def _as_figures(action: Action, board: Board) -> live_board.Rendered:
    areas = {"areas": as_json(board, by="area")["areas"]}
    return live_board.render_json({"drill": action.drill} | as_json(board, by="site") | areas)
