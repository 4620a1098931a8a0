"""What a grid sends to its pages: one line about all rows, and the rows that a page has in sight, as they change.

Rules
-----
- A page says which rows it has in sight: from a number on, or the newest ones. Only these are sent, and no more than
  :data:`WINDOW` of them. So 10,000 rows cost a page no more than 40.
- All changes of one flush are one message. A row with two changes in it is sent once.
- A page that comes, scrolls or misses something asks, and is sent its rows anew.
- Messages go out on the batch's loop only. The state may be read on any thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from streamwidget._core.completion import why
from streamwidget._core.events import Finish, StreamEvent
from streamwidget._core.stream import ChatStream
from streamwidget._many.batch import Batch
from streamwidget._many.shown import row_facts, summary
from streamwidget._view.pacer import Pacer
from streamwidget._view.transcript import JSON

WINDOW = 40  # rows
_PAGES = 4  # the newest pages get their rows


class GridFeed:
    """Turns the changes of a batch into messages.

    Parameters
    ----------
    batch : Batch
    stream : ChatStream
        The batch's.
    send : callable
        Sends one message, a JSON object, to the pages.
    ended : callable
        Called after the last message.
    """

    def __init__(
        self, batch: Batch, stream: ChatStream, send: Callable[[JSON], None], ended: Callable[[], None]
    ) -> None:
        self._batch = batch
        self._stream = stream
        self._send = send
        self._ended = ended
        self._pacer = Pacer(self._flush)
        self._firsts: dict[str, int | None] = {"": None}  # by page. None: the newest rows
        self._changed: set[int] = set()
        self._over = False
        self._unsubscribe: Callable[[], None] = lambda: None

    def follow(self, stream: ChatStream, *, anew: bool = False) -> None:  # noqa: ARG002  # a batch has no text
        """Send what the batch does from now on."""
        self._over = stream.over
        if not stream.over:
            self._batch.changed = self._note
            self._unsubscribe = stream.subscribe(self._take)

    def leave(self) -> None:
        """Send nothing more. The batch goes on."""
        self._batch.changed = lambda _number: None
        self._unsubscribe()
        self._pacer.stop()

    async def sent(self) -> None:
        """Wait until everything is sent, if something waits for its turn."""
        await self._pacer.flushed()

    def snapshot(self) -> JSON:
        """Return the state of the batch, and the newest rows."""
        return self._message(self._window(None))

    def send_snapshot(self, *, shared: bool = False) -> None:  # noqa: ARG002  # it shares no messages
        """Send the state of the batch, and the rows that the pages have in sight."""
        self._changed |= {number for first in self._firsts.values() for number in self._window(first)}
        self._pacer.flush_now()

    def look(self, page: str, first: int | None) -> None:
        """Send a page the rows from ``first`` on, or the newest ones, now and whenever they change."""
        self._firsts.pop("", None)
        self._firsts.pop(page, None)
        self._firsts[page] = first
        while len(self._firsts) > _PAGES:
            self._firsts.pop(next(iter(self._firsts)))
        self._changed.update(self._window(first))
        self._pacer.flush_now()

    def _window(self, first: int | None) -> range:
        count = len(self._batch.results)
        start = max(0, count - WINDOW) if first is None else min(first, count)
        return range(start, min(count, start + WINDOW))

    def _note(self, number: int) -> None:
        self._changed.add(number)
        self._pacer.flush_soon()

    def _take(self, events: list[StreamEvent]) -> None:
        if events and isinstance(events[-1], Finish):
            self._over = True
            self._changed.update(number for first in self._firsts.values() for number in self._window(first))
            self._pacer.flush_end(3, in_turn=False)  # the end, the state once more, and the replacement

    def _flush(self) -> None:
        windows = [self._window(first) for first in self._firsts.values()]
        rows = sorted(number for number in self._changed if any(number in window for window in windows))
        self._changed.clear()
        self._send({"op": "rows", **self._message(rows)})
        if self._over:
            self._ended()

    def _message(self, rows: Iterable[int]) -> JSON:
        batch, completion = self._batch, self._stream.completion
        line = summary(batch, self._stream.elapsed, over=self._over)
        return {
            "grid": True,
            "phase": "over" if self._over else "streaming",
            "outcome": completion.outcome if self._over else None,
            "detail": why(completion) if self._over else "",
            "line": line,
            "text": line,  # for a page without the grid's code
            "total": batch.total,
            "taken": len(batch.results),
            "done": batch.done,
            "failed": batch.counts["failed"],
            "rows": [row_facts(batch, number) for number in rows],
            "model": batch.model,
            "demo": batch.demo,
            "mark": batch.mark,
            "id": self._stream.id,
        }
