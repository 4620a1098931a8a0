"""Who may import whom. Which file owns which outside library is in test_packaging."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from tests.kernels import ROOT

PACKAGE = ROOT / "streamwidget"
#: Pure: no I/O, no loop, no thread; nor do the modules that they import.
PURE = (
    "_sse", "_events", "_messages", "_accumulator", "_retry", "_timeout", "_parser", "_providers", "_config",
    "_secrets", "_completion", "_exceptions", "_visible", "_advice",
)  # fmt: skip
IMPURE = {
    "asyncio",
    "socket",
    "ssl",
    "threading",
    "subprocess",
    "multiprocessing",
    "selectors",
    "http",
    "urllib.request",
}
#: The core, from below to above: none imports one that stands after it.
CORE = (
    "_sse",
    "_providers",
    "_accumulator",
    "_parser",
    "_transport",
    "_exchange",
    "_work",
    "_stream",
    "_attempts",
    "_client",
)

#: Nothing of the core knows who shows its answers.
SHOWN_BY = {
    "_view",
    "_feed",
    "_chat",
    "_chat_told",
    "_chat_widget",
    "_control",
    "_display",
    "_magics",
    "_extension",
    "_chat_line",
    "_chat_request",
    "_chat_wait",
    "_chat_commands",
    "_cell_turns",
    "_show",
    "_terminal",
    "_static_html",
    "_markdown_html",
}


def file_of(module: str) -> Path:
    return next(path for path in (PACKAGE / f"{module}.py", PACKAGE / module / "__init__.py") if path.exists())


def imports(module: str, *, whole: bool = False) -> tuple[set[str], set[str]]:
    """Return the outside and the own modules that one imports when it is loaded (``whole``: at any time)."""
    tree = ast.parse(file_of(module).read_text("utf-8"))
    outside: set[str] = set()
    own: set[str] = set()
    for node in ast.walk(tree) if whole else tree.body:
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            bare = node.module == "streamwidget"
            names = [f"streamwidget.{alias.name}" for alias in node.names] if bare else [node.module]
        for name in names:
            first, _, rest = name.partition(".")
            own.add(rest.partition(".")[0]) if first == "streamwidget" and rest else outside.add(name)
    return outside, own


def closure(module: str) -> set[str]:
    """Return a module and all of ours that loading it loads."""
    found = {module}
    todo = [module]
    while todo:
        fresh = imports(todo.pop())[1] - found
        found |= fresh
        todo += fresh
    return found


@pytest.mark.parametrize("module", PURE)
def test_a_pure_module_rests_on_pure_ones(module: str) -> None:
    """With all that it loads it needs the standard library alone, and nothing that does I/O, waits or runs beside."""
    for loaded in closure(module):
        outside = imports(loaded)[0]
        assert {name.partition(".")[0] for name in outside} <= sys.stdlib_module_names, loaded
        assert not outside & IMPURE, loaded


@pytest.mark.parametrize("module", CORE)
def test_the_core_is_built_from_below(module: str) -> None:
    """What carries a delta knows what it rests on, never what rests on it."""
    above = set(CORE[CORE.index(module) + 1 :]) | SHOWN_BY
    assert not closure(module) & above


def test_foreign_sources_stand_beside_the_client() -> None:
    """What reads somebody else's stream knows the stream, and neither our requests nor the views; nor is it known."""
    modules = [f"_sources/{path.stem}" for path in (PACKAGE / "_sources").glob("*.py")]
    known = {loaded for module in modules for own in imports(module)[1] for loaded in closure(own)}
    assert "_stream" in known
    assert not known & ({"_exchange", "_transport", "_attempts", "_client"} | SHOWN_BY)
    assert not any("_sources" in closure(module) for module in CORE)


def test_the_rules_would_see_a_breach() -> None:
    """The reader of imports finds what is there: the transport's library, the loop's, the client's parts."""
    assert "httpx" in imports("_transport", whole=True)[0]
    assert "nest_asyncio2" in imports("_loop", whole=True)[0]
    assert {"_stream", "_transport", "_config"} <= imports("_client")[1]
    assert "_loop" in imports("_stream")[1]
    assert set(CORE) <= closure("_client")
