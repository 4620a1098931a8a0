"""What a value is, without a part of its data: its type, its shape, its length, and the columns of a table.

No library is imported, and nothing is computed: the length of a query, or of data that is not loaded yet, is not asked.
"""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from streamwidget._core.counted import counted
from streamwidget._core.visible import one_line

MAX_COLUMNS = 100
_NAME = 80  # characters of a column's name, or of a type
_COUNTED = (str, bytes, bytearray, list, tuple, dict, set, frozenset, deque, range)
_ITEMS = 1_000  # of a container, whose types are looked at


def schema_text(value: Any) -> str:
    """Return what a value is.

    Examples
    --------
    >>> import pandas
    >>> schema_text(pandas.DataFrame({"river": ["Elbe"], "km": [1094]}))
    'pandas.DataFrame, 1 row × 2 columns: river (str), km (int64)'
    >>> schema_text([1, 2, "a"]), schema_text("secret"), schema_text({"a": 1})
    ('list of 3 items (int, str)', 'str of 6 characters', 'dict of 1 item (str: int)')
    >>> def length(river: str, key: str = "secret") -> int: ...
    >>> schema_text(length)
    'function (river: str, key: str = ...) -> int'
    """
    kind = type(value)
    if inspect.isclass(value):
        return f"class {_type_name(value)}"
    if inspect.ismodule(value):
        return f"module {value.__name__}"
    if inspect.isroutine(value):
        return f"function {_signature(value)}".rstrip()
    name = _type_name(kind)
    with suppress(Exception):  # a class of the person's own may raise anything
        if columns := _columns(value):
            rows, across = value.shape
            named = [f"{one_line(str(column), _NAME)} ({_dtype(dtype)})" for column, dtype in columns[:MAX_COLUMNS]]
            more = f", and {across - MAX_COLUMNS} more" if across > MAX_COLUMNS else ""
            return f"{name}, {counted(rows, 'row')} × {counted(across, 'column')}: {', '.join(named)}{more}"
        shape = getattr(value, "shape", None) if hasattr(kind, "shape") else None
        if isinstance(shape, tuple) and all(isinstance(size, int) for size in shape):
            dtype = f" of {_dtype(value.dtype)}" if hasattr(value, "dtype") else ""
            size = f", {counted(shape[0], 'value')}" if len(shape) == 1 else f", {' × '.join(map(str, shape))} values"
            return f"{name}{size if shape else ''}{dtype}"
        if isinstance(value, _COUNTED) and kind.__len__ in [one.__len__ for one in _COUNTED]:
            return f"{name} of {counted(len(value), _unit(value))}{_inside(value)}"
    return name


def _columns(value: Any) -> list[tuple[Any, Any]]:
    """Return the columns of a table with their types: of pandas, polars and Arrow. Empty for any other value."""
    kind = type(value)
    if hasattr(kind, "iloc") and hasattr(kind, "columns"):
        return list(zip(value.columns, value.dtypes, strict=True)) if isinstance(value.shape[0], int) else []
    if hasattr(kind, "iter_rows") and hasattr(kind, "columns"):
        return list(zip(value.columns, value.dtypes, strict=True))
    if hasattr(kind, "column_names") and hasattr(kind, "schema"):
        return list(zip(value.column_names, value.schema.types, strict=True))
    return []


def _signature(function: Any) -> str:
    """Return the parameters of a function. A default may be a key, so it is not named."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return ""
    kept = [
        one.replace(annotation=_bare(one.annotation), default=one.default if one.default is one.empty else _Bare("..."))
        for one in signature.parameters.values()
    ]
    shown = signature.replace(parameters=kept, return_annotation=_bare(signature.return_annotation))
    return one_line(str(shown), 500)


class _Bare(str):
    """A text that is written without quotes in a signature."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _bare(annotation: Any) -> Any:
    return _Bare(annotation) if isinstance(annotation, str) else annotation


def _type_name(kind: type) -> str:
    module = "" if kind.__module__ in ("builtins", "__main__") else f"{kind.__module__.partition('.')[0]}."
    return one_line(f"{module}{kind.__qualname__}", _NAME)


def _dtype(dtype: Any) -> str:
    return one_line(str(dtype), _NAME)


def _unit(value: Any) -> str:
    return "character" if isinstance(value, str) else "byte" if isinstance(value, bytes | bytearray) else "item"


def _inside(value: Any) -> str:
    if isinstance(value, str | bytes | bytearray | range) or not value:
        return ""
    if isinstance(value, Mapping):
        return f" ({_types(value)}: {_types(value.values())})"
    return f" ({_types(value)})"


def _types(items: Iterable[Any]) -> str:
    kinds = dict.fromkeys(_type_name(type(item)) for _, item in zip(range(_ITEMS), items, strict=False))
    return ", ".join([*kinds][:5]) + (", ..." if len(kinds) > 5 else "")
