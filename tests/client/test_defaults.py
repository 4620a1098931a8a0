"""One order for all settings: arguments, the notebook's settings, STREAMWIDGET_*, OPENAI_*, the demo server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import streamwidget as sw
from streamwidget import ConfigurationError, Timeout
from streamwidget._client.config import Defaults, default_system, resolve, set_defaults
from streamwidget._client.servers import SERVERS
from streamwidget.demo import DemoServer
from tests.support.servers import CANARY

OTHER = "sk-other-0123456789abcdefWXYZ"
OLLAMA, GROQ = SERVERS["ollama"].base_url, SERVERS["groq"].base_url

Found = tuple[str | None, str | None, str | None]


def found(env: dict[str, str], **arguments: Any) -> Found:
    """Return the address, the key and the model."""
    arguments = {"base_url": None, "api_key": None, "model": None} | arguments
    settings = resolve(**arguments, environ=env)
    return settings.base_url, settings.api_key and settings.api_key.reveal(), settings.model


OPENAI_ENV = {"OPENAI_BASE_URL": "https://d/v1", "OPENAI_API_KEY": OTHER}
OWN_ENV = {"STREAMWIDGET_BASE_URL": "https://c/v1", "STREAMWIDGET_API_KEY": CANARY, "STREAMWIDGET_MODEL": "c"}
CONFIG = Defaults(base_url="https://b/v1", api_key_env="MY_KEY", model="b")
ARGUMENTS = {"base_url": "https://a/v1", "api_key": "key-a", "model": "a"}
MY_KEY = {"MY_KEY": "key-b"}


@pytest.mark.parametrize(
    ("arguments", "defaults", "env", "expected"),
    [
        ({}, Defaults(), {}, (None, None, None)),
        ({}, Defaults(), OPENAI_ENV, ("https://d/v1", OTHER, None)),
        ({}, Defaults(), OPENAI_ENV | OWN_ENV, ("https://c/v1", CANARY, "c")),
        ({}, CONFIG, OPENAI_ENV | OWN_ENV | MY_KEY, ("https://b/v1", "key-b", "b")),
        (ARGUMENTS, CONFIG, OPENAI_ENV | OWN_ENV | MY_KEY, ("https://a/v1", "key-a", "a")),
        # Each setting on its own.
        ({"model": "a"}, CONFIG, MY_KEY, ("https://b/v1", "key-b", "a")),
        ({"api_key": "key-a"}, CONFIG, {}, ("https://b/v1", "key-a", "b")),
        ({}, Defaults(model="b"), OWN_ENV, ("https://c/v1", CANARY, "b")),
        # A provider is an address.
        ({}, Defaults(), {"STREAMWIDGET_PROVIDER": "ollama", **OPENAI_ENV}, (OLLAMA, None, None)),
        ({}, Defaults(provider="ollama"), OWN_ENV, (OLLAMA, None, "c")),
        ({"provider": "groq"}, CONFIG, OWN_ENV | MY_KEY | {"GROQ_API_KEY": "g"}, (GROQ, "g", "b")),
        ({"base_url": "https://a/v1"}, Defaults(provider="groq"), {"GROQ_API_KEY": "g"}, ("https://a/v1", None, None)),
        # LiteLLM's proxy is where its own variable says.
        ({"provider": "litellm"}, Defaults(), {}, ("http://localhost:4000/v1", None, None)),
        (
            {"provider": "litellm"},
            Defaults(),
            {"LITELLM_API_BASE": "https://llm.example/", "LITELLM_API_KEY": "l"},
            ("https://llm.example", "l", None),
        ),
        (
            {},
            Defaults(),
            {"STREAMWIDGET_PROVIDER": "litellm", "LITELLM_API_BASE": "https://llm.example", "LITELLM_API_KEY": "l"},
            ("https://llm.example", "l", None),
        ),
        ({}, Defaults(), {"LITELLM_API_BASE": "https://llm.example", "LITELLM_API_KEY": "l"}, (None, None, None)),
    ],
)
def test_the_first_that_is_set_wins(
    arguments: dict[str, Any], defaults: Defaults, env: dict[str, str], expected: Found
) -> None:
    """Arguments, ``%config``, STREAMWIDGET_*, OPENAI_*, the demo server."""
    set_defaults(defaults)
    assert found(env, **arguments) == expected


@pytest.mark.parametrize(
    ("arguments", "defaults", "env"),
    [
        ({"base_url": "https://a/v1"}, CONFIG, MY_KEY),
        ({"provider": "groq"}, CONFIG, MY_KEY),
        ({}, Defaults(base_url="https://b/v1"), OPENAI_ENV | OWN_ENV),
        ({}, Defaults(provider="groq"), OPENAI_ENV | OWN_ENV | {"OPENROUTER_API_KEY": "r"}),
        ({"provider": "groq"}, Defaults(), {"STREAMWIDGET_PROVIDER": "openrouter", "STREAMWIDGET_API_KEY": CANARY}),
        ({"base_url": "http://localhost:4000/v1", "provider": "litellm"}, Defaults(),
         {"LITELLM_API_BASE": "https://llm.example", "LITELLM_API_KEY": "l"}),
        ({"base_url": "https://a/v1"}, Defaults(), {"STREAMWIDGET_PROVIDER": "nobody", "STREAMWIDGET_API_KEY": CANARY}),
    ],
)  # fmt: skip
@pytest.mark.fault("S10", "the key of a setting goes to its own address alone")
def test_a_key_goes_only_to_the_address_of_its_setting(
    arguments: dict[str, Any], defaults: Defaults, env: dict[str, str]
) -> None:
    """Not to an address that was named elsewhere."""
    set_defaults(defaults)
    assert found(env, **arguments)[1] is None


def test_a_provider_of_the_environment_gets_its_keys() -> None:
    """STREAMWIDGET_API_KEY belongs to STREAMWIDGET_PROVIDER, and comes before the provider's own variable."""
    env = {"STREAMWIDGET_PROVIDER": "groq", "GROQ_API_KEY": OTHER}
    assert found(env)[:2] == (GROQ, OTHER)
    assert found(env | {"STREAMWIDGET_API_KEY": CANARY})[:2] == (GROQ, CANARY)


