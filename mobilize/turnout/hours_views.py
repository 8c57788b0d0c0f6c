"""Duty and hours of an action: by chapter for whoever sees several, by member for one chapter."""

from uuid import UUID

from flask import abort, render_template
from sqlalchemy import select

from mobilize import audit, clock
from mobilize.accounts.entrance import me, signed_in
from mobilize.accounts.models import CHAIRS, RoleName
from mobilize.actions.models import Action
from mobilize.actions.seen import seen_action, seen_site
from mobilize.checkins.duties import duty_words
from mobilize.database import db
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


def _chapter(action: Action, site: Site) -> dict[str, object]:
    found = hours_of(action, {site.id})
    chapter = found[0] if found else ChapterHours(site.id, site.name, ())
    people = named_hours(chapter.members)
    return {"action": action, "site": site, "chapter": chapter, "people": people, "duty_words": duty_words()}
