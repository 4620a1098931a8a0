"""Answers beside each other as a notebook stores them. A comparison also has a table of figures, below them.

The names, the hosts and the answers are untrusted. All of it is escaped, or rendered by the safe renderer. Each column
of a comparison has a class by which the page finds it, and puts "Keep this one" there (js/src/saved/votes.ts).

The answers stand first, as they do while they run. So nothing that a person reads moves at the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from streamwidget._core.completion import ChatCompletion
from streamwidget._core.outcomes import OUTCOMES
from streamwidget._core.visible import one_line
from streamwidget._many.side_by_side import Column, Vote
from streamwidget._saved.answer import answered_by, in_seconds, length, mimebundle
from streamwidget._saved.budget import Budget
from streamwidget._saved.html import escape_text

#: The size of an answer of a comparison, as a Layout has it. A longer one scrolls, while it runs and after.
COMPARED = {"max_height": "400px"}
ROW = {"display": "flex", "flex_flow": "row wrap", "grid_gap": "1em"}
COLUMN = {"flex": "1 1 240px", "min_width": "0", "border": "1px solid rgba(128, 128, 128, 0.3)", "padding": "4px 8px"}
_HEAD = ("Model", "Server", "Outcome", "First text", "Total", "Tokens", "Cost", "Kept")
_TABLE = "margin:0;border-collapse:collapse"
_CELL = "text-align:left;vertical-align:top;padding:2px 8px;white-space:nowrap"
_NAME = "text-align:left;vertical-align:top;padding:2px 8px;min-width:10em;overflow-wrap:anywhere"
_TITLE = "display:flex;flex-wrap:wrap;gap:0 8px;margin:0;line-height:24px;overflow-wrap:anywhere"


def comparison_mimebundle(
    columns: Sequence[Column], answers: Sequence[ChatCompletion], vote: Vote, name: str = ""
) -> dict[str, str]:
    """Return the mimebundle that a notebook stores. The page knows the comparison by ``name``."""
    with Budget.at_once(length(*answers)) as budget:
        saved = [mimebundle(answer, budget) for answer in answers]
    rows = _rows(columns, answers, vote)
    titles = [title(place, column) for place, column in enumerate(columns)]
    line = in_words(columns, answers, vote)
    heads = [heading(one, is_kept=place == vote.kept) for place, one in enumerate(titles)]
    columns_html = beside(heads, [one["text/html"] for one in saved], COMPARED, name)
    html = f'{columns_html}<p style="margin:0.5em 0">{escape_text(line)}</p>{_html_table(rows)}'
    plain = [f"{_plain_table(rows)}\n{line}"]
    plain += [f"-- {titles[place]} --\n{one['text/plain']}" for place, one in enumerate(saved)]
    return {"text/html": html, "text/plain": "\n\n".join(plain)}


def beside(headings: Sequence[str], answers: Sequence[str], size: Mapping[str, str], name: str = "") -> str:
    """Return the HTML of answers beside each other, each of this size. In a narrow page they are below each other."""
    columns = "".join(
        f'<div class="streamwidget-compared streamwidget-compared-{name}-{place}" style="{_css(COLUMN)}">{head}'
        f'<div style="{_css(size)};overflow:auto">{answer}</div></div>'
        for place, (head, answer) in enumerate(zip(headings, answers, strict=True))
    )
    return f'<div style="{_css(ROW)}">{columns}</div>'


def heading(text: str, *, is_kept: bool = False) -> str:
    """Return the HTML of a column's heading."""
    kept = ' <small class="streamwidget-quiet">kept</small>' if is_kept else ""
    return f'<p style="{_TITLE}"><strong>{escape_text(text)}</strong>{kept}</p>'


def _css(layout: Mapping[str, str]) -> str:
    return ";".join(f"{name.replace('_', '-')}:{value}" for name, value in layout.items())


def table(columns: Sequence[Column], answers: Sequence[ChatCompletion], vote: Vote) -> str:
    """Return the figures as plain text, and which answer is kept."""
    return f"{_plain_table(_rows(columns, answers, vote))}\n{in_words(columns, answers, vote)}"


def title(place: int, column: Column) -> str:
    """Return the heading of a column, such as ``2. gpt-5-mini (api.openai.com)``."""
    named = one_line(column.name, 100)
    host = one_line(column.host, 100)
    return f"{place + 1}. {f'{named} ({host})' if named and host else named or host}"


def in_words(columns: Sequence[Column], answers: Sequence[ChatCompletion], vote: Vote) -> str:
    """Return which answer is kept, and why."""
    if vote.kept is None:
        return "Kept: none, because no answer has a text to go on with."
    kept = f"Kept: {title(vote.kept, columns[vote.kept])}"
    if vote.late:
        return f"{kept}. The last choice came after a later question, so nothing has changed."
    if vote.by_person:
        return f"{kept}, your choice."
    rule = "the first complete answer" if answers[vote.kept].outcome == "complete" else "the first answer with a text"
    return f"{kept}, {rule}. Nobody has chosen."


def _rows(columns: Sequence[Column], answers: Sequence[ChatCompletion], vote: Vote) -> list[tuple[str, ...]]:
    pairs = zip(columns, answers, strict=True)
    return [_row(place, column, answer, vote) for place, (column, answer) in enumerate(pairs)]


def _row(place: int, column: Column, answer: ChatCompletion, vote: Vote) -> tuple[str, ...]:
    mark, model = answered_by(answer)
    first, total = answer.timing.first_delta, answer.timing.total
    tokens = answer.usage.completion_tokens if answer.usage else None
    return (
        f"{place + 1}. {' · '.join(filter(None, [mark, model])) or one_line(column.name, 100)}",
        one_line(column.host, 100),
        "running" if answer.outcome is None else OUTCOMES[answer.outcome].state,
        "" if first is None else in_seconds(first),
        in_seconds(total) if total else "",
        "unknown" if tokens is None else f"{tokens:,}",
        str(answer.cost),
        "kept" if place == vote.kept else "",
    )


def _html_table(rows: list[tuple[str, ...]]) -> str:
    head = "".join(f'<th style="{_CELL}">{name}</th>' for name in _HEAD)
    body = "".join(
        f'<tr><td style="{_NAME}">{escape_text(name)}</td>'
        + "".join(f'<td style="{_CELL}">{escape_text(cell)}</td>' for cell in cells)
        + "</tr>"
        for name, *cells in rows
    )
    return (
        f'<div style="overflow-x:auto"><table style="{_TABLE}"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _plain_table(rows: list[tuple[str, ...]]) -> str:
    lines = [_HEAD, *rows]
    widths = [max(len(line[place]) for line in lines) for place in range(len(_HEAD))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )
