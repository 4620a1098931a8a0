"""The settings of a client. Each is looked up on its own, and the first of these wins.

1. The arguments of :class:`~streamwidget.ChatClient`. A provider's name stands for its address.
2. :class:`Defaults`: ``%config ChatMagics`` and the config file.
3. ``STREAMWIDGET_BASE_URL``, ``STREAMWIDGET_PROVIDER``, ``STREAMWIDGET_API_KEY``, ``STREAMWIDGET_MODEL``,
   ``STREAMWIDGET_SYSTEM``, ``STREAMWIDGET_MAX_TOKENS``, ``STREAMWIDGET_GGUF``
4. ``OPENAI_BASE_URL``, ``OPENAI_API_KEY``
5. The built-in demo server.

A key is sent only to its own address:

- ``OPENAI_API_KEY`` goes with ``OPENAI_BASE_URL``, or else with OpenAI's own address.
- ``STREAMWIDGET_API_KEY`` goes with ``STREAMWIDGET_BASE_URL`` or ``STREAMWIDGET_PROVIDER``, or with OpenAI's own
  address.
- A provider's variable goes with the provider's own address.
- The variables named in ``Defaults.api_key_env`` and ``Defaults.headers_env`` go with any address that is not an
  argument.

Example: ``OPENAI_API_KEY`` is set, and you make ``ChatClient("http://localhost:8000/v1")``. No key is sent.
"""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from streamwidget._client.headers import own_headers
from streamwidget._client.servers import OPENAI_URL, SERVERS, UNKNOWN, Server, server_named
from streamwidget._client.spending import SPENDING, Budget
from streamwidget._client.urls import check_url, host_of, is_loopback, origin_of
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.misplaced import check_model
from streamwidget._core.secrets import ApiKey, Secret, Secrets, unquoted
from streamwidget._core.timeout import Timeout

#: Limits of a server on this machine. It may load its model before it answers, and that takes minutes.
_LOCAL_LIMITS: Mapping[str, float | None] = {"headers": 600, "total": 1200}

#: Seconds. In Voila each viewer has a kernel of their own, and nobody can come back to it.
_VOILA_UNSEEN = 60

#: A setting typed there and then, in no variable.
_ARGUMENT = "an argument"

_warned_hosts: set[str] = set()


@dataclass(frozen=True, slots=True)
class Defaults:
    """Settings for all clients of this process. A client uses them if its caller names nothing.

    The notebook's magics set them (``%config ChatMagics``). None, or an empty mapping: not set.

    Attributes
    ----------
    base_url, provider : str or None
        Where requests go.
    api_key_env : str or None
        The name of the environment variable with the key.
    headers_env : mapping of str to str
        Headers of each request. The values are the names of the environment variables with their values.
    model, system : str or None
    max_tokens : int or None
        The longest answer, in tokens.
    gguf : str or None
        The model file of the provider ``local``.
    timeout : mapping of str to float or None
        Limits of :class:`~streamwidget.Timeout`, by name.
    stop_unseen : float or None
        Widgets stop a stream if no page has answered for so many seconds. 0: it goes on.
    budget : str, float or None
        The most to spend in this process, such as ``"$2"`` or ``"200k tokens"``.
    """

    base_url: str | None = None
    provider: str | None = None
    api_key_env: str | None = None
    headers_env: Mapping[str, str] = field(default_factory=dict)
    model: str | None = None
    system: str | None = None
    max_tokens: int | None = None
    gguf: str | None = None
    timeout: Mapping[str, float | None] = field(default_factory=dict)
    stop_unseen: float | None = None
    budget: str | float | None = None


_defaults = Defaults()


