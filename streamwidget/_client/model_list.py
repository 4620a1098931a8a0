"""The names of a server's models: one small GET, with the limits, retries and masking of an answer."""

from __future__ import annotations

from typing import Any

from streamwidget._client.attempts import Attempts
from streamwidget._client.exchange import Exchange, Request, read_body
from streamwidget._client.http import HTTPRequest, Response
from streamwidget._client.parser import decode_reply
from streamwidget._client.retry import RetryPolicy
from streamwidget._core.events import Outcome
from streamwidget._core.secrets import mask
from streamwidget._core.stream import ChatStream
from streamwidget._core.surrogates import well_formed
from streamwidget._core.timeout import Timeout

_LARGEST = 16 * 2**20  # bytes of a list


class ModelList:
    """A request for the list. :meth:`ChatClient.list_models <streamwidget.ChatClient.list_models>` makes it.

    Attributes
    ----------
    stream : ChatStream
        Runs the request. You can await it, wait for it and stop it like an answer. It brings no text.
    names : list of str
        The names, in the server's order. Empty until the stream is complete.
    """

    def __init__(self, request: Request, limits: Timeout, retry: RetryPolicy) -> None:
        self.names: list[str] = []
        self.stream = ChatStream(Attempts(request, limits, retry, exchange=self._exchange))

    def _exchange(self, *parts: Any) -> Exchange:
        return _ListExchange(self.names, *parts)


class _ListExchange(Exchange):
    """One request for the list. It fills ``names``."""

    def __init__(self, names: list[str], *parts: Any) -> None:
        super().__init__(*parts)
        self._names = names

    def _to_http(self, request: Request) -> HTTPRequest:
        return HTTPRequest("GET", request.dialect.models_path, headers=request.dialect.headers)

    async def _read(self, response: Response) -> Outcome:
        reply = decode_reply(await read_body(response, _LARGEST))
        self._names[:] = [mask(well_formed(name), self._secrets) for name in self._request.dialect.parse_models(reply)]
        return "complete"
