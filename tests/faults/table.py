"""A pytest plugin: ``pytest --faults`` runs the tests of the catalogue's rows and prints their results.

- ``@pytest.mark.fault(row, expected)``: the test proves a row. ``expected`` is the expected result in plain words.
- the fixture ``seen``: ``seen("timeout after 0.31 s")`` records a result.
- The run fails if a test of a row fails. A run of everything also fails if a row has no test.
"""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field

import pytest

from tests.faults.rows import ROWS

_WIDTHS = (4, 58, 58)
_SHOWN = 3  # things seen by the tests of one line


@dataclass(slots=True)
class Line:
    """One line of the table: one expectation of one row, and the results of its tests."""

    passed: int = 0
    skipped: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    saw: list[str] = field(default_factory=list)

    @property
    def ok(self) -> str:
        return "NO" if self.failed else "ok" if self.passed else "skipped"

    @property
    def seen(self) -> str:
        if self.failed:
            return self.failed[0]
        told = list(dict.fromkeys(self.saw or (self.skipped if not self.passed else [])))
        more = f"; and {len(told) - _SHOWN} more" if len(told) > _SHOWN else ""
        return "; ".join(told[:_SHOWN]) + more or f"so in {self.passed} test{'s' * (self.passed > 1)}"


class Table:
    """The results of the marked tests, by row and expectation."""

    def __init__(self) -> None:
        self.lines: dict[tuple[str, str], Line] = {}

    def line(self, row: str, expected: str) -> Line:
        return self.lines.setdefault((row, expected), Line())

    @property
    def missing(self) -> list[str]:
        """The rows without a proof: they have no test, or all their tests were skipped."""
        proven = {row for (row, _), line in self.lines.items() if line.passed or line.failed}
        return [row for row in ROWS if row not in proven]

    @property
    def failed(self) -> list[str]:
        return [row for row in ROWS if any(line.failed for (name, _), line in self.lines.items() if name == row)]

    def report(self) -> Iterator[str]:
        """The table in text, in the catalogue's order."""
        yield from _cells("row", "expected", "seen", "ok")
        order = list(ROWS)
        for (row, expected), line in sorted(self.lines.items(), key=lambda item: order.index(item[0][0])):
            yield from _cells(row, expected, line.seen, line.ok)
        for row in self.missing:
            yield f"{row}: not proven: {ROWS[row]}"
        proven = len(ROWS) - len(set(self.missing) | set(self.failed))
        yield f"{proven} of {len(ROWS)} rows proven, {len(self.failed)} failed, {len(self.missing)} without proof"


def _cells(*cells: str) -> Iterator[str]:
    columns = [textwrap.wrap(cell, width) or [""] for cell, width in zip(cells, (*_WIDTHS, 8), strict=True)]
    for parts in itertools.zip_longest(*columns, fillvalue=""):
        padded = [part.ljust(width) for part, width in zip(parts, (*_WIDTHS, 0), strict=True)]
        yield " | ".join(padded).rstrip()


_table = pytest.StashKey[Table]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--faults", action="store_true", help="run the tests of the fault catalogue and print its table")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_table] = Table()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    chosen, others = [], []
    for item in items:
        rows = [row for row, _ in _proves(item)]
        if unknown := [row for row in rows if row not in ROWS]:
            raise pytest.UsageError(f"{item.nodeid} proves {unknown[0]}, which is no row of the catalogue")
        (chosen if rows else others).append(item)
    if config.getoption("faults"):
        items[:] = chosen
        config.hook.pytest_deselected(items=others)


def _proves(item: pytest.Item) -> Iterator[tuple[str, str]]:
    for mark in item.iter_markers("fault"):
        row, expected = mark.args
        yield row, expected


@pytest.fixture
def seen(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Record a test's result in a few words. The fault table shows it."""
    return lambda text: request.node.user_properties.append(("seen", text))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    for row, expected in _proves(item):
        line = item.config.stash[_table].line(row, expected)
        if report.failed:
            said = str(call.excinfo.value).strip() if call.excinfo is not None else ""
            line.failed.append(f"{item.name}: {said.splitlines()[0] if said else 'failed'}"[:200])
        elif report.skipped:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else "skipped"
            line.skipped.append(reason.removeprefix("Skipped: "))
        elif report.when == "call":
            line.passed += 1
            line.saw += [value for name, value in item.user_properties if name == "seen"]
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    asked_for_all = not session.config.option.file_or_dir
    if session.config.getoption("faults") and asked_for_all and session.config.stash[_table].missing:
        session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if config.getoption("faults"):
        terminalreporter.section("faults")
        for line in config.stash[_table].report():
            terminalreporter.write_line(line)
