"""Compatible servers by name: configuration, and nothing about models.

A key is read from the variable that the server's row names, and goes to the host of that row alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from streamwidget._core.exceptions import ConfigurationError


@dataclass(frozen=True, slots=True)
class Server:
    """What differs between servers that speak OpenAI's chat completions.

    Attributes
    ----------
    base_url : str
        Where it is, or where it listens on this machine.
    key_env : str or None
        The name of the environment variable of its key.
    needs_model : bool
        It refuses a request that names no model.
    max_tokens : str
        What it calls the limit of an answer.
    stream_options : bool
        It takes this field; without it usage comes unasked, or not at all.
    """

    base_url: str
    key_env: str | None = None
    needs_model: bool = False
    max_tokens: str = "max_tokens"
    stream_options: bool = True


OPENAI_URL = "https://api.openai.com/v1"

SERVERS = {
    "deepseek": Server("https://api.deepseek.com/v1", "DEEPSEEK_API_KEY"),
    "fireworks": Server("https://api.fireworks.ai/inference/v1", "FIREWORKS_API_KEY"),
    "gemini": Server("https://generativelanguage.googleapis.com/v1beta/openai", "GEMINI_API_KEY"),
    "groq": Server("https://api.groq.com/openai/v1", "GROQ_API_KEY"),
    "litellm": Server("http://localhost:4000/v1", "LITELLM_API_KEY"),
    "llamacpp": Server("http://localhost:8080/v1"),
    "lmstudio": Server("http://localhost:1234/v1"),
    "mistral": Server("https://api.mistral.ai/v1", "MISTRAL_API_KEY", stream_options=False),
    "ollama": Server("http://localhost:11434/v1"),
    # Its newer models refuse the old name of the limit; other servers know no other. Its key's rule is in _config.
    "openai": Server(OPENAI_URL, needs_model=True, max_tokens="max_completion_tokens"),
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
        If it is not known; the message lists those that are.
    """
    try:
        return SERVERS[name]
    except KeyError:
        raise ConfigurationError(
            f"There is no provider {name[:40]!r}. Known: {', '.join(SERVERS)}. Any other server: its base_url."
        ) from None
