"""Ollama's own API: how to ask. Its answers are JSON lines. The layout ``OLLAMA`` reads them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from streamwidget._core.attachments import Attachment
from streamwidget._core.events import ParsedEvent
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.messages import Message
from streamwidget._core.values import ValueType
from streamwidget._dialects.asking import Asking
from streamwidget._dialects.attached import cannot_take, text_of_file
from streamwidget._dialects.chat_completions import IMAGES
from streamwidget._dialects.dialect import MalformedItem, Question
from streamwidget._dialects.layout import LayoutReader
from streamwidget._dialects.libraries import OLLAMA
from streamwidget._dialects.tool_turns import Called, as_function, declared


class OllamaChat(Asking):
    """The dialect of ``/api/chat``. ``think``, ``keep_alive`` and options such as ``num_ctx`` are params."""

    name: ClassVar[str] = "ollama_chat"
    models_path: ClassVar[str] = "tags"
    headers: ClassVar[Mapping[str, str]] = {"Authorization": "Bearer {key}"}
    names: ClassVar[Mapping[str, str]] = {"max_tokens": "num_predict"}
    inner: ClassVar[str] = "options"
    outer: ClassVar[frozenset[str]] = frozenset(
        {"tools", "format", "think", "keep_alive", "logprobs", "top_logprobs", "truncate", "shift"}
    )

    def path(self, question: Question) -> str:  # noqa: ARG002  (the same for every question)
        return "chat"

    def body(self, question: Question) -> dict[str, Any]:
        system, messages = self.split(question)
        first = [{"role": "system", "content": system}] if system else []
        sent = self.expanded(question, messages, lambda message, _: [_written(message)], _called)
        tools = declared(question, as_function)
        return {
            **self.fields(question),
            **({"tools": tools} if tools else {}),
            "model": question.model,
            "messages": [*first, *sent],
            "stream": question.stream,  # it streams by default
        }

    def value_fields(self, value: ValueType) -> dict[str, Any]:
        return {"format": value.schema}

    def reader(self, said: Callable[[], str] = str) -> LayoutReader:
        return LayoutReader(OLLAMA, said)

    def parse_reply(self, reply: Any) -> list[ParsedEvent]:
        if not OLLAMA.fits(reply):
            raise MalformedItem("the reply has no message: it is not an answer of Ollama")
        return LayoutReader(OLLAMA).parse(reply)


def _written(message: Message | Mapping[str, Any]) -> Mapping[str, Any]:
    if not isinstance(message, Message):
        return message
    texts = [text_of_file(one) for one in message.attachments if one.kind == "text"]
    images = [_image(one) for one in message.attachments if one.kind != "text"]
    content = "\n\n".join([*filter(str.strip, [message.text]), *texts]) if texts else message.text
    return {"role": message.role, "content": content, **({"images": images} if images else {})}


def _called(step: Called) -> list[Mapping[str, Any]]:
    """Return a step with its calls, and their results in the same order: Ollama has no ids."""
    calls = [{"function": {"name": call.name, "arguments": json.loads(call.arguments)}} for call, _ in step.pairs]
    thought = {"thinking": step.reasoning} if step.reasoning else {}
    said = {"role": "assistant", "content": step.answer.text, **thought, **({"tool_calls": calls} if calls else {})}
    results = [{"role": "tool", "tool_name": call.name, "content": result.text} for call, result in step.pairs]
    images = [_image(image) for image in step.images]
    return [said, *results, *([{"role": "user", "content": IMAGES, "images": images}] if images else [])]


def _image(attachment: Attachment) -> str:
    if attachment.url:
        raise ConfigurationError("Ollama loads no image from an address. Pass the file of the image. Nothing was sent.")
    if attachment.kind != "image":
        raise cannot_take("Ollama", attachment)
    return attachment.base64
