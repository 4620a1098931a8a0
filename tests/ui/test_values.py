"""An answer that is asked for as a value: a table that grows in the page, and the same table in the saved output."""

from __future__ import annotations

from playwright.sync_api import expect

from streamwidget.demo import DemoServer
from tests.ui.conftest import OpenNotebook
from tests.ui.live import assert_no_error_of_ours

TYPE = """
from dataclasses import dataclass
@dataclass
class River:
    name: str
    km: int
%load_ext streamwidget
"""
RIVERS = '{"value": [{"name": "<b>Elbe</b>", "km": 1094}, {"name": "Po", "km": 652}]}'
ASK = """
%%chat -f list[River] -m {model} -P 'demo={{"text": {text}, "after": 24}}'
Two rivers.
"""


def test_a_value_grows_as_a_table_and_is_saved_as_one(open_notebook: OpenNotebook, demo: DemoServer) -> None:
    """The server stalls in the name of the second row. What is not certain is marked, and a Stop keeps the text."""
    text = '"' + RIVERS.replace('"', '\\"') + '"'
    cells = [
        TYPE,
        *(ASK.format(model=model, text=text).strip() for model in ("demo-stall", "demo")),
        "print(_chat.value)",
        "import streamwidget as sw\nchat = sw.ChatWidget(as_=list[River])\nchat",
    ]
    page = open_notebook(cells)
    page.run(0)
    page.finish(0)
    page.run(1)
    live = page.output(1)
    expect(live.locator("table th")).to_have_text(["name", "km"])
    expect(live.locator("tbody tr").first.locator("td")).to_have_text(["<b>Elbe</b>", "1094"])
    expect(live.locator(".streamwidget-uncertain")).to_have_text(["Po"])
    live.get_by_role("button", name="Stop").click()
    page.finish(1)
    expect(live).to_contain_text("stopped by you; the text so far is kept")
    page.run(2)
    page.finish(2)
    expect(page.output(2).locator("tbody tr")).to_have_count(2)
    expect(page.output(2).locator("details > summary")).to_have_text("JSON")
    page.run(3)
    expect(page.output(3).get_by_text("River(name='Po', km=652)")).to_be_visible()
    page.run(4)  # a chat whose answers are values
    chat = page.output(4)
    chat.get_by_role("textbox", name="Prompt").fill("Rivers, please.")
    chat.get_by_role("textbox", name="Prompt").press("Enter")
    expect(chat.locator(".streamwidget")).to_have_attribute("data-outcome", "complete")
    expect(chat.locator(".streamwidget-value tbody tr")).to_have_count(3)
    expect(chat.locator("details > summary", has_text="JSON")).to_be_visible()
    assert_no_error_of_ours(page)
