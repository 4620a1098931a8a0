"""The machine's limits and a person's own code: each ends a stream in words, with its text kept. In processes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

import streamwidget as sw
from streamwidget._core import unexpected
from streamwidget.demo import DemoServer
from tests.support.deadlines import START
from tests.support.kernels import ROOT, clean_environment

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and limits of POSIX")


def run(code: str, server: DemoServer, **environment: str) -> Any:
    """Run a script and return what its last line printed as JSON. Nothing may be written to stderr."""
    env = clean_environment({"STREAMWIDGET_BASE_URL": server.url, **environment})
    command = [sys.executable, "-W", "ignore", "-c", "import json, streamwidget as sw\n" + code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=START, env=env, cwd=ROOT, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


#: ``ends(make)`` waits for a stream at the bottom of calls that leave room for so many more, from 30 to 400.
DEEP = """
import asyncio, sys
client = sw.ChatClient()

def at(depth, stream):
    return at(depth - 1, stream) if depth > 0 else stream.wait()

def ends():
    depth, frame = 0, sys._getframe()
    while frame:
        depth, frame = depth + 1, frame.f_back
    seen = {}
    for room in range(30, 400, 7):
        stream = client.stream("x", demo={"tokens": 3})
        try:
            end = at(sys.getrecursionlimit() - depth - room, stream).outcome
        except RecursionError as exc:
            assert "nested too deeply" in str(exc), exc
            assert not stream.completion.text
            end = "refused, and later " + stream.wait().outcome
        seen[end] = seen.get(end, 0) + 1
    return sorted(seen)
"""


@pytest.mark.parametrize(
    "how",
    [
        "print(json.dumps(ends()))",
        "client.stream('warm').wait()\nprint(json.dumps(ends()))",
        "async def cell():\n    print(json.dumps(ends()))\nasyncio.run(cell())",
    ],
    ids=["cold", "warm", "nested"],
)
@pytest.mark.fault("K23", "refused in words before anything is sent; further up it completes")
def test_a_wait_at_the_bottom_of_a_deep_recursion(server: DemoServer, how: str) -> None:
    """With any room left for calls, a stream completes or is refused before it starts. Nothing lies in between."""
    assert run(DEEP + how, server) == ["complete", "refused, and later complete"]


CLOCK = """
import time
real, jump = time.time, 0.0
time.time = lambda: real() + jump
client = sw.ChatClient(timeout=sw.Timeout(stall=20, total=60))
ends = []
for jump_by in (1e9, -1e9, 1e12, -1e12):
    stream = client.stream("x", demo={"tokens": 20, "tokens_per_second": 200})
    def leap(events):
        global jump
        jump = jump_by
    stream.subscribe(leap)
    completion = stream.wait()
    ends.append((completion.outcome, completion.timing.deltas, 0 < completion.timing.total < 60))
    jump = 0.0
jump = -1e12
stream = client.stream("x", "demo-429", demo={"times": 1, "retry_after": "1", "tokens": 3, "key": "clock"})
ends.append((stream.wait().outcome, stream.wait().timing.deltas, stream.timeline.total < 60))
print(json.dumps(ends))
"""


@pytest.mark.fault("K24", "no limit passes early or late, and no time is absurd")
def test_a_clock_that_jumps(server: DemoServer) -> None:
    """The time of day leaps by years in mid-stream, both ways. Streams and retries do not use it."""
    assert run(CLOCK, server) == [["complete", 20, True]] * 4 + [["complete", 3, True]]


#: A handler raises in mid-stream, at many moments. ``wait()`` raises the same exception, and the stream is over then.
HANDLER = """
import asyncio, signal, sys, threading, time
class Alarm(BaseException if {base} else Exception): pass
def ring(number, frame):
    raise Alarm("time is up")
signal.signal(signal.SIGALRM, ring)
client = sw.ChatClient()
client.stream("warm").wait()

