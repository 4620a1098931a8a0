"""Reasoning that stands in the answer's text."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamwidget._core.accumulator import Accumulator
from streamwidget._core.events import (
    Lost,
    NewStep,
    ParsedEvent,
    ReasoningDelta,
    TextDelta,
    TextWasReasoning,
    ToolCallDelta,
    Usage,
)
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


#: An answer whose template has begun the thoughts already.
FENCED = "Say:\n```html\n</think>\n```\n"
LATE = [
    ("a</think>b", "a", "b"),
    ("\n a b \n</think>\n\nc\n", "a b", "c\n"),
    ("</think>b", "", "b"),
    ("\n\n</think>\n\nb", "", "b"),
    ("a</think>", "a", ""),
    ("a</THINK >b", "a", "b"),
    ("a</thinking>b", "a", "b"),
    ("a < b, x[1] </ c</thi</think>d", "a < b, x[1] </ c</thi", "d"),
    ("a[/THINK]b", "a", "b"),
    ("a◁/think▷b", "a", "b"),
    ("a<|END_THINKING|>b", "a", "b"),
    ("a</think><think>b</think>c", "a\n\nb", "c"),
    ("a</think>b</think>c", "a", "b</think>c"),
    ("a</think>b <think>c</think>", "a", "b <think>c</think>"),
    ("use `x`\n</think>`y` is", "use `x`", "`y` is"),
    ("a `</think>` b</think>c", "a `</think>` b", "c"),
    ("a `<think>` b</think>c", "a `<think>` b", "c"),
    (f"{FENCED}b</think>c", f"{FENCED}b", "c"),
    ("~~~~\n```\n~~~\n~~~~\na</think>b", "~~~~\n```\n~~~\n~~~~\na", "b"),
    # It stays text.
    (FENCED, "", FENCED),
    ("> ~~~ </think>\n> </think>", "", "> ~~~ </think>\n> </think>"),
    ("a `</think>`", "", "a `</think>`"),
    ("a ``x ` </think>`` b", "", "a ``x ` </think>`` b"),
    ("Use <think>a</think>", "", "Use <think>a</think>"),
    ("a [THINK] b</think>", "", "a [THINK] b</think>"),
    ("a</thi", "", "a</thi"),
    ("a</thinker>b", "", "a</thinker>b"),
    ("a<|channel|>final<|message|>b", "", "a<|channel|>final<|message|>b"),
]


def added(pieces: list[str]) -> tuple[str, str]:
    """Add the pieces up. The deltas join to the same, if a reader moves them as the event says."""
    accumulator = Accumulator()
    events = [event for piece in pieces for event in accumulator.take([TextDelta(piece)])] + accumulator.flush()
    shown = {ReasoningDelta: "", TextDelta: ""}
    for event in events:
        if isinstance(event, TextWasReasoning):
            shown = {ReasoningDelta: shown[TextDelta].strip(), TextDelta: ""}
        elif isinstance(event, ReasoningDelta | TextDelta):
            shown[type(event)] += event.text
    assert shown == {ReasoningDelta: accumulator.reasoning, TextDelta: accumulator.text}
    return accumulator.reasoning, accumulator.text


@pytest.mark.parametrize(("text", "thought", "rest"), LATE, ids=[repr(case[0]) for case in LATE])
@pytest.mark.fault("N38", "thoughts without a beginning are reasoning too, once they end")
def test_thoughts_without_a_beginning_are_reasoning(text: str, thought: str, rest: str) -> None:
    """Whole, in single characters, and cut in two anywhere."""
    assert added([text]) == added(list(text)) == (thought, rest)
    assert all(added([text[:cut], text[cut:]]) == (thought, rest) for cut in range(len(text)))


@pytest.mark.parametrize(
    ("events", "thought", "rest"),
    [
        ([ReasoningDelta("r"), TextDelta("a</think>b")], "r", "a</think>b"),
        ([TextDelta("a</th"), ReasoningDelta("r"), TextDelta("ink>b")], "r", "a</think>b"),
        ([TextDelta("a"), NewStep(), TextDelta("</think>b")], "", "a\n\n</think>b"),
        ([TextDelta("a"), ToolCallDelta(0, "1", "look", "{}"), TextDelta("</think>b")], "", "a</think>b"),
        ([TextDelta("x" * 70_000), TextDelta("</think>b")], "", "x" * 70_000 + "</think>b"),
        ([TextDelta("a"), TextDelta("</think>", 1), Usage(1, 2, 3), TextDelta("</think>b")], "a", "b"),
        ([TextDelta("a"), TextWasReasoning(), TextDelta("b")], "a", "b"),  # another stream's events, passed on
        ([ReasoningDelta("r"), TextDelta("a"), TextWasReasoning(), TextDelta("b")], "r", "ab"),
    ],
)
def test_what_else_came_says_whose_the_text_is(events: list[ParsedEvent], thought: str, rest: str) -> None:
    """The provider's own reasoning, a call, a step and much text leave the text as it is."""
    accumulator = Accumulator()
    accumulator.take(events)
    accumulator.flush()
    assert (accumulator.reasoning, accumulator.text) == (thought, rest)


def test_a_gap_goes_with_the_text() -> None:
    """What is missing in the thoughts is missing in the reasoning."""
    accumulator = Accumulator()
    accumulator.take([TextDelta("\na"), Lost(), TextDelta("b</think>"), TextDelta("c")])
    assert [(gap.field, gap.place) for gap in accumulator.gaps] == [("reasoning", 1)]


@pytest.mark.parametrize(("text", "thought", "rest"), CASES, ids=[repr(case[0]) for case in CASES])
@pytest.mark.fault("N38", "it is reasoning, however it is cut")
def test_thoughts_at_the_beginning_are_reasoning(text: str, thought: str, rest: str) -> None:
    """Whole, in single characters, and cut in two anywhere."""
    assert read([text]) == read(list(text)) == (thought, rest)
    assert all(read([text[:cut], text[cut:]]) == (thought, rest) for cut in range(len(text)))


@pytest.mark.parametrize("piece", ["`</think>` ", "\n```\n</think>\n```\n", "<", "[a", "-> ", "` `` "])
def test_a_text_of_many_signs_takes_linear_time(piece: str) -> None:
    """No delta costs more than those before it, even where each of them has an end of thoughts."""

    def cost(count: int) -> float:
        return cpu(lambda: added(["a", *[piece] * count]))

    assert cost(20_000) < 40 * max(cost(2_000), 0.01)


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
