"""Where an answer is shown, and what is left of it in the saved notebook.

In a kernel: a live :class:`~streamwidget.StreamView` under a display id; at the end ``update_display`` puts the
static answer in its place, and the widget is closed as soon as no page shows it. A live widget would be blank in the
saved notebook ("model not found"), also with a fallback in the same bundle. In a terminal: printed as it comes.
"""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.display import display, publish_display_data

from streamwidget._core.completion import ChatCompletion
from streamwidget._core.events import Finish
from streamwidget._core.stream import ChatStream
from streamwidget._notebook.terminal import TerminalView
from streamwidget._saved.answer import mimebundle

if TYPE_CHECKING:
    from streamwidget._view.stream_view import StreamView

_KEPT = 20
_replaced: deque[StreamView] = deque()  # views that a page which was reloaded may still show


def in_kernel(shell: InteractiveShell | None) -> bool:
    """True where there is a front end that can show a widget; False in a terminal."""
    return hasattr(shell, "kernel")


def deleted_cells(shell: InteractiveShell) -> list[str]:
    """Return the ids of the cells that the front end says were deleted since the last execution (JupyterLab does)."""
    deleted = _request(shell).get("metadata", {}).get("deletedCells", [])
    return [cell for cell in deleted if isinstance(cell, str)] if isinstance(deleted, list) else []


def execution_id(shell: InteractiveShell) -> str | None:
    """Return what names the execution that runs: the same for a cell and for those that it runs within itself."""
    name = _request(shell).get("header", {}).get("msg_id")
    return name if isinstance(name, str) else None


def _request(shell: InteractiveShell) -> dict[str, Any]:
    get_parent = getattr(getattr(shell, "kernel", None), "get_parent", None)
    return (get_parent() or {}) if get_parent else {}


def current_shell() -> InteractiveShell | None:
    """Return the IPython that runs here, if one does."""
    return InteractiveShell.instance() if InteractiveShell.initialized() else None


def present(
    stream: ChatStream,
    shell: InteractiveShell | None,
    *,
    keep: bool,
    asked_again: Callable[[ChatStream], None] = lambda _stream: None,
    background: bool = False,
    wire: bool = False,
    timeline: bool = False,
) -> None:
    """Show a stream where the person is. Call before the stream is started.

    Parameters
    ----------
    stream : ChatStream
    shell : InteractiveShell or None
        None outside of IPython.
    keep : bool
        Leave the live widget in place at the end.
    asked_again : callable, optional
        Is told of the stream that Retry or Continue in such a widget made.
    background : bool, default False
        No cell ends with the answer, so that its end need not be shown before another's.
    wire : bool, default False
        Show what comes over the wire too. Not in a terminal.
    timeline : bool, default False
        Show at the end when the text came.
    """
    if in_kernel(shell):
        view = _view_of(stream, wire=wire)
        view.asked_again = asked_again
        view.patient = background
        _LiveThenStatic(stream, view, keep=keep, timeline=timeline and not wire)  # which has it
        return
    stream.subscribe(TerminalView(lambda: stream.completion))
    if timeline:
        _at_end(stream, lambda: print(stream.timeline._repr_mimebundle_()["text/plain"]))  # noqa: T201


def show_saved(completion: ChatCompletion, shell: InteractiveShell | None) -> None:
    """Show an answer as the saved notebook would."""
    bundle: dict[str, Any] = mimebundle(completion)
    if in_kernel(shell):
        publish_display_data(bundle)  # type: ignore[no-untyped-call]
    else:
        print(bundle["text/plain"])  # noqa: T201


def show_widget(bundle: dict[str, Any]) -> str:
    """Show a widget, given as its mime bundle, and return the display id under which it can be replaced."""
    display_id = uuid.uuid4().hex
    publish_display_data(bundle, transient={"display_id": display_id})  # type: ignore[no-untyped-call]
    return display_id


def replace(display_id: str, bundle: dict[str, Any]) -> None:
    """Put something else in the place of what was shown under this id."""
    publish_display_data(bundle, transient={"display_id": display_id}, update=True)  # type: ignore[no-untyped-call]


def _at_end(stream: ChatStream, act: Callable[[], None]) -> None:
    stream.subscribe(lambda events: act() if isinstance(events[-1], Finish) else None)


class _LiveThenStatic:
    """The view of one stream in a notebook, from its first moment to its place in the saved file."""

    def __init__(self, stream: ChatStream, view: StreamView, *, keep: bool, timeline: bool) -> None:
        self._stream = stream
        self._timeline = timeline
        self._swapped = False
        self._display_id = uuid.uuid4().hex
        self._view = view
        self._view.kept = keep
        display(self._view, display_id=self._display_id)  # type: ignore[no-untyped-call]
        if not keep and view.patient:
            view.ended = self._swap
            _at_end(stream, lambda: self._swap() if view.closed else None)  # who is closed tells no end
        elif not keep:
            # Subscribed after the view, so called after it: its last message is out before it is replaced.
            _at_end(stream, self._swap)
        elif timeline:
            _at_end(stream, lambda: publish_display_data(stream.timeline._repr_mimebundle_()))  # type: ignore[no-untyped-call]

    def _swap(self) -> None:
        if self._swapped:
            return
        self._swapped = True
        bundle: dict[str, Any] = self._view.saved()
        if self._timeline:
            bundle = _with_picture(bundle, self._stream)
        replace(self._display_id, bundle)
        self._view.replaced(bundle)
        _replaced.append(self._view)
        while len(_replaced) > _KEPT:
            _replaced.popleft().close()


def _view_of(stream: ChatStream, *, wire: bool) -> StreamView:
    if wire:
        from streamwidget._view.wire.view import WireView

        return WireView(stream, layout=None)
    from streamwidget._view.stream_view import StreamView

    return StreamView(stream, layout=None)


def _with_picture(bundle: dict[str, Any], stream: ChatStream) -> dict[str, Any]:
    """Put the timeline under an answer. Not as Markdown: that has no picture that every front end shows."""
    picture = stream.timeline._repr_mimebundle_()
    return {
        "text/html": f"{bundle['text/html']}<p>{picture['text/html']}</p>",
        "text/plain": f"{bundle['text/plain']}\n\n{picture['text/plain']}",
    }
