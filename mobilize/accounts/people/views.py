"""The page People: roles, invitations, resets, and changes that wait for a second admin."""

import uuid
from datetime import date, timedelta
from typing import Any

from flask import abort, current_app, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from mobilize import audit, clock
from mobilize.accounts.access.permissions import after_step_up, me, signed_in
from mobilize.accounts.access.scope import today
from mobilize.accounts.forms import EndRoleForm, InviteForm, PhoneForm, TermForm, role_word
from mobilize.accounts.models import CHAIRS, Person, RoleName
from mobilize.accounts.people import operations
from mobilize.accounts.people.admin_changes import may_be_confirmed, new_admins, open_changes
from mobilize.accounts.people.second_admin import agree_to_admin_change
from mobilize.accounts.queries import (
    RoleHolder,
    area_names,
    find_area,
    find_site,
    holders_in,
    may_manage,
    person_in_scope,
    sites_in,
)
from mobilize.accounts.routes import bp
from mobilize.accounts.security.audit_labels import names_of
from mobilize.accounts.sign_in.one_time_links import link_address, waiting_links
from mobilize.accounts.sign_in.role_links import AccessMethod, RoleAccess, fresh_link, link_effect
from mobilize.accounts.sign_in.role_links import change_number as operate_number
from mobilize.accounts.sign_in.role_links import start_anew as restart
from mobilize.accounts.sign_in.role_links import stop_link as end_link
from mobilize.accounts.sign_in.sessions import has_second_factor
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
    """Give somebody a role. A chair's link is displayed once; an organizer's or admin's goes to their
    phone."""
    form = InviteForm().offer(me().scope, area_names())
    if not form.validate():
        return _page(form), 422
    try:
        with after_step_up():
            access = operations.invite(_invitation(form), **_proved())
    except Refused as refusal:
        return _page(form, refusal.message), refusal.status
    return _answer(access)


@bp.post("/people/<uuid:person_id>/link")
@signed_in(RoleName.ORGANIZER, step_up=True)
def make_link(person_id: uuid.UUID) -> str:
    """Make a fresh link: a chair's is displayed once."""
    person = _person(person_id)
    with after_step_up():
        access = fresh_link(person, **_proved())
    return _answer(access)


@bp.post("/people/<uuid:person_id>/start-anew")
@signed_in(RoleName.ORGANIZER, step_up=True)
def start_anew(person_id: uuid.UUID) -> str:
    """Reset the sign-in of somebody who lost their second factor; they get a link to set up another."""
    person = _person(person_id)
    with after_step_up():
        access = restart(person, **_proved())
    return _answer(access)


@bp.post("/people/<uuid:person_id>/number")
@signed_in(RoleName.ORGANIZER, step_up=True)
def change_number(person_id: uuid.UUID) -> str | tuple[str, int]:
    """Change the number somebody signs in with; a reset as well."""
    person, typed = _person(person_id), PhoneForm().phone.data
    try:
        with after_step_up():
            access = operate_number(person, typed, **_proved())
    except Refused as refusal:
        return _page(_empty_form(), refusal.message), refusal.status
    return _answer(access)


@bp.post("/people/<uuid:person_id>/link/stop")
@signed_in(RoleName.ADMIN)
def stop_link(person_id: uuid.UUID) -> Response:
    """End a link that does not open yet."""
    end_link(_person(person_id), me().actor, now=clock.now())
    flash(_("Stopped. That link opens nothing."), "done")
    return redirect(url_for("accounts.people"), 303)


@bp.post("/people/changes/<uuid:change_id>/agree")
@signed_in(RoleName.ADMIN, step_up=True)
def agree_to_change(change_id: uuid.UUID) -> str:
    """Approve a change to an admin, which carries it out."""
    proved = _proved()
    with after_step_up():
        access = agree_to_admin_change(change_id, by=proved.pop("actor"), **proved)
    return _answer(access)


@bp.post("/people/roles/<uuid:term_id>/dates")
@signed_in(RoleName.ORGANIZER, step_up=True)
def set_term(term_id: uuid.UUID) -> Response:
    """Change the first and last day of a role."""
    form = TermForm()
    if not form.validate():
        raise Refused("bad_dates", _("Type the days like 2026-09-01."))
    days = form.from_on.data, form.last_on.data
    with after_step_up():
        access = operations.set_term(term_id, *days, **_proved())
    if access.method is AccessMethod.SECOND:
        return current_app.make_response(_answer(access))
    flash(_("%(name)s's dates are changed.", name=access.person.name), "done")
    return redirect(url_for("accounts.people"), 303)


@bp.post("/people/roles/<uuid:term_id>/end")
@signed_in(RoleName.ORGANIZER, step_up=True)
def end_role(term_id: uuid.UUID) -> Response:
    """End a role now: at its term's end, or for cause. The page asks which."""
    form = EndRoleForm()
    if not form.validate():
        raise Refused("no_why", _("Say why the role ends: the term is over, or removed for cause."))
    for_cause = form.why.data == "cause"
    with after_step_up():
        person = operations.end_role(
            term_id, for_cause=for_cause, scope=me().scope, actor=me().actor, now=clock.now()
        )
    if for_cause:
        message = _(
            "%(name)s's role has ended for cause, along with everything they gave out.", name=person.name
        )
    else:
        message = _("%(name)s's role has ended. Captains of a running event stay.", name=person.name)
    flash(message, "done")
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
        link_effect=lambda holder: link_effect(holder.person, now=clock.now()),
        changes=open_changes(clock.now()),
        may_confirm=lambda approval: may_be_confirmed(approval, me().actor, clock.now()),
        new_admins=new_admins(clock.now()),
        waiting_links=waiting_links(clock.now()),
        names=names_of(_actors()),
        actor=me().actor,
    )


def _last_day(holder: RoleHolder) -> date | None:
    return holder.term.to_on - timedelta(days=1) if holder.term.to_on else None


def _actors() -> list[str]:
    now = clock.now()
    actors = [approval.asked_by for _change, approval in open_changes(now)]
    actors += [term.granted_by for term in new_admins(now)]
    return [*actors, *(link.made_by for link in waiting_links(now))]


def _person(person_id: uuid.UUID) -> Person:
    person = person_in_scope(person_id, me().scope, today(clock.now()))
    if person is None:
        abort(404)
    return person


def _proved() -> dict[str, Any]:
    """Arguments of an operation that runs `after_step_up()`, and is undone without a proof."""
    return {"scope": me().scope, "actor": me().actor, "now": clock.now(), "stepped_up": True}


def _answer(access: RoleAccess) -> str:
    """The page that says how somebody signs in, with the link where it is to be displayed, once."""
    if access.token:
        return render_template(
            "accounts/link.html",
            person=access.person,
            address=link_address(access.token),
            waits=access.method is AccessMethod.WAITS,
            has_factor=has_second_factor(access.person, now=clock.now()),
        )
    words = {
        AccessMethod.CODE: _("Done. They sign in with their phone from the first day of the role."),
        AccessMethod.TEXTED: _(
            "Done. The sign-in link goes by text to their own phone. Nobody else sees it."
        ),
        AccessMethod.SECOND: _(
            "Nothing is changed yet: a second admin has to agree, and every admin and organizer is told. It "
            "is listed below."
        ),
    }
    return _page(_empty_form(), done=words[access.method])
