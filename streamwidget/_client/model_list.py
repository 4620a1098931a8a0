"""The names of a server's models: one small GET, with the limits, retries and masking of an answer.

Some servers say in the same list how many tokens each model can hold.
"""

from __future__ import annotations

from typing import Any

from streamwidget._client.attempts import Attempts
from streamwidget._client.exchange import Exchange, read_body
from streamwidget._client.http import HTTPRequest, Response
from streamwidget._client.items import decode_reply
from streamwidget._client.request import Request
from streamwidget._client.retry import RetryPolicy
from streamwidget._core.events import Outcome
from streamwidget._core.secrets import mask
from streamwidget._core.stream import ChatStream
from streamwidget._core.surrogates import well_formed
from streamwidget._core.timeout import Timeout

_LARGEST = 16 * 2**20  # bytes of a list
#: The names that servers give to the size of a model's context.
_WINDOWS = (
    *("context_length", "context_window", "max_context_length", "max_model_len"),  # OpenRouter, Groq, Mistral, vLLM
    *("max_input_tokens", "inputTokenLimit"),  # Anthropic, Google
)


class ModelList:
    """A request for the list. :meth:`ChatClient.list_models <streamwidget.ChatClient.list_models>` makes it.

    Attributes
    ----------
    stream : ChatStream
        Runs the request. You can await it, wait for it and stop it like an answer. It brings no text.
    names : list of str
        The names, in the server's order. Empty until the stream is complete.
    windows : dict
        How many tokens each model can hold, as far as the server says so.
    """

    def __init__(self, request: Request, limits: Timeout, retry: RetryPolicy) -> None:
        self.names: list[str] = []
        self.windows: dict[str, int] = {}
        self.stream = ChatStream(Attempts(request, limits, retry, exchange=self._exchange))

    def _exchange(self, *parts: Any) -> Exchange:
        return _ListExchange(self.names, self.windows, *parts)


class _ListExchange(Exchange):
    """One request for the list. It fills ``names`` and ``windows``."""

    def __init__(self, names: list[str], windows: dict[str, int], *parts: Any) -> None:
        super().__init__(*parts)
        self._names = names
        self._windows = windows

    def _to_http(self, request: Request) -> HTTPRequest:
        return HTTPRequest("GET", request.dialect.models_path, headers=request.dialect.headers)

    async def _read(self, response: Response) -> Outcome:
        reply = decode_reply(await read_body(response, _LARGEST))
        self._names[:] = [mask(well_formed(name), self._secrets) for name in self._request.dialect.parse_models(reply)]
        self._windows.update(context_windows(reply))
        return "complete"


def context_windows(reply: Any) -> dict[str, int]:
    """Return how many tokens each model of a list can hold, as far as the list says so.

    Examples
    --------
    >>> context_windows({"data": [{"id": "a", "max_model_len": 4096}, {"id": "b"}, {"id": "c", "context_length": "?"}]})
    {'a': 4096}
    """
    rows = reply if isinstance(reply, list) else None
    if isinstance(reply, dict):
        rows = reply.get("data", reply.get("models"))
    found: dict[str, int] = {}
    for row in rows if isinstance(rows, list) else ():
        name = (row.get("id") or row.get("name")) if isinstance(row, dict) else None
        size = next((row[field] for field in _WINDOWS if type(row.get(field)) is int), 0) if name else 0
        if isinstance(name, str) and size > 0:
            found[name.removeprefix("models/")] = size
    return found
