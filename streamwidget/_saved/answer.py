"""The saved answer: a completion as HTML, Markdown and text, for the notebook file, GitHub and exports.

1. Everything in a completion is untrusted: the text, the model's name and the server's error message.
2. Each format says how the answer ended. For example: "m · no answer: connection lost · total 1.2 s".
3. Nothing here raises. Text that cannot be rendered as Markdown is saved as plain text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from streamwidget._core.completion import (
    ChatCompletion,
    Step,
    ToolCall,
    missing,
    shown,
    shown_steps,
    split_at_outputs,
    tool_blocks,
    why,
)
from streamwidget._core.cost import details
from streamwidget._core.events import RichOutput, ToolResult
from streamwidget._core.outcomes import OUTCOMES, ending
from streamwidget._core.visible import one_line, visible
from streamwidget._saved.budget import Budget
from streamwidget._saved.dress import BAD, QUIET
from streamwidget._saved.outputs import BUNDLES, bundles, output_html, output_text
from streamwidget._saved.values import value_html

if TYPE_CHECKING:
    from streamwidget._saved.html import Rendered

__all__ = ["footer", "length", "mimebundle", "plain_text", "result_line", "tool_line", "visible"]

MAX_MARKDOWN = 1_000_000  # characters, a longer text is saved as plain text, and once only
_LEFT_OUT = "[The answer has {:,} characters. They are in text/html only.]"
# A long plain text is split into several <pre>, because browsers lay out many small blocks faster than a huge one. Each
# ends with the first line end after this many characters, or at twice as many. js/src/markdown/plain.ts does the same.
_PIECE = 30_000
#: A name that begins as a path does, or ends as a model's file does.
_PATH = re.compile(r"^(?:/|\\\\\w|(?:~|\.{1,2}|[a-z]:)[/\\])|\.(?:gguf|safetensors|bin)$", re.IGNORECASE)
_THOUGHT = 0.1  # seconds. Reasoning that came sooner came at once
_PREVIEW = 120  # characters of a tool call's arguments, in its heading
# The live view has the same styles (js/src/saved/shape.ts), or the swap at the end would move what is below. They are
# inline, because notebooks are opened without our style sheet too. Our own classes are for colours only. The other
# class is that of JupyterLab for rendered text.
_HEAD = "margin:0 0 0.3em;height:1.7em;line-height:1.7em;white-space:nowrap;overflow:hidden;text-overflow:ellipsis"
_TEXT = 'jp-RenderedHTMLCommon" style="padding:0;overflow-wrap:break-word'
_FOLD = "margin:0 0 0.5em"
_STEP = "padding-inline-start:1.2em"
_SUMMARY = "white-space:nowrap;overflow:hidden;text-overflow:ellipsis"
_NAME = "white-space:nowrap"  # of a tool, because JupyterLab breaks code into lines
_FOOT = "margin:0;line-height:1.7em;overflow-wrap:break-word"
# Where our style sheet is missing too, the lines around an answer are quiet and a failure is red.
_QUIET = f'class="streamwidget-quiet" style="{QUIET}"'
_BAD = f'class="streamwidget-bad" style="{BAD}"'
# Characters of the footer that Markdown, MathJax or an automatic link may take for markup: "gpt_4" -> "gpt\_4",
# "http://x" -> "http\://x". A mark at the start of the line ("- ", "1. ") stays, and _markdown() notices its effect.
_MARKUP = re.compile(r"[\\`*_\[\]<>!|~$&#@]|:(?=/)|(?<=www)\.", re.IGNORECASE)


def mimebundle(completion: ChatCompletion, budget: Budget | None = None) -> dict[str, Any]:
    """Return a completion in the formats that a notebook stores.

    Parameters
    ----------
    completion : ChatCompletion
        It may still be running.
    budget : Budget, optional
        The time for its Markdown. Several answers may share one. Default: :meth:`Budget.at_once`.

    Returns
    -------
    dict
        ``text/html`` has the tags and inline styles of the live view, and is safe without a sanitizer. ``text/plain``
        is the text. ``text/markdown`` is there if the answer has no image and no raw HTML. Each ends with the footer.
        A text of more than a million characters is in ``text/html`` only. What the person's own code has shown beside
        the text stands in the HTML as it is, and all its formats are in a field of their own.

    Examples
    --------
    >>> bundle = mimebundle(ChatCompletion(text="It *is*", outcome="interrupted"))
    >>> print(bundle["text/markdown"])
    It *is*
    <BLANKLINE>
    connection lost; the answer is cut
    <BLANKLINE>
    """
    if budget is None:
        with Budget.at_once(length(completion)) as budget:
            return mimebundle(completion, budget)
    *before, last = shown_steps(completion)
    text = visible(last.text)
    value = value_html(completion)
    if value:
        body = _with_value(value, text)
    else:
        body = _body(text, budget) if not completion.outputs else _with_outputs(completion, last, budget)
    bundle: dict[str, Any] = {
        "text/html": "".join(_html_parts(completion, before, last, body.html, budget)),
        "text/plain": "\n\n".join(_plain_parts(completion, [*before, last], longest=MAX_MARKDOWN)),
    }
    if body.portable and text.strip() and not (completion.refusal or before or tool_blocks(last)):
        markdown = _markdown(text, body.last_line, completion, budget)
        if markdown is not None:
            bundle["text/markdown"] = markdown
    if completion.outputs:
        bundle[BUNDLES] = bundles(completion.outputs)
    return bundle


def length(*completions: ChatCompletion) -> int:
    """Return the characters of Markdown in these completions."""
    return sum(len(completion.text) + len(completion.reasoning) for completion in completions)


def plain_text(completion: ChatCompletion) -> str:
    """Return the whole text, for a terminal: the answer, its tool calls and the footer."""
    return "\n\n".join(_plain_parts(completion, shown_steps(completion)))


def footer(completion: ChatCompletion) -> str:
    """Return one line of text: the model, how the answer ended, tokens, time to the first delta, total time.

    >>> footer(ChatCompletion("Hello", model="m", outcome="complete"))
    'm · complete'
    """
    facts = [*answered_by(completion), _ending(completion), *_figures(completion)]
    return " · ".join(fact for fact in facts if fact)


def answered_by(completion: ChatCompletion) -> tuple[str, str]:
    """Return the mark and the model's name. Either may be empty. js/src/transcript/answered_by.ts does the same.

    A model whose name is a path is shown by its last part: ``/models/qwen.gguf`` -> ``qwen.gguf``.
    """
    if completion.mark:
        return one_line(completion.mark, 100), ""
    model = one_line(_last_part(completion.model or ""), 100)
    if not completion.demo:
        return "", model
    return ("demo server (no model)", "") if model in ("", "demo") else ("demo", model)


def _last_part(model: str) -> str:
    """Return the last part of a path, and a name such as ``org/model`` as it is."""
    path = model.rstrip("/\\")
    return re.split(r"[/\\]", path)[-1] if _PATH.search(path) else model


def _ending(completion: ChatCompletion) -> str:
    """Return the words for how the answer ended. js/src/transcript/status.ts reads the same table."""
    if completion.outcome is None:
        return "not finished"
    parts = (completion.text, completion.reasoning, completion.refusal, completion.tool_calls, completion.outputs)
    has_content = any(parts)
    return ending(completion.outcome, one_line(why(completion)).rstrip("."), has_content=has_content)


def _figures(completion: ChatCompletion) -> list[str]:
    gaps = one_line(missing(completion))
    facts = [gaps] if gaps else []
    tokens = completion.usage.completion_tokens if completion.usage else None
    if tokens is not None:
        facts.append("1 token" if tokens == 1 else f"{tokens} tokens")
    facts += details(completion.usage, completion.cost)
    if completion.timing.first_delta is not None:
        facts.append(f"first token {in_seconds(completion.timing.first_delta)}")
    if completion.timing.total:
        facts.append(f"total {in_seconds(completion.timing.total)}")
    return facts


def in_seconds(seconds: float) -> str:
    """Return a time with two or three digits, rounded from whole milliseconds like in the page.

    >>> in_seconds(0.314), in_seconds(12.345), in_seconds(75)
    ('0.31 s', '12.3 s', '1 min 15 s')
    """
    ms = round(seconds * 1000)
    if ms < 995:
        return f"0.{(ms + 5) // 10:02d} s"
    if ms < 59_950:
        tenths = (ms + 50) // 100
        return f"{tenths // 10}.{tenths % 10} s"
    whole = (ms + 500) // 1000
    return f"{whole // 60} min {whole % 60:02d} s"


def _body(text: str, budget: Budget) -> Rendered:
    """Render the answer's text."""
    from streamwidget._saved.html import Rendered, render

    if len(text) <= MAX_MARKDOWN and not budget.is_spent:
        try:
            return render(text, budget)
        except Exception:  # noqa: BLE001  # hostile text may break the parser, and the answer must be saved
            pass
    return Rendered("".join(_pieces(text)), portable=False)


