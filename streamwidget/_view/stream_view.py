"""StreamView: the view of one stream, in the page.

Rules
-----
- Deltas are messages, not traits: two equal deltas in a row set as a trait lose the second, and a trait that holds the
  growing text costs its whole length each time.
- ``state`` always holds the whole: it goes out with comm_open, with request_states, in answer to ``sync``, and once
  more at the end for the saved notebook.
- What comes in may come on any thread.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import anywidget
import traitlets
from ipywidgets import Layout, widget_serialization
from ipywidgets.widgets.trait_types import InstanceDict

from streamwidget._core.completion import ChatCompletion
from streamwidget._core.exceptions import StreamError
from streamwidget._core.loop import running_loop
from streamwidget._core.stream import ChatStream
from streamwidget._saved.answer import mimebundle
from streamwidget._sources import as_stream
from streamwidget._view import control
from streamwidget._view.bundle import LOADER, shared_bundle
from streamwidget._view.feed import Feed
from streamwidget._view.transcript import JSON


class StreamView(anywidget.AnyWidget):
    """Show a stream as it is written, with a Stop button and a status line.

    Parameters
    ----------
    stream : ChatStream, or another source of an answer
        What :func:`~streamwidget.show` takes too. Started here if an event loop runs (in a notebook it does);
        otherwise when it is awaited or waited for.
    max_height : int, optional
        CSS pixels. A longer answer scrolls in a box of this height; default: no box.
    layout : ipywidgets.Layout or dict, optional
        As for any widget. None leaves it out: a Layout is a model of its own, and weighs a third of a short answer.

    Attributes
    ----------
    completion : ChatCompletion
        What has arrived so far.

    Examples
    --------
    >>> view = StreamView(client.stream("Explain entropy."))  # doctest: +SKIP
    >>> view  # doctest: +SKIP
    >>> completion = await view  # doctest: +SKIP
    """

    _esm = LOADER
    _bundle = "widget"
    bundle = traitlets.Unicode(read_only=True).tag(sync=True)
    max_height = traitlets.Int(None, allow_none=True).tag(sync=True)
    layout = InstanceDict(Layout, allow_none=True).tag(sync=True, **widget_serialization)

    @traitlets.default("layout")
    def _own_layout(self) -> Layout:
        return Layout()

    # Never assigned: read from the stream whenever the widget's state is asked for, so it cannot be stale.
    state = traitlets.Dict(read_only=True).tag(sync=True, to_json=lambda _value, view: view._feed.snapshot())

    def __init__(self, stream: Any, *, max_height: int | None = None, **widget: Any) -> None:
        stream = as_stream(stream)
        self._stream: ChatStream = stream
        self._feed = self._make_feed(stream)
        self._page: str | None = None  # the newest page that shows the view
        self._saved: JSON | None = None
        #: Is told of the stream that Retry or Continue made.
        self.asked_again: Callable[[ChatStream], None] = lambda _stream: None
        #: Is called once the pages are told of the end.
        self.ended: Callable[[], None] = lambda: None
        self.set_trait("bundle", shared_bundle(self._bundle).model_id)
        super().__init__(max_height=max_height, **widget)
        self.on_msg(lambda _widget, content, _buffers: self.receive(content))
        self._follow(stream, stream.completion.text or None)  # others may have begun to read it

    @property
    def kept(self) -> bool:
        """The view stays in the page after the end, so that it may offer to ask again."""
        return self._feed.kept

    @kept.setter
    def kept(self, kept: bool) -> None:
        self._feed.kept = kept

    @property
    def completion(self) -> ChatCompletion:
        return self._stream.completion

    @property
    def closed(self) -> bool:
        """True once the widget is closed."""
        return self.comm is None

    def stop(self) -> None:
        """Stop the stream; the text stays. From any thread, any number of times."""
        self._stream.cancel()

    @property
    def patient(self) -> bool:
        """The pages are told of the end when it is the view's turn. The default: awaiting the view awaits that too."""
        return self._feed.patient

    @patient.setter
    def patient(self, patient: bool) -> None:
        self._feed.patient = patient

    def __await__(self) -> Generator[None, None, ChatCompletion]:
        return self._result().__await__()

    async def _result(self) -> ChatCompletion:
        try:
            completion = await self._stream
        except StreamError:
            await self._feed.told()
            raise
        await self._feed.told()
        return completion

    def close(self) -> None:
        """Take the view out of the page; a stream that still runs is stopped."""
        if self.comm is None:
            return
        self._feed.leave()
        self._stream.cancel()
        layout = self.layout
        super().close()
        if layout is not None:
            layout.close()

    def saved(self) -> dict[str, str]:
        """Return what is left of the view in a saved notebook, as a mime bundle."""
        return mimebundle(self.completion)

    def replaced(self, saved: JSON) -> None:
        """Close, once no page needs the view: ``saved``, a mime bundle, is in its place in the notebook.

        A page that was reloaded knows no display id, so it still shows the view. It asks for the bundle, puts it there
        itself, and then says that it has left. Where no page ever spoke (nbclient, papermill), that is now.
        """
        self._saved = saved
        if self._page is None:
            self.close()

    def _make_feed(self, stream: ChatStream) -> Feed:
        feed = Feed(self._tell, self._ended)
        feed.patient = True
        feed.stream = stream  # the comm opens with its state
        return feed

    def _follow(self, stream: ChatStream, text: str | None = None) -> None:
        self._stream = stream
        self._feed.follow(stream, text)
        control.register(stream.id, self)
        if stream.over:
            self._ended()  # nobody else will say so
        elif running_loop() is not None:
            stream.start()

    # ---- to the page

    def _tell(self, message: JSON) -> None:
        if self.comm is not None:
            self.send(message)

    def _ended(self) -> None:
        # Once, for a page that saves the notebook; soon, so that a view which is replaced at its end is closed by then.
        if (loop := running_loop()) is not None:
            loop.call_soon(self._save_state)
        self.ended()

    def _save_state(self) -> None:
        if self.comm is not None:
            self.send_state("state")

    # ---- from the page

    def set_state(self, sync_data: JSON) -> None:
        """Nothing: the page sets no trait, and what it tries to set is not echoed to other pages."""

    def receive(self, content: Any) -> None:
        """Take a message of the page: six words, and nothing else. May run on any thread."""
        match content:
            case {"op": "stop"}:
                self._stream.cancel()
            case {"op": "sync"}:
                self._note_page(content.get("page"))
                self._stream.call(self._feed.tell_snapshot)
            case {"op": "saved"}:
                self._note_page(content.get("page"))
                self._stream.call(self._tell_saved)
            case {"op": "left", "page": str(page)} if page == self._page:
                self._page = None
                if self._saved is not None:
                    self._stream.call(self.close)
            case {"op": "retry" | "continue" as op}:
                self._stream.call(lambda: self._ask_again(go_on=op == "continue"))

    def _note_page(self, page: Any) -> None:
        if isinstance(page, str) and len(page) < 40:
            self._page = page

    def _tell_saved(self) -> None:
        if self._saved is not None:
            self._tell({"op": "saved", "view": self.model_id, "mimebundle": self._saved})

    def _ask_again(self, *, go_on: bool) -> None:
        if not (self.kept and self._stream.repeatable and self._stream.over and running_loop() is not None):
            return
        stream = self._stream.again(go_on=go_on)
        self.asked_again(stream)
        self._follow(stream, stream.completion.text)
        self._feed.tell_snapshot()
