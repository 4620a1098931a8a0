"""The demo server calls the tools of a request."""

from __future__ import annotations

from typing import Any

import pytest

import streamwidget as sw
from streamwidget.demo import DemoServer

CITY = {"type": "object", "properties": {"city": {"type": "string"}, "unit": {"enum": ["celsius", "fahrenheit"]}}}
ADD = {"properties": {"first": {"type": "integer"}, "second": {"type": "integer"}}, "required": ["first", "second"]}
LONGEST = {"properties": {"rivers": {"type": "array", "items": {"type": "string"}}}, "required": ["rivers"]}
COLOUR = {"properties": {"colour": {"enum": ["red", "blue"]}}, "required": ["colour"]}
OFFERED = {"weather": CITY | {"required": ["city"]}, "add": ADD, "longest": LONGEST, "colour": COLOUR, "read_clock": {}}


@pytest.mark.parametrize(
    ("question", "calls"),
    [
        ("How warm is it in Bonn and in New York?", ['weather {"city": "Bonn"}', 'weather {"city": "New York"}']),
        ("The weather in `köln`, in Celsius?", ['weather {"city": "köln", "unit": "celsius"}']),
        ("Add 2 and -40, please.", ['add {"first": 2, "second": -40}']),
        ("Is it blue, or is it red?", ['colour {"colour": "blue"}', 'colour {"colour": "red"}']),
        ("Which is the longest of Elbe and Po?", ['longest {"rivers": ["Elbe", "Po"]}']),
        ("what does the clock say?", ["read_clock {}"]),
        ("who are you?", []),
        ("", []),
    ],
)
@pytest.mark.parametrize("stream", [True, False])
def test_a_tool_that_fits_is_called_and_its_result_is_the_answer(
    server: DemoServer, question: str, calls: list[str], stream: bool
) -> None:
    """The question fills the arguments. The results, once they are there, become the answer. Ids are never the same."""
    tools = [{"type": "function", "function": {"name": name, "parameters": one}} for name, one in OFFERED.items()]
    client = sw.ChatClient(server.url)
    asked: list[Any] = [{"role": "user", "content": question}]
    first = client.stream(asked, stream=stream, tools=tools).wait()
    assert [f"{call.name} {call.arguments}" for call in first.tool_calls] == calls
    assert bool(first.text) == (not calls)
    assert first.finish_reason == ("tool_calls" if calls else "stop")
    if not calls:
        return
    said = [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
        for call in first.tool_calls
    ]
    asked.append({"role": "assistant", "content": None, "tool_calls": said})
    asked += [{"role": "tool", "tool_call_id": call["id"], "content": f"({place})"} for place, call in enumerate(said)]
    answer = client.stream(asked, stream=stream, tools=tools).wait()
    assert not answer.tool_calls
    assert all(f"({place})" in answer.text for place in range(len(said)))
    again = client.stream([*asked, {"role": "assistant", "content": answer.text}, asked[0]], tools=tools).wait()
    assert [call.arguments for call in again.tool_calls] == [call.arguments for call in first.tool_calls]
    assert not {call.id for call in again.tool_calls} & {call["id"] for call in said}


def test_no_tool_is_called_against_the_request(server: DemoServer) -> None:
    """A request that forbids it, brings a text of its own, or offers what is not a function, gets its answer."""
    client = sw.ChatClient(server.url)
    tools: list[Any] = [{"type": "function", "function": {"name": "weather", "parameters": {}}}]
    for fields in (
        {"tools": tools, "tool_choice": "none"},
        {"tools": tools, "demo": {"text": "mine"}},
        {"tools": [{"type": "web_search"}, {"function": {"name": "x", "parameters": {"required": 7}}}]},
    ):
        answer = client.stream("The weather?", **fields).wait()
        assert (answer.outcome, answer.tool_calls) == ("complete", ())
        assert answer.text
