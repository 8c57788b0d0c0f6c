"""Pages of an event: code, poster, sign-in sheet, another time; and a chair's new event."""

import uuid
from collections.abc import Callable
from datetime import date, time, timedelta

from flask import Response as FileResponse
from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from mobilize import audit, clock
from mobilize.accounts.access.permissions import after_step_up, me, signed_in
from mobilize.accounts.access.scope import today
from mobilize.accounts.second_factor.step_up import ASKS_ABOVE
from mobilize.actions.events.codes import replace_code
from mobilize.actions.forms import MoveForm, NewCodeForm, SiteEventForm, written
from mobilize.actions.line_finder.queries import url_of_line_finder
from mobilize.actions.models import Event
from mobilize.actions.operations import LONGEST_NAME, create_site_event
from mobilize.actions.operations import move_event as move
from mobilize.actions.printing.print_jobs import posters_of, printed, sign_in_sheet_of
from mobilize.actions.queries import event_at_time, events_at, is_open, lost_at
from mobilize.actions.routes import bp
from mobilize.actions.visibility import chairless, changeable_event, may_change, visible_event, visible_site
from mobilize.actions.words_to_share import words_about
from mobilize.errors import Refused
from mobilize.languages import LANGUAGES, N_, Translated, _, language, say_in
from mobilize.printing.qr import qr_png, qr_svg, qr_svg_file
from mobilize.roster.models import Site
from mobilize.texts.queries import told_about


@bp.get("/events/<uuid:event_id>")
@signed_in()
def event(event_id: uuid.UUID) -> str:
    """The page of an event, with the next thing to do."""
    event, now = visible_event(event_id, me().scope), clock.now()
    address = event.check_in_address
    return render_template(
        "actions/event.html",
        event=event,
        address=address,
        qr=qr_svg(address, _("QR code for checking in")),
        may_change=may_change(event, me().scope),
        is_open=is_open(event, now),
        is_over=now > event.ends_at,
        lost=lost_at(event),
        no_chair=bool(event.site_id and chairless({event.site_id}, today(now))),
        share=words_about(event.action, event) if not event.is_called_off and now <= event.ends_at else None,
    )


@bp.get("/events/<uuid:event_id>/poster.pdf")
@signed_in()
def poster(event_id: uuid.UUID) -> FileResponse:
    """The poster of an event. No names on it."""
    event = visible_event(event_id, me().scope)
    return printed(posters_of([event]), f"poster-{event.code}.pdf")


@bp.get("/events/<uuid:event_id>/qr.svg")
@signed_in()
def qr_as_svg(event_id: uuid.UUID) -> FileResponse:
    """The code of an event, or that of *Where is my line?*, for a chapter's own flyer."""
    return _flyer_code(event_id, "svg", qr_svg_file, "image/svg+xml")


@bp.get("/events/<uuid:event_id>/qr.png")
@signed_in()
def qr_as_png(event_id: uuid.UUID) -> FileResponse:
    """The same as pixels."""
    return _flyer_code(event_id, "png", qr_png, "image/png")


def _flyer_code(
    event_id: uuid.UUID, ending: str, draw: Callable[[str], bytes], mimetype: str
) -> FileResponse:
    event, is_where = visible_event(event_id, me().scope), request.args.get("of") == "where"
    address = url_of_line_finder() if is_where else event.check_in_address
    response = FileResponse(draw(address), mimetype=mimetype)
    name = f"where.{ending}" if is_where else f"check-in-{event.code}.{ending}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@bp.get("/events/<uuid:event_id>/sheet.pdf")
@signed_in()
def sheet(event_id: uuid.UUID) -> FileResponse:
    """The paper sign-in sheet of an event, with the chapter's names."""
    event, now, person = changeable_event(event_id, me().scope), clock.now(), me().person
    audit.note(me().actor, "sheet.print", event.id, now=now)
    mark = f"{person.name if person else ''}, {clock.local(now, event.tz):%Y-%m-%d %H:%M}"
    return printed(sign_in_sheet_of(event, printed=mark), f"sheet-{event.code}.pdf")


