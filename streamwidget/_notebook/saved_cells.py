"""The code cells of a notebook's file: their ids, what was typed, and what their outputs hold. Nothing of it is run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streamwidget._core import files
from streamwidget._core.exceptions import ConfigurationError


@dataclass(frozen=True, slots=True)
class SavedCell:
    """One code cell.

    Attributes
    ----------
    id : str
        Empty in files before version 4.5 of the format.
    source : str
    outputs : tuple of mapping
        The formats of each output that has some.
    number : int or None
        The number in ``In [3]``. None if the cell has not run.
    """

    id: str
    source: str
    outputs: tuple[Mapping[str, Any], ...] = ()
    number: int | None = None


def saved_cells(path: Path) -> list[SavedCell]:
    """Return the code cells of a notebook as it was saved last.

    Raises
    ------
    ConfigurationError
        If the file cannot be read, or is not a notebook.
    """
    try:
        notebook = json.loads(files.read_text(path))
    except (OSError, ValueError, RecursionError) as exc:
        raise ConfigurationError(f"{path.name} cannot be read: {files.reason_of(exc)}.") from None
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list):
        raise ConfigurationError(f"{path.name} is not a notebook in version 4 of the format.")
    return [
        SavedCell(
            _text(cell.get("id")),
            _text(cell.get("source")),
            tuple(_bundles(cell.get("outputs"))),
            number if type(number := cell.get("execution_count")) is int else None,
        )
        for cell in cells
        if isinstance(cell, dict) and cell.get("cell_type") == "code"
    ]


def _bundles(outputs: object) -> Iterator[Mapping[str, Any]]:
    for output in outputs if isinstance(outputs, list) else ():
        data = output.get("data") if isinstance(output, dict) else None
        if isinstance(data, dict):
            yield data


def _text(value: object) -> str:
    if isinstance(value, list):
        return "".join(line for line in value if isinstance(line, str))
    return value if isinstance(value, str) else ""
