"""FaultPanel: choose a fault, and see how a naive loop and this client handle it."""

from __future__ import annotations

import asyncio
from html import escape
from typing import Any

from ipywidgets import HTML, Dropdown, FloatSlider, HBox, IntSlider, Layout, VBox

from streamwidget._client.client import ChatClient
from streamwidget._core.stream import ChatStream
from streamwidget._core.timeout import Timeout
from streamwidget._core.visible import visible
from streamwidget._view.stream_view import StreamView
from streamwidget.demo import DemoServer
from streamwidget.teaching._trial import LOOPS, OURS, Trial, available, sentence_of, try_naive, try_stream

# Faults for a class to watch. The others fill the memory of a naive loop, or change only a header.
_SHOWN = (
    "cut", "drop", "fin", "half", "stall", "silent", "headers", "ping", "garble", "error", "length", "filter", "html",
    "429", "500", "502", "dribble", "endless",
)  # fmt: skip
_FRAME = 0.1  # seconds between two updates of the naive loop's text
_WIDE = {"description_width": "9em"}


class FaultPanel(VBox):  # type: ignore[misc]  # ipywidgets has no types
    """Controls for the demo server, and under them a naive loop and this client side by side.

    Parameters
    ----------
    prompt : str
        The prompt of both.
    deadline : float, default 6
        A client hangs if it shows no text for so many seconds. The time limits of this client are half of that, so that
        they come first.

    Attributes
    ----------
    params : dict
        The settings as fields of a request. Use them with a client of the demo server, as in the example.

    Examples
    --------
    >>> import streamwidget as sw
    >>> from streamwidget.demo import DemoServer
    >>> from streamwidget.teaching import FaultPanel
    >>> panel = FaultPanel()
    >>> panel.set(fault="length", after=2, first_delta=0)
    >>> with DemoServer() as server:
    ...     sw.ChatClient(server.url).stream("count to 9", **panel.params).wait().outcome
    'length'
    """

    def __init__(self, prompt: str = "What is streaming?", *, deadline: float = 6.0) -> None:
        from streamwidget.teaching._panel import Runner

        self.prompt = prompt
        self.deadline = deadline
        wide = Layout(width="32em")
        self._fault = Dropdown(options=["none", *_SHOWN], description="Fault", style=_WIDE, layout=wide)
        self._sentence = HTML(layout=Layout(margin="0 0 0 10em"))
        self._after = IntSlider(12, 0, 100, description="After deltas", style=_WIDE, layout=wide)
        self._pace = IntSlider(30, 1, 200, description="Deltas a second", style=_WIDE, layout=wide)
        self._jitter = FloatSlider(0, min=0, max=1, step=0.05, description="Jitter (s)", style=_WIDE, layout=wide)
        self._first = FloatSlider(
            0.35, min=0, max=2, step=0.05, description="First delta (s)", style=_WIDE, layout=wide
        )
        self._chunk = IntSlider(0, 0, 400, description="Bytes in a chunk", style=_WIDE, layout=wide)
        loops = [name for name in available() if name != OURS]
        self._loop = Dropdown(options=loops, description="Naive loop", style=_WIDE, layout=wide)
        self._fault.observe(lambda _: self._describe(), "value")
        self._describe()
        self._runner = Runner("Run both", self.run)
        self._shown: list[_Side] = []
        self._sides = HBox(layout=Layout(flex_flow="row wrap"))
        super().__init__(
            [
                HBox([self._fault, self._after], layout=Layout(flex_flow="row wrap")),
                self._sentence,
                HBox([self._pace, self._jitter], layout=Layout(flex_flow="row wrap")),
                HBox([self._first, self._chunk], layout=Layout(flex_flow="row wrap")),
                HBox([self._loop, self._runner.run, self._runner.stop], layout=Layout(flex_flow="row wrap")),
                self._runner.said,
                self._sides,
            ]
        )

    @property
    def params(self) -> dict[str, Any]:
        """Fields for :meth:`ChatClient.stream <streamwidget.ChatClient.stream>`, as the controls are set now."""
        demo: dict[str, Any] = {
            "tokens_per_second": self._pace.value,
            "jitter": self._jitter.value,
            "first_delta": self._first.value,
            "chunk": self._chunk.value,
        }
        if self._fault.value != "none":
            demo |= {"fault": self._fault.value, "after": self._after.value}
        return {"demo": demo}

    def _describe(self) -> None:
        """Show the whole sentence of the fault, which a list would cut off."""
        self._sentence.value = f"The server {escape(sentence_of(self._fault.value))}."

    def set(self, **settings: Any) -> None:
        """Move the controls.

        Parameters
        ----------
        **settings
            ``fault``, ``after``, ``pace``, ``jitter``, ``first_delta``, ``chunk`` or ``loop``, with its new value.
        """
        controls = {
            "fault": self._fault, "after": self._after, "pace": self._pace, "jitter": self._jitter,
            "first_delta": self._first, "chunk": self._chunk, "loop": self._loop,
        }  # fmt: skip
        for name, value in settings.items():
            controls[name].value = value

    async def run(self) -> tuple[Trial, ...]:
        """Run both clients with the present settings, like the button.

        Returns
        -------
        tuple of Trial
            The naive loop's (if its library is installed) and this client's.
        """
        demo = self.params["demo"]
        # A server of its own. It stops at the end, which frees a loop that hangs.
        server = DemoServer().start()
        try:
            return await self._both(server, demo)
        finally:
            await asyncio.to_thread(server.stop)

    async def _both(self, server: DemoServer, demo: dict[str, Any]) -> tuple[Trial, ...]:
        limit = self.deadline / 2
        timeout = Timeout(headers=limit, first_delta=limit, stall=limit, progress=limit)
        client = ChatClient(server.url, model="demo", timeout=timeout)
        whole = str(await client.complete(self.prompt, demo={"first_delta": 0, "tokens_per_second": 0}))
        stream = client.stream(self.prompt, demo=demo)
        ours = _Ours(stream)
        theirs = _Theirs(self._loop.value) if self._loop.value else None
        for side in self._shown:
            side.close()
        self._shown = [side for side in (theirs, ours) if side is not None]
        self._sides.children = [side.box for side in self._shown]
        runs = [ours.run(whole, self.deadline)]
        if theirs is not None:
            runs.insert(0, theirs.run(server.url, self.prompt, demo, whole, self.deadline))
        return tuple(await asyncio.gather(*runs))


