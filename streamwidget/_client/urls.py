"""Addresses: the host of one for a message, one below another, one on this machine, and the check of a base URL."""

from __future__ import annotations

import re
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import parse_qsl, urlsplit

from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.secrets import Secret, mask, may_hold_a_key, unquoted

_ENDPOINT = "/chat/completions"
#: Parts of an address's query whose value is a key: Azure has ``code`` and ``subscription-key``.
_SECRET_NAME = re.compile(r"key|code|token|secret|pass|auth|sig", re.IGNORECASE)


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


def secrets_in(url: str | None) -> list[Secret]:
    """Return the values of an address's query that are named like a key: those of ``?code=`` and ``?api-key=``."""
    query = parse_qsl(urlsplit(url or "").query)
    return [Secret(value) for name, value in query if _SECRET_NAME.search(name)]


def check_url(url: str) -> str:
    """Return the base URL without a trailing slash or endpoint. ConfigurationError if requests cannot go there.

    Examples
    --------
    >>> check_url(" https://host/v1/ "), check_url("https://host/v1/?api-version=1")
    ('https://host/v1', 'https://host/v1?api-version=1')
    """
    url = unquoted(url)
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port  # .port raises if it is not a number
    except ValueError:
        raise ConfigurationError("The base URL cannot be read: check its host and port.") from None
    if parts.username is not None or parts.password is not None:
        # The message does not repeat the URL, because the user name or password may be a secret.
        raise ConfigurationError(
            f"The base URL for {host} contains a user name or password. Remove them, and set the API key instead."
        )
    if parts.scheme not in ("http", "https") or not host or not url.isprintable() or " " in url:
        shown = url.rpartition("@")[2][:80]  # urlsplit finds no user name without a scheme
        if may_hold_a_key(shown):
            raise ConfigurationError(
                "The base URL looks like an API key. An address comes first: "
                'ChatClient("https://host/v1", api_key). For a key alone write ChatClient(api_key=...). '
                "Nothing was sent."
            )
        meant = f" Write {whole}" if (whole := _with_scheme(url)) else ""
        raise ConfigurationError(
            f"{shown!r} is not a base URL. It must look like https://host/v1 (http or https).{meant}"
        )
    if mask(host) != host or any(may_hold_a_key(value) for _, value in parse_qsl(parts.query)):
        raise ConfigurationError(
            "The base URL contains something that looks like an API key. Remove it, and set the API key instead. "
            "Addresses are shown and logged. Nothing was sent."
        )
    if "#" in url:
        raise ConfigurationError(f"The base URL for {host} has a fragment. Leave out the # and what follows it.")
    base, _, query = url.partition("?")
    base = base.rstrip("/").removesuffix(_ENDPOINT).rstrip("/")
    return base + (f"?{query}" if query else "")


def _with_scheme(url: str) -> str:
    """Return the address that somebody meant who left out ``http://``. Empty: it is another text.

    Examples
    --------
    >>> _with_scheme("localhost:8000/v1"), _with_scheme("llm.example.org/v1"), _with_scheme("ollama")
    ('http://localhost:8000/v1', 'https://llm.example.org/v1', '')
    """
    if not re.fullmatch(r"(?:[\w-]+(?:\.[\w-]+)+|[\w-]+(?=:\d)|localhost)(?::\d+)?(?:/[\w./-]*)?", url):
        return ""
    return f"http{'' if is_loopback(f'http://{url}') else 's'}://{url}"


def origin_of(url: str) -> tuple[str, str | None, int | None] | None:
    """Return scheme, host and port of an address. None if it cannot be read: it equals no other origin."""
    try:
        parts = urlsplit(url.strip())
        return parts.scheme, parts.hostname, parts.port
    except ValueError:
        return None
