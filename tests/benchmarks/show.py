"""The weight of ``show`` on the wire over somebody else's stream, against the same answer by our own client."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import islice

from tests.benchmarks.report import Figure
from tests.benchmarks.server import answer, start_server
from tests.benchmarks.wire import OURS, Weight, execute, weigh
from tests.support.kernels import Kernel, start_kernel

RATE = 100  # tokens a second: reading pace. A message then carries the fewest tokens
SIZES = (1000, 4000)  # tokens
LIMIT = 6.0  # times the text
PEER = 1.2  # times our own client's

CLIENT, ASYNC, SYNC = "our own client", "openai, async", "openai, sync (in a thread)"
_SETUP = """
import openai
import streamwidget as sw
url, messages = {url!r}, [{{"role": "user", "content": "Write about streams."}}]
ours = sw.ChatClient(url)
theirs = openai.AsyncOpenAI(base_url=url, api_key="none")
blocking = openai.OpenAI(base_url=url, api_key="none")
options = {{"model": "demo-long", "stream": True, "stream_options": {{"include_usage": True}}}}
"""
_CELLS = {
    CLIENT: "_ = await sw.show(ours.stream(messages, 'demo-long', max_tokens={tokens}))",
    ASYNC: "_ = await sw.show(theirs.chat.completions.create(messages=messages, max_tokens={tokens}, **options))",
    SYNC: "_ = await sw.show(blocking.chat.completions.create(messages=messages, max_tokens={tokens}, **options))",
}


def measure() -> Figure:
    """Run the three beside each other, each in a kernel of its own."""
    figure = Figure(f"show() over other streams: message contents on iopub, at {RATE} tokens a second")
    with start_server(RATE) as server, ExitStack() as kernels, ThreadPoolExecutor() as threads:
        started = {name: kernels.enter_context(start_kernel()) for name in _CELLS}
        runs = {name: threads.submit(_run, name, kernel, server.url) for name, kernel in started.items()}
        weights = {name: run.result() for name, run in runs.items()}
    for tokens in SIZES:
        size = len("".join(islice(answer(), tokens)).encode())
        own = weights[CLIENT][tokens]
        figure.add(f"{tokens:,} tokens: {CLIENT}, stream / text", f"{own.stream / size:.2f} x")
        for name in (ASYNC, SYNC):
            theirs = weights[name][tokens]
            figure.at_most(f"{tokens:,} tokens: {name}, stream / text", theirs.stream / size, LIMIT, "{:.2f} x")
            figure.at_most(f"{tokens:,} tokens: {name}, / {CLIENT}", theirs.stream / own.stream, PEER, "{:.2f} x")
            figure.add(f"{tokens:,} tokens: {name}, messages / {CLIENT}", f"{theirs.messages / own.messages:.2f} x")
    figure.notes += [
        "stream: from the cell's start to the end message. The page's part is the same view, fed the same messages.",
        "The loop over display(Markdown(text)) is in the figure of the wire.",
    ]
    return figure


def _run(name: str, kernel: Kernel, url: str) -> dict[int, Weight]:
    execute(kernel, _SETUP.format(url=url))
    execute(kernel, _CELLS[name].format(tokens=3))  # imports, and the bundle
    return {tokens: weigh(OURS, execute(kernel, _CELLS[name].format(tokens=tokens))) for tokens in SIZES}
