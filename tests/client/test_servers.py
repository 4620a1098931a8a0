"""Servers by name, the addresses that their keys go to, and the list of models."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import pytest

import streamwidget as sw
from streamwidget._client.config import resolve
from streamwidget._client.servers import SERVERS
from streamwidget._client.urls import check_url, is_loopback
from streamwidget.demo import DemoServer
from tests.support.servers import CANARY, QUICK, RawServer, response, sse

OTHER = "sk-other-0123456789abcdefWXYZ"
KEYED = sorted(name for name, server in SERVERS.items() if server.key_env and server.base_url)


def found(provider: str | None, env: dict[str, str], base_url: str | None = None) -> tuple[str | None, str | None]:
    """Return the address and the key of a client, for a provider in an environment."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        settings = resolve(base_url, None, None, env, provider=provider)
    return settings.base_url, settings.api_key and settings.api_key.reveal()


@pytest.mark.parametrize("name", SERVERS)
def test_a_row_is_an_address_and_the_name_of_a_variable(name: str) -> None:
    """The address uses TLS or is on this machine. The key's variable is a name in capitals."""
    server = SERVERS[name]
    for address in filter(None, (server.base_url, server.example)):
        assert check_url(address) == address
        assert address.startswith("https://") or is_loopback(address)
    assert bool(server.base_url) + bool(server.starts) + bool(server.url_env and server.example) == 1
    assert server.key_env is None or server.key_env.removesuffix("_API_KEY").isupper()
    assert bool(server.token_env) == bool(server.speaks_with_token)


def test_a_name_gives_the_address_whatever_the_environment_says() -> None:
    """A named provider overrides the variables. A given address overrides the provider's own."""
    env = {"STREAMWIDGET_BASE_URL": "https://mine/v1", "STREAMWIDGET_API_KEY": CANARY, "OPENAI_API_KEY": OTHER}
    assert found("ollama", env) == ("http://localhost:11434/v1", None)
    assert found("ollama", env, "http://localhost:9999/v1") == ("http://localhost:9999/v1", None)
    assert found("openai", env) == ("https://api.openai.com/v1", OTHER)
    assert sw.ChatClient(provider="vllm").base_url == "http://localhost:8000/v1"


@pytest.mark.parametrize("name", KEYED)
@pytest.mark.fault("S10", "a provider's key goes to the provider's address alone")
def test_a_providers_key_goes_to_its_own_address_alone(name: str) -> None:
    """Not to another address with its name, nor to its address without the name. It gets no other key."""
    server = SERVERS[name]
    env = {server.key_env or "": CANARY, "OPENAI_API_KEY": OTHER, "STREAMWIDGET_API_KEY": OTHER}
    assert found(name, env) == (server.base_url, CANARY)
    assert found(name, env, "https://elsewhere/v1")[1] is None
    assert found(None, env, server.base_url)[1] is None
    assert found(name, {"OPENAI_API_KEY": OTHER, "STREAMWIDGET_API_KEY": OTHER})[1] is None


@pytest.mark.parametrize(
    ("url", "dialect"),
    [
        ("https://api.openai.com/v1", "chat_completions"),
        ("https://api.anthropic.com/v1/", "anthropic_messages"),
        ("https://generativelanguage.googleapis.com/v1beta/openai/", "chat_completions"),
        ("https://generativelanguage.googleapis.com/v1beta", "google_gemini"),
        ("http://localhost:11434/v1", "chat_completions"),
        ("http://localhost:11434/api", "ollama_chat"),
        ("http://localhost:9999/v1", "chat_completions"),
    ],
)
def test_an_address_without_a_name_has_the_api_that_is_there(url: str, dialect: str) -> None:
    """A host may have two APIs, at two addresses."""
    assert resolve(url, None, None, {}).server.dialect.name == dialect


def test_anthropics_own_variable_is_an_address() -> None:
    """As its SDK has it: without the version."""
    env = {"ANTHROPIC_BASE_URL": "https://proxy.example", "ANTHROPIC_API_KEY": CANARY}
    assert found("anthropic", env) == ("https://proxy.example/v1", CANARY)


