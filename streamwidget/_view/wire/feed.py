"""What a wire view tells its pages: rows, in batches, each with the number of its first row.

Rules
-----
- A page that misses rows, or begins, says how many it has, and is told what follows them. So nothing is lost, and the
  state that goes out with the comm needs to hold the first rows only.
- No more goes out in one flush than the notebook server lets through: it drops messages silently above 1 MB a second.
- Messages go out on the stream's loop, never in the stream's own path. The state may be asked for from any thread.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable

from streamwidget._core.events import Finish, Retry, StreamEvent
from streamwidget._core.loop import running_loop
from streamwidget._core.stream import ChatStream
from streamwidget._view import message_rate
from streamwidget._view.feed import Feed
from streamwidget._view.transcript import JSON
from streamwidget._view.wire.rows import WireRows

_FLUSH = 40_000  # characters of rows in one flush
_STATE = 100_000  # characters of rows in the state


class WireFeed(Feed):
    """Turn a recording that grows into messages.

    Parameters
    ----------
    stream : ChatStream
        Not started, or recorded.
    tell : callable
        Sends one message, a JSON object, to the pages.
    ended : callable
        Called when the last row was told.

    Attributes
    ----------
    rows : list of dict
        The rows as far as they were read.
    """

    def __init__(self, stream: ChatStream, tell: Callable[[JSON], None], ended: Callable[[], None]) -> None:
        super().__init__(tell, ended)
        self.stream = stream
        self._recording = stream.recording or stream.record()
        self._wire = WireRows(self._recording)
        self._told = 0
        self._phase = "waiting"
        self._detail = ""
        self._left = False

    @property
    def rows(self) -> list[JSON]:
        return self._wire.rows

    def follow(self, stream: ChatStream, text: str | None = None) -> None:  # noqa: ARG002  # what came is in the rows
        """Tell of the stream from now on."""
        if stream.over:
            self._wire.close()
            self._phase = "over"
        else:
            self._wire.read()
            self._unsubscribe = stream.subscribe(self._take)
            self._recording.observe(self._speak_soon)

    def leave(self) -> None:
        """Tell no more; the stream goes on."""
        self._left = True
        super().leave()

    def tell_snapshot(self) -> None:
        """Tell it all, from the first row."""
        self.tell_from(0)

    def tell_from(self, count: int) -> None:
        """Tell what follows the first ``count`` rows, and how the stream stands."""
        self._told = min(self._told, count)
        self._speak()

    def snapshot(self) -> JSON:
        """Return how the stream stands, and the first rows."""
        return {**self._facts(), "seq": 0, "rows": _first(self.rows, _STATE), "text": self.stream.completion.text}

    def _facts(self) -> JSON:
        completion = self.stream.completion
        over = self._phase == "over"
        return {
            "wire": True,
            "total": len(self.rows),
            "phase": self._phase,
            "outcome": completion.outcome if over else None,
            "detail": completion.error.message if over and completion.error else self._detail,
            "model": completion.model,
            "demo": completion.demo,
            "id": self.stream.id,
        }

    def _take(self, events: list[StreamEvent]) -> None:
        for event in events:
            match event:
                case Retry(delay=delay, reason=reason):
                    self._phase, self._detail = "retrying", reason
                    self._wire.wait(delay, reason)
                case Finish():
                    self._wire.close()
                    self._phase = "over"
                case _:
                    self._phase, self._detail = "streaming", ""
        self._speak_soon()

    def _speak_soon(self) -> None:
        loop = running_loop()
        if loop is None or self._left or self._timer is not None:
            return  # without a loop: a stream that never ran; its state tells the end
        due = max(self._last_turn + message_rate.FLUSH, message_rate.claim())
        self._timer = loop.call_later(max(0.0, due - time.monotonic()), self._speak)

    def _speak(self) -> None:
        self._stop_timer()
        self._last_turn = time.monotonic()
        self._wire.read()
        rows = _first(self.rows[self._told :], _FLUSH)
        self._tell({"op": "rows", **self._facts(), "seq": self._told, "rows": rows})
        self._told += len(rows)
        if self._told < len(self.rows):
            self._speak_soon()
        elif self._phase == "over":
            self._ended()


def _first(rows: Iterable[JSON], size: int) -> list[JSON]:
    """Return the first rows, one at least, as far as they are no longer than ``size`` characters of JSON."""
    first: list[JSON] = []
    for row in rows:
        size -= len(json.dumps(row, ensure_ascii=False))
        if size < 0 and first:
            break
        first.append(row)
    return first
