"""Yields beside text: a figure, a table, any object with a view of its own in a notebook. Its formats are kept.

Rules
-----
- An object is rich if its class has a method such as ``_repr_html_``, or if IPython has a formatter for the class.
  Strings, numbers, lists, dicts and streams never are.
- It is formatted when it comes, by IPython's formatters where IPython runs. Later changes are not shown.
- Formats have a bound, and the line under the answer names the missing ones.
- Only an object makes a rich output of this kernel. Text of a model cannot.
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterable
from typing import Any

from streamwidget._core.attachments import Image, is_drawing
from streamwidget._core.events import RichOutput
from streamwidget._core.unexpected import said_by

MAX_FORMAT = 2_000_000  # characters of one format: a picture in base64, the HTML of a table
MAX_PLAIN = 20_000  # characters of the plain text
MAX_ANSWER = 10_000_000  # characters of all formats in one answer
#: Never rich. A class does not show itself.
_NEVER = (str, bytes, bytearray, memoryview, int, float, complex, type(None), list, tuple, dict, set, frozenset, type)
#: The methods of objects with a view of their own, and the format of each.
_METHODS = {
    "_repr_html_": "text/html",
    "_repr_markdown_": "text/markdown",
    "_repr_latex_": "text/latex",
    "_repr_svg_": "image/svg+xml",
    "_repr_png_": "image/png",
    "_repr_jpeg_": "image/jpeg",
    "_repr_json_": "application/json",
}


def is_rich(value: Any) -> bool:
    """Return True if a notebook shows an object as more than its text. Its class decides.

    Examples
    --------
    >>> class Table:
    ...     def _repr_html_(self):
    ...         return "<table></table>"
    >>> is_rich(Table()), is_rich("<table></table>"), is_rich([Table()])
    (True, False, False)
    """
    kind = type(value)
    if isinstance(value, _NEVER) or any(hasattr(kind, name) for name in ("__aiter__", "__await__", "__next__")):
        return False
    if any(hasattr(kind, name) for name in ("_repr_mimebundle_", *_METHODS)) or is_drawing(value):
        return True
    formatter = _formatter()
    others = () if formatter is None else formatter.formatters.items()
    return any(kind in one for media_type, one in others if media_type != "text/plain")


def formatted(value: Any, already: int = 0) -> RichOutput:
    """Return an object in its formats.

    Parameters
    ----------
    value : Any
        An object accepted by :func:`is_rich`.
    already : int, default 0
        The size of the answer's formats so far.
    """
    try:
        data, metadata = _formats(value)
    except Exception as exc:  # noqa: BLE001  (an object may raise anything)
        said = f"{type(value).__name__} cannot be shown: {type(exc).__name__}: {said_by(exc)}"
        return RichOutput({"text/plain": said[:MAX_PLAIN]}, trusted=True)
    return _bounded({kind: _encoded(found) for kind, found in data.items()}, metadata, already)


def size_of(outputs: Iterable[RichOutput]) -> int:
    """Return the size of all formats of these outputs."""
    return sum(_size(value) for output in outputs for value in output.data.values())


def _formatter() -> Any:
    """Return IPython's display formatter, if IPython runs here. It is never imported for this."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return getattr(shell, "display_formatter", None)


def _formats(value: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    formatter = _formatter()
    data: dict[str, Any] = {}
    metadata: dict[str, Any] = {}

    def take(found: Any, kind: str | None = None) -> None:
        known, about = found if isinstance(found, tuple) and len(found) == 2 else (found, None)
        if known is None:
            return
        if kind is not None:
            known, about = {kind: known}, about and {kind: about}
        data.update(known)
        metadata.update(about or {})

    # An object may display itself by _ipython_display_. It would stand in the cell and not in the answer.
    if formatter is not None:
        take(formatter.mimebundle_formatter(value))
        for kind, one in formatter.formatters.items():
            if kind not in data:
                take(one(value), kind)
    else:
        if hasattr(value, "_repr_mimebundle_"):
            take(value._repr_mimebundle_())
        for name, kind in _METHODS.items():
            if kind not in data and hasattr(value, name):
                take(getattr(value, name)(), kind)
        data.setdefault("text/plain", repr(value))
    if is_drawing(value) and not any(kind.startswith("image/") for kind in data):
        data["image/png"] = Image.of(value).data
    return data, metadata


def _encoded(value: Any) -> Any:
    """Return a format as JSON has it. A picture is in base64."""
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def _bounded(data: dict[str, Any], metadata: dict[str, Any], already: int) -> RichOutput:
    kept: dict[str, Any] = {}
    left_out: list[str] = []
    for kind, value in data.items():
        if kind == "text/plain":
            continue
        size = _size(value)
        if size < 0:
            left_out.append(f"{kind} (not JSON)")
        elif size > MAX_FORMAT or already + size > MAX_ANSWER:
            left_out.append(f"{kind} ({size / 1_000_000:.1f} MB)")
        else:
            kept[kind] = value
            already += size
    plain = data.get("text/plain")
    plain = plain if isinstance(plain, str) else ""
    kept["text/plain"] = plain[:MAX_PLAIN]
    if len(plain) > MAX_PLAIN:
        left_out.append(f"text after {MAX_PLAIN:,} of {len(plain):,} characters")
    about = {kind: value for kind, value in metadata.items() if kind in kept and 0 <= _size(value) <= MAX_PLAIN}
    return RichOutput(kept, about, cut=f"left out: {', '.join(left_out)}" if left_out else "", trusted=True)


def _size(value: Any) -> int:
    """Return the size of a format. Negative: JSON cannot hold it."""
    if isinstance(value, str):
        return len(value)
    try:
        return len(json.dumps(value))
    except (TypeError, ValueError, RecursionError):
        return -1
