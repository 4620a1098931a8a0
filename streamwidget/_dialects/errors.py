"""The words of a failed server, in the forms of many servers. Standard library only.

Servers wrap their words in many ways. The words are looked for by the names of fields, from outside to inside:
``{"error": {"message": "busy"}}``, ``{"detail": [{"loc": ["body", "model"], "msg": "Field required"}]}`` and
``{"errors": [{"message": "no such model"}]}`` all give a sentence. A sentence in a field without such a name is taken
next, and then the beginning of the body itself.
"""

from __future__ import annotations

import html
import json
import re
from collections import deque
from collections.abc import Iterator
from http import HTTPStatus
from itertools import islice
from typing import Any

from streamwidget._core.completion import ErrorInfo
from streamwidget._core.surrogates import well_formed

_UNSPECIFIED = "unspecified error"
_MAX_MESSAGE = 2_000  # characters of a message for a person
_MAX_PAGE = 200  # characters of anything else: a proxy's web page, or a body without words
_INVISIBLE = frozenset({"script", "style", "title", "template"})
#: The places of words, in the order of the search. ``errorMessage`` and ``Error_Message`` are the same.
_WORDS = (
    "error", "errors", "message", "detail", "details", "msg", "errormessage", "errormsg", "errordescription", "err",
    "description", "reason", "title", "text", "faultstring", "fault", "exception", "statusmessage", "statusmsg",
)  # fmt: skip
_WRAPPERS = ("cause", "info", "response", "body", "data", "output", "result")
#: Parts of the request, if the server repeats them. They are not the server's words.
_ECHOED = frozenset({"input", "request", "messages", "ctx", "url"})
_FACTS = frozenset({"code", "type", "status", "status_code", "error", "object", "success", "param"})
#: An item of a stream with one of these reports a failure. ``{"message": "Queued"}`` alone may be news.
_FAILS = frozenset(
    {"error", "errors", "detail", "fault", "faultstring", "exception", "errormessage", "errormsg", "err"}
)
_FINE = frozenset({"", "ok", "success", "queued", "processing", "pending", "running", "in_progress"})
_DEPTH = 8  # of objects in objects
_LISTED = 3  # errors of a list to name
_SEARCHED = 200  # values of a body to look through for words
_PHRASES = {status.phrase.lower() for status in HTTPStatus}
#: Cloudflare's statuses. A server behind it cannot be reached.
_CLOUDFLARE = {
    520: "Cloudflare: the server returned an unknown error",
    521: "Cloudflare: the server is down",
    522: "Cloudflare: the connection to the server timed out",
    523: "Cloudflare: the server is unreachable",
    524: "Cloudflare: the server did not answer in time",
    525: "Cloudflare: no secure connection to the server",
    526: "Cloudflare: the server's certificate is invalid",
    530: "Cloudflare: the server cannot be found",
}
_USAGE_FIELD = re.compile(r"stream[ _]?options|include_usage", re.IGNORECASE)


def error_info(error: Any, status: int) -> ErrorInfo:
    """Read an error object, or plain text in its place."""
    code = next((found for value in _objects(error) if (found := _code_of(value)) is not None), None)
    kind = next((found for value in _objects(error) if (found := _kind_of(value))), None)
    words = _shorten(_words_of(error) or _sentence_in(error), _MAX_MESSAGE)
    if not words and isinstance(error, dict) and error.keys() - _FACTS - {"__type"}:
        words = _shorten(json.dumps(error, ensure_ascii=False, default=str), _MAX_PAGE)
    if status != HTTPStatus.OK and not names_usage_field(words) and names_usage_field(error):
        words = f"{words or _phrase(status)} (stream_options)"
    words = words or well_formed(kind or "") or (code if isinstance(code, str) else "")
    return ErrorInfo(words or _UNSPECIFIED, code=code, type=kind and well_formed(kind), status=status)


def http_error_info(status: int, body: bytes) -> ErrorInfo:
    """Read the body of an HTTP error: JSON in any of the usual forms, text, a web page, or nothing."""
    value = _read(body)
    if value is None:
        text = visible_text(body[: 2**14].decode("utf-8", "replace").lstrip("\ufeff"))
        return ErrorInfo(_shorten(text, _MAX_PAGE) or _phrase(status), status=status)
    info = error_info(value, status)
    return info if info.message != _UNSPECIFIED else ErrorInfo(_phrase(status), info.code, info.type, status)


def names_usage_field(value: Any) -> bool:
    """Return True if an error names ``stream_options``, outside of a repeated request."""
    return any(_USAGE_FIELD.search(part) for pair in _texts_in(value) for part in pair)


def reported_error(item: Any, *, in_doubt: bool) -> ErrorInfo | None:
    """Return the failure in an object beside the pieces of an answer. None if it reports none.

    Parameters
    ----------
    item : object
        An item of a stream, or a whole reply with status 200.
    in_doubt : bool
        Also take words of doubtful meaning: the stream has ended with them.

    Examples
    --------
    >>> reported_error({"detail": "no such model"}, in_doubt=False).message
    'no such model'
    >>> reported_error({"message": "Queued"}, in_doubt=False) is None
    True
    >>> reported_error({"message": "Queued"}, in_doubt=True).message
    'Queued'
    """
    if not isinstance(item, dict) or item.get("choices"):
        return None
    fails = _fails(item) or any(_fails(value) for value in item.values() if isinstance(value, dict))
    if not (fails or (in_doubt and (_words_of(item) or _sentence_in(item)))):
        return None
    info = error_info(item, 200)
    return info if info.message != _UNSPECIFIED else None


