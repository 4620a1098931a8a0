"""What a dialect has to answer: how to ask, and what the items of an answer mean. No I/O, standard library only.

A :class:`Dialect` asks and keeps no state. A :class:`Reader` reads one stream, so it may keep state. An item is one
decoded piece of a stream: a dict from our own wire, or an object of an SDK. Both have the same fields.

To add a provider, write one file here and one row in :mod:`streamwidget._client.servers`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from streamwidget._core.completion import ErrorInfo
from streamwidget._core.events import ParsedEvent, StreamWarning
from streamwidget._core.messages import Message


class MalformedItem(ValueError):
    """An item, or a whole reply, that does not follow the dialect."""


class ServerReportedError(Exception):
    """The server said that it failed.

    Attributes
    ----------
    info : ErrorInfo
        What it said.
    events : list of ParsedEvent
        What the same item brought besides.
    """

    def __init__(self, info: ErrorInfo, events: Sequence[ParsedEvent] = ()) -> None:
        super().__init__(info.message)
        self.info = info
        self.events = list(events)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, before a dialect writes it down.

    Attributes
    ----------
    messages : tuple
        ``Message`` values. A mapping is a message that the person wrote in the server's own form.
    model : str or None
        None leaves the choice to the server.
    params : mapping
        Further fields of the request, in the server's own words.
    stream : bool
        Ask for the answer piece by piece.
    """

    messages: tuple[Message | Mapping[str, Any], ...]
    model: str | None
    params: Mapping[str, Any]
    stream: bool = True


class Reader(Protocol):
    """Reads the items of one stream."""

    plain_end: bool
    """True where the items have no word for the end, so that a stream which just ends is complete."""

    @staticmethod
    def fits(item: Any) -> bool:
        """Return True if a stream with this first item speaks the dialect."""
        ...

    def parse(self, item: Any) -> list[ParsedEvent]:
        """Return what one item says, in order.

        Raises
        ------
        MalformedItem
            The item does not follow the dialect.
        ServerReportedError
            The item says that the server failed.
        """
        ...


class Dialect(Protocol):
    """Asks in the words of one API, and reads its answers."""

    @property
    def name(self) -> str:
        """The dialect's name in a recording."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of a request. The transport puts the key in place of ``{key}``, and drops them without a key."""
        ...

    @property
    def done(self) -> str | None:
        """The data of the event after which nothing counts, such as ``[DONE]``. None: the dialect has no such event."""
        ...

    @property
    def models_path(self) -> str:
        """Where the list of models is, relative to the base URL."""
        ...

    def path(self, question: Question) -> str:
        """Return where a question goes, relative to the base URL."""
        ...

    def body(self, question: Question) -> dict[str, Any]:
        """Return the JSON object to send."""
        ...

    def limit_tokens(self, most: int) -> dict[str, Any]:
        """Return the fields that limit the length of an answer."""
        ...

    def simplify(self, question: Question, refusal: ErrorInfo) -> tuple[Question, StreamWarning] | None:
        """Return the question without a field of ours that the server refused, and a warning. None: nothing to drop."""
        ...

    def go_on(self, question: Question, text: str) -> Question:
        """Return the question that asks for the rest of an answer which begins with ``text``."""
        ...

    def reader(self) -> Reader:
        """Return a reader for one stream."""
        ...

    def parse_reply(self, reply: Any) -> list[ParsedEvent]:
        """Return what a reply that was not streamed says.

        Raises
        ------
        MalformedItem
            It is not an answer in this dialect.
        ServerReportedError
            It is an error.
        """
        ...

    def parse_error(self, status: int, body: bytes) -> ErrorInfo:
        """Return what the body of an HTTP error says. It never raises."""
        ...

    def parse_models(self, reply: Any) -> list[str]:
        """Return the names in a list of models. Raises as :meth:`parse_reply` does."""
        ...
