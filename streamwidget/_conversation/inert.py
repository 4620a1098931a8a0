r"""Make the Markdown of somebody else inert, for an exported conversation. Any program may render it.

Rules
-----
- Raw HTML, images, and links other than http, https and mailto are not rendered: the whole message becomes a block of
  code. Code may contain them.
- A heading goes two levels deeper, below the heading of its message: ``# Rivers`` -> ``### Rivers``. So no message can
  look like the beginning of another one.
- An open code block is closed at the end of its message.
- Control characters become signs.

Renderers differ, so code is found with care. A code block counts if it begins at the margin, and no other
one of the message is indented. Code spans count if all of the message are whole in their lines, and have no ``|``. In a
table that would end a cell.
"""

from __future__ import annotations

import re
from itertools import pairwise

from streamwidget._core.visible import visible

_FENCE = re.compile(r"(`{3,})[^`]*$|(~{3,}).*$")
_INDENTED_FENCE = re.compile(r"[ \t>*+\-\d.)]+(`{3,}|~{3,})")
_HEADING = re.compile(r"( {0,3})(#{1,6})(?=[ \t]|$)")
_UNDERLINE = re.compile(r" {0,3}(?:=+|-+)[ \t]*$")
_RUNS = 20  # runs of backticks in one span, between its ends. More of them are in doubt
_SEPARATOR = re.compile("[\u2028\u2029]")  # a line end for some programs
_ACTIVE = re.compile(
    r"<(?!https?://)[A-Za-z/!?]"
    r"|!\["
    r"|\]\([ \t<]*(?!https?://|mailto:|#|[\w./-]*\))"
    r"|^[ \t>*+\-\d.)]*\[[^\]]*\]:"
)


def inert(text: str) -> str:
    r"""Return the text of one message. A renderer of Markdown does nothing but show it.

    Examples
    --------
    >>> print(inert("# Rivers\n\nThe `<b>` tag"))
    ### Rivers
    <BLANKLINE>
    The `<b>` tag
    >>> print(inert("Hello <img src=x>"))
    ```text
    Hello <img src=x>
    ```
    """
    text = _SEPARATOR.sub("\n", visible(text))
    lines = text.split("\n")
    fenced, fence = _fenced(lines)
    outside = [line for line, is_code in zip(lines, fenced, strict=True) if not is_code]
    shown = list(map(_without_spans, outside))
    is_doubtful = any(map(_INDENTED_FENCE.match, lines))
    if is_doubtful and (fence or _may_stay_open(lines) or any(map(_has_heading, pairwise(["", *lines])))):
        return as_code(text)
    if any(map(_ACTIVE.search, outside if None in shown else filter(None, shown))):
        return as_code(text)
    if is_doubtful and any(map(_ACTIVE.search, lines)):
        return as_code(text)
    before, done = "", []
    for line, is_code in zip(lines, fenced, strict=True):
        done.append(line if is_code else _deeper(before, line))
        before = "" if is_code else line
    return "\n".join([*done, *filter(None, [fence])])


def _fenced(lines: list[str]) -> tuple[list[bool], str]:
    """Return the lines of code blocks at the margin, and the mark to close the last one if it is open."""
    fenced: list[bool] = []
    fence = ""
    for line in lines:
        was, opened = fence, _FENCE.match(line)
        if fence:
            mark = line.strip(" \t")
            if len(mark) >= len(fence) and not mark.strip(fence[0]) and not line.startswith(("    ", "\t")):
                fence = ""
        elif opened:
            fence = opened[1] or opened[2]
        fenced.append(bool(was or fence))
    return fenced, fence


def _may_stay_open(lines: list[str]) -> bool:
    """Return True unless each indented code block ends before the first line at the margin."""
    fence = ""
    for line in lines:
        if not fence:
            opened = _INDENTED_FENCE.match(line)
            fence = opened[1] if opened else ""
        elif line.strip() and line[0] not in " \t>":
            return True
        else:
            mark = line.strip(" \t>")
            if len(mark) >= len(fence) and not mark.strip(fence[0]):
                fence = ""
    return bool(fence)


def _without_spans(line: str) -> str | None:
    """Return a line without its code spans. None if they are in doubt."""
    if "`" not in line:
        return line
    if "\\" in line:
        return None
    parts = re.split("(`+)", line)  # texts and runs of backticks, in turn
    kept = [parts[0]]
    at = 1
    while at < len(parts):
        end = next((end for end in range(at + 2, min(len(parts), at + _RUNS), 2) if parts[end] == parts[at]), None)
        if end is None or any("|" in part for part in parts[at:end]):
            return None
        kept.append(parts[end + 1])
        at = end + 2
    return " ".join(kept)


def _has_heading(lines: tuple[str, str]) -> bool:
    return _deeper(*lines) != lines[1]


def _deeper(before: str, line: str) -> str:
    """Escape a line, so that it is not a heading of a message or of the file, below the line ``before``."""
    if found := _HEADING.match(line):
        return f"{found[1]}{('##' + found[2])[:6]}{line[found.end() :]}"
    if _UNDERLINE.match(line) and before.strip():  # "Rivers\n===" is a heading too
        return f"\\{line.lstrip()}" if "=" in line else f"\n{line}"
    return line


def as_code(text: str) -> str:
    """Return a text as a block of code. No line of it can end the block."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}text\n{text}\n{fence}"
