"""WireView in a real page: what came over the wire beside the answer that it makes."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Locator, expect

from streamwidget.demo import DemoServer
from tests.faults.puppet import PuppetServer
from tests.support.native_server import NativeServer
from tests.ui.conftest import OpenNotebook, only_lab
from tests.ui.lab import NotebookPage
from tests.ui.live import PRINT_TEXT, ask, assert_no_error_of_ours, printed_text, view, wait_longer

SHOW = """
import streamwidget as sw
view = sw.WireView(sw.ChatClient().stream({prompt!r}, demo={demo}))
view
"""
# Each event's number, and the characters that it makes, as the kernel's own reader of the recording has them.
MAPPING = """
import json
from streamwidget._view.wire.rows import WireRows
rows = WireRows(view._stream.recording)
rows.close()
print(json.dumps([row.get("made", "") for row in rows.rows]))
"""
LIT_ROW = "root => Number(root.querySelector('[aria-selected=true]')?.dataset.row ?? -1)"
LIT_TEXT = "() => [...(CSS.highlights.get('streamwidget-wire') ?? [])].map(String).join('|')"
# The middle of the character at a place of the text, after the box has brought it into sight.
POINT = """([root, place]) => {
  const box = root.querySelector('.streamwidget-text')
  const walker = document.createTreeWalker(box, NodeFilter.SHOW_TEXT)
  let before = 0
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (place < before + node.length) {
      const range = new Range()
      range.setStart(node, place - before)
      range.setEnd(node, place - before + 1)
      box.scrollTop += range.getBoundingClientRect().top - box.getBoundingClientRect().top - 40
      const { left, top, width, height } = range.getBoundingClientRect()
      return width > 0 ? [left + width / 2, top + height / 2] : null
    }
    before += node.length
  }
}"""

pytestmark = only_lab


def wire(page: NotebookPage, index: int) -> Locator:
    """Return the root of the wire view in the cell's output."""
    return page.output(index).locator(".streamwidget-wire")


def shown(root: Locator) -> str:
    """Return the answer as far as it is shown."""
    return root.locator(".streamwidget-text").text_content() or ""


def button(root: Locator, name: str) -> Locator:
    return root.get_by_role("button", name=name, exact=True)


def run_view(page: NotebookPage, index: int, outcome: str = "complete") -> Locator:
    """Run the cell and wait for the end of its stream."""
    page.run(index)
    page.finish(index)
    root = wire(page, index)
    expect(root).to_have_attribute("data-outcome", outcome)
    return root


def wait_shown(page: NotebookPage, root: Locator, condition: str, text: str = "") -> None:
    """Wait for a condition on ``shown``, the text, and ``text``."""
    read = "const shown = root.querySelector('.streamwidget-text').textContent"
    function = f"([root, text]) => {{ {read}; return {condition} }}"
    page.page.wait_for_function(function, arg=[root.element_handle(), text])


@pytest.mark.smoke
def test_each_event_and_its_characters_light_each_other(open_notebook: OpenNotebook, demo: DemoServer) -> None:
    """Exactly those that the event made: by keys from the event, by the pointer from the text."""
    cells = [SHOW.format(prompt="What is a stream?", demo={"tokens_per_second": 500}), MAPPING]
    page = open_notebook(cells)
    root = run_view(page, 0)
    page.run(1)
    page.finish(1)
    made: list[str] = json.loads(page.printed(1))
    assert shown(root) == "".join(made)
    assert sum(map(bool, made)) > 100

    # The pointer rests on the list. Rows move under it, and the keys choose all the same.
    rows = root.locator(".streamwidget-wire-list")
    rows.hover()
    rows.focus()
    page.page.keyboard.press("Home")
    for number, text in enumerate(made[:40]):
        page.page.wait_for_function(f"([root, n]) => ({LIT_ROW})(root) === n", arg=[root.element_handle(), number])
        assert page.page.evaluate(LIT_TEXT) == text
        page.page.keyboard.press("ArrowDown")

    place = 0
    for number, text in enumerate(made):
        if number % 9 == 0 and text.strip():
            inside = place + len(text) - len(text.lstrip())
            x, y = page.page.evaluate(POINT, [root.element_handle(), inside])
            page.page.mouse.move(x, y)
            page.page.wait_for_function(f"([root, n]) => ({LIT_ROW})(root) === n", arg=[root.element_handle(), number])
            assert page.page.evaluate(LIT_TEXT) == text
        place += len(text)
    row = root.locator("[aria-selected=true]")
    expect(row).to_be_in_viewport()
    expect(row).to_contain_text("data: ")
    assert_no_error_of_ours(page)


NATIVE = """
import streamwidget as sw
client = sw.ChatClient({url!r}, "sk-of-the-test", "demo-reasoning", provider="anthropic")
view = sw.StreamView(client.stream("Count.", demo={{"tokens": 20000}}))
view
"""
NATIVE_WIRE = """
view = sw.WireView(client.stream("Count.", demo={"text": "One, two."}))
view
"""
THOUGHT = "The question is clear; I say first what streams, then how."


