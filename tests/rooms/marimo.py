"""marimo's own chat and ours in one page, both answered from one client. ``make rooms`` runs it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Locator, expect

from streamwidget.demo import DemoServer
from streamwidget.demo._records import RequestRecord
from tests.support.children import child
from tests.support.deadlines import SOON, START, until
from tests.support.kernels import ROOT, clean_environment
from tests.support.ports import closed_port
from tests.ui.lab import ARTEFACTS
from tests.ui.live import numbers
from tests.ui.tab import Tab
from tests.ui.voila import answers

PYTHON = ROOT / ".venv-rooms" / "bin" / "python"
PAGE = """
import marimo

app = marimo.App()


@app.cell
def _():
    import marimo as mo
    import streamwidget as sw

    client = sw.ChatClient()

    async def answer(messages):
        async for event in client.stream(messages[-1].content):
            if isinstance(event, sw.TextDelta):
                yield event.text

    mo.vstack([mo.ui.chat(answer), mo.ui.anywidget(sw.ChatWidget(client))])
    return client, mo, sw


@app.cell
def _(client, sw):
    sw.StreamView(client.stream("count to 30"))
    return


@app.cell
async def _(client):
    await client.stream("count to 9")
    return
"""

pytestmark = pytest.mark.timeout(1800)


class App:
    """A page with marimo's chat and ours, a view under them, and a result."""

    def __init__(self, tab: Tab) -> None:
        self.tab = tab
        self.theirs = tab.page.locator("marimo-chatbot")
        self.their_answer = self.theirs.locator(".mo-markdown-renderer").last
        self.ours = tab.page.locator(".streamwidget-chat")
        self.our_answer = self.ours.locator(".streamwidget").last
        self.view = tab.page.locator(".streamwidget").last

    def ask_theirs(self, prompt: str) -> None:
        self.theirs.get_by_role("textbox").fill(prompt, timeout=START * 1000)
        self.theirs.get_by_role("button", name="Send message").click()

    def ask_ours(self, prompt: str) -> None:
        box = self.ours.get_by_role("textbox", name="Prompt")
        box.fill(prompt, timeout=START * 1000)
        box.press("Enter")

    def stop_ours(self) -> None:
        self.ours.get_by_role("button", name="Stop").click()


@pytest.fixture(scope="module")
def model() -> Iterator[DemoServer]:
    with DemoServer(tokens_per_second=5) as server:  # marimo draws the whole answer for each token
        yield server


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, browser: Browser, model: DemoServer) -> Iterator[App]:
    """The app that ``marimo run`` serves."""
    directory = tmp_path_factory.mktemp("marimo")
    (directory / "page.py").write_text(PAGE, "utf-8")
    port = closed_port()
    url = f"http://127.0.0.1:{port}/"
    env = clean_environment({"STREAMWIDGET_BASE_URL": model.url, "HOME": str(directory)})
    command = [str(PYTHON), "-m", "marimo", "run", "page.py", "--headless", "--no-check", "--port", str(port)]
    with child(command, directory / "marimo.log", directory=directory, env=env) as server:
        server.wait_until(lambda: answers(url), "marimo answers")
        tab = Tab(browser)
        tab.page.goto(url)
        yield App(tab)
        ARTEFACTS.mkdir(exist_ok=True)
        tab.page.screenshot(path=ARTEFACTS / "marimo.png", full_page=True)
        tab.close()


def words(answer: Locator) -> str:
    """Return the text of an answer, or of one that grows."""
    inner = answer.locator(".streamwidget-text")
    return ((inner if inner.count() else answer).text_content() or "").strip()


def wait_growth(answer: Locator) -> str:
    """Wait until the answer is longer than it is now, and return what it has."""
    length = len(words(answer))
    until(lambda: len(words(answer)) > length + 20, "the answer grows")
    return words(answer)


def request(model: DemoServer, prompt: str, place: int = 0) -> RequestRecord:
    """Wait for the request with this prompt: the first one, or the one at this place."""
    asked = lambda: [r for r in model.requests if r.body and r.body["messages"][-1]["content"] == prompt]  # noqa: E731
    until(lambda: len(asked()) > place, f"{prompt!r} is asked")
    return asked()[place]


def test_a_view_and_a_result_are_shown(app: App) -> None:
    """The view streams to its end, and the result of an awaited stream shows itself."""
    expect(app.view).to_have_attribute("data-outcome", "complete", timeout=START * 1000)
    assert words(app.view) == numbers(30)
    expect(app.tab.page.get_by_text(re.compile("complete · 17 tokens"))).to_be_visible()


def test_both_chats_stream_at_once_and_ours_stops(app: App, model: DemoServer) -> None:
    """marimo hands messages to Python one after the other. So a Stop beside its own chat's answer waits for that."""
    app.ask_ours("count to 9000")
    ours = request(model, "count to 9000")
    shown = wait_growth(app.our_answer)
    app.ask_theirs("count to 30")
    request(model, "count to 30", place=1)
    app.stop_ours()
    until(lambda: words(app.their_answer) == numbers(30), "marimo's chat has the answer")
    expect(app.our_answer).to_have_attribute("data-outcome", "cancelled")
    assert ours.left.wait(SOON)
    assert len(words(app.our_answer)) > len(shown)
    assert numbers(9000).startswith(words(app.our_answer))

    app.ask_ours("count to 8000")
    ours = request(model, "count to 8000")
    expect(app.ours.locator(".streamwidget")).to_have_count(2)
    wait_growth(app.our_answer)
    app.stop_ours()
    assert ours.left.wait(SOON)
    expect(app.our_answer).to_have_attribute("data-outcome", "cancelled")


def test_ours_answers_exactly_after_that(app: App) -> None:
    """To the last character, and the page took nothing from elsewhere."""
    app.ask_ours("count to 25")
    expect(app.ours.locator(".streamwidget")).to_have_count(3)
    expect(app.our_answer).to_have_attribute("data-outcome", "complete")
    assert words(app.our_answer) == numbers(25)
    assert {urlsplit(url).hostname for url in app.tab.requests} <= {"127.0.0.1", None}
