"""Mobilize: who stands at which line, counted.

`create_app` puts the rooms together. Tools (the modules beside this one) import no room; each room imports
only rooms below it, as they stand in `ROOMS`.
"""

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from io import BytesIO
from typing import IO, Any

from flask import Flask, Request, current_app
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from werkzeug.exceptions import BadRequest

import config
from config import Settings

# Lowest first: a room imports itself and what stands before it.
ROOMS = (
    "jobs",
    "roster",
    "texts",
    "accounts",
    "actions",
    "checkins",
    "reminders",
    "turnout",
    "privacy",
    "setup",
    "api",
    "webhooks",
)


class InMemoryRequest(Request):
    """A request whose uploads stay in memory, where their size is limited: they hold names, and never become
    a file."""

    def _get_file_stream(self, *_: object, **__: object) -> IO[bytes]:
        return BytesIO()

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
        """As Flask's; arrays within arrays without end are a bad request like other nonsense."""
        try:
            return super().get_json(force, silent, cache)
        except RecursionError:
            raise BadRequest("nested too deeply") from None


class FormSession(SecureCookieSessionInterface):
    """Flask's session, which carries the token of forms and nothing else. Most requests come without one, and
    then there is nothing to verify: making a serializer for it is a twentieth of a page."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        if self.get_cookie_name(app) not in request.cookies:
            return self.session_class()
        return super().open_session(app, request)


class Application(Flask):
    """Flask, with these requests and sessions. No view or hook here is a coroutine: Flask looks whether one
    is seven times a request, which is a twentieth of a page."""

    request_class = InMemoryRequest
    session_interface = FormSession()

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """The function itself."""
        return func


def create_app(chosen: Settings | None = None, *, web: bool = True) -> Flask:
    """The web application, also the frame in which commands run; without `web` to it (pages, forms,
    commands) the frame for tasks, which is a third smaller. Raises `config.BadSetting`."""
    app = Application(__name__, template_folder="../templates", static_folder=None)
    app.config["MOBILIZE"] = chosen or config.load()
    _set_limits(app)
    _open_tools(app)
    _load_models()
    if web:
        _open_rooms(app)
    return app


def settings() -> Settings:
    """The settings of the running application: the environment's, and over them what the office stored."""
    from mobilize import stored_settings

    return stored_settings.current(current_app._get_current_object())  # type: ignore[attr-defined]


def _set_limits(app: Flask) -> None:
    chosen: Settings = app.config["MOBILIZE"]
    app.config.update(
        TESTING=chosen.env is config.Env.TEST,
        # Only uploads may be larger; their view raises the limit for itself.
        MAX_CONTENT_LENGTH=1 << 20,
        MAX_FORM_PARTS=1000,
        MAX_FORM_MEMORY_SIZE=1 << 20,
        SEND_FILE_MAX_AGE_DEFAULT=31_536_000,
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_CHECK_DEFAULT=False,
        # It would ask for a referrer, and our pages send none; each route asks for the origin instead.
        WTF_CSRF_SSL_STRICT=False,
        SESSION_COOKIE_NAME="__Host-form" if chosen.is_secure else "form",
        SESSION_COOKIE_SECURE=chosen.is_secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
    )
    app.url_map.strict_slashes = False


def _open_tools(app: Flask) -> None:
    from mobilize import database, languages, stored_settings
    from mobilize.database import migration_status
    from mobilize.keys import blind_index_key, crypto
    from mobilize.observability import logs

    logs.init_app(app)
    database.init_app(app)
    migration_status.init_app(app)
    stored_settings.init_app(app)
    blind_index_key.init_app(app)
    with app.app_context():
        app.secret_key = crypto.derive("form cookie")
    languages.init_app(app)


def _load_models() -> None:
    """All of them, in whatever frame: they name one another."""
    for room in ROOMS:
        if find_spec(f"mobilize.{room}.models"):
            import_module(f"mobilize.{room}.models")


def _open_rooms(app: Flask) -> None:
    from mobilize import blueprints
    from mobilize.web import (
        assets,
        error_pages,
        request_checks,
        security_headers,
        template_context,
    )

    request_checks.init_app(app)
    assets.init_app(app)
    security_headers.init_app(app, secure=app.config["MOBILIZE"].is_secure)
    template_context.init_app(app)
    error_pages.init_app(app)
    blueprints.init_app(app)
