"""Pages in Voila, without a notebook around them: the race and the faults, and a chat."""

from __future__ import annotations

import shutil
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import Browser, Page, expect

from tests.support.children import child
from tests.support.deadlines import SOON, START
from tests.support.kernels import ROOT, clean_environment
from tests.ui.lab import ARTEFACTS

PAGE = ROOT / "notebooks" / "voila_race_and_faults.ipynb"
CHAT = """
import ipywidgets
import streamwidget as sw
ipywidgets.Tab([ipywidgets.VBox([sw.ChatWidget()])], titles=["Chat"])
"""


@pytest.fixture(scope="module")
def voila(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Voila server, to which the name of a notebook is added."""
    directory = tmp_path_factory.mktemp("voila")
    pages = directory / "pages"
    pages.mkdir()
    shutil.copy(PAGE, pages)
    nbformat.write(new_notebook(cells=[new_code_cell(CHAT)]), pages / "chat.ipynb")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    private = {name: str(directory) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")}
    env = clean_environment(private | {"IPYTHONDIR": str(directory / "ipython"), "JUPYTER_PREFER_ENV_PATH": "1"})
    command = [sys.executable, "-m", "voila", str(pages), "--no-browser", f"--port={port}", "--Voila.ip=127.0.0.1"]
    with child(command, directory / "voila.log", directory=directory, env=env) as server:
        server.wait_until(lambda: answers(f"http://127.0.0.1:{port}/voila/static/"), "Voila answers")
        yield f"http://127.0.0.1:{port}/voila/render/"


def answers(url: str) -> bool:
    """Return True if somebody answers, whatever the answer is. OSError: nobody does."""
    try:
        with urllib.request.urlopen(url, timeout=SOON):
            return True
    except urllib.error.HTTPError:
        return True


@contextmanager
def opened(voila: str, notebook: str, browser: Browser) -> Iterator[Page]:
    """The page of a notebook. At the end its picture is taken."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    page = context.new_page()
    page.goto(voila + notebook, wait_until="commit", timeout=START * 1000)
    yield page
    ARTEFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTEFACTS / f"voila-{notebook.partition('.')[0]}.png", full_page=True)
    context.close()


@pytest.fixture
def page(voila: str, browser: Browser) -> Iterator[Page]:
    """The race and the faults, their widgets drawn."""
    with opened(voila, PAGE.name, browser) as page:
        expect(page.get_by_role("button", name="Race")).to_be_visible(timeout=START * 1000)
        yield page


def test_the_race_runs_in_the_page(page: Page) -> None:
    """Two streams side by side, with the first one readable. Then the picture. The faults below stay where they are."""
    faults = page.get_by_role("button", name="Run both")
    places = [faults.bounding_box()]
    page.get_by_role("button", name="Race").click()
    views = page.locator(".streamwidget")
    expect(views).to_have_count(2)
    expect(views.first.locator(".streamwidget-text")).to_contain_text("What is streaming")
    places.append(faults.bounding_box())
    expect(views).to_have_count(0)
    picture = page.locator("img[src^='data:image/svg']")
    expect(picture).to_have_count(1)
    assert "not streamed: first word after " in (picture.get_attribute("alt") or "")
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 300
    places.append(faults.bounding_box())
    heights = [place["y"] for place in places if place is not None]
    assert len(heights) == 3
    assert max(heights) - min(heights) < 16


def test_stop_stops_in_the_page(page: Page) -> None:
    """Stop under the streamed answer ends it alone: the picture says that one was stopped, and the other complete."""
    page.get_by_role("textbox").first.fill("Write a long essay about rivers.")
    page.get_by_role("textbox").first.blur()
    page.get_by_role("button", name="Race").click()
    views = page.locator(".streamwidget")
    expect(views.first.locator(".streamwidget-text")).to_contain_text("rivers")
    views.first.get_by_role("button", name="Stop").click()
    expect(views.first).to_have_attribute("data-outcome", "cancelled")
    page.get_by_role("button", name="Stop").first.click()
    expect(page.locator("img[src^='data:image/svg']")).to_have_count(1)
    expect(page.get_by_text("stopped by you; the text so far is kept")).to_have_count(1)


def test_a_fault_is_chosen_and_both_clients_meet_it(page: Page) -> None:
    """The verdicts stand under the two texts."""
    page.get_by_role("combobox").first.select_option(label="error")
    page.get_by_role("button", name="Run both").click()
    expect(page.get_by_text("KeyError: 'choices'")).to_be_visible(timeout=60_000)
    expect(page.get_by_text("InStreamError: The server had an error")).to_be_visible(timeout=60_000)
    expect(page.locator(".streamwidget")).to_have_attribute("data-outcome", "error")


def test_a_chat_in_a_tab_answers_and_stops(voila: str, browser: Browser) -> None:
    """Voila's page has no notebook and no cell. The chat, in a box in a tab, needs neither."""
    with opened(voila, "chat.ipynb", browser) as page:
        box = page.get_by_role("textbox", name="Prompt")
        box.fill("What is a stream?", timeout=START * 1000)
        box.press("Enter")
        answers = page.locator(".streamwidget")
        expect(answers).to_have_attribute("data-outcome", "complete")
        box.fill("count to 9000")
        box.press("Enter")
        expect(answers.nth(1).locator(".streamwidget-text")).to_contain_text("12")
        page.get_by_role("button", name="Stop").click()
        expect(answers.nth(1)).to_have_attribute("data-outcome", "cancelled")
