"""The two loops that people copy, unchanged. Read them, and watch them fail. Do not use them: see ``compare()``.

Both take the base URL of a server and a prompt, show the text while it comes, and return it. ``params`` are further
fields of the request.

>>> from streamwidget.demo import DemoServer
>>> with DemoServer() as server:
...     answer = with_requests(server.url, "count to 3", show=lambda text: None)
>>> answer.split()
['1', '2', '3']
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from streamwidget._core.visible import visible

Show = Callable[[str], object]


def _print(text: str) -> None:
    print(visible(text), end="", flush=True)  # noqa: T201


def with_requests(url: str, prompt: str, show: Show = _print, **params: Any) -> str:
    """Stream with ``requests`` and ``iter_lines``."""
    import requests

    response = requests.post(
        f"{url}/chat/completions",
        headers={"Authorization": "Bearer demo"},
        json={"model": "demo", "messages": [{"role": "user", "content": prompt}], "stream": True, **params},
        stream=True,
    )
    answer = ""
    for line in response.iter_lines():
        if not line.startswith(b"data: "):
            continue
        data = line.removeprefix(b"data: ")
        if data == b"[DONE]":
            break
        delta = json.loads(data)["choices"][0]["delta"]
        text = delta.get("content") or ""
        show(text)
        answer += text
    return answer


def with_openai(url: str, prompt: str, show: Show = _print, **params: Any) -> str:
    """Stream with OpenAI's SDK."""
    from openai import OpenAI

    client = OpenAI(base_url=url, api_key="demo")
    stream = client.chat.completions.create(
        model="demo",
        messages=[{"role": "user", "content": prompt}],
        stream=True,
        extra_body=params,
    )
    answer = ""
    for chunk in stream:
        text = chunk.choices[0].delta.content or ""
        show(text)
        answer += text
    return answer
