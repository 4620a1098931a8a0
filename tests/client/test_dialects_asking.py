"""What our own client sends to the APIs of providers: bodies, headers, and earlier answers in later requests."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

import streamwidget as sw
from streamwidget._client.config import Defaults, set_defaults
from streamwidget._client.servers import SERVERS, Server
from streamwidget._core.messages import as_messages
from streamwidget._dialects.dialect import Question
from tests.support.dialects import CALL, CALL_ID, Answer
from tests.support.native import CALLED, HIDDEN, NATIVE, SIGNATURE, Native, reply
from tests.support.native import Server as Answers
from tests.support.servers import CANARY

PNG = b"\x89PNG\r\n\x1a\nimage"
DATA = base64.b64encode(PNG).decode()
URL = "https://example.com/cat.png"
TALK = (
    sw.Message("system", "Be brief."),
    sw.Message("user", "One?"),
    sw.Message("assistant", "Two."),
    sw.Message("user", "Three?", (sw.Image(PNG),)),
)
PARAMS: dict[str, Any] = {"max_tokens": 5, "temperature": 0.5}
natives = pytest.mark.parametrize("native", NATIVE.values(), ids=NATIVE)

#: The path, and the body for TALK with PARAMS, as the documentation of each API has them.
REQUESTS: dict[str, tuple[str, dict[str, Any]]] = {
    "anthropic": (
        "https://api.anthropic.com/v1/messages",
        {
            "model": "some-model",
            "system": "Be brief.",
            "messages": [
                {"role": "user", "content": "One?"},
                {"role": "assistant", "content": "Two."},
                {
                    "role": "user",
                    "content": [
                        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": DATA}},
                        {"type": "text", "text": "Three?"},
                    ],
                },
            ],
            "max_tokens": 5,
            "temperature": 0.5,
            "stop_sequences": ["END"],
            "stream": True,
        },
    ),
    "openai-responses": (
        "https://api.openai.com/v1/responses",
        {
            "model": "some-model",
            "instructions": "Be brief.",
            "input": [
                {"role": "user", "content": "One?"},
                {"role": "assistant", "content": "Two."},
                {
                    "role": "user",
                    "content": [
                        {"type": "input_text", "text": "Three?"},
                        {"type": "input_image", "image_url": f"data:image/png;base64,{DATA}", "detail": "auto"},
                    ],
                },
            ],
            "store": False,
            "include": ["reasoning.encrypted_content"],
            "max_output_tokens": 5,
            "temperature": 0.5,
            "stream": True,
        },
    ),
    "google": (
        "https://generativelanguage.googleapis.com/v1beta/models/some-model:streamGenerateContent?alt=sse",
        {
            "systemInstruction": {"parts": [{"text": "Be brief."}]},
            "contents": [
                {"role": "user", "parts": [{"text": "One?"}]},
                {"role": "model", "parts": [{"text": "Two."}]},
                {
                    "role": "user",
                    "parts": [{"inlineData": {"mimeType": "image/png", "data": DATA}}, {"text": "Three?"}],
                },
            ],
            "generationConfig": {"maxOutputTokens": 5, "temperature": 0.5, "stopSequences": ["END"]},
        },
    ),
    "ollama-native": (
        "http://localhost:11434/api/chat",
        {
            "model": "some-model",
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "One?"},
                {"role": "assistant", "content": "Two."},
                {"role": "user", "content": "Three?", "images": [DATA]},
            ],
            "options": {"num_predict": 5, "temperature": 0.5, "stop": ["END"]},
            "stream": True,
        },
    ),
}
#: The header of the key.
KEYS = {
    "anthropic": ("x-api-key", CANARY),
    "openai-responses": ("authorization", f"Bearer {CANARY}"),
    "google": ("x-goog-api-key", CANARY),
    "ollama-native": ("authorization", f"Bearer {CANARY}"),
}


def body(native: Native, *messages: Any, stream: bool = True, **params: Any) -> dict[str, Any]:
    return native.dialect.body(Question(messages, "some-model", params, stream))


@natives
async def test_a_request_is_written_as_the_api_has_it(native: Native) -> None:
    """Path, body, and the key in the header of the API alone."""
    server = Answers([reply(native, Answer())])
    stop = {} if native.provider == "openai-responses" else {"stop": "END"}  # it has none
    completion = await server.client(native.provider, CANARY).stream(list(TALK), **PARAMS, **stop)
    url, wanted = REQUESTS[native.provider]
    (asked,) = server.asked
    assert (str(asked.url), server.bodies[0]) == (url, wanted)
    name, value = KEYS[native.provider]
    assert {key: found for key, found in asked.headers.items() if CANARY in found} == {name: value}
    assert completion.text == "".join(Answer().texts)


@natives
async def test_one_whole_reply_is_asked_for(native: Native) -> None:
    """``complete()`` asks for no stream, and reads the reply."""
    server = Answers([httpx.Response(200, json=native.whole(Answer()))])
    completion = await server.client(native.provider).complete("One?")
    assert (completion.text, completion.outcome) == ("".join(Answer().texts), "complete")
    assert server.bodies[0].get("stream", False) is False
    assert "stream" not in str(server.asked[0].url)


@natives
def test_messages_in_the_form_of_chat_completions_are_taken(native: Native) -> None:
    """People write dicts with role and content for every server. Images in them are translated too."""
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{DATA}"}}
    chat = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": "One?"},
        {"role": "assistant", "content": [{"type": "text", "text": "Two."}]},
        {"role": "user", "content": [{"type": "text", "text": "Three?"}, image]},
    ]
    assert body(native, *chat) == body(native, *TALK)


@pytest.mark.parametrize(
    ("provider", "own"),
    [
        ("anthropic", {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": "4"}]}),
        (
            "anthropic",
            {"role": "user", "content": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}]},
        ),
        ("openai-responses", {"type": "function_call_output", "call_id": "1", "output": "4"}),
        ("google", {"role": "user", "parts": [{"functionResponse": {"name": "look", "response": {"at": 4}}}]}),
        ("ollama-native", {"role": "tool", "tool_name": "look", "content": "4"}),
    ],
)
def test_a_message_in_the_providers_own_form_stays(provider: str, own: dict[str, Any]) -> None:
    """What a person wrote for this API is sent unchanged."""
    sent = body(NATIVE[provider], *as_messages([own]))
    assert own in _messages(sent)


@natives
@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens", "own"])
def test_the_limit_has_one_place_whatever_it_is_called(native: Native, name: str) -> None:
    """The setting gives way to the person's own limit, in any of its names."""
    own = {"anthropic": "max_tokens", "openai-responses": "max_output_tokens"}
    own |= {"google": "maxOutputTokens", "ollama-native": "num_predict"}
    set_defaults(Defaults(max_tokens=99))
    try:
        client = sw.ChatClient(provider=native.provider, model="some-model")
        limited = json.dumps(client._limited({own[native.provider] if name == "own" else name: 7}))
        setting = client._limited({})
    finally:
        set_defaults(Defaults())
    for params, most in ((json.loads(limited), 7), (setting, 99)):
        written = json.dumps(body(native, sw.Message("user", "x"), **params))
        assert written.count(f'"{own[native.provider]}": {most}') == 1
        assert "99" not in written or most == 99


