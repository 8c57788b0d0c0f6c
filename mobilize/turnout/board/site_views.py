"""A site of the board, beside it or as a page of its own; and the head count that is entered for it."""

from typing import Any
from uuid import UUID

from flask import abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from mobilize import clock
from mobilize.accounts.access.permissions import me, signed_in
from mobilize.accounts.forms import role_word
from mobilize.accounts.models import RoleName
from mobilize.accounts.security.audit_labels import names_of
from mobilize.actions.models import Action, Event
from mobilize.actions.visibility import may_change, visible_action, visible_site
from mobilize.checkins.photos.queries import number_of_photos
from mobilize.database import db
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.roster.models import Site
from mobilize.turnout.board import cache as live_board
from mobilize.turnout.board.board_page import has_begun
from mobilize.turnout.board.site_page import site_line
from mobilize.turnout.board.sites import board_state, filter_from
from mobilize.turnout.calls.operations import enter_count
from mobilize.turnout.figures.types import Chapter
from mobilize.turnout.forms import CountForm
from mobilize.turnout.routes import bp

# Where somebody goes back to after they entered a count.
_BACK = {"live": "turnout.live", "calls": "turnout.calls"}


@bp.get("/actions/<uuid:action_id>/turnout/<uuid:site_id>")
@signed_in(RoleName.ORGANIZER)
def live_site(action_id: UUID, site_id: UUID) -> str:
    """The count, people, calls and texts of a site; `?part=1` is what the board shows beside itself."""
    action, site = visible_action(action_id, me().scope), visible_site(site_id, me().scope)
    return _page(action, site, CountForm(formdata=None))


@bp.post("/actions/<uuid:action_id>/turnout/<uuid:site_id>")
@signed_in(RoleName.ORGANIZER)
def enter_site_count(action_id: UUID, site_id: UUID) -> Response | tuple[str, int]:
    """Store the head count that was typed, and go back to where it was typed."""
    action, site = visible_action(action_id, me().scope), visible_site(site_id, me().scope)
    event = _event(_chapter(action, site.id))
    form = CountForm()
    if event is None or not may_change(event, me().scope):
        abort(404)
    if not form.validate():
        return _page(action, site, form), 422
    try:
        enter_count(
            event, form.n.data, nonce=form.nonce_bytes, sure=form.sure.data, actor=me().actor, now=clock.now()
        )
    except Refused as refusal:
        form.ask_whether_sure = refusal.code == "count_unusual"
        form.form_errors.append(refusal.message)
        return _page(action, site, form), refusal.status
    flash(_("%(site)s: %(n)s counted.", site=site.name, n=form.n.data), "done")
    return redirect(_way_back(action, site), 303)


def _page(action: Action, site: Site, form: CountForm) -> str:
    chapter = _chapter(action, site.id)
    event, now = _event(chapter), clock.now()
    line, may_see = site_line(event, site.id, now), event is not None and may_change(event, me().scope)
    page: dict[str, Any] = {
        "action": action,
        "drill": action.drill,
        "site": site,
        "chapter": chapter,
        "state": board_state(chapter, has_begun=has_begun(action)),
        "line": line,
        "callers": names_of({call.by for call in line.calls}),
        "now": now,
        "may_count": may_see and event is not None and event.starts_at <= now,
        "photos": number_of_photos(event.id, now) if may_see and event is not None else 0,
        "form": form,
        "role_word": role_word,
        "back": request.args.get("back", "live"),
        "asked_for": filter_from(request.args).query(),
        "to_board": _way_back(action, site),
    }
    name = "turnout/_live_site.html" if "part" in request.args else "turnout/live_site.html"
    return render_template(name, **page)


def _chapter(action: Action, site_id: UUID) -> Chapter:
    board = live_board.board_for(action, me().scope)
    return (board.chapter(site_id) if board else None) or abort(404)


def _event(chapter: Chapter) -> Event | None:
    return db.session.get(Event, chapter.line.event_id) if chapter.line.event_id else None


def _way_back(action: Action, site: Site) -> str:
    """The page it was opened from, with what was looked for there."""
    endpoint = _BACK.get(request.args.get("back", ""), "turnout.live")
    looked_for: dict[str, Any] = filter_from(request.args).query()
    return url_for(endpoint, action_id=action.id, **looked_for)
