"""The people page: who holds which role, invitations, and links for those whom no text reaches."""

import uuid
from datetime import date, timedelta

from flask import abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from mobilize import audit, clock
from mobilize.accounts import people as operations
from mobilize.accounts.entrance import after_step_up, me, signed_in
from mobilize.accounts.forms import InviteForm, TermForm, role_word
from mobilize.accounts.links import link_address
from mobilize.accounts.models import CHAIRS, Person, RoleName
from mobilize.accounts.queries import (
    Holder,
    area_names,
    find_area,
    find_site,
    holders_in,
    may_manage,
    person_in_scope,
    sites_in,
)
from mobilize.accounts.scope import today
from mobilize.accounts.views import bp
from mobilize.errors import Refused
from mobilize.languages import _, say_day

A_PAGE = 50


@bp.get("/people")
@signed_in(RoleName.ORGANIZER)
def people() -> str:
    """Roles in scope, and the form to invite somebody."""
    audit.note(me().actor, "people.see", request.args.get("page", "1"), now=clock.now())
    return _page(_empty_form())


@bp.post("/people")
@signed_in(RoleName.ORGANIZER, step_up=True)
def invite() -> str | tuple[str, int]:
    """Give somebody a role, and show her link once."""
    form = InviteForm().offer(me().scope, area_names())
    if not form.validate():
        return _page(form), 422
    try:
        with after_step_up():
            person, token = operations.invite(
                _invitation(form), scope=me().scope, actor=me().actor, now=clock.now()
            )
    except Refused as refusal:
        return _page(form, refusal.message), refusal.status
    if token is None:
        return _page(
            _empty_form(), done=_("Done. She signs in with her phone, from the first day of her role on.")
        )
    return _show_link(person, token)


@bp.post("/people/<uuid:person_id>/link")
@signed_in(RoleName.ORGANIZER, step_up=True)
def make_link(person_id: uuid.UUID) -> str:
    """A fresh link for somebody whom no text reaches; shown once."""
    person = person_in_scope(person_id, me().scope, today(clock.now()))
    if person is None:
        abort(404)
    with after_step_up():
        token = operations.fresh_link(person, scope=me().scope, actor=me().actor, now=clock.now())
    return _show_link(person, token)


@bp.post("/people/<uuid:person_id>/start-anew")
@signed_in(RoleName.ORGANIZER, step_up=True)
def start_anew(person_id: uuid.UUID) -> str:
    """She has lost her second step: it ends, and she gets a link to set up another; shown once."""
    person = person_in_scope(person_id, me().scope, today(clock.now()))
    if person is None:
        abort(404)
    with after_step_up():
        token = operations.start_anew(person, scope=me().scope, actor=me().actor, now=clock.now())
    return _show_link(person, token)


@bp.post("/people/roles/<uuid:term_id>/dates")
@signed_in(RoleName.ORGANIZER, step_up=True)
def set_term(term_id: uuid.UUID) -> Response:
    """From when to when somebody holds a role."""
    form = TermForm()
    if not form.validate():
        raise Refused("bad_dates", _("Type the days like 2026-09-01."))
    days = form.from_on.data, form.last_on.data
    with after_step_up():
        person = operations.set_term(term_id, *days, scope=me().scope, actor=me().actor, now=clock.now())
    flash(_("%(name)s's dates are changed.", name=person.name), "done")
    return redirect(url_for("accounts.people"), 303)


@bp.post("/people/roles/<uuid:term_id>/end")
@signed_in(RoleName.ORGANIZER, step_up=True)
def end_role(term_id: uuid.UUID) -> Response:
    """End a role now."""
    with after_step_up():
        person = operations.end_role(term_id, scope=me().scope, actor=me().actor, now=clock.now())
    flash(_("%(name)s's role has ended. Her next click here is refused.", name=person.name), "done")
    return redirect(url_for("accounts.people"), 303)


def _invitation(form: InviteForm) -> operations.Invitation:
    role = RoleName(form.role.data)
    return operations.Invitation(
        name=form.name.data or "",
        phone=form.phone.data or "",
        role=role,
        site=find_site(form.site.data, me().scope) if form.site.data and role in CHAIRS else None,
        area=find_area(form.area.data) if form.area.data and role is RoleName.ORGANIZER else None,
        from_on=form.from_on.data,
    )


def _empty_form() -> InviteForm:
    return InviteForm(formdata=None).offer(me().scope, area_names())


def _page(form: InviteForm, problem: str = "", done: str = "") -> str:
    place, number = request.args.get("place", ""), request.args.get("page", 1, type=int)
    day = today(clock.now())
    holders = holders_in(me().scope, day, place=place, later=True)
    pages = max(1, -(-len(holders) // A_PAGE))
    number = min(max(number, 1), pages)
    return render_template(
        "accounts/people.html",
        form=form,
        problem=problem,
        done=done,
        holders=holders[(number - 1) * A_PAGE : number * A_PAGE],
        how_many=len(holders),
        sites=sites_in(me().scope),
        place=place,
        page=number,
        pages=pages,
        role_word=role_word,
        today=day,
        last_day=_last_day,
        say_day=say_day,
        may_end=lambda holder: may_manage(me().scope, holder.term.role, holder.site),
        may_link=lambda holder: person_in_scope(holder.person.id, me().scope, today(clock.now())),
    )


def _last_day(holder: Holder) -> date | None:
    return holder.term.to_on - timedelta(days=1) if holder.term.to_on else None


def _show_link(person: Person, token: str) -> str:
    return render_template("accounts/link.html", person=person, address=link_address(token))