def ends():
    seen = []
    for moment in (0.0005, 0.002, 0.01, 0.05, 0.1, 0.2, 0.3):
        stream = client.stream("x", demo={{"tokens": 20_000, "tokens_per_second": 200}})
        signal.setitimer(signal.ITIMER_REAL, moment)
        begun = time.monotonic()
        try:
            stream.wait()
        except Alarm as exc:
            assert str(exc) == "time is up"
            # Before the stream was started there was nothing to cancel.
            over = stream.completion.outcome == "cancelled" or (not stream.elapsed and not stream.over)
            seen.append((over, time.monotonic() - begun < 20))
        assert signal.getsignal(signal.SIGALRM) is ring
    assert stream.completion.text
    return [seen, client.stream("later").wait().outcome]
{how}
"""


@pytest.mark.parametrize("base", [False, True], ids=["Exception", "BaseException"])
@pytest.mark.parametrize(
    "how",
    ["print(json.dumps(ends()))", "async def cell():\n    print(json.dumps(ends()))\nasyncio.run(cell())"],
    ids=["script", "nested"],
)
@pytest.mark.fault("K25", "wait() raises the handler's exception, the connection is closed and the text kept")
def test_a_signal_handler_that_raises(server: DemoServer, how: str, base: bool) -> None:
    """At any moment of wait(): the person's own exception, the stream cancelled, and the next stream whole."""
    assert run(HANDLER.format(base=base, how=how), server) == [[[True, True]] * 7, "complete"]


IN_A_LOOP = """
import asyncio, signal
def ring(number, frame):
    raise ValueError("time is up")
signal.signal(signal.SIGALRM, ring)
async def main():
    ends = []
    for moment in (0.05, 0.1, 0.2):
        stream = sw.ChatClient().stream("x", demo={"tokens": 500, "tokens_per_second": 200})
        # The handler raises within a step of the stream, where a subscriber of ours would be.
        stream.subscribe(lambda events: None)
        stream._publish = lambda events, publish=stream._publish: (publish(events), fail(stream))
        try:
            await stream
        except sw.StreamError as exc:
            ends.append((str(exc), exc.completion.outcome, bool(exc.completion.text), type(exc.__cause__).__name__))
    print(json.dumps(ends))
def fail(stream):
    if stream.completion.timing.deltas > 3:
        ring(0, None)
asyncio.run(main())
"""


@pytest.mark.fault("K25", "an awaited stream names the person's function and line")
def test_a_persons_code_within_ours_is_named(server: DemoServer) -> None:
    """An awaited stream cannot hold back a handler. Its failure names the handler, and asks nobody to report it."""
    ends = run(IN_A_LOOP, server)
    said = "ring() in <string>, line 5, raised in mid-stream: ValueError: time is up"
    assert ends == [[said, "error", True, "ValueError"]] * 3


ASCII = """
import asyncio, io, sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_line_magic("load_ext", "streamwidget")
shown, sys.stdout = sys.stdout, io.TextIOWrapper(io.BytesIO(), sys.stdout.encoding, write_through=True)
shell.run_cell_magic("chat", "--timeline", "Gr\\u00fc\\u00dfe \\u0645\\u0631\\u062d\\u0628\\u0627")
kept = shell.user_ns["_chat"]
shell.run_line_magic("chat", "--last")
shell.run_line_magic("chat", "--history")
shell.run_line_magic("chat", "--show-prompt \\u0645")
completion = asyncio.run(sw.show(iter(["Hi ", "\\u0645\\u0631", " \\U0001f600"])))
printed = sys.stdout.buffer.getvalue().decode("ascii")
sys.stdout = shown
print(json.dumps([kept.outcome, kept.text, completion.text, printed]))
"""


