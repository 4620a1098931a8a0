"""Proxies and certificates of the environment. A wrong variable stops no request that does not need it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from unittest import mock
from urllib.parse import urlsplit

import pytest
import trustme
from hypothesis import given, settings
from hypothesis import strategies as st

import streamwidget as sw
from streamwidget._client import environment
from streamwidget._client.connection import Connection
from streamwidget._client.environment import proxy_for
from streamwidget._client.transport import _way_to
from streamwidget._client.urls import is_loopback
from streamwidget.demo import DemoServer
from tests.support.kernels import ROOT, clean_environment
from tests.support.ports import closed_port
from tests.support.servers import CANARY, QUICK, RawServer, failure_of, response, sse
from tests.support.tracebacks import shown

DATA = Path(__file__).parents[1] / "data"
FAR = "https://far.invalid/v1"
STOP = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
ANSWER = response(sse("a", STOP, b"data: [DONE]\n\n"))
VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")
#: What people reported. In each case the demo server must answer.
REPORTS = [case for case in json.loads((DATA / "reports.json").read_text("utf-8"))["cases"] if case["layer"] == "env"]
#: A user name and a password.
LOGIN = f"me:{CANARY}"


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No variable of the machine that runs the tests, and the files that the tables name."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    (tmp_path / "empty").touch()
    (tmp_path / "words").write_text("not a certificate")
    (tmp_path / "half").write_text("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n")
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)


def set_all(monkeypatch: pytest.MonkeyPatch, variables: Mapping[str, str]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


#: The variable, its value, and what the message for another machine says beside the variable's name.
WRONG = [
    ("SSL_CERT_FILE", "/opt/conda-old/ssl/cacert.pem", "a file that is not there: /opt/conda-old/ssl/cacert.pem"),
    ("SSL_CERT_FILE", "empty", "holds no certificate: empty"),
    ("SSL_CERT_FILE", "words", "holds no certificate: words"),
    ("SSL_CERT_FILE", "half", "holds no certificate: half"),
    ("SSL_CERT_FILE", "folder", "does not name a file: folder"),
    ("SSL_CERT_FILE", "/dev/zero", "does not name a file: /dev/zero"),
    ("SSL_CERT_FILE", " ", "a file that is not there: ' '"),
    ("SSL_CERT_FILE", "x" * 5000, "a file that is not there: xxx"),
    ("SSL_CERT_FILE", os.fsdecode(b"/gone/\xff\n"), "a file that is not there: '/gone/\\udcff\\n'"),
    ("SSL_CERT_DIR", "/opt/conda-old/ssl/certs", "a folder that is not there: /opt/conda-old/ssl/certs"),
    ("SSL_CERT_DIR", "folder", "a folder without certificates: folder"),
    ("SSL_CERT_DIR", "words", "a folder that is not there: words"),
    ("SSLKEYLOGFILE", "/gone/keys.log", "a file that cannot be written: /gone/keys.log (No such file or directory)"),
    ("SSLKEYLOGFILE", "folder", "a file that cannot be written: folder (Is a directory)"),
    ("ALL_PROXY", "socks://127.0.0.1:1080/", "begins with socks://. Write socks5://HOST:PORT"),
    ("all_proxy", "socks4://127.0.0.1:1080", "begins with socks4://. Write socks5://HOST:PORT"),
    ("ALL_PROXY", "socks5://127.0.0.1:1080", "Type: pip install socksio"),
    ("HTTPS_PROXY", "socks5h://127.0.0.1:1080", "Type: pip install socksio"),
    ("HTTPS_PROXY", "ftp://127.0.0.1:21", "begins with ftp://. Write http://HOST:PORT"),
    ("HTTPS_PROXY", f"http://{LOGIN}#1@127.0.0.1:3128", "`#` in it. Write `%23`"),
    ("https_proxy", f"http://{LOGIN}/1@127.0.0.1:3128", "`/` in it. Write `%2F`"),
    ("HTTPS_PROXY", f"http://{LOGIN}?1@127.0.0.1:3128", "`?` in it. Write `%3F`"),
    ("HTTPS_PROXY", f"http://{LOGIN}", "is not the address of a proxy. Write it as http://HOST:PORT"),
    ("HTTPS_PROXY", f"{LOGIN}@", "is not the address of a proxy"),
    ("HTTPS_PROXY", "http://", "is not the address of a proxy"),
    ("HTTPS_PROXY", "http:/127.0.0.1:3128", "is not the address of a proxy"),
    ("HTTPS_PROXY", "http://127.0.0.1:port", "is not the address of a proxy"),
    ("HTTPS_PROXY", "http://127.0.0.1:99999", "is not the address of a proxy"),
    ("HTTPS_PROXY", "http://127.0.0.1:0", "is not the address of a proxy"),
    ("HTTPS_PROXY", "http://::1:3128", "is not the address of a proxy"),
    ("HTTPS_PROXY", '"http://127.0.0.1:3128"', "is not the address of a proxy"),
    ("HTTPS_PROXY", "proxy.corp 3128", "is not the address of a proxy"),
    ("HTTPS_PROXY", "://", "is not the address of a proxy"),
    ("HTTPS_PROXY", "http://300.1.1.1:3128", "names a proxy whose host cannot be read: 300.1.1.1:3128"),
    ("HTTPS_PROXY", "http://[0]:3128", "names a proxy whose host cannot be read: [0]:3128"),
]
NAMES = [f"{name}={value[:30]!r}" for name, value, _ in WRONG]


@pytest.mark.fault("S12", "a wrong variable does not stop the demo server or localhost")
@pytest.mark.parametrize(("name", "value"), [row[:2] for row in WRONG], ids=NAMES)
async def test_a_wrong_variable_does_not_stop_this_machine(
    name: str, value: str, server: DemoServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A loopback address needs neither a proxy nor a certificate."""
    monkeypatch.setenv(name, value)
    assert (await sw.ChatClient(server.url, retry=QUICK).stream("x")).outcome == "complete"


