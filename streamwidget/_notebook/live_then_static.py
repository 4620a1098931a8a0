"""A live view of an answer in a cell. At the end the saved answer replaces it.

The widget is closed as soon as no page shows it. A live widget would be blank in the saved notebook ("model not
found"), even with a fallback in the same mimebundle.
"""

from __future__ import annotations

import asyncio
import math
import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from IPython.display import publish_display_data

from streamwidget._core.loop import running_loop
from streamwidget._core.stream import ChatStream
from streamwidget._core.subscribers import at_end
from streamwidget._core.timeout import TICK
from streamwidget._saved.answer import length
from streamwidget._saved.budget import Budget
from streamwidget._saved.off_loop import off_loop
from streamwidget._saved.outputs import needs_its_own
from streamwidget._view import output

if TYPE_CHECKING:
    from streamwidget._view.cut_answer import CutAnswer
    from streamwidget._view.stream_view import StreamView

_PATIENCE = 1.0  # seconds: an interrupted cell waits so long for the saved answer
_SHORT = 8_000  # characters. To make such an answer takes less than a person notices.
_KEPT = 200  # views. A page that is closed or reloaded never says so
#: Takes a saved answer, and a function to put a mimebundle into its place. Returns the mimebundle that it has put.
PutSaved: TypeAlias = Callable[[dict[str, Any], Callable[[dict[str, Any]], None]], dict[str, Any]]
_unasked: list[StreamView] = []  # replaced views, until a page asks about them. The oldest first


