"""The reported cases of a real page (tests/data/reports.json): an input method, and Copy on plain http."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from playwright.sync_api import expect

from streamwidget.demo import DemoServer
from tests.ui.conftest import OpenNotebook, only_lab
from tests.ui.live import assert_no_error_of_ours
from tests.ui.test_chat_widget import SAID, show

CASES = json.loads((Path(__file__).parents[1] / "data" / "reports.json").read_text("utf-8"))["cases"]
LAB: dict[str, dict[str, Any]] = {case["id"]: case["expect"] for case in CASES if case["layer"] == "lab"}
#: At an address that begins with http:// and is not this machine, pages have no such clipboard.
_NO_CLIPBOARD = "Object.defineProperty(navigator, 'clipboard', { value: undefined, configurable: true })"
_PASTE_HERE = """() => {
  const area = document.createElement('textarea')
  area.id = 'paste-here'
  document.body.append(area)
  area.focus()
}"""


def test_each_case_has_its_test() -> None:
    """No case of this layer is left out."""
    assert LAB.keys() == {"lab-ime", "lab-copy-plain-http"}


@only_lab
def test_the_enter_of_an_input_method_sends_nothing(open_notebook: OpenNotebook, demo: DemoServer) -> None:
    """It commits the text that is being composed. The next Enter sends it."""
    (text,) = LAB["lab-ime"]["sent"]
    chat = show(open_notebook, SAID)
    page = chat.page.page
    devtools = page.context.new_cdp_session(page)
    chat.box.focus()
    for end in range(1, len(text) + 1):
        devtools.send("Input.imeSetComposition", {"text": text[:end], "selectionStart": end, "selectionEnd": end})
    enter = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 229, "nativeVirtualKeyCode": 229}
    devtools.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", **enter})
    devtools.send("Input.insertText", {"text": text})
    devtools.send("Input.dispatchKeyEvent", {"type": "keyUp", **enter})
    expect(chat.box).to_have_value(text)
    expect(chat.answers).to_have_count(0)
    page.keyboard.press("Enter")
    chat.expect_outcomes("complete")
    assert [prompt for prompt, _ in chat.said(1)] == LAB["lab-ime"]["sent"]
    assert_no_error_of_ours(chat.page)


@only_lab
def test_copy_works_on_plain_http(open_notebook: OpenNotebook, demo: DemoServer) -> None:
    """Without the clipboard of secure pages, the code is copied in the old way."""
    code = LAB["lab-copy-plain-http"]["pasted"]
    answer = f"```python\n{code}\n```\n"
    page = open_notebook([f"import streamwidget as sw\nanswer = await sw.show([{answer!r}])"])
    page.page.evaluate(_NO_CLIPBOARD)
    page.run(0)
    page.finish(0)
    copy = page.output(0).get_by_role("button", name="Copy code")
    expect(copy).to_have_count(1)
    page.output(0).locator("pre").hover()
    copy.click()
    expect(page.page.locator("body > [role=status]", has_text="Copied")).to_be_attached()
    page.page.evaluate(_PASTE_HERE)
    page.page.keyboard.press("Control+V")
    expect(page.page.locator("#paste-here")).to_have_value(code)
    assert_no_error_of_ours(page)
