"""Connections: reuse, injected clients, names and protocols, and bodies that are not what they seem."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
import zlib
from collections.abc import Callable, Coroutine
from typing import Any

import httpx
import pytest

import streamwidget as sw
from streamwidget._client.transport import _clients_of
from streamwidget._core.recording import RequestSent
from streamwidget.demo import DemoServer
from tests.support.deadlines import LATE, SOON, until
from tests.support.memory import run_python
from tests.support.ports import closed_port
from tests.support.servers import CANARY, QUICK, RawServer, failure_of, first_delta, response, sse

ONCE = sw.RetryPolicy(attempts=1)


@pytest.mark.usefixtures("drained", "sender")
@pytest.mark.parametrize("pace", [0.0, 200.0])
async def test_five_requests_take_one_connection(server: DemoServer, pace: float) -> None:
    """A response is read to its end after [DONE], so that its connection is used again."""
    client = sw.ChatClient(server.url)
    for _ in range(5):
        await client.stream("x", demo={"tokens_per_second": pace, "tokens": 5})
    await client.complete("x")
    assert len({record.connection for record in server.requests}) == 1


@pytest.mark.usefixtures("sender")
@pytest.mark.fault("N30", "200 of 200 complete, all at one time")
async def test_two_hundred_streams_run_at_once(server: DemoServer, seen: Callable[[str], None]) -> None:
    """No pool limit makes the 101st wait or fail (N30). Far more than 100 were answered at one moment."""
    client = sw.ChatClient(server.url)
    demo = {"tokens": 4, "tokens_per_second": 2}
    completions = await asyncio.gather(*(client.stream("x", demo=demo) for _ in range(200)))
    assert {completion.outcome for completion in completions} == {"complete"}
    seen(f"{len(completions)} complete")
    # The client knows it a moment before the server.
    assert all(record.over.wait(SOON) for record in server.requests)
    begun = [record.received for record in server.requests]
    ended = [record.ended for record in server.requests if record.ended is not None]
    # Not all 200, because on a busy machine the first may have ended before the last was sent.
    assert max(sum(start <= at for start in begun) - sum(end < at for end in ended) for at in begun) > 100


@pytest.mark.parametrize("installed", [True, False])
async def test_only_many_streams_go_by_aiohttp(
    server: DemoServer, installed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ninth at once is the first one. Without aiohttp all go by httpx. So does a spelling that aiohttp refuses."""
    if not installed:
        monkeypatch.setattr("streamwidget._client.transport._has_aiohttp", lambda: False)

    clients = _clients_of(asyncio.get_running_loop())
    for url, many in ((server.url, 8), (server.url, 9), (server.url.replace("127.0.0.1", "127.1"), 9)):
        clients.clear()
        completions = await asyncio.gather(*(sw.ChatClient(url).stream("x", demo={"tokens": 2}) for _ in range(many)))
        assert {completion.outcome for completion in completions} == {"complete"}
        assert any(way[2] for way in clients) == (installed and many > 8 and "127.1:" not in url)
        for http_client in clients.values():
            await http_client.aclose()
    assert clients.requests == 0