def _fails(value: dict[str, Any]) -> bool:
    """Return True for the report of a failure, by the names of its fields or by its code."""
    names = {_plain(name): part for name, part in value.items()}
    if any(names.get(name) for name in _FAILS) or "__type" in value:
        return True
    if not (names.get("message") or names.get("msg") or names.get("statusmsg")):
        return False
    if type(names.get("status")) is int and names["status"] >= HTTPStatus.BAD_REQUEST:
        return True
    code = _code_of(names)
    if code is None or (isinstance(code, str) and code.lower() in _FINE):
        return False
    return isinstance(code, str) or not (code == 0 or HTTPStatus.CONTINUE <= code < HTTPStatus.MULTIPLE_CHOICES)


def _read(body: bytes) -> Any:
    """Return the JSON value of a body: of its whole, its first event, its first line, or the rest after that line."""
    is_utf16 = body[:2] in (b"\xff\xfe", b"\xfe\xff")
    text = body.decode("utf-16" if is_utf16 else "utf-8", "replace").lstrip("\ufeff \t\r\n")
    event = re.search(r"^(?:data|error): ?(.*)$", text, re.MULTILINE)
    first, _, rest = text.partition("\n")
    for part in filter(None, (text, event and event[1], first, rest)):
        try:
            value = json.loads(part)
        except (ValueError, RecursionError):
            continue
        if value is None or isinstance(value, dict | list | str):
            return value or {}
    return None


def _objects(value: Any, depth: int = 0) -> Iterator[dict[str, Any]]:
    """Yield the objects with a possible code or type, the innermost error first."""
    if isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, dict) and depth < _DEPTH:
        for name in ("error", "errors", "detail"):
            yield from _objects(value.get(name), depth + 1)
        yield value


def _kind_of(value: dict[str, Any]) -> str | None:
    """Return the type of an error. Amazon's is ``com.amazon.coral.service#ValidationException``."""
    found = next((value[name] for name in ("type", "__type") if isinstance(value.get(name), str)), None)
    return found and found.rpartition("#")[2]


def _code_of(value: dict[str, Any]) -> str | int | None:
    for name in ("code", "status_code", "statusCode", "statuscode", "error_code", "errorcode"):
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
    fields = {_plain(name): part for name, part in value.items()}
    said = [words for name in _WORDS if (words := _words_of(fields.get(name), depth + 1))]
    if not said:
        said = [words for name in _WRAPPERS if (words := _words_of(fields.get(name), depth + 1))]
    # A label may stand beside the sentence: {"error": "invalid_request", "error_description": "The model is gone."}
    words = next(filter(_is_sentence, said), said[0] if said else "")
    place, about = value.get("loc"), value.get("param") or value.get("field")
    where = ".".join(str(part) for part in place if part != "body") if isinstance(place, list) else ""
    if words and where:
        words = f"{where}: {words}"
    elif words and isinstance(about, str) and about != "None" and about not in words:
        words = f"{words} ({about})"
    metadata = value.get("metadata")
    raw = _words_of(metadata.get("raw"), depth + 1) if isinstance(metadata, dict) else ""
    return f"{words}: {raw}" if words and raw and raw not in words else words or raw


def _plain(name: object) -> str:
    """``errorMessage``, ``Error_Message`` -> ``errormessage``"""
    return re.sub(r"[_\W]", "", str(name)[:40]).lower()


def _is_sentence(text: str) -> bool:
    """Return True for words, and False for a label: ``invalid_request``, ``Bad Request``."""
    return (" " in text.strip() or not text.isascii()) and text.strip(". ").lower() not in _PHRASES


def _sentence_in(value: Any) -> str:
    """Return the first sentence anywhere in an error, with the name of its field: ``model: no such model``."""
    for name, text in _texts_in(value):
        if _is_sentence(text):
            words = _words_in_text(text.strip(), 0)
            return words if not name or _plain(name) in _WORDS else f"{name}: {words}"
    return ""


def _texts_in(value: Any) -> Iterator[tuple[str, str]]:
    """Yield each field with its text, from outside to inside. The text is empty for a field of other fields."""
    waiting = deque([("", value)])
    for _ in range(_SEARCHED):
        if not waiting:
            return
        name, part = waiting.popleft()
        yield name, part if isinstance(part, str) else ""
        if isinstance(part, dict):
            inner = ((str(key), each) for key, each in part.items() if _plain(key) not in _ECHOED)
            waiting.extend(islice(inner, _SEARCHED))
        elif isinstance(part, list):
            waiting.extend((name, each) for each in part[:_SEARCHED])


def _words_in_text(text: str, depth: int) -> str:
    """Return the words of a text. It may itself be an error in JSON."""
    if text[:1] in ("{", "[", '"'):
        try:
            return _words_of(json.loads(text), depth + 1) or text
        except (ValueError, RecursionError):
            pass
    return text


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return _CLOUDFLARE.get(status, f"HTTP status {status}")


def _shorten(text: str, limit: int) -> str:
    """Return ``text`` on one line, of at most ``limit`` characters."""
    text = " ".join(well_formed(text).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def visible_text(page: str) -> str:
    """Return the visible text of ``page``, roughly and in linear time."""
    if not page.lstrip().startswith("<"):
        return page
    shown = []
    inside = ""  # the invisible element around this place, or "!--"
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
