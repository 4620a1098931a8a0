"""``await show(source)``: one line in place of a loop over ``display(Markdown(text), update=True)``."""

from __future__ import annotations

import asyncio
from typing import Any

from streamwidget._core.completion import ChatCompletion
from streamwidget._core.exceptions import StreamError
from streamwidget._notebook import display
from streamwidget._notebook.advice import explain
from streamwidget._sources import as_stream


async def show(source: Any, *, keep: bool = False) -> ChatCompletion:
    """Show an answer while it is written, and keep it in the saved notebook.

    In a notebook the answer has a Stop button. In a terminal or a script it is printed.

    A source of another library is read without a time limit, because its own client has limits. Put
    ``asyncio.timeout`` around this call to set one. A blocking source is read in a thread, so that the notebook stays
    alive, and it stops at its next item. If none arrives within half a second it is abandoned, and the answer says so.

    Parameters
    ----------
    source : ChatStream, iterable or async iterable of str, or the stream of an SDK
        SDKs are recognised by the shape of their items: openai (chat completions and Responses), anthropic, LiteLLM,
        and LangChain's ``stream`` and ``astream``. A coroutine that returns the stream works too, and so does the
        context manager of their ``.stream()``. The source is started here, and a stop closes it.
    keep : bool, default False
        Keep the live view. The answer is then not saved in the notebook file.

    Returns
    -------
    ChatCompletion
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
    """
    stream = as_stream(source)
    shell = display.current_shell()
    if stream.over:
        display.show_saved(stream.completion, shell)
    else:
        display.present(stream, shell, keep=keep)
    try:
        return await stream
    except StreamError as exc:
        lines = explain(exc)
        # Two lines without a key. The traceback would show what the source raised, word for word.
        exc._render_traceback_ = lambda: lines  # type: ignore[attr-defined]
        raise
    except asyncio.CancelledError as exc:
        kept = len(stream.completion.text)
        said = f"Interrupted: the source is closed. {kept} characters had come."
        exc._render_traceback_ = lambda: [said]  # type: ignore[attr-defined]
        raise
