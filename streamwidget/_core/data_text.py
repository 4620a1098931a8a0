"""The text of a number, an array, a Series or a table of data, for a prompt.

The libraries print such data cut: numpy shows 6 of 5,000 numbers, pandas 10 rows of a long Series. Here its size is
bounded too, but the text ends with a line about the missing part, such as "(Shown: the first 50 of 60 rows.)".
Numbers have six significant digits: ``0.30000000000000004`` -> ``0.3``. Whole numbers are not cut: ``1234567.0``.

No library is imported. Data is known by the attributes of its class: numpy, torch and jax arrays, pandas Series,
DataFrames and indexes, polars Series and frames, Arrow arrays and tables. Lists, tuples, dicts and sets are looked
into.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import product
from numbers import Complex, Rational, Real
from typing import Any, NamedTuple

MAX_ROWS = 50
MAX_COLUMNS = 20
MAX_CELL = 500
MAX_VALUES = MAX_ROWS * MAX_COLUMNS

_CONTAINERS: dict[type, tuple[str, str]] = {
    list: ("[", "]"),
    tuple: ("(", ")"),
    dict: ("{", "}"),
    set: ("{", "}"),
    frozenset: ("frozenset({", "})"),
}
_WHOLE = 1e15  # up to here a float holds each whole number
_DEEPEST = 5  # containers in containers. A list may hold itself


class DataText(NamedTuple):
    """The text of a variable.

    Attributes
    ----------
    text : str
    shown : list of str
        How much of it is shown, such as ``["50 of 60 rows"]``. Empty if that is everything.
    rounded : bool, default False
        A number in it has lost digits.
    """

    text: str
    shown: list[str]
    rounded: bool = False

    @property
    def sent(self) -> str:
        """What is missing, for the person: ``50 of 60 rows sent``. Empty if nothing is."""
        digits = "with six significant digits"
        if not self.shown:
            return f"sent {digits}" if self.rounded else ""
        return f"{', '.join(self.shown)} sent{f', {digits}' if self.rounded else ''}"


class _Text(NamedTuple):
    """The text of one value. ``rounded``: it is a number that has lost digits."""

    text: str
    rounded: bool = False


class _Table(NamedTuple):
    """The part of a table that is shown, and the size of the whole."""

    rows: int
    columns: int
    header: list[Any]
    lines: Iterable[Iterable[Any]]
    labels: str | None = None  # the title of the row labels, which are the first cells


def data_text(value: Any) -> DataText | None:
    """Return the text of data or of a number, or None for any other value. Its own text is exact.

    Examples
    --------
    >>> import numpy
    >>> data_text(numpy.arange(3)).text
    '[0, 1, 2]'
    >>> data_text(numpy.arange(5000)).shown
    ['1000 of 5000 values']
    >>> data_text(0.1 + 0.2)
    DataText(text='0.3', shown=[], rounded=True)
    >>> data_text([1, 2, 3]) is None
    True
    """
    return _data_text(value, _DEEPEST)


def _data_text(value: Any, depth: int) -> DataText | None:
    if type(value) in _CONTAINERS:
        return _container(value, depth - 1) if depth else None
    if (number := _number(value)) is not None:
        return DataText(number.text, [], number.rounded)
    read = _reader(type(value))
    with suppress(Exception):  # it has the names, but they mean something else
        return None if read is None else read(value)
    return None


def _reader(kind: type) -> Callable[[Any], DataText | None] | None:
    # The class is asked, because a value's __getattr__ may do anything.
    return next((read for names, read in _KINDS if all(hasattr(kind, name) for name in names)), None)


def _container(value: Any, depth: int) -> DataText | None:
    """Read a container of data or numbers. Its own text would have the data cut: ``{'a': array([0, 1, ...``."""
    items = list(value.values()) if isinstance(value, dict) else list(value)
    kinds = set(map(type, items))
    if not any(kind in _CONTAINERS or _is_plain(kind) or _reader(kind) for kind in kinds):
        return None
    data = [_data_text(item, depth) for item in items]
    if not any(data) and not any(map(_is_numpy, kinds)):
        return None
    texts = [_own_text(item) if inner is None else _inside(inner.text) for item, inner in zip(items, data, strict=True)]
    if isinstance(value, dict):
        texts = [f"{_own_text(key)}: {text}" for key, text in zip(value, texts, strict=True)]
    opening, closing = _CONTAINERS[type(value)]
    if isinstance(value, tuple) and len(texts) == 1:
        closing = ",)"
    found = [inner for inner in data if inner]
    shown = [part for inner in found for part in inner.shown]
    return DataText(f"{opening}{', '.join(texts)}{closing}", shown, any(inner.rounded for inner in found))


def _own_text(item: Any) -> str:
    """Return the text of a value in a container: ``3`` and not ``np.int64(3)``."""
    return _item_text(item).text if _is_numpy(type(item)) else repr(item)


def _inside(text: str) -> str:
    return f"\n\n{text}\n\n" if "\n" in text else text


# ---- tables


def _pandas_frame(frame: Any) -> DataText | None:
    rows, columns = frame.shape
    if not isinstance(rows, int):  # dask does not know it yet. Its own text shows no data
        return None
    shown = frame.iloc[:MAX_ROWS, :MAX_COLUMNS]
    header, lines = [*shown.columns], [list(row) for row in shown.itertuples(index=False, name=None)]
    if type(frame.index).__name__ == "RangeIndex":  # a plain row number says nothing
        return _table_text(_Table(rows, columns, header, lines))
    labels = " / ".join("" if name is None else str(name) for name in frame.index.names)
    labelled = [[label, *cells] for label, cells in zip(shown.index, lines, strict=True)]
    return _table_text(_Table(rows, columns, header, labelled, labels))


def _pandas_series(series: Any) -> DataText | None:
    return _pandas_frame(series.to_frame("value" if series.name is None else series.name))


def _polars_frame(frame: Any) -> DataText:
    rows, columns = frame.shape
    lines = (row[:MAX_COLUMNS] for row in frame.head(MAX_ROWS).iter_rows())
    return _table_text(_Table(rows, columns, frame.columns[:MAX_COLUMNS], lines))


def _arrow_table(table: Any) -> DataText:
    header = table.column_names[:MAX_COLUMNS]
    cells = [table.column(number).slice(0, MAX_ROWS).to_pylist() for number in range(len(header))]
    return _table_text(_Table(table.num_rows, table.num_columns, header, zip(*cells, strict=True)))


def _table_text(table: _Table) -> DataText:
    if not table.columns:
        return DataText(f"(A table of {table.rows} rows, without columns.)", [])
    header = [str(name) for name in table.header]
    if table.labels is not None:
        header.insert(0, table.labels)
    cells = [[_number(value) or _Text(str(value)) for value in line] for line in table.lines]
    lines = [[cell.text for cell in line] for line in cells]
    long = sum(len(cell) > MAX_CELL for line in (header, *lines) for cell in line)
    text = "\n".join(_table_line(line) for line in (header, ["---"] * len(header), *lines))
    shown = []
    if table.rows > MAX_ROWS:
        shown.append(f"{MAX_ROWS} of {table.rows} rows")
    if table.columns > MAX_COLUMNS:
        shown.append(f"{MAX_COLUMNS} of {table.columns} columns")
    if long:
        shown.append(f"{MAX_CELL} characters of {long} long cells (they end in …)")
    return _with_last_line(text, shown, any(cell.rounded for line in cells for cell in line))


def _table_line(cells: list[str]) -> str:
    return f"| {' | '.join(map(_table_cell, cells))} |"


def _table_cell(text: str) -> str:
    if len(text) > MAX_CELL:
        text = text[:MAX_CELL] + "…"
    return "<br>".join(text.replace("|", "\\|").splitlines())


# ---- arrays


def _array(array: Any) -> DataText | None:
    """``[[1, 2], [3, 4]]``: rows as lists, however many dimensions there are."""
    shape = tuple(array.shape)
    if not shape or not all(isinstance(size, int) for size in shape) or type(array).__module__.startswith("dask"):
        return None  # a single number, or data that is not computed yet
    part = _part(shape)
    items = [_item_text(array[index if len(shape) > 1 else index[0]]) for index in product(*map(range, part))]
    texts = [item.text for item in items]
    for size in reversed(part):
        texts = [f"[{', '.join(texts[start : start + size])}]" for start in range(0, len(texts), size or 1)]
    text = texts[0] if texts else "[]"
    shown = [] if part == shape else [f"{_times(part)} of {_times(shape)} values"]
    return _with_last_line(text, shown, any(item.rounded for item in items))


def _part(shape: Sequence[int]) -> tuple[int, ...]:
    """``(5000, 300)`` -> ``(50, 20)``: the part that is shown. It has at most MAX_VALUES values."""
    left = MAX_VALUES
    part: list[int] = []
    for size in reversed(shape):
        most = left if len(shape) == 1 or part else MAX_COLUMNS
        part.insert(0, min(size, most))
        left = max(left // max(part[0], 1), 1)
    return tuple(part)


def _arrow_array(array: Any) -> DataText:
    items = [_item_text(item) for item in array.slice(0, MAX_VALUES).to_pylist()]
    text = f"[{', '.join(item.text for item in items)}]"
    shown = [f"{MAX_VALUES} of {len(array)} values"] if len(array) > MAX_VALUES else []
    return _with_last_line(text, shown, any(item.rounded for item in items))


def _times(sizes: Sequence[int]) -> str:
    return " × ".join(map(str, sizes))


def _item_text(item: Any) -> _Text:
    if isinstance(item, str):
        return _Text(repr(str(item)))  # of numpy's str_ it would be "np.str_('a')"
    if not type(item).__module__.startswith("numpy") and hasattr(type(item), "item"):  # torch: "tensor(1.)"
        item = item.item()
    return _number(item) or _Text(str(item))


# ---- numbers


def _number(value: Any) -> _Text | None:
    """Return a number with six significant digits, or None for all that is exact: whole numbers, decimals, text."""
    if not _is_plain(type(value)) or not isinstance(value, Complex) or isinstance(value, Rational):
        return None
    if isinstance(value, Real):
        short = _short(float(value))
        return _Text(str(value)) if short is None else _Text(short, rounded=True)
    number = complex(value)
    if _short(number.real) is None and _short(number.imag) is None:
        return _Text(str(value))
    return _Text(f"({number.real:.6g}{number.imag:+.6g}j)", rounded=True)


def _short(number: float) -> str | None:
    """Return a number in six digits, or None if it has no more than that."""
    short = f"{number:.6g}"
    # A column of whole numbers is often one of floats, because one of them is missing.
    is_exact = float(short) == number or (abs(number) < _WHOLE and number.is_integer()) or number != number
    return None if is_exact else short


def _is_plain(kind: type) -> bool:
    """Return True for a value of Python's or numpy's, and not for a class of the person's own, with its own text."""
    return kind in (float, complex) or _is_numpy(kind)


def _is_numpy(kind: type) -> bool:
    return kind.__module__ == "numpy" and not hasattr(kind, "__setitem__")  # that is an array


def _with_last_line(text: str, shown: list[str], rounded: bool) -> DataText:
    if shown:
        text += f"\n\n(Shown: {', '.join(f'the first {part}' for part in shown)}.)"
    return DataText(text, shown, rounded)


#: The first kind that fits is taken.
_KINDS: list[tuple[tuple[str, ...], Callable[[Any], DataText | None]]] = [
    (("iloc", "columns", "itertuples", "shape"), _pandas_frame),
    (("iloc", "index", "to_frame", "shape"), _pandas_series),
    (("iter_rows", "columns", "head", "shape"), _polars_frame),
    (("column_names", "column", "num_rows", "num_columns"), _arrow_table),
    (("to_pylist", "slice"), _arrow_array),
    (("shape", "dtype", "__array__", "__getitem__"), _array),
]
