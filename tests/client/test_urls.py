"""Addresses in messages."""

from __future__ import annotations

import pytest

from streamwidget._client.urls import host_of


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://api.openai.com/v1", "api.openai.com"),
        ("http://localhost:11434/v1", "localhost:11434"),
        ("http://[::1]:8000/v1", "[::1]:8000"),
        ("https://HOST.example/v1", "host.example"),
        ("https://user:secret@host.example:1/v1", "host.example:1"),
        ("/login", "/login"),
        ("http://[::1/v1", "http://[::1/v1"),
        ("", ""),
    ],
)
def test_a_message_names_the_host_and_its_port(url: str, host: str) -> None:
    """The port is there if the URL has one, a password never is. A text without a host stays as it is."""
    assert host_of(url) == host
