"""Who is told of a stream's events. A subscriber that fails does not harm the stream, nor the others."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable
from typing import TypeAlias

from streamwidget._events import StreamEvent

Subscriber: TypeAlias = Callable[[list[StreamEvent]], None]
_STRIKES = 3


class Subscribers:
    """An ordered set of callables, each told of every batch of events."""

    def __init__(self) -> None:
        self._strikes: dict[Subscriber, int] = {}

    def __bool__(self) -> bool:
        return bool(self._strikes)

    def add(self, subscriber: Subscriber) -> Callable[[], None]:
        """Tell ``subscriber`` of what comes from now on; call the result to end that."""
        self._strikes[subscriber] = 0

        def remove() -> None:
            self._strikes.pop(subscriber, None)

        return remove

    def clear(self) -> None:
        self._strikes.clear()

    def tell(self, events: list[StreamEvent]) -> None:
        """Tell all. One that raises is warned about once, and dropped after three times."""
        for subscriber in tuple(self._strikes):
            try:
                subscriber(events)
            except Exception as exc:  # noqa: BLE001  (a person's callback may raise anything)
                strikes = self._strikes.get(subscriber, 0)
                if strikes == 0:
                    said = f"A subscriber of a stream raised {exc!r}; the stream goes on."
                    with contextlib.suppress(RuntimeWarning):  # `python -W error` makes it an exception
                        warnings.warn(said, RuntimeWarning, stacklevel=2)
                if strikes + 1 < _STRIKES:
                    self._strikes[subscriber] = strikes + 1
                else:
                    self._strikes.pop(subscriber, None)
