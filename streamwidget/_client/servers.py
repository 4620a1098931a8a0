"""Servers by name. The table holds configuration, and nothing about models.

A server's key is read from the variable in its row. It is sent only to the address in that row.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from typing import Any, TypeAlias

from streamwidget._client.http import Transport
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.secrets import Secrets, mask
from streamwidget._dialects.dialect import Dialect
from streamwidget._dialects.going_on import Prefill

MakeDialect: TypeAlias = Callable[[], Dialect]
#: Takes the setting ``gguf``, the client's secrets and its ``http_client``.
MakeTransport: TypeAlias = Callable[[str | None, Secrets, Any], Transport]


def _late(place: str, **differs: Any) -> MakeDialect:
    """Return a maker of a dialect, imported when it is first needed: ``_late("ollama_chat:OllamaChat")``."""

    @functools.cache
    def make() -> Dialect:
        module, _, name = place.partition(":")
        dialect: Dialect = getattr(import_module(f"streamwidget._dialects.{module}"), name)(**differs)
        return dialect

    return make


def _chat_completions(**differs: Any) -> MakeDialect:
    return _late("chat_completions:ChatCompletions", **differs)


#: The fields of vLLM and transformers. llama.cpp has them too, and an older one does the same without them.
_OPEN_ENDED = Prefill(fields={"continue_final_message": True, "add_generation_prompt": False})
_MARKED = {"prefix": True}


def _local_model(gguf: str | None, secrets: Secrets, http_client: Any) -> Transport:
    from streamwidget._client.local import LocalTransport

    return LocalTransport(gguf, secrets, http_client)


@dataclass(frozen=True, slots=True)
class Server:
    """One server.

    Attributes
    ----------
    base_url : str
        Its address. For a program on this machine, the address it usually has. Empty if streamwidget starts it, or if
        each customer has one.
    key_env : str or None
        The name of the environment variable of its key.
    also_key_env : str or None
        Another name of it, which counts first. The provider's own SDK reads both.
    token_env : str or None
        The name of the variable of a token that the provider takes in place of a key.
    speaks_with_token : callable or None
        Makes the dialect that sends the token.
    needs_model : bool
        It refuses a request without a model.
    speaks : callable
        Makes the dialect of its API.
    url_env : str or None
        The name of an environment variable with another address, for a server that each place runs itself.
    example : str
        Such an address, for a server without one of its own.
    path : str
        What an address of ``url_env`` gets at its end, unless it has the first part of it. The provider's SDK adds it
        too.
    port : int or None
        The port of an address of ``url_env`` that is a host alone. Ollama takes ``0.0.0.0`` and ``:11434`` for one.
    starts : callable or None
        Makes the transport of a server that streamwidget starts itself.
    """

    base_url: str
    key_env: str | None = None
    also_key_env: str | None = None
    token_env: str | None = None
    speaks_with_token: MakeDialect | None = None
    needs_model: bool = False
    speaks: MakeDialect = _chat_completions()  # noqa: RUF009  (a function)
    url_env: str | None = None
    example: str = ""
    path: str = ""
    port: int | None = None
    starts: MakeTransport | None = None

    @property
    def dialect(self) -> Dialect:
        """The API it has."""
        return self.speaks()

    def address(self, environ: Mapping[str, str]) -> str:
        """Return the address in an environment. Empty if it must be set there and is not.

        Examples
        --------
        >>> SERVERS["anthropic"].address({"ANTHROPIC_BASE_URL": "https://proxy.example/anthropic"})
        'https://proxy.example/anthropic/v1'
        >>> SERVERS["ollama-native"].address({"OLLAMA_HOST": "0.0.0.0"})
        'http://127.0.0.1:11434/api'
        """
        own = environ.get(self.url_env, "").strip() if self.url_env else ""
        if not own:
            return self.base_url
        if self.port is not None and "://" not in own:
            host, _, rest = own.partition("/")
            host = host if re.search(r":\d+$", host) else f"{host.rstrip(':')}:{self.port}"
            own = f"http://{re.sub(r'^(0.0.0.0)?:', '127.0.0.1:', host)}/{rest}"
        address, query, options = own.partition("?")
        if self.path and self.path.split("/")[1] not in address.split("/")[3:]:
            address = address.rstrip("/") + self.path
        return address + query + options


OPENAI_URL = "https://api.openai.com/v1"
_OLLAMA_PORT = 11434

SERVERS = {
    "anthropic": Server(
        "https://api.anthropic.com/v1",
        "ANTHROPIC_API_KEY",
        token_env="ANTHROPIC_AUTH_TOKEN",
        speaks_with_token=_late("anthropic_messages:AnthropicWithToken"),
        needs_model=True,
        speaks=_late("anthropic_messages:AnthropicMessages"),
        url_env="ANTHROPIC_BASE_URL",
        path="/v1",
    ),
    "azure": Server(
        "",
        "AZURE_OPENAI_API_KEY",
        token_env="AZURE_OPENAI_AD_TOKEN",
        speaks_with_token=_chat_completions(max_tokens="max_completion_tokens"),
        speaks=_chat_completions(max_tokens="max_completion_tokens", key_header="api-key"),
        url_env="AZURE_OPENAI_ENDPOINT",
        example="https://NAME.openai.azure.com/openai/deployments/DEPLOYMENT?api-version=2024-10-21",
        path="/openai/v1",
    ),
    "deepseek": Server(
        "https://api.deepseek.com/v1",
        "DEEPSEEK_API_KEY",
        speaks=_chat_completions(prefill=Prefill(_MARKED, path="../beta/chat/completions")),
    ),
    "fireworks": Server("https://api.fireworks.ai/inference/v1", "FIREWORKS_API_KEY"),
    "gemini": Server("https://generativelanguage.googleapis.com/v1beta/openai", "GEMINI_API_KEY", "GOOGLE_API_KEY"),
    "google": Server(
        "https://generativelanguage.googleapis.com/v1beta",
        "GEMINI_API_KEY",
        "GOOGLE_API_KEY",
        needs_model=True,
        speaks=_late("google_gemini:GoogleGemini"),
        url_env="GOOGLE_GEMINI_BASE_URL",
        path="/v1beta",
    ),
    "groq": Server("https://api.groq.com/openai/v1", "GROQ_API_KEY", speaks=_chat_completions(prefill=Prefill())),
    "litellm": Server("http://localhost:4000/v1", "LITELLM_API_KEY", url_env="LITELLM_API_BASE"),
    "llamacpp": Server("http://localhost:8080/v1", speaks=_chat_completions(prefill=_OPEN_ENDED)),
    "lmstudio": Server("http://localhost:1234/v1"),
    "local": Server("", starts=_local_model, speaks=_chat_completions(prefill=_OPEN_ENDED)),
    "mistral": Server(
        "https://api.mistral.ai/v1",
        "MISTRAL_API_KEY",
        speaks=_chat_completions(asks_for_usage=False, prefill=Prefill(_MARKED, echoes=True)),
    ),
    "ollama": Server(
        "http://localhost:11434/v1", "OLLAMA_API_KEY", url_env="OLLAMA_HOST", path="/v1", port=_OLLAMA_PORT
    ),
    "ollama-native": Server(
        "http://localhost:11434/api",
        "OLLAMA_API_KEY",
        needs_model=True,
        speaks=_late("ollama_chat:OllamaChat"),
        url_env="OLLAMA_HOST",
        path="/api",
        port=_OLLAMA_PORT,
    ),
    # config.py decides about the key of OpenAI.
    "openai": Server(OPENAI_URL, needs_model=True, speaks=_chat_completions(max_tokens="max_completion_tokens")),
    "openai-responses": Server(OPENAI_URL, needs_model=True, speaks=_late("openai_responses:OpenAIResponses")),
    "openrouter": Server(
        "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY", speaks=_chat_completions(prefill=Prefill())
    ),
    "together": Server("https://api.together.ai/v1", "TOGETHER_API_KEY"),
    "vllm": Server("http://localhost:8000/v1", "VLLM_API_KEY", speaks=_chat_completions(prefill=_OPEN_ENDED)),
    "xai": Server("https://api.x.ai/v1", "XAI_API_KEY"),
}

#: Any other server.
UNKNOWN = Server("")


def server_named(name: str) -> Server:
    """Return the server of this name.

    Raises
    ------
    ConfigurationError
        If there is none. The message lists the known names.
    """
    server = SERVERS.get(name)
    if server is None:
        close = "".join(f" Did you mean {other}?" for other in get_close_matches(name, SERVERS, 1))
        raise ConfigurationError(
            f"Unknown provider {mask(name)[:20]!r}.{close} Known providers: {', '.join(SERVERS)}. "
            "For any other server, set base_url."
        )
    return server


def dialect_named(name: str | None) -> Dialect:
    """Return the dialect of this name, for reading. None means chat completions. KeyError if no server has it."""
    if name is None:
        return UNKNOWN.dialect
    return {server.dialect.name: server.dialect for server in SERVERS.values()}[name]
