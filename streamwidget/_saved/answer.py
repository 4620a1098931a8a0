"""The saved answer: what is left of a completion in the notebook file, in GitHub's view of it, and in exports.

Everything in a completion is untrusted: the text, and the model's name and the server's error message as well. An
answer that was cut says so in each of the representations, and nothing here raises: what cannot be shown as Markdown is
shown as text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape

from streamwidget._core.completion import ChatCompletion, ToolCall, why
from streamwidget._core.outcomes import OUTCOMES, ending
from streamwidget._core.visible import one_line, visible

__all__ = ["footer", "mimebundle", "visible"]

MAX_MARKDOWN = 1_000_000  # characters; a longer text is shown as it is
# Such a text stands in several <pre>, for browsers lay out many small blocks faster than a huge one: each ends with the
# first line that makes it as long as this, or at twice that; js/src/markdown/plain.ts does the same.
_PIECE = 30_000
_PREVIEW = 120  # characters of a tool call's arguments
# The live view has the same styles (js/src/saved/shape.ts), or the swap at the end would move what is below. They are
# inline, because notebooks are opened without our style sheet too. Our own classes are for colours only. The other
# class is that of JupyterLab for rendered text.
_HEAD = "margin:0 0 0.3em;height:1.7em;line-height:1.7em;white-space:nowrap;overflow:hidden;text-overflow:ellipsis"
_TEXT = 'jp-RenderedHTMLCommon" style="padding:0;overflow-wrap:break-word'
_FOLD = "margin:0 0 0.5em"
_SUMMARY = "white-space:nowrap;overflow:hidden;text-overflow:ellipsis"
_NAME = "white-space:nowrap"  # of a tool: JupyterLab lets code break
_FOOT = "margin:0;line-height:1.7em;overflow-wrap:break-word"
# What Markdown, MathJax or an automatic link could take for markup in the footer, save at the start of its line.
_MARKUP = re.compile(r"[\\`*_\[\]<>!|~$&#@]|:(?=/)|(?<=www)\.", re.IGNORECASE)


def mimebundle(completion: ChatCompletion) -> dict[str, str]:
    """Give the representations of a completion that a notebook stores.

    Parameters
    ----------
    completion : ChatCompletion
        Final, or as far as it came.

    Returns
    -------
    dict
        ``text/html`` (the tags and inline styles of the live view, safe without a sanitizer), ``text/plain``, and
        ``text/markdown`` where the answer is Markdown with neither an image nor raw HTML in it. Each names the model
        and ends in a line on how the answer ended.
    """
    text = visible(completion.text)
    body, portable = _body(text)
    bundle = {
        "text/html": "".join(_html_parts(completion, body)),
        "text/plain": "\n\n".join(_plain_parts(completion, text)),
    }
    if portable and text.strip() and not completion.refusal and not completion.tool_calls:
        markdown = _markdown(text, completion)
        if markdown is not None:
            bundle["text/markdown"] = markdown
    return bundle


def footer(completion: ChatCompletion) -> str:
    """Give one line of plain text: model, how the answer ended, tokens, time to the first delta, total time."""
    facts = ["demo"] if completion.demo else []
    if completion.model:
        facts.append(one_line(completion.model, 100))
    return " · ".join([*facts, _ending(completion), *_figures(completion)])


def _ending(completion: ChatCompletion) -> str:
    """Say how the answer ended. js/src/transcript/status.ts reads the same table."""
    if completion.outcome is None:
        return "not finished"
    has_content = bool(completion.text or completion.reasoning or completion.refusal or completion.tool_calls)
    return ending(completion.outcome, one_line(why(completion)).rstrip("."), has_content=has_content)


def _figures(completion: ChatCompletion) -> list[str]:
    facts = []
    tokens = completion.usage.completion_tokens if completion.usage else None
    if tokens is not None:
        facts.append("1 token" if tokens == 1 else f"{tokens} tokens")
    if completion.timing.first_delta is not None:
        facts.append(f"first token {_seconds(completion.timing.first_delta)}")
    if completion.timing.total:
        facts.append(f"total {_seconds(completion.timing.total)}")
    return facts


def _seconds(seconds: float) -> str:
    """Give a time in two or three digits; in whole milliseconds, so that the page rounds alike."""
    ms = round(seconds * 1000)
    if ms < 995:
        return f"0.{(ms + 5) // 10:02d} s"
    if ms < 59_950:
        tenths = (ms + 50) // 100
        return f"{tenths // 10}.{tenths % 10} s"
    whole = (ms + 500) // 1000
    return f"{whole // 60} min {whole % 60:02d} s"


def _body(text: str) -> tuple[str, bool]:
    """Render the answer's text; tell whether it may stand as Markdown too."""
    if len(text) <= MAX_MARKDOWN:
        from streamwidget._saved.html import render

        try:
            return render(text)
        except Exception:  # noqa: BLE001  # whatever a parser makes of hostile text, the answer must be saved
            pass
    return "".join(_pieces(text)), False


