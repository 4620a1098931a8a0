"""The demo server's answers: their text, their length and their form on the wire."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamwidget.demo import DemoServer
from streamwidget.demo._answers import answer_pieces, split_pieces, topic_of
from tests.demo.wire import KEY, ask, deltas_of, events_of, reasons_of


@given(st.text())
def test_joined_pieces_are_the_text(text: str) -> None:
    """The pieces joined are the text, in any script."""
    assert "".join(split_pieces(text)) == text


def test_answer_is_deterministic_and_sized_like_an_answer() -> None:
    """The same messages give the same pieces: 150 to 250 of them, with four to five characters each."""
    messages = [{"role": "user", "content": "Explain generators"}]
    first, second = list(answer_pieces(messages, "demo")), list(answer_pieces(messages, "demo"))
    assert first == second
    assert 150 <= len(first) <= 250
    assert 3.5 <= len("".join(first)) / len(first) <= 5.5


def test_answer_is_about_the_question_and_has_every_kind_of_block() -> None:
    """The answer has a heading with the topic, a list, code, a table and math, and mentions system and history."""
    messages = [
        {"role": "system", "content": "Be terse"},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello"},
        {"role": "user", "content": [{"type": "text", "text": "Explain generators"}]},
    ]
    text = "".join(answer_pieces(messages, "demo"))
    assert text.startswith("## Explain generators\n")
    for part in ("\n1. ", "```python\n", "|---|", "$r = n / t$", "system prompt", "Be terse", "1 earlier answer "):
        assert part in text


@pytest.mark.parametrize(
    "question", ["<script>alert(1)</script>", "# a](javascript:x) `b` $c$ |d|", "\u202eevil\x1b[31m"]
)
def test_topic_carries_no_markup(question: str) -> None:
    """The answer repeats no markup of the question: no Markdown, HTML or terminal codes."""
    assert not set(topic_of(question)) & set("<>[]`$|#()*_\u202e\x1b")


def test_prompt_words_shape_the_answer() -> None:
    """The words "count to N" count, "essay" is long, and ``tokens`` is the exact number."""

    def answer(question: str, tokens: int | None = None) -> list[str]:
        return list(answer_pieces([{"role": "user", "content": question}], "demo", tokens))

    assert "".join(answer("Please count slowly from 1 to 12!")).split() == [str(i) for i in range(1, 13)]
    assert len(answer("Write an essay on rain")) > 1_000
    assert len(answer("How long is the Elbe?")) < 300
    assert [len(answer("rain", tokens)) for tokens in (1, 50, 4_000)] == [1, 50, 4_000]


def test_stream_has_the_shape_of_openai(server: DemoServer) -> None:
    """The role, the content, the finish_reason, usage if it was asked for, and [DONE]."""
    response = ask(server, stream_options={"include_usage": True})
    assert response.status == 200
    assert response.headers["server"] == "streamwidget-demo"
    assert response.headers["x-request-id"]
    assert response.headers["content-type"].startswith("text/event-stream")
    events = events_of(response.read())
    assert events[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert events[-1] == "[DONE]"
    assert reasons_of(events) == ["stop"]
    assert events[-2]["choices"] == []
    deltas = deltas_of(events)
    assert events[-2]["usage"]["completion_tokens"] == len(deltas) == server.requests[0].deltas_sent
    assert deltas == list(answer_pieces([{"role": "user", "content": "Explain streams"}], "demo"))
    assert not [event for event in events_of(ask(server).read()) if "usage" in event]


def test_whole_answer_is_the_streamed_text(server: DemoServer) -> None:
    """Without ``stream`` the same text comes as one chat.completion."""
    whole = json.loads(ask(server, stream=False).read())
    assert whole["object"] == "chat.completion"
    assert whole["choices"][0]["message"]["content"] == "".join(deltas_of(events_of(ask(server).read())))
    assert whole["choices"][0]["finish_reason"] == "stop"
    assert whole["usage"]["total_tokens"] == sum(whole["usage"][f"{part}_tokens"] for part in ("prompt", "completion"))


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_token_limit_cuts(server: DemoServer, name: str) -> None:
    """A limit gives exactly that many deltas and finish_reason length. A large limit changes nothing."""
    events = events_of(ask(server, **{name: 7}).read())
    assert len(deltas_of(events)) == 7
    assert reasons_of(events) == ["length"]
    assert reasons_of(events_of(ask(server, **{name: 100_000}).read())) == ["stop"]


def test_demo_field_sets_text_pieces_and_length(server: DemoServer) -> None:
    """A test can set the answer's length, its text, or each delta, even a lone surrogate."""
    assert len(deltas_of(events_of(ask(server, model="demo-long").read()))) == 4_000
    assert "".join(deltas_of(events_of(ask(server, demo={"text": "naïve 👩‍👩‍👧 <b>"}).read()))) == "naïve 👩‍👩‍👧 <b>"
    pieces = ["a", "a", "\ud83d", "\ude00"]
    assert deltas_of(events_of(ask(server, demo={"pieces": pieces}).read())) == pieces


def test_openai_sdk_can_use_it(server: DemoServer) -> None:
    """The openai package streams, completes and lists models."""
    openai = pytest.importorskip("openai")
    with openai.OpenAI(base_url=server.url, api_key=KEY, max_retries=0) as client:
        messages = [{"role": "user", "content": "Explain streams"}]
        chunks = list(client.chat.completions.create(model="demo", messages=messages, stream=True))
        whole = client.chat.completions.create(model="demo", messages=messages)
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == whole.choices[0].message.content
        assert {"demo", "demo-long", "demo-stall"} <= {model.id for model in client.models.list()}
        with pytest.raises(openai.NotFoundError) as caught:
            client.chat.completions.create(model="gpt-4o", messages=messages)
        assert caught.value.code == "model_not_found"
