"""The run of the figures: a figure that fails is reported, and the others are measured."""

from __future__ import annotations

import pytest

from tests.benchmarks import __main__ as benchmarks
from tests.benchmarks.report import Figure


def broken() -> Figure:
    raise RuntimeError("no kernel")


def works() -> Figure:
    return Figure("A figure that works")


def test_a_figure_that_fails_does_not_take_the_others_with_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its reason is printed, the next figure too, and the status is not 0."""
    monkeypatch.setattr(benchmarks, "FIGURES", {"broken": broken, "works": works})
    monkeypatch.setattr("sys.argv", ["benchmarks"])
    assert benchmarks.main() == 1
    printed = capsys.readouterr().out
    assert "RuntimeError: no kernel" in printed
    assert "A figure that works" in printed
    assert printed.endswith("Failed: broken\n")
    monkeypatch.setattr("sys.argv", ["benchmarks", "--only", "works"])
    assert benchmarks.main() == 0
