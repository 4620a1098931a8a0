"""Every state of an answer, as pictures in tests/ui/artefacts to look at, and a few measurements of them."""

from __future__ import annotations

from playwright.sync_api import expect

from streamwidget.demo import DemoServer
from tests.ui.conftest import OpenNotebook, only_lab
from tests.ui.lab import ARTEFACTS, NotebookPage
from tests.ui.live import LOAD, assert_no_error_of_ours, view, wait_longer

SLOW = """
import streamwidget as sw
client = sw.ChatClient()
sw.StreamView(client.stream("What is a stream?", model="demo{model}", demo={demo}))
"""
RUNNING = {
    "waiting": ("-headers", {}, "waiting"),
    "retrying": ("-429", {"retry_after": "50"}, "retrying"),
    # Longer than taking its pictures may take.
    "streaming": ("", {"tokens": 5000, "tokens_per_second": 25}, "streaming"),
}
OVER = {
    "finished": ("%%chat\nWhat is a stream?", "complete"),
    "refused": ("%%chat -m demo-refusal\nWhat is a stream?", "complete"),
    "cut": ("%%chat -m demo-drop\nWhat is a stream?", "connection lost"),
    "failed": ("%%chat -m demo-401\nWhat is a stream?", "401"),
    "kept-finished": ("%%chat --keep\nWhat is a stream?", "complete"),
    "kept-cut": ("%%chat --keep -m demo-cut\nWhat is a stream?", "connection lost"),
    "kept-reasoning": ("%%chat --keep -m demo-reasoning\nWhat is a stream?", "complete"),
}
THEMES = ("JupyterLab Light", "JupyterLab Dark")
NO_WIDER = "element => element.scrollWidth <= element.clientWidth + 1"

pytestmark = only_lab


def take_pictures(page: NotebookPage, index: int, name: str) -> None:
    """A picture in each theme, and one in a narrow window, where nothing may be wider than its cell."""
    for theme in THEMES:
        page.page.evaluate("theme => window.jupyterapp.commands.execute('apputils:change-theme', { theme })", theme)
        expect(page.page.locator(f"body[data-jp-theme-name='{theme}']")).to_be_attached()
        expect(page.page.locator("#jupyterlab-splash")).to_have_count(0)
        page.cell(index).screenshot(path=ARTEFACTS / f"look-{name}-{theme.split()[-1].lower()}.png")
    page.page.set_viewport_size({"width": 640, "height": 1000})
    page.page.wait_for_function(NO_WIDER, arg=page.output(index).element_handle())
    page.cell(index).screenshot(path=ARTEFACTS / f"look-{name}-narrow.png")
    page.page.set_viewport_size({"width": 1280, "height": 1000})


def test_pictures_of_answers_that_run(open_notebook: OpenNotebook, demo: DemoServer) -> None:
    """Each says in a word how it stands, and offers Stop, in a narrow window too."""
    ARTEFACTS.mkdir(exist_ok=True)
    page = open_notebook([SLOW.format(model=model, demo=options) for model, options, _ in RUNNING.values()])
    for index, (name, (_, _, phase)) in enumerate(RUNNING.items()):
        page.run(index)
        page.finish(index)
        expect(view(page, index)).to_have_attribute("data-phase", phase)
        if name == "streaming":
            wait_longer(page, index, 300)
        take_pictures(page, index, name)
        page.page.set_viewport_size({"width": 640, "height": 1000})
        expect(page.stop_button(index)).to_be_in_viewport()
        page.page.set_viewport_size({"width": 1280, "height": 1000})
    page.stop_button(index).click()
    expect(view(page, index)).to_have_attribute("data-outcome", "cancelled")
    take_pictures(page, index, "stopped")
    assert_no_error_of_ours(page)


def test_pictures_of_answers_that_are_over(open_notebook: OpenNotebook, demo: DemoServer) -> None:
    """Each says how it ended. Each is at most as wide as its cell."""
    ARTEFACTS.mkdir(exist_ok=True)
    page = open_notebook([LOAD, *(source for source, _ in OVER.values())])
    page.run(0)
    for index, (name, (_, word)) in enumerate(OVER.items(), 1):
        page.run(index)
        page.finish(index)
        page.wait_output(index, word)
        if not name.startswith("kept"):
            expect(view(page, index)).to_have_count(0)
        take_pictures(page, index, name)
    assert_no_error_of_ours(page)
