"""Two people in one notebook: JupyterLab with jupyter-collaboration. ``make rooms`` runs it.

The first person runs a cell. The second one has the same notebook open, and the same kernel.
"""

from __future__ import annotations

from collections.abc import Iterator

import nbformat
import pytest
from playwright.sync_api import Browser, expect

from streamwidget.demo import DemoServer
from tests.support.deadlines import SOON, until
from tests.support.kernels import ROOT
from tests.ui.lab import NotebookPage
from tests.ui.live import (
    LOAD,
    PRINT_TEXT,
    assert_no_error_of_ours,
    live_text,
    numbers,
    printed_text,
    reload_until_found,
    saved_text,
    wait_longer,
    wait_static,
)
from tests.ui.server import Server
from tests.ui.tab import Tab
from tests.ui.test_chat_widget import Chat
from tests.ui.test_stream import VIEWS_LEFT

PYTHON = ROOT / ".venv-rooms" / "bin" / "python"
ENDLESS = "count to 9000"
WIDGET = "application/vnd.jupyter.widget-view+json"
# The people who have the notebook open, as its page knows. It learns half a minute later that one has left.
PEOPLE = """() => [...window.jupyterapp.shell.currentWidget.content.model.sharedModel.awareness.getStates().values()]
  .filter(state => state.user).length"""
Pages = tuple[NotebookPage, NotebookPage]

pytestmark = pytest.mark.timeout(1800)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server("lab", tmp_path_factory.mktemp("lab"), python=PYTHON)
    yield server
    server.close()


@pytest.fixture
def pages(request: pytest.FixtureRequest, server: Server, browser: Browser, model: DemoServer) -> Iterator[Pages]:
    """Both persons' pages of one notebook, whose cells are the test's parameter. Its first cell has run."""
    model.reset()
    name = server.write_notebook([LOAD, *request.param], env={"STREAMWIDGET_BASE_URL": model.url})
    both = (NotebookPage(server, Tab(browser), name), NotebookPage(server, Tab(browser), name))
    both[0].run(0)
    both[0].finish(0)
    yield both
    for number, page in enumerate(both):
        page.screenshot(f"together-{request.node.originalname}-{number}")
        page.tab.close()
    server.end_kernels()


def outputs(page: NotebookPage, index: int) -> list[set[str]]:
    """Return the media types of each output of a cell, as the page has them."""
    types = """index => window.jupyterapp.shell.currentWidget.content.model.cells.get(index).outputs.toJSON()
      .map(output => Object.keys(output.data ?? { [output.name]: 0 }))"""
    return [set(one) for one in page.page.evaluate(types, index)]


def saved(page: NotebookPage, index: int) -> list[nbformat.NotebookNode]:
    """Return a cell's outputs in the file. The server writes it by itself."""
    outputs: list[nbformat.NotebookNode] = page.written().cells[index].outputs
    return outputs


ANSWERS = [f"%%chat\n{ENDLESS}", "%%chat\ncount to 100", PRINT_TEXT, VIEWS_LEFT % 0]


@pytest.mark.parametrize("pages", [ANSWERS], indirect=True)
def test_both_see_an_answer_grow_and_both_can_stop_it(pages: Pages, model: DemoServer) -> None:
    """The answer is in both pages and in the file, once. The second person's Stop reaches the model.

    When both pages have left the views, the kernel has closed them.
    """
    first, second = pages
    first.run(1)
    for page in pages:
        wait_longer(page, 1, 40)
    shown = live_text(second, 1)
    second.stop_button(1).click()
    assert model.wait_for_requests(1, SOON)[0].left.wait(SOON)
    for page in pages:
        wait_static(page, 1, "stopped by you; the text so far is kept")
        assert saved_text(page, 1).startswith(shown)
    assert saved_text(first, 1) == saved_text(second, 1)

    first.run(2)
    for page in pages:
        wait_static(page, 2, "complete")
        assert saved_text(page, 2) == numbers(100)
    assert printed_text(second, 3) == numbers(100)
    until(lambda: WIDGET not in str(saved(first, 2)), "the file has the end")
    for index, words in ((1, "stopped by you"), (2, "complete")):
        for page in pages:
            assert len(outputs(page, index)) == 1
        (output,) = saved(first, index)
        assert words in output.data["text/html"]
        assert WIDGET not in output.data
    first.run(4)
    assert first.printed(4) == "0 views\n"
    for page in pages:
        assert_no_error_of_ours(page)


