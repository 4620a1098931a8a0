"""Who sees an answer: the pages that show it, and what happens when none does.

Rules
-----
- A message with a page's name says that this page shows the widget. ``left`` says that it shows it no longer. Example:
  two tabs of one notebook are two pages, and a page that is loaded anew is another one.
- A page that is loaded anew, or crashes, says nothing. So when a page leaves and others are known, they are asked.
  Each answers ``here`` or ``left``. Those that do not answer in time are forgotten.
- A stream that no page has answered for may be stopped. That is off unless it is asked for, because a notebook's answer
  may be read later. In Voila it is on: a viewer who closes the page can never come back to its kernel, so the rest of
  the answer would be written and billed for nobody. Any message of any page counts, also from the background.
- A page is asked after a quarter of the limit, so it costs at most four small messages in that time.
- Before a page has ever spoken nothing counts. Example: nbclient runs a notebook without any page.
- Time in which the loop was blocked does not count, because no page could be heard then.
- A stream whose tools need consent learns here whether a page can ask a person.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Literal

from streamwidget._client.config import default_stop_unseen
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.loop import running_loop
from streamwidget._core.stream import ChatStream

_STEP = 1.0  # seconds between two looks at the clock
_LATE = 0.25  # seconds. If a look is later than this, the loop was blocked and not just busy
_ANSWERS = 10.0  # seconds that a page has to say that it still shows a widget which another page has left
_LONGEST = 40  # characters of a page's name


class Silence:
    """The clock of a wait for pages. It says when to ask the pages and when to stop.

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


class Watch:
    """Asks pages on this thread's loop until they are not waited for any longer.

    Parameters
    ----------
    limit : float
        Seconds.
    ask : callable
        Asks all pages of the widget whether they are there.
    silent : callable
        Called if nothing was heard for so long.
    waits : callable
        Returns False when it is over.
    """

    def __init__(
        self, limit: float, ask: Callable[[], None], silent: Callable[[], None], waits: Callable[[], bool]
    ) -> None:
        self._ask = ask
        self._silent = silent
        self._waits = waits
        self._silence = Silence(limit, time.monotonic())
        self._loop = asyncio.get_running_loop()
        self._loop.call_later(self._silence.step, self._look)

    def hear(self) -> None:
        """Note a message of a page. Any thread may call this."""
        self._silence.hear(time.monotonic())

    def _look(self) -> None:
        if not self._waits():
            return
        match self._silence.look(time.monotonic()):
            case "stop":
                self._silent()
                return
            case "ask":
                self._ask()
        self._loop.call_later(self._silence.step, self._look)


def page_of(message: Any) -> str | None:
    """Return the name of the page that shows a widget, or has left it, as a message of that page carries it."""
    match message:
        case {"page": str(page)} if len(page) < _LONGEST:
            return page
    return None


class Pages:
    """The pages that show one widget.

    Parameters
    ----------
    ask : callable
        Asks all pages of the widget whether they show it.
    gone : callable
        Called on any thread when no page shows it any longer.
    call : callable
        Calls a function on the widget's loop, from any thread.
    """

    def __init__(
        self, ask: Callable[[], None], gone: Callable[[], None], call: Callable[[Callable[[], None]], None]
    ) -> None:
        self._ask = ask
        self._gone = gone
        self._call = call
        self._known: set[str] = set()
        self._unanswered: set[str] = set()  # those of them that were asked, and have said nothing since

    @property
    def known(self) -> bool:
        """True if a page shows the widget, as far as is known."""
        return bool(self._known)

    def heard(self, message: Any) -> bool:
        """Note a message of a page, which may be anything. Any thread may call this.

        Returns
        -------
        bool
            True if that page shows the widget.
        """
        page = page_of(message)
        if page is None:
            return False
        self._unanswered.discard(page)
        if message.get("op") != "left":
            self._known.add(page)
            return True
        if page in self._known:
            self._known.discard(page)
            if not self._known:
                self._gone()
            elif not self._unanswered:
                self._call(self._ask_others)
        return False

    def _ask_others(self) -> None:
        if running_loop() is not None and not self._unanswered:
            asked = self._unanswered = set(self._known)
            self._ask()
            Watch(_ANSWERS, self._ask, self._forget, lambda: bool(asked))

    def _forget(self) -> None:
        self._known -= self._unanswered
        self._unanswered.clear()
        if not self._known:
            self._gone()


class Audience:
    """What the pages of one widget mean for its stream.

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
        self._watch: Watch | None = None

    def follow(self, stream: ChatStream) -> None:
        """Stop this stream when no page answers. Call this on the stream's loop."""
        self._watch = None  # that of an earlier stream is over
        self._stream = stream
        if stream.consents is not None and self._confirms:
            stream.consents.expected = True
            stream.consents.heard |= self._spoke
        if self._spoke:
            self._begin()

    def heard(self) -> None:
        """Note a message of a page. Any thread may call this."""
        self._spoke = True
        if self._confirms and self._stream is not None and self._stream.consents is not None:
            self._stream.consents.heard = True
        if (watch := self._watch) is not None:
            watch.hear()
        elif self._limit and self._stream is not None and not self._stream.over:
            self._stream.call(self._begin)

    def _begin(self) -> None:
        stream = self._stream
        if not self._limit or stream is None or stream.over or self._watch is not None or running_loop() is None:
            return
        why = f"because no page has answered for {self._limit:g} s"
        self._watch = Watch(self._limit, self._ask, lambda: stream.cancel(why), lambda: not stream.over)
