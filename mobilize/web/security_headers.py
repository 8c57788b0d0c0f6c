"""Security headers on every answer, errors included: a browser refuses what our pages do not do."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from flask import Flask, Response

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_POLICY = "Content-Security-Policy"
_NO_FRAME = "frame-ancestors 'none'"
_DIRECTIVES = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    f"form-action 'self'; manifest-src 'self'; worker-src 'self'; {_NO_FRAME}; base-uri 'none'"
)
_CLOSED = "accelerometer=(), camera=(), geolocation=(), gyroscope=(), microphone=(), payment=(), usb=()"
_DEFAULTS = [(_POLICY, _DIRECTIVES), ("Permissions-Policy", _CLOSED), ("Cache-Control", "no-store")]


def init_app(app: Flask, *, secure: bool) -> None:
    """Put the headers on every answer of this application."""
    always = [
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


def may_be_framed(response: Response, origins: Sequence[str]) -> Response:
    """The same answer for the one page that pages of these origins may show in a frame; without any, none."""
    allowed = f"frame-ancestors {' '.join(origins)}" if origins else _NO_FRAME
    response.headers[_POLICY] = _DIRECTIVES.replace(_NO_FRAME, allowed)
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
