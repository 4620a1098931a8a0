"""What a wire view sends to its pages: rows in batches, each batch with the number of its first row.

Rules
-----
- A page says how many rows it has, when it begins and when it misses some. It is then sent the rows after those. So
  nothing is lost, and the state that goes out with the comm needs to hold the first rows only.
- One flush holds no more than the notebook server lets through. It drops messages without a word above 1 MB a second.
- Messages go out on the stream's loop, and never while the stream hands over its bytes. The state may be read on any
  thread.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

from streamwidget._core.completion import why
from streamwidget._core.events import Finish, Retry, StreamEvent, Waiting
from streamwidget._core.stream import ChatStream
from streamwidget._view.pacer import Pacer
from streamwidget._view.transcript import JSON
from streamwidget._view.wire.rows import WireRows

_FLUSH = 40_000  # characters of rows in one flush
_STATE = 100_000  # characters of rows in the state


class WireFeed:
    """Turns a recording that grows into messages. It follows one stream.

    Parameters
    ----------
    stream : ChatStream
        Not started, or recorded.
    send : callable
        Sends one message, a JSON object, to the pages.
    ended : callable
        Called after the last row was sent.
    """

    def __init__(self, stream: ChatStream, send: Callable[[JSON], None], ended: Callable[[], None]) -> None:
        self._stream = stream
        self._recording = stream.recording or stream.record()
        self._send = send
        self._ended = ended
        self._wire = WireRows(self._recording)
        self._pacer = Pacer(self._flush, deferred=True)
        self._sent = 0  # rows
        self._phase = "waiting"
        self._detail = ""
        self._left = False
        self._unsubscribe: Callable[[], None] = lambda: None

    @property
    def rows(self) -> list[JSON]:
        """The rows as far as they were read."""
        return self._wire.rows

    def follow(self, stream: ChatStream, *, anew: bool = False) -> None:  # noqa: ARG002  # the rows hold the text
        """Send what the stream brings from now on."""
        if stream.over:
            self._wire.close()
            self._phase = "over"
        else:
            self._wire.read()
            self._unsubscribe = stream.subscribe(self._take)
            self._recording.observe(self._flush_soon)

    def leave(self) -> None:
        """Send nothing more. The stream goes on."""
        self._left = True
        self._unsubscribe()
        self._pacer.stop()

    async def sent(self) -> None:
        """Wait until all rows and the end are sent, if they wait for their turn."""
        await self._pacer.flushed()

    def send_snapshot(self, *, shared: bool = False) -> None:  # noqa: ARG002  # it shares no messages
        """Send everything, from the first row."""
        self.send_from(0)

    def send_from(self, count: int) -> None:
        """Send the rows after the first ``count`` ones, and the stream's state."""
        self._sent = min(self._sent, count)
        self._pacer.flush_now()

    def snapshot(self) -> JSON:
        """Return the stream's state and the first rows."""
        return {**self._facts(), "seq": 0, "rows": _first(self.rows, _STATE), "text": self._stream.completion.text}

    def _facts(self) -> JSON:
        completion = self._stream.completion
        over = self._phase == "over"
        return {
            "wire": True,
            "total": len(self.rows),
            "phase": self._phase,
            "outcome": completion.outcome if over else None,
            "detail": why(completion) if over else self._detail,
            "model": completion.model,
            "demo": completion.demo,
            "mark": completion.mark,
            "id": self._stream.id,
        }

    def _take(self, events: list[StreamEvent]) -> None:
        for event in events:
            match event:
                case Retry(delay=delay, reason=reason):
                    self._phase, self._detail = "retrying", reason
                    self._wire.wait(delay, reason)
                case Waiting(reason=reason):
                    self._phase, self._detail = "waiting", reason
                case Finish():
                    self._wire.close()
                    self._phase = "over"
                case _:
                    self._phase, self._detail = "streaming", ""
        self._flush_soon()

    def _flush_soon(self) -> None:
        if not self._left:  # a recording's observer stays for good
            self._pacer.flush_soon()

    def _flush(self) -> None:
        self._wire.read()
        rows = _first(self.rows[self._sent :], _FLUSH)
        self._send({"op": "rows", **self._facts(), "seq": self._sent, "rows": rows})
        self._sent += len(rows)
        if self._sent < len(self.rows):
            self._flush_soon()
        elif self._phase == "over":
            self._ended()


def _first(rows: Iterable[JSON], size: int) -> list[JSON]:
    """Return the first rows: as many as fit into ``size`` characters of JSON, and at least one."""
    first: list[JSON] = []
    for row in rows:
        size -= len(json.dumps(row, ensure_ascii=False))
        if size < 0 and first:
            break
        first.append(row)
    return first
