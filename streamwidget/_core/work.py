"""The work of a stream: it brings the events.

There are two kinds: a request of ours (:mod:`streamwidget._client.attempts`), and a stream of another library. The
stream knows its readers, how it was stopped and when it ended. Its work knows how to get events. Each stream has one
work, and runs it once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from streamwidget._core.accumulator import Accumulator
from streamwidget._core.cost import Cost
from streamwidget._core.events import Outcome, StreamEvent
from streamwidget._core.timeout import PendingLimit

if TYPE_CHECKING:
    from streamwidget._core.consent import Consents
    from streamwidget._core.receipt import SentRequest
    from streamwidget._core.recording import Recording


class Work(Protocol):
    """Brings the events of one stream."""

    @property
    def accumulator(self) -> Accumulator:
        """The answer so far."""
        ...

    @property
    def model(self) -> str | None:
        """The model that was asked for. None if only the answer will name it."""
        ...

    @property
    def request_hash(self) -> str | None:
        """The hash of the first request (:mod:`~streamwidget._core.request_hash`). None if it is not one of ours."""
        ...

    @property
    def sent(self) -> tuple[SentRequest, ...]:
        """The requests that left. Empty if another library makes them."""
        ...

    @property
    def request_id(self) -> str | None:
        """The id of the request in the response's headers."""
        ...

    @property
    def demo(self) -> bool:
        """True for an answer of the built-in demo server."""
        ...

    @property
    def mark(self) -> str:
        """Words on who answers that everybody must see, or empty."""
        ...

    @property
    def cost(self) -> Cost:
        """What its requests have cost, as far as that is known. Known at the end."""
        ...

    @property
    def reused_from(self) -> float | None:
        """When an answer of an earlier run was asked for, in seconds since 1970. None: it is asked now."""
        ...

    @property
    def left_at(self) -> float | None:
        """``time.monotonic()`` of the moment when the first request left. None if nobody knows it yet, or at all."""
        ...

    @property
    def pending_limit(self) -> PendingLimit | None:
        """The limit that is nearest to its end now. None if no limit is in force."""
        ...

    @property
    def repeatable(self) -> bool:
        """True if :meth:`again` can make the same work again."""
        ...

    @property
    def is_ours(self) -> bool:
        """True if no code of the person runs in it, so that it may run in a thread of ours."""
        ...

    @property
    def consents(self) -> Consents | None:
        """The tools that wait for a person. None if it never asks one."""
        ...

    async def run(self, publish: Callable[[list[StreamEvent]], None]) -> Outcome:
        """Bring all events. Apply each one to the accumulator and publish it.

        Parameters
        ----------
        publish : callable
            Takes each batch of events.

        Returns
        -------
        Outcome
            How the answer ended.

        Raises
        ------
        StreamError
            If the answer is not whole. The stream fills in the error's completion.
        asyncio.CancelledError
            If the task is cancelled. By then all connections are closed or abandoned.
        """
        ...

    def stop(self) -> None:
        """End soon, from any thread. The stream also cancels the task."""
        ...

    def record(self) -> Recording:
        """Record what comes over the wire. Call this before :meth:`run`.

        Returns
        -------
        Recording
            It grows during :meth:`run`.

        Raises
        ------
        ConfigurationError
            If another library reads the wire, so that its bytes are not seen here.
        """
        ...

    def again(self, *, go_on: bool) -> Work:
        """Make the same work again.

        Parameters
        ----------
        go_on : bool
            Ask for the rest of this answer, instead of a new answer.

        Returns
        -------
        Work
            New work. Nothing is sent yet.

        Raises
        ------
        ConfigurationError
            If it is not :attr:`repeatable`.
        """
        ...
