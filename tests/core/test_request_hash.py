"""A request has one name: the same in each process, whatever the order of its fields, and without the key."""

from __future__ import annotations

from typing import Any

import pytest

import streamwidget as sw
from streamwidget._core.request_hash import request_hash


def look_up(river: str) -> str:
    """Say how long a river is."""
    return f"{river}: 1094 km"


ASK: dict[str, Any] = {"prompt": "Name a river.", "model": "m", "temperature": 0.5}
EXPECTED = "349a68b7030ee3cabc2158e8be0c52ee18b32e033e2177474b1e3bcf537df210"
CHANGES: dict[str, dict[str, Any]] = {
    "prompt": {"prompt": "Name a lake."},
    "model": {"model": "n"},
    "parameter": {"temperature": 0.6},
    "more": {"seed": 1},
    "system": {"prompt": [sw.Message("system", "Be brief."), sw.Message("user", "Name a river.")]},
    "file": {"prompt": sw.Message("user", "Name a river.", attachments=[sw.Attachment.of(b"a,b", name="x.csv")])},
    "tools": {"tools": [sw.tool(safe=True)(look_up)]},
    "schema": {"as_": {"type": "array"}},
    "whole reply": {"stream": False},
}


def name_of(*, key: str = "", url: str = "http://localhost:1/v1", stream: bool = True, **asked: Any) -> str | None:
    """Return the hash of a request. Nothing is sent."""
    client = sw.ChatClient(url, key or None)
    prompt, model = asked.pop("prompt"), asked.pop("model")
    if not stream:
        return client.request(prompt, model, asked, stream=False).request_hash
    return client.stream(prompt, model, **asked).request_hash


@pytest.mark.parametrize("changed", CHANGES)
def test_a_changed_request_has_another_name(changed: str) -> None:
    """The whole request is in the hash."""
    assert name_of(**ASK) != name_of(**{**ASK, **CHANGES[changed]})


def test_the_server_is_in_the_name_and_the_key_is_not() -> None:
    """A key and a slash at the end of the address do not count."""
    name = name_of(**ASK)
    assert name == name_of(**ASK, key="sk-0123456789abcdef") == name_of(**ASK, url="http://localhost:1/v1/")
    assert name != name_of(**ASK, url="http://localhost:2/v1")


def test_a_server_of_ours_is_named_and_not_its_port() -> None:
    """The demo server has another port in each process. Its answers are found again."""
    name = sw.ChatClient().stream("Name a river.", "demo").request_hash
    body = {"messages": [{"role": "user", "content": "Name a river."}], "model": "demo", "stream": True}
    asked = {**body, "stream_options": {"include_usage": True}}
    assert name == request_hash("demo server", "chat/completions", asked)


def test_the_name_is_the_same_in_each_process() -> None:
    """No set, no ``hash()`` and no address of an object is in it."""
    assert request_hash("s", "p", {"b": "ü", "a": [1.5, None, True]}) == EXPECTED


def test_keys_of_several_types_have_a_name() -> None:
    """JSON makes strings of them."""
    assert request_hash("s", "p", {"a": {1: 1, "b": 2}}) == request_hash("s", "p", {"a": {"b": 2, "1": 1}})


def test_the_rounds_of_tools_do_not_change_the_name() -> None:
    """The first request gives the name."""
    stream = sw.ChatClient().stream("Name a river.", tools=[sw.tool(safe=True)(look_up)])
    before = stream.request_hash
    stream.wait()
    assert stream.request_hash == before
