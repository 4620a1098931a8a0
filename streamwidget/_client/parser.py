"""From bytes to published events: decoder, provider and accumulator in a row, and the policy at the end.

Policy, beyond the standards:

- An event that is no JSON object is skipped and warned of (``bad_json``); the third one ends the stream.
- After ``[DONE]`` nothing counts.
- An event that the end of the stream cut off counts where it is whole all the same (``unterminated_event``), else it is
  dropped (``truncated_event``).
- The answer is whole with a finish_reason, ``[DONE]`` missing (``no_done``), even where the connection broke after it;
  and with ``[DONE]``, the finish_reason missing (``no_finish_reason``); with neither it is ``interrupted``.

No I/O; standard library only.
"""

from __future__ import annotations

from collections.abc import Iterable

from streamwidget._client.sse import MAX_EVENT_SIZE, EventTooLarge, ServerSentEvent, SSEDecoder
from streamwidget._core.accumulator import Accumulator
from streamwidget._core.events import Finish, Outcome, StreamEvent, StreamWarning
from streamwidget._dialects.dialect import MalformedEvent, ParsedEvent, Provider, ServerReportedError

_MAX_MALFORMED = 3


class MalformedStream(ValueError):
    """Too many events were not what the provider's dialect says."""


class StreamParser:
    """Parse one stream.

    Parameters
    ----------
    provider : Provider
        Knows the dialect.
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
        True after ``[DONE]``.
    """

    def __init__(self, provider: Provider, accumulator: Accumulator, *, max_event_size: int = MAX_EVENT_SIZE) -> None:
        self.events: list[StreamEvent] = []
        self.finish: Finish | None = None
        self.done = False
        self._provider = provider
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
        """End the stream; return how the answer ended, and the last events to publish. Needed after ``[DONE]`` too.

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
        return self._end(f"the connection {end} after the finish_reason, without [DONE]")

    def reply(self, body: bytes) -> tuple[Outcome, list[StreamEvent]]:
        """Take a reply that was not streamed, in place of ``feed`` and ``close``; return what ``close`` returns.

        Raises
        ------
        ServerReportedError
            The reply is an error object.
        MalformedEvent
            The reply is no chat completion.
        """
        self.events = []
        try:
            self._apply(self._provider.parse_reply(body))
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
            self._warn("no_finish_reason", "the provider ended its answer without a finish_reason")
            return "complete", self.events
        if not self.done:
            self._warn("no_done", no_done)
        return self.finish.outcome, self.events

    def _take(self, received: Iterable[ServerSentEvent]) -> bool:
        """Apply what came; return True where ``[DONE]`` was among it."""
        provider, accumulator = self._provider, self._accumulator
        for event in received:
            if provider.is_done(event):
                return True
            try:
                # Until the first delta each event is asked who speaks; to ask all would double the cost of parsing.
                parsed = provider.parse(event, identify=not accumulator.delta_count)
            except MalformedEvent:
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
        self._warn("bad_json", f"{count} no JSON object and skipped")
        if self._malformed == _MAX_MALFORMED:
            raise MalformedStream(f"{count} no JSON object: this is no chat completion stream")

    def _rescue(self, event: ServerSentEvent | None) -> None:
        """Judge the event that the end of the stream cut off."""
        if event is None or not event.data.strip():
            return
        if self._provider.is_done(event):
            self.done = True
        else:
            try:
                self._apply(self._provider.parse(event))
            except MalformedEvent:
                self._warn("truncated_event", "the stream ended within an event, which was dropped")
                return
            except ServerReportedError as exc:
                self._apply(exc.events)
                raise
        self._warn("unterminated_event", "the last event had no blank line after it")

    def _warn(self, code: str, detail: str) -> None:
        self._apply([StreamWarning(code, detail)])
