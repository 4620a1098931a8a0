"""A plain terminal IPython, driven through a pty: the answer is printed while it streams, and Ctrl-C stops it."""

from __future__ import annotations

import json
import re
import signal
import sys
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pexpect
import pytest

from streamwidget.demo import DemoServer
from tests.support.deadlines import SOON, START
from tests.support.kernels import clean_environment

pytestmark = pytest.mark.slow

AWAITED = ("autoawait", ["on", "off"])  # the awaited path, the synchronous path
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07|\x1b[=>]|\r")


class Terminal:
    """An IPython in a pty, with streamwidget loaded."""

    def __init__(self, directory: Path, url: str, *options: str, rich: bool = False) -> None:
        if not rich:  # the text as it is, whether rich is installed or not
            startup = directory / "profile_default" / "startup"
            startup.mkdir(parents=True, exist_ok=True)
            (startup / "no_rich.py").write_text("import sys\nsys.modules['rich'] = None\n")
        env = clean_environment(
            {
                "STREAMWIDGET_BASE_URL": url,
                "IPYTHONDIR": str(directory),
                "TERM": "xterm",
                "PROMPT_TOOLKIT_NO_CPR": "1",  # this terminal does not report its cursor
            }
        )
        arguments = ["-m", "IPython", "--no-banner", "--no-confirm-exit", "--colors=nocolor", *options]
        self._child: Any = pexpect.spawn(
            sys.executable, arguments, env=env, cwd=str(directory), encoding="utf-8", dimensions=(60, 200), timeout=SOON
        )
        self._echoes = "--simple-prompt" in options  # prompt_toolkit prints the typed text in colours
        self._number = 1
        self.wait_for(self._prompt, START)
        self.run("%load_ext streamwidget")

    @property
    def _prompt(self) -> str:
        return rf"In \[{self._number}\]: ?"

    def run(self, line: str) -> str:
        """Type a line, wait for the next prompt and return the output between them."""
        self.type(line)
        return self.until_prompt()

    def type(self, line: str) -> None:
        """Type a line and Enter."""
        self._child.sendline(line)
        if self._echoes:
            self.wait_for(re.escape(line) + "\r\n")

    def until_prompt(self, *, raw: bool = False) -> str:
        """Wait for the next prompt and return the output before it. ``raw`` keeps every byte."""
        self._number += 1
        shown = self.wait_for(self._prompt)
        return str(self._child.before) if raw else shown

    def wait_for(self, pattern: str, timeout: float = SOON) -> str:
        """Wait until the screen shows ``pattern`` and return the output before it, without cursor movements."""
        self._child.expect(pattern, timeout)
        return CONTROL.sub("", self._child.before)

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self._child.sendintr()

    def close(self) -> None:
        self._child.kill(signal.SIGKILL)  # pexpect's own close waits a fixed moment, which a busy machine does not keep
        self._child.wait()
        self._child.close()


Start = Callable[..., Terminal]


