"""What a widget tells its pages of a stream: paced, numbered messages, from the request to the end.

Rules
-----
- Messages go out on the stream's loop only. The state may be asked for from any thread.
- The first text goes at once; what comes after it is joined for as long as :mod:`streamwidget._pace` says.
- One feed may follow one stream after another. Its numbers go on, so that a page cannot take old messages for new.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable

from streamwidget import _pace
from streamwidget._events import Finish, Retry, StreamEvent
from streamwidget._stream import ChatStream
from streamwidget._transcript import JSON, Transcript

_numbers = itertools.count()


class Feed:
    """Turn the events of a stream into messages.

    Parameters
    ----------
    tell : callable
        Sends one message, a JSON object, to the pages.
    ended : callable, optional
        Called right after the last message of a stream.

    Attributes
    ----------
    stream : ChatStream
        The one that is followed now. Not there before the first.
    kept : bool
        The view stays in the page after the end, so that it may offer to ask again.
    """

    stream: ChatStream

    def __init__(self, tell: Callable[[JSON], None], ended: Callable[[], None] = lambda: None) -> None:
        self.kept = True
        self._tell = tell
        self._ended = ended
        self._transcript = Transcript()
        self._number = next(_numbers)
        self._flush_timer: asyncio.TimerHandle | None = None
        self._last_flush = float("-inf")
        self._unsubscribe: Callable[[], None] = lambda: None

    @property
    def seq(self) -> int:
        """The number of the last message."""
        return self._transcript.seq

    def follow(self, stream: ChatStream, text: str | None = None) -> None:
        """Tell of this stream from now on.

        Parameters
        ----------
        stream : ChatStream
        text : str or None
            What the page is to have at first, of a stream that runs or is over, or of one before it: the next
            snapshot tells it so.
        """
        self.leave()
        if text is not None:
            self._transcript.restart(text)
        self.stream = stream
        if stream.over:
            self._transcript.end(stream.completion)  # it tells no more
        else:
            self._unsubscribe = stream.subscribe(self._take)

    def leave(self) -> None:
        """Tell no more; the stream goes on."""
        self._unsubscribe()
        self._stop_timer()
        _pace.leave(self._number)

    def tell_snapshot(self) -> None:
        """Tell the whole state."""
        self._tell({"op": "snapshot", **self.snapshot()})

    def snapshot(self) -> JSON:
        """Return the whole state, as far as it was told."""
        stream = self.stream
        wait = stream.waits
        waits = wait and {"for": wait.what, "seconds": round(wait.seconds, 3), "limit": wait.limit}
        kept = self.kept and stream.repeatable
        return self._transcript.snapshot(
            stream.completion, id=stream.id, elapsed=round(stream.elapsed, 3), kept=kept, waits=waits
        )

    def _take(self, events: list[StreamEvent]) -> None:
        for event in events:
            match event:
                case Retry(delay=delay, reason=reason):
                    self._tell(self._transcript.status("retrying", reason, delay=delay))
                case Finish():
                    self._end()
                    return
                case _:
                    self._transcript.add(event)
        if self._transcript.pending and self._flush_timer is None:
            self._flush_soon()

    def _flush_soon(self) -> None:
        wait = self._last_flush + _pace.interval() - time.monotonic()
        if wait <= 0:
            self._flush()
        else:
            self._flush_timer = asyncio.get_running_loop().call_later(wait, self._flush)

    def _flush(self) -> None:
        self._stop_timer()
        if not self._transcript.pending:
            return
        self._last_flush = time.monotonic()
        first = self._transcript.phase != "streaming"
        messages = self._transcript.flush(self.stream.completion if self._transcript.calls_changed else None)
        if first:
            # The first text comes with all that the response's headers told: the model, and whether it is the demo's.
            _pace.enter(self._number)
            self.tell_snapshot()
            return
        for message in messages:
            self._tell(message)

    def _stop_timer(self) -> None:
        if self._flush_timer is not None:
            self._flush_timer.cancel()
            self._flush_timer = None

    def _end(self) -> None:
        self._flush()
        _pace.leave(self._number)
        self._tell(self._transcript.end(self.stream.completion))
        self._ended()
