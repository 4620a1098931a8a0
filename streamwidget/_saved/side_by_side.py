"""A comparison as a notebook stores it: a table of figures, and below it the answers beside each other.

The names, the hosts and the answers are untrusted. All of it is escaped, or rendered by the safe renderer. Each column
has a class by which the page finds it, and puts "Keep this one" there (js/src/saved/votes.ts).
"""

from __future__ import annotations

from collections.abc import Sequence

from streamwidget._core.completion import ChatCompletion
from streamwidget._core.outcomes import OUTCOMES
from streamwidget._core.visible import one_line
from streamwidget._many.side_by_side import Column, Vote
from streamwidget._saved.answer import answered_by, in_seconds, length, mimebundle
from streamwidget._saved.budget import Budget
from streamwidget._saved.html import escape_text

#: The height of a long answer in CSS pixels, while it runs and after. It scrolls, so nothing jumps.
HEIGHT = 400
_HEAD = ("Model", "Server", "Outcome", "First text", "Total", "Tokens", "Cost", "Kept")
_TABLE = "margin:0 0 0.5em;border-collapse:collapse"
_CELL = "text-align:left;vertical-align:top;padding:2px 8px"
_ROW = "display:flex;flex-wrap:wrap;gap:1em"
_COLUMN = "flex:1 1 240px;min-width:0"
_TITLE = "margin:0;padding-right:9em;overflow-wrap:anywhere"  # the button stands at the right
_ANSWER = f"max-height:{HEIGHT}px;overflow:auto"


def comparison_mimebundle(
    columns: Sequence[Column], answers: Sequence[ChatCompletion], vote: Vote, name: str = ""
) -> dict[str, str]:
    """Return the mimebundle that a notebook stores. The page knows the comparison by ``name``."""
    with Budget.at_once(length(*answers)) as budget:
        saved = [mimebundle(answer, budget) for answer in answers]
    rows = _rows(columns, answers, vote)
    titles = [title(place, column) for place, column in enumerate(columns)]
    line = in_words(columns, answers, vote)
    beside = "".join(
        f'<div class="streamwidget-compared streamwidget-compared-{name}-{place}" style="{_COLUMN}">'
        f'<p style="{_TITLE}"><strong>{escape_text(titles[place])}</strong></p>'
        f'<div style="{_ANSWER}">{one["text/html"]}</div></div>'
        for place, one in enumerate(saved)
    )
    html = f'{_html_table(rows)}<p>{escape_text(line)}</p><div style="{_ROW}">{beside}</div>'
    plain = [f"{_plain_table(rows)}\n{line}"]
    plain += [f"-- {titles[place]} --\n{one['text/plain']}" for place, one in enumerate(saved)]
    return {"text/html": html, "text/plain": "\n\n".join(plain)}


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
        "<tr>" + "".join(f'<td style="{_CELL}">{escape_text(cell)}</td>' for cell in row) + "</tr>" for row in rows
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