def test_anthropic_gets_a_limit_that_thinking_does_not_use_up() -> None:
    """The API wants max_tokens, more than the budget of the thinking. Cache marks go as they are."""
    native = NATIVE["anthropic"]
    thinking, marks = {"type": "enabled", "budget_tokens": 2000}, {"type": "ephemeral"}
    sent = body(native, sw.Message("user", "x"), thinking=thinking, cache_control=marks)
    assert (sent["max_tokens"], sent["thinking"], sent["cache_control"]) == (10192, thinking, marks)


def test_fields_of_the_model_and_of_the_request_have_their_places() -> None:
    """Gemini's generationConfig and Ollama's options hold the model's. What a person nests counts first."""
    tools, nested = [{"googleSearch": {}}], {"thinkingConfig": {"includeThoughts": True}, "temperature": 1}
    sent = body(NATIVE["google"], *TALK[1:2], tools=tools, temperature=0, generationConfig=nested, top_p=0.5)
    assert (sent["tools"], sent["generationConfig"]) == (tools, {**nested, "topP": 0.5})
    sent = body(NATIVE["ollama-native"], *TALK[1:2], think=True, num_ctx=4096, options={"seed": 1})
    assert (sent["think"], sent["options"]) == (True, {"num_ctx": 4096, "seed": 1})
    sent = body(NATIVE["openai-responses"], *TALK[1:2], store=True, stream_options=None)
    assert "include" not in sent
    assert "stream_options" not in sent


