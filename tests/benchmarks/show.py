"""The weight of ``show`` on the wire over somebody else's stream, against the same answer by our own client."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any

from tests.benchmarks.report import Figure
from tests.benchmarks.server import answer, start_server
from tests.benchmarks.wire import OURS, Weight, execute, weigh
from tests.support.aimock import KEY, start_aimock
from tests.support.kernels import Kernel, start_kernel

RATE = 100  # tokens a second: reading pace. A message then carries the fewest tokens
SIZES = (1000, 4000)  # tokens
LIMIT = 6.0  # times the text
PEER = 1.2  # times our own client's

CLIENT, ASYNC, SYNC = "our own client", "openai, async", "openai, sync (in a thread)"
NATIVE, ANTHROPIC = "our own client, provider anthropic", "anthropic, async"
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

_NATIVE_SETUP = """
import anthropic
import streamwidget as sw
ours = sw.ChatClient({url!r} + "/v1", {key!r}, provider="anthropic")
theirs = anthropic.AsyncAnthropic(base_url={url!r}, api_key={key!r})
def ask(tokens):
    return {{"model": "claude-3-5-sonnet-20241022", "max_tokens": 9000,
             "messages": [{{"role": "user", "content": f"{{tokens}} tokens"}}], "stream": True}}
"""
_NATIVE_CELLS = {
    NATIVE: "_ = await sw.show(ours.stream('{tokens} tokens', 'claude-3-5-sonnet-20241022'))",
    ANTHROPIC: "_ = await sw.show(theirs.messages.create(**ask({tokens})))",
}


def measure() -> Figure:
    """Weigh the three clients of chat completions, then the two of Anthropic's API."""
    figure = Figure(f"show() over other streams: message contents on iopub, at {RATE} tokens a second")
    with start_server(RATE) as server:
        weights = _weigh(_SETUP.format(url=server.url), _CELLS)
    with tempfile.TemporaryDirectory() as directory, start_aimock(_fixtures(), Path(directory)) as url:
        weights |= _weigh(_NATIVE_SETUP.format(url=url, key=KEY), _NATIVE_CELLS)
    for tokens in SIZES:
        size = len("".join(islice(answer(), tokens)).encode())
        for name in (CLIENT, NATIVE, ANTHROPIC):
            figure.add(f"{tokens:,} tokens: {name}, stream / text", f"{weights[name][tokens].stream / size:.2f} x")
        for name, client in ((ASYNC, CLIENT), (SYNC, CLIENT), (ANTHROPIC, NATIVE)):
            theirs, own = weights[name][tokens], weights[client][tokens]
            if name != ANTHROPIC:
                figure.at_most(f"{tokens:,} tokens: {name}, stream / text", theirs.stream / size, LIMIT, "{:.2f} x")
            figure.at_most(f"{tokens:,} tokens: {name}, / {client}", theirs.stream / own.stream, PEER, "{:.2f} x")
            figure.add(f"{tokens:,} tokens: {name}, messages / {client}", f"{theirs.messages / own.messages:.2f} x")
    figure.notes += [
        "stream: from the cell's start to the end message. The page's part is the same view, fed the same messages.",
        "The server that speaks Anthropic's API is slower than that. So a message carries fewer tokens there.",
        "The loop over display(Markdown(text)) is in the figure of the wire.",
    ]
    return figure


def _fixtures() -> list[dict[str, Any]]:
    """Return the same answers for the server that speaks Anthropic's API."""
    return [
        {
            "match": {"userMessage": f"{tokens} tokens"},
            "response": {"content": "".join(islice(answer(), tokens))},
            "chunkSize": 5,
            "latency": 1000 / RATE,
        }
        for tokens in (3, *SIZES)
    ]


def _weigh(setup: str, cells: dict[str, str]) -> dict[str, dict[int, Weight]]:
    """Run the contestants beside each other, each in a kernel of its own."""
    with ExitStack() as kernels, ThreadPoolExecutor() as threads:
        started = {name: kernels.enter_context(start_kernel()) for name in cells}
        runs = {name: threads.submit(_run, setup, cells[name], kernel) for name, kernel in started.items()}
        return {name: run.result() for name, run in runs.items()}


def _run(setup: str, cell: str, kernel: Kernel) -> dict[int, Weight]:
    execute(kernel, setup)
    execute(kernel, cell.format(tokens=3))  # imports, and the bundle
    return {tokens: weigh(OURS, execute(kernel, cell.format(tokens=tokens))) for tokens in SIZES}
