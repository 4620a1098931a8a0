"""The model's server and the browser of a file of these tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from streamwidget.demo import DemoServer
from tests.support.deadlines import SOON
from tests.ui.tab import launch


@pytest.fixture(scope="module")
def model() -> Iterator[DemoServer]:
    with DemoServer(tokens_per_second=30) as server:  # ten minutes of "count to 9000", more than a busy machine needs
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=SOON * 1000)
    with sync_playwright() as playwright:
        started = launch(playwright)
        yield started
        started.close()
