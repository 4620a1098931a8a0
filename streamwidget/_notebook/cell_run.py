"""Run a stream to its end in a cell, and show its failure or an interrupt in one or two lines.

The cell awaits if it can (see :mod:`streamwidget._notebook.cell_transform`) and blocks if it cannot.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any, NamedTuple, Protocol

from streamwidget._core.exceptions import ConfigurationError, StreamError
from streamwidget._core.loop import interrupts, run
from streamwidget._core.stream import ChatStream
from streamwidget._notebook.advice import Target, explain
from streamwidget._notebook.live_then_static import LiveThenStatic
from streamwidget._notebook.session import Session
from streamwidget._notebook.short_traceback import shorten_traceback
from streamwidget._saved.answer import footer


class Running(Protocol):
    """What a cell can wait for and stop: a stream, or the doctor's walk."""

    def __await__(self) -> Generator[Any, None, Any]: ...

    def wait(self) -> Any:
        """Wait in a cell that cannot await."""
        ...

    def cancel(self) -> None:
        """End soon, from any thread."""
        ...


class CellJob(NamedTuple):
    """A stream that a cell is to run.

    Attributes
    ----------
    stream : Running
    target : Target
        For the advice after a failure.
    shown : LiveThenStatic, optional
        The view, if the stream has one. The cell ends when the saved answer is in its place.
    shows_line : bool
        The line under the answer stands above the error of the cell.
    result : callable
        Makes the cell's result of the completion. Default: the completion itself.
    explained : callable
        Takes the lines about a failure. Returns those for the person.
    interrupted : str
        The words for an interrupt, if it closes more than one stream.
    """

    stream: Running
    target: Target
    shown: LiveThenStatic | None = None
    shows_line: bool = False
    result: Callable[[Any], Any] = lambda completion: completion
    explained: Callable[[list[str]], list[str]] = lambda lines: lines
    interrupted: str = ""


class ChatInterrupted(KeyboardInterrupt):
    """The cell was interrupted. The stream is closed and its text is kept."""

    def _render_traceback_(self) -> list[str]:
        return [f"Interrupted: {self}"]


async def run_awaited(session: Session, job: CellJob) -> Any:
    """Await the job's stream and return its result.

    Raises
    ------
    StreamError
        The stream's own.
    ChatInterrupted
        At an interrupt of the kernel, or Ctrl-C in a terminal.
    """
    stream = job.stream
    with _explained(session, job), _terminal_interrupt(session, stream) as interrupted:
        try:
            try:
                completion = await stream
            finally:
                if job.shown is not None:
                    await job.shown.settled(sys.exception())
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None
        if interrupted:
            raise KeyboardInterrupt
    return job.result(completion)


def run_blocking(session: Session, job: CellJob) -> Any:
    """Do the same in a cell that cannot await."""
    with _explained(session, job):
        try:
            try:
                completion = job.stream.wait()
            finally:
                if job.shown is not None and not job.shown.is_settled:
                    run(partial(job.shown.settled, sys.exception()), job.shown.hurry)
        except RuntimeError as exc:  # uvloop
            job.stream.cancel()
            raise ConfigurationError(str(exc)) from None
    return job.result(completion)


def _terminal_interrupt(session: Session, stream: Running) -> AbstractContextManager[list[int]]:
    """Let Ctrl-C cancel the stream. In a notebook ipykernel cancels the cell, so nothing is needed there."""
    if session.in_kernel:
        return nullcontext([])
    return interrupts(lambda: asyncio.get_running_loop().call_soon_threadsafe(stream.cancel))


@contextmanager
def never_left_behind(stream: Running) -> Iterator[None]:
    """Cancel the stream if the block raises. An interrupt may come at any moment, also before the stream is started.

    Without an end the turn of the stream would say for ever that its answer is still streaming.
    """
    try:
        yield
    except BaseException as exc:
        stream.cancel()
        if type(exc) is KeyboardInterrupt:
            # IPython would need a second or more to format the traceback of our frames.
            raise _interrupted(stream) from None
        raise


@contextmanager
def _explained(session: Session, job: CellJob) -> Iterator[None]:
    """Turn a failure into one or two lines and an interrupt into one."""
    try:
        yield
    except StreamError as exc:
        session.failure = exc
        lines = explain(exc, job.target, line=footer(exc.completion) if job.shows_line else "")
        shorten_traceback(exc, *job.explained(lines))
        raise
    except KeyboardInterrupt:
        raise _interrupted(job.stream, job.interrupted) from None


def _interrupted(stream: Running, words: str = "") -> ChatInterrupted:
    if words or not isinstance(stream, ChatStream):
        return ChatInterrupted(words or "it has ended.")
    kept = len(stream.completion.text)
    return ChatInterrupted(f"the stream is closed. The {kept} characters that came are in _chat.")
