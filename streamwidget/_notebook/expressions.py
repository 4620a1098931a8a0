"""The expressions in a prompt, such as ``{{df.head()}}``: found, and evaluated.

Rules

1. A field is a Python expression between double braces, on one line: ``{{df["a"]}}``.
2. It has at least one name. ``x^{{2}}`` stays as typed, and so does a text without meaning in Python: ``{{#if x}}``.
3. The braces next to the expression are the innermost ones: ``{{{x}}}`` is ``{``, the field ``x``, and ``}``. A space
   makes an expression of braces: ``{{ {"a": x} }}``.
4. Each part of an expression is looked at before it is used. So ``{{str(os.environ)}}`` is refused, as
   ``{{os.environ}}`` is.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import re
import unicodedata
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.secrets import mask
from streamwidget._core.visible import one_line

_BEGIN = re.compile(r"\{\{(?=[ \t]*[\w(\[\"'~+-]|[ \t]+\{)")
_LONGEST = 500  # characters of an expression
_ENDS = 10  # closing braces to try. An expression may have some of its own: {{f"{a}{{}}"}}
_CHECK = "_streamwidget_checked"
_MESSAGE = 300  # characters


@dataclass(frozen=True, slots=True)
class Field:
    """A ``{{...}}`` in a prompt.

    Attributes
    ----------
    start, end : int
        Its place in the prompt, with the braces.
    source : str
        The expression. A plain name is in Python's own form (NFKC).
    names : tuple of str
        The names in it, in their order.
    """

    start: int
    end: int
    source: str
    names: tuple[str, ...]
    _tree: ast.Expression | None = field(default=None, repr=False)

    @property
    def is_name(self) -> bool:
        """True for ``{{df}}``, False for ``{{df.head()}}``."""
        return self._tree is None

    @property
    def typed(self) -> str:
        """The field as the person reads it in a message."""
        return f"{{{{{one_line(self.source, 60)}}}}}"

    def undefined(self, namespace: dict[str, Any]) -> list[str]:
        """Return the names that no variable has. An expression may use Python's own functions, such as ``len``."""
        own = {} if self.is_name else vars(builtins)
        return [name for name in self.names if name not in namespace and name not in own]

    def evaluate(self, namespace: dict[str, Any], check: Callable[[Any], Any]) -> Any:
        """Return the value.

        Parameters
        ----------
        namespace : dict
            The person's variables.
        check : callable
            Takes the value of each part of the expression and returns it, or raises ConfigurationError.

        Raises
        ------
        ConfigurationError
            If ``check`` raises it, or the expression fails.
        """
        if self._tree is None:
            return check(namespace[self.source])
        if any(isinstance(node, ast.Await) for node in ast.walk(self._tree)):
            raise self._waits()
        namespace[_CHECK] = check  # for this moment. A comprehension looks names up here and nowhere else
        try:
            checked = ast.fix_missing_locations(_CheckParts().visit(self._tree))
            value = eval(compile(checked, "<prompt>", "eval"), namespace)
        except ConfigurationError:
            raise
        except Exception as exc:
            said = one_line(mask(str(exc)), _MESSAGE)
            raise ConfigurationError(
                f"{self.typed} cannot be evaluated: {type(exc).__name__}{f': {said}' if said else ''}. "
                "Nothing was sent. --raw sends it as text."
            ) from exc
        finally:
            namespace.pop(_CHECK, None)
        if inspect.iscoroutine(value):
            value.close()
            raise self._waits()
        return check(value)

    def _waits(self) -> ConfigurationError:
        return ConfigurationError(
            f"{self.typed} is a coroutine. Nothing was sent. Await it in a cell, and use the result."
        )


class _CheckParts(ast.NodeTransformer):
    """Let each part of an expression go through the check: ``a.b`` -> ``check(check(a).b)``."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        if isinstance(node, ast.Name | ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
            return node
        if isinstance(node, ast.Name | ast.Attribute | ast.Subscript | ast.Call):
            return ast.Call(ast.Name(_CHECK, ast.Load()), [node], [])
        return node


def find_fields(template: str) -> Iterator[Field]:
    """Find the fields of a prompt, in their order."""
    place = 0
    while (begin := _BEGIN.search(template, place)) is not None:
        found = _field_at(template, begin.start())
        place = begin.start() + 1 if found is None else found.end
        if found is not None:
            yield found


def _field_at(template: str, start: int) -> Field | None:
    line_end = template.find("\n", start)
    limit = min(start + 2 + _LONGEST, len(template) if line_end < 0 else line_end)
    end = start + 2
    for _ in range(_ENDS):
        end = template.find("}}", end, limit)
        if end < 0:
            return None
        found = _read(template[start + 2 : end].strip(" \t"), start, end + 2)
        if found is not None:
            return found
        end += 1
    return None


def _read(source: str, start: int, end: int) -> Field | None:
    name = unicodedata.normalize("NFKC", source)
    if name.isidentifier():
        return Field(start, end, name, (name,))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    names = _free_names(tree)
    return Field(start, end, source, names, tree) if names else None


def _free_names(tree: ast.AST) -> tuple[str, ...]:
    nodes = list(ast.walk(tree))
    bound = {node.id for node in nodes if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
    bound |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    used = (node.id for node in nodes if isinstance(node, ast.Name))
    return tuple(dict.fromkeys(name for name in used if name not in bound))
