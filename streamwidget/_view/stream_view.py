"""StreamView: the view of one stream, in the page.

Rules
-----
- Deltas are messages, not traits. As a trait, the second of two equal deltas would be lost, and a trait with the whole
  text would be sent whole each time.
- ``state`` always holds everything. It goes out with comm_open, with request_states, in answer to ``sync``, and once
  more at the end for the saved notebook.
- The page's messages may arrive on any thread.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import anywidget
import traitlets
from ipywidgets import Layout, widget_serialization
from ipywidgets.widgets.trait_types import InstanceDict

from streamwidget._core.completion import ChatCompletion
from streamwidget._core.events import Finish, StreamEvent
from streamwidget._core.exceptions import StreamError
from streamwidget._core.loop import running_loop
from streamwidget._core.stream import ChatStream
from streamwidget._saved.answer import mimebundle, plain_text
from streamwidget._saved.budget import Budget
from streamwidget._sources import as_stream
from streamwidget._view import control, output
from streamwidget._view.arguments import refuse_unknown
from streamwidget._view.audience import Audience, Pages
from streamwidget._view.bundle import LOADER, shared_bundle, values_bundle
from streamwidget._view.feed import AnswerFeed, Feed
from streamwidget._view.outbox import Outbox
from streamwidget._view.presentation import Presentation
from streamwidget._view.size import set_size
from streamwidget._view.transcript import JSON


class StreamView(anywidget.AnyWidget):
    """Show a stream while it is written, with a Stop button and a status line.

    Parameters
    ----------
    stream : ChatStream, or another source of an answer
        Anything that :func:`~streamwidget.show` takes. It is started here if an event loop runs, as in a notebook.
        Otherwise it starts when you await it or wait for it.
    max_height : int, optional
        In CSS pixels. A longer answer scrolls in a box of this height. Default: no box.
    height : int or str, optional
        The height of the whole view, in pixels or as a CSS size. The answer scrolls inside it, as with a Layout of this
        height. Default: as high as needed.
    stop_unseen : float, optional
        Stop the stream if no page has answered for so many seconds. 0 never stops it. Default:
        ``%config ChatMagics.stop_unseen``, which is 60 in Voila and 0 elsewhere.
    layout : ipywidgets.Layout or dict, optional
        As for any widget. None leaves it out. A Layout is a model of its own and makes a short answer a third heavier.

    Attributes
    ----------
    completion : ChatCompletion
        The answer so far.
    max_height : int or None
        May be changed while the view is shown.
    state, bundle, key
        For the page: the answer's state, the name of the JavaScript that shows it, and the view's own name in messages.
        Python code has no use for them.

    Methods
    -------
    stop()
        Stop the stream. The text stays.
    close()
        Take the view out of the page, and stop the stream.

    Raises
    ------
    ConfigurationError
        If ``stream`` is not a source of an answer, or ``stop_unseen`` is not a number from 0.

    Notes
    -----
    ``await view`` waits for the answer and until its end was sent to the page. It returns the ChatCompletion, or raises
    a StreamError as ``await stream`` does.

    Examples
    --------
    >>> import asyncio
    >>> import streamwidget as sw
    >>> from streamwidget.demo import DemoServer
    >>> async def show_answer(client):
    ...     view = sw.StreamView(client.stream("count to 3"))  # in a notebook: display(view)
    ...     return await view
    >>> with DemoServer() as server:
    ...     print(asyncio.run(show_answer(sw.ChatClient(server.url))))
    1
    2
    3
    """

    _esm = LOADER
    _bundle = "answer"
    _confirms = True  # its page asks the person for consent to tools
    bundle = traitlets.Unicode(read_only=True).tag(sync=True)
    key = traitlets.Unicode(read_only=True).tag(sync=True)
    max_height = traitlets.Int(None, allow_none=True).tag(sync=True)
    layout = InstanceDict(Layout, allow_none=True).tag(sync=True, **widget_serialization)

    @traitlets.default("layout")
    def _own_layout(self) -> Layout:
        return Layout()

    # Never assigned. It is read from the stream whenever the widget's state is asked for, so it cannot be stale.
    state = traitlets.Dict(read_only=True).tag(sync=True, to_json=lambda _value, view: view._feed.snapshot())

    def __init__(
        self,
        stream: Any,
        *,
        max_height: int | None = None,
        height: int | str | None = None,
        stop_unseen: float | None = None,
        **widget: Any,
    ) -> None:
        refuse_unknown(self, widget)
        set_size(widget, height=height)
        stream = as_stream(stream)
        self._audience = Audience(stop_unseen, self._ask_pages, confirms=self._confirms)
        call = lambda act: self._stream.call(act)  # noqa: E731, PLW0108  (another stream may take this one's place)
        self._pages = Pages(self._ask_pages, self._unshown, call)
        self._stream: ChatStream = stream
        self._presentation = Presentation()
        if stream.value_type is not None:
            values_bundle(self._bundle)
        self._outbox = Outbox(self._send_to_pages, shared_bundle(self._bundle))
        self._feed = self._make_feed(stream)  # the comm opens with its state
        self._replacement: JSON | None = None
        self._awaits_saved = False  # a page has asked for the replacement before it was there
        self._asked_about = False  # a page still shows the view although it was replaced
        self.set_trait("bundle", self._outbox.bundle.model_id)
        self.set_trait("key", self._outbox.key)
        super().__init__(max_height=max_height, **widget)
        self.on_msg(lambda _widget, content, _buffers: self._hear(content))
        control.register(self._outbox.key, self._hear)
        self._follow(stream)

    @property
    def completion(self) -> ChatCompletion:
        """The answer so far."""
        return self._stream.completion

    def stop(self) -> None:
        """Stop the stream. The text stays. You may call it from any thread, any number of times."""
        self._stream.cancel()

    def __await__(self) -> Generator[None, None, ChatCompletion]:
        return self._result().__await__()

    async def _result(self) -> ChatCompletion:
        try:
            completion = await self._stream
        except StreamError:
            await self._feed.sent()
            raise
        await self._feed.sent()
        return completion

    def close(self) -> None:
        """Take the view out of the page. A stream that still runs is stopped."""
        if self.comm is None:
            return
        self._feed.leave()
        self._stream.cancel()
        layout = self.layout
        super().close()
        if layout is not None:
            layout.close()

    # ---- in a cell's output (streamwidget._notebook.display)

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """Show the widget. A console shows no widgets, so it gets the answer as text, at its end."""
        made = super()._repr_mimebundle_()
        if made is None or not output.in_console():
            return made
        if self._stream.over:
            return {"text/plain": plain_text(self.completion)}, {}
        self._stream.subscribe(self._show_text_at_end)
        return {"text/plain": "The answer follows when it is complete. `%%chat` shows it while it comes."}, {}

    def _show_text_at_end(self, events: list[StreamEvent]) -> None:
        if isinstance(events[-1], Finish):
            output.show({"text/plain": plain_text(self.completion)})

    def _saved_form(self, budget: Budget) -> dict[str, str]:
        """Return what the saved notebook holds in place of the view, as a mimebundle. May run on any thread."""
        return mimebundle(self.completion, budget)

    def _replaced_by(self, saved: JSON, metadata: JSON, *, unseen: bool, within: str | None = None) -> None:
        """Close as soon as no page shows the view. The notebook has the mimebundle ``saved`` in its place.

        A page that was reloaded does not know the display id, so it still shows the view. It asks for the mimebundle,
        puts it there itself, and then says that it has left. Without any page (nbclient, papermill) the view closes
        immediately. An ``unseen`` view waits for a page. No page replaces one that an ``Output`` has captured, and the
        page itself shows the rest of a cut answer. If a box around the view is the output, its model id is ``within``.
        """
        if self.comm is None:
            return  # it was closed before its end
        self._replacement = {"view": within or self.model_id, "mimebundle": saved, "metadata": metadata}
        if self._awaits_saved:
            self._asked_about = True
            self._send_replacement()
        if not (self._pages.known or unseen):
            self.close()
        else:
            self._send_last_state()

    # ---- following a stream

    def _make_feed(self, stream: ChatStream) -> Feed:
        feed = AnswerFeed(self._outbox.send, self._ended, self._presentation, self._outbox)
        feed.stream = stream
        return feed

    def _follow(self, stream: ChatStream, *, anew: bool = False) -> None:
        self._stream = stream
        self._feed.follow(stream, anew=anew)
        if stream.over:
            self._ended()  # the feed sends no end
        elif running_loop() is not None:
            stream.start()
            self._audience.follow(stream)

    def _ended(self) -> None:
        # Once, for a page that saves the notebook. A view that is to be replaced sends it then, if it is still open.
        if self._presentation.stays and (loop := running_loop()) is not None:
            loop.call_soon(self._send_last_state)
        self._presentation.on_end()

    # ---- to the page

    def _send_to_pages(self, message: JSON) -> None:
        if self.comm is not None:
            self.send(message)

    def _ask_pages(self) -> None:
        shown = self.model_id if self._replacement is None else self._replacement["view"]
        self._send_to_pages({"op": "ping", "view": shown})

    def _send_last_state(self) -> None:
        if self.comm is not None:
            self.send_state("state")

    # ---- from the page

    def set_state(self, sync_data: JSON) -> None:
        """Do nothing. The page sets no trait, and other pages never see what it tries to set."""

    def _hear(self, content: Any) -> None:
        self._audience.heard()
        if self._pages.heard(content):
            self._asked_about = self._replacement is not None
        self._receive(content)

    def _unshown(self) -> None:
        self._outbox.rest()
        if self._replacement is not None:
            self._stream.call(self.close)

    def _receive(self, content: Any) -> None:
        """Take a message of the page, which may be anything. May run on any thread."""
        match content:
            case {"op": "stop"}:
                self._stream.cancel()
            case {"op": "confirm", "key": str(key), "decision": "once" | "always" | "refuse" as decision}:
                reason = content.get("reason")
                self._stream.confirm(key, decision, reason if isinstance(reason, str) else "")
            case {"op": "sync"}:
                self._outbox.hear(content.get("together"))
                shared = content.get("heard") is True
                self._stream._call_apart(lambda: self._feed.send_snapshot(shared=shared))
            case {"op": "saved"}:
                self._stream.call(self._send_replacement)
            case {"op": "retry" | "continue" as op}:
                self._stream.call(lambda: self._ask_again(go_on=op == "continue"))

    def _send_replacement(self) -> None:
        self._awaits_saved = self._replacement is None
        if self._replacement is not None:
            self._send_to_pages({"op": "saved", **self._replacement})

    def _ask_again(self, *, go_on: bool) -> None:
        can = self._presentation.stays and self._stream.repeatable and self._stream.over
        if not can or running_loop() is None:
            return
        stream = self._stream.again(go_on=go_on)
        self._presentation.on_asked_again(stream)
        self._follow(stream, anew=True)
        self._feed.send_snapshot()
