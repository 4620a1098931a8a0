r"""Emphasis beside Chinese, Japanese and Korean characters, which have no spaces between words.

CommonMark takes ``**`` as the end of emphasis only if a space or punctuation follows a punctuation mark. So
``**注意：**请`` would keep its asterisks. Beside a CJK character each run of ``*`` or ``~`` may begin and end emphasis,
unless white space is on its other side:
``**注意：**请`` -> ``<strong>注意：</strong>请``, and ``注意 **请`` has no end of emphasis.

This is the rule of markdown-it-cjk-friendly. js/src/markdown/state_inline.ts has the same rule.
"""

from __future__ import annotations

import re
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.parser_inline import ParserInline
from markdown_it.rules_inline.state_inline import Scanned, StateInline
from markdown_it.token import Token

# Wide, fullwidth and halfwidth characters and Hangul, without emoji: "注", "：", "「", "ｱ", "단". Not "“". A variation
# selector of an ideograph counts too.
_CJK = re.compile(
    "[\u1100-\u11ff\u2e80-\ua4cf\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\ufe10-\ufe1f\ufe30-\ufe6f\uff01-\uffee"
    "\U00016fe0-\U0001b2ff\U00020000-\U0003ffff\U000e0100-\U000e01ef]"
)
_WHITE_SPACE = re.compile(r"[\t-\r \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]|\Z")


class CjkInline(ParserInline):
    """The inline parser of markdown-it, with the rule for CJK characters, and quick where it skips."""

    def parse(self, src: str, md: MarkdownIt, env: Any, tokens: list[Token]) -> list[Token]:
        state = _State(src, md, env, tokens)
        self.tokenize(state)
        for rule in self.ruler2.getRules(""):
            rule(state)
        return state.tokens

    def skipToken(self, state: StateInline) -> None:  # noqa: N802 - the name of markdown-it
        """Skip a token. Behind each ``[`` the rest is skipped again, so what is known is looked up first."""
        known = state.cache.get(state.pos)
        if known is None:
            super().skipToken(state)
        else:
            state.pos = known


class _State(StateInline):
    def scanDelims(self, start: int, canSplitWord: bool) -> Scanned:  # noqa: N802, N803 - the names of markdown-it
        scanned = super().scanDelims(start, canSplitWord)
        end = start + scanned.length
        before, after = self.src[max(0, start - 1) : start], self.src[end : min(end + 1, self.posMax)]
        if (
            canSplitWord
            and (_CJK.match(before) or _CJK.match(after))
            and not _WHITE_SPACE.match(before)
            and not _WHITE_SPACE.match(after)
        ):
            return Scanned(True, True, scanned.length)
        return scanned
