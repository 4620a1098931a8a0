"""Continue: the model goes on with its own text, or it is asked in words."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest

import streamwidget as sw
from streamwidget._core.events import Finish, ParsedEvent, TextDelta
from streamwidget._core.seam import Seam
from streamwidget._saved.answer import footer
from tests.support.dialects import Answer
from tests.support.native import NATIVE, respond
from tests.support.native import Server as Answers
from tests.test_readme import GUIDES

BEGUN, SPACE = "One, two,", "\n"
OPEN_ENDED = {"continue_final_message": True, "add_generation_prompt": False}
#: The address, the fields of the last message beside the text, and those of the request.
CONTINUES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "anthropic": ("https://api.anthropic.com/v1/messages", {}, {}),
    "deepseek": ("https://api.deepseek.com/beta/chat/completions", {"prefix": True}, {}),
    "groq": ("https://api.groq.com/openai/v1/chat/completions", {}, {}),
    "llamacpp": ("http://localhost:8080/v1/chat/completions", {}, OPEN_ENDED),
    "mistral": ("https://api.mistral.ai/v1/chat/completions", {"prefix": True}, {}),
    "openrouter": ("https://openrouter.ai/api/v1/chat/completions", {}, {}),
    "vllm": ("http://localhost:8000/v1/chat/completions", {}, OPEN_ENDED),
}
WORDS = ["openai", "gemini", "together", "ollama", "lmstudio", "litellm", "xai", "fireworks"]
PREFILL = "This model does not support assistant message prefill. The conversation must end with a user message."


def answer(provider: str, text: str, end: str = "stop") -> httpx.Response:
    if provider in NATIVE:
        native = NATIVE[provider]
        return respond(native, native.items(Answer((text,), (), calls=False, end=end)))
    chunk = {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": end}]}
    body = f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n"
    return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=body.encode())


async def continued(server: Answers, provider: str, prompt: Any = "Count.", **params: Any) -> sw.ChatCompletion:
    """Ask, and ask for the rest of the answer."""
    stream = server.client(provider, "k-0123456789").stream(prompt, **params)
    await stream
    return await stream.again(go_on=True)


def test_the_guide_names_those_that_continue_a_text() -> None:
    """In any order. The guide writes "llama.cpp" and "Anthropic (older models)"."""
    named = re.search(
        r"\*\*Continue\.\*\* (.*?) continue the text itself", GUIDES["when_something_is_wrong"], re.DOTALL
    )
    assert named
    plain = re.sub(r"\(.*?\)|[\s.]", "", named[1].lower())
    assert sorted(re.split(",|and", plain)) == sorted(CONTINUES)


@pytest.mark.parametrize("provider", CONTINUES)
async def test_the_request_ends_with_the_beginning(provider: str) -> None:
    """Without the white space at its end. The line under the answer names the seam."""
    address, message, fields = CONTINUES[provider]
    server = Answers([answer(provider, BEGUN + SPACE, "length"), answer(provider, f"{SPACE}three.")])
    completion = await continued(server, provider)
    assert (completion.text, completion.outcome) == (f"{BEGUN}{SPACE}three.", "complete")
    assert str(server.asked[1].url) == address
    assert server.bodies[1]["messages"][-1] == {"role": "assistant", "content": BEGUN, **message}
    assert {name: server.bodies[1].get(name) for name in OPEN_ENDED} == {name: fields.get(name) for name in OPEN_ENDED}
    assert len(server.bodies[0]["messages"]) + 1 == len(server.bodies[1]["messages"])
    assert "cut and continued after 10 characters" in footer(completion)


@pytest.mark.parametrize("provider", WORDS)
async def test_the_others_are_asked_in_words(provider: str) -> None:
    """Their documents have no continuing of a text."""
    server = Answers([answer(provider, BEGUN, "length"), answer(provider, " three.")])
    assert (await continued(server, provider)).text == f"{BEGUN} three."
    assert in_words(server.bodies[1])


def in_words(body: dict[str, Any]) -> bool:
    last = body["messages"][-1]
    return last["role"] == "user" and "Go on exactly where you stopped." in last["content"]


@pytest.mark.parametrize("provider", ["anthropic", "deepseek", "llamacpp", "openrouter"])
async def test_a_model_that_refuses_the_beginning_is_asked_in_words(provider: str) -> None:
    """As Anthropic's do since 4.6. Nothing is paid for the refusal."""
    refusal = httpx.Response(400, json={"type": "error", "error": {"type": "invalid", "message": PREFILL}})
    server = Answers([answer(provider, BEGUN, "length"), refusal, answer(provider, " three.")])
    completion = await continued(server, provider)
    assert completion.text == f"{BEGUN} three."
    assert [in_words(body) for body in server.bodies] == [False, False, True]
    assert "prefix" not in json.dumps(server.bodies[2])
    assert [warning.code for warning in completion.warnings] == ["prefill_refused", "continued"]


