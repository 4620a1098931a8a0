"""Read objects by their shape: ``choice.delta.content`` and ``choice["delta"]["content"]`` are the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def field(value: Any, *path: str) -> Any:
    """Follow attributes or keys. None if one of them is missing.

    Examples
    --------
    >>> field({"usage": {"total_tokens": 3}}, "usage", "total_tokens"), field(None, "usage")
    (3, None)
    """
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)
    return value


def text(value: Any, *path: str) -> str:
    """Follow a path to a string. An empty one if the path leads to anything else."""
    found = field(value, *path)
    return found if isinstance(found, str) else ""


def word(value: Any) -> str | None:
    """Return a string, or None for an empty one and for anything else."""
    return value if isinstance(value, str) and value else None


def count(value: Any) -> int | None:
    """Return an int, or None for anything else. ``True`` is not a count."""
    return value if type(value) is int else None


def number(value: Any) -> float | None:
    """Return a finite number, or None for anything else."""
    return float(value) if type(value) in (int, float) and abs(value) < 1e15 else None


def items(value: Any) -> list[Any]:
    """Return a list, or an empty one for anything else."""
    return value if isinstance(value, list) else []


def plain(value: Any) -> Any:
    """Turn an SDK's objects into dicts, lists and plain values."""
    if isinstance(value, Mapping):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    dump = getattr(value, "model_dump", None)
    if callable(dump):
        return dump(warnings=False)  # pydantic would warn of fields unknown to the SDK, which compatible servers send
    return {key: plain(part) for key, part in vars(value).items()} if hasattr(value, "__dict__") else value


def as_text(value: Any) -> str:
    """Return arguments or a tool's result as text: a string as it is, anything else as JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(plain(value), ensure_ascii=False, separators=(",", ":"), default=str)
