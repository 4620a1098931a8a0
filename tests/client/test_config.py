"""The address of requests, and the key for it."""

from __future__ import annotations

import contextlib
import re
import warnings
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamwidget import ChatClient, ConfigurationError, RetryPolicy, Timeout
from streamwidget._client import config
from streamwidget._client.config import OPENAI_URL, Settings, resolve
from streamwidget._client.urls import check_url, is_loopback
from tests.support.servers import CANARY
from tests.support.tracebacks import below_the_test, shown

OTHER = "sk-other-0123456789abcdefWXYZ"


def found(
    env: dict[str, str], base_url: str | None = None, api_key: str | None = None
) -> tuple[str | None, str | None]:
    """Return the address and the key for an environment and arguments."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        settings = resolve(base_url, api_key, None, env)
    return settings.base_url, settings.api_key and settings.api_key.reveal()


def test_nothing_configured_means_the_demo_server() -> None:
    """Without an address and a key, requests go to the built-in server, without a key."""
    assert resolve(None, None, None, {}) == Settings(None, None, None)
    assert resolve(None, None, None, {"OPENAI_API_KEY": " ", "STREAMWIDGET_BASE_URL": ""}).base_url is None


def test_arguments_win_over_our_variables_and_those_over_openais() -> None:
    """The order is: arguments, STREAMWIDGET_*, OPENAI_*."""
    env = {"OPENAI_BASE_URL": "https://c/v1", "OPENAI_API_KEY": OTHER}
    assert found(env) == ("https://c/v1", OTHER)
    env |= {"STREAMWIDGET_BASE_URL": "https://b/v1/", "STREAMWIDGET_API_KEY": CANARY, "STREAMWIDGET_MODEL": "m"}
    assert found(env) == ("https://b/v1", CANARY)
    assert found(env, "https://a/v1", "k") == ("https://a/v1", "k")
    assert resolve(None, None, None, env).model == "m"
    assert resolve(None, None, "mine", env).model == "mine"


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "STREAMWIDGET_API_KEY"])
def test_a_key_alone_goes_to_openai(name: str) -> None:
    """A key without a configured address belongs to OpenAI's own address."""
    assert found({name: CANARY}) == (OPENAI_URL, CANARY)
    assert found({}, api_key=CANARY) == (OPENAI_URL, CANARY)


@pytest.mark.parametrize(
    ("env", "base_url"),
    [
        ({"OPENAI_API_KEY": CANARY}, "https://elsewhere/v1"),
        ({"OPENAI_API_KEY": CANARY, "STREAMWIDGET_BASE_URL": "https://elsewhere/v1"}, None),
        ({"OPENAI_API_KEY": CANARY, "OPENAI_BASE_URL": "https://proxy/v1"}, OPENAI_URL),
        ({"STREAMWIDGET_API_KEY": CANARY, "STREAMWIDGET_BASE_URL": "https://mine/v1"}, "https://elsewhere/v1"),
        ({"STREAMWIDGET_API_KEY": CANARY, "OPENAI_BASE_URL": "https://proxy/v1"}, None),
        ({"OPENAI_API_KEY": CANARY}, "http://api.openai.com/v1"),
        ({"OPENAI_API_KEY": CANARY}, "https://api.openai.com:8443/v1"),
        ({"OPENAI_API_KEY": CANARY}, "https://api.openai.com.evil.example/v1"),
        ({"OPENAI_API_KEY": CANARY, "OPENAI_BASE_URL": "https://host:port/v1"}, "https://elsewhere/v1"),
    ],
)
@pytest.mark.fault("S10", "the key goes to no other scheme, host or port")
def test_a_key_goes_to_no_other_origin(env: dict[str, str], base_url: str | None) -> None:
    """A key from the environment goes to its own scheme, host and port, and nowhere else (S10)."""
    assert found(env, base_url)[1] is None


@pytest.mark.parametrize(
    ("provider", "env", "variable"),
    [
        ("openai", {}, "OPENAI_API_KEY"),
        ("google", {}, "GEMINI_API_KEY"),
        ("anthropic", {}, "ANTHROPIC_API_KEY"),
        ("llamacpp", {}, None),
        (None, {"STREAMWIDGET_BASE_URL": "https://llm.example.org/v1"}, "STREAMWIDGET_API_KEY"),
        (None, {"OPENAI_BASE_URL": "https://llm.example.org/v1"}, "OPENAI_API_KEY"),
        (None, {"STREAMWIDGET_BASE_URL": "https://api.openai.com/v1"}, "OPENAI_API_KEY"),
    ],
)
def test_a_missing_key_is_asked_for_by_the_name_in_the_guide(
    provider: str | None, env: dict[str, str], variable: str | None
) -> None:
    """A provider may take several variables. Advice names the one of its row in the table."""
    assert resolve(None, None, None, env, provider=provider).key_variable == variable


