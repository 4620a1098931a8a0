"""The chat in the page: main-thread CPU to open many turns, and of a keystroke while an answer is written."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from tests.benchmarks.browser import Chromium, Page, start_chromium
from tests.benchmarks.report import Figure
from tests.benchmarks.server import answer

TURNS, SIZE = 200, 1_000  # characters a turn
ROUNDS = 3
KEYS = 200
OPEN_LIMIT, KEY_LIMIT = 2.0, 1.5  # times


def measure() -> Figure:
    """Open chat and answer, and type idle and streaming, in turn. The least of all rounds counts."""
    figure = Figure(f"The chat: main-thread CPU, {TURNS} turns of {SIZE:,} characters")
    with start_chromium() as chromium:
        _tell_opening(figure, chromium)
        _tell_keys(figure, chromium)
    figure.notes += [
        f"CDP Performance.getMetrics in threadTicks, the least of {ROUNDS} rounds, after one that is not measured.",
        "One answer of the same text: a StreamView, drawn whole. The chat draws what is near the screen in full.",
        f"A key: {KEYS} of them, one a frame; beside a stream of a message each fourth frame, without what that takes.",
    ]
    return figure


def _tell_opening(figure: Figure, chromium: Chromium) -> None:
    texts = list(itertools.islice(_texts(), TURNS))
    one = _answer("\n\n".join(texts), "one")
    many = _chat(texts)
    taken: dict[str, float] = {}
    for round_number in range(ROUNDS + 1):
        for name, state in (("openAnswer", one), ("openChat", many)):
            with chromium.open() as page:
                cpu, length = page.cpu_of(name, state)
                assert length >= TURNS * SIZE * 0.9, "not all of it is in the page"
            if round_number:
                taken[name] = min(cpu.all, taken.get(name, cpu.all))
    figure.add("one answer of that text, to open", f"{taken['openAnswer'] * 1e3:.0f} ms")
    figure.add("the chat, to open", f"{taken['openChat'] * 1e3:.0f} ms")
    figure.at_most("the chat / one answer", taken["openChat"] / taken["openAnswer"], OPEN_LIMIT, "{:.2f} x")


def _tell_keys(figure: Figure, chromium: Chromium) -> None:
    texts = list(itertools.islice(_texts(), 20))
    pieces = list(itertools.islice(_pieces(), KEYS // 4))
    least: dict[str, float] = {}
    with chromium.open() as page:
        for round_number in range(ROUNDS + 1):
            for name in ("idle", "idle, keys", "stream", "stream, keys"):
                used = _typed(page, texts, pieces, name)
                if round_number:
                    least[name] = min(used, least.get(name, used))
    idle = (least["idle, keys"] - least["idle"]) / KEYS
    streaming = (least["stream, keys"] - least["stream"]) / KEYS
    figure.add("a key, idle", f"{idle * 1e3:.3f} ms")
    figure.add("a key, while an answer is written", f"{streaming * 1e3:.3f} ms")
    figure.at_most("a key while an answer is written / idle", streaming / idle, KEY_LIMIT, "{:.2f} x")


def _typed(page: Page, texts: list[str], pieces: list[str], name: str) -> float:
    streams = name.startswith("stream")
    page.call("openChat", _chat(texts, streams=streams))
    page.call("streamsFrom", 1)
    cpu, _ = page.cpu_of("type", KEYS, "keys" in name, "live" if streams else None, pieces if streams else [])
    return cpu.all


def _texts() -> Iterator[str]:
    """Texts of about SIZE characters each."""
    words = answer()
    while True:
        text = ""
        while len(text) < SIZE:
            text += next(words)
        yield text


def _pieces() -> Iterator[str]:
    words = answer()
    while True:
        yield "".join(itertools.islice(words, 4))


def _answer(text: str, name: str, phase: str = "over") -> dict[str, Any]:
    over = phase == "over"
    return {
        "seq": 1,
        "phase": phase,
        "text": text,
        "outcome": "complete" if over else None,
        "detail": "",
        "elapsed": 1,
        "timing": {"first_delta": 0.3, "total": 3.0, "deltas": 200} if over else None,
        "tokens": 200 if over else None,
        "model": "m",
        "id": name,
        "kept": True,
    }


def _chat(texts: list[str], *, streams: bool = False) -> dict[str, Any]:
    turns = [
        {"key": f"turn-{n}", "text": f"Question {n}", "files": [], "sent": True, "answer": _answer(text, f"turn-{n}")}
        for n, text in enumerate(texts)
    ]
    if streams:
        live = _answer("The ", "live", "streaming")
        turns.append({"key": "live", "text": "And now?", "files": [], "sent": False, "answer": live})
    keys = [turn["key"] for turn in turns]
    return {"id": "c", "rev": 1, "keys": keys, "turns": turns, "model": None, "trimmed": 0, "asked": None}
