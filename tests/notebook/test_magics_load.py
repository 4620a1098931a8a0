"""``%load_ext``, ``%reload_ext``, ``%unload_ext``: loading adds each thing once, and unloading removes all of it."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

import streamwidget as sw
from streamwidget._client.servers import SERVERS
from streamwidget._notebook import cell_transform, extension, magics, question_mark
from streamwidget._notebook.session import ChatSettings
from streamwidget.demo import DemoServer
from tests.support.chat_kernels import ChatKernel
from tests.support.deadlines import SOON
from tests.support.shells import session_of


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    InteractiveShell.clear_instance()
    yield InteractiveShell(config=Config({"HistoryManager": {"enabled": False}}))
    InteractiveShell.clear_instance()


def traces(shell: InteractiveShell) -> dict[str, Any]:
    """Return all the places of a shell where an extension can add something."""
    manager = shell.magics_manager
    return {
        "magics": {kind: dict(table) for kind, table in manager.magics.items()},
        "registry": sorted(manager.registry),
        "configurables": list(shell.configurables),
        "transformers": list(shell.input_transformers_post),
        "tokens": list(shell.input_transformer_manager.token_transformers),
        "events": {name: list(callbacks) for name, callbacks in shell.events.callbacks.items()},
        "names": sorted(shell.user_ns),
    }


def test_unload_leaves_no_trace(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    """After load, two reloads and unload the shell is as before, and nothing was printed."""
    before = traces(shell)
    shell.extension_manager.load_extension("streamwidget")
    assert traces(shell) != before
    for _ in range(2):
        shell.extension_manager.reload_extension("streamwidget")
    shell.extension_manager.unload_extension("streamwidget")
    assert traces(shell) == before
    assert capsys.readouterr().out == ""


@pytest.mark.fault("K17", "one magic, one transform, one of all, after reloading the modules too")
def test_loading_again_leaves_one_of_each(shell: InteractiveShell) -> None:
    """After three loads, and one more with reloaded modules, there is one magic and one transform."""
    for _ in range(3):
        extension.load(shell)
    once = {name: len(value) for name, value in traces(shell).items()}
    events = len(shell.events.callbacks["pre_run_cell"])
    for module in (question_mark, cell_transform, magics, extension):
        importlib.reload(module)
    extension.load(shell)
    assert {name: len(value) for name, value in traces(shell).items()} == once
    assert len(shell.events.callbacks["pre_run_cell"]) == events
    assert [type(entry) for entry in shell.input_transformers_post].count(cell_transform.CellTransform) == 1


def test_unloading_without_loading_does_nothing(shell: InteractiveShell) -> None:
    """``unload`` may be called at any time, also twice."""
    before = traces(shell)
    extension.unload(shell)
    extension.load(shell)
    extension.unload(shell)
    extension.unload(shell)
    assert traces(shell) == before


@pytest.mark.parametrize("kind", ["cell", "line"])
def test_another_owner_is_named_and_gets_its_magic_back(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    """Load names the owner of an earlier %%chat in one line. Unload brings that %%chat back."""

    def theirs(line: str, cell: str = "") -> str:
        return f"theirs: {line}{cell}"

    theirs.__module__ = "other_extension"
    shell.register_magic_function(theirs, kind, "chat")
    before = traces(shell)
    shell.extension_manager.load_extension("streamwidget")
    (line,) = capsys.readouterr().out.splitlines()
    assert "other_extension" in line
    assert "%unload_ext streamwidget" in line
    shell.extension_manager.reload_extension("streamwidget")
    assert len(capsys.readouterr().out.splitlines()) == 1
    shell.extension_manager.unload_extension("streamwidget")
    assert traces(shell) == before
    found = shell.find_magic("chat", kind)
    assert found is not None
    assert found("x") == "theirs: x"


def test_a_magic_that_came_later_stays(shell: InteractiveShell) -> None:
    """Unloading removes only our own magics."""
    extension.load(shell)

    def later(line: str) -> str:
        return "later"

    shell.register_magic_function(later, "line", "chat")
    extension.unload(shell)
    assert shell.run_line_magic("chat", "") == "later"
    assert shell.find_cell_magic("chat") is None


STEPS = [
    "streamwidget._notebook.extension.ChatMagics._settings",
    "register_magics",
    "streamwidget._notebook.question_mark.install",
    "streamwidget._notebook.cell_transform.install",
    "IPython.core.events.EventManager.register",
]


@pytest.mark.parametrize("step", STEPS)
def test_a_load_that_failed_half_way_is_undone_whole(
    shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Whatever step fails, the shell is as before. The next ``%load_ext`` works without a restart."""
    before = traces(shell)

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("half-way")

    with monkeypatch.context() as broken:
        broken.setattr(*((shell, step) if step == "register_magics" else (step,)), fail)
        for _ in range(2):
            with pytest.raises(RuntimeError, match="half-way"):
                shell.extension_manager.load_extension("streamwidget")
            assert traces(shell) == before
    shell.extension_manager.load_extension("streamwidget")
    assert shell.find_cell_magic("chat") is not None
    shell.extension_manager.unload_extension("streamwidget")
    assert traces(shell) == before


