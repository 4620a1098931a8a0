"""Failures, results and conversations can be pickled and copied, as multiprocessing and Dask do. Streams cannot."""

from __future__ import annotations

import copy
import pickle
import sys
import weakref
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from types import TracebackType
from typing import Any, get_args

import pytest

import streamwidget as sw
from streamwidget._core.exceptions import ConfigurationError, StreamError
from streamwidget.demo import DemoServer
from tests.support.pictures import PNG
from tests.support.servers import CANARY, QUICK

try:
    from cloudpickle import dumps  # as Dask and joblib do, which bring it
except ImportError:
    from pickle import dumps

COPIERS: dict[str, Callable[[Any], Any]] = {
    **{
        f"pickle {protocol}": lambda value, protocol=protocol: pickle.loads(pickle.dumps(value, protocol))
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
    },
    "cloudpickle": lambda value: pickle.loads(dumps(value)),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}
ERROR = sw.ErrorInfo("It failed", code=7, type="t", status=503, kind="stall", retry_after=1.5)
COMPLETION = sw.ChatCompletion(
    "The Elbe",
    tool_calls=(sw.ToolCall("1", "f", "{}"),),
    usage=sw.Usage(1, 2, 3),
    timing=sw.Timing(0.1, 0.2, 3),
    warnings=(sw.StreamWarning("odd", "It was odd"),),
    outcome="error",
    error=ERROR,
)


def kinds_of(base: type[StreamError]) -> list[type[StreamError]]:
    """Return the class and all classes derived from it."""
    return [base, *(kind for derived in base.__subclasses__() for kind in kinds_of(derived))]


@pytest.mark.parametrize("copier", COPIERS)
@pytest.mark.parametrize("kind", kinds_of(StreamError), ids=lambda kind: kind.__name__)
@pytest.mark.fault("K19", "it comes whole out of another process or a copy")
def test_a_failure_is_copied_whole(kind: type[StreamError], copier: str) -> None:
    """Its class, text, completion, error, outcome, flag and notes are the same."""
    failure = kind(ERROR, COMPLETION, retryable=True)
    failure.add_note("while it rained")
    failure._render_traceback_ = lambda: ["a cell's own lines"]  # type: ignore[attr-defined]
    failure.raised_at = TracebackType(None, sys._getframe(), 0, 1)
    copied = COPIERS[copier](failure)
    assert type(copied) is kind
    assert (str(copied), copied.args, copied.__notes__) == (str(failure), failure.args, failure.__notes__)
    assert (copied.completion, copied.error, copied.outcome, copied.retryable) == (
        COMPLETION,
        ERROR,
        kind.default_outcome,
        True,
    )


@pytest.mark.parametrize("copier", COPIERS)
def test_a_wrong_setting_is_copied_whole(copier: str) -> None:
    """A ConfigurationError keeps its text."""
    copied = COPIERS[copier](ConfigurationError("The prompt is empty."))
    assert (type(copied), str(copied)) == (ConfigurationError, "The prompt is empty.")


EVENTS = [
    sw.TextDelta("a", 1),
    sw.ReasoningDelta("b"),
    sw.RefusalDelta("c"),
    sw.ToolCallDelta(0, "1", "f", "{"),
    sw.ToolResult("call_1", "weather", "4 °C"),
    sw.ConsentNeeded((sw.Consent("key", "call_1", "weather", "{}"),)),
    sw.NewStep(),
    sw.Usage(1, 2, 3),
    sw.Retry(2, 0.5, "busy"),
    sw.Finish("stop", "complete"),
    sw.StreamWarning("odd", "It was odd"),
    sw.Gap("text", 1),
    sw.Waiting("x is loading"),
    sw.TextWasReasoning(),
    sw.RichOutput({"text/html": "<b>1</b>"}, place=3, trusted=True),
]
VALUES = [
    COMPLETION,
    ERROR,
    *EVENTS,
    sw.ChatCompletion("x", outputs=(sw.RichOutput({"text/plain": "1"}),)),
    sw.Image(PNG),
    sw.Attachment.of(b"a,b", name="a.csv"),
    sw.Image(url="https://example.com/a.png"),
    sw.Message("user", "x", (sw.Image(PNG),)),
    sw.Turn("key", sw.Message("user", "x"), sw.Message("assistant", "y", completion=COMPLETION), chosen=True),
    sw.Timeout(stall=3),
    sw.RetryPolicy(attempts=2),
]