@pytest.mark.parametrize("variables", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0"}], ids=str)
@pytest.mark.fault("K26", "other characters are shown as escapes, and `_chat` has them all")
def test_an_ascii_terminal(server: DemoServer, variables: dict[str, str]) -> None:
    """An answer with umlauts, Arabic and emoji is printed to its end."""
    outcome, kept, shown, printed = run(ASCII, server, PYTHONCOERCECLOCALE="0", **variables)
    assert outcome == "complete"
    assert "\u0645\u0631\u062d\u0628\u0627" in kept
    assert shown == "Hi \u0645\u0631 \U0001f600"
    for text in (kept, shown):
        assert text.encode("ascii", "backslashreplace").decode() in printed


FILES = """
import os, resource, sys
import httpx
client = sw.ChatClient()
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
opened = []
try:
    while True:
        opened.append(os.open(os.devnull, os.O_RDONLY))
except OSError:
    pass
ends = []
for free in range(12):
    stream = client.stream("x", demo={"tokens": 3})
    try:
        ends.append(stream.wait().outcome)
    except (OSError, sw.StreamError) as exc:
        ends.append(str(exc))
    os.close(opened.pop())
print(json.dumps(ends))
"""


@pytest.mark.fault("K28", "the words say so and name the way out; with files free again it completes")
def test_too_many_open_files(server: DemoServer) -> None:
    """With no file free and with each one more: words until there are enough, and nobody is asked to report it."""
    ends = run(FILES, server)
    assert "complete" in ends
    refused = ends[: ends.index("complete")]
    assert len(refused) >= 3
    assert all("Too many files are open. Close some, or raise the limit" in end for end in refused), refused
    assert set(ends[len(refused) :]) == {"complete"}


ONE_MORE = """
import os, resource, sys
from streamwidget.demo import DemoServer
with DemoServer() as other:
    sw.ChatClient(other.url).stream("warm").wait()
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    opened = []
    try:
        while True:
            opened.append(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        pass
    stream = sw.ChatClient().stream("x", demo={"tokens": 3})
    ends = []
    stream.subscribe(lambda events: ends.extend(type(event).__name__ for event in events))
    try:
        stream.wait()
    except sw.ConnectionFailed as exc:
        ends.append(str(exc))
    for number in opened:
        os.close(number)
print(json.dumps(ends))
"""


@pytest.mark.fault("K28", "a connection for which no file is left says so, and is not tried again")
def test_a_connection_without_a_file(server: DemoServer) -> None:
    """The loop is there, the connection is not. Another try would not help, and the server is not to blame."""
    (_, said) = ends = run(ONE_MORE, server)
    assert ends[0] == "Finish"
    assert said.endswith("Too many files are open. Close some, or raise the limit (`ulimit -n`).")


def raised(source: str, name: str, **names: object) -> Exception:
    """Run code as if it stood in the file ``name``, and return what it raises."""
    try:
        exec(compile(source, name, "exec"), names)
    except Exception as exc:  # noqa: BLE001
        return exc
    raise AssertionError("it does not raise")


class Private(LookupError):
    """Nobody outside knows its name."""


OURS = str(ROOT / "streamwidget" / "_core" / "stream.py")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (MemoryError, "No memory is left"),
        (lambda: RecursionError("maximum recursion depth exceeded"), "nested too deeply"),
        (lambda: OSError(24, "Too many open files"), "Too many files are open"),
        (lambda: OSError(23, "Too many open files in system"), "Too many files are open"),
        (lambda: raised("open('/dev/full', 'w', 1).write('\\n')", OURS), "The operating system refused: No space left"),
        (lambda: raised("def f():\n 1 / 0\nf()", "mine.py"), r"f\(\) in mine.py, line 2, raised .*ZeroDivisionError"),
        (lambda: raised("import json\njson.loads('{')", "mine.py"), "in mine.py, line 2, raised .*JSONDecodeError"),
        (lambda: raised("raise ValueError('sk-12345678 is wrong')", "mine.py"), r"ValueError: \[key\] is wrong"),
        (lambda: raised("f()", "mine.py", f=lambda: sw.ChatClient("x")), "(?!.*report it)"),
    ],
    ids=["memory", "recursion", "files", "system files", "disk", "person", "person's library", "key", "setting"],
)
@pytest.mark.fault("K28", "each gets words of its own")
def test_what_is_not_our_fault_has_words_of_its_own(make: Callable[[], Exception], says: str) -> None:
    """They do not ask for a report."""
    failure = unexpected.failure_of(make())
    with pytest.raises(sw.StreamError, match=says) as caught:
        raise failure
    assert "report it" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "name"),
    [("1 / 0", "ZeroDivisionError"), ("import json\njson.loads('{')", "ValueError"), ("raise Private", "LookupError")],
)
def test_our_own_faults_ask_for_a_report(source: str, name: str) -> None:
    """Also in a library that we called. The name is one of Python's own, because nobody knows our classes."""
    failure = unexpected.failure_of(raised(source, OURS, Private=Private))
    assert isinstance(failure, sw.ProtocolError)
    assert str(failure) == f"streamwidget failed: {name}. Please report it."


async def test_memory_that_ends_in_mid_stream(server: DemoServer) -> None:
    """The stream ends with the text so far."""
    stream = sw.ChatClient(server.url).stream("x", demo={"tokens": 20})
    publish = stream._publish

    def full(events: list[sw.StreamEvent]) -> None:
        publish(events)
        if stream.completion.text:
            raise MemoryError

    stream._publish = full  # type: ignore[method-assign]
    with pytest.raises(sw.StreamError, match="No memory is left") as caught:
        await stream
    assert caught.value.completion.text
    assert caught.value.outcome == "error"
