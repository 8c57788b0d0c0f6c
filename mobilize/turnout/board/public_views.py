"""The wall: the live board by a link, read-only, for rooms where outsiders stand as well."""

from collections.abc import Callable
from datetime import timedelta
from threading import Lock
from uuid import UUID

from cachetools import LRUCache
from flask import Response, abort, flash, redirect, render_template, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response as BaseResponse

from mobilize import clock, settings
from mobilize.accounts.access.grants import grant_by_token, grant_line, revoke_grant, role_at
from mobilize.accounts.access.permissions import after_step_up, anyone, me, signed_in
from mobilize.accounts.access.scope import THE_OFFICE
from mobilize.accounts.models import GrantKind, LineGrant, RoleName
from mobilize.actions.models import Action, Event
from mobilize.actions.visibility import visible_action
from mobilize.database import db
from mobilize.fast.versions import version_of, versions
from mobilize.languages import _, language
from mobilize.printing.qr import qr_svg
from mobilize.turnout.board import cache as live
from mobilize.turnout.board.cache import to_response
from mobilize.turnout.board.public_links import areas_for_walls, open_walls, wall_ends, wall_event
from mobilize.turnout.board.site_map import Map, map_html, site_map
from mobilize.turnout.figures.disclosure_control import PublicBoard, public_board
from mobilize.turnout.figures.types import Board
from mobilize.turnout.forms import WallForm
from mobilize.turnout.routes import bp
from mobilize.web.repeated_answers import repeat_current

LOOKED_UP_EVERY = timedelta(minutes=1)
# In each process: the event a link is given by, which never changes.
_events: LRUCache[str, UUID] = LRUCache(1000)
# In each process: what was rendered of a wall last, and of which figures. What is typed moves none of them,
# and so the next look costs no more after a member's check-in than after a stranger's.
_bodies: LRUCache[tuple[UUID, UUID | None, str], tuple[PublicBoard, live.Rendered]] = LRUCache(64)
_lock = Lock()  # of both


@bp.get("/wall/<token>")
@anyone
def wall(token: str) -> tuple[str, int]:
    """The board without anything that a typed number moves; 410 when the link has ended."""
    grant = _grant_of(token)
    action = _action_of(grant) if grant else None
    board = _board(action) if action else None
    if grant is None or action is None or board is None:
        return render_template("turnout/wall.html", action=None), 410
    page = {
        "action": action,
        "drill": action.drill,
        "source": url_for("turnout.wall_figures", token=token, lang=language()),
    }
    return render_template("turnout/wall.html", **page, **_context(public_board(board), grant.area_id)), 200


@bp.get("/wall/<token>/board.json")
@anyone
def wall_figures(token: str) -> Response:
    """The HTML that the page puts in place of its tables; 304 to whoever names the ETag of an unchanged
    board."""
    # Before the link is looked up: what changes in between is then seen by the next look.
    version = _version(token)
    grant = _grant_of(token)
    action = _action_of(grant) if grant else None
    if grant is None or action is None:
        abort(410)
    area_id = grant.area_id
    way = ("wall", area_id, language())
    rendered = live.rendered_for(action, THE_OFFICE, way, lambda board: _body(action, board, area_id))
    if version is not None:
        repeat_current(live.given_again(action.id, THE_OFFICE, way, _is_open(grant, version)))
    with _lock:
        _events[token] = grant.event_id
    return to_response(rendered or abort(404))


def _version(token: str) -> int | None:
    """The version of the line that a link belongs to, which is another one once the link is turned off; None
    before its first look."""
    with _lock:
        event_id = _events.get(token)
    return None if event_id is None else version_of(event_id)


def _is_open(grant: LineGrant, version: int) -> Callable[[], bool]:
    """What tells for a minute, and without a question, whether this link still opens its wall."""
    event_id, current = grant.event_id, versions()
    until = min(grant.ends_at, clock.now() + LOOKED_UP_EVERY)
    return lambda: current.cached(event_id) == version and clock.now() < until


