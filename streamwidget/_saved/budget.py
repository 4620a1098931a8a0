"""The time for the Markdown of one saved answer. What is not parsed by then is saved as it was typed.

Ordinary Markdown takes about half of it on a slow machine. The bounds of :mod:`streamwidget._saved.markdown` keep
hostile Markdown near it. This is for what they do not know.
"""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

from streamwidget._core.loop import interrupts

BUDGET = "streamwidget_budget"  # its name in the environment, which markdown-it gives to each rule
_SECONDS = 0.5
_SECONDS_PER_CHARACTER = 5e-6
_AT_ONCE = 1.0  # seconds. 30 answers of an ordinary length take less
_CLOCK = getattr(time, "thread_time", time.process_time)  # a browser tab has no clock of a thread, and one thread
_EVERY = 16  # looks, because the clock costs more than what is between two of them


class OutOfTimeError(Exception):
    """The time is up, or nobody waits any longer."""


class Budget:
    """Processor time of the thread that looks at it. It begins with the first look.

    Parameters
    ----------
    characters : int
        Of all texts that share the time.
    at_most : float, optional
        Seconds, for any number of characters.
    """

    def __init__(self, characters: int, at_most: float = math.inf) -> None:
        self._seconds = min(_SECONDS + characters * _SECONDS_PER_CHARACTER, at_most)
        self._end: float | None = None
        self._looks = 0
        self._spent = False

    @classmethod
    @contextmanager
    def at_once(cls, characters: int) -> Iterator[Budget]:
        """Give a second at most, because the kernel does nothing else meanwhile.

        An interrupt ends it earlier. The interrupt itself comes after the block, to whoever was to hear it.
        """
        budget = cls(characters, _AT_ONCE)
        with interrupts(budget.spend) as interrupted:
            yield budget
        if interrupted:
            signal.raise_signal(signal.SIGINT)

    def spend(self) -> None:
        """Let the time be up. Any thread may call this."""
        self._spent = True

    @property
    def is_spent(self) -> bool:
        """True when the time is up."""
        now = _CLOCK()
        if self._end is None:
            self._end = now + self._seconds
        self._spent = self._spent or now >= self._end
        return self._spent

    def check(self) -> None:
        """Raise OutOfTimeError when the time is up. It is cheap, for inner loops."""
        self._looks += 1
        if self._spent or (self._looks % _EVERY == 1 and self.is_spent):
            raise OutOfTimeError
