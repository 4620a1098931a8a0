"""Hostile edits of a JSON file: any value in place of any of its values. Not a test module."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

#: Text of JSON, so that numbers may be as absurd as text allows.
ABSURD = st.sampled_from(
    [
        "1e999",
        "-1e999",
        "NaN",
        "Infinity",
        "-1",
        "-0.5",
        "1" + "0" * 400,
        "1" + "0" * 5000,
        "1e300",
        "0",
        "true",
        "null",
        '""',
        '"x"',
        '"\\ud83d"',
        '"\\u0000"',
        "[]",
        "{}",
        "[[]]",
        '{"a": ["b"]}',
        "[1]",
        "[" * 900 + "]" * 900,
        "[" * 90000 + "]" * 90000,
    ]
)
_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(st.text(max_size=5), parts, max_size=3),
    max_leaves=5,
).map(json.dumps)
_MARK = "\ue000 here \ue000"


def edits(value: Any) -> st.SearchStrategy[str]:
    """Return texts of ``value`` in which one of its values, or the whole, is replaced by any other."""
    places = list(_places(value))
    return st.builds(_edit, st.just(value), st.sampled_from(places), ABSURD | _ANY)


def _places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield path
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in parts:
        yield from _places(part, (*path, name))


def _edit(value: Any, path: tuple[str | int, ...], text: str) -> str:
    if not path:
        return text
    edited = copy.deepcopy(value)
    inner = edited
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = _MARK
    return json.dumps(edited).replace(json.dumps(_MARK), text)
