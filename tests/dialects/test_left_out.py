"""What an answer has beside its text is read, or named under the answer, in every dialect."""

from __future__ import annotations

from typing import Any

import pytest

from streamwidget._core.completion import missing
from tests.dialects.test_chat_completions import choice
from tests.dialects.test_repeats import read

proves = pytest.mark.fault("N35", "every dialect reads it, or the line under the answer names it")
START: dict[str, Any] = {"type": "message_start", "message": {"content": []}}
CREATED: dict[str, Any] = {"type": "response.created", "response": {"status": "in_progress"}}
TEXT: dict[str, Any] = {"type": "text", "text": "a"}


def blocks(*given: dict[str, Any]) -> list[Any]:
    starts = [{"type": "content_block_start", "index": n, "content_block": b} for n, b in enumerate([TEXT, *given])]
    return [START, *starts]


def deltas(*given: dict[str, Any]) -> list[Any]:
    return [*blocks(), *({"type": "content_block_delta", "index": 0, "delta": delta} for delta in given)]


def items(item: dict[str, Any], *before: dict[str, Any]) -> list[Any]:
    """A Responses stream with one item beside its text. The item comes at its end and once more in the response."""
    said = {"type": "response.output_text.delta", "delta": "a", "output_index": 0, "content_index": 0}
    message = {"type": "message", "content": [{"type": "output_text", "text": "a"}]}
    end = {"type": "response.output_item.done", "output_index": 1, "item": item}
    return [CREATED, said, *before, end, {"type": "response.completed", "response": {"output": [message, item]}}]


def responses(kind: str, **rest: Any) -> list[Any]:
    return [CREATED, {"type": "response.output_text.delta", "delta": "a"}, {"type": f"response.{kind}", **rest}]


def chunk(*parts: dict[str, Any], **rest: Any) -> list[Any]:
    return [{"type": "AIMessageChunk", "content": [TEXT, *parts], "id": "r", **rest}]


def chat(delta: dict[str, Any], **beside: Any) -> list[Any]:
    return [choice({"content": "a"}), {**choice(delta), **beside}]


