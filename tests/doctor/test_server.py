"""One server after another, each with a fault of its own or an odd healthy habit: what the doctor says of it."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest

from streamwidget._client.client import ChatClient
from streamwidget._core.timeout import Timeout
from streamwidget.doctor._finding import Finding
from streamwidget.doctor._server import check_models, check_stream, limited
from tests.support.servers import Answer, RawServer, response, sse

KEY = "sk-doctor-0123456789abcdef"
STOP = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
DONE = b"data: [DONE]\n\n"
PAGE = b"<html><head><title>Sign in to the guest net</title></head><body>Welcome</body></html>"


def refusal(status: str, words: Any = "no", *headers: str) -> bytes:
    return response(
        json.dumps({"error": {"message": words}}).encode(), *headers, status=status, kind="application/json"
    )


def page(status: str, *headers: str) -> bytes:
    return response(PAGE, *headers, status=status, kind="text/html; charset=utf-8")


def slowly(*parts: bytes, pause: float = 0.02, rest: float = 0.0) -> Callable[[socket.socket], None]:
    """Send the parts of an answer one after another, and then nothing for a while."""

    def act(connection: socket.socket) -> None:
        connection.sendall(response(b""))
        for part in parts:
            time.sleep(pause)
            connection.sendall(part)
        time.sleep(rest)

    return act


PIECES = [sse(f"{number} ") for number in range(12)]

#: The answer to each request, the fault, and words of the sentence and of the advice.
REFUSED: dict[str, tuple[bytes, str, str, str]] = {
    "a login page": (page("200 OK"), "page", "“Sign in to the guest net”", "sign in to the network"),
    "a redirect to a login page": (
        page("302 Found", "location: https://login.example/start?session=1"),
        "redirect",
        "redirects to login.example (HTTP 302)",
        "sign in to the network",
    ),
    "a redirect to https": (
        page("301 Moved", "location: https://host.example/v1/models"),
        "redirect",
        "redirects to host.example",
        "Set the address to https://host.example/v1.",
    ),
    "a network that wants a login": (page("511 Network Authentication Required"), "511", "511", "sign in"),
    "a firewall": (page("403 Forbidden", "server: cloudflare", "cf-ray: 1"), "page", "HTTP 403", "(Cloudflare)"),
    "no key": (refusal("401 Unauthorized"), "401", "HTTP 401", "Check the key in an argument"),
    "a country": (refusal("403 Forbidden", "Country not supported"), "403", "Country", "network or country"),
    "an empty purse": (refusal("402 Payment Required"), "quota", "HTTP 402", "Waiting does not help"),
    "too often": (refusal("429 Too Many", "Rate limit", "retry-after: 7"), "429", "HTTP 429", "asks to wait 7.0 s"),
    "nobody behind the proxy": (page("502 Bad Gateway", "server: nginx/1.22.1"), "gateway", "502", "(nginx/1.22.1)"),
    "haproxy without a server": (page("503 Service Unavailable"), "gateway", "503", "Is that server running?"),
    "a gateway in JSON": (refusal("502 Bad Gateway", "upstream died"), "gateway", "upstream died", "running"),
    "a proxy gives up": (page("504 Gateway Timeout"), "gateway", "gave up waiting", "proxy_read_timeout"),
    "it loads": (refusal("503 Service Unavailable", "Loading model"), "503", "Loading model", "in a minute"),
    "a fault of the server": (refusal("500 Internal Server Error", "boom"), "500", "boom", "Its log says more"),
    "a small proxy": (page("413 Request Entity Too Large"), "413", "413", "client_max_body_size"),
    "a wrong address": (page("404 Not Found"), "404", "HTTP 404", "It is often /v1."),
    "it hangs up": (b"", "connect", "closed the connection", "The cause is"),
}


@pytest.mark.fault("P1", "what the server says has its hop, its sentence and the next step")
@pytest.mark.parametrize("name", REFUSED)
async def test_a_refusal_has_words_and_a_next_step(name: str) -> None:
    """The list of models and the answer name the same fault, so the judge knows that it is one."""
    answer, fault, said, advice = REFUSED[name]
    with RawServer(answer) as server:
        client = limited(ChatClient(server.url, KEY), 20)
        listed, _ = await check_models(client, None)
        streamed = await check_stream(client, None)
    for found in (listed, streamed):
        assert (found.state, found.fault) == ("failed", fault), found
        assert said in found.sentence, found
        assert advice in found.advice, found
        assert "session=1" not in f"{found}"


#: A key as people have it, and what the advice says of it. Empty: it looks well.
ODD_KEYS = {
    "$OPENAI_API_KEY": "the name of a variable",
    "${OPENAI_API_KEY}": "the name of a variable",
    "%OPENAI_API_KEY%": "the name of a variable",
    "OPENAI_API_KEY": "the name of a variable",
    'os.environ["OPENAI_API_KEY"]': "the name of a variable",
    "YOUR_API_KEY": "a placeholder",
    "<your-api-key>": "a placeholder",
    "sk-...": "a placeholder",
    "sk-proj-0123456789;": "a punctuation mark",
    "sk-ant-api03-0123456789abcdef": "a key of Anthropic",
    "gsk_0123456789abcdef": "a key of Groq",
    "sk-0123456789abcdef": "",
    "0f3a9c81b2d4e5f60718293a4b5c6d7e": "",
}


@pytest.mark.fault("P1", "a key that is none, or of another provider, is named as what it is, and not shown")
@pytest.mark.parametrize("key", ODD_KEYS)
async def test_the_advice_names_what_is_odd_about_a_refused_key(key: str) -> None:
    """Only after a refusal. A server without keys takes any word."""
    with RawServer(refusal("401 Unauthorized")) as server:
        found, _ = await check_models(limited(ChatClient(server.url, key), 20), None)
    odd = ODD_KEYS[key]
    assert odd in found.advice, found
    assert bool(odd) is (" It is " in found.advice or " It begins " in found.advice), found
    assert key not in f"{found}"


@pytest.mark.parametrize(
    ("model", "advice"),
    [
        ("GPT-4o-mini", "Did you mean gpt-4o-mini? Type: -m gpt-4o-mini"),
        ("gpt-4o-mni", "Did you mean gpt-4o-mini?"),
        ("qwen2.5-7b-instruct", "Type: -m Qwen/Qwen2.5-7B-Instruct"),
        ("something-else", "Choose a model that it lists: -m NAME."),
        ("gpt-4o-mini ", ""),
    ],
)
async def test_the_listed_model_that_somebody_meant_is_named(model: str, advice: str) -> None:
    """In another case, with another prefix, or with a typing error. White space around it is not a fault."""
    names = b'{"data":[{"id":"gpt-4o-mini"},{"id":"Qwen/Qwen2.5-7B-Instruct"}]}'
    with RawServer(response(names, kind="application/json")) as server:
        found, _ = await check_models(limited(ChatClient(server.url, model=model), 20), None)
    assert advice in found.advice
    assert (found.fault == "not listed") is bool(advice)


#: The answer, the state, the fault, and words.
ANSWERS: dict[str, tuple[Answer, str, str, str]] = {
    "one by one": (slowly(*PIECES, sse(STOP, DONE), pause=0.06), "ok", "", "12 pieces came in"),
    "one word": (slowly(sse("Yes"), sse(STOP, DONE)), "unknown", "", "1 piece"),
    "without the last line": (slowly(*PIECES, sse(STOP), pause=0.06), "ok", "", "12 pieces"),
    "nothing at all": (response(sse(STOP, DONE)), "failed", "empty", "sent no text at all"),
    "an error in the middle": (
        slowly(*PIECES[:3], sse({"error": {"message": "out of memory"}})),
        "failed",
        "error",
        "in place of the rest of the answer: out of memory.",
    ),
    "a cut": (slowly(*PIECES[:3]), "failed", "cut", "ended before the answer did."),
    "words that are not JSON": (
        response(sse(*[b"data: hello\n\n"] * 4)),
        "failed",
        "protocol_error",
        "Check the provider (-p NAME)",
    ),
    "a stall": (slowly(*PIECES[:3], rest=5), "failed", "stalled", "in the middle of the answer, after 3 pieces."),
    "comments alone": (slowly(*[b": ping\n\n"] * 300), "unknown", "silent", "nobody is accused"),
    "without empty lines": (
        slowly(*[piece.replace(b"\n\n", b"\n") for piece in PIECES], sse(STOP, DONE), pause=0.06),
        "slow",
        "framing",
        "must end each event with an empty line: `data: {...}\\n\\n`.",
    ),
    "without an end": (slowly(*PIECES), "failed", "cut", "leaves out the last event"),
    "one reply": (
        response(b'{"choices":[{"message":{"content":"1 2 3"},"finish_reason":"stop"}]}', kind="application/json"),
        "slow",
        "whole",
        "It may ignore `stream: true`",
    ),
}


@pytest.mark.fault("P1", "an answer that is empty, cut, late or an error is said to be so")
@pytest.mark.parametrize("name", ANSWERS)
async def test_an_answer_has_a_finding(name: str) -> None:
    """A short answer is healthy. An empty one is not."""
    answer, state, fault, words = ANSWERS[name]
    with RawServer(answer) as server:
        client = ChatClient(server.url, timeout=Timeout(stall=1.5, first_delta=1.5))
        found = await check_stream(limited(client, 20), None)
    assert (found.state, found.fault) == (state, fault), found
    assert words in f"{found.sentence} {found.advice}", found


async def test_a_model_that_refuses_a_limit_is_asked_without_one() -> None:
    """It is healthy. The doctor leaves after about as many pieces."""

    def act(connection: socket.socket) -> None:
        if b"max_tokens" in server.requests[-1]:
            connection.sendall(refusal("400 Bad Request", "'max_tokens' is not supported with this model."))
        else:
            slowly(*[sse("1 ")] * 400, pause=0.01)(connection)

    with RawServer(act) as server:
        found = await check_stream(limited(ChatClient(server.url), 20), None)
    assert found.state == "ok", found
    assert int(found.figures["pieces"].split()[0]) < 400


@pytest.mark.parametrize(
    ("asked", "api"),
    [("", "/v1"), ("", "/api/v1"), ("/v2", "/v1"), ("/v1/models", "/v1"), ("/v1", ""), ("/v1", "/team/v1")],
)
async def test_an_api_nearby_is_found(asked: str, api: str) -> None:
    """Above and below the person's address, and nowhere else."""

    def act(connection: socket.socket) -> None:
        path = server.requests[-1].split()[1].decode()
        listed = response(b'{"data":[{"id":"m"}]}', kind="application/json")
        connection.sendall(listed if path == f"{api}/models" else refusal("404 Not Found"))

    with RawServer(act) as server:
        site = server.url.removesuffix("/v1")
        found, _ = await check_models(limited(ChatClient(f"{site}{asked}"), 20), None)
    expected = Finding("models", "failed", "", advice=f"Set the address to {site}{api}.", fault="path")
    if api == "/team/v1":
        assert found.fault == "404", found
    else:
        assert (found.fault, found.advice) == (expected.fault, expected.advice)
