"""The import graph of the package, by wing. ``python -m tests.support.wings`` prints it.

A wing is a folder of ``streamwidget/``. The files at its root (``__init__.py``) are the front door, and not a wing.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.kernels import ROOT

PACKAGE = ROOT / "streamwidget"
#: A wing imports only from wings before it. The demo server stands first: it imports nothing of ours.
WINGS = (
    "demo", "_core", "_dialects", "_client", "doctor", "_sources", "_conversation", "_many", "_saved", "_view",
    "_notebook", "teaching",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Import:
    """One import statement: the importing module, the imported module, and whether it waits for a call."""

    importer: str
    imported: str
    late: bool

    @property
    def wings(self) -> tuple[str, str]:
        """The two wings, importer first."""
        return self.importer.partition(".")[0], self.imported.partition(".")[0]


def modules(package: Path = PACKAGE) -> dict[str, Path]:
    """Return each module of the package by its dotted name without ``streamwidget.``. A folder is its ``__init__``."""
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).with_suffix("").parts
        name = ".".join(part for part in parts if part != "__init__")
        if name:
            found[name] = path
    return found


def imports(package: Path = PACKAGE) -> Iterator[Import]:
    """Yield each import of one of our modules by another. Imports for type checkers alone do not count."""
    known = modules(package)
    for importer, path in known.items():
        tree = ast.parse(path.read_text("utf-8"))
        top_level = {id(node) for node in tree.body}
        skipped = {id(node) for block in ast.walk(tree) if _is_type_checking(block) for node in ast.walk(block)}
        for node in ast.walk(tree):
            if id(node) in skipped:
                continue
            for name in _names(node, set(known)):
                if name != importer:
                    yield Import(importer, name, late=id(node) not in top_level)


def outside(path: Path) -> set[str]:
    """Return the top-level names of all other packages imported anywhere in a file."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.partition(".")[0])
    return names - {"streamwidget"}


def circles(arrows: set[tuple[str, str]]) -> list[list[str]]:
    """Return the groups of names with arrows in both directions, directly or by way of others."""
    reach: dict[str, set[str]] = {}
    for start, _ in arrows:
        todo, seen = [start], set()
        while todo:
            here = todo.pop()
            fresh = {b for a, b in arrows if a == here} - seen
            seen |= fresh
            todo += fresh
        reach[start] = seen
    groups = {frozenset(b for b in reach[a] if a in reach.get(b, set())) for a in reach if a in reach[a]}
    return sorted(map(sorted, groups))


def _is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _names(node: ast.AST, known: set[str]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        candidates = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom) and node.module:
        deeper = [f"{node.module}.{alias.name}" for alias in node.names]
        candidates = [name if name.removeprefix("streamwidget.") in known else node.module for name in deeper]
    else:
        return
    for name in dict.fromkeys(candidates):
        own = name.removeprefix("streamwidget.")
        if own in known and own != name:
            yield own


def _report() -> None:
    found = list(imports())
    by_wing = Counter(pair for pair in (one.wings for one in found) if pair[0] != pair[1])
    order = {wing: place for place, wing in enumerate(WINGS)}
    up = [pair for pair in by_wing if order[pair[1]] > order[pair[0]]]
    names = modules()
    inner = {(one.importer, one.imported) for one in found}
    print(f"wings: {len(WINGS)}, arrows {len(by_wing)}, going up {len(up)}, circles {len(circles(set(by_wing)))}")
    print(f"modules: {len(names)}, arrows {len(inner)}, circles {len(circles(inner))}")
    for wing in WINGS:
        files = [path for name, path in names.items() if name.partition(".")[0] == wing]
        lines = sum(len(path.read_text("utf-8").splitlines()) for path in files)
        uses = ", ".join(sorted((b for a, b in by_wing if a == wing), key=order.__getitem__))
        print(f"{wing:14} {len(files):3} files {lines:5} lines  imports {uses or 'nothing of ours'}")
    for pair in up:
        print("up:", *(f"{one.importer} -> {one.imported}" for one in found if one.wings == pair))
    for group in circles(inner):
        print("circle:", ", ".join(group))


if __name__ == "__main__":
    _report()
