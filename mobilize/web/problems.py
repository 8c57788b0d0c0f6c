"""Answers to programs when something is wrong: RFC 9457, with the stable codes of `mobilize.errors`."""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus

from flask import Response, request

from mobilize import settings

# Whatever is asked for under this address is asked by a program, and answered in JSON alone.
PROGRAMS = "/api/"
DOCUMENT = "/api/v1/"
MIMETYPE = "application/problem+json"


def asks_as_program() -> bool:
    """Whether this request is for an address of the API."""
    return request.path.startswith(PROGRAMS)


def problem(
    status: int,
    code: str,
    detail: str = "",
    *,
    errors: Sequence[Mapping[str, str]] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The answer. `code` is stable and for machines; `detail` is for people; `errors` says what of the
    request does not fit its description, and where. It holds nothing of this one request besides, so that
    two refusals for different reasons are the same bytes."""
    body = {
        "type": f"{settings().public_base_url}{DOCUMENT}#{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
    }
    if detail:
        body["detail"] = detail
    if errors:
        body["errors"] = list(errors)
    more = dict(headers or {})
    if status == HTTPStatus.UNAUTHORIZED:
        more["WWW-Authenticate"] = "Bearer"
    return Response(json.dumps(body, ensure_ascii=False), status, more, mimetype=MIMETYPE)
