"""From bytes to published events: decoder, JSON, reader and accumulator in a row, and the policy at the end.

Policy, beyond the standards:

- An unreadable event (``data: {"cho``) is skipped, with a warning (``bad_json``). The third one ends the stream.
- A server may keep the connection alive with other events than JSON (``event: ping``). They bring nothing.
- An event beside the pieces of an answer may hold the server's words (``{"detail": "no such model"}``). Some names of
  fields mean a failure. Other words count as one if the stream ends with them.
- Nothing counts after the dialect's done event (``data: [DONE]``).
- The end of the stream may cut off an event. If its JSON is whole, it counts (``unterminated_event``). Otherwise it is
  dropped (``truncated_event``).
- An answer with a finish reason but without a done is whole (``no_done``), even if the connection broke afterwards.
  A finish reason in each piece counts only with the done.
- An answer with a done but without a finish reason is whole too (``no_finish_reason``). An answer with neither is
  ``interrupted``.

No I/O, standard library only.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable
from typing import Any

from streamwidget._client.framing import BodyDecoder
from streamwidget._client.items import items_of, values_of
from streamwidget._client.sse import MAX_EVENT_SIZE, EventTooLarge, ServerSentEvent
from streamwidget._core.accumulator import Accumulator, is_piece
from streamwidget._core.completion import ErrorInfo
from streamwidget._core.events import (
    Finish,
    Identity,
    LeftOut,
    Lost,
    Outcome,
    ParsedEvent,
    StreamEvent,
    StreamWarning,
    TextDelta,
)
from streamwidget._core.redaction import redaction_for
from streamwidget._core.secrets import NO_SECRETS, Secrets
from streamwidget._dialects.dialect import Dialect, MalformedItem, Reader, ServerReportedError
from streamwidget._dialects.errors import reported_error, visible_text

_MAX_MALFORMED = 3
_SHOWN = 200  # characters of an unreadable text
_raw_decode = json.JSONDecoder().raw_decode


class MalformedStream(ValueError):
    """Too many events did not follow the dialect."""


class _Said:
    """Returns the text of one stream so far. An earlier stream may have written the beginning."""

    def __init__(self, accumulator: Accumulator, begin: int) -> None:
        self._accumulator = accumulator
        self._begin = begin

    def __call__(self) -> str:
        return self._accumulator.text[self._begin :]


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
        The server's label of the body. Its first bytes decide its kind.
    secrets : Secrets, optional
        A server may repeat them in an answer. They are taken out of all events.

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
        secrets: Secrets = NO_SECRETS,
    ) -> None:
        self.events: list[StreamEvent] = []
        self.done = False
        self._dialect = dialect
        self._reader = dialect.reader(_Said(accumulator, accumulator.length))
        self._accumulator = accumulator
        self._max_event_size = max_event_size
        self._decoder = BodyDecoder(max_event_size, media_type)
        self._redaction = redaction_for(secrets)
        self._malformed = 0
        self._damaged = 0  # the events among them like a piece of an answer
        self._odd = ""  # the content of the last unreadable event
        self._news: ErrorInfo | None = None  # words of the last event beside the answer
        self._finish_is_common = False
        self._read_any = False  # whether any event was an item of the dialect

    @property
    def reader(self) -> Reader:
        """The dialect's reader of this stream."""
        return self._reader

    def over_another_connection(self, media_type: str) -> StreamParser:
        """Return a parser for the rest of the same stream. An event cut by the old connection comes again there."""
        rest = copy.copy(self)
        rest.events, rest._decoder = [], BodyDecoder(self._max_event_size, media_type)
        return rest

    def copied(self) -> tuple[StreamParser, Accumulator]:
        """Return a copy, and its own accumulator, so that another stream may go on from here."""
        shared = (self._dialect, self._redaction, self._decoder)
        memo = {id(one): one for one in shared}
        copies: tuple[StreamParser, Accumulator] = copy.deepcopy((self, self._accumulator), memo)
        return copies

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
    def may_be_over(self) -> bool:
        """True after a finish reason, unless the server sends one with each piece of its answer."""
        return self.finish is not None and not self.done and not self._finish_is_common

    @property
    def is_whole_reply(self) -> bool:
        """True if the body is one JSON value, and not a stream."""
        return self._decoder.whole is not None

    @property
    def is_unreadable(self) -> bool:
        """True if the body is a web page or plain text, and enough of it came to be shown."""
        return self._decoder.kind in ("page", "text") and len(self._decoder.head) > _SHOWN * 50

    @property
    def last_words(self) -> str:
        """Other text in the stream than events: a proxy's own line, or data without JSON."""
        return " ".join((self._odd or self._decoder.stray)[: 4 * _SHOWN].split())[:_SHOWN]

    def close(self, *, clean: bool, left_open: bool = False) -> tuple[Outcome, list[StreamEvent]]:
        """End the stream. Return how the answer ended, and the last events to publish. Call this after the done too.

        Parameters
        ----------
        clean : bool
            False if the connection broke.
        left_open : bool, default False
            The server neither sent the done nor closed the connection, although the answer :attr:`may_be_over`.

        Raises
        ------
        ServerReportedError, MalformedStream
            As ``feed``, for an event cut off by the end, and for a body without an answer.
        MalformedItem
            One whole reply is not an answer in this dialect.
        """
        self.events = []
        if not self.done:
            received, cut = self._decoder.close()
            self.done = self._take(received)
            if self._decoder.kind in ("page", "text"):
                page = self._decoder.kind == "page"
                self._odd = visible_text(self._decoder.head[: 2**14].decode("utf-8", "replace"))
                what = "a web page (a login page or a proxy?)" if page else "text that is not an answer"
                raise MalformedStream(f"answered with {what}")
            if self._decoder.whole is not None:
                return self._reply(self._decoder.whole, clean=clean)
            self._rescue(cut)
        end = "stayed open" if left_open else "was closed" if clean else "broke"
        no_done = f"the connection {end} after the finish reason, without the sign that the stream is done"
        return self._end(no_done, clean=clean)

    def _reply(self, body: bytes, *, clean: bool) -> tuple[Outcome, list[StreamEvent]]:
        """Read one whole reply."""
        try:
            items = values_of(body)
            for item in items if len(items) > 1 else ():  # the items of a stream
                self._apply(self._parse(item))
            if len(items) == 1:
                self._apply(self._parse_reply(items[0]))
        except MalformedItem:
            if clean:
                self._odd = body[: 4 * _SHOWN].decode("utf-8", "replace")
                raise
            return "interrupted", self.events
        except ServerReportedError as exc:
            self._apply(exc.events)
            raise
        self.done = len(items) == 1 or self.finish is not None
        return self._end("", clean=clean)

    def release(self) -> list[StreamEvent]:
        """Return the letters held back as the possible beginning of a key. Nothing more of the stream comes."""
        return [] if self._redaction is None else self._add(self._redaction.flush())

    def _parse_reply(self, reply: Any) -> list[ParsedEvent]:
        """Parse one whole reply, or raise the server's words in its place."""
        try:
            return self._dialect.parse_reply(reply)
        except MalformedItem:
            failure = reported_error(reply, in_doubt=False) or reported_error(reply, in_doubt=True)
            if failure is not None and failure.message in str(reply):
                raise ServerReportedError(failure) from None
            raise

    def _end(self, no_done: str, *, clean: bool = True) -> tuple[Outcome, list[StreamEvent]]:
        self._apply(getattr(self._reader, "close", list)())  # the waiting events of some readers
        self.events += self.release()
        self.events += self._accumulator.flush()
        finish = self.finish
        if finish is None and clean:
            if self._news is not None and not (self.done and self._accumulator.has_begun):
                raise ServerReportedError(self._news)
            if not self._read_any and self.last_words:
                raise MalformedStream("answered with text that is not an answer")
        has_done = self._dialect.done is not None
        if not self.done and (finish is None or (self._finish_is_common and (has_done or not clean))):
            return "interrupted", self.events
        if finish is None:
            self._warn("no_finish_reason", "the provider ended its answer without a finish reason")
            return "complete", self.events
        if not self.done and has_done:
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
                    parsed = parse(item)
                    if len(parsed) != 1 or type(parsed[0]) is not TextDelta:  # the usual item is one piece of text
                        self._note(item, parsed)
                    self._apply(parsed)
                    self._read_any = True
                elif self._take_other(event):
                    return True
            except MalformedItem:
                self._skip(data)
            except ServerReportedError as exc:
                self._apply(exc.events)
                raise
        return False

    def _take_other(self, event: ServerSentEvent) -> bool:
        """Apply any other event than one JSON object. Return True for the done."""
        items, done = items_of(event, self._dialect.done)
        for item in items:
            self._apply(self._parse(item))
            self._read_any = True
        return done

    def _parse(self, item: Any) -> list[ParsedEvent]:
        events = self._reader.parse(item)
        self._note(item, events)
        return events

    def _note(self, item: Any, events: list[ParsedEvent]) -> None:
        """Look for the server's words in an item beside the pieces of the answer."""
        if all(isinstance(event, Identity | LeftOut) for event in events):
            if self._reader.fits(item):  # an event of the dialect may repeat the text or the request. It is not news
                self._news = None
                return
            failure = reported_error(item, in_doubt=False)
            if failure is not None:
                raise ServerReportedError(failure, events)
            self._news = reported_error(item, in_doubt=True)

    def _apply(self, parsed: Iterable[ParsedEvent]) -> None:
        clean = parsed if self._redaction is None else self._redaction.clean(parsed)
        accumulator = self._accumulator
        had_end = accumulator.finish is not None
        published = self._add(clean)
        self.events += published
        if (had_end or self._news is not None) and any(map(is_piece, published)):
            self._news = None  # the answer went on after it
            self._finish_is_common = self._finish_is_common or had_end

    def _add(self, events: Iterable[ParsedEvent]) -> list[StreamEvent]:
        """Add events. A delta counts at once, even if its letters wait."""
        published = self._accumulator.take(events)
        if self._redaction is not None and self._redaction.uncounted:
            self._accumulator.delta_count += self._redaction.uncounted
            self._redaction.uncounted = 0
        return published

    def _skip(self, data: str) -> None:
        self._odd = data
        self._malformed += 1
        count = "1 event was" if self._malformed == 1 else f"{self._malformed} events were"
        self._warn("bad_json", f"{count} not JSON and skipped")
        if not any(sign in data for sign in '{}"'):  # a proxy's own line, and perhaps its way to keep alive
            return
        self._apply([Lost()])
        self._damaged += 1
        if self._damaged == _MAX_MALFORMED:
            raise MalformedStream(f"sent no usable answer: {count} not JSON")

    def _rescue(self, event: ServerSentEvent | None) -> None:
        """Take the event cut off by the end of the stream, if it is whole."""
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

    def _warn(self, code: str, detail: str) -> None:
        self._apply([StreamWarning(code, detail)])
