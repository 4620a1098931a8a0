"""Files in a real chat: dropped, pasted and picked. And what a model shows beside text, live and saved."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page, expect

from streamwidget.demo import DemoServer
from tests.support.deadlines import SOON
from tests.ui.conftest import OpenNotebook, only_lab
from tests.ui.live import assert_no_error_of_ours
from tests.ui.test_chat_widget import show

PASTE = """async () => {
  const canvas = Object.assign(document.createElement('canvas'), { width: 400, height: 300 })
  canvas.getContext('2d').fillRect(0, 0, 200, 300)
  const blob = await new Promise(resolve => canvas.toBlob(resolve, 'image/png'))
  const clipboardData = new DataTransfer()
  clipboardData.items.add(new File([blob], 'picture.png', { type: 'image/png' }))
  const paste = new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true })
  document.querySelector('.streamwidget-input').dispatchEvent(paste)
}"""
MODEL = """import pandas as pd
import streamwidget as sw
from matplotlib.figure import Figure
def model(messages):
    yield "A *table*: "
    yield pd.DataFrame({"river": ["Elbe", "<b>Po</b>"], "km": [1094, 652]})
    yield "and a figure "
    figure = Figure(figsize=(2, 1))
    figure.subplots().plot([1, 2])
    yield figure
    yield "<img src=x onerror=alert(1)>"
widget = sw.ChatWidget(model)
widget"""


def drop(page: Page, x: float, y: float, *files: Path) -> None:
    """Drop files as the browser does it for a person. What the page does not take, the browser opens."""
    devtools = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(file) for file in files], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        devtools.send("Input.dispatchDragEvent", {"type": kind, "x": x, "y": y, "data": data})
    devtools.detach()


@only_lab
def test_files_are_dropped_pasted_and_picked(open_notebook: OpenNotebook, demo: DemoServer, tmp_path: Path) -> None:
    """Each goes as the part that the server has for it. One that is not taken is named, and the page stays."""
    table, paper, odd = (tmp_path / name for name in ("rivers.csv", "paper.pdf", "letter.docx"))
    table.write_bytes(b"river,km\n" * 300_000)
    paper.write_bytes(b"%PDF-1.7\n%\xe2\xe3")
    odd.write_bytes(b"PK\x03\x04")
    chat = show(open_notebook)
    chips = chat.root.locator(".streamwidget-composer .streamwidget-chip")
    log = chat.root.locator(".streamwidget-log")
    log.hover()  # when it stands still
    place = log.bounding_box()
    assert place is not None
    address = chat.page.page.url
    drop(chat.page.page, place["x"] + 20, place["y"] + 10, table, odd)
    expect(chips).to_have_count(1)
    expect(chat.root.get_by_text("letter.docx was not added. Use text, CSV, PDF")).to_be_visible()
    chat.page.page.evaluate(PASTE)
    expect(chips).to_have_count(2)
    with chat.page.page.expect_file_chooser() as chooser:
        chat.button("Add file").click()
    chooser.value.set_files([paper, paper])
    expect(chips).to_have_count(4)
    chat.button("Remove paper.pdf").first.click()
    expect(chips).to_have_count(3)
    chat.send("what are they?")
    chat.expect_outcomes("complete")
    sent = chat.root.locator(".streamwidget-prompt .streamwidget-chip")
    expect(sent).to_have_text(
        [*("rivers.csvCSV, 2.7 MB, first 99,999 of 2,700,000 characters sent", "", "paper.pdfPDF, 12 bytes")]
    )
    expect(chat.root.get_by_role("img", name="image: picture.png")).to_be_visible()
    chat.button("Edit").click()
    expect(chips).to_have_count(3)
    chat.send("what are they, really?")
    demo.wait_for_requests(2, SOON)  # Stop may be gone already
    chat.expect_outcomes("complete")
    first, second = (request.body["messages"][0]["content"] for request in demo.requests)
    assert [part["type"] for part in first] == ["text", "text", "image_url", "file"]
    assert first[1:] == second[1:]
    assert first[1]["text"].startswith("File rivers.csv (first 99,999 of 2,700,000 characters):\n```csv\nriver,km\n")
    assert first[2]["image_url"]["url"].startswith("data:image/png;base64,iVBOR")
    assert first[3]["file"]["filename"] == "paper.pdf"
    assert chat.page.page.url == address
    assert_no_error_of_ours(chat.page)


@only_lab
def test_a_figure_and_a_table_are_shown_in_the_turn_and_saved(open_notebook: OpenNotebook) -> None:
    """By the notebook's own renderer, each at its place. The model's text stays text. The saved transcript has both."""
    chat = show(open_notebook, "widget.freeze()", first=MODEL)
    chat.send("show me")
    chat.expect_outcomes("complete")
    text = chat.root.locator(".streamwidget-text").first
    expect(text.locator("table.dataframe td")).to_have_text(["Elbe", "1094", "<b>Po</b>", "652"])
    expect(text.locator(".jp-RenderedImage img")).to_be_visible()
    assert text.locator("[onerror]").count() == 0
    order = "element => [...element.children].map(one => one.className.split(' ')[0])"
    assert text.evaluate(order) == ["jp-RenderedHTMLCommon", "streamwidget-output"] * 2 + ["jp-RenderedHTMLCommon"]
    expect(text).to_contain_text("<img src=x onerror=alert(1)>")
    chat.page.run(1)
    chat.page.finish(1)
    saved = chat.page.output(0)
    expect(saved.locator("table.dataframe td")).to_have_text(["Elbe", "1094", "<b>Po</b>", "652"])
    expect(saved.locator(".streamwidget-output img")).to_be_visible()
    assert saved.locator("[onerror]").count() == 0
    assert_no_error_of_ours(chat.page)
