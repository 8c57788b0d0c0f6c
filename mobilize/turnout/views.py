"""Who came, by area and site, while it happens. The reports afterwards are in `report_views`."""

from uuid import UUID

from flask import Response, abort, render_template, request, url_for

from mobilize import clock
from mobilize.accounts.entrance import me, signed_in
from mobilize.accounts.forms import role_word
from mobilize.accounts.models import RoleName
from mobilize.actions.models import Action
from mobilize.actions.seen import seen_action
from mobilize.languages import language
from mobilize.turnout import (
    coming_views,
    hours_views,
    numbers_views,
    report_views,
    series_views,
    statement_views,
    wall_views,
)
from mobilize.turnout import live as live_board
from mobilize.turnout.answering import answered
from mobilize.turnout.blueprint import bp
from mobilize.turnout.call_list import call_list, called_after
from mobilize.turnout.figures import Board
from mobilize.turnout.overview import actions_on, own_sites, past_actions
from mobilize.turnout.pictures import pictures
from mobilize.turnout.spreadsheet import as_json
from mobilize.turnout.wording import hours_text, percent_text, points_text

__all__ = [
    "bp",
    "coming_views",
    "hours_views",
    "numbers_views",
    "report_views",
    "series_views",
    "statement_views",
    "wall_views",
]

bp.add_app_template_filter(hours_text, "hours")
bp.add_app_template_filter(percent_text, "share")
bp.add_app_template_filter(points_text, "points")


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
    action = seen_action(action_id, me().scope)
    board = live_board.board_for(action, me().scope) or abort(404)
    return render_template(
        "turnout/live.html",
        action=action,
        board=board,
        drill=action.drill,
        link=_report_link(action),
        **pictures(action, board, _report_link(action)),
    )


@bp.get("/actions/<uuid:action_id>/calls")
@signed_in(RoleName.ORGANIZER)
def calls(action_id: UUID) -> str:
    """The silent sites in scope whose chairs were asked in vain, with their numbers to call."""
    action, now = seen_action(action_id, me().scope), clock.now()
    board = live_board.board_for(action, me().scope) or abort(404)
    return render_template(
        "turnout/calls.html",
        action=action,
        silent=call_list(action, board, now),
        minutes=called_after(action),
        role_word=role_word,
        drill=action.drill,
    )


@bp.get("/actions/<uuid:action_id>/turnout.json")
@signed_in(RoleName.ORGANIZER)
def figures(action_id: UUID) -> Response:
    """The board for machines; `?with=html` is the page's own tables, ready to be put in their place.

    304 to whoever names the ETag of an unchanged board. Figures are at most a second old.
    """
    action, scope = seen_action(action_id, me().scope), me().scope
    write = _as_tables if request.args.get("with") == "html" else _as_figures
    way = (language(), write.__name__)
    said = live_board.said_for(action, scope, way, lambda board: write(action, board))
    return answered(said or abort(404))


def _as_figures(action: Action, board: Board) -> live_board.Said:
    areas = {"areas": as_json(board, by="area")["areas"]}
    return live_board.written({"drill": action.drill} | as_json(board, by="site") | areas)


def _as_tables(action: Action, board: Board) -> live_board.Said:
    link = _report_link(action)
    page = {"action": action, "board": board, "link": link, **pictures(action, board, link)}
    return live_board.written({"html": render_template("turnout/_board.html", **page)})


def _report_link(action: Action) -> str:
    """The address of a chapter's report with {} for the site: made once, since a board has 800 of them."""
    anyone = UUID(int=0)
    return url_for("turnout.chapter_report", action_id=action.id, site_id=anyone).replace(str(anyone), "{}")
