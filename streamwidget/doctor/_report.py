"""The report: in plain sentences, as a table for an issue, and as a value."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from html import escape
from typing import Any, Protocol

from streamwidget._core.visible import visible
from streamwidget.doctor._finding import Finding
from streamwidget.doctor._judge import Verdict

_MARKS = {"ok": "✓ ok", "slow": "⚠ slow", "failed": "✗ failed", "unknown": "? unknown"}


class _Printer(Protocol):
    def text(self, text: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Report:
    """The findings and the verdict.

    Attributes
    ----------
    findings : tuple of Finding
        One for each hop, in the order of a request.
    verdict : Verdict
        Its ``hop`` is the cause. None: nobody is accused.

    Examples
    --------
    >>> from streamwidget.doctor._judge import judge
    >>> found = (Finding("DNS", "ok", "localhost is 127.0.0.1.", {"time": "1 ms"}),)
    >>> print(Report(found, judge(found)).to_markdown())
    | hop | result | what was seen |
    |---|---|---|
    | DNS | ✓ ok | localhost is 127.0.0.1. (time 1 ms) |
    | **verdict** | **nobody** | So far nothing fails, and no answer was seen. |
    """

    findings: tuple[Finding, ...]
    verdict: Verdict

    def to_markdown(self) -> str:
        """Return the table, to paste into an issue. It has no key and no password. It names the server."""
        rows: list[tuple[str, str, str]] = [
            (finding.hop, _MARKS[finding.state], _seen(finding)) for finding in self.findings
        ]
        verdict = self.verdict
        conclusion = " ".join(filter(None, [verdict.sentence, verdict.advice]))
        rows.append(("**verdict**", f"**{verdict.hop or 'nobody'}**", conclusion))
        lines = [f"| {hop} | {result} | {_cell(seen)} |" for hop, result, seen in rows]
        return "\n".join(["| hop | result | what was seen |", "|---|---|---|", *lines])

    def to_json(self) -> str:
        """Return all of it as JSON."""
        findings = [{**asdict(finding), "figures": dict(finding.figures)} for finding in self.findings]
        return json.dumps({"verdict": asdict(self.verdict), "findings": findings}, indent=2, ensure_ascii=False)

    def __str__(self) -> str:
        lines = [line_of(finding) for finding in self.findings]
        return visible("\n".join([*lines, "", *self.conclusion]))

    @property
    def conclusion(self) -> list[str]:
        """The verdict in words, a line each."""
        verdict = self.verdict
        whose = f"The cause is at the hop {verdict.hop}. " if verdict.hop is not None else ""
        return [f"{whose}{verdict.sentence}", *filter(None, [verdict.advice])]

    def _repr_pretty_(self, printer: _Printer, _cycle: bool) -> None:
        printer.text(str(self))

    def _repr_mimebundle_(self, **_: Any) -> Mapping[str, str]:
        return {"text/plain": str(self), "text/html": self._as_html()}

    def _as_html(self) -> str:
        first, *rest = (escape(visible(line)) for line in self.conclusion)
        rows = "".join(
            f"<tr><th>{finding.hop}</th><td>{_MARKS[finding.state].replace(' ', '&nbsp;')}</td>"
            f'<td style="text-align:left;overflow-wrap:anywhere">{_shown(finding)}</td></tr>'
            for finding in self.findings
        )
        return (
            f"<p><strong>{first}</strong>{''.join(f'<br>{line}' for line in rest)}</p>"
            f"<table><tbody>{rows}</tbody></table>"
            "<details><summary>The table for an issue</summary>"
            f"<pre>{escape(visible(self.to_markdown()))}</pre></details>"
        )


def line_of(finding: Finding) -> str:
    """Return the finding as one line of a terminal.

    Examples
    --------
    >>> line_of(Finding("DNS", "ok", "localhost is 127.0.0.1.", {"time": "1 ms"}))
    '✓ ok       DNS          localhost is 127.0.0.1. (time 1 ms)'
    """
    return visible(f"{_MARKS[finding.state]:<10} {finding.hop:<12} {_seen(finding)}")


def _seen(finding: Finding) -> str:
    figures = ", ".join(f"{name} {value}" for name, value in finding.figures.items())
    return f"{finding.sentence} ({figures})" if figures else finding.sentence


def _shown(finding: Finding) -> str:
    figures = ", ".join(f"{name} {value}" for name, value in finding.figures.items())
    small = f"<br><small>{escape(visible(figures))}</small>" if figures else ""
    return f"{escape(visible(finding.sentence))}{small}"


def _cell(text: str) -> str:
    """Return a text for one cell of a Markdown table, as it reads: no Markdown and no HTML of a server acts there."""
    return re.sub(r"([\\`*\[\]<|])", r"\\\1", " ".join(visible(text).split()))