def _with_value(value: str, text: str) -> Rendered:
    """Return the value as a table or a tree, and the text of it in a fold."""
    from streamwidget._saved.html import Rendered

    html = f'<div class="streamwidget-value">{value}</div>\n{_fold("JSON", "".join(_pieces(text)))}'
    return Rendered(html, portable=False)


def _with_outputs(completion: ChatCompletion, last: Step, budget: Budget) -> Rendered:
    """Render the parts of the text, and what came beside it at its places."""
    from streamwidget._saved.html import Rendered

    parts = [
        output_html(part, budget)
        if isinstance(part, RichOutput)
        else f'<div class="{_TEXT}">{_body(visible(part), budget).html}</div>\n'
        for part in split_at_outputs(completion, last.text)
    ]
    return Rendered("".join(parts), portable=False)


def _pieces(text: str) -> Iterable[str]:
    """Yield the text unchanged, in blocks that end at a newline if there is one."""
    from streamwidget._saved.html import as_typed

    start = 0
    while start < len(text):
        end = text.find("\n", start + _PIECE - 1, start + 2 * _PIECE) + 1 or start + 2 * _PIECE
        yield as_typed(text[start:end].removesuffix("\n"))
        start = end


def _html_parts(completion: ChatCompletion, before: list[Step], last: Step, body: str, budget: Budget) -> Iterable[str]:
    """Yield header, answer and footer like the live view at its end, so that the swap moves nothing."""
    mark, model = answered_by(completion)
    who = f"<strong>{_guarded(mark)}</strong>{' · ' if model else ''}" if mark else ""
    yield f'<p style="{_HEAD}"><small {_QUIET}>{who}<bdi>{_guarded(model)}</bdi></small></p>\n'
    reasoning, refusal = shown(completion, "reasoning"), shown(completion, "refusal")
    if reasoning:
        body_of_reasoning = _body(visible(reasoning), budget).html
        label = _thought(completion.timing.reasoning)
        yield _fold(label, f'<div class="{_TEXT}">{body_of_reasoning}</div>')
    for number, step in enumerate(before, 1):
        step_body = _body(visible(step.text), budget).html
        text = f'<div class="streamwidget-step-text {_TEXT}">{step_body}</div>\n'
        yield _fold(_step_label(number, step), f'<div style="{_STEP}">{text}{"".join(_calls(step))}</div>')
    yield f'<div class="streamwidget-text {_TEXT}">{body}</div>\n'
    if refusal:
        yield f'<p style="{_FOLD}"><strong>The model refused:</strong></p>\n'
        yield f"<blockquote>{_paragraph(refusal)}</blockquote>\n"
    yield from _calls(last)
    badge, figures = (
        _guarded(_ending(completion)),
        "".join(f" · {_guarded(figure)}" for figure in _figures(completion)),
    )
    line = f"<span {_QUIET}>{badge}{figures}</span>"
    if completion.outcome != "complete":
        is_bad = completion.outcome is not None and OUTCOMES[completion.outcome].bad
        bad = f" {_BAD}" if is_bad else ""
        line = f"<strong{bad}>{badge}</strong><span {_QUIET}>{figures}</span>"
    yield f'<p style="{_FOOT}"><small>{line}</small></p>\n'


