"""``await sw.show(source)`` in a real page: a blocking source streams, heeds the Stop button, and leaves its answer."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.ui.conftest import OpenNotebook, only_lab
from tests.ui.live import (
    assert_no_error_of_ours,
    live_text,
    reload_until_found,
    saved_text,
    view,
    wait_longer,
    wait_static,
)

IMPORTS = "import threading, time, streamwidget as sw"
ENDLESS = """
def words():
    for number in range(10**9):
        yield f"word{number} "
        time.sleep(0.02)

shown = await sw.show(words())
"""
BLOCKED = """
def words():
    yield "As far as it came, and no further than this."
    threading.Event().wait(120)

shown = await sw.show(words())
"""
FAILS = """
def words():
    yield "As far as it came."
    raise ConnectionError("the line is dead")

failed = sw.StreamView(words())
failed
"""
AGENT = """
import asyncio
go, items = asyncio.Semaphore(0), [
    sw.TextDelta("I look it up in two places.\\n\\n- a list\\n- of\\n- places\\n"),
    sw.ToolCallDelta(0, "call_1", "look", '{"at": "Bern"}'),
    sw.ToolResult("call_1", "look", "RAW 4 °C"),
    None,
    sw.TextDelta("It is cold"),
    None,
    sw.TextDelta(" in Bern."),
    sw.Finish("stop", "complete"),
]
async def agent(messages):
    for item in items:
        if item is None:
            await go.acquire()
        else:
            yield item

%load_ext streamwidget
"""
OUTCOME = "print(shown.outcome)"


@only_lab
def test_stop_ends_a_source_that_blocks(open_notebook: OpenNotebook) -> None:
    """At its next item, or without one: then the line under the answer says that it was abandoned."""
    page = open_notebook([IMPORTS, ENDLESS, OUTCOME, BLOCKED, OUTCOME])
    page.run_all()
    wait_longer(page, 1, 40)
    shown = live_text(page, 1)
    page.stop_button(1).click()
    page.wait_output(2, "cancelled")
    wait_static(page, 1, "stopped by you; the text so far is kept")
    assert saved_text(page, 1).startswith(shown.strip())

    wait_longer(page, 3, 20)
    page.stop_button(3).click()
    page.wait_output(4, "cancelled")
    wait_static(page, 3, "abandoned")
    assert "As far as it came" in saved_text(page, 3)
    page.finish(None)
    assert_no_error_of_ours(page)


@only_lab
def test_a_view_of_a_source_that_failed_offers_no_remedy(open_notebook: OpenNotebook) -> None:
    """It stays, with the text and the reason, and has neither Retry nor Continue."""
    page = open_notebook([IMPORTS, FAILS])
    page.run_all()
    root = view(page, 1)
    root.locator(".streamwidget-outcome", has_text="error (ConnectionError: the line is dead)").wait_for()
    assert "As far as it came." in live_text(page, 1)
    assert root.get_by_role("button", name="Retry").count() == 0
    assert root.get_by_role("button", name="Continue").count() == 0
    page.finish(None)
    assert_no_error_of_ours(page)


@only_lab
def test_an_agent_is_shown_step_by_step(open_notebook: OpenNotebook) -> None:
    """A step that is over is a fold with its tools' results, and what is below stays in its place.

    A reload keeps it, and the saved answer has the same.
    """
    page = open_notebook([IMPORTS, AGENT, "%%chat --bg --client agent\nHow is it?", "go.release()"])
    for index in range(3):
        page.run(index)
    wait_longer(page, 2, len("I look it up in two places"))
    folds = page.output(2).locator("details:not([hidden])")
    expect(folds.first).to_contain_text("RAW 4 °C")
    below = page.cell(3).bounding_box()
    page.run(3)
    page.output(2).locator(".streamwidget-text", has_text="It is cold").wait_for()
    assert below == page.cell(3).bounding_box()
    summaries = ["Step 1: look I look it up", 'Tool call: look {"at": "Bern"} Result:']
    for reload in (False, True):
        if reload:
            page.save()
            reload_until_found(page, 2)
        expect(folds).to_have_count(2)
        assert live_text(page, 2) == "It is cold"
        for fold, words in zip(folds.all(), summaries, strict=True):
            assert (fold.locator("summary").first.text_content() or "").startswith(words)
    expect(folds.nth(1).locator("pre")).to_contain_text("RAW 4 °C")
    page.run(3)
    wait_static(page, 2, "complete")
    assert saved_text(page, 2) == "It is cold in Bern."
    assert "RAW 4 °C" in (folds.nth(1).text_content() or "")
    page.finish(None)
    assert_no_error_of_ours(page)
