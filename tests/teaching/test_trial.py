"""The verdicts, and the table of faults and clients that is made of them."""

from __future__ import annotations

import asyncio
import threading

import pytest

import streamwidget as sw
from streamwidget.teaching import Comparison, Trial, compare
from streamwidget.teaching._compare import FAULTS
from streamwidget.teaching._trial import LOOPS, OURS, judge

WHOLE = "the whole answer"
PART = "the whole"


class Garbled(ValueError):
    """An exception that no client library knows."""


def failed(text: str) -> sw.StreamError:
    """A failure of this client that holds what came."""
    error = sw.StreamInterrupted(sw.ErrorInfo("The answer is cut."))
    error.completion = sw.ChatCompletion(text=text, outcome="interrupted")
    return error


@pytest.mark.parametrize(
    ("client", "end", "came", "verdict", "kept"),
    [
        ("requests", WHOLE, WHOLE, "whole", WHOLE),
        ("requests", PART, PART, "lies", PART),
        ("requests", "", "", "lies", ""),
        ("requests", Garbled("?"), PART, "crashes", ""),
        ("requests", Garbled("?"), "", "crashes", ""),
        (OURS, sw.ChatCompletion(text=WHOLE, outcome="complete"), WHOLE, "whole", WHOLE),
        (OURS, sw.ChatCompletion(text=PART, outcome="length"), PART, "says so", PART),
        (OURS, sw.ChatCompletion(text=PART, outcome="complete"), PART, "lies", PART),
        (OURS, sw.ChatCompletion(text="", outcome="cancelled"), PART, "crashes", ""),
        (OURS, failed(PART), PART, "says so", PART),
        (OURS, failed(""), PART, "crashes", ""),
        (OURS, Garbled("?"), PART, "crashes", ""),
    ],
)
def test_the_verdict_is_the_same_rule_for_all(
    client: str, end: str | sw.ChatCompletion | Exception, came: str, verdict: str, kept: str
) -> None:
    """Whole, or said to be cut with all that came in hand; what is neither is no good, whoever's it is."""
    trial = judge(client, came, end, WHOLE, 1.0)
    assert (trial.verdict, trial.kept, trial.lost) == (verdict, kept, len(came) - len(kept))


def test_a_library_s_own_error_before_any_text_says_so() -> None:
    """Nothing is lost and the cause is named: a naive loop, too, gets its due."""
    import requests

    refused = requests.ConnectionError("refused")
    assert judge("requests", "", refused, WHOLE, 1.0).verdict == "says so"
    assert judge("requests", PART, refused, WHOLE, 1.0).verdict == "crashes"


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    """The table of the lesson; a deadline that a machine under load does not reach for want of time."""
    return asyncio.run(compare(deadline=8))


LIES = {"cut", "length", "html"}
CRASHES = {"drop", "garble", "error"}
HANGS = {"stall", "ping"}


@pytest.mark.parametrize("client", LOOPS)
def test_the_naive_loops_fail_as_the_lesson_says(comparison: Comparison, client: str) -> None:
    """A cut answer passes for whole, an exception takes the text with it, a silent server is waited for for ever."""
    seen = {fault: comparison[fault, client].verdict for fault in FAULTS}
    limited = {"429": "lies" if client == "requests" else "says so"}
    expected = {"none": "whole"} | dict.fromkeys(LIES, "lies") | dict.fromkeys(CRASHES, "crashes")
    assert seen == expected | dict.fromkeys(HANGS, "hangs") | limited


def test_this_client_says_so_and_keeps_the_text(comparison: Comparison) -> None:
    """Of every fault: no lie, no hang, and not a character lost."""
    seen = {fault: comparison[fault, OURS].verdict for fault in FAULTS}
    assert seen == {"none": "whole"} | dict.fromkeys(FAULTS[1:], "says so")
    assert {comparison[fault, OURS].lost for fault in FAULTS} == {0}
    assert all(comparison[fault, OURS].kept for fault in (*CRASHES, "cut", "stall", "length"))


def test_all_clients_saw_the_same(comparison: Comparison) -> None:
    """What came before the fault is the same text for each: the fault makes the difference, not the luck."""
    for fault in FAULTS:
        assert len({comparison[fault, client].came for client in comparison.clients}) == 1, fault


def test_the_table_has_a_cell_for_each_trial(comparison: Comparison) -> None:
    """As HTML and as plain text, with the meaning of each word that is in it."""
    bundle = comparison._repr_mimebundle_()
    for fault in FAULTS:
        assert f"<code>{fault}</code>" in bundle["text/html"]
        for client in comparison.clients:
            assert f"{client} {comparison[fault, client].verdict}: " in bundle["text/plain"]
    assert bundle["text/html"].count("<tr>") == len(FAULTS) + 1
    assert "<script" not in bundle["text/html"]
    assert bundle["text/html"].count("hangs</strong>: ") == 1


def test_a_loop_that_hangs_is_let_go_at_the_end(comparison: Comparison) -> None:
    """The server has stopped, so that no thread waits for it any longer."""
    for thread in threading.enumerate():
        if thread.name.startswith("naive "):
            thread.join(10)
            assert not thread.is_alive()


async def test_a_fault_that_passes_is_met_by_a_retry() -> None:
    """With ``times=1`` a client that asks again gets the whole answer, and one that does not look lies."""
    seen = await compare(["429", "500"], times=1, retry_after="0", deadline=8)
    for fault in seen.faults:
        verdicts = {client: seen[fault, client].verdict for client in seen.clients}
        assert verdicts == {"requests": "lies", "openai": "whole", OURS: "whole"}


def test_a_trial_reads_as_a_sentence() -> None:
    """Who, the verdict, and its reasons."""
    trial = Trial("requests", "crashes", PART, "", "KeyError: 'choices'", 1.0)
    assert str(trial) == "requests crashes: KeyError: 'choices'; 9 characters lost"
