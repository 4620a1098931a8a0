"""FaultPanel: faults on a switch, and what a naive loop and this client make of them."""

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
from streamwidget.demo._faults import FAULTS
from streamwidget.teaching._trial import LOOPS, OURS, Trial, available, try_naive, try_stream

# Those that a class can watch: the others fill the memory of a naive loop, or are about a header.
_SHOWN = (
    "cut", "drop", "fin", "half", "stall", "silent", "headers", "ping", "garble", "error", "length", "filter", "html",
    "429", "500", "502", "dribble", "endless",
)  # fmt: skip
_FRAME = 0.1  # seconds between two looks at what the naive loop has printed
_WIDE = {"description_width": "9em"}


class FaultPanel(VBox):  # type: ignore[misc]  # ipywidgets has no types
    """Controls for the demo server, a naive loop and this client side by side.

    Parameters
    ----------
    prompt : str
        What both ask.
    deadline : float, default 6
        A loop from which nothing came for so many seconds is said to hang. The limits of this client are half of it.

    Attributes
    ----------
    params : dict
        What is set now, as fields of a request: ``client.stream(prompt, **panel.params)`` for a client of the demo
        server.
    """

    def __init__(self, prompt: str = "What is streaming?", *, deadline: float = 6.0) -> None:
        from streamwidget.teaching._panel import Runner

        self.prompt = prompt
        self.deadline = deadline
        names = [("none: answers as it should", "none"), *((f"{name}: {FAULTS[name].says}", name) for name in _SHOWN)]
        wide = Layout(width="32em")
        self._fault = Dropdown(options=names, description="Fault", style=_WIDE, layout=wide)
        self._after = IntSlider(12, 0, 100, description="after deltas", style=_WIDE, layout=wide)
        self._pace = IntSlider(30, 1, 200, description="deltas a second", style=_WIDE, layout=wide)
        self._jitter = FloatSlider(0, min=0, max=1, step=0.05, description="jitter, s", style=_WIDE, layout=wide)
        self._first = FloatSlider(0.35, min=0, max=2, step=0.05, description="first delta, s", style=_WIDE, layout=wide)
        self._chunk = IntSlider(0, 0, 400, description="bytes in a chunk", style=_WIDE, layout=wide)
        loops = [name for name in available() if name != OURS]
        self._loop = Dropdown(options=loops, description="Naive loop", style=_WIDE, layout=wide)
        self._runner = Runner("Run both", self.run)
        self._shown: list[_Side] = []
        self._sides = HBox(layout=Layout(flex_flow="row wrap"))
        super().__init__(
            [
                HBox([self._fault, self._after], layout=Layout(flex_flow="row wrap")),
                HBox([self._pace, self._jitter], layout=Layout(flex_flow="row wrap")),
                HBox([self._first, self._chunk], layout=Layout(flex_flow="row wrap")),
                HBox([self._loop, self._runner.run, self._runner.end], layout=Layout(flex_flow="row wrap")),
                self._runner.said,
                self._sides,
            ]
        )

    @property
    def params(self) -> dict[str, Any]:
        demo: dict[str, Any] = {
            "tokens_per_second": self._pace.value,
            "jitter": self._jitter.value,
            "first_delta": self._first.value,
            "chunk": self._chunk.value,
        }
        if self._fault.value != "none":
            demo |= {"fault": self._fault.value, "after": self._after.value}
        return {"demo": demo}

    def set(self, **settings: Any) -> None:
        """Move the controls: ``fault``, ``after``, ``pace``, ``jitter``, ``first_delta``, ``chunk``, ``loop``."""
        controls = {
            "fault": self._fault, "after": self._after, "pace": self._pace, "jitter": self._jitter,
            "first_delta": self._first, "chunk": self._chunk, "loop": self._loop,
        }  # fmt: skip
        for name, value in settings.items():
            controls[name].value = value

    async def run(self) -> tuple[Trial, ...]:
        """Let both clients meet what is set, as the button does.

        Returns
        -------
        tuple of Trial
            The naive loop's, where its library is installed, and this client's.
        """
        demo = self.params["demo"]
        # A server of its own: when it stops, at the end, a loop that hangs is let go.
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
    """A heading, what is shown, and the verdict."""

    def __init__(self, title: str, shown: Any) -> None:
        self._verdict = HTML()
        heading = HTML(f"<strong>{escape(title)}</strong>")
        self.box = VBox([heading, shown, self._verdict], layout=Layout(flex="1 1 20em", min_width="0"))

    def close(self) -> None:
        """Take it out of the page."""
        for widget in (*self.box.children, self.box):
            widget.layout.close()
            widget.close()

    def tell(self, trial: Trial) -> Trial:
        self._verdict.value = f"<strong>{escape(trial.verdict)}</strong>: {escape(trial.facts)}"
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
            self._verdict.value = "ended from outside: the loop itself knows no stop"
            raise
        finally:
            screen.cancel()
            self._paint()
        return self.tell(trial)

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
        view.kept = False  # asked again, it would find no server
        super().__init__("this client", view)

    async def run(self, whole: str, deadline: float) -> Trial:
        return self.tell(await try_stream(self._stream, whole=whole, deadline=deadline))
