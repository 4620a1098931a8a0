"""How a request leaves a browser tab: within this process to a demo server, and with ``fetch`` to any other."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from streamwidget._client.fetch import FetchTransport
from streamwidget._client.http import Transport
from streamwidget._client.memory import MemoryTransport
from streamwidget._client.urls import is_loopback
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.secrets import Secrets
from streamwidget.demo._memory import Listener, listener_at


def transport_to(url: str, secrets: Secrets, http_client: Any = None) -> Transport:
    """Return the transport to an address.

    Raises
    ------
    ConfigurationError
        If there is an ``http_client``. A tab has no sockets for it.
    """
    if http_client is not None:
        raise ConfigurationError("A browser tab opens no sockets, so an http_client cannot be used. Leave it out.")
    listener = _listener(url)
    return FetchTransport(url, secrets) if listener is None else MemoryTransport(url, secrets, listener)


def _listener(url: str) -> Listener | None:
    try:
        return listener_at(urlsplit(url).port) if is_loopback(url) else None
    except ValueError:  # not a port
        return None
