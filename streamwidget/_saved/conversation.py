"""A conversation as a notebook stores it: plain text, and HTML. The HTML is safe without a sanitizer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from streamwidget._conversation.turn import Turn, completions
from streamwidget._core.attachments import Attachment
from streamwidget._core.visible import visible
from streamwidget._saved.answer import length, mimebundle, plain_text
from streamwidget._saved.budget import Budget
from streamwidget._saved.outputs import BUNDLES, bundles

_LARGEST = 1_000_000  # bytes of an image. A larger one is only named in the notebook's file.
_PROMPT = "margin:1em 0 0.5em;padding-inline-start:0.7em;border-inline-start:3px solid currentColor"
_TEXT = "margin:0;white-space:pre-wrap;overflow-wrap:break-word"
_IMAGE = "max-height:12em;max-width:100%"
_EMPTY = "[empty conversation]"


def conversation_html(turns: Iterable[Turn]) -> str:
    """Write the turns as HTML. Each answer looks like a saved answer."""
    turns = list(turns)
    with Budget.at_once(length(*completions(turns))) as budget:
        html = "".join(part for turn in turns for part in _html_parts(turn, budget))
    return html or f"<p><small>{_EMPTY}</small></p>"


def conversation_text(turns: Iterable[Turn]) -> str:
    """Write the turns as plain text."""
    return "\n\n".join(part for turn in turns for part in _text_parts(turn)) or _EMPTY


def conversation_bundles(turns: Iterable[Turn]) -> dict[str, Any]:
    """Return the formats of what was shown beside the text, for the notebook's file. Empty if there is nothing."""
    found = [bundle for answer in completions(turns) for bundle in bundles(answer.outputs)]
    return {BUNDLES: found} if found else {}


def _html_parts(turn: Turn, budget: Budget) -> Iterable[str]:
    from streamwidget._saved.html import escape_text

    yield f'<div style="{_PROMPT}"><p style="{_TEXT}">{escape_text(turn.user.text)}</p>'
    for file in turn.user.attachments:
        if file.kind == "image" and file.data and len(file.data) <= _LARGEST:
            yield f'<img alt="image of the prompt" src="{file.src}" style="{_IMAGE}">'
        else:
            yield f"<p><small>{escape_text(_label(file))}</small></p>"
    yield "</div>\n"
    if turn.answer is not None and turn.answer.completion is not None:
        yield mimebundle(turn.answer.completion, budget)["text/html"]


def _text_parts(turn: Turn) -> Iterable[str]:
    yield "\n".join(f"> {line}" for line in visible(turn.user.text).split("\n"))
    yield from (f"> {_label(file)}" for file in turn.user.attachments)
    if turn.answer is not None and turn.answer.completion is not None:
        yield plain_text(turn.answer.completion)


def _label(file: Attachment) -> str:
    if file.kind == "image":
        return f"[image: {visible(file.url[:200]) if file.url else f'{file.media_type}, {len(file.data):,} bytes'}]"
    return f"[file: {', '.join(filter(None, [file.name, file.label, file.bound]))}]"
