"""The messages of a widget to its pages about a stream: numbered, in their turn, from the request to the end.

Rules
-----
- Messages go out in the thread in which the stream runs. It may be a thread of our own. Any thread may read the state.
- The first text goes out immediately. Later text is joined, as :mod:`streamwidget._view.pacer` says.
- One feed may follow one stream after another. Its numbers go on, so that a page cannot take an old message for a new
  one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol

from streamwidget._core.completion import shown
from streamwidget._core.events import (
    ConsentNeeded,
    Finish,
    ReasoningDelta,
    RefusalDelta,
    Retry,
    StreamEvent,
    TextDelta,
    ToolCallDelta,
    Waiting,
)
from streamwidget._core.stream import ChatStream
from streamwidget._view import message_rate
from streamwidget._view.outbox import Outbox
from streamwidget._view.pacer import Pacer
from streamwidget._view.presentation import Presentation
from streamwidget._view.together import SharedPacer
from streamwidget._view.transcript import JSON, Transcript

_ARGUMENTS = 20_000  # characters of a call, in the question to a person


class Feed(Protocol):
    """The methods of a feed, for a :class:`~streamwidget.StreamView`."""

    def follow(self, stream: ChatStream, *, anew: bool = False) -> None:
        """Send what this stream brings from now on. ``anew``: the page has seen another stream before."""
        ...

    def leave(self) -> None:
        """Send nothing more. The stream goes on."""
        ...

    def snapshot(self) -> JSON:
        """Return the whole state, as far as it was sent."""
        ...

    def send_snapshot(self, *, shared: bool = False) -> None:
        """Send the whole state. ``shared``: it may wait for the next message that views share."""
        ...

    async def sent(self) -> None:
        """Wait until everything is sent, if something waits for its turn."""
        ...


class AnswerFeed:
    """Turns the events of a stream into messages.

    Parameters
    ----------
    send : callable
        Sends one message, a JSON object, to the pages.
    ended : callable
        Called right after the last message of a stream, on the loop of its start.
    presentation : Presentation
        Whether the view stays, and whether its end waits for its turn.
    outbox : Outbox, optional
        If ``send`` sends by it, the view may share messages with others.

    Attributes
    ----------
    stream : ChatStream
        The followed stream. Missing before the first one.
    """

    stream: ChatStream

    def __init__(
        self,
        send: Callable[[JSON], None],
        ended: Callable[[], None],
        presentation: Presentation,
        outbox: Outbox | None = None,
    ) -> None:
        self._send = send
        self._ended = ended
        self._presentation = presentation
        self._transcript = Transcript()
        self._pacer = Pacer(self._flush) if outbox is None else SharedPacer(self._flush, outbox)
        self._wait: Retry | Waiting | None = None
        self._asks = False  # the tools that wait for a person are to be sent
        self._over = False  # the end is to be sent
        self._asked = False  # the whole state is to be sent
        self._unsubscribe: Callable[[], None] = lambda: None

    @property
    def seq(self) -> int:
        """The number of the last message."""
        return self._transcript.seq

    def follow(self, stream: ChatStream, *, anew: bool = False) -> None:
        """Send what this stream brings from now on. Its earlier text goes out with the next snapshot.

        Parameters
        ----------
        stream : ChatStream
        anew : bool, default False
            The page has seen another stream before, or must begin with this stream's text even if it has none.
        """
        self.leave()
        self.stream = stream

        def begin() -> None:
            completion = stream.completion
            if (text := shown(completion)) or anew:
                self._transcript.restart(text, completion)
            if stream.over:
                self._transcript.end(completion)  # it brings nothing more
            else:
                self._unsubscribe = stream._subscribe_apart(self._take)

        stream._between(begin)

    def leave(self) -> None:
        """Send nothing more. The stream goes on."""

        def leave() -> None:
            self._unsubscribe()
            self._pacer.stop()
            self._wait, self._asks, self._over, self._asked = None, False, False, False

        if (stream := getattr(self, "stream", None)) is not None:
            stream._between(leave)

    async def sent(self) -> None:
        """Wait until everything is sent, if something waits for its turn."""
        await self._pacer.flushed()

    def send_snapshot(self, *, shared: bool = False) -> None:
        """Send the whole state.

        Parameters
        ----------
        shared : bool, default False
            It may wait for the next shared message. If that one is lost, the page asks for the state of each view in
            it. So many whole texts at once could be more than the notebook server lets through.
        """
        if shared and self._pacer.shares:
            self._asked = True
            self._pacer.flush_soon()
            return
        self._send({"op": "snapshot", **self.snapshot()})

    def snapshot(self) -> JSON:
        """Return the whole state, as far as it was sent."""
        stream = self.stream
        limit = stream.pending_limit
        waits = limit and {"for": limit.name, "seconds": round(limit.elapsed, 3), "limit": limit.limit}
        kept = self._presentation.stays and stream.repeatable
        return self._transcript.snapshot(
            stream.completion,
            id=stream.id,
            # The wait for the headers begins a moment before the request is noted as gone. It is a part of the whole.
            elapsed=round(max(stream.elapsed, limit.elapsed if limit else 0), 3),
            kept=kept,
            waits=waits,
            asks=asks_of(stream),
        )

    def _take(self, events: list[StreamEvent]) -> None:
        for event in events:
            match event:
                case Retry() | Waiting():
                    self._wait = event
                case ConsentNeeded():
                    self._asks = True
                case Finish():
                    self._over = True
                    # Two messages: the end, then the state once more. A third one if the view is replaced and closed.
                    slots = 2 if self._presentation.stays else 3
                    then = partial(self.stream.call, self._ended)
                    self._pacer.flush_end(slots, in_turn=self._presentation.end_in_turn, then=then)
                    return
                case TextDelta() | ReasoningDelta() | RefusalDelta() | ToolCallDelta():
                    self._wait = None  # it is over
                    self._transcript.add(event)
                case _:
                    self._transcript.add(event)
        if self._transcript.pending or self._wait is not None or self._asks:
            self._pacer.flush_soon()

    def _flush(self) -> None:
        """Send all that is new. A wait comes after the text, or the page would not see it."""
        asked, self._asked = self._asked, False
        if self._transcript.pending:
            self._send_text(whole=asked)
        elif asked:
            self.send_snapshot()
        match self._wait:
            case Retry(delay=delay, reason=reason):
                self._send(self._transcript.status("retrying", reason, delay=delay))
            case Waiting(reason=reason):
                self._send(self._transcript.status("waiting", reason))
        self._wait = None
        if self._asks:
            self._asks = False
            self._send(self._transcript.asks(asks_of(self.stream)))
        if self._over:
            self._over = False
            self._send(self._transcript.end(self.stream.completion))

    def _send_text(self, *, whole: bool) -> None:
        first = self._transcript.phase != "streaming"
        messages = self._transcript.flush(self.stream.completion if self._transcript.calls_changed else None)
        if first or whole or self._transcript.moved:
            # With the first text the page gets all facts of the response's headers: the model, and the demo's mark.
            self.send_snapshot()
            return
        if not self._pacer.shares:
            message_rate.claim(len(messages) - 1)  # the flush has claimed the first one's slot
        for message in messages:
            self._send(message)


def asks_of(stream: ChatStream) -> list[JSON]:
    """Return the waiting tools of a stream, for the page to ask about. Each has the key of its answer."""
    pending = stream.consents.pending if stream.consents is not None else ()
    return [{"key": one.key, "name": one.name, "arguments": _bounded(one.arguments)} for one in pending]


def _bounded(arguments: str) -> str:
    more = len(arguments) - _ARGUMENTS
    return arguments if more <= 0 else f"{arguments[:_ARGUMENTS]}… ({more:,} more characters)"
