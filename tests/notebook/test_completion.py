"""Completion of ``%chat`` in a shell: what is offered, of which kind, and what it replaces."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell

import streamwidget
from streamwidget._client.servers import SERVERS
from tests.support.shells import chat_shell, session_of

MODELS = ["llama3.2:latest", "llama3.2:1b", "qwen3", "org/model"]


@pytest.fixture(scope="module")
def shell() -> Iterator[InteractiveShell]:
    with chat_shell() as made:
        made.user_ns.update(table=1, tablet="x", _hidden=2)
        session_of(made).listed_models[:] = MODELS
        for name in ("", "chemistry"):
            session_of(made).conversation(name)
        made.Completer.use_jedi = False  # slow, and not ours
        yield made


def complete(shell: InteractiveShell, typed: str) -> dict[str, str]:
    """Return the lines that the completions of ``typed`` make, with their kinds. The cursor is at the ``|``."""
    code = typed.replace("|", "")
    cursor = typed.index("|")
    with provisionalcompleter():
        found = list(shell.Completer.completions(code, cursor))
    found = [each for each in found if each._origin == "streamwidget"]
    return {code[: each.start] + each.text + code[each.end :]: each.type for each in found}


MODEL = "The model to ask. Repeat it to ask several side by side."
OFFERED = {
    "%%chat --mo|\nhello": {"%%chat --model\nhello": MODEL},
    "x = %chat --mod|": {"x = %chat --model": MODEL, "x = %chat --models": "List the server's models."},
    "%%chat -m qwen3 --ra|": {"%%chat -m qwen3 --raw": "Send {{name}} as text."},
    "%%chat -m |": {f"%%chat -m {name}": "model" for name in MODELS},
    "%%chat -m llama3.2:l|": {"%%chat -m llama3.2:latest": "model"},
    "%chat --model=org/m|": {"%chat --model=org/model": "model"},
    "%time %chat --raw -m q| hello": {"%time %chat --raw -m qwen3 hello": "model"},
    "%%chat -p oll|": {f"%%chat -p {name}": SERVERS[name].base_url for name in ("ollama", "ollama-native")},
    "%%chat --client tab|": {"%%chat --client table": "int", "%%chat --client tablet": "str"},
    "%chat -o tablet|": {"%chat -o tablet": "str"},
    "%%chat -c |": {"%%chat -c chemistry": "conversation"},
    "%%chat\nSum of {{tab|}}": {"%%chat\nSum of {{table}}": "int", "%%chat\nSum of {{tablet}}": "str"},
    "%chat Sum of {{ table|": {"%chat Sum of {{ table": "int", "%chat Sum of {{ tablet": "str"},
    "%chat hello --mo|": {},
    "%%chat -t |": {},
    "%%chat -m qwen3 hello -p o|": {},
    "x = {{tab|": {},
    "print -|": {},
}


@pytest.mark.parametrize(("typed", "lines"), OFFERED.items(), ids=OFFERED)
def test_what_may_come_next_is_offered(shell: InteractiveShell, typed: str, lines: dict[str, str]) -> None:
    """The help of an option is its kind. In a prompt and in other cells we are silent."""
    assert complete(shell, typed) == lines


def test_a_dash_lists_the_options_in_their_order(shell: InteractiveShell) -> None:
    """Those of a cell first. A line has the commands too."""
    cell, line = (list(complete(shell, f"{magic} -|")) for magic in ("%%chat", "%chat"))
    assert cell[:3] == ["%%chat -m", "%%chat --model", "%%chat -p"]
    assert cell[-1] == "%%chat --show-prompt"
    assert line[: len(cell)] == [option[1:] for option in cell]
    assert "%chat --history" in line


def test_the_extension_leaves_nothing_in_the_completer(shell: InteractiveShell) -> None:
    """After a reload it is there once, and after an unload not at all."""
    assert len(shell.Completer.custom_matchers) == 1
    streamwidget.load_ipython_extension(shell)
    assert len(shell.Completer.custom_matchers) == 1
    streamwidget.unload_ipython_extension(shell)
    assert shell.Completer.custom_matchers == []
