"""Security headers on every answer, errors included: a browser refuses what our pages do not do."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from flask import Flask, Response

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; manifest-src 'self'; worker-src 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_CLOSED = "accelerometer=(), camera=(), geolocation=(), gyroscope=(), microphone=(), payment=(), usb=()"
_DEFAULTS = [("Permissions-Policy", _CLOSED), ("Cache-Control", "no-store")]


def init_app(app: Flask, *, secure: bool) -> None:
    """Put the headers on every answer of this application."""
    always = [
        ("Content-Security-Policy", _POLICY),
        ("Referrer-Policy", "no-referrer"),
        ("X-Content-Type-Options", "nosniff"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
    ]
    if secure:
        always.append(("Strict-Transport-Security", "max-age=31536000; includeSubDomains"))

    app.wsgi_app = _Added(app.wsgi_app, always)  # type: ignore[method-assign]


def open_camera(response: Response) -> Response:
    """The same answer for the one page that scans codes."""
    response.headers["Permissions-Policy"] = _CLOSED.replace("camera=()", "camera=(self)")
    return response


class _Added:
    """WSGI middleware: adds `headers` to every answer, and the defaults of those that it does not have."""

    def __init__(self, app: "WSGIApplication", headers: list[tuple[str, str]]):
        self._app, self._headers = app, headers

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> "Iterable[bytes]":
        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            present = {name for name, _value in headers}
            defaults = [header for header in _DEFAULTS if header[0] not in present]
            return start_response(status, [*headers, *self._headers, *defaults], exc_info)

        return self._app(environ, start)
