"""What a tool returned, as a model reads it: text, and images beside it. Its size is bounded.

A table or an array becomes the text that it has in a prompt. Other values become JSON where they can, and else their
``str()``. A list that holds an image becomes its texts, with a mark such as "[image 1]" in the place of each image.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any, NamedTuple

from streamwidget._core.attachments import Attachment, Image, is_drawing, is_image_data, size_in_words
from streamwidget._core.data_text import data_text
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.surrogates import well_formed

#: Bytes of the text of a result. A larger one would fill the model's context and the page.
MAX_RESULT = 64 * 1024
#: Bytes of the images of a result.
MAX_IMAGES = 5 * 2**20


class Result(NamedTuple):
    """A result for a model.

    Attributes
    ----------
    text : str
    images : tuple of str
        As ``data:`` URLs.
    error : bool
        The tool failed, and the text says why.
    """

    text: str
    images: tuple[str, ...] = ()
    error: bool = False


def result_of(value: Any) -> Result:
    """Return the value of a tool as a result.

    Examples
    --------
    >>> result_of({"Elbe": 1094}).text
    '{"Elbe": 1094}'
    >>> result_of("x" * 100_000).text[-41:]
    '(Cut: the first 65,536 of 100,000 bytes.)'
    """
    images: list[str] = []
    parts = value if isinstance(value, list | tuple) and any(map(_is_image, value)) else [value]
    texts, left = [], MAX_IMAGES
    for part in parts:
        if not _is_image(part):
            texts.append(_text(part))
            continue
        try:
            image = Image.of(part)
        except (ConfigurationError, ValueError) as exc:
            texts.append(f"(An image that cannot be sent: {exc})")
            continue
        left -= len(image.data)
        if left < 0:
            texts.append(f"(An image of {size_in_words(len(image.data))} is left out: it is too large.)")
        else:
            images.append(image.src)
            texts.append(f"[image {len(images)}]")
    return Result(bounded("\n".join(texts)), tuple(images))


def failure_of_tool(what: str) -> Result:
    """Return a failure as a result.

    Examples
    --------
    >>> failure_of_tool("KeyError: 'Po'")
    Result(text="KeyError: 'Po'", images=(), error=True)
    """
    return Result(bounded(what), error=True)


def bounded(text: str) -> str:
    """Return a text of at most :data:`MAX_RESULT` bytes, and a line about the rest. An empty one says so."""
    text = well_formed(text)
    data = text.encode()
    if len(data) > MAX_RESULT:
        kept = data[:MAX_RESULT].decode("utf-8", "ignore")
        return f"{kept}\n(Cut: the first {MAX_RESULT:,} of {len(data):,} bytes.)"
    return text if text.strip() else "(nothing)"


def _is_image(value: Any) -> bool:
    return (isinstance(value, Attachment) and value.kind == "image") or is_image_data(value) or is_drawing(value)


def _text(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, Attachment):
        return value.text or repr(value)
    data = None if isinstance(value, list | tuple | dict | float) else data_text(value)  # those are JSON
    if data is not None:
        return data.text
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, default=_plain)
    except (TypeError, ValueError, RecursionError):
        return str(value)


def _plain(value: Any) -> Any:
    """Return what JSON knows in place of a value."""
    if callable(dump := getattr(value, "model_dump", None)):
        return dump(mode="json")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, set | frozenset):
        return sorted(value, key=str)
    data = data_text(value)
    return str(value) if data is None else data.text
