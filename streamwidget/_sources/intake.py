"""From the items of a source to published events: the choice of a reader, and the outcome.

Rules
-----
- The first item of a known dialect decides. Agents begin with events of their own, so a few unknown ones may come
  before it. If none is known, the refusal names an item's fields with text.
- Our own decoder reads bytes, and strings with server-sent events. Bytes of plain text are text.
- An item that is None brings nothing. A figure, a table and any other object that shows itself in a notebook is shown
  at its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from streamwidget._client.framing import kind_of
from streamwidget._client.parser import MalformedStream
from streamwidget._client.retry import worth_retrying
from streamwidget._client.sse import EventTooLarge
from streamwidget._core.accumulator import Accumulator
from streamwidget._core.completion import ErrorInfo
from streamwidget._core.events import Outcome, ParsedEvent, StreamEvent
from streamwidget._core.exceptions import InStreamError, ProtocolError, StreamInterrupted
from streamwidget._core.secrets import mask, mask_error
from streamwidget._dialects import reader_for
from streamwidget._dialects.dialect import Dialect, MalformedItem, Reader, ServerReportedError
from streamwidget._dialects.errors import error_info
from streamwidget._dialects.strings import EncodedText
from streamwidget._sources.refusal import unknown_item
from streamwidget._sources.rich import formatted, is_rich, size_of
from streamwidget._sources.text_of import TextOf
from streamwidget._sources.wire import PATIENCE, UnknownItem, Wire, from_event, is_wire

Publish = Callable[[list[StreamEvent]], None]


class Intake:
    """Takes the items of one source.

    Parameters
    ----------
    accumulator : Accumulator
        Owns the text.
    publish : callable
        Takes each batch of events.
    text : str or callable, optional
        The place of an item's text. Then no dialect is asked.
    in_loop : callable
        Returns True if the source is read on the event loop, for the expression in a refusal.
    dialect : Dialect, optional
        The API of the request. Its reader also keeps the parts for the next request.
    """

    def __init__(
        self,
        accumulator: Accumulator,
        publish: Publish,
        text: str | Callable[[Any], Any] | None = None,
        in_loop: Callable[[], bool] = bool,
        dialect: Dialect | None = None,
    ) -> None:
        self._accumulator = accumulator
        self._publish = publish
        self._in_loop = in_loop
        self._dialect = dialect
        self._reader: Reader | None = None if text is None else TextOf(text)
        self._wire: Wire | None = None
        self._unknown: Any = None  # the first item of no known dialect
        self._count = 0
        self._head: list[bytes] = []  # bytes of a kind not known yet
        self._blank: list[str] = []  # strings of a kind not known yet
        self._rich: dict[type, bool] = {}  # by the class of an item

    def take(self, item: Any) -> None:
        """Take the next item.

        Raises
        ------
        StreamError
            If the item reports a failure, or no dialect knows the items.
        """
        if item is None:
            return
        self._count += 1
        try:
            if self._is_rich(item):
                self._apply([formatted(item, size_of(self._accumulator.outputs))])
            elif self._wire is not None:
                self._feed(item)
            elif self._reader is not None:
                self._apply(self._reader.parse(item))
            else:
                self._choose(item)
        except ServerReportedError as exc:
            self._apply(exc.events)
            raise InStreamError(mask_error(exc.info), retryable=worth_retrying(exc.info)) from None
        except MalformedItem as exc:
            raise ProtocolError(ErrorInfo(f"The source gave {mask(str(exc))}.")) from None
        except UnknownItem as exc:
            raise ProtocolError(unknown_item(exc.item, in_loop=self._in_loop())) from None

    def end(self) -> Outcome:
        """Return how the answer ended, when no more items follow.

        Raises
        ------
        StreamError
            If the answer is not whole.
        """
        if self._blank:
            self._read_strings()
        if self._head:
            self._read_head(None)
        if self._wire is not None:
            return self._end_of_wire(self._wire)
        if self._reader is None:
            if self._accumulator.outputs and self._unknown is None:
                return "complete"
            if self._unknown is not None:
                raise ProtocolError(unknown_item(self._unknown, in_loop=self._in_loop()))
            message = "The source ended without a single item: there is no answer."
            raise StreamInterrupted(ErrorInfo(message), retryable=True)
        self._apply(getattr(self._reader, "close", list)())
        finish = self._accumulator.finish
        if finish is None and not self._reader.plain_end:
            message = "The source ended without a finish reason: the answer is cut."
            raise StreamInterrupted(ErrorInfo(message), retryable=True)
        return self._with_content("complete" if finish is None else finish.outcome)

    def _with_content(self, outcome: Outcome) -> Outcome:
        """Return the outcome. Nothing at all is not a complete answer."""
        known = self._accumulator
        if outcome == "complete" and not (known.delta_count or known.holds_text or known.warnings or known.outputs):
            # The items fit a dialect, and hold the answer in another place.
            raise ProtocolError(ErrorInfo("The source ended, and its items held no text: there is no answer."))
        return outcome

    def _is_rich(self, item: Any) -> bool:
        """Look once at each class, because a stream may have 100,000 items of one."""
        kind = type(item)
        if kind not in self._rich:
            self._rich[kind] = is_rich(item)
        return self._rich[kind]

    def _choose(self, item: Any) -> None:
        if isinstance(item, str) and not item.strip():
            self._blank.append(item)
            return
        if is_wire(item):
            self._judge(item)
            return
        self._reader = self._reader_for(item)
        if self._reader is not None:
            self._read_strings()
            self._apply(self._reader.parse(item))
        elif (data := from_event(item)) is not None:
            self._start_wire(data)
        elif isinstance(item, dict) and item.keys() == {"error"}:  # before any item of a known API
            raise ServerReportedError(error_info(item["error"], 200))
        else:
            self._unknown = item if self._unknown is None else self._unknown
            if self._count > PATIENCE:
                raise UnknownItem(self._unknown)

    def _reader_for(self, item: Any) -> Reader | None:
        said = lambda: self._accumulator.text  # noqa: E731
        own = self._dialect.reader(said) if self._dialect is not None else None
        return own if own is not None and own.fits(item) else reader_for(item, said)

    def _judge(self, item: Any) -> None:
        """Read bytes by our decoder, or as plain text."""
        if isinstance(item, str):
            self._start_wire(item)
            return
        self._head.append(bytes(item))
        kind = kind_of(b"".join(self._head), whole=False)
        if kind is not None:
            self._read_head(kind)

    def _read_head(self, kind: str | None) -> None:
        head, self._head = self._head, []
        if kind == "text":
            self._reader = EncodedText()
        for piece in head:
            if self._reader is not None:
                self._apply(self._reader.parse(piece))
            elif self._wire is not None:
                self._feed(piece)
            else:
                self._start_wire(piece)

    def _read_strings(self) -> None:
        """Read the blank strings held back so far."""
        blank, self._blank = self._blank, []
        if blank and self._reader is None:
            self._reader = reader_for("")
        for text in blank:
            if self._reader is not None and self._reader.fits(text):
                self._apply(self._reader.parse(text))

    def _start_wire(self, item: Any) -> None:
        self._wire = Wire(self._accumulator)
        for text in self._blank:
            self._feed(text)
        self._blank = []
        self._feed(item)

    def _feed(self, item: Any) -> None:
        assert self._wire is not None
        data = item if isinstance(item, str | bytes | bytearray | memoryview) else from_event(item)
        if data is None:
            raise MalformedItem(f"a {type(item).__name__} among its bytes")
        try:
            self._publish(self._wire.feed(data))
        except (ServerReportedError, UnknownItem):
            self._publish(self._wire.events)
            raise
        except (MalformedStream, EventTooLarge) as exc:
            self._publish(self._wire.events)
            raise ProtocolError(ErrorInfo(self._of_wire(exc))) from None

    def _end_of_wire(self, wire: Wire) -> Outcome:
        try:
            outcome, events = wire.close()
        except ServerReportedError as exc:
            self._publish(wire.events)
            raise InStreamError(mask_error(exc.info), retryable=worth_retrying(exc.info)) from None
        except UnknownItem as exc:
            raise ProtocolError(unknown_item(exc.item, in_loop=self._in_loop())) from None
        except (MalformedStream, MalformedItem, EventTooLarge) as exc:
            self._publish(wire.events)
            raise ProtocolError(ErrorInfo(self._of_wire(exc))) from None
        self._publish(events)
        if outcome == "interrupted":
            message = "The source ended without a finish reason: the answer is cut."
            raise StreamInterrupted(ErrorInfo(message), retryable=True)
        return self._with_content(outcome)

    def _of_wire(self, exc: Exception) -> str:
        words = self._wire.last_words if self._wire is not None else ""
        return f"The source {mask(str(exc))}." + (f" It begins: {mask(words)}" if words else "")

    def _apply(self, parsed: Iterable[ParsedEvent]) -> None:
        self._publish(self._accumulator.take(parsed))
