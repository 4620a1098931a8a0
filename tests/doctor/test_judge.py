"""The judge: from the findings to the hop at fault. Each row is one person's path."""

from __future__ import annotations

import pytest

from streamwidget.doctor._finding import Finding
from streamwidget.doctor._judge import Verdict, judge

OK = {hop: Finding(hop, "ok", f"{hop} is well.") for hop in ("settings", "DNS", "TCP", "models", "stream", "demo")}
HOME = Finding("kernel", "ok", "The loop runs freely.")


SILENT = Finding("stream", "unknown", "Nothing came. This accuses nobody.", fault="silent")


def failed(hop: str, fault: str = "connect") -> Finding:
    return Finding(hop, "failed", f"{hop} failed: {fault}.", advice=f"Look at {hop}.", fault=fault)


def slow(hop: str) -> Finding:
    return Finding(hop, "slow", f"{hop} is slow.", fault="held back")


def unknown(hop: str) -> Finding:
    return Finding(hop, "unknown", f"{hop} was not checked.")


#: The findings beside the healthy ones, and the hop at fault.
PATHS = {
    "all is well": ([], None),
    "a page too": ([Finding("comm", "ok", ""), Finding("page", "ok", "")], None),
    "the first failure is the cause": ([failed("DNS"), failed("models"), failed("stream")], "DNS"),
    "nothing was asked": ([failed("TCP"), None], "TCP"),
    "settings": ([failed("settings", "configuration"), None], "settings"),
    "a certificate": ([failed("TLS", "tls"), None], "TLS"),
    "a proxy that answers itself": ([failed("stream", "proxy")], "proxy"),
    "the same refusal twice": ([failed("models", "401"), failed("stream", "401")], "models"),
    "a server without a list, and a wrong key": ([failed("models", "404"), failed("stream", "401")], "stream"),
    "a server without a list, and an answer": ([failed("models", "404")], None),
    "an address without /v1": ([failed("models", "path"), failed("stream", "404")], "models"),
    "a model that is not listed, and refused": (
        [Finding("models", "ok", "It lists a, b.", fault="not listed"), failed("stream", "404")],
        "models",
    ),
    "a model that is not listed, and answers": ([Finding("models", "ok", "It lists a.", fault="not listed")], None),
    "an alias that is not listed, and an answer that was cut": (
        [Finding("models", "ok", "It lists a.", fault="not listed"), failed("stream", "cut")],
        "stream",
    ),
    "a model that is unknown": ([unknown("models"), failed("stream", "model")], "models"),
    "no model chosen": ([failed("stream", "not sent")], "settings"),
    "a name that only the proxy knows": ([failed("DNS", "name")], None),
    "a proxy stops it": ([failed("models", "page"), failed("stream", "page"), failed("proxy", "proxy")], "proxy"),
    "a proxy that is not the cause": ([failed("models", "page"), failed("stream", "page"), unknown("proxy")], "models"),
    "plain HTTP at a port for TLS": ([failed("TLS", "scheme"), None], "TLS"),
    "text is held back": ([slow("stream")], "stream"),
    "a proxy holds it back": ([slow("stream"), slow("proxy")], "proxy"),
    "a proxy that is no better": ([slow("stream"), Finding("proxy", "ok", "")], "stream"),
    "the loop is blocked": ([slow("kernel")], "kernel"),
    "the loop is blocked, so all is held back": ([slow("stream"), slow("demo"), slow("kernel")], "kernel"),
    "the loop is blocked, and the answer fails": ([failed("stream", "read timeout"), slow("kernel")], "stream"),
    "this machine is no better": ([slow("stream"), slow("demo")], "demo"),
    "this machine has too much to do": (
        [slow("stream"), slow("demo"), Finding("kernel", "ok", "Busy.", fault="busy machine")],
        None,
    ),
    "a busy machine, and yet the stream alone is held back": (
        [slow("stream"), Finding("kernel", "ok", "Busy.", fault="busy machine")],
        "stream",
    ),
    "a busy machine, and a page that is late": (
        [slow("comm"), Finding("kernel", "ok", "Busy.", fault="busy machine")],
        None,
    ),
    "only the demo server is": ([slow("demo")], None),
    "the page is far away": ([slow("comm")], "comm"),
    "no page": ([failed("comm", "no page")], "comm"),
    "a busy page": ([slow("page")], "page"),
    "the page comes last": ([slow("stream"), slow("comm")], "stream"),
    "not checked": ([unknown("models"), unknown("comm")], None),
    "a model that is silent, perhaps loading": ([SILENT], None),
    "a silent model, and no list": ([failed("models", "404"), SILENT], None),
    "a silent model, and a slow page": ([SILENT, slow("comm")], None),
    "the whole server is silent": ([failed("models", "silent"), SILENT], "models"),
    "a silent model, but not without the proxy": ([SILENT, failed("proxy", "proxy")], "proxy"),
    "a silent model, and a blocked loop": ([SILENT, slow("kernel")], "kernel"),
    "too few pieces": ([unknown("stream")], None),
}


@pytest.mark.fault("P1", "of several hops that fail, the one that is the cause is named")
@pytest.mark.fault("P3", "nobody is accused")
@pytest.mark.parametrize("path", PATHS)
def test_the_hop_is_named(path: str) -> None:
    """One hop, or nobody."""
    seen, hop = PATHS[path]
    by_hop = {**OK, "kernel": HOME, **{finding.hop: finding for finding in seen if finding is not None}}
    if None in seen:
        del by_hop["stream"]
    verdict = judge(by_hop.values())
    assert verdict.hop == hop
    if hop is None:
        assert verdict.sentence.startswith(("Nothing ", "This machine is too busy"))


def test_a_silent_model_is_the_verdicts_own_sentence() -> None:
    """`Not checked: stream` would not say what happened."""
    assert judge([*OK.values(), SILENT]) == Verdict(None, SILENT.sentence)


def test_an_interrupted_walk_finds_nobody_healthy() -> None:
    """No answer was seen, so the sentence promises nothing."""
    for found in ([], [OK["settings"]], [OK["settings"], OK["DNS"], OK["TCP"], OK["models"]]):
        assert judge(found).sentence == "So far nothing fails, and no answer was seen."


def test_what_was_not_checked_is_said() -> None:
    """The person must not take it for healthy."""
    assert judge([*OK.values(), unknown("comm")]).sentence.endswith("Not checked: comm.")