def in_run(ask: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(ask())


def in_a_loop_that_is_never_closed(ask: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.new_event_loop().run_until_complete(ask())


def in_a_thread(ask: Callable[[], Coroutine[Any, Any, None]]) -> None:
    thread = threading.Thread(target=in_run, args=(ask,))
    thread.start()
    thread.join()


def in_uvloop(ask: Callable[[], Coroutine[Any, Any, None]]) -> None:
    loop = pytest.importorskip("uvloop").new_event_loop()
    loop.run_until_complete(ask())
    loop.close()


@pytest.mark.usefixtures("sender")
@pytest.mark.filterwarnings("ignore::ResourceWarning")  # asyncio's own, of a loop that is not closed
@pytest.mark.parametrize("run", [in_run, in_a_loop_that_is_never_closed, in_a_thread, in_uvloop])
def test_a_loop_that_ended_is_let_go(server: DemoServer, run: Callable[[Any], None]) -> None:
    """Neither it nor its client and sockets are kept. One client of ours serves them all."""
    client = sw.ChatClient(server.url)
    loops: list[weakref.ref[asyncio.AbstractEventLoop]] = []

    async def ask() -> None:
        loops.append(weakref.ref(asyncio.get_running_loop()))
        await client.stream("x", demo={"tokens": 1})

    for _ in range(5):
        run(ask)
    gc.collect()
    assert len(loops) == 5
    assert sum(loop() is not None for loop in loops) <= 1  # asyncio may hold the last one
    asyncio.run(asyncio.sleep(0))  # now it lets go of that one too: its warnings belong to this test
    gc.collect()


@pytest.mark.usefixtures("sender")
@pytest.mark.parametrize("library", ["asyncio", "uvloop"])
@pytest.mark.fault("K29", "a loop that ends as `asyncio.run` ends it closes its connections itself")
def test_connections_are_closed_with_their_loop(server: DemoServer, library: str) -> None:
    """Not when garbage is collected, which may be much later, and warns of each open socket."""
    run = pytest.importorskip(library).run

    async def ask(model: str) -> None:
        stream = sw.ChatClient(server.url).stream("x", model)
        await (stream if model == "demo" else first_delta(stream))

    gc.disable()
    try:
        for model in ("demo", "demo-stall", "demo"):
            run(ask(model))
            until(lambda: not server._tasks, "the server has no connection left")
    finally:
        gc.enable()


@pytest.mark.parametrize("library", ["httpx", "httpx2", "openai"])
async def test_an_injected_client_is_used_and_left_open(server: DemoServer, library: str) -> None:
    """An AsyncClient of httpx or httpx2, or a derived one, sends the request. Its owner closes it."""
    module = pytest.importorskip(library)
    kind = module.DefaultAsyncHttpxClient if library == "openai" else module.AsyncClient
    seen: list[Any] = []

    async def hook(request: Any) -> None:
        seen.append(request)

    async with kind(event_hooks={"request": [hook]}) as http_client:
        client = sw.ChatClient(server.url, http_client=http_client, retry=ONCE)
        assert (await client.stream("x")).outcome == "complete"
        assert (await failure_of(client.stream("x", "demo-fin"))).outcome == "interrupted"
        refused = sw.ChatClient(f"http://127.0.0.1:{closed_port()}/v1", http_client=http_client, retry=ONCE)
        assert (await failure_of(refused.stream("x"))).error.kind == "connect"
        assert len(seen) == 3
        assert not http_client.is_closed


@pytest.mark.parametrize("wrong", [httpx.Client(), object(), "http://proxy"])
def test_anything_but_an_async_client_is_rejected_at_once(server: DemoServer, wrong: Any) -> None:
    """A synchronous client cannot stream here. The error comes before anything is sent."""
    with pytest.raises(TypeError, match=r"httpx\.AsyncClient"):
        sw.ChatClient(server.url, http_client=wrong).stream("x")


@pytest.mark.usefixtures("sender")
@pytest.mark.fault("N31", "`complete` over ::1 and over 127.0.0.1, by HTTP/1.1")
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_ip_of_both_versions_works(host: str, seen: Callable[[str], None]) -> None:
    """The loopback address of IPv6 works like any other, and HTTP/1.1 is enough (N31)."""
    whole = response(sse("a", {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}, b"data: [DONE]\n\n"))
    try:
        server = RawServer(whole, host)
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    with server:
        completion = await sw.ChatClient(server.url).stream("x")
    assert (completion.outcome, completion.text) == ("complete", "a")
    assert server.requests[0].startswith(b"POST /v1/chat/completions HTTP/1.1\r\n")
    seen(f"{host}: {completion.outcome}")


@pytest.mark.usefixtures("sender")
@pytest.mark.parametrize(
    ("url", "said"),
    [
        pytest.param(
            "http://no.invalid/v1",
            "Cannot find no.invalid: no network, or a proxy?",
            marks=pytest.mark.fault("N1", "`http_error` of kind connect, the host named, retried"),
        ),
        pytest.param(
            "http://127.0.0.1:{}/v1",
            "No connection to 127.0.0.1:{}: ",
            marks=pytest.mark.fault("N2", "`http_error` of kind connect, the host named, retried"),
        ),
    ],
)
async def test_no_connection_names_the_host(url: str, said: str, seen: Callable[[str], None]) -> None:
    """Refused, or an unknown name: http_error of kind connect. It is retried, and the error names the host (N1, N2)."""
    port = closed_port()
    stream = sw.ChatClient(url.format(port), retry=QUICK).stream("x")
    retries: list[sw.StreamEvent] = []
    stream.subscribe(lambda events: retries.extend(event for event in events if isinstance(event, sw.Retry)))
    failure = await failure_of(stream)
    assert isinstance(failure, sw.ConnectionFailed)
    assert (failure.outcome, failure.error.kind, failure.retryable) == ("http_error", "connect", True)
    assert said.format(port) in str(failure)
    assert "\n" not in str(failure)
    assert len(retries) == 2
    seen(f"{failure} (3 attempts)")


@pytest.mark.usefixtures("sender")
@pytest.mark.fault("N4", "`http_error` of kind tls, once, with a hint at the scheme")
async def test_https_to_a_plain_port_is_named(seen: Callable[[str], None]) -> None:
    """The server answers TLS with plain HTTP: kind tls, no retry, and a hint to check the scheme (N4)."""
    with RawServer(response(b"", status="400 Bad Request")) as server:
        failure = await failure_of(sw.ChatClient(server.url.replace("http", "https"), CANARY).stream("x"))
        assert (failure.error.kind, failure.retryable) == ("tls", False)
        assert "http://" in str(failure)
        assert len(server.requests) == 1
        assert CANARY.encode() not in server.requests[0]
        assert failure.completion.timing.total <= 5 + LATE
        seen(str(failure))


@pytest.mark.usefixtures("sender")
@pytest.mark.fault("N4", "`timeout` by `connect` where nobody greets")
async def test_https_to_a_silent_port_ends_by_the_connect_limit(
    server: DemoServer, seen: Callable[[str], None]
) -> None:
    """If nobody answers the TLS greeting, ``connect`` passes (N4)."""
    client = sw.ChatClient(server.url.replace("http", "https"), timeout=sw.Timeout(connect=0.3), retry=ONCE)
    failure = await failure_of(client.stream("x"))
    assert (failure.outcome, failure.error.kind) == ("timeout", "connect")
    assert "Timeout(connect=...)" in str(failure)
    assert failure.completion.timing.total <= 0.3 + LATE
    seen(f"timeout after {failure.completion.timing.total:.2f} s of 0.3")


@pytest.mark.fault("N5", "`http_error` of kind proxy, its password masked")
async def test_a_proxy_that_refuses_is_named_as_such(
    monkeypatch: pytest.MonkeyPatch, seen: Callable[[str], None]
) -> None:
    """407 from HTTPS_PROXY has kind proxy. Its credentials are not shown, and the prompt was not sent (N5)."""
    with RawServer(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n") as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:{CANARY}@127.0.0.1:{proxy.port}")
        failure = await failure_of(sw.ChatClient("https://far.example/v1", retry=ONCE).stream("the prompt"))
    assert failure.error.kind == "proxy"
    assert CANARY not in str(failure)
    assert proxy.requests[0].startswith(b"CONNECT far.example:443")
    assert b"the prompt" not in proxy.requests[0]
    assert failure.completion.timing.total <= 5 + LATE
    seen(str(failure))


@pytest.mark.fault("S12", "a proxy is not asked for this machine")
async def test_a_proxy_is_not_asked_for_this_machine(server: DemoServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTP_PROXY and ALL_PROXY are for other machines (S12)."""
    for name in ("HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed_port()}")
    assert (await sw.ChatClient(server.url, retry=ONCE).stream("x")).outcome == "complete"


@pytest.mark.fault("S12", "honoured, also where it is set in mid-session")
async def test_a_proxy_that_is_set_later_is_used_from_then_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """You set HTTPS_PROXY or NO_PROXY in the notebook after a failure. The next request uses it."""
    client = sw.ChatClient("https://far.invalid/v1", retry=ONCE)
    assert (await failure_of(client.stream("x"))).error.kind == "connect"
    with RawServer(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n") as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        assert (await failure_of(client.stream("x"))).error.kind == "proxy"
        monkeypatch.setenv("NO_PROXY", "far.invalid")
        assert (await failure_of(client.stream("x"))).error.kind == "connect"
        assert len(proxy.requests) == 1


@pytest.mark.usefixtures("sender")
@pytest.mark.parametrize(
    ("base", "target"),
    [
        ("/v1", "/v1/chat/completions"),
        ("/openai/?api-version=1", "/openai/chat/completions?api-version=1"),
        ("?a=1&b=%2F", "/chat/completions?a=1&b=%2F"),
    ],
)
async def test_a_query_of_the_base_url_keeps_its_place(base: str, target: str) -> None:
    """The path of the request comes before it. A recording has the path alone."""
    whole = response(sse("a", {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}, b"data: [DONE]\n\n"))
    with RawServer(whole) as server:
        root = server.url.removesuffix("/v1")
        stream = sw.ChatClient(root + base).stream("x")
        recording = stream.record()
        assert (await stream).outcome == "complete"
    assert server.requests[0].startswith(f"POST {target} HTTP/1.1\r\n".encode())
    sent = recording.attempts[0][0]
    assert isinstance(sent, RequestSent)
    assert sent.url == root + target.partition("?")[0]


# ---- bodies

TEXT = sse("a" * 50, "b", {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}, b"data: [DONE]\n\n")
DEFLATED = zlib.compress(TEXT)
RAW = zlib.compress(TEXT, wbits=-15)
GZIPPED = zlib.compress(TEXT, wbits=31)


@pytest.mark.usefixtures("sender")
@pytest.mark.parametrize(
    ("coding", "body"),
    [
        *(("gzip", GZIPPED), ("X-GZip", GZIPPED), ("deflate", DEFLATED), ("deflate", RAW), ("", TEXT)),
        *(("gzip", TEXT), ("deflate", TEXT), ("identity, gzip", GZIPPED)),
    ],
)
async def test_a_compressed_body_is_read(coding: str, body: bytes) -> None:
    """A server may compress although nobody asked. The body is read."""
    with RawServer(response(body, f"content-encoding: {coding}")) as server:
        completion = await sw.ChatClient(server.url).stream("x")
    assert completion.text == "a" * 50 + "b"
    assert b"accept-encoding: identity" in server.requests[0].lower()


@pytest.mark.usefixtures("sender")
@pytest.mark.fault("N14", "`interrupted`, never `complete`, and it says why")
@pytest.mark.parametrize(
    ("coding", "body", "why"),
    [
        ("gzip", GZIPPED[:-20], "the compressed body is cut"),
        ("gzip", b"not gzip", "incorrect header check"),
        ("br", TEXT, "coded as 'br'"),
        ("gzip", GZIPPED[:-4] + b"....", "incorrect length check"),
    ],
)
async def test_a_body_that_cannot_be_unpacked_is_never_complete(coding: str, body: bytes, why: str) -> None:
    """Cut, broken or unknown: interrupted, and not a short answer that looks whole (N14)."""
    with RawServer(response(body, f"content-encoding: {coding}")) as server:
        failure = await failure_of(sw.ChatClient(server.url, retry=ONCE).stream("x"))
    assert failure.outcome == "interrupted"
    assert why in str(failure)


BOMB = """
import asyncio, sys
import streamwidget as sw
from tests.support.memory import peak_memory

async def main():
    client = sw.ChatClient(sys.argv[1], retry=sw.RetryPolicy(attempts=1))
    await client.stream("x", demo={"tokens": 1})
    before = peak_memory()
    try:
        await client.stream("x", "demo-bomb")
    except sw.StreamError as failure:
        print(failure.outcome, "refused" in str(failure))
    print(peak_memory() - before)

asyncio.run(main())
"""


@pytest.mark.fault("N15", "refused, for less than 50 MB")
def test_a_gzip_bomb_is_refused_in_bounded_memory(server: DemoServer, seen: Callable[[str], None]) -> None:
    """A megabyte that unpacks to a gigabyte is rejected. It costs less than 50 MB (N15)."""
    outcome, grown = run_python(BOMB, server.url).splitlines()
    assert outcome == "interrupted True"
    assert int(grown) < 50_000_000
    seen(f"refused, {int(grown) / 1e6:.1f} MB")


async def test_cancelling_shuts_the_socket_even_in_an_injected_client(server: DemoServer) -> None:
    """After a cancel the server sees the end of the connection, not silence."""
    async with httpx.AsyncClient() as http_client:
        stream = sw.ChatClient(server.url, http_client=http_client).stream("x", "demo-stall")
        async for event in stream:
            if isinstance(event, sw.TextDelta):
                stream.cancel()
        assert server.requests[0].left.wait(SOON)
    assert stream.completion.outcome == "cancelled"


@pytest.mark.usefixtures("sender")
@pytest.mark.fault("S20", "no later request carries one, to any port")
@pytest.mark.parametrize(
    "cookie",
    [
        "a=b",
        "a=b; Path=/",
        "a=b; Domain=127.0.0.1",
        "a=b; Domain=localhost",
        "a=b; HttpOnly",
        "a=b; Max-Age=999999",
        "a=b; SameSite=None",
        "a=b; Expires=Fri, 01 Jan 2100 00:00:00 GMT",
        "__Host-a=b; Path=/",
        "a=b; Version=1",
    ],
)
async def test_no_cookie_is_kept(cookie: str) -> None:
    """All keys of a process share one client. A cookie would go from one person's key to another's."""
    answer = response(sse({"choices": [{"delta": {"content": "a"}, "finish_reason": "stop"}]}), f"set-cookie: {cookie}")
    with RawServer(answer) as first, RawServer(answer) as second:
        for server, key in ((first, CANARY), (first, "other-key-0123456789"), (second, None)):
            await sw.ChatClient(server.url, key).stream("x")
        requests = [*first.requests, *second.requests]
    assert len(requests) == 3
    assert not any(b"cookie" in request.lower() for request in requests)
