"""The clients of SDKs, known by the method that asks. Its arguments are the body of the SDK's own API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from streamwidget._core.messages import Message
from streamwidget._dialects.anthropic_messages import AnthropicMessages
from streamwidget._dialects.chat_completions import ChatCompletions
from streamwidget._dialects.dialect import Dialect, Question

#: The method that asks, by its path in the client, and the dialect of its arguments.
SDK_CLIENTS: tuple[tuple[str, Dialect], ...] = (
    ("chat.completions.create", ChatCompletions()),
    ("messages.create", AnthropicMessages()),
)


def written(messages: tuple[Message | Mapping[str, Any], ...]) -> list[dict[str, Any]]:
    """Return the messages as dicts with role and content. An image makes the content a list of parts."""
    found: list[dict[str, Any]] = ChatCompletions().body(Question(messages, None, {}))["messages"]
    return found


def arguments(dialect: Dialect, question: Question) -> dict[str, Any]:
    """Return what an SDK's method is called with, for a stream. The provider's own answers go back as they were.

    Examples
    --------
    >>> messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    >>> arguments(AnthropicMessages(), Question(tuple(messages), "m", {"max_tokens": 9}))["system"]
    'Be brief.'
    """
    # Servers that refuse the option are known to our own client only.
    return dialect.body(replace(question, params={"stream_options": None, **question.params}))
