"""What is left of an answer when its kernel, the widgets' JavaScript or the room in its cell is gone."""

from __future__ import annotations

import nbformat
import pytest
from playwright.sync_api import expect

from streamwidget._saved.kept_turn import TURNS
from streamwidget.demo import DemoServer
from tests.ui.conftest import OpenNotebook, only_lab
from tests.ui.lab import NotebookPage
from tests.ui.live import LOAD, assert_no_error_of_ours, live_text, saved_text, wait_longer, wait_static
from tests.ui.test_stream import VIEWS_LEFT

CHAT = "%%chat\ncount to 30"
NUMBERS = "\n".join(map(str, range(1, 31)))


def assert_no_widget_is_missed(page: NotebookPage) -> None:
    for words in ("model not found", "Error displaying widget", "Loading widget", "Error creating widget"):
        expect(page.page.locator(".jp-Notebook")).not_to_contain_text(words)


@pytest.mark.fault("F9", "the frozen answer is shown, and never 'model not found'")
@pytest.mark.fault("F9", "restarted in mid-stream, too: the page puts the text that came in the widget's place")
def test_answers_outlive_their_kernel(open_notebook: OpenNotebook, demo: DemoServer) -> None:
    """Restarted in mid-stream and reloaded: all text that came is in the notebook, and says if it is cut."""
    page = open_notebook([LOAD, CHAT, *(f"%%chat --bg {option}\ncount to 9000" for option in ("", "--keep"))])
    page.run(0)
    page.run(1)
    page.finish(1)
    wait_static(page, 1, "complete")
    shown = {}
    for index in (2, 3):
        page.run(index)
        wait_longer(page, index, 30)
        shown[index] = live_text(page, index)
    page.restart()
    assert saved_text(page, 1) == NUMBERS
    texts = {}
    for index, start in shown.items():
        wait_static(page, index, "kernel gone; the answer is cut")
        texts[index] = saved_text(page, index)
        assert texts[index].startswith(start)
    page.save()
    page.reload()
    assert saved_text(page, 1) == NUMBERS
    assert {index: saved_text(page, index) for index in texts} == texts
    assert_no_widget_is_missed(page)
    assert_no_error_of_ours(page)


@pytest.mark.fault("F10", "without the widgets' JavaScript the answer is there at its end; its plain text reads well")
@only_lab
def test_a_page_without_our_javascript_has_the_answer(open_notebook: OpenNotebook, demo: DemoServer) -> None:
    """A page that cannot load anywidget shows the answer when it is complete. A page without HTML shows its text."""
    page = open_notebook([LOAD, CHAT])
    page.page.route("**/labextensions/anywidget/**", lambda route: route.abort())
    page.reload()
    page.run(0)
    page.finish(0)
    page.run(1)
    page.finish(1)
    wait_static(page, 1, "complete")
    assert saved_text(page, 1) == NUMBERS
    saved = page.save()
    (output,) = saved.cells[1].outputs
    assert set(output.data) == {"text/html", "text/plain", "text/markdown", TURNS}
    output.data = {"text/plain": output.data["text/plain"]}
    nbformat.write(saved, page.path)
    page.reopen()
    expect(page.output(1).locator("pre")).to_contain_text(NUMBERS)
    expect(page.output(1).locator("pre")).to_contain_text("complete")
    assert_no_widget_is_missed(page)


@pytest.mark.fault("F11", "one output for each answer, also of those that the page does not show")
@only_lab
def test_more_answers_than_a_cell_shows(open_notebook: OpenNotebook) -> None:
    """A cell has 55 answers, and JupyterLab shows 50. All are saved, one output each, and no live view is left."""
    with DemoServer(first_delta=0, tokens_per_second=0) as demo:
        loop = "for n in range(55):\n    %chat count to 30"
        page = open_notebook([LOAD, loop, VIEWS_LEFT % 5], env={"STREAMWIDGET_BASE_URL": demo.url})
        for index in range(2):
            page.run(index)
            page.finish(index)
        expect(page.page.locator(".streamwidget")).to_have_count(0)
        outputs = page.save().cells[1].outputs
        assert len(outputs) == 55
        assert all("complete" in output.data["text/plain"] for output in outputs)
        page.run(2)
        page.finish(2)
        # A page never reports that it left an answer that it did not show. The kernel keeps twenty of these at most.
        assert int(page.printed(2).split()[0]) <= 5
    assert_no_error_of_ours(page)


BOXES = """
import ipywidgets
import streamwidget as sw
client = sw.ChatClient()
chats = [sw.ChatWidget() for _ in range(4)]
for number, chat in enumerate(chats[:3]):
    await chat.send(f"Question {number}")
display(chats[0], ipywidgets.HBox([ipywidgets.Button(), ipywidgets.VBox(chats[1:3])]), chats[3])
for view in (sw.StreamView(client.stream("count to 30")), sw.WireView(client.stream("count to 30"))):
    display(view)
    completion = await view
"""
VIEW = "application/vnd.jupyter.widget-view+json"


@only_lab
@pytest.mark.fault("F9", "a chat or a view that nobody closed: the saved notebook has its words, and the page has it")
def test_what_was_live_is_saved_as_words(open_notebook: OpenNotebook, demo: DemoServer) -> None:
    """Saved, it stays live. Opened again it is live while the kernel is, and words when the kernel is gone."""
    page = open_notebook([BOXES])
    page.run(0)
    page.finish(0)
    live = page.output(0).locator(".streamwidget-chat")
    expect(live).to_have_count(4)
    live.first.get_by_role("textbox", name="Prompt").fill("not sent yet")
    complete = page.output(0).locator(".streamwidget-wire[data-outcome=complete]")
    complete.scroll_into_view_if_needed()
    expect(complete).to_be_visible()
    outputs = page.save().cells[0].outputs
    assert [VIEW in output.data for output in outputs] == [False] * 5
    assert [words in outputs[1].data["text/html"] for words in ("Question 1", "Question 2")] == [True, True]
    assert outputs[1].data["text/plain"].count("This is the built-in") == 2
    assert "[empty conversation]" in outputs[2].data["text/plain"]
    assert NUMBERS in outputs[3].data["text/plain"]
    assert NUMBERS in outputs[4].data["text/plain"]
    expect(live.first.get_by_role("textbox", name="Prompt")).to_have_value("not sent yet")

    page.reload()
    expect(live).to_have_count(4)
    expect(live.nth(2).locator(".streamwidget-asked")).to_have_text("Question 2")
    assert page.save().cells[0].outputs == outputs

    page.reopen()
    for words in ("Question 0", "Question 1", "Question 2", "[empty conversation]"):
        expect(page.output(0).get_by_text(words).first).to_be_visible()
    expect(page.output(0).locator(".streamwidget-chat")).to_have_count(0)
    assert_no_widget_is_missed(page)
    assert_no_error_of_ours(page)
