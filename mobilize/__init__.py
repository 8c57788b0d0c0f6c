"""Mobilize: who stands at which line, counted.

`create_app` puts the rooms together. Tools (the modules beside this one) import no room; each room imports
only rooms below it: roster, texts, accounts, actions, checkins, reminders, turnout, privacy.
"""

from collections.abc import Callable
from importlib import import_module
from io import BytesIO
from typing import IO, Any, cast

from flask import Flask, Request, current_app
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from werkzeug.datastructures import ImmutableMultiDict, MultiDict
from werkzeug.exceptions import BadRequest, ClientDisconnected
from werkzeug.http import parse_cookie
from werkzeug.utils import cached_property

import config
from config import Settings

ROOMS = ("roster", "texts", "accounts", "actions", "checkins", "reminders", "turnout", "privacy")
# No form that a person fills in is longer, in bytes.
_SHORT = 1 << 16
_NOTHING: MultiDict[str, str] = ImmutableMultiDict()


class InMemory(Request):
    """A request, read without detours. An upload holds names: it stays in memory, where its size is limited,
    and never becomes a file."""

    @cached_property
    def args(self) -> MultiDict[str, str]:
        """Most requests ask nothing."""
        return super().args if self.query_string else _NOTHING

    @cached_property
    def cookies(self) -> ImmutableMultiDict[str, str]:
        """Read from where they stand; Werkzeug looks for them through all of the environment."""
        return cast(ImmutableMultiDict[str, str], parse_cookie(self.environ, ImmutableMultiDict))

    @cached_property
    def stream(self) -> IO[bytes]:
        """A form is short and read in one go; Werkzeug would ask until nothing more comes, each time waiting
        for its turn among the threads."""
        if self.content_length is None or self.content_length > _SHORT:
            return super().stream
        body = self.environ["wsgi.input"].read(self.content_length)
        if len(body) != self.content_length:
            raise ClientDisconnected
        return BytesIO(body)

    def _get_file_stream(self, *_: object, **__: object) -> IO[bytes]:
        return BytesIO()

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
        """As Flask's; arrays within arrays without end are a bad request like other nonsense."""
        try:
            return super().get_json(force, silent, cache)
        except RecursionError:
            raise BadRequest("nested too deeply") from None


class Web(Flask):
    """Flask, without what is asked at every request and never needed here."""

    request_class = InMemory

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """As it is: no view here is a coroutine."""
        return func


def create_app(chosen: Settings | None = None, *, doors: bool = True) -> Flask:
    """The web application, also the frame in which commands run; without `doors` to it (pages, forms,
    commands) the frame for tasks, which is a third smaller. Raises `config.BadSetting`."""
    app = Web(__name__, template_folder="../templates")
    app.session_interface = _FormCookie()
    app.config["MOBILIZE"] = chosen or config.load()
    _set_limits(app)
    _open_tools(app)
    _load_models()
    if doors:
        _open_rooms(app)
    return app


def settings() -> Settings:
    """The settings of the running application."""
    return cast(Settings, current_app.config["MOBILIZE"])


class _FormCookie(SecureCookieSessionInterface):
    """Flask's session carries the token of forms and nothing else; most requests come without one."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        if self.get_cookie_name(app) not in request.cookies:
            return self.session_class()
        return super().open_session(app, request)


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
        # It would ask for a referrer, and our pages send none; the door asks for the origin instead.
        WTF_CSRF_SSL_STRICT=False,
        SESSION_COOKIE_NAME="__Host-form" if chosen.is_secure else "form",
        SESSION_COOKIE_SECURE=chosen.is_secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
    )
    app.url_map.strict_slashes = False


def _open_tools(app: Flask) -> None:
    from mobilize import crypto, database, index_key, languages, logs, migrating

    logs.init_app(app)
    database.init_app(app)
    migrating.init_app(app)
    index_key.init_app(app)
    with app.app_context():
        app.secret_key = crypto.derive("form cookie")
    languages.init_app(app)


def _load_models() -> None:
    """All of them, in whatever frame: they name one another."""
    for room in ROOMS:
        import_module(f"mobilize.{room}.models")


def _open_rooms(app: Flask) -> None:
    from mobilize import compressed, headers, pages, request_checks, rooms

    request_checks.init_app(app)
    compressed.init_app(app)
    headers.init_app(app, secure=app.config["MOBILIZE"].is_secure)
    pages.init_app(app)
    rooms.init_app(app)
