"""What a person reads after a failure: one or two lines."""

from __future__ import annotations

from typing import get_args

import pytest

from streamwidget import (
    ChatCompletion,
    ErrorInfo,
    HTTPStatusError,
    StreamError,
    StreamInterrupted,
    StreamTimeout,
    Timeout,
)
from streamwidget._client.refusal import Refusal, refusal_of
from streamwidget._notebook.advice import Limits, Target, advice, explain
from streamwidget._saved.answer import footer

CELL = Target("api.example", None, "MY_KEY", True)
LOCAL = Target("localhost:11434", "ollama")


@pytest.mark.parametrize(
    ("error", "target", "says"),
    [
        (ErrorInfo("", status=401), CELL, "api.example refused the key. Check MY_KEY (the key must belong to api.exam"),
        (ErrorInfo("", status=401), Target("api.example", None, "MY_KEY"), "needs a key. MY_KEY is not set."),
        (
            ErrorInfo("", status=401),
            Target("api.example", None, "MY_KEY", True, key_oddity="It begins like a key of Groq."),
            "(the key must belong to api.example). It begins like a key of Groq.",
        ),
        (ErrorInfo("", status=401), Target("api.example"), "needs a key. Name its environment variable"),
        (ErrorInfo("", status=401), None, "Check the client's api_key"),
        (
            ErrorInfo("API key not valid. Please pass a valid API key.", status=400),  # Google
            CELL,
            "api.example refused the key. Check MY_KEY",
        ),
        (
            ErrorInfo("Method doesn't allow unregistered callers (callers without established identity).", status=403),
            Target("api.example", None, "MY_KEY"),
            "needs a key. MY_KEY is not set.",
        ),
        (ErrorInfo("", status=404), CELL, "-m NAME"),
        (ErrorInfo("", status=404), None, "Check the model's name"),
        (ErrorInfo("", status=404), Target("The demo server", is_demo=True), "such as `-p ollama`"),
        (ErrorInfo("", status=429), CELL, "Wait"),
        (ErrorInfo("", status=429, retry_after=90.0), CELL, "90 s"),
        (ErrorInfo("", status=429, code="insufficient_quota", retry_after=5), CELL, "quota"),
        (ErrorInfo("", status=429, type="insufficient_quota"), CELL, "quota"),
        (ErrorInfo("", status=500), CELL, "on the server"),
        (ErrorInfo("", status=599), CELL, "on the server"),
        (ErrorInfo("", kind="connect"), CELL, "STREAMWIDGET_BASE_URL or `%config ChatMagics.base_url`"),
        (ErrorInfo("", kind="connect"), LOCAL, "Is ollama running? Start it: `ollama serve`."),
        (
            ErrorInfo("", kind="connect"),
            Target("api.groq.com", "groq", "GROQ_API_KEY"),
            'os.environ["GROQ_API_KEY"] = ',
        ),
        (ErrorInfo("", kind="connect"), None, "base_url"),
        (ErrorInfo("", kind="tls"), CELL, "SSL_CERT_FILE"),
        (ErrorInfo("", status=407), CELL, "HTTPS_PROXY"),
        (ErrorInfo("", status=400, code="context_length_exceeded"), CELL, "`%%chat --new`"),
        (ErrorInfo("", status=400, code="context_length_exceeded"), None, "Conversation(max_tokens=...)"),
        (ErrorInfo("", status=402), CELL, "Ask whoever gave you the key for api.example"),
        (ErrorInfo("", status=500, detail="litellm.InternalServerError: x"), CELL, "tell whoever runs api.example"),
        (ErrorInfo("", status=307, kind="redirect"), CELL, "Neither the key nor the prompt"),
    ],
)
def test_each_kind_of_failure_has_its_advice(error: ErrorInfo, target: Target | None, says: str) -> None:
    """One line: a setting to change, or whether it helps to wait."""
    assert says in advice(error, target)
    assert "\n" not in advice(error, target)


@pytest.mark.parametrize("status", [None, 400, 401, 402, 403, 404, 407, 413, 429, 500])
@pytest.mark.parametrize("kind", [None, "connect", "tls", "proxy", "source", "redirect"])
def test_advice_names_only_what_can_be_reached(status: int | None, kind: str | None) -> None:
    """A cell cannot pass arguments, and Python has no options and no ``ChatMagics``."""
    error = ErrorInfo("", status=status, kind=kind)
    for word in ("base_url=", "api_key=", "Timeout(", "model="):
        assert word not in advice(error, CELL)
    for word in ("-m", "%"):
        assert word not in advice(error)


@pytest.mark.parametrize("kind", ["connect", "tls", "proxy"])
def test_a_fault_of_the_way_leads_to_the_doctor(kind: str) -> None:
    """In a cell. A refusal is the server's own, and needs no doctor."""
    assert "`%chat --doctor`" in explain(StreamError(ErrorInfo("No.", kind=kind)), CELL)[1]
    assert "--doctor" not in "".join(explain(StreamError(ErrorInfo("No.", kind=kind))))
    assert "--doctor" not in "".join(explain(StreamError(ErrorInfo("No.", status=401)), CELL))


