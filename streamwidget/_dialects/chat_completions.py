"""Chat completions: the API of OpenAI and of many servers like it.

This file reads JSON from our own requests, and chunks and events from the openai SDK and LiteLLM.

Servers differ, so much is accepted: a missing ``index``, ``delta: null``, ``message`` instead of ``delta``, an empty
``finish_reason``. But no text is lost silently. An unreadable piece of content gives a warning.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from streamwidget._core.completion import ErrorInfo
from streamwidget._core.events import (
    DELTAS,
    Identity,
    ParsedEvent,
    ReasoningDelta,
    RefusalDelta,
    StreamWarning,
    TextDelta,
    ToolCallDelta,
    Usage,
)
from streamwidget._core.messages import Message
from streamwidget._dialects.dialect import MalformedItem, Question, ServerReportedError
from streamwidget._dialects.errors import error_info, http_error_info
from streamwidget._dialects.fields import count, field, plain, word
from streamwidget._dialects.finish_reasons import finish

_GO_ON = "Go on exactly where you stopped. Do not repeat what you have written."


@dataclass(frozen=True, slots=True)
class ChatCompletions:
    """The dialect of ``/chat/completions``. Its fields hold the differences between servers.

    Attributes
    ----------
    max_tokens : str
        The name of the field for an answer's greatest length. OpenAI's newer models refuse the old name, and other
        servers know only the old name.
    asks_for_usage : bool
        True: a stream asks for its token counts (``stream_options``). False for servers that refuse the field.
    """

    max_tokens: str = "max_tokens"
    asks_for_usage: bool = True

    name: ClassVar[str] = "chat_completions"
    headers: ClassVar[Mapping[str, str]] = {"Authorization": "Bearer {key}"}
    done: ClassVar[str | None] = "[DONE]"
    token_limits: ClassVar[frozenset[str]] = frozenset({"max_tokens", "max_completion_tokens"})
    models_path: ClassVar[str] = "models"

    def path(self, question: Question) -> str:  # noqa: ARG002  (the same for every question)
        return "chat/completions"

    def body(self, question: Question) -> dict[str, Any]:
        """Return the JSON object to send. ``stream_options`` in the params replaces ours. None leaves it out."""
        body: dict[str, Any] = {**question.params, "messages": [_written(message) for message in question.messages]}
        if question.model is not None:
            body["model"] = question.model
        options = body.pop("stream_options", {"include_usage": True} if self.asks_for_usage else None)
        body.pop("stream", None)
        if question.stream:
            body["stream"] = True
            if options is not None:
                body["stream_options"] = options
        return body

    def limit_tokens(self, most: int) -> dict[str, Any]:
        return {self.max_tokens: most}

    def simplify(self, question: Question, refusal: ErrorInfo) -> tuple[Question, StreamWarning] | None:
        """Drop ``stream_options`` if the server refused it and the person did not ask for it."""
        ours = question.stream and self.asks_for_usage and "stream_options" not in question.params
        refused = "stream_options" in refusal.message or "include_usage" in refusal.message
        if not (ours and refusal.status in (400, 422) and refused):
            return None
        warning = StreamWarning("stream_options_refused", "the server refused stream_options: no usage is known")
        return replace(question, params={**question.params, "stream_options": None}), warning

    def go_on(self, question: Question, text: str) -> Question:
        rest = (Message("assistant", text), Message("user", _GO_ON))
        return replace(question, messages=(*question.messages, *rest))

    def reader(self, said: Callable[[], str] = str) -> ChatCompletionsReader:
        return ChatCompletionsReader(said)

    def parse_reply(self, reply: Any) -> list[ParsedEvent]:
        if isinstance(reply, list) and reply:
            reply = reply[0]
        if not isinstance(reply, dict):
            raise MalformedItem("the reply is not a JSON object")
        events = _parse_chunk(reply)
        if not isinstance(reply.get("choices"), list):
            raise MalformedItem("the reply has no choices: it is not a chat completion")
        return events

    def parse_error(self, status: int, body: bytes) -> ErrorInfo:
        return http_error_info(status, body)

    def parse_models(self, reply: Any) -> list[str]:
        if isinstance(reply, dict) and reply.get("error"):
            raise ServerReportedError(error_info(reply["error"], 200))
        rows = reply.get("data") if isinstance(reply, dict) else reply  # Together sends the bare list
        if not isinstance(rows, list):
            raise MalformedItem("the reply is not a list of models")
        return [row["id"] for row in rows if isinstance(row, dict) and isinstance(row.get("id"), str)]


class ChatCompletionsReader:
    """Reads chunks. Of the events of the openai SDK's ``.stream()`` it reads those with a chunk."""

    plain_end = False

    def __init__(self, said: Callable[[], str] = str) -> None:
        self._named = False  # a delta came, and with it the model's name, if the server sends one
        self._said = said

    @staticmethod
    def fits(item: Any) -> bool:
        return isinstance(field(item, "choices"), list) or isinstance(field(item, "chunk", "choices"), list)

    def parse(self, item: Any) -> list[ParsedEvent]:
        if self._named:
            # The ordinary chunk is one piece of text. It costs half as much here as below.
            try:
                (choice,) = item["choices"]
                delta = choice["delta"]
                text = delta["content"]
                if (
                    type(text) is str
                    and (len(delta) == 1 or (len(delta) == 2 and "role" in delta))
                    and not choice.get("finish_reason")
                    and not choice.get("index")
                    and not item.get("usage")
                    and not item.get("error")
                    and "message" not in choice
                ):
                    return [TextDelta(text)]
            except (KeyError, TypeError, ValueError, AttributeError):
                pass  # any other shape
        kind = field(item, "type")
        if isinstance(kind, str) and (kind == "chunk" or "." in kind):
            # The other events of .stream() repeat the chunks. Each holds the whole answer so far.
            item = field(item, "chunk")
            if item is None:
                return []
        chunk = item if isinstance(item, dict | str) else plain(item)
        if not isinstance(chunk, dict):
            raise MalformedItem(f"a {type(item).__name__} among its chunks")
        said = self._said() if _may_repeat(chunk) else ""
        events = _parse_chunk(chunk, said)
        self._named = self._named or any(isinstance(event, DELTAS) for event in events)
        return events


