"""The doctor at real proxies: it names the hop of each arranged fault, and accuses nobody on a healthy path.

``make doctors`` runs it. It needs nginx, haproxy and tinyproxy.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import trustme

from streamwidget._client import environment
from streamwidget._client.client import ChatClient
from streamwidget.demo import DemoServer
from streamwidget.doctor._examine import Examination
from streamwidget.doctor._network import _OTHERS, _PROXIES
from streamwidget.doctor._report import Report
from tests.doctor.fronts import HOST, PROGRAMS, haproxy, joined, missing, nginx, socks, steady, tinyproxy
from tests.support.ports import closed_port
from tests.support.servers import Answer, RawServer, response

pytestmark = pytest.mark.skipif(bool(missing()), reason=f"needs {', '.join(PROGRAMS)}: apt-get install them, as root")
KEY = "sk-doctor-0123456789abcdef"
PASSWORD = "pass-0123456789word"
UNBUFFERED = "proxy_buffering off;"


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*_PROXIES, *_OTHERS):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    with contextlib.ExitStack() as stack:
        yield Place(tmp_path, monkeypatch, stack)


class Place:
    """The parts of the arranged paths."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, stack: contextlib.ExitStack) -> None:
        self.folder = folder
        self.set = monkeypatch.setenv
        self._monkeypatch = monkeypatch
        self._stack = stack
        self.fields: dict[str, object] = {}
        self.authority = trustme.CA()

    def enter(self, front: contextlib.AbstractContextManager[int]) -> int:
        return self._stack.enter_context(front)

    def demo(self, *, rate: float = 60, first: float = 0.35) -> int:
        server = DemoServer(tokens_per_second=rate, first_delta=first, host="0.0.0.0")
        return self._stack.enter_context(server).port

    def at(self, name: str) -> Path:
        (self.folder / name).mkdir()
        return self.folder / name

    def raw(self, answer: Answer, host: str = "127.0.0.1") -> int:
        """Run a server of ours. A function answers questions, and a model is listed."""

        def act(connection: socket.socket) -> None:
            if isinstance(answer, bytes):
                connection.sendall(answer)
            elif server.newest.startswith(b"GET"):
                connection.sendall(response(b'{"data":[{"id":"m"}]}', kind="application/json"))
            elif server.newest:
                answer(connection)

        server = self._stack.enter_context(RawServer(act, host))
        return server.port

    def enter_socket(self, made: socket.socket) -> socket.socket:
        return self._stack.enter_context(made)

    def name(self, name: str, addresses: list[tuple[str, int]]) -> None:
        """Let the system find these addresses for a name."""
        real = socket.getaddrinfo

        def find(host: Any, *args: Any, **kwargs: Any) -> Any:
            if host not in (name, name.encode()):
                return real(host, *args, **kwargs)
            return [found for address, port in addresses for found in real(address, port, type=socket.SOCK_STREAM)]

        self._monkeypatch.setattr(socket, "getaddrinfo", find)

    def forget_package(self, name: str) -> None:
        """Let a package look as if it were not installed."""
        self._monkeypatch.setattr(environment, "find_spec", lambda asked: None if asked == name else find_spec(asked))

    def certified(self) -> trustme.LeafCert:
        return self.authority.issue_cert(HOST, "localhost")

    def trust(self) -> None:
        path = self.folder / "authority.pem"
        self.authority.cert_pem.write_to_path(path)
        self.set("SSL_CERT_FILE", str(path))


def examine(url: str, *, model: str | None = None, key: str | None = None, patience: float = 30) -> Report:
    """Walk the path, as the command does."""
    report = asyncio.run(Examination(lambda: ChatClient(url, key, model), print, patience=patience).run())
    print(report)
    for secret in (KEY, PASSWORD):
        assert secret not in f"{report}{report.to_json()}{report.to_markdown()}"
    return report


def examine_port(port: int, *, model: str | None = None, key: str | None = None, patience: float = 30) -> Report:
    """Walk the path to what listens at a port of this machine, without TLS."""
    return examine(f"http://127.0.0.1:{port}/v1", model=model, key=key, patience=patience)


# ---- faults: each returns the report. FAULTS has the hop, and words of the verdict


def wrong_name(place: Place) -> Report:
    return examine("http://no-such-host.invalid/v1")


def closed(place: Place) -> Report:
    return examine_port(closed_port())


