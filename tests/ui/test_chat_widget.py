"""The chat widget in a real page: typed, watched, stopped, edited, asked again, by keyboard, reloaded, many turns."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from streamwidget.demo import DemoServer
from tests.support.aimock import KEY, start_aimock
from tests.support.deadlines import SOON, until
from tests.support.kernels import ROOT
from tests.ui.conftest import OpenNotebook, only_lab
from tests.ui.lab import NotebookPage
from tests.ui.live import assert_no_error_of_ours, reload_until_found

SHOW = "import streamwidget as sw\nwidget = sw.ChatWidget()\nwidget"
LONG = "count to 9000"
SAID = """import asyncio, json
while widget.busy:  # a retry that has just been asked for
    await asyncio.sleep(0.05)
print(json.dumps([[turn.user.text, turn.answer.outcome] for turn in widget.conversation.turns]))"""


@dataclass(frozen=True, slots=True)
class Chat:
    """A chat widget in the output of a cell."""

    page: NotebookPage
    root: Locator

    @property
    def box(self) -> Locator:
        return self.root.get_by_role("textbox", name="Prompt")

    @property
    def answers(self) -> Locator:
        return self.root.locator(".streamwidget")

    @property
    def stop(self) -> Locator:
        return self.root.get_by_role("button", name="Stop")

    def button(self, name: str) -> Locator:
        return self.root.get_by_role("button", name=name, exact=True)

    def send(self, prompt: str) -> None:
        self.box.fill(prompt)
        self.box.press("Enter")
        expect(self.box).to_have_value("")

    def expect_outcomes(self, *outcomes: str) -> None:
        """Wait until so many answers are there, and have ended so."""
        expect(self.answers).to_have_count(len(outcomes))
        for place, outcome in enumerate(outcomes):
            expect(self.answers.nth(place)).to_have_attribute("data-outcome", outcome)

    def wait_growth(self) -> None:
        """Wait until the last answer is longer than it is now."""
        text = self.answers.last.locator(".streamwidget-text")
        length = len(text.text_content() or "")
        until(lambda: len(text.text_content() or "") > length + 10, "the answer grows")

    def said(self, index: int) -> Any:
        """Run the cell, which holds ``SAID``: prompts and outcomes, as Python has them."""
        self.page.run(index)
        self.page.finish(index)
        return json.loads(self.page.printed(index))


def show(open_notebook: OpenNotebook, *cells: str, first: str = SHOW) -> Chat:
    """Open a notebook and run its first cell, which shows a chat."""
    page = open_notebook([first, *cells])
    page.run(0)
    page.finish(0)
    root = page.output(0).locator(".streamwidget-chat")
    expect(root.first).to_be_visible()
    return Chat(page, root.first)


@pytest.mark.smoke
def test_a_prompt_is_typed_answered_stopped_and_edited(open_notebook: OpenNotebook, demo: DemoServer) -> None:
    """It grows, and Stop keeps the text. An edited prompt replaces the old one and everything after it."""
    chat = show(open_notebook, SAID)
    chat.send(LONG)
    chat.wait_growth()
    expect(chat.stop).to_have_count(1)
    # A prompt that is sent meanwhile is refused, in words, and stays.
    chat.box.fill("too early")
    chat.box.press("Enter")
    expect(chat.root.get_by_text("An answer is still being written")).to_be_visible()
    expect(chat.box).to_have_value("too early")
    chat.wait_growth()
    chat.stop.click()
    chat.expect_outcomes("cancelled")
    assert demo.requests[0].left.wait(SOON)
    chat.send("second")
    chat.expect_outcomes("cancelled", "complete")
    chat.button("Edit").first.click()
    expect(chat.box).to_have_value(LONG)
    chat.send("edited")
    chat.expect_outcomes("complete")
    assert chat.said(1) == [["edited", "complete"]]
    asked = demo.requests[-1].body["messages"]
    assert [message["content"] for message in asked] == ["edited"]
    assert_no_error_of_ours(chat.page)


@only_lab
def test_what_was_said_goes_out_again_and_retry_asks_the_same(open_notebook: OpenNotebook, demo: DemoServer) -> None:
    """The second request carries the first turn. Retry sends the second request once more."""
    chat = show(open_notebook, SAID)
    chat.send("one")
    chat.expect_outcomes("complete")
    chat.send("two")
    chat.expect_outcomes("complete", "complete")
    chat.button("Retry").click()
    demo.wait_for_requests(3, SOON)  # Stop may be gone already
    chat.expect_outcomes("complete", "complete")
    first, second, third = (request.body["messages"] for request in demo.requests)
    assert [message["role"] for message in second] == ["user", "assistant", "user"]
    assert second[:1] == first
    assert third == second
    assert chat.said(1) == [["one", "complete"], ["two", "complete"]]


@only_lab
def test_code_of_an_answer_goes_into_a_cell_below(open_notebook: OpenNotebook, demo: DemoServer) -> None:
    """The button of a code block works in a chat as in every answer, and nothing runs."""
    chat = show(open_notebook, "1")
    chat.send("hello")
    chat.expect_outcomes("complete")
    chat.root.locator("pre").hover()
    chat.root.get_by_role("button", name="Insert below").click()
    expect(chat.page.cell(2)).to_be_attached()
    sources = chat.page.page.evaluate(
        "[...window.jupyterapp.shell.currentWidget.content.model.sharedModel.cells].map(cell => cell.source)"
    )
    assert sources[0] == SHOW
    assert sources[1].startswith("def rate(")
    assert sources[2] == "1"
    chat.button("Transcript").click()
    chat.button("Insert as cells below").click()
    expect(chat.page.cell(4)).to_be_attached()
    sources = chat.page.page.evaluate(
        "[...window.jupyterapp.shell.currentWidget.content.model.sharedModel.cells].map(cell => cell.source)"
    )
    assert sources[1:3] == ["%load_ext streamwidget", "%%chat\nhello"]
    expect(chat.page.output(2).get_by_text("This is the built-in")).to_be_visible()


@pytest.mark.smoke
@only_lab
def test_a_reloaded_page_goes_on(open_notebook: OpenNotebook, demo: DemoServer) -> None:
    """With the kernel alive it shows all turns, goes on with the answer that streams, stops it, and asks more."""
    chat = show(open_notebook, SAID)
    chat.send("before")
    chat.expect_outcomes("complete")
    chat.send(LONG)
    chat.wait_growth()
    before = chat.answers.last.locator(".streamwidget-text").text_content() or ""
    chat.page.save()
    reload_until_found(chat.page, 0)
    expect(chat.answers).to_have_count(2)
    chat.wait_growth()
    assert (chat.answers.last.locator(".streamwidget-text").text_content() or "").startswith(before.rstrip())
    chat.stop.click()
    chat.expect_outcomes("complete", "cancelled")
    chat.send("after")
    chat.expect_outcomes("complete", "cancelled", "complete")
    assert chat.said(1) == [["before", "complete"], [LONG, "cancelled"], ["after", "complete"]]
    assert_no_error_of_ours(chat.page)


@only_lab
def test_two_chats_at_once_keep_apart(open_notebook: OpenNotebook, demo: DemoServer) -> None:
    """Each has its own turns and its own Stop, and both stream at the same time. In a box and a tab, too."""
    cell = (
        "import ipywidgets\nimport streamwidget as sw\none, two = sw.ChatWidget(), sw.ChatWidget()\n"
        "ipywidgets.VBox([one, ipywidgets.Tab([two])])"
    )
    first = show(open_notebook, first=cell)
    second = Chat(first.page, first.page.output(0).locator(".streamwidget-chat").nth(1))
    first.send(LONG)
    second.send("the other " + LONG)
    first.wait_growth()
    second.wait_growth()
    first.stop.click()
    first.expect_outcomes("cancelled")
    second.wait_growth()
    expect(second.answers).not_to_have_attribute("data-outcome", "cancelled")
    second.stop.click()
    second.expect_outcomes("cancelled")
    for chat, prompt in ((first, LONG), (second, "the other " + LONG)):
        expect(chat.root.locator(".streamwidget-asked")).to_have_text(prompt)


@only_lab
def test_all_works_by_keyboard_and_no_key_is_the_notebooks(open_notebook: OpenNotebook, demo: DemoServer) -> None:
    """Send, break, stop, edit the last, clear: no letter reaches the notebook, and the focus never jumps."""
    chat = show(open_notebook, "1")
    keyboard = chat.page.page.keyboard
    chat.box.focus()
    keyboard.type("dd a b")  # of a cell: delete, insert
    keyboard.press("Shift+Enter")
    keyboard.type(LONG)
    expect(chat.box).to_have_value(f"dd a b\n{LONG}")
    keyboard.press("Enter")
    chat.wait_growth()
    expect(chat.box).to_be_focused()
    keyboard.press("Escape")
    chat.expect_outcomes("cancelled")
    expect(chat.box).to_be_focused()
    keyboard.press("ArrowUp")
    expect(chat.box).to_have_value(f"dd a b\n{LONG}")
    keyboard.press("Control+A")
    keyboard.type("short")
    keyboard.press("Enter")
    chat.expect_outcomes("complete")
    expect(chat.box).to_be_focused()
    chat.button("Clear").focus()
    keyboard.press("Enter")
    expect(chat.button("Cancel")).to_be_focused()
    keyboard.press("Shift+Tab")
    keyboard.press("Space")
    expect(chat.answers).to_have_count(0)
    expect(chat.page.page.locator(".jp-Notebook .jp-Cell")).to_have_count(2)
    expect(chat.page.page.locator(".jp-Notebook.jp-mod-editMode")).to_have_count(0)


@only_lab
def test_axe_finds_nothing_in_the_page(open_notebook: OpenNotebook, demo: DemoServer) -> None:
    """In JupyterLab's own style: empty, with answers whole and stopped, and while one is edited."""
    chat = show(open_notebook)
    axe = ROOT / "js/node_modules/axe-core/axe.min.js"
    chat.page.page.add_script_tag(path=axe)
    # Page-wide rules are the host's.
    run = """async () => (await axe.run('.streamwidget-chat')).violations.map(
      ({ id, nodes }) => `${id}: ${nodes.map(node => node.html + node.failureSummary).join('; ')}`)"""
    assert chat.page.page.evaluate(run) == []
    chat.send("one")
    chat.expect_outcomes("complete")
    chat.send(LONG)
    chat.wait_growth()
    assert chat.page.page.evaluate(run) == []
    chat.box.press("Escape")
    chat.expect_outcomes("complete", "cancelled")
    chat.box.press("ArrowUp")
    expect(chat.root.get_by_text("Editing message")).to_be_visible()
    assert chat.page.page.evaluate(run) == []


