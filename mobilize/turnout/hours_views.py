"""Duty and hours of an action: by chapter for whoever sees several, by member for one chapter."""

from datetime import time
from uuid import UUID, uuid4

from flask import abort, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from mobilize import audit, clock
from mobilize.accounts.entrance import me, signed_in
from mobilize.accounts.models import CHAIRS, RoleName
from mobilize.actions.models import Action, Event
from mobilize.actions.queries import chapter_names
from mobilize.actions.seen import seen_action, seen_site
from mobilize.checkins.duties import duty_words
from mobilize.checkins.models import Duty
from mobilize.checkins.vouching import vouch_for_hours
from mobilize.database import db
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.roster.models import Site
from mobilize.turnout.blueprint import bp
from mobilize.turnout.homes import homes_of
from mobilize.turnout.hours import ChapterHours, hours_of, named_hours


@bp.get("/actions/<uuid:action_id>/hours")
@signed_in(RoleName.ORGANIZER, *CHAIRS)
def hours(action_id: UUID) -> str:
    """By chapter: how many, how long, and how many were never checked out."""
    action, scope = seen_action(action_id, me().scope), me().scope
    sites = None if scope.everything else set(db.session.scalars(scope.limit(select(Site.id))))
    chapters = hours_of(action, sites)
    return render_template(
        "turnout/hours.html",
        action=action,
        chapters=chapters,
        total=ChapterHours(None, "", tuple(member for chapter in chapters for member in chapter.members)),
        duty_words=duty_words(),
        drill=action.drill,
    )


@bp.get("/actions/<uuid:action_id>/sites/<uuid:site_id>/hours")
@signed_in(RoleName.ORGANIZER, *CHAIRS)
def chapter_hours(action_id: UUID, site_id: UUID) -> str:
    """Each member's coming and leaving, her duty, and her hours."""
    action, site = seen_action(action_id, me().scope), seen_site(site_id, me().scope)
    if not homes_of(action, site.id):
        abort(404)
    audit.note(me().actor, "hours.see", f"{action.id}/{site.id}", now=clock.now())
    return render_template("turnout/chapter_hours.html", drill=action.drill, **_chapter(action, site))


@bp.post("/actions/<uuid:action_id>/sites/<uuid:site_id>/hours")
@signed_in(RoleName.ORGANIZER, *CHAIRS)
def say_hours(action_id: UUID, site_id: UUID) -> Response | tuple[str, int]:
    """When one of its members came or left, and what she did, as somebody knows it who was there."""
    action, site = seen_action(action_id, me().scope), seen_site(site_id, me().scope)
    homes = homes_of(action, site.id) or abort(404)
    member = request.form.get("member", type=UUID)
    try:
        if member not in {one for one, _name in chapter_names(site.id)}:
            raise Refused("no_member", _("Choose a member."), status=422)
        times = {name: _time(name) for name in ("came", "left")}
        duty, page = request.form.get("duty", type=Duty), request.form.get("page", "")[:64]
        event = db.session.get_one(Event, homes[0].event_id)
        vouch_for_hours(event, member, **times, duty=duty, page=page, actor=me().actor, now=clock.now())
    except Refused as refusal:
        said = _chapter(action, site) | {"problem": refusal.message}
        return render_template("turnout/chapter_hours.html", drill=action.drill, **said), refusal.status
    flash(_("Saved. It counts from now on."), "done")
    return redirect(url_for("turnout.chapter_hours", action_id=action.id, site_id=site.id), 303)


def _time(name: str) -> time | None:
    written = request.form.get(name, "")
    try:
        return time.fromisoformat(written) if written else None
    except ValueError:
        raise Refused("bad_time", _("Write the time like 10:30.")) from None


def _chapter(action: Action, site: Site) -> dict[str, object]:
    found = hours_of(action, {site.id})
    chapter = found[0] if found else ChapterHours(site.id, site.name, ())
    people = named_hours(chapter.members)
    listed = [] if action.forgotten_at else chapter_names(site.id)
    return {
        "action": action,
        "site": site,
        "chapter": chapter,
        "people": people,
        "duty_words": duty_words(),
        "listed": sorted(listed, key=lambda one: one[1].sorted_by),
        "page": uuid4().hex,
        "said": request.form,
    }