def self_signed(place: Place) -> Report:
    port = place.enter(nginx(place.demo(), place.at("n"), how=UNBUFFERED, tls=place.certified()))
    return examine(f"https://localhost:{port}/v1", key=KEY)


def no_certificate_file(place: Place) -> Report:
    place.set("SSL_CERT_FILE", "/no/such/file.pem")
    return examine("https://localhost:9/v1")


def proxy_down(place: Place) -> Report:
    place.set("HTTP_PROXY", f"http://me:{PASSWORD}@127.0.0.1:{closed_port()}")
    return examine(f"http://{HOST}:{place.demo()}/v1")


def proxy_refuses_connect(place: Place) -> Report:
    port = place.enter(nginx(place.demo(), place.at("n"), how=UNBUFFERED, tls=place.certified()))
    place.trust()
    tunnel = place.enter(tinyproxy(place.at("t"), connects_to=443))
    place.set("HTTPS_PROXY", f"http://me:{PASSWORD}@127.0.0.1:{tunnel}")
    return examine(f"https://{HOST}:{port}/v1", key=KEY)


def proxy_filters(place: Place) -> Report:
    place.set("HTTP_PROXY", f"http://127.0.0.1:{place.enter(tinyproxy(place.at('t'), refuses=HOST))}")
    return examine(f"http://{HOST}:{place.demo()}/v1")


def proxy_buffers(place: Place) -> Report:
    port = place.demo()
    place.set("HTTP_PROXY", f"http://127.0.0.1:{place.enter(nginx(port, place.at('n')))}")
    return examine(f"http://{HOST}:{port}/v1")


def both_buffer(place: Place) -> Report:
    buffers = place.enter(nginx(place.demo(), place.at("n")))
    place.set("HTTP_PROXY", f"http://127.0.0.1:{place.enter(tinyproxy(place.at('t')))}")
    return examine(f"http://{HOST}:{buffers}/v1")


def wrong_key(place: Place) -> Report:
    body = b'{"error":{"message":"Incorrect API key provided"}}'
    with RawServer(response(body, status="401 No", kind="application/json")) as server:
        return examine(server.url, key=KEY)


def wrong_model(place: Place) -> Report:
    return examine_port(place.demo(), model="no-such-model")


def no_version(place: Place) -> Report:
    return examine(f"http://127.0.0.1:{place.demo()}")


def nginx_buffers(place: Place) -> Report:
    port = place.enter(nginx(place.demo(), place.at("n")))
    return examine_port(port)


def nginx_compresses(place: Place) -> Report:
    port = place.enter(nginx(place.demo(), place.at("n"), how=UNBUFFERED, gzip=True))
    return examine_port(port)


def nginx_gives_up(place: Place) -> Report:
    port = place.enter(nginx(place.demo(first=9), place.at("n"), how=f"{UNBUFFERED} proxy_read_timeout 5s;"))
    return examine_port(port)


def haproxy_gives_up(place: Place) -> Report:
    port = place.enter(haproxy(place.demo(), place.at("h"), timeout="5s"))
    return examine_port(port, model="demo-silent")


def one_reply(place: Place) -> Report:
    return examine_port(place.demo(), model="demo-json")


def expired(place: Place) -> Report:
    leaf = place.authority.issue_cert("localhost", not_after=datetime(2020, 1, 1, tzinfo=UTC))
    place.trust()
    return examine(f"https://localhost:{place.enter(nginx(place.demo(), place.at('n'), tls=leaf))}/v1", key=KEY)


def another_name(place: Place) -> Report:
    leaf = place.authority.issue_cert("llm.example.org")
    place.trust()
    return examine(f"https://localhost:{place.enter(nginx(place.demo(), place.at('n'), tls=leaf))}/v1")


def no_intermediate(place: Place) -> Report:
    leaf = place.authority.create_child_ca().issue_cert("localhost")
    leaf.cert_chain_pems[:] = leaf.cert_chain_pems[:1]
    place.trust()
    return examine(f"https://localhost:{place.enter(nginx(place.demo(), place.at('n'), tls=leaf))}/v1")


def another_variable(place: Place) -> Report:
    place.set("REQUESTS_CA_BUNDLE", str(place.folder / "authority.pem"))
    port = place.enter(nginx(place.demo(), place.at("n"), how=UNBUFFERED, tls=place.certified()))
    return examine(f"https://localhost:{port}/v1")


