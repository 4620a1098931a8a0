"""A batch in one line: how many rows ended how, how long it took, and what it has spent."""

from __future__ import annotations

from streamwidget._many.batch import Batch

_NAMES = (("complete", "complete"), ("failed", "failed"), ("cancelled", "stopped"), ("not asked", "not asked"))


def summary(batch: Batch, seconds: float) -> str:
    """Return the line.

    Examples
    --------
    A batch of 10,000 rows with a budget: ``9,120 of 10,000 rows complete (20 from the file), 3 failed, 877 not asked:
    the budget of 1,000,000 tokens is used up · 812.0 s · 998,211 tokens``
    """
    counts, spending = batch.counts, batch.spending
    known = sum(counts[name] for name, _ in _NAMES)
    total = known if batch.total is None else batch.total
    missing = max(0, total - known)
    facts = []
    for name, word in _NAMES:
        count = counts[name] + (missing if name == "not asked" else 0)
        if name == "complete":
            reused = f" ({counts['reused']:,} from the file)" if counts["reused"] else ""
            facts.append(f"{count:,} of {total:,} row{'' if total == 1 else 's'} complete{reused}")
        elif count:
            facts.append(f"{count:,} {word}")
    why = f": {batch.ended_because}" if batch.ended_because and (missing or counts["not asked"]) else ""
    tokens = f" · {'about ' if spending.guessed else ''}{spending.tokens:,} tokens" if spending.tokens else ""
    return f"{', '.join(facts)}{why} · {seconds:.1f} s{tokens}"
