"""Spans of OpenTelemetry, after its conventions for generative AI.

Each request to a model is a span ``chat MODEL``, and each run of a tool is a span ``execute_tool NAME``. They are made
only where your program has imported OpenTelemetry and set a tracer provider. Nothing is imported for them. What is
asked and answered is on a span only if the variable ``OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT`` is ``true``,
``SPAN_ONLY`` or ``SPAN_AND_EVENT``. Keys are masked in it. They are nowhere else on a span.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import Context, copy_context
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from streamwidget._client.prices import rows_at
from streamwidget._core.completion import last_text
from streamwidget._core.messages import Message
from streamwidget._core.secrets import Secrets, mask

if TYPE_CHECKING:
    from streamwidget._client.calls import Call
    from streamwidget._core.completion import ToolCall
    from streamwidget._core.tool_result import Result
    from streamwidget._core.tools import Tool

_CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
_ON = {"true", "span_only", "span_and_event"}
#: The convention's names of providers, where ours differ.
_PROVIDERS = {
    "azure": "azure.ai.openai",
    "gemini": "gcp.gemini",
    "google": "gcp.gemini",
    "mistral": "mistral_ai",
    "openai-responses": "openai",
    "xai": "x_ai",
}
#: Fields of a request, by the convention's name after ``gen_ai.request.``
_FIELDS: Mapping[str, tuple[str, ...]] = {
    "temperature": ("temperature",),
    "top_p": ("top_p", "topP"),
    "top_k": ("top_k", "topK"),
    "frequency_penalty": ("frequency_penalty", "frequencyPenalty"),
    "presence_penalty": ("presence_penalty", "presencePenalty"),
    "seed": ("seed",),
}


@contextmanager
def span_of(call: Call) -> Iterator[Context | None]:
    """Trace a call, if the program traces. The block sends the request.

    Yields the context for its task, so that spans of the HTTP client are inside of this one. None: any context will do.
    It is a context of its own, because a block that a closed loop throws away could not put the old one back.
    """
    trace = _tracing()
    name = f"chat {call.request.question.model or ''}".rstrip()
    span = trace and trace.get_tracer("streamwidget").start_span(
        name, kind=trace.SpanKind.CLIENT, attributes=_asked(call)
    )
    if trace is None or not span.is_recording():
        yield None
        return
    context = copy_context()
    context.run(import_module("opentelemetry.context").attach, trace.set_span_in_context(span))
    try:
        yield context
    finally:
        span.set_attributes({**_answered(call), **(_content(call) if _captures() else {})})
        if call.error is not None:
            span.set_status(trace.StatusCode.ERROR, call.error.message)
        span.end()


@contextmanager
def tool_span(tool: Tool, call: ToolCall, secrets: Secrets) -> Iterator[Callable[[Result], None]]:
    """Trace the run of a tool, if the program traces. Call the yielded function with what it returned.

    It runs in a task of its own, whose context keeps the span. So the spans of the tool itself are inside of this one.
    """
    trace = _tracing()
    if trace is None:
        yield lambda _: None
        return
    asked: dict[str, str | None] = {"operation.name": "execute_tool", "tool.type": "function", "tool.name": tool.name}
    asked |= {"tool.description": tool.description or None, "tool.call.id": call.id}
    span = trace.get_tracer("streamwidget").start_span(
        f"execute_tool {tool.name}",
        kind=trace.SpanKind.INTERNAL,
        attributes=_known({f"gen_ai.{name}": value for name, value in asked.items()}),
    )
    import_module("opentelemetry.context").attach(trace.set_span_in_context(span))
    failed = "cancelled"
    returned: dict[str, str] = {}

    def end(result: Result) -> None:
        nonlocal failed
        failed = "tool_error" if result.error else ""
        if _captures():
            returned["gen_ai.tool.call.arguments"] = mask(call.arguments, secrets)
            returned["gen_ai.tool.call.result"] = mask(result.text, secrets)

    try:
        yield end
    finally:
        span.set_attributes(returned)
        if failed:
            span.set_attribute("error.type", failed)
            span.set_status(trace.StatusCode.ERROR)
        span.end()


def _tracing() -> Any:
    """Return OpenTelemetry's ``trace`` if the program has set a tracer provider. Else None."""
    trace: Any = sys.modules.get("opentelemetry.trace")
    unset = trace is None or isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
    return None if unset else trace


