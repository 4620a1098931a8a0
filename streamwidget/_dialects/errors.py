"""What a failed server says, in the forms in which servers say it. Standard library only.

Servers wrap their words in many ways. The words are looked for by the names that fields have, from outside to inside:
``{"error": {"message": "busy"}}``, ``{"detail": [{"loc": ["body", "model"], "msg": "Field required"}]}`` and
``{"errors": [{"message": "no such model"}]}`` all give a sentence. If none is found, the body itself is shown.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from streamwidget._core.completion import ErrorInfo
from streamwidget._core.surrogates import well_formed

_UNSPECIFIED = "unspecified error"
_MAX_MESSAGE = 2_000  # characters of a message that the server meant for a person
_MAX_PAGE = 200  # characters of one that it did not: a proxy's web page
_INVISIBLE = frozenset({"script", "style", "title", "template"})
#: Where words may be, in the order in which they are looked for.
_WORDS = (
    "error", "errors", "message", "detail", "details", "msg", "error_message", "errorMessage", "error_description",
    "description", "reason", "title", "text", "Message", "faultstring", "fault", "exception", "status_message", "cause",
    "info", "response", "body", "data", "output", "result",
)  # fmt: skip
_FACTS = frozenset({"code", "type", "status", "status_code", "error", "object", "success", "param"})
_DEPTH = 8  # of objects in objects
_LISTED = 3  # errors of a list that are named
_RAW = 400  # characters of a body in which no words were found


def error_info(error: Any, status: int) -> ErrorInfo:
    """Read an error object, or the plain text that some servers put in its place."""
    code = next((found for value in _objects(error) if (found := _code_of(value)) is not None), None)
    kind = next((value["type"] for value in _objects(error) if isinstance(value.get("type"), str)), None)
    words = _shorten(_words_of(error), _MAX_MESSAGE)
    if not words and isinstance(error, dict) and error.keys() - _FACTS:
        words = _shorten(json.dumps(error, ensure_ascii=False, default=str), _RAW)
    return ErrorInfo(words or _UNSPECIFIED, code=code, type=kind and well_formed(kind), status=status)


def http_error_info(status: int, body: bytes) -> ErrorInfo:
    """Read the body of an HTTP error: JSON in any of the usual forms, text, a web page, or nothing."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        text = _visible_text(body[: 2**14].decode("utf-8", "replace"))
        return ErrorInfo(_shorten(text, _MAX_PAGE) or _phrase(status), status=status)
    info = error_info(value, status)
    return info if info.message != _UNSPECIFIED else ErrorInfo(_phrase(status), info.code, info.type, status)


def _objects(value: Any, depth: int = 0) -> Iterator[dict[str, Any]]:
    """Yield the objects that may hold a code or a type, the innermost error first."""
    if isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, dict) and depth < _DEPTH:
        for name in ("error", "errors", "detail"):
            yield from _objects(value.get(name), depth + 1)
        yield value


def _code_of(value: dict[str, Any]) -> str | int | None:
    for name in ("code", "status_code", "error_code"):
        code = value.get(name)
        if isinstance(code, str) and code:
            return int(code) if code.isascii() and code.isdigit() and len(code) < 10 else well_formed(code)
        if type(code) is int:
            return code
    return None


def _words_of(value: Any, depth: int = 0) -> str:
    """Return the sentence in an error of any form, or an empty text.

    Examples
    --------
    >>> _words_of({"detail": {"error": {"message": "no such model"}}})
    'no such model'
    >>> _words_of([{"loc": ["body", "model"], "msg": "Field required"}])
    'model: Field required'
    >>> _words_of({"message": "Provider returned error", "metadata": {"raw": "rate-limited upstream"}})
    'Provider returned error: rate-limited upstream'
    """
    if depth > _DEPTH:
        return ""
    if isinstance(value, str):
        return _words_in_text(value.strip(), depth)
    if isinstance(value, list):
        found = dict.fromkeys(filter(None, (_words_of(part, depth + 1) for part in value[:_LISTED])))
        return "; ".join(found)
    if not isinstance(value, dict):
        return ""
    words: str = next(filter(None, (_words_of(value.get(name), depth + 1) for name in _WORDS)), "")
    place, about = value.get("loc"), value.get("param") or value.get("field")
    where = ".".join(str(part) for part in place if part != "body") if isinstance(place, list) else ""
    if words and where:
        words = f"{where}: {words}"
    elif words and isinstance(about, str) and about != "None" and about not in words:
        words = f"{words} ({about})"
    metadata = value.get("metadata")
    raw = _words_of(metadata.get("raw"), depth + 1) if isinstance(metadata, dict) else ""
    return f"{words}: {raw}" if words and raw and raw not in words else words or raw


def _words_in_text(text: str, depth: int) -> str:
    """Return the words of a text, which may itself be an error in JSON."""
    if text[:1] in ("{", "["):
        try:
            return _words_of(json.loads(text), depth + 1) or text
        except (ValueError, RecursionError):
            pass
    return text


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return _UNSPECIFIED


def _shorten(text: str, limit: int) -> str:
    """Return ``text`` on one line, of at most ``limit`` characters."""
    text = " ".join(well_formed(text).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _visible_text(page: str) -> str:
    """Return the text that a browser would show of ``page``, roughly and in linear time."""
    if not page.lstrip().startswith("<"):
        return page
    shown = []
    inside = ""  # the invisible element, or "!--", that we are in
    for piece in page.split("<"):
        tag, _, text = piece.partition(">")
        name = tag.split()[0].lower() if tag.strip() else ""
        if inside == "!--" or (not inside and name.startswith("!--")):
            _, end, text = piece.partition("-->")
            inside = "" if end else "!--"
        elif inside:
            inside = "" if name == f"/{inside}" else inside
        elif name in _INVISIBLE:
            inside = name
        if not inside:
            shown.append(html.unescape(text))
    return " ".join(shown)
