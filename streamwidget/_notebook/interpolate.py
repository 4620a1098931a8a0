"""``{{name}}`` and ``{{expression}}`` in a prompt become the text of their value.

Rules, for ``x = "{{y}}"`` and ``y = 2``:

1. A name or an expression between double braces is replaced: ``{{x}} {{ y }} {{y + 1}}`` -> ``{{y}} 2 3``. See
   :mod:`streamwidget._notebook.expressions` for what an expression is.
2. There is one pass. A ``{{y}}`` from ``x`` stays. Only the text of the person is ever evaluated.
3. All other braces stay: ``{y}``, ``{{#if y}}``, ``{"a": {"b": 1}}``.
4. If a name is not defined, nothing is evaluated: ``{{z}} {{y}}`` -> ``z`` is among the undefined names.
5. A string, a whole number, a list or a dict is never cut. Other numbers have six significant digits. An array, a
   Series or a table of data has a bounded size, and a line below it names the missing part (see
   :mod:`streamwidget._core.data_text`).
6. The notebook's history, its names and the environment are refused (see :mod:`streamwidget._notebook.private`).
7. An ``Attachment``, a figure, a PIL image, and the bytes of an image are attached to the prompt. Its place in the text
   becomes ``[image 1]`` or ``[file 2: rivers.csv]``, so the prompt can refer to it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from streamwidget._core.attachments import Attachment, is_drawing, is_image_data
from streamwidget._core.data_text import data_text
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.receipt import SentVariable
from streamwidget._core.visible import one_line
from streamwidget._notebook.expressions import Field, find_fields
from streamwidget._notebook.private import key_in, private_kind, typed_cell


class FilledPrompt(NamedTuple):
    """A prompt, its variables filled in.

    Attributes
    ----------
    text : str
        As typed, if a name is not defined.
    undefined : list of str
        The names without a variable, each once, in their order.
    attachments : tuple of Attachment
        The files in the variables, each variable once, in their order.
    cut : tuple of str
        The gaps, for the person: ``df: 50 of 60 rows sent``.
    variables : tuple of SentVariable
        The variables in the text, each once, with its size.
    """

    text: str
    undefined: list[str]
    attachments: tuple[Attachment, ...] = ()
    cut: tuple[str, ...] = ()
    variables: tuple[SentVariable, ...] = ()


def interpolate(template: str, namespace: dict[str, Any]) -> FilledPrompt:
    """Replace each ``{{name}}`` and each ``{{expression}}`` by the text of its value.

    Parameters
    ----------
    template : str
        The prompt as typed.
    namespace : dict
        The variables. Names are compared as Python compares them (Unicode form NFKC).

    Returns
    -------
    FilledPrompt

    Raises
    ------
    ConfigurationError
        If an expression fails, a value has no text, a figure cannot be written, an image is too large, or the value may
        not be sent.

    Examples
    --------
    >>> interpolate("{{n}} of {{len(names)}}", {"n": 2, "names": ["a", "b", "c"]}).text
    '2 of 3'
    """
    fields = list(find_fields(template))
    undefined = dict.fromkeys(name for found in fields for name in found.undefined(namespace))
    if undefined:
        return FilledPrompt(template, list(undefined))
    files: dict[str, Attachment] = {}
    cut: dict[str, str] = {}
    sent: dict[str, SentVariable] = {}
    pieces: list[str] = []
    place = 0
    for found in fields:
        name, text = found.source, _text(found, namespace, files, cut)
        pieces += [template[place : found.start], text]
        place = found.end
        file = files.get(name)
        sent[name] = SentVariable(name, len(text)) if file is None else SentVariable(name, len(file.data), "byte")
    text = "".join([*pieces, template[place:]])
    return FilledPrompt(text, [], tuple(files.values()), tuple(cut.values()), tuple(sent.values()))


def _text(found: Field, namespace: dict[str, Any], files: dict[str, Attachment], cut: dict[str, str]) -> str:
    """Return what takes the place of a field. A file and a line about a cut value are added to theirs."""

    def check(value: Any) -> Any:
        kind = private_kind(value, namespace)
        if kind is not None:
            raise ConfigurationError(
                f"{found.typed} is {kind}, which may hold keys. Nothing was sent. Put the part that you mean into a "
                f"variable, such as: part = str({one_line(found.source, 60)})[:1000]"
            )
        return value

    if (cell := typed_cell(found.names, namespace)) is not None:
        raise ConfigurationError(
            f"{{{{{cell}}}}} is a cell as it was typed, which may hold keys. Nothing was sent. "
            "Put the part that you mean into a variable, such as: part = In[3]"
        )
    value = found.evaluate(namespace, check)
    name = found.source
    if _is_file(value):
        if name not in files:
            files[name] = file = Attachment.of(value)
            if file.bound:
                cut[name] = f"{one_line(name, 60)}: {file.bound} sent"
        return _place(files[name], list(files).index(name) + 1)
    data = data_text(value)
    if data is not None and data.sent:
        cut[name] = f"{one_line(name, 60)}: {data.sent}"
    try:
        text = str(value) if data is None else data.text
    except Exception as exc:
        raise ConfigurationError(f"{found.typed} has no text: {type(exc).__name__}. Nothing was sent.") from exc
    variable = key_in(text)
    if variable is not None:
        raise ConfigurationError(f"{found.typed} holds the key in {variable}. Nothing was sent.")
    return text


def _is_file(value: Any) -> bool:
    return isinstance(value, Attachment) or is_image_data(value) or is_drawing(value)


def _place(file: Attachment, number: int) -> str:
    if file.kind == "image":
        return f"[image {number}]"
    return f"[file {number}: {file.name}]" if file.name else f"[file {number}]"
