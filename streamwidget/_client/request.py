"""A question, with the means to send it: its dialect and the transport to the server."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from streamwidget._client.http import HTTPRequest, Transport
from streamwidget._client.sse import MAX_EVENT_SIZE
from streamwidget._client.urls import host_of
from streamwidget._core.accumulator import MAX_TEXT
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.messages import Message
from streamwidget._core.receipt import SentRequest
from streamwidget._core.request_hash import request_hash
from streamwidget._dialects.dialect import Dialect, Question
from streamwidget._dialects.sent_body import sent_fields, sent_messages

#: Python 3.11 writes 990 levels of lists and objects, and Python 3.14 writes 65,000. Our own code reads what it writes
#: level by level, and each Python is to refuse the same request.
_LEVELS = 200


@dataclass(frozen=True, slots=True)
class Request:
    """A question, its dialect, and the transport to the server.

    Attributes
    ----------
    transport : Transport
    dialect : Dialect
    question : Question
    max_event_size, max_text : int
        As of the client.
    own_server : str
        The name of a server of streamwidget's own. Its port changes.
    """

    transport: Transport
    dialect: Dialect
    question: Question
    max_event_size: int = MAX_EVENT_SIZE
    max_text: int = MAX_TEXT
    own_server: str = ""

    def to_http(self) -> HTTPRequest:
        """Write the request. TypeError, ValueError or ConfigurationError if it cannot be written as JSON."""
        content = self.dialect.body(self.question)
        try:
            body = json.dumps(content, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")
        except RecursionError:
            body = b""
        if not body or _is_deep(content):
            message = f"The request has values that are nested more than {_LEVELS} levels deep. Make them flatter."
            raise ConfigurationError(message)
        return HTTPRequest("POST", self.dialect.path(self.question), body, self.dialect.headers, content)

    @property
    def server(self) -> str:
        """The server's address without its query, because a key may be in it. Or the name of a server of ours."""
        return self.own_server or self.transport.base_url.partition("?")[0].rstrip("/")

    @property
    def hash(self) -> str:
        """The name of the request. The same question to the same server has the same one."""
        return request_hash(self.server, self.dialect.path(self.question), self.dialect.body(self.question))

    def receipt(self, sent: HTTPRequest) -> SentRequest:
        """Return the content of ``sent``, the written form of this request."""
        secrets, content = self.transport.secrets, sent.content or {}
        messages = [message for message in self.question.messages if isinstance(message, Message)]
        return SentRequest(
            self.own_server or host_of(self.transport.base_url),
            sent.path,
            len(sent.body or b""),
            request_hash(self.server, sent.path, content),
            sent_messages(content, secrets),
            sent_fields(content, secrets),
            tuple(dict.fromkeys(variable for message in messages for variable in message.variables)),
        )


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(_LEVELS):
        level = [part for one in level for part in _parts(one)]
    return bool(level)


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list | tuple) else ()
