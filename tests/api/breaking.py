"""Changes of the document by which a program that works today would stop working."""

from collections.abc import Iterator
from typing import Any

# What a schema says of its values; descriptions and examples may change. Of "enum" values may be added.
_KIND = (
    "type",
    "format",
    "$ref",
    "anyOf",
    "items",
    "pattern",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "additionalProperties",
    "default",
    "const",
)
_REF = "#/components/schemas/"


def breaking_changes(kept: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """What of `kept`, which programs rely on, `new` does not keep; nothing for what was added."""
    return [*_of_operations(kept, new), *_of_schemas(kept, new)]


def _of_operations(kept: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    for path, item in kept["paths"].items():
        for method, operation in item.items():
            label, now = f"{method.upper()} {path}", new["paths"].get(path, {}).get(method)
            if now is None:
                yield f"{label} is gone"
                continue
            yield from _of_answers(label, operation["responses"], now["responses"])
            yield from _of_parameters(label, operation.get("parameters", []), now.get("parameters", []))
            if _body(operation) != _body(now):
                yield f"{label} takes another body"
            yield from (f"{label} needs the scope {scope}" for scope in _scopes(now) - _scopes(operation))


def _of_answers(label: str, kept: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    for status in (status for status in kept if status.startswith("2")):
        if status not in new:
            yield f"{label} answers no {status}"
        elif kept[status].get("content") != new[status].get("content"):
            yield f"{label} answers {status} with something else"


def _of_parameters(label: str, kept: list[dict[str, Any]], new: list[dict[str, Any]]) -> Iterator[str]:
    before, now = ({(one["in"], one["name"]): one for one in each} for each in (kept, new))
    for key, one in before.items():
        if key not in now:
            yield f"{label} takes no {key[1]}"
        elif _kind(one["schema"]) != _kind(now[key]["schema"]):
            yield f"{label} takes another kind of {key[1]}"
        else:
            yield from _gone_values(f"{label} takes no {key[1]}", one["schema"], now[key]["schema"])
    for key, one in now.items():
        if one.get("required") and not before.get(key, {}).get("required"):
            yield f"{label} wants {key[1]}"


def _of_schemas(kept: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    """A body that is sent may ask for no more than before, and an answer may hold no less."""
    sent, schemas = _sent(new), new["components"]["schemas"]
    for name, schema in kept["components"]["schemas"].items():
        now = schemas.get(name)
        if now is None:
            yield f"{name} is gone"
            continue
        yield from _gone_values(f"{name} has no", schema, now)
        for field, one in schema.get("properties", {}).items():
            if field not in now.get("properties", {}):
                yield f"{name}.{field} is gone"
            elif _kind(one) != _kind(now["properties"][field]):
                yield f"{name}.{field} is of another kind"
            else:
                yield from _gone_values(f"{name}.{field} has no", one, now["properties"][field])
        needed, needed_now = set(schema.get("required", ())), set(now.get("required", ()))
        if name in sent:
            yield from (f"{name}.{field} has to be sent" for field in sorted(needed_now - needed))
        else:
            yield from (f"{name}.{field} may be missing" for field in sorted(needed - needed_now))


def _gone_values(words: str, kept: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    for name in ("enum", "x-extensible-enum"):
        yield from (f"{words} {one}" for one in kept.get(name, ()) if one not in new.get(name, ()))


def _sent(document: dict[str, Any]) -> set[str]:
    """The schemas of bodies, and what they are made of."""
    names: set[str] = set()
    waiting = [_body(one) for item in document["paths"].values() for one in item.values()]
    while waiting:
        for name in _names(waiting.pop()) - names:
            names.add(name)
            waiting.append(document["components"]["schemas"][name])
    return names


def _names(schema: Any) -> set[str]:
    """The schemas that a part of the document refers to."""
    if isinstance(schema, list):
        return set().union(*(_names(one) for one in schema))
    if not isinstance(schema, dict):
        return set()
    own = {str(schema["$ref"]).removeprefix(_REF)} if "$ref" in schema else set()
    return own.union(*(_names(one) for one in schema.values()))


def _body(operation: dict[str, Any]) -> Any:
    return operation.get("requestBody")


def _scopes(operation: dict[str, Any]) -> set[str]:
    return {scope for one in operation.get("security", ()) for scope in one["token"]}


def _kind(schema: dict[str, Any]) -> dict[str, Any]:
    return {name: schema.get(name) for name in _KIND}
