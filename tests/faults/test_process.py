"""Processes forked in mid-stream: they have the parent's memory, sockets and selector, but not its loop."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from streamwidget.demo import DemoServer
from tests.support.deadlines import START
from tests.support.kernels import ROOT, clean_environment, start_kernel

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no fork there")

#: ``child(function)`` forks, calls the function there, and returns the result or the exception through a pipe.
CHILD = """
import json, os, sys, time
import streamwidget as sw

def child(function):
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            said = function()
        except BaseException as exc:
            said = f"{type(exc).__name__}: {exc}"
        os.write(write, json.dumps(said).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        said = json.loads(pipe.read())
    os.waitpid(pid, 0)
    return said
"""

SCRIPT = """
from streamwidget._client import http
http._DRAIN = 60  # a busy server may be late with the end of a response
client = sw.ChatClient()
before = client.stream("before", demo={"tokens": 3}).wait()
in_child = child(lambda: client.stream("in the child", demo={"tokens": 5}).wait().timing.deltas)
after = client.stream("after", demo={"tokens": 3}).wait()
print(json.dumps([before.outcome, in_child, after.outcome]))
"""

RUNNING = """
import asyncio
from tests.support.deadlines import SOON

async def main():
    stream = client.stream("parent", demo={"tokens": 120, "tokens_per_second": 100})
    task = asyncio.ensure_future(stream)
    while not stream.completion.text:
        await asyncio.sleep(0.01)
    def in_child():
        stream.cancel()  # as the end of the copy of a view does
        try:
            stream.wait()
        except RuntimeError as exc:
            return str(exc)
    refused = child(in_child)
    own = child(lambda: client.stream("in the child", demo={"tokens": 5}).wait().timing.deltas)
    completion = await task
    print(json.dumps([refused, own, completion.outcome, completion.timing.deltas]))

client = sw.ChatClient()
asyncio.run(main())
"""

WITHIN = """
client = sw.ChatClient()
stream = client.stream("parent", demo={"tokens": 120, "tokens_per_second": 100})
children = []

def fork(events):
    if not children and stream.completion.timing.deltas > 10:
        children.append(os.fork())

stream.subscribe(fork)
try:
    said = stream.wait().outcome
except sw.StreamError as exc:
    said = str(exc)
kept = stream.completion
if children[0] == 0:
    later = client.stream("in the child", demo={"tokens": 5}).wait().timing.deltas
    print(json.dumps([said, kept.outcome, bool(kept.text), later]), flush=True)
    os._exit(0)
os.waitpid(children[0], 0)
print(json.dumps([said, kept.timing.deltas, client.stream("later", demo={"tokens": 3}).wait().outcome]))
"""

POOL = """
import multiprocessing as mp

def ask(number):
    return sw.ChatClient().stream(f"pool {number}", demo={"tokens": number}).wait().timing.deltas

sw.ChatClient().stream("before", demo={"tokens": 3}).wait()
with mp.get_context("fork").Pool(2) as pool:
    print(json.dumps(pool.map(ask, [4, 5, 6])))
"""

DEMO = """
print(json.dumps([
    sw.ChatClient().stream("count to 2").wait().outcome,
    child(lambda: sw.ChatClient().stream("count to 3").wait().outcome),
    sw.ChatClient().stream("count to 4").wait().outcome,
]))
"""


#: Ways to start a process that outlives the stream and may hold its socket. Each returns its id.
CHILDREN = {
    "spawn": "os.posix_spawn(sys.executable, [sys.executable, '-c', 'input()'], os.environ, file_actions=stdin)",
    "exec": "subprocess.Popen([sys.executable, '-c', 'input()'], stdin=read, close_fds=False).pid",
    "fork": "os.fork() or os._exit(not os.read(read, 1))",
    "shell": "subprocess.Popen(f'{sys.executable} -c \"input()\"', shell=True, stdin=read).pid",
}
OUTLIVES = """
import asyncio, os, subprocess, sys
async def main():
    client = sw.ChatClient()
    stream = client.stream("parent", "demo-stall")
    stream.start()
    while not stream.completion.text:
        await asyncio.sleep(0.01)
    read, write = os.pipe()
    stdin = [(os.POSIX_SPAWN_DUP2, read, 0)]
    pid = %s
    stream.cancel()
    first = (await stream).outcome
    assert sys.stdin.readline() == "the server saw it\\n"
    later = (await client.stream("later")).outcome
    os.write(write, b"\\n")
    os.close(write)
    os.waitpid(pid, 0)
    print(json.dumps([first, later]))
asyncio.run(main())
"""


@pytest.fixture
def server() -> Iterator[DemoServer]:
    with DemoServer(tokens_per_second=0, first_delta=0) as started:
        yield started


def run_all(code: str, url: str | None) -> list[object]:
    """Return what each line printed, the parent's last."""
    env = clean_environment({"STREAMWIDGET_BASE_URL": url} if url else None)
    command = [sys.executable, "-W", "ignore", "-c", CHILD + code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=START, env=env, cwd=ROOT, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


def run(code: str, url: str | None) -> object:
    (said,) = run_all(code, url)
    return said


@pytest.mark.fault("K15", "the child uses a loop and connections of its own; the parent's go on")
def test_a_forked_child_uses_a_loop_and_a_connection_of_its_own(server: DemoServer) -> None:
    """Parent, child, parent again: all complete. The child uses another connection than the parent."""
    assert run(SCRIPT, server.url) == ["complete", 5, "complete"]
    before, child, after = (record.connection for record in server.requests)
    assert child != before
    assert after == before


@pytest.mark.fault("K15", "what the child does to its copy of a running stream does not reach the parent's")
def test_a_forked_child_leaves_its_parents_stream_alone(server: DemoServer) -> None:
    """Its cancel() does nothing and its wait() says why. A new stream works there, and the parent's completes."""
    refused, own, outcome, deltas = run(RUNNING, server.url)  # type: ignore[misc]
    assert "forked" in refused
    assert (own, outcome, deltas) == (5, "complete", 120)
    assert {record.client_left for record in server.requests} == {None}


@pytest.mark.fault("K15", "a child that goes on within the parent's wait() is told so, and keeps the text")
def test_a_fork_within_a_wait_ends_in_words(server: DemoServer) -> None:
    """A subscriber forks. In the child the stream is cut, in words, and a new one works. The parent's completes."""
    child, parent = run_all(WITHIN, server.url)
    said = "The stream runs in the process that this one was forked from. Make a new stream."
    assert child == [said, "interrupted", True, 5]
    assert parent == ["complete", 120, "complete"]


@pytest.mark.parametrize("how", CHILDREN)
@pytest.mark.fault("K30", "a Stop closes the connection, whatever the child holds, and the next stream is whole")
def test_a_child_does_not_keep_the_connection_open(server: DemoServer, how: str) -> None:
    """A process that is started in mid-stream outlives it. A Stop reaches the server all the same."""
    env = clean_environment({"STREAMWIDGET_BASE_URL": server.url})
    command = [sys.executable, "-W", "ignore", "-c", CHILD + OUTLIVES % CHILDREN[how]]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env, cwd=ROOT) as ran:
        (record, *_) = server.wait_for_requests(1, START)
        assert record.left.wait(START)
        said, _ = ran.communicate("the server saw it\n", timeout=START)
    assert json.loads(said) == ["cancelled", "complete"]


@pytest.mark.fault("K15", "the workers of a forked pool stream")
def test_a_forked_pool_streams(server: DemoServer) -> None:
    """``multiprocessing`` after a stream in the parent: every worker gets its answers."""
    assert run(POOL, server.url) == [4, 5, 6]


@pytest.mark.fault("K15", "a child has a demo server of its own")
def test_a_forked_child_has_a_demo_server_of_its_own() -> None:
    """With nothing configured parent and child both get answers, whoever asks first."""
    assert run(DEMO, None) == ["complete"] * 3


IN_A_CELL = (
    CHILD
    + """
client = sw.ChatClient()
view = sw.StreamView(client.stream("parent", demo={"tokens": 120, "tokens_per_second": 100}))
own = child(lambda: [view.close(), client.stream("in the child", demo={"tokens": 5}).wait().timing.deltas])
completion = await view
print(own, completion.outcome, completion.timing.deltas)
"""
)


@pytest.mark.kernel
@pytest.mark.fault("K15", "a fork in a cell leaves the kernel's streams alone")
@pytest.mark.parametrize("generation", ["latest", "6.x"])
def test_a_fork_in_a_cell_leaves_the_kernels_streams_alone(server: DemoServer, generation: str) -> None:
    """A child closes its copy of a view and streams for itself. The view in the kernel completes."""
    with start_kernel(generation, {"STREAMWIDGET_BASE_URL": server.url}) as kernel:
        cell = kernel.execute(IN_A_CELL)
        assert cell.traceback == []
        assert cell.stdout == "[None, 5] complete 120\n"
        assert kernel.execute("(await client.stream('later')).outcome").text == "'complete'"