@pytest.mark.fault("S12", "elsewhere the message names it and the next step, without the password")
@pytest.mark.parametrize(("name", "value", "says"), WRONG, ids=NAMES)
async def test_a_wrong_variable_that_is_needed_is_named(
    name: str, value: str, says: str, monkeypatch: pytest.MonkeyPatch, seen: Callable[[str], None]
) -> None:
    """The message names the variable and the next step. It shows no password. Nothing is tried again."""
    monkeypatch.setattr(environment, "find_spec", lambda _: None)  # the package for SOCKS is not there
    monkeypatch.setenv(name, value)
    stream = sw.ChatClient(FAR, retry=QUICK).stream("x")
    told: list[sw.StreamEvent] = []
    stream.subscribe(told.extend)
    failure = await failure_of(stream)
    assert isinstance(failure, sw.ConnectionFailed)
    assert (failure.error.kind, failure.retryable) == ("environment", False)
    assert str(failure).startswith(f"{name} ")
    assert says in str(failure)
    assert str(failure).isprintable()
    assert CANARY not in shown(failure)
    assert not any(isinstance(event, sw.Retry) for event in told)
    seen(str(failure)[:100])


@pytest.mark.parametrize(
    "variables",
    [
        *[case["input"]["env"] for case in REPORTS],
        dict.fromkeys(VARIABLES, "http://["),
    ],
)
def test_the_demo_answers_in_a_fresh_process_with_bad_variables(variables: dict[str, str]) -> None:
    """The variables are set before the process starts. No key and no address are configured."""
    code = "import streamwidget as sw; print(sw.ChatClient().stream('x', demo={'tokens': 3}).wait().outcome)"
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=clean_environment(variables),
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.split() == ["complete"]


async def test_a_variable_that_is_corrected_is_used_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Also where only the content of the file changes. The same client asks again."""
    authority, other = trustme.CA(), trustme.CA()
    file = tmp_path / "authority.pem"
    with https(authority) as server:
        client = sw.ChatClient(server.url, retry=QUICK)
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        assert (await failure_of(client.stream("x"))).error.kind == "environment"
        other.cert_pem.write_to_path(str(file))
        failure = await failure_of(client.stream("x"))
        assert failure.error.kind == "tls"
        assert f"Only the certificates of SSL_CERT_FILE are trusted: {file}." in str(failure)
        os.utime(file, (1, 1))  # the clock of the file system may be coarse
        authority.cert_pem.write_to_path(str(file))
        assert (await client.stream("x")).outcome == "complete"


def https(authority: trustme.CA) -> RawServer:
    """Return a server on this machine that shows a certificate of the authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    server = RawServer(ANSWER, context=context)
    server.url = server.url.replace("http://127.0.0.1", "https://localhost")
    return server


