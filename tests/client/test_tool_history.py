"""However the tools of an answer end, each API accepts the next request.

Any interleaving of calls, refusals, stops and failures. The checks are the rules of each API, and stand in
tests/support/tool_models.py.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import streamwidget as sw
from streamwidget._client.servers import SERVERS
from streamwidget._core import consent
from streamwidget._dialects.dialect import Question
from tests.support.native import Server
from tests.support.tool_models import PROVIDERS, Call, Says, check, says

#: Names that a model may write, and what each does.
NAMES = ("works", "fails", "asks", "waits", "unknown", "ü.x", "", "x" * 200)
ARGUMENTS = ("{}", '{"text": "a"}', '{"other": 1}', "[1]", '{"te', "", "null", '{"text": "</script>\\u0000"}')
calls = st.builds(
    Call, st.sampled_from(NAMES), st.sampled_from(ARGUMENTS), st.sampled_from(["call_1", "call_2", "call_3", ""])
)
texts = st.sampled_from(["", "I look.", " ", "\n\n", "É <b>x</b>"])
steps = st.lists(
    st.builds(
        Says, texts, st.lists(calls, min_size=1, max_size=3).map(tuple), st.sampled_from(["", "Hm."]), st.just("stop")
    ),
    min_size=1,
    max_size=3,
)
decisions = st.lists(st.sampled_from(["once", "refuse", "stop"]), max_size=9)


@sw.tool(safe=True)
def works(text: str = "") -> str:
    return text


@sw.tool(safe=True)
async def fails(text: str = "") -> str:
    raise ValueError(text)


def asks(text: str = "") -> str:
    return text


@sw.tool(safe=True)
async def waits(text: str = "") -> str:
    await asyncio.sleep(0)
    return text


async def run(stream: sw.ChatStream, decisions: list[str]) -> sw.ChatCompletion:
    """Answer the questions of a stream with these decisions. Where they end it is refused."""
    assert stream.consents is not None
    stream.consents.expected = stream.consents.heard = True
    left, seen = list(decisions), set()

    def answer(events: list[sw.StreamEvent]) -> None:
        for event in events:
            for one in event.consents if isinstance(event, sw.ConsentNeeded) else ():
                if one.key in seen:
                    continue
                seen.add(one.key)
                decision = left.pop(0) if left else "refuse"
                if decision == "stop":
                    stream.cancel()
                else:
                    stream.confirm(one.key, decision)  # type: ignore[arg-type]

    stream.subscribe(answer)
    return await stream


@pytest.mark.parametrize("provider", PROVIDERS)
@settings(max_examples=25, phases=[Phase.generate], report_multiple_bugs=False, deadline=None)
@given(steps=steps, decisions=decisions, max_steps=st.integers(1, 4))
@pytest.mark.fault("T14", "each API accepts the history that goes out again")
def test_any_history_is_accepted(provider: str, steps: list[Says], decisions: list[str], max_steps: int) -> None:
    """Each request of the loop, and the request of a later turn, also to each other API."""
    if provider in ("anthropic", "openai-responses"):  # their calls always have ids of their own
        steps = [
            step._replace(calls=tuple(one._replace(id=f"{n}_{m}") for m, one in enumerate(step.calls)))
            for n, step in enumerate(steps)
        ]
    consent._always.clear()
    server = Server(says(provider, *steps, Says("It is cold."), Says("Yes.")))
    client = server.client(provider)
    tools: list[Any] = [works, fails, asks, waits]
    completion = asyncio.run(run(client.stream("x", tools=tools, max_steps=max_steps), decisions))
    for body in server.bodies:
        check(provider, body)
    made = len(completion.tool_calls)
    assert len(completion.tool_results) == made, "each call has one result"
    turn = [sw.Message("user", "x"), sw.Message("assistant", completion.text, completion=completion)]
    # A call without a name is none. An answer that has neither words nor calls is not sent again (Turn.sent).
    has_answer = bool(completion.text.strip() or made)
    history = [*(turn if has_answer else ()), sw.Message("user", "Sure?")]
    for other in PROVIDERS:
        question = Question(tuple(history), "some-model", {}, tools=tuple(map(sw.Tool.of, tools)))
        body = json.loads(json.dumps(SERVERS[other].dialect.body(question)))
        assert len(check(other, body)) == made
        assert json.dumps(body).count("Sure?") == 1
