"""The subscribers of one stream, each in its own thread.

A stream may run apart, on the loop in a thread of our own. Views get its events in our thread. The code of a person
gets them on the loop that started the stream, through a relay.
"""

from __future__ import annotations

from collections.abc import Callable

from streamwidget._core.events import StreamEvent
from streamwidget._core.relay import Relay
from streamwidget._core.subscribers import Subscriber, Subscribers


class Delivery:
    """The subscribers on the loop that started the stream, and those in the stream's own thread.

    It is true if there is a subscriber.
    """

    def __init__(self) -> None:
        self._here = Subscribers()
        self._apart = Subscribers()
        self._relay: Relay | None = None

    def __bool__(self) -> bool:
        return bool(self._here or self._apart)

    @property
    def is_relayed(self) -> bool:
        """True if the stream runs in another thread than the code of the person."""
        return self._relay is not None

    def relay(self) -> None:
        """From now on, bring the events to the loop of this thread."""
        self._relay = Relay(self._here.publish)

    def add(self, subscriber: Subscriber, *, apart: bool = False) -> Callable[[], None]:
        """Send all later events to ``subscriber``. Call the returned function to end it."""
        return (self._apart if apart else self._here).add(subscriber)

    def tell(self, events: list[StreamEvent]) -> None:
        """Send the events to all subscribers."""
        if self._relay is not None:
            self._relay.put(events)  # first: the next cell of a person who sees the end finds the answer in `_chat`
        self._apart.publish(events)
        if self._relay is None:
            self._here.publish(events)

    def call(self, function: Callable[[], object]) -> None:
        """Call a function on the loop that started the stream, after all events so far."""
        if self._relay is None:
            function()
        else:
            self._relay.put(function)

    def end(self, last: list[StreamEvent]) -> None:
        """Send the last events, and remove all subscribers."""
        self.tell(last)
        self._apart.clear()
        self.call(self._here.clear)
        if self._relay is not None:
            self._relay.over = True
