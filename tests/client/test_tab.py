"""A browser tab: no thread and no socket. The demo server answers within the process, all others through ``fetch``."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
from argparse import ArgumentParser
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import httpx
import pytest
import requests
from IPython.core.error import UsageError

import streamwidget as sw
from streamwidget._client.client import ChatClient
from streamwidget._core import loop
from streamwidget._core.completion import ErrorInfo
from streamwidget._notebook.advice import Target, explain
from streamwidget._notebook.magic_line import split_line
from streamwidget._view import control
from streamwidget._view.jupyterlite import keep_nulls
from streamwidget.demo import DemoServer, _memory
from streamwidget.demo._json import RequestError
from streamwidget.demo._request import parse_chat
from streamwidget.teaching import naive
from streamwidget.teaching._requests_in_tab import connect_requests

URL = "https://models.example/v1"
FAST = {"tokens_per_second": 0, "first_delta": 0}
#: Each way to end a response, and each kind of body. The others differ only in what the events say.
FAULTS = ("", "cut", "drop", "fin", "half", "gzip", "gzip-cut", "html", "json", "redirect", "429", "bomb", "big-event",
          "noline")  # fmt: skip


def make_tab(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make Python as it is in a tab."""

    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(sys, "platform", "emscripten")
    monkeypatch.setattr(threading.Thread, "start", refuse)
    monkeypatch.setattr(socket, "create_server", refuse)


@pytest.fixture
def tab(monkeypatch: pytest.MonkeyPatch) -> None:
    make_tab(monkeypatch)


async def ending(url: str, fault: str, **params: Any) -> tuple[object, ...]:
    """How an answer ends: the error's type, outcome, text and warnings."""
    client = ChatClient(url, retry=sw.RetryPolicy(attempts=1))
    try:
        completion = await client.stream("count to 30", demo={**FAST, "fault": fault, "size": 100_000}, **params)
        failure = None
    except sw.StreamError as exc:
        completion, failure = exc.completion, type(exc).__name__
    return failure, completion.outcome, completion.text, completion.finish_reason, completion.usage, completion.warnings


