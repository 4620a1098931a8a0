"""wait(): in a script, in a thread, and inside a running loop."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import streamwidget as sw
from streamwidget.demo import DemoServer
from tests.support.deadlines import SOON
from tests.support.kernels import ROOT, clean_environment
from tests.support.servers import PACED, QUICK, first_delta

SETTING = "import sys, streamwidget as sw\nclient = sw.ChatClient(sys.argv[1])\n"


def script(code: str, server: DemoServer) -> subprocess.Popen[str]:
    """Run a script in a process of its own. Its patches and its signals stay there."""
    return subprocess.Popen(
        [sys.executable, "-c", SETTING + code, server.url],
        cwd=ROOT,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def output(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=SOON)
    assert process.returncode == 0, err
    assert "never awaited" not in err
    return out


def test_a_script_waits_without_a_loop(server: DemoServer) -> None:
    """In plain synchronous code wait() returns the completion. A second call returns the same one."""
    stream = sw.ChatClient(server.url).stream("x")
    completion = stream.wait()
    assert completion.outcome == "complete"
    assert stream.wait() == completion


@pytest.mark.usefixtures("drained")
def test_waits_in_a_row_share_a_connection(server: DemoServer) -> None:
    """wait() keeps its loop, and so its connections."""
    for _ in range(3):
        sw.ChatClient(server.url).stream("x").wait()
    assert len({record.connection for record in server.requests}) == 1


def test_a_failure_is_raised_each_time(server: DemoServer) -> None:
    """With the text that arrived."""
    stream = sw.ChatClient(server.url, retry=QUICK).stream("x", "demo-cut")
    for _ in range(2):
        with pytest.raises(sw.StreamInterrupted) as caught:
            stream.wait()
        assert caught.value.completion.text


def test_a_stream_that_was_cancelled_before_it_began_gives_its_completion(server: DemoServer) -> None:
    """Nothing is sent."""
    stream = sw.ChatClient(server.url).stream("x")
    stream.cancel()
    assert stream.wait().outcome == "cancelled"
    assert not server.requests


def test_cancel_from_another_thread_ends_a_wait(server: DemoServer) -> None:
    """Stop does this while a cell blocks. The wait returns the text so far."""
    stream = sw.ChatClient(server.url).stream("x", "demo-stall")
    stream.subscribe(lambda events: stop.start() if isinstance(events[0], sw.TextDelta) and not stop.ident else None)
    stop = threading.Thread(target=stream.cancel)
    completion = stream.wait()
    assert completion.outcome == "cancelled"
    assert completion.text
    assert server.requests[0].left.wait(SOON)


async def test_a_thread_waits_for_a_stream_of_the_running_loop(server: DemoServer) -> None:
    """The loop goes on. The thread and the loop get the same result."""
    stream = sw.ChatClient(server.url).stream("x", demo=PACED | {"tokens": 20})
    await first_delta(stream)
    waited = await asyncio.to_thread(stream.wait)
    assert waited == await stream
    assert waited.outcome == "complete"


async def test_threads_wait_for_streams_of_their_own(server: DemoServer) -> None:
    """A loop runs in the main thread. A wait in another thread uses neither it nor its connections."""
    client = sw.ChatClient(server.url)
    completions = await asyncio.gather(*(asyncio.to_thread(client.stream("x").wait) for _ in range(8)))
    assert {completion.outcome for completion in completions} == {"complete"}


def test_a_script_iterates_without_a_loop(server: DemoServer) -> None:
    """The events are those of ``async for``. One that comes late gets the text so far, and a failure is raised."""
    stream = sw.ChatClient(server.url).stream("x")
    events = list(stream)
    assert "".join(event.text for event in events if isinstance(event, sw.TextDelta)) == stream.completion.text
    assert isinstance(events[-1], sw.Finish)
    assert [type(event) for event in stream] == [sw.TextDelta, sw.Finish]
    cut = sw.ChatClient(server.url, retry=QUICK).stream("x", "demo-cut")
    with pytest.raises(sw.StreamInterrupted):
        list(cut)


def test_a_script_that_leaves_its_loop_closes_the_connection(server: DemoServer) -> None:
    """Before the next statement, as nobody reads the rest. In the loop it may wait for the end, or cancel."""
    stream = sw.ChatClient(server.url).stream("x", "demo-stall")
    for event in stream:
        if isinstance(event, sw.TextDelta):
            break
    assert stream.completion.outcome == "cancelled"
    assert server.requests[-1].left.wait(SOON)
    waits = sw.ChatClient(server.url).stream("x")
    assert {waits.wait().outcome for event in waits if isinstance(event, sw.TextDelta)} == {"complete"}
    cancels = sw.ChatClient(server.url).stream("x", "demo-stall")
    for event in cancels:
        if isinstance(event, sw.TextDelta):
            cancels.cancel()
    assert cancels.completion.outcome == "cancelled"


async def test_a_stream_of_another_threads_loop_is_not_iterated(server: DemoServer) -> None:
    """The message says what works."""
    stream = sw.ChatClient(server.url).stream("x", "demo-stall")
    await first_delta(stream)
    with pytest.raises(RuntimeError, match=r"Use wait\(\)"):
        await asyncio.to_thread(list, stream)
    stream.cancel()


def test_a_wait_for_a_stopped_loop_raises(server: DemoServer) -> None:
    """If the stream's loop no longer runs, the stream cannot go on. The wait raises."""
    stream = sw.ChatClient(server.url).stream("x", "demo-stall")
    loop = asyncio.new_event_loop()
    loop.run_until_complete(first_delta(stream))
    with pytest.raises(RuntimeError, match="no longer runs"):
        stream.wait()
    stream.cancel()
    loop.run_until_complete(stream._task.wait(1))
    loop.close()
    assert stream.wait().outcome == "cancelled"


