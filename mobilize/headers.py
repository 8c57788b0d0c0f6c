"""What every answer carries, errors included, so that a browser refuses what we never meant."""

from typing import TYPE_CHECKING, Any

from flask import Flask, Response, request
from werkzeug.datastructures import Headers

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; manifest-src 'self'; worker-src 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_CLOSED = "accelerometer=(), camera=(), geolocation=(), gyroscope=(), microphone=(), payment=(), usb=()"
_LINE = _CLOSED.replace("camera=()", "camera=(self)")


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

    class Answer(Response):
        # They are added as it goes out, all at once: setting each by itself was a tenth of the gate's page.
        def get_wsgi_headers(self, environ: "WSGIEnvironment") -> Headers:
            # Werkzeug copies them, to complete an address or to take a length away; a page has neither.
            return self.headers if self.status_code == 200 else super().get_wsgi_headers(environ)

        def get_wsgi_response(self, environ: "WSGIEnvironment") -> Any:
            body, status, headers = super().get_wsgi_response(environ)
            return body, status, headers + always + _its_own({name for name, _ in headers})

    app.response_class = Answer


def _its_own(given: set[str]) -> list[tuple[str, str]]:
    endpoint = request.endpoint
    own = [("Permissions-Policy", _LINE if endpoint == "line.page" else _CLOSED)]
    if endpoint != "static" and "Cache-Control" not in given:
        own.append(("Cache-Control", "no-store"))
    return own
