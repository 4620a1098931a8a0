"""The weight of an answer on the way to the page: bytes of message contents as JSON, and messages, on iopub."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from typing import Any

from tests.benchmarks.report import Figure
from tests.benchmarks.server import answer, start_server
from tests.support.kernels import Kernel, Message, start_kernel

PROMPT = "Write about streams."
MODEL = "demo-long"
SIZES = (1000, 4000)  # tokens
RATES = {100: 6.0, 1000: 2.5}  # tokens a second: the stream may weigh so many times its text
CELL_TIMEOUT = 120

OURS, OPENAI, CHATLAS = "%%chat", "openai + display(Markdown)", "chatlas"
SETUP = {
    OURS: "%load_ext streamwidget\n%config ChatMagics.base_url = {url!r}",
    OPENAI: """
from IPython.display import Markdown, display
from openai import OpenAI
client = OpenAI(base_url={url!r}, api_key="none")
""",
    CHATLAS: """
from chatlas import ChatOpenAICompletions
url = {url!r}
""",
}
CELL = {
    OURS: "%%chat -m {model} --max-tokens {tokens}\n{prompt}",
    OPENAI: """
text = ""
shown = display(Markdown(text), display_id=True)
messages = [{{"role": "user", "content": {prompt!r}}}]
for chunk in client.chat.completions.create(model={model!r}, messages=messages, max_tokens={tokens}, stream=True):
    if chunk.choices and chunk.choices[0].delta.content:
        text += chunk.choices[0].delta.content
        shown.update(Markdown(text))
""",
    CHATLAS: """
chat = ChatOpenAICompletions(base_url=url, model={model!r}, api_key="none")
_ = chat.chat({prompt!r}, echo="output", kwargs={{"max_tokens": {tokens}}})
""",
}


@dataclass(frozen=True, slots=True)
class Weight:
    """The messages of one cell, in bytes."""

    opening: int  # before the first text
    stream: int  # all up to the end of the stream, the opening too
    cell: int  # all
    messages: int  # of the stream
    seconds: float  # of the stream


def measure() -> Figure:
    """Run the contestants beside each other at reading pace, mostly idle. Then run them one by one."""
    figure = Figure("The wire: message contents on iopub, for each byte of text")
    weights: dict[tuple[str, int, int], Weight] = {}
    for rate in RATES:
        with start_server(rate) as server, ExitStack() as kernels, ThreadPoolExecutor() as threads:
            started = {name: kernels.enter_context(start_kernel()) for name in CELL}
            runs = {name: threads.submit(_run, name, kernel, server.url) for name, kernel in started.items()}
            for name, run in runs.items():
                weights |= {(name, rate, tokens): weight for tokens, weight in run.result().items()}
    sizes = {tokens: len("".join(islice(answer(), tokens)).encode()) for tokens in SIZES}
    for rate, limit in RATES.items():
        whole, ratios = [], []
        for tokens, size in sizes.items():
            ours = weights[OURS, rate, tokens]
            what = f"{tokens:,} tokens at {rate:,}/s"
            whole.append(ours.stream / size)
            ratios.append((ours.stream - ours.opening) / size)
            figure.at_most(f"{what}: %%chat, stream", ours.stream / size, limit, "{:.2f} x")
            figure.add(f"{what}: %%chat, with the saved answer", f"{ours.cell / size:.2f} x")
            for name in (OPENAI, CHATLAS):
                figure.add(f"{what}: {name}", f"{weights[name, rate, tokens].cell / size:,.0f} x")
            figure.at_most(f"{what}: %%chat, messages/s", ours.messages / ours.seconds, 30, "{:.1f}")
            for name in (OPENAI, CHATLAS):
                theirs = weights[name, rate, tokens]
                figure.add(f"{what}: {name}, messages/s", f"{theirs.messages / theirs.seconds:.0f}")
        figure.add(f"{rate:,}/s: %%chat, both sizes' ratios differ by", f"{_spread(whole):.0f} %")
        figure.at_most(f"{rate:,}/s: the same from the first text on", _spread(ratios), 15, "{:.0f} %")
    figure.add("%%chat, before the first text", f"{ours.opening:,} bytes")
    figure.notes += [
        f"text: {' and '.join(f'{size:,}' for size in sizes.values())} bytes.",
        "The page's bundle travels once a kernel, before these cells; the view's own _esm, its loader, counts with it.",
        "stream: from the cell's start to the end message; saved answer: the last state and the static output too.",
        "jupyter-ai-magics (2.31) is left out: %%ai does not stream, it shows the whole answer once, at the end;",
        "and its OpenAI provider cannot be installed beside today's openai SDK.",
    ]
    return figure


def _run(name: str, kernel: Kernel, url: str) -> dict[int, Weight]:
    execute(kernel, SETUP[name].format(url=url))
    execute(kernel, CELL[name].format(model=MODEL, tokens=3, prompt=PROMPT))  # imports, and the bundle
    return {
        tokens: weigh(name, execute(kernel, CELL[name].format(model=MODEL, tokens=tokens, prompt=PROMPT)))
        for tokens in SIZES
    }


def execute(kernel: Kernel, code: str) -> list[Message]:
    """Run a cell and return the messages published meanwhile."""
    before = len(kernel.iopub)
    cell = kernel.execute(code.lstrip("\n"), CELL_TIMEOUT)
    if cell.status != "ok":
        raise RuntimeError("\n".join(cell.traceback))
    return kernel.iopub[before:]


def weigh(name: str, messages: Sequence[Message]) -> Weight:
    """Weigh the messages of a cell. OURS stands for everything shown by a StreamView."""
    last = next((number for number, message in enumerate(messages) if _ends_stream(message)), len(messages) - 1)
    if name == OURS and last == len(messages) - 1:
        raise AssertionError("the view sent no end message")
    stream = messages[: last + 1]
    first = next((number for number, message in enumerate(messages) if _has_text(message)), 0)
    return Weight(
        opening=sum(_size(message) for message in stream[:first]),
        stream=sum(_size(message) for message in stream),
        cell=sum(_size(message) for message in messages),
        messages=len(stream),
        seconds=stream[-1].at - stream[0].at,
    )


def _spread(ratios: Sequence[float]) -> float:
    """Return by how many percent the largest is more than the least."""
    return (max(ratios) / min(ratios) - 1) * 100


def _size(message: Message) -> int:
    """Return the bytes of the content as JSON, without the widget's code."""
    state = message.content["data"].get("state", {}) if message.type == "comm_open" else {}
    return message.content_size - (len(json.dumps(state["_esm"])) if "_esm" in state else 0)


def _ends_stream(message: Message) -> bool:
    return _custom(message).get("op") == "end"


def _has_text(message: Message) -> bool:
    return bool(_custom(message).get("text"))


def _custom(message: Message) -> dict[str, Any]:
    sent = message.content["data"] if message.type == "comm_msg" else {}
    return sent["content"] if sent.get("method") == "custom" else {}