@pytest.mark.parametrize(
    ("provider", "env", "address", "key"),
    [
        ("anthropic", {"ANTHROPIC_BASE_URL": "https://p.example/claude/"}, "https://p.example/claude/v1", CANARY),
        ("anthropic", {"ANTHROPIC_BASE_URL": "https://p.example/v1"}, "https://p.example/v1", CANARY),
        ("google", {"GOOGLE_API_KEY": OTHER}, "https://generativelanguage.googleapis.com/v1beta", OTHER),
        ("gemini", {"GOOGLE_API_KEY": OTHER}, "https://generativelanguage.googleapis.com/v1beta/openai", OTHER),
        ("google", {"GOOGLE_GEMINI_BASE_URL": "https://p.example"}, "https://p.example/v1beta", CANARY),
        ("ollama-native", {"OLLAMA_HOST": "gpu"}, "http://gpu:11434/api", CANARY),
        ("ollama-native", {"OLLAMA_HOST": "0.0.0.0:9999"}, "http://127.0.0.1:9999/api", CANARY),
        ("ollama-native", {"OLLAMA_HOST": ":9999"}, "http://127.0.0.1:9999/api", CANARY),
        ("ollama-native", {"OLLAMA_HOST": "https://gpu.example/ollama"}, "https://gpu.example/ollama/api", CANARY),
        ("ollama", {"OLLAMA_HOST": "http://gpu:1/"}, "http://gpu:1/v1", CANARY),
        ("ollama", {"OLLAMA_HOST": " "}, "http://localhost:11434/v1", CANARY),
    ],
)
def test_the_variables_of_a_providers_sdk_are_read(provider: str, env: dict[str, str], address: str, key: str) -> None:
    """In the forms that the SDK takes. The key goes to that address alone."""
    keys = dict.fromkeys(("ANTHROPIC_API_KEY", "GEMINI_API_KEY", "OLLAMA_API_KEY"), CANARY)
    assert found(provider, {**keys, **env}) == (address, key)
    assert found(provider, {**keys, **env}, "https://elsewhere/v1") == ("https://elsewhere/v1", None)


