r"""The JSON in an answer's text: its place, and the complete rows of its list.

A model may write around its JSON, unless the server forbids it: ``Here it is:\n```json\n{"km": 12}\n``` ``. Nothing
here repairs JSON. Invalid JSON stays invalid.
"""

from __future__ import annotations

import functools
import importlib
import json
import re
from collections.abc import Callable
from typing import Any

#: The name of the only field of an object around a value. Some servers want an object at the root.
WRAPPED = "value"
_FENCE = re.compile(r"```[^\n`]*\n")
_OPENS = re.compile(r"[\[{]")
_BEFORE_LIST = re.compile(rf'\{{\s*"{WRAPPED}"\s*:\s*\Z')
_OUTSIDE = re.compile(r'["\[\]{},]')
_INSIDE = re.compile(r'["\\]')
_HEAD = 64  # characters to look at before a list
_NUMBER = "+-.0123456789eE"


def json_in(text: str) -> str:
    r"""Return the JSON of an answer, without the fence or the words around it.

    Examples
    --------
    >>> json_in('Here it is:\n```json\n{"km": 12}\n```\nHave fun!')
    '{"km": 12}'
    >>> json_in('{"km": 12} is the length.'), json_in('"red"')
    ('{"km": 12}', '"red"')
    """
    body = text.strip()
    if body[:1] not in ("{", "["):
        fence = _FENCE.search(body)
        if fence is not None:
            body = body[fence.end() :].lstrip()
        elif (opens := _OPENS.search(body)) is not None:
            body = body[opens.start() :]
    body = body.partition("\n```")[0]  # a string of JSON has no line end
    try:
        return body[: json.JSONDecoder().raw_decode(body)[1]]
    except (ValueError, RecursionError):
        return body


def unwrapped(value: Any, *, is_object: bool) -> Any:
    """Return the value in the object around it. A type that is itself an object has none around it.

    Examples
    --------
    >>> unwrapped({"value": [1]}, is_object=False), unwrapped({"value": [1]}, is_object=True)
    ([1], {'value': [1]})
    """
    return value[WRAPPED] if not is_object and isinstance(value, dict) and value.keys() == {WRAPPED} else value


def certain(text: str) -> str:
    """Return growing JSON without a number at its end, because it may still grow: ``[12, 3`` -> ``[12, ``."""
    return json_in(text).rstrip(_NUMBER)


@functools.cache
def partial_reader() -> Callable[[str], Any]:
    """Return a reader of growing JSON: jiter's or pydantic's parser. Without them there is a value only at the end."""
    for module, option in (("pydantic_core", "allow_partial"), ("jiter", "partial_mode")):
        try:
            from_json = importlib.import_module(module).from_json
        except ImportError:
            continue
        return lambda text: from_json(text.encode(), allow_inf_nan=False, **{option: True})
    return lambda text: None  # noqa: ARG005


class Rows:
    """Finds the elements of a list while its text comes. Each piece is looked at once.

    The list is the root, or the value of an object such as ``{"value": [...]}``.

    Examples
    --------
    >>> rows = Rows()
    >>> [rows.feed(piece) for piece in ('[{"km": 1', '2}, {"km":', ' 3}]')]
    [[], ['{"km": 12}'], ['{"km": 3}']]
    """

    def __init__(self) -> None:
        self._pieces: list[str] = []  # of the present row
        self._head = ""  # the end of the text before the list
        self._depth = 0  # in the list it is 1 for the list itself
        self._in_list = False
        self._in_string = False
        self._escaped = False
        self._over = False

    def feed(self, piece: str) -> list[str]:
        """Return the rows completed by this piece, as JSON."""
        if self._over or not piece:
            return []
        found: list[str] = []
        start = 0  # of the current row in the piece
        at = self._skip_string(piece, 0) if self._in_string else 0
        while (sign := _OUTSIDE.search(piece, at)) is not None:
            at = sign.end()
            if sign[0] == '"':
                at = self._skip_string(piece, at)
            elif not self._in_list:
                start = self._look_for_list(sign[0], piece[:at]) or start
            elif sign[0] in "[{":
                self._depth += 1
            elif self._depth == 1:  # a comma, or the end of the list
                found += self._take(piece[start : sign.start()])
                start = at
                if sign[0] != ",":
                    self._over = True
                    return found
            elif sign[0] != ",":
                self._depth -= 1
                if self._depth == 1:  # an object is complete before its comma comes
                    found += self._take(piece[start:at])
                    start = at
        if self._in_list:
            self._pieces.append(piece[start:])
        else:
            self._head = (self._head + piece)[-_HEAD:]
        return found

    def _skip_string(self, piece: str, at: int) -> int:
        """Return the index after a string, or the end of the piece. A backslash hides the next character."""
        at += self._escaped
        self._escaped, self._in_string = False, True
        while (sign := _INSIDE.search(piece, at)) is not None:
            at = sign.end()
            if sign[0] == '"':
                self._in_string = False
                return at
            self._escaped = at == len(piece)
            at += 1
        return len(piece)

    def _look_for_list(self, sign: str, before: str) -> int:
        """Note a bracket before the list. Return the index of the list's first row, or 0 if this is not the list."""
        if sign == "[" and (self._depth == 0 or (self._depth == 1 and _BEFORE_LIST.search((self._head + before)[:-1]))):
            self._in_list, self._depth = True, 1
            return len(before)
        self._depth += (sign in "[{") - (sign in "]}")
        return 0

    def _take(self, end: str) -> list[str]:
        """Return the row up to here. None is between a row's end and the comma after it."""
        self._pieces.append(end)
        row = "".join(self._pieces).strip()
        self._pieces = []
        return [row] if row else []
