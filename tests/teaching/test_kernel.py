"""The race and the table in a real kernel: the outputs of a cell while they run, and at the end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from streamwidget.demo import DemoServer
from tests.support.deadlines import SOON
from tests.support.kernels import Execution, Kernel, start_kernel

pytestmark = pytest.mark.kernel

WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture(scope="module")
def demo() -> Iterator[DemoServer]:
    with DemoServer() as server:
        yield server


@pytest.fixture(scope="module")
def kernel(demo: DemoServer) -> Iterator[Kernel]:
    """One kernel of the latest generation, for all tests here."""
    with start_kernel("latest", {"STREAMWIDGET_BASE_URL": demo.url}) as started:
        assert started.execute("import streamwidget as sw\nfrom streamwidget.teaching import compare").status == "ok"
        yield started


def shown(cell: Execution) -> dict[str, str]:
    """Return the mime bundle of a cell with one output, besides its error if it failed."""
    (output,) = (output for output in cell.outputs if output["output_type"] != "error")
    data: dict[str, str] = output["data"]
    return data


def test_a_race_shows_its_views_and_then_its_picture_once(kernel: Kernel, demo: DemoServer) -> None:
    """One output holds the widgets first and the picture at the end. The result is shown again in later cells only."""
    cell = kernel.execute("race = await sw.race('count to 9')\nrace")
    assert cell.status == "ok"
    kinds = [set(message.content["data"]) for message in cell.messages if "display_data" in message.type]
    assert WIDGET in kinds[0]
    assert kinds[-1] == {"text/html", "text/plain"}
    assert "data:image/svg+xml" in shown(cell)["text/html"]
    later = kernel.execute("race")
    assert shown(later)["text/html"] == shown(cell)["text/html"]


def test_an_interrupt_ends_both_and_leaves_the_picture(kernel: Kernel, demo: DemoServer) -> None:
    """Both connections close, and both answers are shown as stopped."""
    demo.reset()
    cell = kernel.execute_async("await sw.race('Write a long essay.', model='demo-stall')")
    for record in demo.wait_for_requests(2, timeout=SOON):
        assert not record.left.is_set()
    kernel.interrupt()
    cell.wait()
    assert cell.status == "error"
    assert all(record.left.wait(SOON) for record in demo.requests)
    assert shown(cell)["text/html"].count("stopped by you; ") == 2


def test_the_table_fills_in_one_place(kernel: Kernel) -> None:
    """The table is shown once: empty first, then updated with each trial."""
    cell = kernel.execute("await compare(['none', 'cut'])", timeout=60)
    assert cell.status == "ok"
    tables = [message.content["data"]["text/plain"] for message in cell.messages if "display_data" in message.type]
    assert tables[0].count("...") == len(tables) - 1 >= 2
    assert "..." not in shown(cell)["text/plain"]
    assert "streamwidget returned it whole" in shown(cell)["text/plain"]