def test_an_image_that_a_server_cannot_load_is_refused_before_anything_is_sent() -> None:
    """Ollama has no addresses of images. The others have."""
    message = sw.Message("user", "What is it?", (sw.Image(url=URL),))
    with pytest.raises(sw.ConfigurationError, match="Pass the file of the image"):
        sw.ChatClient(provider="ollama-native", model="m").stream(message)
    for provider in ("anthropic", "openai-responses", "google"):
        assert URL in json.dumps(body(NATIVE[provider], message))


def test_a_name_of_a_model_stays_in_its_place_in_an_address() -> None:
    """Gemini's path holds the model: of its own list, of another one, and with characters that mean something there."""
    path = NATIVE["google"].dialect.path
    for model, wanted in (("g-1", "models/g-1"), ("tunedModels/mine", "tunedModels/mine"), ("a?b", "models/a%3Fb")):
        assert path(Question((), model, {}, stream=False)) == f"{wanted}:generateContent"


# ---- earlier answers

#: The earlier answer in the second request, after a first one with thoughts.
EARLIER: dict[str, Any] = {
    "anthropic": [
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Let me count.", "signature": SIGNATURE},
                {"type": "text", "text": "Grüezi! One, two 🏔️."},
                # and not the hidden thought: none may stand at the end
            ],
        }
    ],
    "openai-responses": [
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": SIGNATURE},
        {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "Grüezi! One, two 🏔️.", "annotations": []}],
        },
    ],
    "google": [
        {
            "role": "model",
            "parts": [{"text": "Grüezi! One, two 🏔️."}, {"text": "", "thoughtSignature": SIGNATURE}],
        }
    ],
    "ollama-native": [{"role": "assistant", "content": "Grüezi! One, two 🏔️."}],
}


def _messages(sent: Mapping[str, Any]) -> list[Any]:
    return list(next(sent[name] for name in ("messages", "input", "contents") if name in sent))


@natives
async def test_a_second_turn_carries_the_first(native: Native) -> None:
    """Question, answer and question. The thinking goes back with its signatures, as the provider wrote it."""
    answer = Answer(calls=False)
    server = Answers([reply(native, answer), reply(native, answer)])
    client, conversation = server.client(native.provider), sw.Conversation()
    for prompt in ("One?", "Two?"):
        await conversation.ask(prompt, client)
    first, *earlier, last = _messages(server.bodies[1])
    assert earlier == EARLIER[native.provider]
    assert [first, last] == [
        *_messages(body(native, sw.Message("user", "One?"))),
        *_messages(body(native, sw.Message("user", "Two?"))),
    ]


@natives
async def test_a_call_goes_back_only_with_its_result(native: Native) -> None:
    """APIs refuse a call without a result, so a conversation leaves it out. A person's tool loop has both."""
    server = Answers([reply(native, Answer()) for _ in range(3)])
    client, conversation = server.client(native.provider), sw.Conversation()
    completion = await conversation.ask("One?", client)
    await conversation.ask("Two?", client)
    assert CALL not in json.dumps(_messages(server.bodies[1]))
    assert "Grüezi" in json.dumps(_messages(server.bodies[1]), ensure_ascii=False)
    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": CALL_ID, "content": "4 °C"}], "x": 1}
    await client.stream(
        [sw.Message("user", "One?"), sw.Message("assistant", completion.text, completion=completion), result]
    )
    sent = json.dumps(_messages(server.bodies[2]))
    assert (CALL in sent) == (native.provider != "ollama-native")
    if native.provider == "anthropic":
        _, said, _ = server.bodies[2]["messages"]
        assert said["content"][2:] == [{"type": "tool_use", "id": CALL_ID, "name": CALL, "input": CALLED}]
        assert HIDDEN not in said["content"]


@natives
async def test_an_answer_that_is_not_the_providers_own_goes_back_as_text(native: Native) -> None:
    """A cut answer, one of another API, and one that a person has changed."""
    server = Answers([reply(native, Answer(calls=False))])
    completion = await server.client(native.provider).stream("One?")
    for message in (
        sw.Message("assistant", "Changed.", completion=completion),
        sw.Message("assistant", "Cut.", completion=sw.ChatCompletion("Cut.")),
    ):
        assert SIGNATURE not in json.dumps(body(native, message))
        assert message.text in json.dumps(body(native, message))
    for other in NATIVE.values():
        if other is not native:
            assert SIGNATURE not in json.dumps(
                body(other, sw.Message("assistant", completion.text, completion=completion))
            )
    assert SIGNATURE not in repr(completion)


