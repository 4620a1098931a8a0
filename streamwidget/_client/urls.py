"""Addresses: the host of one for a message, one below another, and those that lead to this machine."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit


def host_of(url: str) -> str:
    """Return the host of a URL for a message, with its port if the URL has one. Without a host, return the text.

    Examples
    --------
    >>> host_of("http://localhost:11434/v1"), host_of("https://api.openai.com/v1"), host_of("/login")
    ('localhost:11434', 'api.openai.com', '/login')
    """
    try:
        return urlsplit(url).netloc.rpartition("@")[2].lower() or url
    except ValueError:
        return url


def join(base_url: str, path: str) -> str:
    """Return the URL of a path below the base URL. The query stays at the end.

    Examples
    --------
    >>> join("https://host/openai?api-version=1", "chat/completions")
    'https://host/openai/chat/completions?api-version=1'
    """
    base, _, base_query = base_url.partition("?")
    path, _, query = path.partition("?")
    queries = "&".join(filter(None, (base_query, query)))
    return f"{base}/{path}" + (f"?{queries}" if queries else "")


def is_loopback(url: str) -> bool:
    """Return True if a URL leads to this machine, in any spelling: `127.1`, `0x7f.1`, `a.localhost`, `localhost.`.

    Examples
    --------
    >>> is_loopback("http://localhost:11434/v1"), is_loopback("http://[::1]/v1"), is_loopback("http://localhost.org")
    (True, True, False)
    >>> is_loopback("http://[::ffff:127.0.0.1]"), is_loopback("http://0.0.0.0:8000")
    (True, True)
    """
    try:
        host = (urlsplit(url).hostname or "").removesuffix(".")
    except ValueError:
        return False
    address = address_of(host)
    if address is None:
        return host == "localhost" or host.endswith(".localhost")
    return address.is_loopback or address.is_unspecified  # to connect to 0.0.0.0 is to connect to this machine


def address_of(host: str) -> IPv4Address | IPv6Address | None:
    """Return the IP address that a host is, as the resolver reads it. None: it is a name.

    Examples
    --------
    >>> address_of("127.1"), address_of("::ffff:10.0.0.1"), address_of("example.com")
    (IPv4Address('127.0.0.1'), IPv4Address('10.0.0.1'), None)
    """
    try:
        address = ip_address(host)
    except ValueError:
        try:
            return IPv4Address(socket.inet_aton(host))
        except (OSError, ValueError):
            return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