def test_a_wait_inside_a_running_loop_lets_the_loop_go_on(server: DemoServer) -> None:
    """In a coroutine, wait() returns the completion. Other tasks run meanwhile, and the loop works afterwards."""
    code = """
import asyncio
async def main():
    ticks = []
    async def tick():
        while True:
            ticks.append(1)
            await asyncio.sleep(0.01)
    ticker = asyncio.create_task(tick())
    await asyncio.sleep(0)
    one = client.stream("x", demo={"tokens": 20, "tokens_per_second": 100}).wait()
    try:
        client.stream("x", "demo-cut").wait()
    except sw.StreamInterrupted as failure:
        print("interrupted", bool(failure.completion.text))
    async def texts():
        return [event.text for event in client.stream("x") if isinstance(event, sw.TextDelta)]
    two = await client.stream("x")
    assert "".join(await texts()) == two.text
    print(one.outcome, two.outcome, len(ticks) > 5)
    ticker.cancel()
asyncio.run(main())
"""
    assert output(script(code, server)).splitlines() == ["interrupted True", "complete complete True"]


PLAIN = """
stream = client.stream("x", "demo-stall")
stream.subscribe(lambda events: print("delta", flush=True))
try:
    stream.wait()
except KeyboardInterrupt:
    print("KeyboardInterrupt")
print(client.stream("x").wait().outcome)
"""
NESTED = """
import asyncio, os
async def main():
    stream = client.stream("x", "demo-stall")
    stream.subscribe(lambda events: print("delta", flush=True))
    try:
        stream.wait()
    except KeyboardInterrupt:
        print("KeyboardInterrupt", stream.over)
    print((await client.stream("x")).outcome, stream.completion.outcome, bool(stream.completion.text))
import signal
with asyncio.Runner() as runner:
    signal.signal(signal.SIGINT, lambda *_: os.write(1, b"between two waits\\n"))  # as a kernel's, it does not raise
    runner.run(main())
    assert callable(signal.getsignal(signal.SIGINT))
"""


