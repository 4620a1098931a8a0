"""``await show(source)`` without a page: its output, result and failures, and the buttons of a view of a source."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from traitlets.config import Config

import streamwidget as sw
from streamwidget.demo import DemoServer


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    """A terminal IPython. Its cells may await."""
    InteractiveShell.clear_instance()
    yield InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    InteractiveShell.clear_instance()


async def test_a_source_is_printed_as_it_comes_and_returned(capsys: pytest.CaptureFixture[str]) -> None:
    """In a script the text is printed, then one line about it. The result is a ChatCompletion."""
    shown: list[str] = []

    async def texts() -> AsyncIterator[str]:
        for text in ("one ", "two"):
            yield text
            await asyncio.sleep(0)
            shown.append(capsys.readouterr().out)

    completion = await sw.show(texts())
    assert (completion.text, completion.outcome) == ("one two", "complete")
    assert shown == ["one ", "two"]
    assert capsys.readouterr().out.startswith("\n[complete")


async def test_our_own_stream_is_shown(server: DemoServer, capsys: pytest.CaptureFixture[str]) -> None:
    """A ChatStream of the client is a source too. A finished one is shown at once."""
    stream = sw.ChatClient(server.url).stream("rivers")
    completion = await sw.show(stream)
    first = capsys.readouterr().out
    assert completion.text in first
    assert await sw.show(stream) == completion
    assert completion.text.strip() in capsys.readouterr().out


async def test_another_value_is_refused_before_anything_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """A ConfigurationError, and not a line of output."""
    with pytest.raises(sw.ConfigurationError, match="class str is already whole"):
        await sw.show("text")
    assert capsys.readouterr().out == ""


FAILS = """
import streamwidget as sw
def breaks():
    yield "as far as it came"
    raise ConnectionError("the key sk-canary-0123456789abcdef was refused")
await sw.show(breaks())
"""


def test_a_failure_is_two_lines_without_a_key(shell: InteractiveShell) -> None:
    """The cell's error names the exception and the place of the text. The SDK's own frames are not shown."""
    with capture_output() as captured:
        result = shell.run_cell(FAILS)
    assert isinstance(result.error_in_exec, sw.SourceError)
    said = captured.stdout + captured.stderr
    assert "as far as it came" in said
    assert "SourceError: ConnectionError: the key [key] was refused" in said
    assert "The 17 characters that came are in its .completion" in said
    assert "canary" not in said
    assert "Traceback" not in said


SHOWN_ONCE = (
    "import streamwidget as sw\nawait sw.show(['an ', 'answer'])",
    "%load_ext streamwidget\nawait sw.show(['an ', 'answer'])",
    "first, _ = await sw.show(['early']), await sw.show(['an ', 'answer'])\n_",
    "import asyncio\nawait asyncio.create_task(sw.show(['an ', 'answer']))",
)


@pytest.mark.parametrize("code", SHOWN_ONCE)
def test_an_answer_that_is_the_result_of_its_cell_is_shown_once(shell: InteractiveShell, code: str) -> None:
    """``Out`` has it all the same, and a later cell shows it again."""
    shell.run_cell("import streamwidget as sw", store_history=False)
    with capture_output() as captured:
        result = shell.run_cell(code, store_history=True)
    assert result.success
    assert result.result.text == "an answer"
    assert captured.stdout.count("an answer") == 1, captured.stdout
    assert sys.displayhook is not shell.displayhook
    with capture_output() as captured:
        shell.run_cell("Out[1]", store_history=True)
    assert "an answer" in captured.stdout


def test_an_answer_of_an_earlier_cell_is_shown_where_it_is_the_result(shell: InteractiveShell) -> None:
    """Also one whose task ends while another cell runs, and an earlier one of the same cell."""
    cells = (
        "import asyncio, streamwidget as sw\nlast = await sw.show(['an ', 'answer'])",
        "await asyncio.sleep(0)\ntask = asyncio.create_task(sw.show(['an ', 'answer']))",
    )
    for cell in cells:
        shell.run_cell(cell, store_history=True)
    for cell in ("last", "await task", "mine = await sw.show(['another'])\nlast"):
        with capture_output() as captured:
            assert shell.run_cell(cell, store_history=True).success
        assert "an answer" in captured.stdout.partition("Out[")[2], cell


STALLS = """
import streamwidget as sw
client = sw.ChatClient({url!r}, timeout=sw.Timeout(stall=0.3))
await sw.show(client.stream("hello", model="demo-stall"))
"""


def test_a_timeout_names_the_argument(shell: InteractiveShell, server: DemoServer) -> None:
    """The person made the client in Python, so the line names ``Timeout`` and not a setting of the magic."""
    with capture_output() as captured:
        result = shell.run_cell(STALLS.format(url=server.url))
    assert isinstance(result.error_in_exec, sw.StreamTimeout)
    said = captured.stdout + captured.stderr
    assert said.splitlines()[-1].endswith("Wait longer: ChatClient(timeout=Timeout(stall=...)).")
    assert "ChatMagics" not in said


async def test_a_limit_of_time_is_asyncios(capsys: pytest.CaptureFixture[str]) -> None:
    """``asyncio.timeout`` around the call ends it and closes the source."""
    closed = asyncio.Event()

    async def slow() -> AsyncIterator[str]:
        try:
            yield "a"
            limit.reschedule(0)  # it has passed
            await asyncio.Event().wait()
        finally:
            closed.set()

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(60) as limit:
            await sw.show(slow())
    assert closed.is_set()
    assert "stopped" in capsys.readouterr().out


async def test_a_view_of_a_source_offers_nothing_that_it_cannot_do() -> None:
    """A kept view of a failed source has no Retry and ignores one. A view of our own stream has Retry."""

    def breaks() -> Iterator[str]:
        yield "a"
        raise ValueError("broken")

    view = sw.StreamView(breaks())
    with pytest.raises(sw.SourceError):
        await view
    state = view._feed.snapshot()
    assert (state["outcome"], state["detail"], state["text"]) == ("error", "ValueError: broken", "a")
    assert state["kept"] is False
    for op in ("retry", "continue"):
        view._receive({"op": op})
    assert view.completion.text == "a"
    assert sw.StreamView(sw.ChatClient("http://127.0.0.1:9/v1").stream("x"))._feed.snapshot()["kept"] is True
    view.close()


async def test_a_view_that_comes_late_has_all(server: DemoServer) -> None:
    """It has the text so far of a running stream, and all text of a finished one."""
    go = asyncio.Event()

    async def texts() -> AsyncIterator[str]:
        yield "one "
        await go.wait()
        yield "two"

    view = sw.StreamView(texts())
    stream: Any = view._stream
    async for event in stream:
        if isinstance(event, sw.TextDelta):
            break
    late = sw.StreamView(stream)
    assert late._feed.snapshot()["text"] == "one "
    go.set()
    await view
    assert late._feed.snapshot()["text"] == "one two"
    over = sw.StreamView(stream)._feed.snapshot()
    assert (over["text"], over["phase"], over["outcome"]) == ("one two", "over", "complete")


async def test_a_show_that_is_not_awaited_says_so(recwarn: pytest.WarningsRecorder) -> None:
    """Its repr has the word to add. Nothing was started, and Python warns of nothing."""
    shown = sw.show(iter(["a"]))
    assert repr(shown) == "<show(...) has not run. Write: await show(...)>"
    del shown
    assert not list(recwarn)
    task = asyncio.create_task(sw.show(["a"]))
    assert (await task).text == "a"
