r"""The formulas in a model's text. They stay as they are, and MathJax in the page typesets them.

A formula is ``$...$``, ``$$...$$``, ``\(...\)``, ``\[...\]`` or an environment such as
``\begin{align}...\end{align}``. Three rules keep other rules away from it:

- ``formula`` is an inline rule: ``$a_1 * b * c_1$`` has no emphasis.
- ``last_line`` serves the block rules: ``so $$\na\n= b\n$$`` has no heading, list or quote.
- ``cells`` serves the tables: ``| $|x|$ | b |`` has two cells.

MathJax needs minutes for some small formulas, or crashes the page. So a formula nested too deep, or too long,
stays text: ``\frac{1}{\frac{1}{...}}`` with 21 levels.

js/src/markdown/math.ts has the same rules.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

from streamwidget._saved.budget import BUDGET

MAX_MATH = 4096
MAX_DEPTH = 20  # of braces, "\left" and "\begin", the page's MathJax crashes at about 90
MAX_MULTIPLIED = 3  # of commands in each other, if each typesets its content again and again

_OPENING = re.compile(
    r"\$\$?|\\[(\[]|\\begin\{((?:align(?:at|ed|edat)?|array|d?cases|eqnarray|equation|flalign|gather(?:ed)?|multline"
    r"|[bBpvV]?matrix|smallmatrix|split)\*?)\}"
)
_CLOSINGS = {"$": "$", "$$": "$$", "\\(": "\\)", "\\[": "\\]"}
# TeX for links and attributes, for definitions on the rest of the page, and for more of MathJax:
# "\href{javascript:x}{y}" stays text, "\frac{1}{2}" is math.
_UNSAFE_TEX = re.compile(
    r"\\(?:href|url|html|class|style|css|id\b|data|require|include|input|import|def|gdef|edef|xdef|let|new(?!line)|renew|provide|bbox"
    r"|Declare|csname|unicode|mml|tip|texttip|mathtip|toggle|action|global|futurelet|catcode|write|read|open|special)",
    re.IGNORECASE,
)
# The nesting parts of TeX. Each command of the third group multiplies the work for its braces.
_NESTING = re.compile(
    r"\\(?:(begin|left)|(end|right)|([vh]?phantom|smash|mathchoice))(?![A-Za-z])|\\.|([{}])", re.DOTALL
)
# A word between two "$$", without a sign of mathematics: "$$ (moderate)\n- Sushi: $$" is a list of prices.
_WORD = re.compile(r"[^\W\d_]{4}")
_SIGN = re.compile(r"[\\=^_+<>{}]")
# The beginnings of a formula, and the signs with precedence over them: an escaped character, and a run of backticks.
_MARK = re.compile(r"`+|[$]|\\.?", re.DOTALL)
_CODE = re.compile("`+")
_PIPE = re.compile(r"\\?\|")
# The lines with a possible beginning of a formula of several lines.
_DISPLAY = re.compile(r"\$\$|\\[(\[]|\\begin\{")
# The possible signs after a formula alone in its line: "$$x$$." yes, "$$x$$ is" no.
_REST_OF_LINE = re.compile(r"[ \t.,;:]*(?:\n|\Z)")
# A letter or digit beside a formula's "$": "|$HOME|$PATH|" has three.
_LETTER = re.compile(r"[A-Za-z0-9_]")
# The environment of a parse has under these names the formulas of the text, and the last line between torn halves of
# a formula.
_FORMULAS = "streamwidget_formulas"
_TORN = "streamwidget_torn"


class Formulas:
    """The formulas of a text.

    The result of a search is remembered. So the cost is linear in the text, even if it is full of opening marks. With
    ``by_line`` code ends in the last line of the formula, because another block may follow.
    """

    def __init__(self, source: str, *, by_line: bool = False) -> None:
        self._source = source
        self._by_line = by_line
        # For each mark: the start of the last search, and its result.
        self._found: dict[str, tuple[int, int]] = {}
        # For each end of a formula: the last index against it.
        self._forbidden: dict[int, int] = {}
        # For each beginning and limit of a search for code: the index of the first code span.
        self._first_code: dict[tuple[int, int], int] = {}

    def span(self, start: int) -> tuple[int, int, int]:
        """Return the range of a formula's content, and the index behind the formula. It is -1 without a formula.

        The content may be anything but blank.
        """
        source = self._source
        opening = _OPENING.match(source, start)
        if not opening:
            return start, start, -1
        mark, begin = opening[0], opening.end()
        closing = f"\\end{{{opening[1]}}}" if opening[1] else _CLOSINGS[mark]
        # "$$$" is a price.
        if mark == "$$" and (source.startswith("$", begin) or (start and source[start - 1] == "$")):
            return begin, begin, -1
        end = self._next(closing, begin)
        while end > 0 and mark[0] == "$" and source[end - 1] == "\\":
            end = self._next(closing, end + 1)
        after = end + len(closing)
        if end < 0 or after > begin + MAX_MATH or not source[begin:end].strip():
            return begin, begin, -1
        is_in_line = start > 0 and source[start - 1] != "\n"
        if mark == "$$" and (source.startswith("$", after) or (is_in_line and _is_prose(source[begin:end]))):
            return begin, begin, -1
        return begin, end, after

    def at(self, start: int) -> int:
        """Return the index behind the formula at ``start``, or -1.

        Pandoc's rule tells math from money: no space just inside of the dollars, and no digit after them. A code span
        that begins in the formula beats it.
        ``$5 and $6`` -> text, ``$x$`` -> math, ``$a `$` `` -> text and code.
        """
        begin, end, after = self.span(start)
        if after < 0:
            return -1
        if begin == start + 1 and self._source[start] == "$":
            content = self._source[begin:end]
            if content[0].isspace() or content[-1].isspace() or re.match("[0-9]", self._source[after : after + 1]):
                return -1
            if "$" in content.replace("\\$", ""):
                return -1
        return after if begin > self._last_forbidden(begin, end) else -1

    def has_code(self, begin: int, end: int) -> bool:
        """Return whether a code span begins between the two."""
        limit = self._limit(end)
        if (begin, limit) not in self._first_code:
            runs = _CODE.finditer(self._source, begin, limit)
            code = (run.start() for run in runs if self._code_end(run, limit) > 0)
            self._first_code[begin, limit] = next(code, limit)
        return self._first_code[begin, limit] < end

    def _last_code(self, begin: int, end: int) -> int:
        """Return the index of the last code span between the two, or -1."""
        limit = self._limit(end)
        runs = _CODE.finditer(self._source, begin, end)
        return max((run.start() for run in runs if self._code_end(run, limit) > 0), default=-1)

    def _limit(self, end: int) -> int:
        """Return the limit for a code span that begins before ``end``."""
        line_end = self._next("\n", end) if self._by_line else -1
        return line_end if line_end > 0 else len(self._source)

    def first(self, begin: int, end: int, after: Callable[[int], int]) -> tuple[int, int] | None:
        """Return the first formula between the two, outside of code and escaped characters.

        ``after`` returns the index behind the formula at an index, or -1.
        """
        pos = begin
        while mark := _MARK.search(self._source, pos, end):
            pos = mark.end()
            if mark[0][0] == "`":
                pos = max(pos, self._code_end(mark, end))
            elif (behind := after(mark.start())) > 0:
                return mark.start(), behind
        return None

    def _code_end(self, run: re.Match[str], limit: int) -> int:
        """Return the index behind the code span from ``run`` on, if it ends before ``limit``, or -1."""
        found = re.compile(f"(?<!`){run[0]}(?!`)").search(self._source, run.end(), limit)
        return found.end() if found else -1

    def _next(self, mark: str, start: int) -> int:
        last_start, last = self._found.get(mark, (len(self._source) + 1, -1))
        if not (last_start <= start and (last < 0 or start <= last)):
            last = self._source.find(mark, start)
            self._found[mark] = start, last
        return last

    def _last_forbidden(self, begin: int, end: int) -> int:
        if end not in self._forbidden:
            last = max(self._source.rfind("\n\n", begin, end), self._last_code(begin, end), self._too_deep(begin, end))
            for match in _UNSAFE_TEX.finditer(self._source, begin, end):
                last = max(last, match.start())
            self._forbidden[end] = last
        return self._forbidden[end]

    def _too_deep(self, begin: int, end: int) -> int:
        """Return the last index of TeX nested too deep between the two, or -1."""
        last, choices, multiplies = -1, 0, False
        open_: list[bool] = []
        for part in _NESTING.finditer(self._source, begin, end):
            opens, closes, multiplier, brace = part.groups()
            if multiplier:
                multiplies = True
                choices += multiplier == "mathchoice"
            elif opens or brace == "{":
                open_.append(multiplies)
                multiplies = False
            elif (closes or brace) and open_:
                open_.pop()
            if len(open_) > MAX_DEPTH or sum(open_) > MAX_MULTIPLIED or choices > MAX_MULTIPLIED:
                last = part.start()
        return last


def _is_prose(content: str) -> bool:
    return not _SIGN.search(content) and _WORD.search(content) is not None


def formula(state: StateInline, silent: bool) -> bool:
    """Take a formula as one token. This is an inline rule of markdown-it."""
    if state.src[state.pos] not in "$\\":
        return False
    after = _of(state).at(state.pos)
    if after < 0 or after > state.posMax:
        return False
    if not silent:
        state.push("math", "", 0).content = state.src[state.pos : after]
    state.pos = after
    return True


def begins_formula(state: StateBlock, line: int, end_line: int) -> bool:
    r"""Return whether a display formula begins the line and ends a paragraph, a list or a quote before it.

    ``So\n$$\nx\n$$`` -> two paragraphs, and ``So\n$$x$$ is`` -> one.
    """
    start = state.bMarks[line] + state.tShift[line]
    # A negative number marks a line of a quote without its mark: for the quote around it, it did not begin a formula.
    indent = state.sCount[line]
    if not state.src.startswith(("$$", "\\[", "\\begin{"), start) or indent < 0 or indent - state.blkIndent >= 4:
        return False
    after = _of(state).span(start)[2]
    if after < 0 or (last := _ends_in(state, line, end_line, after)) < 0:
        return False
    return last > line or _REST_OF_LINE.match(state.src, after) is not None


def last_line(state: StateBlock, line: int, end_line: int) -> int:
    r"""Return the last line of the formulas from a line of a paragraph on. It is ``line`` itself without any.

    A formula ends before a blank line, and before a line outside its list item or quote.
    ``so $$\na\n- b\n$$`` -> a paragraph, and ``so $$\na\n\n- b\n$$`` -> a list.
    """
    begin, end = state.bMarks[line] + state.tShift[line], state.eMarks[line]
    if not _DISPLAY.search(state.src, begin, end):
        return line
    formulas = _of(state)
    line_start = begin

    def behind(start: int) -> int:
        after = formulas.at(start)
        if after > 0 or not _DISPLAY.match(state.src, start):
            return after
        _, stop, after = formulas.span(start)
        return -1 if start > line_start and formulas.has_code(line_start, stop) else after

    while found := formulas.first(begin, end, behind):
        state.env[BUDGET].check()
        start, begin = found
        if begin > end:
            last = _ends_in(state, line, end_line, begin) if _DISPLAY.match(state.src, start) else -1
            if last < 0:
                begin = start + 2
            else:
                line, end = last, state.eMarks[last]
    return line


def _of(state: StateBlock | StateInline) -> Formulas:
    known: tuple[str, Formulas] | None = state.env.get(_FORMULAS)
    if known is None or known[0] is not state.src:
        by_line = isinstance(state, StateBlock)
        known = state.env[_FORMULAS] = state.src, Formulas(state.src, by_line=by_line)
    return known[1]


def _ends_in(state: StateBlock, line: int, end_line: int, after: int) -> int:
    """Return the last line of a formula that begins in ``line``, or -1 if a line between tears it."""
    # A line with too little indent for its list item ends it, as in "- a\n$$\nb\n$$".
    indent = min(state.blkIndent, state.sCount[line])
    # The lines of a torn formula are not looked at again for the next possible beginning.
    torn = state.env.setdefault(_TORN, {})
    if line < (known := torn.get((state.level, indent), -1)) and state.bMarks[known] < after:
        return -1
    last = line
    while state.eMarks[last] < after:
        last += 1
        if last >= end_line or state.isEmpty(last) or state.sCount[last] < indent:
            torn[state.level, indent] = last
            return -1
    return last


def cells(row: str) -> list[str]:
    r"""Split the row of a table at each ``|`` outside a formula.

    ``| $|x|$ | b |`` -> ``["", " $|x|$ ", " b ", ""]``, and ``a \| b`` -> ``["a | b"]``.
    """
    formulas = _in_row(row) if "$" in row or "\\" in row else []
    found, part, pos, index = [], "", 0, 0
    for pipe in _PIPE.finditer(row):
        while index < len(formulas) and formulas[index][1] <= pipe.start():
            index += 1
        if index < len(formulas) and formulas[index][0] < pipe.end():
            continue
        part += row[pos : pipe.start()]
        pos = pipe.end()
        if len(pipe[0]) == 2:
            part += "|"
        else:
            found.append(part)
            part = ""
    return [*found, part + row[pos:]]


def _in_row(row: str) -> list[tuple[int, int]]:
    formulas = Formulas(row)

    def behind(start: int) -> int:
        after = formulas.at(start)
        # "|$HOME|$PATH|" has no formula: a letter or digit is beside its "$".
        is_single = row[start] == "$" and not row.startswith("$$", start)
        beside = row[max(0, start - 1) : start] + row[after : after + 1]
        return -1 if after < 0 or (is_single and _LETTER.search(beside)) else after

    found, pos = [], 0
    while span := formulas.first(pos, len(row), behind):
        found.append(span)
        pos = span[1]
    return found
