"""The pages that belong to no room: the front door, the language switch, the colours, the health checks."""

from datetime import timedelta

from flask import Blueprint, Response, current_app, jsonify, redirect, render_template, request
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from mobilize import clock, languages, migrating, settings
from mobilize.accounts.entrance import anyone
from mobilize.accounts.forms import local_path
from mobilize.database import db
from mobilize.keys import unknown_key

bp = Blueprint("public", __name__)
_FITTING = "mobilize keys fit"
_LOOK_AGAIN = timedelta(minutes=10)


@bp.get("/")
@anyone
def front() -> str:
    """Where a member types the poster's code, and a chair finds the way in."""
    return render_template("public/front.html", typed="", error="")


@bp.post("/language")
@anyone
def language() -> Response:
    """Remember the language this browser wants, and go back to where it was."""
    answer = redirect(local_path(request.form.get("next")) or "/", 303)
    chosen = request.form.get("language", "")
    if chosen in languages.LANGUAGES:
        answer.set_cookie(
            languages.COOKIE,
            chosen,
            max_age=31_536_000,
            samesite="Lax",
            secure=settings().is_secure,
            httponly=True,
        )
    return answer  # type: ignore[return-value]


@bp.get("/colours.css")
@anyone
def colours() -> Response:
    """The union's one colour. A stylesheet of its own, since pages may carry no inline style."""
    css = f":root{{--union:{settings().union_colour}}}\n"
    return Response(css, mimetype="text/css", headers={"Cache-Control": "public, max-age=86400"})


@bp.get("/healthz")
@anyone
def healthz() -> Response:
    """This process lives."""
    return jsonify(ok=True)


@bp.get("/readyz")
@anyone
def readyz() -> tuple[Response, int]:
    """This process can serve: the database answers, its tables are the ones this code expects, and every
    key that sealed something is listed."""
    try:
        db.session.execute(text("SELECT 1"))
        current = migrating.seen()
    except SQLAlchemyError:
        return jsonify(ok=False, why="database"), 503
    if current != migrating.wanted():
        return jsonify(ok=False, why="migrations"), 503
    if not _keys_fit():
        return jsonify(ok=False, why="keys"), 503
    return jsonify(ok=True), 200


def _keys_fit() -> bool:
    """Whether everything sealed can be opened here. A yes holds for ten minutes, a no is asked again."""
    now, held = clock.now(), current_app.extensions
    if _FITTING not in held or now - held[_FITTING] > _LOOK_AGAIN:
        held.pop(_FITTING, None)
        if unknown_key() is None:
            held[_FITTING] = now
    return _FITTING in held
