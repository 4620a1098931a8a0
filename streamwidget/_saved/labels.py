r"""The search for the end of a link's text: for the ``]`` of ``[a](https://a.example)``.

markdown-it searches up to four times behind each ``![``: as an image and as a link, once to look ahead and once to
write. Without a ``]`` each search reads the rest of the paragraph. So what a search found is remembered.

js/src/markdown/labels.ts has the same search.
"""

from __future__ import annotations

from types import SimpleNamespace

from markdown_it import helpers
from markdown_it.rules_inline import StateInline


def label_end(state: StateInline, start: int, disable_nested: bool = False) -> int:
    """Return the index of the ``]`` that belongs to the ``[`` at ``start``, or -1.

    With ``disable_nested`` it is -1 too if a link is between them.
    """
    known: dict[tuple[int, int, bool], int] = state.__dict__.setdefault("labels", {})
    limit = state.posMax
    # Without a "]" there is not one before a link either.
    if known.get((start, limit, False)) == -1:
        return -1
    key = start, limit, disable_nested
    if key not in known:
        known[key] = helpers.parseLinkLabel(state, start, disable_nested)
    return known[key]


# What the rules of markdown-it use.
HELPERS = SimpleNamespace(
    parseLinkLabel=label_end,
    parseLinkDestination=helpers.parseLinkDestination,
    parseLinkTitle=helpers.parseLinkTitle,
)
