"""The board on a wall: read-only, by a link, for rooms where outsiders stand as well."""

import hashlib
import json
from uuid import UUID

from flask import Response, abort, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response as Answer

from mobilize import clock, settings
from mobilize.accounts.entrance import anyone, me, signed_in
from mobilize.accounts.grants import grant_by_token, grant_line, revoke_grant
from mobilize.accounts.models import GrantKind, LineGrant, RoleName
from mobilize.accounts.scope import THE_OFFICE
from mobilize.actions.models import Action, Event
from mobilize.actions.seen import seen_action
from mobilize.database import db
from mobilize.languages import _, language
from mobilize.qr import qr_svg
from mobilize.turnout import live
from mobilize.turnout.blueprint import bp
from mobilize.turnout.drawing import site_map
from mobilize.turnout.figures import Board
from mobilize.turnout.outsiders import outside
from mobilize.turnout.walls import open_walls, wall_ends, wall_event


@bp.get("/wall/<token>")
@anyone
def wall(token: str) -> tuple[str, int]:
    """The board without anything that tells of single people; 410 when the link has ended."""
    action = _action_of(token)
    board = _board(action) if action else None
    if action is None or board is None:
        return render_template("turnout/wall.html", action=None), 410
    page = {"action": action, "drill": action.drill, "source": url_for("turnout.wall_figures", token=token)}
    return render_template("turnout/wall.html", **page, **_shown(board)), 200


@bp.get("/wall/<token>/board.json")
@anyone
def wall_figures(token: str) -> Response:
    """What the page puts in place of its tables; 304 to whoever names the ETag of an unchanged board."""
    action = _action_of(token)
    if action is None:
        abort(410)
    said = live.said_for(action, THE_OFFICE, ("wall", language()), lambda board: _body(action, board))
    if said is None:
        abort(404)
    answer = Response(said.body, mimetype="application/json", headers={"Cache-Control": "private, no-cache"})
    answer.set_etag(said.etag)
    return answer.make_conditional(request)  # type: ignore[return-value]


@bp.get("/actions/<uuid:action_id>/walls")
@signed_in(RoleName.ADMIN)
def walls(action_id: UUID) -> str:
    """The links that are open."""
    return _page(seen_action(action_id, me().scope))


@bp.post("/actions/<uuid:action_id>/walls")
@signed_in(RoleName.ADMIN)
def give_wall(action_id: UUID) -> str:
    """A new link, shown once with its QR."""
    action = seen_action(action_id, me().scope)
    label, ends_at = request.form.get("label", ""), wall_ends(action)
    event = wall_event(action) or abort(404)
    _grant, token = grant_line(event.id, GrantKind.WALL, label, None, me().actor, ends_at, now=clock.now())
    return _page(action, f"{settings().public_base_url}/wall/{token}")


@bp.post("/actions/<uuid:action_id>/walls/<uuid:grant_id>/revoke")
@signed_in(RoleName.ADMIN)
def take_wall_back(action_id: UUID, grant_id: UUID) -> Answer:
    """The next look at that wall is refused."""
    action = seen_action(action_id, me().scope)
    found = [grant for grant in open_walls(action, clock.now()) if grant.id == grant_id]
    if not found:
        abort(404)
    revoke_grant(found[0], me().actor, now=clock.now())
    flash(_("Taken back. That link shows nothing any more."), "done")
    return redirect(url_for("turnout.walls", action_id=action.id), 303)


def _action_of(token: str) -> Action | None:
    grant: LineGrant | None = grant_by_token(token, now=clock.now())
    if grant is None or grant.kind is not GrantKind.WALL:
        return None
    return db.session.scalar(select(Action).join(Event).where(Event.id == grant.event_id))


def _board(action: Action) -> Board | None:
    return live.board_for(action, THE_OFFICE)


def _body(action: Action, board: Board) -> live.Said:
    html = render_template("turnout/_wall.html", action=action, **_shown(board))
    body = json.dumps({"html": html}, ensure_ascii=False).encode()
    return live.Said(body, hashlib.blake2b(body, digest_size=12).hexdigest())


def _shown(board: Board) -> dict[str, object]:
    shown = outside(board)
    return {
        "shown": shown,
        "board": board,
        "map": None if board.one_line else site_map(shown.sites),
    }


def _page(action: Action, address: str = "") -> str:
    return render_template(
        "turnout/walls.html",
        action=action,
        walls=open_walls(action, clock.now()),
        ends_at=wall_ends(action),
        address=address,
        qr=qr_svg(address, _("QR code of this link")) if address else "",
    )
