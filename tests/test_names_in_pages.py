"""Each command, setting, variable and Python name in the README and the guides exists, and takes what is written there.

The code blocks of these pages run in tests/test_readme.py. Here is what stands in their sentences and tables.
"""

from __future__ import annotations

import ast
import inspect
import re
import tomllib
from typing import Any

import pytest

import streamwidget as sw
from streamwidget import teaching
from streamwidget._notebook.magic_line import split_line
from streamwidget._notebook.magics import ChatMagics
from tests.support.kernels import ROOT
from tests.support.shells import chat_shell, magics_of
from tests.test_readme import README, SAID

WITHOUT_BLOCKS = re.sub(r"^```.*?^```$", "", SAID, flags=re.DOTALL | re.MULTILINE)
CODES = [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", WITHOUT_BLOCKS)]
#: What a variable of the pages holds: ``stream.cancel()`` is a method of a ChatStream.
HELD = {
    "client": sw.ChatClient,
    "stream": sw.ChatStream,
    "completion": sw.ChatCompletion,
    "_chat": sw.ChatCompletion,
    "conversation": sw.Conversation,
    "_conversation": sw.Conversation,
    "chat": sw.ChatWidget,
    "turn": sw.Turn,
    "panel": teaching.FaultPanel,
    "sw": sw,
    "teaching": teaching,
}
THEIRS = "chat.completions.create"  # openai's, and not a ChatWidget's


def test_each_command_can_be_typed() -> None:
    """``%%chat -p ollama -m llama3.2`` has options that the magic has, with values that it takes."""
    typed = [code.partition("%chat ")[2] for code in CODES if re.match(r"(\w+ = )?%%?chat .", code)]
    assert len(typed) > 30
    with chat_shell() as shell:
        parser = magics_of(shell).chat.parser
        for line in typed:
            if line != "-":  # what Tab completes
                split_line(parser, re.sub(r"(--send|--skip) N\b", r"\1 1", line))


def test_each_setting_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """``%config ChatMagics.max_turns = 10`` names a setting, and a value that it takes."""
    for name, value in re.findall(r"^%env (\w+)=(\w+)$", "\n".join(CODES), re.MULTILINE):
        monkeypatch.setenv(name, value)
    settings = [code.removeprefix("%config ChatMagics.") for code in CODES if code.startswith("%config ChatMagics.")]
    of_a_file = re.findall(r"^c\.ChatMagics\.(.+)$", SAID, re.MULTILINE)
    assert len(settings) > 6
    assert len(of_a_file) == 4
    with chat_shell() as shell:
        for setting in (*settings, *of_a_file):
            name, _, value = setting.partition(" = ")
            assert name in ChatMagics.class_trait_names(config=True)
            setattr(magics_of(shell), name, ast.literal_eval(value))


def test_each_python_name_exists() -> None:
    """``sw.ChatClient(max_text=...)``: the package has the name, and the name takes that argument."""
    seen = 0
    for code in CODES:
        try:
            tree = ast.parse(re.sub(r"^@|^await |^async (for|with) \w+ in ", "", code))
        except SyntaxError:
            continue  # an option, an address, a sentence of an answer
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and owner(node) and not code.startswith(THEIRS):
                assert hasattr(owner(node), node.attr) or node.attr in fields(owner(node)), code
                seen += 1
            if isinstance(node, ast.Call) and (called := ours(node.func)):
                named = {keyword.arg for keyword in node.keywords if keyword.arg}
                assert named <= set(inspect.signature(called).parameters), code
                seen += 1
    assert seen > 60


def owner(node: ast.Attribute) -> Any:
    """Return what an attribute belongs to, if that is ours: ``stream`` of ``stream.cancel`` is a ChatStream."""
    return HELD.get(node.value.id) if isinstance(node.value, ast.Name) else None


def fields(owner: Any) -> Any:
    """Return the names of the fields of a dataclass."""
    return getattr(owner, "__dataclass_fields__", ())


def ours(node: ast.expr) -> Any:
    """Return what is called, if it is ours: ``ChatWidget``, ``sw.show`` or ``stream.cancel``."""
    if isinstance(node, ast.Name):
        return getattr(sw, node.id, None)
    return getattr(owner(node), node.attr, None) if isinstance(node, ast.Attribute) else None


def test_the_variables_of_the_environment_are_those_that_are_read() -> None:
    """Each ``STREAMWIDGET_...`` that the code reads is in a page, and each variable in a page is read."""
    code = "\n".join(path.read_text("utf-8") for path in sorted((ROOT / "streamwidget").rglob("*.py")))
    ours = set(re.findall(r"\bSTREAMWIDGET_[A-Z_]*[A-Z]\b", code))
    said = {name for text in CODES for name in re.findall(r"\b[A-Z]+_[A-Z_]*[A-Z]\b", text)}
    assert ours <= said
    read = {name for name in said if f'"{name}"' in code}
    assert said - read == {"MY_GATEWAY_KEY", "OLLAMA_ORIGINS", "SPAN_ONLY"}


def test_the_extras_of_the_readme_are_the_packages() -> None:
    """Its table has one row for each extra."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    said = re.findall(r'^\| `pip install "streamwidget\[(\w+)\]"` \|', README, re.MULTILINE)
    assert sorted(said) == sorted(extras)
