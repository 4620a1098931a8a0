"""A batch as people see it: one line about all of it, and one line for a row."""

from __future__ import annotations

import time
from typing import Any

from streamwidget._core.completion import ChatCompletion, Timing
from streamwidget._core.cost import Cost
from streamwidget._core.visible import one_line
from streamwidget._many.batch import Batch

_TEXT = 160  # characters of an answer
_TAIL = 60  # of them, of the newest text of a long one that still grows
_ENDS = (("failed", "failed"), ("cancelled", "stopped"), ("not asked", "not asked"))


def summary(batch: Batch, seconds: float, *, over: bool = True) -> str:
    """Return how many rows ended how, how long it took, and what was spent.

    Examples
    --------
    Of 10,000 rows with a budget: ``9,120 of 10,000 rows complete (20 from the file), 3 failed, 877 not asked: the
    budget of 1,000,000 tokens is used up · 812.0 s · 998,211 tokens``
    """
    counts, spending = batch.counts, batch.spending
    ended, total = batch.done, batch.total
    reused = f" ({counts['reused']:,} from the file)" if counts["reused"] else ""
    of = ended if over and total is None else total
    rows = f"{counts['complete']:,}{'' if of is None else f' of {of:,}'} row{'' if of == 1 else 's'} complete{reused}"
    facts = [rows]
    if not over and batch.running:
        facts.append(f"{batch.running:,} running")
    for name, word in _ENDS:
        count = counts[name] + (max(0, (of or 0) - ended) if over and name == "not asked" else 0)
        if count:
            facts.append(f"{count:,} {word}")
    line = ", ".join(facts)
    if batch.ended_because and "not asked" in line:
        line += f": {batch.ended_because}"
    elif not over and (wait := batch.held_for(time.monotonic())) > 0:
        line += f" · all wait for {wait:.0f} s, as the server asks"
    tokens = f" · {'about ' if spending.guessed else ''}{spending.tokens:,} tokens" if spending.tokens else ""
    cost = f" · {batch.cost}" if batch.cost.amount else ""
    return f"{line} · {seconds:.1f} s{tokens}{cost}"


def row_facts(batch: Batch, number: int) -> dict[str, Any]:
    """Return what a view shows of a row: its place, id, state, prompt, answer, time to the first text, tokens and cost.

    The state is that of the answer (``complete``, ``http_error``, ...), or ``waiting``, ``running``, ``put back`` or
    ``not asked``. All texts are on one line, and short.
    """
    facts: dict[str, Any] = {"row": number, "id": str(number), "about": batch.abouts[number], "text": ""}
    result = batch.results[number]
    if result is not None:
        facts |= {"id": one_line(str(result.id), 40), "state": result.outcome or "not asked", "reused": result.reused}
        if result.error is not None:
            facts |= {"error": one_line(result.error, _TEXT), "bad": result.outcome not in (None, "cancelled")}
        said = one_line(result.text[: 4 * _TEXT], _TEXT)
        return (
            facts
            | {"text": said}
            | _figures(result.usage.total_tokens if result.usage is not None else None, result.timing, result.cost)
        )
    if number not in batch.taken:
        return facts | {"state": "waiting"}
    row = batch.taken[number]
    facts |= {"id": one_line(str(row.id), 40), "state": row.state}
    so_far = batch.completion_of(number)
    if so_far is not None:
        facts |= {"text": _growing(so_far)} | _figures(None, so_far.timing, so_far.cost)
    return facts


def _growing(completion: ChatCompletion) -> str:
    text = completion.text or completion.reasoning
    if len(text) <= _TEXT:
        return one_line(text, _TEXT)
    return f"{one_line(text[: _TEXT - _TAIL], _TEXT)} … {one_line(text[-_TAIL:], _TEXT)}"


def _figures(tokens: int | None, timing: Timing | None, cost: Cost) -> dict[str, Any]:
    first = timing.first_delta if timing is not None else None
    known = {} if cost.amount is None else {"cost": str(cost)}
    return {"tokens": tokens, "first": None if first is None else round(first, 3), **known}
