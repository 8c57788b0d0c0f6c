"""Where is my line?: the page for everybody, its JSON, and the switch of the office."""

import json
import uuid
from collections.abc import Sequence
from typing import Any

from flask import Response, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from mobilize import clock, settings
from mobilize.accounts.access.permissions import anyone, me, signed_in
from mobilize.accounts.models import RoleName
from mobilize.actions.line_finder.operations import show_lines
from mobilize.actions.line_finder.queries import FinderSite, LineFinder, PublicLine, open_finder
from mobilize.actions.line_finder.tap_map import point_of, read_tap, tap_map
from mobilize.actions.routes import bp
from mobilize.actions.visibility import visible_action
from mobilize.errors import Refused
from mobilize.fast.page_cache import CachedPage
from mobilize.languages import _, language
from mobilize.web.security_headers import may_be_framed

MOST_NEAR = 5
LONGEST_TYPED = 80


@bp.get("/where")
@bp.get("/WHERE")
@anyone
def where() -> Response:
    """The lines of a school, or the nearest to it or to a tap on the map; 404 while no action shows its
    lines. Reads no cookie but that of the language, since it may stand in a frame."""
    finder = open_finder(clock.now())
    if finder is None:
        return _framed(make_response(render_template("actions/where.html", finder=None, **_NOBODY), 404))
    typed, tap, code = _typed(), read_tap(request.args.get("at", "")), request.args.get("site", "")[:40]
    key = language(), typed, tap, code if finder.site(code) else ""
    return _framed(finder.page(key, lambda: _rendered(finder, for_all=not typed)).answer({}))


@bp.get("/where.json")
@anyone
def where_json() -> Response:
    """The same for a program: all lines, or those of the schools that `q` finds, or the nearest to `at`."""
    finder, origin = open_finder(clock.now()), request.headers.get("Origin", "")
    body: dict[str, Any] = {"lines": []} if finder is None else _as_json(finder)
    response = Response(json.dumps(body, ensure_ascii=False), 404 if finder is None else 200)
    response.mimetype = "application/json"
    response.vary.add("Origin")
    if origin in settings().line_finder_origins:
        response.headers["Access-Control-Allow-Origin"] = origin
    return response


@bp.post("/actions/<uuid:action_id>/where")
@signed_in(RoleName.ADMIN)
def switch_line_finder(action_id: uuid.UUID) -> ResponseReturnValue:
    """Show the lines of an action to everybody, or no longer. Pressed twice, it is done once."""
    action, show = visible_action(action_id, me().scope), request.args.get("show") == "1"
    try:
        show_lines(action, show, actor=me().actor, now=clock.now())
    except Refused as refusal:
        flash(refusal.message, "problem")
    else:
        flash(
            _("Anybody can now look up its lines.") if show else _("Its lines are no longer shown."), "done"
        )
    return redirect(url_for("actions.action", action_id=action_id), 303)


def _rendered(finder: LineFinder, *, for_all: bool) -> CachedPage:
    page = render_template("actions/where.html", finder=finder, **_context(finder), **_NOBODY)
    return CachedPage(page, for_all=for_all)


# Whoever is signed in sees the page as everybody does: a page around it must not lead them to press anything.
_NOBODY: dict[str, Any] = {"me": None, "nav": list}


def _framed(response: Response) -> Response:
    return may_be_framed(response, settings().line_finder_origins)


def _context(finder: LineFinder) -> dict[str, Any]:
    """For the template: the school, or those to choose from, its lines, and those near it or near the tap."""
    typed, tap = _typed(), read_tap(request.args.get("at", ""))
    sites = finder.matching(typed) if typed else []
    site = finder.site(request.args.get("site", "")[:40]) or (sites[0] if len(sites) == 1 else None)
    own = site.lines if site else ()
    point = site.point if site else point_of(finder, tap)
    near = finder.nearest(point, MOST_NEAR, besides=own) if point else []
    return {
        "typed": typed,
        "site": site,
        "sites": [] if site else sites,
        "alike": finder.alike(typed) if typed and not sites and not site else [],
        "near": near,
        "tap": tap,
        "map": tap_map(finder, tap if not site else "", [line for _miles, line in near]),
        "several": len({line.action for line in finder.lines}) > 1,
        "text_number": settings().text_number,
    }


def _typed() -> str:
    return request.args.get("q", "").replace("\0", "").strip()[:LONGEST_TYPED]


def _as_json(finder: LineFinder) -> dict[str, Any]:
    typed, tap = _typed(), read_tap(request.args.get("at", ""))
    if typed:
        return {"lines": [_line(line, site) for site in finder.matching(typed) for line in site.lines]}
    point = point_of(finder, tap)
    lines: Sequence[PublicLine] = (
        [one for _m, one in finder.nearest(point, MOST_NEAR)] if point else finder.lines
    )
    return {"lines": [_line(line) for line in lines]}


def _line(line: PublicLine, site: FinderSite | None = None) -> dict[str, Any]:
    return {
        "action": dict(line.action),
        "sites": [site.name] if site else line.sites,
        "place": line.place,
        "meet_at": line.meet_at or None,
        "address": line.address or None,
        "starts_at": clock.local(line.starts_at, line.tz).isoformat(),
        "ends_at": clock.local(line.ends_at, line.tz).isoformat(),
        "time_zone": line.tz,
        "called_off": line.called_off,
        "lat": line.point[0] if line.point else None,
        "lon": line.point[1] if line.point else None,
    }