async def test_a_proxy_with_tls_is_trusted_by_the_same_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy whose address is https:// shows a certificate too, also for a request to http://."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path("authority.pem")
    with https(authority) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"https://localhost:{proxy.port}")
        client = sw.ChatClient("http://far.invalid/v1", retry=QUICK)
        failure = await failure_of(client.stream("x"))
        assert failure.error.kind == "proxy"
        assert str(failure).startswith(f"No secure connection to localhost:{proxy.port}, the proxy of HTTP_PROXY, on")
        monkeypatch.setenv("SSL_CERT_FILE", "authority.pem")
        assert (await client.stream("x")).outcome == "complete"


async def test_only_a_certificate_that_is_not_trusted_names_the_trusted_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server without TLS has another fault."""
    trustme.CA().cert_pem.write_to_path("authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", "authority.pem")
    with RawServer(response(b"", status="400 Bad Request")) as server:
        failure = await failure_of(sw.ChatClient(server.url.replace("http", "https"), retry=QUICK).stream("x"))
    assert failure.error.kind == "tls"
    assert "SSL_CERT_FILE" not in str(failure)


async def test_the_key_log_is_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A good SSLKEYLOGFILE works."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path("authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", "authority.pem")
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys.log"))
    with https(authority) as server:
        assert (await sw.ChatClient(server.url).stream("x")).outcome == "complete"
    assert "SECRET" in (tmp_path / "keys.log").read_text()


async def test_certificates_that_no_variable_names_and_that_are_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package certifi may be half removed. The message says how to repair it."""
    monkeypatch.setattr("certifi.where", lambda: "/gone/cacert.pem")
    monkeypatch.setenv("SSLKEYLOGFILE", os.devnull)  # a setting that no other test has, so nothing is cached
    failure = await failure_of(sw.ChatClient(FAR, retry=QUICK).stream("x"))
    assert failure.error.kind == "environment"
    assert "Type: pip install --force-reinstall certifi." in str(failure)


# ---- loopback

HERE = [
    "localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "127.1", "0x7f.1", "2130706433", "017700000001", "0.0.0.0", "0",
    "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:0:0:1]", "[::]", "localhost.", "a.localhost",
    "a.b.localhost.", "127.0.0.1.",
]  # fmt: skip