def wants_a_certificate(place: Place) -> Report:
    place.trust()
    asks = f"}} ssl_client_certificate {place.folder}/authority.pem; ssl_verify_client on; location /none {{"
    port = place.enter(nginx(place.demo(), place.at("n"), how=f"{UNBUFFERED} {asks}", tls=place.certified()))
    return examine(f"https://localhost:{port}/v1", key=KEY)


def http_to_https(place: Place) -> Report:
    return examine(f"http://localhost:{place.enter(nginx(place.demo(), place.at('n'), tls=place.certified()))}/v1")


def https_to_http(place: Place) -> Report:
    return examine(f"https://localhost:{place.demo()}/v1")


def drops(place: Place) -> Report:
    """The queue of this port is full, so the system drops whoever comes, as a firewall does."""
    full = place.enter_socket(socket.create_server(("127.0.0.1", 0), backlog=0))
    for _ in range(3):
        waiting = place.enter_socket(socket.socket())
        waiting.setblocking(False)
        waiting.connect_ex(full.getsockname())
    return examine_port(full.getsockname()[1])


def proxy_wants_a_password(place: Place) -> Report:
    proxy = place.raw(response(b"", "proxy-authenticate: Basic", status="407 No"))
    place.set("HTTPS_PROXY", f"http://127.0.0.1:{proxy}")
    return examine(f"https://{HOST}:4433/v1", key=KEY)


def proxy_without_tls(place: Place) -> Report:
    place.set("HTTPS_PROXY", f"https://me:{PASSWORD}@127.0.0.1:{place.enter(tinyproxy(place.at('t')))}")
    return examine(f"https://{HOST}:4433/v1")


def proxy_shows_a_page(place: Place) -> Report:
    proxy = place.raw(response(b"<html><title>Sign in</title></html>", kind="text/html"))
    place.set("HTTP_PROXY", f"http://127.0.0.1:{proxy}")
    return examine(f"http://{HOST}:{place.demo()}/v1")


def proxy_knows_no_server(place: Place) -> Report:
    place.set("HTTP_PROXY", f"http://127.0.0.1:{place.enter(nginx(closed_port(), place.at('n')))}")
    place.set("NO_PROXY", "another.example")
    return examine(f"http://{HOST}:{place.demo()}/v1")


def socks_proxy(place: Place) -> Report:
    place.set("ALL_PROXY", f"socks4://me:{PASSWORD}@127.0.0.1:1080")
    return examine(f"https://{HOST}:4433/v1")


def no_certificates_in_file(place: Place) -> Report:
    (place.folder / "empty.pem").touch()
    place.set("SSL_CERT_FILE", str(place.folder / "empty.pem"))
    return examine("https://localhost:9/v1")


def nobody_behind_nginx(place: Place) -> Report:
    return examine_port(place.enter(nginx(closed_port(), place.at("n"))))


def login_page(place: Place) -> Report:
    return examine_port(place.raw(response(b"", "location: https://wifi.example/", status="302 Go")))


def wrong_prefix(place: Place) -> Report:
    how = f"{UNBUFFERED} }} location /team/ {{ proxy_pass http://127.0.0.1:{place.demo()}/; {UNBUFFERED}"
    return examine(f"http://127.0.0.1:{place.enter(nginx(closed_port(), place.at('n'), how=how))}/team")


def joins_4_kb(place: Place) -> Report:
    return examine_port(place.raw(joined(size=4096)))


def joins_a_second(place: Place) -> Report:
    return examine_port(place.raw(joined(every=1)))


def holds_all(place: Place) -> Report:
    return examine_port(place.raw(joined(size=10**6, kind="application/octet-stream")))


def cut(place: Place) -> Report:
    return examine_port(place.demo(), model="demo-drop")


def stalls_behind_nginx(place: Place) -> Report:
    port = place.enter(nginx(place.demo(), place.at("n"), how=f"{UNBUFFERED} proxy_read_timeout 5s;"))
    return examine_port(port, model="demo-stall")


def socks_without_its_package(place: Place) -> Report:
    place.forget_package("socksio")
    place.set("ALL_PROXY", f"socks5://me:{PASSWORD}@127.0.0.1:1080")
    return examine(f"http://{HOST}:{place.demo()}/v1")


def socks_refuses_the_password(place: Place) -> Report:
    place.set("ALL_PROXY", f"socks5://me:{PASSWORD}@127.0.0.1:{place.enter(socks(login=('me', 'another')))}")
    return examine(f"http://{HOST}:{place.demo()}/v1")


