"""The JSON of the API: how a value is encoded, and how an error looks."""

from __future__ import annotations

import json
from typing import Any


class RequestError(Exception):
    """The server answers the request with an error in OpenAI's format."""

    def __init__(self, status: int, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.param = param
        self.code = code


def error_body(
    message: str, *, kind: str = "invalid_request_error", param: str | None = None, code: str | None = None
) -> dict[str, Any]:
    """Return an error object in OpenAI's format. ``kind`` is its type."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def to_json(value: object) -> bytes:
    r"""Encode ``value`` as UTF-8 JSON, or as ASCII escapes if it has a lone surrogate.

    >>> to_json({"city": "Zürich"}).decode()
    '{"city":"Zürich"}'
    >>> to_json("\ud83d").decode()
    '"\\ud83d"'
    """
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()
