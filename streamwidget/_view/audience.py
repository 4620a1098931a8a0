"""Who sees an answer: the kernel asks its pages from time to time, and stops a stream that no page has answered for.

Rules
-----
- It is off unless it is asked for, because a notebook's answer may be read later. In Voila it is on: a viewer who
  closes the page can never come back to its kernel, so the rest of the answer would be written and billed for nobody.
- A page is asked after a quarter of the limit, so it costs at most four small messages in that time. A page that says
  anything is there, also in the background.
- Before a page has ever spoken nothing counts. Example: nbclient runs a notebook without any page.
- Time in which the loop was blocked does not count, because no page could be heard then.
- A stream whose tools need consent learns here whether a page can ask a person.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Literal

from streamwidget._client.config import default_stop_unseen
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.loop import running_loop
from streamwidget._core.stream import ChatStream

_STEP = 1.0  # seconds between two looks at the clock
_LATE = 0.25  # seconds. If a look is later than this, the loop was blocked and not just busy


class Silence:
    """The clock of an audience. It says when to ask the pages and when to stop.

    Parameters
    ----------
    limit : float
        Seconds.
    now : float
        The time, from ``time.monotonic()``.
    """

    def __init__(self, limit: float, now: float) -> None:
        self._limit = limit
        self.step = min(_STEP, limit / 8)
        self._heard = self._asked = self._looked = now

    def hear(self, now: float) -> None:
        """Note a message of a page. Any thread may call this."""
        self._heard = max(self._heard, now)

    def look(self, now: float) -> Literal["ask", "stop"] | None:
        """Return what is to be done now. Call this every :attr:`step` seconds."""
        late = now - self._looked - self.step
        self._looked = now
        if late > _LATE:
            self._heard = min(self._heard + late, now)
            self._asked = min(self._asked + late, now)
        if now - self._heard >= self._limit:
            return "stop"
        if now - max(self._heard, self._asked) >= self._limit / 4:
            self._asked = now
            return "ask"
        return None


class Audience:
    """The pages of one widget.

    Parameters
    ----------
    limit : float or None
        Stop a stream if no page has answered for so many seconds. 0 never stops it. None takes the setting of
        ``%config ChatMagics.stop_unseen``, which is 60 in Voila and 0 elsewhere.
    ask : callable
        Asks all pages of the widget whether they are there.
    confirms : bool, default True
        The pages can ask a person for consent to a tool.

    Raises
    ------
    ConfigurationError
        If ``limit`` is not a number from 0.
    """

    def __init__(self, limit: float | None, ask: Callable[[], None], *, confirms: bool = True) -> None:
        limit = default_stop_unseen() if limit is None else limit
        if not isinstance(limit, int | float) or not 0 <= limit < float("inf"):
            raise ConfigurationError("stop_unseen takes a number of seconds, or 0 for a stream that always goes on.")
        self._limit = limit
        self._ask = ask
        self._confirms = confirms
        self._spoke = False  # a page has spoken, at any time
        self._stream: ChatStream | None = None
        self._silence: Silence | None = None
        self._timer: asyncio.TimerHandle | None = None

    def follow(self, stream: ChatStream) -> None:
        """Stop this stream when no page answers. Call this on the stream's loop."""
        self._stop_watching()
        self._stream = stream
        if stream.consents is not None and self._confirms:
            stream.consents.expected = True
            stream.consents.heard |= self._spoke
        if self._spoke:
            self._watch()

    def heard(self) -> None:
        """Note a message of a page. Any thread may call this."""
        self._spoke = True
        if self._confirms and self._stream is not None and self._stream.consents is not None:
            self._stream.consents.heard = True
        if (silence := self._silence) is not None:
            silence.hear(time.monotonic())
        elif self._limit and self._stream is not None and not self._stream.over:
            self._stream.call(self._watch)

    def _watch(self) -> None:
        stream, loop = self._stream, running_loop()
        if not self._limit or stream is None or stream.over or loop is None or self._silence is not None:
            return
        silence = self._silence = Silence(self._limit, time.monotonic())

        def look() -> None:
            if stream.over:
                self._stop_watching()
                return
            match silence.look(time.monotonic()):
                case "stop":
                    stream.cancel(f"because no page has answered for {self._limit:g} s")
                    self._stop_watching()
                    return
                case "ask":
                    self._ask()
            self._timer = loop.call_later(silence.step, look)

        self._timer = loop.call_later(silence.step, look)

    def _stop_watching(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._silence = None