def test_a_key_goes_to_another_path_of_its_origin() -> None:
    """Only the origin counts, not the path."""
    env = {"OPENAI_API_KEY": CANARY, "OPENAI_BASE_URL": "https://proxy/v1"}
    assert found(env, "https://PROXY/v2")[1] == CANARY


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://host/v1",
        "host/v1",
        "localhost:8000/v1",
        "",
        "http://",
        "http://host:port/v1",
        "http://host:99999/v1",
        "http://[::1/v1",
        "http://a host/v1",
        "http://host\x00/v1",
    ],
)
@pytest.mark.fault("S6", "refused before anything is sent")
def test_an_address_that_cannot_work_is_refused(url: str) -> None:
    """An address is an http or https URL with a host. Others raise ConfigurationError (S6)."""
    with pytest.raises(ConfigurationError, match="base URL"):
        ChatClient(url)


@pytest.mark.parametrize(
    "url",
    [f"https://user:{CANARY}@host/v1", f"https://{CANARY}@host/v1", f"user:{CANARY}@host/v1", f"ftp://u:{CANARY}@host"],
)
@pytest.mark.fault("S6", "user information refused, and not repeated")
def test_user_information_is_refused_and_not_repeated(url: str) -> None:
    """A name or password in an address is rejected. The message does not repeat it (S6)."""
    with pytest.raises(ConfigurationError) as caught:
        check_url(url)
    assert CANARY not in str(caught.value)
    assert "host" in str(caught.value)


@pytest.mark.parametrize(
    ("url", "checked"),
    [
        ("https://host/v1/", "https://host/v1"),
        ("https://host/v1?api-version=1", "https://host/v1?api-version=1"),
        ("https://host/v1//?api-version=1&path=/a/", "https://host/v1?api-version=1&path=/a/"),
        ("https://host?a=1", "https://host?a=1"),
        ("https://host/v1/?", "https://host/v1"),
        ("https://host/v1/chat/completions", "https://host/v1"),
        ("https://host/v1/chat/completions/?key=1", "https://host/v1?key=1"),
        ("https://host/v1//chat/completions", "https://host/v1"),
        ('"https://host/v1/"', "https://host/v1"),
        (" 'https://host/v1' ", "https://host/v1"),
    ],
)
def test_a_pasted_address_becomes_the_base_url(url: str, checked: str) -> None:
    """Without quotes, the endpoint and trailing slashes. Its query is kept."""
    assert check_url(url) == checked


@pytest.mark.parametrize(
    "url",
    [
        f"https://host/v1?key={CANARY}",
        f"https://host/v1?api-version=1&code={CANARY}",
        "https://host/v1?key=AIzaSyA1234567890abcdefghijklmnopqrstuv",
        "https://host/v1?sig=0f3a9c81b2d4e5f60718293a4b5c6d7e",
        "https://host/v1?a=ghp_16C7e42F292c6912E7710c838347Ae178B4a",
        f"https://{CANARY}.host/v1",
        f"https://{CANARY}/v1",
    ],
)
def test_a_key_in_an_address_is_refused(url: str) -> None:
    """httpx logs addresses, and the client's repr shows them. The message does not repeat the key."""
    with pytest.raises(ConfigurationError, match=r"looks like an API key\. Remove it, and set the API key") as caught:
        ChatClient(url)
    assert not re.search(r"canary|AIza|0f3a|ghp_", str(caught.value))


@pytest.mark.parametrize(
    "key",
    [
        CANARY,
        f" {CANARY}\n",
        "sk-proj-abcdefgh-12345678",
        "gsk_1234567890abcdefghij",
        "hf_AbCdEfGhIjKlMnOpQrSt",
        "AIzaSyA1234567890abcdefghijklmnopqrstuv",
        "xai-1234567890abcdef",
        "0f3a9c81b2d4e5f60718293a4b5c6d7e",
        "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
        f"Bearer {CANARY}",
    ],
)
def test_a_key_passed_first_is_named_and_not_repeated(key: str) -> None:
    """Users of an SDK pass the key first. They get the right call to type."""
    with pytest.raises(ConfigurationError, match=r"looks like an API key.*ChatClient\(api_key=\.\.\.\)") as caught:
        ChatClient(key)
    assert key.strip()[:12] not in shown(below_the_test(caught.value))
    with pytest.raises(ConfigurationError, match="Unknown provider") as caught:
        ChatClient(provider=key)
    assert key.strip()[-12:] not in shown(below_the_test(caught.value))


