"""The answer in a terminal."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence

import pytest

from streamwidget import (
    ChatCompletion,
    Finish,
    Gap,
    ReasoningDelta,
    RefusalDelta,
    Retry,
    StreamEvent,
    TextDelta,
    TextWasReasoning,
    Timing,
    ToolCall,
    ToolCallDelta,
    Usage,
    Waiting,
)
from streamwidget._core.gaps import MARK
from streamwidget._notebook.terminal import TerminalView


class Screen(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


def printed(
    *batches: Sequence[StreamEvent], tool_calls: tuple[ToolCall, ...] = (), out: io.StringIO | None = None
) -> str:
    out = out or io.StringIO()
    timing = Timing(0.1, 1.0, 2)
    completion = ChatCompletion(outcome="complete", model="demo-x", timing=timing, tool_calls=tool_calls)
    view = TerminalView(lambda: completion, out)
    for batch in batches:
        view(list(batch))
    return out.getvalue()


def test_text_is_printed_as_it_comes_and_the_footer_stands_alone() -> None:
    """The text does not change. The footer is on a line of its own."""
    text = printed(
        [TextDelta("Hel"), TextDelta("lo")], [TextDelta(" there")], [Usage(1, 2, 3), Finish("stop", "complete")]
    )
    body, footer = text.split("\n", 1)
    assert body == "Hello there"
    assert footer.startswith("[")
    assert footer.endswith("]\n")
    assert "demo-x" in footer
    assert footer.count("\n") == 1
    assert printed([TextDelta("Hello there\n")], [Finish("stop", "complete")]) == text


def test_an_answer_without_text_is_its_footer() -> None:
    """No empty line before it."""
    assert printed([Finish(None, "cancelled")]).startswith("[")


def test_only_the_first_answer_is_printed() -> None:
    """A refusal is printed. Other choices are not."""
    text = printed([RefusalDelta("I can't."), TextDelta("other", 1), RefusalDelta("other", 1), ReasoningDelta("hm", 1)])
    assert text == "The model refused: I can't."


def test_a_gap_is_marked_in_its_place() -> None:
    """In the answer, and in the reasoning before it."""
    text = printed([TextDelta("5 mg,"), Gap("text", 5), TextDelta(" twice"), Finish("stop", "complete")])
    assert text.startswith(f"5 mg,{MARK} twice\n[")
    assert printed([ReasoningDelta("h"), Gap("reasoning", 1), TextDelta("42")]) == f"Thinking:\nh{MARK}\n\n42"


REASONED = [[ReasoningDelta("h"), ReasoningDelta("m\x1b[31m")], [TextDelta("4"), TextDelta("2")]]


def test_reasoning_has_a_heading_in_a_file() -> None:
    """An empty line stands between it and the answer."""
    assert printed(*REASONED) == "Thinking:\nhm␛[31m\n\n42"
    assert printed([ReasoningDelta("")], [TextDelta("42")]) == "42"


def test_reasoning_is_dimmed_in_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """No piece leaves the terminal dimmed. Where the terminal shows no styles, there is the heading."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert printed(*REASONED, out=Screen()) == "\x1b[2mh\x1b[22m\x1b[2mm␛[31m\x1b[22m\n\n42"
    monkeypatch.setenv("TERM", "dumb")
    assert printed(*REASONED, out=Screen()).startswith("Thinking:\n")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    assert printed(*REASONED, out=Screen()).startswith("Thinking:\n")


def test_text_that_was_reasoning_has_a_line_below_it() -> None:
    """It is printed already."""
    text = printed([TextDelta("Two rivers."), TextWasReasoning(), TextDelta("Rhine")], [Finish("stop", "complete")])
    note = "(The text above is the model's thinking. The answer follows.)"
    assert text.startswith(f"Two rivers.\n{note}\n\nRhine\n[")


def test_an_answer_of_reasoning_alone_ends_with_its_footer() -> None:
    """The footer stands on a line of its own."""
    assert printed([ReasoningDelta("hm")], [Finish("stop", "complete")]).startswith("Thinking:\nhm\n\n[demo-x")


def test_each_tool_call_has_a_line() -> None:
    """After the text, with its arguments whole, which come in pieces. Case terminal-tool-call."""
    calls = (ToolCall("c1", "weather", '{"city": "Oslo"}'), ToolCall(None, None, "\x1b[2J"))
    pieces = [ToolCallDelta(0, "c1", "weather", '{"city"'), ToolCallDelta(0, None, None, ': "Oslo"}')]
    text = printed([TextDelta("I look."), *pieces], [Finish("tool_calls", "complete")], tool_calls=calls)
    assert text.splitlines()[:3] == ["I look.", 'Tool call: weather({"city": "Oslo"})', "Tool call: ?(␛[2J)"]
    assert text.splitlines()[3].startswith("[demo-x")


def test_a_terminal_of_ascii_shows_other_characters_as_codes() -> None:
    """Nothing raises, so the text is kept and the answer ends as it should."""
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, "ascii")
    TerminalView(ChatCompletion, out)([TextDelta("é 😀"), TextDelta("\x07"), Finish("stop", "complete")])
    assert raw.getvalue().startswith(b"\\xe9 \\U0001f600\\u2407\n[")


def test_a_retry_is_announced_on_its_line() -> None:
    """With its reason, number and wait."""
    assert printed([Retry(2, 0.51, "busy")]) == "(busy Attempt 2 in 0.5 s.)\n"


def test_a_model_that_loads_has_a_line() -> None:
    """What the request waits for is printed, and nothing when it is sent."""
    assert printed([Waiting("m is loading")], [Waiting("")], [TextDelta("Hi")]) == "(m is loading)\nHi"


@pytest.mark.parametrize("nasty", ["\x1b]0;owned\x07", "\x1b[2J", "\x9b31m", "a\x08b", "\x00", "\u202egnp.exe"])
def test_control_characters_are_shown_not_obeyed(nasty: str) -> None:
    """The text of a model and of a server's error message cannot steer the terminal (D3, D4)."""
    text = printed([TextDelta(nasty)], [Retry(2, 1, nasty)])
    assert not set("\x1b\x07\x9b\x08\x00\u202e") & set(text)
    assert text.isprintable() or "\n" in text


def test_it_writes_to_standard_output_as_that_is_when_it_is_made(capsys: pytest.CaptureFixture[str]) -> None:
    """A redirected output is respected, and each batch is flushed."""
    view = TerminalView(ChatCompletion)
    assert view._out is sys.stdout
    view([TextDelta("now")])
    assert capsys.readouterr().out == "now"
