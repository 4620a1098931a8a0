"""ChatWidget: its Python API, and the messages to and from a page, without a kernel."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
import warnings
from typing import Any

import ipywidgets
import pytest
import pytest_asyncio

import streamwidget as sw
from streamwidget._view.bundle import shared_bundle
from streamwidget.demo import DemoServer
from tests.support.deadlines import until_async as until
from tests.support.servers import CANARY

pytestmark = pytest.mark.asyncio(loop_scope="module")  # connections belong to a loop and are reused on it

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 64
ONCE = sw.RetryPolicy(attempts=1)
STALLS = "demo-stall"  # some words, and then nothing, so that a test can stop it in the middle


class Page:
    """A page that received every message, by the rules of js/src/chat/chat.ts."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.rev = 1
        self.keys: list[str] = []
        self.turns: dict[str, dict[str, Any]] = {}

    def take(self, message: dict[str, Any]) -> None:
        message = json.loads(json.dumps(message, ensure_ascii=False).encode())  # as a kernel packs it
        self.messages.append(json.loads(json.dumps(message)))
        if message["op"] == "chat":
            assert message["rev"] == self.rev + 1
            self.rev = message["rev"]
            for change in message["turns"]:
                self.turns.setdefault(change["key"], {}).update(change)
            self.keys = self.keys if message["keys"] is None else message["keys"]
        elif message["op"] == "answer":
            self._take_answer(self.turns[message["key"]]["answer"], message["message"])

    def _take_answer(self, answer: dict[str, Any], message: dict[str, Any]) -> None:
        if message["op"] == "snapshot":
            assert message["seq"] >= answer["seq"]
            answer.update(message)
            return
        assert message["seq"] == answer["seq"] + 1
        answer["seq"] = message["seq"]
        if message["op"] == "delta":
            answer["text"] += message["text"]
        elif message["op"] == "end":
            answer["outcome"] = message["outcome"]

    def of(self, op: str) -> list[dict[str, Any]]:
        return [message for message in self.messages if message["op"] == op]

    @property
    def shown(self) -> list[tuple[str, str, str | None, bool]]:
        turns = [self.turns[key] for key in self.keys]
        return [(turn["text"], turn["answer"]["text"], turn["answer"]["outcome"], turn["sent"]) for turn in turns]


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Page:
    received = Page()
    monkeypatch.setattr(ipywidgets.Widget, "send", lambda _widget, content, _buffers=None: received.take(content))
    return received


@pytest_asyncio.fixture(loop_scope="module")
async def widget(page: Page, server: DemoServer) -> sw.ChatWidget:
    return sw.ChatWidget(client=sw.ChatClient(server.url, retry=ONCE))


def truth(widget: sw.ChatWidget) -> list[tuple[str, str, str | None, bool]]:
    turns = widget.conversation.turns
    return [(turn.user.text, turn.answer.text, turn.answer.outcome, turn.sent) for turn in turns if turn.answer]


def typed(name: str, text: str, **more: Any) -> dict[str, Any]:
    return {"op": "send", "name": name, "text": text, "files": [], "replaces": None, **more}


async def idle(widget: sw.ChatWidget) -> None:
    await until(lambda: not widget.busy)


async def test_the_messages_add_up_to_the_conversation(widget: sw.ChatWidget, page: Page) -> None:
    """After asking, stopping, hiding, asking again, editing and clearing, in Python and in the page."""
    completion = await widget.send("from Python")
    assert page.shown == truth(widget) == [("from Python", completion.text, "complete", True)]
    widget.model = STALLS
    widget._receive(typed("name-of-one", "stopped"))
    await until(lambda: len(page.keys) == 2 and page.shown[1][1])
    widget.stop()
    await idle(widget)
    assert page.shown == truth(widget)
    assert page.shown[1][2:] == ("cancelled", True)
    widget.model = None
    widget._receive({"op": "include", "key": "name-of-one", "sent": False})
    assert page.shown[1][3] is False
    widget._receive({"op": "retry", "key": "name-of-one"})
    assert widget.busy
    await idle(widget)
    assert page.shown == truth(widget)
    assert page.shown[1][2] == "complete"
    widget._receive(typed("name-of-two", "edited", replaces=page.keys[0]))
    await idle(widget)
    assert page.shown == truth(widget)
    assert [text for text, *_ in page.shown] == ["edited"]
    state = widget.get_state("state")["state"]
    assert (state["rev"], state["keys"]) == (page.rev, page.keys)
    assert state["turns"][0]["answer"]["text"] == page.shown[0][1]
    widget._receive({"op": "clear"})
    assert page.shown == truth(widget) == []


