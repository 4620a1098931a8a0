"""What is odd about a key that a server has refused: a placeholder, a variable's name, or a key of somebody else.

It is looked at only after a refusal, because a server without keys takes any word. The key is not shown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from streamwidget._core.secrets import ApiKey

#: How the keys of a provider begin, its name, and the end of its addresses.
_OWNERS: Mapping[str, tuple[str, str]] = {
    "sk-ant-": ("Anthropic", "anthropic.com"),
    "sk-or-": ("OpenRouter", "openrouter.ai"),
    "sk-(?:proj|svcacct|admin)-": ("OpenAI", "openai.com"),
    "gsk_": ("Groq", "groq.com"),
    "AIza": ("Google", "googleapis.com"),
    "xai-": ("xAI", "x.ai"),
    "hf_": ("Hugging Face", "huggingface.co"),
    "nvapi-": ("NVIDIA", "nvidia.com"),
    "pplx-": ("Perplexity", "perplexity.ai"),
    "csk-": ("Cerebras", "cerebras.ai"),
    "(?:gh[pousr]|github_pat)_": ("GitHub", "github.ai"),
}
_VARIABLE = re.compile(
    r"\$\{?\w+\}?|\$env:\w+|%\w+%|\{\{?\w+\}?\}|os\.(?:environ|getenv)\b.*|[A-Z][A-Z0-9_]*_(?:KEY|TOKEN)", re.DOTALL
)
_PLACEHOLDER = re.compile(r"<.*>|\byour\b|\byour_|\.\.\.|…|\*\*\*|x{5}|change.?me|replace.?me|insert", re.IGNORECASE)
_LOOSE_END = re.compile(r".*[;,]|[;,].*", re.DOTALL)


def oddity_of(key: ApiKey, host: str) -> str:
    """Return a sentence on what is odd about a key for this host. Empty: it looks well.

    Examples
    --------
    >>> oddity_of(ApiKey("$OPENAI_API_KEY"), "api.openai.com")
    'It is the name of a variable, and not its value.'
    >>> oddity_of(ApiKey("sk-ant-0123456789"), "api.openai.com")
    'It begins like a key of Anthropic.'
    >>> oddity_of(ApiKey("sk-proj-0123456789"), "api.openai.com")
    ''
    """
    if _VARIABLE.fullmatch(key.reveal()) and not _PLACEHOLDER.match(key.reveal()):
        return "It is the name of a variable, and not its value."
    if _PLACEHOLDER.search(key.reveal()):
        return "It is a placeholder or a shortened key. Copy the whole key."
    if _LOOSE_END.fullmatch(key.reveal()):
        return "It begins or ends with a punctuation mark."
    name = host.partition(":")[0]
    for begins, (owner, home) in _OWNERS.items():
        if re.match(begins, key.reveal()) and name != home and not name.endswith(f".{home}"):
            return f"It begins like a key of {owner}."
    return ""
