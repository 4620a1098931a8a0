"""Failures, as a person meets them in a cell: what is shown, what is kept, what stops."""

from __future__ import annotations

import re
import socket

import pytest

from tests.support.chat_kernels import CANARY, ChatKernel
from tests.support.deadlines import SOON
from tests.support.kernels import Execution

pytestmark = pytest.mark.kernel

# The model of the demo server that fails so, the exception, its outcome, and words of the line that says what happened.
FAILURES = {
    "401": ("demo-401-echo", "HTTPStatusError", "http_error", "Incorrect API key provided"),
    "404": ("no-such-model", "HTTPStatusError", "http_error", "The demo server has no model `no-such-model`"),
    "429, exhausted": ("demo-429", "HTTPStatusError", "http_error", "Rate limit reached"),
    "quota": ("demo-quota", "HTTPStatusError", "http_error", "exceeded your current quota"),
    "500": ("demo-500", "HTTPStatusError", "http_error", "The server had an error"),
    "in the stream": ("demo-error", "InStreamError", "error", "The server had an error"),
    "dropped": ("demo-drop", "StreamInterrupted", "interrupted", "ended before the answer did"),
    "cut": ("demo-cut", "StreamInterrupted", "interrupted", "ended before the answer did"),
    "a web page": ("demo-html", "ProtocolError", "protocol_error", "web page"),
}
ADVICE = {
    "401": "STREAMWIDGET_API_KEY",
    "404": "-m NAME",
    "429, exhausted": "asks to wait 1 s",
    "quota": "Waiting does not help",
    "500": "Try again later",
}
SHOWN = "import streamwidget as sw\nawait sw.show(sw.ChatClient().stream('fails', 'demo-401-echo'))"
WITH_TEXT = ("in the stream", "dropped", "cut")
REQUESTS = {"500": 3}


def check_lines(cell: Execution) -> str:
    """The cell failed with one or two short lines: no frames, no key."""
    assert cell.status == "error"
    # Where a notebook sends its prompts is said once, before the first of them.
    assert cell.stderr == ""
    assert not cell.stdout or cell.stdout.startswith("This notebook sends your prompts to ")
    shown = "\n".join(cell.traceback)
    assert 1 <= len(shown.splitlines()) <= 2
    assert "Traceback" not in shown
    assert "File " not in shown
    assert CANARY not in shown
    return shown


def check_failure(chat: ChatKernel, cell: Execution, name: str) -> None:
    """The cell says what happened and what to do. ``_chat``, the page and the saved output hold the text so far."""
    _, ename, outcome, words = FAILURES[name]
    shown = check_lines(cell)
    assert cell.ename == ename
    assert words in shown
    assert ADVICE.get(name, "") in shown
    assert chat.value("_chat.outcome") == outcome
    text = chat.value("_chat.text")
    view = chat.view(cell)
    assert view.replay() == text
    assert view.messages[-1]["op"] == "end"
    assert view.messages[-1]["outcome"] == outcome
    assert cell.text.startswith(text)
    assert "text/html" in cell.outputs[0]["data"]
    assert bool(text) == (name in WITH_TEXT)
    if text:
        assert f"The {len(text)} characters that came are in _chat." in shown


@pytest.mark.parametrize("name", [name for name in FAILURES if name != "429, exhausted"])
def test_a_failure_is_told_in_two_lines(chat: ChatKernel, name: str) -> None:
    """Status error, with what happened and what to do. The text so far is kept. Only sensible requests are repeated."""
    before = len(chat.server.requests)
    check_failure(chat, chat.execute(f"%%chat -m {FAILURES[name][0]}\nfails: {name}"), name)
    assert len(chat.server.requests) - before == REQUESTS.get(name, 1)


def test_a_failure_stops_run_all(chat: ChatKernel) -> None:
    """The cells that are queued behind a failed one are aborted."""
    before = len(chat.server.requests)
    cell = chat.execute_async("%%chat -m demo-429\ntoo often")
    after = chat.execute_async("print('never')")
    check_failure(chat, cell.wait(), "429, exhausted")
    assert after.wait(SOON).status == "aborted"
    assert len(chat.server.requests) - before == 3


@pytest.mark.parametrize("code", ["x = %chat -m demo-error assigned", "%time %chat -m demo-error timed"])
def test_a_failure_on_each_path_is_told_in_two_lines(chat: ChatKernel, code: str) -> None:
    """An assignment and a synchronous call show the same lines."""
    cell = chat.execute(code)
    assert "InStreamError" in "\n".join(cell.traceback)
    assert len("\n".join(cell.traceback).splitlines()) <= 2
    assert chat.value("_chat.outcome") == "error"


