"""The built-in demo server: OpenAI chat completions without a model, a key or a network. It fails on request.

>>> from streamwidget.demo import DemoServer
>>> with DemoServer() as server:
...     server.url  # doctest: +ELLIPSIS
'http://127.0.0.1:.../v1'
"""

from __future__ import annotations

from streamwidget.demo._server import DemoServer, shared_server

__all__ = ["DemoServer", "shared_server"]