def _may_repeat(chunk: dict[str, Any]) -> bool:
    """Whether a chunk may hold what came already: a message in a stream, or the text of the last piece."""
    choices = chunk.get("choices")
    return any(
        isinstance(choice, dict) and ("message" in choice or choice.get("finish_reason"))
        for choice in (choices if isinstance(choices, list) else ())
    )


def _written(message: Message | Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a message in the API's form. If the person wrote it in that form, it stays unchanged."""
    if not isinstance(message, Message):
        return message
    if not message.images:
        return {"role": message.role, "content": message.text}
    parts: list[dict[str, Any]] = [{"type": "text", "text": message.text}] if message.text.strip() else []
    parts.extend({"type": "image_url", "image_url": {"url": image.src}} for image in message.images)
    return {"role": message.role, "content": parts}


def _parse_chunk(chunk: dict[str, Any], said: str = "") -> list[ParsedEvent]:
    """Return the events of one chunk, or of one whole completion. Raise ServerReportedError.

    ``said`` is the text so far. A chunk that repeats it, in whole or as its beginning, brings only what is new.
    """
    events: list[ParsedEvent] = []
    model, request_id = word(chunk.get("model")), word(chunk.get("id"))
    if model or request_id:
        events.append(Identity(model, request_id))
    error = chunk.get("error") or (chunk if chunk.get("object") == "error" else None)
    choices = chunk.get("choices")
    if not isinstance(choices, list) and isinstance(chunk.get("response"), str):
        events.append(TextDelta(chunk["response"]))  # Cloudflare Workers AI: {"response": "Hello"}
    for place, choice in enumerate(choices if isinstance(choices, list) else ()):
        if not isinstance(choice, dict):
            continue
        index = choice.get("index")
        if type(index) is not int:
            index = place
        events.extend(_parse_choice(choice, index, said if index == 0 else ""))
        reason = word(choice.get("finish_reason"))
        if reason and index == 0:
            events.extend(finish(reason))
            if reason == "error":  # OpenRouter: not always beside an error object
                error = error or choice.get("error") or "the provider stopped with finish_reason 'error'"
    usage = chunk.get("usage")
    if isinstance(usage, dict) and usage:
        events.append(
            Usage(
                count(usage.get("prompt_tokens")),
                count(usage.get("completion_tokens")),
                count(usage.get("total_tokens")),
                count(field(usage, "prompt_tokens_details", "cached_tokens")),
                count(field(usage, "completion_tokens_details", "reasoning_tokens")),
            )
        )
    if error:
        raise ServerReportedError(error_info(error, 200), events)
    return events


def _parse_choice(choice: dict[str, Any], index: int, said: str) -> Iterator[ParsedEvent]:
    delta, message = choice.get("delta"), choice.get("message")
    if index > 0 and (delta or message):
        yield StreamWarning("not_shown_choices", "the server sent more than one answer, and the first one is shown")
    if choice.get("logprobs"):
        yield StreamWarning("not_shown_logprobs", "the answer has log probabilities, which are not kept")
    if isinstance(delta, dict) and delta:
        yield from _parse_delta(delta, index, said if choice.get("finish_reason") else "")
    elif isinstance(choice.get("text"), str):  # text completions: {"choices": [{"text": "Once"}]}
        yield TextDelta(choice["text"], index)
    if not isinstance(message, dict):
        return
    content = message.get("content")
    if said and isinstance(content, str):
        # A message in a stream is the whole answer, again or as far as it has grown.
        if content.startswith(said):
            yield TextDelta(content[len(said) :], index)
        elif not (said.startswith(content) or content.endswith(said)):  # it may have its thoughts before it
            yield StreamWarning("rewritten", "the provider sent another text at the end, which is left out")
        message = {**message, "content": None, "reasoning": None, "reasoning_content": None}
    elif isinstance(delta, dict) and delta:
        return
    yield from _parse_delta(message, index)


def _parse_delta(delta: dict[str, Any], index: int, said: str = "") -> Iterator[ParsedEvent]:
    if delta.get("role") in ("tool", "function", "system", "user"):
        if delta.get("content"):
            yield StreamWarning("other_role", f"a message of the {delta['role']} came between, and is left out")
        return
    yield from _parse_reasoning(delta, index)
    content = delta.get("content")
    if isinstance(content, str):
        # The last piece may repeat the whole answer: "Paris is ", "big.", "Paris is big."
        if content and not (len(said) > len("a word") and content == said):
            yield TextDelta(content, index)
    elif isinstance(content, list):
        for part in content:
            yield from _parse_part(part, index)
    elif content is not None:
        yield from _parse_part(content, index)
    refusal = delta.get("refusal")
    if isinstance(refusal, str) and refusal:
        yield RefusalDelta(refusal, index)
    if index == 0:
        yield from _parse_calls(delta)
        yield from _parse_others(delta)


def _parse_reasoning(delta: dict[str, Any], index: int) -> Iterator[ParsedEvent]:
    # One thought under several names: servers that send two of them send the same text twice.
    for name in ("reasoning", "reasoning_content", "thinking", "reasoning_text"):
        value = delta.get(name)
        text = "".join(_texts_in(value))
        if text:
            yield ReasoningDelta(text, index)
            return
    text = "".join(_texts_in(delta.get("reasoning_details")))
    if text:
        yield ReasoningDelta(text, index)


def _texts_in(value: Any) -> Iterator[str]:
    """Yield the texts of a thought: a string, an object with a text, or a list of these."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for part in value:
            yield from _texts_in(part)
    elif isinstance(value, dict):
        for name in ("text", "thinking", "summary", "content"):
            if isinstance(value.get(name), str | list):
                yield from _texts_in(value[name])
                return


def _parse_part(part: Any, index: int) -> Iterator[ParsedEvent]:
    """Read one part of a content list: text, a thought made of texts (Mistral), or a plain string."""
    if isinstance(part, str):
        yield TextDelta(part, index)
    elif isinstance(part, dict) and isinstance(part.get("text"), str):
        thought = part.get("type") in ("reasoning", "thinking", "reasoning_text", "summary_text")
        yield (ReasoningDelta if thought else TextDelta)(part["text"], index)
    elif isinstance(part, dict) and (thoughts := "".join(_texts_in(part.get("thinking", part.get("reasoning"))))):
        yield ReasoningDelta(thoughts, index)
    else:
        kind = word(part.get("type")) if isinstance(part, dict) else type(part).__name__
        named = f" ({kind[:40]})" if kind else ""
        yield StreamWarning("unknown_content", f"a part of the answer of an unknown kind{named} is left out")


def _parse_calls(delta: dict[str, Any]) -> Iterator[ParsedEvent]:
    calls = delta.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        if isinstance(call, dict):
            yield from _parse_tool_call(call)
    old = delta.get("function_call")  # of the API before tools: one call, without a number
    if isinstance(old, dict):
        yield from _parse_tool_call({"index": 0, "function": old})


def _parse_others(delta: dict[str, Any]) -> Iterator[ParsedEvent]:
    """Read what an answer has beside its text, or name it."""
    audio = delta.get("audio")
    if isinstance(audio, dict):
        if isinstance(audio.get("transcript"), str) and audio["transcript"]:
            yield TextDelta(audio["transcript"])
        elif audio.get("data"):
            yield StreamWarning("not_shown", "the answer has sound, which is not played")
    for name, what in (("images", "images"), ("annotations", "citations"), ("citations", "citations")):
        if delta.get(name):
            yield StreamWarning(f"not_shown_{what}", f"the answer has {what}, which are not shown")


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
    yield ToolCallDelta(index, word(call.get("id")), word(function.get("name")), arguments)
