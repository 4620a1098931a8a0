"""What an agent's tools returned reaches the page below the call, as a piece that is added to it."""

from __future__ import annotations

from streamwidget import ChatCompletion, ToolCall, ToolCallDelta, ToolResult
from streamwidget._saved.answer import mimebundle
from streamwidget._view.transcript import Transcript, state_of

CALL = ToolCall("call_1", "look", '{"at":"Bern"}')
RESULT = ToolResult("call_1", "look", "4 <b>°C</b>")


def test_a_result_is_added_to_its_call() -> None:
    """The messages add up to the state, and the saved answer folds the same text."""
    transcript = Transcript()
    transcript.add(ToolCallDelta(0, CALL.id, CALL.name, CALL.arguments))
    first = transcript.flush(ChatCompletion(tool_calls=(CALL,)))
    transcript.add(RESULT)
    second = transcript.flush(ChatCompletion(tool_calls=(CALL,), tool_results=(RESULT,)))
    said = "".join(message["arguments"] for message in (*first, *second))
    assert said == '{"at":"Bern"}\n\nResult:\n4 <b>°C</b>'
    completion = ChatCompletion(tool_calls=(CALL,), tool_results=(RESULT,), outcome="complete")
    assert state_of(completion)["tool_calls"] == [{"name": "look", "arguments": said}]
    assert "Result:\n4 &lt;b&gt;°C&lt;/b&gt;" in mimebundle(completion)["text/html"]
    assert "Tool result: look: 4 <b>°C</b>" in mimebundle(completion)["text/plain"]


def test_a_result_without_a_call_is_a_block_of_its_own() -> None:
    """Two results of one name go to two calls, in order."""
    alone = state_of(ChatCompletion(tool_results=(RESULT,)))["tool_calls"]
    assert alone == [{"name": "look", "arguments": "Result:\n4 <b>°C</b>"}]
    twice = (ToolCall(None, "look", "1"), ToolCall(None, "look", "2"))
    results = (ToolResult(None, "look", "a"), ToolResult(None, "look", "b"))
    shown = state_of(ChatCompletion(tool_calls=twice, tool_results=results))["tool_calls"]
    assert [block["arguments"] for block in shown] == ["1\n\nResult:\na", "2\n\nResult:\nb"]
