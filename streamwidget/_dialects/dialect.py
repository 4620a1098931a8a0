"""What a provider's dialect has to answer: :class:`Provider`. No I/O; standard library only.

A provider is a table of functions, without state: one object serves all streams at once. What one event can say beyond
the public ``StreamEvent`` values, and the two ways in which it can fail, are here too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from streamwidget._client.sse import ServerSentEvent
from streamwidget._core.completion import ErrorInfo
from streamwidget._core.events import StreamEvent


@dataclass(frozen=True, slots=True)
class Identity:
    """The names that the provider gives to the model and to the answer. Kept by the accumulator, never published."""

    model: str | None
    request_id: str | None


ParsedEvent: TypeAlias = StreamEvent | Identity


class MalformedEvent(ValueError):
    """An event, or a reply, that is not what the dialect says."""


class ServerReportedError(Exception):
    """The server said that it failed.

    Attributes
    ----------
    info : ErrorInfo
        What it said.
    events : list of ParsedEvent
        What the same event brought besides.
    """

    def __init__(self, info: ErrorInfo, events: Sequence[ParsedEvent] = ()) -> None:
        super().__init__(info.message)
        self.info = info
        self.events = list(events)


class Provider(Protocol):
    """A dialect of streamed chat."""

    path: str
    """Where requests go, relative to the base URL."""

    method: str
    """How they go there; a GET has no body."""

    def request_body(
        self, messages: list[dict[str, Any]], model: str | None, *, stream: bool, params: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the JSON object to send."""
        ...

    def is_done(self, event: ServerSentEvent) -> bool:
        """Return True for the event after which nothing counts."""
        ...

    def parse(self, event: ServerSentEvent, *, identify: bool = True) -> list[ParsedEvent]:
        """Return what ``event`` says, in order; raise MalformedEvent or ServerReportedError.

        ``identify`` False: the caller has an Identity by now, and it may be left out.
        """
        ...

    def parse_reply(self, body: bytes) -> list[ParsedEvent]:
        """Return what a reply that was not streamed says; raise MalformedEvent or ServerReportedError."""
        ...

    def parse_error(self, status: int, body: bytes) -> ErrorInfo:
        """Return what the body of an HTTP error says; never raises."""
        ...
