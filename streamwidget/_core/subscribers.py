"""Who is told of a stream's events. A subscriber that fails does not harm the stream, nor the others.

One that blocks does: all streams of a loop, and all their subscribers, share its thread, so each waits until it
returns. What holds is that no text is lost, that no limit of :class:`~streamwidget.Timeout` counts that time, that all
streams catch up afterwards, and that the person is told once. Slow work belongs in a thread.
"""

from __future__ import annotations

import contextlib
import time
import warnings
from collections.abc import Callable
from typing import TypeAlias

from streamwidget._core.events import StreamEvent

Subscriber: TypeAlias = Callable[[list[StreamEvent]], None]
_STRIKES = 3
_SLOW = 0.1  # seconds: a text that stands still for longer is seen to stutter
_OURS = "streamwidget."


class Subscribers:
    """An ordered set of callables, each told of every batch of events."""

    def __init__(self) -> None:
        self._strikes: dict[Subscriber, int] = {}
        self._slow: set[Subscriber] = set()

    def __bool__(self) -> bool:
        return bool(self._strikes)

    def add(self, subscriber: Subscriber) -> Callable[[], None]:
        """Tell ``subscriber`` of what comes from now on; call the result to end that."""
        self._strikes[subscriber] = 0

        def remove() -> None:
            self._strikes.pop(subscriber, None)
            self._slow.discard(subscriber)

        return remove

    def clear(self) -> None:
        self._strikes.clear()
        self._slow.clear()

    def publish(self, events: list[StreamEvent]) -> None:
        """Tell all. One that raises is warned about once, and dropped after three times; one that blocks, once."""
        for subscriber in tuple(self._strikes):
            begun = time.monotonic()
            try:
                subscriber(events)
            except Exception as exc:  # noqa: BLE001  (a person's callback may raise anything)
                self._strike(subscriber, exc)
            took = time.monotonic() - begun
            if took > _SLOW and subscriber not in self._slow and not _is_ours(subscriber):
                self._slow.add(subscriber)
                _warn(
                    f"A subscriber of a stream took {took:.1f} s; meanwhile no stream of its event loop goes on. "
                    "Do slow work in a thread."
                )

    def _strike(self, subscriber: Subscriber, exc: Exception) -> None:
        strikes = self._strikes.get(subscriber, 0)
        if strikes == 0:
            _warn(f"A subscriber of a stream raised {exc!r}; the stream goes on.")
        if strikes + 1 < _STRIKES:
            self._strikes[subscriber] = strikes + 1
        else:
            self._strikes.pop(subscriber, None)


def _warn(message: str) -> None:
    with contextlib.suppress(RuntimeWarning):  # `python -W error` makes it an exception
        warnings.warn(message, RuntimeWarning, stacklevel=4)


def _is_ours(subscriber: Subscriber) -> bool:
    # A machine that is short of time is slow in our own, too, and the person could do nothing about it.
    return str(getattr(subscriber, "__module__", "")).startswith(_OURS)
