"""Many streams without a view: CPU a token and delay, by httpx, by aiohttp and with the openai SDK. And long answers.

``python -m tests.benchmarks.streams NAME URL STREAMS`` runs one contestant in a process of its own.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from tests.benchmarks.report import Figure

COUNTS = {1: 200, 50: 120, 400: 80}  # streams -> tokens of each
RATE = 20  # tokens a second of each stream
CONTESTANTS = {"httpx": "ours, by httpx", "aiohttp": "ours, by aiohttp", "openai": "openai SDK"}
GAIN = 1.5  # times less CPU by aiohttp, from 50 streams on
SIZES = {1_000: 200, 8_000_000: 1}  # characters of an answer -> answers
GROWTH = 2.0  # times the cost of a delta at the shortest answer
_DELTA = "each of the pieces is about as long as eleven tokens. "
Read = Callable[[int, list[float]], Awaitable[None]]  # (tokens, the delays so far)


def measure() -> Figure:
    """Run the contestants in turn, and then answers of two lengths through our stream without a network."""
    from tests.benchmarks.server import start_server

    figure = Figure(
        f"Streams without a view, {RATE} tokens a second each: CPU a token, and delay at the 95th percentile"
    )
    cpu: dict[tuple[str, int], float] = {}
    with start_server(module="tests.benchmarks.views") as server:
        for count in COUNTS:
            for name, what in CONTESTANTS.items():
                cpu[name, count], late = _run(name, server.url, str(count))
                figure.add(f"{count} streams, {what}", f"{cpu[name, count] * 1e6:.0f} us, {late * 1e3:,.0f} ms")
    for count in (50, 400):
        gain = cpu["httpx", count] / cpu["aiohttp", count]
        figure.at_least(f"{count} streams, httpx / aiohttp", gain, GAIN, "{:.2f} x")
    for name, what in CONTESTANTS.items():
        figure.add(f"400 streams / 1 stream, {what}", f"{cpu[name, 400] / cpu[name, 1]:.2f} x")
    (short, each), (long, all_of_it) = ((size, _run("sizes", str(size))[0]) for size in SIZES)
    figure.add(f"a delta of an answer of {short:,} characters", f"{each * 1e6:.1f} us")
    figure.at_most(f"of {long:,} characters / of {short:,}", all_of_it / each, GROWTH, "{:.2f} x")
    figure.notes += [
        "The server is another process, and each delta is the time at which it was written. With one stream nothing",
        "is shared: most of its cost is to wake up a sleeping process.",
    ]
    return figure


def _run(*arguments: str) -> tuple[float, float]:
    from tests.support.kernels import ROOT, clean_environment

    command = [sys.executable, "-m", __name__, *arguments]
    ran = subprocess.run(command, cwd=ROOT, env=clean_environment(), capture_output=True, text=True, check=False)
    if ran.returncode:
        raise RuntimeError(ran.stderr)
    cpu, late = ran.stdout.split()
    return float(cpu), float(late)


def ours(url: str, many: int) -> Read:
    """Read with ``async for``. From ``many`` streams on they go by aiohttp."""
    import streamwidget as sw
    from streamwidget._client import transport

    transport._MANY = many
    client = sw.ChatClient(url, model="demo")

    async def read(tokens: int, late: list[float]) -> None:
        async for event in client.stream("x", demo={"tokens": tokens, "tokens_per_second": RATE}):
            if isinstance(event, sw.TextDelta):
                _note(event.text, late)

    return read


def openai(url: str) -> Read:
    """Read with the openai SDK."""
    from openai import AsyncOpenAI

    client = AsyncOpenAI(base_url=url, api_key="none", timeout=600)  # or else it gives up while 400 connect

    async def read(tokens: int, late: list[float]) -> None:
        stream = await client.chat.completions.create(
            model="demo",
            messages=[{"role": "user", "content": "x"}],
            stream=True,
            extra_body={"demo": {"tokens": tokens, "tokens_per_second": RATE}},
        )
        async for chunk in stream:
            if chunk.choices:
                _note(chunk.choices[0].delta.content or "", late)

    return read


def _note(text: str, late: list[float]) -> None:
    late.extend(time.monotonic() - float(stamp) for stamp in text.split())


async def _together(read: Read, count: int) -> tuple[float, float]:
    """Return the CPU seconds a token and the delay. A first stream, which imports and connects, is not counted."""
    await read(5, [])
    late: list[float] = []
    begun = time.process_time()
    await asyncio.gather(*(read(COUNTS[count], late) for _ in range(count)))
    return (time.process_time() - begun) / len(late), statistics.quantiles(late, n=20)[-1]


async def _cpu_of_a_delta(size: int) -> float:
    """Return the CPU seconds of one delta, from the first to the last one of an answer of so many characters."""
    import httpx

    import streamwidget as sw

    count = size // len(_DELTA)
    events = [  # two equal pieces of this length in a row are taken for one that is said again
        f"data: {json.dumps({'choices': [{'index': 0, 'delta': {'content': text}}]})}\n\n".encode()
        for text in (_DELTA, _DELTA.title())
    ]

    class Body(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            for number in range(count):
                yield events[number % 2]
                if number % 100 == 0:
                    await asyncio.sleep(0)
            yield b"data: [DONE]\n\n"

    def answer(_request: Any) -> httpx.Response:
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=Body())

    times: list[float] = []  # of the deltas of one answer
    taken = 0.0
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http_client:
        client = sw.ChatClient("http://localhost:1/v1", model="m", http_client=http_client)
        for number in range(1 + SIZES[size]):
            stream = client.stream("x")
            stream.subscribe(lambda events: times.extend([time.process_time()] * isinstance(events[0], sw.TextDelta)))
            times.clear()
            await stream
            if number:  # the first one imports
                taken += times[-1] - times[0]
    return taken / SIZES[size] / (count - 1)


def _main(name: str, *arguments: str) -> None:
    if name == "sizes":
        print(asyncio.run(_cpu_of_a_delta(int(arguments[0]))), 0)
        return
    url, count = arguments
    read = openai(url) if name == "openai" else ours(url, 10**9 if name == "httpx" else -1)
    print(*asyncio.run(_together(read, int(count))))


if __name__ == "__main__":
    _main(*sys.argv[1:])
