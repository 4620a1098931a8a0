"""Waiting for a stream in a cell, and what the cell says when it fails or is interrupted.

The cell awaits where it can (see :mod:`streamwidget._notebook.cell_transform`) and blocks where it cannot.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from streamwidget._core.completion import ChatCompletion
from streamwidget._core.exceptions import ConfigurationError, StreamError
from streamwidget._core.loop import interrupts
from streamwidget._core.stream import ChatStream
from streamwidget._notebook.advice import explain


class ChatInterrupted(KeyboardInterrupt):
    """The cell was interrupted; the stream is closed and its text kept."""

    def _render_traceback_(self) -> list[str]:
        return [f"Interrupted: {self}"]


class Waiting:
    """Waits for streams, and remembers the last failure.

    Parameters
    ----------
    in_kernel : bool
        ipykernel turns an interrupt into a cancellation of the cell; in a terminal Ctrl-C is ours to turn.
    """

    def __init__(self, *, in_kernel: bool) -> None:
        self.failure: StreamError | None = None
        self._in_kernel = in_kernel

    async def awaited(self, stream: ChatStream) -> ChatCompletion:
        """Await a stream; StreamError as it comes, and ChatInterrupted at an interrupt."""
        with self._reported(stream), self._terminal_interrupt(stream) as interrupted:
            try:
                completion = await stream
            except asyncio.CancelledError:
                raise KeyboardInterrupt from None
            if interrupted:
                raise KeyboardInterrupt
            return completion

    def blocked(self, stream: ChatStream) -> ChatCompletion:
        """Wait for a stream where nothing awaits; the same otherwise."""
        with self._reported(stream):
            try:
                return stream.wait()
            except RuntimeError as exc:  # uvloop
                stream.cancel()
                raise ConfigurationError(str(exc)) from None

    def _terminal_interrupt(self, stream: ChatStream) -> AbstractContextManager[list[int]]:
        if self._in_kernel:
            return nullcontext([])
        return interrupts(lambda: asyncio.get_running_loop().call_soon_threadsafe(stream.cancel))

    @contextmanager
    def _reported(self, stream: ChatStream) -> Iterator[None]:
        """Turn a failure into one or two lines, and an interrupt into one."""
        try:
            yield
        except StreamError as exc:
            self.failure = exc
            # IPython asks the exception itself how it is to be shown; its class stays what `except` clauses name.
            exc._render_traceback_ = _constant(explain(exc))  # type: ignore[attr-defined]
            raise
        except KeyboardInterrupt:
            kept = len(stream.completion.text)
            raise ChatInterrupted(f"the stream is closed; the {kept} characters that came are in _chat.") from None


def _constant(lines: list[str]) -> Callable[[], list[str]]:
    return lambda: lines
