"""The person's settings, each with its source."""

from __future__ import annotations

from urllib.parse import urlsplit

from streamwidget._client.client import ChatClient
from streamwidget._client.urls import host_of
from streamwidget._core.secrets import mask
from streamwidget._core.visible import one_line
from streamwidget.doctor._finding import Finding

_LONGEST = 120  # characters of a model's name


def check_settings(client: ChatClient) -> Finding:
    """Name the address, the key and the model, each with its source. No key is shown.

    Examples
    --------
    >>> check_settings(ChatClient("http://localhost:8000/v1", model="m")).figures["model"]
    'm (an argument)'
    """
    settings, url = client._settings, client.base_url
    sources = settings.sources
    place = mask(url.partition("?")[0], client._secrets) if url is not None else settings.place
    figures = {
        "address": _from(place, sources.get("address")),
        "dialect": client.dialect.name,
        "key": _from("[key]", sources.get("key")) if settings.api_key is not None else "none",
        "model": _from(one_line(client.model, _LONGEST), sources.get("model")) if client.model else "none chosen",
        **({"headers": ", ".join(settings.headers)} if settings.headers else {}),
        **({"http_client": type(client._http_client).__name__} if client._http_client is not None else {}),
    }
    if url is None:
        where = (
            "streamwidget starts the server itself"
            if settings.server.starts
            else "Nothing is set, so the demo server answers"
        )
        return Finding("settings", "ok", f"{where}. No network is needed.", figures)
    key = f"the key in {sources['key']}" if "key" in sources else "no key"
    lacks = ""
    if settings.api_key is None and settings.key_variable and not _is_here(url):
        lacks = f" {settings.key_variable} is not set."
    return Finding("settings", "ok", f"Requests go to {host_of(url)}, with {key}.{lacks}", figures)


def _from(value: str, source: str | None) -> str:
    return f"{value} ({source})" if source else value


def _is_here(url: str) -> bool:
    return urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1")
