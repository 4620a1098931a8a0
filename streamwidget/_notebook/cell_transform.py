"""Put ``await`` before the calls that ``%%chat`` and ``%chat`` become, so that the cell awaits the stream.

IPython has turned the magics into calls by then. For the cell ``x = %chat hi`` the transform does this::

    x = get_ipython().run_line_magic('chat', 'hi')
    x = (await get_ipython().run_line_magic('chat', 'hi'))

Rules. Without each of them a real kernel failed.

1. At module level a call is awaited only if IPython itself runs the cell. ``autoawait`` must be on, and no ``run_code``
   frame of IPython may be on the stack. ``%%time``, ``%%capture`` and ``run_cell`` transform their body a second time
   and run it synchronously, so there the call stays: ``%time x = %chat hi`` -> ``x = get_ipython()...``. In the body of
   an ``async def`` the call is always awaited.
2. The calls are found in the syntax tree, not in the text. A call in a ``def``, a lambda, a class body, a
   comprehension, an f-string or an annotation stays: ``def f(): return get_ipython()...``. An awaited call stays too:
   ``await get_ipython()...``.
3. A cell that does not parse stays, and the SyntaxError names the person's own line: ``x = (`` -> ``x = (``.
4. No line is added or removed, so error line numbers stay right. Columns in ``ast`` count UTF-8 bytes:
   the call in ``é = %chat hi`` begins at column 5.
5. A statement of ``%chat hi`` alone gets the value None, because its answer is on the screen already:
   ``(await get_ipython().run_line_magic('chat', 'hi')) and None``. Otherwise ``Out[1]:`` would show it again. This is
   done on every path, ``%%time`` included.

IPython calls the transform after it has stored the raw cell, so ``_i`` and ``%history`` show the typed text.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
import warnings
from dataclasses import dataclass
from types import FrameType
from typing import Any, TypeGuard

from streamwidget._notebook.shown_once import hide_results_of_magics

MAGIC = "chat"

_CALLS = {"run_cell_magic", "run_line_magic"}
_PARSE = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
_MODULE, _COROUTINE, _NEITHER = "module", "coroutine", "neither"
_NEVER = (
    ast.Lambda,
    ast.ClassDef,
    ast.ListComp,
    ast.SetComp,
    ast.DictComp,
    ast.GeneratorExp,
    ast.JoinedStr,  # its columns are not reliable before Python 3.12
)


@dataclass(frozen=True, slots=True)
class CellTransform:
    """An entry of ``shell.input_transformers_post``. It has no side effects, and a second pass changes nothing."""

    shell: Any

    def __call__(self, lines: list[str]) -> list[str]:
        source = "".join(lines)
        if MAGIC not in source or "_magic(" not in source:
            return lines
        module_awaits = bool(self.shell.autoawait) and not _inside_run_code()
        return await_calls(source, module_awaits=module_awaits).splitlines(keepends=True)


def install(shell: Any) -> None:
    """Add the transform to ``shell``. It replaces that of an earlier load or reload."""
    uninstall(shell)
    shell.input_transformers_post.append(CellTransform(shell))
    if _inside_run_code():
        hide_results_of_magics(shell)  # rule 5


def uninstall(shell: Any) -> None:
    """Remove the transform from ``shell``, even that of an earlier load of this module."""
    entries = shell.input_transformers_post
    # By name: after an autoreload the entry's class is not this module's class any more.
    entries[:] = [e for e in entries if (type(e).__module__, type(e).__name__) != (__name__, CellTransform.__name__)]


def caller_awaits(frame: FrameType | None) -> bool:
    """Return whether the caller of the magic awaits its result.

    Parameters
    ----------
    frame
        The frame of the magic function (``sys._getframe()``) or the calling frame itself. Frames of IPython, ipykernel
        and this package are skipped. So are the wrappers of ``decorator``, which IPython 7 puts around magics, and the
        methods of a host's own shell, such as Colab's. The first other frame is the caller.

    Returns
    -------
    bool
        True if the caller is a coroutine: a cell after this transform, or an ``async def``.
    """
    while frame is not None and _is_machinery(frame):
        frame = frame.f_back
    return frame is not None and bool(frame.f_code.co_flags & inspect.CO_COROUTINE)


def _is_machinery(frame: FrameType) -> bool:
    return (
        _package(frame) in ("IPython", "ipykernel", "streamwidget", "decorator")
        or frame.f_code.co_filename.startswith("<decorator-gen-")
        or frame.f_code.co_name in _CALLS
    )


def await_calls(source: str, *, module_awaits: bool) -> str:
    """Rewrite the magic calls of one transformed cell.

    Parameters
    ----------
    source
        Python source, after IPython's own transformations.
    module_awaits
        Whether the calls at module level may be awaited.

    Returns
    -------
    str
        The rewritten source, with the same number of lines. If it does not parse, ``source`` itself.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # IPython compiles the cell too, and warns then
            tree = compile(source, "<cell>", "exec", _PARSE, dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
        return source
    finder = _Finder(module_awaits)
    try:
        finder.visit(tree)
    except RecursionError:
        return source
    lines = re.findall(rb"[^\r\n]*(?:\r\n|\r|\n|\Z)", source.encode())  # as the parser counts lines
    for line, column, text in sorted(finder.insertions, key=lambda item: item[:2], reverse=True):
        whole = lines[line - 1]
        lines[line - 1] = whole[:column] + text + whole[column:]
    return b"".join(lines).decode()


class _Finder(ast.NodeVisitor):
    """Collect ``(line, byte column, text)`` insertions. Of two at the same place, the later in the list comes first."""

    def __init__(self, module_awaits: bool) -> None:
        self.insertions: list[tuple[int, int, bytes]] = []
        self._module_awaits = module_awaits
        self._scope = _MODULE

    def visit(self, node: ast.AST) -> None:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            self._visit_in(_NEITHER, *node.decorator_list, node.args)
            self._visit_in(_COROUTINE if isinstance(node, ast.AsyncFunctionDef) else _NEITHER, *node.body)
        elif isinstance(node, _NEVER):
            self._visit_in(_NEITHER, *ast.iter_child_nodes(node))
        elif isinstance(node, ast.AnnAssign):
            self._visit_in(self._scope, *filter(None, (node.target, node.value)))
        else:
            if isinstance(node, ast.Expr):
                self._bare(node)
            elif _is_magic_call(node) and self._may_await:
                self._wrap(node)
            # The call under an ``await`` is awaited already. Calls in its arguments are not.
            held = node.value if isinstance(node, ast.Await) and _is_magic_call(node.value) else node
            for child in ast.iter_child_nodes(held):
                self.visit(child)

    def _visit_in(self, scope: str, *nodes: ast.AST) -> None:
        outer, self._scope = self._scope, scope
        for node in nodes:
            self.visit(node)
        self._scope = outer

    @property
    def _may_await(self) -> bool:
        return self._scope == _COROUTINE or (self._scope == _MODULE and self._module_awaits)

    def _bare(self, node: ast.Expr) -> None:
        value = node.value.value if isinstance(node.value, ast.Await) else node.value
        if self._scope == _MODULE and _is_magic_call(value):
            self._insert(*_end(node.value), b" and None")

    def _wrap(self, call: ast.expr) -> None:
        self._insert(call.lineno, call.col_offset, b"(await ")
        self._insert(*_end(call), b")")

    def _insert(self, line: int, column: int, text: bytes) -> None:
        self.insertions.append((line, column, text))


def _end(node: ast.expr) -> tuple[int, int]:
    assert node.end_lineno is not None  # true of every parsed expression
    assert node.end_col_offset is not None
    return node.end_lineno, node.end_col_offset


def _is_magic_call(node: ast.AST) -> TypeGuard[ast.Call]:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in _CALLS
        and isinstance(node.func.value, ast.Call)
        and isinstance(node.func.value.func, ast.Name)
        and node.func.value.func.id == "get_ipython"
        and bool(node.args)
        and isinstance(node.args[0], ast.Constant)
        and node.args[0].value == MAGIC
    )


def _inside_run_code() -> bool:
    """Whether IPython is running a cell further out on this thread's stack."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_name == "run_code" and _package(frame) == "IPython":
            return True
        frame = frame.f_back
    return False


def _package(frame: FrameType) -> str:
    name = frame.f_globals.get("__name__")
    return name.partition(".")[0] if isinstance(name, str) else ""
