"""What Windows does in another way, arranged on this system. Its loops are in ``tests/client/test_event_loops.py``.

Windows itself runs none of these tests. Each has the part of it that matters here.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from streamwidget._client import mcp_server
from streamwidget._core import files
from streamwidget._many.journal import Journal
from streamwidget._many.results import RowResult
from streamwidget.demo import DemoServer
from tests.support.kernels import ROOT
from tests.support.memory import run_python

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has all this itself")

# On Windows an interrupt ends neither a wait for a lock nor a select: another thread of the process gets it. So it does
# here. It is sent when the main thread waits and has text.
INTERRUPTED = """
import asyncio, os, signal, sys, threading, time
threading.Thread(target=threading.Event().wait, daemon=True).start()
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # in this thread, and in those that it starts
import streamwidget as sw
from streamwidget._core import loop as waits

client, main_thread = sw.ChatClient(sys.argv[1]), threading.get_ident()

def is_waiting():
    frame = sys._current_frames()[main_thread]
    names = set()
    while frame is not None:
        names |= {frame.f_code.co_name} if frame.f_code.co_filename == waits.__file__ else set()
        frame = frame.f_back
    return names & {"run", "result_of", "_run_nested"}

def interrupt(stream):
    while not stream.completion.text or not is_waiting():
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGINT)

def of_another_loop(stream):
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    async def start():
        stream.start()
    asyncio.run_coroutine_threadsafe(start(), loop).result()
    return stream.wait()

async def nested(stream):
    return stream.wait()

for way in (sw.ChatStream.wait, list, of_another_loop, lambda stream: asyncio.run(nested(stream))):
    stream = client.stream("x", "demo-stall")
    threading.Thread(target=interrupt, args=(stream,), daemon=True).start()
    try:
        way(stream)
    except KeyboardInterrupt:
        print(stream.completion.outcome)
"""


def test_an_interrupt_that_wakes_nobody_ends_each_wait(server: DemoServer) -> None:
    """In a script, in its ``for``, for a stream of another thread's loop, and nested. Not at the limit ``stall``."""
    assert run_python(INTERRUPTED, server.url).split() == ["cancelled"] * 4


# Locks a byte as Windows does: for one process, at the place of the file's pointer, for reading too.
MSVCRT = """
import os, sys, types
import fcntl
def locking(file, mode, size):
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, size, os.lseek(file, 0, os.SEEK_CUR))
    except BlockingIOError:
        raise PermissionError(13, "Permission denied") from None
sys.modules["msvcrt"] = types.SimpleNamespace(LK_NBLCK=2, locking=locking)
sys.modules["fcntl"] = None
"""
OPENS = f"from streamwidget._many.journal import Journal\n{MSVCRT}\nJournal(sys.argv[1])"


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the functions of POSIX that files use."""
    for name in ("fchmod", "fchown", "pread", "O_NONBLOCK", "O_CLOEXEC"):
        monkeypatch.delattr(os, name)
    monkeypatch.setitem(sys.modules, "msvcrt", None)  # undone after the test
    monkeypatch.setitem(sys.modules, "fcntl", sys.modules.get("fcntl"))
    exec(MSVCRT, {})


@pytest.mark.usefixtures("bare")
@pytest.mark.fault("B5", "the second one is refused, in words, before anything is sent")
def test_one_batch_writes_a_file(tmp_path: Path) -> None:
    """Another process is refused until the first one has closed the file. It has the rows, and nothing else."""
    path = tmp_path / "rows.jsonl"
    for text in ("Elbe", "Grüße 😀"):
        journal = Journal(path)
        journal.add(text, RowResult(0, text, text, "complete"))
        ran = subprocess.run([sys.executable, "-c", OPENS, path], cwd=ROOT, capture_output=True, text=True, check=False)
        assert "A batch of another process writes" in ran.stderr
        found = journal.find(text)
        assert found is not None
        assert found.text == text
        journal.close()
    Journal(path).close()
    assert len(path.read_bytes().splitlines()) == 2


@pytest.mark.usefixtures("bare")
def test_files_are_written_and_read(tmp_path: Path) -> None:
    """As they are: a line's end stays one character."""
    path = tmp_path / "talk.json"
    for text in ("one\nGrüße 😀\n", "two\n"):
        files.check_writable(path)
        files.write_text(path, text)
        assert (path.read_bytes().decode(), files.read_text(path)) == (text, text)
    path.write_bytes(b"one\r\ntwo\r\n")
    assert files.read_text(path) == "one\ntwo\n"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (r"C:\tools\clock.exe --utc", [r"C:\tools\clock.exe", "--utc"]),
        (
            r'"C:\Program Files\clock.exe" --zone "Europe/Zurich"',
            [r"C:\Program Files\clock.exe", "--zone", "Europe/Zurich"],
        ),
        ("uvx mcp-server-time", ["uvx", "mcp-server-time"]),
    ],
)
def test_the_path_of_an_mcp_server_keeps_its_backslashes(
    monkeypatch: pytest.MonkeyPatch, command: str, words: list[str]
) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert mcp_server._words(command) == words