@pytest.mark.parametrize(
    ("env", "defaults", "words"),
    [
        ({"STREAMWIDGET_PROVIDER": "olama"}, Defaults(), "STREAMWIDGET_PROVIDER: Unknown provider 'olama'"),
        ({"STREAMWIDGET_MAX_TOKENS": "many"}, Defaults(), "STREAMWIDGET_MAX_TOKENS must be a whole number from 1"),
        ({"STREAMWIDGET_MAX_TOKENS": "0"}, Defaults(), "not '0'"),
        ({}, Defaults(api_key_env="MY_KEY"), "variable MY_KEY is not set"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(env: dict[str, str], defaults: Defaults, words: str) -> None:
    """When the client is made."""
    set_defaults(defaults)
    with pytest.raises(ConfigurationError, match=words):
        found(env)


async def test_the_longest_answer_is_a_setting(server: DemoServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """STREAMWIDGET_MAX_TOKENS, then ``%config``, then the call. ``None`` in the call sends no limit of ours."""
    monkeypatch.setenv("STREAMWIDGET_MAX_TOKENS", "7")
    completion = await sw.ChatClient(server.url).stream("x")
    assert (completion.outcome, server.requests[-1].body["max_tokens"]) == ("length", 7)
    set_defaults(Defaults(max_tokens=5))
    await sw.ChatClient(server.url).complete("x")
    assert server.requests[-1].body["max_tokens"] == 5
    await sw.ChatClient(server.url).stream("x", max_completion_tokens=3)
    assert "max_tokens" not in server.requests[-1].body
    await sw.ChatClient(server.url).stream("x", max_tokens=3)
    assert server.requests[-1].body["max_tokens"] == 3


def test_the_system_prompt_is_a_setting() -> None:
    """STREAMWIDGET_SYSTEM, then ``%config``. An empty one there sends none."""
    env = {"STREAMWIDGET_SYSTEM": "from the environment"}
    assert default_system({}) is None
    assert default_system(env) == "from the environment"
    set_defaults(Defaults(system="from the notebook"))
    assert default_system(env) == "from the notebook"
    set_defaults(Defaults(system=""))
    assert default_system(env) == ""


LOCAL = Timeout(headers=600, total=1200)


@pytest.mark.parametrize(
    ("make", "timeout"),
    [
        (lambda: sw.ChatClient("https://far.example/v1"), Timeout()),
        (sw.ChatClient, Timeout()),
        (lambda: sw.ChatClient("http://127.0.0.1:8080/v1"), LOCAL),
        (lambda: sw.ChatClient("http://localhost:1/v1"), LOCAL),
        (lambda: sw.ChatClient(provider="ollama"), LOCAL),
        (lambda: sw.ChatClient("http://gpu.example:11434/v1", provider="ollama"), LOCAL),
        (lambda: sw.ChatClient("http://127.0.0.1:8080/v1", timeout=Timeout(stall=1)), Timeout(stall=1)),
    ],
)
def test_a_server_on_this_machine_may_load_its_model_first(make: Callable[[], sw.ChatClient], timeout: Timeout) -> None:
    """600 s for the headers instead of 60, as a default. A connection still has to be there within 5 s."""
    assert make().timeout == timeout


def test_a_limit_that_a_person_set_holds_for_a_local_server_too() -> None:
    """Only the limits that nobody set are longer."""
    set_defaults(Defaults(timeout={"headers": 20, "stall": None}))
    assert sw.ChatClient(provider="ollama").timeout == Timeout(headers=20, stall=None, total=1200)
    assert sw.ChatClient("https://far.example/v1").timeout == Timeout(headers=20, stall=None)
