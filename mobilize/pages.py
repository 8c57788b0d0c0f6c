"""What every page knows and every error says: in the person's language, with what to do next."""

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask, current_app, g, jsonify, render_template, request, url_for
from flask_wtf.csrf import CSRFError, generate_csrf
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from mobilize import languages
from mobilize.database import db
from mobilize.errors import Refused
from mobilize.languages import say_date, say_time, say_when
from mobilize.phones import shown
from mobilize.tokens import spaced_code

Answer = tuple[Any, int] | tuple[Any, int, dict[str, str]]


def init_app(app: Flask) -> None:
    """Give pages their words, and errors their page."""
    app.context_processor(_common)
    app.jinja_env.filters.update(
        say_time=say_time, say_date=say_date, shown_phone=shown, spaced_code=spaced_code
    )
    app.jinja_env.globals.update(say_when=say_when, own_address=_own_address)
    app.register_error_handler(Refused, _refused)
    app.register_error_handler(CSRFError, _too_old)
    app.register_error_handler(HTTPException, _http)
    for lost in (OperationalError, InterfaceError, PoolTimeout):
        app.register_error_handler(lost, _database_away)
    app.register_error_handler(Exception, _surprise)


def wants_json() -> bool:
    """True when the asker is a program: it sent JSON, or asked for JSON before a page."""
    best = request.accept_mimetypes.best_match(["text/html", "application/json"])
    return request.is_json or best == "application/json"


def _common() -> dict[str, Any]:
    chosen = current_app.config["MOBILIZE"]
    return {
        "union_name": chosen.union_name,
        "help_number": chosen.help_number,
        "public_base_url": chosen.public_base_url,
        "share_tags": chosen.share_tags,
        "demo": chosen.is_demo,
        "language": languages.language(),
        "csrf_token": generate_csrf,
        "asset": _asset,
    }


def _own_address() -> str:
    """The page's own address, for a way back to it; a mark in one that is cached for other addresses too."""
    marked: str | None = g.get("address")
    return marked or request.full_path.rstrip("?")


def _asset(path: str) -> str:
    return url_for("static", filename=path, v=_version(str(current_app.static_folder), path))


@cache
def _version(folder: str, path: str) -> str:
    file = Path(folder, path)
    return hashlib.sha256(file.read_bytes()).hexdigest()[:10] if file.is_file() else "0"


def _refused(refusal: Refused) -> Answer:
    if wants_json():
        return jsonify(error=refusal.code, message=refusal.message), refusal.status
    return _page(refusal.status, message=refusal.message), refusal.status


def _too_old(error: CSRFError) -> Answer:
    """The page lay open overnight. What was typed comes back, with one button to send it again."""
    if wants_json():
        return jsonify(error="too_old"), 400
    return _page(400, again=_what_was_sent()), 400


def _what_was_sent() -> dict[str, Any]:
    kept = [(n, v) for n, v in request.form.items(multi=True) if n != "csrf_token"]
    return {"url": request.full_path.rstrip("?"), "fields": kept}


def _http(error: HTTPException) -> Any:
    if error.response is not None:
        return error.response
    code = error.code or 500
    if wants_json():
        return jsonify(error=error.name.lower().replace(" ", "_")), code
    return _page(code), code


def _database_away(_error: Exception) -> Answer:
    db.session.rollback()
    current_app.logger.warning("database away", exc_info=True)
    if wants_json():
        return jsonify(error="try_again"), 503, {"Retry-After": "5"}
    # A short form comes back, to be sent again with one press; a file does not.
    sent = request.method == "POST" and request.mimetype == "application/x-www-form-urlencoded"
    return _page(503, again=_what_was_sent() if sent else None), 503, {"Retry-After": "5"}


def _surprise(_error: Exception) -> Answer:
    db.session.rollback()
    current_app.logger.error("surprise", exc_info=True)
    if wants_json():
        return jsonify(error="our_fault"), 500
    return _page(500), 500


def _page(code: int, **more: Any) -> str:
    try:
        return render_template("errors/error.html", code=code, **more)
    except Exception:  # the page itself may need what is broken, e.g. the database
        db.session.rollback()
        return render_template("errors/plain.html", code=code)
