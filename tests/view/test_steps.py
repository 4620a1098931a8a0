"""The steps of an agent: the page gets them in order, whenever it is told, and ends with what is saved."""

from __future__ import annotations

import io
from typing import Any

import pytest

from streamwidget import Gap, NewStep, ReasoningDelta, TextDelta, ToolCallDelta, ToolResult
from streamwidget._core.accumulator import Accumulator
from streamwidget._core.completion import ChatCompletion, Step, shown, shown_steps
from streamwidget._core.events import Finish, Lost, ParsedEvent
from streamwidget._notebook.terminal import TerminalView
from streamwidget._saved.answer import mimebundle
from streamwidget._view.transcript import Transcript, state_of


def call(name: str) -> ToolCallDelta:
    return ToolCallDelta(None, name, name, "{}")


def result(name: str, text: str = "4 °C") -> ToolResult:
    return ToolResult(name, None, text)


LOOKED = "{}\n\nResult:\n4 °C"
#: Events, and the steps that are seen: the text of each, and its blocks.
CASES: dict[str, tuple[list[ParsedEvent], list[tuple[str, list[str]]]]] = {
    "plain": ([TextDelta("One "), TextDelta("two.")], [("One two.", [])]),
    "plain with a call": ([TextDelta("One."), call("look")], [("One.", ["{}"])]),
    "a call, its result, the answer": (
        [TextDelta("I "), TextDelta("look."), call("look"), result("look"), TextDelta("It is "), TextDelta("cold.")],
        [("I look.", [LOOKED]), ("It is cold.", [])],
    ),
    "three steps, the second without a text": (
        [call("look"), result("look"), call("find"), result("find"), TextDelta("Cold.")],
        [("", [LOOKED]), ("", [LOOKED]), ("Cold.", [])],
    ),
    "steps of text alone": (
        [TextDelta("Plan."), NewStep(), TextDelta("Draft."), NewStep(), TextDelta("Answer.")],
        [("Plan.", []), ("Draft.", []), ("Answer.", [])],
    ),
    "a step that brings nothing": ([TextDelta("All."), call("look"), result("look"), NewStep()], [("All.", [LOOKED])]),
    "thoughts are not a step that is seen": (
        [NewStep(), ReasoningDelta("Hm."), NewStep(), TextDelta("One."), NewStep(), ReasoningDelta("So.")],
        [("One.", [])],
    ),
    "line ends alone begin no step": (
        [TextDelta("One."), NewStep(), TextDelta("\n"), TextDelta("Two.")],
        [("One.", []), ("Two.", [])],
    ),
    "a call in the answer too": (
        [call("look"), result("look"), TextDelta("Two."), call("note"), result("note")],
        [("", [LOOKED]), ("Two.", [LOOKED])],
    ),
    "something is lost in each step": (
        [
            *(TextDelta("One,"), Lost(), TextDelta("more."), call("look"), result("look")),
            *(TextDelta("Two,"), Lost(), TextDelta("more.")),
        ],
        [("One,…[a part is missing here]…more.", [LOOKED]), ("Two,…[a part is missing here]…more.", [])],
    ),
}


class Page:
    """Adds up the messages, as the page does."""

    def __init__(self) -> None:
        self.steps: list[dict[str, Any]] = [{"text": "", "tool_calls": []}]

    def take(self, message: dict[str, Any]) -> None:
        last = self.steps[-1]
        if message["op"] == "step":
            self.steps.append({"text": "", "tool_calls": []})
        elif message["op"] == "delta":
            last["text"] += message["text"]
        elif message["op"] == "tool":
            if message["index"] == len(last["tool_calls"]):
                last["tool_calls"].append({"name": message["name"], "arguments": ""})
            last["tool_calls"][message["index"]]["arguments"] += message["arguments"]


def of_state(state: dict[str, Any]) -> list[dict[str, Any]]:
    last = {"text": state["text"], "tool_calls": state["tool_calls"]}
    return [{**step, "text": step["text"].strip("\n")} for step in [*state["steps"], last]]


@pytest.mark.parametrize("every", [1, 2, 3, 100])
@pytest.mark.parametrize("name", CASES)
def test_the_page_gets_each_step_in_order(name: str, every: int) -> None:
    """The messages, the state after each of them, a page that comes late and the saved answer have the same steps."""
    events, expected = CASES[name]
    accumulator, transcript, page = Accumulator(), Transcript(), Page()
    for number, event in enumerate(events, 1):
        for published in accumulator.take([event]):
            transcript.add(published)
        if number % every == 0 or number == len(events):
            for message in transcript.flush(accumulator.snapshot()):
                page.take(message)
            sent = of_state(transcript.snapshot(accumulator.snapshot()))
            assert sent == of_state({**page.steps[-1], "steps": page.steps[:-1]})
            late = Transcript()
            late.restart(shown(accumulator.snapshot()), accumulator.snapshot())
            assert of_state(late.snapshot(accumulator.snapshot())) == sent
    completion = accumulator.snapshot(outcome="complete")
    assert of_state(state_of(completion)) == sent
    seen = [(step["text"], [block["arguments"] for block in step["tool_calls"]]) for step in sent]
    assert seen == expected
    html = mimebundle(completion)["text/html"]
    assert html.count("Step ") == len(expected) - 1
    assert all(text in html for text, _ in expected)


def test_a_late_page_goes_on_with_the_step_that_runs() -> None:
    """What comes after it joined is added to the right step."""
    accumulator, transcript = Accumulator(), Transcript()
    accumulator.take([TextDelta("I look."), call("look"), result("look"), TextDelta("It is")])
    transcript.restart(accumulator.text, accumulator.snapshot())
    for event in (TextDelta(" cold."), call("note"), result("note"), TextDelta("Noted.")):
        for published in accumulator.take([event]):
            transcript.add(published)
    transcript.flush(accumulator.snapshot())
    state = transcript.snapshot(accumulator.snapshot())
    assert of_state(state) == of_state(state_of(accumulator.snapshot()))


def test_steps_that_do_not_fit_the_text_are_shown() -> None:
    """A person may make a completion of any values."""
    completion = ChatCompletion("other", steps=(Step("One."), Step("Two.")), gaps=(Gap("text", 99), Gap("text", 1)))
    assert [step.text.startswith(word) for step, word in zip(shown_steps(completion), ("One", "Two"), strict=True)]


def test_a_terminal_shows_each_step_with_its_tools() -> None:
    """The tools of a step stand below its text, before the text of the next one."""
    accumulator, out = Accumulator(), io.StringIO()
    view = TerminalView(lambda: accumulator.snapshot(outcome="complete"), out)
    for event in (TextDelta("I look."), call("look"), result("look"), TextDelta("It is"), TextDelta(" cold.")):
        view(accumulator.take([event]))
    view([Finish("stop", "complete")])
    lines = ["I look.", "Tool call: look({})", "Tool result: look: 4 °C", "", "It is cold.", "[complete]", ""]
    assert out.getvalue().split("\n") == lines
