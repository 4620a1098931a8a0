"""The address, the key and the model of a client. The first of these that is set wins.

1. The arguments of :class:`~streamwidget.ChatClient`. A provider's name stands for its address.
2. ``STREAMWIDGET_BASE_URL``, ``STREAMWIDGET_API_KEY``, ``STREAMWIDGET_MODEL``
3. ``OPENAI_BASE_URL``, ``OPENAI_API_KEY``
4. The built-in demo server.

A key is sent only to its own address:

- ``OPENAI_API_KEY`` goes with ``OPENAI_BASE_URL``, or with OpenAI's own address if that is not set.
- ``STREAMWIDGET_API_KEY`` goes with ``STREAMWIDGET_BASE_URL``, or with OpenAI's own address.
- A provider's variable goes with the provider's own address.

Example: ``OPENAI_API_KEY`` is set, and you make ``ChatClient("http://localhost:8000/v1")``. No key is sent.
"""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from streamwidget._client.http import host_of, is_loopback
from streamwidget._client.servers import OPENAI_URL, SERVERS, UNKNOWN, Server, server_named
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.secrets import ApiKey

_warned_hosts: set[str] = set()


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one client. ``base_url`` None stands for the demo server."""

    base_url: str | None
    api_key: ApiKey | None
    model: str | None
    server: Server = UNKNOWN


def resolve(
    base_url: str | None,
    api_key: str | None,
    model: str | None,
    environ: Mapping[str, str] | None = None,
    *,
    provider: str | None = None,
) -> Settings:
    """Find the address, the key and the model for a client.

    Raises
    ------
    ConfigurationError
        If the address is not an http(s) URL, the key cannot be sent, or the provider is not known.
    """
    named = server_named(provider) if provider is not None else None
    env = {name: value for name, value in (os.environ if environ is None else environ).items() if value.strip()}
    model = model or env.get("STREAMWIDGET_MODEL")
    own, openai = env.get("STREAMWIDGET_BASE_URL"), env.get("OPENAI_BASE_URL")
    variable = None
    if base_url is None and named is None:
        variable = "STREAMWIDGET_BASE_URL" if own else "OPENAI_BASE_URL"
    if base_url is None:
        base_url = own if named is None else named.base_url
    if base_url is None and (openai or "OPENAI_API_KEY" in env):
        base_url = openai or OPENAI_URL
    if base_url is None and (api_key or "STREAMWIDGET_API_KEY" in env):
        base_url = OPENAI_URL
    if base_url is None:
        return Settings(None, None, model)
    with _naming(variable):
        url = check_url(base_url)
    server = named or next((row for row in SERVERS.values() if _origin(row.base_url) == _origin(url)), UNKNOWN)
    variable = None
    if api_key is None:
        variable = next((name for name in key_variables(url, provider, env) if name in env), None)
        api_key = env[variable] if variable is not None else None
    with _naming(variable):
        key = ApiKey(api_key) if api_key is not None else None
    if key is not None:
        _warn_if_exposed(url)
    return Settings(url, key, model, server)


@contextlib.contextmanager
def _naming(variable: str | None) -> Iterator[None]:
    """Put the name of the variable before the message, if the wrong value is from the environment."""
    try:
        yield
    except ConfigurationError as exc:
        # Not a new exception: this one would stay its context, and its frames hold the key.
        exc.args = (f"{variable}: {exc}" if variable else str(exc),)
        raise


def key_variables(url: str, provider: str | None = None, environ: Mapping[str, str] | None = None) -> list[str]:
    """Return the environment variables whose key belongs to this address. The first of them that is set is used."""
    env = os.environ if environ is None else environ
    homes = {
        "STREAMWIDGET_API_KEY": env.get("STREAMWIDGET_BASE_URL", "").strip() or OPENAI_URL,
        "OPENAI_API_KEY": env.get("OPENAI_BASE_URL", "").strip() or OPENAI_URL,
    }
    named = server_named(provider) if provider is not None else None
    if named is not None and named.key_env is not None:
        homes = {named.key_env: named.base_url, **homes}
    return [name for name, home in homes.items() if _origin(home) == _origin(url)]


def check_url(url: str) -> str:
    """Return the base URL without a trailing slash. ConfigurationError if requests cannot go there.

    Examples
    --------
    >>> check_url(" https://host/v1/ "), check_url("https://host/v1/?api-version=1")
    ('https://host/v1', 'https://host/v1?api-version=1')
    """
    url = url.strip()
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
        raise ConfigurationError(f"{shown!r} is not a base URL. It must look like https://host/v1 (http or https).")
    if "#" in url:
        raise ConfigurationError(f"The base URL for {host} has a fragment. Leave out the # and what follows it.")
    base, _, query = url.partition("?")
    return base.rstrip("/") + (f"?{query}" if query else "")


def _origin(url: str) -> tuple[str, str | None, int | None] | None:
    try:
        parts = urlsplit(url.strip())
        return parts.scheme, parts.hostname, parts.port
    except ValueError:
        return None  # an unreadable address that is not used. It equals no other origin


def _warn_if_exposed(url: str) -> None:
    host = host_of(url)
    if url.lower().startswith("http://") and not is_loopback(url) and host not in _warned_hosts:
        _warned_hosts.add(host)
        warnings.warn(
            f"The key for {host} is sent unencrypted, because the base URL begins with http://. Use https:// instead.",
            stacklevel=4,
        )
