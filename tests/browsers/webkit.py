"""The page in WebKit: an answer streams, stops, outlives a reload and is saved, beside a chat and a wire view.

``make browsers`` runs it. ``make test`` does not, because it needs a WebKit of the system's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from streamwidget.demo import DemoServer
from tests.browsers.webkit_page import WebKitTab, webkit
from tests.support.deadlines import SOON, until
from tests.ui.lab import NotebookPage
from tests.ui.server import Server

CELLS = [
    "%load_ext streamwidget\nimport streamwidget as sw",
    "%%chat\nhello",
    "%%chat --keep\nlive",
    "%%chat --bg --keep -o kept\ncount to 9000",
    "sw.ChatWidget()",
    "sw.WireView(sw.ChatClient().stream('What is a stream?', demo={'tokens_per_second': 500}))",
    "print(kept.outcome, len(kept.text.rstrip()))",  # the page draws no line break at the end
]
# An element of a cell's output, found by a selector, and what is asked of it.
_OF = """([index, selector, ask]) => {
  const cell = document.querySelectorAll('.jp-Notebook .jp-Cell')[index]
  const output = cell?.querySelector('.jp-Cell-outputArea')
  output?.scrollIntoView({ block: 'nearest' })
  const found = output?.querySelector(selector)
  return found ? (0, eval)(`(${ask})`)(found) : null
}"""
TEXT = "found => found.textContent"
OUTCOME = "found => found.dataset.outcome"
# The words with colours: from highlights of the page in a live answer, from elements in a saved one.
LIVE_COLOURS = """found => {
  const words = [...(CSS.highlights?.get('streamwidget-keyword') ?? [])]
  return words.filter(range => found.contains(range.startContainer))
    .map(range => range.startContainer.data.slice(range.startOffset, range.endOffset))
}"""
SAVED_COLOURS = "found => [...found.children].map(word => word.textContent)"


class Page:
    """One notebook in WebKit."""

    def __init__(self, server: Server, tab: WebKitTab, demo: DemoServer) -> None:
        name = server.write_notebook(CELLS, env={"STREAMWIDGET_BASE_URL": demo.url})
        self.driver = tab.page.driver
        self.notebook = NotebookPage(server, tab, name)  # type: ignore[arg-type]

    def ask(self, index: int, selector: str, ask: str = TEXT) -> Any:
        """Ask the first element of the cell's output that has the selector."""
        return self.notebook.page.evaluate(_OF, [index, selector, ask])

    def wait(self, index: int, selector: str, ask: str = TEXT) -> Any:
        """Wait until the element is there and has an answer, and return it."""
        return until(lambda: self.ask(index, selector, ask), f"{selector} in cell {index}", SOON, pause=0.1)

    def click(self, index: int, selector: str) -> None:
        """Press an element with the pointer."""
        self.wait(index, selector, "() => true")
        self.driver.find_elements(By.CSS_SELECTOR, ".jp-Notebook .jp-Cell")[index].find_element(
            By.CSS_SELECTOR, selector
        ).click()

    def run(self, index: int) -> None:
        """Run a cell to its end."""
        self.notebook.run(index)
        self.notebook.finish(index)


@pytest.fixture(scope="module")
def demo() -> Iterator[DemoServer]:
    with DemoServer(tokens_per_second=150) as server:
        yield server


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, demo: DemoServer) -> Iterator[Page]:
    directory = tmp_path_factory.mktemp("webkit")
    server = Server("lab", directory)
    try:
        with webkit(directory) as tab:
            page = Page(server, tab, demo)
            page.run(0)
            yield page
    finally:
        server.close()


@pytest.fixture(autouse=True)
def picture(page: Page, request: pytest.FixtureRequest) -> Iterator[None]:
    """Keep a picture of the page as each test leaves it."""
    yield
    page.notebook.screenshot(f"webkit-{request.node.name}")


def test_an_answer_is_saved_and_its_code_has_colours(page: Page) -> None:
    """The static answer follows the live one. Code has colours in both."""
    page.run(1)
    assert "This is the built-in" in page.wait(1, ".streamwidget-text")
    assert page.wait(1, "pre > code", SAVED_COLOURS) == ["def", "rate", "return"]
    page.run(2)
    assert page.wait(2, ".streamwidget", OUTCOME) == "complete"
    assert page.wait(2, "pre > code", LIVE_COLOURS) == ["def", "return"]


def test_an_answer_grows_goes_on_after_a_reload_and_stops(page: Page) -> None:
    """Stop closes the request. The view has Python's text."""
    page.run(3)
    before = page.wait(3, ".streamwidget-text", "found => found.textContent.length > 40 && found.textContent")
    page.notebook.save()
    page.notebook.reload(ready=True)
    longer = f"found => found.textContent.length > {len(before) + 40} && found.textContent"
    assert page.wait(3, ".streamwidget-text", longer).startswith(before.rstrip())
    page.click(3, ".streamwidget-stop")
    assert page.wait(3, ".streamwidget", OUTCOME) == "cancelled"
    page.run(6)
    outcome, length = page.notebook.printed(6).split()
    assert outcome == "cancelled"
    assert len(page.ask(3, ".streamwidget-text").rstrip()) == int(length)


def test_a_chat_answers_what_is_typed(page: Page) -> None:
    """Enter sends the prompt."""
    page.run(4)
    page.click(4, ".streamwidget-chat textarea")
    page.driver.switch_to.active_element.send_keys("What is a stream?", Keys.ENTER)
    assert page.wait(4, ".streamwidget-chat .streamwidget[data-outcome]", OUTCOME) == "complete"


def test_a_wire_view_shows_events_beside_their_text(page: Page) -> None:
    """Keys go from row to row of its list, and each lights the characters that it made."""
    page.run(5)
    assert page.wait(5, "[data-outcome]", OUTCOME) == "complete"
    page.click(5, ".streamwidget-wire-list")
    page.driver.switch_to.active_element.send_keys(Keys.HOME, *[Keys.ARROW_DOWN] * 4)
    assert page.wait(5, "[aria-selected=true]", "found => found.dataset.row === '4'")
    lit = "found => [...(CSS.highlights?.get('streamwidget-wire') ?? [])].join('')"
    assert page.wait(5, ".streamwidget-wire-list", lit) in page.ask(5, ".streamwidget-text")
