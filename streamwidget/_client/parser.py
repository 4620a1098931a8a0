"""From bytes to published events: decoder, JSON, reader and accumulator in a row, and the policy at the end.

Policy, beyond the standards:

- An event that is not readable is skipped, with a warning (``bad_json``). The third one ends the stream.
- A server may keep the connection alive with events that are not JSON (``event: ping``). They bring nothing.
- After the event that the dialect calls done (``data: [DONE]``) nothing counts.
- The end of the stream may cut off an event. It counts if it is whole all the same (``unterminated_event``). Otherwise
  it is dropped (``truncated_event``).
- An answer with a finish reason and no done is whole (``no_done``), even where the connection broke after it.
- An answer with a done and no finish reason is whole too (``no_finish_reason``). With neither it is ``interrupted``.

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
# Events that only show that the server lives. Some carry data that is not JSON.
_LIVENESS = frozenset({"ping", "heartbeat", "keepalive", "keep-alive"})
_NOTHING, _DONE = object(), object()  # what stands for an item in an event that has none
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
        Bytes that one event may have.

    Attributes
    ----------
    events : list of StreamEvent
        What the last ``feed`` or ``close`` gave to publish. Where it raised, these are the events before the failure,
        already in the accumulator: publish them first.
    finish : Finish or None
        The provider's last word on why it ended. Not among ``events``: the stream publishes its own at its very end.
    done : bool
        The server said that nothing more follows.
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
            The server said, in the stream, that it failed.
        MalformedStream
            Three events were not what they should be.
        EventTooLarge
            An event passed ``max_event_size``.
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
        """End the stream. Return how the answer ended, and the last events to publish. Needed after the done too.

        Parameters
        ----------
        clean : bool
            False where the connection broke.

        Raises
        ------
        ServerReportedError, MalformedStream
            As ``feed``, for an event that the end cut off.
        """
        self.events = []
        if not self.done:
            self._rescue(self._decoder.close())
        end = "was closed" if clean else "broke"
        return self._end(f"the connection {end} after the finish reason, without the sign that the stream is done")

    def reply(self, body: bytes) -> tuple[Outcome, list[StreamEvent]]:
        """Take a reply that was not streamed, in place of ``feed`` and ``close``. Return what ``close`` returns.

        Raises
        ------
        ServerReportedError
            The reply is an error object.
        MalformedItem
            The reply is not an answer in this dialect.
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
        """Apply what came. Return True where the done was among it."""
        done, parse = self._dialect.done, self._reader.parse
        for event in received:
            data = event.data
            if data == done:
                return True
            try:
                try:
                    # json.loads(data), a quarter faster where no space surrounds it, as it mostly does not.
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
        """Judge the event that the end of the stream cut off."""
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
        """Decode any event: the done, one that brings nothing, an error, or JSON.

        ``event: error`` may carry an error object, bare or wrapped, or plain text.
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
