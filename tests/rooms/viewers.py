"""Ten viewers of one Voila page at once, each in a browser of their own. ``make rooms`` runs it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from streamwidget.demo import DemoServer
from tests.support.deadlines import SOON, START, until
from tests.ui.lab import ARTEFACTS
from tests.ui.live import numbers
from tests.ui.tab import Tab, launch
from tests.ui.voila import voila_server

NAMES = ["Anna", "Ben", "Carla", "David", "Emma", "Felix", "Greta", "Hugo", "Ida", "Jonas"]
CELLS = ["%load_ext streamwidget\nimport streamwidget as sw", "%%chat --bg --keep\ncount to 9000", "sw.ChatWidget()"]

pytestmark = pytest.mark.timeout(1800)


class Viewer:
    """A person with the page: an answer that streams, and a chat below it."""

    def __init__(self, name: str, page: Page) -> None:
        self.name = name
        self.page = page
        self.answer = page.locator(".streamwidget").first
        self.chat = page.locator(".streamwidget-chat")
        # Each has a text of their own, to the last character.
        self.count = 200 + NAMES.index(name)

    def ask(self, prompt: str) -> None:
        box = self.chat.get_by_role("textbox", name="Prompt")
        box.fill(prompt, timeout=START * 1000)
        box.press("Enter")

    def answers(self) -> Locator:
        return self.chat.locator(".streamwidget")


@pytest.fixture(scope="module")
def model() -> Iterator[DemoServer]:
    with DemoServer(tokens_per_second=10) as server:  # half an hour of "count to 9000", more than a busy machine needs
        yield server


@pytest.fixture(scope="module")
def viewers(tmp_path_factory: pytest.TempPathFactory, model: DemoServer) -> Iterator[list[Viewer]]:
    directory = tmp_path_factory.mktemp("voila")
    expect.set_options(timeout=SOON * 1000)
    with ExitStack() as stack:
        url = stack.enter_context(voila_server(directory, {"page": CELLS}, model.url))
        browser: Browser = launch(stack.enter_context(sync_playwright()))
        stack.callback(browser.close)
        tabs = [Tab(browser) for _ in NAMES]
        for tab in tabs:
            until(lambda tab=tab: shows(tab.page, f"{url}page.ipynb"), "the page shows its views", START)
        yield [Viewer(name, tab.page) for name, tab in zip(NAMES, tabs, strict=True)]
        ARTEFACTS.mkdir(exist_ok=True)
        tabs[0].page.screenshot(path=ARTEFACTS / "voila-viewers.png", full_page=True)


def shows(page: Page, url: str) -> bool:
    """Open a page, as a viewer does who reloads it: Voila gives a busy kernel 4 s to list its widgets."""
    page.goto(url)
    view, failed = page.locator(".streamwidget").first, page.get_by_text("Error displaying widget").first
    expect(view.or_(failed).first).to_be_visible(timeout=START * 1000)
    return not failed.is_visible()


def text(view: Locator) -> str:
    return (view.locator(".streamwidget-text").text_content() or "").strip()


def test_each_has_a_kernel_and_an_answer(viewers: list[Viewer], model: DemoServer) -> None:
    """The cell's answer streams in all pages, from as many requests."""
    for viewer in viewers:
        expect(viewer.answer.locator(".streamwidget-text")).to_contain_text("12", timeout=START * 1000)
    until(lambda: sum(not record.over.is_set() for record in model.requests) == len(viewers), "the others have left")


def test_all_chats_answer_at_once_and_exactly(viewers: list[Viewer], model: DemoServer) -> None:
    """Beside the answer that streams. Nobody's text has a character of another one's."""
    for viewer in viewers:
        expect(viewer.chat.get_by_role("textbox", name="Prompt")).to_be_visible(timeout=START * 1000)
    model.reset()
    for viewer in viewers:
        viewer.ask(f"count to {viewer.count}")
    until(lambda: len(model.requests) == len(viewers), "all have asked")
    for viewer in viewers:
        expect(viewer.answers()).to_have_attribute("data-outcome", "complete")
    exact = [text(viewer.answers()) == numbers(viewer.count) for viewer in viewers]
    print(f"| exact texts of {len(viewers)} viewers | {sum(exact)} |")
    assert all(exact)


def test_nobody_sees_the_words_of_another(viewers: list[Viewer]) -> None:
    """Each asks about their own name."""
    for viewer in viewers:
        viewer.ask(f"Who is {viewer.name}?")
    for viewer in viewers:
        expect(viewer.answers()).to_have_count(2)
        expect(viewer.answers().nth(1)).to_have_attribute("data-outcome", "complete")
    for viewer in viewers:
        assert set(re.findall("|".join(NAMES), viewer.page.locator("body").inner_text())) == {viewer.name}


def test_each_stop_stops_one(viewers: list[Viewer], model: DemoServer) -> None:
    """The answer of the cell is stopped in one page after the other. It goes on in the others."""
    model.reset()
    for viewer in viewers:
        viewer.ask("count to 8000")
    until(lambda: len(model.requests) == len(viewers), "all have asked")
    streams = list(model.requests)
    for number, viewer in enumerate(viewers, 1):
        view = viewer.answers().nth(2)
        expect(view.locator(".streamwidget-text")).to_contain_text("12")
        viewer.chat.get_by_role("button", name="Stop").click()
        expect(view).to_have_attribute("data-outcome", "cancelled")
        assert numbers(8000).startswith(text(view))
        until(lambda ended=number: sum(stream.left.is_set() for stream in streams) == ended, "one more has left")
        expect(viewer.answer).to_have_attribute("data-phase", "streaming")
    for viewer in viewers:
        viewer.answer.get_by_role("button", name="Stop").click()
        expect(viewer.answer).to_have_attribute("data-outcome", "cancelled")
        assert numbers(9000).startswith(text(viewer.answer))
