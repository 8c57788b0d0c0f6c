"""The OpenAPI document, made from the operations and their models; nobody writes a line of it by hand.

pydantic makes the schemas (JSON Schema 2020-12, which OpenAPI 3.1 is built on), apispec the document.
"""

import re
from functools import cache
from typing import Any

from apispec import APISpec
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from mobilize.accounts.tokens.models import ApiScope
from mobilize.api.endpoint import KEY_HEADER, KEY_PATTERN, OPERATIONS, Operation
from mobilize.api.schemas import ProblemOut
from mobilize.api.vocabulary import CODES, KINDS
from mobilize.web.problems import MIMETYPE

VERSION = "1.0.0"
TAGS = ("Token", "Places", "Actions", "At the line", "Figures", "Members", "Texts", "Webhooks", "Plan")
ABOUT = (
    "Mobilize for other programs of the union: who stands at which line, counted. "
    "A token is made by an organizer or admin on the page *Tokens for programs*. "
    "Lists go on with `cursor`; whatever changes something takes an `Idempotency-Key`."
)
SCOPES = {
    ApiScope.READ: "places, campaigns, actions, events, and what may be told outside",
    ApiScope.FIGURES: "counts by name of every chapter, members without names, reports, texts",
    ApiScope.REPORT: "check-ins, head counts and supporters",
    ApiScope.PLAN: "campaigns, actions, events, drafts of texts and statements; stopping texts and webhooks",
    ApiScope.NAMES: "members' names, and who came; with `plan` or `report` also changing members and matches",
    ApiScope.PHONES: "members' phone numbers",
}
# What every operation may answer besides its own; a 4xx is never the server's fault, and a 503 passes.
REFUSALS = {
    400: "It does not fit this document: `errors` says where",
    401: "No token, or one that opens nothing any more",
    403: "The token was made without this scope",
    414: "The address is too long",
    429: "Too many requests: wait as long as Retry-After says",
    503: "Try again in some seconds",
}
_REFUSALS_OF_BODIES = {
    409: "It is not as it was any more: look again",
    413: "The body is too large",
    415: "The body is not JSON",
    422: "It fits this document, and is declined: `code` says why",
}
_ABSENT = {404: "There is no such thing, or it is out of this token's view"}
_CONVERTERS = re.compile(r"<(?:uuid:)?(\w+)>")
_SUFFIX = re.compile(r"Out\b")
_TEMPLATE = "#/components/schemas/{model}"


@cache
def document() -> dict[str, Any]:
    """The document, of all operations there are. It is the same on every installation."""
    spec = APISpec(
        title="Mobilize",
        version=VERSION,
        openapi_version="3.1.0",
        info={"description": ABOUT},
        servers=[{"url": "/api/v1"}],
        security=[{"token": []}],
        tags=[{"name": tag} for tag in TAGS],
    )
    spec.components.security_scheme("token", {"type": "http", "scheme": "bearer", "description": _scopes()})
    for name, schema in _schemas().items():
        spec.components.schema(name, schema)
    for operation in OPERATIONS:
        spec.path(_path(operation), operations={operation.method.lower(): _described(operation)})
    return spec.to_dict()


def _scopes() -> str:
    return "Scopes: " + "; ".join(f"`{scope}`: {words}" for scope, words in SCOPES.items())


def _schemas() -> dict[str, Any]:
    """Every model by its public name, with those it refers to."""
    models: list[Any] = [(one.body, "validation") for one in OPERATIONS if one.body]
    models += [(model, "serialization") for model in _answered()]
    _refs, top = models_json_schema(list(dict.fromkeys(models)), ref_template=_TEMPLATE)
    schemas: dict[str, Any] = top["$defs"]
    described = {_public(name): _renamed(schema) for name, schema in schemas.items()}
    for name, schema in described.items():
        if "enum" in schema:
            schema["description"] = KINDS[name]
    described["Problem"]["properties"]["code"] |= {"x-extensible-enum": list(CODES)}
    return described


def _answered() -> list[type[BaseModel]]:
    prepared = [one.prepared for one in OPERATIONS if one.prepared]
    return [*(one.answer for one in OPERATIONS), *prepared, ProblemOut]