A_KEY = f"sk-{'0123456789' * 3}"

# Each setting with a value of the right kind and wrong ones.
SETTINGS: dict[str, tuple[Any, list[Any]]] = {
    "model": ("m", [5, A_KEY]),
    "system": ("Be brief.", [["Be brief."], A_KEY]),
    "temperature": (0.5, ["warm"]),
    "max_tokens": (7, ["many", 0, 1.5]),
    "max_turns": (3, ["x", -1]),
    "max_history_tokens": (100, ["x", -1]),
    "timeout": ({"stall": 60}, [5, {"stal": 60}, {"stall": -1}, {"stall": "x"}]),
    "stop_unseen": (30.0, ["x", -1]),
    "budget": ("$2", ["two", -1.0, A_KEY]),
    "reuse": (True, ["perhaps"]),
    "keep": (True, ["perhaps"]),
    "provider": ("ollama", ["olama", 5, A_KEY]),
    "base_url": ("http://localhost:9/v1", ["localhost", 5, "", A_KEY]),
    "client": ("answer", [7, A_KEY]),
    "api_key_env": ("MY_KEY", [A_KEY, 5]),
    "headers_env": (
        {"X-Api-Key": "MY_KEY"},
        [5, {"X-Api-Key": A_KEY}, {"Host": "MY_KEY"}, {"X": 5}],
    ),
    "gguf": ("model.gguf", [5, A_KEY]),
}


def test_the_table_has_each_setting() -> None:
    """A new setting needs a row."""
    assert set(SETTINGS) == {field.name for field in fields(ChatSettings)}


