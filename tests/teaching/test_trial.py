"""The verdicts, and the table of faults and clients."""

from __future__ import annotations

import asyncio
import threading

import pytest

import streamwidget as sw
from streamwidget.teaching import Comparison, Trial, compare
from streamwidget.teaching._compare import FAULTS
from streamwidget.teaching._trial import LOOPS, OURS, judge

pytestmark = pytest.mark.slow

WHOLE = "the whole answer"
PART = "the whole"


class Garbled(ValueError):
    """An exception that no client library documents."""


def failed(text: str) -> sw.StreamError:
    """Return a failure of this client with the text that came."""
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
        (OURS, sw.ChatCompletion(text=PART, outcome="length"), PART, "reports it", PART),
        (OURS, sw.ChatCompletion(text=PART, outcome="complete"), PART, "lies", PART),
        (OURS, sw.ChatCompletion(text="", outcome="cancelled"), PART, "crashes", ""),
        (OURS, failed(PART), PART, "reports it", PART),
        (OURS, failed(""), PART, "crashes", ""),
        (OURS, Garbled("?"), PART, "crashes", ""),
    ],
)
def test_the_verdict_is_the_same_rule_for_all(
    client: str, end: str | sw.ChatCompletion | Exception, came: str, verdict: str, kept: str
) -> None:
    """The answer is whole, or the client reports that it is cut and keeps the text. Anything else is a bad verdict."""
    trial = judge(client, came, end, WHOLE, 1.0)
    assert (trial.verdict, trial.kept, trial.lost) == (verdict, kept, len(came) - len(kept))


def test_a_library_s_own_error_before_any_text_is_a_report() -> None:
    """Nothing is lost and the error names the cause. A naive loop gets the good verdict too."""
    import requests

    refused = requests.ConnectionError("refused")
    assert judge("requests", "", refused, WHOLE, 1.0).verdict == "reports it"
    assert judge("requests", PART, refused, WHOLE, 1.0).verdict == "crashes"


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    """The table of the lesson. The deadline is so long that a busy machine does not reach it."""
    return asyncio.run(compare(deadline=8))


LIES = {"cut", "length", "html"}
CRASHES = {"drop", "garble", "error"}
HANGS = {"stall", "ping"}


@pytest.mark.parametrize("client", LOOPS)
def test_the_naive_loops_fail_as_the_lesson_says(comparison: Comparison, client: str) -> None:
    """A cut answer counts as whole, an exception loses the text, and a silent server never ends the wait."""
    seen = {fault: comparison[fault, client].verdict for fault in FAULTS}
    limited = {"429": "lies" if client == "requests" else "reports it"}
    expected = {"none": "whole"} | dict.fromkeys(LIES, "lies") | dict.fromkeys(CRASHES, "crashes")
    assert seen == expected | dict.fromkeys(HANGS, "hangs") | limited


def test_this_client_reports_it_and_keeps_the_text(comparison: Comparison) -> None:
    """For every fault: it does not lie, it does not hang, and it loses no character."""
    seen = {fault: comparison[fault, OURS].verdict for fault in FAULTS}
    assert seen == {"none": "whole"} | dict.fromkeys(FAULTS[1:], "reports it")
    assert {comparison[fault, OURS].lost for fault in FAULTS} == {0}
    assert all(comparison[fault, OURS].kept for fault in (*CRASHES, "cut", "stall", "length"))


def test_all_clients_saw_the_same(comparison: Comparison) -> None:
    """Before the fault each client got the same text. So the clients make the difference, and not chance."""
    for fault in FAULTS:
        assert len({comparison[fault, client].came for client in comparison.clients}) == 1, fault


def test_the_table_has_a_cell_for_each_trial(comparison: Comparison) -> None:
    """The table is HTML and plain text, with the verdicts in words, and no mark is doubled."""
    bundle = comparison._repr_mimebundle_()
    for fault in FAULTS:
        assert f"<code>{fault}</code>" in bundle["text/html"]
        for client in comparison.clients:
            assert f"{client} {comparison[fault, client].words}: " in bundle["text/plain"]
            assert f">{comparison[fault, client].words}</strong>" in bundle["text/html"]
    assert bundle["text/html"].count("<tr>") == len(FAULTS) + 1
    assert "<script" not in bundle["text/html"]
    assert ".;" not in bundle["text/plain"]


def test_a_loop_that_hangs_is_let_go_at_the_end(comparison: Comparison) -> None:
    """The server has stopped, so no thread waits for it any more."""
    for thread in threading.enumerate():
        if thread.name.startswith("naive "):
            thread.join(10)
            assert not thread.is_alive()


async def test_a_fault_that_passes_is_met_by_a_retry() -> None:
    """With ``times=1`` a client that retries gets the whole answer. A loop that ignores the status lies."""
    seen = await compare(["429", "500"], times=1, retry_after="0", deadline=8)
    for fault in seen.faults:
        verdicts = {client: seen[fault, client].verdict for client in seen.clients}
        assert verdicts == {"requests": "lies", "openai": "whole", OURS: "whole"}


def test_a_trial_reads_as_a_sentence() -> None:
    """The client, the verdict, and the reasons."""
    trial = Trial("requests", "crashes", PART, "", "KeyError: 'choices'", 1.0)
    assert str(trial) == "requests crashed: KeyError: 'choices'; lost 9 characters"


@pytest.mark.parametrize("says", ["The answer is cut.", "The answer is cut!", "The answer is cut"])
def test_a_sentence_and_the_facts_have_one_mark_between_them(says: str) -> None:
    """A full stop of the client's message does not stand before the semicolon."""
    assert Trial(OURS, "reports it", PART, PART, says, 1.0).facts == "The answer is cut; kept 9 characters"


@pytest.mark.parametrize(("kept", "words"), [(PART, "returned half an answer"), ("", "returned an empty answer")])
def test_a_lie_is_explained(kept: str, words: str) -> None:
    """The program got a part of an answer, or nothing, and takes it for the whole."""
    assert str(Trial("requests", "lies", PART, kept, "", 1.0)) == f"requests {words} as whole: {len(kept)} characters"
