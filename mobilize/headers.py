"""What every answer carries, errors included, so that a browser refuses what we never meant."""

from flask import Flask, Response, request

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

    @app.after_request
    def _headers(response: Response) -> Response:
        headers, endpoint = response.headers, request.endpoint
        # Added, not set: no view sets one of these, and looking for each of them first is felt at the gate.
        headers.extend(always)
        headers.add("Permissions-Policy", _LINE if endpoint == "line.page" else _CLOSED)
        if endpoint != "static" and "Cache-Control" not in headers:
            headers.add("Cache-Control", "no-store")
        return response