@only_lab
def test_two_hundred_turns_open_at_their_end(open_notebook: OpenNotebook, demo: DemoServer) -> None:
    """All are there, as text, and only those near the end are drawn in full. The rest are drawn as they come near."""
    cell = """
import streamwidget as sw
from streamwidget import ChatCompletion, Conversation, Message, Turn
kept = Conversation()
def turn(n):
    said = ChatCompletion(f"**Answer {n}.** " + "word " * 200, outcome="complete", model="m")
    return Turn(f"turn-{n}", Message("user", f"Question {n}"), Message("assistant", said.text, completion=said))
import json
from streamwidget._conversation.file import to_json
sw.ChatWidget(conversation=Conversation.from_json(to_json(None, map(turn, range(200)))))
"""
    chat = show(open_notebook, first=cell)
    expect(chat.root.locator(".streamwidget-turn")).to_have_count(200)
    drawn = chat.answers.filter(has_text="Answer 199.")
    expect(drawn).to_be_in_viewport()
    assert 1 <= chat.answers.count() < 60
    expect(chat.root.locator(".streamwidget-turn").first).to_contain_text("**Answer 0.** word")
    # Again, where the layout changed at the same time.
    chat.page.page.wait_for_function(
        """() => {
          document.querySelector('.streamwidget-log').scrollTop = 0
          return document.querySelector('.streamwidget-chat .streamwidget-jump > button').checkVisibility()
        }"""
    )
    expect(chat.answers.filter(has_text="Answer 0.").locator("strong", has_text="Answer 0.")).to_be_in_viewport()
    expect(chat.button("Jump to latest")).to_be_visible()
    chat.button("Jump to latest").click()
    expect(drawn).to_be_in_viewport()
    expect(chat.button("Jump to latest")).to_be_hidden()
    chat.send("one more")
    expect(chat.root.locator(".streamwidget-turn").last).to_contain_text("This is the built-in")
    assert_no_error_of_ours(chat.page)


