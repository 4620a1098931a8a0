"""Requests in a browser tab, by the browser's own ``fetch``. It decides to whom a page may talk (CORS)."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from streamwidget._client.connection import Connection
from streamwidget._client.http import BodyError, HTTPRequest, Response
from streamwidget._client.servers import SERVERS
from streamwidget._client.urls import host_of, is_loopback, join
from streamwidget._core.completion import ErrorInfo
from streamwidget._core.exceptions import ConnectionFailed
from streamwidget._core.secrets import Secrets, mask

#: Anthropic's header by which a page accepts the risk to its key.
PAGES_MAY_ASK = "anthropic-dangerous-direct-browser-access"
#: The browser sets these itself, and reports an error in its console if a page tries.
_BROWSERS_OWN = {"accept-encoding", "host", "content-length", "connection"}


class FetchTransport:
    """Sends requests with ``fetch``."""

    is_ours = True

    def __init__(self, base_url: str, secrets: Secrets) -> None:
        self.base_url = base_url
        self.secrets = secrets

    @contextlib.asynccontextmanager
    async def open(self, request: HTTPRequest, *, connection: Connection) -> AsyncIterator[Response]:
        from pyodide.ffi import JsException, to_js

        js = import_module("js")  # the tab's global names
        connection.go_by("", tunnel=False)
        connection.queued, connection.carried = False, True
        stop = js.AbortController.new()
        try:
            try:
                options: dict[str, Any] = {
                    "method": request.method,
                    "headers": _allowed(request.revealed(self.secrets)),
                    "body": request.body,
                    "signal": stop.signal,
                    "redirect": "manual",  # the key stays with the host that the person named
                    "credentials": "omit",
                    "cache": "no-store",
                }
                sent = to_js(options, dict_converter=js.Object.fromEntries)
                response = await js.fetch(join(self.base_url, request.path), sent)
            except JsException as exc:
                raise self._refused(mask(_words(exc), self.secrets), str(js.location.origin)) from None
            finally:
                options, sent = {}, None  # they held the key
            if response.type == "opaqueredirect":
                message = f"{host_of(self.base_url)} redirects to another address. Set base_url to that address."
                raise ConnectionFailed(ErrorInfo(message, kind="redirect"))
            yield FetchResponse(response)
        finally:
            stop.abort()  # closes the connection. After the end it does nothing

    def _refused(self, said: str, page: str) -> ConnectionFailed:
        """Return the error for a request that the browser did not make. The browser does not say why."""
        host, url, kind = host_of(self.base_url), urlsplit(self.base_url), "cors"
        if page.startswith("https:") and url.scheme == "http" and not is_loopback(self.base_url):
            message = f"A page of https:// may not ask http://{host}. Use an address that begins with https://."
            return ConnectionFailed(ErrorInfo(message, kind="cors"))
        message = f"The browser got no answer of {host} for this page ({said}). "
        if is_loopback(self.base_url):
            message += f"Is the server running, and does it allow pages of {page} (CORS)?"
            if url.port == SERVERS["ollama"].port:
                message += f" Start Ollama so that it does: `OLLAMA_ORIGINS={page} ollama serve`."
        elif host == _host("anthropic") and PAGES_MAY_ASK not in map(str.lower, self.secrets.headers):
            message += f"It answers pages only with the header {PAGES_MAY_ASK}: true."
            kind = "cors_header"
        else:
            way_out = "Run" if host == _host("openrouter") else "Use the provider openrouter, or run"
            message += (
                f"Either there is no network, or {host} does not allow pages of other sites (CORS). "
                f"{way_out} the notebook in JupyterLab."
            )
        return ConnectionFailed(ErrorInfo(message, kind=kind))


class FetchResponse:
    """A response of ``fetch``. The browser has decompressed its body."""

    def __init__(self, response: Any) -> None:
        self._response = response
        self.status = int(response.status)
        self.headers: Mapping[str, str] = {str(name).lower(): str(value) for name, value in response.headers}

    async def chunks(self) -> AsyncIterator[bytes]:
        from pyodide.ffi import JsException

        if self._response.body is None:
            return
        reader = self._response.body.getReader()
        try:
            while not (read := await reader.read()).done:
                yield read.value.to_bytes()
        except JsException as exc:
            raise BodyError(_words(exc)) from None

    async def drain(self) -> None:
        pass  # the browser keeps its connections itself


def _host(provider: str) -> str:
    return host_of(SERVERS[provider].base_url)


def _allowed(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in _BROWSERS_OWN}


def _words(exc: Exception) -> str:
    """Return what the browser said: "Failed to fetch"."""
    return str(exc).partition(": ")[2].partition("\n")[0].rstrip(".") or type(exc).__name__
