"""A figure as a table: the measured value, its target, and whether it was met."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Row:
    """One line. Without a target it is there to compare with."""

    what: str
    value: str
    target: str = ""
    met: bool | None = None


@dataclass(slots=True)
class Figure:
    """One table."""

    title: str
    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, what: str, value: str) -> None:
        """Add a line without a target."""
        self.rows.append(Row(what, value))

    def at_most(self, what: str, value: float, target: float, form: str) -> None:
        """Add a line with a value of at most ``target``. ``form`` is a format such as "{:.1f} ms"."""
        self.rows.append(Row(what, form.format(value), f"<= {form.format(target)}", value <= target))

    def at_least(self, what: str, value: float, target: float, form: str) -> None:
        """Add a line with a value of at least ``target``."""
        self.rows.append(Row(what, form.format(value), f">= {form.format(target)}", value >= target))

    def holds(self, what: str, value: str, target: str, met: bool) -> None:
        """Add a line with a target other than a number."""
        self.rows.append(Row(what, value, target, met))

    def __str__(self) -> str:
        words = {None: "", True: "met", False: "MISSED"}
        cells = [("", "value", "target", "")]
        cells += [(row.what, row.value, row.target, words[row.met]) for row in self.rows]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = [
            f"  {what:<{widths[0]}}  {value:>{widths[1]}}  {target:>{widths[2]}}  {met}".rstrip()
            for what, value, target, met in cells
        ]
        return "\n".join([self.title, *lines, *(f"  {note}" for note in self.notes)])


def missed(figures: Iterable[Figure]) -> list[str]:
    """Return the lines with a missed target, each with its figure."""
    return [f"{figure.title}: {row.what}" for figure in figures for row in figure.rows if row.met is False]
