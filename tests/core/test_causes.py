"""A failure takes nothing from the exception that a person's code is busy with."""

from __future__ import annotations

import errno
import traceback
from collections.abc import Callable
from typing import Any

import httpx
import pytest

import streamwidget as sw
from streamwidget._core.causes import causes
from tests.support.ports import closed_port
from tests.support.servers import CANARY


def look_up(place: str) -> None:
    kept = place.upper()
    raise FileNotFoundError(errno.ENOENT, kept)


def wrong_address() -> None:
    sw.ChatClient("not an address", CANARY)


def nobody_there() -> None:
    sw.ChatClient(f"http://127.0.0.1:{closed_port()}/v1", CANARY, retry=sw.RetryPolicy(attempts=1)).stream("x").wait()


def transport_breaks() -> None:
    def respond(_: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("torn")

    client: Any = httpx.AsyncClient(transport=httpx.MockTransport(respond))
    sw.ChatClient("http://host/v1", CANARY, retry=sw.RetryPolicy(attempts=1), http_client=client).stream("x").wait()


@pytest.mark.parametrize("fail", [wrong_address, nobody_there, transport_breaks])
def test_the_persons_own_exception_stays_whole(fail: Callable[[], None]) -> None:
    """It keeps its traceback and its variables, and its words are not the reason of ours."""
    try:
        look_up("here")
    except FileNotFoundError as exc:
        with pytest.raises((sw.StreamError, sw.ConfigurationError)) as raised:
            fail()
        frames = [frame for frame, _ in traceback.walk_tb(exc.__traceback__)]
        assert [frame.f_code.co_name for frame in frames] == ["test_the_persons_own_exception_stays_whole", "look_up"]
        assert frames[-1].f_locals == {"place": "here", "kept": "HERE"}
        assert "No such file" not in str(raised.value)


def led_to_a_group() -> list[BaseException]:
    try:
        try:
            raise ValueError
        except ValueError as inner:
            raise ExceptionGroup("both", [OSError(), TypeError()]) from LookupError(inner)
    except ExceptionGroup as exc:
        return list(causes(exc))


def test_causes_are_all_that_was_handled_below() -> None:
    """Causes, contexts and the members of groups, but not what the caller handles."""
    try:
        raise KeyError
    except KeyError:
        links = led_to_a_group()
    assert isinstance(links[-1].__context__, KeyError)
    assert [type(link) for link in links] == [ExceptionGroup, LookupError, OSError, TypeError, ValueError]
