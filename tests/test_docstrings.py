"""Every public name says what it takes, returns and raises, and shows it in an example that runs."""

from __future__ import annotations

import ast
import asyncio
import doctest
import importlib
import inspect
import re
import textwrap
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import streamwidget as sw
from streamwidget import demo, teaching
from streamwidget.demo import DemoServer
from tests.support import wings

#: Type aliases and text: they have no docstring of their own.
PLAIN = {"Outcome", "StreamEvent", "__version__"}
#: These raise ConfigurationError or StreamError from deeper down.
RAISES = {
    "ChatClient", "ChatClient.complete", "ChatClient.models", "ChatClient.stream", "ChatStream.record",
    "ChatStream.wait", "ChatWidget", "ChatWidget.send", "Conversation.ask", "Conversation.from_json",
    "Conversation.load", "Image", "Image.of", "Message", "RetryPolicy", "Timeout", "race", "replay", "show",
}  # fmt: skip
SETTINGS = ("OPENAI_BASE_URL", "OPENAI_API_KEY", "STREAMWIDGET_BASE_URL", "STREAMWIDGET_API_KEY", "STREAMWIDGET_MODEL")
_OURS = re.compile(r"\braise (?:ConfigurationError|StreamError|SourceError|StreamTimeout|ProtocolError)\b")


def public() -> Iterator[tuple[str, Any]]:
    """Yield each public name with its object: functions, modules, classes, and their methods that take arguments."""
    for module in (sw, demo, teaching):
        for name in module.__all__:
            thing = getattr(module, name)
            if name in PLAIN:
                continue
            yield name, thing
            if isinstance(thing, type):
                for attribute, member in members(thing):
                    yield f"{name}.{attribute}", member


def members(cls: type) -> Iterator[tuple[str, Any]]:
    """Yield the public functions and properties that a class has from us."""
    for name, member in inspect.getmembers_static(cls):
        function = getattr(member, "fget", getattr(member, "__func__", member))
        if (
            name.startswith("_")
            or not inspect.isfunction(function)
            or not function.__module__.startswith("streamwidget")
        ):
            continue
        # What overrides a method of ipywidgets is described there.
        if not any(name in vars(base) and not base.__module__.startswith("streamwidget") for base in cls.__mro__):
            yield name, member if isinstance(member, property) else function


NAMES = dict(public())


def sections(thing: Any) -> set[str]:
    """Return the headings of a docstring, and "Examples" if there is one anywhere in it."""
    text = inspect.getdoc(thing) or ""
    found = set(re.findall(r"^(\w+)\n-{3,}$", text, re.MULTILINE))
    return found | ({"Examples"} if ">>> " in text else set())


def needed(name: str, thing: Any) -> Iterator[str]:
    """Yield the sections that a docstring needs."""
    if "." not in name:
        yield "Examples"
    function: Callable[..., Any] | None = thing.__init__ if isinstance(thing, type) else thing
    if isinstance(thing, property | types.ModuleType) or (isinstance(thing, type) and issubclass(thing, Exception)):
        function = None
    if function is not None and takes_arguments(function):
        yield "Parameters"
        if not isinstance(thing, type) and inspect.signature(function).return_annotation not in ("None", None):
            yield "Returns"
    if name in RAISES or (function is not None and _OURS.search(source(function))):
        yield "Raises"


def takes_arguments(function: Callable[..., Any]) -> bool:
    """Whether a caller passes anything."""
    parameters = [name for name in inspect.signature(function).parameters if name not in ("self", "cls", "_")]
    return bool(parameters)


def source(function: Callable[..., Any]) -> str:
    """Return the function's code, empty for one that Python made (a dataclass's ``__init__``)."""
    try:
        return ast.unparse(ast.parse(textwrap.dedent(inspect.getsource(function))))
    except OSError:
        return ""


def missing(name: str) -> set[str]:
    """Return the sections that are not there. Fields of a value may be its Attributes, and a generator Yields."""
    thing = NAMES[name]
    found = sections(thing)
    if isinstance(thing, type) and "Attributes" in found:
        found.add("Parameters")
    if "Yields" in found:
        found.add("Returns")
    return set(needed(name, thing)) - found


def test_every_public_name_says_what_it_takes_returns_and_raises() -> None:
    """The sections follow from the signature."""
    assert {name: lacks for name in NAMES if (lacks := missing(name))} == {}


def test_every_public_name_has_a_docstring() -> None:
    """Properties and methods without arguments too."""
    assert [name for name, thing in NAMES.items() if not inspect.getdoc(thing)] == []


def examples() -> Iterator[tuple[str, str]]:
    """Yield the place and the text of each docstring of the package that shows an example."""
    for name, path in [("", Path(sw.__file__)), *wings.modules().items()]:
        yield from examples_in(ast.parse(path.read_text("utf-8")), f"{name}:")


def examples_in(node: ast.AST, place: str) -> Iterator[tuple[str, str]]:
    """Yield those of one module, class or function, and of all within it."""
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        text = ast.get_docstring(node) or ""
        if ">>> " in text:
            yield place, text
    for child in ast.iter_child_nodes(node):
        yield from examples_in(child, f"{place}.{child.name}" if hasattr(child, "name") else place)


EXAMPLES = dict(examples())


@pytest.fixture(scope="module")
def fast() -> Iterator[DemoServer]:
    """The demo server of the examples."""
    with DemoServer(tokens_per_second=0, first_delta=0) as server:
        yield server


@pytest.mark.parametrize("place", EXAMPLES)
def test_an_example_runs(place: str, fast: DemoServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it stands, without a key and without a network: the built-in demo server answers, at full speed."""
    for variable in SETTINGS:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(demo, "shared_server", lambda: fast)
    monkeypatch.chdir(tmp_path)
    text = EXAMPLES[place]
    assert "+SKIP" not in text
    module = importlib.import_module(f"streamwidget.{place.partition(':')[0]}".strip("."))
    names = {**vars(module), "sw": sw, "asyncio": asyncio}
    test = doctest.DocTestParser().get_doctest(text, names, place, module.__file__, 0)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    said: list[str] = []
    runner.run(test, out=said.append)
    assert not runner.failures, "".join(said)
