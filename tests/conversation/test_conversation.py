"""Conversation: its turns, what later requests carry, and how each turn ended."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import Any

import pytest

import streamwidget as sw
from streamwidget.demo import DemoServer
from tests.support.deadlines import SOON
from tests.support.pictures import PNG
from tests.support.servers import PACED, QUICK, first_delta


@pytest.fixture
def client(server: DemoServer) -> sw.ChatClient:
    return sw.ChatClient(server.url, retry=QUICK)


def sent(server: DemoServer) -> list[dict[str, Any]]:
    """Return the messages of the newest request."""
    messages: list[dict[str, Any]] = server.requests[-1].body["messages"]
    return messages


async def ask_all(conversation: sw.Conversation, client: sw.ChatClient, *texts: str) -> None:
    """Ask. The answer is the question backwards."""
    for text in texts:
        await conversation.ask(text, client, key=text, demo={"text": text[::-1]})


def roles(conversation: sw.Conversation) -> list[tuple[str, str]]:
    return [(message.role, message.text) for message in conversation.messages]


def said(conversation: sw.Conversation) -> list[dict[str, Any]]:
    """Return the history that a request would carry."""
    return [{"role": message.role, "content": message.text} for message in conversation.request_messages()]


# ---- messages


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("tool", "x"), "role"),
        (("user", None), "text"),
        (("assistant", "x", (PNG,)), "images"),
        (("user", "", (7,)), "int"),
    ],
)
def test_a_message_that_cannot_be_sent_is_refused(arguments: Any, says: str) -> None:
    """When it is made."""
    with pytest.raises(sw.ConfigurationError, match=says):
        sw.Message(*arguments)


async def test_a_client_takes_messages(server: DemoServer, client: sw.ChatClient) -> None:
    """One message, or a list of messages and plain ones."""
    await client.stream(sw.Message("user", "a"))
    assert sent(server) == [{"role": "user", "content": "a"}]
    await client.stream([sw.Message("system", "s"), {"role": "user", "content": "b"}])
    assert sent(server) == [{"role": "system", "content": "s"}, {"role": "user", "content": "b"}]


# ---- turns


async def test_a_question_carries_what_was_said_before(server: DemoServer, client: sw.ChatClient) -> None:
    """The system prompt, then questions and answers in order."""
    conversation = sw.Conversation(system="Be brief.")
    await ask_all(conversation, client, "ab", "cd", "ef")
    assert sent(server) == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "ab"},
        {"role": "assistant", "content": "ba"},
        {"role": "user", "content": "cd"},
        {"role": "assistant", "content": "dc"},
        {"role": "user", "content": "ef"},
    ]
    assert said(conversation) == [*sent(server), {"role": "assistant", "content": "fe"}]


async def test_the_answer_is_there_from_the_start(server: DemoServer, client: sw.ChatClient) -> None:
    """Empty before the first delta. It grows with the stream, and ends with the outcome."""
    conversation = sw.Conversation()
    stream = conversation.ask("x", client, demo=PACED)
    assert roles(conversation) == [("user", "x"), ("assistant", "")]
    assert conversation.messages[1].outcome is None
    assert not server.requests
    await first_delta(stream)
    running = conversation.messages[1]
    assert running.text
    assert (running.outcome, conversation.turns[0].sent) == (None, False)
    stream.cancel()
    completion = await stream
    assert conversation.messages[1] == sw.Message("assistant", completion.text, completion=completion)
    assert running.text == completion.text[: len(running.text)]


@pytest.mark.parametrize(
    ("model", "outcome", "again"),
    [("demo", "complete", True), ("demo-length", "length", True), ("demo-filter", "filtered", True),
     ("demo-cut", "interrupted", False), ("demo-error", "error", False), ("demo-401", "http_error", False),
     ("demo-html", "protocol_error", False)],
)  # fmt: skip
async def test_an_answer_that_failed_is_kept_and_not_sent(
    server: DemoServer, client: sw.ChatClient, model: str, outcome: str, *, again: bool
) -> None:
    """The history has its outcome and its text. Later requests do not carry it."""
    conversation = sw.Conversation()
    try:
        completion = await conversation.ask("x", client, model=model)
    except sw.StreamError as failure:
        completion = failure.completion
    (turn,) = conversation.turns
    assert turn.answer is not None
    assert (turn.answer.outcome, turn.answer.text, turn.sent) == (outcome, completion.text, again)
    await conversation.ask("y", client)
    assert (len(sent(server)) == 3) is again


async def test_a_stopped_answer_is_sent_if_it_has_text(server: DemoServer, client: sw.ChatClient) -> None:
    """Text before a Stop belongs to the conversation. An empty answer does not."""
    conversation = sw.Conversation()
    conversation.ask("never", client).cancel()
    stream = conversation.ask("x", client, demo=PACED)
    await first_delta(stream)
    stream.cancel()
    await stream
    assert [turn.sent for turn in conversation.turns] == [False, True]
    await conversation.ask("y", client)
    assert sent(server)[1] == {"role": "assistant", "content": stream.completion.text}


async def test_the_person_chooses_what_is_sent(server: DemoServer, client: sw.ChatClient) -> None:
    """You can choose for any turn, and return to the rule. A turn without an answer is then its question alone."""
    conversation = sw.Conversation()
    await ask_all(conversation, client, "ab")
    with pytest.raises(sw.HTTPStatusError):
        await conversation.ask("fails", client, model="demo-401", key="fails")
    conversation.include("ab", sent=False)
    conversation.include("fails", sent=True)
    assert said(conversation) == [{"role": "user", "content": "fails"}]
    for key in ("ab", "fails"):
        conversation.include(key, None)
    assert [turn.sent for turn in conversation.turns] == [True, False]
    with pytest.raises(KeyError, match="none"):
        conversation.include("none", sent=True)


async def test_a_refusal_is_what_was_said(client: sw.ChatClient) -> None:
    """Without a text, the refusal is sent in its place."""
    conversation = sw.Conversation()
    completion = await conversation.ask("x", client, model="demo-refusal")
    assert completion.refusal
    assert conversation.request_messages()[1].text == (completion.text or completion.refusal)


async def test_asking_again_replaces_the_turn_in_its_place(server: DemoServer, client: sw.ChatClient) -> None:
    """The request carries only the turns before it. Later turns stay."""
    conversation = sw.Conversation()
    await ask_all(conversation, client, "ab", "cd", "ef")
    conversation.include("cd", sent=False)
    await conversation.ask("new", client, key="cd", demo={"text": "wen"})
    assert [message["content"] for message in sent(server)] == ["ab", "ba", "new"]
    assert roles(conversation)[2:4] == [("user", "new"), ("assistant", "wen")]
    assert [turn.key for turn in conversation.turns] == ["ab", "cd", "ef"]
    assert all(turn.sent for turn in conversation.turns)  # the choice belonged to the old answer


async def test_asking_again_stops_what_still_streams(client: sw.ChatClient) -> None:
    """A turn has one answer."""
    conversation = sw.Conversation()
    first = conversation.ask("x", client, key="k", demo=PACED)
    await first_delta(first)
    second = conversation.ask("y", client, key="k", demo={"text": "z"})
    assert (await first).outcome == "cancelled"
    await second
    assert roles(conversation) == [("user", "y"), ("assistant", "z")]


async def test_a_request_that_cannot_be_made_changes_nothing(client: sw.ChatClient) -> None:
    """An empty prompt, a wrong role, a field that is not JSON: the turn of that key stays, and streams on."""
    conversation = sw.Conversation()
    stream = conversation.ask("x", client, key="k", demo=PACED)
    for prompt, params in [(" ", {}), (sw.Message("assistant", "x"), {}), ("y", {"temperature": object()})]:
        with pytest.raises(sw.ConfigurationError):
            conversation.ask(prompt, client, key="k", **params)  # type: ignore[arg-type]
    assert len(conversation) == 1
    assert not stream.over
    stream.cancel()


async def test_dropping_and_clearing_stop_what_streams(client: sw.ChatClient) -> None:
    """A dropped turn stops streaming. If its stream ends later, the turn does not come back."""
    conversation = sw.Conversation(system="s")
    await ask_all(conversation, client, "a", "b", "c")
    running = conversation.ask("d", client, key="d", demo=PACED)
    await first_delta(running)
    conversation.drop("none")
    conversation.drop("a")
    assert [turn.key for turn in conversation.turns] == ["b", "c", "d"]
    conversation.drop("c", and_after=True)
    assert (await running).outcome == "cancelled"
    assert [turn.key for turn in conversation.turns] == ["b"]
    conversation.clear()
    assert roles(conversation) == [("system", "s")]


async def test_an_answer_can_come_from_another_stream(client: sw.ChatClient) -> None:
    """Retry and Continue in a view belong to the same turn."""
    conversation = sw.Conversation()
    stream = conversation.ask("x", client, key="k", demo=PACED)
    await first_delta(stream)
    stream.cancel()
    begun = (await stream).text
    rest = stream.again(go_on=True)
    conversation.follow("k", rest)
    assert roles(conversation) == [("user", "x"), ("assistant", begun)]
    await rest
    assert roles(conversation) == [("user", "x"), ("assistant", rest.completion.text)]
    with pytest.raises(KeyError):
        conversation.follow("none", rest)


async def test_an_answer_that_is_over_keeps_its_value_and_not_its_request(client: sw.ChatClient) -> None:
    """A request holds all earlier messages. If all were kept, memory would grow with the square of the turns."""
    conversation = sw.Conversation()
    stream = conversation.ask("x", client)
    await stream
    held = weakref.ref(stream)
    del stream
    async with asyncio.timeout(SOON):
        while held() is not None:  # the loop releases the ended task
            await asyncio.sleep(0.01)
            gc.collect()
    assert conversation.turns[0].sent


# ---- limits


async def test_limits_leave_out_the_oldest_and_count_them(client: sw.ChatClient) -> None:
    """Whole turns are left out of the request. The history keeps all."""
    conversation = sw.Conversation(max_turns=2)
    await ask_all(conversation, client, "ab", "cd", "ef", "gh")
    assert [message.text for message in conversation.request_messages()] == ["ef", "fe", "gh", "hg"]
    assert (conversation.trimmed(), conversation.trimmed(before="ef"), len(conversation.turns)) == (2, 0, 4)
    conversation.include("gh", sent=False)
    assert conversation.trimmed() == 1
    conversation.max_turns = 0
    assert (conversation.request_messages(), conversation.trimmed()) == ([], 3)
    conversation.max_turns = None
    assert conversation.trimmed() == 0


async def test_a_token_limit_counts_text_and_images(client: sw.ChatClient) -> None:
    """About 4 bytes a token, and 1,000 tokens an image."""
    conversation = sw.Conversation(max_tokens=1_010)
    await ask_all(conversation, client, "x" * 20)  # 40 bytes with its answer: 10 tokens
    assert conversation.trimmed() == 0
    await conversation.ask(sw.Message("user", "", images=(PNG,)), client, demo={"text": ""})  # type: ignore[arg-type]
    conversation.include(conversation.turns[1].key, sent=True)
    assert conversation.trimmed() == 0
    conversation.max_tokens = 1_009
    assert conversation.trimmed() == 1
    conversation.max_tokens = 999
    assert conversation.trimmed() == 2


# ---- observers


async def test_observers_are_called_for_changes_and_not_for_deltas(client: sw.ChatClient) -> None:
    """Added, ended, chosen, dropped. An observer that raises harms nobody."""
    conversation = sw.Conversation()
    states: list[list[Any]] = []

    def broken() -> None:
        raise RuntimeError("observer")

    forget = conversation.observe(broken)
    remove = conversation.observe(lambda: states.append([m.outcome for m in conversation.messages if m.role != "user"]))
    with pytest.warns(RuntimeWarning, match="observer of a conversation raised RuntimeError"):
        await conversation.ask("x", client, key="k")
    forget()
    conversation.include("k", sent=False)
    conversation.clear()
    assert states == [[None], ["complete"], ["complete"], []]
    remove()
    conversation.clear()
    assert len(states) == 4


async def test_it_can_be_read_from_other_threads(client: sw.ChatClient) -> None:
    """While it streams and changes. All values that a thread sees belong to one moment."""
    conversation = sw.Conversation()
    over = False

    def read() -> int:
        seen = 0
        while not over:
            assert all(turn.answer is not None and turn.user.text == turn.key for turn in conversation.turns)
            seen += 1
        return seen

    reader = asyncio.create_task(asyncio.to_thread(read))
    for _ in range(3):
        await ask_all(conversation, client, *"abcdef")
        conversation.drop("c", and_after=True)
    over = True
    assert await reader


async def test_a_dropped_turn_comes_back_to_its_place(server: DemoServer, client: sw.ChatClient) -> None:
    """A cell failed to ask and is run again: its turn is where it was. ``clear`` removes the empty slots."""
    conversation = sw.Conversation()
    await ask_all(conversation, client, "ab", "cd", "ef")
    conversation.drop("cd")
    assert (len(conversation), conversation.request_messages(before="cd")[0].text) == (2, "ab")
    await ask_all(conversation, client, "cd")
    assert [message["content"] for message in sent(server)] == ["ab", "ba", "cd"]
    assert [turn.key for turn in conversation.turns] == ["ab", "cd", "ef"]
    conversation.clear()
    await ask_all(conversation, client, "ef", "ab")
    assert [turn.key for turn in conversation.turns] == ["ef", "ab"]


async def test_a_request_may_have_its_own_system_prompt(server: DemoServer, client: sw.ChatClient) -> None:
    """For one request. An empty one sends none."""
    conversation = sw.Conversation(system="always")
    for own, first in [("once", "once"), ("", "x"), (None, "always")]:
        await conversation.ask("x", client, key="k", system=own)
        assert sent(server)[0]["content"] == first
