"""The answer in a terminal: printed as it streams, then one line about it.

Text of a model may hold escape sequences that move the cursor or rename the window. They are shown, not obeyed.
"""

from __future__ import annotations

import sys
from typing import TextIO

from streamwidget._completion import ChatCompletion
from streamwidget._events import Finish, Retry, StreamEvent, TextDelta
from streamwidget._static_html import footer, visible


class TerminalView:
    """A stream's subscriber that prints."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out or sys.stdout
        self._at_line_start = True

    def __call__(self, events: list[StreamEvent]) -> None:
        for event in events:
            match event:
                case TextDelta(text=text, index=0):
                    self._write(visible(text))
                case Retry(attempt=attempt, delay=delay, reason=reason):
                    self._line(f"({visible(reason)} Attempt {attempt} in {delay:.1f} s.)")
                case Finish():
                    self._line("")
        self._out.flush()
