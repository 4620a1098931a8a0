"""CPU of reading an answer as a value while it streams, against reading it as text."""

from __future__ import annotations

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import streamwidget as sw
from streamwidget.demo import DemoServer
from tests.benchmarks.report import Figure

PIECE = 4  # characters of a delta
ROUNDS = 5
MOST = 3  # times the reading as text
ROWS = [{"what": f"Mix the flour number {number} well", "minutes": number} for number in range(350)]


@dataclass
class Step:
    what: str
    minutes: int


@dataclass
class Recipe:
    title: str
    steps: list[Step]


def measure() -> Figure:
    """Read each in turn, several rounds, and compare the least CPU of this thread. The server has its own."""
    figure = Figure("Values: CPU of a value that grows")
    texts = {Recipe: json.dumps({"title": "Cake", "steps": ROWS}), list[Step]: json.dumps(ROWS)}
    ways: dict[str, tuple[Any, Callable[[sw.ChatStream], AsyncIterator[Any]]]] = {
        "as text": (None, aiter),
        "stream.values() of an object": (Recipe, sw.ChatStream.values),
        "stream.values() of a list": (list[Step], sw.ChatStream.values),
        "stream.rows()": (list[Step], sw.ChatStream.rows),
    }
    taken: dict[str, list[float]] = defaultdict(list)
    with DemoServer(tokens_per_second=0, first_delta=0) as server:
        client = sw.ChatClient(server.url)
        for _ in range(ROUNDS):
            for name, (wanted, read) in ways.items():
                text = texts.get(wanted, texts[Recipe])
                taken[name].append(asyncio.run(_cpu(client, wanted, text, read)))
    as_text = min(taken.pop("as text"))
    figure.add(f"{len(texts[Recipe]) / 1000:.0f} KB as text", f"{as_text * 1e3:.0f} ms")
    for name, seconds in taken.items():
        figure.at_most(f"{name} / as text", min(seconds) / as_text, MOST, "{:.2f} x")
    figure.notes.append(f"Deltas of {PIECE} characters. The least CPU of {ROUNDS} rounds, the value checked.")
    return figure


async def _cpu(
    client: sw.ChatClient, wanted: Any, text: str, read: Callable[[sw.ChatStream], AsyncIterator[Any]]
) -> float:
    pieces = [text[start : start + PIECE] for start in range(0, len(text), PIECE)]
    stream = client.stream("A recipe, please.", as_=wanted, demo={"pieces": pieces})
    begun = time.thread_time()
    async for _ in read(stream):
        pass
    completion = await stream
    spent = time.thread_time() - begun
    if (completion.value is None) != (wanted is None):
        raise RuntimeError(f"no value: {completion.warnings}")
    return spent
