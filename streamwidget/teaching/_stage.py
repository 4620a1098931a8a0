"""Two streams side by side while they run, under a picture that follows them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from ipywidgets import HTML, Layout

from streamwidget._core.stream import ChatStream
from streamwidget._view.side_by_side import SideBySideView

_FRAME = 0.2  # seconds between two pictures


class Stage(SideBySideView):
    """The views of a race. Making it starts the streams, so it needs a running event loop.

    Parameters
    ----------
    streams : sequence of ChatStream
        Before their start.
    titles : sequence of str
        One for each stream.
    size : mapping of str to str
        Of each answer. It never changes, and a longer answer scrolls.
    draw : callable
        Returns the picture of this moment, as SVG.
    """

    def __init__(
        self, streams: Sequence[ChatStream], titles: Sequence[str], size: Mapping[str, str], draw: Callable[[], str]
    ) -> None:
        self._draw = draw
        self._picture = HTML(draw(), layout=Layout(width="auto", margin="0"))
        super().__init__(streams, titles, size, self._picture)
        self._clock = asyncio.ensure_future(self._tick(streams))

    async def _tick(self, streams: Sequence[ChatStream]) -> None:
        while not all(stream.over for stream in streams):
            await asyncio.sleep(_FRAME)
            self._picture.value = self._draw()

    def close(self) -> None:
        """Remove it from the page, and stop the streams that still run."""
        self._clock.cancel()
        super().close()
