"""Prepare for the first answer while the person types the prompt: after the cell with ``%load_ext``, step by step.

The first answer needs the widgets, the HTTP client and the Markdown parser. To import them takes half a second or more,
which the person would wait for. ``%load_ext`` itself does not wait for any of this. Between two steps the kernel's loop
runs whatever has come meanwhile.
"""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable
from contextlib import suppress

from streamwidget._client.client import ChatClient
from streamwidget._core.completion import ChatCompletion
from streamwidget._core.loop import running_loop

_AFTER = 0.05  # seconds. The cell's own reply goes out first
_BETWEEN = 0.01


def after_this_cell(*, for_page: bool) -> None:
    """Begin soon, on the loop of this thread. Without a loop nothing is prepared. A page gets its tools."""
    loop = running_loop()
    if loop is not None:
        steps = [_widgets, *([_tools] if for_page else []), _http, _parser]
        loop.call_later(_AFTER, _go_on, loop, steps)


def _go_on(loop: asyncio.AbstractEventLoop, steps: list[Callable[[], None]]) -> None:
    # The first answer does the same, and shows the error.
    with suppress(Exception), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        steps[0]()
    if steps[1:]:
        loop.call_later(_BETWEEN, _go_on, loop, steps[1:])


def _widgets() -> None:
    import streamwidget._view.stream_view  # noqa: F401


def _tools() -> None:
    from streamwidget._view.page_tools import bring_tools

    bring_tools()


def _http() -> None:
    from streamwidget._client.transport import get_ready

    get_ready(ChatClient().base_url)


def _parser() -> None:
    from streamwidget._saved.answer import mimebundle

    mimebundle(ChatCompletion(text="`Ready.`"))