@bp.route("/events/<uuid:event_id>/change", methods=["GET", "POST"])
@signed_in(step_up=True)
def move_event(event_id: uuid.UUID) -> ResponseReturnValue:
    """Change time or place; the printed code stays good."""
    event = changeable_event(event_id, me().scope)
    starts_at, ends_at = (clock.local(at, event.tz) for at in (event.starts_at, event.ends_at))
    times = {"day": starts_at.date(), "start": starts_at.time(), "end": ends_at.time()}
    form = MoveForm(**{**times, "meet_at": event.meet_at, "venue": event.venue, **_prepared()})
    if not form.is_submitted():
        return render_template("actions/move_event.html", form=form, event=event)
    try:
        if not form.validate():
            return render_template("actions/move_event.html", form=form, event=event), 422
        with after_step_up(needed=me().scope.is_organizer and len(told_about(event.id)) > ASKS_ABOVE):
            moved = move(
                event,
                form.span,
                written(form.meet_at),
                venue=written(form.venue),
                actor=me().actor,
                now=clock.now(),
            )
    except Refused as refusal:
        form.refuse(refusal)
        return render_template("actions/move_event.html", form=form, event=event), refusal.status
    flash(_("Saved. Posters already up stay good.") if moved else _("Nothing was changed."), "done")
    return redirect(url_for("actions.event", event_id=event.id), 303)


def _prepared() -> dict[str, object]:
    """What a program has prepared for this form: it leads here with the fields behind the question mark."""
    words = request.args
    read = {
        "day": words.get("day", type=date.fromisoformat),
        "start": words.get("start", type=time.fromisoformat),
        "end": words.get("end", type=time.fromisoformat),
        "meet_at": words.get("meet_at"),
        "venue": words.get("venue"),
    }
    return {name: value for name, value in read.items() if value is not None}


@bp.get("/events/<uuid:event_id>/new-code")
@signed_in()
def new_code(event_id: uuid.UUID) -> str:
    """The effects of a new code, for an event whose poster leaked, before it is confirmed."""
    return _new_code_page(changeable_event(event_id, me().scope))


@bp.post("/events/<uuid:event_id>/new-code")
@signed_in(step_up=True)
def new_code_now(event_id: uuid.UUID) -> ResponseReturnValue:
    """Replace the code. Pressed twice, it is replaced once."""
    event = changeable_event(event_id, me().scope)
    try:
        with after_step_up(needed=me().scope.is_organizer):
            replace_code(event, NewCodeForm().leaked.data, actor=me().actor, now=clock.now())
    except Refused as refusal:
        return _new_code_page(event, refusal), refusal.status
    flash(_("This event has a new code. Print the poster again and take the old ones down."), "done")
    return redirect(url_for("actions.event", event_id=event.id), 303)


def _new_code_page(event: Event, refusal: Refused | None = None) -> str:
    return render_template("actions/new_code.html", event=event, refusal=refusal)


@bp.route("/sites/<uuid:site_id>/events/new", methods=["GET", "POST"])
@signed_in()
def new_site_event(site_id: uuid.UUID) -> ResponseReturnValue:
    """A chair's own event: one short form with everything filled in."""
    site = visible_site(site_id, me().scope)
    form = SiteEventForm(**_suggested(site))
    if not form.is_submitted():
        return _new_event_page(site, form)
    try:
        if not form.validate():
            return _new_event_page(site, form), 422
        event = create_site_event(
            site, form.name.data, form.span, written(form.meet_at), actor=me().actor, now=clock.now()
        )
    except Refused as refusal:
        form.refuse(refusal)
        return _new_event_page(site, form, refusal), refusal.status
    flash(_created_message(event), "done")
    return redirect(url_for("actions.event", event_id=event.id), 303)


def _suggested(site: Site) -> dict[str, object]:
    """The defaults of the form: tomorrow before school, under a plain name."""
    tomorrow = clock.local(clock.now(), site.tz).date() + timedelta(days=1)
    names = {code: say_in(code, N_("Picket at %(site)s")) % {"site": site.name} for code in LANGUAGES}
    name = Translated(names).map(lambda text: text[:LONGEST_NAME])
    return {"day": tomorrow, "start": time(7), "end": time(7, 45), "name": name}


def _new_event_page(site: Site, form: SiteEventForm, refusal: Refused | None = None) -> str:
    existing = None
    if refusal is not None and refusal.code == "already_one":
        existing = event_at_time(site.id, *form.span.moments(site.tz))
    return render_template(
        "actions/new_site_event.html",
        site=site,
        form=form,
        existing=existing,
        planned=events_at(site, after=clock.now()),
        no_chair=bool(chairless({site.id}, today(clock.now()))),
    )


def _created_message(event: Event) -> str:
    """The message after creating: the chair's own event, or part of the office's action."""
    if event.action.owner_site_id:
        return _("Your event is ready. Print the poster, then open the line page on your phone.")
    name = event.action.name.in_(language())
    return _("Your event is ready. It is part of the union's action “%(name)s”.", name=name)
