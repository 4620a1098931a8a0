"""Where the rows of a batch come from, how each is asked, and a row that has not ended."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from streamwidget._client.client import ChatClient
from streamwidget._client.retry import RetryPolicy
from streamwidget._client.spending import refused_when_sent
from streamwidget._core.messages import Prompt
from streamwidget._core.stream import ChatStream
from streamwidget._core.values import ValueType

_ONCE = RetryPolicy(attempts=1)  # the batch itself asks again


@dataclass(frozen=True, slots=True)
class Source:
    """Where the rows of a batch come from.

    Attributes
    ----------
    rows : iterable of (id, row), perhaps an asynchronous one
        It is read as far as there is room for rows.
    prompt : callable
        Makes the prompt of a row. A ConfigurationError is that row's error.
    total : int or None
        How many rows there are. None if nobody knows before the end.
    named : bool
        The rows have ids of their own.
    """

    rows: Iterable[tuple[str | int, Any]] | AsyncIterable[tuple[str | int, Any]]
    prompt: Callable[[Any], Prompt]
    total: int | None
    named: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """How the rows are asked: the client, and what every request has.

    Attributes
    ----------
    client : ChatClient
    model : str or None
    params : dict
    kind : ValueType or None
        What the answers are to be.
    retries : int
        How often to ask again for a valid one.
    """

    client: ChatClient
    model: str | None
    params: dict[str, Any]
    kind: ValueType | None = None
    retries: int = 0

    def stream(self, prompt: Prompt) -> ChatStream:
        """Make the stream of one row. It tries once. An answer in the file needs no budget of the session."""
        with refused_when_sent():
            return self.client.request(
                prompt, self.model, self.params, stream=True, as_=self.kind, retries=self.retries, retry=_ONCE
            )


@dataclass(slots=True, eq=False)
class Row:
    """A row that was taken and has not ended.

    Attributes
    ----------
    number : int
        Its place among all rows.
    id : str or int
    stream : ChatStream
        The request that runs, or the next or last one.
    state : str
        ``waiting``, ``running`` or ``put back``.
    """

    number: int
    id: str | int
    prompt: Prompt
    stream: ChatStream
    characters: int  # of the prompt
    key: str | None  # in the file
    state: str = "waiting"
    attempts: int = 0
    left: float = 0.0  # time.monotonic() of the last request
    tokens: int = 0  # the estimate
    stopped: bool = False
