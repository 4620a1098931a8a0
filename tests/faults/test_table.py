"""The fault table itself: it cannot be green by oversight."""

from __future__ import annotations

import re
from pathlib import Path

from tests.faults.rows import ROWS
from tests.faults.table import Table


def filled() -> Table:
    """Return a table with a proof for every row."""
    table = Table()
    for row in ROWS:
        table.line(row, "survives").passed = 1
    return table


def test_the_catalogue_has_all_its_rows() -> None:
    """42 network, 30 kernel, 14 front end, 7 data, 25 security, 16 tool, 5 batch and 5 path rows, without a hole."""
    counts = {"N": 42, "K": 30, "F": 14, "D": 7, "S": 25, "T": 16, "B": 5, "P": 5}
    assert list(ROWS) == [f"{kind}{number}" for kind, count in counts.items() for number in range(1, count + 1)]


def test_each_row_is_the_mark_of_a_test() -> None:
    """Only ``make faults`` runs them all, and it fails if one is missing. This says so earlier."""
    tests = Path(__file__).parents[1]
    text = "\n".join(path.read_text(encoding="utf-8") for path in tests.rglob("test_*.py"))
    assert [row for row in ROWS if not re.search(rf'\b(?:fault|proves)\(\s*"{row}"', text)] == []


def test_a_proven_table_has_nothing_missing() -> None:
    """Each row is a line with "ok"."""
    table = filled()
    assert (table.missing, table.failed) == ([], [])
    assert list(table.report())[-1].startswith(f"{len(ROWS)} of {len(ROWS)} rows proven")


def test_a_row_without_a_passing_test_is_missing() -> None:
    """Without a test, or with skipped tests alone, nothing is proven, and the table says so."""
    table = filled()
    del table.lines["N8", "survives"]
    line = table.line("S13", "survives")
    line.passed, line.skipped = 0, ["no hub here"]
    assert table.missing == ["N8", "S13"]
    report = "\n".join(table.report())
    assert "N8: not proven" in report
    assert "no hub here" in report


def test_one_failure_fails_its_row() -> None:
    """However many tests of the row passed, or other things were expected of it."""
    table = filled()
    table.line("K2", "survives").failed.append("test_x: it hung")
    table.line("K2", "more").passed = 9
    assert table.failed == ["K2"]
    assert any("it hung" in line and line.endswith("NO") for line in table.report())
