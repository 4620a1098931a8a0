"""A page that is reloaded in mid-stream goes on without a gap, and has the answer at the end, in the notebook too."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from streamwidget.demo import DemoServer
from tests.faults.puppet import PuppetServer
from tests.support.deadlines import SOON
from tests.ui.conftest import OpenNotebook
from tests.ui.live import (
    PRINT_TEXT,
    ask,
    assert_no_error_of_ours,
    live_text,
    numbers,
    printed_text,
    reload_until_found,
    saved_text,
    view,
    wait_longer,
    wait_static,
)

WIDGET = "application/vnd.jupyter.widget-view+json"
NUMBERS = numbers(150)
# Models beside each other, beside the cell.
BESIDE = "import asyncio; both = asyncio.ensure_future(sw.compare('count', [held, held]))"


@pytest.fixture
def short_answers() -> Iterator[PuppetServer]:
    with PuppetServer() as server:
        yield server


@pytest.mark.smoke
@pytest.mark.fault("F1", "all that came, then the rest, without a gap; Stop works")
@pytest.mark.fault("F2", "the answer is still there: in _chat, in the page, and in the file once that is saved")
def test_views_continue_and_saved_answers_come_in_a_reloaded_page(
    open_notebook: OpenNotebook, demo: DemoServer, short_answers: PuppetServer
) -> None:
    """The reloaded page shows all that came, goes on, and can stop it. Its text is Python's, to the character.

    A page that was reloaded does not get the kernel's replacement, so it makes its own. The file has the answer.
    """
    long, printed = "%%chat --bg --keep -o kept\ncount to 9000", "import json; print(json.dumps(kept.text))"
    short = ["%%chat --client held --bg\ncount", "%%chat --client held\ncount"]
    page = open_notebook([ask(short_answers), long, printed, *short, PRINT_TEXT, BESIDE])
    page.run(0)
    page.run(1)
    wait_longer(page, 1, 40)
    before = live_text(page, 1)
    page.run(3)
    in_background = short_answers.wait_call(1)
    in_background.delta(NUMBERS[:200])
    wait_longer(page, 3, 20)
    page.run(6)
    beside = [short_answers.wait_call(number) for number in (2, 3)]
    for call in beside:
        call.delta("ten")
    page.wait_output(6, "ten")
    expect(view(page, 6)).to_have_count(2)
    saved = page.save().cells
    assert "not finished" in saved[3].outputs[-1].data["text/plain"]
    assert saved[6].outputs[-1].data["text/plain"].count("not finished") == 2
    reload_until_found(page, 1)
    wait_longer(page, 1, len(before))
    assert live_text(page, 1).startswith(before)
    wait_longer(page, 1, len(live_text(page, 1)))
    page.stop_button(1).click()
    expect(view(page, 1)).to_have_attribute("data-outcome", "cancelled")
    assert demo.requests[0].left.wait(SOON)
    assert live_text(page, 1) == printed_text(page, 2).rstrip()
    in_background.delta(NUMBERS[200:])
    in_background.finish()
    wait_static(page, 3, "complete")
    assert saved_text(page, 3) == NUMBERS

    # The answers beside each other have their saved form, and the page finds it again when a person chooses.
    for call in beside:
        call.finish()
    keep = page.output(6).get_by_role("button", name="Keep this one")
    keep.nth(1).click()
    page.wait_output(6, "Kept: 2. ")
    page.wait_output(6, "your choice.")

    # The answer of an awaited cell ends while no page is there. The page finds its kernel when the cell has ended.
    page.run(4)
    awaited = short_answers.wait_call(4)
    awaited.delta(NUMBERS[:200])
    wait_longer(page, 4, 20)
    assert "not finished" in page.save().cells[4].outputs[-1].data["text/plain"]
    page.page.goto("about:blank")
    awaited.delta(NUMBERS[200:])
    awaited.finish()
    reload_until_found(page, 4)
    wait_static(page, 4, "complete")
    assert saved_text(page, 4) == printed_text(page, 5).rstrip() == NUMBERS
    saved = page.save().cells
    for index, words in ((3, "complete"), (4, "complete"), (6, "your choice.")):
        assert WIDGET not in str(saved[index].outputs)
        assert words in saved[index].outputs[-1].data["text/plain"]
    assert_no_error_of_ours(page)