@pytest.mark.parametrize(
    "key",
    [
        *(CANARY, f" {CANARY}", "sk-proj-abcdefghijkl", "gsk_1234567890abcdefghij", "hf_AbCdEfGhIjKlMnOpQrStUvWx"),
        *("AIzaSyA1234567890abcdefghijklmnopqrstuv", "pk-0123456789abcdef", f"Bearer {CANARY}", f"bearer {CANARY}"),
        *("xai-1234567890abcdef", "nvapi-1234567890abcdef", "pplx-1234567890abcdef", "csk-1234567890abcdef"),
        *("ghp_16C7e42F292c6912E7710c838347Ae178B4a", "0f3a9c81b2d4e5f60718293a4b5c6d7e", "AKIAIOSFODNN7EXAMPLE"),
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
    ],
)
def test_a_key_in_place_of_a_model_is_named_and_not_repeated(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be sent in the request, and shown above the answer."""
    for make in (ChatClient, lambda url, _, key: ChatClient(url).stream("x", key)):
        with pytest.raises(ConfigurationError, match=r"The model looks like an API key.*Nothing was sent") as caught:
            make("https://host/v1", "gpt-5", key)
        assert key.strip()[:12] not in str(caught.value)
    monkeypatch.setenv("STREAMWIDGET_MODEL", key)
    with pytest.raises(ConfigurationError, match="The model looks like an API key"):
        ChatClient("https://host/v1")


@pytest.mark.parametrize(
    "model",
    [
        *("gpt-5", "xai-grok-4-fast", "sk-7b", "hf_zephyr_7b_beta", "org/sk-model-of-a-lab", "pk-small", "gsk_lora"),
        *(
            "fw_mixtral_8x7b_instruct",
            "nvapi-nemotron-70b-instruct",
            "token-7b",
            "ft:gpt-4o:org::7p4lURel",
            "a1b2c3d4e5f6",
        ),
    ],
)
def test_names_of_models_are_taken(model: str) -> None:
    """Models have all kinds of names."""
    assert ChatClient("https://host/v1", None, model).model == model


@pytest.mark.parametrize("name", ["base_url", "api_key", "model", "provider"])
@pytest.mark.parametrize(
    "value",
    [
        CANARY.encode(),
        [CANARY],
        {"key": CANARY},
        (CANARY,),
        {CANARY},
        1,
        1.5,
        True,
        Path(CANARY),
        bytearray(CANARY.encode()),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_setting_of_another_type_is_refused_and_not_repeated(
    name: str, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be a key. Neither the message nor a frame has it, nor the keys of the environment."""
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    kind = type(value).__name__
    with pytest.raises(ConfigurationError, match=rf"{name} is a text \(str\), not a {kind}\.") as caught:
        ChatClient(**{name: value})
    assert "canary" not in shown(below_the_test(caught.value))


@pytest.mark.filterwarnings("error::UserWarning")
@pytest.mark.parametrize(
    ("url", "more"),
    [
        ("http://far-1.example/v1", {}),  # a warning that is made an error
        ("https://host/v1", {"max_event_size": 0}),
        *(
            ("https://host/v1", {name: CANARY})
            for name in ("timeout", "retry", "max_event_size", "max_text", "provider", "headers", "http_client")
        ),
        ("https://h\u2011ost[/v1", {}),
        ("https://host:port/v1", {}),
        ("https://host/v1#x", {}),
        ("https://host/v1", {"provider": "nobody"}),
    ],
)
def test_no_frame_of_a_refused_client_holds_a_key(
    url: str, more: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys of the environment and of the call, in a traceback with the variables of each frame."""
    monkeypatch.setenv("STREAMWIDGET_API_KEY", CANARY)
    monkeypatch.setenv("SOME_TOKEN", CANARY)
    with pytest.raises((ConfigurationError, TypeError, Warning)) as caught:
        ChatClient(url, CANARY, **more)
    assert CANARY not in shown(below_the_test(caught.value))


@pytest.mark.parametrize("url", ["https://host/v1#part", "https://host/v1#", "https://host/v1?a=1#b"])
def test_a_fragment_is_refused_in_words(url: str) -> None:
    """A request has no fragment, so the base URL must not have one."""
    with pytest.raises(ConfigurationError, match=r"The base URL for host has a fragment\. Leave out the #"):
        ChatClient(url)


@pytest.mark.parametrize(
    ("env", "says"),
    [
        ({"STREAMWIDGET_BASE_URL": "host/v1"}, "STREAMWIDGET_BASE_URL: 'host/v1' is not a base URL."),
        ({"OPENAI_BASE_URL": "https://host/v1#a"}, "OPENAI_BASE_URL: The base URL for host has a fragment."),
        ({"OPENAI_API_KEY": f"{CANARY}\n{CANARY}"}, "OPENAI_API_KEY: The API key contains a character"),
        ({"STREAMWIDGET_API_KEY": f"{CANARY}\u201d{CANARY}"}, "STREAMWIDGET_API_KEY: The API key contains a character"),
    ],
)
def test_a_variable_that_cannot_work_is_named(env: dict[str, str], says: str) -> None:
    """The value is from the environment, so the message begins with the variable's name."""
    with pytest.raises(ConfigurationError, match=f"^{re.escape(says)}") as caught:
        found(env)
    assert CANARY not in str(caught.value)
    with pytest.raises(ConfigurationError, match=r"^'host/v1' is not a base URL\."):
        found(env, "host/v1")


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        ("localhost:11434/v1", "http://localhost:11434/v1"),
        ("127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("api.groq.com/openai/v1", "https://api.groq.com/openai/v1"),
        ("llm:8000/v1", "https://llm:8000/v1"),
        ("ollama", None),
        ("http//host.example/v1", None),
        ("my key", None),
    ],
)
def test_an_address_without_its_scheme_has_the_one_to_write(url: str, meant: str | None) -> None:
    """It is named only for a text that is an address without it."""
    with pytest.raises(ConfigurationError) as caught:
        check_url(url)
    assert (f" Write {meant}" in str(caught.value)) if meant else ("Write" not in str(caught.value))


@pytest.mark.parametrize("pasted", ["m ", "m\n", '"m"', " 'm' "])
def test_a_pasted_model_is_its_name_alone(pasted: str) -> None:
    """Servers compare it letter for letter, and white space is not seen in a message."""
    assert resolve("https://host/v1", None, pasted, {}).model == "m"
    assert resolve("https://host/v1", None, None, {"STREAMWIDGET_MODEL": pasted}).model == "m"


@given(st.text())
def test_any_text_is_an_address_or_an_error(url: str) -> None:
    """Any text gives an address or a ConfigurationError."""
    with contextlib.suppress(ConfigurationError):
        assert check_url(url).lower().startswith(("http://", "https://"))


@pytest.mark.fault("S7", "one visible warning for each host")
def test_a_key_over_plain_http_gives_one_warning_for_each_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key sent unencrypted to another machine gives one warning for each host, without the key (S7)."""
    monkeypatch.setattr(config, "_warned_hosts", set())
    with pytest.warns(UserWarning, match="unencrypted") as caught:
        ChatClient("HTTP://far.example/v1", CANARY)
    assert CANARY not in str(caught[0].message)
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ChatClient("http://far.example/v1", CANARY)
        ChatClient("http://127.0.0.1:1/v1", CANARY)
        ChatClient("http://other.example/v1")
        ChatClient("https://other.example/v1", CANARY)


@pytest.mark.parametrize("host", ["localhost", "a.localhost", "127.0.0.1", "127.9.9.9", "127.1", "[::1]"])
def test_loopback_is_known_in_its_forms(host: str) -> None:
    """All names of a loopback address are known."""
    assert is_loopback(f"http://{host}:8000/v1")
    assert not is_loopback(f"http://{host.strip('[]')[:1]}x.example/v1")


@pytest.mark.parametrize("value", [0, -1, float("nan"), "5"])
def test_a_limit_is_a_positive_number_or_none(value: float) -> None:
    """A limit that cannot work is rejected when it is made. The message names it."""
    with pytest.raises(ConfigurationError, match=r"Timeout\.stall"):
        Timeout(stall=value)
    Timeout(stall=None)


@pytest.mark.parametrize("wrong", [{"attempts": 0}, {"wait_initial": -1}, {"wait_max": -1}, {"max_retry_after": -1}])
def test_a_retry_policy_that_cannot_work_is_refused(wrong: dict[str, int]) -> None:
    """At least one attempt, and no negative delays."""
    with pytest.raises(ConfigurationError):
        RetryPolicy(**wrong)
