"""Fixtures for all tests: real kernels, and a demo server to point them at."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from tests.support.children import watch_children
from tests.support.deadlines import SOON
from tests.support.kernels import GENERATIONS, Kernel, start_kernel

if TYPE_CHECKING:
    from streamwidget.demo import DemoServer
    from tests.support.chat_kernels import ChatKernel

# A shell that runs us in the background has SIGINT ignored, and so would everything that the tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)
watch_children()
# A busy machine is slow, and that is never what a property is about. CI tries the same examples each time: a new
# finding belongs to the person who runs the tests, not to the next one who submits something.
settings.register_profile(
    "ours", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize="CI" in os.environ
)
settings.load_profile("ours")

pytest_plugins = ["tests.faults.table"]
# The longest files first. The lessons mostly wait while the browser works. The quick files fill the end of a run.
_FIRST = (
    "tests/teaching/test_notebooks",
    "tests/ui/test_teaching_page",
    "tests/ui/test_chat_widget",
    "tests/ui/test_hostile",
    "tests/ui/",
    "tests/saved/test_saved",
    "tests/faults/test_kernel",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest. Within a file the order stays."""
    items.sort(
        key=lambda item: next((n for n, start in enumerate(_FIRST) if item.nodeid.startswith(start)), len(_FIRST))
    )


@pytest.fixture
def demo() -> Iterator[DemoServer]:
    """A demo server of the test's own."""
    from streamwidget.demo import DemoServer

    with DemoServer() as server:
        yield server


@pytest.fixture(scope="module")
def running() -> Iterator[DemoServer]:
    """A demo server that answers as fast as it can, shared by a module."""
    from streamwidget.demo import DemoServer

    with DemoServer(tokens_per_second=0, first_delta=0) as server:
        yield server


@pytest.fixture
def server(running: DemoServer) -> DemoServer:
    """Return the module's demo server, with no requests on record."""
    running.reset()
    return running


@pytest.fixture
def drained(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a client wait as long as a busy server needs to end a response, so that it uses its connection again."""
    monkeypatch.setattr("streamwidget._client.http._DRAIN", SOON)


@pytest.fixture(params=["httpx", "aiohttp"])
def sender(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run the test over httpx alone, and again over aiohttp, as if many streams were open."""
    monkeypatch.setattr("streamwidget._client.transport._MANY", 10**9 if request.param == "httpx" else -1)
    return str(request.param)


@pytest.fixture(params=GENERATIONS)
def generation(request: pytest.FixtureRequest) -> str:
    """Each supported generation of ipykernel: latest, 7.3, 6.x. Parametrize it indirectly to choose some."""
    return str(request.param)


@pytest.fixture
def kernel_env(request: pytest.FixtureRequest) -> dict[str, str]:
    """The kernel's settings: the ``demo`` server's address if the test asks for that fixture. Override to add some."""
    if "demo" in request.fixturenames:
        return {"STREAMWIDGET_BASE_URL": request.getfixturevalue("demo").url}
    return {}


@pytest.fixture
def kernel(generation: str, kernel_env: dict[str, str]) -> Iterator[Kernel]:
    """A fresh kernel of each generation."""
    with start_kernel(generation, kernel_env) as started:
        yield started


@pytest.fixture(scope="session")
def chat_kernels() -> Iterator[Callable[[str], ChatKernel]]:
    """Return a function that gives the kernel of a generation for :func:`chat`, as if it had just started."""
    from tests.support.chat_kernels import start_chat_kernel

    started: dict[str, ChatKernel] = {}
    with ExitStack() as stack:

        def get(generation: str) -> ChatKernel:
            if generation in started:
                started[generation].renew()
            else:
                started[generation] = stack.enter_context(start_chat_kernel(generation))
            return started[generation]

        yield get


@pytest.fixture(scope="module", params=GENERATIONS)
def chat(request: pytest.FixtureRequest, chat_kernels: Callable[[str], ChatKernel]) -> Iterator[ChatKernel]:
    """A kernel of each generation with the extension loaded and a demo server of its own.

    The tests of a module share its names. All modules share its process.
    """
    kernel = chat_kernels(request.param)
    yield kernel
    kernel.check()


@pytest.fixture(autouse=True)
def _asyncio_is_its_own() -> Iterator[None]:
    """Fail the test that patches asyncio. Otherwise tests that this process runs later would fail.

    A wait in a running loop patches it, for good. From then on ``asyncio.run`` does not close its loop. Such a test
    needs a kernel or another process.
    """
    before = asyncio.run
    yield
    assert asyncio.run is before, "asyncio is patched for all tests to come. Wait in a process of the test's own."


@pytest.fixture(autouse=True)
def _no_defaults() -> Iterator[None]:
    """Clear the settings that a test's shell made for all clients of this process."""
    yield
    config = sys.modules.get("streamwidget._client.config")
    if config is not None:
        config.set_defaults(config.Defaults())
