"""Other people's text: nothing in it is executed, fetched or obeyed, and all of it can be read."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import nbformat
import pytest
from nbconvert import HTMLExporter
from playwright.sync_api import Page, Route, expect

from streamwidget._core.completion import ChatCompletion
from streamwidget._saved.answer import mimebundle
from streamwidget.demo import DemoServer
from tests.saved.test_answer import XSS, answer_of
from tests.saved.test_answer import Page as Parsed
from tests.ui.conftest import OpenNotebook
from tests.ui.lab import NotebookPage
from tests.ui.live import LOAD, assert_no_error_of_ours, live_text, view, wait_static

Seen = Callable[[str], None]
HALVES = [XSS[:45], XSS[45:]]  # JupyterLab shows 50 outputs of a cell

# Each text is the answer, the reasoning, the model's name, a tool's name and its arguments, and the server's error.
SETUP = """
import httpx, json
import streamwidget as sw
from IPython.display import display, publish_display_data
class Body(httpx.AsyncByteStream):
    def __init__(self, vector):
        call = {"index": 0, "id": "1", "function": {"name": vector, "arguments": vector}}
        deltas = [{"reasoning_content": vector}, {"tool_calls": [call]}]
        deltas += [{"content": vector[:9]}, {"content": vector[9:]}]
        choices = [[{"index": 0, "delta": delta, "finish_reason": None}] for delta in deltas]
        self.events = [{"model": vector, "choices": choice} for choice in choices] + [{"error": {"message": vector}}]
    async def __aiter__(self):
        for event in self.events:
            yield f"data: {json.dumps(event)}\\n\\n".encode()
def answer(request):
    vector = json.loads(request.content)["messages"][-1]["content"]
    return httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=Body(vector))
http = httpx.AsyncClient(transport=httpx.MockTransport(answer))
client = sw.ChatClient("http://127.0.0.1:9/v1", "key", "some-model", http_client=http)
shown = []
async def show(vectors):
    for vector in vectors:
        view = sw.StreamView(client.stream(vector))
        handle = display(view, display_id=True)
        try:
            await view
        except sw.StreamError:
            pass
        shown.append((view, handle))
"""
SWAP = """
for view, handle in shown:
    bundle = view.completion._repr_mimebundle_()
    publish_display_data(bundle, transient={"display_id": handle.display_id}, update=True)
    view.close()
"""
# What no text may become, anywhere in an output.
ACTIVE = (
    ":is(script, iframe, object, embed, form, base, meta, link, img, video, audio, template, textarea, [onerror], "
    "[onload], [onclick], [onmouseover], [onfocus], [ontoggle], [data-commandlinker-command], #MathJax, #document, "
    "[style*='fixed'], a[href^='javascript' i], a[href^='data' i], a[href^='vbscript' i], a[href^='file' i])"
)
TRUSTED = "index => window.jupyterapp.shell.currentWidget.content.model.cells.get(index).trusted"
# Without the words of our own buttons: to copy code, to load an image.
_TEXTS = """elements => elements.map(element => {
  const copy = element.cloneNode(true)
  for (const button of copy.querySelectorAll('button')) button.remove()
  return copy.textContent
})"""
TEX = re.compile(r"\$|\\[(\[]|\\begin")


def squeezed(text: str | None) -> str:
    return re.sub(r"\s", "", text or "")


def expected(vector: str) -> str:
    """The text that a reader must find in the answer's box."""
    return squeezed(Parsed(answer_of(mimebundle(ChatCompletion(text=vector))["text/html"])).text)


def assert_inert(page: Page, outputs: str, fetched: list[str]) -> None:
    """Nothing ran, nothing is there that could, nothing was asked for, and the page is where it was."""
    page.wait_for_timeout(300)  # what an error handler or a timer of the text would need
    assert page.evaluate("window.__pwn") is None
    assert page.locator(f"{outputs} {ACTIVE}").count() == 0
    assert not [url for url in fetched if ".example" in url]


def assert_text(page: Page, outputs: str) -> None:
    """Each answer's text is that of its vector, and a formula's text is that of MathJax."""
    answers = page.locator(f"{outputs} .streamwidget-text")
    expect(answers).to_have_count(len(XSS))
    texts = [squeezed(text) for text in answers.evaluate_all(_TEXTS)]
    for vector, text in zip(XSS, texts, strict=True):
        if not TEX.search(vector):
            assert text == expected(vector)


