"""Pages of a line's links: a chair opens their line page, gives captains links, and takes them back."""

import uuid
from datetime import datetime

from flask import abort, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from mobilize import clock, settings
from mobilize.accounts.access.grants import (
    UPLOADS_ARE_TAKEN,
    grant_by_token,
    grant_line,
    hand_over,
    open_grants,
    open_link,
    phones_by_link,
    revoke_grant,
    role_at,
)
from mobilize.accounts.access.permissions import (
    after_step_up,
    anyone,
    held_grant,
    me,
    signed_in,
)
from mobilize.accounts.access.scope import Scope
from mobilize.accounts.models import CHAIRS, GrantKind, LineGrant, Person, RoleName
from mobilize.accounts.sign_in.sessions import give_cookie
from mobilize.actions.forms import LabelForm, OpenLineForm, written
from mobilize.actions.models import Event
from mobilize.actions.queries import captains_line_ends, chairs_line_ends, chapters_of, codes_of
from mobilize.actions.routes import grants as bp
from mobilize.database import db
from mobilize.keys.tokens import random_token
from mobilize.languages import _
from mobilize.printing.qr import qr_svg
from mobilize.roster.models import Site


@bp.get("/l/<token>")
@bp.get("/L/<token>")  # what a QR code in capitals says
@anyone
def open_line(token: str) -> tuple[str, int]:
    """The page of a captain's link, which messengers preview: the place, and a button."""
    link = _link(token)
    event = db.session.get(Event, link.event_id) if link else None
    page = render_template("grants/open_line.html", event=event, page=random_token())
    return page, 200 if event else 410


@bp.post("/l/<token>")
@bp.post("/L/<token>")
@anyone
def open_line_now(token: str) -> Response | tuple[str, int]:
    """Give this phone a grant of its own; the chair sees when it was opened."""
    link, now = _link(token), clock.now()
    if link is None:
        return render_template("grants/open_line.html", event=None), 410
    event = db.session.get_one(Event, link.event_id)
    for code in codes_of(event):
        held = held_grant(code)
        if held and held.link_id == link.id:
            return redirect(_line(code), 303)
    opened = open_link(link, token, OpenLineForm().page.data or random_token(), now=now)
    if opened is None:
        return render_template("grants/open_line.html", event=None), 410
    return _to_line(event, *opened)


@bp.post("/events/<uuid:event_id>/line")
@signed_in(RoleName.ORGANIZER, *CHAIRS)
def open_own_line(event_id: uuid.UUID) -> Response:
    """Open the line page on the phone of the chair, or of the organizer who stands in."""
    event = _event_in_scope(event_id)
    held = next((code for code in codes_of(event) if held_grant(code)), None)
    if held:
        return redirect(_line(held), 303)
    grant, token = _give(event, GrantKind.CHAIR, "", me().person, chairs_line_ends(event))
    return _to_line(event, grant, token)


@bp.get("/events/<uuid:event_id>/captains")
@signed_in(RoleName.ORGANIZER, *CHAIRS)
def captains(event_id: uuid.UUID) -> str:
    """The links and phones that may open this line."""
    return _page(_event_in_scope(event_id))


@bp.post("/events/<uuid:event_id>/captains")
@signed_in(RoleName.ORGANIZER, *CHAIRS, step_up=True)
def give_link(event_id: uuid.UUID) -> str | tuple[str, int]:
    """A new captain's link, shown once with its QR."""
    event, label = _event_in_scope(event_id), written(LabelForm().label)
    if not label:
        return _page(event, problem=_("Say whose phone it is, so that you can tell the links apart.")), 422
    if captains_line_ends(event) <= clock.now():
        return _page(event, problem=_("This event is over. Its line takes no more phones.")), 422
    # A chair stands at the gate with their own list, and is never asked.
    with after_step_up(needed=me().scope.is_organizer):
        _grant, token = _give(event, GrantKind.LINK, label, None, captains_line_ends(event))
    return _page(event, label=label, address=f"{settings().public_base_url}/l/{token}")


