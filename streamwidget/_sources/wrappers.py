"""What wraps a stream: the result of an agent's run, an HTTP response, a queue. :func:`unwrap` takes the stream out.

Each wrapper is known by its shape, and nothing is imported for it.
"""

from __future__ import annotations

import asyncio
import queue
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from streamwidget._core.completion import ChatCompletion
from streamwidget._core.events import Identity
from streamwidget._core.stream import ChatStream
from streamwidget._core.timeout import TICK
from streamwidget._dialects.paths import at


def unwrap(source: Any) -> Any:
    """Return the stream within ``source``, or ``source`` itself if it wraps none.

    Examples
    --------
    >>> list(unwrap({"ResponseMetadata": {}, "stream": ["a", "b"]}))
    ['a', 'b']
    """
    taken_out = next((take_out for is_one, take_out in _WRAPPERS if is_one(source)), None)
    return source if taken_out is None else taken_out(source)


def is_wrapper(source: Any) -> bool:
    """Return True if :func:`unwrap` would take a stream out. Nothing is touched."""
    return any(is_one(source) for is_one, _ in _WRAPPERS)


def _has(*methods: str) -> Callable[[Any], bool]:
    return lambda source: all(callable(at(source, name)) for name in methods)


def _is_httpx_response(source: Any) -> bool:
    return _has("iter_bytes", "aiter_bytes")(source) and hasattr(source, "status_code")


def _bytes_of_httpx(response: Any) -> Any:
    if hasattr(at(response, "stream"), "__aiter__") and not hasattr(response.stream, "__iter__"):
        return response.aiter_bytes()
    return response.iter_bytes()


def _is_llama_response(source: Any) -> bool:
    return (
        hasattr(type(source), "response_gen") or hasattr(source, "response_gen") or _has("async_response_gen")(source)
    )


def _texts_of_llama(response: Any) -> Any:
    blocks = getattr(response, "chat_stream", None) is not None
    return (
        response.async_response_gen() if _has("async_response_gen")(response) and not blocks else response.response_gen
    )


def _is_queue(source: Any) -> bool:
    return _has("get_nowait", "put")(source) and not hasattr(source, "__iter__")


def _items_of_queue(source: Any) -> Any:
    return _from_async_queue(source) if isinstance(source, asyncio.Queue) else _from_queue(source)


_END = (None, ..., StopIteration, StopAsyncIteration)


def _is_end(item: Any) -> bool:
    """Return True for a sentinel: None, a bare ``object()``, ``...``, or an exception that ends an iteration."""
    return (
        any(item is end for end in _END) or type(item) is object or isinstance(item, StopIteration | StopAsyncIteration)
    )


def _from_queue(source: Any) -> Iterator[Any]:
    while True:
        try:
            item = source.get(timeout=TICK)
        except queue.Empty:
            yield None  # so that a stop need not wait for the next item
            continue
        except Exception as exc:
            if type(exc).__name__ == "ShutDown":  # of Python 3.13
                return
            raise
        if _is_end(item):
            return
        if isinstance(item, Exception):
            raise item
        yield item


async def _from_async_queue(source: Any) -> AsyncIterator[Any]:
    while True:
        try:
            item = await source.get()
        except Exception as exc:
            if type(exc).__name__ == "QueueShutDown":
                return
            raise
        if _is_end(item):
            return
        if isinstance(item, Exception):
            raise item
        yield item


async def _events_of(stream: ChatStream) -> AsyncIterator[Any]:
    """Read one of our own streams. Its model and its end are the answer's."""
    events = aiter(stream)
    try:
        async for event in events:
            yield event
    finally:
        await events.aclose()  # type: ignore[attr-defined]
    yield Identity(stream.completion.model, stream.completion.request_id)


def _is_boto_reply(source: Any) -> bool:
    """``converse_stream`` and ``invoke_model_with_response_stream``."""
    return isinstance(source, dict) and "ResponseMetadata" in source and ("stream" in source or "body" in source)


def _is_growing_result(source: Any) -> bool:
    return _has("stream_text", "get_output")(source)


#: What is one, and the stream in it.
_WRAPPERS: tuple[tuple[Callable[[Any], bool], Callable[[Any], Any]], ...] = (
    (lambda source: isinstance(source, ChatStream), _events_of),
    (lambda source: isinstance(source, ChatCompletion), lambda source: [source.text]),
    (_is_boto_reply, lambda source: source.get("stream") or source["body"]),
    (_has("stream_events"), lambda source: source.stream_events()),  # openai-agents, LlamaIndex's workflows
    (_is_growing_result, lambda source: source.stream_text(delta=True)),  # pydantic-ai
    # openai's raw responses. They look like a response of httpx too.
    (lambda source: _has("parse")(source) and at(source, "http_response") is not None, lambda source: source.parse()),
    (_is_httpx_response, _bytes_of_httpx),
    (_has("iter_content", "iter_lines"), lambda source: source.iter_content(None)),  # requests
    (lambda source: _has("iter_any", "readline")(at(source, "content")), lambda source: source.content),
    (_is_llama_response, _texts_of_llama),
    (_is_queue, _items_of_queue),
)