def set_defaults(defaults: Defaults) -> None:
    """Use these settings in all later clients. ``Defaults()`` clears them."""
    global _defaults  # noqa: PLW0603  (one value for the process, on purpose)
    _defaults = defaults
    SPENDING.budget = None if defaults.budget is None else Budget.of(defaults.budget)


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one client.

    Attributes
    ----------
    base_url : str or None
        None for a server of streamwidget's own: the provider ``local``, or the demo server.
    api_key : ApiKey or None
    model : str or None
    server : Server
        The row of the server.
    provider : str or None
        The name of the row, if somebody named it.
    key_variables : tuple of str
        The environment variables with a key for the address. The first one with a value is used.
    max_tokens : int or None
        The limit of answers. A caller may name another one.
    gguf : str or None
        The model file of the provider ``local``. None: the installed one.
    headers : mapping of str to Secret
        The client's own headers.
    sources : mapping of str to str
        The sources of the address, the key and the model: ``{"address": "STREAMWIDGET_BASE_URL"}``. A missing setting
        is not in it.
    """

    base_url: str | None
    api_key: ApiKey | None
    model: str | None
    server: Server = UNKNOWN
    provider: str | None = None
    key_variables: tuple[str, ...] = ()
    max_tokens: int | None = None
    gguf: str | None = None
    headers: Mapping[str, Secret] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)

    @property
    def key_variable(self) -> str | None:
        """The environment variable to set for a key of this address, as the guide names it. None if there is none."""
        usual = self.server.key_env
        return usual if usual in self.key_variables else next(reversed(self.key_variables), None)

    @property
    def place(self) -> str:
        """The address, or the name of a server of streamwidget's own."""
        return self.base_url or ("demo server" if self.server.starts is None else "local model")

    @property
    def timeout(self) -> Timeout:
        """The limits of a client without limits from its caller."""
        url = self.base_url
        loads = self.server.starts is not None
        is_local = loads or (url is not None and (is_loopback(url) or is_loopback(self.server.base_url)))
        return Timeout(**{**(_LOCAL_LIMITS if is_local else {}), **_defaults.timeout})