class _Side:
    """One client in the page: its name, its text and its verdict."""

    def __init__(self, title: str, shown: Any) -> None:
        self._verdict = HTML()
        heading = HTML(f"<strong>{escape(title)}</strong>")
        self.box = VBox([heading, shown, self._verdict], layout=Layout(flex="1 1 20em", min_width="0"))

    def close(self) -> None:
        """Remove it from the page."""
        for widget in (*self.box.children, self.box):
            widget.layout.close()
            widget.close()

    def show(self, trial: Trial) -> Trial:
        self._verdict.value = f"<strong>{escape(trial.words)}</strong>: {escape(trial.facts)}"
        return trial


class _Theirs(_Side):
    def __init__(self, client: str) -> None:
        self._client = client
        self._screen = HTML()
        self._printed: list[str] = []
        super().__init__(f"naive loop: {client}, {LOOPS[client].__name__}()", self._screen)

    async def run(self, url: str, prompt: str, demo: dict[str, Any], whole: str, deadline: float) -> Trial:
        screen = asyncio.ensure_future(self._show())
        try:
            trial = await try_naive(
                self._client, url, prompt, demo, whole=whole, deadline=deadline, show=self._printed.append
            )
        except asyncio.CancelledError:
            self._verdict.value = "stopped from outside: the loop itself cannot be stopped"
            raise
        finally:
            screen.cancel()
            self._paint()
        return self.show(trial)

    async def _show(self) -> None:
        while True:
            self._paint()
            await asyncio.sleep(_FRAME)

    def _paint(self) -> None:
        text = escape(visible("".join(self._printed)))
        self._screen.value = f'<pre style="white-space:pre-wrap;line-height:1.4">{text}</pre>'


class _Ours(_Side):
    def __init__(self, stream: ChatStream) -> None:
        self._stream = stream
        view = StreamView(stream)
        view._presentation.stays = False  # the server has stopped by the time someone could ask again
        super().__init__("this client", view)

    async def run(self, whole: str, deadline: float) -> Trial:
        return self.show(await try_stream(self._stream, whole=whole, deadline=deadline))
