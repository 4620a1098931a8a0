"""The clients of SDKs, known by the method that asks, and how they want their messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from streamwidget._core.messages import Message
from streamwidget._dialects.chat_completions import ChatCompletions
from streamwidget._dialects.dialect import Question
from streamwidget._dialects.paths import at

_MAX_TOKENS = 4096  # anthropic's SDK wants a number

#: Makes the arguments of the method that asks from messages with role and content.
Write: TypeAlias = Callable[[list[dict[str, Any]]], Mapping[str, Any]]


def written(messages: tuple[Message | Mapping[str, Any], ...]) -> list[dict[str, Any]]:
    """Return the messages as dicts with role and content. An image makes the content a list of parts."""
    found: list[dict[str, Any]] = ChatCompletions().body(Question(messages, None, {}))["messages"]
    return found


def _for_openai(messages: list[dict[str, Any]]) -> Mapping[str, Any]:
    return {"messages": messages}


def _for_anthropic(messages: list[dict[str, Any]]) -> Mapping[str, Any]:
    """Messages take their system prompt and the data of their images apart."""
    system = [message["content"] for message in messages if message["role"] == "system"]
    said = [{**message, "content": _blocks(message["content"])} for message in messages if message["role"] != "system"]
    return {"messages": said, "max_tokens": _MAX_TOKENS, **({"system": "\n\n".join(system)} if system else {})}


def _blocks(content: Any) -> Any:
    if not isinstance(content, list):
        return content
    return [_image(part) if at(part, "type") == "image_url" else part for part in content]


def _image(part: Any) -> dict[str, Any]:
    url = str(at(part, "image_url.url"))
    head, comma, data = url.partition(";base64,")
    if not comma:
        return {"type": "image", "source": {"type": "url", "url": url}}
    media_type = head.removeprefix("data:")
    return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data}}


#: The method that asks, by its path in the client, and how its arguments are written.
SDK_CLIENTS: tuple[tuple[str, Write], ...] = (
    ("chat.completions.create", _for_openai),
    ("messages.create", _for_anthropic),
)
