"""A WSGI application that says what came, behind the production adapter with a short deadline for bodies.

At `/slow...` it takes a while; `/asked` says which of these it was asked for. What ends with `/state` is sent
by pages themselves."""

import json
import re
import time
from collections.abc import Callable, Iterable
from typing import Any

from werkzeug.exceptions import HTTPException

from mobilize.web.rsgi import Polls, RsgiAdapter, Upload

requested: list[str] = []


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    try:
        body = environ["wsgi.input"].read()
    except HTTPException as refusal:
        return refusal.get_response()(environ, start_response)
    if environ["PATH_INFO"].startswith("/slow"):
        requested.append(environ["PATH_INFO"])
        time.sleep(0.4)
    if environ["PATH_INFO"] == "/asked":
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(requested).encode()]
    came = {name: value for name, value in environ.items() if isinstance(value, str)}
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({**came, "body": body.decode("latin-1")}).encode()]


rsgi = RsgiAdapter(
    app,
    threads=2,
    uploads=(
        Upload(("/files/",), "session=", 200_000, at_once=4),
        Upload(("/pictures/",), "line-", 100_000, at_once=60),
    ),
    polls=Polls(re.compile(r"/state$"), threads=1),
    body_seconds=0.5,
)
# It would take more than any proxy of ours lets through.
roomy = RsgiAdapter(
    app, threads=2, uploads=(Upload(("/files/",), "session=", 64 << 20, at_once=4),), body_seconds=30
)