def socks_named_as_http(place: Place) -> Report:
    place.set("HTTP_PROXY", f"http://me:{PASSWORD}@127.0.0.1:{place.enter(socks())}")
    return examine(f"http://{HOST}:{place.demo()}/v1")


def socks_named_as_http_for_a_tunnel(place: Place) -> Report:
    place.set("HTTPS_PROXY", f"http://127.0.0.1:{place.enter(socks())}")
    return examine(f"https://{HOST}:{place.demo()}/v1")


def http_named_as_socks(place: Place) -> Report:
    place.set("ALL_PROXY", f"socks5://me:{PASSWORD}@127.0.0.1:{place.enter(tinyproxy(place.at('t')))}")
    return examine(f"http://{HOST}:{place.demo()}/v1")


def nobody_behind_socks(place: Place) -> Report:
    place.set("ALL_PROXY", f"socks5://127.0.0.1:{place.enter(socks())}")
    return examine(f"http://{HOST}:{closed_port()}/v1")


def nginx_buffers_behind_socks(place: Place) -> Report:
    """A SOCKS proxy carries bytes, and holds none."""
    place.set("ALL_PROXY", f"socks5://127.0.0.1:{place.enter(socks())}")
    return examine(f"http://{HOST}:{place.enter(nginx(place.demo(), place.at('n')))}/v1")


def no_empty_lines(place: Place) -> Report:
    return examine_port(place.raw(steady(framed=lambda event: event.replace(b"\n\n", b"\n"))))


def a_key_of_another_provider(place: Place) -> Report:
    return examine_port(place.demo(), model="demo-401", key=f"sk-ant-{KEY}")


def the_name_of_the_variable(place: Place) -> Report:
    return examine_port(place.demo(), model="demo-401", key="$OPENAI_API_KEY")


def another_case(place: Place) -> Report:
    return examine_port(place.demo(), model="Demo-Slow")


FAULTS: dict[Callable[[Place], Report], tuple[str, str]] = {
    wrong_name: ("DNS", "no-such-host.invalid"),
    closed: ("TCP", "Connection refused"),
    self_signed: ("TLS", "certificate"),
    no_certificate_file: ("environment", "SSL_CERT_FILE"),
    proxy_down: ("TCP", "the proxy of HTTP_PROXY"),
    proxy_refuses_connect: ("proxy", "HTTPS_PROXY"),
    proxy_filters: ("proxy", "HTTP_PROXY"),
    proxy_buffers: ("proxy", "Without 127.0.0.1"),
    both_buffer: ("stream", "nginx"),
    wrong_key: ("models", "401"),
    wrong_model: ("models", "no-such-model"),
    no_version: ("models", "/v1"),
    nginx_buffers: ("stream", "nginx"),
    nginx_compresses: ("stream", "gzip"),
    nginx_gives_up: ("stream", "timeout"),
    haproxy_gives_up: ("stream", "504"),
    one_reply: ("stream", "one reply"),
    expired: ("TLS", "must renew its certificate"),
    another_name: ("TLS", "another name"),
    no_intermediate: ("TLS", "the certificates between"),
    another_variable: ("TLS", "REQUESTS_CA_BUNDLE is set"),
    wants_a_certificate: ("TLS", "wants a certificate from you"),
    http_to_https: ("TLS", "Set the address to https://"),
    https_to_http: ("TLS", "Set the address to http://"),
    drops: ("TCP", "A firewall drops"),
    proxy_wants_a_password: ("proxy", "wants a user name and a password"),
    proxy_without_tls: ("proxy", "do not speak TLS"),
    proxy_shows_a_page: ("proxy", "“Sign in”"),
    proxy_knows_no_server: ("proxy", "to NO_PROXY"),
    socks_proxy: ("environment", "Write socks5://"),
    no_certificates_in_file: ("environment", "holds no certificate"),
    nobody_behind_nginx: ("models", "Is that server running?"),
    login_page: ("models", "redirects to wifi.example"),
    wrong_prefix: ("models", "/team/v1."),
    joins_4_kb: ("stream", "bursts"),
    joins_a_second: ("stream", "bursts"),
    holds_all: ("stream", "at once"),
    cut: ("stream", "ended before the answer did"),
    stalls_behind_nginx: ("stream", "proxy_read_timeout"),
    socks_without_its_package: ("environment", "pip install socksio"),
    socks_refuses_the_password: ("proxy", "refused the user name and password that ALL_PROXY holds"),
    socks_named_as_http: ("proxy", "Write socks5://127.0.0.1:"),
    socks_named_as_http_for_a_tunnel: ("proxy", "Write socks5://127.0.0.1:"),
    http_named_as_socks: ("proxy", "Write http://127.0.0.1:"),
    nobody_behind_socks: ("proxy", "does that server run?"),
    nginx_buffers_behind_socks: ("stream", "nginx"),
    no_empty_lines: ("stream", "end each event with an empty line"),
    a_key_of_another_provider: ("stream", "like a key of Anthropic"),
    the_name_of_the_variable: ("stream", "the name of a variable"),
    another_case: ("models", "-m demo-slow"),
}