@pytest.mark.parametrize("name", SETTINGS)
def test_each_setting_loads_from_a_file(shell: InteractiveShell, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The session gets it, and nothing is printed."""
    shell.config.ChatMagics[name] = SETTINGS[name][0]
    extension.load(shell)
    assert getattr(session_of(shell).settings, name) == SETTINGS[name][0]
    assert capsys.readouterr() == ("", "")


def test_a_single_limit_of_a_file_changes_those_of_its_dict(shell: InteractiveShell) -> None:
    """In whatever order the file has them."""
    shell.config.ChatMagics["timeout_stall"] = 60
    shell.config.ChatMagics["timeout"] = {"stall": 5, "total": None}
    extension.load(shell)
    assert session_of(shell).settings.timeout == {"stall": 60, "total": None}


@pytest.mark.parametrize(("name", "wrong"), [(name, wrong) for name, (_, all_) in SETTINGS.items() for wrong in all_])
def test_a_wrong_setting_is_named_and_the_others_load(
    shell: InteractiveShell, name: str, wrong: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line names the setting and says why. A key is not repeated."""
    other = "max_turns" if name != "max_turns" else "model"
    shell.config.ChatMagics[name] = wrong
    shell.config.ChatMagics[other] = SETTINGS[other][0]
    extension.load(shell)
    settings = session_of(shell).settings
    # A wrong address stays, so that each request is refused. Otherwise the prompt would go to another server.
    left = str(wrong) if name in ("base_url", "provider") else getattr(ChatSettings(), name)
    assert (getattr(settings, name), getattr(settings, other)) == (left, SETTINGS[other][0])
    said = capsys.readouterr().err
    (line,) = said.splitlines()
    assert line.startswith(f"c.ChatMagics.{name} in the config file cannot be used. ")
    assert len(line) > 70
    assert "sk-" not in line
    shell.run_line_magic("config", f"ChatMagics.{name} = {SETTINGS[name][0]!r}")
    assert getattr(session_of(shell).settings, name) == SETTINGS[name][0]


@pytest.mark.parametrize(("name", "wrong"), [("base_url", "localhost"), ("base_url", 5), ("provider", "olama")])
def test_with_a_wrong_address_nothing_is_sent_elsewhere(
    shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch, name: str, wrong: Any
) -> None:
    """Not to the environment's address, until ``%config`` sets it right."""
    monkeypatch.setenv("STREAMWIDGET_BASE_URL", "http://127.0.0.1:9/v1")
    shell.config.ChatMagics[name] = wrong
    extension.load(shell)
    for make in (lambda: shell.run_line_magic("chat", "x"), sw.ChatClient, sw.ChatWidget):
        with pytest.raises(Exception, match=rf"Unknown provider 'olama'|ChatMagics\.base_url: '{wrong}' is not a base"):
            make()
    shell.run_line_magic("config", "ChatMagics.provider = 'ollama'")
    shell.run_line_magic(
        "config", f"ChatMagics.base_url = {None if wrong != 'localhost' else 'http://localhost:9/v1'!r}"
    )
    assert sw.ChatClient().base_url == (SERVERS["ollama"].base_url if wrong != "localhost" else "http://localhost:9/v1")


def test_a_setting_that_does_not_exist_is_named(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    """With the name that was meant."""
    shell.config.ChatMagics.sytem = "Be brief."
    extension.load(shell)
    assert capsys.readouterr().err == (
        "c.ChatMagics.sytem is not a setting. Did you mean system? `%config ChatMagics` lists them.\n"
    )


def test_a_wrong_setting_of_config_is_an_error_as_before(
    shell: InteractiveShell, caplog: pytest.LogCaptureFixture
) -> None:
    """``%config`` says so in its own way, and the value before it stays."""
    extension.load(shell)
    shell.run_line_magic("config", "ChatMagics.max_turns = 3")
    shell.run_line_magic("config", "ChatMagics.max_turns = 'x'")
    assert "max_turns" in caplog.text
    assert session_of(shell).settings.max_turns == 3


@pytest.mark.kernel
def test_in_a_kernel_unload_takes_the_control_target_and_streams_go_on(chat: ChatKernel) -> None:
    """After unload no page can open a control comm, %%chat is unknown, and a running stream can still be stopped."""
    target = "'streamwidget.control' in __import__('comm').get_comm_manager().targets"
    cell, view = chat.streaming("%%chat --bg -m demo-slow -o running\ngoes on")
    chat.control({"op": "nothing"})
    # The page opens it beside the cells, at its own time.
    chat.until("__import__('streamwidget._view.control')._view.control._comms")
    assert chat.value(target)
    assert chat.execute("%reload_ext streamwidget").status == "ok"
    assert chat.execute("%unload_ext streamwidget").status == "ok"
    assert not chat.value(target)
    assert chat.execute("%%chat\nx").status == "error"
    assert chat.execute("1 + 1").text == "2"
    assert chat.asked("goes on").ended is None
    if chat.has_subshells:
        chat.control({"op": "stop", "id": view.opened["key"]})
    else:
        view.send({"op": "stop"})
    assert chat.asked("goes on").left.wait(SOON)
    view.wait("end")
    assert chat.value("running.outcome") == "cancelled"
    assert chat.execute("%load_ext streamwidget\nprint('back')").stdout == "back\n"
    assert chat.execute("%%chat\nback again").status == "ok"
    assert cell.wait().status == "ok"


def test_an_answer_in_the_cell_that_loads_is_shown_once(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own lines are past the transform. Other values of the cell, and later ones, are shown."""
    with DemoServer() as server:
        monkeypatch.setenv("STREAMWIDGET_BASE_URL", server.url)
        assert shell.run_cell("%load_ext streamwidget\n%chat hello").success
        assert capsys.readouterr().out.count("## hello") == 1
        assert shell.run_cell("_chat").success
        assert capsys.readouterr().out.count("## hello") == 1
        shell.run_cell("%unload_ext streamwidget")
        assert shell.run_cell("%load_ext streamwidget\n%chat --doctor").success
        assert capsys.readouterr().out.count("Nothing on the way fails") == 1
