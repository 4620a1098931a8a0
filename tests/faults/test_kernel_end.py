"""The kernel ends while it streams: asked to, or killed. The server sees it, and nothing holds the kernel back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.chat_kernels import ChatKernel, start_chat_kernel
from tests.support.deadlines import SOON
from tests.support.kernels import clean_environment

pytestmark = pytest.mark.kernel

#: One stream has ended, one waits for its first byte, one is in mid-answer. With ten more, some are sent by aiohttp.
STREAMS = """
import streamwidget as sw
client = sw.ChatClient()
await client.stream("over", demo={"tokens": 5})
views = [sw.StreamView(client.stream(name, name)) for name in ("demo-silent", "demo-endless")]
views += [sw.StreamView(client.stream("one of many", "demo-silent")) for _ in range(10)]
"""
#: Writes into a file what is not closed when the interpreter ends. Then the kernel's own stderr goes nowhere.
WATCHED = """
import os, socket, sys, warnings
def note(message, *_, to=os.open({path!r}, os.O_WRONLY | os.O_CREAT), write=os.write):
    write(to, f"{{message}}\\n".encode())
warnings.simplefilter("ignore")
warnings.simplefilter("always", ResourceWarning)
warnings.showwarning = sys.unraisablehook = note
forgotten = socket.socket()
"""
#: A process without another task reads an endless answer.
BARE = """
import sys, urllib.request
body = b'{"model": "demo-endless", "stream": true, "messages": [{"role": "user", "content": "bare"}]}'
request = urllib.request.Request(sys.argv[1] + "/chat/completions", body, {"Content-Type": "application/json"})
response = urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request)
while response.read(1000): pass
"""
Seen = Callable[[str], None]


@pytest.fixture
def doomed(generation: str) -> Iterator[ChatKernel]:
    """A kernel of the test's own, to be ended."""
    with start_chat_kernel(generation) as started:
        yield started


def streams_running(chat: ChatKernel) -> None:
    assert chat.execute(STREAMS).status == "ok"
    chat.asked("demo-silent")
    chat.until("views[1].completion.timing.deltas > 20")
    assert chat.execute("await sw.ChatWidget(client).send('over in a chat')").status == "ok"


def seconds_to_leave(chat: ChatKernel, since: float) -> float:
    """Wait until the server has seen both connections close. Return the seconds until the later one."""
    records = [chat.asked("demo-silent"), chat.asked("demo-endless")]
    assert all(record.left.wait(SOON) for record in records)
    return max((record.client_left or 0) - since for record in records)


def seconds_to_exit(pid: int, since: float) -> float:
    while time.monotonic() < since + SOON:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                break
        except psutil.NoSuchProcess:
            break
        time.sleep(0.01)
    else:
        raise AssertionError("the kernel did not exit")
    return time.monotonic() - since


@pytest.mark.parametrize(
    ("generation", "restart"),
    [("latest", False), ("latest", True), ("7.3", False), ("6.x", True)],
    indirect=["generation"],
)
@pytest.mark.fault("K4", "EOF at the server within 1 s; the kernel's exit is not delayed, and nothing warns")
def test_shutdown_and_restart_close_the_connections(
    doomed: ChatKernel, restart: bool, seen: Seen, tmp_path: Path
) -> None:
    """All streams end within a second, or with the process if it exits later. Nothing of ours holds it.

    The interpreter warns of one socket that is not closed, which is the test's own.
    """
    notes = tmp_path / "notes.txt"
    assert doomed.execute(WATCHED.format(path=str(notes))).status == "ok"
    streams_running(doomed)
    pid, since = doomed.pid, time.monotonic()
    doomed.send("shutdown_request", {"restart": restart}, channel="control")
    left, exited = seconds_to_leave(doomed, since), seconds_to_exit(pid, since)
    seen(f"{doomed.generation}: EOF after {left:.2f} s, exit after {exited:.2f} s")
    assert left < max(1, exited + 0.25)
    warned = notes.read_text("utf-8").splitlines()
    assert [note.partition(" fd=")[0] for note in warned] == ["unclosed <socket.socket"], warned


@pytest.mark.fault("K5", "EOF at the server within 0.1 s")
def test_a_killed_kernel_leaves_the_server_at_once(doomed: ChatKernel, seen: Seen) -> None:
    """No other process holds the kernel's connections: they close with that of a bare process, killed too."""
    streams_running(doomed)
    with subprocess.Popen([sys.executable, "-c", BARE, doomed.server.url], env=clean_environment()) as bare:
        record = doomed.asked("bare")
        since = time.monotonic()
        os.kill(bare.pid, signal.SIGKILL)
        os.kill(doomed.pid, signal.SIGKILL)
        left = seconds_to_leave(doomed, since)
        assert record.left.wait(SOON)
    # The same server sees both, and a busy machine may keep it waiting.
    bare_left = (record.client_left or 0) - since
    seen(f"{doomed.generation}: EOF after {left:.3f} s, of a bare process after {bare_left:.3f} s")
    # The table above has the catalogue's 0.1 s. On a busy machine the two looks may be a moment apart.
    assert left - bare_left < 1