@pytest.mark.parametrize("arrange", FAULTS, ids=lambda arrange: arrange.__name__)
def test_the_hop_of_a_fault_is_named(arrange: Callable[[Place], Report], place: Place) -> None:
    """The verdict names the hop, and its words the one to look at."""
    hop, words = FAULTS[arrange]
    verdict = arrange(place).verdict
    assert (verdict.hop, words in f"{verdict.sentence} {verdict.advice}") == (hop, True), verdict


# ---- healthy paths


def direct(place: Place) -> Report:
    return examine_port(place.demo())


def nginx_unbuffered(place: Place) -> Report:
    return examine_port(place.enter(nginx(place.demo(), place.at("n"), how=UNBUFFERED)))


def by_haproxy(place: Place) -> Report:
    return examine_port(place.enter(haproxy(place.demo(), place.at("h"))))


def by_tinyproxy(place: Place) -> Report:
    place.set("HTTP_PROXY", f"http://127.0.0.1:{place.enter(tinyproxy(place.at('t')))}")
    return examine(f"http://{HOST}:{place.demo()}/v1")


def by_a_tunnel(place: Place) -> Report:
    port = place.enter(nginx(place.demo(), place.at("n"), how=UNBUFFERED, tls=place.certified()))
    place.trust()
    place.set(
        "HTTPS_PROXY", f"http://me:{PASSWORD}@127.0.0.1:{place.enter(tinyproxy(place.at('t'), connects_to=port))}"
    )
    return examine(f"https://{HOST}:{port}/v1", key=KEY)


def trusted(place: Place) -> Report:
    port = place.enter(nginx(place.demo(), place.at("n"), how=UNBUFFERED, tls=place.certified()))
    place.trust()
    return examine(f"https://localhost:{port}/v1", key=KEY)


def slow_model(place: Place) -> Report:
    return examine_port(place.demo(rate=2))


def quick_model(place: Place) -> Report:
    return examine_port(place.demo(rate=500))


def thinks_long(place: Place) -> Report:
    return examine_port(place.enter(nginx(place.demo(first=8), place.at("n"), how=UNBUFFERED)))


def reasons(place: Place) -> Report:
    return examine_port(place.demo(rate=20), model="demo-reasoning")


def steady_gzip(place: Place) -> Report:
    return examine_port(place.demo(), model="demo-gzip")


def without_models(place: Place) -> Report:
    how = f"{UNBUFFERED} }} location /v1/models {{ return 404;"
    return examine_port(place.enter(nginx(place.demo(), place.at("n"), how=how)))


def unused_proxy(place: Place) -> Report:
    place.set("HTTP_PROXY", f"http://127.0.0.1:{closed_port()}")
    place.set("NO_PROXY", HOST)
    return examine(f"http://{HOST}:{place.demo()}/v1")


def http2(place: Place) -> Report:
    place.trust()
    port = place.enter(haproxy(place.demo(), place.at("h"), tls=place.certified()))
    return examine(f"https://localhost:{port}/v1", key=KEY)


def ipv6_alone(place: Place) -> Report:
    return examine(f"http://[::1]:{place.raw(steady(), host='::1')}/v1")


def two_addresses(place: Place) -> Report:
    """Nobody listens at the first one."""
    port = place.raw(steady())
    place.name("two.example", [("::1", port), ("127.0.0.1", port)])
    return examine(f"http://two.example:{port}/v1")


def a_prefix(place: Place) -> Report:
    how = f"}} location /team/a/ {{ proxy_pass http://127.0.0.1:{place.demo()}/; {UNBUFFERED}"
    return examine(f"http://127.0.0.1:{place.enter(nginx(closed_port(), place.at('n'), how=how))}/team/a/v1")


def comments_first(place: Place) -> Report:
    return examine_port(place.raw(steady(before=[b": OPENROUTER PROCESSING"] * 30)))


