"""What a stream runs: our own request (:mod:`streamwidget._client.attempts`), or somebody else's stream.

The stream knows its readers, how it was stopped and when it ended; its work knows where the events come from. There is
one work for each stream, run once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from streamwidget._core.accumulator import Accumulator
from streamwidget._core.events import Outcome, StreamEvent
from streamwidget._core.recording import Recording
from streamwidget._core.timeout import PendingLimit


class Work(Protocol):
    """What produces the events of one stream."""

    @property
    def accumulator(self) -> Accumulator:
        """What has come so far."""
        ...

    @property
    def model(self) -> str | None:
        """The model that was asked for, where that is known before the answer."""
        ...

    @property
    def request_id(self) -> str | None:
        """What the response's header calls the request."""
        ...

    @property
    def demo(self) -> bool:
        """True for an answer of the built-in demo server."""
        ...

    @property
    def pending_limit(self) -> PendingLimit | None:
        """The limit that is nearest to its end now. None where no limit is in force."""
        ...

    @property
    def repeatable(self) -> bool:
        """True if :meth:`again` can make the same work anew."""
        ...

    async def run(self, publish: Callable[[list[StreamEvent]], None]) -> Outcome:
        """Bring all there is: apply each event to the accumulator, publish it, and return how the answer ended.

        Raises
        ------
        StreamError
            If there is no whole answer; its completion is filled in by the stream.
        asyncio.CancelledError
            If the task is cancelled; what was opened is closed by then, or given up.
        """
        ...

    def stop(self) -> None:
        """End soon, from any thread. The task is cancelled as well."""
        ...

    def record(self) -> Recording:
        """Note from now on what comes over the wire; before :meth:`run`.

        Raises
        ------
        ConfigurationError
            If the wire is somebody else's.
        """
        ...

    def again(self, *, go_on: bool) -> Work:
        """Make the same work anew; ``go_on`` asks for the rest of this answer.

        Raises
        ------
        ConfigurationError
            If that cannot be done.
        """
        ...
