"""The way to the server, below HTTP and TLS: the environment, the name, the connection and the proxy."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from streamwidget._client import environment
from streamwidget._client.environment import Proxy
from streamwidget._client.transport import ssl_context
from streamwidget._client.urls import host_of
from streamwidget._core.exceptions import ConnectionFailed, StreamError
from streamwidget._core.loop import settler
from streamwidget._core.secrets import mask
from streamwidget._core.unexpected import said_by
from streamwidget._core.visible import one_line
from streamwidget.doctor._finding import Finding, seconds, sentence
from streamwidget.doctor._watched import Watched

_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
_CONNECT = 5.0  # seconds
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_OTHERS = ("NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_MOST = 8  # addresses of a name
LOOK = 3.0  # seconds
#: It needs neither the key nor a prompt.
HELLO = b"HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
_GREETING = b"\5\1\0"  # of SOCKS: version 5, one way to sign in, and that is none


@dataclass(frozen=True, slots=True)
class Way:
    """The destination of the first connection of a request.

    Attributes
    ----------
    url : str
        The server's address.
    proxy : Proxy or None
    host, port
        Of the proxy, or else of the server.
    """

    url: str
    proxy: Proxy | None
    host: str
    port: int

    @property
    def secure(self) -> bool:
        """True for https."""
        return self.url.lower().startswith("https:")

    @property
    def reads_along(self) -> str:
        """The proxy, in words, if it reads the requests. Empty: there is none, or it only carries bytes."""
        return f"{self.proxy}" if self.proxy is not None and not self.secure and not self.by_socks else ""

    @property
    def by_socks(self) -> bool:
        """True for a SOCKS proxy. It carries bytes, whatever the address."""
        return self.proxy is not None and self.proxy.scheme.startswith("socks")


def way_to(url: str, proxy: Proxy | None) -> Way:
    """Return the destination of the first connection.

    Examples
    --------
    >>> way = way_to("https://api.example/v1", None)
    >>> way.host, way.port
    ('api.example', 443)
    """
    parts = urlsplit(url if proxy is None else f"{proxy.scheme}://{proxy.place}")
    return Way(url, proxy, parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 443))


def check_environment(url: str) -> tuple[Finding, Proxy | None]:
    """Read the proxies and the certificates of the environment, as a request to this address does."""
    figures = dict(_variables())
    try:
        proxy = environment.proxy_for(url)
        if url.lower().startswith("https:") or (proxy is not None and proxy.scheme == "https"):
            ssl_context(environment.trust())
    except ConnectionFailed as exc:
        return Finding("environment", "failed", exc.error.message, figures, fault="environment"), None
    by = f"Requests to {host_of(url)} go by way of {proxy}." if proxy is not None else f"No proxy for {host_of(url)}."
    trusted = environment.trusted_certificates() if url.lower().startswith("https:") else ""
    return Finding("environment", "ok", " ".join(filter(None, [by, trusted])), figures), proxy


def _variables() -> Iterator[tuple[str, str]]:
    """Yield the variables with a value. A proxy's user name and password are left out."""
    for name, value in os.environ.items():
        if not value.strip():
            continue
        if name.upper() in _PROXIES:
            try:
                proxy = environment.read_proxy(value.strip(), name)
                yield name, f"{proxy.scheme}://{'[user]@' if proxy.user else ''}{proxy.place}"
            except ConnectionFailed:
                yield name, "(cannot be used)"
        elif name.upper() in _OTHERS:
            yield name, one_line(mask(value), 200)


async def resolve(way: Way) -> tuple[Finding, list[str]]:
    """Look the name up. Return the addresses too."""
    begun = time.monotonic()
    whose = "" if way.proxy is None else f" of {way.proxy}"
    try:
        async with asyncio.timeout(_CONNECT):
            found = await _in_thread(way.host, way.port)
    except TimeoutError:
        sentence = f"The name {way.host}{whose} was not resolved within {_CONNECT:g} s."
        return Finding("DNS", "failed", sentence, advice=_no_name(way), fault="timeout"), []
    if isinstance(found, OSError | UnicodeError):
        sentence = f"The name {way.host}{whose} is not known: {said_by(found)}."
        return Finding("DNS", "failed", sentence, advice=_no_name(way), fault="name"), []
    addresses = list(dict.fromkeys(entry[4][0] for entry in found))
    shown = ", ".join(addresses[:4])
    took = {"time": seconds(time.monotonic() - begun)}
    return Finding("DNS", "ok", f"{way.host} is {shown}.", took), addresses


def _no_name(way: Way) -> str:
    if way.proxy is not None:
        return f"Correct or unset {way.proxy.variable}."
    return (
        "Check the spelling of the address, the network, and whether a VPN is needed. "
        "If your network needs a proxy, set HTTPS_PROXY."
    )