@pytest.fixture
def server() -> Iterator[DemoServer]:
    with DemoServer(tokens_per_second=40, first_delta=0.1) as started:
        yield started


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start terminals. They end with the test."""
    opened: list[Terminal] = []

    def start(url: str, *options: str, rich: bool = False) -> Terminal:
        opened.append(Terminal(tmp_path, url, *options, rich=rich))
        return opened[-1]

    yield start
    for terminal in opened:
        terminal.close()


@pytest.fixture
def terminal(start: Start, server: DemoServer) -> Terminal:
    return start(server.url, "--simple-prompt")


def test_the_answer_prints_as_it_streams(terminal: Terminal, server: DemoServer) -> None:
    """The first words are on the screen while the server still writes. One line names the ending. No Out[n]."""
    terminal.type("%chat count to 100")
    terminal.wait_for("7\r\n8\r\n")
    assert not server.requests[-1].over.is_set()
    rest = terminal.until_prompt()
    assert rest.split("\n")[0:3] == ["9", "10", "11"]
    numbers, _, line = rest.strip().rpartition("\n")
    assert numbers.split()[-1] == "100"
    facts = r"demo server \(no model\) · complete · 199 tokens · first token [\d.]+ s · total [\d.]+ s"
    assert re.fullmatch(rf"\[{facts}\]", line)
    assert "Out[" not in rest


def test_rich_draws_the_markdown_where_it_is_installed(start: Start, server: DemoServer) -> None:
    """A heading has no marks then. The text in the completion has them."""
    pytest.importorskip("rich")
    terminal = start(server.url, "--simple-prompt", rich=True)
    shown = terminal.run("%chat Name three rivers.")
    assert "## " not in shown
    assert "complete" in shown.strip().splitlines()[-1]
    assert "True" in terminal.run("_chat.text.startswith('## ')")


@pytest.mark.parametrize(*AWAITED)
def test_the_answer_is_a_value(terminal: Terminal, autoawait: str) -> None:
    """``x = %chat`` and ``_chat`` hold the completion, on the awaited and on the synchronous path."""
    terminal.run(f"%autoawait {autoawait}")
    shown = terminal.run("x = %chat count to 4")
    assert shown.split()[:4] == ["1", "2", "3", "4"]
    assert "Out[" not in shown + terminal.run("%chat count to 3")
    assert "('1 2 3 4', '1 2 3', 'complete')" in terminal.run(
        "print((' '.join(x.text.split()), ' '.join(_chat.text.split()), x.outcome))"
    )


@pytest.mark.parametrize(*AWAITED)
def test_ctrl_c_stops_the_answer(terminal: Terminal, server: DemoServer, autoawait: str) -> None:
    """The server sees the connection close, one line says so, the prompt is back and the text is kept."""
    terminal.run(f"%autoawait {autoawait}")
    terminal.type("%chat -m demo-endless Go on.")
    terminal.wait_for("demo")
    terminal.interrupt()
    shown = terminal.until_prompt()
    assert server.requests[-1].left.wait(SOON)
    told = [line for line in shown.splitlines() if line.startswith("Interrupted")]
    assert len(told) == 1
    assert re.fullmatch(r"Interrupted: the stream is closed\. The \d+ characters that came are in _chat\.", told[0])
    assert "stopped by you; the text so far is kept" in shown
    assert "Traceback" not in shown
    assert "KeyboardInterrupt" not in shown
    assert "cancelled True" in terminal.run("print(_chat.outcome, '## Go on' in _chat.text)")


@pytest.mark.parametrize(*AWAITED)
def test_ctrl_c_ends_the_wait_for_the_first_word(terminal: Terminal, server: DemoServer, autoawait: str) -> None:
    """The person can leave a server that never answers. The next prompt is answered."""
    terminal.run(f"%autoawait {autoawait}")
    terminal.type("%chat -m demo-silent Are you there?")
    server.wait_for_requests(1, SOON)
    terminal.interrupt()
    shown = terminal.until_prompt()
    assert "Interrupted: " in shown
    assert "Traceback" not in shown
    assert server.requests[-1].left.wait(SOON)
    assert terminal.run("%chat count to 3").split()[:3] == ["1", "2", "3"]


@pytest.mark.parametrize(*AWAITED)
def test_a_failure_is_told_in_two_lines(terminal: Terminal, autoawait: str) -> None:
    """The text is printed, then the failure and the place of the text, without a traceback."""
    terminal.run(f"%autoawait {autoawait}")
    lines = terminal.run("%chat -m demo-drop Rivers.").strip().splitlines()
    assert lines[0] == "## Rivers"
    assert "connection lost; the answer is cut" in lines[-3]
    assert lines[-2].startswith("StreamInterrupted: ")
    assert re.fullmatch(r"The \d+ characters that came are in _chat\.", lines[-1])


def test_a_cell_magic_takes_several_lines(terminal: Terminal, server: DemoServer) -> None:
    """``%%chat`` in a terminal: the lines below are the prompt, and empty lines end it."""
    terminal.type("%%chat")
    terminal.type("count to 3")
    terminal.type("or so")
    terminal.type("")
    shown = terminal.run("")
    assert "1\n2\n3\n[demo server (no model) · complete · 5 tokens" in shown
    assert server.requests[-1].body["messages"][0]["content"].rstrip() == "count to 3\nor so"


def test_the_full_screen_prompt_streams_and_stops_too(start: Start, server: DemoServer) -> None:
    """prompt_toolkit puts the terminal into another mode. The text grows there too, and Ctrl-C stops it."""
    terminal = start(server.url)
    terminal.type("%chat count to 100")
    terminal.wait_for("7\r\n8\r\n")
    assert not server.requests[-1].over.is_set()
    assert "complete" in terminal.until_prompt()
    terminal.type("%chat -m demo-endless Go on.")
    terminal.wait_for("## Go on")
    terminal.interrupt()
    assert "Interrupted: the stream is closed" in terminal.until_prompt()
    assert server.requests[-1].left.wait(SOON)
    terminal.type("print(_chat.outcome)")
    assert "cancelled" in terminal.until_prompt()


HOSTILE = ("safe \x1b]0;owned\x07", "\x1b[2J", "\x1b[31m", "red\x9b5A", "\r", "over\x08\x08\u202ewritten", " end")


class Hostile(BaseHTTPRequestHandler):
    """Streams escape sequences: rename the window, clear the screen, change colours, move the cursor."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        chunks: list[dict[str, Any]] = [{"index": 0, "delta": {"content": piece}} for piece in HOSTILE]
        chunks.append({"index": 0, "delta": {}, "finish_reason": "stop"})
        events = [json.dumps({"choices": [chunk], "model": "m\x1b[31m"}) for chunk in chunks]
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        self.wfile.write("".join(f"data: {event}\n\n" for event in [*events, "[DONE]"]).encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def hostile_url() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Hostile) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()
        thread.join()


def test_escape_sequences_in_an_answer_are_shown_not_obeyed(start: Start, hostile_url: str) -> None:
    """A control character of the text or of the model's name reaches the terminal as a sign."""
    terminal = start(hostile_url, "--simple-prompt")
    terminal.type("%chat Be nasty.")
    shown = terminal.until_prompt(raw=True)
    assert "safe ␛]0;owned␇␛[2J␛[31mred[U+009B]5A␍over␈␈[U+202E]written end" in shown
    assert "m␛[31m · complete" in shown
    assert not set(shown) & set("\x1b\x07\x08\x9b\u202e")
    assert "\r" not in shown.replace("\r\n", "")