@bp.get("/actions/<uuid:action_id>/walls")
@signed_in(RoleName.ORGANIZER)
def walls(action_id: UUID) -> str:
    """The links that are open."""
    return _page(visible_action(action_id, me().scope))


@bp.post("/actions/<uuid:action_id>/walls")
@signed_in(RoleName.ORGANIZER, step_up=True)
def give_wall(action_id: UUID) -> str:
    """A new link, shown once with its QR: of the whole union by the office, of an area by its organizer."""
    action, scope = visible_action(action_id, me().scope), me().scope
    form = WallForm().offer(areas_for_walls(action, scope), whole_union=scope.everything)
    if not form.validate():
        abort(404)
    event = wall_event(action) or abort(404)
    area_id = UUID(form.area.data) if form.area.data else None
    now, holder = clock.now(), me().person
    role_id = role_at(holder, [], area_id, now=now) if holder else None
    with after_step_up():
        _grant, token = grant_line(
            event.id,
            GrantKind.WALL,
            form.label.data,
            None,
            me().actor,
            wall_ends(action),
            role_id=role_id,
            area_id=area_id,
            now=now,
        )
    return _page(action, f"{settings().public_base_url}/wall/{token}")


@bp.post("/actions/<uuid:action_id>/walls/<uuid:grant_id>/revoke")
@signed_in(RoleName.ORGANIZER)
def take_wall_back(action_id: UUID, grant_id: UUID) -> BaseResponse:
    """The next look at that wall is refused."""
    action = visible_action(action_id, me().scope)
    grants = [grant for grant in open_walls(action, me().scope, clock.now()) if grant.id == grant_id]
    if not grants:
        abort(404)
    revoke_grant(grants[0], me().actor, now=clock.now())
    flash(_("Turned off. That link shows nothing any more."), "done")
    return redirect(url_for("turnout.walls", action_id=action.id), 303)


def _grant_of(token: str) -> LineGrant | None:
    grant: LineGrant | None = grant_by_token(token, now=clock.now())
    return grant if grant and grant.kind is GrantKind.WALL else None


def _action_of(grant: LineGrant) -> Action | None:
    return db.session.scalar(select(Action).join(Event).where(Event.id == grant.event_id))


def _board(action: Action) -> Board | None:
    return live.board_for(action, THE_OFFICE)


def _body(action: Action, whole: Board, area_id: UUID | None) -> live.Rendered:
    key, union = (action.id, area_id, language()), public_board(whole)
    with _lock:
        figures, rendered = _bodies.get(key, (None, None))
    if rendered is None or figures != union:
        html = render_template("turnout/_wall.html", action=action, **_context(union, area_id))
        rendered = live.render_json({"html": html})
        with _lock:
            _bodies[key] = union, rendered
    return rendered


def _context(union: PublicBoard, area_id: UUID | None) -> dict[str, object]:
    board = union.of_area(area_id) if area_id else union
    return {
        "board": board,
        # When it was asked, and not when it last changed: names that are not shown here change it as well.
        "as_of": clock.now(),
        "place": board.total.name,
        "map": map_html(
            None if board.one_line else _map(union, board), area_id=area_id, link="", by_head_count=True
        ),
    }


def _map(union: PublicBoard, board: PublicBoard) -> Map | None:
    areas = {area.area_id: area.name for area in union.areas if area.area_id}
    return site_map(board.sites, areas, lines=settings().map_lines)


def _page(action: Action, address: str = "") -> str:
    areas = areas_for_walls(action, me().scope)
    return render_template(
        "turnout/walls.html",
        action=action,
        walls=open_walls(action, me().scope, clock.now()),
        areas=areas,
        form=WallForm(formdata=None).offer(areas, whole_union=me().scope.everything),
        ends_at=wall_ends(action),
        address=address,
        qr=qr_svg(address, _("QR code of this link")) if address else "",
    )
