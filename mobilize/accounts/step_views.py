"""The second step: giving it, setting it up, and giving it once more before something dangerous."""

from flask import abort, current_app, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from mobilize import clock
from mobilize.accounts.authenticator_apps import app_address, app_of, start_app, started_app
from mobilize.accounts.code_requests import REMEMBER_BROWSER, ask_for_code
from mobilize.accounts.entrance import first_step, me, require_step_up, signed_in
from mobilize.accounts.forms import local_path
from mobilize.accounts.models import SignedInSession
from mobilize.accounts.passkeys import options_to_add, options_to_prove, passkeys_of
from mobilize.accounts.recovery import new_recovery_codes, recovery_codes_left
from mobilize.accounts.second_steps import (
    Proof,
    may_set_up,
    pass_second_step,
    set_up_app,
    set_up_passkey,
)
from mobilize.accounts.second_steps import step_up as prove_again
from mobilize.accounts.sessions import ABSOLUTE, cookie_name, give_cookie, has_second_step
from mobilize.accounts.step_up import draw_step_up
from mobilize.accounts.views import BROWSER, bp
from mobilize.errors import Refused
from mobilize.languages import _, language
from mobilize.qr import qr_svg
from mobilize.tokens import random_token


@bp.get("/sign-in/second")
@first_step
def second_step() -> str | Response:
    """The code was right; now her passkey, or digits from her app."""
    if not me().half_in:
        return redirect(_after_sign_in(), 303)
    if not has_second_step(_running().person, now=clock.now()):
        return redirect(url_for("accounts.set_up"), 303)
    return _second_page()


@bp.post("/sign-in/second")
@first_step
def give_second_step() -> Response | tuple[str, int]:
    """She is in, or hears that it does not fit; after five she starts anew."""
    if not me().half_in:
        return redirect(_after_sign_in(), 303)
    try:
        token = pass_second_step(_running(), _proof(), now=clock.now())
    except Refused as refusal:
        if refusal.code in {"signed_out", "too_many_steps"}:
            return _start_anew(refusal)
        return _second_page(refusal.message), refusal.status
    return _renewed(redirect(_after_sign_in(), 303), token)


@bp.get("/sign-in/set-up")
@first_step
def set_up() -> str | tuple[str, int]:
    """Where a passkey or an app is set up: right after the first sign-in, or one more later."""
    if not may_set_up(_running(), now=clock.now()):
        return render_template("accounts/needs_link.html"), 403
    _ask_whoever_is_in()
    return _set_up_page()


@bp.post("/sign-in/set-up")
@first_step
def add_passkey() -> str | Response | tuple[str, int]:
    """Keep the new passkey, and hand out recovery codes with the first."""
    _ask_whoever_is_in()
    given = request.form.get("step_credential", ""), request.form.get("step_name", "")
    try:
        token = set_up_passkey(_running(), *given, now=clock.now())
    except Refused as refusal:
        return _set_up_page(refusal.message), refusal.status
    return _set_up_done(token)


@bp.post("/sign-in/set-up/app")
@first_step
def add_app() -> str | Response | tuple[str, int]:
    """Without digits: a new secret with its QR code. With digits: it counts from now on."""
    _ask_whoever_is_in()
    person, typed = _running().person, request.form.get("step_code", "")
    if not may_set_up(_running(), now=clock.now()):
        abort(403)
    if not typed or started_app(person, now=clock.now()) is None:
        start_app(person, now=clock.now())
        return _app_page()
    try:
        token = set_up_app(_running(), typed, now=clock.now())
    except Refused as refusal:
        if refusal.code in {"signed_out", "too_many_steps"}:
            return _start_anew(refusal)
        return _app_page(refusal.message), refusal.status
    return _set_up_done(token)


@bp.post("/sign-in/passkey/<any(add, prove):purpose>")
@first_step
def passkey_options(purpose: str) -> Response:
    """What the browser hands to her passkey, as JSON."""
    running = _running()
    make = options_to_add if purpose == "add" else options_to_prove
    options = make(running.person, running.token_hash, now=clock.now())
    return current_app.response_class(options, mimetype="application/json")