def put_alone(saved: dict[str, Any], put: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Put a saved answer into its place as it is."""
    put(saved)
    return saved


class LiveThenStatic:
    """The view of one stream in a notebook, from its first moment to its place in the saved file.

    A short answer is replaced at once. A long one is made off the loop, so that an interrupt and the next cell get
    through meanwhile. Continue on a saved answer that was cut brings a view of the rest into the same place.
    """

    def __init__(
        self,
        stream: ChatStream,
        view: StreamView,
        asked_again: Callable[[ChatStream], None],
        *,
        timeline: bool,
        captured: bool,
        for_page: bool,
        put: PutSaved = put_alone,
        display_id: str | None = None,
        rest_of: CutAnswer | None = None,
    ) -> None:
        self._stream = stream
        self._asked_again = asked_again
        self._captured = captured
        self._put = put
        self._timeline = timeline
        self._for_page = for_page
        self._rest_of = rest_of  # the cut answer before this one
        self._cut: CutAnswer | None = None
        self._over = False
        self._swapped = False
        self._budget = Budget(0)
        self._making: asyncio.Task[None] | None = None
        self._display_id = display_id or uuid.uuid4().hex
        self._view = view

    def begin(self) -> None:
        """Show the view in the running cell."""
        output.show(output.widget_bundle(self._view), self._display_id)
        stream = self._stream
        if not self._view._presentation.stays:
            self._await_end()
        elif self._timeline:
            stream.subscribe(at_end(lambda: publish_display_data(stream.timeline._repr_mimebundle_())))  # type: ignore[no-untyped-call]

    def _await_end(self) -> None:
        view, presentation = self._view, self._view._presentation
        if presentation.end_in_turn:
            presentation.on_end = self._end
            # A closed view sends no end message.
            self._stream.subscribe(at_end(lambda: self._end() if view.comm is None else None))
        else:
            # Subscribed after the view, so called after it: the view's last message is sent before it is replaced.
            self._stream.subscribe(at_end(self._end))

    @property
    def is_settled(self) -> bool:
        """False while the saved answer is made."""
        return self._making is None or self._making.done()

    async def settled(self, failure: BaseException | None = None) -> None:
        """Wait until the saved answer is in its place. An interrupt puts it there as plain text.

        After an interrupt (``failure``) this waits for a second at most.
        """
        is_interrupt = failure is not None and not isinstance(failure, Exception)
        end = time.monotonic() + (_PATIENCE if is_interrupt else math.inf)
        try:
            while self._making is not None and not self._making.done() and time.monotonic() < end:
                # The interpreter sees a signal only when the loop wakes up.
                await asyncio.wait([self._making], timeout=TICK)
        finally:
            self.hurry()

    def hurry(self) -> None:
        """Put the saved answer in its place now, as plain text. Does nothing before the end and after the swap."""
        if self._making is not None and not self._swapped:
            self._budget.spend()
            self._making.cancel()
            self._swap(self._view._saved_form(self._budget))

    def _end(self) -> None:
        if self._over:
            return
        self._over = True
        completion = self._stream.completion
        self._budget = Budget(length(completion))
        loop = running_loop()
        if loop is None or length(completion) <= _SHORT:
            self._swap(self._view._saved_form(self._budget))
        else:
            self._making = loop.create_task(self._make())

    async def _make(self) -> None:
        try:
            saved = await off_loop(lambda: self._view._saved_form(self._budget))
        except Exception:  # noqa: BLE001  (there may be too little memory)
            self.hurry()
        else:
            self._swap(saved)

    def _swap(self, saved: dict[str, Any]) -> None:
        if self._swapped:
            return
        self._swapped = True
        if self._timeline:
            saved = _with_picture(saved, self._stream)
        metadata = self._offer_continue() if self._for_page and not self._captured else {}
        saved = self._put(saved, lambda whole: output.replace(self._display_id, whole, metadata))
        if not (self._captured or self._view._presentation.end_in_turn):
            for shown in filter(needs_its_own, self._stream.completion.outputs):
                # It stands below the answer, in the same cell.
                publish_display_data(dict(shown.data), dict(shown.metadata))  # type: ignore[no-untyped-call]
        # The rest of an answer, and a view in an Output, count as unseen until a page says otherwise.
        self._view._replaced_by(saved, metadata, unseen=self._captured or self._rest_of is not None)
        self._rest_of = None
        _close_unasked(self._view)

    def _offer_continue(self) -> dict[str, Any]:
        """Let the page ask for the rest of the answer, if it was cut. Return the metadata of the output."""
        from streamwidget._view.cut_answer import CutAnswer, can_go_on

        if self._rest_of is not None:
            self._rest_of.forget()
        if not can_go_on(self._stream):
            return {}
        self._cut = CutAnswer(self._stream, self._go_on)
        return self._cut.metadata

    def _go_on(self) -> str:
        """Ask for the rest of a cut answer, and return the model id of its view. The page puts it in the place."""
        stream = self._stream.again(go_on=True)
        self._asked_again(stream)
        view = view_of(stream, wire=False)
        view._presentation.stays = False
        rest = LiveThenStatic(
            stream,
            view,
            self._asked_again,
            timeline=self._timeline,
            captured=False,
            for_page=True,
            put=self._put,
            display_id=self._display_id,
            rest_of=self._cut,
        )
        rest._await_end()
        return str(view.model_id)


def _close_unasked(replaced: StreamView) -> None:
    """Close the oldest replaced views, but none in a page.

    The page cannot replace a view in an ipywidgets ``Output``. It asks for the saved answer in vain, and shows the view
    as long as it likes. An ``Output`` asks for nothing before it is shown, so many views stay open.
    """
    _unasked[:] = [view for view in [*_unasked, replaced] if view.comm is not None and not view._asked_about]
    while len(_unasked) > _KEPT:
        _unasked.pop(0).close()


def view_of(stream: ChatStream, *, wire: bool) -> StreamView:
    if wire:
        from streamwidget._view.wire.view import WireView

        return WireView(stream, layout=None)
    from streamwidget._view.stream_view import StreamView

    return StreamView(stream, layout=None)


def _with_picture(saved: dict[str, Any], stream: ChatStream) -> dict[str, Any]:
    """Put the timeline under an answer. Not as Markdown, because not every front end shows its pictures."""
    picture = stream.timeline._repr_mimebundle_()
    others = {kind: value for kind, value in saved.items() if kind != "text/markdown"}
    return others | {
        "text/html": f"{saved['text/html']}<p>{picture['text/html']}</p>",
        "text/plain": f"{saved['text/plain']}\n\n{picture['text/plain']}",
    }