async def test_an_answer_with_reasoning_is_asked_in_words() -> None:
    """The text alone is not all of the answer. So it is with a missing part, and with tools."""
    native = NATIVE["anthropic"]
    thoughtful = respond(native, native.items(Answer((BEGUN,), ("Hm.",), calls=False, end="length")))
    server = Answers([thoughtful, answer("anthropic", " three.")])
    await continued(server, "anthropic")
    assert in_words(server.bodies[1])


async def test_it_goes_on_twice() -> None:
    """Each seam is named. Mistral writes the beginning again. It is dropped."""
    texts = [("One, ", "length"), ("One, two, ", "length"), ("One, two, three.", "stop")]
    server = Answers([answer("mistral", *one) for one in texts])
    stream = server.client("mistral", "k-0123456789").stream("Count.")
    await stream
    for _ in range(2):
        stream = stream.again(go_on=True)
        await stream
    assert stream.completion.text == "One, two, three."
    assert "cut and continued after 5 characters, and after 10 characters" in footer(stream.completion)


LONG = "A sentence of the beginning that has more than forty characters."
#: The beginning, whether the server continues or echoes, its pieces, and the rest.
JOINTS: list[tuple[str, bool, bool, list[str], str]] = [
    ("One", True, False, [" two"], " two"),
    ("One\n\n", True, False, ["\n", "\n", "two"], "two"),
    ("One\n", True, False, ["\n\ntwo"], "\ntwo"),
    ("One ", True, False, ["two"], "two"),
    ("One\n", False, False, ["\ntwo"], "\ntwo"),  # it was asked in words, so it has seen the line end
    ("One", True, False, ["One", " two"], "One two"),  # "One" again is not surely the beginning again
    ("One", True, True, ["O", "ne", " two"], " two"),
    ("One\n", True, True, ["One\n two"], " two"),
    ("One", True, True, ["On", "ly"], "Only"),
    (LONG, False, False, [LONG[:30], LONG[30:], " It goes on."], " It goes on."),
    (LONG, False, False, [LONG[:30], "It goes on."], f"{LONG[:30]}It goes on."),
    (LONG, False, False, [LONG[:50]], ""),  # cut while it repeats the beginning
    (LONG, False, False, [LONG[:5]], LONG[:5]),
    (LONG, False, False, [LONG], ""),
]


@pytest.mark.parametrize(("said", "continues", "echoes", "pieces", "rest"), JOINTS)
@pytest.mark.parametrize("ends", [True, False])
def test_nothing_stands_twice_at_the_joint(
    said: str, continues: bool, echoes: bool, pieces: list[str], rest: str, ends: bool
) -> None:
    seam = Seam(said, continues=continues, echoes=echoes)
    found: list[ParsedEvent] = [event for piece in pieces for event in seam.split(TextDelta(piece))]
    found += seam.split(Finish("stop", "complete")) if ends else seam.flush()
    assert "".join(event.text for event in found if isinstance(event, TextDelta)) == rest
    assert not seam.holds_text
