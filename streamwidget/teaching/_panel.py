"""The buttons of the panels: one runs a coroutine, the other stops it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from html import escape
from typing import Any

from ipywidgets import HTML, Button, VBox

from streamwidget._core.exceptions import ConfigurationError, StreamError
from streamwidget._core.loop import running_loop
from streamwidget._core.visible import visible


class Runner:
    """A button that runs a coroutine, and a button that cancels it.

    Parameters
    ----------
    label : str
        The text of the first button.
    work : callable
        Returns the coroutine.

    Attributes
    ----------
    run, stop : Button
        Only one of them is enabled at a time.
    said : VBox
        One line on why the last run failed. Empty if it did not fail.
    """

    def __init__(self, label: str, work: Callable[[], Coroutine[Any, Any, object]]) -> None:
        self._work = work
        self._task: asyncio.Task[object] | None = None
        # A click may arrive in the thread of a subshell. The streams belong to the loop of this thread.
        self._loop = running_loop()
        self.run = Button(description=label, button_style="primary")
        self.stop = Button(description="Stop", tooltip="Stop the run", disabled=True)
        self.said = VBox()
        self.run.on_click(lambda _: self._call(self._start))
        self.stop.on_click(lambda _: self._call(self._cancel))

    def _call(self, function: Callable[[], None]) -> None:
        loop = self._loop or running_loop()
        if loop is not None:
            loop.call_soon_threadsafe(function)

    def _start(self) -> None:
        if self._task is None:
            self._busy(True)
            self._say()
            self._task = asyncio.ensure_future(self._work())
            self._task.add_done_callback(self._over)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _over(self, task: asyncio.Task[object]) -> None:
        self._task = None
        self._busy(False)
        if task.cancelled():
            return
        try:
            task.result()  # the event loop reports a mistake of ours
        except (ConfigurationError, StreamError) as exc:
            self._say(str(exc))

    def _say(self, *lines: str) -> None:
        before, self.said.children = self.said.children, [HTML(escape(visible(line))) for line in lines]
        for line in before:
            line.layout.close()
            line.close()

    def _busy(self, busy: bool) -> None:
        self.run.disabled, self.stop.disabled = busy, not busy