def very_quick(place: Place) -> Report:
    return examine_port(place.raw(steady(rate=2000)))


def one_word(place: Place) -> Report:
    return examine_port(place.raw(steady(count=1)))


def large_pieces(place: Place) -> Report:
    return examine_port(place.raw(steady(rate=4, count=12, piece="1 2 3 4 5 6 7 8 ")))


def unbuffered_by_the_server(place: Place) -> Report:
    port = place.raw(steady(headers=["x-accel-buffering: no"]))
    return examine_port(place.enter(nginx(port, place.at("n"))))


def another_type(place: Place) -> Report:
    return examine_port(place.raw(steady(kind="text/plain")))


def not_listed(place: Place) -> Report:
    return examine_port(place.raw(steady()), model="an-alias")


def wrong_and_not_needed(place: Place) -> Report:
    place.set("HTTPS_PROXY", "socks9://nobody")
    place.set("SSL_CERT_FILE", "/no/such/file.pem")
    place.set("NO_PROXY", "::::,*bad")
    return examine_port(place.demo())


def a_whole_chain(place: Place) -> Report:
    place.trust()
    leaf = place.authority.create_child_ca().issue_cert("localhost")
    return examine(f"https://localhost:{place.enter(nginx(place.demo(), place.at('n'), how=UNBUFFERED, tls=leaf))}/v1")


def the_end_of_the_address(place: Place) -> Report:
    return examine(f"http://127.0.0.1:{place.demo()}/v1/chat/completions/")


def every_byte_alone(place: Place) -> Report:
    return examine_port(place.demo(), model="demo-dribble")


def by_socks(place: Place) -> Report:
    place.set("ALL_PROXY", f"socks5h://me:{PASSWORD}@127.0.0.1:{place.enter(socks(login=('me', PASSWORD)))}")
    return examine(f"http://{HOST}:{place.demo()}/v1")


def a_model_that_loads(place: Place) -> Report:
    """It has sent nothing when the doctor's patience ends, and its server is well."""
    return examine_port(place.demo(), model="demo-headers", patience=2)


def a_pasted_key(place: Place) -> Report:
    return examine_port(place.demo(), model='"demo" ', key=f"Authorization: Bearer Bearer {KEY}\n")


def all_hosts_exempt(place: Place) -> Report:
    place.set("HTTP_PROXY", f"http://127.0.0.1:{closed_port()}")
    place.set("NO_PROXY", "*")
    return examine(f"http://{HOST}:{place.demo()}/v1")


def exempt_in_another_spelling(place: Place) -> Report:
    place.set("HTTP_PROXY", f"http://127.0.0.1:{closed_port()}")
    place.set("NO_PROXY", f'"127.0.0.1;{HOST}."')
    return examine(f"http://{HOST}:{place.demo()}/v1")


def a_byte_order_mark(place: Place) -> Report:
    return examine_port(place.raw(steady(before=[b"\xef\xbb\xbf: hello"])))


def without_the_last_chunk(place: Place) -> Report:
    headers, framed = ["transfer-encoding: chunked"], lambda event: b"%x\r\n%s\r\n" % (len(event), event)
    return examine_port(place.raw(steady(headers=headers, framed=framed)))


HEALTHY = [
    direct, nginx_unbuffered, by_haproxy, by_tinyproxy, by_a_tunnel, trusted, slow_model, quick_model, thinks_long,
    reasons, steady_gzip, without_models, unused_proxy, http2, ipv6_alone, two_addresses, a_prefix, comments_first,
    very_quick, one_word, large_pieces, unbuffered_by_the_server, another_type, not_listed, wrong_and_not_needed,
    a_whole_chain, the_end_of_the_address, every_byte_alone, by_socks, a_model_that_loads, a_pasted_key,
    all_hosts_exempt, exempt_in_another_spelling, a_byte_order_mark, without_the_last_chunk,
]  # fmt: skip


@pytest.mark.parametrize("arrange", HEALTHY, ids=lambda arrange: arrange.__name__)
def test_nobody_is_accused_on_a_healthy_path(arrange: Callable[[Place], Report], place: Place) -> None:
    """Neither a slow model, nor long thoughts, nor an honest proxy."""
    report = arrange(place)
    assert report.verdict.hop is None, report.verdict
    assert {finding.hop for finding in report.findings} >= {"settings", "DNS", "TCP", "stream", "demo", "Python"}