async def test_a_text_travels_once(widget: sw.ChatWidget, page: Page) -> None:
    """A streamed text is not sent again at its end, nor with later turns."""
    completion = await widget.send("tell me")
    last_words = completion.text[-40:]
    await widget.send("and again")
    await widget.send("and again")
    sent = [json.dumps(message, ensure_ascii=False) for message in page.of("chat")]
    assert not any(json.dumps(last_words, ensure_ascii=False)[1:-1] in message for message in sent)
    assert [turn["text"] for message in page.of("chat") for turn in message["turns"] if "text" in turn] == [
        "tell me",
        "and again",
        "and again",
    ]


async def test_a_question_while_an_answer_is_written_is_refused(widget: sw.ChatWidget, page: Page) -> None:
    """Python gets an error, and the page a reason. The answer goes on, and only it is in the conversation."""
    widget._receive(typed("name-of-one", "count to 900"))
    with pytest.raises(RuntimeError, match="still being written"):
        await widget.send("too early")
    widget._receive(typed("name-of-two", "too early"))
    assert [(message["asked"], "still being written" in message["why"]) for message in page.of("refused")] == [
        ("name-of-two", True)
    ]
    assert page.keys == ["name-of-one"]
    widget.stop()
    await idle(widget)
    assert [text for text, *_ in page.shown] == ["count to 900"]


async def test_a_prompt_that_comes_twice_is_asked_once(widget: sw.ChatWidget, page: Page, server: DemoServer) -> None:
    """The wire to the kernel may repeat a message of the page."""
    for _ in range(2):
        widget._receive(typed("name-of-one", "once"))
    await idle(widget)
    widget._receive(typed("name-of-one", "once"))
    assert len(server.requests) == 1
    assert page.of("refused") == []


