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

from streamwidget._client.framing import BodyDecoder
from streamwidget._client.sse import MAX_EVENT_SIZE, EventTooLarge, ServerSentEvent
from streamwidget._core.accumulator import Accumulator
from streamwidget._core.events import Finish, Lost, Outcome, ParsedEvent, StreamEvent, StreamWarning
from streamwidget._core.redaction import redaction_for
from streamwidget._core.secrets import ApiKey
from streamwidget._dialects.dialect import Dialect, MalformedItem, ServerReportedError

_MAX_MALFORMED = 3
# Words that only show that the server lives: event: ping, data: [HEARTBEAT], data: keep-alive
_LIVENESS = frozenset(
    {"ping", "pong", "heartbeat", "keepalive", "keep-alive", "keep_alive", "alive", "noop", "processing", "connected"}
)
_SHOWN = 200  # characters of what could not be read
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
    media_type : str, default ""
        How the server labels the body. Its first bytes decide what the body is.
    key : ApiKey, optional
        A server may repeat it in an answer. It is taken out of all events.

    Attributes
    ----------
    events : list of StreamEvent
        The events of the last ``feed`` or ``close``. If it raised, these are the events before the failure. They are in
        the accumulator already, so publish them first.
    done : bool
        The server said: nothing more follows.
    """

    def __init__(
        self,
        dialect: Dialect,
        accumulator: Accumulator,
        *,
        max_event_size: int = MAX_EVENT_SIZE,
        media_type: str = "",
        key: ApiKey | None = None,
    ) -> None:
        self.events: list[StreamEvent] = []
        self.done = False
        self._dialect = dialect
        begin = accumulator.length  # an earlier stream may have written the beginning
        self._reader = dialect.reader(lambda: accumulator.text[begin:])
        self._accumulator = accumulator
        self._decoder = BodyDecoder(max_event_size, media_type)
        self._redaction = redaction_for(key)
        self._malformed = 0
        self._odd = ""  # what the last event that could not be read held

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

    @property
    def finish(self) -> Finish | None:
        """The provider's reason for the end. It is not in ``events``, because the stream publishes its own one."""
        return self._accumulator.finish

    @property
    def is_whole_reply(self) -> bool:
        """True where the body is one JSON value, and not a stream."""
        return self._decoder.whole is not None

    @property
    def is_unreadable(self) -> bool:
        """True where the body is a web page or plain text, and enough of it came to be shown."""
        return self._decoder.kind in ("page", "text") and len(self._decoder.head) > _SHOWN * 50

    @property
    def last_words(self) -> str:
        """What stood in the stream and is not an event: a proxy's own line, or data that is not JSON."""
        return " ".join((self._odd or self._decoder.stray)[: 4 * _SHOWN].split())[:_SHOWN]

    def close(self, *, clean: bool) -> tuple[Outcome, list[StreamEvent]]:
        """End the stream. Return how the answer ended, and the last events to publish. Call this after the done too.

        Parameters
        ----------
        clean : bool
            False if the connection broke.

        Raises
        ------
        ServerReportedError, MalformedStream
            As ``feed``, for an event that the end cut off, and for a body that is not an answer.
        MalformedItem
            One whole reply is not an answer in this dialect.
        """
        self.events = []
        if not self.done:
            received, cut = self._decoder.close()
            self.done = self._take(received)
            if self._decoder.kind == "page":
                raise MalformedStream("answered with a web page: a login page or a proxy?")
            if self._decoder.kind == "text":
                self._odd = self._decoder.head[: 4 * _SHOWN].decode("utf-8", "replace")
                raise MalformedStream("answered with text that is not an answer")
            if self._decoder.whole is not None:
                return self._reply(self._decoder.whole, clean=clean)
            self._rescue(cut)
        end = "was closed" if clean else "broke"
        return self._end(f"the connection {end} after the finish reason, without the sign that the stream is done")

    def _reply(self, body: bytes, *, clean: bool) -> tuple[Outcome, list[StreamEvent]]:
        """Read one whole reply."""
        try:
            self._apply(self._dialect.parse_reply(decode_reply(body)))
        except MalformedItem:
            if clean:
                raise
            return "interrupted", self.events
        except ServerReportedError as exc:
            self._apply(exc.events)
            raise
        self.done = True
        return self._end("")

    def _end(self, no_done: str) -> tuple[Outcome, list[StreamEvent]]:
        if self._redaction is not None:
            self.events += self._accumulator.take(self._redaction.flush())
        self.events += self._accumulator.flush()
        finish = self.finish
        if finish is None and not self.done:
            return "interrupted", self.events
        if finish is None:
            self._warn("no_finish_reason", "the provider ended its answer without a finish reason")
            return "complete", self.events
        if not self.done:
            self._warn("no_done", no_done)
        return finish.outcome, self.events

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
                except (ValueError, RecursionError):
                    end = -1
                if end == len(data) and type(item) is dict and event.event != "error":
                    self._apply(parse(item))
                elif self._take_other(event):
                    return True
            except MalformedItem:
                self._skip(data)
            except ServerReportedError as exc:
                self._apply(exc.events)
                raise
        return False

    def _take_other(self, event: ServerSentEvent) -> bool:
        """Apply an event that is not simply one JSON object. Return True for the done."""
        items = self._items_of(event)
        if items is None:
            return True
        for item in items:
            self._apply(self._reader.parse(item))
        return False

    def _apply(self, parsed: Iterable[ParsedEvent]) -> None:
        clean = parsed if self._redaction is None else self._redaction.clean(parsed)
        self.events += self._accumulator.take(clean)

    def _skip(self, data: str) -> None:
        self._odd = data
        self._malformed += 1
        count = "1 event was" if self._malformed == 1 else f"{self._malformed} events were"
        self._warn("bad_json", f"{count} not JSON and skipped")
        if any(sign in data for sign in '{}"'):  # other data is a proxy's own line
            self._apply([Lost()])
        if self._malformed == _MAX_MALFORMED:
            raise MalformedStream(f"sent no usable answer: {count} not JSON")

    def _rescue(self, event: ServerSentEvent | None) -> None:
        """Take the event that the end of the stream cut off, if it is whole."""
        if event is None or not event.data.strip():
            return
        try:
            self.done = self._take_other(event)
        except MalformedItem:
            self._warn("truncated_event", "the stream ended within an event, which was dropped")
            return
        except ServerReportedError as exc:
            self._apply(exc.events)
            raise
        self._warn("unterminated_event", "the last event had no blank line after it")

    def _items_of(self, event: ServerSentEvent) -> list[Any] | None:
        """Decode any event into its items. None: it is the done.

        ``event: error`` may carry an error object, bare or wrapped, or plain text. Several items come in one event
        where a server sends a list, or separates its events by one newline. ``data: data: {...}`` is one item.
        """
        data = event.data.strip()
        while data.startswith("data:"):
            data = data[5:].strip()
        bare = data.strip("\"'").upper()
        if bare == self._dialect.done:
            return None
        try:
            items = _values_in(data)
        except (ValueError, RecursionError) as exc:
            if event.event != "error":
                if event.event in _LIVENESS or bare.strip("[]*.: ").lower() in _LIVENESS or not data:
                    return []
                raise MalformedItem(f"an event is not JSON: {exc}") from exc
            items = [data]
        if event.event == "error":
            error = items[0] if items else data
            return [error if isinstance(error, dict) and error.get("error") else {"error": error or data}]
        return items

    def _warn(self, code: str, detail: str) -> None:
        self._apply([StreamWarning(code, detail)])


def decode_reply(body: bytes) -> Any:
    """Return the JSON value of a whole reply. MalformedItem if it is not JSON."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as exc:
        raise MalformedItem(f"the reply is not JSON: {exc}") from exc


def _values_in(data: str) -> list[Any]:
    """Return the JSON values in the data of one event: one, those of a list, or one on each line."""
    try:
        value = json.loads(data)
    except json.JSONDecodeError:
        lines = [line.strip() for line in data.split("\n") if line.strip()]
        if len(lines) < 2:
            raise
        return [json.loads(line) for line in lines]
    return value if isinstance(value, list) else [value]
