"""The subscribers of a stream. One that raises harms neither the stream nor the others.

One that blocks does harm. All streams of a loop share its thread, so they all wait until the subscriber returns. No
text is lost, no limit of :class:`~streamwidget.Timeout` counts that time, and all streams catch up afterwards. You get
one warning. Do slow work in a thread.
"""

from __future__ import annotations

import contextlib
import time
import warnings
from collections.abc import Callable
from typing import TypeAlias

from streamwidget._core.events import Finish, StreamEvent

Subscriber: TypeAlias = Callable[[list[StreamEvent]], None]
_STRIKES = 3
_SLOW = 0.1  # seconds: a longer pause is visible in the text
_OURS = "streamwidget."


def at_end(act: Callable[[], None]) -> Subscriber:
    """Return a subscriber that calls ``act()`` when the stream has ended, and does nothing before."""

    def hear(events: list[StreamEvent]) -> None:
        if isinstance(events[-1], Finish):
            act()

    return hear


class Subscribers:
    """An ordered set of callables. Each gets every batch of events."""

    def __init__(self) -> None:
        self._strikes: dict[Subscriber, int] = {}
        self._slow: set[Subscriber] = set()

    def __bool__(self) -> bool:
        return bool(self._strikes)

    def add(self, subscriber: Subscriber) -> Callable[[], None]:
        """Send all later events to ``subscriber``. Call the returned function to end that."""
        self._strikes[subscriber] = 0

        def remove() -> None:
            self._strikes.pop(subscriber, None)
            self._slow.discard(subscriber)

        return remove

    def clear(self) -> None:
        """Remove all subscribers."""
        self._strikes.clear()
        self._slow.clear()

    def publish(self, events: list[StreamEvent]) -> None:
        """Send the events to all subscribers.

        The first exception of a subscriber gives a warning. The third one removes it. A slow one gives one warning.
        """
        begun = time.monotonic()
        for subscriber in tuple(self._strikes):
            try:
                subscriber(events)
            except Exception as exc:  # noqa: BLE001  (a person's callback may raise anything)
                self._strike(subscriber, exc)
            ended = time.monotonic()
            took, begun = ended - begun, ended
            if took > _SLOW and subscriber not in self._slow and not _is_ours(subscriber):
                self._slow.add(subscriber)
                _warn(
                    f"A subscriber of a stream took {took:.1f} s. All streams of its event loop waited for it. "
                    "Do slow work in a thread."
                )

    def _strike(self, subscriber: Subscriber, exc: Exception) -> None:
        strikes = self._strikes.get(subscriber, 0)
        if strikes == 0:
            _warn(f"A subscriber of a stream raised {exc!r}. The stream goes on.")
        if strikes + 1 < _STRIKES:
            self._strikes[subscriber] = strikes + 1
        else:
            self._strikes.pop(subscriber, None)


def _warn(message: str) -> None:
    with contextlib.suppress(RuntimeWarning):  # `python -W error` makes it an exception
        warnings.warn(message, RuntimeWarning, stacklevel=4)


def _is_ours(subscriber: Subscriber) -> bool:
    # Our own subscribers are slow on a busy machine, and you could do nothing about such a warning.
    return str(getattr(subscriber, "__module__", "")).startswith(_OURS)
