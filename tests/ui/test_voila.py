"""The page for Voila: the race and the faults, without a notebook around them."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.kernels import ROOT, clean_environment
from tests.ui.lab import ARTEFACTS

PAGE = ROOT / "notebooks" / "voila_race_and_faults.ipynb"


@pytest.fixture(scope="module")
def voila(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Voila server that shows the page."""
    directory = tmp_path_factory.mktemp("voila")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    private = {name: str(directory) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")}
    env = clean_environment(private | {"IPYTHONDIR": str(directory / "ipython"), "JUPYTER_PREFER_ENV_PATH": "1"})
    command = [sys.executable, "-m", "voila", str(PAGE), "--no-browser", f"--port={port}", "--Voila.ip=127.0.0.1"]
    log = directory / "voila.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=env, cwd=directory, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        wait_until_it_answers(port, process, log)
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until_it_answers(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/voila/static/", timeout=5):
                return
        except urllib.error.HTTPError:
            return  # it answers
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"Voila did not start:\n{log.read_text(errors='replace')}")


@pytest.fixture
def page(voila: str, browser: Browser) -> Iterator[Page]:
    """The page, its widgets drawn."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    opened = context.new_page()
    opened.goto(voila, wait_until="commit", timeout=120_000)
    expect(opened.get_by_role("button", name="Race")).to_be_visible(timeout=120_000)
    yield opened
    ARTEFACTS.mkdir(exist_ok=True)
    opened.screenshot(path=ARTEFACTS / "voila.png", full_page=True)
    context.close()


def test_the_race_runs_in_the_page(page: Page) -> None:
    """Two streams side by side, the first of which can be read; then the picture, which names both first words."""
    page.get_by_role("button", name="Race").click()
    views = page.locator(".streamwidget")
    expect(views).to_have_count(2, timeout=60_000)
    expect(views.first.locator(".streamwidget-text")).to_contain_text("What is streaming", timeout=60_000)
    picture = page.locator("img[src^='data:image/svg']")
    expect(picture).to_have_count(1, timeout=60_000)
    assert "not streamed: first word after " in (picture.get_attribute("alt") or "")
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 300
    expect(views).to_have_count(0)


def test_stop_stops_in_the_page(page: Page) -> None:
    """Stop under the streamed answer ends it alone: the picture says that one was stopped, and the other complete."""
    page.get_by_role("textbox").first.fill("Write a long essay about rivers.")
    page.get_by_role("textbox").first.blur()
    page.get_by_role("button", name="Race").click()
    views = page.locator(".streamwidget")
    expect(views.first.locator(".streamwidget-text")).to_contain_text("rivers", timeout=60_000)
    views.first.get_by_role("button", name="Stop").click()
    expect(views.first).to_have_attribute("data-outcome", "cancelled", timeout=20_000)
    page.get_by_role("button", name="End").first.click()
    expect(page.locator("img[src^='data:image/svg']")).to_have_count(1, timeout=60_000)
    expect(page.get_by_text("stopped: the answer is cut")).to_have_count(1)


def test_a_fault_is_chosen_and_both_clients_meet_it(page: Page) -> None:
    """The verdicts stand under the two texts."""
    page.get_by_role("combobox").first.select_option(label="error: reports an error inside the stream")
    page.get_by_role("button", name="Run both").click()
    expect(page.get_by_text("KeyError: 'choices'")).to_be_visible(timeout=60_000)
    expect(page.get_by_text("InStreamError: The server had an error")).to_be_visible(timeout=60_000)
    expect(page.locator(".streamwidget")).to_have_attribute("data-outcome", "error")