def test_a_providers_own_events_with_its_thinking(open_notebook: OpenNotebook) -> None:
    """Anthropic's thinking is in the live answer before its end, and its events are rows of the wire view."""
    with NativeServer(tokens_per_second=40, first_delta=0) as server:
        page = open_notebook([NATIVE.format(url=server.url), NATIVE_WIRE])
        page.run(0)
        page.finish(0)
        live = view(page, 0)
        live.locator(".streamwidget-reasoning > summary").click()
        expect(live.locator(".streamwidget-reasoning")).to_contain_text(THOUGHT)
        wait_longer(page, 0, 20)
        assert live.get_attribute("data-outcome") is None
        page.stop_button(0).click()
        expect(live).to_have_attribute("data-outcome", "cancelled")

        page.run(1)
        page.finish(1)
        root = wire(page, 1)
        expect(root).to_have_attribute("data-outcome", "complete")
        assert shown(root) == "One, two."
        root.locator(".streamwidget-wire-list").focus()
        page.page.keyboard.press("Home")
        for kind in ("message_start", "thinking_delta"):
            expect(root.locator(".streamwidget-wire-list")).to_contain_text(kind)
    assert_no_error_of_ours(page)


@pytest.mark.smoke
def test_pause_step_go_on_stop_and_replay(open_notebook: OpenNotebook, demo: DemoServer) -> None:
    """A paused page goes on receiving. A step shows one event, Stop ends it, and a replay ends as the stream did."""
    page = open_notebook([SHOW.format(prompt="x", demo={"tokens": 5000, "tokens_per_second": 60})])
    page.run(0)
    page.finish(0)
    root = wire(page, 0)
    wait_shown(page, root, "shown.length > 60")
    button(root, "Pause").click()
    expect(button(root, "Go on")).to_be_visible()
    before = shown(root)
    place = root.locator(".streamwidget-wire-position")
    first = place.inner_text()
    page.page.wait_for_function("([place, first]) => place.innerText !== first", arg=[place.element_handle(), first])
    assert shown(root) == before
    for _ in range(3):
        button(root, "Step back").click()
    wait_shown(page, root, "shown.length < text.length && text.startsWith(shown)", before)
    for _ in range(3):
        button(root, "Step on").click()
    wait_shown(page, root, "shown === text", before)
    button(root, "Go on").click()
    wait_shown(page, root, "shown.length > text.length && shown.startsWith(text)", before)

    page.stop_button(0).click()
    expect(root).to_have_attribute("data-outcome", "cancelled")
    expect(page.stop_button(0)).to_have_count(0)
    whole = shown(root)
    root.get_by_label("Speed of the replay").select_option("8")
    button(root, "Replay").click()
    wait_shown(page, root, "shown.length < text.length", whole)
    wait_shown(page, root, "shown === text", whole)
    assert_no_error_of_ours(page)


def test_ten_thousand_events_stay_bounded(open_notebook: OpenNotebook, demo: DemoServer) -> None:
    """All come, and no more is in the page than of a hundred."""
    cells = [
        SHOW.format(prompt="x", demo={"tokens": tokens, "tokens_per_second": 0, "first_delta": 0})
        for tokens in (100, 10_000)
    ]
    page = open_notebook([*cells, "print(len(view.completion.text))"])
    elements = []
    for index in range(2):
        root = run_view(page, index)
        root.locator(".streamwidget-wire-list").focus()
        for key in ("Home", "End", "PageUp"):
            page.page.keyboard.press(key)
            page.page.wait_for_function("root => root.querySelector('[aria-selected=true]')", arg=root.element_handle())
            elements.append(root.locator("*").count())
    page.run(2)
    page.finish(2)
    page.wait_output(2, str(len(shown(wire(page, 1)))))
    assert max(elements[3:]) < 1.5 * max(elements[:3]) + 100
    assert_no_error_of_ours(page)


def test_the_saved_notebook_has_the_table_the_answer_and_the_picture(
    open_notebook: OpenNotebook, demo: DemoServer
) -> None:
    """With --wire the view gives way to them at its end. With --timeline the picture is under the answer."""
    with PuppetServer() as server:  # its answer ends when the live view has been seen
        cells = [ask(server), "%%chat --client held --wire\ncount", PRINT_TEXT, "%%chat --timeline\ncount to 80"]
        page = open_notebook(cells)
        page.run(0)
        page.run(1)
        call = server.wait_call(1)
        for number in range(1, 81):
            call.delta(f"{number}\n")
        expect(wire(page, 1).locator("[data-kind=data]").first).to_be_visible()
        call.finish()
        page.finish(1)
    expect(page.output(1).locator("table td").first).to_be_visible()
    expect(wire(page, 1)).to_have_count(0)
    text = printed_text(page, 2)
    page.run(3)
    page.finish(3)
    expect(page.output(3).locator("img")).to_be_visible()
    page.save()
    page.reopen()
    for index in (1, 3):
        expect(page.output(index).locator(".streamwidget-text")).to_have_text(text, use_inner_text=True)
        expect(page.output(index).locator("img[alt*='characters in']")).to_be_visible()
    expect(page.output(1).locator("tbody tr").nth(1)).to_contain_text("HTTP 200")
    expect(page.output(1).locator("tbody")).to_contain_text("data: [DONE]")
    assert_no_error_of_ours(page)