def test_every_event_is_in_the_table() -> None:
    """A new event needs a line above."""
    assert {type(event) for event in EVENTS} == set(get_args(sw.StreamEvent))


@pytest.mark.parametrize("copier", COPIERS)
@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_value_is_copied_whole(value: object, copier: str) -> None:
    """Results, events, messages and settings are equal to their copies."""
    assert COPIERS[copier](value) == value


def test_a_result_with_outputs_can_be_a_key() -> None:
    """Their formats are a dict, and do not count."""
    completion = sw.ChatCompletion("x", outputs=(sw.RichOutput({"text/plain": "1"}),))
    assert {completion: 1}[completion] == 1


def test_a_result_can_be_held_weakly() -> None:
    """Caches do so."""
    for value in (sw.ChatCompletion("x"), sw.Conversation(), sw.ChatClient(), sw.ChatClient().stream("x")):
        assert weakref.ref(value)() is value


@pytest.mark.parametrize("copier", COPIERS)
def test_a_conversation_is_copied_with_its_turns(copier: str) -> None:
    """The copy has the settings and the turns. An answer that still streams is cut in it. Each goes its own way."""
    conversation = sw.Conversation("Be brief.", max_turns=3)
    client = sw.ChatClient()  # the demo server
    conversation.ask("Name a river.", client, key="a", max_tokens=3).wait()
    conversation.ask("And a lake?", client, key="b")
    conversation.observe(lambda: None)
    copied = COPIERS[copier](conversation)
    assert (copied.system, copied.max_turns, copied.max_tokens) == ("Be brief.", 3, None)
    assert [turn.answer.outcome for turn in copied.turns] == ["length", "interrupted"]
    assert copied.turns[0] == conversation.turns[0]
    copied.clear()
    assert (len(copied), len(conversation)) == (0, 2)


@pytest.mark.parametrize("copier", COPIERS)
@pytest.mark.parametrize("key", [CANARY, None])
@pytest.mark.fault("K19", "a stream or a client is refused in words")
def test_a_stream_and_a_client_are_refused_in_words(copier: str, key: str | None) -> None:
    """The error says what to do instead."""
    client = sw.ChatClient("https://host.invalid/v1", key)
    with pytest.raises(TypeError, match=r"ChatClient cannot be pickled or copied.*each process"):
        COPIERS[copier](client)
    with pytest.raises(TypeError, match=r"ChatStream cannot be pickled or copied.*stream\.completion"):
        COPIERS[copier](client.stream("x"))
    with pytest.raises(TypeError, match=r"Recording cannot be pickled or copied.*save\(\)"):
        COPIERS[copier](client.stream("x").record())


async def test_no_key_is_in_the_pickle_of_a_failure() -> None:
    """The server repeats the key. It is masked in all of the failure's parts."""
    with DemoServer(tokens_per_second=0, first_delta=0) as server:
        stream = sw.ChatClient(server.url, CANARY, retry=QUICK).stream("x", "demo-401-echo")
        with pytest.raises(sw.HTTPStatusError) as caught:
            await stream
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert CANARY.encode() not in pickle.dumps(caught.value, protocol)


def ask(fault: str, url: str) -> sw.ChatCompletion:
    """Ask in a worker process."""
    return sw.ChatClient(url, CANARY, retry=QUICK).stream("x", f"demo-{fault}", demo={"after": 3}).wait()


@pytest.mark.fault("K19", "a worker's failure reaches the parent with its text")
def test_a_workers_failure_reaches_the_parent() -> None:
    """ProcessPoolExecutor raises it with the text that had come, and the pool works on."""
    with (
        DemoServer(tokens_per_second=0, first_delta=0) as server,
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool,
    ):
        with pytest.raises(sw.InStreamError) as caught:
            pool.submit(ask, "error", server.url).result()
        assert (caught.value.outcome, caught.value.completion.timing.deltas) == ("error", 3)
        assert pool.submit(ask, "none", server.url).result().outcome == "complete"
