"""Kept answers come back exactly, also if people or other kernels change the file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import streamwidget as sw
from streamwidget._conversation import kept_answers
from streamwidget._conversation.kept_answers import KeptAnswers, is_worth_keeping
from streamwidget._core.earlier import earlier_answer
from streamwidget._core.events import Original
from streamwidget._core.surrogates import well_formed

AT = 1762938000.0
TEXT = st.text(max_size=20).map(well_formed)
SAID = st.sampled_from(["Elbe.", "<think>a</think> b", " Po", "\n\nOb", "a</think>b"])
CALLS = st.lists(st.builds(sw.ToolCall, st.uuids().map(str), st.just("look"), st.just("{}")), max_size=2).map(tuple)


def answer(text: str = "Elbe.", **more: object) -> sw.ChatCompletion:
    return sw.ChatCompletion(text, outcome="complete", finish_reason="stop", model="m", **more)  # type: ignore[arg-type]


def shown_again(completion: sw.ChatCompletion) -> sw.ChatCompletion:
    return earlier_answer(sw.ChatClient().stream("Name a river.", "m"), completion, AT).wait()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    parts=st.lists(st.tuples(SAID, TEXT, CALLS), min_size=1, max_size=3),
    refusal=TEXT,
    original=st.none() | st.just(Original("openai_responses", ({"type": "message", "n": 1},))),
)
def test_an_answer_comes_back_exactly(
    tmp_path: Path, parts: list[tuple[str, str, tuple[sw.ToolCall, ...]]], refusal: str, original: Original | None
) -> None:
    """So the next request of the conversation is the same too. Its steps, calls, results and thoughts are there."""

    def model(_: object):  # type: ignore[no-untyped-def]
        for text, reasoning, calls in parts:
            yield sw.NewStep()
            yield from [sw.ReasoningDelta(reasoning), sw.TextDelta(text)]
            yield from (sw.ToolCallDelta(n, call.id, call.name, call.arguments) for n, call in enumerate(calls))
            yield from (sw.ToolResult(call.id, call.name, "4 km", images=("data:,",)) for call in calls)
        yield sw.RefusalDelta(refusal)
        yield sw.Finish("stop", "complete")

    made = replace(sw.Conversation().ask("Name a river.", model).wait(), original=original)
    path = tmp_path / "a.chat.jsonl"
    path.unlink(missing_ok=True)
    KeptAnswers(path).keep("0", made, AT, "host", "Name a river.")
    found = KeptAnswers(path).find("0")
    assert found is not None
    assert found.completion == made
    again = shown_again(found.completion)
    for name in ("text", "reasoning", "refusal", "tool_calls", "tool_results", "finish_reason", "outcome", "original"):
        assert getattr(again, name) == getattr(made, name), name
    plain = [replace(step, usage=None, original=None, finish_reason=None) for step in made.steps]
    assert [replace(step, usage=None, original=None, finish_reason=None) for step in again.steps] == plain


def test_it_never_looks_as_if_it_came_now() -> None:
    """No time, no usage, no receipt, and the day in the line under the answer. A value is read again."""
    made = answer("[1, 2]", timing=sw.Timing(0.5, 2.0, 9), usage=sw.Usage(9, 4, 13))
    asked = sw.ChatClient().stream("Count.", as_={"type": "array"})
    again = earlier_answer(asked, made, AT).wait()
    assert (again.timing, again.usage, again.receipt, again.reused_from) == (sw.Timing(), None, None, AT)
    assert again.value == [1, 2]
    bundle = again._repr_mimebundle_()
    for text in bundle.values():
        assert "complete · from 12 Nov 2025, not asked again" in text.replace("<span>", "").replace("</span>", "")
        assert "first token" not in text


def test_a_cut_answer_is_not_kept() -> None:
    """Nor one with a part missing, or a doubt about its end."""
    assert is_worth_keeping(answer())
    assert not is_worth_keeping(replace(answer(), outcome="length"))
    assert not is_worth_keeping(replace(answer(), outcome="cancelled"))
    assert not is_worth_keeping(answer(warnings=(sw.StreamWarning("bad_json", "1 event was not JSON"),)))


def test_people_can_read_and_change_the_file(tmp_path: Path) -> None:
    """One line for each answer, without a key and without the usual values. Delete a line, and it is asked again."""
    path = tmp_path / "lesson.chat.jsonl"
    kept = KeptAnswers(path)
    kept.keep("a", answer("Größe"), AT, "host", "My key is sk-0123456789abcdef.\nName a river.")
    kept.keep("b", answer("Po."), AT, "host", "And now?")
    first, second = path.read_text("utf-8").splitlines()
    assert json.loads(first) == {
        "asked": "2025-11-12T09:00:00Z",
        "server": "host",
        "model": "m",
        "prompt": "My key is [key]. Name a river.",
        "answer": {"text": "Größe", "finish_reason": "stop", "outcome": "complete", "model": "m"},
        "hash": "a",
    }
    path.write_text(f"<<<<<<< mine\n{second}\n", "utf-8")
    assert kept.find("a") is None
    assert kept.find("b") is not None
    assert kept.unreadable == 1
    kept.keep("c", answer("Ob."), AT, "host", "And then?")
    assert path.read_text("utf-8").startswith("<<<<<<< mine\n")


@pytest.mark.parametrize(
    "line",
    [
        {"hash": "a"},
        {"hash": "a", "asked": "yesterday", "answer": {"text": "x", "outcome": "complete"}},
        {"hash": "a", "asked": "2025-11-12T09:00:00Z", "answer": {"text": "cut", "outcome": "length"}},
        {"hash": "a", "asked": "2025-11-12T09:00:00Z", "answer": {"text": 1, "outcome": "complete"}},
        {"hash": "a", "asked": "2025-11-12T09:00:00Z", "answer": {"html": "<b>", "outcome": "complete"}},
        {"hash": ["a"]},
        [],
    ],
)
def test_a_line_that_is_not_an_answer_is_asked_again(line: object, tmp_path: Path) -> None:
    """The file may come from anybody."""
    path = tmp_path / "x.chat.jsonl"
    path.write_text(json.dumps(line), "utf-8")
    assert KeptAnswers(path).find("a") is None


def test_the_file_has_a_bound_and_other_writers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest answers leave. What another kernel has written meanwhile stays."""
    monkeypatch.setattr(kept_answers, "_MOST", 3)
    path = tmp_path / "x.chat.jsonl"
    mine, theirs = KeptAnswers(path), KeptAnswers(path)
    for number in range(3):
        (mine, theirs)[number % 2].keep(str(number), answer(f"{number} " * (number + 1)), AT, "host", "?")
    assert [mine.find(str(number)) is not None for number in range(3)] == [True] * 3
    mine.keep("3", answer(), AT, "host", "?")
    assert [theirs.find(str(number)) is not None for number in range(4)] == [False, True, True, True]


def test_a_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    """A folder in its place."""
    kept = KeptAnswers(tmp_path)
    with pytest.raises(sw.ConfigurationError, match="cannot be read"):
        kept.find("a")
