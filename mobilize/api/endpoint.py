"""Endpoints of the API: an operation, in the sense of OpenAPI, is declared here, read from its request, and
answered.

A view is given what the token opens, the ids of its address, and the models of what was sent; it returns a
model. What does not fit the description is a 400 that says where; what an operation declines is its
`Refused`.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

from flask import Blueprint, Response, g, request
from pydantic import BaseModel, ValidationError

from mobilize import clock
from mobilize.accounts.access.permissions import by_token, program
from mobilize.accounts.tokens.models import ApiScope
from mobilize.api.fields import BAD_TIME
from mobilize.api.rate_limit import count_request
from mobilize.api.routes import bp
from mobilize.errors import Refused
from mobilize.languages import _
from mobilize.web.problems import problem

KEY_HEADER = "Idempotency-Key"
KEY_PATTERN = "^[A-Za-z0-9._:-]{8,64}$"
_KEY = re.compile(KEY_PATTERN)
View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One operation, for the code that answers it and for the document that describes it.

    `query` and `body` are the models of what is sent, `answer` of what comes back with `status`. `keyed`: it
    changes something and wants an Idempotency-Key. `unlimited`: a report from a line, which is never refused
    for being one too many. `prepared`: the answer, with 202, where a person has to confirm it.
    `also`: further statuses it answers with, and what they mean.
    """

    method: str
    rule: str
    name: str
    tag: str
    text: str
    scopes: frozenset[ApiScope]
    answer: type[BaseModel]
    status: int = 200
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    keyed: bool = False
    unlimited: bool = False
    prepared: type[BaseModel] | None = None
    also: Mapping[int, str]


OPERATIONS: list[Operation] = []


class DoesNotFit(Exception):
    """What was sent is not what the document describes."""

    def __init__(self, code: str, errors: list[dict[str, str]], status: int = 400):
        super().__init__(code)
        self.code, self.errors, self.status = code, errors, status


def reading(
    rule: str, *scopes: ApiScope, tag: str, answer: type[BaseModel], **more: Any
) -> Callable[[View], View]:
    """An operation that reads: GET, with an ETag. A higher room puts it `on` a blueprint of its own."""
    return _operation("GET", rule, scopes, tag=tag, answer=answer, **more)


def writing(
    rule: str, *scopes: ApiScope, tag: str, answer: type[BaseModel], **more: Any
) -> Callable[[View], View]:
    """An operation that changes something: POST of JSON under an Idempotency-Key, which is given to the
    view."""
    return _operation("POST", rule, scopes, tag=tag, answer=answer, keyed=True, **more)


def _operation(
    method: str,
    rule: str,
    scopes: tuple[ApiScope, ...],
    *,
    also: Mapping[int, str] | None = None,
    on: Blueprint = bp,
    **more: Any,
) -> Callable[[View], View]:
    def register(view: View) -> View:
        operation = Operation(
            method=method,
            rule=rule,
            name=view.__name__,
            text=" ".join((view.__doc__ or "").split()),
            scopes=frozenset(scopes),
            also=also or {},
            **more,
        )

        @by_token(*scopes)
        @wraps(view)
        def answering(**ids: Any) -> Response:
            return _answer(operation, view, ids)

        OPERATIONS.append(operation)
        on.add_url_rule(rule, view.__name__, answering, methods=[method])
        return view

    return register


def _answer(operation: Operation, view: Callable[..., Any], ids: dict[str, Any]) -> Response:
    access = program()
    remaining = count_request(access.id, clock.now())
    g.rate_headers = remaining.headers
    if remaining.is_over and not operation.unlimited:
        g.rate_headers = {**remaining.headers, "Retry-After": str(remaining.resets_in)}
        raise Refused("too_many", _("Too many requests. Wait a minute, then go on."), status=429)
    result = view(access, **ids, **_sent(operation))
    answer, status = result if isinstance(result, tuple) else (result, operation.status)
    body = answer if isinstance(answer, str) else answer.model_dump_json()
    response = Response(body, status, mimetype="application/json")
    if operation.method == "GET":
        response.headers["Cache-Control"] = "private, no-cache"
        response.set_etag(hashlib.blake2b(body.encode(), digest_size=12).hexdigest(), weak=True)
        response.make_conditional(request)
    return response


def _sent(operation: Operation) -> dict[str, Any]:
    """What was sent besides the ids of the address, as the view takes it."""
    sent: dict[str, Any] = {}
    sent_query = _read_query(operation.query or _NoQuery)
    if operation.query:
        sent["query"] = sent_query
    if operation.keyed:
        sent["key"] = _read_key()
    if operation.body:
        sent["body"] = _read_body(operation.body)
    return sent


class _NoQuery(BaseModel, extra="forbid"):
    """Nothing stands behind the question mark."""


def _read_query(model: type[BaseModel]) -> BaseModel:
    values = request.args.to_dict(flat=False)
    twice = [{"parameter": name, "detail": "given twice"} for name, each in values.items() if len(each) > 1]
    if twice:
        raise DoesNotFit("bad_query", twice)
    try:
        return model.model_validate({name: each[0] for name, each in values.items()})
    except ValidationError as wrong:
        errors = [{"parameter": _pointer(one["loc"])[1:], "detail": one["msg"]} for one in wrong.errors()]
        raise _misfit("bad_query", wrong, errors) from None


def _read_key() -> str:
    key = request.headers.get(KEY_HEADER, "")
    if not _KEY.fullmatch(key):
        detail = f"{KEY_PATTERN}: new for each thing you do, the same when you repeat it"
        raise DoesNotFit("bad_key", [{"header": KEY_HEADER, "detail": detail}])
    return key


def _read_body(model: type[BaseModel]) -> BaseModel:
    if request.mimetype != "application/json":
        raise DoesNotFit("not_json", [{"header": "Content-Type", "detail": "application/json"}], 415)
    try:
        return model.model_validate_json(request.get_data())
    except ValidationError as wrong:
        errors = [{"pointer": _pointer(one["loc"]), "detail": one["msg"]} for one in wrong.errors()]
        raise _misfit("bad_body", wrong, errors[:20]) from None


def _misfit(code: str, wrong: ValidationError, errors: list[dict[str, str]]) -> DoesNotFit:
    """A year that is a slip fits the document, and is declined."""
    kinds = {one["type"] for one in wrong.errors()}
    if kinds == {BAD_TIME}:
        return DoesNotFit(BAD_TIME, errors, 422)
    return DoesNotFit("bad_json" if "json_invalid" in kinds else code, errors)


def _pointer(places: tuple[int | str, ...]) -> str:
    """A JSON pointer (RFC 6901), cut: a name that was sent may be long."""
    return "".join("/" + str(place).replace("~", "~0").replace("/", "~1") for place in places)[:200]


@bp.app_errorhandler(DoesNotFit)
def _does_not_fit(wrong: DoesNotFit) -> Response:
    return problem(
        wrong.status, wrong.code, _("This request is not as the document describes it."), errors=wrong.errors
    )