FOUND = {"type": "web_search_result", "url": "https://host.example"}
NAMED: dict[str, list[tuple[list[Any], str]]] = {
    "anthropic": [
        (blocks({"type": "web_search_tool_result", "content": [FOUND, {**FOUND, "url": "x"}]}), "2 web search results"),
        (blocks({"type": "web_fetch_tool_result", "content": {"url": "x"}}), "1 web page"),
        (blocks({"type": "code_execution_tool_result", "content": {"stdout": "4"}}), "code output"),
        (blocks({"type": "bash_code_execution_tool_result", "content": {}}), "code output"),
        (blocks({"type": "mcp_tool_result", "content": [{"type": "text", "text": "x"}]}), "1 tool result"),
        (blocks({"type": "redacted_thinking", "data": "x"}), "hidden reasoning"),
        (blocks({"type": "container_upload", "file_id": "x"}), "1 file"),
        (blocks({"type": "image", "source": {}}), "1 image"),
        (blocks({"type": "hologram"}), "part of an unknown kind (hologram)"),
        (deltas({"type": "sketch_delta", "sketch": "x"}), "part of an unknown kind (sketch)"),
        (
            deltas(*({"type": "citations_delta", "citation": {"url": url}} for url in ("x", "y", "x"))),
            "2 citations",
        ),
    ],
    "responses": [
        (items({"type": "web_search_call", "id": "w", "action": {"type": "search"}}), "1 web search"),
        (items({"type": "web_search_call", "id": "w", "action": {"sources": [{"u": 1}, {"u": 2}]}}), "2 web searches"),
        (items({"type": "file_search_call", "id": "f", "results": [{"t": 1}, {"t": 2}]}), "2 file search results"),
        (items({"type": "image_generation_call", "id": "i", "result": "iVBOR"}), "1 image"),
        (items({"type": "code_interpreter_call", "id": "c", "code": "1", "outputs": [{"logs": "1"}]}), "code output"),
        (items({"type": "mcp_call", "id": "c", "name": "f", "arguments": "{}", "output": "4"}), "1 tool result"),
        (items({"type": "hologram_call", "id": "h"}), "part of an unknown kind (hologram_call)"),
        (items({"type": "message", "content": [{"type": "output_sketch", "x": "y"}]}), "(output_sketch)"),
        (responses("output_text.annotation.added", annotation={"url": "x"}), "1 citation"),
        (responses("image_generation_call.partial_image", item_id="i"), "1 image"),
        (responses("audio.delta", delta="UklG"), "sound"),
        (responses("sketch.delta", delta="x"), "part of an unknown kind (sketch)"),
    ],
    "langchain": [
        (chunk({"type": "image", "url": "x"}), "1 image"),
        (chunk({"type": "audio", "data": "x"}), "sound"),
        (chunk({"type": "video", "url": "x"}), "1 video"),
        (chunk({"type": "file", "file_id": "x"}), "1 file"),
        (chunk({"type": "server_tool_result", "output": "x"}), "1 tool result"),
        (chunk({"type": "redacted_thinking", "data": "x"}), "hidden reasoning"),
        (chunk({"type": "web_search_call", "id": "w"}), "1 web search"),
        (chunk({"type": "non_standard", "value": {"x": "y"}}), "part of an unknown kind (non_standard)"),
        (chunk({"type": "text", "text": "", "annotations": [{"url": "x"}]}), "1 citation"),
        (chunk(response_metadata={"logprobs": {"content": [1]}}), "log probabilities"),
        (chunk(additional_kwargs={"tool_outputs": [{"type": "web_search_call"}]}), "1 tool result"),
    ],
    "chat": [
        (chat({"provider_specific_fields": {"citations": [{"url": "x"}]}}), "1 citation"),
        (chat({"context": {"citations": [{"title": "a page"}], "intent": "x"}}), "1 citation"),
        (chat({"attachments": [{"url": "https://host.example"}]}), "part of an unknown kind (attachments)"),
        (chat({"disclaimer": "See a doctor."}), "part of an unknown kind (disclaimer)"),
        ([choice({"content": "a"}, groundingMetadata={"chunks": [{"uri": "https://host.example"}]})], "1 citation"),
        (chat({"video": {"url": "https://host.example"}}), "1 video"),
        (chat({"content": [{"type": "redacted_thinking", "data": "x"}]}), "hidden reasoning"),
        (chat({"content": [{"type": "reference", "reference_ids": [1]}]}), "1 citation"),
        (chat({"content": [{"type": "text", "text": {"value": "", "annotations": [{"u": 1}]}}]}), "1 citation"),
        (chat({}, citations=["x", "y"], related_questions=["Why so?"]), "2 citations, suggested questions"),
    ],
}
SILENT: dict[str, list[Any]] = {
    "a signature": [
        *blocks({"type": "thinking", "thinking": "h", "signature": "x"}),
        {"type": "content_block_delta", "index": 1, "delta": {"type": "signature_delta", "signature": "y"}},
    ],
    "the list of an MCP server's tools": items({"type": "mcp_list_tools", "id": "m", "tools": [{"name": "f"}]}),
    "hidden reasoning of the next request": items({"type": "reasoning", "summary": [], "encrypted_content": "x"}),
    "obfuscation": responses("output_text.delta", delta="", obfuscation="x"),
    "tool calls in a content list": chunk({"type": "tool_use", "id": "t", "name": "f", "input": {}}),
}
CALLS: dict[str, tuple[list[Any], tuple[str, str]]] = {
    "a server's tool": (
        [
            *blocks({"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}),
            {
                "type": "content_block_delta",
                "index": 1,
                "delta": {"type": "input_json_delta", "partial_json": '{"q":1}'},
            },
        ],
        ("web_search", '{"q":1}'),
    ),
    "code": (
        items(
            {"type": "code_interpreter_call", "id": "c", "code": "1+1"},
            {"type": "response.code_interpreter_call_code.delta", "output_index": 1, "delta": "1+1"},
        ),
        ("code_interpreter", "1+1"),
    ),
    "an MCP server": (items({"type": "mcp_call", "id": "c", "name": "f", "arguments": "{}"}), ("f", "{}")),
    "a computer": (
        items({"type": "computer_call", "call_id": "c", "action": {"type": "click"}}),
        ("computer", '{"type":"click"}'),
    ),
    "LangChain": (chunk({"type": "server_tool_call", "id": "s", "name": "f", "args": {"q": 1}}), ("f", '{"q": 1}')),
    "a custom tool": (
        chat({"tool_calls": [{"index": 0, "id": "t", "type": "custom", "custom": {"name": "f", "input": "x"}}]}),
        ("f", "x"),
    ),
}


@pytest.mark.parametrize(
    ("given", "says"), [pytest.param(*row, id=f"{name}: {row[1]}") for name, rows in NAMED.items() for row in rows]
)
@proves
def test_what_is_not_shown_is_named(given: list[Any], says: str) -> None:
    """The text is there, and the line under it names the rest, once."""
    completion = read(given)
    assert completion.text == "a"
    assert missing(completion).startswith("left out: ")
    assert says in missing(completion)


@pytest.mark.parametrize("name", SILENT)
def test_what_is_not_content_is_not_named(name: str) -> None:
    """It says nothing to a person."""
    completion = read(SILENT[name])
    assert (completion.text, completion.warnings, completion.gaps) == ("a", (), ())


@pytest.mark.parametrize(("given", "expect"), CALLS.values(), ids=CALLS)
@proves
def test_what_a_server_ran_is_shown_as_a_call(given: list[Any], expect: tuple[str, str]) -> None:
    """With its name and its arguments."""
    completion = read(given)
    assert completion.text == "a"
    assert [(call.name, call.arguments) for call in completion.tool_calls] == [expect]


@pytest.mark.parametrize(
    ("usage", "place"),
    [
        ({"prompt_tokens_details": {"cached_tokens": 4}}, "cached_tokens"),
        ({"prompt_cache_hit_tokens": 4}, "cached_tokens"),
        ({"cached_tokens": 4}, "cached_tokens"),
        ({"cache_read_input_tokens": 4}, "cached_tokens"),
        ({"completion_tokens_details": {"reasoning_tokens": 4}}, "reasoning_tokens"),
        ({"input_tokens": 4}, "prompt_tokens"),
        ({"output_tokens": 4}, "completion_tokens"),
        ({"cost": 4}, "cost"),
        ({"cost": {"total_cost": 4.0}}, "cost"),
    ],
)
def test_usage_has_many_spellings(usage: dict[str, Any], place: str) -> None:
    """At the top, in Groq's own field, or in the choice."""
    for item in ({"usage": usage}, {"x_groq": {"usage": usage}}):
        assert getattr(read([choice({"content": "a"}), {**choice({}), **item}]).usage, place) == 4
    assert getattr(read([choice({"content": "a"}, usage=usage)]).usage, place) == 4


def test_an_unknown_block_leaves_a_gap_and_a_known_one_does_not() -> None:
    """An unknown one may be text."""
    more = {"type": "content_block_start", "index": 2, "content_block": {"type": "text", "text": "b"}}
    assert [gap.place for gap in read([*blocks({"type": "hologram"}), more]).gaps] == [1]
    assert read([*blocks({"type": "image", "source": {}}), more]).gaps == ()
