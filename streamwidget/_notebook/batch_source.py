"""The rows of a batch with their ids, and the prompt of each: what :func:`batch` makes of its first arguments."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping, Sized
from numbers import Real
from typing import Any

from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.messages import Message, Prompt
from streamwidget._core.visible import one_line
from streamwidget._many.rows import Source
from streamwidget._notebook.expressions import find_fields
from streamwidget._notebook.interpolate import interpolate

_TEXT = "text"  # the name of a row, if it is not a mapping
_ROW = "row"  # the whole row, for columns without a Python name


def source_of(rows: Any, prompt: Any, id_: str | None, columns: list[str] | None) -> Source:
    """Return the rows with their ids, and what makes their prompts."""
    if isinstance(rows, str | bytes | Mapping) or not isinstance(rows, Iterable | AsyncIterable):
        raise ConfigurationError(
            f"The rows are a DataFrame, a list of dicts or texts, or another iterable, not {type(rows).__name__}. "
            "Nothing was sent."
        )
    if id_ is not None and columns is not None and id_ not in columns:
        raise ConfigurationError(f"There is no column {id_!r}. {_known(columns)}")
    make = _of_template(prompt, columns) if isinstance(prompt, str) else _of_callable(prompt)
    total = len(rows) if isinstance(rows, Sized) else None
    named = _as_they_come(rows, id_) if isinstance(rows, AsyncIterable) else _with_ids(rows, id_)
    return Source(named, make, total, named=id_ is not None)


def _with_ids(rows: Iterable[Any], id_: str | None) -> Iterator[tuple[str | int, Any]]:
    for number, row in enumerate(rows):
        yield _id_of(row, number, id_), row


async def _as_they_come(rows: AsyncIterable[Any], id_: str | None) -> AsyncIterator[tuple[str | int, Any]]:
    number = 0
    async for row in rows:
        yield _id_of(row, number, id_), row
        number += 1


def _id_of(row: Any, number: int, id_: str | None) -> str | int:
    """Return what names a row in the results and in the file."""
    if id_ is None:
        return number
    if not isinstance(row, Mapping) or row.get(id_) is None:
        raise ConfigurationError(f"Row {number} has no {id_!r}, which names the rows.")
    found = row[id_]
    return found if isinstance(found, str | int) else str(found)


def _of_template(template: str, columns: list[str] | None) -> Callable[[Any], Prompt]:
    """Return what fills in a template. Its rows are alike, so an unknown name is a mistake in the template."""
    fields = list(find_fields(template))
    if not fields:
        raise ConfigurationError(
            "The prompt names no column, so every row would be asked the same. Write {{text}}, {{name of a column}}, "
            'or {{row["name of a column"]}}. Nothing was sent.'
        )
    if columns is not None:
        known = dict.fromkeys([*columns, _ROW])
        for name in (name for field in fields for name in field.undefined(known)):
            raise ConfigurationError(f"There is no column {name!r}. {_known(columns)}")

    plain = [field for field in fields if field.is_name]

    def make(row: Any) -> Prompt:
        cells = {str(name): value for name, value in row.items()} if isinstance(row, Mapping) else {_TEXT: row}
        if empty := next((field for field in plain if _is_missing(cells.get(field.source, ""))), None):
            raise ConfigurationError(
                f"{empty.source!r} has no value in this row. To ask it all the same, fill it, for example with ''."
            )
        try:
            filled = interpolate(template, {_ROW: row, **cells})
        except ConfigurationError as exc:
            raise ConfigurationError(str(exc).removesuffix(" --raw sends it as text.")) from exc
        if filled.undefined:
            raise ConfigurationError(f"There is no {filled.undefined[0]!r} in the row. {_known([*cells])}")
        return Message("user", filled.text, attachments=filled.attachments)

    return make


def _is_missing(cell: Any) -> bool:
    """Return True for None, NaN, and the missing values of pandas, which this does not import.

    >>> [_is_missing(cell) for cell in (None, float("nan"), "", 0)]
    [True, True, False, False]
    """
    is_nan = isinstance(cell, Real) and cell != cell
    return cell is None or is_nan or type(cell).__name__ in ("NAType", "NaTType")


def _of_callable(prompt: Any) -> Callable[[Any], Prompt]:
    if not callable(prompt):
        raise ConfigurationError(
            f"The prompt is a text such as 'Classify: {{{{text}}}}', or a callable of a row, not "
            f"{type(prompt).__name__}. Nothing was sent."
        )

    def make(row: Any) -> Prompt:
        try:
            made: Prompt = prompt(row)
        except ConfigurationError:
            raise
        except Exception as exc:
            raise ConfigurationError(
                f"The prompt's callable raised {type(exc).__name__}: {one_line(str(exc))}"
            ) from exc
        return made

    return make


def _known(columns: list[str]) -> str:
    return f"The columns: {one_line(', '.join(map(str, columns)))}. Nothing was sent."