def _thought(seconds: float | None) -> str:
    """Return the heading of the reasoning. Reasoning that came at once has no time.

    js/src/transcript/status.ts does the same.
    """
    return "Thought" if seconds is None or seconds < _THOUGHT else f"Thought for {in_seconds(seconds)}"


def _calls(step: Step) -> Iterable[str]:
    for call in tool_blocks(step):
        preview = f"<small>{_guarded(one_line(call.arguments, _PREVIEW))}</small>"
        yield _fold(f"Tool call: {_name(call)} {preview}", f"<pre><code>{escape(visible(call.arguments))}</code></pre>")


def _step_label(number: int, step: Step) -> str:
    """Return the heading of a step that is over: the tools that it called, and the beginning of its text."""
    names = ", ".join(dict.fromkeys(_name(call) for call in tool_blocks(step)))
    return f"Step {number}: {f'{names} ' if names else ''}<small>{_guarded(one_line(step.text, _PREVIEW))}</small>"


def _name(call: ToolCall) -> str:
    return f'<code style="{_NAME}">{escape(one_line(call.name or "?"))}</code>'


def _fold(summary: str, body: str) -> str:
    return f'<details style="{_FOLD}"><summary style="{_SUMMARY}">{summary}</summary>{body}</details>\n'


def _paragraph(text: str) -> str:
    return f"<p>{_guarded(text).replace(chr(10), '<br>')}</p>"


