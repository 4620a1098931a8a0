r"""The mark in a text at the place of a missing part.

A program gets the received text, and the places (:class:`~streamwidget.Gap`). A person gets the text with marks, in
the page, the saved answer and the terminal. So does the model with its own answer in the next request.

``5 mg,`` and then, after an unreadable event, ``more than twice`` is shown as
``5 mg,…[a part is missing here]…more than twice``.

Rules. They keep the mark visible in any Markdown:

1. It begins and ends with ``…``. So a backslash, ``!`` or ``]`` before it, and ``(`` or ``:`` after it, mean the same
   as without it: no formula, no image, no link and no link definition begins there.
2. At the start of a line it is a line of its own. A list item, a heading or the end of a code block after it
   is still one: ``x = 1\n`` and ``` ``` ``` are the line ``x = 1``, the mark, and the line ``` ``` ```.
3. After the first line of a code block it begins a new line. The rest of the first line is the hidden language.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

MARK = "…[a part is missing here]…"
# A possible fence of a code block, also in a list or in a quote: "```py", "> ~~~", "- ```".
_FENCE = re.compile(r"[\s>*+\-\d.)]*(?:`{3}[^`]*\Z|~{3})")


def mark_after(text: str) -> str:
    r"""Return the mark to put after this text.

    Examples
    --------
    >>> mark_after("5 mg,"), mark_after("x = 1\n"), mark_after("```py")
    ('…[a part is missing here]…', '…[a part is missing here]…\n', '\n…[a part is missing here]…\n')
    """
    line = text[text.rfind("\n") + 1 :]
    if not line.strip():
        return f"{MARK}\n"
    return f"\n{MARK}\n" if _FENCE.match(line) else MARK


def marked(text: str, places: Iterable[int]) -> str:
    """Return the text with a mark at each of these places, in ascending order."""
    shown, start = "", 0
    for place in places:
        shown += text[start:place]
        shown += mark_after(shown)
        start = place
    return shown + text[start:]
