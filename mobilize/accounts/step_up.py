"""The page that asks once more whether it is she, and takes what she had typed along."""

from flask import jsonify, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from mobilize import clock
from mobilize.accounts.authenticator_apps import app_of
from mobilize.accounts.models import SignedInSession
from mobilize.accounts.passkeys import passkeys_of
from mobilize.accounts.sessions import has_second_step
from mobilize.pages import wants_json

OURS = "step_"
# Texts to so many phones cost two dollars or so: up to here nobody is asked for them.
ASKS_ABOVE = 100


def step_up_page(running: SignedInSession | None) -> Response:
    """The answer to a request that needs a fresh step-up: a form comes back whole, inside the page that asks.

    Files do not: a browser hands them over once, so a view that takes files asks before it shows its form.
    """
    if wants_json() or running is None:
        return make_response(jsonify(error="step_up"), 403)
    here = request.full_path.rstrip("?")
    if request.method in {"GET", "HEAD"}:
        return redirect(url_for("accounts.step_up", next=here), 303)
    return make_response(draw_step_up(running, here, posts=True), 403)


def draw_step_up(
    running: SignedInSession, there: str, *, posts: bool, problem: str = "", sent: bool = False
) -> str:
    """`there` is where she goes on to, by POST with the fields of this request if `posts`."""
    person, now = running.person, clock.now()
    return render_template(
        "accounts/step_up.html",
        there=there,
        posts=posts,
        kept=kept_fields(),
        problem=problem,
        sent=sent,
        has_passkey=bool(passkeys_of(person, now=now)),
        has_app=app_of(person, now=now) is not None,
        by_code=not has_second_step(person, now=now),
        has_phone=person.phone_enc is not None,
    )


def kept_fields() -> list[tuple[str, str]]:
    """What she had typed on the page before; our own fields and the form's token left out."""
    fields = request.form.items(multi=True)
    return [(name, text) for name, text in fields if not name.startswith(OURS) and name != "csrf_token"]
