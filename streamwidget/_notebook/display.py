"""How an answer is shown: in a notebook as a live view, in a terminal and a console of Jupyter as text that grows."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable

from IPython.core.interactiveshell import InteractiveShell
from IPython.display import publish_display_data

from streamwidget._core.completion import ChatCompletion
from streamwidget._core.stream import ChatStream
from streamwidget._core.subscribers import at_end
from streamwidget._core.timeout import TICK
from streamwidget._core.visible import visible
from streamwidget._notebook.front_end import has_person, in_kernel, is_captured, is_deaf, is_page, shows_widgets
from streamwidget._notebook.live_then_static import LiveThenStatic, PutSaved, put_alone, view_of
from streamwidget._notebook.terminal import TerminalView, say
from streamwidget._notebook.terminal_consent import ask_in_terminal
from streamwidget._notebook.terminal_markdown import markdown_text
from streamwidget._saved.answer import length, mimebundle, plain_text
from streamwidget._saved.budget import Budget
from streamwidget._saved.html import escape_text
from streamwidget._saved.off_loop import off_loop

_DEAF = "ipykernel 6 receives no click while a cell runs. Use %%chat --bg, or ipykernel 7"


def present(
    stream: ChatStream,
    shell: InteractiveShell | None,
    *,
    keep: bool,
    asked_again: Callable[[ChatStream], None] = lambda _stream: None,
    background: bool = False,
    wire: bool = False,
    timeline: bool = False,
    put: PutSaved = put_alone,
) -> LiveThenStatic | None:
    """Show a stream in the notebook or the terminal. Call this before the stream is started.

    Parameters
    ----------
    stream : ChatStream
    shell : InteractiveShell or None
        None outside of IPython.
    keep : bool
        Keep the live widget in its place after the end.
    asked_again : callable, optional
        Called with the new stream after Retry or Continue.
    background : bool, default False
        No cell ends with the answer, so its end may wait for its turn among other views.
    wire : bool, default False
        Show the bytes on the wire too. A terminal ignores it.
    timeline : bool, default False
        Show at the end when the text came.
    put : callable, optional
        Takes the saved answer, and a function that puts a mimebundle into its place. Returns what it has put there.

    Returns
    -------
    LiveThenStatic or None
        None in a terminal.
    """
    if not shows_widgets(shell):
        _print(stream, shell, timeline=timeline)
        return None
    view = view_of(stream, wire=wire)
    view._presentation.stays = keep
    view._presentation.end_in_turn = background
    view._presentation.on_asked_again = asked_again
    _expect_consent(stream, shell, background=background)
    shown = LiveThenStatic(
        stream,
        view,
        asked_again,
        # The wire's view has a timeline of its own.
        timeline=timeline and not wire,
        put=put,
        captured=is_captured(shell),
        for_page=is_page(shell),
    )
    shown.begin()
    return shown


def _expect_consent(stream: ChatStream, shell: InteractiveShell | None, *, background: bool) -> None:
    """Let tools ask the person only where somebody can answer. nbclient and papermill have no page that could ask."""
    if stream.consents is None:
        return
    if not is_page(shell):
        stream.consents.expected = False
    elif is_deaf(shell) and not background:
        stream.consents.expected = False
        stream.consents.unheard = _DEAF


def _print(stream: ChatStream, shell: InteractiveShell | None, *, timeline: bool) -> None:
    """Print an answer as it comes."""
    stream.subscribe(TerminalView(lambda: stream.completion, markdown=markdown_text(sys.stdout)))
    ask_in_terminal(stream, can_ask=has_person(shell))
    if timeline:
        stream.subscribe(at_end(lambda: say(stream.timeline._repr_mimebundle_()["text/plain"])))


def show_folded(shell: InteractiveShell | None, title: str, text: str) -> None:
    """Show a text in a fold, before an answer. In a terminal or a console its title is printed."""
    if not shows_widgets(shell):
        say(title)
        return
    summary, body = escape_text(title), escape_text(text)
    html = f'<details style="margin:0"><summary>{summary}</summary><pre style="margin:0">{body}</pre></details>'
    publish_display_data({"text/plain": f"{visible(title)}\n\n{visible(text)}", "text/html": html})  # type: ignore[no-untyped-call]


def show_saved(completion: ChatCompletion, shell: InteractiveShell | None) -> None:
    """Show an answer as the saved notebook would. Of a very long one only the beginning is formatted."""
    if in_kernel(shell):
        publish_display_data(mimebundle(completion))  # type: ignore[no-untyped-call]
    else:
        say(plain_text(completion))


async def show_saved_off_loop(completion: ChatCompletion, shell: InteractiveShell | None) -> None:
    """Show an answer as the saved notebook would, all of it formatted. An interrupt shows the rest as plain text."""
    if not in_kernel(shell):
        show_saved(completion, shell)
        return
    budget = Budget(length(completion))
    making = asyncio.ensure_future(off_loop(lambda: mimebundle(completion, budget)))
    try:
        while not making.done():
            await asyncio.wait([making], timeout=TICK)
    finally:
        made = making.done() and making.exception() is None  # there may be too little memory
        making.cancel()
        budget.spend()
        publish_display_data(making.result() if made else mimebundle(completion, budget))  # type: ignore[no-untyped-call]
