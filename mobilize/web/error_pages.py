"""Error pages: in the person's language, with what to do next."""

import errno
from typing import Any

from flask import Flask, current_app, jsonify, render_template, request
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import InternalError
from werkzeug.exceptions import HTTPException

from mobilize.database import AWAY, is_refused_as_read_only, roll_back
from mobilize.errors import Refused
from mobilize.keys.crypto import CannotOpen
from mobilize.languages import LANGUAGES
from mobilize.web.problems import asks_as_program, problem

_SHORTAGES = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC, errno.EAGAIN}

ErrorResponse = tuple[Any, int] | tuple[Any, int, dict[str, str]]


def init_app(app: Flask) -> None:
    """Answer every error with a page, or with JSON for a program."""
    app.register_error_handler(Refused, _refused)
    app.register_error_handler(CSRFError, _stale_form)
    app.register_error_handler(HTTPException, _http)
    for lost in AWAY:
        app.register_error_handler(lost, _database_away)
    app.register_error_handler(InternalError, _refused_by_database)
    app.register_error_handler(CannotOpen, _wrong_keys)
    for short in (OSError, MemoryError):
        app.register_error_handler(short, _machine_short)
    app.register_error_handler(Exception, _unexpected)


def load(app: Flask) -> None:
    """Make the page of a service that is away once in each language, so that a process that may open no
    more files has its templates and words. Repeated, nothing changes."""
    for language in LANGUAGES:
        with app.test_request_context(headers={"Accept-Language": language}):
            _page(503)
            render_template("errors/plain.html", code=503)


def wants_json() -> bool:
    """Whether the client is a program: it sent JSON, or prefers JSON to a page."""
    best = request.accept_mimetypes.best_match(["text/html", "application/json"])
    return request.is_json or best == "application/json"


def _refused(refusal: Refused) -> ErrorResponse:
    if asks_as_program():
        return problem(refusal.status, refusal.code, refusal.message), refusal.status
    if wants_json():
        return jsonify(error=refusal.code, message=refusal.message), refusal.status
    return _page(refusal.status, message=refusal.message), refusal.status


def _stale_form(error: CSRFError) -> ErrorResponse:
    """A form whose token expired: its fields come back, with one button to send them again."""
    if wants_json():
        return jsonify(error="too_old"), 400
    return _page(400, again=_what_was_sent()), 400


def _what_was_sent() -> dict[str, Any]:
    """The fields of whatever form it was, and whether it carried a token."""
    kept = [(n, v) for n, v in request.form.items(multi=True) if n != "csrf_token"]
    return {"url": request.full_path.rstrip("?"), "fields": kept, "signed": "csrf_token" in request.form}


def _http(error: HTTPException) -> Any:
    if error.response is not None:
        return error.response
    code = error.code or 500
    if asks_as_program():
        return problem(code, _code_of(error), headers=_headers_of(error))
    if wants_json():
        return jsonify(error=_code_of(error)), code
    return _page(code), code


def _refused_by_database(error: Exception) -> ErrorResponse:
    return _database_away(error) if is_refused_as_read_only(error) else _unexpected(error)


def _code_of(error: HTTPException) -> str:
    return error.name.lower().replace(" ", "_")


def _headers_of(error: HTTPException) -> dict[str, str]:
    """Those that belong to the error, such as the methods an address takes."""
    return {name: value for name, value in error.get_headers() if name.lower() != "content-type"}


def _database_away(_error: Exception) -> ErrorResponse:
    current_app.logger.warning("database away", exc_info=True)
    return _try_again()


def _wrong_keys(_error: Exception) -> ErrorResponse:
    """Until somebody puts the keys right: what is sent again then is stored."""
    current_app.logger.error("sealed values cannot be opened", exc_info=True)
    return _try_again()


def _machine_short(error: Exception) -> ErrorResponse:
    """Too many files or too little memory: others are about to give some back."""
    if isinstance(error, OSError) and error.errno not in _SHORTAGES:
        return _unexpected(error)
    current_app.logger.error("the machine is short of something", exc_info=True)
    return _try_again()


def _try_again() -> ErrorResponse:
    roll_back()
    if asks_as_program():
        return problem(503, "try_again", headers={"Retry-After": "5"}), 503
    if wants_json():
        return jsonify(error="try_again"), 503, {"Retry-After": "5"}
    # A short form comes back, to be sent again with one press; a file does not.
    sent = request.method == "POST" and request.mimetype == "application/x-www-form-urlencoded"
    return _page(503, again=_what_was_sent() if sent else None), 503, {"Retry-After": "5"}


def _unexpected(_error: Exception) -> ErrorResponse:
    roll_back()
    current_app.logger.error("surprise", exc_info=True)
    if asks_as_program():
        return problem(500, "our_fault"), 500
    if wants_json():
        return jsonify(error="our_fault"), 500
    return _page(500), 500


def _page(code: int, **more: Any) -> str:
    try:
        return render_template("errors/error.html", code=code, **more)
    except Exception:  # the page itself may need what is broken, e.g. the database
        roll_back()
        return render_template("errors/plain.html", code=code)
