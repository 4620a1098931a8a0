"""``await sw.show(source)`` in a real page: a blocking source streams, heeds the Stop button, and leaves its answer."""

from __future__ import annotations

from tests.ui.conftest import OpenNotebook, only_lab
from tests.ui.live import assert_no_error_of_ours, live_text, saved_text, view, wait_longer, wait_static

IMPORTS = "import threading, time, streamwidget as sw"
ENDLESS = """
def words():
    for number in range(10**9):
        yield f"word{number} "
        time.sleep(0.02)

shown = await sw.show(words())
"""
BLOCKED = """
def words():
    yield "As far as it came, and no further than this."
    threading.Event().wait(120)

shown = await sw.show(words())
"""
FAILS = """
def words():
    yield "As far as it came."
    raise ConnectionError("the line is dead")

failed = sw.StreamView(words())
failed
"""
OUTCOME = "print(shown.outcome)"


@only_lab
def test_stop_ends_a_source_that_blocks(open_notebook: OpenNotebook) -> None:
    """At its next item, or without one: then the line under the answer says that it was abandoned."""
    page = open_notebook([IMPORTS, ENDLESS, OUTCOME, BLOCKED, OUTCOME])
    page.run_all()
    wait_longer(page, 1, 40)
    shown = live_text(page, 1)
    page.stop_button(1).click()
    page.wait_output(2, "cancelled")
    wait_static(page, 1, "stopped by you; the text so far is kept")
    assert saved_text(page, 1).startswith(shown.strip())

    wait_longer(page, 3, 20)
    page.stop_button(3).click()
    page.wait_output(4, "cancelled")
    wait_static(page, 3, "abandoned")
    assert "As far as it came" in saved_text(page, 3)
    page.finish(None)
    assert_no_error_of_ours(page)


@only_lab
def test_a_view_of_a_source_that_failed_offers_no_remedy(open_notebook: OpenNotebook) -> None:
    """It stays, with the text and the reason, and has neither Retry nor Continue."""
    page = open_notebook([IMPORTS, FAILS])
    page.run_all()
    root = view(page, 1)
    root.locator(".streamwidget-outcome", has_text="error (ConnectionError: the line is dead)").wait_for()
    assert "As far as it came." in live_text(page, 1)
    assert root.get_by_role("button", name="Retry").count() == 0
    assert root.get_by_role("button", name="Continue").count() == 0
    page.finish(None)
    assert_no_error_of_ours(page)