@natives
async def test_a_key_that_the_server_repeats_goes_nowhere(native: Native) -> None:
    """It is masked in the text, and such an answer goes back as the masked text alone."""
    answer = Answer((f"Your key is {CANARY}.",), calls=False)
    completion = await Answers([reply(native, answer)]).client(native.provider, CANARY).stream("One?")
    assert completion.text == "Your key is [key]."
    message = sw.Message("assistant", completion.text, completion=completion)
    assert CANARY not in json.dumps(body(native, message))
    assert completion.original is None


@pytest.mark.parametrize("provider", ["anthropic", "openai-responses", "google"])
async def test_thinking_that_the_server_refuses_is_left_out(provider: str) -> None:
    """Another model may refuse the signature. Then the text alone is sent, with a warning, in the same question."""
    native = NATIVE[provider]
    refusal = httpx.Response(400, json={"error": {"message": "Invalid signature in thinking block."}})
    server = Answers([reply(native, Answer(calls=False)), refusal, reply(native, Answer(calls=False))])
    client, conversation = server.client(provider), sw.Conversation()
    await conversation.ask("One?", client)
    completion = await conversation.ask("Two?", client)
    assert SIGNATURE in json.dumps(server.bodies[1])
    assert SIGNATURE not in json.dumps(server.bodies[2])
    assert [warning.code for warning in completion.warnings if warning.code != "left_out"] == ["thinking_refused"]


@pytest.mark.parametrize(
    "words",
    ["Encrypted content is not supported with this model.", "Unsupported parameter: 'include'", "include: unsupported"],
)
async def test_a_model_without_encrypted_reasoning_answers_too(words: str) -> None:
    """OpenAI refuses ``include`` for such a model. It is left out, and the question is asked again."""
    native = NATIVE["openai-responses"]
    refusal = httpx.Response(400, json={"error": {"message": words}})
    server = Answers([refusal, reply(native, Answer())])
    completion = await server.client(native.provider).stream("One?")
    assert ["include" in sent for sent in server.bodies] == [True, False]
    assert [warning.code for warning in completion.warnings] == ["include_refused"]


@natives
async def test_an_answer_goes_on(native: Native) -> None:
    """Continue sends the text so far and asks for the rest. Two parts are one answer, which no request sends back."""
    server = Answers([reply(native, Answer(thoughts=(), calls=False, end="length"))])
    server.responses.append(reply(native, Answer(("three.",), (), calls=False)))
    stream = server.client(native.provider).stream("Count.")
    await stream
    rest = stream.again(go_on=True)
    completion = await rest
    assert (completion.text, completion.outcome) == ("Grüezi! One, two 🏔️.three.", "complete")
    assert completion.original is None
    words = "One, two" if native.provider == "anthropic" else "Go on exactly where you stopped."  # it continues a text
    assert words in json.dumps(_messages(server.bodies[1])[-1])


@natives
@pytest.mark.parametrize("where", [529, 503, "in the stream"])
async def test_a_busy_server_is_asked_again(native: Native, where: int | str) -> None:
    """Before the first piece, by its status, or by an error as the first event. That of Ollama has words alone."""
    error = native.busy if "error" in native.busy else {"error": {"message": "Overloaded now."}}
    if where == "in the stream":
        kind = {"content-type": native.media_type}
        busy = httpx.Response(200, headers=kind, content=native.write([native.busy]))
    else:
        busy = httpx.Response(int(where), json=error)
    server = Answers([busy, reply(native, Answer())])
    stream = server.client(native.provider).stream("One?")
    if where == "in the stream" and native.provider == "ollama-native":
        with pytest.raises(sw.InStreamError, match="Overloaded now"):
            await stream
        return
    reasons = [event.reason async for event in stream if isinstance(event, sw.Retry)]
    assert (reasons, stream.completion.outcome) == (["Overloaded now."], "complete")


async def test_google_writes_the_wait_into_the_body() -> None:
    """The next attempt comes after it, and a long one is told at once."""
    details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "3600.5s"}]
    error = {"code": 429, "message": "Slow down.", "status": "RESOURCE_EXHAUSTED", "details": details}
    with pytest.raises(sw.HTTPStatusError) as told:
        await Answers([httpx.Response(429, json={"error": error})]).client("google").stream("One?")
    assert (told.value.error.message, told.value.error.retry_after) == ("Slow down.", 3600.5)
    error["message"] = "You exceeded your current quota, please check your plan and billing details."
    details[0]["retryDelay"] = "0.01s"
    server = Answers([httpx.Response(429, json={"error": error}), reply(NATIVE["google"], Answer())])
    assert (await server.client("google").stream("One?")).outcome == "complete"