def _pieces(text: str) -> Iterable[str]:
    """Give the text as it is, in blocks that end at a newline where there is one."""
    from streamwidget._saved.html import as_typed

    start = 0
    while start < len(text):
        end = text.find("\n", start + _PIECE - 1, start + 2 * _PIECE) + 1 or start + 2 * _PIECE
        yield as_typed(text[start:end].removesuffix("\n"))
        start = end


def _html_parts(completion: ChatCompletion, body: str) -> Iterable[str]:
    """Write header, answer and footer as the live view has them at its end: then the swap moves nothing."""
    model = _guarded(one_line(completion.model or "", 100)) or "unnamed model"
    demo = "<strong>demo</strong> · " if completion.demo else ""
    yield f'<p style="{_HEAD}"><small class="streamwidget-quiet">{demo}<bdi>{model}</bdi></small></p>\n'
    if completion.reasoning:
        count = len(completion.reasoning)
        label = f"Reasoning ({count} character{'' if count == 1 else 's'})"
        yield _fold(label, f'<div class="{_TEXT}">{_body(visible(completion.reasoning))[0]}</div>')
    yield f'<div class="streamwidget-text {_TEXT}">{body}</div>\n'
    if completion.refusal:
        yield f'<p style="{_FOLD}"><strong>Refused:</strong></p>\n'
        yield f"<blockquote>{_paragraph(completion.refusal)}</blockquote>\n"
    for call in completion.tool_calls:
        name = f'<code style="{_NAME}">{escape(one_line(call.name or "?"))}</code>'
        preview = f"<small>{_guarded(one_line(call.arguments, _PREVIEW))}</small>"
        yield _fold(f"Tool call: {name} {preview}", f"<pre><code>{escape(visible(call.arguments))}</code></pre>")
    badge, figures = _guarded(_ending(completion)), "".join(f" · {figure}" for figure in _figures(completion))
    line = f'<span class="streamwidget-quiet">{badge}{figures}</span>'
    if completion.outcome != "complete":
        is_bad = completion.outcome is not None and OUTCOMES[completion.outcome].bad
        bad = ' class="streamwidget-bad"' if is_bad else ""
        line = f'<strong{bad}>{badge}</strong><span class="streamwidget-quiet">{figures}</span>'
    yield f'<p style="{_FOOT}"><small>{line}</small></p>\n'


def _fold(summary: str, body: str) -> str:
    return f'<details style="{_FOLD}"><summary style="{_SUMMARY}">{summary}</summary>{body}</details>\n'


def _paragraph(text: str) -> str:
    return f"<p>{_guarded(text).replace(chr(10), '<br>')}</p>"


def _guarded(text: str) -> str:
    from streamwidget._saved.html import escape_text

    return escape_text(text)


def _plain_parts(completion: ChatCompletion, text: str) -> Iterable[str]:
    if text:
        yield text.rstrip("\n")
    if completion.refusal:
        yield f"Refused: {visible(completion.refusal)}"
    yield from (_plain_call(call) for call in completion.tool_calls)
    yield f"[{footer(completion)}]"


def _plain_call(call: ToolCall) -> str:
    return f"Tool call: {one_line(call.name or '?')}({visible(call.arguments)})"


def _markdown(text: str, completion: ChatCompletion) -> str | None:
    """Give the answer with its footer as Markdown; None where the footer cannot be kept out of an open construct."""
    from streamwidget._saved.html import parse

    line = _MARKUP.sub(r"\\\g<0>", footer(completion))
    closing = ""
    for _ in range(2):
        markdown = f"{text.rstrip()}{closing}\n\n{line}\n"
        tokens = parse(markdown)
        if tokens[-1].type == "paragraph_close" and tokens[-1].level == 0 and tokens[-2].content == line:
            return markdown
        # A cut answer often ends inside a code block, which swallows the footer until it is closed.
        closing = f"\n{tokens[-1].markup}"
    return None
