"""The lesson's relay in a real page: the notebook's own frame, run in JupyterLab."""

from __future__ import annotations

import nbformat
from playwright.sync_api import expect

from tests.support.kernels import ROOT
from tests.ui.conftest import OpenNotebook, only_lab

LOOK_AT_EACH = """answer => {
  window.seen = []
  const look = () => seen.push(answer.textContent.length)
  new MutationObserver(look).observe(answer, { childList: true, subtree: true, characterData: true })
}"""
CLOSED = 2  # EventSource.CLOSED: it will not connect again
PROVIDER_LEFT = "print('left', await asyncio.to_thread(provider.requests[-1].left.wait, 50))"


@only_lab
def test_the_page_of_the_relay_shows_the_answer_grow_and_stops_it(open_notebook: OpenNotebook) -> None:
    """The text grows in the frame, ends with its outcome and asks once. Stop reaches the provider."""
    lesson = nbformat.read(ROOT / "notebooks" / "17_relay.ipynb", as_version=4)
    frame = next(place for place, cell in enumerate(lesson.cells) if cell.id == "frame-code")
    lesson.cells = [*lesson.cells[: frame + 1], nbformat.v4.new_code_cell(PROVIDER_LEFT)]
    page = open_notebook(lesson)
    for place in range(frame + 1):
        page.run(place)
        page.finish(place)

    relay = page.output(frame).frame_locator("iframe")
    answer, state = relay.locator("#answer"), relay.get_by_role("status")
    relay.get_by_label("Question").fill("count to 40")
    answer.evaluate(LOOK_AT_EACH)
    relay.get_by_role("button", name="Ask").click()
    expect(state).to_have_text("complete")
    assert answer.text_content() == "\n".join(str(number) for number in range(1, 41))
    lengths = list(dict.fromkeys(answer.evaluate("() => seen")))
    assert len(lengths) >= 4
    assert lengths == sorted(lengths)
    assert answer.evaluate("() => source.readyState") == CLOSED
    assert len([url for url in page.requests if "/answer?" in url]) == 1

    relay.get_by_label("Question").fill("a long essay")
    relay.get_by_role("button", name="Ask").click()
    expect(answer).to_contain_text("This is the built-in")
    relay.get_by_role("button", name="Stop").click()
    expect(state).to_have_text("stopped")
    page.run(frame + 1)
    page.wait_output(frame + 1, "left True")
