"""A saved answer is read back as text: its words, its outcome and its model. Hostile outputs are text too."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

import streamwidget as sw
from streamwidget._core.events import Outcome
from streamwidget._core.visible import visible
from streamwidget._saved.answer import mimebundle
from streamwidget._saved.read_back import has_tools, read_answer

TEXT = st.text(max_size=40) | st.sampled_from(
    ["[m · complete]", "a\n\n[m · stopped by you; the text so far is kept · total 1.0 s]", "# x\n\n- [ ] y\n", "$5 [x]"]
)


@given(
    text=TEXT.filter(str.strip), outcome=st.sampled_from(get_args(Outcome)), why=st.sampled_from(["", "a · b", "x)"])
)
def test_what_was_saved_comes_back(text: str, outcome: Outcome, why: str) -> None:
    """A text with a line like ours keeps it, because ours is the last one."""
    error = sw.ErrorInfo(why) if why and outcome not in ("complete", "length", "filtered") else None
    found = read_answer(mimebundle(sw.ChatCompletion(text, outcome=outcome, model="org/m", error=error)))
    assert found is not None
    assert (found.text, found.model) == (visible(text).rstrip("\n"), "org/m")
    assert found.outcome == outcome


@pytest.mark.parametrize("outcome", get_args(Outcome))
def test_an_answer_without_a_word_is_a_failure(outcome: Outcome) -> None:
    """Which failure it was, its words do not always tell."""
    found = read_answer(mimebundle(sw.ChatCompletion("", outcome=outcome)))
    assert found is not None
    assert found.text == ""
    assert (found.outcome == "complete") is (outcome == "complete")


def test_an_answer_that_was_saved_while_it_came_is_cut() -> None:
    found = read_answer(mimebundle(sw.ChatCompletion("The Elbe", model="m")))
    assert found is not None
    assert (found.text, found.outcome) == ("The Elbe", "interrupted")


def test_tools_are_text() -> None:
    step = sw.Step(
        "I look.", tool_calls=(sw.ToolCall("1", "look", "{}"),), tool_results=(sw.ToolResult("1", "look", "4"),)
    )
    bundle = mimebundle(sw.ChatCompletion("I look.\n\nCold.", outcome="complete", steps=(step, sw.Step("Cold."))))
    found = read_answer(bundle)
    assert found is not None
    assert found.text.splitlines()[0] == "I look."
    assert "Tool result: look: 4" in found.text
    assert has_tools(bundle)


@pytest.mark.parametrize(
    "data",
    [
        {"text/plain": "x\n\n[m · complete]"},
        {"text/html": "<b>x</b>", "text/plain": "x\n\n[m · complete]"},
        {"text/html": '<div class="streamwidget-text x">', "text/plain": "no line"},
        {"text/html": ['<div class="streamwidget-text x">'], "text/plain": {"a": 1}},
        {"text/html": 1, "text/plain": 2},
        {},
    ],
)
def test_another_output_is_not_an_answer(data: dict[str, Any]) -> None:
    assert read_answer(data) is None


def test_hostile_outputs_are_text() -> None:
    """Nothing is parsed as HTML, nothing is fetched, and a long one is not searched."""
    html = '<div class="streamwidget-text x"><script>alert(1)</script>'
    found = read_answer({"text/html": html, "text/plain": ["<img src=x onerror=alert(1)>\n", "\n[m · complete]"]})
    assert found is not None
    assert (found.text, found.original, found.outputs) == ("<img src=x onerror=alert(1)>", None, ())
    many = "[a · stopped (x); y]\n" * 50_000
    assert read_answer({"text/html": html, "text/plain": many}) is not None
