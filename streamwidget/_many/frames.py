"""Data frames as rows, and the results as new columns. All kinds of frames by way of narwhals, which is imported here.

pandas, polars and Arrow are known by their class, so nothing is imported for a list.
"""

from __future__ import annotations

import dataclasses
import enum
import json
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.values import ValueType
from streamwidget._many.results import RowResult

_READ = 1_000  # rows of a polars frame that are read at a time
_STATE = ("outcome", "error")  # columns of each result


def is_frame(data: object) -> bool:
    """Return True for a table with named columns that can be in memory.

    >>> is_frame([{"text": "a"}])
    False
    """
    kind = type(data)
    has_columns = hasattr(kind, "columns") or hasattr(kind, "column_names")
    return has_columns and any(hasattr(kind, name) for name in ("__arrow_c_stream__", "__dataframe__", "collect"))


class Frame:
    """A data frame of any library.

    Parameters
    ----------
    data : DataFrame or Table

    Attributes
    ----------
    columns : list of str

    Raises
    ------
    ConfigurationError
        If narwhals is not installed, or knows no such frame, or it is not in memory.
    """

    def __init__(self, data: Any) -> None:
        name = f"{type(data).__module__.partition('.')[0]} {type(data).__name__}"
        try:
            self._narwhals: Any = import_module("narwhals")
        except ImportError:
            raise ConfigurationError(
                f'A {name} needs narwhals: `pip install "streamwidget[frames]"`. '
                "A list of dicts needs no library. Nothing was sent."
            ) from None
        try:
            self._frame = self._narwhals.from_native(data, eager_only=True)
        except TypeError:
            raise ConfigurationError(
                f"A {name} is not a frame in memory. Call collect() first, or pass a list of dicts. Nothing was sent."
            ) from None
        except self._narwhals.exceptions.DuplicateError:
            raise ConfigurationError(
                f"Two columns of the {name} have the same name. Give each a name of its own. Nothing was sent."
            ) from None
        self.columns: list[str] = list(self._frame.columns)

    def __len__(self) -> int:
        return len(self._frame)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        rows: Iterator[dict[str, Any]] = self._frame.iter_rows(named=True, buffer_size=_READ)
        return rows

    def check_names(self, into: str | None, kind: ValueType | None) -> None:
        """Raise ConfigurationError if the values would have no column of their own."""
        is_spread = into is None and kind is not None and kind.is_object
        names = fields_of(kind, ()) if kind is not None and is_spread else [into]
        if taken := [name for name in names if name in _STATE]:
            raise ConfigurationError(
                f"The column {taken[0]!r} says how a row ended. Put the answers elsewhere, such as into='answer'. "
                "Nothing was sent."
            )

    def with_results(self, results: Sequence[RowResult], into: str | None, kind: ValueType | None) -> Any:
        """Return the frame, of its own type, with the columns of the results.

        Parameters
        ----------
        results : sequence of RowResult
            One for each row.
        into : str or None
            The name of the column with the values. None: one column for each field of an object, or else ``answer``.
        kind : ValueType or None
            What the values are.
        """
        values = [plain(result.value) for result in results]
        columns: dict[str, list[Any]] = {}
        if into is None and kind is not None and kind.is_object:
            for field in fields_of(kind, values):
                columns[field] = [value.get(field) if isinstance(value, Mapping) else None for value in values]
        else:
            columns[into or "answer"] = values
        columns |= {name: [getattr(result, name) for result in results] for name in _STATE}
        made = [self._column(name, column) for name, column in columns.items()]
        return self._frame.with_columns(*made).to_native()

    def _column(self, name: str, values: list[Any]) -> Any:
        new_series, backend = self._narwhals.new_series, self._frame.implementation
        texts = self._narwhals.String if all(value is None or isinstance(value, str) for value in values) else None
        try:
            return new_series(name, values, texts, backend=backend)
        except Exception:  # noqa: BLE001  (its library has no type for values so different)
            return new_series(name, [None if value is None else _text(value) for value in values], backend=backend)


def fields_of(kind: ValueType, values: Sequence[Any]) -> list[str]:
    """Return the names of the columns for the fields of an object, in the order of its schema."""
    schema = kind.object_schema
    named = schema.get("properties")
    names = dict.fromkeys(named if isinstance(named, Mapping) else ())
    for value in values:
        names |= dict.fromkeys(value if isinstance(value, Mapping) else ())
    return [str(name) for name in names]


def plain(value: Any) -> Any:
    """Return a value as a column can hold it: an Enum by its value, an object as a dict.

    >>> import enum
    >>> plain([enum.Enum("Mood", {"GOOD": "good"}).GOOD, 1])
    ['good', 1]
    """
    if isinstance(value, enum.Enum):
        return plain(value.value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if hasattr(type(value), "model_dump"):
        return plain(value.model_dump())
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(one) for one in value]
    return value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