def resolve(
    base_url: str | None,
    api_key: str | None,
    model: str | None,
    environ: Mapping[str, str] | None = None,
    *,
    provider: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Settings:
    """Find the settings of a client.

    Raises
    ------
    ConfigurationError
        If the address is not an http(s) URL, the key or a header cannot be sent, the provider is unknown, or a variable
        of the environment has an unusable value.
    """
    env = _environment(environ)
    own = {} if headers is None else own_headers(headers)
    if base_url is None and provider is None:
        own = {**_default_headers(env, own), **own}
    settings = _resolve(base_url, api_key, model, env, provider)
    if settings.base_url is not None and (settings.api_key is not None or Secrets(None, own).spellings is not None):
        _warn_if_exposed(settings.base_url, "headers are" if settings.api_key is None else "key is")
    return replace(settings, headers=own)


def _resolve(
    base_url: str | None, api_key: str | None, model: str | None, env: dict[str, str], provider: str | None
) -> Settings:
    _check_texts(base_url=base_url, api_key=api_key, model=model, provider=provider)
    sources = {"model": _first_named(argument=model, setting=_defaults.model, env=env)}
    model = unquoted(model or _defaults.model or env.get("STREAMWIDGET_MODEL", "")) or None
    check_model(model)
    max_tokens = _max_tokens(env)
    place = _place(base_url, provider, api_key, env)
    named, provider = place.named, place.provider
    sources = {name: source for name, source in {"address": place.found_in, **sources}.items() if source}
    if place.base_url is None:
        starts = named is not None and named.starts is not None
        gguf = (_defaults.gguf or env.get("STREAMWIDGET_GGUF")) if starts else None
        server = named if named is not None else UNKNOWN
        return Settings(None, None, model, server, provider, max_tokens=max_tokens, gguf=gguf, sources=sources)
    with _naming(place.setting):
        url = check_url(place.base_url)
    server = named or _server_at(url, env)
    variables = _key_variables(url, named, env) if place.own_key is None else (place.own_key,)
    key = ApiKey(api_key) if api_key is not None else _key_from(variables, env)
    if api_key is None and server.speaks_with_token is not None and _first_set(variables, env) == server.token_env:
        server = replace(server, speaks=server.speaks_with_token)
    if key is None and place.own_key is not None:
        raise ConfigurationError(
            f"The environment variable {how_to_set(place.own_key)} `%config ChatMagics.api_key_env` names it. "
            "Nothing was sent."
        )
    if key is not None:
        sources["key"] = _ARGUMENT if api_key is not None else _first_set(variables, env) or _ARGUMENT
    return Settings(url, key, model, server, provider, variables, max_tokens, sources=sources)


class _Place(NamedTuple):
    """Where requests go.

    Attributes
    ----------
    base_url : str or None
        As it was given. None: streamwidget starts the server.
    named : Server or None
        The row of a named provider.
    provider : str or None
        Its name.
    own_key : str or None
        The person's own variable for this address.
    setting : str or None
        The setting with the address, if it is not an argument.
    found_in : str
        The source of the address, for the person. Empty: nothing chose it.
    """

    base_url: str | None
    named: Server | None
    provider: str | None
    own_key: str | None
    setting: str | None
    found_in: str


def _place(base_url: str | None, provider: str | None, api_key: str | None, env: Mapping[str, str]) -> _Place:
    own_key = setting = None
    found_in = _ARGUMENT
    if base_url is None and provider is None:
        own_key = _defaults.api_key_env
        base_url, provider = _defaults.base_url, _defaults.provider
        setting = "ChatMagics.base_url"
        found_in = setting if base_url is not None else "ChatMagics.provider"
    if base_url is None and provider is None:
        base_url, provider = env.get("STREAMWIDGET_BASE_URL"), _own_provider(env)
        setting = "STREAMWIDGET_BASE_URL"
        found_in = setting if base_url is not None else "STREAMWIDGET_PROVIDER"
    named = server_named(provider) if provider is not None else None
    if base_url is None and named is not None and named.starts is None:
        base_url, setting = _address_of(named, env), named.url_env
        found_in += f", {setting}" if setting in env else ""
    elif base_url is None and named is None and ("OPENAI_BASE_URL" in env or "OPENAI_API_KEY" in env):
        base_url, setting = env.get("OPENAI_BASE_URL", OPENAI_URL), "OPENAI_BASE_URL"
        found_in = setting if setting in env else "OPENAI_API_KEY"
    elif base_url is None and named is None:
        is_openai = api_key or own_key or "STREAMWIDGET_API_KEY" in env
        base_url, found_in = OPENAI_URL if is_openai else None, "the key" if is_openai else ""
    return _Place(base_url, named, provider, own_key, setting, found_in)


def _first_named(*, argument: str | None, setting: str | None, env: Mapping[str, str]) -> str:
    """Return the source of the model's name. Empty: nothing names one."""
    if argument:
        return _ARGUMENT
    return "ChatMagics.model" if setting else "STREAMWIDGET_MODEL" if "STREAMWIDGET_MODEL" in env else ""


def _default_headers(env: Mapping[str, str], own: Mapping[str, Secret]) -> dict[str, Secret]:
    """Return the headers of the defaults, without the client's own."""
    given = set(map(str.lower, own))
    variables = {name: variable for name, variable in _defaults.headers_env.items() if name.lower() not in given}
    missing = next((name for name, variable in variables.items() if variable not in env), None)
    if missing is not None:
        raise ConfigurationError(
            f"The environment variable {variables[missing]} is not set. `%config ChatMagics.headers_env` names it for "
            f"{missing}. Nothing was sent."
        )
    with _naming("ChatMagics.headers_env"):
        return own_headers({name: env[variable] for name, variable in variables.items()})


def _server_at(url: str, env: Mapping[str, str]) -> Server:
    """Return the row of an address: of this very one, or else the first of its host. A host may have two APIs."""
    rows = [row for row in SERVERS.values() if origin_of(row.address(env)) == origin_of(url)]
    return max(rows, key=lambda row: row.address(env) == url, default=UNKNOWN)


def _address_of(server: Server, env: Mapping[str, str]) -> str:
    """Return the address of a named server. ConfigurationError if the person must set it and has not."""
    address = server.address(env)
    if not address:
        raise ConfigurationError(
            f"This provider has another address for each customer. Set {server.url_env}, such as {server.example}"
        )
    return address


def _key_from(variables: tuple[str, ...], env: Mapping[str, str]) -> ApiKey | None:
    """Return the key in the first of these variables with a value."""
    variable = _first_set(variables, env)
    with _naming(variable):
        return ApiKey(env[variable]) if variable is not None else None


def _first_set(variables: tuple[str, ...], env: Mapping[str, str]) -> str | None:
    return next((name for name in variables if name in env), None)


def _check_texts(**settings: object) -> None:
    for name, value in settings.items():
        if value is not None and not isinstance(value, str):
            raise ConfigurationError(f"{name} is a text (str), not a {type(value).__name__}. Nothing was sent.")


@contextlib.contextmanager
def _naming(setting: str | None) -> Iterator[None]:
    """Put the name of the setting before the message, if the wrong value is not an argument."""
    try:
        yield
    except ConfigurationError as exc:
        # Not a new exception: this one would stay its context, and its frames hold the key.
        exc.args = (f"{setting}: {exc}" if setting else str(exc),)
        raise


def default_system(environ: Mapping[str, str] | None = None) -> str | None:
    """Return the system prompt of a conversation, unless its maker names one."""
    return _defaults.system if _defaults.system is not None else _environment(environ).get("STREAMWIDGET_SYSTEM")


def default_stop_unseen(environ: Mapping[str, str] | None = None) -> float:
    """Return the seconds until a widget stops an unseen stream, unless its maker names them. 0: never."""
    if _defaults.stop_unseen is not None:
        return _defaults.stop_unseen
    return _VOILA_UNSEEN if "VOILA_BASE_URL" in _environment(environ) else 0


def _environment(environ: Mapping[str, str] | None) -> dict[str, str]:
    """Return the variables with a value."""
    return {name: value for name, value in (os.environ if environ is None else environ).items() if value.strip()}


def _max_tokens(env: Mapping[str, str]) -> int | None:
    if _defaults.max_tokens is not None:
        return _defaults.max_tokens
    text = env.get("STREAMWIDGET_MAX_TOKENS")
    if text is None:
        return None
    try:
        most = int(text)
    except ValueError:
        most = 0
    if most < 1:
        raise ConfigurationError(f"STREAMWIDGET_MAX_TOKENS must be a whole number from 1, not {text[:40]!r}.")
    return most


def _own_provider(env: Mapping[str, str]) -> str | None:
    name = env.get("STREAMWIDGET_PROVIDER", "").strip() or None
    if name is not None:
        with _naming("STREAMWIDGET_PROVIDER"):
            server_named(name)
    return name


def _key_variables(url: str, named: Server | None, env: Mapping[str, str]) -> tuple[str, ...]:
    """Return the environment variables with a key for this address. The first one with a value is used."""
    own = SERVERS.get(env.get("STREAMWIDGET_PROVIDER", "").strip())
    homes = {"STREAMWIDGET_API_KEY": env.get("STREAMWIDGET_BASE_URL") or (own.address(env) if own else OPENAI_URL)}
    if named is not None:
        names = filter(None, (named.also_key_env, named.key_env, named.token_env))
        homes |= dict.fromkeys(names, named.address(env))
    homes["OPENAI_API_KEY"] = env.get("OPENAI_BASE_URL", OPENAI_URL)
    return tuple(name for name, home in homes.items() if origin_of(home) == origin_of(url))


def how_to_set(variable: str) -> str:
    """Return two sentences: the environment variable of a key is not set, and the line to type."""
    return f"{variable} is not set. In a cell: {typed_key(variable)}."


def typed_key(variable: str) -> str:
    """Return the line of a cell to ask for a key and not save it."""
    return f'`import getpass, os; os.environ["{variable}"] = getpass.getpass()`'


def _warn_if_exposed(url: str, what: str) -> None:
    host = host_of(url)
    if url.lower().startswith("http://") and not is_loopback(url) and host not in _warned_hosts:
        _warned_hosts.add(host)
        warnings.warn(
            f"For {host} the {what} sent unencrypted, because the base URL begins with http://. Use https:// instead.",
            stacklevel=5,
        )
