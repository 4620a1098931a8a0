"""Stop, Escape and the kernel interrupt in a real page: the server sees the connection close, and the text stays."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from streamwidget.demo import DemoServer
from tests.support.deadlines import SOON
from tests.ui.conftest import OpenNotebook, only_lab
from tests.ui.lab import NotebookPage
from tests.ui.live import (
    LOAD,
    PRINT_TEXT,
    assert_no_error_of_ours,
    error_lines,
    live_text,
    printed_text,
    saved_text,
    view,
    wait_longer,
    wait_static,
)

ENDLESS = "count to 9000"
CHAT = f"%%chat\n{ENDLESS}"
BACKGROUND = f"%%chat --bg\n{ENDLESS}"
OUTCOME = "print(_chat.outcome)"
ASLEEP = "import time; print('asleep', flush=True); time.sleep(600)"
BLOCKING = f"def ask():\n    %chat {ENDLESS}\n\nask()"


def assert_closed(demo: DemoServer, number: int) -> None:
    """The server's request ``number``, from 1, has ended because the client left."""
    record = demo.wait_for_requests(number, SOON)[number - 1]
    assert record.left.wait(SOON), "the server did not see the connection close"


def stop_in_mid_answer(page: NotebookPage, index: int, demo: DemoServer, number: int) -> str:
    """Click Stop in the cell's live view, and return the text before it. The server's request ``number`` has ended."""
    wait_longer(page, index, 40)
    shown = live_text(page, index)
    page.stop_button(index).click()
    assert_closed(demo, number)
    return shown


def assert_kept(page: NotebookPage, index: int, shown: str) -> None:
    """The saved answer in the cell begins with the text that was ``shown`` live, and says that it was stopped."""
    wait_static(page, index, "stopped by you; the text so far is kept")
    assert saved_text(page, index).startswith(shown)
    assert len(shown) > 20


def assert_error(page: NotebookPage, index: int, line: str) -> None:
    """The cell's error is one line that contains ``line``."""
    (only,) = error_lines(page, index)
    assert line in only


@pytest.mark.smoke
def test_stop_escape_and_an_interrupt_end_the_stream(open_notebook: OpenNotebook, demo: DemoServer) -> None:
    """The answer is kept, marked as stopped. Stop and Escape end the cell with status ok, so the queued cells run.

    The notebook's own interrupt closes the connection too, but then the cell fails, with one line.
    """
    page = open_notebook([LOAD, CHAT, OUTCOME, CHAT, PRINT_TEXT, CHAT, PRINT_TEXT])
    page.run_all()
    shown = stop_in_mid_answer(page, 1, demo, 1)
    page.wait_output(2, "cancelled")
    assert_kept(page, 1, shown)

    wait_longer(page, 3, 40)
    shown = live_text(page, 3)
    page.stop_button(3).press("Escape")
    assert_closed(demo, 2)
    text = json.loads(page.printed(4))
    assert_kept(page, 3, shown)
    assert text.rstrip() == saved_text(page, 3)

    wait_longer(page, 5, 40)
    shown = live_text(page, 5)
    page.command("notebook:interrupt-kernel")
    assert_closed(demo, 3)
    page.finish(None)
    assert_kept(page, 5, shown)
    assert_error(page, 5, "Interrupted: the stream is closed")
    saved = page.save().cells
    assert not saved[6].outputs
    assert not any(output.output_type == "error" for cell in saved[:5] for output in cell.outputs)
    assert printed_text(page, 6).rstrip() == saved_text(page, 5)
    assert_no_error_of_ours(page)


@pytest.mark.fault("K13", "ipykernel 7: the server sees EOF at once, the cell goes on, the outcome is cancelled")
@only_lab
@pytest.mark.parametrize("generation", ["latest", "7.3"])
def test_stop_reaches_a_kernel_that_a_cell_blocks(
    open_notebook: OpenNotebook, demo: DemoServer, generation: str
) -> None:
    """Stop works in a call that waits synchronously, and beside a cell that sleeps: the server's EOF comes at once.

    In an awaited cell too, where the message comes in another thread on the older kernel.
    """
    page = open_notebook([LOAD, BLOCKING, OUTCOME, BACKGROUND, ASLEEP, CHAT, OUTCOME], generation=generation)
    for index in range(3):
        page.run(index)
    shown = stop_in_mid_answer(page, 1, demo, 1)
    page.wait_output(2, "cancelled")
    assert_kept(page, 1, shown)

    page.run(3)
    wait_longer(page, 3, 40)
    page.run(4)
    page.wait_output(4, "asleep")
    page.stop_button(3).click()
    assert_closed(demo, 2)
    expect(page.cell(4).locator(".jp-InputPrompt")).to_contain_text("*")
    page.command("notebook:interrupt-kernel")
    page.finish(4)
    wait_static(page, 3, "stopped")

    page.run(5)
    page.run(6)
    shown = stop_in_mid_answer(page, 5, demo, 3)
    page.wait_output(6, "cancelled")
    assert_kept(page, 5, shown)
    assert_no_error_of_ours(page)


@pytest.mark.fault("K13", "ipykernel 6: an awaited cell is interrupted instead; beside another cell the stop is queued")
def test_a_kernel_without_subshells_is_interrupted_by_stop_in_the_answers_own_cell(
    open_notebook: OpenNotebook, demo: DemoServer, seen: Callable[[str], None]
) -> None:
    """On ipykernel 6 Stop ends a --bg stream if no cell runs. In an awaited cell the page interrupts the kernel."""
    page = open_notebook([LOAD, BACKGROUND, CHAT, BACKGROUND, ASLEEP], generation="6.x")
    page.run(0)
    page.run(1)
    page.finish(1)
    shown = stop_in_mid_answer(page, 1, demo, 1)
    assert_kept(page, 1, shown)

    page.run(2)
    wait_longer(page, 2, 40)
    shown = live_text(page, 2)
    clicked = time.monotonic()
    page.stop_button(2).click()
    assert_closed(demo, 2)
    seen(f"closed {time.monotonic() - clicked:.1f} s after the click")
    page.finish(2)
    assert_kept(page, 2, shown)
    assert_error(page, 2, "Interrupted: the stream is closed")

    page.run(3)
    page.finish(3)
    wait_longer(page, 3, 40)
    page.run(4)
    page.wait_output(4, "asleep")
    page.stop_button(3).click()
    expect(view(page, 3).locator(".streamwidget-state")).to_contain_text("kernel busy: the stop is queued")
    expect(page.cell(4).locator(".jp-InputPrompt")).to_contain_text("*")
    page.command("notebook:interrupt-kernel")
    assert_closed(demo, 3)
    wait_static(page, 3, "stopped")
    assert_no_error_of_ours(page)
