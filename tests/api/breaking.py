"""Changes of the document by which a program that works today would stop working."""

from collections.abc import Iterator
from typing import Any

# What a schema says of its values; descriptions and examples may change.
_KIND = (
    "type",
    "format",
    "$ref",
    "anyOf",
    "items",
    "pattern",
    "minimum",
    "maximum",
    "maxLength",
    "minLength",
)


def breaking_changes(kept: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """What of `kept`, which programs rely on, `new` does not keep; nothing for what was added."""
    return [
        *_of_operations(kept, new),
        *_of_schemas(kept["components"]["schemas"], new["components"]["schemas"]),
    ]


def _of_operations(kept: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    for path, item in kept["paths"].items():
        for method, operation in item.items():
            label, now = f"{method.upper()} {path}", new["paths"].get(path, {}).get(method)
            if now is None:
                yield f"{label} is gone"
                continue
            successes = [status for status in operation["responses"] if status.startswith("2")]
            yield from (
                f"{label} answers no {status}" for status in successes if status not in now["responses"]
            )
            yield from _of_parameters(label, operation.get("parameters", []), now.get("parameters", []))
            if operation.get("requestBody") != now.get("requestBody"):
                yield f"{label} takes another body"


def _of_parameters(label: str, kept: list[dict[str, Any]], new: list[dict[str, Any]]) -> Iterator[str]:
    before, now = ({(one["in"], one["name"]): one for one in each} for each in (kept, new))
    for key, one in before.items():
        if key not in now:
            yield f"{label} takes no {key[1]}"
        elif _kind(one["schema"]) != _kind(now[key]["schema"]):
            yield f"{label} takes another kind of {key[1]}"
    for key, one in now.items():
        if one.get("required") and not before.get(key, {}).get("required"):
            yield f"{label} wants {key[1]}"


def _of_schemas(kept: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    for name, schema in kept.items():
        now = new.get(name)
        if now is None:
            yield f"{name} is gone"
            continue
        yield from (
            f"{name} has no {one}" for one in schema.get("enum", ()) if one not in now.get("enum", ())
        )
        for field, one in schema.get("properties", {}).items():
            if field not in now.get("properties", {}):
                yield f"{name}.{field} is gone"
            elif _kind(one) != _kind(now["properties"][field]):
                yield f"{name}.{field} is of another kind"
        needed = set(now.get("required", ())) - set(schema.get("required", ()))
        yield from (
            f"{name}.{field} has to be sent" for field in sorted(needed & set(schema.get("properties", {})))
        )


def _kind(schema: dict[str, Any]) -> dict[str, Any]:
    return {name: schema.get(name) for name in _KIND}