@natives
async def test_a_recording_plays_again(native: Native, tmp_path: Path) -> None:
    """A recording names its dialect, and plays without the server."""
    server = Answers([reply(native, Answer())])
    stream = server.client(native.provider).stream("One?")
    stream.record(tmp_path / "one.json")
    completion = await stream
    again = await sw.replay(tmp_path / "one.json", speed=1000)
    assert (again.text, again.reasoning, again.outcome) == (completion.text, completion.reasoning, "complete")


@pytest.mark.parametrize(
    ("provider", "rows"),
    [
        ("anthropic", {"data": [{"type": "model", "id": "one"}, {"type": "model", "id": "two"}]}),
        ("openai-responses", {"data": [{"id": "one"}, {"id": "two"}]}),
        (
            "google",
            {
                "models": [
                    {"name": "models/one", "supportedGenerationMethods": ["generateContent", "countTokens"]},
                    {"name": "models/embedding", "supportedGenerationMethods": ["embedContent"]},
                    {"name": "models/two"},
                ]
            },
        ),
        ("ollama-native", {"models": [{"name": "one", "size": 1}, {"name": "two"}]}),
    ],
)
async def test_the_list_of_models(provider: str, rows: Any) -> None:
    """Names, in the server's order. Gemini's models that cannot answer are left out."""
    server = Answers([httpx.Response(200, json=rows), httpx.Response(200, json={"error": {"message": "No list."}})])
    client = server.client(provider)
    assert await client.models() == ["one", "two"]
    with pytest.raises(sw.InStreamError, match="No list"):
        await client.models()


TOY = '''
"""A provider of our own: its answers are {"say": "..."} and {"over": "..."}."""

from streamwidget._core.events import TextDelta
from streamwidget._dialects.asking import Asking
from streamwidget._dialects.finish_reasons import finish


class Toy(Asking):
    name = "toy"
    headers = {"x-toy-key": "{key}"}
    names = {"max_tokens": "most"}

    def path(self, question):
        return "talk"

    def body(self, question):
        system, messages = self.split(question)
        return {**self.fields(question), "rules": system, "said": [message.text for message in messages]}

    def reader(self, said=str):
        return ToyReader()

    def parse_reply(self, reply):
        return ToyReader().parse(reply)


class ToyReader:
    plain_end = False

    @staticmethod
    def fits(item):
        return "say" in item or "over" in item

    def parse(self, item):
        return [TextDelta(item.get("say", "")), *(finish(item["over"]) if "over" in item else [])]
'''


NUMBERS = b'{"say": "[1, 2]"}\n{"over": "stop"}\n'


async def test_a_provider_is_one_file_and_one_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A toy dialect streams, retries, continues, replays and masks its key like all others."""
    (tmp_path / "toy_dialect.py").write_text(TOY, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    toy: Any = __import__("toy_dialect")
    monkeypatch.setitem(SERVERS, "toy", Server("https://toy.example", "TOY_API_KEY", speaks=toy.Toy))
    lines = b'{"say": "Hel"}\n{"say": "lo"}\n{"over": "max_tokens"}\n'
    answer = httpx.Response(200, headers={"content-type": "application/x-ndjson"}, content=lines)
    server = Answers([httpx.Response(503), answer, answer])
    stream = server.client("toy", CANARY).stream(list(TALK[:2]), max_tokens=2)
    stream.record(tmp_path / "toy.json")
    completion = await stream
    assert (completion.text, completion.outcome) == ("Hello", "length")
    assert server.bodies[0] == {"most": 2, "rules": "Be brief.", "said": ["One?"]}
    assert server.asked[0].headers["x-toy-key"] == CANARY
    assert (await stream.again(go_on=True)).text == "HelloHello"
    assert (await sw.replay(tmp_path / "toy.json", speed=1000)).text == "Hello"
    assert CANARY not in (tmp_path / "toy.json").read_text()
    typed = Answers([httpx.Response(200, headers={"content-type": "application/x-ndjson"}, content=NUMBERS)])
    assert (await typed.client("toy").stream("Count.", as_={"type": "array"})).value == [1, 2]
    assert "JSON schema" in typed.bodies[0]["said"][0]  # its API has no field for a schema
    sys.modules.pop("toy_dialect")
