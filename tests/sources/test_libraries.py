"""The items of libraries that are known by their shape, in plain values, and what each stream must come to."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

import pytest

from streamwidget._sources import as_stream
from tests.support.dialects import DIALECTS, Answer, objects
from tests.support.kernels import ROOT
from tests.support.servers import failure_of
from tests.test_readme import GUIDES


@dataclass(frozen=True)
class Case:
    """The items of a stream, and what they come to."""

    items: list[Any]
    text: str = "Hello there."
    reasoning: str = ""
    calls: tuple[tuple[str, str], ...] = ()
    results: tuple[str, ...] = ()
    usage: tuple[int | None, int | None] | None = None
    outcome: str = "complete"
    steps: int = 0
    extra: dict[str, Any] = field(default_factory=dict)


def ollama(**more: Any) -> dict[str, Any]:
    return {"model": "m", "created_at": "now", "done": False, "done_reason": None, **more}


def said(text: str, **more: Any) -> dict[str, Any]:
    return ollama(message={"role": "assistant", "content": text, "thinking": None, "tool_calls": None, **more})


def google(*parts: dict[str, Any], end: str | None = None, usage: Any = None) -> dict[str, Any]:
    content = {"parts": list(parts), "role": "model"}
    return {
        "candidates": [{"content": content, "finish_reason": end}],
        "usage_metadata": usage,
        "model_version": "gemini",
        "response_id": "r",
    }


def camel(value: Any) -> Any:
    """The same as JSON on Google's wire: ``finish_reason`` is ``finishReason``."""
    if isinstance(value, dict):
        return {_camel(name): camel(part) for name, part in value.items() if part is not None}
    return [camel(part) for part in value] if isinstance(value, list) else value


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


def adk(text: str, *, partial: bool | None, **more: Any) -> dict[str, Any]:
    return {"author": "agent", "partial": partial, "content": {"parts": [{"text": text}], "role": "model"}, **more}


def cohere(kind: str, message: Any = None, **delta: Any) -> dict[str, Any]:
    return {"type": kind, "index": 0, "delta": {"message": message, **delta}, "id": "c"}


def chunk(text: str, end: str | None = None) -> dict[str, Any]:
    return {"id": "1", "model": "m", "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": end}]}


def ai(text: str, name: str = "run-1", end: str | None = None, **more: Any) -> dict[str, Any]:
    about = {"finish_reason": end} if end else {}
    return {
        "type": "AIMessageChunk",
        "id": name,
        "content": text,
        "additional_kwargs": {},
        "response_metadata": about,
        "tool_call_chunks": [],
        "usage_metadata": None,
        **more,
    }


def tool_message(text: str) -> dict[str, Any]:
    return {
        "type": "tool",
        "id": "t",
        "content": text,
        "tool_call_id": "call_1",
        "name": "look",
        "response_metadata": {},
    }


CALL = {"index": 0, "id": "call_1", "name": "look", "args": '{"at":"Bern"}'}
AGENT = [
    ai("", tool_call_chunks=[CALL]),
    ai("", end="tool_calls"),
    tool_message("RAW"),
    ai("Hello ", "run-2"),
    ai("there.", "run-2", "stop"),
]
AGENT_SAYS: dict[str, Any] = {"calls": (("look", '{"at":"Bern"}'),), "results": ("RAW",), "steps": 2}


def event(name: str, **data: Any) -> dict[str, Any]:
    return {"event": name, "data": data, "run_id": "r", "name": "x", "parent_ids": ["p"], "metadata": {}}


def part(kind: str, **fields: Any) -> dict[str, Any]:
    return {"event_kind": kind, "index": 0, **fields}