def _guarded(text: str) -> str:
    from streamwidget._saved.html import escape_text

    return escape_text(text)


def _plain_parts(completion: ChatCompletion, steps: Sequence[Step], *, longest: float = math.inf) -> Iterable[str]:
    for step in steps:
        for part in split_at_outputs(completion, step.text) if step is steps[-1] else [step.text]:
            if isinstance(part, RichOutput):
                yield output_text(part)
            elif part:
                text = visible(part)
                yield text.rstrip("\n") if len(text) <= longest else _LEFT_OUT.format(len(text))
        if completion.refusal and step is steps[-1]:
            yield f"The model refused: {visible(shown(completion, 'refusal'))}"
        yield from (tool_line(call) for call in step.tool_calls)
        yield from (result_line(result) for result in step.tool_results)
    yield f"[{footer(completion)}]"


def tool_line(call: ToolCall) -> str:
    """Return a tool call as one line of plain text, such as ``Tool call: weather({"city": "Oslo"})``."""
    return f"Tool call: {one_line(call.name or '?')}({visible(call.arguments)})"


def result_line(result: ToolResult) -> str:
    """Return a tool's result as plain text, such as ``Tool result: weather: 4 °C``."""
    return f"Tool result: {one_line(result.name or '?')}: {visible(result.text)}"


def _markdown(text: str, last_line: int, completion: ChatCompletion, budget: Budget) -> str | None:
    """Return the answer with its footer as Markdown, or None if the footer would become part of an open construct.

    Only the last block may be open. It begins in ``last_line``.
    """
    from streamwidget._saved.html import parse

    line = _MARKUP.sub(r"\\\g<0>", footer(completion))
    last_block = "\n".join(text.split("\n")[last_line:]).rstrip()
    closing = ""
    for _ in range(2):
        ending = f"{closing}\n\n{line}\n"
        tokens = parse(last_block + ending, budget)
        if tokens[-1].type == "paragraph_close" and tokens[-1].level == 0 and tokens[-2].content == line:
            return text.rstrip() + ending
        # A cut answer often ends inside a code block, and the footer would be code. So the block is closed first.
        closing = f"\n{tokens[-1].markup}"
    return None
