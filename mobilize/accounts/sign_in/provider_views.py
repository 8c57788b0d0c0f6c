"""Pages of the union's identity provider: there, back, and linking an account."""

from flask import abort, flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from mobilize import audit, clock, settings
from mobilize.accounts.access.permissions import after_step_up, anyone, me, signed_in, signed_in_person
from mobilize.accounts.models import RoleName
from mobilize.accounts.routes import bp
from mobilize.accounts.sign_in import provider
from mobilize.accounts.sign_in.provider_identities import link_identity, sign_in_with, unlink_identity
from mobilize.accounts.sign_in.sessions import cookie_name, give_cookie, take_cookie
from mobilize.accounts.sign_in.views import signed_in_response
from mobilize.errors import Refused
from mobilize.languages import _

KEPT = "provider"


@bp.get("/sign-in/provider")
@anyone
def ask_provider() -> Response:
    """To the provider, for signing in."""
    try:
        begun = _begin(None)
    except Refused as refusal:
        flash(refusal.message, "problem")
        return redirect(url_for("accounts.sign_in"), 303)
    response = redirect(begun.url, 303)
    give_cookie(response, KEPT, begun.kept, lasts=provider.LASTS)
    return response


@bp.get("/sign-in/provider/back")
@anyone
def back_from_provider() -> Response:
    """Back from there: signed in, or the account is linked to whoever asked for that in this browser."""
    if not provider.is_set_up():
        abort(404)
    now, kept = clock.now(), request.cookies.get(cookie_name(KEPT), "")
    try:
        answer = provider.read_answer(request.args, kept, now=now)
        if answer.link_to is None:
            response = signed_in_response(sign_in_with(answer, now=now), None)
        else:
            person = me().person
            if person is None:
                abort(401)
            link_identity(person, answer, now=now)
            flash(_("Linked. You can sign in with that account now."), "done")
            response = redirect(url_for("accounts.devices"), 303)
    except Refused as refusal:
        flash(refusal.message, "problem")
        response = redirect(url_for("accounts.devices" if me().person else "accounts.sign_in"), 303)
    take_cookie(response, KEPT)
    return response


@bp.post("/devices/provider")
@signed_in(RoleName.ORGANIZER, step_up=True)
def link_provider() -> Response:
    """The link that leads to the provider, to link one's account there."""
    with after_step_up():
        audit.note(me().actor, "provider.begin", signed_in_person().id, now=clock.now())
    try:
        begun = _begin(str(signed_in_person().id))
    except Refused as refusal:
        flash(refusal.message, "problem")
        return redirect(url_for("accounts.devices"), 303)
    name = settings().oidc_name
    response = make_response(render_template("accounts/to_provider.html", provider=name, address=begun.url))
    give_cookie(response, KEPT, begun.kept, lasts=provider.LASTS)
    return response


@bp.post("/devices/provider/unlink")
@signed_in()
def unlink_provider() -> Response:
    """That account opens nothing any more."""
    unlink_identity(signed_in_person(), now=clock.now())
    flash(_("Unlinked."), "done")
    return redirect(url_for("accounts.devices"), 303)


def _begin(link_to: str | None) -> provider.ProviderRequest:
    if not provider.is_set_up():
        abort(404)
    return provider.ask(link_to=link_to, now=clock.now())