def _captures() -> bool:
    return os.environ.get(_CAPTURE, "").strip().lower() in _ON


def _asked(call: Call) -> dict[str, Any]:
    question, url = call.request.question, urlsplit(call.request.transport.base_url)
    names = rows_at(call.request.transport.base_url)
    given: dict[str, Any] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": _PROVIDERS.get(names[0], names[0]) if names else url.hostname,
        "gen_ai.request.model": question.model,
        "gen_ai.request.stream": question.stream,
        "server.address": url.hostname,
        "server.port": url.port or {"https": 443, "http": 80}.get(url.scheme),
        "gen_ai.output.type": None if question.value is None else "json",
    }
    limits = tuple(call.request.dialect.token_limits)
    for name, fields in {**_FIELDS, "max_tokens": limits}.items():
        value = next((question.params[field] for field in fields if field in question.params), None)
        given[f"gen_ai.request.{name}"] = value if isinstance(value, int | float) else None
    return _known(given)


def _answered(call: Call) -> dict[str, Any]:
    accumulator, usage, error = call.accumulator, call.usage, call.error
    given: dict[str, Any] = {
        "gen_ai.response.model": accumulator.model,
        "gen_ai.response.id": accumulator.request_id,
        "gen_ai.response.finish_reasons": [accumulator.finish_reason] if accumulator.finish_reason else None,
        "error.type": None if error is None else str(error.status or error.kind or call.outcome),
        "streamwidget.outcome": call.outcome,
    }
    if usage is not None:
        given["gen_ai.usage.input_tokens"] = usage.prompt_tokens
        given["gen_ai.usage.output_tokens"] = usage.completion_tokens
        given["gen_ai.usage.cache_read.input_tokens"] = usage.cached_tokens
        given["gen_ai.usage.cache_creation.input_tokens"] = usage.cache_write_tokens
        given["gen_ai.usage.reasoning.output_tokens"] = usage.reasoning_tokens
    return _known(given)


def _content(call: Call) -> dict[str, str]:
    messages = [_message(message) for message in call.request.question.all_messages]
    system = [part for message in messages if message["role"] == "system" for part in message["parts"]]
    answer = call.accumulator.snapshot()
    parts = [_part("reasoning", answer.reasoning)] if answer.reasoning else []
    parts += [_part("text", last_text(answer))] if last_text(answer) else []
    calls = answer.steps[-1].tool_calls if answer.steps else answer.tool_calls
    parts += [{"type": "tool_call", "id": one.id, "name": one.name, "arguments": one.arguments} for one in calls]
    said = {"role": "assistant", "parts": parts, "finish_reason": answer.finish_reason or call.outcome}
    given = {
        "gen_ai.system_instructions": system,
        "gen_ai.input.messages": [message for message in messages if message["role"] != "system"],
        "gen_ai.output.messages": [said],
    }
    secrets = call.request.transport.secrets
    return {name: mask(json.dumps(value, ensure_ascii=False), secrets) for name, value in given.items() if value}


def _message(message: Message | Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(message, Message):
        files = [{"type": "file", "modality": one.kind, "mime_type": one.media_type} for one in message.attachments]
        return {"role": message.role, "parts": [_part("text", message.text), *files]}
    content = message.get("content")
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False, default=str)
    return {"role": str(message.get("role") or message.get("type")), "parts": [_part("text", text)]}


def _part(kind: str, text: str) -> dict[str, Any]:
    return {"type": kind, "content": text}


def _known(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}
