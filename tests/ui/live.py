"""What the tests of the live view share: one view as the page shows it, and a record of how it changed."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from playwright.sync_api import Locator, expect
from playwright.sync_api import TimeoutError as NotSeen

from tests.faults.puppet import PuppetServer
from tests.support.deadlines import START, until
from tests.ui.lab import NotebookPage

LOAD = "%load_ext streamwidget"
PRINT_TEXT = "import json; print(json.dumps(_chat.text))"

_RECORD = """index => {
  const seen = (window.streamwidgetSeen ??= {})[index] = []
  const shown = element => !!element && element.checkVisibility()
  const look = () => {
    const cell = document.querySelectorAll('.jp-Notebook .jp-Cell')[index]
    const root = cell?.querySelector('.streamwidget')
    const now = {
      live: !!root,
      text: root?.querySelector('.streamwidget-text').textContent ?? '',
      status: root?.querySelector('.streamwidget-state').textContent ?? '',
      demo: shown(root?.querySelector('.streamwidget-demo')),
      stop: shown(root?.querySelector('.streamwidget-stop')),
      over: 'outcome' in (root?.dataset ?? {}),
      running: cell?.querySelector('.jp-InputPrompt')?.textContent.includes('*') ?? false,
      empty: !root && (cell?.querySelector('.jp-Cell-outputArea')?.innerText ?? '') === '',
    }
    if (JSON.stringify(now) !== JSON.stringify(seen.at(-1))) seen.push(now)
  }
  const observer = new MutationObserver(look)
  ;(window.streamwidgetObservers ??= []).push(observer)
  observer.observe(document.body, { childList: true, subtree: true, characterData: true })
  look()
}"""
_LONGER = """([index, length]) => {
  const cell = document.querySelectorAll('.jp-Notebook .jp-Cell')[index]
  return (cell?.querySelector('.streamwidget-text')?.textContent.length ?? -1) > length
}"""


def ask(server: PuppetServer) -> str:
    """Return a cell with the extension and the client ``held``, whose answers end when the test lets them."""
    return f"{LOAD}\nimport streamwidget as sw\nheld = {server.client}"


# True unless an output has the words of the file in place of a view.
_NO_WORDS = """index => {
  const { outputs } = window.jupyterapp.shell.currentWidget.content.model.cells.get(index)
  return !Array.from({ length: outputs.length }, (_, n) => outputs.get(n)).some(o => o.metadata?.streamwidget?.view)
}"""


@dataclass(frozen=True, slots=True)
class Glimpse:
    """A cell's output at one moment: whether the view is live, what it shows, and whether its cell runs."""

    live: bool
    text: str
    status: str
    demo: bool
    stop: bool
    over: bool
    running: bool
    empty: bool


def record(page: NotebookPage, index: int) -> None:
    """Begin to note each change of the cell's output. :func:`recorded` returns them. A reload forgets them."""
    page.page.evaluate(_RECORD, index)


def recorded(page: NotebookPage, index: int) -> list[Glimpse]:
    """Return what was noted, oldest first."""
    return [Glimpse(**seen) for seen in page.page.evaluate("index => window.streamwidgetSeen[index]", index)]


def numbers(count: int) -> str:
    """Return the answer to ``count to COUNT``."""
    return "\n".join(map(str, range(1, count + 1)))


def view(page: NotebookPage, index: int) -> Locator:
    """Return the root of the live view in the cell's output."""
    return page.output(index).locator(".streamwidget")


def live_text(page: NotebookPage, index: int) -> str:
    """Return the text that the live view shows, without a line break at its end."""
    return (view(page, index).locator(".streamwidget-text").text_content() or "").rstrip("\n")


def wait_longer(page: NotebookPage, index: int, length: int) -> None:
    """Wait until the live view shows more than ``length`` characters."""
    page.page.wait_for_function(_LONGER, arg=[index, length])


def reload_until_found(page: NotebookPage, index: int) -> None:
    """Load the page anew until it shows the cell's view, chat or saved answer, as a reader would on a busy machine.

    The host gives the kernel 4 s to list its widgets. After that the page keeps the words of the file until it is
    loaded again. No code of ours runs in that page. A view that never comes fails here.
    """
    ours = page.output(index).locator(".streamwidget, .streamwidget-chat, .streamwidget-text")

    def found() -> bool:
        page.reload()
        expect(ours.first).to_be_visible(timeout=START * 1000)
        try:
            page.page.wait_for_function(_NO_WORDS, arg=index, timeout=10_000)
        except NotSeen:
            return False
        return True

    until(found, "the page finds its widget", START)


def wait_static(page: NotebookPage, index: int, text: str = "total") -> None:
    """Wait until the saved answer, whose footer contains ``text``, is in the place of the live view."""
    expect(page.output(index).locator("small").last).to_contain_text(text)
    expect(view(page, index)).to_have_count(0)


def saved_text(page: NotebookPage, index: int) -> str:
    """Return the text of a saved answer that is one paragraph."""
    return page.output(index).locator(".streamwidget-text p").first.text_content() or ""


def printed_text(page: NotebookPage, index: int) -> str:
    """Run the cell, which holds ``PRINT_TEXT``, and return the text of ``_chat``."""
    page.run(index)
    page.finish(index)
    return str(json.loads(page.printed(index)))


def error_lines(page: NotebookPage, index: int) -> list[str]:
    """Return the lines of the error in the cell's output."""
    error = page.output(index).locator("[data-mime-type='application/vnd.jupyter.stderr']")
    error.scroll_into_view_if_needed()  # JupyterLab draws it only on the screen
    expect(error).to_contain_text(re.compile(r"\S"))
    return error.inner_text().strip().splitlines()


def assert_no_error_of_ours(page: NotebookPage) -> None:
    """Nothing of the widget raised in the page, and no widget was lost."""
    # "Comm not found" is the host's word for a message on the heels of a close. A slow host says of each plugin,
    # anywidget's too, that it is "taking too long to activate". And a view of the last test's notebook, whose kernel
    # has gone with that, may say that it could not ask. anywidget gives up a model whose code took 2 s, or that closed
    # before it came. test_late_code.py shows that ours lives on.
    words = ("streamwidget", "anywidget", "widget model")
    others = ("to activate", "[streamwidget] not sent", "[anywidget] Failed to initialize model")
    ours = [line for line in page.console if any(word in line for word in words)]
    ours = [line for line in ours if not any(word in line for word in others)]
    assert not ours