@pytest.mark.fault("S12", "no spelling of this machine goes to a proxy")
@pytest.mark.parametrize("host", HERE)
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_no_spelling_of_this_machine_goes_to_a_proxy(
    host: str, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The request reaches the server, or the name is not known here. In both cases nothing reaches the proxy."""
    assert is_loopback(f"{scheme}://{host}:8000/v1")
    address = "::" if host in ("[::1]", "[0:0:0:0:0:0:0:1]", "[::]") else "0.0.0.0"
    with RawServer(ANSWER) as proxy, RawServer(ANSWER, address) as server:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        stream = sw.ChatClient(f"{scheme}://{host}:{server.port}/v1", retry=sw.RetryPolicy(attempts=1)).stream("x")
        with contextlib.suppress(sw.ConnectionFailed):
            await stream
        error = stream.completion.error
        known = error is None or "Cannot find" not in error.message
        assert (server.connections, proxy.connections) == (known, 0)
        assert not known or (error and error.kind) == ("tls" if scheme == "https" else None)


@pytest.mark.parametrize(
    "host", ["localhost.example", "notlocalhost", "128.0.0.1", "10.0.0.1", "[::2]", "[::ffff:10.0.0.1]", "1.127", "127"]
)
def test_other_hosts_are_not_this_machine(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that only begins or ends like it goes by the proxy."""
    monkeypatch.setenv("HTTP_PROXY", "proxy.example:3128")
    proxy = proxy_for(f"http://{host}:8000/v1")
    assert proxy is not None
    assert (proxy.scheme, proxy.place) == ("http", "proxy.example:3128")


async def test_a_package_that_is_newer_than_the_process_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever follows the advice in a notebook has it then. httpcore looked for it before, and does not look again."""
    import httpcore  # noqa: F401

    monkeypatch.delitem(sys.modules, "socksio", raising=False)
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1080")
    failure = await failure_of(sw.ChatClient(FAR, retry=QUICK).stream("x"))
    assert failure.error.kind == "environment"
    assert str(failure).endswith("Restart the kernel.")


# ---- which proxy


@pytest.mark.parametrize(
    ("variables", "url", "proxy"),
    [
        ({"HTTPS_PROXY": "a:1", "ALL_PROXY": "b:2"}, "https://far.example", "a:1, the proxy of HTTPS_PROXY"),
        ({"HTTPS_PROXY": "a:1", "ALL_PROXY": "b:2"}, "http://far.example", "b:2, the proxy of ALL_PROXY"),
        ({"HTTPS_PROXY": "a:1"}, "http://far.example", None),
        ({"HTTPS_PROXY": "a:1", "https_proxy": "b:2"}, "https://far.example", "b:2, the proxy of https_proxy"),
        ({"HTTPS_PROXY": "a:1", "https_proxy": ""}, "https://far.example", None),
        ({"HTTPS_PROXY": " http://a:1/ \r\n"}, "https://far.example", "a:1, the proxy of HTTPS_PROXY"),
        ({"HTTPS_PROXY": " "}, "https://far.example", None),
        ({"HTTPS_PROXY": "HTTP://[::1]:1"}, "https://far.example", "[::1]:1, the proxy of HTTPS_PROXY"),
        # A wrong variable that this address does not need. GNOME sets such an ALL_PROXY beside good ones.
        ({"HTTPS_PROXY": "a:1", "ALL_PROXY": "socks://b:2"}, "https://far.example", "a:1, the proxy of HTTPS_PROXY"),
        ({"HTTP_PROXY": "http://[", "NO_PROXY": "far.example"}, "http://far.example", None),
    ],
)
def test_the_proxy_of_an_address(
    variables: dict[str, str], url: str, proxy: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variable of the scheme comes first, then ALL_PROXY. Lower case wins."""
    set_all(monkeypatch, variables)
    found = proxy_for(url)
    assert (found and str(found)) == proxy


@pytest.mark.parametrize(
    ("no_proxy", "covered", "not_covered"),
    [
        ("*", ["https://far.example"], []),
        ("a.example, far.example", ["https://far.example", "https://b.FAR.example."], ["https://notfar.example"]),
        ("a.example far.example.", ["https://far.example"], ["https://example"]),
        (".far.example", ["https://a.far.example"], ["https://far.example"]),
        ("*.far.example", ["https://a.far.example"], ["https://far.example"]),
        ("far.example:8443", ["https://far.example:8443"], ["https://far.example"]),
        ("far.example:443", ["https://far.example"], ["https://far.example:8443"]),
        ("https://far.example", ["https://far.example"], ["http://far.example"]),
        ("10.1.2.3", ["https://10.1.2.3"], ["https://10.1.2.4"]),
        ("10.1.2.*", ["https://10.1.2.3"], ["https://10.1.3.2", "https://10.1.2"]),
        ('"a.example;far.example"', ["https://far.example", "https://a.example"], ["https://b.example"]),
        ("https://far.example/", ["https://far.example"], ["https://a.example"]),
        ("10.0.0.0/8", ["https://10.1.2.3", "https://10.1"], ["https://11.1.2.3", "https://10.example"]),
        ("fd00::/8", ["https://[fd12::1]"], ["https://[fe12::1]", "https://10.1.2.3"]),
        ("[fd00::]/8", ["https://[fd12::1]"], ["https://[fe12::1]"]),
        ("[fd00::1]", ["https://[fd00::1]", "https://[fd00:0::1]:8443"], ["https://[fd00::2]"]),
        ("[fd00::1]:8443", ["https://[fd00::1]:8443"], ["https://[fd00::1]"]),
        ("fd00::1", ["https://[fd00::1]"], ["https://[fd00::2]"]),
        ("[::1],::1/128,[,],[]:,://,:,/,.,*.,10.0.0.0/99,[x]:99999999,%,far.example", ["https://far.example"], ["https://a.example"]),
    ],
)  # fmt: skip
def test_no_proxy_is_read_in_all_its_forms(
    no_proxy: str, covered: list[str], not_covered: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names, networks and addresses of both versions, with a port or a scheme. What cannot be read is skipped."""
    set_all(monkeypatch, {"ALL_PROXY": "http://proxy.example:3128", "NO_PROXY": no_proxy})
    assert [url for url in covered if proxy_for(url) is not None] == []
    assert [url for url in not_covered if proxy_for(url) is None] == []


@pytest.mark.parametrize("no_proxy", ["localhost,[::1]", "localhost,::1,fd00::/8,10.0.0.0/8"])
async def test_ipv6_in_no_proxy_stops_no_request(no_proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The request for another machine goes to the proxy, as if the entry were not there."""
    with RawServer(ANSWER) as proxy:
        set_all(monkeypatch, {"HTTP_PROXY": f"127.0.0.1:{proxy.port}", "NO_PROXY": no_proxy})
        assert (await sw.ChatClient("http://far.invalid/v1").stream("x")).outcome == "complete"
    assert proxy.requests[0].startswith(b"POST http://far.invalid/v1/chat/completions HTTP/1.1")


@pytest.mark.parametrize("login", ["me:p%23ss", "me:p@ss", "me:p[s]", "me", ":pass"])
async def test_the_user_and_password_of_a_proxy_are_sent_to_it(login: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Written as in a URL. A character that does not end the address may also stand as it is."""
    with RawServer(ANSWER) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://{login}@127.0.0.1:{proxy.port}")
        await sw.ChatClient("http://far.invalid/v1").stream("x")
    user, _, password = login.replace("%23", "#").partition(":")
    sent = base64.b64encode(f"{user}:{password}".encode())
    assert b"proxy-authorization: basic " + sent.lower() in proxy.requests[0].lower()


# ---- a proxy that does not work


def closes(connection: socket.socket) -> None:
    """Answer nothing."""


def stays_silent(connection: socket.socket) -> None:
    connection.recv(1)


DEAD = [
    (closes, "http", "did not answer as a proxy does"),
    (b"\x05\xff", "http", "did not answer as a proxy does"),
    (
        b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n",
        "http",
        "refused to connect to far.invalid: 403 Forbidden",
    ),
    (b"HTTP/1.1 502 no " + CANARY.encode() + b"\r\ncontent-length: 0\r\n\r\n", "http", "refused to connect"),
    (b"HTTP/1.1 400 Bad Request\r\n\r\n", "https", "does not speak TLS. Write http://127.0.0.1:{port} into"),
]


@pytest.mark.parametrize(("answer", "scheme", "says"), DEAD)
async def test_a_proxy_that_does_not_do_its_work_is_named(
    answer: bytes | Callable[[socket.socket], None], scheme: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the proxy's host, port and variable. The server got nothing, and the password is not shown."""
    with RawServer(answer) as proxy:
        monkeypatch.setenv("https_proxy", f"{scheme}://me:{CANARY}@127.0.0.1:{proxy.port}")
        failure = await failure_of(sw.ChatClient(FAR, retry=QUICK).stream("the prompt"))
        assert (failure.error.kind, failure.retryable, proxy.connections) == ("proxy", False, 1)
        assert f"127.0.0.1:{proxy.port}, the proxy of https_proxy, " in str(failure)
        assert says.format(port=proxy.port) in str(failure)
        assert CANARY not in shown(failure)
        assert all(b"the prompt" not in request for request in proxy.requests)


@pytest.mark.fault("N5", "a dead proxy is named with its variable, and not the server")
@pytest.mark.parametrize("url", [FAR, FAR.replace("https", "http")])
async def test_a_dead_proxy_is_named_and_not_the_server(
    url: str, monkeypatch: pytest.MonkeyPatch, seen: Callable[[str], None]
) -> None:
    """Nobody listens there, or its name is not known."""
    port = closed_port()
    monkeypatch.setenv("ALL_PROXY", f"127.0.0.1:{port}")
    failure = await failure_of(sw.ChatClient(url, retry=QUICK).stream("x"))
    assert str(failure) == (
        f"No connection to 127.0.0.1:{port}, the proxy of ALL_PROXY, on the way to far.invalid: Connection refused. "
        "Correct or unset ALL_PROXY, or add far.invalid to NO_PROXY."
    )
    assert (failure.error.kind, failure.retryable) == ("proxy", False)
    monkeypatch.setenv("ALL_PROXY", "http://proxy.invalid:3128")
    failure = await failure_of(sw.ChatClient(url, retry=QUICK).stream("x"))
    assert str(failure).startswith("Cannot find proxy.invalid:3128, the proxy of ALL_PROXY, on the way to far.invalid.")
    assert failure.error.kind == "proxy"
    seen(str(failure))


@pytest.mark.parametrize("limit", ["connect", "headers"])
async def test_a_proxy_that_is_silent_is_named(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit that passes names the proxy: its TLS is waited for, or its answer to CONNECT."""
    with RawServer(stays_silent) as proxy:
        # A TLS server that is silent holds the connection. A plain one has not answered CONNECT.
        scheme = "https" if limit == "connect" else "http"
        monkeypatch.setenv("HTTPS_PROXY", f"{scheme}://127.0.0.1:{proxy.port}")
        client = sw.ChatClient(FAR, timeout=sw.Timeout(**{limit: 0.3}), retry=sw.RetryPolicy(attempts=1))
        failure = await failure_of(client.stream("x"))
    assert failure.error.kind == limit
    assert f"127.0.0.1:{proxy.port}, the proxy of HTTPS_PROXY, " in str(failure)


@pytest.mark.parametrize("url", [FAR, FAR.replace("https", "http")])
async def test_a_proxy_that_wants_a_password_is_told_where_it_belongs(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """407 names the variable that has the user and the password, or that has none."""
    with RawServer(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n") as proxy:
        place = f"127.0.0.1:{proxy.port}"
        monkeypatch.setenv("ALL_PROXY", f"http://{place}")
        failure = await failure_of(sw.ChatClient(url, retry=QUICK).stream("x"))
        assert failure.error.kind == "proxy"
        assert str(failure) == (
            f"{place}, the proxy of ALL_PROXY, wants a user name and a password. "
            f"Write them into ALL_PROXY: http://USER:PASSWORD@{place}"
        )
        monkeypatch.setenv("ALL_PROXY", f"http://me:{CANARY}@{place}")
        failure = await failure_of(sw.ChatClient(url, retry=QUICK).stream("x"))
        assert str(failure) == (
            f"{place}, the proxy of ALL_PROXY, refused the user name and password that ALL_PROXY holds. "
            "Correct them there."
        )
        assert proxy.connections == 2


async def test_a_server_that_fails_behind_a_proxy_is_not_taken_for_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tunnel stands, and the server shows a certificate that is not trusted. The proxy is named as the way."""

    def connects(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        connection.recv(1)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with RawServer(connects) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"127.0.0.1:{proxy.port}")
        failure = await failure_of(sw.ChatClient(FAR, retry=QUICK).stream("x"))
    assert failure.error.kind == "tls"
    way = f"by way of 127.0.0.1:{proxy.port}, the proxy of HTTPS_PROXY"
    assert str(failure).startswith(f"No secure connection to far.invalid, {way}: it does not speak TLS.")


async def test_a_connection_that_is_used_again_waits_for_no_proxy() -> None:
    """On a kept tunnel the first event is that of the request. What fails then is the server."""
    connection = Connection()
    for tunnel in (True, False):
        connection.go_by("the proxy", tunnel=tunnel)
        await connection.follow("http11.send_request_headers.started", {})
        assert connection.waits_for == ""
        await connection.follow("connection.connect_tcp.started", {})
        assert connection.waits_for == "the proxy"
        await connection.follow("http11.send_request_headers.started", {})
        assert connection.waits_for == ("the proxy" if tunnel else "")
        await connection.follow("proxy.start_tls.started", {})
        assert connection.waits_for == ""
        assert connection.connecting
    await connection.follow("socks.connect_tcp.started", {})
    await connection.follow("socks.setup_socks5_connection.started", {})
    assert connection.waits_for == "the proxy"
    await connection.follow("socks.start_tls.started", {})
    assert (connection.waits_for, connection.connecting) == ("", True)


# ---- whatever the environment and the address say

ODD = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=30) | st.text(
    "htps:/#?@[]%.0129ax -_*,\\", max_size=30
)


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    with asyncio.Runner() as runner:
        yield runner.get_loop()


def named_on_the_way(url: str) -> str | None:
    """Return the variable of the proxy for this address, or the one that an error names."""
    try:
        proxy, _ = _way_to(url)
    except sw.ConnectionFailed as failure:
        return failure.error.message.partition(" ")[0] if failure.error.kind == "environment" else str(failure)
    return proxy and proxy.variable


@settings(max_examples=200, deadline=None)
@given(name=st.sampled_from(VARIABLES), prefix=st.sampled_from(["", "http://", "socks5://", "x:y@"]), value=ODD)
def test_no_value_of_a_variable_is_a_fault_of_ours(
    loop: asyncio.AbstractEventLoop, name: str, prefix: str, value: str
) -> None:
    """Each gives a client, or an error that names the variable. This machine is always reached."""

    async def ways() -> None:
        for url in (FAR, "http://far.invalid", "http://10.1.2.3"):
            assert named_on_the_way(url) in (None, name)
        assert _way_to("http://localhost:8000/v1")[0] is None

    with mock.patch.dict(os.environ, {name: prefix + value}):
        loop.run_until_complete(ways())


@settings(max_examples=100, deadline=None)
@given(host=ODD, path=ODD)
def test_no_address_is_a_fault_of_ours(loop: asyncio.AbstractEventLoop, host: str, path: str) -> None:
    """Each is refused when the client is made, or ends in words. Names below .localhost leave this machine alone."""

    async def ask() -> None:
        for url in (f"http://{host}.localhost:9/{path}", f"http://127.{host}:9/{path}"):
            try:
                client = sw.ChatClient(url, retry=sw.RetryPolicy(attempts=1), timeout=sw.Timeout(connect=1))
            except sw.ConfigurationError:
                continue
            if not is_loopback(url):
                continue
            failure = await failure_of(client.stream("x"))
            assert isinstance(failure, sw.ConnectionFailed | sw.StreamTimeout), url

    loop.run_until_complete(ask())


@pytest.mark.parametrize(
    "url", ["http://256.1.1.1/v1", "http://xn--/v1", "http://ａ.localhost/v1", "http://a" + "b" * 70]
)
async def test_a_host_that_cannot_be_one_is_said_in_words(url: str) -> None:
    """The message repeats the host. Nothing is tried again."""
    failure = await failure_of(sw.ChatClient(url, retry=sw.RetryPolicy(attempts=1)).stream("x"))
    assert isinstance(failure, sw.ConnectionFailed)
    assert (urlsplit(url).hostname or "?") in str(failure)


async def test_a_given_client_that_raises_is_named() -> None:
    """It is closed, or a hook of its owner raises. That is not a fault of ours."""
    httpx = pytest.importorskip("httpx")

    async def hook(_request: object) -> None:
        raise LookupError("the owner's")

    closed = httpx.AsyncClient()
    await closed.aclose()
    for given_client, says in (
        (closed, "RuntimeError"),
        (httpx.AsyncClient(event_hooks={"request": [hook]}), "LookupError: the owner's"),
    ):
        failure = await failure_of(sw.ChatClient("http://127.0.0.1:9", http_client=given_client).stream("x"))
        assert failure.error.kind == "http_client"
        assert f"The http_client raised {says}" in str(failure)
        await given_client.aclose()


def test_a_proxy_hides_its_password() -> None:
    """In its repr, and in what the proxy says."""
    proxy = environment.read_proxy(f"http://me:{CANARY}%23@h:1", "HTTPS_PROXY")
    assert CANARY not in repr(proxy)
    assert proxy.mask(f"no {CANARY}# and {CANARY}%23") == "no [password] and [password]"
