"""The pages of sign-in: phone number, code, passkey, one-time links, signing out."""

from flask import current_app, flash, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from mobilize import clock, settings
from mobilize.accounts.access.permissions import anyone, me
from mobilize.accounts.forms import CodeForm, PhoneForm, ProofForm
from mobilize.accounts.routes import bp
from mobilize.accounts.sign_in.one_time_codes import REMEMBER_BROWSER, ask_for_code
from mobilize.accounts.sign_in.one_time_links import link_works, spend_link, waits_until
from mobilize.accounts.sign_in.operations import ask_for_passkey, enter_code, enter_passkey
from mobilize.accounts.sign_in.sessions import (
    ABSOLUTE,
    BROWSER,
    PASSKEY,
    cookie_name,
    end_session,
    give_cookie,
    take_cookie,
)
from mobilize.errors import Refused
from mobilize.keys.tokens import random_token
from mobilize.languages import _, language


@bp.get("/sign-in")
@anyone
def sign_in() -> str:
    """The page for the phone number."""
    return _sign_in_page(PhoneForm(next=request.args.get("next")))


@bp.post("/sign-in")
@anyone
def ask() -> Response | tuple[str, int]:
    """Store the request and go on to the code: the same for everybody, known here or not."""
    form = PhoneForm()
    browser = request.cookies.get(cookie_name(BROWSER)) or random_token()
    try:
        ask_for_code(form.phone.data, browser, language=language(), now=clock.now())
    except Refused as refusal:
        form.phone.errors = [refusal.message]
        return _sign_in_page(form), refusal.status
    response = redirect(url_for("accounts.sign_in_code", next=form.next.data), 303)
    give_cookie(response, BROWSER, browser, lasts=REMEMBER_BROWSER)
    return response


@bp.get("/sign-in/code")
@anyone
def sign_in_code() -> str | Response:
    """The page for the code; where no texts leave, the one that says so."""
    if not settings().carriers_set_up:
        return redirect(url_for("accounts.sign_in"), 303)
    return render_template("accounts/sign_in_code.html", form=CodeForm(next=request.args.get("next")))


@bp.post("/sign-in/code")
@anyone
def enter_the_code() -> Response | tuple[str, int]:
    """Sign in with the code, or say that it does not fit."""
    form = CodeForm()
    try:
        token = enter_code(form.code.data, request.cookies.get(cookie_name(BROWSER), ""), now=clock.now())
    except Refused as refusal:
        form.code.errors, form.code.data = [refusal.message], ""
        return render_template("accounts/sign_in_code.html", form=form), refusal.status
    return signed_in_response(token, form.next.data)


@bp.post("/sign-in/with-passkey/options")
@anyone
def ask_passkey() -> Response:
    """What the passkey has to sign, as JSON: the same for everybody."""
    browser = request.cookies.get(cookie_name(PASSKEY)) or random_token()
    options = ask_for_passkey(browser, now=clock.now())
    response = current_app.response_class(options, mimetype="application/json")
    give_cookie(response, PASSKEY, browser, lasts=REMEMBER_BROWSER)
    return response


@bp.post("/sign-in/with-passkey")
@anyone
def enter_with_passkey() -> Response | tuple[str, int]:
    """Sign in with a passkey alone, or say that it does not fit."""
    form = ProofForm()
    browser = request.cookies.get(cookie_name(PASSKEY), "")
    try:
        token = enter_passkey(form.step_credential.data, browser, now=clock.now())
    except Refused as refusal:
        page = _sign_in_page(PhoneForm(formdata=None, next=form.step_there.data), refusal.message)
        return page, refusal.status
    return signed_in_response(token, form.step_there.data)


@bp.get("/enter/<token>")
@anyone
def enter(token: str) -> tuple[str, int]:
    """The page of a one-time link. A messenger's preview opens it too, so nothing is used up yet."""
    now = clock.now()
    works, opens_at = link_works(token, now=now), waits_until(token, now=now)
    return render_template("accounts/enter.html", works=works, opens_at=opens_at), 200 if works else 410


@bp.post("/enter/<token>")
@anyone
def enter_now(token: str) -> Response | tuple[str, int]:
    """Sign in with a one-time link, which is used up."""
    try:
        response = signed_in_response(spend_link(token, now=clock.now()), None)
    except Refused as refusal:
        return render_template("accounts/enter.html", works=False), refusal.status
    if settings().is_demo:
        flash(
            _("DEMO: this link let you in without a passkey. The real service asks organizers for one."),
            "note",
        )
    return response


@bp.post("/sign-out")
@anyone
def sign_out() -> Response:
    """End this browser's session; without one it does nothing."""
    response = redirect(url_for("accounts.sign_in"), 303)
    _leave()
    take_cookie(response, "session")
    flash(_("You are signed out."), "done")
    return response


def signed_in_response(token: str, then: str | None) -> Response:
    """The answer that signs this browser in, and whoever was signed in out."""
    response = redirect(then or url_for("turnout.overview"), 303)
    _leave()
    give_cookie(response, "session", token, lasts=ABSOLUTE)
    return response


def _sign_in_page(form: PhoneForm, problem: str = "") -> str:
    provider = settings().oidc_name if settings().oidc_issuer else ""
    return render_template("accounts/sign_in.html", form=form, provider=provider, problem=problem)


def _leave() -> None:
    """End the session and the form token of whoever used this browser before."""
    running = me().session
    if running is not None:
        end_session(running, now=clock.now())
    session.clear()