def _public(name: str) -> str:
    return _SUFFIX.sub("", name)


def _renamed(schema: Any) -> Any:
    """The same with the public names in references and titles, and without a title for each field."""
    if isinstance(schema, list):
        return [_renamed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {
        name: _renamed(one) for name, one in schema.items() if name != "title" or not isinstance(one, str)
    }
    if isinstance(kept.get("$ref"), str):
        kept["$ref"] = _public(kept["$ref"])
    return kept


def _path(operation: Operation) -> str:
    return _CONVERTERS.sub(r"{\1}", operation.rule)


def _described(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.text.partition(". ")[0].partition(": ")[0].rstrip("."),
        "description": f"{operation.text} {_scope_words(operation)}".strip(),
        "parameters": [*_in_path(operation), *_in_query(operation), *_in_header(operation)],
        "responses": _answers(operation),
        "security": [{"token": [str(scope) for scope in ApiScope if scope in operation.scopes]}],
    }
    if operation.body:
        schema = {"$ref": _TEMPLATE.format(model=_public(operation.body.__name__))}
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return described


def _scope_words(operation: Operation) -> str:
    scopes = [f"`{scope}`" for scope in ApiScope if scope in operation.scopes]
    return f"Needs the scope {' and '.join(scopes)}." if scopes else ""


def _in_path(operation: Operation) -> list[dict[str, Any]]:
    names = _CONVERTERS.findall(operation.rule)
    schema = {"type": "string", "format": "uuid"}
    return [{"name": name, "in": "path", "required": True, "schema": schema} for name in names]


def _in_query(operation: Operation) -> list[dict[str, Any]]:
    if operation.query is None:
        return []
    schema = operation.query.model_json_schema(ref_template=_TEMPLATE)
    return [
        {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "description": field.get("description", ""),
            "schema": _renamed(_inlined(_without_null(field), schema.get("$defs", {}))),
        }
        for name, field in schema["properties"].items()
    ]


def _without_null(field: dict[str, Any]) -> dict[str, Any]:
    """Behind a question mark nothing is null: it is left out."""
    kept = {name: one for name, one in field.items() if name not in ("anyOf", "default", "description")}
    kinds = [one for one in field.get("anyOf", ()) if one != {"type": "null"}]
    if field.get("default") is not None:
        kept["default"] = field["default"]
    return {**kept, **(kinds[0] if kinds else {})}


def _inlined(field: dict[str, Any], parts: dict[str, Any]) -> dict[str, Any]:
    name = str(field.get("$ref", "")).rpartition("/")[2]
    return parts[name] | {"description": KINDS[name]} if name in parts else field


def _in_header(operation: Operation) -> list[dict[str, Any]]:
    if not operation.keyed:
        return []
    words = "New for each thing you do, the same when you repeat it: then you get the same answer."
    schema = {"type": "string", "pattern": KEY_PATTERN}
    return [{"name": KEY_HEADER, "in": "header", "required": True, "description": words, "schema": schema}]


def _answers(operation: Operation) -> dict[str, Any]:
    answers = {str(operation.status): _content("What was asked for", operation.answer, "application/json")}
    if operation.prepared:
        words = "A person confirms it at `confirm_url`"
        answers["202"] = _content(words, operation.prepared, "application/json")
    if operation.method == "GET":
        answers["304"] = {"description": "It is as If-None-Match says"}
    else:
        answers |= _refusals(_REFUSALS_OF_BODIES)
    also = {**REFUSALS, **(_ABSENT if "<" in operation.rule else {}), **operation.also}
    return dict(sorted((answers | _refusals(also)).items()))


def _refusals(words: dict[int, str]) -> dict[str, Any]:
    return {str(status): _content(text, ProblemOut, MIMETYPE) for status, text in words.items()}


def _content(words: str, model: type[BaseModel], mimetype: str) -> dict[str, Any]:
    schema = {"$ref": _TEMPLATE.format(model=_public(model.__name__))}
    return {"description": words, "content": {mimetype: {"schema": schema}}}
