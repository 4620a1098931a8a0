"""From bytes to published events: decoder, JSON, reader and accumulator in a row, and the policy at the end.

Policy, beyond the standards:

- An unreadable event (``data: {"cho``) is skipped, with a warning (``bad_json``). The third one ends the stream.
- A server may keep the connection alive with events that are not JSON (``event: ping``). They bring nothing.
- Nothing counts after the dialect's done event (``data: [DONE]``).
- The end of the stream may cut off an event. If its JSON is whole, it counts (``unterminated_event``). Otherwise it is
  dropped (``truncated_event``).
- An answer with a finish reason but without a done is whole (``no_done``), even if the connection broke afterwards.
- An answer with a done but without a finish reason is whole too (``no_finish_reason``). An answer with neither is
  ``interrupted``.

No I/O, standard library only.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from streamwidget._client.sse import MAX_EVENT_SIZE, EventTooLarge, ServerSentEvent, SSEDecoder
from streamwidget._core.accumulator import Accumulator
from streamwidget._core.events import Finish, Outcome, ParsedEvent, StreamEvent, StreamWarning
from streamwidget._dialects.dialect import Dialect, MalformedItem, ServerReportedError

_MAX_MALFORMED = 3
# These events only keep the connection alive. Some carry data other than JSON.
_LIVENESS = frozenset({"ping", "heartbeat", "keepalive", "keep-alive"})
_NOTHING, _DONE = object(), object()  # they stand for the item of an event without one
_raw_decode = json.JSONDecoder().raw_decode


class MalformedStream(ValueError):
    """Too many events did not follow the dialect."""


class StreamParser:
    """Parse one stream.

    Parameters
    ----------
    dialect : Dialect
    accumulator : Accumulator
        Owns the text.
    max_event_size : int, default 64 MiB
        The most bytes of one event.

    Attributes
    ----------
    events : list of StreamEvent
        The events of the last ``feed`` or ``close``. If it raised, these are the events before the failure. They are in
        the accumulator already, so publish them first.
    finish : Finish or None
        The provider's last reason for the end. It is not in ``events``, because the stream publishes its own one.
    done : bool
        The server said: nothing more follows.
    """

    def __init__(self, dialect: Dialect, accumulator: Accumulator, *, max_event_size: int = MAX_EVENT_SIZE) -> None:
        self.events: list[StreamEvent] = []
        self.finish: Finish | None = None
        self.done = False
        self._dialect = dialect
        self._reader = dialect.reader()
        self._accumulator = accumulator
        self._decoder = SSEDecoder(max_event_size)
        self._malformed = 0

    def feed(self, data: bytes) -> list[StreamEvent]:
        """Take the next bytes and return the events to publish.

        Raises
        ------
        ServerReportedError
            If the server reported a failure in the stream.
        MalformedStream
            If three events did not follow the dialect.
        EventTooLarge
            If an event is larger than ``max_event_size``.
        """
        self.events = []
        if self.done:
            return self.events
        failure: EventTooLarge | None = None
        try:
            received = self._decoder.feed(data)
        except EventTooLarge as exc:
            received, failure = exc.events, exc
        self.done = self._take(received)
        if failure is not None and not self.done:
            raise failure
        return self.events

    def close(self, *, clean: bool) -> tuple[Outcome, list[StreamEvent]]:
        """End the stream. Return how the answer ended, and the last events to publish. Call this after the done too.

        Parameters
        ----------
        clean : bool
            False if the connection broke.

        Raises
        ------
        ServerReportedError, MalformedStream
            As ``feed``, for an event cut off by the end.
        """
        self.events = []
        if not self.done:
            self._rescue(self._decoder.close())
        end = "was closed" if clean else "broke"
        return self._end(f"the connection {end} after the finish reason, without the sign that the stream is done")

    def reply(self, body: bytes) -> tuple[Outcome, list[StreamEvent]]:
        """Take one whole reply, instead of ``feed`` and ``close``. Return the same as ``close``.

        Raises
        ------
        ServerReportedError
            If the reply is an error object.
        MalformedItem
            If the reply is not an answer in this dialect.
        """
        self.events = []
        try:
            self._apply(self._dialect.parse_reply(decode_reply(body)))
        except ServerReportedError as exc:
            self._apply(exc.events)
            raise
        self.done = True
        return self._end("")

    def _end(self, no_done: str) -> tuple[Outcome, list[StreamEvent]]:
        self.events += self._accumulator.flush()
        if self.finish is None and not self.done:
            return "interrupted", self.events
        if self.finish is None:
            self._warn("no_finish_reason", "the provider ended its answer without a finish reason")
            return "complete", self.events
        if not self.done:
            self._warn("no_done", no_done)
        return self.finish.outcome, self.events

    def _take(self, received: Iterable[ServerSentEvent]) -> bool:
        """Apply the events. Return True if the done was one of them."""
        done, parse = self._dialect.done, self._reader.parse
        for event in received:
            data = event.data
            if data == done:
                return True
            try:
                try:
                    # json.loads(data), but a quarter faster. Most data has no space around it.
                    item, end = _raw_decode(data)
                    if end != len(data) or event.event == "error":
                        item = self._item_of(event)
                except (ValueError, RecursionError):
                    item = self._item_of(event)
                if item is _DONE:
                    return True
                parsed = parse(item) if item is not _NOTHING else ()
            except MalformedItem:
                self._skip()
            except ServerReportedError as exc:
                self._apply(exc.events)
                raise
            else:
                self._apply(parsed)
        return False

    def _apply(self, parsed: Iterable[ParsedEvent]) -> None:
        for event in parsed:
            published = self._accumulator.apply(event)
            if isinstance(published, Finish):
                self.finish = published
            elif published is not None:
                self.events.append(published)

    def _skip(self) -> None:
        self._malformed += 1
        count = "1 event was" if self._malformed == 1 else f"{self._malformed} events were"
        self._warn("bad_json", f"{count} not JSON and skipped")
        if self._malformed == _MAX_MALFORMED:
            raise MalformedStream(f"{count} not JSON")

    def _rescue(self, event: ServerSentEvent | None) -> None:
        """Take the event that the end of the stream cut off, if it is whole."""
        if event is None or not event.data.strip():
            return
        try:
            item = self._item_of(event)
            if item is _DONE:
                self.done = True
            elif item is not _NOTHING:
                self._apply(self._reader.parse(item))
        except MalformedItem:
            self._warn("truncated_event", "the stream ended within an event, which was dropped")
            return
        except ServerReportedError as exc:
            self._apply(exc.events)
            raise
        self._warn("unterminated_event", "the last event had no blank line after it")

    def _item_of(self, event: ServerSentEvent) -> Any:
        """Decode any event: the done, a sign of life, an error, or JSON.

        ``event: error`` may carry a bare error object, a wrapped one, or plain text. ``overloaded`` is
        ``{"error": "overloaded"}``.
        """
        data = event.data.strip()
        if data == self._dialect.done:
            return _DONE
        try:
            item = json.loads(data)
        except (ValueError, RecursionError) as exc:
            if event.event != "error":
                if event.event in _LIVENESS or not data:
                    return _NOTHING
                raise MalformedItem(f"an event is not JSON: {exc}") from exc
            item = data
        if event.event == "error":
            return item if isinstance(item, dict) and item.get("error") else {"error": item or data}
        return item

    def _warn(self, code: str, detail: str) -> None:
        self._apply([StreamWarning(code, detail)])


def decode_reply(body: bytes) -> Any:
    """Return the JSON value of a whole reply. MalformedItem if it is not JSON."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as exc:
        raise MalformedItem(f"the reply is not JSON: {exc}") from exc
