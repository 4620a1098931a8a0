"""The provider ``local`` against llama.cpp itself: one process and one prompt, by the client and by a bare socket."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from urllib.parse import urlsplit

import streamwidget as sw
from streamwidget._client import local
from tests.benchmarks.report import Figure

TRIES = 8
TOKENS = 64
#: The same work each time: no cache, no end before the last token.
BODY = {
    "messages": [{"role": "user", "content": "Name three rivers."}],
    "max_tokens": TOKENS,
    "temperature": 0,
    "ignore_eos": True,
    "cache_prompt": False,
}


def measure() -> Figure:
    """Ask in turn, by the client and by a bare socket, after one answer that loads the model."""
    figure = Figure("A real model on this machine, against plain llama.cpp")
    begun = time.monotonic()
    asyncio.run(_by_client())
    figure.add("from nothing to the end of the first answer", f"{time.monotonic() - begun:.1f} s")
    ours, plain = [], []
    for _ in range(TRIES):
        plain.append(_by_socket())
        ours.append(asyncio.run(_by_client()))
    # The best of each: on a busy machine all others measure the machine.
    (first, whole), (plain_first, plain_whole) = (
        [min(values) for values in zip(*runs, strict=True)] for runs in (ours, plain)
    )
    for name, to_first, to_end in (("client", first, whole), ("bare socket", plain_first, plain_whole)):
        figure.add(f"{name}: first token", f"{to_first:.3f} s")
        figure.add(f"{name}: tokens a second", f"{(TOKENS - 1) / (to_end - to_first):.0f}")
    figure.at_most("first token, client / bare socket", first / plain_first, 1.2, "{:.2f}")
    figure.at_most("whole answer, client / bare socket", whole / plain_whole, 1.1, "{:.2f}")
    figure.notes.append(f"SmolLM2 135M, one thread, {TOKENS} tokens, best of {TRIES} tries each, in turn.")
    return figure


async def _by_client() -> tuple[float, float]:
    """Return the seconds to the first token and to the end."""
    completion = await sw.ChatClient(provider="local").stream(BODY["messages"], **_without_messages())
    assert completion.timing.first_delta is not None
    return completion.timing.first_delta, completion.timing.total


def _by_socket() -> tuple[float, float]:
    """Read the same answer with nothing between the socket and the clock."""
    (process,) = local._processes.values()
    url = urlsplit(process.url())
    body = json.dumps(BODY | {"stream": True}).encode()
    head = (
        f"POST {url.path}/chat/completions HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {local._own_key().reveal()}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    begun, first, seen = time.monotonic(), 0.0, b""
    with socket.create_connection((url.hostname or "", url.port or 0)) as connection:
        connection.sendall(head.encode() + body)
        while b"data: [DONE]" not in seen:
            seen += connection.recv(65536)
            if not first and b'"content":"' in seen:
                first = time.monotonic() - begun
    return first, time.monotonic() - begun


def _without_messages() -> dict[str, object]:
    return {name: value for name, value in BODY.items() if name != "messages"}