CASES = {
    "plain": (PLAIN, ["KeyboardInterrupt", "complete"]),
    "nested": (NESTED, ["KeyboardInterrupt True", "complete cancelled True"]),
}


BEFORE_THE_LOOP = """
import signal
from streamwidget._core import loop

rounds, run = [], loop.run

def interrupted(make, cancel):
    def made():
        coroutine = make()
        rounds.append(coroutine.__name__)
        if len(rounds) == ROUND:
            signal.raise_signal(signal.SIGINT)
        return coroutine
    return run(made, cancel)

loop.run = interrupted
try:
    for _ in range(3):
        stream = client.stream("x")
        stream.wait()
except KeyboardInterrupt:
    print("KeyboardInterrupt")
print(client.stream("x").wait().outcome)
"""


@pytest.mark.parametrize("round_", [1, 3])
@pytest.mark.parametrize("reads", ["stream.wait()", "list(stream)"])
@pytest.mark.fault("K2", "also between two steps of a `for` in a script: nothing is left that never began")
def test_an_interrupt_before_the_loop_runs_leaves_no_coroutine(server: DemoServer, reads: str, round_: int) -> None:
    """It comes when the coroutine is made and nothing runs it yet. In a ``for`` that is so at each step."""
    process = script(BEFORE_THE_LOOP.replace("ROUND", f"{round_}").replace("stream.wait()", reads), server)
    assert output(process) == "KeyboardInterrupt\ncomplete\n"


@pytest.mark.parametrize(("code", "lines"), CASES.values(), ids=CASES)
@pytest.mark.parametrize("reads", ["stream.wait()", "list(stream)"])
@pytest.mark.fault("K2", "while wait() blocks in a script: KeyboardInterrupt, connection closed")
def test_an_interrupt_ends_a_wait_and_closes_its_connection(
    server: DemoServer, reads: str, code: str, lines: list[str]
) -> None:
    """SIGINT raises KeyboardInterrupt after the server's end is closed. The next wait works (K2)."""
    process = script(code.replace("stream.wait()", reads), server)
    assert process.stdout is not None
    assert process.stdout.readline() == "delta\n"
    record = server.requests[0]
    os.kill(process.pid, signal.SIGINT)
    said: list[str] = []
    for line in process.stdout:
        if line == "between two waits\n":  # the person's own handler got it
            os.kill(process.pid, signal.SIGINT)
        elif line != "delta\n":
            said.append(line.strip())
    assert record.left.wait(SOON)
    assert (said, output(process)) == (lines, "")


@pytest.mark.fault("K16", "importing and waiting patch nothing")
def test_importing_and_waiting_in_a_script_patch_nothing(server: DemoServer) -> None:
    """asyncio is patched only if a wait has to nest (K16)."""
    code = """
import asyncio
run, task = asyncio.run, asyncio.Task
client.stream("x").wait()
print(asyncio.run is run, asyncio.Task is task, "nest_asyncio2" in sys.modules)
"""
    assert output(script(code, server)).split() == ["True", "True", "False"]


def test_a_script_ends_without_complaint(server: DemoServer) -> None:
    """wait() keeps a loop. It neither delays the end of the process nor prints anything then."""
    process = script('print(client.stream("x").wait().outcome)', server)
    out, err = process.communicate(timeout=SOON)
    assert (out.strip(), err) == ("complete", "")


def test_a_thread_that_ends_leaves_nothing_open(server: DemoServer) -> None:
    """Many threads may wait, one after the other. Each one's loop and connection are closed with it."""
    code = """
import gc, os, threading
def ask():
    client.stream("x").wait()
def after(count):
    for _ in range(count):
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
    del thread
    gc.collect()
    return len(os.listdir("/proc/self/fd"))
few = after(5)
print(after(20) < few + 10)
"""
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("open files are counted in /proc")
    assert output(script(code, server)).split() == ["True"]
