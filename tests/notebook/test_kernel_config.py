"""A config file of IPython with settings of ``%%chat``, read by a real kernel as it starts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from streamwidget.demo import DemoServer
from tests.support.kernels import Kernel, start_kernel

pytestmark = pytest.mark.kernel

LOADS = 'c.InteractiveShellApp.extensions = ["streamwidget"]\n'
KEY = "sk-of-the-class-0123456789"
SETTINGS: dict[str, Any] = {
    "model": "demo",
    "system": "Be brief.",
    "temperature": 0.5,
    "max_tokens": 9,
    "max_turns": 1,
    "max_history_tokens": 1000,
    "timeout": {"stall": 7},
    "keep": True,
    "provider": "mistral",
    "api_key_env": "KEY_OF_THE_CLASS",
    "headers_env": {"X-Course": "KEY_OF_THE_CLASS"},
}


@contextmanager
def kernel_with(file: str, folder: Path, generation: str, **env: str) -> Iterator[Kernel]:
    """Start a kernel whose default profile has this ``ipython_config.py``."""
    profile = folder / "ipython" / "profile_default"
    profile.mkdir(parents=True)
    (profile / "ipython_config.py").write_text(f"c = get_config()\n{file}", "utf-8")
    with start_kernel(generation, {"IPYTHONDIR": str(folder / "ipython"), **env}) as kernel:
        yield kernel


def as_file(settings: dict[str, Any]) -> str:
    return "".join(f"c.ChatMagics.{name} = {value!r}\n" for name, value in settings.items())


def test_each_setting_of_a_file_holds_in_cells_in_the_widget_and_in_the_client(
    generation: str, tmp_path: Path, demo: DemoServer
) -> None:
    """The file beats the environment. With ``extensions`` no ``%load_ext`` is needed."""
    settings = {**SETTINGS, "base_url": demo.url}
    elsewhere = {"STREAMWIDGET_BASE_URL": "http://127.0.0.1:9/v1", "STREAMWIDGET_MODEL": "from the environment"}
    with kernel_with(LOADS + as_file(settings), tmp_path, generation, KEY_OF_THE_CLASS=KEY, **elsewhere) as kernel:
        for name, value in settings.items():
            assert kernel.execute(f"%config ChatMagics.{name}").text == repr(value), name
        cells = [
            "%%chat\nthe cell",
            "import streamwidget as sw\nawait sw.ChatWidget().send('the widget')",
            "await sw.ChatClient().stream('the client')",
        ]
        for cell in cells:
            ran = kernel.execute(cell)
            assert (ran.status, ran.stderr) == ("ok", ""), ran.traceback
        limits = "sw.ChatClient().timeout.stall, sw.ChatClient('http://127.0.0.1:1/v1').timeout.stall"
        assert kernel.execute(limits).text == "(7, 7)"
        elsewhere_too = "sw.ChatClient('http://127.0.0.1:1/v1')._settings"
        assert kernel.execute(f"{elsewhere_too}.api_key, {elsewhere_too}.headers").text == "(None, {})"
    asked = {record.body["messages"][-1]["content"].strip(): record for record in demo.requests}
    assert list(asked) == ["the cell", "the widget", "the client"]
    for record in asked.values():
        assert (record.body["model"], record.body["max_tokens"]) == ("demo", 9)
        assert record.headers["x-course"] == KEY
        assert record.headers["authorization"].endswith(KEY[-4:])
        assert "stream_options" not in record.body  # as Mistral wants it
    assert asked["the cell"].body["temperature"] == 0.5
    for prompt in ("the cell", "the widget"):
        assert asked[prompt].body["messages"][0] == {"role": "system", "content": "Be brief."}


@pytest.mark.parametrize("generation", ["latest", "6.x"], indirect=True)
def test_a_wrong_value_is_told_in_the_first_cell_and_the_rest_holds(
    generation: str, tmp_path: Path, demo: DemoServer
) -> None:
    """Nobody reads what a kernel prints while it starts. ``%config`` or a corrected file sets it right."""
    wrong = {"max_turns": "three", "timeout": {"stal": 5}, "sytem": "x", "system": "Be brief."}
    file = LOADS + as_file({**wrong, "base_url": demo.url})
    with kernel_with(file, tmp_path, generation) as kernel:
        first = kernel.execute("1 + 1")
        assert first.text == "2"
        lines = first.stderr.splitlines()
        assert len(lines) == 3
        for line, words in zip(
            sorted(lines),
            ["max_turns in the config file cannot be used", "sytem is not", "no limit 'stal'"],
            strict=True,
        ):
            assert words in line
        second = kernel.execute("%%chat\nhello")
        assert (second.status, second.stderr) == ("ok", "")
        assert demo.requests[-1].body["messages"][0]["content"] == "Be brief."
        assert kernel.execute("%config ChatMagics.max_turns = 3\n%config ChatMagics.max_turns").text == "3"


@pytest.mark.parametrize("generation", ["latest"], indirect=True)
def test_a_wrong_value_is_told_by_load_ext_and_a_correction_needs_no_restart(
    generation: str, tmp_path: Path, demo: DemoServer
) -> None:
    """The cell with ``%load_ext`` says it. After the correction ``%reload_ext`` says nothing."""
    file = as_file({"max_history_tokens": "many", "base_url": demo.url})
    with kernel_with(file, tmp_path, generation) as kernel:
        loaded = kernel.execute("%load_ext streamwidget")
        assert loaded.status == "ok"
        assert "c.ChatMagics.max_history_tokens in the config file cannot be used" in loaded.stderr
        again = kernel.execute("get_ipython().config.ChatMagics.max_history_tokens = 50\n%reload_ext streamwidget")
        assert (again.status, again.stderr) == ("ok", "")
        assert kernel.execute("%config ChatMagics.max_history_tokens").text == "50"
        assert kernel.execute("%%chat\nhello").status == "ok"
        assert kernel.execute("%unload_ext streamwidget").status == "ok"
        where = "import streamwidget as sw\nsw.ChatClient().base_url is None"
        assert kernel.execute(where).text == "True"  # the settings went with the extension
