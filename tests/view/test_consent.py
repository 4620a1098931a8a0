"""Consent in the kernel's half of a view: the questions go to the view's own page, and only their keys are answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import ipywidgets
import pytest

import streamwidget as sw
from streamwidget._saved.answer import mimebundle, plain_text
from tests.support.deadlines import until_async
from tests.support.native import Server
from tests.support.tool_models import Call, Says, says

HOSTILE = "<img src=x onerror=alert(1)>\x1b]0;x\x07`*a*"
ran: list[str] = []


def remove(path: str) -> str:
    """Remove a file."""
    ran.append(path)
    return HOSTILE


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, dict[str, Any]]]:
    """The messages of all widgets."""
    ran.clear()
    messages: list[tuple[Any, dict[str, Any]]] = []

    def send(widget: Any, content: dict[str, Any], _buffers: Any = None) -> None:
        messages.append((widget, json.loads(json.dumps(content))))

    monkeypatch.setattr(ipywidgets.Widget, "send", send)
    return messages


def client() -> sw.ChatClient:
    call = Call("remove", json.dumps({"path": HOSTILE}))
    return Server(says("ollama", Says("I remove it.", (call,)), Says("Done."))).client("ollama")


def asked(sent: list[tuple[Any, dict[str, Any]]], widget: Any) -> list[dict[str, Any]]:
    """The questions that the pages of a view show now."""
    found = [message for one, message in sent if one is widget]
    found = [message.get("message", message) for message in found]
    return next((message["asks"] for message in reversed(found) if "asks" in message), [])


def answer(key: str, decision: str = "once", **more: Any) -> dict[str, Any]:
    return {"op": "confirm", "key": key, "decision": decision, **more}


@pytest.mark.fault("T10", "they are text in what is saved and printed")
@pytest.mark.fault("T11", "only the view's own page has the key")
async def test_a_view_asks_and_takes_the_answer_of_its_own_page(sent: list[Any]) -> None:
    """Another view has another key. What is not an answer changes nothing."""
    views = [sw.StreamView(client().stream("x", tools=[remove])) for _ in range(2)]
    for view in views:
        view._hear({"op": "sync", "page": "page"})
    await until_async(lambda: all(asked(sent, view) for view in views))
    (mine,), (other,) = (asked(sent, view) for view in views)
    assert (mine["name"], json.loads(mine["arguments"])["path"]) == ("remove", HOSTILE)
    for wrong in (
        answer(other["key"]),
        answer("call_1", "always"),
        answer(mine["key"], "yes"),
        {"op": "confirm", "key": mine["key"]},
        {"op": "confirm", "key": [mine["key"]], "decision": "once"},
        {"op": "sync", "decision": "once", "key": mine["key"], "page": "page"},
    ):
        views[0]._hear(wrong)
    await asyncio.sleep(0)
    assert ran == []
    assert views[0].get_state("state")["state"]["asks"] == [mine]  # a page that is reloaded asks too
    views[0]._hear(answer(mine["key"]))
    views[1]._hear(answer(other["key"], "refuse", reason="It is dear\ud83d."))
    done, refused = [await view for view in views]
    assert ran == [HOSTILE]
    assert refused.tool_results[0].text == "Not run: the person refused it. The reason: It is dear\ufffd."
    assert [asked(sent, view) for view in views] == [[], []]
    assert views[0].get_state("state")["state"]["steps"][0]["tool_calls"][0]["arguments"].endswith(HOSTILE)
    # In the saved notebook and in a terminal nothing of it is obeyed.
    saved = mimebundle(done)
    assert "<img" not in saved["text/html"]
    assert "\x1b" not in saved["text/html"] + saved["text/plain"] + plain_text(done)
    assert "Result after " in saved["text/html"]


async def test_a_wait_is_shown_after_the_text_before_it(sent: list[Any]) -> None:
    """The end of a call and the wait for its consent often come at once. The line says that it waits, or streams."""

    async def nothing() -> AsyncIterator[str]:
        await asyncio.Event().wait()
        yield ""

    view = sw.StreamView(nothing())
    text, wait = sw.TextDelta("I remove it."), sw.Waiting("remove waits for your consent")
    for events, phase in (([text, wait], "waiting"), ([wait, text], "streaming"), ([wait], "waiting")):
        view._feed._take(events)
        await view._feed.sent()
        state = view.get_state("state")["state"]
        assert (state["phase"], state["detail"]) == (phase, wait.reason if phase == "waiting" else "")
    view.stop()
    await view


async def test_the_wire_view_asks_nobody(sent: list[Any]) -> None:
    """Its page has no place for a question, so the tool does not run."""
    view = sw.WireView(client().stream("x", tools=[remove]))
    view._hear({"op": "sync", "page": "page"})
    assert "nobody could be asked" in (await view).tool_results[0].text


async def test_a_chat_asks_in_its_page(sent: list[Any]) -> None:
    """Its tools go with each prompt."""
    widget = sw.ChatWidget(client(), tools=[remove])
    widget._receive({"op": "sync", "rev": 0, "pending": None})
    running = asyncio.ensure_future(widget.send("x"))
    await until_async(lambda: asked(sent, widget))
    widget._receive(answer("no such key"))
    widget._receive(answer(asked(sent, widget)[0]["key"], "always"))
    completion = await running
    assert (completion.text, ran) == ("I remove it.\n\nDone.", [HOSTILE])
    with pytest.raises(sw.ConfigurationError, match="a lambda has none"):
        sw.ChatWidget(client(), tools=[lambda: 1])
