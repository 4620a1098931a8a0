"""Ollama's own API: how to ask. Its answers are JSON lines. The layout ``OLLAMA`` reads them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from streamwidget._core.attachments import Attachment
from streamwidget._core.events import ParsedEvent
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.messages import Message
from streamwidget._core.values import ValueType
from streamwidget._dialects.asking import Asking
from streamwidget._dialects.attached import cannot_take, text_of_file
from streamwidget._dialects.dialect import MalformedItem, Question
from streamwidget._dialects.layout import LayoutReader
from streamwidget._dialects.libraries import OLLAMA


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
        return {
            **self.fields(question),
            "model": question.model,
            "messages": [*first, *map(_written, messages)],
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


def _image(attachment: Attachment) -> str:
    if attachment.url:
        raise ConfigurationError("Ollama loads no image from an address. Pass the file of the image. Nothing was sent.")
    if attachment.kind != "image":
        raise cannot_take("Ollama", attachment)
    return attachment.base64
