"""Certificates: an untrusted one ends the request, and the setting that makes it trusted is honoured."""

from __future__ import annotations

import datetime as dt
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme

import streamwidget as sw
from streamwidget._notebook.advice import advice
from tests.support.deadlines import LATE
from tests.support.servers import CANARY, RawServer, failure_of, response, sse

STOP = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
ANSWER = response(sse("safe", STOP, b"data: [DONE]\n\n"))
THEN = dt.datetime(2001, 1, 1, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@contextmanager
def https(certificate: trustme.LeafCert) -> Iterator[RawServer]:
    """Run a server with this certificate, and yield it with an https:// address."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    with RawServer(ANSWER, context=context) as server:
        server.url = server.url.replace("http://127.0.0.1", "https://localhost")
        yield server


@pytest.mark.usefixtures("sender")
@pytest.mark.fault("N3", "`http_error` of kind tls, once; the hint names SSL_CERT_FILE; key and prompt not sent")
@pytest.mark.parametrize("wrong", ["untrusted", "expired", "another host"])
async def test_a_certificate_that_cannot_be_trusted_ends_it(
    wrong: str, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seen: Callable[[str], None]
) -> None:
    """Never retried, never sent without the check. Only the untrusted one names an unknown authority."""
    if wrong != "untrusted":
        authority.cert_pem.write_to_path(tmp_path / "authority.pem")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    certificate = authority.issue_cert(
        "elsewhere.example" if wrong == "another host" else "localhost", not_after=THEN if wrong == "expired" else None
    )
    with https(certificate) as server:
        failure = await failure_of(sw.ChatClient(server.url, CANARY).stream("the prompt"))
        assert (failure.outcome, failure.error.kind, failure.retryable) == ("http_error", "tls", False)
        assert "localhost" in str(failure)
        assert "SSL_CERT_FILE" in advice(failure.error)
        assert server.connections == 1
        assert server.requests == []
    assert failure.completion.timing.total <= 5 + LATE
    seen(f"{wrong}: tls, {server.connections} connection, {len(server.requests)} requests")


@pytest.mark.fault("S12", "SSL_CERT_FILE is honoured, also where it is set after the failure")
async def test_the_hint_helps(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The advice of the message works at once, without a new kernel."""
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    with https(authority.issue_cert("localhost")) as server:
        client = sw.ChatClient(server.url)
        assert (await failure_of(client.stream("x"))).error.kind == "tls"
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
        completion = await client.stream("x")
    assert (completion.outcome, completion.text) == ("complete", "safe")
