"""The answer in a terminal: printed as it streams, then one line about it.

A model's text may hold escape sequences, to move the cursor or rename the window. They are shown as signs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TextIO

from streamwidget._core.completion import ChatCompletion
from streamwidget._core.events import Finish, RefusalDelta, Retry, StreamEvent, TextDelta
from streamwidget._saved.answer import footer, visible


class TerminalView:
    """A subscriber of a stream. It prints the answer.

    Parameters
    ----------
    completion : callable
        Returns the stream's completion, for the line at the end.
    out : text file, optional
        Default: standard output at the time when the view is made.
    """

    def __init__(self, completion: Callable[[], ChatCompletion], out: TextIO | None = None) -> None:
        self._completion = completion
        self._out = out or sys.stdout
        self._last = "\n"

    def __call__(self, events: list[StreamEvent]) -> None:
        for event in events:
            match event:
                case TextDelta(text=text, index=0) | RefusalDelta(text=text, index=0):
                    self._write(visible(text))
                case Retry(attempt=attempt, delay=delay, reason=reason):
                    self._write(f"({visible(reason)} Attempt {attempt} in {delay:.1f} s.)\n")
                case Finish():
                    self._write("" if self._last == "\n" else "\n")
                    self._write(f"[{footer(self._completion())}]\n")
        self._out.flush()

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._last = text[-1:] or self._last
