"""TLS and the certificates: each failure has its reason and the next step. Nothing is sent for the look at a port."""

from __future__ import annotations

import socket
import ssl
import threading
from pathlib import Path

import pytest
import trustme

from streamwidget._client.client import ChatClient
from streamwidget._core.timeout import Timeout
from streamwidget.doctor import _network, _tls
from streamwidget.doctor._finding import Finding
from streamwidget.doctor._network import check_environment, way_to
from streamwidget.doctor._server import check_models, limited
from streamwidget.doctor._tls import check_tls, explain_tls
from tests.support.servers import RawServer, response

MODELS = response(b'{"data":[{"id":"m"}]}', kind="application/json")
_FAILED = "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: "

WORDS = {
    f"{_FAILED}certificate has expired": ("expired", {}, "must renew its certificate"),
    f"{_FAILED}certificate is not yet valid": ("expired", {}, "the clock of this machine"),
    f"{_FAILED}Hostname mismatch, certificate is not valid for 'a.example'": ("another name", {}, "another name"),
    f"{_FAILED}IP address mismatch, certificate is not valid for '10.0.0.1'": ("another name", {}, "another name"),
    f"{_FAILED}self-signed certificate": ("untrusted", {}, "set SSL_CERT_FILE"),
    f"{_FAILED}unable to get local issuer certificate": ("untrusted", {}, "the certificates between"),
    f"{_FAILED}self-signed certificate in certificate chain": (
        "untrusted",
        {"REQUESTS_CA_BUNDLE": "/firm.pem"},
        "REQUESTS_CA_BUNDLE is set, but only other programs read it.",
    ),
    f"{_FAILED}unable to get issuer certificate": (
        "untrusted",
        {"REQUESTS_CA_BUNDLE": "/firm.pem", "SSL_CERT_FILE": "/other.pem"},
        "Add the certificate of the authority to SSL_CERT_FILE",
    ),
    "it does not speak TLS. Is its address http://?": ("scheme", {}, "Write http://"),
    "[SSL: TLSV1_ALERT_PROTOCOL_VERSION] tlsv1 alert protocol version": ("version", {}, "TLS 1.2"),
    "[SSL: SSLV3_ALERT_HANDSHAKE_FAILURE] sslv3 alert handshake failure": ("client certificate", {}, "from you"),
    "[SSL: TLSV1_UNRECOGNIZED_NAME] tlsv1 unrecognized name": ("another name", {}, "does not know the name"),
    "Connection reset by peer": ("cut", {}, "firewall"),
}


@pytest.mark.fault("P1", "each failure of TLS has its own next step")
@pytest.mark.parametrize("said", WORDS)
def test_each_reason_has_a_next_step(said: str) -> None:
    """The advice for an expired certificate is another one than for an unknown authority."""
    fault, variables, advice = WORDS[said]
    found = explain_tls("a.example", said, variables)
    assert (found.hop, found.state, found.fault) == ("TLS", "failed", fault)
    assert advice in found.advice
    assert not {"{host}", "{date}"} & set(found.advice.split())


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def context(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """Return the context of a server that is trusted."""
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(made)
    return made


async def look(url: str) -> Finding | None:
    """Return the finding for the first request, as the walk does."""
    client = limited(ChatClient(url, timeout=Timeout(connect=1)), 20)
    _, failure = await check_models(client, None)
    return await check_tls(way_to(url, None), client.last, failure)


async def test_a_trusted_server(context: ssl.SSLContext) -> None:
    """The version and the issuer are figures."""
    with RawServer(MODELS, context=context) as server:
        found = await look(server.url.replace("http:", "https:"))
    assert found is not None
    assert (found.state, found.figures["version"]) == ("ok", "TLSv1.3")


async def test_plain_http_at_a_port_for_tls(context: ssl.SSLContext) -> None:
    """Most servers hang up. nginx and others say it."""
    with RawServer(MODELS, context=context) as server:
        found = await look(server.url)
    assert found is not None
    assert (found.state, found.fault) == ("failed", "scheme")
    assert found.advice == f"Set the address to {server.url.replace('http:', 'https:')}."
    said = b"<html><body>The plain HTTP request was sent to HTTPS port</body></html>"
    with RawServer(response(said, status="400 Bad Request", kind="text/html")) as server:
        found = await look(server.url)
    assert found is not None
    assert found.fault == "scheme"


async def test_a_plain_server_is_not_taken_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that refuses, or hangs up, and speaks no TLS."""
    monkeypatch.setattr(_tls, "LOOK", 0.5)
    for answer in (b"", response(b"{}", status="400 Bad Request", kind="application/json")):
        with RawServer(answer) as server:
            assert await look(server.url) is None


async def test_https_at_a_plain_port(context: ssl.SSLContext) -> None:
    """A server that waits for a line is as wrong as one that answers at once."""
    with RawServer(MODELS) as server:
        found = await look(server.url.replace("http:", "https:"))
    assert found is not None
    assert (found.state, found.fault) == ("failed", "scheme")


async def test_a_port_that_says_nothing(monkeypatch: pytest.MonkeyPatch, context: ssl.SSLContext) -> None:
    """It is the hop, and not the server's models."""
    monkeypatch.setattr(_network, "LOOK", 0.3)
    over = threading.Event()

    def silent(_: socket.socket) -> None:
        over.wait(60)

    with RawServer(silent) as server:
        found = await look(server.url.replace("http:", "https:"))
        over.set()
    assert found is not None
    assert (found.state, found.fault) == ("failed", "timeout")


async def test_a_certificate_of_the_client(authority: trustme.CA, context: ssl.SSLContext) -> None:
    """With TLS 1.3 the server hangs up after the handshake. nginx says it in words."""
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)
    with RawServer(MODELS, context=context) as server:
        found = await look(server.url.replace("http:", "https:"))
    assert found is not None
    assert (found.state, found.fault) == ("failed", "client certificate")


@pytest.mark.parametrize("content", [b"", b"not a certificate", b"\x30\x82\x01\x0a"])
def test_a_file_without_certificates_is_found_before_the_port(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Empty, a text, or a certificate in binary form."""
    (tmp_path / "a.pem").write_bytes(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "a.pem"))
    found, _ = check_environment("https://localhost:9/v1")
    assert (found.state, found.fault) == ("failed", "environment")
    assert "SSL_CERT_FILE names a file that holds no certificate" in found.sentence
    assert check_environment("http://localhost:9/v1")[0].state == "ok"
