"""The Markdown of an answer in a terminal, drawn by rich if that is installed.

A block is printed once it is whole. The block that grows is drawn anew with each piece, in its own lines.
Of a block that is higher than the terminal, these are the last ones.

The parser is that of the saved answer, with its bounds. So raw HTML is text, an image is not loaded, and a link shows
its address.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TextIO

from markdown_it.token import Token

from streamwidget._core.visible import visible
from streamwidget._saved.links import destination_of
from streamwidget._saved.markdown import parse

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.live import Live

_DRAWN = 4_000  # characters. Of a longer block that grows, the end is drawn as it was typed
_PAUSE = 4  # times the time of a drawing
_FENCE = re.compile(r"\s*(`{3,}|~{3,})")
_THEME = "ansi_dark"  # the terminal's own colours, without a background


def markdown_text(out: TextIO) -> MarkdownText | None:
    """Return the renderer of Markdown for a file. None: it is not a terminal with colours, or rich is not installed."""
    encoding = getattr(out, "encoding", None) or ""
    if not getattr(out, "isatty", bool)() or os.environ.get("TERM") == "dumb" or not encoding.lower().startswith("utf"):
        return None
    return MarkdownText(out) if find_spec("rich") is not None else None


class MarkdownText:
    """Text in pieces.

    Parameters
    ----------
    out : text file
        A terminal.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._blocks = _Blocks()
        self._live: Live | None = None
        self._printed = False
        self._draw_at = 0.0

    @cached_property
    def _console(self) -> Console:
        from rich.console import Console  # late: the request leaves first

        return Console(file=self._out)

    @property
    def is_open(self) -> bool:
        """True from the first piece until :meth:`end`."""
        return self._printed or self._blocks.open != ""

    def write(self, text: str) -> None:
        """Add a piece. Its control characters are visible already."""
        for block in self._blocks.feed(text.encode("utf-8", "backslashreplace").decode()):
            self._print(block)
        begun = time.monotonic()
        if begun >= self._draw_at and self._blocks.open.strip():
            self._draw()
            now = time.monotonic()
            self._draw_at = now + _PAUSE * (now - begun)

    def end(self) -> None:
        """Print the rest. The next text begins a new line."""
        if self._blocks.open.strip():
            self._print(self._blocks.open)
        self._erase()
        self._blocks, self._printed, self._draw_at = _Blocks(), False, 0.0

    def _draw(self) -> None:
        from rich.live import Live
        from rich.text import Text

        block = self._blocks.open
        tail = _Lines(_markdown(block) if len(block) <= _DRAWN else Text(block[-_DRAWN:]), tail=True)
        if self._live is None:
            if self._printed:
                self._console.print()
            self._live = Live(
                console=self._console,
                auto_refresh=False,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
                vertical_overflow="visible",
            )
            self._live.start()
            self._console.show_cursor(True)  # whatever happens, the terminal keeps its cursor
        self._live.update(tail, refresh=True)

    def _erase(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _print(self, block: str) -> None:
        if self._live is not None:
            self._erase()  # its blank line stays
        elif self._printed:
            self._console.print()
        self._console.print(_Lines(_markdown(block)))
        self._printed = True


class _Blocks:
    """Splits Markdown in pieces at the blank lines between its blocks, but not in code or in a list's item.

    Attributes
    ----------
    open : str
        The block that still grows.
    """

    def __init__(self) -> None:
        self.open = ""
        self._line = 0  # its last line begins here
        self._is_after_blank = False
        self._fence = ""  # the marks before the open code

    def feed(self, text: str) -> Iterator[str]:
        """Add text, and give the whole blocks."""
        self.open += text
        while True:
            if self._is_after_blank and not self._fence and self.open[self._line : self._line + 1].strip():
                block, self.open, self._line = self.open[: self._line], self.open[self._line :], 0
                self._is_after_blank = False
                if block.strip():
                    yield block
            end = self.open.find("\n", self._line)
            if end < 0:
                return
            line = self.open[self._line : end]
            self._is_after_blank = not line.strip()
            self._look_for_a_fence(line)
            self._line = end + 1

    def _look_for_a_fence(self, line: str) -> None:
        marks = _FENCE.match(line)
        if marks is None:
            return
        if not self._fence:
            self._fence = marks[1]
        elif marks[1].startswith(self._fence) and not line[marks.end() :].strip():
            self._fence = ""


class _Lines:
    """The drawing of rich, without blank lines around it. A ``tail`` is as high as the terminal at most."""

    def __init__(self, content: Any, *, tail: bool = False) -> None:
        self._content = content
        self._tail = tail

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.segment import Segment

        lines = console.render_lines(self._content, options.update(height=None), pad=False)
        is_full = ["".join(segment.text for segment in line).strip() != "" for line in lines]
        full = [number for number, has_text in enumerate(is_full) if has_text] or [0]
        lines = lines[full[0] : full[-1] + 1]
        for number, line in enumerate(lines[-max(console.size.height - 2, 1) :] if self._tail else lines):
            if number:
                yield Segment.line()
            yield from line
        if not self._tail:
            yield Segment.line()


def _markdown(text: str) -> Any:
    from rich.markdown import Markdown

    made = Markdown("", code_theme=_THEME, hyperlinks=False)
    made.parsed = [_block(token) for token in parse(text)]
    return made


def _block(token: Token) -> Token:
    """Return a token in the words of rich."""
    if token.type == "unparsed":
        return Token("code_block", "code", 0, content=token.content)
    if token.children:
        token.children = list(_inline(token.children))
    return token


def _inline(tokens: Sequence[Token]) -> Iterable[Token]:
    links: list[tuple[str, str]] = []  # each open link: its address, and its text so far
    for token in tokens:
        match token.type:
            case "link_open":
                links.append((str(token.attrs.get("href", "")), ""))
                continue
            case "link_close":
                url, shown = links.pop()
                if shown == url:
                    continue
                made = _text(f" ({visible(url)})")
            case "image":
                host = destination_of(str(token.attrs.get("src", ""))) or "no host"
                made = _text(f'Image "{token.content}" ({host})' if token.content else f"Image ({host})")
            case "math" | "text_special":
                made = _text(token.content)
            case "br":
                made = Token("hardbreak", "br", 0)
            case _:
                made = token
        made.content = visible(made.content)  # a terminal may obey a character reference: &#x202e;
        links = [(url, shown + made.content) for url, shown in links]
        yield made


def _text(content: str) -> Token:
    return Token("text", "", 0, content=content)
