"""Reasoning that stands in the answer's text."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamwidget._core.events import ReasoningDelta, TextDelta, Usage
from streamwidget._core.thinking import ThinkTags


def read(pieces: list[str]) -> tuple[str, str]:
    tags = ThinkTags()
    events = [found for piece in pieces for found in tags.split(TextDelta(piece))]
    events += tags.flush()
    thought = "".join(event.text for event in events if isinstance(event, ReasoningDelta))
    return thought, "".join(event.text for event in events if isinstance(event, TextDelta))


CASES = [
    ("<think>a</think>b", "a", "b"),
    ("\n<think>\n a b \n</think>\n\nc\n", "a b", "c\n"),
    ("<think></think>b", "", "b"),
    ("<think>\n\n</think>\n\nb", "", "b"),
    ("<thinking>a</thinking>b", "a", "b"),
    ("<think>a < b </ c</think>d", "a < b </ c", "d"),
    ("<think>a", "a", ""),
    ("<think>a</thi", "a</thi", ""),
    ("<think>a</think>", "a", ""),
    ("Use <think>a</think>", "", "Use <think>a</think>"),
    ("<thin ice>", "", "<thin ice>"),
    ("<th", "", "<th"),
    ("  hello", "", "  hello"),
    ("b</think>c", "", "b</think>c"),
    ("", "", ""),
]


@pytest.mark.parametrize(("text", "thought", "rest"), CASES, ids=[repr(case[0]) for case in CASES])
@pytest.mark.fault("N38", "it is reasoning, however it is cut")
def test_thoughts_at_the_beginning_are_reasoning(text: str, thought: str, rest: str) -> None:
    """Whole, in single characters, and cut in two anywhere."""
    assert read([text]) == read(list(text)) == (thought, rest)
    assert all(read([text[:cut], text[cut:]]) == (thought, rest) for cut in range(len(text)))


@given(st.sampled_from(CASES), st.lists(st.integers(0, 30), max_size=6))
def test_any_cut_gives_the_same(case: tuple[str, str, str], cuts: list[int]) -> None:
    """The pieces in which a text comes make no difference."""
    text, thought, rest = case
    edges = sorted({0, len(text), *(min(cut, len(text)) for cut in cuts)})
    assert read([text[start:end] for start, end in pairwise(edges)]) == (thought, rest)


def test_other_events_pass() -> None:
    """Usage, the provider's own reasoning and other choices are not looked at."""
    tags = ThinkTags()
    for event in (Usage(1, 2, 3), ReasoningDelta("x"), TextDelta("<think>", 1)):
        assert list(tags.split(event)) == [event]