async def _in_thread(host: str, port: int) -> Any:
    """Ask the system. In a thread of its own, because a lookup can hang, and the loop's threads are waited for."""
    waiting: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    settle = settler(waiting)

    def look_up() -> None:
        try:
            settle(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as exc:
            settle(exc)

    threading.Thread(target=look_up, name="streamwidget DNS", daemon=True).start()
    return await waiting


async def connect(way: Way, addresses: list[str]) -> Finding:
    """Open a connection to each address at once, as a request tries one after another."""
    tries = await asyncio.gather(*(_open(address, way.port) for address in addresses[:_MOST]))
    failures = [failed for failed in tries if isinstance(failed, _Refusal)]
    for address, took in zip(addresses, tries, strict=False):
        if isinstance(took, float):
            note = f" ({'; '.join(failed.words for failed in failures)})" if failures else ""
            figures = {"time": seconds(took)}
            return Finding("TCP", "ok", f"{address} port {way.port} takes connections{note}.", figures)
    whose = host_of(way.url) if way.proxy is None else str(way.proxy)
    fault = "connect" if any(failed.answered for failed in failures) else "timeout"
    what = f"No connection to {whose}. {'. '.join(failed.words for failed in failures)}."
    return Finding("TCP", "failed", what, advice=_no_connection(way, fault), fault=fault)


class _Refusal(NamedTuple):
    words: str
    answered: bool


async def _open(address: str, port: int) -> float | _Refusal:
    """Return the seconds it took."""
    begun = time.monotonic()
    try:
        async with asyncio.timeout(_CONNECT):
            _, writer = await asyncio.open_connection(address, port)
    except TimeoutError:
        return _Refusal(f"{address} port {port} did not answer within {_CONNECT:g} s", answered=False)
    except OSError as exc:
        why = os.strerror(exc.errno) if exc.errno else said_by(exc)
        return _Refusal(f"{address} port {port}: {why}", answered=True)
    took = time.monotonic() - begun
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return took


def _no_connection(way: Way, fault: str) -> str:
    if way.proxy is not None:
        host = urlsplit(way.url).hostname
        return f"Is the proxy running? Correct or unset {way.proxy.variable}, or add {host} to NO_PROXY."
    if fault == "timeout":
        return "A firewall drops the connection, or the server is off. Check the port. Is a VPN or a proxy needed?"
    return "Is the server running there? Check the port in the address. Or a firewall on the way refuses it."


async def check_proxy(way: Way, watched: Watched | None, failure: StreamError | None) -> Finding | None:
    """Return the finding for the first request at the proxy. None: there is no proxy. ``failure``: no response came."""
    if (proxy := way.proxy) is None:
        return None
    if failure is not None and (other := await _other_kind(way)):
        is_named = "a SOCKS proxy" if way.by_socks else "an HTTP proxy"
        what = f"{proxy}, is not {is_named}: that port speaks {'HTTP' if way.by_socks else 'SOCKS'}."
        return Finding("proxy", "failed", what, advice=f"Write {other} into {proxy.variable}.", fault="proxy")
    is_at_fault = failure is not None and (failure.error.kind == "proxy" or (watched is not None and watched.at_proxy))
    if failure is None or not is_at_fault:
        return Finding(
            "proxy", "ok", f"{proxy}, {'reads and sends on' if way.reads_along else 'carries'} the requests."
        )
    advice = ""
    if failure.error.kind != "proxy" or proxy.variable not in failure.error.message:
        advice = f"Correct or unset {proxy.variable}, or add {urlsplit(way.url).hostname} to NO_PROXY."
    if proxy.scheme == "https":
        advice = f"{advice} Most proxies do not speak TLS: write http://{proxy.place} into {proxy.variable}.".lstrip()
    return Finding("proxy", "failed", sentence(failure.error.message), advice=advice, fault="proxy")


async def _other_kind(way: Way) -> str:
    """Return the address to write for a proxy of the other kind than the variable says. Empty: it is of that kind."""
    if way.proxy is None or way.proxy.scheme == "https":
        return ""
    if way.by_socks:
        return f"http://{way.proxy.place}" if (await look(way, HELLO)).startswith(b"HTTP/") else ""
    return f"socks5://{way.proxy.place}" if (await look(way, _GREETING)).startswith(b"\5") else ""


async def look(way: Way, words: bytes) -> bytes:
    """Send a few words to a port, and return the first bytes of its answer. Empty: there was none."""
    try:
        async with asyncio.timeout(LOOK):
            reader, writer = await asyncio.open_connection(way.host, way.port)
            try:
                writer.write(words)
                return await reader.read(5)
            finally:
                await close(writer)
    except (TimeoutError, OSError):
        return b""


async def close(writer: asyncio.StreamWriter) -> None:
    """Close a connection, whatever its other end does."""
    writer.close()
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(1):
            await writer.wait_closed()