async def test_a_prompt_that_was_lost_is_refused_and_one_that_came_is_not(
    widget: sw.ChatWidget, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A waiting page names its prompt each time it syncs. The kernel refuses a prompt that it never received."""
    received: list[dict[str, Any]] = []
    monkeypatch.setattr(ipywidgets.Widget, "send", lambda _widget, content, _buffers=None: received.append(content))
    widget._receive({"op": "sync", "rev": 0, "pending": "name-of-one"})
    assert [message["op"] for message in received] == ["chat", "refused"]
    assert received[1]["asked"] == "name-of-one"
    for name in ("name-of-one", "name-of-two"):
        widget._receive(typed(name, "here"))
        await idle(widget)
    for pending in ("name-of-one", "name-of-two", None, 7):
        widget._receive({"op": "sync", "rev": 0, "pending": pending})
    assert [message["op"] for message in received].count("refused") == 1


async def test_the_page_is_received_on_any_thread(widget: sw.ChatWidget, page: Page) -> None:
    """A subshell's thread asks and stops. The conversation still changes on the loop's thread."""
    threads = []
    widget.observe(lambda _change: threads.append(threading.current_thread()), ["busy", "conversation"])
    widget.model = STALLS
    await asyncio.to_thread(widget._receive, typed("name-of-one", "stopped"))
    await until(lambda: page.keys and page.shown[0][1])
    stream = page.turns["name-of-one"]["answer"]["id"]
    await asyncio.to_thread(widget._receive, {"op": "stop", "stream": stream})
    await idle(widget)
    assert page.shown[0][2] == "cancelled"
    assert set(threads) == {threading.main_thread()}


async def test_a_late_stop_does_not_stop_the_next_answer(widget: sw.ChatWidget, page: Page) -> None:
    """A page stops the stream that it saw, and not another one."""
    await widget.send("first")
    (first,) = {turn["answer"]["id"] for turn in page.turns.values()}
    widget._receive(typed("name-of-two", "second"))
    widget._receive({"op": "stop", "stream": first})
    await idle(widget)
    assert page.shown[1][2] == "complete"


async def test_busy_and_the_conversation_can_be_observed(widget: sw.ChatWidget) -> None:
    """``busy`` turns on and off once for each answer. The conversation changes at its beginning and at its end."""
    busy: list[bool] = []
    lengths: list[tuple[int, str | None]] = []
    widget.observe(lambda change: busy.append(change.new), "busy")
    widget.observe(
        lambda change: lengths.append((len(change.new.turns), change.new.turns[-1].answer.outcome)), "conversation"
    )
    await widget.send("one")
    assert busy == [True, False]
    assert lengths == [(1, None), (1, "complete")]


def upload(widget: sw.ChatWidget, file: str, data: bytes, name: str, thumbnail: str | None = None) -> dict[str, Any]:
    """Send a file as the page does, in two pieces. Return what the prompt says of it."""
    half = len(data) // 2
    for at, piece in ((0, data[:half]), (half, data[half:])):
        content = {"op": "piece", "file": file, "at": at, "size": len(data)}
        widget._handle_custom_msg(content, [memoryview(piece)])
    return {"file": file, "name": name, "thumbnail": thumbnail}


async def test_an_edited_prompt_keeps_its_files_and_drops_what_followed(
    widget: sw.ChatWidget, page: Page, server: DemoServer
) -> None:
    """Files are kept by number, and new ones come beside them with their thumbnails. A wrong number is ignored."""
    thumbnail = "data:image/webp;base64,AAAA"
    files = [
        upload(widget, "file-one", PNG, "a.png", thumbnail),
        upload(widget, "file-two", b"a,b\n" * 30_000, "b.csv"),
    ]
    widget._receive(typed("name-of-one", "what is it?", files=files))
    await idle(widget)
    await widget.send("and then?")
    edited = [{"keep": 0}, {"keep": 7}, {"keep": 1}, upload(widget, "file-three", PNG, "../c.png", "javascript:x")]
    widget._receive(typed("name-of-two", "really?", files=edited, replaces="name-of-one"))
    await idle(widget)
    (turn,) = widget.conversation.turns
    assert (turn.key, turn.user.text) == ("name-of-one", "really?")
    assert [file.name for file in turn.user.attachments] == ["a.png", "b.csv", "c.png"]
    small = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    shown = page.turns["name-of-one"]["files"]
    assert [file["src"] for file in shown] == [thumbnail, None, small]
    assert shown[1]["label"] == "CSV, 120 kB, first 100,000 of 120,000 characters sent"
    parts = server.requests[-1].body["messages"][0]["content"]
    assert [part["type"] for part in parts] == ["text", "image_url", "text", "image_url"]
    assert parts[2]["text"].startswith("File b.csv (first 100,000 of 120,000 characters):\n```csv\na,b\n")


async def test_an_answer_that_was_cut_goes_on(widget: sw.ChatWidget, page: Page) -> None:
    """Continue keeps the text and asks for the rest, in the same turn. Without its request it is refused."""
    widget.model = STALLS
    widget._receive(typed("name-of-one", "stopped"))
    await until(lambda: page.keys and page.shown[0][1])
    widget.stop()
    await idle(widget)
    cut = page.shown[0][1]
    widget._receive({"op": "continue", "key": "name-of-one"})
    assert page.shown[0][1] == cut
    await until(lambda: len(page.shown[0][1]) > len(cut))
    widget.stop()
    await idle(widget)
    assert page.shown == truth(widget)
    assert page.shown[0][1].startswith(cut)
    loaded = sw.ChatWidget(client=sw.ChatClient(), conversation=widget.conversation)
    loaded._receive({"op": "continue", "key": "name-of-one"})
    assert "cannot go on" in page.of("refused")[-1]["why"]


async def test_a_prompt_that_cannot_be_asked_changes_nothing(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page gets the reason, and the conversation stays empty."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary-1234567890")
    conversation = sw.Conversation()
    widget = sw.ChatWidget(client=sw.ChatClient("https://api.openai.com/v1", "sk-canary"), conversation=conversation)
    widget._receive(typed("name-of-one", "whom?"))
    assert "No model chosen for api.openai.com" in page.of("refused")[0]["why"]
    assert (len(conversation), widget.busy, page.of("chat")) == (0, False, [])


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (typed("name-of-one", "x" * 1_000_001), "1,000,001 characters"),
        (
            typed("name-of-one", "x", files=[{"file": "file-one", "name": "a.docx"}]),
            "'a.docx' is not a file of a known kind",
        ),
        (typed("name-of-one", "x", files=[{"file": "file-two", "name": "a.csv"}]), "a file was lost on its way"),
        (typed("name-of-one", "x", files=[{"file": "file-one"}]), "could not be read"),
        (typed("name-of-one", "x", files=[{"keep": True}]), "could not be read"),
        (typed("name-of-one", "x", files=[{"keep": 0}] * 21), "At most 20"),
        (typed("name-of-one", "x", files=7), "could not be read"),
        (typed("name-of-one", "   "), "empty"),
        (typed("name-of-one", "x", replaces="no such turn"), "is gone"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_an_impossible_prompt_is_refused_with_a_reason(
    widget: sw.ChatWidget, page: Page, message: dict[str, Any], why: str
) -> None:
    """Too large, a file that is not taken, empty: the page gets the reason, and nothing is asked."""
    upload(widget, "file-one", b"PK\x03\x04", "a.docx")
    widget._receive(message)
    (refused,) = page.of("refused")
    assert refused["asked"] == "name-of-one"
    assert why in refused["why"]
    assert len(widget.conversation) == 0


@pytest.mark.parametrize(
    "message",
    [
        None,
        [],
        "stop",
        {"op": "sen"},
        {"op": ["send"]},
        typed("short", "x"),
        typed("name with spaces", "x"),
        {"op": "send", "name": 7, "text": "x", "files": []},
        {"op": "stop"},
        {"op": "retry", "key": 7},
        {"op": "retry", "key": "no such turn"},
        {"op": "include", "key": "no such turn", "sent": True},
        {"op": "include", "key": "turn", "sent": "yes"},
        {"op": "model", "name": "x" * 201},
        {"op": "model", "name": "a\nb"},
        {"op": "sync", "key": "no such turn"},
        {"op": "piece", "file": "file-one", "at": 0, "size": 1},
        {"op": "piece", "file": "file-one", "at": 0, "size": 1, "buffers": ["a"]},
    ],
    ids=str,
)
async def test_an_unknown_message_is_ignored(widget: sw.ChatWidget, page: Page, message: Any) -> None:
    """Nothing happens, and nothing raises. The same holds for an ill-typed message."""
    widget._receive(message)
    assert (page.messages, widget.busy, widget.model) == ([], False, None)


async def test_the_model_is_chosen_in_python_or_in_the_page(
    widget: sw.ChatWidget, page: Page, server: DemoServer
) -> None:
    """Each side sees the other's choice, and the next request uses it."""
    seen = []
    widget.observe(lambda change: seen.append(change.new), "model")
    widget._receive({"op": "model", "name": " demo "})
    await widget.send("who?")
    widget.model = "demo-slow"
    assert seen == ["demo", "demo-slow"]
    assert server.requests[0].body["model"] == "demo"
    assert [message["model"] for message in page.of("chat")][-1] == "demo-slow"
    widget._receive({"op": "models"})
    await until(lambda: page.of("models"))
    assert "demo" in page.of("models")[0]["names"]


@pytest.mark.parametrize("message", [{"op": "model", "name": CANARY}, {"op": "set", "name": "system", "value": CANARY}])
async def test_a_key_that_is_typed_in_the_page_is_refused(
    widget: sw.ChatWidget, page: Page, message: dict[str, Any]
) -> None:
    """As a model or a system prompt it would be sent and saved. From Python it is refused too."""
    widget._receive(message)
    (refused,) = page.of("refused")
    assert "looks like an API key" in refused["why"]
    with pytest.raises(sw.ConfigurationError, match="looks like an API key"):
        widget.model = CANARY
    assert (widget.model, widget.conversation.system) == (None, None)
    assert CANARY not in str(page.messages)


async def test_a_page_that_asks_gets_all_or_nothing_new(
    widget: sw.ChatWidget, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the newest revision nothing is repeated. With another one everything comes. One answer comes whole."""
    completion = await widget.send("one")
    received: list[dict[str, Any]] = []
    monkeypatch.setattr(page, "take", received.append)
    monkeypatch.setattr(ipywidgets.Widget, "send", lambda _widget, content, _buffers=None: received.append(content))
    for asked in ({"rev": page.rev}, {"rev": 0}, {"rev": None}, {"key": page.keys[0]}):
        widget._receive({"op": "sync", **asked})
    same, old, strange, answer = received
    assert (same["rev"], same["keys"], same["turns"]) == (page.rev, None, [])
    assert old == strange
    assert (old["whole"], old["rev"], old["keys"]) == (True, page.rev, page.keys)
    assert old["turns"][0]["answer"]["text"] == answer["message"]["text"] == completion.text


async def test_closing_stops_and_keeps_the_conversation(widget: sw.ChatWidget, page: Page) -> None:
    """The stream ends, the text stays in the conversation, and the page gets no more messages."""
    widget.model = STALLS
    widget._receive(typed("name-of-one", "stopped"))
    await until(lambda: page.keys and page.shown[0][1])
    stream = widget.conversation
    widget.close()
    count = len(page.messages)
    await until(lambda: stream.turns[0].answer and stream.turns[0].answer.outcome)
    assert stream.turns[0].answer is not None
    assert (stream.turns[0].answer.outcome, widget.busy, len(page.messages)) == ("cancelled", False, count)
    widget.close()
    widget.freeze()


async def test_a_frozen_chat_leaves_its_transcript(
    widget: sw.ChatWidget, page: Page, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is safe HTML and plain text, with the outcome of each answer. A running answer is stopped first."""
    widget.model = STALLS
    widget._receive(typed("name-of-one", "frozen <b>&"))
    await until(lambda: page.keys and page.shown[0][1])
    data, _ = widget._repr_mimebundle_() or ({}, {})
    assert data["text/plain"].startswith("> frozen <b>&")
    widget.freeze()
    await until(lambda: widget.comm is None)
    (saved,) = page.of("saved")
    assert saved["view"]
    html, plain = saved["mimebundle"]["text/html"], saved["mimebundle"]["text/plain"]
    assert "frozen &lt;b&gt;&amp;" in html
    assert "<b>" not in html
    assert "stopped by you; the text so far is kept" in html
    assert "stopped by you; the text so far is kept" in plain


async def test_a_shared_conversation_shows_the_turns_of_others(
    widget: sw.ChatWidget, page: Page, server: DemoServer
) -> None:
    """A turn of another owner appears while it runs, and its end reaches the page."""
    stream = widget.conversation.ask("elsewhere", sw.ChatClient(server.url), key="cell")
    assert page.shown == [("elsewhere", "", None, False)]
    assert not widget.busy
    completion = await stream
    assert page.shown == [("elsewhere", completion.text, "complete", True)]


async def test_half_a_character_breaks_no_message(widget: sw.ChatWidget, page: Page) -> None:
    """In a prompt or a model's name, from the page or from Python, it is sent as U+FFFD."""
    widget._receive(typed("name-of-one", "typed \ud83d"))
    await idle(widget)
    await widget.send("sent \ud83d")
    widget.model = "demo-\ud83d"
    assert [text for text, *_ in page.shown] == ["typed \ufffd", "sent \ufffd"]
    assert page.messages[-1]["model"] == "demo-\ufffd"
    assert page.of("refused") == []
    state = widget.get_state("state")["state"]
    assert json.loads(json.dumps(state, ensure_ascii=False).encode())["keys"] == page.keys


async def test_a_failure_to_send_is_not_a_refusal(
    widget: sw.ChatWidget, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The question is asked all the same, and the page gets no refusal."""

    def fail(message: dict[str, Any]) -> None:
        if message["op"] == "chat" and not failed:
            failed.append(message)
            raise ValueError("the wire")
        page.messages.append(message)

    failed: list[dict[str, Any]] = []
    monkeypatch.setattr(page, "take", fail)
    with pytest.warns(RuntimeWarning, match="the wire"):
        widget._receive(typed("name-of-one", "asked all the same"))
    assert widget.busy
    await idle(widget)
    assert truth(widget)[0][2] == "complete"
    assert page.of("refused") == []


@pytest.mark.parametrize("elsewhere", ["asked again", "loaded"])
async def test_continue_does_not_write_over_a_newer_answer(
    widget: sw.ChatWidget, page: Page, server: DemoServer, elsewhere: str
) -> None:
    """If another stream has answered the turn since, Continue is refused with the reason."""
    widget.model = STALLS
    widget._receive(typed("name-of-one", "stopped"))
    await until(lambda: page.keys and page.shown[0][1])
    widget.stop()
    await idle(widget)
    if elsewhere == "loaded":
        widget.conversation.load(widget.conversation.to_json())
    else:
        await widget.conversation.ask("stopped", sw.ChatClient(server.url), key="name-of-one")
    now = truth(widget)
    widget._receive({"op": "continue", "key": "name-of-one"})
    assert "asked again elsewhere" in page.of("refused")[-1]["why"]
    assert (truth(widget), widget.busy) == (now, False)


async def test_an_observer_that_raises_stops_nothing(widget: sw.ChatWidget, page: Page) -> None:
    """The question is sent, ``busy`` turns off again, and freeze works. The observer's mistake becomes a warning."""

    def fail(_change: object) -> None:
        raise ValueError("a person's mistake")

    widget.observe(fail, "busy")
    widget.model = STALLS
    with pytest.warns(RuntimeWarning, match="a person's mistake"):
        widget._receive(typed("name-of-one", "asked all the same"))
    assert page.of("refused") == []
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        await until(lambda: page.shown[0][1])
        widget.freeze()
        await until(lambda: widget.comm is None)
    assert (truth(widget)[0][2], widget.busy) == ("cancelled", False)


async def test_one_answer_of_a_conversation_at_a_time(widget: sw.ChatWidget, page: Page, server: DemoServer) -> None:
    """The widget refuses while another owner's answer streams. It can stop that one by its turn's key, and then ask."""
    client = sw.ChatClient(server.url, model=STALLS)
    for stop in (lambda: widget._receive({"op": "stop", "stream": "cell"}), widget.stop):
        other = widget.conversation.ask("elsewhere", client, key="cell")
        other.start()
        with pytest.raises(RuntimeError, match="still being written"):
            await widget.send("too early")
        widget._receive(typed("name-of-two", "too early"))
        widget._receive({"op": "retry", "key": "cell"})
        assert ["still being written" in message["why"] for message in page.of("refused")[-2:]] == [True, True]
        assert page.keys == ["cell"]
        stop()
        await other
        assert truth(widget)[0][2] == "cancelled"
    await widget.send("now")
    assert truth(widget)[1][2] == "complete"


async def test_closing_a_widget_stops_nothing_of_others(widget: sw.ChatWidget, server: DemoServer) -> None:
    """A cell's stream in a shared conversation goes on."""
    other = widget.conversation.ask("elsewhere", sw.ChatClient(server.url))
    other.start()
    widget.close()
    assert (await other).outcome == "complete"


async def test_a_chat_has_one_system_prompt(page: Page) -> None:
    """The conversation has it, and a second one is refused."""
    with pytest.raises(sw.ConfigurationError, match="system prompt"):
        sw.ChatWidget(system="x", conversation=sw.Conversation())
    assert sw.ChatWidget(system="Be brief.").conversation.system == "Be brief."


async def test_a_function_answers(page: Page) -> None:
    """Its turns, Stop, Retry, Continue and an edit are those of a client. The first argument may also name a model."""
    asked: list[list[dict[str, Any]]] = []

    async def answer(messages: list[dict[str, Any]]) -> Any:
        asked.append(messages)
        yield f"{len(messages)} "
        if messages[-1]["content"] == "wait":
            await asyncio.Event().wait()

    widget = sw.ChatWidget(answer, system="Be brief.")
    assert (await widget.send("hello")).text == "2 "
    widget._receive(typed("name-of-two", "wait"))
    await until(lambda: len(page.keys) == 2 and page.shown[1][1])
    widget.stop()
    await idle(widget)
    assert page.shown[1][1:] == ("4 ", "cancelled", True)
    widget._receive({"op": "continue", "key": "name-of-two"})
    await idle(widget)
    assert page.shown[1][1:3] == ("4 6 ", "complete")
    widget._receive(typed("name-of-three", "edited", replaces="name-of-two"))
    await idle(widget)
    assert page.shown == truth(widget) == [("hello", "2 ", "complete", True), ("edited", "4 ", "complete", True)]
    widget._receive({"op": "retry", "key": page.keys[1]})
    await idle(widget)
    assert [message["role"] for message in asked[-1]] == ["system", "user", "assistant", "user"]


async def test_each_answer_is_the_value_that_the_chat_asks_for(page: Page, server: DemoServer) -> None:
    """Also the answer to a prompt of the page. The page is told so: while it streams, and by a new page's state."""
    client = sw.ChatClient(server.url, retry=ONCE)
    widget = sw.ChatWidget(client, as_={"type": "array", "items": {"type": "integer"}}, retries=1)
    assert (await widget.send("Numbers, please.")).value == [1, 2, 3]
    widget._receive(typed("name-of-one", "More of them."))
    assert shared_bundle("chat").values == shared_bundle("values").model_id
    live = page.turns["name-of-one"]["answer"]
    assert (live["phase"], live["value"]) == ("waiting", {"wraps": True})
    await idle(widget)
    values = [turn.answer.completion.value for turn in widget.conversation.turns if turn.answer.completion]
    assert values == [[1, 2, 3], [1, 2, 3]]
    assert [turn["answer"]["value"] for turn in widget.get_state("state")["state"]["turns"]] == [{"wraps": True}] * 2
    assert (await widget.conversation.ask("Hello", client, key="plain")).value is None
    assert "value" not in page.turns["plain"]["answer"]
    with pytest.raises(sw.ConfigurationError, match="retries needs as_="):
        sw.ChatWidget(client, retries=1)


async def test_a_wrong_argument_is_a_sentence() -> None:
    """An argument that nobody takes is a TypeError, and what cannot answer is refused with what can."""
    for unknown in ("temperature", "modle", "state"):
        with pytest.raises(TypeError, match=f"ChatWidget takes no argument {unknown}"):
            sw.ChatWidget(**{unknown: 0.2})
    for view in (sw.StreamView, sw.WireView):
        with pytest.raises(TypeError, match=f"{view.__name__} takes no argument temperature"):
            view(sw.ChatClient().stream("x"), temperature=0.2)
    with pytest.raises(sw.ConfigurationError, match=r"class int cannot answer\. Pass a ChatClient, a callable"):
        sw.ChatWidget(7)
    with pytest.raises(sw.ConfigurationError, match="answer or client, not both"):
        sw.ChatWidget(print, client=sw.ChatClient())
    with pytest.raises(sw.ConfigurationError, match="The system prompt is a text, not int"):
        sw.ChatWidget(system=7)  # type: ignore[arg-type]
    with pytest.raises(sw.ConfigurationError, match="conversation= takes a Conversation, not int"):
        sw.ChatWidget(conversation=7)  # type: ignore[arg-type]
    with pytest.raises(sw.ConfigurationError, match="conversation= takes a Conversation, not int"):
        await sw.compare("x", [sw.ChatClient()], conversation=7)  # type: ignore[arg-type]
    assert sw.ChatWidget("some-model").model == "some-model"
    assert sw.ChatWidget(print, layout={"width": "50%"}).layout.width == "50%"
