"""A part of an answer that is missing is marked in its place, everywhere where the answer is seen or sent on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import streamwidget as sw
from streamwidget._conversation.file import from_json, to_json, to_markdown
from streamwidget._conversation.turn import Turn
from streamwidget._core.accumulator import Accumulator
from streamwidget._core.completion import ChatCompletion, shown
from streamwidget._core.events import Finish, Gap, Lost, ReasoningDelta, RefusalDelta, TextDelta
from streamwidget._core.gaps import MARK
from streamwidget._saved.answer import mimebundle
from streamwidget._view.transcript import Transcript, state_of
from tests.saved.rules import undressed
from tests.saved.test_answer import Page
from tests.saved.test_live_equals_static import cases
from tests.support.cpu import cpu

proves = pytest.mark.fault("N39", "the mark is seen whatever stands around it")

#: The text before a gap and the text after it.
AROUND = [
    ("5 mg,", " more than twice"),
    ("", "more than twice"),
    ("more than", ""),
    ("# Dose\n\n", "more"),
    ("- one\n", "- two"),
    ("- one\n- ", "two"),
    ("1. a", "b"),
    ("> quoted ", " text"),
    ("**bold ", " text**"),
    ("`code ", " span`"),
    ("```python\nx = ", "\ny = 2\n```\n"),
    ("```python\nx = 1\n", "```\ntext"),
    ("```", "thon\nx = 1\n```"),
    ("```py", "thon\nx = 1\n```"),
    ("~~~", "x\n~~~"),
    ("- ```", "x\n  ```"),
    ("> ```js", "x"),
    ("    code", " more"),
    ("| a | b |\n|---|---|\n| 1 ", " | 2 |\n"),
    ("| a | b |\n|---|---|\n", "| 1 | 2 |\n"),
    ("| a | b |\n|-", "--|---|\n| 1 | 2 |\n"),
    ("so $x + ", " y$ is"),
    ("$$\nx + ", " y\n$$\n"),
    ("\\[ x ", " y \\]"),
    ("a \\", "( b"),
    ("a \\", "[ b"),
    ("see [the", " page](https://host.example/x)"),
    ("see [the page](https://host.", "example/x)"),
    ("see [the page](https://host.example/x", ")"),
    ("see [the page]", "(https://host.example/x)"),
    ("see ", "(https://host.example/x)"),
    ("see ", ": https://host.example/x\n\nend"),
    ("[a]: https://host.", "example/x\n\n[a]"),
    ("[a]: https://host.example/x", " 'title'\n\n[a]"),
    ("\n\n", ": https://host.example/x\n\nend"),
    ("Stop!", "(https://host.example/x.png)"),
    ("![a cat", "](https://host.example/x.png)"),
    ("<https://host.", "example>"),
    ("https://host.", "example/x"),
    ("<div ", "hidden>"),
    ("<!-- ", " -->"),
    ("&am", "p;"),
    ("text\n", "==="),
    ("text\n", "---"),
    ("- [ ", "] task"),
    ("line  \n", "break"),
]


def with_gap(before: str, after: str) -> ChatCompletion:
    return ChatCompletion(before + after, outcome="complete", gaps=(Gap("text", len(before)),))


@pytest.mark.parametrize(("before", "after"), AROUND)
@proves
def test_the_mark_is_seen_in_any_markdown(before: str, after: str) -> None:
    """In the saved page, as text. The page that streams renders the same text by the same rules."""
    bundle = mimebundle(with_gap(before, after))
    assert "a part is missing here" in Page(bundle["text/html"]).text
    assert "a part is missing here" in bundle["text/plain"]
    assert "a part is missing here" in bundle.get("text/markdown", MARK)


def test_the_live_view_is_compared_in_the_same_markdown() -> None:
    """js/test/markdown/static.test.ts compares it with the saved answer."""
    compared = {case["markdown"] for case in cases()}
    assert {shown(with_gap(*around)) for around in AROUND} <= compared


@proves
def test_a_code_block_still_ends_after_a_gap() -> None:
    """The line after a gap at a line's start keeps its meaning."""
    html = undressed(mimebundle(with_gap("```python\nx = 1\n", "```\n\n**Done**"))["text/html"])
    assert "<strong>Done</strong>" in html
    assert html.count("<pre") == 1
    assert html.index("a part is missing here") < html.index("</pre>")
    items = mimebundle(with_gap("- one\n", "- two"))["text/html"]
    assert items.count("<li>") == 2


PIECES = st.sampled_from(["a", "5 mg,", "\n", "```", "```py", "x\n", "- ", "é", "\n\n"])
EVENTS = st.one_of(
    st.builds(Lost), st.builds(TextDelta, PIECES), st.builds(ReasoningDelta, PIECES), st.builds(RefusalDelta, PIECES)
)


@given(st.lists(st.lists(EVENTS, max_size=4), max_size=6))
@proves
def test_the_page_is_sent_what_the_saved_answer_shows(batches: list[list[Lost | TextDelta | ReasoningDelta]]) -> None:
    """However the events are joined into messages, and with a snapshot in between. Texts only grow."""
    accumulator, transcript = Accumulator(), Transcript()
    sent = {"delta": "", "reasoning": "", "refusal": ""}
    for batch in [*batches, [Finish("stop", "complete")], None]:
        events = accumulator.flush() if batch is None else accumulator.take(batch)
        for event in events:
            transcript.add(event)
        for message in transcript.flush(None):
            sent[message["op"]] += message["text"]
        completion = accumulator.snapshot()
        state = transcript.snapshot(completion)
        assert (sent["delta"], sent["reasoning"], sent["refusal"]) == (
            *(state["text"], state["reasoning"]),
            state["refusal"],
        )
    assert sent["delta"] == shown(completion) == state_of(completion)["text"]
    assert sent["reasoning"] == shown(completion, "reasoning")
    assert sent["refusal"] == shown(completion, "refusal")
    assert completion.text.replace("\n", "") == shown(completion).replace(MARK, "").replace("\n", "")


@proves
def test_the_next_request_and_the_exports_have_the_mark() -> None:
    """The model reads that a part of its answer is missing. A file keeps the text and the place."""
    completion = with_gap("5 mg,", " twice")
    answer = sw.Message("assistant", shown(completion), completion=completion)
    turn = Turn("k", sw.Message("user", "How much?"), answer)
    _, (again,) = from_json(to_json(None, [turn]))
    for kept in (turn, again):
        assert kept.to_messages()[1].text == f"5 mg,{MARK} twice"
        assert f"5 mg,{MARK} twice" in to_markdown(None, [kept])
        assert kept.answer is not None
        assert kept.answer.completion == completion


def test_many_gaps_take_linear_time() -> None:
    """Ten times the gaps take about ten times as long, and not a hundred times, in the text and in the page's."""

    def read(count: int) -> None:
        accumulator, transcript = Accumulator(), Transcript()
        for _ in range(count):
            for event in accumulator.take([Lost(), TextDelta("one line\n")]):
                transcript.add(event)
            transcript.flush(None)

    assert cpu(lambda: read(20_000)) < 40 * max(cpu(lambda: read(2_000)), 0.005)
