"""Sign-in, people and their links."""

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from mobilize import clock, settings
from mobilize.accounts.code_requests import REMEMBER_BROWSER, ask_for_code
from mobilize.accounts.codes import enter_code
from mobilize.accounts.entrance import anyone, me
from mobilize.accounts.forms import CodeForm, PhoneForm, local_path
from mobilize.accounts.links import link_works, spend_link, waits_until
from mobilize.accounts.sessions import ABSOLUTE, cookie_name, end_session, give_cookie, take_cookie
from mobilize.errors import Refused
from mobilize.languages import _, language
from mobilize.tokens import random_token

bp = Blueprint("accounts", __name__)
BROWSER = "browser"


@bp.get("/sign-in")
@anyone
def sign_in() -> str:
    """Where she types her number."""
    return render_template("accounts/sign_in.html", form=PhoneForm(next=_next()))


@bp.post("/sign-in")
@anyone
def ask() -> Response | tuple[str, int]:
    """Write the request down, and go on to the code: the same for everybody, known here or not."""
    form = PhoneForm()
    browser = request.cookies.get(cookie_name(BROWSER)) or random_token()
    try:
        ask_for_code(form.phone.data or "", browser, language=language(), now=clock.now())
    except Refused as refusal:
        form.phone.errors = [refusal.message]
        return render_template("accounts/sign_in.html", form=form), refusal.status
    answer = redirect(url_for("accounts.sign_in_code", next=local_path(form.next.data)), 303)
    give_cookie(answer, BROWSER, browser, lasts=REMEMBER_BROWSER)
    return answer


@bp.get("/sign-in/code")
@anyone
def sign_in_code() -> str:
    """Where she types the code."""
    return render_template("accounts/sign_in_code.html", form=CodeForm(next=_next()))


@bp.post("/sign-in/code")
@anyone
def enter_the_code() -> Response | tuple[str, int]:
    """Sign in with the code, or say that it does not fit."""
    form = CodeForm()
    try:
        token = enter_code(
            form.code.data or "", request.cookies.get(cookie_name(BROWSER), ""), now=clock.now()
        )
    except Refused as refusal:
        form.code.errors, form.code.data = [refusal.message], ""
        return render_template("accounts/sign_in_code.html", form=form), refusal.status
    return _signed_in(token, local_path(form.next.data))


@bp.get("/enter/<token>")
@anyone
def enter(token: str) -> tuple[str, int]:
    """A one-time link was opened, by her or by a messenger that previews it: nothing is spent yet."""
    now = clock.now()
    works, opens_at = link_works(token, now=now), waits_until(token, now=now)
    return render_template("accounts/enter.html", works=works, opens_at=opens_at), 200 if works else 410


@bp.post("/enter/<token>")
@anyone
def enter_now(token: str) -> Response | tuple[str, int]:
    """Spend the link."""
    try:
        answer = _signed_in(spend_link(token, now=clock.now()), None)
    except Refused as refusal:
        return render_template("accounts/enter.html", works=False), refusal.status
    if settings().is_demo:
        flash(
            _("DEMO: this link let you in without a passkey. The real service asks organizers for one."),
            "note",
        )
    return answer


@bp.post("/sign-out")
@anyone
def sign_out() -> Response:
    """End this browser's session; without one it does nothing."""
    answer = redirect(url_for("accounts.sign_in"), 303)
    _leave()
    take_cookie(answer, "session")
    flash(_("You are signed out."), "done")
    return answer


def _signed_in(token: str, then: str | None) -> Response:
    answer = redirect(then or url_for("turnout.overview"), 303)
    _leave()
    give_cookie(answer, "session", token, lasts=ABSOLUTE)
    return answer


def _leave() -> None:
    """Nothing of whoever was here before stays: neither her session nor the form's token."""
    running = me().session
    if running is not None:
        end_session(running, now=clock.now())
    session.clear()


def _next() -> str | None:
    return local_path(request.args.get("next"))
