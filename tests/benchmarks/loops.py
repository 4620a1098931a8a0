"""The compared loops: the same request, read to its end by ours, by the openai SDK, and by bare httpx.

``python -m tests.benchmarks.loops NAME URL TOKENS RATE REQUESTS`` runs one of them as a script without a page, and
prints the process's CPU seconds per event and the characters of the answer. Each contestant imports only its own needs.
``printed`` and ``viewed`` are for kernels.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

PROMPT = "Write about streams."
Loop = Callable[[int, float], Awaitable[int]]  # (tokens, tokens a second) -> characters of the answer


def ours(url: str) -> Loop:
    """Read with ``async for event in client.stream(...)``."""
    import streamwidget as sw

    client = sw.ChatClient(url, model="demo")

    async def loop(tokens: int, rate: float) -> int:
        length = 0
        async for event in client.stream(PROMPT, demo=_answer(tokens, rate)):
            if isinstance(event, sw.TextDelta):
                length += len(event.text)
        return length

    return loop


def openai(url: str) -> Loop:
    """Read with the openai SDK's asynchronous client."""
    from openai import AsyncOpenAI

    client = AsyncOpenAI(base_url=url, api_key="none")

    async def loop(tokens: int, rate: float) -> int:
        length = 0
        stream = await client.chat.completions.create(
            model="demo",
            messages=[{"role": "user", "content": PROMPT}],
            stream=True,
            stream_options={"include_usage": True},
            extra_body={"demo": _answer(tokens, rate)},
        )
        async for chunk in stream:
            if chunk.choices:
                length += len(chunk.choices[0].delta.content or "")
        return length

    return loop


def bare(url: str, tell: Callable[[str], None] | None = None) -> Loop:
    """Read with httpx ``aiter_raw`` and ``json.loads``, and without any guard."""
    import httpx

    client = httpx.AsyncClient(timeout=None)
    request = {
        "model": "demo",
        "messages": [{"role": "user", "content": PROMPT}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }

    async def loop(tokens: int, rate: float) -> int:
        length, rest = 0, b""
        body = {**request, "demo": _answer(tokens, rate)}
        async with client.stream("POST", f"{url}/chat/completions", json=body) as response:
            async for data in response.aiter_raw():
                *events, rest = (rest + data).split(b"\n\n")
                for event in events:
                    if event.startswith(b"data: ") and event != b"data: [DONE]":
                        choices = json.loads(event[6:])["choices"]
                        if choices:
                            text = choices[0]["delta"].get("content") or ""
                            length += len(text)
                            if tell is not None and text:
                                tell(text)
        return length

    return loop


def printed(url: str) -> Loop:
    """Read with the bare loop and print each text as it comes: the least work between a delta and the page."""
    return bare(url, lambda text: print(text, end="", flush=True))


def viewed(url: str) -> Loop:
    """Show a StreamView in this kernel, and await it."""
    from IPython.display import display

    import streamwidget as sw

    client = sw.ChatClient(url, model="demo")

    async def loop(tokens: int, rate: float) -> int:
        view = sw.StreamView(client.stream(PROMPT, demo=_answer(tokens, rate)))
        display(view)
        completion = await view
        view.close()
        return len(completion.text)

    return loop


LOOPS: dict[str, Callable[[str], Loop]] = {
    "ours": ours,
    "openai": openai,
    "bare": bare,
    "printed": printed,
    "viewed": viewed,
}


def _answer(tokens: int, rate: float) -> dict[str, Any]:
    return {"tokens": tokens, "tokens_per_second": rate}


async def cpu_per_event(loop: Loop, tokens: int, rate: float, requests: int) -> tuple[float, int]:
    """Return the process's CPU seconds per event, and the characters of one answer. The first request is not timed."""
    await loop(5, 0)
    begun = time.process_time()
    for _ in range(requests):
        length = await loop(tokens, rate)
    return (time.process_time() - begun) / (requests * tokens), length


def main() -> None:
    name, url, tokens, rate, requests = sys.argv[1:]
    loop = LOOPS[name](url)
    print(*asyncio.run(cpu_per_event(loop, int(tokens), float(rate), int(requests))))


if __name__ == "__main__":
    main()
