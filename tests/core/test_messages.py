"""Prompts and messages are checked before they are sent."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pytest

from streamwidget import ConfigurationError
from streamwidget._core.messages import Message, as_messages


def test_a_text_is_one_user_message_as_it_was_typed() -> None:
    """Nothing is stripped or rewritten."""
    assert as_messages("  what?\n") == (Message("user", "  what?\n"),)


def test_messages_are_copied() -> None:
    """Lists, tuples and any mapping work. A later change by the caller is not sent."""
    message = {"role": "user", "content": "a", "name": "n"}
    given = [message, MappingProxyType({"role": "assistant", "content": None})]
    made = as_messages(given)
    message["content"] = "changed"
    assert made == ({"role": "user", "content": "a", "name": "n"}, {"role": "assistant", "content": None})
    assert as_messages(list(made)) == made


@pytest.mark.parametrize(
    ("prompt", "says"),
    [
        ("", "empty"),
        (" \t\n", "empty"),
        ([], "empty"),
        (None, "NoneType"),
        (7, "int"),
        ({"role": "user", "content": "x"}, "dict"),
        (["x"], "Message 0"),
        ([{"role": "user", "content": "x"}, {"content": "x"}], "Message 1"),
        ([{"role": None}], "Message 0"),
    ],
)
def test_anything_but_a_message_is_rejected_with_its_position(prompt: Any, says: str) -> None:
    """The error names the problem. Nothing was sent."""
    with pytest.raises(ConfigurationError, match=says):
        as_messages(prompt)
