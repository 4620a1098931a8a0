"""Faults of the stream: how it breaks off, how fast and how large it comes, what is in it."""

from __future__ import annotations

import asyncio
import itertools
import json
import zlib

from streamwidget.demo._fault import fault
from streamwidget.demo._json import error_body
from streamwidget.demo._reply import Reply, forever
from streamwidget.demo._shapes import StreamReply

# ---- the connection


@fault("stall", "stops sending in mid-answer; the connection stays open")
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


@fault("cut", "ends the response cleanly, but with neither a finish_reason nor [DONE]")
async def cut(reply: Reply) -> None:
    await reply.some()
    await reply.end()


@fault("half", "sends a body without chunks or length and closes in the middle of an event's JSON")
async def half(reply: Reply) -> None:
    await reply.open(chunked=False)
    await reply.deltas(itertools.islice(reply.pieces, reply.after))
    await reply.half()
    reply.connection.close()


@fault("silent", "accepts the request and never sends a response")
async def silent(_: Reply) -> None:
    await forever()


@fault("headers", "sends the response's head and then nothing")
async def headers(reply: Reply) -> None:
    await reply.connection.start({"content-type": "text/event-stream; charset=utf-8"})
    await forever()


@fault("ping", "sends nothing but ': ping' comments, for ever", after=0)
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


@fault("dribble", "writes each byte of the response by itself")
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


@fault("length", "is cut by the token limit (finish_reason length)")
async def length(reply: Reply) -> None:
    reply.max_tokens = reply.after
    await reply.play()


@fault("filter", "is cut by a content filter (finish_reason content_filter)")
async def content_filter(reply: Reply) -> None:
    await reply.some()
    await reply.close("content_filter")


@fault("tools", "calls a tool instead of answering")
async def tools(reply: Reply) -> None:
    await reply.open()
    arguments = json.dumps({"city": "Zürich", "unit": "celsius"}, ensure_ascii=False)
    first = {"index": 0, "id": "call_demo_1", "type": "function", "function": {"name": "get_weather", "arguments": ""}}
    parts = [arguments[i : i + 6] for i in range(0, len(arguments), 6)]
    rest = [{"index": 0, "function": {"arguments": part}} for part in parts]
    await reply.delta_values({"tool_calls": [call]} for call in [first, *rest])
    await reply.close("tool_calls")


@fault("reasoning", "shows its reasoning (reasoning_content) before the answer")
async def reasoning(reply: Reply) -> None:
    await reply.open()
    thought = ["The ", "question ", "is ", "clear; ", "I ", "say ", "first ", "what ", "streams, ", "then ", "how."]
    await reply.deltas(thought, "reasoning_content")
    await reply.deltas(reply.pieces)
    await reply.close("stop")


@fault("refusal", "refuses (refusal deltas)")
async def refusal(reply: Reply) -> None:
    await reply.open()
    await reply.deltas(["I'm ", "sorry, ", "but ", "I ", "can't ", "help ", "with ", "that."], "refusal")
    await reply.close("stop")


@fault("gzip", "compresses the stream with gzip although nobody asked")
async def gzip(reply: Reply) -> None:
    if isinstance(reply, StreamReply):
        reply.compress()
    await reply.play()


@fault("gzip-cut", "compresses the stream with gzip and cuts it in the middle")
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
