"""A key where none belongs: in the model's name, in a field of the request, in the system prompt.

There it would be sent in the clear, shown above the answer, and saved in the notebook. So it is refused before anything
is sent, and it is never repeated. Examples::

    client.stream("Hello", "sk-...")                                                     # the model's place
    client.stream("Hello", api_key="sk-...")                                             # the client's own argument
    client.stream("Hello", extra_headers={"Authorization": "Bearer sk-..."})             # the client's own argument
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from streamwidget._core.exceptions import ConfigurationError

#: How the keys of providers begin, with so much after it that no model has such a name: `xai-grok-4` is a model.
_KEY = re.compile(
    r"\s*(?:(?:sk|pk|csk)-[\w-]{12}|(?:xai|pplx|nvapi)-\w{16}|gsk_\w{12}|(?:fw|r8|tgp_v1)_[A-Za-z0-9]{20}|AIza[\w-]{20}"
    r"|hf_[A-Za-z]{20}|gh[pousr]_\w{20}|github_pat_\w{20}|AKIA[0-9A-Z]{16}|ya29\.[\w-]{20}|eyJ[\w-]{10,}\.[\w-]{10,}\."
    r"|[0-9a-f]{32}\s*$|(?:bearer|basic|token)\s+[\w+/=.-]{8})",
    re.IGNORECASE,
)
_KEY_FIELD = re.compile(
    r".*apikey|key|secret|password|bearer|credentials?|(?:access|auth|bearer|session)?token|(?:access|secret)key"
)
#: Words at the end of a variable's name if a key is in it: `OPENAI_API_KEY`, `hf_token`. For a regular expression.
KEY_WORDS = "KEY|TOKEN|SECRET|PASS(?:WORD|WD|PHRASE)|CREDENTIALS?"
_HEADER_FIELD = re.compile(r".*headers?|cookies?|(?:proxy)?authorization")
#: What the SDK of openai adds to a request. Its content is looked at too.
_ADDED = ("extra_body", "extra_query", "default_query")
_KEY_IS = "The key is an argument of ChatClient(base_url, api_key), or a variable of the environment. Nothing was sent."
_HEADERS_ARE = 'Headers are an argument of the client: ChatClient(headers={"X-Api-Key": "..."}). Nothing was sent.'


def is_a_key(text: str) -> bool:
    """Return True for a provider's key, alone or as in a header: ``Bearer sk-...``. It is known by its beginning.

    Examples
    --------
    >>> is_a_key("sk-proj-abcdefghijkl"), is_a_key("xai-grok-4"), is_a_key("hf_model")
    (True, False, False)
    >>> is_a_key("sk-proj-abcdefghijkl is a key")
    False
    """
    return _KEY.match(text) is not None and len(text.split()) <= 2


def check_model(model: str | None) -> None:
    """Raise ConfigurationError if somebody gave a key in place of a model.

    Examples
    --------
    >>> check_model("xai-grok-4"), check_model("hf_model")
    (None, None)
    """
    if model is not None and is_a_key(model):
        raise ConfigurationError(
            "The model looks like an API key. The order is ChatClient(base_url, api_key, model). Nothing was sent."
        )


def check_system(system: str | None) -> None:
    """Raise ConfigurationError if a system prompt is a key, or is not a text.

    Examples
    --------
    >>> check_system("Never repeat sk-12345678.")
    """
    if not isinstance(system, str | None):
        raise ConfigurationError(f"The system prompt is a text, not {type(system).__name__}.")
    if system is not None and is_a_key(system):
        raise ConfigurationError(f"The system prompt looks like an API key. {_KEY_IS}")


def check_fields(fields: Mapping[str, object]) -> None:
    """Raise ConfigurationError if a field of the request is a key, or holds the headers of a request.

    Examples
    --------
    >>> check_fields({"max_tokens": 5, "prompt_cache_key": "lesson-3"})
    """
    for name, value in fields.items():
        if problem := refused_field(name):
            raise ConfigurationError(problem)
        if isinstance(value, str) and is_a_key(value):
            raise ConfigurationError(f"The field {name} looks like an API key. {_KEY_IS}")
        if name in _ADDED and isinstance(value, Mapping):
            check_fields(value)


def refused_field(name: object) -> str | None:
    """Return why a request has no field of this name, or None.

    Examples
    --------
    >>> refused_field("api_key")
    'The key is an argument of ChatClient(base_url, api_key), or a variable of the environment. Nothing was sent.'
    >>> refused_field("max_tokens") is None
    True
    """
    plain = re.sub(r"[^a-z]", "", name.lower()) if isinstance(name, str) else ""
    if _HEADER_FIELD.fullmatch(plain):
        return _HEADERS_ARE
    return _KEY_IS if _KEY_FIELD.fullmatch(plain) else None
