"""The memory of a notebook page for answers long gone: a hundred of 20 KB, again and again."""

from __future__ import annotations

import statistics
import tempfile
from itertools import pairwise
from pathlib import Path

from playwright.sync_api import CDPSession, sync_playwright

from streamwidget.demo import DemoServer
from tests.benchmarks.report import Figure
from tests.ui.lab import NotebookPage
from tests.ui.server import Server
from tests.ui.tab import CHROMIUM_FLAGS, Tab, find_chromium

CYCLES = 7
WARM = 2  # of these: the page loads and compiles
SETTLED = 2500  # milliseconds: anywidget holds a model for 2 s, the limit of its start
TARGET = 0.5  # MB a cycle. Ordinary widgets take 2.0
SHARE = 0.25  # of the memory of ordinary widgets here

_SETUP = """
%load_ext streamwidget
import asyncio, ipywidgets, streamwidget as sw
from IPython.display import HTML, clear_output, display
from streamwidget._notebook import display
text = "The quick brown fox jumps over the lazy dog. " * 455  # 20 KB
pieces = [text[i:i + 200] for i in range(0, len(text), 200)]
client = sw.ChatClient()

async def answer():
    stream = client.stream("flat", demo=dict(pieces=pieces, tokens_per_second=0))
    display.present(stream, get_ipython(), keep=False)
    await stream

async def ordinary():
    widget = ipywidgets.HTML()
    handle = display(widget, display_id=True)
    for end in range(0, len(text) + 1, 1000):
        widget.value = text[:end]
        await asyncio.sleep(0.001)
    handle.update(HTML(text))
    widget.close()

async def cycle(show):
    for _ in range(5):
        for _ in range(5):  # JupyterLab draws at most 50 in a cell
            await asyncio.gather(*(show() for _ in range(4)))
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.3)
        clear_output()
"""


def measure() -> Figure:
    """Show, freeze and clear a hundred answers in a JupyterLab cell, and as many ordinary widgets beside them."""
    figure = Figure("Memory of the page: 100 answers of 20 KB shown, frozen and cleared, a cycle")
    with (
        tempfile.TemporaryDirectory(prefix="sw-bench-") as directory,
        DemoServer(tokens_per_second=0, first_delta=0) as demo,
        sync_playwright() as playwright,
    ):
        server = Server("lab", Path(directory))
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=[*CHROMIUM_FLAGS])
        try:
            found: dict[str, list[float]] = {}
            for show in ("answer", "ordinary"):
                name = server.write_notebook(
                    [_SETUP.lstrip("\n"), f"await cycle({show})"], env={"STREAMWIDGET_BASE_URL": demo.url}
                )
                page = NotebookPage(server, Tab(browser), name)
                found[show] = _growth(page)
                page.page.close()
                server.end_kernels()
        finally:
            browser.close()
            server.close()
    ours, theirs = (statistics.median(found[show]) for show in ("answer", "ordinary"))
    figure.at_most("streamwidget, growth a cycle (median)", ours, TARGET, "{:.2f} MB")
    figure.add("ipywidgets.HTML, closed after its replacement", f"{theirs:.2f} MB")
    figure.at_most("streamwidget's share of that", ours / theirs, SHARE, "{:.2f}")
    figure.notes += [
        f"JavaScript heap after a collection, of {CYCLES - WARM} cycles after the first {WARM}: "
        + "; ".join(f"{show} {', '.join(f'{mb:+.2f}' for mb in grown)}" for show, grown in found.items()),
        "What stays of a closed widget is the host's: its loader's module, and its comm, which listens to the kernel.",
    ]
    return figure


def _growth(page: NotebookPage) -> list[float]:
    cdp = page.page.context.new_cdp_session(page.page)
    cdp.send("Performance.enable")
    page.run(0)
    page.finish(0)
    sizes = []
    for _ in range(CYCLES):
        page.run(1)
        page.finish(1, timeout=180)
        page.page.wait_for_function("() => !document.querySelector('.streamwidget, .widget-html')")
        page.page.wait_for_timeout(SETTLED)
        sizes.append(_heap_mb(cdp))
    return [later - earlier for earlier, later in pairwise(sizes[WARM - 1 :])]


def _heap_mb(cdp: CDPSession) -> float:
    for _ in range(3):  # the first one may free objects that hold more
        cdp.send("HeapProfiler.collectGarbage")
    metrics = {metric["name"]: metric["value"] for metric in cdp.send("Performance.getMetrics")["metrics"]}
    return float(metrics["JSHeapUsedSize"]) / 1e6
