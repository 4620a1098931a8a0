"""The answers of several models to one question, on one clock, and the choice of one to keep.

Each column has a stream of its own, with its own end. A failed or stopped one does not end the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from streamwidget._conversation.turn import Turn
from streamwidget._core.accumulator import Accumulator
from streamwidget._core.completion import ChatCompletion, shown
from streamwidget._core.cost import Cost, total
from streamwidget._core.events import Outcome, StreamEvent
from streamwidget._core.exceptions import ConfigurationError, StreamError
from streamwidget._core.messages import Message
from streamwidget._core.stream import ChatStream

if TYPE_CHECKING:
    from streamwidget._core.recording import Recording


@dataclass(frozen=True, slots=True)
class Column:
    """One model of a comparison.

    Attributes
    ----------
    name : str
        The name of the model or of the callable. Empty: the server chooses.
    host : str
        The server. Empty for a callable.
    """

    name: str
    host: str


@dataclass(slots=True)
class Vote:
    """The choice of an answer to keep. Only this part of a comparison changes after its end.

    Attributes
    ----------
    kept : int or None
        Its place. None: no answer can go on.
    by_person : bool
        False: nobody has chosen, and the rule of :func:`choose` decided.
    late : bool
        The last vote came after a later question, so nothing has changed.
    """

    kept: int | None = None
    by_person: bool = False
    late: bool = False


def can_go_on(answer: ChatCompletion) -> bool:
    """Return True if a conversation can go on with an answer: a later request would carry it.

    Examples
    --------
    >>> can_go_on(ChatCompletion("Elbe", outcome="cancelled")), can_go_on(ChatCompletion("Elbe", outcome="timeout"))
    (True, False)
    """
    return Turn("", Message("user", ""), Message("assistant", shown(answer), completion=answer)).sendable


def choose(answers: Sequence[ChatCompletion]) -> int | None:
    """Return the place of the answer to keep, if nobody chooses: the first complete one, in the order given.

    If none is complete, it is the first stopped or cut one. None if all have failed.

    Examples
    --------
    >>> stopped, whole = ChatCompletion("El", outcome="cancelled"), ChatCompletion("Elbe", outcome="complete")
    >>> choose([stopped, whole]), choose([stopped]), choose([ChatCompletion(outcome="http_error")])
    (1, 0, None)
    """
    able = [place for place, answer in enumerate(answers) if can_go_on(answer)]
    return next((place for place in able if answers[place].outcome == "complete"), able[0] if able else None)


class SideBySide:
    """All columns, as the work of one stream (:mod:`streamwidget._core.work`). A stop of this stream stops all of them.

    Parameters
    ----------
    streams : sequence of ChatStream
        In the order of the columns. They have not started.

    Attributes
    ----------
    streams : tuple of ChatStream
    vote : Vote
    failure : StreamError or None
        The failure of the first column, if all of them have failed.
    """

    model = request_hash = request_id = reused_from = left_at = pending_limit = consents = None
    sent = ()
    demo = False
    mark = ""
    repeatable = False
    is_ours = False  # a function of the person may answer

    def __init__(self, streams: Sequence[ChatStream]) -> None:
        self.accumulator = Accumulator()
        self.streams = tuple(streams)
        self.vote = Vote()
        self.failure: StreamError | None = None

    @property
    def answers(self) -> tuple[ChatCompletion, ...]:
        """The answers so far."""
        return tuple(stream.completion for stream in self.streams)

    @property
    def cost(self) -> Cost:
        """The cost of all of them."""
        return total(answer.cost for answer in self.answers)

    def start(self) -> None:
        """Send all requests at one moment, on the loop of this thread."""
        for stream in self.streams:
            stream.start()

    async def run(self, publish: Callable[[list[StreamEvent]], None]) -> Outcome:  # noqa: ARG002  (it has no events)
        """Wait until all columns have ended, in any way."""
        self.start()
        failures = await asyncio.gather(*map(_end_of, self.streams))
        self.failure = failures[0] if all(failures) else None
        return "complete"

    def stop(self) -> None:
        """Stop all columns, from any thread."""
        for stream in self.streams:
            stream.cancel()

    def record(self) -> Recording:
        """Refuse: each column has a wire of its own."""
        raise ConfigurationError("A comparison has many streams. Record one of them alone.")

    def again(self, *, go_on: bool) -> NoReturn:  # noqa: ARG002
        """Refuse: a comparison is asked again by its cell."""
        raise ConfigurationError("A comparison is asked again by sw.compare(...).")


async def _end_of(stream: ChatStream) -> StreamError | None:
    """Wait for the end of a stream. Return its failure."""
    try:
        await stream
    except StreamError as exc:  # the completion says how it ended
        return exc
    return None