@pytest.mark.parametrize(
    ("provider", "token", "key", "header"),
    [
        ("anthropic", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_API_KEY", "x-api-key"),
        ("azure", "AZURE_OPENAI_AD_TOKEN", "AZURE_OPENAI_API_KEY", "api-key"),
    ],
)
def test_a_token_in_place_of_a_key_has_its_own_header(provider: str, token: str, key: str, header: str) -> None:
    """As the SDK sends it. A key counts first."""
    env = {token: CANARY, "AZURE_OPENAI_ENDPOINT": AZURE}
    settings = resolve(None, None, None, env, provider=provider)
    assert settings.api_key is not None
    assert settings.api_key.reveal() == CANARY
    assert settings.server.dialect.headers["Authorization"] == "Bearer {key}"
    assert header not in settings.server.dialect.headers
    settings = resolve(None, None, None, {**env, key: OTHER}, provider=provider)
    assert settings.server.dialect.headers[header] == "{key}"
    assert "Authorization" not in resolve(None, CANARY, None, env, provider=provider).server.dialect.headers


def test_openais_key_stays_with_the_address_that_it_belongs_to() -> None:
    """A key for a proxy does not go to OpenAI when you name OpenAI."""
    assert found("openai", {"OPENAI_API_KEY": CANARY, "OPENAI_BASE_URL": "https://proxy/v1"})[1] is None


AZURE = "https://me.openai.azure.com"
DEPLOYMENT = f"{AZURE}/openai/deployments/gpt?api-version=2024-10-21"


@pytest.mark.parametrize(
    ("endpoint", "address"),
    [
        (DEPLOYMENT, DEPLOYMENT),
        (AZURE, f"{AZURE}/openai/v1"),
        (f"{AZURE}/", f"{AZURE}/openai/v1"),
        (f"{AZURE}/openai/v1/", f"{AZURE}/openai/v1"),
    ],
)
def test_azure_has_the_address_of_its_customer(endpoint: str, address: str) -> None:
    """A deployment with its version, or the host alone. The key goes there, and nowhere else."""
    env = {"AZURE_OPENAI_ENDPOINT": endpoint, "AZURE_OPENAI_API_KEY": CANARY, "OPENAI_API_KEY": OTHER}
    assert found("azure", env) == (address, CANARY)
    assert found(None, env, DEPLOYMENT)[1] is None
    assert found("azure", env, DEPLOYMENT) == (DEPLOYMENT, CANARY)
    assert found("azure", env, "https://elsewhere/v1") == ("https://elsewhere/v1", None)


def test_azure_without_an_address_says_what_to_set() -> None:
    """There is no address to guess."""
    with pytest.raises(sw.ConfigurationError, match=r"Set AZURE_OPENAI_ENDPOINT, such as https://NAME\.openai\.azure"):
        found("azure", {"AZURE_OPENAI_API_KEY": CANARY})


async def test_azure_gets_the_key_in_its_own_header(tmp_path: Path) -> None:
    """And the version in the query. A recording does not show the key."""
    with RawServer(response(sse("A river.", b"data: [DONE]\n\n"))) as raw:
        stream = sw.ChatClient(f"{raw.url}?api-version=2024-10-21", CANARY, provider="azure").stream("x")
        stream.record(tmp_path / "azure.jsonl")
        await stream
    head = raw.requests[-1].partition(b"\r\n\r\n")[0].decode().lower()
    assert f"api-key: {CANARY.lower()}" in head
    assert "authorization" not in head
    assert head.startswith("post /v1/chat/completions?api-version=2024-10-21 ")
    assert CANARY not in (tmp_path / "azure.jsonl").read_text("utf-8")


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    """When the client is made."""
    with pytest.raises(sw.ConfigurationError, match=r"'olama'\. Did you mean ollama\? Known.*groq.*ollama"):
        sw.ChatClient(provider="olama")


async def test_the_servers_ways_are_known_by_name_and_by_address(server: DemoServer) -> None:
    """Mistral gets no stream_options, unless you ask for them. OpenAI needs a model."""
    client = sw.ChatClient(server.url, provider="mistral")
    await client.stream("x")
    assert "stream_options" not in server.requests[-1].body
    await client.stream("x", stream_options={"include_usage": True})
    assert "stream_options" in server.requests[-1].body
    for needs in (sw.ChatClient(provider="openai"), sw.ChatClient("https://api.openai.com/v1/")):
        assert needs.dialect.limit_tokens(5) == {"max_completion_tokens": 5}
        with pytest.raises(sw.ConfigurationError, match=r"No model chosen for api\.openai\.com"):
            needs.stream("x")


# ---- models


async def test_models_are_the_servers_names_in_its_order(server: DemoServer) -> None:
    """By GET, without a body, with the client's key."""
    assert (await sw.ChatClient(server.url, CANARY).models())[:2] == ["demo", "demo-long"]
    request = server.requests[-1]
    assert (request.method, request.path, request.body_bytes) == ("GET", "/v1/models", 0)
    assert request.headers["authorization"] == f"Bearer ***{CANARY[-4:]}"


@pytest.mark.parametrize(
    ("reply", "names"),
    [
        ({"data": []}, []),
        ([{"id": "a"}, {"id": "b"}], ["a", "b"]),
        ({"data": [{"id": 'odd "\n'}, {"id": 7}, 8]}, ['odd "\n']),
    ],
)
async def test_lists_of_other_shapes_are_read(reply: object, names: list[str]) -> None:
    """A bare list, entries that are not models, names that need quoting."""
    with RawServer(response(json.dumps(reply).encode(), kind="application/json")) as raw:
        assert await sw.ChatClient(raw.url).models() == names


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (response(b"{}", kind="application/json"), sw.ProtocolError),
        (response(b"<html>login</html>", kind="text/html"), sw.ProtocolError),
        (response(b'{"error": {"message": "no ' + CANARY.encode() + b'"}}', kind="application/json"), sw.InStreamError),
        (response(b'{"error": "no"}', kind="application/json", status="401 Unauthorized"), sw.HTTPStatusError),
        (b"", sw.ConnectionFailed),
    ],
)
async def test_a_failure_is_that_of_an_answer(answer: bytes, failure: type[sw.StreamError]) -> None:
    """The same classes, without the key in their messages."""
    with RawServer(answer) as raw, pytest.raises(failure) as caught:
        await sw.ChatClient(raw.url, CANARY, retry=QUICK).models()
    assert CANARY not in str(caught.value)