@pytest.mark.parametrize("code", ["%%chat -m demo-401-echo\nfails", "%time %chat -m demo-401-echo fails", SHOWN])
def test_a_page_shows_the_reason_once(chat: ChatKernel, code: str) -> None:
    """In the line under the answer. The error has the next step, and its value, which the file keeps, the reason.

    nbclient and papermill show only what a cell raises, so there it has the reason too.
    """
    words = FAILURES["401"][3]
    in_page = chat.execute_async(code, cell_id="c-1").wait(SOON)
    shown = "\n".join(in_page.traceback)
    assert len(shown.splitlines()) == 1
    assert shown.startswith("HTTPStatusError (HTTP 401): ")
    assert (in_page.text + shown).count(words) == 1
    assert words in in_page.reply.get("evalue", words)  # IPython 8 itself reports what %time runs
    headless = chat.execute(code)
    assert words in "\n".join(headless.traceback)


def test_a_refused_connection_names_the_address_setting(chat: ChatKernel) -> None:
    """No server there: it is tried as often as RetryPolicy says, and the line says which setting holds the address."""
    with socket.socket() as reserved:  # bound and not listening: nobody else can answer there
        reserved.bind(("127.0.0.1", 0))
        chat.execute(f"%config ChatMagics.base_url = 'http://127.0.0.1:{reserved.getsockname()[1]}/v1'")
        try:
            cell = chat.execute("%%chat\nanybody there?")
        finally:
            chat.execute("%config ChatMagics.base_url = None")
    shown = check_lines(cell)
    assert cell.ename == "ConnectionFailed"
    assert "127.0.0.1" in shown
    assert "ChatMagics.base_url" in shown
    phases = [message["phase"] for message in chat.view(cell).messages if message["op"] == "status"]
    assert phases == ["retrying", "retrying"]
    assert chat.execute("%%chat\nthere it is").status == "ok"


def test_the_full_traceback_comes_on_request(chat: ChatKernel) -> None:
    """``%chat --traceback`` shows where the last answer failed, with the key masked. A cell shows the person's line."""
    chat.execute("%%chat -m demo-401-echo\nwith a key that the server repeats")
    of_chat = chat.execute("%chat --traceback")
    failed = chat.execute(
        "import streamwidget as sw\nawait sw.ChatClient().stream('x', model='demo-503', demo={'after': 1})"
    )
    of_code = chat.execute("%chat --traceback")
    for cell in (of_chat, of_code):
        assert cell.status == "ok"
        assert "Traceback" in cell.stdout
        assert re.search(r'File ".*exchange\.py", line \d+', cell.stdout)
        assert CANARY not in cell.stdout
    assert "[key]" in of_chat.stdout
    shown = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(failed.traceback))
    assert "await sw.ChatClient()" in shown
    assert "exchange.py" not in shown
    assert of_chat.stdout != of_code.stdout


@pytest.mark.parametrize("mode", ["Plain", "Context", "Verbose", "Minimal"])
@pytest.mark.fault("S2", "absent from every traceback mode")
def test_no_traceback_mode_shows_the_key(chat: ChatKernel, mode: str) -> None:
    """A failure in the person's own code, whatever %xmode, never shows the key (the fixture looks for it too)."""
    chat.execute(f"%xmode {mode}")
    try:
        cell = chat.execute(
            "import streamwidget as sw\nclient = sw.ChatClient()\nawait client.stream('x', model='demo-401-echo')"
        )
    finally:
        chat.execute("%xmode Context")
    assert cell.ename == "HTTPStatusError"
    assert CANARY not in "\n".join(cell.traceback)


@pytest.mark.parametrize("option", ["--api-key KEY", "--key=KEY", "--token KEY", "-m KEY", "--api_key KEY"])
@pytest.mark.parametrize("cell_magic", [True, False])
@pytest.mark.fault("S4", "in a real kernel: one line, nothing sent")
def test_a_key_on_the_magic_line_is_refused(chat: ChatKernel, option: str, cell_magic: bool) -> None:
    """Nothing is sent. One line names the environment variable and does not repeat the key."""
    key = "sk-typed-0123456789abcdef"
    before = len(chat.server.requests)
    line = option.replace("KEY", key)
    cell = chat.execute(f"%%chat {line}\nhello" if cell_magic else f"%chat {line} hello")
    shown = cell.stderr + "\n".join(cell.traceback)
    assert cell.status == "error"
    assert len(shown.strip().splitlines()) == 1
    assert "STREAMWIDGET_API_KEY" in shown
    assert key not in shown
    assert len(chat.server.requests) == before


def test_a_usage_error_is_one_line_and_sends_nothing(chat: ChatKernel) -> None:
    """An unknown option, an empty prompt and a bad name are told as IPython tells a UsageError."""
    before = len(chat.server.requests)
    for code, words in {
        "%%chat --nonsense\nx": "Unknown option --nonsense",
        "%%chat\n  \n": "empty",
        "%%chat -o 1x\nx": "-o takes the name of a variable",
        "%%chat -t warm\nx": "takes a number from 0, such as 0.7",
        "%%chat hello\nx": "Unexpected 'hello'",
        "%chat": "empty",
    }.items():
        cell = chat.execute(code)
        assert cell.status == "error", code
        assert words in cell.stderr + "\n".join(cell.traceback), code
        assert len((cell.stderr + "\n".join(cell.traceback)).strip().splitlines()) == 1, code
    assert len(chat.server.requests) == before
