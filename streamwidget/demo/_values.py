"""JSON for a schema, as a server writes it that keeps to one (``response_format``). The values mean nothing.

The same schema always gives the same JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_ROWS = 3  # of a list
_DEPTH = 6  # of objects in objects
_FORMATS = {
    "date": "2026-05-01",
    "date-time": "2026-05-01T12:00:00Z",
    "time": "12:00:00",
    "duration": "PT20M",
    "email": "demo@example.com",
    "uri": "https://example.com",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


def json_text(schema: Mapping[str, Any], *, wrong: bool = False) -> str:
    """Return the JSON of a value. With ``wrong`` its first field is null.

    >>> json_text({"type": "object", "properties": {"name": {"type": "string"}, "km": {"type": "integer"}}})
    '{"name": "name 1", "km": 1}'
    """
    value = _value(schema, schema, "value", 1, _DEPTH)
    if wrong and isinstance(value, dict) and value:
        value[next(iter(value))] = None
    return json.dumps(value, ensure_ascii=False)


def schema_in(text: str) -> dict[str, Any] | None:
    """Return the schema at the end of a prompt that asks for JSON in words."""
    start = text.find("\n{")
    try:
        found = json.loads(text[start:]) if start >= 0 else None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _value(schema: Any, root: Mapping[str, Any], name: str, number: int, depth: int) -> Any:
    schema = resolved(schema, root)
    if depth == 0:
        return None
    for known in ("const", "default"):
        if known in schema:
            return schema[known]
    if schema.get("enum"):
        return schema["enum"][(number - 1) % len(schema["enum"])]
    for choice in ("anyOf", "oneOf", "allOf"):
        if schema.get(choice):
            return _value(schema[choice][0], root, name, number, depth)
    kind = schema.get("type", "object" if "properties" in schema else "string")
    match kind[0] if isinstance(kind, list) else kind:
        case "object":
            fields = schema.get("properties", {})
            return {key: _value(part, root, key, number, depth - 1) for key, part in fields.items()}
        case "array":
            least, most = schema.get("minItems", 0), schema.get("maxItems", _ROWS)
            rows = range(1, max(least, min(_ROWS, most)) + 1)
            return [_value(schema.get("items", {}), root, name, row, depth - 1) for row in rows]
        case "integer" | "number":
            low = schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1 if "exclusiveMinimum" in schema else 1)
            return min(low + number - 1, schema.get("maximum", low + number - 1))
        case "boolean":
            return number % 2 == 1
        case "null":
            return None
        case _:
            return _FORMATS.get(schema.get("format", ""), f"{name.replace('_', ' ')} {number}")


def resolved(schema: Any, root: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a schema, or the one in the same document that it names. Empty if it is not one."""
    for _ in range(_DEPTH):
        reference = schema.get("$ref") if isinstance(schema, dict) else None
        if not isinstance(reference, str):
            break
        found: Any = root
        for part in reference.removeprefix("#/").split("/"):
            found = found.get(part) if isinstance(found, dict) else None
        schema = found
    return schema if isinstance(schema, dict) else {}
