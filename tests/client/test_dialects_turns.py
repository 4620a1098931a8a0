"""What of an answer goes back to its provider: over turns, over a file, after a pause, and by the client of an SDK."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

import streamwidget as sw
from tests.support.dialects import Answer
from tests.support.native import NATIVE, SIGNATURE, Native, Server, reply, respond
from tests.support.servers import RawServer, response

natives = pytest.mark.parametrize("native", NATIVE.values(), ids=NATIVE)
#: Ollama takes no thinking back.
keeping = [native for native in NATIVE.values() if native.provider != "ollama-native"]
KEEPING = pytest.mark.parametrize("native", keeping, ids=[native.provider for native in keeping])
PLAIN = Answer(calls=False)
proves = pytest.mark.fault("N42", "they go back as they were, also over a file and by an SDK's client")
TEXT = "".join(PLAIN.texts)

SEARCH = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "rivers"}}
FOUND = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [{"type": "web_search_result"}]}
SIGNED = {"type": "thinking", "thinking": "Look it up.", "signature": SIGNATURE}


def message(*blocks: dict[str, Any], stop: str) -> list[dict[str, Any]]:
    """Events of a message of Anthropic whose blocks come whole."""
    start = {"id": "m", "model": "some-model", "content": [], "usage": {"input_tokens": 4, "output_tokens": 1}}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": start}]
    for index, block in enumerate(blocks):
        events.append({"type": "content_block_start", "index": index, "content_block": block})
        events.append({"type": "content_block_stop", "index": index})
    events.append({"type": "message_delta", "delta": {"stop_reason": stop}, "usage": {"output_tokens": 5}})
    return [*events, {"type": "message_stop"}]


def said(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


@proves
async def test_a_paused_turn_goes_on_from_what_it_was() -> None:
    """Continue after ``pause_turn`` sends the blocks back and no words of ours. All parts are one answer in the end."""
    native = NATIVE["anthropic"]
    first, second, third = [SIGNED, said("I look. "), SEARCH], [FOUND, said("Still. ")], [said("The Rhine.")]
    legs = ((first, "pause_turn"), (second, "pause_turn"), (third, "end_turn"))
    server = Server([respond(native, message(*blocks, stop=stop)) for blocks, stop in legs])
    server.responses.append(reply(native, PLAIN))
    client, conversation = server.client("anthropic"), sw.Conversation()
    stream = conversation.ask("Which river?", client, key="q")
    for _ in range(2):
        with pytest.raises(sw.StreamInterrupted, match="pause_turn"):
            await stream
        stream = stream.again(go_on=True)
        conversation.follow("q", stream)
    completion = await stream
    assert (completion.text, completion.outcome) == ("I look. Still. The Rhine.", "complete")
    question = {"role": "user", "content": "Which river?"}
    assert server.bodies[1]["messages"] == [question, {"role": "assistant", "content": first}]
    assert server.bodies[2]["messages"] == [question, {"role": "assistant", "content": [*first, *second]}]
    await conversation.ask("And its source?", client)
    assert server.bodies[3]["messages"][1] == {"role": "assistant", "content": [*first, *second, *third]}


@natives
async def test_the_question_stays_the_persons_own(native: Native) -> None:
    """Retry after Continue asks the first question again. Continue after Continue sends the answer once."""
    cut = reply(native, Answer(("One, ",), (), calls=False, end="length"))
    server = Server([cut] * 4)
    stream = server.client(native.provider).stream("Count.")
    await stream
    further = stream.again(go_on=True)
    await further
    await further.again()
    assert server.bodies[2] == server.bodies[0]
    await further.again(go_on=True)
    assert json.dumps(server.bodies[3]).count("Go on exactly") == (native.provider != "anthropic")
    assert json.dumps(server.bodies[3]).count("One, One,") == 1


async def test_a_callable_is_asked_like_a_server() -> None:
    """The same for a function: its own question stays, and the gaps of the answer so far stay."""
    asked: list[list[dict[str, Any]]] = []

    def answer(messages: list[dict[str, Any]]) -> Iterator[bytes]:
        asked.append(messages)
        yield b'data: {"choices": [{"index": 0, "delta": {"content": "5 mg,"}}]}\n\n'
        yield b'data: {"choices": [{"index": 0, "delta": {"content": " NOT\n\n'
        yield b'data: {"choices": [{"index": 0, "delta": {"content": " more"}, "finish_reason": "length"}]}\n\n'

    stream = sw.Conversation().ask("How much?", answer)
    await stream
    further = stream.again(go_on=True)
    completion = await further
    assert completion.gaps == (sw.Gap("text", 5), sw.Gap("text", 15))
    assert "a part is missing" in asked[1][1]["content"]
    await further.again()
    assert asked[2] == asked[0]


@proves
@KEEPING
async def test_a_file_keeps_what_goes_back(native: Native) -> None:
    """Exported and imported, the next request is the same. Where a person has edited the text, that is what is sent."""
    server = Server([reply(native, PLAIN) for _ in range(4)])
    client, conversation = server.client(native.provider), sw.Conversation()
    await conversation.ask("One?", client)
    exported = conversation.to_json()
    await conversation.ask("Two?", client)
    await sw.Conversation.from_json(exported).ask("Two?", client)
    assert SIGNATURE in json.dumps(server.bodies[1])
    assert server.bodies[2] == server.bodies[1]
    first = json.dumps({"text": "Grüezi! One"})[1:-2]
    assert first in exported
    await sw.Conversation.from_json(exported.replace(first, '"text": "Changed. One', 1)).ask("Two?", client)
    sent = json.dumps(server.bodies[3], ensure_ascii=False)
    assert "Changed. One" in sent
    assert SIGNATURE not in sent


def _sdk(url: str, *, is_async: bool) -> Any:
    kind = anthropic.AsyncAnthropic if is_async else anthropic.Anthropic
    return kind(base_url=url.removesuffix("/v1"), api_key="sk-test", max_retries=0)


@proves
@pytest.mark.parametrize("is_async", [False, True])
async def test_the_sdks_client_sends_the_thinking_back(*, is_async: bool) -> None:
    """Signatures go into its call as our own client would send them. So does a paused turn."""
    native = NATIVE["anthropic"]
    with RawServer(response(native.stream(PLAIN))) as server:
        sdk, conversation = _sdk(server.url, is_async=is_async), sw.Conversation()
        for prompt in ("One?", "Two?"):
            assert (await conversation.ask(prompt, sdk, model="some-model")).text == TEXT
        sent = json.loads(server.requests[1].partition(b"\r\n\r\n")[2])["messages"]
    assert sent[1] == {
        "role": "assistant",
        "content": [{"type": "thinking", "thinking": "Let me count.", "signature": SIGNATURE}, said(TEXT)],
    }
    with RawServer(response(native.write(message(said("I look. "), SEARCH, stop="pause_turn")))) as server:
        stream = sw.Conversation().ask("Which?", _sdk(server.url, is_async=is_async), model="some-model")
        for _ in range(2):
            completion = await stream
            stream = stream.again(go_on=True)
        sent = json.loads(server.requests[1].partition(b"\r\n\r\n")[2])["messages"]
    assert completion.text == "I look. I look. "
    assert sent[1:] == [{"role": "assistant", "content": [said("I look. "), SEARCH]}]


@pytest.mark.parametrize("is_async", [False, True])
async def test_the_sdk_is_asked_without_the_thinking_that_is_refused(*, is_async: bool) -> None:
    """As with our own client: once more, with the text alone and a warning. Another refusal is the SDK's own error."""
    native = NATIVE["anthropic"]
    refused = {"type": "error", "error": {"type": "invalid_request_error", "message": "Invalid signature in thinking."}}
    refusal = response(json.dumps(refused).encode(), status="400 Bad Request", kind="application/json")

    def answer(connection: socket.socket) -> None:
        thinking = SIGNATURE.encode() in server.requests[-1]
        never = b"never" in server.requests[-1]
        connection.sendall(refusal if thinking or never else response(native.stream(PLAIN)))

    with RawServer(answer) as server:
        sdk, conversation = _sdk(server.url, is_async=is_async), sw.Conversation()
        for prompt in ("One?", "Two?"):
            completion = await conversation.ask(prompt, sdk, model="some-model")
        assert (completion.text, completion.outcome) == (TEXT, "complete")
        assert [warning.code for warning in completion.warnings if warning.code != "left_out"] == ["thinking_refused"]
        with pytest.raises(sw.SourceError, match="Invalid signature"):
            await sw.Conversation().ask("never", sdk, model="some-model")
        assert len(server.requests) == 4
