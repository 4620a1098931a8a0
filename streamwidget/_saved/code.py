"""A code block of the saved answer: its frame and its colours.

A notebook is opened without our style sheet too, so all of it is in inline styles (dress.json). Example:
``return`` -> ``<span style="color:#188038;color:var(--k)">return</span>``

GitHub drops all styles. There a block is plain code. The frame leaves room above the code, where the page puts the name
of the language and its buttons. js/src/code/code.css has the same numbers.

The live view has the frame in its style sheet, and the colours without any element (js/src/code/). Both read
``languages.json``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any, NamedTuple

from streamwidget._saved.dress import CODE, COLOURS, FRAME

__all__ = ["code_block"]

_LONGEST = 50_000  # characters. Longer code has no colours, as in the page.
_LINE = 1000  # a longer line stays plain
_PART = 64  # lines, js/src/markdown/parts.ts says why
_VARIABLES = "".join(f";{short}:var({host},{plain})" for short, host, plain in COLOURS.values())
_OPEN = {kind: f'<span style="color:{plain};color:var({short})">' for kind, (short, _, plain) in COLOURS.items()}
_LINES = re.compile(r"[^\n]*\n|[^\n]+")
_COLON = re.compile(r"\s*:")

Piece = tuple[str, str]  # the kind of a token, or "", and its text


class _Language(NamedTuple):
    token: re.Pattern[str]
    keywords: frozenset[str]
    spans: Mapping[str, tuple[str, re.Pattern[str]]]  # a comment or string that may go on over the end of a line
    defining: frozenset[str]  # words before the name that they define: "def f"
    folded: bool
    keyed: bool  # a string before a colon is a name: '"key": 1'


def code_block(code: str, name: str, budget: int) -> tuple[str, int]:
    """Return code as HTML, and how many characters its tags and styles have.

    Parameters
    ----------
    code : str
        Without invisible characters.
    name : str
        Of its language, of ``[a-z0-9+-]`` only, or empty.
    budget : int
        At most so many characters are for the frame and the colours. Without the room for a frame the block is plain.
    """
    language = _languages().get(name) if len(code) <= _LONGEST else None
    attribute = f' class="language-{name}"' if name else ""
    frame = f'<pre style="{FRAME}{_VARIABLES if language else ""}"><code{attribute} style="{CODE}">'
    if len(frame) > budget:
        frame, language = f"<pre><code{attribute}>", None
    room = _Room(budget - len(frame))
    return f"{frame}{''.join(_parts(code, language, room))}</code></pre>\n", budget - room.left


class _Room:
    """How many characters the tags of the colours may still have."""

    def __init__(self, left: int) -> None:
        self.left = left

    def take(self, size: int) -> bool:
        if size > self.left:
            return False
        self.left -= size
        return True


def _parts(code: str, language: _Language | None, room: _Room) -> Iterator[str]:
    """Yield the first 64 lines, and then spans of 64 lines each."""
    state = ""
    lines = _LINES.findall(code)
    for start in range(0, len(lines), _PART):
        pieces: list[Piece] = []
        for line in lines[start : start + _PART]:
            if language is None:
                pieces.append(("", line))
                continue
            bare = line.removesuffix("\n")
            found, state = _scan(language, bare, state)
            pieces += [*found, ("", line[len(bare) :])]
        html = "".join(
            f"{_OPEN[kind]}{escape(text)}</span>" if kind and room.take(len(_OPEN[kind]) + 7) else escape(text)
            for kind, text in _joined(pieces)
        )
        yield f"<span>{html}</span>" if start else html


def _joined(pieces: list[Piece]) -> Iterator[Piece]:
    """Join tokens of one kind that have only white space between them, so that there are fewer tags."""
    kind, text, space = "", "", ""
    for next_kind, next_text in pieces:
        if kind and not next_kind and (not next_text or next_text.isspace()):
            space += next_text
        elif next_kind == kind:
            text, space = text + space + next_text, ""
        else:
            if text:
                yield kind, text
            if space:
                yield "", space
            kind, text, space = next_kind, next_text, ""
    if text:
        yield kind, text
    if space:
        yield "", space


def _scan(language: _Language, line: str, state: str) -> tuple[list[Piece], str]:
    """Return the pieces of a line that begins in ``state``, and the state at its end. As scanLine() in the page."""
    if len(line) > _LINE:
        return [("", line)], state
    pieces: list[Piece] = []
    at = start = 0
    open_, defining = state, False

    while True:
        if open_ in language.spans:
            kind, end = language.spans[open_]
            found = next((match for match in end.finditer(line, at) if match[0][0] != "\\"), None)
            pieces.append((kind, line[start : found.end() if found else len(line)]))
            if found is None:
                return pieces, open_
            at, open_ = found.end(), ""
        if at >= len(line):
            return pieces, ""
        match = language.token.match(line, at)
        start, at = at, match.end() if match else at + 1
        groups = match.groupdict() if match else {}
        text = line[start:at]
        if mark := groups.get("open"):
            open_ = mark
            continue
        kind = next((kind for kind in ("comment", "string", "number", "name") if groups.get(kind)), "")
        if kind == "string" and language.keyed and _COLON.match(line, at):
            kind = "name"
        if groups.get("word"):
            known = (text.lower() if language.folded else text) in language.keywords
            kind = "keyword" if known else "name" if defining else ""
            defining = text in language.defining
        elif not kind and text.strip():
            defining = False
        pieces.append((kind, text))


@cache
def _languages() -> Mapping[str, _Language]:
    rows = json.loads(files(__package__).joinpath("languages.json").read_text("utf-8"))
    return {name: language for row in rows for language in [_language(row)] for name in row["names"].split(" ")}


def _language(row: Mapping[str, Any]) -> _Language:
    return _Language(
        _pattern("|".join(row["token"])),
        frozenset(row["keywords"].split(" ")),
        {mark: (kind, _pattern(end)) for mark, (kind, end) in row.get("spans", {}).items()},
        frozenset(row.get("defining", "").split(" ")),
        row.get("folded", False),
        row.get("keyed", False),
    )


def _pattern(source: str) -> re.Pattern[str]:
    """Compile a regular expression of JavaScript. There a character beyond U+FFFF is two."""
    named = re.sub(r"\(\?<(?=\w)", "(?P<", source).replace(r"\uffff", r"\U0010ffff")
    return re.compile(named, re.ASCII)
