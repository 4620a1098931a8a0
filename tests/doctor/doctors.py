"""The doctor at real proxies: it names the hop of each arranged fault, and accuses nobody on a healthy path.

``make doctors`` runs it. It needs nginx, haproxy and tinyproxy.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from streamwidget._client.client import ChatClient
from streamwidget.demo import DemoServer
from streamwidget.doctor._examine import Examination
from streamwidget.doctor._report import Report
from tests.doctor.fronts import HOST, PROGRAMS, haproxy, missing, nginx, tinyproxy
from tests.support.ports import closed_port
from tests.support.servers import RawServer, response

pytestmark = pytest.mark.skipif(bool(missing()), reason=f"needs {', '.join(PROGRAMS)}: apt-get install them, as root")
KEY = "sk-doctor-0123456789abcdef"
PASSWORD = "pass-0123456789word"
UNBUFFERED = "proxy_buffering off;"


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"):
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

    def certified(self) -> trustme.LeafCert:
        return self.authority.issue_cert(HOST, "localhost")

    def trust(self) -> None:
        path = self.folder / "authority.pem"
        self.authority.cert_pem.write_to_path(path)
        self.set("SSL_CERT_FILE", str(path))


def examine(url: str, *, model: str | None = None, key: str | None = None) -> Report:
    """Walk the path, as the command does."""
    report = asyncio.run(Examination(lambda: ChatClient(url, key, model), print, patience=30).run())
    print(report)
    for secret in (KEY, PASSWORD):
        assert secret not in f"{report}{report.to_json()}{report.to_markdown()}"
    return report


# ---- faults: each returns the report. FAULTS has the hop, and words of the verdict


def wrong_name(place: Place) -> Report:
    return examine("http://no-such-host.invalid/v1")


def closed(place: Place) -> Report:
    return examine(f"http://127.0.0.1:{closed_port()}/v1")


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
    return examine(f"http://127.0.0.1:{place.demo()}/v1", model="no-such-model")


def no_version(place: Place) -> Report:
    return examine(f"http://127.0.0.1:{place.demo()}")


def nginx_buffers(place: Place) -> Report:
    port = place.enter(nginx(place.demo(), place.at("n")))
    return examine(f"http://127.0.0.1:{port}/v1")


def nginx_compresses(place: Place) -> Report:
    port = place.enter(nginx(place.demo(), place.at("n"), how=UNBUFFERED, gzip=True))
    return examine(f"http://127.0.0.1:{port}/v1")


def nginx_gives_up(place: Place) -> Report:
    port = place.enter(nginx(place.demo(first=9), place.at("n"), how=f"{UNBUFFERED} proxy_read_timeout 5s;"))
    return examine(f"http://127.0.0.1:{port}/v1")


def haproxy_gives_up(place: Place) -> Report:
    port = place.enter(haproxy(place.demo(), place.at("h"), timeout="5s"))
    return examine(f"http://127.0.0.1:{port}/v1", model="demo-silent")


def one_reply(place: Place) -> Report:
    return examine(f"http://127.0.0.1:{place.demo()}/v1", model="demo-json")


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
}


@pytest.mark.parametrize("arrange", FAULTS, ids=lambda arrange: arrange.__name__)
def test_the_hop_of_a_fault_is_named(arrange: Callable[[Place], Report], place: Place) -> None:
    """The verdict names the hop, and its words the one to look at."""
    hop, words = FAULTS[arrange]
    verdict = arrange(place).verdict
    assert (verdict.hop, words in f"{verdict.sentence} {verdict.advice}") == (hop, True), verdict


# ---- healthy paths


def direct(place: Place) -> Report:
    return examine(f"http://127.0.0.1:{place.demo()}/v1")


def nginx_unbuffered(place: Place) -> Report:
    return examine(f"http://127.0.0.1:{place.enter(nginx(place.demo(), place.at('n'), how=UNBUFFERED))}/v1")


def by_haproxy(place: Place) -> Report:
    return examine(f"http://127.0.0.1:{place.enter(haproxy(place.demo(), place.at('h')))}/v1")


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
    return examine(f"http://127.0.0.1:{place.demo(rate=2)}/v1")


def quick_model(place: Place) -> Report:
    return examine(f"http://127.0.0.1:{place.demo(rate=500)}/v1")


def thinks_long(place: Place) -> Report:
    return examine(f"http://127.0.0.1:{place.enter(nginx(place.demo(first=8), place.at('n'), how=UNBUFFERED))}/v1")


def reasons(place: Place) -> Report:
    return examine(f"http://127.0.0.1:{place.demo(rate=20)}/v1", model="demo-reasoning")


def steady_gzip(place: Place) -> Report:
    return examine(f"http://127.0.0.1:{place.demo()}/v1", model="demo-gzip")


def without_models(place: Place) -> Report:
    how = f"{UNBUFFERED} }} location /v1/models {{ return 404;"
    return examine(f"http://127.0.0.1:{place.enter(nginx(place.demo(), place.at('n'), how=how))}/v1")


def unused_proxy(place: Place) -> Report:
    place.set("HTTP_PROXY", f"http://127.0.0.1:{closed_port()}")
    place.set("NO_PROXY", HOST)
    return examine(f"http://{HOST}:{place.demo()}/v1")


HEALTHY = [
    direct, nginx_unbuffered, by_haproxy, by_tinyproxy, by_a_tunnel, trusted, slow_model, quick_model, thinks_long,
    reasons, steady_gzip, without_models, unused_proxy,
]  # fmt: skip


@pytest.mark.parametrize("arrange", HEALTHY, ids=lambda arrange: arrange.__name__)
def test_nobody_is_accused_on_a_healthy_path(arrange: Callable[[Place], Report], place: Place) -> None:
    """Neither a slow model, nor long thoughts, nor an honest proxy."""
    report = arrange(place)
    assert report.verdict.hop is None, report.verdict
    assert {finding.hop for finding in report.findings} >= {"settings", "DNS", "TCP", "stream", "demo", "Python"}
