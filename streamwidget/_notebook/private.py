"""The parts of a notebook that no prompt takes: its history, its names, its shell, and the keys of the environment.

They hold all that was typed, shown or set, so they may hold keys. A person can copy a part of them:
``part = In[3]``, then ``{{part}}``.

- ``{{In}}``, ``{{Out}}``, ``{{globals()}}``, ``{{environ}}`` and whatever else is one of these objects are refused.
- So is a value with one of them in it: ``{{vars(os)}}``, ``{{[In, 1]}}``.
- So are IPython's names for the typed cells: ``{{_i}}``, ``{{_iii}}``, ``{{_i3}}``.
- A text with the value of an environment variable such as ``OPENAI_API_KEY`` is refused, wherever it came from.
"""

from __future__ import annotations

import os
import re
import sys
from collections import deque
from collections.abc import Iterable, Mapping
from itertools import islice
from types import FrameType
from typing import Any

from streamwidget._core.misplaced import KEY_WORDS, is_a_key
from streamwidget._core.secrets import Secret

_RECORDS = ("_ih", "_oh", "_dh")  # In, Out and the visited folders, by IPython's own names
_TYPED_CELL = re.compile(r"_(?:i{1,3}|i[0-9]+)", re.ASCII)
#: Classes of IPython. Until a process loads them it has no object of theirs.
_KEEPERS = (("IPython.core.interactiveshell", "InteractiveShell"), ("IPython.core.history", "HistoryAccessorBase"))
_LOOKED_AT = 10_000  # items of a container and of the containers in it
_KEY_NAME = re.compile(rf"(?:{KEY_WORDS}|PASS|_PAT)(?:_?\d+)?\Z", re.IGNORECASE)
_PASSWORD = re.compile(r"://[^/@\s]*:([^/@\s]+)@")  # postgres://me:secret@host/db


def private_kind(value: object, namespace: Mapping[str, Any]) -> str | None:
    """Return the words for a value that may not be sent. None: it may.

    Examples
    --------
    >>> private_kind(os.environ, {})
    'the environment'
    >>> private_kind([1, 2, 3], {}) is None
    True
    """
    records = [namespace, *(namespace[name] for name in _RECORDS if name in namespace)]
    values = deque([value])
    looked_at = 0
    while values and looked_at < _LOOKED_AT:
        looked_at += 1
        part = values.popleft()
        kind = _kind(part, records)
        if kind is not None:
            return kind
        if isinstance(part, dict | list | tuple):
            values.extend(islice(part.values() if isinstance(part, dict) else part, _LOOKED_AT - len(values)))
    return None


def typed_cell(names: Iterable[str], namespace: Mapping[str, Any]) -> str | None:
    """Return the first of these names with a typed cell of IPython's history behind it, or None.

    Examples
    --------
    >>> typed_cell(["df", "_i2"], {"_ih": ["", "a", "b"], "_i2": "b"})
    '_i2'
    """
    cells = namespace.get("_ih", ())
    for name in names:
        value = namespace.get(name)
        if _TYPED_CELL.fullmatch(name) and isinstance(value, str) and value in cells:
            return name
    return None


def _kind(value: object, records: list[Any]) -> str | None:
    if any(value is record for record in records):
        return "the notebook's own record of its cells and values"
    keepers = (getattr(sys.modules[module], name) for module, name in _KEEPERS if module in sys.modules)
    if isinstance(value, (FrameType, *keepers)):
        return "a way to the notebook's own record of its cells and values"
    if isinstance(value, type(os.environ)) or value is os.environ or value is _system_environment():
        return "the environment"
    return None


def _system_environment() -> object:
    """Return the dict behind ``os.environ``."""
    module = sys.modules.get("posix") or sys.modules.get("nt")
    return getattr(module, "environ", os.environ)


def key_in(text: str) -> str | None:
    """Return the name of the environment variable whose key or password is in a text, or None.

    A word for a server without keys, such as ``ollama``, is not a key.
    """
    for name, value in os.environ.items():
        found = _PASSWORD.search(value)
        key = found[1] if found else value.strip()
        is_key = found or _KEY_NAME.search(name) or is_a_key(key)
        if is_key and Secret(key).is_telling and key in text:
            return name
    return None