@pytest.mark.parametrize("pages", [[f"%%chat\n{ENDLESS}"]], indirect=True)
def test_the_page_that_ran_the_cell_may_leave(pages: Pages, model: DemoServer) -> None:
    """In mid-stream. The other page still stops the answer, and puts its words into the document."""
    first, second = pages
    first.run(1)
    for page in pages:
        wait_longer(page, 1, 40)
    first.tab.begin_anew()
    first.page = first.tab.page
    shown = live_text(second, 1)
    wait_longer(second, 1, len(shown) + 20)
    second.stop_button(1).click()
    assert model.wait_for_requests(1, SOON)[0].left.wait(SOON)
    wait_static(second, 1, "stopped by you; the text so far is kept")
    assert saved_text(second, 1).startswith(shown)
    until(lambda: "stopped by you" in str(saved(second, 1)), "the file has the end")
    assert_no_error_of_ours(second)


@pytest.mark.parametrize("pages", [["import streamwidget as sw\nprint('before')\nsw.ChatWidget()"]], indirect=True)
def test_a_chat_is_the_same_in_both(pages: Pages, model: DemoServer) -> None:
    """Each person asks, and each stops. When the kernel ends, its words are in the notebook once."""
    first, second = pages
    first.run(1)
    chats = [Chat(page, page.output(1).locator(".streamwidget-chat")) for page in pages]
    chats[0].send("count to 100")
    for chat in chats:
        chat.expect_outcomes("complete")
        assert (chat.answers.locator(".streamwidget-text").text_content() or "").strip() == numbers(100)
    chats[1].send(ENDLESS)
    for chat in chats:
        expect(chat.answers).to_have_count(2)
        chat.wait_growth()
    chats[0].stop.click()
    for chat in chats:
        chat.expect_outcomes("complete", "cancelled")
    assert model.wait_for_requests(2, SOON)[1].left.wait(SOON)
    first.restart()
    for page in pages:
        expect(page.output(1).locator(".streamwidget-chat")).to_have_count(0)
        expect(page.output(1)).to_contain_text(ENDLESS)
    until(lambda: WIDGET not in str(saved(first, 1)), "the file has the words")
    for found in (outputs(first, 1), outputs(second, 1), saved(first, 1)):
        assert len(found) == 2
    for page in pages:
        assert_no_error_of_ours(page)


@pytest.mark.parametrize("pages", [["import streamwidget as sw\nsw.ChatWidget()"]], indirect=True)
def test_the_last_page_leaves_the_words_in_the_file(pages: Pages) -> None:
    """The first one does not, since the other still shows the chat. Who opens the notebook again finds the chat."""
    first, second = pages
    first.run(1)
    chats = [Chat(page, page.output(1).locator(".streamwidget-chat")) for page in pages]
    chats[1].send("count to 20")
    for chat in chats:
        chat.expect_outcomes("complete")
    first.page.goto("about:blank")
    until(lambda: second.page.evaluate(PEOPLE) == 1, "the first page has left")
    chats[1].expect_outcomes("complete")
    assert WIDGET in str(outputs(second, 1))
    second.page.goto("about:blank")
    until(lambda: WIDGET not in str(saved(second, 1)), "the file has the words")
    assert "count to 20" in str(saved(second, 1))
    reload_until_found(second, 1)
    chats[1].send("count to 5")
    chats[1].expect_outcomes("complete", "complete")
    assert_no_error_of_ours(second)
