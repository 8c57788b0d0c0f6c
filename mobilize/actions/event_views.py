"""One event: its code, its poster, its paper sheet, another time for it; and a chair's own new one."""

import uuid
from datetime import time, timedelta

from flask import Response as FileResponse
from flask import flash, redirect, render_template, request, url_for

from mobilize import audit, clock
from mobilize.accounts.entrance import after_step_up, me, signed_in
from mobilize.accounts.scope import today
from mobilize.accounts.step_up import ASKS_ABOVE
from mobilize.actions.blueprint import bp, printed
from mobilize.actions.campaign_views import Answer
from mobilize.actions.forms import MoveForm, SiteEventForm, written
from mobilize.actions.leaked_codes import replace_code
from mobilize.actions.models import Event
from mobilize.actions.operations import create_site_event
from mobilize.actions.operations import move_event as move
from mobilize.actions.printing import posters_of, sheet_of
from mobilize.actions.queries import check_in_address, event_at_time, events_at, is_open
from mobilize.actions.seen import chairless, changeable_event, may_change, seen_event, seen_site
from mobilize.errors import Refused
from mobilize.languages import _, in_language, language
from mobilize.qr import qr_svg
from mobilize.roster.models import Site
from mobilize.texts.queries import told_about


@bp.get("/events/<uuid:event_id>")
@signed_in()
def event(event_id: uuid.UUID) -> str:
    """Everything about one event, and the next thing to do with it."""
    found, now = seen_event(event_id, me().scope), clock.now()
    address = check_in_address(found)
    return render_template(
        "actions/event.html",
        event=found,
        address=address,
        qr=qr_svg(address, _("QR code for checking in")),
        may_change=may_change(found, me().scope),
        is_open=is_open(found, now),
        is_over=now > found.ends_at,
        no_chair=bool(found.site_id and chairless({found.site_id}, today(now))),
    )


@bp.get("/events/<uuid:event_id>/poster.pdf")
@signed_in()
def poster(event_id: uuid.UUID) -> FileResponse:
    """Its poster. No names on it."""
    found = seen_event(event_id, me().scope)
    return printed(posters_of([found]), f"poster-{found.code}.pdf")


@bp.get("/events/<uuid:event_id>/sheet.pdf")
@signed_in()
def sheet(event_id: uuid.UUID) -> FileResponse:
    """Its paper sign-in sheet, with the chapter's names."""
    found, now, person = changeable_event(event_id, me().scope), clock.now(), me().person
    audit.note(me().actor, "sheet.print", found.id, now=now)
    mark = f"{person.name if person else ''}, {clock.local(now, found.tz):%Y-%m-%d %H:%M}"
    return printed(sheet_of(found, printed=mark), f"sheet-{found.code}.pdf")


@bp.route("/events/<uuid:event_id>/change", methods=["GET", "POST"])
@signed_in(step_up=True)
def move_event(event_id: uuid.UUID) -> Answer:
    """Another time or place; the printed code stays good."""
    found = changeable_event(event_id, me().scope)
    starts_at, ends_at = (clock.local(at, found.tz) for at in (found.starts_at, found.ends_at))
    times = {"day": starts_at.date(), "start": starts_at.time(), "end": ends_at.time()}
    form = MoveForm(**times, meet_at=found.meet_at, venue=found.venue)
    if not form.is_submitted():
        return render_template("actions/move_event.html", form=form, event=found)
    try:
        if not form.validate():
            return render_template("actions/move_event.html", form=form, event=found), 422
        with after_step_up(needed=me().scope.is_organizer and len(told_about(found.id)) > ASKS_ABOVE):
            moved = move(
                found,
                form.span,
                written(form.meet_at),
                venue=written(form.venue),
                actor=me().actor,
                now=clock.now(),
            )
    except Refused as refusal:
        form.refuse(refusal)
        return render_template("actions/move_event.html", form=form, event=found), refusal.status
    flash(
        _("Saved. The posters that hang already stay good.") if moved else _("Nothing was changed."), "done"
    )
    return redirect(url_for("actions.event", event_id=found.id), 303)


@bp.get("/events/<uuid:event_id>/new-code")
@signed_in()
def new_code(event_id: uuid.UUID) -> str:
    """A poster leaked: what a new code does, before it is done."""
    return _new_code_page(changeable_event(event_id, me().scope))


@bp.post("/events/<uuid:event_id>/new-code")
@signed_in(step_up=True)
def new_code_now(event_id: uuid.UUID) -> Answer:
    """The event has a new code from this moment on. Pressed twice it is one."""
    found = changeable_event(event_id, me().scope)
    try:
        with after_step_up(needed=me().scope.is_organizer):
            replace_code(found, request.form.get("leaked", ""), actor=me().actor, now=clock.now())
    except Refused as refusal:
        return _new_code_page(found, refusal), refusal.status
    flash(_("This event has a new code. Print the poster again and take the old ones down."), "done")
    return redirect(url_for("actions.event", event_id=found.id), 303)


def _new_code_page(event: Event, refusal: Refused | None = None) -> str:
    return render_template("actions/new_code.html", event=event, refusal=refusal)


@bp.route("/sites/<uuid:site_id>/events/new", methods=["GET", "POST"])
@signed_in()
def new_site_event(site_id: uuid.UUID) -> Answer:
    """A chair's own event: one short form with everything filled in."""
    site = seen_site(site_id, me().scope)
    form = SiteEventForm(**_suggested(site))
    if not form.is_submitted():
        return _new_event_page(site, form)
    try:
        if not form.validate():
            return _new_event_page(site, form), 422
        made = create_site_event(
            site, form.name, form.span, written(form.meet_at), actor=me().actor, now=clock.now()
        )
    except Refused as refusal:
        form.refuse(refusal)
        return _new_event_page(site, form, refusal), refusal.status
    flash(_said(made), "done")
    return redirect(url_for("actions.event", event_id=made.id), 303)


def _suggested(site: Site) -> dict[str, object]:
    """Tomorrow before school, under the plainest name."""
    tomorrow = clock.local(clock.now(), site.tz).date() + timedelta(days=1)
    names = {}
    for code in ("en", "es"):
        with in_language(code):
            names[f"name_{code}"] = _("Picket at %(site)s", site=site.name)[:120]
    return {"day": tomorrow, "start": time(7), "end": time(7, 45), **names}


def _new_event_page(site: Site, form: SiteEventForm, refusal: Refused | None = None) -> str:
    there = None
    if refusal is not None and refusal.code == "already_one":
        there = event_at_time(site.id, *form.span.moments(site.tz))
    return render_template(
        "actions/new_site_event.html",
        site=site,
        form=form,
        there=there,
        planned=events_at(site, after=clock.now()),
        no_chair=bool(chairless({site.id}, today(clock.now()))),
    )


def _said(event: Event) -> str:
    """Whether it is her own or part of the office's action."""
    if event.action.owner_site_id:
        return _("Your event is ready. Print the poster, then open the line page on your phone.")
    name = event.action.name_in(language())
    return _("Your event is ready. It is part of the union's action “%(name)s”.", name=name)