def run(open_notebook: OpenNotebook) -> NotebookPage:
    page = open_notebook([SETUP, *(f"await show({half!r})" for half in HALVES), SWAP])
    for index in range(3):
        page.run(index)
        page.finish(index)
    expect(page.page.locator(".streamwidget[data-outcome=error]")).to_have_count(len(XSS))
    return page


OUTPUTS = ".jp-Cell-outputArea"


@pytest.mark.fault("S1", "text, reasoning, model, tool call and error: 0 executed, 0 fetched, the text can be read")
@pytest.mark.fault("S14", "live, saved, trusted and untrusted: the same text, no script")
def test_no_hostile_text_does_anything(open_notebook: OpenNotebook, browser: Any, seen: Seen) -> None:
    """In the live view, the swapped output, the notebook opened again (trusted, untrusted) and the exported page."""
    assert len(XSS) >= 60
    page = run(open_notebook)
    assert_inert(page.page, OUTPUTS, page.requests)
    assert_text(page.page, OUTPUTS)
    models = page.page.locator(".streamwidget-model").all_text_contents()
    assert [squeezed(model)[:40] for model in models] == [squeezed(vector)[:40] for vector in XSS]

    page.run(3)
    page.finish(3)
    expect(page.page.locator(".streamwidget")).to_have_count(0)
    assert_inert(page.page, OUTPUTS, page.requests)
    assert_text(page.page, OUTPUTS)

    saved = page.save()
    page.reopen()
    assert page.page.evaluate(TRUSTED, 1)
    assert_inert(page.page, OUTPUTS, page.requests)
    assert_text(page.page, OUTPUTS)

    saved.metadata["streamwidget"] = "not the file that was signed"
    for cell in saved.cells:
        cell.source += "\n"
    for output in saved.cells[1].outputs:
        output.metadata["changed"] = True
    nbformat.write(saved, page.path)
    page.reopen()
    assert not page.page.evaluate(TRUSTED, 1)
    assert_inert(page.page, OUTPUTS, page.requests)
    assert_text(page.page, OUTPUTS)
    assert_no_error_of_ours(page)

    exported, fetched = browser.new_page(), []

    def refuse(route: Route) -> None:
        fetched.append(route.request.url)  # nbconvert's template asks for its MathJax: not here
        route.abort()

    exported.route("**/*", refuse)
    exported.set_content(HTMLExporter().from_notebook_node(saved)[0], wait_until="domcontentloaded")
    exported.wait_for_selector(".streamwidget-text")
    assert_inert(exported, ".jp-OutputArea-output", fetched)
    assert_text(exported, ".jp-OutputArea-output")
    exported.close()
    seen(f"0 of {len(XSS)} texts in 5 places")


CONTROLS = "a\0b\x1b[31mred\x07 \u202eevil\u202c \u2066x\u2069 \u200f\u05e9\u05dc\u05d5\u05dd"


@pytest.mark.fault("D3", "in the page: shown as signs, live and saved; the page lives")
@pytest.mark.fault("D4", "overrides and isolates are shown as signs, so that they turn nothing; the name is isolated")
def test_control_characters_are_signs_in_the_page(open_notebook: OpenNotebook, demo: DemoServer) -> None:
    """NUL, escapes and what turns text round are shown by name. Honest right-to-left text has its own direction."""
    cell = (
        "import streamwidget as sw; from IPython.display import display, publish_display_data\n"
        f"view = sw.StreamView(sw.ChatClient().stream('x', demo={{'text': {CONTROLS!r}}}))\n"
        "handle = display(view, display_id=True); completion = await view"
    )
    swap = (
        "publish_display_data(completion._repr_mimebundle_(), transient={'display_id': handle.display_id}, update=True)"
    )
    page = open_notebook([LOAD, cell, f"{swap}; view.close()"])
    page.run(1)
    page.finish(1)
    expect(view(page, 1)).to_have_attribute("data-outcome", "complete")
    signs = "a␀b␛[31mred␇ [U+202E]evil[U+202C] [U+2066]x[U+2069] \u200f\u05e9\u05dc\u05d5\u05dd"
    assert live_text(page, 1).strip() == signs
    page.run(2)
    page.finish(2)
    wait_static(page, 1)
    answer = page.output(1).locator(".streamwidget-text > *").first
    assert (answer.text_content() or "").strip() == signs
    assert answer.evaluate("element => getComputedStyle(element).unicodeBidi") in ("isolate", "plaintext")
    name = page.output(1).locator("bdi").first
    assert name.evaluate("element => getComputedStyle(element).unicodeBidi") == "isolate"
    assert_no_error_of_ours(page)
