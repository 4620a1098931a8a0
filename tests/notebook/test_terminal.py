"""The answer in a terminal."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence

import pytest

from streamwidget import (
    ChatCompletion,
    Finish,
    ReasoningDelta,
    RefusalDelta,
    Retry,
    StreamEvent,
    TextDelta,
    Timing,
    Usage,
)
from streamwidget._notebook.terminal import TerminalView


def printed(*batches: Sequence[StreamEvent]) -> str:
    out = io.StringIO()
    completion = ChatCompletion(outcome="complete", model="demo-x", timing=Timing(0.1, 1.0, 2))
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


def test_only_the_answer_is_printed() -> None:
    """A refusal is printed. Reasoning and other choices are not."""
    text = printed([ReasoningDelta("hm"), RefusalDelta("I can't."), TextDelta("other", 1), RefusalDelta("other", 1)])
    assert text == "I can't."


def test_a_retry_is_announced_on_its_line() -> None:
    """With its reason, number and wait."""
    assert printed([Retry(2, 0.51, "busy")]) == "(busy Attempt 2 in 0.5 s.)\n"


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