@pytest.mark.parametrize("reason", get_args(Refusal))
def test_each_reason_of_a_refusal_has_advice_for_a_cell_and_for_python(reason: Refusal) -> None:
    """With nothing that cannot be reached from there."""
    codes = {"context": "context_length_exceeded", "quota": "budget_exceeded", "access": "key_model_access_denied"}
    codes |= {
        "model": "model_not_found",
        "upstream_key": "OpenAIException - Invalid API key",
        "unsupported": "unsupported",
    }
    error = ErrorInfo("", code=codes[reason], status=400)
    assert refusal_of(error) == reason
    assert advice(error, CELL)
    assert "-m" not in advice(error)
    assert "%" not in advice(error)


def test_a_long_message_is_cut_and_the_rest_is_in_the_traceback() -> None:
    """A person reads two lines."""
    first, second = explain(HTTPStatusError(ErrorInfo("word " * 200, status=418)), CELL)
    assert len(first) < 340
    assert first.endswith("…")
    assert second == "`%chat --traceback` shows the whole message."


@pytest.mark.parametrize("error", [ErrorInfo("x"), ErrorInfo("x", status=200), ErrorInfo("x", kind="stall")])
def test_where_there_is_nothing_to_add_nothing_is_added(error: ErrorInfo) -> None:
    """An unknown failure has one line."""
    assert advice(error) == ""
    assert len(explain(StreamError(error))) == 1


def test_the_lines_say_what_happened_what_was_kept_and_what_to_do() -> None:
    """The class, the status and the message. Then how much text there is, and the advice."""
    error = ErrorInfo("Too many requests.", status=429)
    failure = HTTPStatusError(error, ChatCompletion(text="abc"))
    first, second = explain(failure, CELL)
    assert first == "HTTPStatusError (HTTP 429): Too many requests."
    assert second == f"The 3 characters that came are in _chat. {advice(error)}"
    assert explain(failure)[1].startswith("The 3 characters that came are in its .completion.")
    assert explain(StreamInterrupted(ErrorInfo("cut", status=200))) == ["StreamInterrupted: cut"]


@pytest.mark.parametrize(
    ("limit", "configured", "todo"),
    [
        ("stall", {}, "--timeout 60, or %config ChatMagics.timeout_stall = 60"),
        ("stall", {"stall": 7.5}, "--timeout 15, or %config ChatMagics.timeout_stall = 15"),
        ("first_delta", {"stall": None}, "--timeout 240, or %config ChatMagics.timeout_first_delta = 240"),
        ("connect", {}, "%config ChatMagics.timeout_connect = 10"),
    ],
)
def test_a_timeout_in_a_cell_names_the_setting(limit: str, configured: dict[str, float | None], todo: str) -> None:
    """The limit that passed, with twice its value."""
    failure = StreamTimeout(ErrorInfo("Nothing came", kind=limit))
    lines = explain(failure, Target("host", limits=Limits(Timeout(**configured))))
    assert lines == ["StreamTimeout: Nothing came", f"Wait longer: {todo}"]


def test_a_timeout_of_the_line_names_the_option() -> None:
    """With ``--timeout 5`` the next step is ``--timeout 10``. The option does not change ``connect``."""
    limits = Limits(Timeout(stall=5), on_the_line=True)
    failure = StreamTimeout(ErrorInfo("Nothing came", kind="stall"))
    assert explain(failure, Target("host", limits=limits))[1] == "Wait longer: --timeout 10"
    failure = StreamTimeout(ErrorInfo("Nothing came", kind="connect"))
    assert explain(failure, Target("host", limits=limits))[1] == "Wait longer: %config ChatMagics.timeout_connect = 10"


def test_a_timeout_in_python_names_the_argument() -> None:
    """A client made by the person does not use ``ChatMagics``."""
    assert explain(StreamTimeout(ErrorInfo("Nothing came", kind="stall")))[1] == (
        "Wait longer: ChatClient(timeout=Timeout(stall=...))."
    )


@pytest.mark.parametrize(
    ("failure", "completion", "says"),
    [
        (
            HTTPStatusError(ErrorInfo("The key is wrong.", status=401)),
            ChatCompletion(outcome="http_error", error=ErrorInfo("The key is wrong.")),
            [f"HTTPStatusError (HTTP 401): {advice(ErrorInfo('', status=401), CELL)}"],
        ),
        (
            StreamTimeout(ErrorInfo("Nothing came", kind="stall"), ChatCompletion(text="abc")),
            ChatCompletion(text="abc", outcome="timeout", error=ErrorInfo("Nothing came")),
            [
                (
                    "StreamTimeout: The 3 characters that came are in _chat. Wait longer: --timeout 60, or "
                    "%config ChatMagics.timeout_stall = 60"
                )
            ],
        ),
        (
            StreamError(ErrorInfo("It broke.", status=200)),
            ChatCompletion(outcome="error", error=ErrorInfo("It broke.")),
            ["StreamError: the reason is in the line above."],
        ),
        (
            StreamInterrupted(ErrorInfo("The connection ended (proxy error)", status=200)),
            ChatCompletion(text="abc", outcome="interrupted", error=ErrorInfo("The connection ended (proxy error)")),
            ["StreamInterrupted: The connection ended (proxy error)"],
        ),
    ],
    ids=["key", "timeout", "nothing to add", "the line has no reason"],
)
def test_a_reason_in_the_line_above_is_not_said_again(
    failure: StreamError, completion: ChatCompletion, says: list[str]
) -> None:
    """The answer's own line has it. Where that line has none, the error has it."""
    assert explain(failure, CELL, line=footer(completion)) == says
    assert all(failure.error.message.rstrip(".") in line for line in explain(failure, CELL)[:1])
