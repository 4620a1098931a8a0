"""The providers' own APIs in one real kernel: an answer with thinking, the next turn, Stop, and what is saved."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.support.chat_kernels import ChatKernel
from tests.support.deadlines import until
from tests.support.native import NATIVE, SIGNATURE
from tests.support.native_server import NativeServer

pytestmark = [pytest.mark.kernel, pytest.mark.parametrize("chat", ["latest"], indirect=True)]

THOUGHT = "The question is clear; I say first what streams, then how."
CLIENT = """
import os, streamwidget as sw
native = sw.ChatClient({url!r}, os.environ["STREAMWIDGET_API_KEY"], "demo-reasoning", provider={provider!r})
"""
ONE = """%%chat --client native -c talk -P 'demo={{"text": "One, **two**."}}'{}\n{}"""


@pytest.fixture(scope="module")
def native_server() -> Iterator[NativeServer]:
    with NativeServer(tokens_per_second=1000, first_delta=0) as server:
        yield server


@pytest.mark.parametrize("provider", NATIVE)
def test_a_provider_streams_remembers_stops_and_is_saved(
    chat: ChatKernel, native_server: NativeServer, provider: str
) -> None:
    """The page gets the thinking before the text. The second request carries the first answer as the API has it."""
    chat.execute(CLIENT.format(url=native_server.url, provider=provider))
    native_server.reset()
    first = chat.execute_async(ONE.format(" --new", "Count."))
    view = chat.view(first)
    saved = first.wait().outputs[-1]["data"]
    assert first.status == "ok"
    told = [message["text"] for message in view.messages if message["op"] == "reasoning"]
    first_told = next(message for message in view.messages if message["op"] == "snapshot")
    assert first_told["reasoning"] + "".join(told) == THOUGHT
    assert THOUGHT in saved["text/html"]
    assert "<strong>two</strong>" in saved["text/html"]
    said = chat.value("[(a.text, a.reasoning, a.outcome) for a in [_conversation.turns[0].answer.completion]]")
    assert said == [("One, **two**.", THOUGHT, "complete")]

    assert chat.execute(ONE.format("", "And now?")).status == "ok"
    asked = json.dumps(native_server.wait_for_requests(2)[1].body)
    assert [said in asked for said in ("Count.", "One, **two**.", "And now?")] == [True] * 3
    assert (SIGNATURE in asked) == (provider != "ollama-native")

    cell, view = chat.streaming("%%chat --client native -m demo-slow --once\nAn essay.")
    view.send({"op": "stop"})
    assert view.wait("end")["outcome"] == "cancelled"
    assert cell.wait().status == "ok"
    until(lambda: native_server.requests[2].client_left is not None, "the server sees that the client has left")
