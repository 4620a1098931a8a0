"""One message for many views: the views of a loop flush together, and their bundle's comm carries their messages.

Rules
-----
- The message is ``{"views": {KEY: [MESSAGE, ...], ...}}``. The messages of each view have their own numbers, as
  before. If a page misses one, it asks for that view alone.
- A round comes each :data:`message_rate.FLUSH <streamwidget._view.message_rate.FLUSH>`, and more slowly with many
  views. Example: 400 views flush each 200 ms.
- The first text and the end of a view do not wait for the round while a slot is free.
- The notebook server drops more than 1 MB a second. So a large message claims more slots, and from a certain size it
  takes no further view. The rest go out in the next round.
- Many views may end at once. After its end each view has a message of its own, such as the state for the saved
  notebook. It waits for its turn, and the rounds go on beside it.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from weakref import WeakKeyDictionary

from streamwidget._core.loop import running_loop
from streamwidget._view import message_rate
from streamwidget._view.bundle import Bundle
from streamwidget._view.outbox import Outbox
from streamwidget._view.pacer import Pacer
from streamwidget._view.transcript import JSON

_EACH = 0.0005  # seconds to the next round, for each view of this one
_SLOT = 10_000  # characters of a message: it claims one more slot for each
_LARGE = 300_000  # characters of a message: from here on it takes no further view
_ENDS = 50  # messages a second after the ends


class SharedPacer(Pacer):
    """Calls ``flush`` when it is the view's turn: in a round while its pages read shared messages, alone otherwise.

    Parameters
    ----------
    flush : callable
        Sends all that is new, by the outbox.
    outbox : Outbox
        The view's.
    """

    def __init__(self, flush: Callable[[], None], outbox: Outbox) -> None:
        super().__init__(flush)
        self.outbox = outbox
        self._round: Round | None = None  # it waits in this one
        self._slots = 0  # for the messages after its end

    @property
    def shares(self) -> bool:
        return self.outbox.shares and running_loop() is not None

    def flush_soon(self) -> None:
        """Flush in the next round. The first text goes out immediately while a slot is free."""
        if self._round is not None or self._timer is not None:
            return
        if not self.shares:
            super().flush_soon()
        elif self._last_flush == -math.inf and message_rate.claim_free():
            self.flush_now()
        else:
            self._join()

    def flush_end(self, slots: int, *, in_turn: bool, then: Callable[[], None] | None = None) -> None:
        """Flush for the last time: in the next round if the end is ``in_turn`` and no slot is free."""
        if not (in_turn and self.shares):
            super().flush_end(slots, in_turn=in_turn, then=then)
            return
        self.stop()
        self._then = then
        if message_rate.claim_free(slots):
            self.flush_now()
        else:
            self._slots = slots - 1
            self._join()

    def stop(self) -> None:
        """Forget the waiting flush, and the messages after it."""
        super().stop()
        if self._round is not None:
            self._round.leave(self)
            self._round = None

    async def flushed(self) -> None:
        """Wait until no flush waits for its turn, and no end."""
        await super().flushed()
        loop = asyncio.get_running_loop()
        while self._round is not None and self._round is round_of(loop):  # noqa: ASYNC110  (a flush may join again)
            await asyncio.sleep(message_rate.FLUSH)

    def _send(self) -> None:
        if self.shares:
            send_together([self])
        else:
            super()._send()

    def _join(self) -> None:
        self._round = round_of(asyncio.get_running_loop())
        self._round.join(self, self._last_flush + message_rate.FLUSH)

    # ---- for the round

    def messages(self) -> list[JSON]:
        """Make messages of all that is new."""
        self._last_flush = time.monotonic()
        return self.outbox.hold(self._flush)

    def finish(self) -> int:
        """Leave the round, unless messages follow the end. Return their number."""
        if self._then is None:
            self._round = None
            return 0
        return self._slots

    def follow(self) -> None:
        """Send the messages after the end."""
        then = self._then
        self.stop()
        if then is not None:
            then()


class Round:
    """The views of one loop. They wait here for the next message. All of it runs on the loop."""

    def __init__(self) -> None:
        self._waiting: dict[SharedPacer, None] = {}
        self._ended: deque[SharedPacer] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._end_timer: asyncio.TimerHandle | None = None
        self._next = -math.inf  # the earliest time of the next message

    def join(self, view: SharedPacer, earliest: float) -> None:
        """Flush a view with the next message. It comes at ``earliest`` or later if no other view waits for one."""
        self._waiting[view] = None
        self._wait(earliest)

    def leave(self, view: SharedPacer) -> None:
        """Forget a view."""
        self._waiting.pop(view, None)
        if view in self._ended:
            self._ended.remove(view)

    def _wait(self, earliest: float = -math.inf) -> None:
        if self._timer is not None:
            return
        wait = max(self._next, earliest, message_rate.claim()) - time.monotonic()
        if wait > 0:
            self._timer = asyncio.get_running_loop().call_later(wait, self._run)
        else:
            self._run()

    def _run(self) -> None:
        self._timer = None
        self._next = time.monotonic() + max(message_rate.FLUSH, _EACH * len(self._waiting))
        flushed, size = send_together(self._waiting)
        message_rate.claim(size // _SLOT)
        for view in flushed:
            self._waiting.pop(view, None)
            if view.finish():
                self._ended.append(view)
        if self._end_timer is None:
            self._follow()
        if self._waiting:
            self._wait()

    def _follow(self) -> None:
        self._end_timer = None
        if self._ended:
            view = self._ended.popleft()
            slots = view.finish()
            wait = max(slots / _ENDS, message_rate.claim(slots) - time.monotonic())
            self._end_timer = asyncio.get_running_loop().call_later(wait, self._follow)
            view.follow()


def send_together(views: Iterable[SharedPacer]) -> tuple[list[SharedPacer], int]:
    """Flush views, and send their messages as one.

    Parameters
    ----------
    views : iterable of SharedPacer

    Returns
    -------
    tuple of list and int
        The flushed views, and the size of the message in characters. A large message takes no further view.
    """
    flushed: list[SharedPacer] = []
    shared: dict[Bundle, dict[str, list[JSON]]] = {}
    size = 0
    for view in [*views]:
        if size >= _LARGE:
            break
        flushed.append(view)
        with _reported():
            if messages := view.messages():
                shared.setdefault(view.outbox.bundle, {})[view.outbox.key] = messages
                size += len(json.dumps(messages, default=str))
    for bundle, news in shared.items():
        with _reported():
            bundle.send({"views": news})
    return flushed, size


@contextmanager
def _reported() -> Iterator[None]:
    """Report an exception, as the loop does. So the other views go on."""
    try:
        yield
    except Exception as exc:  # noqa: BLE001  (as above)
        context = {"message": "The text of a view was not sent.", "exception": exc}
        asyncio.get_running_loop().call_exception_handler(context)


_rounds: WeakKeyDictionary[asyncio.AbstractEventLoop, Round] = WeakKeyDictionary()


def round_of(loop: asyncio.AbstractEventLoop) -> Round:
    """Return the round of a loop."""
    return _rounds.setdefault(loop, Round())
