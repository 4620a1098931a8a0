"""Reasoning that stands in the answer's text."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamwidget._core.events import ReasoningDelta, TextDelta, Usage
from streamwidget._core.thinking import ThinkTags
from tests.support.cpu import cpu


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
    ("<THINK>a</THINK>b", "a", "b"),
    ("<Think>a</think>b", "a", "b"),
    ('<think type="x">a</think>b', "a", "b"),
    ("<think >a</think >b", "a", "b"),
    ("<thought>a</thought>b", "a", "b"),
    ("<reasoning>a</reasoning>b", "a", "b"),
    ("<thinking mode='deep'>a</thinking>b", "a", "b"),
    ("<seed:think>a</seed:think>b", "a", "b"),
    ("[THINK]a[/THINK]b", "a", "b"),
    ("◁think▷a◁/think▷b", "a", "b"),
    ("<|begin_of_thought|>a<|end_of_thought|>b", "a", "b"),
    ("<|START_THINKING|>a<|END_THINKING|>b", "a", "b"),
    ("<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>b", "a", "b"),
    (
        "<|start|>assistant<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>final<|message|>b",
        "a",
        "b",
    ),
    ("<|channel|>final<|message|>b", "", "b"),
    ("<|channel>thought\na<channel|>b", "a", "b"),
    ("<think>a</think>\n<think>b</think>c", "a\n\nb", "c"),
    ("<think>\n<think>\na</think>b", "a", "b"),
    ("<think>a\n<think>\nb\n</think>\nc</think>d", "a\n<think>\nb\n</think>\nc", "d"),
    ("<think>the <think> tag</think>b", "the <think> tag", "b"),
    ("<think>a `</think>` b</think>c", "a `</think>` b", "c"),
    ("<think>use `x`</think>`y` is", "use `x`", "`y` is"),
    ("`<think>`a", "", "`<think>`a"),
    ("```\n<think>a</think>\n```", "", "```\n<think>a</think>\n```"),
    ("<thinker>a</thinker>", "", "<thinker>a</thinker>"),
    ("<think", "", "<think"),
    ("<think a", "", "<think a"),
    ("<think>", "", ""),
    ("<THINK>a", "a", ""),
    ("<think>a</think>b</think>c", "a", "b</think>c"),
    ("[THINK", "", "[THINK"),
    ("[Think about it](https://x)", "", "[Think about it](https://x)"),
    ("<|channel|>x", "", "<|channel|>x"),
    ("<reason>x", "", "<reason>x"),
    ("< think>x", "", "< think>x"),
    ("\ufeff<think>a</think>b", "a", "b"),
    ("<think>a</think><answer>b</answer>", "a", "<answer>b</answer>"),
    ("<|im_start|>x", "", "<|im_start|>x"),
    ("<think/>b", "", "b"),
    ("<think></think>\n\nb", "", "b"),
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


@pytest.mark.parametrize(
    "piece", ["`</think>`", "</think>", "<think>", "<think>a</think>", "<think>a<think>b</think>c</think>"]
)
def test_many_tags_take_linear_time(piece: str) -> None:
    """Ten times the tags in one event take about ten times as long, and not a hundred times."""

    def cost(count: int) -> float:
        return cpu(lambda: read([f"<think>a{piece * count}"]))

    assert cost(20_000) < 40 * max(cost(2_000), 0.005)
