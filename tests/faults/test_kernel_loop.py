"""A person changes the kernel's loop and modules: uvloop in place of asyncio's, a patched loop, reloading."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.chat_kernels import ChatKernel, start_chat_kernel
from tests.support.deadlines import SOON

pytestmark = pytest.mark.kernel


@pytest.fixture
def on_uvloop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ChatKernel]:
    """A kernel on uvloop."""
    pytest.importorskip("uvloop")
    (tmp_path / "sitecustomize.py").write_text("import uvloop\nuvloop.install()\n", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=":")
    with start_chat_kernel("latest") as started:
        assert (
            started.execute("import asyncio; print(type(asyncio.get_running_loop()).__module__)").stdout == "uvloop\n"
        )
        yield started


@pytest.fixture(scope="module")
def latest() -> Iterator[ChatKernel]:
    with start_chat_kernel("latest") as started:
        yield started


@pytest.mark.fault("K16", "on uvloop an awaited cell streams and stops")
def test_an_awaited_cell_works_on_uvloop(on_uvloop: ChatKernel) -> None:
    """The answer comes whole, Stop and an interrupt end the stream, and a ``--bg`` stream runs."""
    assert on_uvloop.execute("%%chat\nhello").status == "ok"
    assert on_uvloop.value("_chat.outcome") == "complete"
    cell, view = on_uvloop.streaming("%%chat -m demo-slow\nstopped")
    view.send({"op": "stop"})
    assert cell.wait(SOON).status == "ok"
    assert on_uvloop.asked("stopped").left.wait(SOON)
    cell, _ = on_uvloop.streaming("%%chat -m demo-slow\ninterrupted")
    on_uvloop.interrupt()
    assert cell.wait(SOON).ename == "ChatInterrupted"
    assert on_uvloop.asked("interrupted").left.wait(SOON)
    assert on_uvloop.execute("s = %chat --bg background\nprint((await s).outcome)").stdout == "complete\n"


@pytest.mark.fault("K16", "on uvloop a synchronous call says in one line why it cannot wait")
@pytest.mark.parametrize("code", ["%time x = %chat timed", "def f():\n    r = %chat in a function\n    return r\nf()"])
def test_a_synchronous_call_on_uvloop_says_why_it_cannot_wait(on_uvloop: ChatKernel, code: str) -> None:
    """One line names the way out. Nothing is patched, nothing streams on, and the next awaited cell works."""
    cell = on_uvloop.execute(code)
    said = [line for line in cell.stderr.splitlines() if line.strip()] + cell.traceback
    assert len(said) == 1
    assert "uvloop" in said[0]
    assert "`await`" in said[0]
    assert on_uvloop.execute("await asyncio.sleep(0)\nprint(_chat.outcome)").stdout == "cancelled\n"
    assert on_uvloop.value("__import__('sys').modules.get('nest_asyncio2') is None") is True
    assert on_uvloop.execute("%%chat\nafterwards").status == "ok"


@pytest.mark.fault("K16", "a loop that was patched before us works; importing and awaiting patch nothing")
@pytest.mark.parametrize("generation", ["latest", "6.x"])
def test_a_patched_loop_works(generation: str) -> None:
    """Awaiting does not patch the kernel's loop. A loop patched by somebody else streams both ways."""
    with start_chat_kernel(generation) as chat:
        assert chat.execute("%%chat\nawaited").status == "ok"
        assert chat.value("'nest_asyncio2' in __import__('sys').modules") is False
        assert chat.value("hasattr(__import__('asyncio'), '_nest_patched')") is False
        assert chat.execute("import asyncio, nest_asyncio2; nest_asyncio2.apply()").status == "ok"
        cells = [chat.execute_async(code) for code in ("%%chat\nawaited", "%time x = %chat timed", "print(_chat == x)")]
        assert [cell.wait().status for cell in cells] == ["ok"] * 3
        assert cells[2].stdout == "True\n"


@pytest.mark.fault("K17", "one transformer, one magic, one control target, however often it is loaded or reloaded")
def test_loading_reloading_and_importing_again_leave_one_of_each(latest: ChatKernel) -> None:
    """Loaded twice, reloaded twice, imported again: one of all, each prompt is sent once, Stop reaches its stream."""
    for code in (
        "%load_ext streamwidget",
        "%reload_ext streamwidget",
        "%reload_ext streamwidget",
        "import streamwidget; streamwidget.load_ipython_extension(get_ipython())",  # without its unload
    ):
        assert latest.execute(code).status == "ok", code
    assert one_of_each(latest)
    latest.execute("%%chat\nafter reloading")
    assert times_asked(latest, "after reloading") == 1
    _, view = latest.streaming("%%chat --bg -m demo-slow\nstopped after reloading")
    latest.control({"op": "stop", "id": view.opened["key"]})
    assert view.wait("end")["outcome"] == "cancelled"


@pytest.mark.fault("K17", "%autoreload 2 after an edit: streams go on, new ones work")
def test_autoreload_reloads_us_without_harm(latest: ChatKernel) -> None:
    """Modules are reloaded in mid-stream: the running answer ends well, the next one works, one of each is left."""
    latest.execute("%load_ext autoreload")
    latest.execute("%autoreload 2")
    try:
        cell, view = latest.streaming("%%chat --bg -m demo-slow --max-tokens 4 -o before\nbefore the edit")
        latest.execute(
            "import importlib, sys\n"
            "names = '_core.stream _view.stream_view _view.control _notebook.magics'\n"
            "names += ' _core.events _core.completion _client.transport'\n"
            "for name in names.split():\n"
            "    importlib.reload(sys.modules[f'streamwidget.{name}'])"
        )
        again = latest.execute("%%chat -o after\nafter the edit")
        assert (again.status, again.traceback) == ("ok", [])
        assert view.wait("end")["outcome"] == "length"
        latest.until("before")
        assert latest.value("[before.outcome, after.outcome]") == ["length", "complete"]
        assert again.text.startswith(latest.value("after.text"))
        latest.execute("%reload_ext streamwidget")
        assert one_of_each(latest)
        assert latest.execute("%%chat\nand once more").status == "ok"
        assert times_asked(latest, "and once more") == 1
        assert cell.status == "ok"
    finally:
        latest.execute("%autoreload 0")


def one_of_each(chat: ChatKernel) -> bool:
    names = chat.value("[t.__module__ for t in get_ipython().input_transformers_post]")
    settings = chat.value("[type(c).__name__ for c in get_ipython().configurables]")
    callbacks = chat.value("[c.__module__ for c in get_ipython().events.callbacks['pre_run_cell']]")
    targets = chat.value("list(__import__('comm').get_comm_manager().targets)")
    return (
        sum(name.startswith("streamwidget") for name in names) == 1
        and settings.count("ChatMagics") == 1
        and sum(name.startswith("streamwidget") for name in callbacks) == 1
        and targets.count("streamwidget.control") <= 1
    )


def times_asked(chat: ChatKernel, prompt: str) -> int:
    return sum(record.body["messages"][-1]["content"].strip() == prompt for record in chat.server.requests)
