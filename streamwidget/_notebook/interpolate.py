"""``{{name}}`` in a prompt becomes the text of the variable ``name``.

Rules, for ``x = "{{y}}"`` and ``y = 2``:

1. A plain identifier between double braces is replaced: ``{{x}} {{ y }}`` -> ``{{y}} 2``.
2. There is one pass. The ``{{y}}`` that came from ``x`` stays.
3. All other braces stay, and nothing is evaluated: ``{y}``, ``{{y.real}}``, ``{{f()}}``, ``{"a": {"b": 1}}``.
4. An undefined name is reported: ``{{z}}`` -> ``{{z}}``, with ``z`` among the undefined names.
5. The text of a variable is never cut. A DataFrame becomes a table of bounded size, and a line below it names the
   missing rows and columns.
6. An image (an ``Image``, a figure, a PIL image, or their bytes) is attached to the prompt. Its place in the text
   becomes ``[image 1]``, so that the prompt can refer to it.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Mapping
from typing import Any, NamedTuple

from streamwidget._core.images import Image, is_drawing, is_image_data

MAX_ROWS = 50
MAX_COLUMNS = 20
MAX_CELL = 500

_FIELD = re.compile(r"\{\{[ \t]*([^\W\d]\w*)[ \t]*\}\}")


class FilledPrompt(NamedTuple):
    """A prompt, its variables filled in."""

    text: str
    undefined: list[str]
    images: tuple[Image, ...] = ()


def interpolate(template: str, namespace: Mapping[str, Any]) -> FilledPrompt:
    """Replace each ``{{name}}`` by the text of ``namespace[name]``.

    Parameters
    ----------
    template : str
        The prompt as typed.
    namespace : mapping
        The variables. Names are compared as Python compares them (Unicode form NFKC).

    Returns
    -------
    text : str
        The prompt to send.
    undefined : list of str
        The names without a variable, each once, in their order.
    images : tuple of Image
        The images in the variables, each variable once, in their order.

    Raises
    ------
    ConfigurationError
        If a figure cannot be written, or an image is too large.
    Exception
        Anything that the ``__str__`` of a variable raises.
    """
    undefined: dict[str, None] = {}
    images: dict[str, Image] = {}

    def replacement(match: re.Match[str]) -> str:
        name = unicodedata.normalize("NFKC", match[1])
        if name in namespace:
            value = namespace[name]
            if not _is_image(value):
                return as_text(value)
            if name not in images:
                images[name] = Image.of(value)
            return f"[image {list(images).index(name) + 1}]"
        if name.isidentifier():
            undefined[name] = None
        return match[0]

    text = _FIELD.sub(replacement, template)
    return FilledPrompt(text, list(undefined), tuple(images.values()))


def _is_image(value: Any) -> bool:
    return isinstance(value, Image) or is_image_data(value) or is_drawing(value)


def as_text(value: Any) -> str:
    """Return the text of a variable: ``str(value)``, or a Markdown table for a DataFrame."""
    return _markdown_table(value) if _is_frame(value) else str(value)


def _is_frame(value: Any) -> bool:
    # A value can be a DataFrame only if pandas is imported already. We do not import it.
    frame_type = getattr(sys.modules.get("pandas"), "DataFrame", None)
    return isinstance(frame_type, type) and isinstance(value, frame_type)


def _markdown_table(frame: Any) -> str:
    rows, columns = frame.shape
    shown = frame.iloc[:MAX_ROWS, :MAX_COLUMNS]
    with_index = type(frame.index).__name__ != "RangeIndex"  # a plain row number says nothing
    header = [str(name) for name in shown.columns]
    lines = [[str(value) for value in row] for row in shown.itertuples(index=False, name=None)]
    if with_index:
        header.insert(0, " / ".join("" if name is None else str(name) for name in frame.index.names))
        for label, cells in zip(shown.index, lines, strict=True):
            cells.insert(0, str(label))
    cut = sum(len(cell) > MAX_CELL for line in (header, *lines) for cell in line)
    table = "\n".join(_table_line(line) for line in (header, ["---"] * len(header), *lines))
    left_out = []
    if rows > MAX_ROWS:
        left_out.append(f"the first {MAX_ROWS} of {rows} rows")
    if columns > MAX_COLUMNS:
        left_out.append(f"the first {MAX_COLUMNS} of {columns} columns")
    if cut:
        left_out.append(f"the first {MAX_CELL} characters of {cut} long cells (they end in …)")
    return f"{table}\n\n(Shown: {', '.join(left_out)}.)" if left_out else table


def _table_line(cells: list[str]) -> str:
    return f"| {' | '.join(map(_table_cell, cells))} |"


def _table_cell(text: str) -> str:
    if len(text) > MAX_CELL:
        text = text[:MAX_CELL] + "…"
    return "<br>".join(text.replace("|", "\\|").splitlines())