async def test_the_demo_server_in_a_tab_ends_each_answer_as_the_real_one(
    demo: DemoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same faults over the same code: what the person gets does not depend on the socket."""
    over_sockets = [await ending(demo.url, fault) for fault in FAULTS]
    make_tab(monkeypatch)
    with DemoServer(tokens_per_second=0, first_delta=0) as within:
        assert [await ending(within.url, fault) for fault in FAULTS] == over_sockets
    assert len({one[:2] for one in over_sockets}) == 4


async def test_httpx_and_asyncio_reach_the_servers_of_a_tab(tab: None) -> None:
    """The lessons ask with httpx, and one makes a server of its own. A port where nobody listens is refused."""

    async def hello(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
        writer.close()

    with DemoServer(tokens_per_second=0, first_delta=0) as demo:
        own = await asyncio.start_server(hello, "127.0.0.1", 0)
        async with httpx.AsyncClient() as http:
            body = {"model": "demo", "messages": [{"role": "user", "content": "count to 3"}], "stream": True}
            answers = [await http.post(f"{demo.url}/chat/completions", json=body) for _ in range(2)]
            assert [answer.text.count("data: ") for answer in answers] == [8, 8]
            assert (await http.get(f"http://127.0.0.1:{own.sockets[0].getsockname()[1]}/")).text == "hello"
            body["model"] = "demo-drop"
            with pytest.raises(httpx.ReadError):
                await http.post(f"{demo.url}/chat/completions", json=body)
            own.close()
            with pytest.raises(httpx.ConnectError):
                await http.get("http://127.0.0.1:1/")


async def test_a_stop_reaches_the_demo_server_in_a_tab(tab: None) -> None:
    """The connection closes, the server notes it, and the text so far is kept."""
    with DemoServer(first_delta=0) as server:
        stream = ChatClient(server.url).stream("x", model="demo-stall")
        async for event in stream:
            if isinstance(event, sw.TextDelta) and event.text:
                stream.cancel()
        completion = await stream
        async with asyncio.timeout(30):
            while server.requests[-1].client_left is None:  # noqa: ASYNC110  (the record's own event is of threads)
                await asyncio.sleep(0)
    assert completion.outcome == "cancelled"
    assert completion.text


async def test_a_demo_server_that_stops_ends_its_answers(tab: None) -> None:
    """Also one that would never end by itself."""
    server = DemoServer(tokens_per_second=0, first_delta=0).start()
    with pytest.raises(sw.StreamInterrupted):
        async for event in ChatClient(server.url).stream("x", model="demo-stall"):
            if isinstance(event, sw.TextDelta) and event.text:
                server.stop()


async def test_a_reader_that_waits_holds_the_demo_server_up(tab: None) -> None:
    """A server that never ends does not fill the memory of the tab while nobody reads."""
    with DemoServer(tokens_per_second=0, first_delta=0) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        body = b'{"model": "demo-endless", "stream": true, "messages": [{"role": "user", "content": "x"}]}'
        writer.write(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        )
        async with asyncio.timeout(30):
            await reader.readuntil(b"data: ")
        sent = -1
        while sent != (sent := server.requests[-1].bytes_sent):  # it ends only if the server waits
            assert sent < 5_000_000
            for _ in range(50):
                await asyncio.sleep(0)
        assert len(await reader.read(1000)) == 1000
        writer.close()


async def test_demo_servers_of_a_tab_have_ports_of_their_own(tab: None) -> None:
    """The shared server answers without settings, a second one beside it. A closed one is gone."""
    before = set(_memory._listening)
    with DemoServer() as one, DemoServer() as two:
        assert one.url != two.url
        assert one.start() is one
        with pytest.raises(OSError, match=f"Port {two.port} is in use in this tab"):
            DemoServer(two.port).start()
        assert (await ChatClient(two.url).complete("count to 3", demo=FAST)).text == "1\n2\n3"
        assert [len(one.requests), len(two.requests)] == [0, 1]
    assert set(_memory._listening) == before


async def test_what_needs_a_thread_runs_on_the_loop(tab: None) -> None:
    """A blocking tool is called on the loop, and an answer that a view wants apart runs on the kernel's own."""
    called = []

    def length(river: str) -> int:
        """Return the length of a river in kilometres."""
        called.append(threading.current_thread() is threading.main_thread())
        return len(river)

    with DemoServer(tokens_per_second=0, first_delta=0) as server:
        stream = ChatClient(server.url).stream("How long is the Elbe?", tools=[length], confirm="never")
        stream._run_apart()
        completion = await stream
    assert (completion.outcome, called) == ("complete", [True])


def test_a_blocking_source_is_refused_in_words(tab: None) -> None:
    """Without threads it cannot be read."""

    async def read() -> None:
        with pytest.raises(sw.StreamError, match=r"a browser tab has none\. Pass an async generator") as caught:
            await sw.show(text for text in ("a", "b"))
        assert len(explain(caught.value)) == 1  # no more of a cause that is only the missing thread

    asyncio.run(read())


# ---- waiting


@pytest.fixture
def pyodide(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Modules that only a tab has. ``fetch`` is replaced by the tests."""
    made = SimpleNamespace(asked=[], aborted=0, waits=True, answer=None)

    class JsException(Exception):
        pass

    def abort() -> None:
        made.aborted += 1

    async def fetch(url: str, options: dict[str, Any]) -> object:
        made.asked.append((url, options))
        return made.answer() if callable(made.answer) else made.answer

    def run_sync(coroutine: Any) -> Any:
        # Enough for a coroutine that awaits nothing. A thread has no room for a second loop, since Python 3.14.
        with pytest.raises(StopIteration) as over:
            coroutine.send(None)
        return over.value.value

    js: Any = ModuleType("js")
    js.fetch, js.Object, js.location = fetch, SimpleNamespace(fromEntries=dict), SimpleNamespace(origin="https://page")
    js.AbortController = SimpleNamespace(new=lambda: SimpleNamespace(signal="signal", abort=abort))
    ffi: Any = ModuleType("pyodide.ffi")
    ffi.JsException, ffi.to_js = JsException, lambda value, dict_converter: value
    ffi.can_run_sync, ffi.run_sync = lambda: made.waits, run_sync
    for name, module in {"js": js, "pyodide": ModuleType("pyodide"), "pyodide.ffi": ffi}.items():
        monkeypatch.setitem(sys.modules, name, module)
    made.error, made.js = JsException, js
    return made


def test_wait_suspends_the_python_of_a_tab(tab: None, pyodide: SimpleNamespace) -> None:
    """Pyodide does it with JSPI. A browser without it gets the words to type."""
    made: list[str] = []

    async def value() -> str:
        return "waited"

    def make() -> Any:
        made.append("")
        return value()

    async def in_a_cell() -> str:
        return loop._wait_in_tab(make)

    assert asyncio.run(in_a_cell()) == "waited"
    pyodide.waits = False

    async def refused() -> None:
        with pytest.raises(RuntimeError, match="so use `await` or `async for` instead"):
            loop.run(make, lambda: None)

    asyncio.run(refused())
    assert len(made) == 1


# ---- the lessons


async def test_requests_reaches_a_demo_server_of_the_tab(
    pyodide: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The naive loops of lesson 13 meet the same ends as over a socket. A thread stands for Python that waits."""
    own = asyncio.get_running_loop()
    ffi: Any = sys.modules["pyodide.ffi"]
    ffi.run_sync = lambda coroutine: asyncio.run_coroutine_threadsafe(coroutine, own).result()
    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", requests.adapters.HTTPAdapter.send)
    monkeypatch.setattr(sys, "platform", "emscripten")
    connect_requests()

    async def answer(**demo: Any) -> str:
        def loop(url: str) -> str:
            return naive.with_requests(url, "count to 30", lambda _: None, demo={**FAST, **demo})

        return await asyncio.to_thread(loop, server.url)

    def impatient(url: str) -> None:
        body = {"model": "demo-stall", "stream": True, "messages": [{"role": "user", "content": "x"}]}
        with requests.post(f"{url}/chat/completions", json=body, stream=True, timeout=0.05) as response:
            list(response.iter_lines())

    with DemoServer(tokens_per_second=0, first_delta=0) as server:
        assert (await answer()).split()[-1] == "30"
        assert (await answer(fault="cut", after=3)).split() == ["1", "2"]
        for fault in ("drop", "fin"):
            with pytest.raises(requests.RequestException):
                await answer(fault=fault)
        with pytest.raises(requests.ConnectionError):
            await asyncio.to_thread(impatient, server.url)


# ---- fetch


class Body:
    """A body of a response of ``fetch``, as the pieces that come, or an error."""

    def __init__(self, *pieces: bytes | Exception, then_waits: bool = False) -> None:
        self._pieces: Iterator[bytes | Exception] = iter(pieces)
        self._waits = then_waits

    def getReader(self) -> Body:  # noqa: N802  (JavaScript's name)
        return self

    async def read(self) -> SimpleNamespace:
        piece = next(self._pieces, None)
        if isinstance(piece, Exception):
            raise piece
        if piece is None and self._waits:
            await asyncio.get_running_loop().create_future()
        return SimpleNamespace(done=piece is None, value=SimpleNamespace(to_bytes=lambda: piece))


def responding(*pieces: bytes | Exception, status: int = 200, kind: str = "cors", waits: bool = False) -> Any:
    """Return a response of ``fetch``."""
    headers = [("Content-Type", "text/event-stream"), ("X-Request-Id", "req_7")]
    return SimpleNamespace(status=status, type=kind, headers=headers, body=Body(*pieces, then_waits=waits))


def event(text: str) -> bytes:
    return f'data: {{"choices": [{{"index": 0, "delta": {{"content": "{text}"}}}}]}}\n\n'.encode()


END = b'data: {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'


async def test_fetch_carries_a_stream(tab: None, pyodide: SimpleNamespace) -> None:
    """The request holds the key and the client's headers, and not those that a browser keeps for itself."""
    pyodide.answer = responding(event("Hel"), event("lo"), END)
    client = ChatClient(URL, api_key="sk-of-this-test", model="m", headers={"X-Course": "7"})
    completion = await client.stream("Hi")
    assert (completion.text, completion.outcome, completion.request_id) == ("Hello", "complete", "req_7")
    [(url, options)] = pyodide.asked
    assert url == f"{URL}/chat/completions"
    assert options["headers"]["Authorization"] == "Bearer sk-of-this-test"
    assert options["headers"]["X-Course"] == "7"
    assert not {"accept-encoding", "host"} & {name.lower() for name in options["headers"]}
    assert (options["method"], options["redirect"], options["credentials"]) == ("POST", "manual", "omit")
    assert b'"Hi"' in options["body"]


async def test_a_stop_aborts_fetch(tab: None, pyodide: SimpleNamespace) -> None:
    """The browser closes the connection, and the text so far is kept."""
    pyodide.answer = responding(event("so far"), waits=True)
    stream = ChatClient(URL, api_key="k", model="m").stream("Hi")
    async for delta in stream:
        if isinstance(delta, sw.TextDelta):
            assert pyodide.aborted == 0
            stream.cancel()
    completion = await stream
    assert (completion.text, completion.outcome, pyodide.aborted) == ("so far", "cancelled", 1)


async def test_a_body_that_breaks_is_a_cut_answer(tab: None, pyodide: SimpleNamespace) -> None:
    """The text that came is kept."""
    pyodide.answer = responding(event("half"), pyodide.error("TypeError: network error"))
    with pytest.raises(sw.StreamInterrupted, match="network error") as caught:
        await ChatClient(URL, api_key="k", model="m").stream("Hi")
    assert caught.value.completion.text == "half"


#: The address, the page, the client's headers, and the words of the message.
REFUSED = (
    (URL, "https://page", {}, "models.example does not allow pages of other sites (CORS)"),
    (URL, "https://page", {}, "Use the provider openrouter, or run the notebook in JupyterLab."),
    ("https://openrouter.ai/api/v1", "https://page", {}, "(CORS). Run the notebook in JupyterLab."),
    ("http://models.example/v1", "https://page", {}, "Use an address that begins with https://"),
    ("http://localhost:11434/v1", "https://page", {}, "`OLLAMA_ORIGINS=https://page ollama serve`"),
    ("http://localhost:8000/v1", "http://localhost:9", {}, "does it allow pages of http://localhost:9 (CORS)?"),
    (
        "https://api.anthropic.com/v1",
        "https://page",
        {},
        "only with the header anthropic-dangerous-direct-browser-access: true.",
    ),
    (
        "https://api.anthropic.com/v1",
        "https://page",
        {"Anthropic-Dangerous-Direct-Browser-Access": "true"},
        "Either there is no network",
    ),
)


@pytest.mark.filterwarnings("ignore:For models.example the key is sent unencrypted")
@pytest.mark.parametrize(("url", "page", "headers", "words"), REFUSED)
async def test_a_refused_page_is_told_what_to_type(
    tab: None, pyodide: SimpleNamespace, url: str, page: str, headers: dict[str, str], words: str
) -> None:
    """The browser says only "Failed to fetch". The message says what may be wrong, and nothing is sent twice."""

    def refuse() -> None:
        raise pyodide.error("TypeError: Failed to fetch\n    at https://page/pyodide.mjs")

    pyodide.answer, pyodide.js.location.origin = refuse, page
    client = ChatClient(url, api_key="sk-of-this-test", model="m", headers=headers)
    with pytest.raises(sw.ConnectionFailed) as caught:
        await client.stream("Hi")
    said = str(caught.value)
    assert words in said
    assert "pyodide.mjs" not in said
    assert "sk-of-this-test" not in said
    assert caught.value.error.kind == ("cors_header" if "only with the header" in words else "cors")
    assert len(pyodide.asked) == 1


def test_a_missing_header_is_added_where_the_person_is() -> None:
    """In a cell of ``%chat`` nobody reaches the arguments of a client."""
    failure = sw.ConnectionFailed(ErrorInfo("It answers pages only with a header.", kind="cors_header"))
    in_python, in_cell = explain(failure)[1], explain(failure, Target("api.anthropic.com", "anthropic"))[1]
    assert 'ChatClient(..., headers={"anthropic-dangerous-direct-browser-access": "true"})' in in_python
    assert '%config ChatMagics.headers_env = {"anthropic-dangerous-direct-browser-access"' in in_cell


def test_what_a_tab_cannot_do_is_said_with_another_way(tab: None) -> None:
    """No message asks for a program, for a package or for a variable of the time before Jupyter started."""
    with pytest.raises(sw.ConfigurationError, match=r"starts a program.* run the notebook in JupyterLab"):
        ChatClient(provider="local").stream("Hi")
    with pytest.raises(sw.ConfigurationError, match=r"MCP server needs a thread.* Pass functions as tools"):
        sw.mcp("https://tools.example/mcp")
    needed = explain(sw.HTTPStatusError(ErrorInfo("No key.", status=401)), Target("a.example", key_variable="A_KEY"))
    assert '`import getpass, os; os.environ["A_KEY"] = getpass.getpass()`' in needed[1]
    with pytest.raises(UsageError, match=r'os\.environ\["STREAMWIDGET_API_KEY"\] = getpass'):
        split_line(ArgumentParser(), "--api-key x")
    with pytest.raises(RequestError, match=r"To ask a real one, name its provider\.$"):
        parse_chat({"model": "gpt-5", "messages": [{"role": "user", "content": "Hi"}]}, {})


async def test_a_redirect_is_not_followed(tab: None, pyodide: SimpleNamespace) -> None:
    """A browser does not show where it leads, so the message asks for the address."""
    pyodide.answer = responding(status=0, kind="opaqueredirect")
    with pytest.raises(sw.ConnectionFailed, match=r"models\.example redirects to another address"):
        await ChatClient(URL, api_key="k", model="m").stream("Hi")


async def test_an_http_client_cannot_be_used(tab: None, pyodide: SimpleNamespace) -> None:
    """It would need a socket."""
    async with httpx.AsyncClient() as mine:
        with pytest.raises(sw.ConfigurationError, match="opens no sockets, so an http_client cannot be used"):
            ChatClient(URL, api_key="k", http_client=mine).stream("Hi")


# ---- the page of JupyterLite


def test_nulls_cross_between_jupyterlite_and_its_page(
    monkeypatch: pytest.MonkeyPatch, pyodide: SimpleNamespace
) -> None:
    """A prompt without an edit has a null. Without the correction it "could not be read"."""
    null, sent, received = object(), [], []

    class Comm:
        def publish_msg(self, msg_type: str, data: Any = None, metadata: Any = None, buffers: Any = None) -> None:
            sent.append((data, buffers))

        def handle_msg(self, message: Any) -> None:
            received.append(message)

    module: Any = ModuleType("pyodide_kernel.comm")
    module.Comm, Comm.publish_msg.__module__ = Comm, Comm.__module__
    sys.modules["pyodide.ffi"].jsnull = null  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pyodide_kernel", ModuleType("pyodide_kernel"))
    monkeypatch.setitem(sys.modules, "pyodide_kernel.comm", module)
    keep_nulls()
    keep_nulls()  # once is enough
    comm: Any = module.Comm()
    comm.publish_msg("comm_msg", {"content": {"error": None, "turns": [None, {"key": "a"}]}}, buffers=[b"\0"])
    comm.handle_msg({"content": {"data": {"text": "Hi", "replaces": null, "files": [null]}}})
    assert sent == [({"content": {"error": null, "turns": [null, {"key": "a"}]}}, [b"\0"])]
    assert received == [{"content": {"data": {"text": "Hi", "replaces": None, "files": [None]}}}]


def test_what_a_widget_hears_comes_past_the_kernel_of_jupyterlite(
    tab: None, pyodide: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes on a channel, because the kernel takes no message while a cell awaits. The kernel's name is in it.

    Two notebooks of one lab had one channel, and both called their first view "1". A Stop in one stopped the other too.
    """
    null, channels = object(), {}
    ffi: Any = sys.modules["pyodide.ffi"]
    ffi.jsnull, ffi.create_proxy = null, lambda function: function
    pyodide.js.BroadcastChannel = SimpleNamespace(new=lambda name: channels.setdefault(name, SimpleNamespace()))
    monkeypatch.setattr(control, "_open", [])

    class View:
        heard: ClassVar[list[Any]] = []

        def hear(self, message: Any) -> None:
            self.heard.append(message)

    view, name = View(), control.name_for_pages("1")
    control.register(name, view.hear)
    control.register(control.name_for_pages("2"), view.hear)
    [(channel, made)] = channels.items()
    assert name == f"{channel}/1"
    assert channel != control.TARGET
    said = {"content": {"data": {"op": "set", "id": name, "value": null}}, "buffers": [b"piece"]}
    made.onmessage(SimpleNamespace(data=SimpleNamespace(to_py=lambda: said)))
    assert view.heard == [{"op": "set", "id": name, "value": None, "buffers": [b"piece"]}]
