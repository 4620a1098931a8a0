"""Servers by name. The table holds configuration, and nothing about models.

A server's key is read from the variable in its row. It is sent only to the address in that row.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from streamwidget._client.http import Transport
from streamwidget._client.local import LocalTransport
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.secrets import mask
from streamwidget._dialects.anthropic_messages import AnthropicMessages
from streamwidget._dialects.chat_completions import ChatCompletions
from streamwidget._dialects.dialect import Dialect
from streamwidget._dialects.google_gemini import GoogleGemini
from streamwidget._dialects.ollama_chat import OllamaChat
from streamwidget._dialects.openai_responses import OpenAIResponses

#: Takes the setting ``gguf`` and the client's ``http_client``.
MakeTransport: TypeAlias = Callable[[str | None, Any], Transport]


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
    needs_model : bool
        It refuses a request without a model.
    dialect : Dialect
        The API it has.
    url_env : str or None
        The name of an environment variable with another address, for a server that each place runs itself.
    example : str
        Such an address, for a server without one of its own.
    path : str
        What an address of ``url_env`` needs if it is a host alone.
    starts : callable or None
        Makes the transport of a server that streamwidget starts itself.
    """

    base_url: str
    key_env: str | None = None
    needs_model: bool = False
    dialect: Dialect = ChatCompletions()  # noqa: RUF009  (a frozen value)
    url_env: str | None = None
    example: str = ""
    path: str = ""
    starts: MakeTransport | None = None

    def address(self, environ: Mapping[str, str]) -> str:
        """Return the address in an environment. Empty if it must be set there and is not."""
        own = environ.get(self.url_env, "").strip() if self.url_env else ""
        if own and re.fullmatch(r"\w+://[^/?]+/?", own):
            own = own.rstrip("/") + self.path
        return own or self.base_url


OPENAI_URL = "https://api.openai.com/v1"

SERVERS = {
    "anthropic": Server(
        "https://api.anthropic.com/v1",
        "ANTHROPIC_API_KEY",
        needs_model=True,
        dialect=AnthropicMessages(),
        url_env="ANTHROPIC_BASE_URL",
        path="/v1",
    ),
    "azure": Server(
        "",
        "AZURE_OPENAI_API_KEY",
        dialect=ChatCompletions(max_tokens="max_completion_tokens", key_header="api-key"),
        url_env="AZURE_OPENAI_ENDPOINT",
        example="https://NAME.openai.azure.com/openai/deployments/DEPLOYMENT?api-version=2024-10-21",
        path="/openai/v1",
    ),
    "deepseek": Server("https://api.deepseek.com/v1", "DEEPSEEK_API_KEY"),
    "fireworks": Server("https://api.fireworks.ai/inference/v1", "FIREWORKS_API_KEY"),
    "gemini": Server("https://generativelanguage.googleapis.com/v1beta/openai", "GEMINI_API_KEY"),
    "google": Server(
        "https://generativelanguage.googleapis.com/v1beta", "GEMINI_API_KEY", needs_model=True, dialect=GoogleGemini()
    ),
    "groq": Server("https://api.groq.com/openai/v1", "GROQ_API_KEY"),
    "litellm": Server("http://localhost:4000/v1", "LITELLM_API_KEY", url_env="LITELLM_API_BASE"),
    "llamacpp": Server("http://localhost:8080/v1"),
    "lmstudio": Server("http://localhost:1234/v1"),
    "local": Server("", starts=LocalTransport),
    "mistral": Server("https://api.mistral.ai/v1", "MISTRAL_API_KEY", dialect=ChatCompletions(asks_for_usage=False)),
    "ollama": Server("http://localhost:11434/v1"),
    "ollama-native": Server("http://localhost:11434/api", needs_model=True, dialect=OllamaChat()),
    # config.py decides about the key of OpenAI.
    "openai": Server(OPENAI_URL, needs_model=True, dialect=ChatCompletions(max_tokens="max_completion_tokens")),
    "openai-responses": Server(OPENAI_URL, needs_model=True, dialect=OpenAIResponses()),
    "openrouter": Server("https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
    "together": Server("https://api.together.ai/v1", "TOGETHER_API_KEY"),
    "vllm": Server("http://localhost:8000/v1", "VLLM_API_KEY"),
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
    try:
        return SERVERS[name]
    except KeyError:
        raise ConfigurationError(
            f"Unknown provider {mask(name)[:20]!r}. Known providers: {', '.join(SERVERS)}. "
            "For any other server, set base_url."
        ) from None


def dialect_named(name: str | None) -> Dialect:
    """Return the dialect of this name, for reading. None means chat completions. KeyError if no server has it."""
    if name is None:
        return UNKNOWN.dialect
    return {server.dialect.name: server.dialect for server in SERVERS.values()}[name]
