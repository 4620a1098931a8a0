"""OpenAI's chat completions, as OpenAI and the many servers that imitate it speak them. Standard library only.

Lenient where servers differ, strict where text could be lost: a missing ``index``, ``delta: null``, ``message`` for
``delta``, an empty ``finish_reason`` are read for what they mean; a piece of content that cannot be read is warned of.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from streamwidget._client.sse import ServerSentEvent
from streamwidget._core.completion import ErrorInfo
from streamwidget._core.events import (
    Finish,
    Outcome,
    ReasoningDelta,
    RefusalDelta,
    StreamWarning,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from streamwidget._dialects.dialect import Identity, MalformedEvent, ParsedEvent, ServerReportedError
from streamwidget._dialects.errors import error_info, http_error_info

_raw_decode = json.JSONDecoder().raw_decode

# finish_reason is an open set; every other word is an ordinary end ("stop", "tool_calls", "eos", ...).
_OUTCOMES: dict[str, Outcome] = {
    "length": "length",
    "max_tokens": "length",  # Anthropic's word, let through by some proxies
    "model_length": "length",  # Mistral
    "content_filter": "filtered",
}

# Events that only show that the server lives; some carry data that is no JSON.
_LIVENESS = frozenset({"ping", "heartbeat", "keepalive", "keep-alive"})


class ChatCompletions:
    """The dialect of ``/chat/completions``."""

    path = "chat/completions"
    method = "POST"

    def request_body(
        self, messages: list[dict[str, Any]], model: str | None, *, stream: bool, params: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the JSON object to send.

        Parameters
        ----------
        messages : list of dict
            The conversation, each with ``role`` and ``content``.
        model : str or None
            None leaves the choice to the server.
        stream : bool
            Asks for a stream, and for usage in it.
        params : Mapping
            Further fields. ``stream_options`` replaces ours; None sends none, for servers that refuse the field.
        """
        body: dict[str, Any] = {**params, "messages": messages}
        if model is not None:
            body["model"] = model
        options = body.pop("stream_options", {"include_usage": True})
        body.pop("stream", None)
        if stream:
            body["stream"] = True
            if options is not None:
                body["stream_options"] = options
        return body

    def is_done(self, event: ServerSentEvent) -> bool:
        """Return True for ``[DONE]``, whatever the event is called."""
        return event.data.strip() == "[DONE]"

    def parse(self, event: ServerSentEvent, *, identify: bool = True) -> list[ParsedEvent]:
        """Return what one chunk says; raise MalformedEvent or ServerReportedError (``status`` 200)."""
        if event.event == "error":
            raise ServerReportedError(_error_event(event.data))
        try:
            chunk = _decode_json(event.data)
        except (ValueError, RecursionError) as exc:
            if event.event in _LIVENESS or not event.data.strip():
                return []
            raise MalformedEvent(f"an event is not JSON: {exc}") from exc
        if not identify:
            # The ordinary chunk, one piece of the one answer's text, costs half as much here as below.
            try:
                (choice,) = chunk["choices"]
                delta = choice["delta"]
                text = delta["content"]
                if (
                    type(text) is str
                    and (len(delta) == 1 or (len(delta) == 2 and "role" in delta))
                    and not choice.get("finish_reason")
                    and not choice.get("index")
                    and not chunk.get("usage")
                    and not chunk.get("error")
                ):
                    return [TextDelta(text)]
            except (KeyError, TypeError, ValueError):
                pass  # any other shape
        if not isinstance(chunk, dict):
            raise MalformedEvent("an event is not a JSON object")
        return parse_chunk(chunk)

    def parse_reply(self, body: bytes) -> list[ParsedEvent]:
        """Return what a JSON chat completion says; raise MalformedEvent or ServerReportedError (``status`` 200)."""
        try:
            reply = json.loads(body)
        except (ValueError, RecursionError) as exc:
            raise MalformedEvent(f"the reply is not JSON: {exc}") from exc
        if isinstance(reply, list) and reply:
            reply = reply[0]
        if not isinstance(reply, dict):
            raise MalformedEvent("the reply is not a JSON object")
        events = parse_chunk(reply)
        if not isinstance(reply.get("choices"), list):
            raise MalformedEvent("the reply has no choices: it is not a chat completion")
        return events

    def parse_error(self, status: int, body: bytes) -> ErrorInfo:
        """Return what the body of an HTTP error says: JSON in the usual forms, or a page's visible text."""
        return http_error_info(status, body)


