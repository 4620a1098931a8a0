"""The panels, without a page: their controls and their buttons."""

from __future__ import annotations

import asyncio
from html import escape

import pytest
from ipywidgets import HTML, Button

import streamwidget as sw
from streamwidget.demo import DemoServer
from streamwidget.demo._request import parse_chat
from streamwidget.teaching import FaultPanel, RacePanel
from streamwidget.teaching._fault_panel import _SHOWN
from tests.support.deadlines import until_async as until

QUICK = {"pace": 200, "first_delta": 0}


def all_of(widget: object, kind: type) -> list:
    """Return the widgets of a kind, in the order of the page."""
    found = [widget] if isinstance(widget, kind) else []
    return found + [inner for child in getattr(widget, "children", ()) for inner in all_of(child, kind)]


def button(panel: object, name: str) -> Button:
    return next(found for found in all_of(panel, Button) if found.description == name)


@pytest.mark.parametrize("fault", ["none", *_SHOWN])
def test_the_panel_s_settings_are_a_request_s(fault: str) -> None:
    """The demo server accepts ``params`` for every fault in the list."""
    panel = FaultPanel()
    panel.set(fault=fault, after=5, pace=20, jitter=0.1, first_delta=0.2, chunk=7)
    body = {"messages": [{"role": "user", "content": "x"}], "stream": True, **panel.params}
    demo = parse_chat(body, {}).demo
    assert (demo.tokens_per_second, demo.jitter, demo.first_delta, demo.chunk) == (20, 0.1, 0.2, 7)
    assert (demo.fault, demo.after) == ((None, None) if fault == "none" else (fault, 5))


def test_the_whole_sentence_of_a_fault_is_under_the_list() -> None:
    """The list shows names only. A list would cut off the sentence."""
    panel = FaultPanel()
    assert panel._sentence.value == "The server answers as it should."
    panel.set(fault="ping")
    assert panel._sentence.value == "The server sends nothing but &#x27;: ping&#x27; comments, without end."


async def test_the_settings_work_with_client_stream(server: DemoServer) -> None:
    """``client.stream(prompt, **panel.params)`` meets the fault that is chosen in the panel."""
    panel = FaultPanel()
    panel.set(fault="cut", after=3, **QUICK)
    with pytest.raises(sw.StreamInterrupted) as caught:
        await sw.ChatClient(server.url).stream("Why?", **panel.params)
    assert caught.value.completion.timing.deltas == 3


@pytest.mark.parametrize(
    ("fault", "theirs", "ours"),
    [("none", "whole", "whole"), ("error", "crashes", "reports it"), ("cut", "lies", "reports it")],
)
async def test_a_run_shows_both(fault: str, theirs: str, ours: str) -> None:
    """Both texts and both verdicts are side by side."""
    panel = FaultPanel()
    panel.set(fault=fault, **QUICK)
    naive, this = await panel.run()
    assert (naive.verdict, this.verdict) == (theirs, ours)
    shown = [html.value for html in all_of(panel, HTML)]
    verdicts = [value for value in shown if "</strong>: " in value]
    assert verdicts == [f"<strong>{trial.words}</strong>: {escape(trial.facts)}" for trial in (naive, this)]
    (view,) = all_of(panel, sw.StreamView)
    assert view.completion.text == this.came
    assert any(value.startswith("<pre") and "What is streaming" in value for value in shown)


async def test_a_hang_is_ended_by_the_button() -> None:
    """Stop cancels this client's stream and frees the naive loop's thread. Then Run can be pressed again."""
    panel = FaultPanel(deadline=60)
    panel.set(fault="endless", **QUICK)
    run, stop = button(panel, "Run both"), button(panel, "Stop")
    assert (run.disabled, stop.disabled) == (False, True)
    run.click()
    await until(lambda: all_of(panel, sw.StreamView) and all_of(panel, sw.StreamView)[0].completion.text)
    assert (run.disabled, stop.disabled) == (True, False)
    (view,) = all_of(panel, sw.StreamView)
    stop.click()
    await until(lambda: not run.disabled)
    assert view.completion.outcome == "cancelled"
    assert any("cannot be stopped" in html.value for html in all_of(panel, HTML))


async def test_a_second_run_takes_the_place_of_the_first() -> None:
    """Nothing of an earlier run stays in the page or in the kernel."""
    panel = FaultPanel()
    panel.set(**QUICK)
    await panel.run()
    (before,) = all_of(panel, sw.StreamView)
    await panel.run()
    (now,) = all_of(panel, sw.StreamView)
    assert now is not before
    assert before.comm is None


async def test_the_race_panel_ends_in_the_picture(server: DemoServer) -> None:
    """The button runs a race of the prompt in the box. The page has two views first, then one picture and no view."""
    panel = RacePanel("count to 3", client=sw.ChatClient(server.url))
    views: list[int] = []  # counted at each change, because a quick race may be over between two looks
    panel._place.observe(lambda _change: views.append(len(all_of(panel, sw.StreamView))), "children")
    button(panel, "Race").click()
    await until(lambda: views and not button(panel, "Race").disabled)
    assert views == [2, 0]
    assert not all_of(panel, sw.StreamView)
    (picture,) = all_of(panel, HTML)
    assert "data:image/svg+xml" in picture.value
    assert {request.body["messages"][0]["content"] for request in server.requests} == {"count to 3"}


async def test_the_race_panel_can_be_stopped(server: DemoServer) -> None:
    """Stop cancels both, and the text that came is in the picture."""
    panel = RacePanel(client=sw.ChatClient(server.url, model="demo-stall"))
    button(panel, "Race").click()
    await until(lambda: any(view.completion.text for view in all_of(panel, sw.StreamView)))
    button(panel, "Stop").click()
    await until(lambda: not button(panel, "Race").disabled)
    (picture,) = all_of(panel, HTML)
    assert picture.value.count("stopped by you; ") == 2


@pytest.mark.parametrize(
    "failure",
    [sw.ConfigurationError("no <b> is named"), sw.StreamError(sw.ErrorInfo("no <b> is named"))],
    ids=lambda failure: type(failure).__name__,
)
async def test_what_cannot_be_run_is_said_in_the_panel(
    server: DemoServer, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    """The error is under the buttons, as text. The next run removes it."""

    def refuse(*_: object, **__: object) -> None:
        raise failure

    for panel, name in (
        (RacePanel("count to 3", client=sw.ChatClient(server.url)), "Race"),
        (FaultPanel(), "Run both"),
    ):
        run = button(panel, name)
        with monkeypatch.context() as broken:
            broken.setattr(sw.ChatClient, "request", refuse)
            run.click()
            await until(lambda panel=panel: panel._runner.said.children)
            await until(lambda run=run: not run.disabled)
        assert [line.value for line in panel._runner.said.children] == ["no &lt;b&gt; is named"]
        run.click()
        await until(lambda panel=panel: not panel._runner.said.children)
        assert "no &lt;b&gt; is named" not in [line.value for line in all_of(panel, HTML)]
        button(panel, "Stop").click()
        await until(lambda run=run: not run.disabled)


async def test_a_mistake_of_ours_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unexpected exception reaches the event loop, and the button can be pressed again."""

    def mistake(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    reported: list[dict] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: reported.append(context))
    monkeypatch.setattr(sw.ChatClient, "request", mistake)
    panel = RacePanel(client=sw.ChatClient())
    button(panel, "Race").click()
    await until(lambda: reported)
    assert isinstance(reported[0]["exception"], ZeroDivisionError)
    assert not button(panel, "Race").disabled
