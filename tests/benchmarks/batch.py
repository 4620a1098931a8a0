"""10,000 questions at 400 at once: rows a second, CPU and memory, beside the openai SDK and chatlas. And in a page.

``python -m tests.benchmarks.batch NAME URL FOLDER ROWS`` runs one contestant in a process of its own and prints its
figures. Each imports only its own needs.
"""

from __future__ import annotations

import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from tests.benchmarks.report import Figure

ROWS = 10_000
AT_ONCE = 400
LAST = 10  # the answer is the numbers up to it
NODES = 400
CONTESTANTS = {
    "ours": "sw.batch",
    "ours-file": "sw.batch, with a file",
    "ours-again": "sw.batch, again from the file",
    "openai-streamed": "openai SDK and a semaphore, streamed",
    "openai": "openai SDK and a semaphore, whole replies",
    "chatlas": "chatlas.parallel_chat, whole replies",
}
_PROMPT = f"Count to {LAST}, {{{{text}}}}."
Ask = Callable[[], Coroutine[Any, Any, int]]  # returns how many answers came
_CELL = """
import streamwidget as sw
rows = await sw.batch(range({rows}), {prompt!r}, concurrency={at_once})
"""
_NODES = """() => {
  const count = () => document.querySelector('.streamwidget-grid')?.querySelectorAll('*').length ?? 0
  window.streamwidgetNodes = 0
  new MutationObserver(() => { window.streamwidgetNodes = Math.max(window.streamwidgetNodes, count()) })
    .observe(document.body, { childList: true, subtree: true })
}"""


def measure() -> Figure:
    """Run the contestants one after another, and then the batch in a cell of JupyterLab."""
    from tests.benchmarks.server import start_server
    from tests.support.kernels import ROOT, clean_environment

    figure = Figure(f"Batch: {ROWS:,} rows, {AT_ONCE} at once")
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder, start_server(module="streamwidget.demo") as server:
        for name, what in CONTESTANTS.items():
            command = [sys.executable, "-m", __name__, name, server.url, folder, str(ROWS)]
            ran = subprocess.run(
                command, cwd=ROOT, env=clean_environment(), capture_output=True, text=True, check=False
            )
            if ran.returncode:
                figure.add(what, f"failed: {ran.stderr.strip().splitlines()[-1][:60]}")
                continue
            figures = json.loads(ran.stdout.splitlines()[-1])  # chatlas shows its progress before it
            if figures["answers"] != ROWS and name.startswith("ours"):
                raise AssertionError(f"{name}: {figures['answers']} of {ROWS} rows have an answer")
            found[name] = ROWS / figures["seconds"]
            cpu = figures["cpu"] / ROWS * 1000
            lacking = f", {ROWS - figures['answers']:,} without an answer" if figures["answers"] != ROWS else ""
            rates = f"{found[name]:,.0f} rows/s, {cpu:.2f} ms CPU a row, {figures['memory']:,.0f} MB{lacking}"
            figure.add(what, rates)
        if other := found.get("openai-streamed"):
            figure.at_least("sw.batch beside the openai SDK, streamed", found["ours"] / other, 1, "{:.2f}x")
        _add_page(figure, server.url)
    figure.notes += [
        "The server is one process on the same machine, so it has a part in all of these rates. Memory is the peak of",
        "the process, with its imports. In the page, nodes are those of the grid at most.",
    ]
    return figure


def _add_page(figure: Figure, url: str) -> None:
    from playwright.sync_api import sync_playwright

    from tests.ui.lab import NotebookPage
    from tests.ui.server import Server
    from tests.ui.tab import CHROMIUM_FLAGS, Tab, find_chromium

    with tempfile.TemporaryDirectory(prefix="sw-bench-") as folder, sync_playwright() as playwright:
        server = Server("lab", Path(folder))
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=[*CHROMIUM_FLAGS])
        try:
            cell = _CELL.format(rows=ROWS, at_once=AT_ONCE, prompt=_PROMPT)
            name = server.write_notebook(["import streamwidget", cell.strip()], env={"STREAMWIDGET_BASE_URL": url})
            page = NotebookPage(server, Tab(browser), name)
            page.run(0)
            page.finish(0)
            page.page.evaluate(_NODES)
            begun = time.monotonic()
            page.run(1)
            page.finish(1, timeout=600)
            seconds = time.monotonic() - begun
            nodes = page.page.evaluate("window.streamwidgetNodes")
        finally:
            browser.close()
            server.close()
    figure.add("in a cell of JupyterLab, with the grid", f"{ROWS / seconds:,.0f} rows/s")
    figure.at_most("nodes of the grid in the page", nodes, NODES, "{:.0f}")


def _prompts(rows: int) -> list[str]:
    return [_PROMPT.replace("{{text}}", str(number)) for number in range(rows)]


def ours(url: str, rows: int, file: str | None = None) -> Ask:
    """Ask with ``sw.batch``."""
    import streamwidget as sw

    async def run() -> int:
        found = await sw.batch(range(rows), _PROMPT, client=sw.ChatClient(url), concurrency=AT_ONCE, file=file)
        return sum(row.is_good for row in found)

    return run


def openai(url: str, rows: int, *, streamed: bool) -> Ask:
    """Ask with the openai SDK, as its users write it."""
    from openai import AsyncOpenAI

    client = AsyncOpenAI(base_url=url, api_key="none", timeout=600)  # or else rows fail on a busy machine

    async def run() -> int:
        gate = asyncio.Semaphore(AT_ONCE)

        async def ask(prompt: str) -> str:
            messages: Any = [{"role": "user", "content": prompt}]
            async with gate:
                if not streamed:
                    whole = await client.chat.completions.create(model="demo", messages=messages)
                    return whole.choices[0].message.content or ""
                pieces = []
                stream = await client.chat.completions.create(model="demo", messages=messages, stream=True)
                async for chunk in stream:
                    pieces += [choice.delta.content or "" for choice in chunk.choices]
                return "".join(pieces)

        return sum(map(bool, await asyncio.gather(*map(ask, _prompts(rows)))))

    return run


def chatlas(url: str, rows: int) -> Ask:
    """Ask with chatlas."""
    from chatlas import ChatOpenAICompletions, parallel_chat

    chat = ChatOpenAICompletions(base_url=url, model="demo", api_key="none", kwargs={"timeout": 600})

    async def run() -> int:
        chats = await parallel_chat(chat, _prompts(rows), max_active=AT_ONCE, rpm=10**9)
        return sum(bool(str(one.get_last_turn().text)) for one in chats)

    return run


def _main(name: str, url: str, folder: str, rows: int) -> None:
    file = f"{folder}/rows.jsonl"
    makers: dict[str, Callable[[], Ask]] = {
        "ours": lambda: ours(url, rows),
        "ours-file": lambda: ours(url, rows, file),
        "ours-again": lambda: ours(url, rows, file),
        "openai-streamed": lambda: openai(url, rows, streamed=True),
        "openai": lambda: openai(url, rows, streamed=False),
        "chatlas": lambda: chatlas(url, rows),
    }
    run = makers[name]()
    begun, before = time.monotonic(), time.process_time()
    answers = asyncio.run(run())
    figures = {"answers": answers, "seconds": time.monotonic() - begun, "cpu": time.process_time() - before}
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({**figures, "memory": memory}))


if __name__ == "__main__":
    _main(*sys.argv[1:4], int(sys.argv[4]))