def _decode_json(data: str) -> Any:
    """Return ``json.loads(data)``, a quarter faster where no space surrounds it, as it mostly does not."""
    try:
        value, end = _raw_decode(data)
    except json.JSONDecodeError:
        end = -1
    return value if end == len(data) else json.loads(data)


def _error_event(data: str) -> ErrorInfo:
    """Read the data of an ``event: error``: an error object, bare or wrapped, or plain text."""
    try:
        error = _decode_json(data)
    except (ValueError, RecursionError):
        error = data.strip()
    if isinstance(error, dict):
        error = error.get("error") or error
    return error_info(error, 200)


def parse_chunk(chunk: dict[str, Any]) -> list[ParsedEvent]:
    """Return what one chunk, or one whole completion, says; raise ServerReportedError."""
    events: list[ParsedEvent] = []
    model, request_id = _word(chunk.get("model")), _word(chunk.get("id"))
    if model or request_id:
        events.append(Identity(model, request_id))
    error = chunk.get("error") or (chunk if chunk.get("object") == "error" else None)
    choices = chunk.get("choices")
    for place, choice in enumerate(choices if isinstance(choices, list) else ()):
        if not isinstance(choice, dict):
            continue
        index = choice.get("index")
        if type(index) is not int:
            index = place
        delta = choice.get("delta") or choice.get("message")
        if isinstance(delta, dict):
            events.extend(_parse_delta(delta, index))
        reason = _word(choice.get("finish_reason"))
        if reason == "error":  # OpenRouter: neither an ordinary end nor always beside an error object
            error = error or choice.get("error") or "the provider stopped with finish_reason 'error'"
        elif reason and index == 0:
            events.append(Finish(reason, _OUTCOMES.get(reason, "complete")))
    usage = chunk.get("usage")
    if isinstance(usage, dict) and usage:
        events.append(Usage(*(_count(usage.get(f"{part}_tokens")) for part in ("prompt", "completion", "total"))))
    if error:
        raise ServerReportedError(error_info(error, 200), events)
    return events


def _parse_delta(delta: dict[str, Any], index: int) -> Iterator[ParsedEvent]:
    # One thought under two names: servers that send both send the same text twice.
    reasoning = delta.get("reasoning") or delta.get("reasoning_content")
    if isinstance(reasoning, str) and reasoning:
        yield ReasoningDelta(reasoning, index)
    content = delta.get("content")
    if isinstance(content, str):
        if content:
            yield TextDelta(content, index)
    elif isinstance(content, list):
        for part in content:
            yield from _parse_part(part, index)
    elif content is not None:
        yield from _parse_part(content, index)
    refusal = delta.get("refusal")
    if isinstance(refusal, str) and refusal:
        yield RefusalDelta(refusal, index)
    calls = delta.get("tool_calls")
    if isinstance(calls, list) and index == 0:
        for call in calls:
            if isinstance(call, dict):
                yield from _parse_tool_call(call)


def _parse_part(part: Any, index: int) -> Iterator[ParsedEvent]:
    """Read one part of a content list (Mistral): text, or a thought made of texts."""
    if isinstance(part, dict) and isinstance(part.get("text"), str):
        yield TextDelta(part["text"], index)
    elif isinstance(part, dict) and isinstance(part.get("thinking"), list):
        for thought in part["thinking"]:
            if isinstance(thought, dict) and isinstance(thought.get("text"), str):
                yield ReasoningDelta(thought["text"], index)
    else:
        yield StreamWarning("unknown_content", "part of the answer is of a kind that is not known, and is left out")


def _parse_tool_call(call: dict[str, Any]) -> Iterator[ParsedEvent]:
    index = call.get("index")
    if type(index) is not int:
        index = None
        yield StreamWarning("tool_call_without_index", "the provider does not number its tool calls")
    function = call.get("function")
    if not isinstance(function, dict):
        function = {}
    arguments = function.get("arguments")
    if arguments is None:
        arguments = ""
    elif not isinstance(arguments, str):  # Ollama and others: the object itself
        arguments = json.dumps(arguments, ensure_ascii=False, separators=(",", ":"))
    yield ToolCallDelta(index, _word(call.get("id")), _word(function.get("name")), arguments)


def _word(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _count(value: Any) -> int | None:
    return value if type(value) is int else None
