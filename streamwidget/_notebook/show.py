"""``await show(source)``: the one line in place of a loop over ``display(Markdown(text), update=True)``."""

from __future__ import annotations

import asyncio
from typing import Any

from streamwidget._core.completion import ChatCompletion
from streamwidget._core.exceptions import StreamError
from streamwidget._notebook import display
from streamwidget._notebook.advice import explain
from streamwidget._sources import as_stream


async def show(source: Any, *, keep: bool = False) -> ChatCompletion:
    """Show an answer as it is written, whoever writes it, and leave it in the saved notebook.

    In a notebook it has a Stop button; in a terminal or a script it is printed. A source that is not ours is read
    without a limit of time, since its own client has those; ``asyncio.timeout`` around this call sets one. A blocking
    source is read in a thread, so that the notebook stays alive, and a stop takes effect at its next item. One that
    brings none is left behind after half a second, and the answer says so.

    Parameters
    ----------
    source : ChatStream, iterable or async iterable of str, or the stream of an SDK
        Known by their shapes: openai (chat completions and Responses), anthropic, LangChain's ``stream`` and
        ``astream``, LiteLLM; what they return, a coroutine that returns it, or the context manager of their
        ``.stream()``. It is started here, and a stop closes it.
    keep : bool, default False
        Leave the live view in place of the saved answer, which then is not in the notebook.

    Returns
    -------
    ChatCompletion
        With outcome ``complete``, ``length``, ``filtered`` or ``cancelled``. Strings have no word for how an answer
        ended: one that just ends is ``complete``.

    Raises
    ------
    ConfigurationError
        If it is no stream.
    StreamError
        On a failure; its ``.completion`` holds what arrived. What the source itself raised is its ``__cause__``.

    Examples
    --------
    >>> await show(openai_client.chat.completions.create(..., stream=True))  # doctest: +SKIP
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
        lines = explain(exc, "in its .completion")
        # One line, and no key: the traceback would show what the source raised, word for word.
        exc._render_traceback_ = lambda: lines  # type: ignore[attr-defined]
        raise
    except asyncio.CancelledError as exc:
        kept = len(stream.completion.text)
        said = f"Interrupted: the source is closed; {kept} characters had come."
        exc._render_traceback_ = lambda: [said]  # type: ignore[attr-defined]
        raise