def agent_event(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": kind, "source": "assistant", **fields}


def haystack(text: str, **more: Any) -> dict[str, Any]:
    chunk = {"content": text, "meta": {}, "component_info": None, "index": 0, "tool_calls": None, "finish_reason": None}
    return {**chunk, "tool_call_result": None, "start": False, "reasoning": None, **more}


def smol(text: str | None) -> dict[str, Any]:
    return {"content": text, "tool_calls": None, "token_usage": None}


def xai(text: str, so_far: str, end: str = "REASON_INVALID") -> tuple[dict[str, Any], dict[str, Any]]:
    """The answer so far, and its newest chunk. Both have the same names."""
    usage = {"prompt_tokens": 7, "completion_tokens": 5}
    both: dict[str, Any] = {"reasoning_content": "", "proto": {"x": 1}}
    choices = [{"content": text, "finish_reason": int(end != "REASON_INVALID")}]
    return (
        {**both, "id": "r", "content": so_far, "finish_reason": end, "usage": usage},
        {**both, "content": text, "choices": choices, "tool_calls": []},
    )


def talk(event: str, **data: Any) -> dict[str, Any]:
    return {"event": event, "data": {"type": event, **data}}


def step(index: int, **delta: Any) -> dict[str, Any]:
    return {"event_type": "step.delta", "index": index, "delta": delta}


def live(parts: list[Any] | None, *, turn_complete: bool | None = None) -> dict[str, Any]:
    turn = {"parts": parts, "role": "model"} if parts else None
    usage = {"prompt_token_count": 7, "response_token_count": 5} if turn_complete else None
    content = {"model_turn": turn, "turn_complete": turn_complete}
    return {"setup_complete": None, "server_content": content, "tool_call": None, "usage_metadata": usage}


def chunked(*values: Any) -> list[Any]:
    return [{"chunk": {"bytes": json.dumps(value).encode()}} for value in values]


def claude(block: dict[str, Any]) -> dict[str, Any]:
    return {"content": [block], "model": "m", "parent_tool_use_id": None}


def kernel(text: str, end: str | None = None, items: list[Any] | None = None) -> dict[str, Any]:
    about = {"choice_index": 0, "role": "assistant", "finish_reason": end, "metadata": {}}
    return {"content": text, "items": items or [{"text": text, "encoding": None}], **about}


def update(*contents: dict[str, Any], end: str | None = None) -> dict[str, Any]:
    text = "".join(content["text"] for content in contents if content["type"] == "text")
    return {"contents": list(contents), "text": text, "role": "assistant", "finish_reason": end}


def vllm(text: str, end: str | None = None) -> dict[str, Any]:
    return {"request_id": "1", "outputs": [{"index": 0, "text": text, "finish_reason": end}], "finished": bool(end)}


def llama(**more: Any) -> dict[str, Any]:
    return {"raw": None, "additional_kwargs": {}, **more}


def responses_event(data: Any) -> dict[str, Any]:
    return {"type": "raw_response_event", "data": data}


STRANDS = [
    {"init_event_loop": True},
    {"event": {"messageStart": {"role": "assistant"}}},
    {"event": {"contentBlockStart": {"start": {"toolUse": {"toolUseId": "call_1", "name": "look"}}}}},
    {"event": {"contentBlockDelta": {"delta": {"toolUse": {"input": '{"at":"Bern"}'}}, "contentBlockIndex": 0}}},
    {"event": {"messageStop": {"stopReason": "tool_use"}}},
    {"message": {"role": "user", "content": [{"toolResult": {"toolUseId": "call_1", "content": [{"text": "RAW"}]}}]}},
    {"event": {"messageStart": {"role": "assistant"}}},
    {"event": {"contentBlockDelta": {"delta": {"text": "Hello "}, "contentBlockIndex": 0}}},
    {"data": "Hello ", "delta": {"text": "Hello "}},
    {"event": {"contentBlockDelta": {"delta": {"text": "there."}, "contentBlockIndex": 0}}},
    {"data": "there.", "delta": {"text": "there."}},
    {"event": {"messageStop": {"stopReason": "end_turn"}}},
    {"event": {"metadata": {"usage": {"inputTokens": 7, "outputTokens": 5, "totalTokens": 12}}}},
    {"result": {"stop_reason": "end_turn"}},
]
BEDROCK = [item["event"] for item in STRANDS[6:] if "event" in item]
ANTHROPIC_BYTES = [
    {"chunk": {"bytes": json.dumps(item).encode()}}
    for item in DIALECTS["anthropic"](Answer(("Hello ", "there."), (), calls=False))
]

CASES: dict[str, Case] = {
    "ollama chat": Case(
        [said("", thinking="Hm."), said("Hello "), said("there."), {**said(""), "done": True, "done_reason": "stop",
         "prompt_eval_count": 7, "eval_count": 5}],
        reasoning="Hm.", usage=(7, 5),
    ),
    "ollama tools": Case(
        [said("", tool_calls=[{"function": {"name": "look", "arguments": {"at": "Bern"}}}]),
         {**said(""), "done": True, "done_reason": "stop"}],
        text="", calls=(("look", '{"at":"Bern"}'),),
    ),
    "ollama cut at the limit": Case([said("Hello there."), {**said(""), "done": True, "done_reason": "length"}],
                                    outcome="length"),
    "ollama generate": Case([ollama(response="Hello "), ollama(response="there.", done=True, done_reason="stop")]),
    "google": Case(
        [google({"text": "Hm.", "thought": True}), google({"text": "Hello "}),
         google({"text": "there."}, end="STOP", usage={"prompt_token_count": 7, "candidates_token_count": 5})],
        reasoning="Hm.", usage=(7, 5),
    ),
    "google on the wire": Case(
        camel([google({"text": "Hello "}), google({"text": "there."}, end="STOP",
               usage={"prompt_token_count": 7, "candidates_token_count": 5})]), usage=(7, 5),
    ),
    "google calls": Case([google({"function_call": {"name": "look", "args": {"at": "Bern"}}}, end="STOP")],
                         text="", calls=(("look", '{"at":"Bern"}'),)),
    "google filtered": Case([google({"text": "Hello there."}), google(end="SAFETY")], outcome="filtered"),
    "google-adk": Case([adk("Hello ", partial=True), adk("there.", partial=True), adk("Hello there.", partial=False)]),
    "google-adk without pieces": Case([adk("Hello there.", partial=None)]),
    "mistralai": Case([{"data": chunk("Hello ")}, {"data": chunk("there.", "stop")}]),
    "cohere v2": Case(
        [cohere("message-start"), cohere("content-delta", {"content": {"thinking": "Hm."}}),
         cohere("content-delta", {"content": {"text": "Hello "}}),
         cohere("content-delta", {"content": {"text": "there."}}), cohere("content-end"),
         cohere("message-end", finish_reason="COMPLETE",
                usage={"tokens": {"input_tokens": 7.0, "output_tokens": 5.0}})],
        reasoning="Hm.", usage=(7, 5),
    ),
    "cohere v2 calls": Case(
        [cohere("message-start"),
         cohere("tool-call-start", {"tool_calls": {"id": "1", "function": {"name": "look", "arguments": ""}}}),
         cohere("tool-call-delta", {"tool_calls": {"function": {"arguments": '{"at":"Bern"}'}}}),
         cohere("message-end", finish_reason="TOOL_CALL")],
        text="", calls=(("look", '{"at":"Bern"}'),),
    ),
    "text_generation of a hub": Case(
        [{"token": {"id": 1, "text": "Hello ", "special": False}, "details": None},
         {"token": {"id": 2, "text": "there.", "special": False}, "details": None},
         {"token": {"id": 3, "text": "</s>", "special": True},
          "details": {"finish_reason": "eos_token", "generated_tokens": 3}}],
        usage=(None, 3),
    ),
    "bedrock converse": Case(BEDROCK, usage=(7, 5)),
    "bedrock invoke_model": Case(ANTHROPIC_BYTES, usage=(7, 5)),
    "strands": Case(STRANDS, usage=(7, 5), **AGENT_SAYS),
    "langchain agent": Case(AGENT, **AGENT_SAYS),
    "langgraph messages": Case([(item, {"langgraph_step": 1}) for item in AGENT], **AGENT_SAYS),
    "langgraph two modes": Case([("messages", (item, {"langgraph_step": 1})) for item in AGENT], **AGENT_SAYS),
    "langgraph typed parts": Case([{"type": "messages", "ns": (), "data": (item, {})} for item in AGENT], **AGENT_SAYS),
    "langgraph updates": Case(
        [{"agent": {"messages": [{**ai("Hello there.", end="stop"), "type": "ai", "tool_calls": []}]}}]
    ),
    "langchain astream_events": Case(
        [event("on_chain_start", input="x"), event("on_chat_model_start", input="x"),
         *(event("on_chat_model_stream", chunk=item) for item in AGENT[:2]),
         event("on_chat_model_end", output=ai("", tool_call_chunks=[CALL])),
         event("on_tool_start", input="x"), event("on_tool_end", output=AGENT[2]),
         *(event("on_chat_model_stream", chunk=item) for item in AGENT[3:]),
         event("on_chain_stream", chunk="Hello there."), event("on_chat_model_end", output=ai("Hello there.", "run-2")),
         {**event("on_chain_end", output="x"), "parent_ids": []}],
        **AGENT_SAYS,
    ),
    "pydantic-ai events": Case(
        [part("part_start", part={"part_kind": "thinking", "content": "Hm"}),
         part("part_delta", delta={"part_delta_kind": "thinking", "content_delta": "."}),
         part("part_start", part={"part_kind": "tool-call", "tool_name": "look", "args": None, "tool_call_id": "1"}),
         part("part_delta", delta={"part_delta_kind": "tool_call", "args_delta": '{"at":"Bern"}',
              "tool_name_delta": None}),
         part("function_tool_call", part={}),
         part("function_tool_result", part={"tool_call_id": "1", "tool_name": "look", "content": "RAW"}),
         part("part_start", part={"part_kind": "text", "content": "Hello "}),
         part("final_result", tool_name=None),
         part("part_delta", delta={"part_delta_kind": "text", "content_delta": "there."}),
         part("agent_run_result", result={"usage": {"input_tokens": 7, "output_tokens": 5}})],
        reasoning="Hm.", usage=(7, 5), **AGENT_SAYS,
    ),
    "pydantic-ai growing texts": Case(["Hel", "Hello", "Hello there", "Hello there."]),
    "openai-agents": Case(
        [{"type": "agent_updated_stream_event", "new_agent": {}},
         *(responses_event(item) for item in DIALECTS["responses"](Answer(("Hello ",), (), calls=False, end=None))),
         {"type": "run_item_stream_event", "name": "tool_output",
          "item": {"type": "tool_call_output_item", "output": "RAW", "raw_item": {"call_id": "call_1"}}},
         *(responses_event(item) for item in DIALECTS["responses"](Answer(("there.",), (), calls=False)))],
        text="Hello \n\nthere.", results=("RAW",), usage=(7, 5), steps=2,
    ),
    "llama-index chat": Case([llama(delta="Hello ", message={"role": "assistant", "content": "Hello "}),
                              llama(delta="there.", message={"role": "assistant", "content": "Hello there."})]),
    "llama-index complete": Case([llama(delta="Hello ", text="Hello "), llama(delta="there.", text="Hello there.")]),
    "llama-index agent": Case(
        [{"input": [], "current_agent_name": "a"},
         {"delta": "", "response": "", "current_agent_name": "a", "tool_calls": [], "thinking_delta": "Hm."},
         {"tool_name": "look", "tool_kwargs": {"at": "Bern"}, "tool_id": "1"},
         {"tool_name": "look", "tool_kwargs": {"at": "Bern"}, "tool_id": "1", "tool_output": {"content": "RAW"}},
         {"delta": "Hello ", "response": "Hello ", "current_agent_name": "a", "tool_calls": [], "raw": None},
         {"delta": "there.", "response": "Hello there.", "current_agent_name": "a", "tool_calls": [], "raw": None},
         {"response": {"content": "Hello there."}, "tool_calls": [], "current_agent_name": "a"}],
        reasoning="Hm.", **AGENT_SAYS,
    ),
    "haystack": Case([haystack("Hello ", start=True), haystack("there.", finish_reason="stop",
                      meta={"model": "m", "usage": {"prompt_tokens": 7, "completion_tokens": 5}})], usage=(7, 5)),
    "dspy": Case([{"message": "status"}, *({"chunk": text, "predict_name": "self", "signature_field_name": "answer"}
                  for text in ("Hello ", "there."))]),
    "smolagents": Case([smol("Hello "), smol("there."), smol(None), {"output": "Hello there."}]),
    "semantic-kernel": Case([[kernel("Hello ")], [kernel("there.", "stop")]]),
    "semantic-kernel agent": Case([{"message": kernel("Hello "), "thread": {}},
                                   {"message": kernel("there.", "stop"), "thread": {}}]),
    "autogen-agentchat": Case(
        [{"type": "TextMessage", "source": "user", "content": "My question?"},
         agent_event("ThoughtEvent", content="Hm."),
         agent_event("ToolCallRequestEvent", content=[{"id": "1", "name": "look", "arguments": '{"at":"Bern"}'}]),
         agent_event("ToolCallExecutionEvent", content=[{"call_id": "1", "name": "look", "content": "RAW"}]),
         agent_event("ModelClientStreamingChunkEvent", content="Hello "),
         agent_event("ModelClientStreamingChunkEvent", content="there."),
         agent_event("TextMessage", content="Hello there."), {"messages": [], "stop_reason": None}],
        reasoning="Hm.", **AGENT_SAYS,
    ),
    "autogen-core": Case(["Hello ", "there.", {"finish_reason": "stop", "content": "Hello there.",
                          "usage": {"prompt_tokens": 7, "completion_tokens": 5}}], usage=(7, 5)),
    "agent-framework": Case(
        [update({"type": "text_reasoning", "text": "Hm."}),
         update({"type": "function_call", "call_id": "1", "name": "look", "arguments": '{"at":"Bern"}'}),
         update({"type": "function_result", "call_id": "1", "result": "RAW"}),
         update({"type": "text", "text": "Hello "}), update({"type": "text", "text": "there."}, end="stop")],
        reasoning="Hm.", **AGENT_SAYS,
    ),
    "lmstudio": Case([{"content": "Hm.", "reasoning_type": "reasoning", "contains_drafted": False},
                      {"content": "Hello there.", "reasoning_type": "none", "contains_drafted": False}],
                     reasoning="Hm."),
    "mlx-lm": Case([{"text": text, "token": 1, "generation_tokens": 5, "prompt_tokens": 7, "finish_reason": end}
                    for text, end in (("Hello ", None), ("there.", "stop"))], usage=(7, 5)),
    "vllm": Case([vllm("Hel"), vllm("Hello"), vllm("Hello there"), vllm("Hello there.", "stop")]),
    "vllm pieces": Case([vllm("Hello "), vllm("there."), vllm("", "stop")]),
    "text completions": Case([{"id": "1", "object": "text_completion", "choices": [{"text": text, "index": 0,
                              "finish_reason": end}]} for text, end in (("Hello ", None), ("there.", "stop"))]),
    "AG-UI": Case(
        [{"type": "RUN_STARTED"}, {"type": "REASONING_MESSAGE_CONTENT", "delta": "Hm."},
         {"type": "TOOL_CALL_START", "toolCallId": "1", "toolCallName": "look"},
         {"type": "TOOL_CALL_ARGS", "toolCallId": "1", "delta": '{"at":"Bern"}'},
         {"type": "TOOL_CALL_RESULT", "toolCallId": "1", "content": "RAW"},
         {"type": "TEXT_MESSAGE_CONTENT", "delta": "Hello "}, {"type": "TEXT_MESSAGE_CONTENT", "delta": "there."},
         {"type": "RUN_FINISHED"}],
        reasoning="Hm.", **AGENT_SAYS,
    ),
    "AG-UI cut": Case([{"type": "RUN_STARTED"}, {"type": "TEXT_MESSAGE_CONTENT", "delta": "Hello there."}],
                      outcome="interrupted"),
    "Vercel": Case(
        [{"type": "start"}, {"type": "start-step"}, {"type": "reasoning-delta", "delta": "Hm."},
         {"type": "tool-input-start", "toolCallId": "1", "toolName": "look"},
         {"type": "tool-input-delta", "toolCallId": "1", "inputTextDelta": '{"at":"Bern"}'},
         {"type": "tool-output-available", "toolCallId": "1", "output": "RAW"}, {"type": "finish-step"},
         {"type": "start-step"}, {"type": "text-delta", "id": "t", "delta": "Hello "},
         {"type": "text-delta", "id": "t", "delta": "there."}, {"type": "finish"}],
        reasoning="Hm.", **AGENT_SAYS,
    ),
    "chatlas": Case(
        [{"content_type": "thinking", "thinking": "Hm."}, "Hello ", "there."], reasoning="Hm.",
        extra={"begins": "Hello "},
    ),
    "replicate": Case([{"event": "output", "data": text, "id": "1", "retry": None} for text in ("Hello ", "there.")]
                      + [{"event": "done", "data": "{}", "id": "1", "retry": None}]),
    "xai": Case([xai("Hel", "Hello "), xai("lo ", "Hello "), xai("there.", "Hello there.", "REASON_STOP")],
                usage=(7, 5)),
    "xai cut": Case([xai("Hello there.", "Hello there.", "REASON_MAX_LEN")], outcome="length"),
    "cohere v1": Case(
        [{"event_type": "stream-start", "generation_id": "g"}, {"event_type": "text-generation", "text": "Hello "},
         {"event_type": "text-generation", "text": "there."},
         {"event_type": "stream-end", "finish_reason": "MAX_TOKENS",
          "response": {"text": "Hello there.", "meta": {"tokens": {"input_tokens": 7.0, "output_tokens": 5.0}}}}],
        usage=(7, 5), outcome="length",
    ),
    "mistral conversations": Case(
        [talk("conversation.response.started", conversation_id="c"),
         talk("message.output.delta", content={"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}),
         talk("function.call.delta", tool_call_id="1", name="look", arguments='{"at":"Bern"}'),
         talk("message.output.delta", content="Hello "),
         talk("message.output.delta", content={"type": "text", "text": "there."}),
         talk("conversation.response.done", usage={"prompt_tokens": 7, "completion_tokens": 5})],
        reasoning="Hm.", calls=(("look", '{"at":"Bern"}'),), usage=(7, 5),
    ),
    "mistral conversations cut": Case([talk("message.output.delta", content="Hello there.")], outcome="interrupted"),
    "google interactions": Case(
        [{"event_type": "interaction.created", "interaction": {"id": "i", "model": "m"}},
         {"event_type": "step.start", "index": 0, "step": {"type": "thought"}},
         step(0, type="thought_summary", content={"type": "text", "text": "Hm."}),
         {"event_type": "step.start", "index": 1, "step": {"type": "function_call", "id": "1", "name": "look"}},
         step(1, type="arguments_delta", arguments='{"at":"Bern"}'), step(2, type="text", text="Hello "),
         step(2, type="text", text="there."),
         {"event_type": "interaction.completed", "interaction": {"id": "i", "status": "completed",
          "usage": {"total_input_tokens": 7, "total_output_tokens": 5}}}],
        reasoning="Hm.", calls=(("look", '{"at":"Bern"}'),), usage=(7, 5),
    ),
    "google live": Case([live([{"text": "Hello "}]), live([{"text": "there."}]), live(None, turn_complete=True)],
                        usage=(7, 5)),
    "google adk, filtered": Case(
        [{"author": "a", "content": {"parts": [{"text": "Hello there."}]}, "partial": True},
         {"author": "a", "content": None, "error_code": "SAFETY", "error_message": "unsafe"}], outcome="filtered"
    ),
    "bedrock titan": Case(chunked({"outputText": "Hello ", "completionReason": None},
                                  {"outputText": "there.", "completionReason": "LENGTH", "inputTextTokenCount": 7,
                                   "totalOutputTextTokenCount": 5}), outcome="length", usage=(7, 5)),
    "bedrock llama": Case(chunked({"generation": "Hello ", "stop_reason": None, "prompt_token_count": 7},
                                  {"generation": "there.", "stop_reason": "stop", "generation_token_count": 5})),
    "bedrock mistral": Case(chunked({"outputs": [{"text": "Hello ", "stop_reason": None}]},
                                    {"outputs": [{"text": "there.", "stop_reason": "stop"}]})),
    "watsonx": Case([{"results": [{"generated_text": text, "stop_reason": end, "input_token_count": 7,
                      "generated_token_count": 5}]} for text, end in (("Hello ", "not_finished"),
                                                                    ("there.", "max_tokens"))],
                    outcome="length", usage=(7, 5)),
    "llama-server": Case([{"content": "Hello ", "stop": False}, {"content": "there.", "stop": False},
                          {"content": "", "stop": True, "stop_type": "limit", "tokens_evaluated": 7,
                           "tokens_predicted": 5}], outcome="length", usage=(7, 5)),
    "pydantic-ai responses": Case(
        [{"kind": "response", "parts": [], "model_name": "m", "text": text, "thinking": thought,
          "usage": {"input_tokens": 7, "output_tokens": 5}, "finish_reason": end}
         for text, thought, end in ((None, "H", None), (None, "Hm", None), ("Hel", "Hm.", None),
                                    ("Hello there", "Hm.", None), ("Hello there.", "Hm.", "stop"))],
        reasoning="Hm.", usage=(7, 5),
    ),
    "agno": Case(
        [{"event": "RunStarted", "run_id": "r", "model": "m"},
         {"event": "ToolCallStarted", "tool": {"tool_call_id": "1", "tool_name": "look", "tool_args": {"at": "Bern"}}},
         {"event": "ToolCallCompleted", "tool": {"tool_call_id": "1", "tool_name": "look", "result": "RAW"}},
         {"event": "RunContent", "content": "Hello ", "content_type": "str", "reasoning_content": "Hm."},
         {"event": "RunContent", "content": "there.", "content_type": "str"},
         {"event": "RunCompleted", "content": "Hello there.", "content_type": "str",
          "metrics": {"input_tokens": 7, "output_tokens": 5}}],
        reasoning="Hm.", usage=(7, 5), **AGENT_SAYS,
    ),
    "claude-agent-sdk": Case(
        [{"subtype": "init", "data": {"session_id": "s"}}, claude({"thinking": "Hm.", "signature": "x"}),
         claude({"id": "1", "name": "look", "input": {"at": "Bern"}}),
         {"content": [{"tool_use_id": "1", "content": "RAW", "is_error": None}], "parent_tool_use_id": None},
         claude({"text": "Hello there."}),
         {"subtype": "success", "is_error": False, "num_turns": 2, "result": "Hello there.",
          "usage": {"input_tokens": 7, "output_tokens": 5}}],
        reasoning="Hm.", usage=(7, 5), **AGENT_SAYS,
    ),
    "semantic-kernel with a tool": Case(
        [[kernel("", items=[{"id": "1", "name": "look", "arguments": '{"at":"Bern"}', "index": 0}])],
         [{**kernel("", items=[{"id": "1", "name": "look", "result": "RAW"}]), "role": "tool"}],
         [kernel("Hello ")], [kernel("there.", "stop")]],
        **AGENT_SAYS,
    ),
    "Vercel, version 4": Case(
        ['f:{"messageId":"m"}\n', 'g:"Hm."\n9:{"toolCallId":"1","toolName":"look","args":{"at":"Bern"}}\na:{"toolCall',
         'Id":"1","result":"RAW"}\ne:{"finishReason":"tool-calls"}\nf:{"messageId":"n"}\n0:"Hello "\n', '0:"there."\n',
         'd:{"finishReason":"stop","usage":{"promptTokens":7,"completionTokens":5}}\n'],
        reasoning="Hm.", usage=(7, 5), **AGENT_SAYS,
    ),
    "Vercel, version 4, without line ends": Case(['0:"Hello "', '0:"there."', 'd:{"finishReason":"length"}'],
                                                 outcome="length"),
    "strings that begin like it": Case(["0: ", "Hello ", "there."], text="0: Hello there."),
}  # fmt: skip


#: boto3 reads Bedrock, a streamer of transformers gives strings, and llama-cpp-python gives OpenAI's chunks as dicts.
_NAMED_HERE = {
    "boto3": "bedrock converse",
    "transformers": "strings that begin",
    "llama-cpp-python": "text completions",
}


def test_each_library_of_the_guide_is_read_somewhere() -> None:
    """Here in plain values, or by the library itself in ``make test`` and ``make sdks``."""
    table = GUIDES["show_a_stream"].partition("| source |")[2].partition("\n\n")[0]
    rows = dict(re.findall(r"^\| ([^|]+) \| (.+) \|$", table, re.MULTILINE))
    cells = [rows[kind] for kind in ("providers' SDKs", "agents", "models on your machine")]
    named = [re.split("[' ]", name.strip())[0] for cell in cells for name in re.sub(r"\(.*?\)", "", cell).split(",")]
    assert len(named) > 25
    folders = [ROOT / "tests" / folder for folder in ("sources", "sdks")]
    tried = _plain("\n".join(path.read_text("utf-8") for folder in folders for path in folder.glob("*.py")))
    assert [name for name in named if _plain(_NAMED_HERE.get(name, name)) not in tried] == []


def _plain(name: str) -> str:
    """Return a name as all write it: ``google-genai`` and ``google.genai``."""
    return re.sub(r"[-_. ]", "", name.lower())


@pytest.mark.parametrize("form", ["dicts", "objects"])
@pytest.mark.parametrize("name", CASES)
async def test_a_library_is_read(name: str, form: str) -> None:
    """Text, reasoning, calls, results, counts and the end, as the library sends them."""
    case = CASES[name]
    items = case.items if form == "dicts" or name in _DICTS else [_as_objects(item) for item in case.items]
    if "begins" in case.extra:
        items = [case.extra["begins"], *(item for item in items if item != case.extra["begins"])]
    stream = as_stream(iter(items))
    if case.outcome == "interrupted":
        completion = (await failure_of(stream)).completion
    else:
        completion = await stream
    assert completion.text == case.text
    assert completion.reasoning == case.reasoning
    assert tuple((call.name, call.arguments) for call in completion.tool_calls) == case.calls
    assert tuple(result.text for result in completion.tool_results) == case.results
    assert completion.outcome == case.outcome
    assert len(completion.steps) == case.steps
    if case.usage is not None:
        assert completion.usage is not None
        assert (completion.usage.prompt_tokens, completion.usage.completion_tokens) == case.usage


#: Libraries that give dicts only.
_DICTS = (
    *(f"bedrock {kind}" for kind in ("converse", "invoke_model", "titan", "llama", "mistral")),
    *("strands", "langchain astream_events", "langgraph typed parts", "langgraph updates"),
)


def _as_objects(item: Any) -> Any:
    if isinstance(item, tuple):
        return tuple(_as_objects(part) for part in item)
    return objects(item)
