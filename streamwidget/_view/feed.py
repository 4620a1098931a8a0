"""What a widget tells its pages of a stream: paced, numbered messages, from the request to the end.

Rules
-----
- Messages go out on the stream's loop only. The state may be asked for from any thread.
- The first text goes at once; what comes after it is joined for as long as :mod:`streamwidget._view.message_rate` says.
  Where many streams speak at once, each waits for its turn, the first text too.
- One feed may follow one stream after another. Its numbers go on, so that a page cannot take old messages for new.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from streamwidget._core.events import Finish, Retry, StreamEvent
from streamwidget._core.loop import running_loop
from streamwidget._core.stream import ChatStream
from streamwidget._view import message_rate
from streamwidget._view.transcript import JSON, Transcript


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
    patient : bool
        The end waits for its turn too. Not where a cell ends with the answer: then nobody might listen any longer.
    """

    stream: ChatStream

    def __init__(self, tell: Callable[[JSON], None], ended: Callable[[], None] = lambda: None) -> None:
        self.kept = True
        self.patient = False
        self._tell = tell
        self._ended = ended
        self._transcript = Transcript()
        self._retry: Retry | None = None
        self._over = False  # the end is to be told
        self._timer: asyncio.TimerHandle | None = None
        self._last_turn = float("-inf")
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
        self._retry, self._over = None, False

    async def told(self) -> None:
        """Wait until the end is told, if it waits for its turn."""
        if self._over and self._timer is not None:
            await asyncio.sleep(self._timer.when() - asyncio.get_running_loop().time())

    def tell_snapshot(self) -> None:
        """Tell the whole state."""
        self._tell({"op": "snapshot", **self.snapshot()})

    def snapshot(self) -> JSON:
        """Return the whole state, as far as it was told."""
        stream = self.stream
        limit = stream.pending_limit
        waits = limit and {"for": limit.name, "seconds": round(limit.elapsed, 3), "limit": limit.limit}
        kept = self.kept and stream.repeatable
        return self._transcript.snapshot(
            stream.completion, id=stream.id, elapsed=round(stream.elapsed, 3), kept=kept, waits=waits
        )

    def _take(self, events: list[StreamEvent]) -> None:
        for event in events:
            match event:
                case Retry():
                    self._retry = event
                case Finish():
                    self._end_soon()
                    return
                case _:
                    self._transcript.add(event)
        if self._transcript.pending or self._retry is not None:
            self._speak_soon()

    def _speak_soon(self) -> None:
        if self._timer is None:
            self._speak_at(max(self._last_turn + message_rate.FLUSH, message_rate.claim()))

    def _end_soon(self) -> None:
        self._over = True
        self._stop_timer()  # what waits goes with it
        # The last message, and what a view does after it: it tells its state once more, or is replaced and closed.
        place = message_rate.claim(2 if self.kept else 3)
        self._speak_at(place if self.patient else 0)

    def _speak_at(self, due: float) -> None:
        wait, loop = due - time.monotonic(), running_loop()
        if wait <= 0 or loop is None:  # no loop: a stream that never ran
            self._speak()
        else:
            self._timer = loop.call_later(wait, self._speak)

    def _speak(self) -> None:
        """Tell all that is new."""
        self._stop_timer()
        self._last_turn = time.monotonic()
        if self._retry is not None:
            self._tell(self._transcript.status("retrying", self._retry.reason, delay=self._retry.delay))
            self._retry = None
        if self._transcript.pending:
            self._tell_text()
        if self._over:
            self._over = False
            self._tell(self._transcript.end(self.stream.completion))
            self._ended()

    def _tell_text(self) -> None:
        first = self._transcript.phase != "streaming"
        messages = self._transcript.flush(self.stream.completion if self._transcript.calls_changed else None)
        if first:
            # The first text comes with all that the response's headers told: the model, and whether it is the demo's.
            self.tell_snapshot()
            return
        message_rate.claim(len(messages) - 1)
        for message in messages:
            self._tell(message)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
