"""Pages of the second factor: giving it, setting it up, and the step-up before dangerous operations."""

from flask import (
    abort,
    current_app,
    flash,
    redirect,
    render_template,
    request,
    url_for,
)
from werkzeug.wrappers import Response

from mobilize import clock, settings
from mobilize.accounts.access.permissions import first_step, me, require_step_up, signed_in
from mobilize.accounts.access.scope import scope_of, today
from mobilize.accounts.forms import PasskeyForm, ProofForm, StepUpForm, local_path
from mobilize.accounts.models import Person, SignedInSession
from mobilize.accounts.routes import bp
from mobilize.accounts.second_factor.operations import (
    SecondFactorProof,
    may_set_up,
    set_up_app,
    set_up_passkey,
    verify_second_factor,
)
from mobilize.accounts.second_factor.operations import step_up as prove_again
from mobilize.accounts.second_factor.passkeys import options_to_add, options_to_prove, passkeys_of
from mobilize.accounts.second_factor.recovery_codes import new_recovery_codes, recovery_codes_left
from mobilize.accounts.second_factor.step_up import draw_step_up
from mobilize.accounts.second_factor.totp import app_address, app_of, start_app, started_app
from mobilize.accounts.sign_in.one_time_codes import REMEMBER_BROWSER, ask_for_code
from mobilize.accounts.sign_in.sessions import ABSOLUTE, BROWSER, cookie_name, give_cookie, has_second_factor
from mobilize.errors import Refused
from mobilize.keys.tokens import random_token
from mobilize.languages import _, language
from mobilize.printing.qr import qr_svg


@bp.get("/sign-in/second")
@first_step
def second_factor() -> str | Response:
    """The page for the passkey, or digits from the app, after the code."""
    if not me().half_in:
        return redirect(_after_sign_in(), 303)
    if not has_second_factor(_running().person, now=clock.now()):
        return redirect(url_for("accounts.set_up"), 303)
    return _second_page()


@bp.post("/sign-in/second")
@first_step
def give_second_factor() -> Response | tuple[str, int]:
    """Complete the sign-in, or say that it does not fit; after five tries it starts anew."""
    if not me().half_in:
        return redirect(_after_sign_in(), 303)
    try:
        token = verify_second_factor(_running(), _proof(), now=clock.now())
    except Refused as refusal:
        if refusal.code in {"signed_out", "too_many_steps"}:
            return _start_anew(refusal)
        return _second_page(refusal.message), refusal.status
    return _renewed(redirect(_after_sign_in(), 303), token)


@bp.get("/sign-in/set-up")
@first_step
def set_up() -> str | tuple[str, int]:
    """The page where a passkey or an app is set up: right after the first sign-in, or one more later."""
    if not may_set_up(_running(), now=clock.now()):
        return render_template("accounts/needs_link.html"), 403
    _ask_whoever_is_in()
    return _set_up_page()


@bp.post("/sign-in/set-up")
@first_step
def add_passkey() -> str | Response | tuple[str, int]:
    """Store the new passkey, and print recovery codes with the first."""
    _ask_whoever_is_in()
    form = PasskeyForm()
    try:
        token = set_up_passkey(_running(), form.step_credential.data, form.step_name.data, now=clock.now())
    except Refused as refusal:
        return _set_up_page(refusal.message), refusal.status
    return _set_up_done(token)


@bp.post("/sign-in/set-up/app")
@first_step
def add_app() -> str | Response | tuple[str, int]:
    """Without digits: a new secret with its QR code. With digits: it counts from now on."""
    _ask_whoever_is_in()
    person, typed = _running().person, ProofForm().step_code.data
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
    """The options that the browser passes to the passkey, as JSON."""
    running = _running()
    make = options_to_add if purpose == "add" else options_to_prove
    options = make(running.person, running.token_hash, now=clock.now())
    return current_app.response_class(options, mimetype="application/json")


@bp.get("/step-up")
@signed_in()
def step_up() -> str:
    """The step-up page, which goes on to the page in `next`."""
    return draw_step_up(_running(), local_path(request.args.get("next")) or "/", posts=False)


@bp.post("/step-up")
@signed_in()
def give_step_up() -> Response | tuple[str, int]:
    """Check the proof and go on with the form that needed it; or text a code; or say that it does not fit."""
    form = StepUpForm()
    target, posts = form.step_there.data or "/", form.step_posts.data == "yes"
    if form.step_do.data == "text":
        return _text_code(target, posts)
    try:
        token = prove_again(_running(), _proof(), _browser(), now=clock.now())
    except Refused as refusal:
        if refusal.code in {"signed_out", "too_many_steps"}:
            return _start_anew(refusal)
        page = draw_step_up(_running(), target, posts=posts, problem=refusal.message, sent=True)
        return page, refusal.status
    if target.startswith(url_for("accounts.set_up")):
        # The fields of the proof are named like those of the set-up: one must not be sent as the other.
        return _renewed(redirect(url_for("accounts.set_up"), 303), token)
    # 307 keeps method and body (RFC 9110, 15.4.8): the browser sends the same form once more, by itself.
    return _renewed(redirect(target, 307 if posts else 303), token)


def _text_code(target: str, posts: bool) -> Response | tuple[str, int]:
    browser = _browser() or random_token()
    try:
        ask_for_code(_running().person.phone or "", browser, language=language(), now=clock.now())
    except Refused as refusal:
        return draw_step_up(_running(), target, posts=posts, problem=refusal.message), refusal.status
    response = current_app.make_response(draw_step_up(_running(), target, posts=posts, sent=True))
    give_cookie(response, BROWSER, browser, lasts=REMEMBER_BROWSER)
    return response


def _running() -> SignedInSession:
    running = me().session
    if running is None:
        abort(401)
    return running


def _ask_whoever_is_in() -> None:
    """Require a step-up of whoever is fully signed in: nobody at an unattended browser adds their own key."""
    if not me().half_in:
        require_step_up()


def _proof() -> SecondFactorProof:
    form = ProofForm()
    return SecondFactorProof(form.step_credential.data, form.step_code.data)


def _browser() -> str:
    return request.cookies.get(cookie_name(BROWSER), "")


def _after_sign_in() -> str:
    return _target() or url_for("turnout.overview")


def _target() -> str | None:
    """The page they wanted: the address brings it, and then the form of the second step."""
    return ProofForm().step_there.data or local_path(request.args.get("next"))


def _second_page(problem: str = "") -> str:
    person, now = _running().person, clock.now()
    return render_template(
        "accounts/second_factor.html",
        problem=problem,
        target=_target(),
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
    """The response after a set-up. Recovery codes are shown with the first factor set up, and never again."""
    person = _running().person
    if recovery_codes_left(person, now=clock.now()):
        flash(_("Added. From now on you can use it to sign in."), "done")
        return _renewed(redirect(url_for("accounts.devices"), 303), token)
    codes = new_recovery_codes(person, now=clock.now())
    page = render_template("accounts/recovery_codes.html", codes=codes, first=True, go_on=_first_page(person))
    return _renewed(current_app.make_response(page), token)


def _first_page(person: Person) -> str:
    """Where somebody begins: an admin of a service that is not live yet with what is left to set up."""
    is_admin = scope_of(person, today(clock.now())).everything
    return url_for("setup.checklist" if is_admin and not settings().is_live else "turnout.overview")


def _start_anew(refusal: Refused) -> Response:
    flash(refusal.message, "problem")
    return redirect(url_for("accounts.sign_in"), 303)


def _renewed(response: Response, token: str) -> Response:
    give_cookie(response, "session", token, lasts=ABSOLUTE)
    return response
