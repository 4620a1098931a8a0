"""The API's JSON: how it is encoded, how an error looks, and the exception that becomes one."""

from __future__ import annotations

import json
from typing import Any


class RequestError(Exception):
    """A request that is answered by an error in OpenAI's shape."""

    def __init__(self, status: int, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.param = param
        self.code = code


def error_body(
    message: str, *, kind: str = "invalid_request_error", param: str | None = None, code: str | None = None
) -> dict[str, Any]:
    """Return an error object in OpenAI's shape; ``kind`` is its type."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def to_json(value: object) -> bytes:
    """Encode ``value`` as UTF-8 JSON; text that UTF-8 cannot carry (a lone surrogate) goes as ASCII escapes."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()
