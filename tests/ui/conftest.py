"""Fixtures of the browser tests. These tests are synchronous: Playwright's loop runs in the tests' thread.

``open_notebook(["print(1)"])`` opens a notebook in JupyterLab and in Notebook 7 (one test each). To use one of them:
``@only_lab``, or ``pytestmark = only_lab``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack

import nbformat
import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from streamwidget.demo import DemoServer
from tests.support.deadlines import SOON
from tests.ui.lab import NotebookPage
from tests.ui.server import Server
from tests.ui.tab import Tab, launch

expect.set_options(timeout=SOON * 1000)
OpenNotebook = Callable[..., NotebookPage]
only_lab = pytest.mark.parametrize("server", ["lab"], indirect=True)
_failed = pytest.StashKey[bool]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test of this directory as one of the browser."""
    for item in items:
        if "tests/ui/" in item.nodeid:
            item.add_marker(pytest.mark.ui)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember a failure, for the picture of its page."""
    report = yield
    if report.when == "call":
        item.stash[_failed] = report.failed
    return report


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One browser for all tests."""
    with sync_playwright() as playwright:
        started = launch(playwright)
        yield started
        started.close()


@pytest.fixture(scope="package")
def _server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Server]]:
    with ExitStack() as stack:
        servers: dict[str, Server] = {}

        def start(app: str) -> Server:
            if app not in servers:
                servers[app] = Server(app, tmp_path_factory.mktemp(app))
                stack.callback(servers[app].close)
            return servers[app]

        yield start


@pytest.fixture(params=["lab", "notebook7"])
def server(request: pytest.FixtureRequest, _server: Callable[[str], Server]) -> Server:
    """Return a running JupyterLab, then a running Notebook 7."""
    return _server(request.param)


@pytest.fixture(scope="package")
def _kept() -> Iterator[dict[str, Tab]]:
    """The tab of each application. To load the application costs several times what a notebook does."""
    tabs: dict[str, Tab] = {}
    yield tabs
    for tab in tabs.values():
        tab.close()


@pytest.fixture(scope="package")
def _demo() -> Iterator[DemoServer]:
    # Its usual answer takes about a second, and "count to 9000" two minutes: more than any wait.
    with DemoServer(tokens_per_second=150) as server:
        yield server


@pytest.fixture
def demo(_demo: DemoServer) -> DemoServer:
    """Return the demo server of all browser tests, with no requests on record. Its address stays, so kernels fit it."""
    _demo.reset()
    return _demo


@pytest.fixture
def open_notebook(
    request: pytest.FixtureRequest, server: Server, browser: Browser, _kept: dict[str, Tab]
) -> Iterator[OpenNotebook]:
    """Return a function that opens a notebook of the given cells. At the end no request may have left 127.0.0.1.

    Its parameters are ``cells``, ``generation`` ("latest", "7.3", "6.x") and ``env`` for the kernel. The kernel's
    provider is the ``demo`` server if the test asks for that fixture.

    The notebook takes the place of the last test's, in the same page of JupyterLab and in the same kernel. That
    kernel is as if it had just started. A test that fails leaves nothing to the next one.
    """
    tabs: list[Tab] = []
    pages: list[NotebookPage] = []
    demo = {"STREAMWIDGET_BASE_URL": request.getfixturevalue("demo").url} if "demo" in request.fixturenames else {}

    def open_cells(
        cells: Sequence[str] | nbformat.NotebookNode,
        *,
        generation: str = "latest",
        env: Mapping[str, str] | None = None,
    ) -> NotebookPage:
        tabs.append(_kept.pop(server.app, None) or Tab(browser))
        name = server.write_notebook(cells, generation=generation, env={**demo, **(env or {})})
        pages.append(NotebookPage(server, tabs[-1], name))
        if demo and generation == "latest" and not env:
            server.start_spare(name)
        return pages[-1]

    try:
        yield open_cells
        failed = request.node.stash.get(_failed, True)
        another = browser.browser_type.name != "chromium"  # its pictures are looked at
        for number, page in enumerate(pages if failed or another else []):
            name = f"{browser.browser_type.name}-{request.node.name}-{number}"
            picture = page.screenshot(re.sub(r"\W+", "-", name).strip("-"))
            if failed:
                print(f"page of the failed test: {picture}", *page.console[-20:], sep="\n")
        if failed and demo:
            print(*request.getfixturevalue("demo").requests, sep="\n")
        elsewhere = [url for page in pages for url in page.requests_elsewhere]
        if pages and not failed and server.app not in _kept and pages[0].leave():
            _kept[server.app] = tabs.pop(0)
    finally:
        for tab in tabs:
            tab.close()
        server.end_kernels()
    assert not elsewhere, "requests left 127.0.0.1"
