"""What a person is told of a failure: one or two lines."""

from __future__ import annotations

import pytest

from streamwidget import ChatCompletion, ErrorInfo, HTTPStatusError, StreamError, StreamInterrupted
from streamwidget._notebook.advice import advice, explain


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ErrorInfo("", status=401), "STREAMWIDGET_API_KEY"),
        (ErrorInfo("", status=404), "-m NAME"),
        (ErrorInfo("", status=429), "Wait"),
        (ErrorInfo("", status=429, retry_after=90.0), "90 s"),
        (ErrorInfo("", status=429, code="insufficient_quota", retry_after=5), "quota"),
        (ErrorInfo("", status=429, type="insufficient_quota"), "quota"),
        (ErrorInfo("", status=500), "server's"),
        (ErrorInfo("", status=599), "server's"),
        (ErrorInfo("", kind="connect"), "STREAMWIDGET_BASE_URL"),
        (ErrorInfo("", kind="tls"), "SSL_CERT_FILE"),
        (ErrorInfo("", kind="proxy"), "NO_PROXY"),
        (ErrorInfo("", status=307, kind="redirect"), "Neither the key nor the prompt"),
    ],
)
def test_each_kind_of_failure_has_its_advice(error: ErrorInfo, says: str) -> None:
    """A setting to change, or why waiting helps or not; one line."""
    assert says in advice(error)
    assert "\n" not in advice(error)


@pytest.mark.parametrize("error", [ErrorInfo("x"), ErrorInfo("x", status=200), ErrorInfo("x", kind="stall")])
def test_where_there_is_nothing_to_add_nothing_is_added(error: ErrorInfo) -> None:
    """The message of a limit says itself what to change."""
    assert advice(error) == ""
    assert len(explain(StreamError(error))) == 1


def test_the_lines_say_what_happened_what_was_kept_and_what_to_do() -> None:
    """The class, the status, the message; then how much text there is, and the advice."""
    error = ErrorInfo("Too many requests.", status=429)
    failure = HTTPStatusError(error, ChatCompletion(text="abc"))
    first, second = explain(failure)
    assert first == "HTTPStatusError (HTTP 429): Too many requests."
    assert "3 characters" in second
    assert "_chat" in second
    assert advice(error) in second
    assert explain(StreamInterrupted(ErrorInfo("cut", status=200))) == ["StreamInterrupted: cut"]
