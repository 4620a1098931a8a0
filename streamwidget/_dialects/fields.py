"""Reads objects by their shape: ``choice.delta.content`` and ``choice["delta"]["content"]`` are the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def field(value: Any, *path: str) -> Any:
    """Follow attributes or keys. None if one of them is missing."""
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)
    return value


def text(value: Any, *path: str) -> str:
    """Follow a path to a string. Empty if there is none."""
    found = field(value, *path)
    return found if isinstance(found, str) else ""


def word(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def count(value: Any) -> int | None:
    return value if type(value) is int else None


def items(value: Any) -> list[Any]:
    """Return a list as it is, and anything else as an empty one."""
    return value if isinstance(value, list) else []


def plain(value: Any) -> Any:
    """Return dicts, lists and plain values in place of an SDK's objects."""
    if isinstance(value, Mapping):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    dump = getattr(value, "model_dump", None)
    if callable(dump):
        return dump(warnings=False)  # pydantic warns of what a compatible server sends beyond the SDK's types
    return {key: plain(part) for key, part in vars(value).items()} if hasattr(value, "__dict__") else value
