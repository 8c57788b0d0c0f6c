"""Pages of duty and hours: by chapter for whoever sees several, by member for one chapter."""

from uuid import UUID

from flask import abort, flash, redirect, render_template, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from mobilize import audit, clock
from mobilize.accounts.access.permissions import me, signed_in
from mobilize.accounts.models import CHAIRS, RoleName
from mobilize.actions.models import Action, Event
from mobilize.actions.queries import chapter_names
from mobilize.actions.visibility import visible_action, visible_site
from mobilize.checkins.forms import duty_words
from mobilize.checkins.review.manual_entries import vouch_for_hours
from mobilize.database import db
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.roster.models import Site
from mobilize.turnout.figures.chapters import homes_of
from mobilize.turnout.forms import HoursForm
from mobilize.turnout.hours.queries import ChapterHours, hours_by_area, hours_of, hours_together, named_hours
from mobilize.turnout.routes import bp


@bp.get("/actions/<uuid:action_id>/hours")
@signed_in(RoleName.ORGANIZER, *CHAIRS)
def hours(action_id: UUID) -> str:
    """By chapter: how many, how long, and how many were never checked out."""
    action, scope = visible_action(action_id, me().scope), me().scope
    sites = None if scope.everything else set(db.session.scalars(scope.limit(select(Site.id))))
    chapters = hours_of(action, sites)
    return render_template(
        "turnout/hours.html",
        action=action,
        areas=hours_by_area(chapters),
        total=hours_together(chapters),
        duty_words=duty_words(),
        drill=action.drill,
    )


@bp.get("/actions/<uuid:action_id>/sites/<uuid:site_id>/hours")
@signed_in(RoleName.ORGANIZER, *CHAIRS)
def chapter_hours(action_id: UUID, site_id: UUID) -> str:
    """Each member's coming and leaving, their duty, and their hours."""
    action, site = visible_action(action_id, me().scope), visible_site(site_id, me().scope)
    if not homes_of(action, site.id):
        abort(404)
    audit.note(me().actor, "hours.see", f"{action.id}/{site.id}", now=clock.now())
    return _chapter_page(action, site, _form(action, site))


@bp.post("/actions/<uuid:action_id>/sites/<uuid:site_id>/hours")
@signed_in(RoleName.ORGANIZER, *CHAIRS)
def say_hours(action_id: UUID, site_id: UUID) -> Response | tuple[str, int]:
    """Record when one of its members came or left, and what they did, as somebody says who was there."""
    action, site = visible_action(action_id, me().scope), visible_site(site_id, me().scope)
    homes = homes_of(action, site.id) or abort(404)
    form, event = _form(action, site), db.session.get_one(Event, homes[0].event_id)
    if not form.validate():
        return _chapter_page(action, site, form), 422
    try:
        vouch_for_hours(
            event,
            UUID(form.member.data),
            came=form.came.data,
            left=form.left.data,
            duty=form.said_duty,
            page=form.page.data[:64],
            actor=me().actor,
            now=clock.now(),
        )
    except Refused as refusal:
        form.form_errors.append(refusal.message)
        return _chapter_page(action, site, form), refusal.status
    flash(_("Saved. It counts from now on."), "done")
    return redirect(url_for("turnout.chapter_hours", action_id=action.id, site_id=site.id), 303)


def _form(action: Action, site: Site) -> HoursForm:
    return HoursForm().offer([] if action.forgotten_at else chapter_names(site.id))


def _chapter_page(action: Action, site: Site, form: HoursForm) -> str:
    chapters = hours_of(action, {site.id})
    chapter = chapters[0] if chapters else ChapterHours(site.id, site.name, ())
    return render_template(
        "turnout/chapter_hours.html",
        action=action,
        site=site,
        chapter=chapter,
        people=named_hours(chapter.members),
        duty_words=duty_words(),
        form=form,
        drill=action.drill,
    )