@bp.post("/events/<uuid:event_id>/captains/<uuid:grant_id>/revoke")
@signed_in(RoleName.ORGANIZER, *CHAIRS)
def take_back(event_id: uuid.UUID, grant_id: uuid.UUID) -> Response:
    """Revoke a link with all its phones, or one phone: the next request is refused."""
    event, grant = _event_in_scope(event_id), db.session.get(LineGrant, grant_id)
    if grant is None or grant.event_id != event.id:
        abort(404)
    revoke_grant(grant, me().actor, now=clock.now())
    flash(_("Turned off. That phone cannot open the line any more."), "done")
    return redirect(url_for("grants.captains", event_id=event.id), 303)


@bp.post("/events/<uuid:event_id>/captains/<uuid:grant_id>/hand-over")
@signed_in(RoleName.ORGANIZER, *CHAIRS, step_up=True)
def hand_link_over(event_id: uuid.UUID, grant_id: uuid.UUID) -> str:
    """Another phone takes this captain's place: their link ends, and the new one is shown once."""
    event, grant = _event_in_scope(event_id), db.session.get(LineGrant, grant_id)
    running = {one.id for one in open_grants(event.id, now=clock.now())}
    if grant is None or grant.id not in running or grant.kind not in (GrantKind.LINK, GrantKind.CAPTAIN):
        abort(404)
    label = written(LabelForm().label) or grant.label or ""
    with after_step_up(needed=me().scope.is_organizer):
        _grant, token = hand_over(grant, label, me().actor, now=clock.now())
    return _page(event, label=label, address=f"{settings().public_base_url}/l/{token}")


def _link(token: str) -> LineGrant | None:
    grant = grant_by_token(token, now=clock.now())
    return grant if grant and grant.kind is GrantKind.LINK else None


def _event_in_scope(event_id: uuid.UUID) -> Event:
    """The event, where this person may run its line; 404 otherwise."""
    event = db.session.get(Event, event_id)
    if event is None or not _runs(me().scope, event):
        abort(404)
    return event


def _runs(scope: Scope, event: Event) -> bool:
    """A site's line is run by the chairs of its chapters (campuses share one), a rally's by organizers."""
    if event.site_id is None:
        return scope.is_organizer and scope.sees_area(event.area_id)
    chapters = [db.session.get(Site, site_id) for site_id in chapters_of(event.id)]
    return any(scope.sees(site) for site in [event.site, *chapters])


def _give(
    event: Event, kind: GrantKind, label: str, person: Person | None, ends_at: datetime
) -> tuple[LineGrant, str]:
    """Grant the line in the name of the role by which this person runs it."""
    requester, now = me(), clock.now()
    sites = [event.site_id, *chapters_of(event.id)] if event.site_id else []
    area_id = event.site.area_id if event.site else event.area_id
    role_id = role_at(requester.person, sites, area_id, now=now) if requester.person else None
    return grant_line(event.id, kind, label, person, requester.actor, ends_at, role_id=role_id, now=now)


def _to_line(event: Event, grant: LineGrant, token: str) -> Response:
    answer = redirect(_line(event.code), 303)
    # Its cookie outlives the grant, for what the phone could not send.
    lasts = grant.ends_at + UPLOADS_ARE_TAKEN - clock.now()
    give_cookie(answer, f"line-{event.code}", token.upper(), lasts=lasts)
    return answer


def _line(code: str) -> str:
    return f"/line/{code}"


def _page(event: Event, problem: str = "", label: str = "", address: str = "") -> str:
    return render_template(
        "grants/captains.html",
        event=event,
        links=phones_by_link(event.id, now=clock.now()),
        ends_at=captains_line_ends(event),
        problem=problem,
        label=label,
        address=address,
        qr=qr_svg(address, _("QR code of this link")) if address else "",
        GrantKind=GrantKind,
    )
