"""A stream that no page has answered for is stopped, where that is asked for. A page that answers keeps it going."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

import streamwidget as sw
from streamwidget._client.config import Defaults, default_stop_unseen, set_defaults
from streamwidget._saved.answer import mimebundle
from streamwidget._view.audience import Silence
from tests.support.chat_kernels import ChatKernel, View
from tests.support.deadlines import until

Seen = Callable[[str], None]


@pytest.mark.parametrize(
    ("heard", "blocked", "expected"),
    [
        # Seconds at which a page spoke, spans in which the loop was blocked, and what is done at which second.
        ([], [], [(15, "ask"), (30, "ask"), (45, "ask"), (60, "stop")]),
        ([16, 32, 48, 64], [], [(15, "ask"), (31, "ask"), (47, "ask"), (63, "ask"), (79, "ask"), (94, "ask")]),
        ([50], [], [(15, "ask"), (30, "ask"), (45, "ask"), (65, "ask"), (80, "ask"), (95, "ask")]),
        ([], [(20, 90)], [(15, "ask"), (99, "ask")]),
        ([90], [(20, 90)], [(15, "ask")]),
        ([], [(5, 8), (9, 12), (13, 16), (17, 20)], [(23, "ask"), (38, "ask"), (53, "ask"), (68, "stop")]),
    ],
    ids=["nobody", "answers", "once", "blocked", "blocked and answers", "blocked again and again"],
)
def test_when_a_page_is_asked_and_when_the_stream_is_stopped(
    heard: list[int], blocked: list[tuple[int, int]], expected: list[tuple[int, str]]
) -> None:
    """A limit of 60 s, watched for 100 s. Times in which the loop was blocked do not count."""
    silence = Silence(60, 0)
    done: list[tuple[int, str]] = []
    for now in range(1, 101):
        if any(begin < now < end for begin, end in blocked):
            continue
        if now in heard:
            silence.hear(now)
        if (what := silence.look(now)) is not None:
            done.append((now, what))
            if what == "stop":
                break
    assert done == expected


@pytest.mark.parametrize(
    ("setting", "environ", "limit"),
    [
        (None, {}, 0),
        (None, {"VOILA_BASE_URL": "/"}, 60),
        (0, {"VOILA_BASE_URL": "/"}, 0),
        (5, {}, 5),
    ],
)
def test_it_is_off_unless_it_is_asked_for_or_in_voila(setting: float | None, environ: Any, limit: float) -> None:
    """A notebook's answer may be read later. In Voila nobody can come back to a kernel."""
    set_defaults(Defaults(stop_unseen=setting))
    try:
        assert default_stop_unseen(environ) == limit
    finally:
        set_defaults(Defaults())


@pytest.mark.parametrize("wrong", [-1, float("nan"), float("inf"), "60"])
def test_a_limit_that_is_no_time_is_refused(wrong: Any) -> None:
    """In words, before anything is sent."""
    with pytest.raises(sw.ConfigurationError, match="takes a number of seconds"):
        sw.StreamView(sw.ChatClient().stream("?"), stop_unseen=wrong)


def test_code_that_stops_a_stream_may_say_why() -> None:
    """The reason is in the line under the answer. Half of a surrogate pair cannot harm it."""
    stream = sw.ChatClient().stream("?")
    stream.cancel("because the budget is spent\ud83d")
    stream.cancel("again")
    line = mimebundle(stream.completion)["text/plain"]
    assert "stopped because the budget is spent\ufffd; no text had come" in line
    assert stream.completion.outcome == "cancelled"


VIEWS = """
import streamwidget as sw
client = sw.ChatClient()
limits = dict(silent=3, answers=3, never=3, off=0)
views = {name: sw.StreamView(client.stream("count to 9000"), stop_unseen=limit) for name, limit in limits.items()}
chat = sw.ChatWidget(client=client, stop_unseen=3)
print([view.model_id for view in [*views.values(), chat]])
"""
OUTCOMES = "{name: view.completion.outcome for name, view in views.items()}"


@pytest.mark.kernel
@pytest.mark.parametrize("chat", ["latest"], indirect=True)
def test_a_page_that_answers_keeps_its_stream_and_the_others_are_stopped(chat: ChatKernel, seen: Seen) -> None:
    """Of four views one hears nothing from its page again. Then the page of another one goes, and that of a chat."""
    silent, answers, never, off, widget = (View(chat, model) for model in eval(chat.execute(VIEWS).stdout))
    for view in (silent, answers, off):
        view.send({"op": "sync", "page": "p"})
    answered = 0

    def answer() -> int:
        nonlocal answered
        asked = sum(message["op"] == "ping" for message in answers.messages)
        if asked > answered:
            answered = asked
            answers.send({"op": "here"})
        return asked

    chat.execute("import time; time.sleep(3.5)")  # the loop is blocked for longer than the limit
    assert set(chat.value(OUTCOMES).values()) == {None}
    begun = time.monotonic()
    until(lambda: answer() >= 5 and silent.messages[-1]["op"] in ("end", "snapshot"), "a limit has passed, and more")
    assert chat.value(OUTCOMES) == {"silent": "cancelled", "answers": None, "never": None, "off": None}
    end = next(message for message in silent.messages if message["op"] == "end")
    assert (end["outcome"], end["detail"]) == ("cancelled", "because no page has answered for 3 s")
    assert silent.replay() == chat.value("views['silent'].completion.text") != ""
    assert not [message for message in [*never.messages, *off.messages] if message["op"] == "ping"]
    seen(f"{answer()} pings in {time.monotonic() - begun:.1f} s at a limit of 3 s")
    widget.send({"op": "send", "name": "prompt-0001", "text": "count to 9000", "files": [], "replaces": None})
    assert answers.wait("end")["outcome"] == "cancelled"
    chat.until("chat.conversation.turns and chat.conversation.turns[-1].answer.completion.outcome == 'cancelled'")
    assert "no page has answered for 3 s" in chat.value("chat._text()")
    chat.execute("for view in [*views.values(), chat]: view.close()")
