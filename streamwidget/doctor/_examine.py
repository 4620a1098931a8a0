"""The walk: one hop after another, each with a limit of time. A fault is a finding, and raises nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal, TypeVar

from streamwidget._client.client import ChatClient
from streamwidget._client.environment import Proxy
from streamwidget._client.urls import host_of
from streamwidget._core.exceptions import ConfigurationError, StreamError
from streamwidget._core.secrets import forget, mask
from streamwidget._core.tab import in_tab
from streamwidget._core.unexpected import said_by
from streamwidget._core.visible import one_line
from streamwidget.doctor._finding import SILENT, Finding, Hop
from streamwidget.doctor._judge import judge
from streamwidget.doctor._network import Way, check_environment, check_proxy, connect, resolve, way_to
from streamwidget.doctor._process import Lateness, process
from streamwidget.doctor._report import Report
from streamwidget.doctor._server import TOKENS, check_models, check_stream, check_without_proxy, limited
from streamwidget.doctor._settings import check_settings
from streamwidget.doctor._tls import check_tls
from streamwidget.doctor._watched import Watched, WatchedClient

T = TypeVar("T")
PATIENCE = 60.0  # seconds to wait for a server
_HOP = 20.0  # seconds. No other hop may take longer

#: Makes further findings, such as those of the notebook.
Checks = Callable[[], Awaitable[list[Finding]]]


class NotWatched(Exception):
    """The person's client sends its requests itself. This is not a fault."""


