"""The answer in a terminal: printed as it streams, each step with its tool calls, and one line about it at the end.

If rich is installed, it draws the Markdown (:mod:`streamwidget._notebook.terminal_markdown`).

The model's reasoning comes before the answer. It is dimmed. If the output is not a terminal, it has a heading. If
the text turns out to be reasoning, a line below it says so, because it is printed already.

A model's text may hold escape sequences, to move the cursor or rename the window. They are shown as signs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TextIO

from streamwidget._core.completion import STEP_BREAK, ChatCompletion, Step
from streamwidget._core.events import (
    Finish,
    Gap,
    NewStep,
    ReasoningDelta,
    RefusalDelta,
    Retry,
    RichOutput,
    StreamEvent,
    TextDelta,
    TextWasReasoning,
    Waiting,
)
from streamwidget._core.gaps import MARK
from streamwidget._notebook.terminal_markdown import MarkdownText
from streamwidget._saved.answer import footer, result_line, tool_line, visible
from streamwidget._saved.outputs import output_text


def write(out: TextIO, text: str) -> None:
    r"""Write text to a terminal. If it shows only ASCII, each other character is an escape.

    ``Grüße`` -> ``Gr\xfc\xdfe``
    """
    encoding = getattr(out, "encoding", None) or "utf-8"
    out.write(text.encode(encoding, "backslashreplace").decode(encoding))


def say(text: str) -> None:
    """Print one line, or some, in a cell or a terminal. Escape sequences in them are shown as signs, and not obeyed."""
    write(sys.stdout, f"{visible(text)}\n")


class TerminalView:
    """A subscriber of a stream. It prints the answer.

    Parameters
    ----------
    completion : callable
        Returns the stream's completion, for the line at the end.
    out : text file, optional
        Default: standard output at the time when the view is made.
    markdown : MarkdownText, optional
        Draws the answer's text there. Default: it is printed as it is.
    """

    def __init__(
        self,
        completion: Callable[[], ChatCompletion],
        out: TextIO | None = None,
        markdown: MarkdownText | None = None,
    ) -> None:
        self._completion = completion
        self._out = out or sys.stdout
        self._markdown = markdown
        self._dims = _can_dim(self._out)
        self._last = "\n"
        self._reasoning = False  # the last text was reasoning
        self._refusal = False  # a refusal has begun
        self._steps = 0  # so many steps of an agent are over
        self._begins = False  # a step has no text yet

    def __call__(self, events: list[StreamEvent]) -> None:
        for event in events:
            match event:
                case ReasoningDelta(text=text, index=0) if text:
                    self._write_reasoning(visible(text))
                case TextDelta(text=text, index=0) if text:
                    self._end_reasoning()
                    if self._begins:  # one blank line, also below the tool calls
                        self._write("\n")
                        text = text.removeprefix(STEP_BREAK)
                        self._begins = False
                    self._write_text(visible(text))
                case RefusalDelta(text=text, index=0) if text:
                    self._begin_refusal()
                    self._write(visible(text))
                case Gap(field="reasoning"):
                    self._write_reasoning(MARK)
                case Gap():
                    self._end_reasoning()
                    self._write_text(MARK)
                case RichOutput():
                    self._end_reasoning()
                    self._end_line()
                    self._write(f"{output_text(event)}\n")
                case Retry() | Waiting() | TextWasReasoning():
                    self._remark(event)
                case NewStep():
                    self._end_step(self._completion().steps[self._steps])
                    self._steps, self._begins = self._steps + 1, True
                case Finish():
                    self._finish(self._completion())
        self._out.flush()

    def _remark(self, event: Retry | Waiting | TextWasReasoning) -> None:
        match event:
            case Retry(attempt=attempt, delay=delay, reason=reason):
                self._write(f"({visible(reason)} Attempt {attempt} in {delay:.1f} s.)\n")
            case Waiting(reason=reason) if reason:
                self._write(f"({visible(reason)})\n")
            case TextWasReasoning():
                self._end_line()
                self._write("(The text above is the model's thinking. The answer follows.)\n\n")

    def _write_text(self, text: str) -> None:
        if self._markdown is None:
            self._write(text)
        else:
            self._end_line()
            self._markdown.write(text)

    def _write_reasoning(self, text: str) -> None:
        if not self._reasoning:
            self._reasoning = True
            self._end_line()
            self._write("" if self._dims else "Thinking:\n")
        # Each piece ends its own style. A terminal never stays dimmed, whatever happens between two pieces.
        self._write(f"\x1b[2m{text}\x1b[22m" if self._dims else text, last=text[-1])

    def _end_reasoning(self) -> None:
        if self._reasoning:
            self._reasoning = False
            self._end_line()
            self._write("\n")

    def _begin_refusal(self) -> None:
        self._end_reasoning()
        if not self._refusal:
            self._refusal = True
            self._end_line()
            self._write("The model refused: ")

    def _finish(self, completion: ChatCompletion) -> None:
        self._end_step(completion.steps[-1] if completion.steps else completion)
        self._write(f"[{footer(completion)}]\n")

    def _end_step(self, step: Step | ChatCompletion) -> None:
        self._end_reasoning()
        self._end_line()
        for call in step.tool_calls:
            self._write(f"{tool_line(call)}\n")
        for result in step.tool_results:
            self._write(f"{result_line(result)}\n")

    def _end_line(self) -> None:
        if self._last != "\n":
            self._write("\n")

    def _write(self, text: str, last: str = "") -> None:
        if self._markdown is not None and self._markdown.is_open:
            self._markdown.end()
        write(self._out, text)
        self._last = last or text[-1:] or self._last


def _can_dim(out: TextIO) -> bool:
    is_terminal = getattr(out, "isatty", bool)()
    return is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