@bp.get("/step-up")
@signed_in()
def step_up() -> str:
    """Asks once more whether it is she, and goes on to where she wanted to go."""
    return draw_step_up(_running(), local_path(request.args.get("next")) or "/", posts=False)


@bp.post("/step-up")
@signed_in()
def give_step_up() -> Response | tuple[str, int]:
    """On to where she wanted to go, with what she had typed; or a code is texted; or it does not fit."""
    there = local_path(request.form.get("step_there")) or "/"
    posts = request.form.get("step_posts") == "yes"
    if request.form.get("step_do") == "text":
        return _text_her(there, posts)
    try:
        token = prove_again(_running(), _proof(), _browser(), now=clock.now())
    except Refused as refusal:
        if refusal.code in {"signed_out", "too_many_steps"}:
            return _start_anew(refusal)
        page = draw_step_up(_running(), there, posts=posts, problem=refusal.message, sent=True)
        return page, refusal.status
    if there.startswith(url_for("accounts.set_up")):
        # What proves here is called as what is set up there: the one must not be taken for the other.
        return _renewed(redirect(url_for("accounts.set_up"), 303), token)
    # 307 keeps method and body (RFC 9110, 15.4.8): the browser sends the same form once more, by itself.
    return _renewed(redirect(there, 307 if posts else 303), token)


def _text_her(there: str, posts: bool) -> Response | tuple[str, int]:
    browser = _browser() or random_token()
    try:
        ask_for_code(_running().person.phone or "", browser, language=language(), now=clock.now())
    except Refused as refusal:
        return draw_step_up(_running(), there, posts=posts, problem=refusal.message), refusal.status
    answer = current_app.make_response(draw_step_up(_running(), there, posts=posts, sent=True))
    give_cookie(answer, BROWSER, browser, lasts=REMEMBER_BROWSER)
    return answer


def _running() -> SignedInSession:
    running = me().session
    if running is None:
        abort(401)
    return running


def _ask_whoever_is_in() -> None:
    """Somebody who found her browser open must not add a key of his own."""
    if not me().half_in:
        require_step_up()


def _proof() -> Proof:
    return Proof(request.form.get("step_credential", ""), request.form.get("step_code", ""))


def _browser() -> str:
    return request.cookies.get(cookie_name(BROWSER), "")


def _after_sign_in() -> str:
    there = request.form.get("step_there") or request.args.get("next")
    return local_path(there) or url_for("turnout.overview")


def _second_page(problem: str = "") -> str:
    person, now = _running().person, clock.now()
    return render_template(
        "accounts/second_step.html",
        problem=problem,
        there=local_path(request.form.get("step_there") or request.args.get("next")),
        has_passkey=bool(passkeys_of(person, now=now)),
        has_app=app_of(person, now=now) is not None,
        codes_left=recovery_codes_left(person, now=now),
    )


def _set_up_page(problem: str = "") -> str:
    return render_template("accounts/set_up.html", problem=problem, half_in=me().half_in)


def _app_page(problem: str = "") -> str:
    person = _running().person
    app = started_app(person, now=clock.now())
    if app is None:
        abort(409)
    qr = qr_svg(app_address(app, person), _("QR code for your app"))
    return render_template("accounts/set_up_app.html", problem=problem, qr=qr, secret=app.secret)


def _set_up_done(token: str) -> Response:
    """Recovery codes are shown with the first second step, and never again."""
    person = _running().person
    if recovery_codes_left(person, now=clock.now()):
        flash(_("Added. From now on you can use it to sign in."), "done")
        return _renewed(redirect(url_for("accounts.devices"), 303), token)
    codes = new_recovery_codes(person, now=clock.now())
    page = render_template("accounts/recovery_codes.html", codes=codes, first=True)
    return _renewed(current_app.make_response(page), token)


def _start_anew(refusal: Refused) -> Response:
    flash(refusal.message, "problem")
    return redirect(url_for("accounts.sign_in"), 303)


def _renewed(answer: Response, token: str) -> Response:
    give_cookie(answer, "session", token, lasts=ABSOLUTE)
    return answer
