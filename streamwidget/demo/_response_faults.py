"""Faults of the response as a whole: another status, another kind of body, another place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamwidget.demo._fault import FAULTS, Fault, fault
from streamwidget.demo._json import RequestError, error_body
from streamwidget.demo._shapes import WholeReply

if TYPE_CHECKING:
    from streamwidget.demo._reply import Reply


@fault("html", "answers 200 with a web page, as the sign-in page of a network does")
async def web_page(reply: Reply) -> None:
    page = b"<!doctype html><html><head><title>Sign in</title></head><body><h1>Welcome to the Wi-Fi</h1></body></html>"
    await reply.connection.send(200, page, "text/html; charset=utf-8")


@fault("json", "answers a streaming request with one JSON object")
async def not_streamed(reply: Reply) -> None:
    await WholeReply(reply.connection, reply.request, reply.record, reply.rate, reply.first_delta).play()


@fault("redirect", "redirects (307) to another host")
async def redirect(reply: Reply) -> None:
    await reply.connection.send(307, b"", "text/plain", {"location": reply.request.demo.location})


@fault("no-usage-option", "refuses stream_options (400), answers without them")
async def no_usage_option(reply: Reply) -> None:
    if reply.request.has_stream_options:
        raise RequestError(400, "Unrecognized request argument supplied: stream_options", param="stream_options")
    await reply.play()


@fault("401", "says that the key is wrong (401) and shows part of it")
async def wrong_key(reply: Reply) -> None:
    key = reply.request.authorization.removeprefix("Bearer ").strip()
    await _unauthorized(reply, f"{key[:8]}{'*' * 20}{key[-4:]}" if len(key) > 12 else "*" * len(key))


@fault("401-echo", "says that the key is wrong (401) and repeats all of it")
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


@fault("quota", "answers 429 because the quota is used up, where a retry is of no use")
async def quota(reply: Reply) -> None:
    message = "You exceeded your current quota, please check your plan and billing details."
    await reply.connection.send_json(429, error_body(message, kind="insufficient_quota", code="insufficient_quota"))


def _enter_status(status: int, message: str) -> None:
    async def act(reply: Reply) -> None:
        await reply.connection.send_json(status, error_body(message, kind="server_error"))

    FAULTS[str(status)] = Fault(f"answers {status}", act, 0)


_enter_status(500, "The server had an error while processing your request. Sorry about that!")
_enter_status(503, "The engine is currently overloaded, please try again later.")
_enter_status(529, "The server is overloaded.")


@fault("502", "answers 502 with a web page, as a proxy does")
async def bad_gateway(reply: Reply) -> None:
    page = b"<html><head><title>502 Bad Gateway</title></head><body><center>nginx</center>%b</body></html>"
    await reply.connection.send(502, page % (b" " * 1_000), "text/html")
