"""Event loops of other systems, and what is left when the interpreter ends."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

import streamwidget as sw
from streamwidget.demo import DemoServer
from tests.support.deadlines import SOON
from tests.support.kernels import ROOT, clean_environment
from tests.support.memory import run_python

SIGNALS = ("add_signal_handler", "remove_signal_handler")
READERS = ("add_reader", "add_writer")  # asyncio itself calls the two that remove
SUBPROCESSES = ("subprocess_exec", "subprocess_shell")
# What asyncio's documentation says that Windows lacks.
WINDOWS = {"proactor": (*SIGNALS, *READERS), "selector": (*SIGNALS, *SUBPROCESSES)}


def windows_loop(kind: str) -> asyncio.AbstractEventLoop:
    """Return a loop of this system without what the loop of Windows lacks."""

    def missing(*_: object) -> None:
        raise NotImplementedError

    loop = asyncio.SelectorEventLoop()
    for name in WINDOWS[kind]:
        assert hasattr(loop, name)
        setattr(loop, name, missing)
    return loop


def use_windows_loop(kind: str, url: str) -> list[str | None]:
    """Stream, stop, fail, and wait in a loop that runs. Return the outcomes."""

    async def use() -> list[str | None]:
        client = sw.ChatClient(url)
        whole = await client.stream("count to 3")
        stopped = client.stream("count to 3", model="demo-slow")
        async for _ in stopped:
            stopped.cancel()
        failed = client.stream("count to 3", model="demo-401")
        with pytest.raises(sw.StreamError):
            await failed
        waited = client.stream("count to 3").wait()
        return [one.outcome for one in (whole, stopped.completion, failed.completion, waited)]

    with asyncio.Runner(loop_factory=lambda: windows_loop(kind)) as runner:
        return runner.run(use())


@pytest.mark.parametrize("kind", WINDOWS)
def test_a_loop_like_one_of_windows_is_enough(running: DemoServer, kind: str) -> None:
    """In a process of its own, because the wait patches asyncio."""
    code = f"import {__name__} as test, sys; print(*test.use_windows_loop(*sys.argv[1:]))"
    assert run_python(code, kind, running.url).split() == ["complete", "cancelled", "http_error", "complete"]


LEAVES = """
import asyncio, contextlib, sys, threading
import streamwidget as sw

def length(river: str) -> int:
    return 1094

async def main(url):
    client = sw.ChatClient(url)
    await client.stream("count to 3")
    stopped = client.stream("count to 3", model="demo-slow")
    async for _ in stopped:
        stopped.cancel()
    with contextlib.suppress(sw.StreamError):
        await client.stream("count to 3", model="demo-401")
    await sw.StreamView(client.stream("count to 3"))
    many = [client.stream("count to 3", model=model) for model in ["demo"] * 10 + ["demo-slow"] * 10]
    for one in many:
        one.start()
    await asyncio.gather(*many[:10])
    assert "aiohttp" in sys.modules  # so many are sent by it
    await sw.race("count to 3", client=client)
    await client.stream("x", model="demo-tools", tools=[length], confirm="never")
    await client.stream("A river", as_=str)
    left = client.stream("count to 3", model="demo-slow")
    async for _ in left:
        break

async def nested(url):
    sw.ChatClient(url).stream("count to 3").wait()

asyncio.run(main(sys.argv[1]))
asyncio.run(nested(sys.argv[1]))
asyncio.run(main(sys.argv[1]))  # asyncio is patched now
thread = threading.Thread(target=lambda: sw.ChatClient(sys.argv[1]).stream("count to 3").wait())
thread.start()
thread.join()
del thread
sw.ChatClient(sys.argv[1]).stream("count to 3").wait()
next(iter(sw.ChatClient(sys.argv[1]).stream("count to 3", model="demo-slow")))
print(sw.ChatClient().stream("count to 3").wait().outcome)  # the demo server of the process
"""


def test_the_interpreter_ends_without_a_resource_warning(running: DemoServer) -> None:
    """After streams that ended, were stopped, failed, were left, were many at once, and were waited for.

    In loops of ``asyncio.run``, nested, in a thread, and in loops after a nested one.
    """
    command = [sys.executable, "-W", "error", "-c", LEAVES, running.url]
    environment = clean_environment({"PYTHONPATH": str(ROOT)})
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=SOON, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "complete\n", "")
