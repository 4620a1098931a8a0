"""The catalogue of faults: each has a name, a sentence and a function.

A request asks for a fault by model name (``"model": "demo-stall"``), or in the body field ``demo``
(``"demo": {"fault": "stall", "after": 20}``). Both work with and without ``stream``.

To add a fault, write a function in the steps of a :class:`~streamwidget.demo._reply.Reply` and put its row, the
decorator ``@fault(name, sentence)``, above it. For example, this is all of ``demo-cut``::

    @fault("cut", "ends the response cleanly, without a finish_reason and without [DONE]")
    async def cut(reply: Reply) -> None:
        await reply.some()
        await reply.end()
"""

from __future__ import annotations

import asyncio
import itertools
import json
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from streamwidget.demo._answers import message_text, split_pieces
from streamwidget.demo._json import RequestError, error_body
from streamwidget.demo._reply import Reply, StreamReply, WholeReply, forever
from streamwidget.demo._tools import call_deltas
from streamwidget.demo._values import json_text, schema_in

Act = Callable[[Reply], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Fault:
    """One row of the catalogue.

    Attributes
    ----------
    sentence : str
        What the server does, in plain words. The server is the subject: "closes the connection".
    act : callable
        Does it, for one reply.
    after : int
        Deltas before the fault, unless the request sets its own number.
    """

    sentence: str
    act: Act
    after: int


#: The faults by name.
FAULTS: dict[str, Fault] = {}


def fault(name: str, sentence: str, after: int = 12) -> Callable[[Act], Act]:
    """Add the decorated function to the catalogue as ``name``."""

    def enter(act: Act) -> Act:
        FAULTS[name] = Fault(sentence, act, after)
        return act

    return enter


# ---- the connection


@fault("stall", "stops sending in the middle of the answer and keeps the connection open")
async def stall(reply: Reply) -> None:
    await reply.some()
    await forever()


@fault("drop", "resets the connection (RST) in the middle of a chunk")
async def drop(reply: Reply) -> None:
    await reply.some()
    await reply.half()
    reply.connection.reset()


@fault("fin", "closes the connection (FIN) in the middle of a chunk")
async def fin(reply: Reply) -> None:
    await reply.some()
    await reply.half()
    reply.connection.close()


@fault("cut", "ends the response cleanly, without a finish_reason and without [DONE]")
async def cut(reply: Reply) -> None:
    await reply.some()
    await reply.end()


@fault("half", "sends a body without chunks or a length, and closes in the middle of an event's JSON")
async def half(reply: Reply) -> None:
    await reply.open(chunked=False)
    await reply.deltas(itertools.islice(reply.pieces, reply.after))
    await reply.half()
    reply.connection.close()


@fault("silent", "accepts the request and never sends a response")
async def silent(_: Reply) -> None:
    await forever()


@fault("headers", "sends the response's headers and then nothing")
async def headers(reply: Reply) -> None:
    await reply.connection.start({"content-type": "text/event-stream; charset=utf-8"})
    await forever()


@fault("ping", "sends nothing but ': ping' comments, without end", after=0)
async def ping(reply: Reply) -> None:
    await reply.some()
    while True:
        await reply.raw(": ping\n\n")
        await asyncio.sleep(0.05)


# ---- the pace and the size


@fault("slow", "sends two deltas a second")
async def slow(reply: Reply) -> None:
    if reply.request.demo.tokens_per_second is None:
        reply.rate = 2.0
    await reply.play()


@fault("dribble", "writes every byte of the response separately")
async def dribble(reply: Reply) -> None:
    reply.connection.dribble = True
    try:
        await reply.play()
    finally:
        reply.connection.dribble = False


@fault("endless", "never stops sending deltas")
async def endless(reply: Reply) -> None:
    await reply.open()
    await reply.deltas(itertools.cycle(list(reply.pieces) or ["."]))


@fault("big-event", "sends one event of ten megabytes among the others")
async def big_event(reply: Reply) -> None:
    await reply.some()
    await reply.deltas(["x" * reply.request.demo.size])
    await reply.deltas(reply.pieces)
    await reply.close("stop")


@fault("noline", "sends a line that never ends")
async def noline(reply: Reply) -> None:
    await reply.some()
    await reply.raw("data: ")
    while True:
        await reply.raw("x" * 65_536)
        await asyncio.sleep(0)


# ---- the content of the stream


@fault("error", "reports an error inside the stream")
async def error(reply: Reply) -> None:
    await reply.some()
    message = "The server had an error while processing your request. Sorry about that!"
    await reply.error(error_body(message, kind="server_error"))


@fault("garble", "sends five events in a row that are not JSON, then goes on")
async def garble(reply: Reply) -> None:
    await reply.some()
    for _ in range(reply.request.demo.count):
        await reply.raw('data: {"choices":[{"delta":{"content":"bro\n\n')
    await reply.deltas(reply.pieces)
    await reply.close("stop")


@fault("crlf", "ends each line of the stream with CR LF")
async def crlf(reply: Reply) -> None:
    if isinstance(reply, StreamReply):
        reply.newline = "\r\n"
    await reply.play()


@fault("length", "stops at the token limit (finish_reason length)")
async def length(reply: Reply) -> None:
    reply.max_tokens = reply.after
    await reply.play()


@fault("filter", "stops at a content filter (finish_reason content_filter)")
async def content_filter(reply: Reply) -> None:
    await reply.some()
    await reply.close("content_filter")


@fault("tools", "calls a tool instead of answering")
async def tools(reply: Reply) -> None:
    await reply.open()
    arguments = json.dumps({"city": "Zürich", "unit": "celsius"}, ensure_ascii=False)
    await reply.delta_values(call_deltas([("get_weather", arguments)], reply.request.messages))
    await reply.close("tool_calls")


@fault("reasoning", "sends its reasoning (reasoning_content) before the answer")
async def reasoning(reply: Reply) -> None:
    await reply.open()
    thought = ["The ", "question ", "is ", "clear; ", "I ", "say ", "first ", "what ", "streams, ", "then ", "how."]
    await reply.deltas(thought, "reasoning_content")
    await reply.deltas(reply.pieces)
    await reply.close("stop")


@fault("refusal", "refuses to answer (refusal deltas)")
async def refusal(reply: Reply) -> None:
    await reply.open()
    await reply.deltas(["I'm ", "sorry, ", "but ", "I ", "can't ", "help ", "with ", "that."], "refusal")
    await reply.close("stop")


@fault("gzip", "compresses the stream with gzip although the client did not ask for it")
async def gzip(reply: Reply) -> None:
    if isinstance(reply, StreamReply):
        reply.compress()
    await reply.play()


@fault("gzip-cut", "compresses the stream with gzip and closes in the middle")
async def gzip_cut(reply: Reply) -> None:
    if isinstance(reply, StreamReply):
        reply.compress()
    await reply.some()
    await reply.half()
    reply.connection.close()


@fault("bomb", "sends a gigabyte of line feeds as a megabyte of gzip")
async def bomb(reply: Reply) -> None:
    await reply.connection.start({"content-type": "text/event-stream", "content-encoding": "gzip"})
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    for _ in range(1024):
        await reply.connection.write(reply.connection.framed(packer.compress(b"\n" * 1_048_576)))
        await asyncio.sleep(0)
    await reply.connection.write(reply.connection.framed(packer.flush()))
    await reply.connection.end()


# ---- the response as a whole: another status, another kind of body, another address


@fault("html", "answers 200 with a web page, like the sign-in page of a network")
async def web_page(reply: Reply) -> None:
    page = b"<!doctype html><html><head><title>Sign in</title></head><body><h1>Welcome to the Wi-Fi</h1></body></html>"
    await reply.connection.send(200, page, "text/html; charset=utf-8")


@fault("json", "answers a streaming request with one JSON object")
async def not_streamed(reply: Reply) -> None:
    await WholeReply(reply.connection, reply.request, reply.record, reply.rate, reply.first_delta).play()


@fault("redirect", "redirects (307) to another host")
async def redirect(reply: Reply) -> None:
    await reply.connection.send(307, b"", "text/plain", {"location": reply.request.demo.location})


@fault("no-usage-option", "refuses stream_options with 400, and answers requests without them")
async def no_usage_option(reply: Reply) -> None:
    if reply.request.has_stream_options:
        raise RequestError(400, "Unrecognized request argument supplied: stream_options", param="stream_options")
    await reply.play()


@fault("no-schema", "refuses response_format with 400, and answers with JSON if the prompt asks for it")
async def no_schema(reply: Reply) -> None:
    if reply.request.schema is not None:
        raise RequestError(400, "This response_format type is unavailable now", param="response_format")
    schema = schema_in(message_text(reply.request.messages[-1]))
    if schema is not None and reply.request.demo.text is None:
        reply.pieces = split_pieces(f"```json\n{json_text(schema)}\n```")
    await reply.play()


@fault("wrong-value", "answers with JSON whose first field is null, until a message says that it is not valid")
async def wrong_value(reply: Reply) -> None:
    schema = reply.request.schema
    if schema is not None and not any(message["role"] == "assistant" for message in reply.request.messages):
        reply.pieces = split_pieces(json_text(schema, wrong=True))
    await reply.play()


@fault("401", "answers 401: the key is wrong, and the message shows part of it")
async def wrong_key(reply: Reply) -> None:
    key = reply.request.authorization.removeprefix("Bearer ").strip()
    await _unauthorized(reply, f"{key[:8]}{'*' * 20}{key[-4:]}" if len(key) > 12 else "*" * len(key))


@fault("401-echo", "answers 401: the key is wrong, and the message shows all of it")
async def wrong_key_repeated(reply: Reply) -> None:
    await _unauthorized(reply, reply.request.authorization.removeprefix("Bearer "))


async def _unauthorized(reply: Reply, key: str) -> None:
    message = (
        f"Incorrect API key provided: {key}. You can find your API key at https://platform.openai.com/account/api-keys."
    )
    await reply.connection.send_json(401, error_body(message, code="invalid_api_key"))


@fault("429", "answers 429 with Retry-After")
async def too_many(reply: Reply) -> None:
    body = error_body("Rate limit reached for requests.", kind="requests", code="rate_limit_exceeded")
    await reply.connection.send_json(429, body, {"retry-after": reply.request.demo.retry_after})


@fault("quota", "answers 429 because the quota is used up, so a retry does not help")
async def quota(reply: Reply) -> None:
    message = "You exceeded your current quota, please check your plan and billing details."
    await reply.connection.send_json(429, error_body(message, kind="insufficient_quota", code="insufficient_quota"))


@fault("500", "answers 500: the server has an error")
async def server_error(reply: Reply) -> None:
    await _failed(reply, 500, "The server had an error while processing your request. Sorry about that!")


@fault("503", "answers 503: the server is overloaded")
async def unavailable(reply: Reply) -> None:
    await _failed(reply, 503, "The engine is currently overloaded, please try again later.")


@fault("529", "answers 529: the server is overloaded")
async def overloaded(reply: Reply) -> None:
    await _failed(reply, 529, "The server is overloaded.")


async def _failed(reply: Reply, status: int, message: str) -> None:
    await reply.connection.send_json(status, error_body(message, kind="server_error"))


@fault("502", "answers 502 with a web page, like a proxy")
async def bad_gateway(reply: Reply) -> None:
    page = b"<html><head><title>502 Bad Gateway</title></head><body><center>nginx</center>%b</body></html>"
    await reply.connection.send(502, page % (b" " * 1_000), "text/html")