class Examination:
    """One walk along a person's path.

    Parameters
    ----------
    make_client : callable
        Makes the person's client, or raises ConfigurationError or NotWatched.
    announce : callable
        Takes a sentence for the person, before a question that may cost money.
    tell : callable
        Takes each finding as soon as it is there.
    runner : str, default "Python"
        ``kernel`` in a notebook.
    facts : mapping of str to str, optional
        Facts of the kernel, from the notebook.
    more : callable, optional
        Makes the findings of the way to the page.
    patience : float, default 60
        Seconds to wait for the server.
    """

    def __init__(
        self,
        make_client: Callable[[], ChatClient],
        announce: Callable[[str], None],
        tell: Callable[[Finding], None] = lambda _: None,
        *,
        runner: Literal["Python", "kernel"] = "Python",
        facts: Mapping[str, str] | None = None,
        more: Checks | None = None,
        patience: float = PATIENCE,
    ) -> None:
        self.findings: list[Finding] = []
        self._make_client = make_client
        self._announce = announce
        self._tell = tell
        self._runner = runner
        self._facts = facts or {}
        self._more = more
        self._patience = patience
        self._lateness = Lateness()

    @property
    def report(self) -> Report:
        """The findings so far."""
        return Report(tuple(self.findings), judge(self.findings))

    async def run(self) -> Report:
        """Walk the path to its end."""
        await self._server()
        if self._more is not None:
            for finding in await self._bounded("comm", self._more(), 2 * _HOP) or []:
                self._add(finding)
        return self.report

    async def _server(self) -> None:
        try:
            client = self._make_client()
            self._add(check_settings(client))
        except ConfigurationError as exc:
            self._add(Finding("settings", "failed", said_by(exc), fault="configuration"))
            await self._home(None)
            return
        except NotWatched as exc:
            self._add(Finding("settings", "unknown", f"{exc}"))
            await self._home(None)
            return
        url = client.base_url
        way = None
        if url is not None and client._http_client is None and not in_tab():
            finding, proxy = check_environment(url)
            self._add(finding)
            if finding.state == "ok":
                way = await self._connected(url, proxy)
            if way is None:
                await self._home(None)
                return
        asker = limited(client, self._patience)
        await self._asked(asker, way)

    async def _connected(self, url: str, proxy: Proxy | None) -> Way | None:
        """Return the way, once a connection was made. None: it cannot be made."""
        way = way_to(url, proxy)
        found = await self._bounded("DNS", resolve(way), _HOP)
        if found is None:
            return way  # the doctor's own fault
        finding, addresses = found
        self._add(finding)
        if not addresses:
            return None
        made = await self._bounded("TCP", connect(way, addresses), 2 * _HOP)
        if made is not None:
            self._add(made)
        return way if made is None or made.state == "ok" else None

    async def _asked(self, client: WatchedClient, way: Way | None) -> None:
        listed = await self._bounded("models", check_models(client, way), 2 * self._patience)
        models, failure = listed if listed is not None else (None, None)
        if models is not None and models.hop == "proxy":
            self._add(models)
            await self._home(None)
            return
        is_open = True
        if way is not None and listed is not None:
            is_open = await self._is_open(way, client.last, failure)
        if models is not None and is_open:
            self._add(models)
        await self._home((client, way) if is_open else None)

    async def _is_open(self, way: Way, first: Watched | None, failure: StreamError | None) -> bool:
        """Look at the first request below HTTP. False: the proxy or TLS stopped it."""
        unanswered = failure if first is not None and first.status is None else None
        proxy = await self._bounded("proxy", check_proxy(way, first, unanswered), _HOP)
        self._add_if(proxy)
        if proxy is not None and proxy.state == "failed":
            return False
        tls = await self._bounded("TLS", check_tls(way, first, failure), _HOP)
        self._add_if(tls)
        return tls is None or tls.state != "failed"

    async def _home(self, asked: tuple[WatchedClient, Way | None] | None) -> None:
        """Time an answer of the server, and one of the demo server, and watch the event loop meanwhile."""
        async with self._lateness.watch():
            if asked is not None:
                client, way = asked
                if client.base_url is not None:
                    model = f"the model {one_line(client.model, 60)}" if client.model else "a model"
                    most = "three times" if way is not None and way.reads_along else "twice"
                    self._announce(f"Asking {model} at {host_of(client.base_url)} for {TOKENS} tokens, at most {most}.")
                stream = await self._bounded("stream", check_stream(client, way), 5 * self._patience)
                self._add_if(stream)
                if stream is not None and way is not None and way.reads_along and _may_be_the_proxy(stream):
                    check = check_without_proxy(client, way, stream)
                    self._add_if(await self._bounded("proxy", check, 2 * self._patience))
            if asked is None or asked[0].base_url is not None:
                self._add_if(await self._bounded("demo", _demo(self._patience), 2 * _HOP))
        self._add(process(self._lateness, self._runner, self._facts))

    def _add_if(self, finding: Finding | None) -> None:
        if finding is not None:
            self._add(finding)

    def _add(self, finding: Finding) -> None:
        self.findings.append(finding)
        self._tell(finding)

    async def _bounded(self, hop: Hop, check: Awaitable[T], limit: float) -> T | None:
        """Make one check. If it takes too long, or raises anything, the finding says so."""
        try:
            async with asyncio.timeout(limit):
                return await check
        except ConfigurationError as exc:
            self._add(Finding(hop, "failed", said_by(exc), fault="not sent"))
        except TimeoutError:
            self._add(Finding(hop, "unknown", f"This was not done within {limit:g} s.", fault="timeout"))
        except Exception as exc:  # noqa: BLE001  (a doctor that fails helps nobody)
            forget(exc)
            said = one_line(mask(said_by(exc)), 200)
            self._add(Finding(hop, "unknown", f"The doctor could not check this: {type(exc).__name__}: {said}"))
        return None


def _may_be_the_proxy(stream: Finding) -> bool:
    is_bad = stream.state in ("slow", "failed") or stream.fault == SILENT
    return is_bad and stream.fault not in ("not sent", "model", "proxy")


async def _demo(patience: float) -> Finding:
    """Stream from the demo server on this machine, as the person's own answer streams."""
    from streamwidget.demo import shared_server

    client = limited(ChatClient(shared_server().url, model="demo"), patience)
    found = await check_stream(client, None, demo=_PACE)
    held = found.state in ("slow", "failed")
    words = "is held back too" if found.state == "slow" else "fails too" if held else "streams"
    figures = {name: value for name, value in found.figures.items() if name in _DEMO_FIGURES}
    return Finding("demo", found.state, f"The demo server on this machine {words}.", figures, fault=found.fault)


_PACE = {"tokens_per_second": 100, "first_delta": 0.1}
_DEMO_FIGURES = ("first text", "pieces", "over", "longest silence", "joined")
