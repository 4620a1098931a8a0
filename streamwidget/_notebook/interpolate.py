"""``{{name}}`` in a prompt becomes the text of the variable ``name``.

Rules, for ``x = "{{y}}"`` and ``y = 2``:

1. A plain identifier between double braces is replaced: ``{{x}} {{ y }}`` -> ``{{y}} 2``.
2. There is one pass. The ``{{y}}`` that came from ``x`` stays.
3. All other braces stay, and nothing is evaluated: ``{y}``, ``{{y.real}}``, ``{{f()}}``, ``{"a": {"b": 1}}``.
4. An undefined name is reported: ``{{z}}`` -> ``{{z}}``, with ``z`` among the undefined names.
5. A string, a number, a list or a dict is never cut. An array, a Series or a table of data has a bounded size, and a
   line below it names the missing part (see :mod:`streamwidget._notebook.data_text`).
6. The notebook's history (``{{In}}``) and the environment (``{{environ}}``) are refused. They may hold keys.
7. An ``Attachment``, a figure, a PIL image, and the bytes of an image are attached to the prompt. Its place in the text
   becomes ``[image 1]`` or ``[file 2: rivers.csv]``, so that the prompt can refer to it.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Mapping
from typing import Any, NamedTuple

from streamwidget._core.attachments import Attachment, is_drawing, is_image_data
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._notebook.data_text import data_text

_FIELD = re.compile(r"\{\{[ \t]*([^\W\d]\w*)[ \t]*\}\}")


class FilledPrompt(NamedTuple):
    """A prompt, its variables filled in.

    Attributes
    ----------
    text : str
    undefined : list of str
        The names without a variable.
    attachments : tuple of Attachment
    cut : tuple of str
        What is missing, for the person: ``df: 50 of 60 rows sent``.
    """

    text: str
    undefined: list[str]
    attachments: tuple[Attachment, ...] = ()
    cut: tuple[str, ...] = ()


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
    attachments : tuple of Attachment
        The files in the variables, each variable once, in their order.
    cut : tuple of str
        A line for each variable that is too large to be sent whole, in their order.

    Raises
    ------
    ConfigurationError
        If a figure cannot be written, an image is too large, or the variable is the history or the environment.
    Exception
        Anything that the ``__str__`` of a variable raises.
    """
    undefined: dict[str, None] = {}
    files: dict[str, Attachment] = {}
    cut: dict[str, str] = {}

    def replacement(match: re.Match[str]) -> str:
        name = unicodedata.normalize("NFKC", match[1])
        if name in namespace:
            value = namespace[name]
            _check_private(name, value, namespace)
            if not _is_file(value):
                data = data_text(value)
                if data is None:
                    return str(value)
                if data.shown:
                    cut[name] = f"{name}: {', '.join(data.shown)} sent"
                return data.text
            if name not in files:
                files[name] = file = Attachment.of(value)
                if file.bound:
                    cut[name] = f"{name}: {file.bound} sent"
            return _place(files[name], list(files).index(name) + 1)
        if name.isidentifier():
            undefined[name] = None
        return match[0]

    text = _FIELD.sub(replacement, template)
    return FilledPrompt(text, list(undefined), tuple(files.values()), tuple(cut.values()))


def _check_private(name: str, value: Any, namespace: Mapping[str, Any]) -> None:
    """Refuse what holds all that was typed, shown or set. Somebody who means it can copy it: `mine = list(In)`."""
    histories = [namespace.get(each) for each in ("_ih", "_oh", "_dh")]
    if value is namespace or any(value is history for history in histories if history is not None):
        what = "the notebook's own record of its cells and values"
    elif isinstance(value, type(os.environ)) or value is os.environ:
        what = "the environment"
    else:
        return
    raise ConfigurationError(
        f"{{{{{name}}}}} is {what}, which may hold keys. Nothing was sent. "
        f"Put the part that you mean into a variable, such as: part = str({name})[:1000]"
    )


def _is_file(value: Any) -> bool:
    return isinstance(value, Attachment) or is_image_data(value) or is_drawing(value)


def _place(file: Attachment, number: int) -> str:
    if file.kind == "image":
        return f"[image {number}]"
    return f"[file {number}: {file.name}]" if file.name else f"[file {number}]"
