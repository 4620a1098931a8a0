"""The servers and proxies in front of the model, as far as a response names them."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from streamwidget._core.secrets import mask
from streamwidget._core.visible import one_line
from streamwidget.doctor._network import Way
from streamwidget.doctor._watched import Watched

#: Headers about servers and proxies, and about their treatment of the body.
_TELLING = (
    "server", "via", "x-powered-by", "x-served-by", "x-cache", "x-accel-buffering", "cf-ray", "x-amz-cf-id",
    "x-azure-ref", "x-squid-error", "proxy-agent", "content-encoding", "transfer-encoding", "content-type",
    "retry-after",
)  # fmt: skip
_HEAD = 16_384  # bytes of a page
_WHO = ("server", "via", "x-served-by", "proxy-agent")
_PROXIES = ("tinyproxy", "squid", "privoxy", "bluecoat", "zscaler", "forcepoint", "mitmproxy")


def headers_of(watched: Watched | None) -> dict[str, str]:
    """Return the telling headers, as a figure."""
    if watched is None:
        return {}
    shown = [f"{name}: {value}" for name in _TELLING if (value := watched.header(name))]
    return {"headers": "; ".join(shown)} if shown else {}


def is_page(watched: Watched | None) -> bool:
    """Return True if the last response is a web page."""
    return watched is not None and "html" in watched.header("content-type").lower()


def title_of(watched: Watched | None) -> str:
    """Return the title of a web page, for the person. Empty: it has none."""
    found = re.search(rb"<title[^>]*>([^<]*)</title>", watched.body[:_HEAD], re.IGNORECASE) if watched else None
    words = html.unescape(found[1].decode("utf-8", "replace")) if found is not None else ""
    return one_line(mask(words, watched.secrets), 80) if watched is not None else ""


def suspects(host: str, watched: Watched | None, way: Way | None) -> str:
    """Return the possible causes, in words. Headers name some of them."""
    named = list(_who(watched)) if watched is not None else []
    front = f"a proxy in front of it ({', '.join(named)})" if named else "a proxy in front of it"
    reads_along = way.reads_along if way is not None else ""
    return f"{host}, {front}, or {reads_along}" if reads_along else f"{host} or {front}"


def _who(watched: Watched) -> Iterator[str]:
    """Yield the servers and proxies named in a response's headers: ``nginx/1.22.1``, ``Cloudflare``."""
    if watched.header("cf-ray"):
        yield "Cloudflare"
    if watched.header("x-amz-cf-id"):
        yield "CloudFront"
    for name in _WHO:
        if (value := watched.header(name)) and value.lower() != "cloudflare":
            yield value


def answered_by_proxy(way: Way | None, watched: Watched | None) -> str:
    """Return the proxy of the environment in words, if it answered itself."""
    if way is None or watched is None or not way.reads_along or watched.status is None or watched.status < 400:
        return ""
    said = " ".join([*(watched.header(name) for name in _WHO), watched.body[:4000].decode("latin-1")]).lower()
    return way.reads_along if watched.header("x-squid-error") or any(name in said for name in _PROXIES) else ""
