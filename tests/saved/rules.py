r"""The cases of the Markdown rules that are our own: formulas, emphasis beside CJK characters, breaks, word breaks,
bare addresses.

A case is the Markdown, what its HTML has, and what it has not. js/test/data/static_html.json has the same Markdown, so
that the page's tests compare the live view with the saved HTML.
"""

from __future__ import annotations

import re
from html import escape
from typing import NamedTuple

_DRESS = re.compile(
    r'(?<=<pre) style="margin[^"]*"'
    r'|(?<="|e) style="display:block[^"]*"|(?<=<p) style="text-align:right"|(?<=<blockquote) style="border[^"]*"'
    r'|(?<=-quiet") style="color[^"]*"|(?<=-bad") style="color[^"]*"'
)
_COLOUR = re.compile(r'<span style="color[^"]*">([^<]*)</span>')


def undressed(html: str) -> str:
    """Return saved HTML without what a style sheet does in the live view, such as the frames of code."""
    return _COLOUR.sub(r"\1", _DRESS.sub("", html))


class Rule(NamedTuple):
    """A case: ``markdown`` gives HTML with each of ``has`` and none of ``lacks``."""

    markdown: str
    has: tuple[str, ...]
    lacks: tuple[str, ...] = ()


BLOCK_FORMULAS = [
    Rule(
        "The value is\n\n$$\nV(n)\n=\n\\max_a q(n,a)\n$$\n\nas needed.",
        ("<p>$$\nV(n)\n=\n\\max_a q(n,a)\n$$</p>",),
        ("<h1",),
    ),
    # Four spaces before a line of a quote without its mark.
    Rule(">> a\n    $$x$$", ("<p>a\n$$x$$</p>",), ("<pre",)),
    Rule(">> a\n    \\begin{align}b\n    \\begin{align}", ("begin{align}b\n",), ("<pre",)),
    Rule("$$\na\n---\nb\n$$", ("<p>$$\na\n---\nb\n$$</p>",), ("<h2", "<hr")),
    Rule(
        "\\[\n\\begin{aligned}\nf(x) &= x^2 \\\\\n- g(x) &= 3\n\\end{aligned}\n\\]",
        ("<p>\\[\n\\begin{aligned}\nf(x) &amp;= x^2 \\\\\n- g(x) &amp;= 3\n\\end{aligned}\n\\]</p>",),
        ("<li>",),
    ),
    Rule("$$\na\n+ b\n* c\n1. d\n$$", ("<p>$$\na\n+ b\n* c\n1. d\n$$</p>",), ("<li>",)),
    Rule("$$\na\n> b\n$$", ("<p>$$\na\n&gt; b\n$$</p>",), ("<blockquote",)),
    Rule("$$\n# a\n```\n    b\n$$", ("<p>$$\n# a\n```\n    b\n$$</p>",), ("<h1", "<pre")),
    Rule("$$\na | b\n--|--\n$$", ("<p>$$\na | b\n--|--\n$$</p>",), ("<table",)),
    # It begins in the line behind text, and text may follow.
    Rule("So\n\\[\nx\n= y\n\\].\nThat *is* it.", ("<p>So</p>\n<p>\\[\nx\n= y\n\\].\nThat <em>is</em> it.</p>",)),
    Rule("$$x$$\n---\n$$\ny\n$$\n- a", ("<p>$$x$$</p>\n<hr>\n<p>$$\ny\n$$</p>\n<ul>",)),
    # Inside of a list item or quote, or behind it.
    Rule("1. one\n\n   $$\n   a\n   - b\n   $$\n2. two", ("<p>$$\na\n- b\n$$</p>\n</li>\n<li>",)),
    Rule("> $$\n> a\n> = b\n> $$\n> c", ("<blockquote>\n<p>$$\na\n= b\n$$\nc</p>\n</blockquote>",), ("<h1",)),
    Rule("- item\n$$\n- b\n$$\n- c", ("<li>item</li>\n</ul>\n<p>$$\n- b\n$$</p>\n<ul>\n<li>c</li>",)),
    Rule("> quote\n\\[\n> a\n\\]", ("<p>quote</p>\n</blockquote>\n<p>\\[\n&gt; a\n\\]</p>",)),
    Rule("| a |\n|---|\n| b |\n$$\n| c |\n$$", ("</table>\n<p>$$\n| c |\n$$</p>",)),
    # It ends at a blank line, and where its item or quote ends.
    Rule("$$\na\n\n- b\n$$", ("<li>b",), ("$$",)),
    Rule("- $$\n  a\n- b\n  $$", ("<li><span>$</span>", "<li>b"), ("$$",)),
    Rule("> $$\n> a\n\n- b\n$$", ("<blockquote>", "<li>b"), ("$$",)),
    Rule("> $$\n> a\n- b\n$$", ("<blockquote>", "<li>b"), ("$$",)),
    Rule("$$\n" + "a\n" * 2100 + "- b\n$$", ("<li>b",), ("$$",)),
    Rule("$$\n$$\n- a", ("<li>a",), ("$$",)),
    Rule("    $$\n    - a\n    $$", ("<pre><code>$$\n- a\n$$\n</code></pre>",)),
    Rule("```\n$$\n```\n- a\n$$", ("<pre><code>$$\n</code></pre>", "<li>a")),
    Rule("\\[not a link](/foo)\n- b", ("<p>[not a link](/foo)</p>\n<ul>",)),
    Rule("$$\n\\href{x}{y}\n- a\n$$", ("<span>\\</span>href", "\n- a\n"), ("$$", "<li>")),
]
# A formula that opens at the end of a line or in its middle. Each line of it may begin another block.
_TORN = (
    "$$\n- a\n= b\n$$",
    "\\[\n> a\n# b\n\\]",
    "\\begin{align*}\n+ a\n1. b\n---\n\\end{align*}",
    "$$\na | b\n--|--\n    c\n$$",
    "$$x\n```\n* b$$",
    "\\[\n\\begin{cases}\n- a\n\\end{cases}\n\\]",
)
_BEFORE = (
    "The value is ",
    "a $x$ and ",
    "`c` and ",
    "\\$5 and ",
    "cost $5. So ",
    "a\nb ",
    "**Bold:** ",
    "$$y$$ then ",
    "注意：",
)
OPENED_IN_LINE = [
    *(
        Rule(f"{before}{torn} end", (f"{escape(torn)} end</p>",), ("<li", "<h", "<block", "<table", "<pre"))
        for before in _BEFORE
        for torn in _TORN
    ),
    Rule("- item $$\n  x\n  - b\n  $$\n- next", ("<li>item $$\nx\n- b\n$$</li>\n<li>next</li>",)),
    Rule("- [ ] task $$\n  - b\n  $$", ("☐ task $$\n- b\n$$",)),
    Rule("1. one \\[\n   - a\n   \\]", ("<li>one \\[\n- a\n\\]</li>",)),
    Rule("- a\n\n  so $$\n  + b\n  $$", ("<p>so $$\n+ b\n$$</p>\n</li>",)),
    Rule("> So $$\n> x\n> = b\n> $$\n> c", ("<p>So $$\nx\n= b\n$$\nc</p>\n</blockquote>",)),
    Rule("> - x $$\n>   - b\n>   $$", ("<li>x $$\n- b\n$$</li>",)),
    Rule("$$\na\n$$ and $$\n- b\n$$ end", ("<p>$$\na\n$$ and $$\n- b\n$$ end</p>",)),
    Rule("so \\(a\n- b\\) end", ("<p>so \\(a\n- b\\) end</p>",)),
    Rule("# H\n$$\n- a\n$$", ("</h1>\n<p>$$\n- a\n$$</p>",)),
    # These are not formulas: prices, code, escaped marks, and marks that a blank line or another item parts.
    Rule("Price: $$\n- Pizza: $$", ("<li>Pizza: <span>$</span><span>$</span></li>",)),
    Rule("Price: $$ (moderate)\n- Pizza: $$\n- Sushi: $$$", ("<li>Sushi: <span>$</span>",), ("$$",)),
    Rule("$ cheap, $$ moderate, $$$ expensive", ("moderate",), ("$$",)),
    Rule("- Mid: $$\n- Fancy: $$$", ("<li>Fancy: ",), ("$$",)),
    Rule("pid is $$\n- other pid\n- b $$", ("<li>other pid",), ("$$",)),
    Rule("a $$\nb\n\n- c\n$$", ("<li>c",), ("$$",)),
    Rule("a `$$`\n- b `$$`", ("<li>b <code>$$</code>",)),
    Rule("a $$ `x`\n- b $$", ("<code>x</code>", "<li>b "), ("$$",)),
    Rule("a \\$$\n- b\n$$", ("<li>b",), ("$$",)),
    Rule("a \\\\[\n- b\n\\\\]", ("<li>b",)),
    Rule("a $$\n- b", ("<li>b",), ("$$",)),
    Rule("a \\[\n- b", ("<p>a [</p>", "<li>b")),
    Rule("- a $$\n- b $$", ("<li>b ",), ("$$",)),
]
# MathJax needs minutes for these, or crashes the page.
_DEEP = (
    "\\frac{1}{" * 21 + "x" + "}" * 21,
    "\\vphantom{" * 4 + "x" + "}" * 4,
    "\\left(" * 21 + "\\right)" * 21,
    "{" * 30,
)
TOO_DEEP = [
    *(
        Rule(f"a {begin}{deep}{end} b", (), (begin + deep,))
        for deep in _DEEP
        for begin, end in (
            ("$", "$"),
            ("$$", "$$"),
            ("\\(", "\\)"),
            ("\\[", "\\]"),
            ("\\begin{gather}", "\\end{gather}"),
        )
    ),
    Rule("$" + "\\mathchoice{a}{b}{c}{d}" * 4 + "$", (), ("\\mathchoice",)),
    Rule(f"$$\n- {_DEEP[0]}\n$$", (), ("$$", "<li>")),
    Rule("\\(a {\\frac{1}{2}} \\vphantom{\\smash{x}}\\) b", ("\\(a {\\frac{1}{2}} \\vphantom{\\smash{x}}\\) b",)),
    Rule("$" + "\\cfrac{1}{1 + " * 20 + "}" * 20 + "$", ("$\\cfrac",)),
]
ENVIRONMENTS = [
    Rule(
        "\\begin{align}\na &= b \\\\\n- c &= d\n\\end{align}",
        ("<p>\\begin{align}\na &amp;= b \\\\\n- c &amp;= d\n\\end{align}</p>",),
        ("<li>", "<span>"),
    ),
    Rule("\\begin{equation*}\nx\n=\n1\n\\end{equation*}", ("<p>\\begin{equation*}\nx\n=\n1\n\\end{equation*}</p>",)),
    Rule("so \\begin{pmatrix} a_1 & b_1 \\end{pmatrix} is", ("so \\begin{pmatrix} a_1 &amp; b_1 \\end{pmatrix} is",)),
    *(
        Rule(f"\\begin{{{name}}}\na\n=\n\\end{{{name}}}", (f"<p>\\begin{{{name}}}\na\n=\n\\end{{{name}}}</p>",))
        for name in ("gather", "gather*", "multline", "eqnarray", "alignat", "flalign", "cases", "array", "split")
    ),
    Rule("\\begin{itemize}\n\\item a\n\\end{itemize}", ("<span>\\</span>begin",)),
    Rule("\\begin{align}\na\n\\end{gather}", ("<span>\\</span>begin",)),
    Rule("\\begin{align}\\href{x}{y}\\end{align}", ("<span>\\</span>begin",)),
]
CELL_FORMULAS = [
    Rule("| a | b |\n|---|---|\n| $|x|$ | y |", (">$|x|$</td>", ">y</td>")),
    Rule(
        "|a|b|\n|-|-|\n|$P(A|B)=\\frac{P(B|A)}{P(B)}$|`x\\|y`|", (">$P(A|B)=\\frac{P(B|A)}{P(B)}$<", "<code>x|y</code>")
    ),
    Rule("|a|\n|-|\n|`$` and $|x|$|", ("<code>$</code> and $|x|$<",)),
    Rule("|a|b|\n|-|-|\n|`a $|x` $y$|z|", (">`a <",)),
    Rule("> |a|b|\n> |-|-|\n> |$|x|$|\\(|y|\\)|", (">$|x|$<", ">\\(|y|\\)<")),
    Rule("- |a|b|\n  |-|-|\n  |$\\{x \\| x>0\\}$|\\||", (">$\\{x \\| x&gt;0\\}$<", ">|<")),
    Rule("|a|b|c|\n|-|-|-|\n|$5|$6|x|\n|US$|$x|y$|", ("<span>$</span>6</td>", ">x</td>")),
    Rule("|\\begin{vmatrix}a|b\\end{vmatrix}|x|\n|-|-|", (">\\begin{vmatrix}a|b\\end{vmatrix}</th>",)),
    Rule("| a | b |\n|---|---|\n| $\\|x\\|$ | $P(A|B)$ |", (">$\\|x\\|$</td>", ">$P(A|B)$</td>")),
    Rule(
        "| $|a|$ | \\(|b|\\) |\n|---|---|\n| \\[|c|\\] | $$|d|$$ |",
        (">$|a|$</th>", ">\\(|b|\\)</th>", ">\\[|c|\\]</td>"),
    ),
    Rule("$$x$$ | y\n---|---\n$$a$$ | b", (">$$x$$</th>", ">$$a$$</td>")),
    Rule(
        "| a | b |\n|---|---|\n| $5 | $6 |\n|$HOME|$PATH|", ("<span>$</span>5</td>", "<span>$</span>PATH</td>"), ("|",)
    ),
    Rule("| a | b |\n|---|---|\n|`$a`|x$|", ("<code>$a</code></td>", ">x<span>$</span></td>")),
    Rule("| a | b |\n|---|---|\n| `$x` | `a$` |\n| `x\\|y` | \\| |", ("<code>$x</code></td>", "<code>x|y</code></td>")),
    Rule(
        "```\n$|x|$ | y\n```\n\n    $|x|$\n\n`$|x|$` and $|x|$", ("$|x|$ | y\n</code>", "<code>$|x|$</code> and $|x|$")
    ),
]
CODE_AND_MONEY = [
    Rule("it costs $5 and $6.", ("<span>$</span>5 and <span>$</span>6",)),
    Rule("set $A to `$B` now", ("<span>$</span>A to <code>$B</code>",)),
    Rule("from $HOME/`x`/$PATH", ("<span>$</span>HOME/<code>x</code>/<span>$</span>PATH",)),
    Rule("\\(a `b` c\\)", ("<code>b</code>",), ("\\(",)),
    Rule("`a $x` y$ and $x$", ("<code>a $x</code> y<span>$</span> and $x$",)),
    Rule("$\\text{``a''} + `b$", ("$\\text{``a&#x27;&#x27;} + `b$",)),
]
CJK = [
    Rule(
        "**注意：**请先保存。**「重要」**です。**단어(word)**를 본다。",
        ("<strong>注意：</strong>请", "<strong>「重要」</strong>です", "<strong>단어(word)</strong>를"),
        ("**",),
    ),
    Rule("这是**“引号”**文字，**《书名》**好看。", ("<strong>“引号”</strong>文", "<strong>《书名》</strong>"), ("**",)),
    Rule("~~删除（x）~~后面", ("<s>删除（x）</s>后面",)),
    Rule("*「斜体」*文字 and ***「二」***で", ("<em>「斜体」</em>文", "<em><strong>「二」</strong></em>で")),
    Rule("见https://a.example/x。然后", ('见<a href="https://a.example/x"', "</a>。然后")),
    Rule(
        "ここhttps://a.example/y、と링크https://a.example/z",
        ('href="https://a.example/y"', 'href="https://a.example/z"'),
    ),
    Rule("これは**`code`**です、**[a](https://a.example)**を", ("<strong><code>code</code></strong>で", "</strong>を")),
    Rule("**100%**增长，*(x)*ｱ", ("<strong>100%</strong>增", "<em>(x)</em>ｱ")),
    Rule("𠮷**(a)**𠮷 葛\U000e0100**(b)**葛", ("𠮷<strong>(a)</strong>𠮷", "<strong>(b)</strong>葛")),
    Rule("他说 **你好。** 然后", ("<strong>你好。</strong> 然",)),
    Rule("注意 **请 先**保存", ("<strong>请 先</strong>保存",)),
    Rule("注意** 请**", ("注意** 请**",), ("<strong",)),
    Rule('a**"b"**c', ("a**&quot;b&quot;**c",)),
    Rule("前__「注意」__请", ("前__「注意」__请",)),
    Rule("😀**(x)**b", ("😀**(x)**b",)),
    # Each mark of punctuation that these scripts have, inside of the emphasis.
    *(
        Rule(f"**{word}**{after}", (f"<strong>{word}</strong>{after}",), ("**",))
        for word, after in (
            *((f"重要{mark}", "看") for mark in "：！？…—、；。，％"),
            *(
                (f"{pair[0]}重要{pair[1]}", "看")
                for pair in ("「」", "『』", "（）", "【】", "〈〉", "《》", "“”", "‘’", "()", "[]")
            ),
            *((f"단어{mark}", "를") for mark in (")", "”", "!", ".", "%", "…")),
            *(("「に」", particle) for particle in ("が", "を", "は", "で", "ﾃ", "입니다", "𠮷")),
        )
    ),
    *(Rule(f"前{mark}（后）{mark}後", ("（后）</",), (mark,)) for mark in ("*", "**", "***", "~~")),
    Rule("**日本語（にほんご）**と**英語（えいご）**の", ("</strong>と<strong>", "</strong>の"), ("**",)),
]
BREAKS = [
    Rule("| a |\n|---|\n| one<br>two<br/>three<BR />four |", (">one<br>two<br>three<br>four</td>",)),
    Rule("| a<br>b |\n|---|\n| **c<br>d** |", (">a<br>b</th>", "<strong>c<br>d</strong>")),
    Rule(
        "| a |\n|---|\n| `<br>` \\<br> &lt;br> <br x> |",
        ("<code>&lt;br&gt;</code> &lt;br&gt; &lt;br&gt; &lt;br x&gt;<",),
    ),
    Rule("| a |\n|---|\n| [x<br>y](https://a.example) ![i<br>j](https://a.example/p.png) |", (">x<br>y</a>", "ij")),
    Rule("a<br>b\n\n- c<br/>d\n\n# e<br>", ("a&lt;br&gt;b", "c&lt;br/&gt;d", "e&lt;br&gt;"), ("<br>",)),
]
SHORT_ROWS = [
    Rule("|a|b|\n|-|-|\n|c|\n|d|e|\n||\n|f|", ("<td></td>\n</tr>\n</tbody>", ">f</td>")),
    Rule("|a|b|c|d|\n|-|-|-|-|\n" + "|e\n" * 9, ("<td></td>\n</tr>\n</tbody>\n</table>", "\n|e\n|e")),
    Rule("|a|\n|-|\n" + "b\n" * 9, (">b</td>\n</tr>\n</tbody>\n</table>", "<p>b\nb\n")),
    Rule("a|b\n-|-\n" + "c|d\n" * 30, (">d</td>\n</tr>\n</tbody>\n</table>", "<p>c|d\n")),
    Rule("|a|b|\n|-|-|\n" + "|c|d|\n" * 30, (">d</td>\n</tr>\n</tbody>\n</table>",), ("<p>",)),
    Rule("- |a|b|\n  |-|-|\n" + "  |c|\n" * 9, ("<td></td>\n</tr>\n</tbody>\n</table>", "\n|c|\n|c|")),
]
WORD_BREAKS = [
    Rule("สวัสดี\u200bชาวโลก", ("สวัสดี\u200bชาวโลก",), ("[U+200B]",)),
    Rule("**ភាសា**\u200bខ្មែរ\u200bនិង Python", ("</strong>\u200bខ្មែរ\u200bនិង",), ("[U+200B]",)),
    Rule("ພາສາ\u200bລາວ မြန်မာ\u200bစာ ไทย\u200bPython\u200bไทย", ("\u200bP", "n\u200b"), ("[U+200B]",)),
    Rule("ไทย&#x200b;ไทย", ("ไทย\u200bไทย",), ("[U+200B]",)),
    Rule("`ไทย\u200bไทย`\n\n    ไทย\u200bไทย", ("<code>ไทย\u200bไทย",), ("[U+200B]",)),
    Rule(
        "a\u200bb 注\u200b意 ไ\u200b\u200b\u200bไ \u200b", ("a[U+200B]b 注[U+200B]意 ไ\u200b[U+200B]\u200bไ [U+200B]",)
    ),
    Rule("👩\u200d🔬 ❤️ می\u200cخواهم", ("👩\u200d🔬 ❤️ می\u200cخواهم",)),
    # What scripts and emoji need stays.
    *(
        Rule(f"x {kept} y", (kept,), ("[U+",))
        for kept in (
            "❤\ufe0f",
            "👩\u200d🔬",
            "👩🏽\u200d🔬",
            "🏳\ufe0f\u200d🌈",
            "🏴\u200d☠\ufe0f",
            "👨\u200d👩\u200d👧\u200d👦",
            "👁\ufe0f\u200d🗨\ufe0f",
            "🇩🇪👍🏽",
            "1\ufe0f\u20e3#\ufe0f\u20e3",
            "☎\ufe0e©\ufe0f™\ufe0f",
            "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
            "می\u200cخواهم کتاب\u200cها",
            "क्\u200dष क्\u200cष",
            "র\u200d্য ශ්\u200dර",
            "葛\U000e0100城",
            "ᠮᠣᠩ\u180bᠭ",
            "⠓⠑\u2800\u2800⠇",
            "שלום C++\u200e מה",
        )
    ),
    # What hides text is shown.
    *(
        Rule(f"a{hidden}b", ("[U+",), (hidden,))
        for hidden in (
            "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b\u180e\u200b\u200c\u200d\u2028\u2029\u202a\u202e\u2060\u2064"
            "\u2066\u2069\u206f\u2800\u3164\ufe00\ufe0e\ufe0f\ufeff\uffa0\ufff9\U0001d173\U000e0001\U000e0041\U000e0100\U000e01ef"
        )
    ),
    Rule("😀\U000e0158\U000e0159 ok\ufe01\ufe02", ("😀[U+E0158][U+E0159] ok[U+FE01][U+FE02]",)),
    Rule("😀\ufe0f\ufe0f\u200d\u200d🔬", ("😀\ufe0f[U+FE0F][U+200D][U+200D]🔬",)),
    Rule("می\u200c\u200dخ 葛\U000e0100\U000e0101", ("می\u200c[U+200D]خ 葛\U000e0100[U+E0101]",)),
    Rule("`def f(\u3164=1)`", ("[U+3164]",)),
]
BARE_ADDRESSES = [
    # The host is read before the rest.
    Rule("x!*http://a/b http://a:b/http://c/d", ('<a href="http://a/b"',), ("http://c/d</a>",)),
    Rule("http://a.example,? http://a,!?x http://a.example?x", (">http://a.example</a>,?", ">http://a.example?x</a>")),
    # 2,048 characters are a link, and of a longer address nothing is.
    Rule(f"http://a/{'x' * 2039} y", ("x</a> y",)),
    Rule(f"http://a/{'x' * 2040} http://b/c", ("x <a ", ">http://b/c</a>")),
    Rule(f"http://a/{'x' * 2000}(http://b/{'é' * 20}(http://c/d http://e/f", ("http://c/d <a ", ">http://e/f</a>")),
]
RULES = {
    "block formulas": BLOCK_FORMULAS,
    "formulas in a line": OPENED_IN_LINE,
    "formulas too deep": TOO_DEEP,
    "environments": ENVIRONMENTS,
    "formulas in cells": CELL_FORMULAS,
    "code and money": CODE_AND_MONEY,
    "emphasis beside CJK": CJK,
    "line breaks in cells": BREAKS,
    "short rows": SHORT_ROWS,
    "word breaks": WORD_BREAKS,
    "bare addresses": BARE_ADDRESSES,
}
CASES = [(kind, rule) for kind, rules in RULES.items() for rule in rules]
