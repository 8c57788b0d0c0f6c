"""The step-up page: it asks for a fresh proof, and carries the fields of the form that needs one."""

from flask import jsonify, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from mobilize import clock
from mobilize.accounts.models import SignedInSession
from mobilize.accounts.second_factor.passkeys import passkeys_of
from mobilize.accounts.second_factor.totp import app_of
from mobilize.accounts.sign_in.sessions import has_second_factor
from mobilize.web.error_pages import wants_json

FIELD_PREFIX = "step_"
# Texts to so many phones cost two dollars or so: up to here nobody is asked for them.
ASKS_ABOVE = 100


def step_up_page(running: SignedInSession | None) -> Response:
    """The response to a request that needs a fresh step-up: the page that asks, with the form's fields in it.

    Files cannot be in it: a browser uploads them once, so a view that takes files asks before its form.
    """
    if wants_json() or running is None:
        return make_response(jsonify(error="step_up"), 403)
    here = request.full_path.rstrip("?")
    if request.method in {"GET", "HEAD"}:
        return redirect(url_for("accounts.step_up", next=here), 303)
    return make_response(draw_step_up(running, here, posts=True), 403)


def draw_step_up(
    running: SignedInSession, target: str, *, posts: bool, problem: str = "", sent: bool = False
) -> str:
    """The page, which goes on to the address `target`: by POST with the fields of this request if `posts`."""
    person, now = running.person, clock.now()
    return render_template(
        "accounts/step_up.html",
        target=target,
        posts=posts,
        kept=kept_fields(),
        problem=problem,
        sent=sent,
        has_passkey=bool(passkeys_of(person, now=now)),
        has_app=app_of(person, now=now) is not None,
        by_code=not has_second_factor(person, now=now),
        has_phone=person.phone_enc is not None,
    )


def kept_fields() -> list[tuple[str, str]]:
    """The fields of the form that needs a step-up, without this page's own and the form's token."""
    fields = request.form.items(multi=True)
    return [
        (name, text) for name, text in fields if not name.startswith(FIELD_PREFIX) and name != "csrf_token"
    ]
