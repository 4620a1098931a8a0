"""The two protocols of a dialect: how to ask, and how to read an answer. No I/O, standard library only.

A :class:`Dialect` asks, and keeps no state. A :class:`Reader` reads one stream, so it may keep state. An item is one
decoded piece of a stream: a dict from our own request, or an object of an SDK. Both have the same fields.

To add a provider, write one file here and one row in :mod:`streamwidget._client.servers`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from streamwidget._core.completion import ChatCompletion, ErrorInfo
from streamwidget._core.events import ParsedEvent, StreamWarning
from streamwidget._core.messages import Message
from streamwidget._core.tools import Tool

if TYPE_CHECKING:
    from streamwidget._core.values import ValueType

#: The usual data of a last event.
DONE = "[DONE]"


class MalformedItem(ValueError):
    """An item or a whole reply does not follow the dialect."""


class ServerReportedError(Exception):
    """The server reported a failure.

    Attributes
    ----------
    info : ErrorInfo
        The failure.
    events : list of ParsedEvent
        The other events of the same item.
    """

    def __init__(self, info: ErrorInfo, events: Sequence[ParsedEvent] = ()) -> None:
        super().__init__(info.message)
        self.info = info
        self.events = list(events)


@dataclass(frozen=True, slots=True)
class Question:
    """A question, before a dialect writes it as a request.

    Attributes
    ----------
    messages : tuple
        ``Message`` values. A mapping is a message in the server's own form, written by the person.
    model : str or None
        The model. None leaves the choice to the server.
    params : mapping
        More fields of the request, with the server's own names.
    stream : bool
        Whether the answer comes piece by piece.
    value : ValueType or None
        What the answer is to be. Its schema goes in the field that the API has for it.
    tools : tuple
        What the model may call: functions as :class:`Tool`. A mapping is a tool in the server's own form.
    prefix : Message or None
        The beginning of the answer, for a server that lets the model continue it.
    """

    messages: tuple[Message | Mapping[str, Any], ...]
    model: str | None
    params: Mapping[str, Any]
    stream: bool = True
    value: ValueType | None = None
    tools: tuple[Tool | Mapping[str, Any], ...] = ()
    prefix: Message | None = None

    @property
    def all_messages(self) -> tuple[Message | Mapping[str, Any], ...]:
        """The messages, and the beginning of the answer."""
        return self.messages if self.prefix is None else (*self.messages, self.prefix)


class Place(NamedTuple):
    """How far an answer has come that the provider writes in the background.

    Attributes
    ----------
    rest : str
        The path that brings what follows, by GET.
    end : str
        The path that stops the answer, by POST.
    """

    rest: str
    end: str


class Reader(Protocol):
    """Reads the items of one stream."""

    @property
    def plain_end(self) -> bool:
        """True if the items have no word for the end. A stream that just ends is then complete."""
        ...

    @property
    def fits(self) -> Callable[[Any], bool]:
        """Return True if an item is of this dialect. Readers of one library have it as a static method."""
        ...

    def parse(self, item: Any) -> list[ParsedEvent]:
        """Return the events of one item, in order.

        Raises
        ------
        MalformedItem
            If the item does not follow the dialect.
        ServerReportedError
            If the item reports a failure of the server.
        """
        ...


class Dialect(Protocol):
    """Writes the requests of one API and reads its answers."""

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
        """The data of the last event, such as ``[DONE]``. Nothing counts after it. None if the dialect has none."""
        ...

    @property
    def models_path(self) -> str:
        """The path of the list of models, relative to the base URL."""
        ...

    @property
    def token_limits(self) -> frozenset[str]:
        """The fields that limit the length of an answer, in the words of any server."""
        ...

    def path(self, question: Question) -> str:
        """Return the path for a question, relative to the base URL."""
        ...

    def body(self, question: Question) -> dict[str, Any]:
        """Return the JSON object to send."""
        ...

    def limit_tokens(self, most: int) -> dict[str, Any]:
        """Return the fields for the greatest length of an answer."""
        ...

    def simplify(self, question: Question, refusal: ErrorInfo) -> tuple[Question, StreamWarning] | None:
        """Return the question without a refused field of ours, and a warning. None if there is nothing to drop."""
        ...

    def resumes(self, answer: ChatCompletion) -> bool:
        """Return True if the provider paused, and goes on when it gets its answer so far back as it was."""
        ...

    def place(self, reader: Reader) -> Place | None:
        """Return where the same answer goes on if its connection breaks. None: it ended with its connection."""
        ...

    def go_on(self, question: Question, answer: Message) -> Question:
        """Return a question for the rest of an answer. ``answer`` has it so far."""
        ...

    @property
    def echoes(self) -> bool:
        """True if an answer that goes on from its beginning has the beginning once more."""
        ...

    def reader(self, said: Callable[[], str] = str) -> Reader:
        """Return a reader for one stream."""
        ...

    def parse_reply(self, reply: Any) -> list[ParsedEvent]:
        """Return the events of a whole reply.

        Raises
        ------
        MalformedItem
            If it is not an answer in this dialect.
        ServerReportedError
            If it is an error.
        """
        ...

    def parse_error(self, status: int, body: bytes) -> ErrorInfo:
        """Read the body of an HTTP error. It never raises."""
        ...

    def parse_models(self, reply: Any) -> list[str]:
        """Return the names in a list of models. Raises as :meth:`parse_reply` does."""
        ...
