"""Markdown in a terminal: where a text is cut into blocks, and what the screen shows in the end."""

from __future__ import annotations

import io
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamwidget import Finish, TextDelta, ToolCall
from streamwidget._core.completion import ChatCompletion
from streamwidget._notebook.terminal import TerminalView
from streamwidget._notebook.terminal_markdown import MarkdownText, _Blocks, markdown_text

TEXT = """\
## Rivers

Some **bold**, <b>html</b>, a [link](https://example.com/x), https://bare.example, $a*b*c$ and ![cat](https://h.example/p).

1. one

   more of it

2. two

```python
x = 1

y = 2
```

| a | b |
|---|---|
| 1 | 2 |
"""
SHOWN = [
    "Rivers",
    "",
    "Some bold, <b>html</b>, a link (https://example.com/x), https://bare.example, $a*b*c$ and",
    'Image "cat" (h.example).',
    "",
    " 1 one",
    "   more of it",
    "",
    " 2 two",
    "",
    " x = 1",
    "",
    " y = 2",
    "",
    " a  b",
    " ────",
    " 1  2",
]


class Screen(io.StringIO):
    """A terminal of 90 columns that obeys the few sequences that rich sends."""

    encoding = "utf-8"  # type: ignore[assignment]

    def isatty(self) -> bool:
        return True

    def lines(self) -> list[str]:
        lines, row, column = [""], 0, 0
        for number, code, text in re.findall(r"\x1b\[\??([0-9;]*)([A-Za-z])|([^\x1b])", self.getvalue()):
            if code == "A":
                row -= int(number or 1)
            elif code == "K":
                lines[row] = ""
            elif text == "\r":
                column = 0
            elif text == "\n":
                row, column = row + 1, 0
                lines += [""] * (row + 1 - len(lines))
            elif text:
                lines[row] = lines[row][:column].ljust(column) + text + lines[row][column + 1 :]
                column += 1
        return [line.rstrip() for line in lines]


@pytest.fixture(autouse=True)
def _size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "90")
    monkeypatch.setenv("LINES", "30")
    monkeypatch.setenv("TERM", "xterm-256color")


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_the_screen_shows_the_whole_text_as_markdown(size: int) -> None:
    """However it was cut. HTML is text, the image is not loaded, and the link shows its address."""
    pytest.importorskip("rich")
    screen = Screen()
    markdown = MarkdownText(screen)
    for start in range(0, len(TEXT), size):
        markdown.write(TEXT[start : start + size])
    markdown.end()
    assert screen.lines() == [*SHOWN, ""]


def test_a_tool_call_and_the_footer_stand_below_the_text() -> None:
    """The block that grew is whole by then."""
    pytest.importorskip("rich")
    screen = Screen()
    completion = ChatCompletion(outcome="complete", tool_calls=(ToolCall(None, "add", "{}"),))
    view = TerminalView(lambda: completion, screen, MarkdownText(screen))
    view([TextDelta("some **bo")])
    assert screen.lines() == ["some **bo"]
    view([TextDelta("ld**"), Finish("stop", "complete")])
    assert screen.lines()[0] == "some bold"
    assert "add" in screen.lines()[1]
    assert screen.lines()[-2].startswith("[complete")


def test_a_block_that_is_higher_than_the_terminal_shows_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """While it grows. In the end all of it is there."""
    pytest.importorskip("rich")
    monkeypatch.setenv("LINES", "10")
    screen = Screen()
    markdown = MarkdownText(screen)
    markdown.write("```\n" + "\n".join(f"line {number}" for number in range(40)))
    shown = screen.lines()
    assert len(shown) <= 10
    assert shown[-1] == " line 39"
    markdown.end()
    assert [line for line in screen.lines() if line] == [f" line {number}" for number in range(40)]


def test_elsewhere_the_text_is_printed_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a file, in a dumb terminal, and in one that shows only ASCII."""
    ascii_only = Screen()
    ascii_only.encoding = "ascii"
    assert markdown_text(io.StringIO()) is None
    assert markdown_text(ascii_only) is None
    monkeypatch.setenv("TERM", "dumb")
    assert markdown_text(Screen()) is None


BLOCKS = {
    "a\n\nb\nc\n\n\nd": ["a\n\n", "b\nc\n\n\n", "d"],
    "1. a\n\n   b\n\n2. c": ["1. a\n\n   b\n\n", "2. c"],
    "```\na\n\nb\n```\nc\n\nd": ["```\na\n\nb\n```\nc\n\n", "d"],
    "````\n```\n\nb": ["````\n```\n\nb"],
    "~~~x\na\n\n```\n\n~~~\n\nb": ["~~~x\na\n\n```\n\n~~~\n\n", "b"],
    "a\n \n": ["a\n \n"],
    "\n\na": ["a"],
}


@pytest.mark.parametrize(("text", "blocks"), BLOCKS.items())
def test_a_blank_line_ends_a_block(text: str, blocks: list[str]) -> None:
    """But not in code, and not before an indented line."""
    splitter = _Blocks()
    assert [*splitter.feed(text), splitter.open] == blocks


@settings(deadline=None)
@given(st.text(alphabet="a `~\n-1.", max_size=60), st.integers(1, 9))
def test_the_pieces_do_not_matter(text: str, size: int) -> None:
    """Nothing is lost, and the cuts are the same."""
    whole, pieces = _Blocks(), _Blocks()
    blocks = [*whole.feed(text), whole.open]
    cut = [block for start in range(0, len(text), size) for block in pieces.feed(text[start : start + size])]
    assert [*cut, pieces.open] == blocks
    assert "".join(blocks).strip() == text.strip()
