"""Honest ends: whatever fault strikes, wherever in the answer, the outcome says so, and the text so far is kept."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, get_args

import pytest

import streamwidget as sw
from streamwidget.demo import DemoServer
from streamwidget.demo._faults import FAULTS
from tests.support.deadlines import LATE
from tests.support.servers import events_of, failure_of

proves = pytest.mark.fault
NAMED = set(get_args(sw.Outcome)) - {"complete", "cancelled"}
# Seconds. This limit ends the endless faults. With one tick more it is still below the slow server's 0.5 s between two
# deltas. At 0.4 s the end and the next delta met, and the server counted an unread delta.
LIMIT = 0.3
LIMITS = sw.Timeout(connect=5, headers=LIMIT, first_delta=LIMIT, stall=LIMIT, progress=LIMIT, total=1)
PIECES = [f"piece {number} of the ünïcödé 🎈 answer\n" for number in range(40)]
WHOLE = "".join(PIECES)
#: Faults that only a limit ends. The others have none of ours, so that a busy machine does not end them early.
UNENDING = {"stall", "silent", "headers", "ping", "slow", "endless"}
#: Faults of the shape only: the answer is whole all the same. With ``after`` it goes on behind that point.
HARMLESS = {"json", "no-usage-option", "no-schema", "wrong-value", "dribble", "crlf", "gzip", "big-event", "reasoning"}
#: Faults with another answer instead of the text.
OTHER = {"tools", "refusal"}


def stream_of(server: DemoServer, fault: str, after: int, **demo: Any) -> sw.ChatStream:
    """Return a stream with a fault after so many of ``PIECES``."""
    timeout = LIMITS if fault in UNENDING else sw.Timeout()
    client = sw.ChatClient(server.url, timeout=timeout, retry=sw.RetryPolicy(attempts=1), max_event_size=2_000_000)
    options: dict[str, Any] = {"pieces": PIECES, "after": after, "size": 100_000, **demo}
    if fault in ("drop", "endless"):
        # An RST discards unread bytes, so the client needs time to read. Without a pace "endless" has no bound.
        options["tokens_per_second"] = 300
    return client.stream("x", f"demo-{fault}", demo=options)


@pytest.mark.parametrize("after", [0, 20])
@pytest.mark.parametrize("fault", FAULTS)
async def test_no_fault_passes_for_a_whole_answer(server: DemoServer, fault: str, after: int) -> None:
    """One outcome, and ``complete`` only for the whole text. The text is exactly that sent before the fault."""
    stream = stream_of(server, fault, after)
    events = await events_of(stream)
    completion = stream.completion
    # The end of an endless answer cancels the server's handler, sometimes between its last write and the count of it.
    deltas = server.requests[-1].deltas_sent + (fault == "endless")
    sent = "".join(itertools.islice(itertools.cycle(PIECES), deltas))
    assert isinstance(events[-1], sw.Finish)
    assert events[-1].outcome == completion.outcome
    assert sum(isinstance(event, sw.Finish) for event in events) == 1
    assert "".join(event.text for event in events if isinstance(event, sw.TextDelta)) == completion.text
    assert completion.timing.total <= 1 + LATE
    if fault in HARMLESS:
        assert completion.outcome == "complete"
        assert completion.text.replace("x" * 100_000, "") == WHOLE
    elif fault in OTHER:
        assert completion.outcome == "complete"
        assert (completion.text, bool(completion.refusal or completion.tool_calls)) == ("", True)
    else:
        assert completion.outcome in NAMED
        assert completion.text != WHOLE
        assert sent.startswith(completion.text)
        if fault not in ("drop", "endless", "bomb", "garble", "json"):
            assert completion.text == sent
    if completion.outcome in ("complete", "length", "filtered"):
        assert completion.error is None
    else:
        assert completion.error is not None
        assert completion.error.message


CUT: list[Any] = [
    pytest.param("drop", "interrupted", "ended before", marks=proves("N10", "`interrupted`, text kept, no retry")),
    pytest.param("fin", "interrupted", "ended before", marks=proves("N11", "`interrupted`, text kept, no retry")),
    pytest.param("cut", "interrupted", "ended before", marks=proves("N12", "`interrupted`, text kept")),
    pytest.param("half", "interrupted", "ended before", marks=proves("N13", "`interrupted`, the half event counted")),
    pytest.param("gzip-cut", "interrupted", "ended before", marks=proves("N14", "`interrupted`, text kept")),
    pytest.param("error", "error", "The server had an error", marks=proves("N25", "`error`, the provider's words")),
    pytest.param("garble", "protocol_error", "not JSON", marks=proves("N27", "skipped and counted, over after 3")),
]


@pytest.mark.parametrize(("fault", "outcome", "says"), CUT)
async def test_a_cut_answer_is_kept_and_says_so(
    server: DemoServer, fault: str, outcome: str, says: str, seen: Callable[[str], None]
) -> None:
    """After twenty deltas: they are kept to the character, one request was made, one sentence explains the end."""
    failure = await failure_of(stream_of(server, fault, 20))
    completion = failure.completion
    assert completion.outcome == outcome
    assert completion.text == "".join(PIECES[:20])
    assert says in str(failure)
    assert len(server.requests) == 1
    assert completion.timing.total <= LIMIT + LATE
    warnings = {warning.code: warning.detail for warning in completion.warnings}
    if fault in ("fin", "half", "gzip-cut"):
        assert set(warnings) == {"truncated_event"}
    else:
        assert set(warnings) <= {"bad_json", "truncated_event"}  # an RST may overtake the half event
    assert fault != "garble" or "3 events" in warnings["bad_json"]
    seen(f"{completion.outcome}, 20 of 20 deltas, {', '.join(warnings) or 'no warning'}, 1 request")


@pytest.mark.parametrize(
    ("fault", "outcome", "reason"),
    [
        pytest.param("length", "length", "length", marks=proves("N26", "outcome `length`")),
        pytest.param("filter", "filtered", "content_filter", marks=proves("N26", "outcome `filtered`")),
    ],
)
async def test_an_answer_that_the_provider_cut_says_so(
    server: DemoServer, fault: str, outcome: str, reason: str, seen: Callable[[str], None]
) -> None:
    """Not a failure, but not complete either. The provider's own word is kept."""
    completion = await stream_of(server, fault, 20)
    assert (completion.outcome, completion.finish_reason) == (outcome, reason)
    assert completion.text == "".join(PIECES[:20])
    seen(f"{outcome}, 20 of 20 deltas")


async def test_two_broken_events_are_only_skipped(server: DemoServer) -> None:
    """The rest of the answer comes, and a warning says how many were skipped (N27)."""
    completion = await stream_of(server, "garble", 20, count=2)
    assert (completion.outcome, completion.text) == ("complete", WHOLE)
    (warning,) = completion.warnings
    assert (warning.code, warning.detail[:8]) == ("bad_json", "2 events")


@pytest.mark.fault("N23", "`protocol_error`, nothing of the page's HTML shown")
async def test_a_sign_in_page_is_no_answer(server: DemoServer, seen: Callable[[str], None]) -> None:
    """A captive portal answers 200: nothing becomes the answer. The message has the page's first words and no tag."""
    failure = await failure_of(stream_of(server, "html", 0))
    assert failure.outcome == "protocol_error"
    assert failure.completion.text == ""
    assert "<" not in str(failure)
    assert str(failure).endswith("answered with a web page (a login page or a proxy?): Welcome to the Wi-Fi")
    assert len(server.requests) == 1
    seen(str(failure))
