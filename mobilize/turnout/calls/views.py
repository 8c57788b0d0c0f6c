"""The call list: silent sites, of which each organizer is given one at a time."""

from typing import Any
from uuid import UUID

from flask import abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from mobilize import clock
from mobilize.accounts.access.permissions import me, signed_in
from mobilize.accounts.forms import role_word
from mobilize.accounts.models import RoleName
from mobilize.accounts.security.audit_labels import names_of
from mobilize.actions.models import Action
from mobilize.actions.visibility import visible_action
from mobilize.languages import _
from mobilize.turnout.board import cache as live_board
from mobilize.turnout.board.sites import PER_PAGE, board_state, filter_from
from mobilize.turnout.calls.operations import claim_call, end_call, give_back_call
from mobilize.turnout.calls.queries import SilentSite, call_list, called_after, sites_to_call
from mobilize.turnout.figures.types import Board
from mobilize.turnout.forms import CallForm, CountForm
from mobilize.turnout.models import CallResult
from mobilize.turnout.routes import bp


@bp.get("/actions/<uuid:action_id>/calls")
@signed_in(RoleName.ORGANIZER)
def calls(action_id: UUID) -> str:
    """The silent sites in scope with their chairs' numbers; on top the one that
    whoever looks is calling."""
    action, now = visible_action(action_id, me().scope), clock.now()
    board = live_board.board_for(action, me().scope) or abort(404)
    silent = _in_area(call_list(action, board, now))
    claimed = next((site for site in silent if site.claimed_by(now) == me().actor), None)
    due = sites_to_call(silent, me().actor, now)
    to_call = sum(1 for site in due if site.chairs)
    pages = max(1, -(-len(silent) // PER_PAGE))
    page = min(max(request.args.get("page", 1, type=int), 1), pages)
    return render_template(
        "turnout/calls.html",
        action=action,
        drill=action.drill,
        now=now,
        silent=silent,
        listed=silent[(page - 1) * PER_PAGE : page * PER_PAGE],
        page=page,
        pages=pages,
        claimed=claimed,
        form=CountForm(formdata=None),
        areas=[(area.area_id, area.name) for area in board.areas],
        area_id=filter_from(request.args).area_id,
        to_call=to_call,
        without_chair=len(due) - to_call,
        names=names_of({call.by for site in silent for call in site.calls}),
        minutes=called_after(action),
        role_word=role_word,
        board_state=board_state,
    )


@bp.post("/actions/<uuid:action_id>/calls")
@signed_in(RoleName.ORGANIZER)
def call_next(action_id: UUID) -> Response:
    """Give whoever asks the site that is next in line."""
    action, board = _action_and_board(action_id)
    _claim_next(action, board)
    return _to_list(action)


@bp.post("/actions/<uuid:action_id>/calls/<uuid:site_id>")
@signed_in(RoleName.ORGANIZER)
def call_site(action_id: UUID, site_id: UUID) -> Response:
    """Take this site, give it back, or say what became of the call; after which the next one is given."""
    action, board = _action_and_board(action_id)
    chapter, form, actor = board.chapter(site_id) or abort(404), CallForm(), me().actor
    event_id = chapter.line.event_id or abort(404)
    if not form.validate():
        abort(422)
    if form.do.data == "take":
        if not claim_call(event_id, actor=actor, now=clock.now()):
            flash(_("Somebody else is calling %(site)s now.", site=chapter.name), "warning")
    elif form.do.data == "give_back":
        give_back_call(event_id, actor=actor)
    else:
        end_call(event_id, CallResult(form.do.data), actor=actor, now=clock.now(), chair=form.called)
        _claim_next(action, board)
    return _to_list(action)


def _claim_next(action: Action, board: Board) -> None:
    now, actor = clock.now(), me().actor
    for site in sites_to_call(_in_area(call_list(action, board, now)), actor, now):
        if site.chapter.line.event_id and claim_call(site.chapter.line.event_id, actor=actor, now=now):
            return
    flash(
        _("There is nobody to call just now: each was called in the last ten minutes, or somebody is on it."),
        "note",
    )


def _in_area(silent: list[SilentSite]) -> list[SilentSite]:
    area_id = filter_from(request.args).area_id
    return [site for site in silent if area_id in (None, site.chapter.area_id)]


def _action_and_board(action_id: UUID) -> tuple[Action, Board]:
    action = visible_action(action_id, me().scope)
    return action, live_board.board_for(action, me().scope) or abort(404)


def _to_list(action: Action) -> Response:
    looked_for: dict[str, Any] = filter_from(request.args).query()
    return redirect(url_for("turnout.calls", action_id=action.id, **looked_for), 303)
