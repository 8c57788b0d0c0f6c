"""The pages of no room: the home page, guides, the switches of language and colours, the health checks."""

import os
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flask import Blueprint, Response, abort, current_app, jsonify, redirect, render_template, request
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.datastructures import MultiDict

from mobilize import clock, languages, settings
from mobilize.accounts.access.permissions import anyone
from mobilize.database import is_read_only, migration_status
from mobilize.home import guides
from mobilize.home.forms import ComponentsForm, LanguageForm
from mobilize.jobs.models import Job, JobKind, JobState, JobStep
from mobilize.keys import crypto
from mobilize.keys.rotation import unfit_key
from mobilize.turnout.board.charts import arrivals_chart
from mobilize.turnout.figures.people import Arrivals
from mobilize.web.http_compression import compressed

bp = Blueprint("public", __name__)
# Made by `deploy/machine/mobilize-web@.service` some seconds before this server is stopped.
DRAINING = Path(os.environ.get("RUNTIME_DIRECTORY") or "/nonexistent", "draining")
PROBE = "doctor's probe"
_FITTING = "mobilize keys fit"
_LOOK_AGAIN = timedelta(minutes=10)


@bp.get("/")
@anyone
def front() -> str:
    """The home page: the field for a poster's code, and the link to sign in."""
    return render_template("public/front.html", typed="", error="")


@bp.post("/language")
@anyone
def language() -> Response:
    """Store the language chosen for this browser in a cookie, and go back to the page."""
    form = LanguageForm()
    answer = redirect(form.next.data or "/", 303)
    if form.validate():
        answer.set_cookie(
            languages.COOKIE,
            form.language.data,
            max_age=31_536_000,
            samesite="Lax",
            secure=settings().is_secure,
            httponly=True,
        )
    return answer  # type: ignore[return-value]


@bp.get("/guides/<name>")
@anyone
def guide(name: str) -> str:
    """A guide of two pages, to be read on a phone or printed; 404 for another name. It is open to anyone: a
    captain has no account, and nothing stands in it but what is in our repository."""
    if name not in guides.NAMES:
        abort(404)
    readers = languages.language()
    return render_template(
        "public/guide.html", guide=guides.guide(name, readers), guides=guides.guides(readers)
    )


@bp.get("/manuals/<name>")
@anyone
def manual(name: str) -> str:
    """A manual for people who write programs, as it stands in our repository; 404 for another name."""
    if name not in guides.MANUALS:
        abort(404)
    return render_template("public/manual.html", manual=guides.manual(name, settings().public_base_url))


@bp.get("/manuals/examples/<name>")
@anyone
def manual_example(name: str) -> Response:
    """A program that a manual names, to be copied; 404 for any other file."""
    try:
        return Response(guides.example(name), mimetype="text/plain")
    except FileNotFoundError:
        abort(404)


@bp.get("/components")
@anyone
def components() -> str:
    """Every component in each of its states, for whoever changes one; 404 where a real union is served."""
    if settings().is_production:
        abort(404)
    form = ComponentsForm(formdata=MultiDict({"heads": "many"}))
    form.validate()
    rows = [("Lincoln", "none", 40, 12), ("Madison", "zero", 31, 20), ("Roosevelt", "above", 58, 55)]
    starts_at = datetime(2026, 3, 3, 14, 30, tzinfo=UTC)
    steps = tuple((starts_at + timedelta(minutes=5 * n), 8 * n if n < 9 else 20 - n) for n in range(18))
    chart = arrivals_chart(Arrivals(steps))
    drawing = {"kind": JobKind.POSTERS, "step": JobStep.DRAWING, "done": 27, "total": 789}
    rest = {"by": "", "about": "", "options": "{}", "started_at": starts_at}
    jobs = [Job(state=state, **drawing, **rest) for state in JobState]
    return render_template("public/components.html", form=form, rows=rows, chart=chart, jobs=jobs)


@bp.get("/colours.css")
@anyone
@compressed
def colours() -> Response:
    """The union's one colour. A stylesheet of its own, since pages may carry no inline style."""
    css = f":root{{--union:{settings().union_colour}}}\n"
    return Response(css, mimetype="text/css", headers={"Cache-Control": "public, max-age=86400"})


@bp.get("/healthz")
@anyone
def healthz() -> tuple[Response, int]:
    """The liveness check: this process answers. One that is about to be stopped says so before, and a proxy
    that asks every second sends it nobody any more. To `?probe=`, a random word, it also says which host it
    was asked for and signs both: so the doctor knows that an address leads here."""
    if DRAINING.exists():
        return jsonify(ok=False, why="stopping"), 503
    probe, host = request.args.get("probe", "")[:64], request.host[:255]
    if not probe:
        return jsonify(ok=True), 200
    return jsonify(ok=True, host=host, seal=crypto.sign(PROBE, f"{probe} {host}")), 200


@bp.get("/readyz")
@anyone
def readyz() -> tuple[Response, int]:
    """The readiness check: the database answers and can be written, every migration of this code was applied,
    and the keys open what is stored."""
    try:
        why = _why_not_ready()
    except (SQLAlchemyError, sqlite3.Error):
        why = "database"
    return jsonify(ok=False, why=why) if why else jsonify(ok=True), 503 if why else 200


def _why_not_ready() -> str:
    if is_read_only():
        return "read_only"
    if migration_status.is_behind():
        return "migrations"
    return "" if _keys_fit() else "keys"


def _keys_fit() -> bool:
    """Whether the keys open what they sealed. A yes is cached for ten minutes, a no is not."""
    now, held = clock.now(), current_app.extensions
    if _FITTING not in held or now - held[_FITTING] > _LOOK_AGAIN:
        held.pop(_FITTING, None)
        if unfit_key() is None:
            held[_FITTING] = now
    return _FITTING in held