@only_lab
def test_another_server_and_its_models(open_notebook: OpenNotebook, tmp_path: Path) -> None:
    """Against aimock: the answer comes whole, the model that was typed is asked, a failure offers Retry."""
    text = "Grüezi! 👋🏽\n\n- first\n- **second**"
    fixtures: list[dict[str, Any]] = [
        {"match": {"userMessage": "whole", "model": "gpt-4o-mini"}, "response": {"content": text}, "chunkSize": 3},
        {"match": {"userMessage": "broken"}}
        | {"response": {"error": {"message": "It broke.", "type": "server_error"}, "status": 500}},
    ]
    with start_aimock(fixtures, tmp_path) as address:
        cell = (
            f"import streamwidget as sw\nclient = sw.ChatClient('{address}/v1', '{KEY}', 'gpt-4o', "
            "retry=sw.RetryPolicy(attempts=1))\nwidget = sw.ChatWidget(client=client)\nwidget"
        )
        chat = show(open_notebook, SAID, first=cell)
        chat.button("Settings: gpt-4o").click()
        model = chat.root.get_by_role("combobox", name="Model")
        expect(model).to_be_focused()
        expect(model).to_have_value("gpt-4o")
        model.fill("gpt-4o-mini")
        model.press("Enter")
        expect(model).to_be_hidden()
        chat.send("whole")
        chat.expect_outcomes("complete")
        expect(chat.answers.first.locator("strong", has_text="second")).to_be_visible()
        chat.send("broken")
        chat.expect_outcomes("complete", "http_error")
        expect(chat.answers.last).to_contain_text("It broke")
        expect(chat.root.get_by_text("hidden from the model")).to_be_visible()
        chat.button("Retry").click()
        chat.expect_outcomes("complete", "http_error")
        assert chat.said(1) == [["whole", "complete"], ["broken", "http_error"]]


@only_lab
def test_the_transcript_outlives_its_widget(open_notebook: OpenNotebook, demo: DemoServer) -> None:
    """``freeze()`` leaves it in the place of the widget, also in a page that was reloaded, and so does a restart."""
    chat = show(open_notebook, "widget.freeze()", SHOW)
    chat.send("frozen")
    chat.expect_outcomes("complete")
    chat.page.save()
    reload_until_found(chat.page, 0)
    expect(chat.answers).to_have_count(1)
    chat.page.run(1)
    expect(chat.root).to_have_count(0)
    expect(chat.page.output(0).get_by_text("This is the built-in demo")).to_be_visible()
    chat.page.run(2)
    second = Chat(chat.page, chat.page.output(2).locator(".streamwidget-chat"))
    second.send(LONG)
    second.wait_growth()
    chat.page.restart()
    expect(second.root).to_have_count(0)
    expect(chat.page.output(2).get_by_text("kernel gone")).to_be_visible()
    saved = [entry.outputs[0].data for entry in chat.page.save().cells if entry.outputs]
    assert ["application/vnd.jupyter.widget-view+json" in data for data in saved] == [False, False]
    assert [data["text/plain"].splitlines()[0] for data in saved] == ["> frozen", f"> {LONG}"]
