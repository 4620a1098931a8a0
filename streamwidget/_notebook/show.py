"""``await show(source)``: one line in place of a loop over ``display(Markdown(text), update=True)``."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine, Generator
from typing import Any

from streamwidget._core.completion import ChatCompletion
from streamwidget._core.exceptions import StreamError
from streamwidget._core.stream import ChatStream
from streamwidget._notebook import display, front_end
from streamwidget._notebook.advice import explain
from streamwidget._notebook.short_traceback import shorten_traceback
from streamwidget._notebook.shown_once import has_shown
from streamwidget._saved.answer import footer
from streamwidget._sources import as_stream


def show(source: Any, *, text: str | Callable[[Any], Any] | None = None, keep: bool = False) -> Showing:
    """Show an answer while it is written, and keep it in the saved notebook.

    In a notebook the answer has a Stop button. In a terminal or a script it is printed.

    A source of another library is read without a time limit, because its own client has limits. Put
    ``asyncio.timeout`` around this call to set one. A blocking source is read in a thread, so that the notebook stays
    alive, and it stops at its next item. If none arrives within half a second it is abandoned, and the answer says so.

    Parameters
    ----------
    source : ChatStream, iterable or async iterable of str, or the stream of a library
        Libraries are recognised by the shape of their items: the SDKs of providers, LangChain, LlamaIndex, agents,
        raw server-sent events, and more (notebooks/show_a_stream.md lists them). A coroutine that returns the stream
        works too, and so do a context manager, an HTTP response and a queue. The source is started here, and a stop
        closes it.
    text : str or callable, optional
        Where an item holds its text, for a library that is not known: a path such as ``"message.content"``, or a
        function of an item. Each text is the next piece, or the text so far.
    keep : bool, default False
        Keep the live view. JupyterLab and Notebook 7 save its words, other front ends only the widget.

    Returns
    -------
    awaitable of ChatCompletion
        Its outcome is ``complete``, ``length``, ``filtered`` or ``cancelled``. Strings carry no end marker, so their
        end counts as ``complete``.

    Raises
    ------
    ConfigurationError
        If the source is not a stream.
    StreamError
        On a failure. Its ``.completion`` holds the text that arrived. The source's own exception is its
        ``__cause__``.

    Examples
    --------
    In a notebook, write ``await show(...)``. In a script, run it:

    >>> import asyncio
    >>> from streamwidget import ChatClient, show
    >>> completion = asyncio.run(show(ChatClient().stream("What is a stream?")))  # doctest: +ELLIPSIS
    ## What is a stream
    ...
    >>> completion.outcome
    'complete'

    Any iterable of strings is a source.

    >>> completion = asyncio.run(show(["Hello ", "world."]))  # doctest: +ELLIPSIS
    Hello world.
    [complete ...]

    For items of your own, say where their text is.

    >>> completion = asyncio.run(show([{"body": {"said": "Hello."}}], text="body.said"))  # doctest: +ELLIPSIS
    Hello.
    [complete ...]
    """
    return Showing(as_stream(source, text), keep=keep)


class Showing(Coroutine[Any, Any, ChatCompletion]):
    """What :func:`show` returns: a coroutine that says so if it is not awaited."""

    def __init__(self, stream: ChatStream, *, keep: bool) -> None:
        self._stream = stream
        self._keep = keep
        self._running: Coroutine[Any, Any, ChatCompletion] | None = None

    def __repr__(self) -> str:
        return "<show(...) has not run. Write: await show(...)>" if self._running is None else "<show(...) runs>"

    def __await__(self) -> Generator[Any, Any, ChatCompletion]:
        return self._coroutine().__await__()

    def send(self, value: Any) -> Any:
        """Go on, as a coroutine does."""
        return self._coroutine().send(value)

    def throw(self, *raised: Any) -> Any:
        """Raise within, as a coroutine does."""
        return self._coroutine().throw(*raised)

    def close(self) -> None:
        """End, as a coroutine does."""
        if self._running is not None:
            self._running.close()

    def _coroutine(self) -> Coroutine[Any, Any, ChatCompletion]:
        if self._running is None:
            self._running = _show(self._stream, keep=self._keep)
        return self._running


async def _show(stream: ChatStream, *, keep: bool) -> ChatCompletion:
    shell = front_end.current_shell()
    is_over = stream.over
    shown = None if is_over else display.present(stream, shell, keep=keep)
    cell = shell.execution_count if shell is not None else None
    try:
        if is_over:
            await display.show_saved_off_loop(stream.completion, shell)
        try:
            completion = await stream
        finally:
            if shown is not None:
                await shown.settled(sys.exception())
        if shell is not None and shell.execution_count == cell:  # and not a later one, beside a task of this cell
            has_shown(shell, completion)
        return completion
    except StreamError as exc:
        line = footer(exc.completion) if front_end.shows_line_above_error(shell) else ""
        shorten_traceback(exc, *explain(exc, line=line))
        raise
    except asyncio.CancelledError as exc:
        kept = len(stream.completion.text)
        shorten_traceback(exc, f"Interrupted: the source is closed. {kept} characters had come.")
        raise
