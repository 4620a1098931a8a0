"""Error reports of servers, in their several forms. Standard library only."""

from __future__ import annotations

import html
import json
from http import HTTPStatus
from typing import Any

from streamwidget._core.completion import ErrorInfo
from streamwidget._core.surrogates import well_formed

_UNSPECIFIED = "unspecified error"
_MAX_MESSAGE = 2_000  # characters of a message for a person
_MAX_PAGE = 200  # characters of a proxy's web page
_INVISIBLE = frozenset({"script", "style", "title", "template"})


def error_info(error: Any, status: int) -> ErrorInfo:
    """Read an error object. Some servers send plain text instead.

    Examples
    --------
    >>> error_info({"message": "busy", "type": "server_error"}, 503)
    ErrorInfo(message='busy', code=None, type='server_error', status=503, kind=None, retry_after=None)
    >>> error_info("busy", 503).message
    'busy'
    """
    if not isinstance(error, dict):
        error = {"message": error}
    message, code, kind = error.get("message"), error.get("code"), error.get("type")
    return ErrorInfo(
        (_shorten(message, _MAX_MESSAGE) if isinstance(message, str) else "") or _UNSPECIFIED,
        code=well_formed(code) if isinstance(code, str) else code if type(code) is int else None,
        type=well_formed(kind) if isinstance(kind, str) else None,
        status=status,
    )


def http_error_info(status: int, body: bytes) -> ErrorInfo:
    """Read the body of an HTTP error: an error object, also in a list, FastAPI's ``detail``, text, a web page, nothing.

    Examples
    --------
    >>> http_error_info(400, b'{"error": {"message": "no such model"}}').message
    'no such model'
    >>> http_error_info(502, b"<html><title>Oops</title><body><h1>Bad Gateway</h1></body></html>").message
    'Bad Gateway'
    >>> http_error_info(503, b"").message
    'Service Unavailable'
    """
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        text = _visible_text(body[: 2**14].decode("utf-8", "replace"))
        return ErrorInfo(_shorten(text, _MAX_PAGE) or _phrase(status), status=status)
    if isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, dict):
        value = value.get("error") or _detail(value.get("detail")) or value
    info = error_info(value, status)
    return info if info.message != _UNSPECIFIED else ErrorInfo(_phrase(status), info.code, info.type, status)


def _detail(detail: Any) -> Any:
    """Read FastAPI's ``detail``: text, an object, or a list of the request's mistakes."""
    if isinstance(detail, list) and detail and isinstance(detail[0], dict):
        return detail[0].get("msg")
    return detail


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
    """Return the visible text of a web page, roughly and in linear time.

    ``<title>Oops</title><h1>Bad Gateway</h1>`` -> ``Bad Gateway``
    """
    if not page.lstrip().startswith("<"):
        return page
    shown = []
    inside = ""  # the invisible element around us, or "!--" in a comment
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
