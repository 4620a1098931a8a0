"""Honest ends in the APIs of providers: the demo server's faults on their own wires, and the same outcomes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

import streamwidget as sw
from streamwidget.demo._faults import FAULTS
from tests.faults.test_honest_ends import LIMITS, NAMED, PIECES, WHOLE
from tests.support.native import NATIVE
from tests.support.native_server import NativeServer

#: Their reply is of chat completions, or they are the same in every API and slow.
ELSEWHERE = {"json", "tools", "refusal", "big-event", "bomb", "noline", "no-usage-option", "no-schema", "wrong-value"}
HARMLESS = {"dribble", "crlf", "gzip", "reasoning"}
ENDLESS = {"stall", "silent", "headers", "ping", "slow", "endless"}
OUTCOMES = {"length": "length", "filter": "filtered", "error": "error", "garble": "protocol_error"}
CUT = {"drop", "fin", "cut", "half", "gzip-cut"}


@pytest.fixture(scope="module")
def native_server() -> Iterator[NativeServer]:
    with NativeServer(tokens_per_second=0, first_delta=0) as server:
        yield server


def client_of(server: NativeServer, provider: str, timeout: sw.Timeout | None = None) -> sw.ChatClient:
    once = sw.RetryPolicy(attempts=1)
    return sw.ChatClient(server.url, "key", provider=provider, timeout=timeout, retry=once)


async def ended(stream: sw.ChatStream) -> sw.ChatCompletion:
    try:
        return await stream
    except sw.StreamError as failure:
        return failure.completion


@pytest.mark.fault("N41", "the same outcomes, the same text")
@pytest.mark.parametrize("provider", NATIVE)
async def test_no_fault_passes_for_a_whole_answer(native_server: NativeServer, provider: str) -> None:
    """``complete`` only for the whole text. The text of any other end is exactly the beginning that was sent."""

    async def one(fault: str) -> sw.ChatCompletion:
        client = client_of(native_server, provider, LIMITS if fault in ENDLESS else None)
        options: dict[str, Any] = {"pieces": PIECES, "after": 20}
        if fault in ("drop", "endless"):
            options["tokens_per_second"] = 300  # an RST discards unread bytes
        return await ended(client.stream("x", f"demo-{fault}", demo=options))

    faults = [fault for fault in FAULTS if fault not in ELSEWHERE]
    found = dict(zip(faults, await asyncio.gather(*map(one, faults)), strict=True))
    for fault, completion in found.items():
        if fault in HARMLESS:
            assert (completion.outcome, completion.text, completion.error) == ("complete", WHOLE, None), fault
            continue
        assert completion.outcome in NAMED, fault
        assert completion.outcome == OUTCOMES.get(fault, completion.outcome), fault
        assert completion.text in ("".join(PIECES[:count]) for count in range(41)) or fault == "endless", fault
        if fault in CUT - {"drop"} or fault in OUTCOMES:
            assert completion.text == "".join(PIECES[:20]), fault
        if fault in CUT:
            assert completion.outcome == "interrupted", fault
        assert (completion.error is None) == (completion.outcome in ("length", "filtered")), fault
        assert completion.error is None or completion.error.message, fault
    assert found["reasoning"].reasoning == "The question is clear; I say first what streams, then how."
    assert {completion.outcome for fault, completion in found.items() if fault.isdecimal()} == {"http_error"}
    assert found["error"].error is not None
    assert found["error"].error.message.startswith("The server had an error")


@pytest.mark.parametrize("provider", NATIVE)
async def test_two_broken_events_leave_a_gap(native_server: NativeServer, provider: str) -> None:
    """The rest of the answer comes. Its place is marked, and a warning counts them."""
    stream = client_of(native_server, provider).stream("x", "demo-garble", demo={"pieces": PIECES, "count": 2})
    completion = await stream
    assert (completion.outcome, completion.text) == ("complete", WHOLE)
    assert [warning.detail[:8] for warning in completion.warnings] == ["2 events"]
    assert [gap.place for gap in completion.gaps] == [len("".join(PIECES[:12]))]
