"""Paths into an item of any library: ``message.content``, ``outputs.0.text``. No I/O, standard library only.

Attributes, keys and places in a list are the same. A name is tried as it is written and then in camel case, because a
library's objects and the JSON on its wire differ so: ``finish_reason`` is ``finishReason`` there.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

MISSING: Any = object()
_SNAKE = re.compile(r"_([a-z])")
_DEPTH = 4
_MOST = 40  # fields that are listed of one item
_LONGEST = 10_000  # characters of a value that is looked at


def at(item: Any, path: str, default: Any = None) -> Any:
    """Follow a path. ``default`` if a part of it is missing.

    Examples
    --------
    >>> at({"outputs": [{"text": "Hi"}]}, "outputs.0.text"), at({"finishReason": "STOP"}, "finish_reason")
    ('Hi', 'STOP')
    """
    for name in path.split("."):
        item = _step(item, name)
        if item is MISSING:
            return default
    return item


def _step(value: Any, name: str) -> Any:
    if isinstance(value, list | tuple) and name.isdigit():
        return value[int(name)] if int(name) < len(value) else MISSING
    for spelled in dict.fromkeys((name, _SNAKE.sub(lambda found: found[1].upper(), name))):
        try:
            found = value.get(spelled, MISSING) if isinstance(value, Mapping) else getattr(value, spelled, MISSING)
        except Exception:  # noqa: BLE001  (a property of somebody's class may raise anything)
            continue
        if found is not MISSING:
            return found
    return MISSING


def word_of(value: Any) -> str | None:
    """Return a word that may be a string or a member of an enum. None for anything else, and for an empty one.

    Examples
    --------
    >>> import signal
    >>> word_of("stop"), word_of(signal.SIGINT), word_of(None)
    ('stop', 'SIGINT', None)
    """
    if isinstance(value, Enum):
        value = value.value if isinstance(value.value, str) else value.name
    return value if isinstance(value, str) and value else None


def string_fields(item: Any) -> dict[str, str]:
    """Return the strings within an item by their paths, the likeliest text of an answer first.

    Examples
    --------
    >>> string_fields({"id": "7", "message": {"role": "assistant", "content": "Hi"}})
    {'message.content': 'Hi', 'id': '7', 'message.role': 'assistant'}
    """
    found: dict[str, str] = {}
    for path, value in _walk(item, "", 0):
        if len(found) < _MOST:
            found.setdefault(path, value)
    return dict(sorted(found.items(), key=lambda pair: _rank(pair[0])))


_LIKELY = ("delta", "content", "text", "chunk", "token", "response", "answer", "output", "message", "data", "value")


def _rank(path: str) -> tuple[int, int]:
    name = path.rpartition(".")[2]
    return (_LIKELY.index(name) if name in _LIKELY else len(_LIKELY)), path.count(".")


def _walk(value: Any, path: str, depth: int) -> Iterator[tuple[str, str]]:
    if isinstance(value, str) and not isinstance(value, Enum):
        if path:
            yield path, value[:_LONGEST]
        return
    if depth > _DEPTH:
        return
    for name, part in _parts(value):
        yield from _walk(part, f"{path}.{name}" if path else name, depth + 1)


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield from ((name, part) for name, part in value.items() if isinstance(name, str) and name.isidentifier())
    elif isinstance(value, list | tuple):
        yield from ((str(place), part) for place, part in enumerate(value[:3]))
    elif not isinstance(value, Enum) and not inspect.isroutine(value) and not inspect.isclass(value):
        for name in _attributes(value):
            try:
                yield name, getattr(value, name)
            except Exception:  # noqa: BLE001  (a property of somebody's class may raise anything)
                continue


def _attributes(value: Any) -> list[str]:
    kind = type(value)
    names: dict[str, None] = {}
    if dataclasses.is_dataclass(kind):
        names |= dict.fromkeys(field.name for field in dataclasses.fields(kind))
    names |= dict.fromkeys(getattr(kind, "model_fields", {}))
    names |= dict.fromkeys(getattr(value, "__dict__", {}))
    for base in kind.__mro__:
        names |= dict.fromkeys(name for name in vars(base) if isinstance(vars(base)[name], property))
        slots = vars(base).get("__slots__", ())
        names |= dict.fromkeys([slots] if isinstance(slots, str) else slots)
    return [name for name in names if not name.startswith("_") and name not in ("model_extra", "model_fields_set")]


def expression(path: str, item: Any) -> str:
    """Return the Python expression for a path in ``item``: ``item["message"]["content"]``, ``item.outputs[0].text``."""
    said, value = "item", item
    for name in path.split("."):
        if isinstance(value, list | tuple):
            said += f"[{name}]"
        else:
            said += f'["{name}"]' if isinstance(value, Mapping) else f".{name}"
        value = _step(value, name)
    return said
