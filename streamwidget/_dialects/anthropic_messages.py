"""Anthropic's Messages API: how to ask. Its answers are read in :mod:`~streamwidget._dialects.anthropic`.

Anthropic wants its thinking back with the next request, as it was: the blocks with their signatures.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

from streamwidget._core.attachments import Attachment, Image
from streamwidget._core.completion import ChatCompletion, ToolCall
from streamwidget._core.events import Original, ParsedEvent, ToolResult
from streamwidget._core.messages import Message
from streamwidget._core.values import ValueType
from streamwidget._dialects.anthropic import MessagesReader
from streamwidget._dialects.asking import Asking
from streamwidget._dialects.attached import cannot_take
from streamwidget._dialects.dialect import MalformedItem, Question
from streamwidget._dialects.fields import count, field, items, plain, text
from streamwidget._dialects.going_on import beginning
from streamwidget._dialects.schemas import strict
from streamwidget._dialects.tool_turns import Called, about, declared, merged

#: The length of an answer whose caller names none, beside its thinking. The API wants a number.
_MAX_TOKENS = 8192
_THINKING = ("thinking", "redacted_thinking")
#: The fields of a block that grow, and the fields of its pieces.
_GROWS = {
    "text_delta": {"text": "text"},
    "thinking_delta": {"thinking": "thinking"},
    "signature_delta": {"signature": "signature"},
    "input_json_delta": {"input": "partial_json"},
    "citations_delta": {"citations": "citation"},
    "compaction_delta": {"content": "content", "encrypted_content": "encrypted_content"},
}


class AnthropicMessages(Asking):
    """The dialect of ``/v1/messages``. ``thinking``, ``tools``, ``cache_control`` and others are params."""

    name: ClassVar[str] = "anthropic_messages"
    models_path: ClassVar[str] = "models?limit=1000"
    names: ClassVar[Mapping[str, str]] = {"stop": "stop_sequences"}
    headers: ClassVar[Mapping[str, str]] = {"x-api-key": "{key}", "anthropic-version": "2023-06-01"}
    prefills: ClassVar[bool] = True

    def path(self, question: Question) -> str:  # noqa: ARG002  (the same for every question)
        return "messages"

    def body(self, question: Question) -> dict[str, Any]:
        system, messages = self.split(question)
        body = {**({"system": system} if system else {}), **self.fields(question), "model": question.model}
        body.setdefault("max_tokens", _MAX_TOKENS + (count(field(body, "thinking", "budget_tokens")) or 0))
        sent = self.expanded(question, messages, lambda *pair: [self._written(*pair)], self._called)
        if (begun := beginning(question)) is not None:
            sent.append({"role": "assistant", "content": begun})
        body["messages"] = merged(sent, "content") if question.tools else sent
        if question.tools:
            body["tools"] = declared(question, lambda tool: about(tool, "input_schema"))
        return {**body, "stream": True} if question.stream else body

    def value_fields(self, value: ValueType) -> dict[str, Any]:
        schema = strict(value.object_schema, "anthropic") or value.object_schema
        return {"output_config": {"format": {"type": "json_schema", "schema": schema}}}

    def resumes(self, answer: ChatCompletion) -> bool:
        """True after ``pause_turn``: Anthropic paused a long turn with tools of its own."""
        message = Message("assistant", answer.text, completion=answer)
        return answer.finish_reason == "pause_turn" and bool(self.original(message))

    def reader(self, said: Callable[[], str] = str) -> MessagesReader:
        return _Keeping(said)

    def parse_reply(self, reply: Any) -> list[ParsedEvent]:
        if not isinstance(field(reply, "content"), list):
            raise MalformedItem("the reply has no content: it is not a message of Anthropic")
        return _Keeping().parse({**reply, "type": "message"})

    def _written(self, message: Message | Mapping[str, Any], has_results: bool) -> Mapping[str, Any]:
        if not isinstance(message, Message):
            return message
        blocks = [block for block in self.original(message) if has_results or block.get("type") != "tool_use"]
        while blocks and blocks[-1].get("type") in _THINKING:  # refused at the end
            blocks.pop()
        if blocks:
            return {"role": "assistant", "content": blocks}
        if not message.attachments:
            return {"role": message.role, "content": message.text}
        texts = [{"type": "text", "text": message.text}] if message.text.strip() else []
        return {"role": message.role, "content": [*map(_block, message.attachments), *texts]}

    def _called(self, step: Called) -> list[Mapping[str, Any]]:
        if not step.pairs:
            return [self._written(step.answer, has_results=False)]
        inputs = {call.id: json.loads(call.arguments) for call, _ in step.pairs}  # what is not an object is refused
        blocks = [
            {**block, "input": inputs.get(block["id"], {})} if block.get("type") == "tool_use" else block
            for block in self.original(step.answer)
            if block.get("type") != "text" or text(block, "text").strip()  # a blank one is refused
        ]
        ids = [text(block, "id") for block in blocks if block.get("type") == "tool_use"]
        if sorted(ids) != sorted(call.id or "" for call, _ in step.pairs):
            said = [{"type": "text", "text": step.answer.text}] if step.answer.text.strip() else []
            blocks = [*said, *(_call(call) for call, _ in step.pairs)]
        results = [_result(result) for _, result in step.pairs]
        return [{"role": "assistant", "content": blocks}, {"role": "user", "content": results}]


def _call(call: ToolCall) -> dict[str, Any]:
    return {"type": "tool_use", "id": call.id, "name": call.name, "input": json.loads(call.arguments)}


def _result(result: ToolResult) -> dict[str, Any]:
    content = [{"type": "text", "text": result.text}, *(_block(Image.of(src)) for src in result.images)]
    failed = {"is_error": True} if result.error else {}
    return {"type": "tool_result", "tool_use_id": result.id, "content": content, **failed}


class AnthropicWithToken(AnthropicMessages):
    """The same with a token in place of a key, as of ``ANTHROPIC_AUTH_TOKEN``."""

    headers: ClassVar[Mapping[str, str]] = {"Authorization": "Bearer {key}", "anthropic-version": "2023-06-01"}


def _block(attachment: Attachment) -> dict[str, Any]:
    if attachment.url:
        return {"type": "image", "source": {"type": "url", "url": attachment.url}}
    if attachment.kind == "audio":
        raise cannot_take("Anthropic", attachment)
    if attachment.kind == "text":
        source = {"type": "text", "media_type": "text/plain", "data": attachment.text}
    else:
        source = {"type": "base64", "media_type": attachment.media_type or "", "data": attachment.base64}
    if attachment.kind == "image":
        return {"type": "image", "source": source}
    about = {"title": attachment.name, "context": attachment.bound}
    return {"type": "document", "source": source, **{name: said for name, said in about.items() if said}}


class _Keeping(MessagesReader):
    """Also puts the blocks together, to send them back."""

    def __init__(self, said: Callable[[], str] = str) -> None:
        super().__init__(said)
        self._kept: dict[int, dict[str, Any]] = {}
        self._pieces: dict[tuple[int, str], list[Any]] = {}

    def parse(self, item: Any) -> list[ParsedEvent]:
        events = super().parse(item)
        kind, index = text(item, "type"), count(field(item, "index"))
        delta, block = field(item, "delta"), field(item, "content_block")
        if kind == "content_block_start" and index is not None:
            self._kept[index] = plain(block)  # of the SDK it is an object
        elif kind == "content_block_delta" and index is not None:
            grows = _GROWS.get(text(delta, "type"))
            if grows is None:
                self._kept.pop(index, None)  # it cannot be put together
            for name, piece in (grows or {}).items():
                self._pieces.setdefault((index, name), []).append(plain(field(delta, piece)))
        elif kind == "message_delta" and field(delta, "stop_reason"):
            events.append(Original(AnthropicMessages.name, tuple(self._blocks_kept())))
        elif kind == "message":
            events.append(Original(AnthropicMessages.name, tuple(map(plain, items(field(item, "content"))))))
        return events

    def _blocks_kept(self) -> Iterator[dict[str, Any]]:
        """Yield the blocks that can be sent. Empty and cut ones are refused."""
        for index, begun in sorted(self._kept.items()):
            block = {name: value for name, value in begun.items() if value is not None}
            for (place, name), pieces in self._pieces.items():
                if place != index:
                    continue
                if name == "citations":
                    block[name] = [*items(block.get(name)), *pieces]
                else:
                    joined = "".join(piece for piece in pieces if isinstance(piece, str))
                    block[name] = joined if name == "input" else text(block, name) + joined
            if isinstance(block.get("input"), str):
                try:
                    block["input"] = json.loads(block["input"] or "{}")
                except ValueError:
                    continue
            if block.get("type") == "text" and not text(block, "text"):
                continue
            if block.get("type") == "thinking" and not block.get("signature"):
                continue
            yield block
