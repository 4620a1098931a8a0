"""TLS: was the server reached in safety, and if not, why?

Servers and clients fail here in a few words of OpenSSL. A look at the port itself tells the rest: does it speak TLS or
plain HTTP, and does it ask for a certificate? A look sends neither the key nor a prompt.
"""

from __future__ import annotations

import asyncio
import os
import re
import ssl
import time
from collections.abc import Mapping
from typing import NamedTuple

from streamwidget._client import environment
from streamwidget._client.transport import ssl_context
from streamwidget._client.urls import host_of
from streamwidget._core.exceptions import ConnectionFailed, StreamError
from streamwidget._core.unexpected import said_by
from streamwidget.doctor._finding import Finding, seconds, sentence
from streamwidget.doctor._network import HELLO, LOOK, Way, close, look
from streamwidget.doctor._watched import Watched

#: Only other programs read these.
OTHERS = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
#: The words of nginx, Apache, Go, Caddy and Tomcat for a request without TLS.
_WANTS_TLS = re.compile(
    r"plain HTTP.{0,40}(HTTPS|SSL)|HTTP request to an? HTTPS|requires TLS|combination of host and port", re.IGNORECASE
)
#: Of nginx, Apache, IIS, Envoy and Cloudflare, and of OpenSSL.
_WANTS_CERTIFICATE = re.compile(
    r"(no required|client|valid) (SSL |TLS |client )?certificate.{0,40}(sent|required|presented|provided|needed)"
    r"|requires a (valid )?client certificate|403\.7|CERTIFICATE_REQUIRED",
    re.IGNORECASE,
)
_WITH_ONE = (
    "The server wants a certificate from you. Only a client of your own sends one: "
    "`ChatClient(http_client=httpx.AsyncClient(verify=context))`. Ask whoever runs {host} for the certificate."
)


class _Reason(NamedTuple):
    words: str  # of OpenSSL and of ours, as a pattern
    fault: str
    advice: str  # with {host} and {date}


_REASONS = (
    _Reason("does not speak TLS", "scheme", "Write http:// in place of https://, or correct the port."),
    _Reason(
        "has expired|not yet valid",
        "expired",
        "Whoever runs {host} must renew its certificate. Or the clock of this machine is wrong: it says {date}.",
    ),
    _Reason(
        "mismatch|not valid for",
        "another name",
        "The certificate is for another name. Write that name into the address, or ask whoever runs {host}. If your "
        "network has a login page, open it in a browser and sign in.",
    ),
    _Reason("issuer|self.signed|verify the first|CERTIFICATE_VERIFY_FAILED", "untrusted", ""),
    _Reason("HANDSHAKE_FAILURE|CERTIFICATE_REQUIRED|BAD_CERTIFICATE", "client certificate", _WITH_ONE),
    _Reason(
        "PROTOCOL|NO_SHARED|LEGACY|TOO_SMALL|TOO_WEAK",
        "version",
        "The server speaks only an old TLS. Whoever runs {host} must allow TLS 1.2 or newer.",
    ),
    _Reason(
        "UNRECOGNIZED_NAME|INTERNAL_ERROR",
        "another name",
        "The server does not know the name {host}. Correct the address, or ask whoever runs it.",
    ),
    _Reason("", "cut", "A firewall or a filter on the way may cut TLS. Check the port too."),
)


async def check_tls(way: Way, watched: Watched | None, failure: StreamError | None) -> Finding | None:
    """Return the finding for the first request. None: it was not encrypted, and was right not to be.

    Parameters
    ----------
    way : Way
    watched : Watched or None
        The transport of the request.
    failure : StreamError or None
    """
    host, error = host_of(way.url), failure.error if failure is not None else None
    said = error.message if error is not None else ""
    if not way.secure:
        return await _without_tls(way, watched, said) if failure is not None else None
    status = watched.status if watched is not None else None
    if status is not None and status >= 400 and _WANTS_CERTIFICATE.search(said):
        what = f"{host} refused the request (HTTP {status}): {sentence(said)}"
        return Finding("TLS", "failed", what, advice=_WITH_ONE.format(host=host), fault="client certificate")
    begun = watched is not None and watched.has_begun("start_tls")
    took = watched.took("start_tls") if watched is not None else None
    if error is not None and error.kind == "tls":
        return explain_tls(host, said)
    if failure is not None and status is None and took is None:
        if not begun:
            return Finding("TLS", "unknown", "TLS was not reached.")
        return await _no_handshake(way, said)
    if failure is not None and status is None and not way.proxy and _WANTS_CERTIFICATE.search(await _alert(way)):
        what = f"{host} ended the connection: it wants a certificate of the client."
        return Finding("TLS", "failed", what, advice=_WITH_ONE.format(host=host), fault="client certificate")
    if took is None:
        return Finding("TLS", "ok", "A connection that was open already was used again.")
    facts = watched.tls if watched is not None else {}
    return Finding("TLS", "ok", "The certificate is trusted.", {"time": seconds(took), **facts})


def explain_tls(host: str, said: str, variables: Mapping[str, str] = os.environ) -> Finding:
    """Return the finding for a failure in OpenSSL's words.

    Examples
    --------
    >>> explain_tls("api.example", "certificate verify failed: certificate has expired", {}).fault
    'expired'
    """
    reason = next(reason for reason in _REASONS if re.search(reason.words, said, re.IGNORECASE))
    advice = reason.advice.format(host=host, date=time.strftime("%Y-%m-%d"))
    return Finding("TLS", "failed", sentence(said), advice=advice or _to_trust(host, variables), fault=reason.fault)


def _to_trust(host: str, variables: Mapping[str, str]) -> str:
    """Return the advice for an authority that is not trusted."""
    chain = f"Or {host} leaves out a part of its chain: whoever runs it must send the certificates between too."
    off = "Certificate checks cannot be turned off."
    if variables.get("SSL_CERT_FILE") or variables.get("SSL_CERT_DIR"):
        name = "SSL_CERT_FILE" if variables.get("SSL_CERT_FILE") else "SSL_CERT_DIR"
        return f"Add the certificate of the authority to {name}, or unset {name} to trust the usual ones. {chain} {off}"
    if other := next((name for name in OTHERS if variables.get(name)), None):
        return f"{other} is set, but only other programs read it. Set SSL_CERT_FILE to the same file. {off}"
    return (
        "To trust a certificate authority of your own, set SSL_CERT_FILE to its file. If your firm's network reads "
        f"https, ask for its certificate. {chain} {off}"
    )


async def _without_tls(way: Way, watched: Watched | None, said: str) -> Finding | None:
    """Return the finding for a request in plain HTTP at a port that speaks TLS. None: it does not."""
    silent = watched is None or watched.status is None
    if way.proxy is not None or not (_WANTS_TLS.search(said) or (silent and await _speaks_tls(way))):
        return None
    url = way.url.partition("?")[0]
    what = f"{host_of(url)} speaks TLS at this port, and the address begins with http://."
    return Finding("TLS", "failed", what, advice=f"Set the address to https://{url[7:]}.", fault="scheme")


async def _no_handshake(way: Way, said: str) -> Finding:
    """Return the finding for TLS that was begun and not done."""
    host = host_of(way.url)
    if way.proxy is None and await _speaks_http(way):
        what = f"{host} speaks plain HTTP at this port, and the address begins with https://."
        advice = f"Set the address to http://{way.url.partition('?')[0][8:]}, or correct the port."
        return Finding("TLS", "failed", what, advice=advice, fault="scheme")
    what = f"{host} takes connections, and does not answer in TLS. {sentence(said)}"
    advice = "Is it the right port, and does it speak https? A firewall or a filter on the way may hold TLS up."
    return Finding("TLS", "failed", what, advice=advice, fault="timeout")


# ---- a look at the port. No key and no prompt is sent


async def _speaks_tls(way: Way) -> bool:
    """Return True if the port answers in TLS. Its certificate may be any."""
    said = await _alert(way, 0)
    return not said or "CERTIFICATE_VERIFY_FAILED" in said or "ALERT" in said


async def _alert(way: Way, patience: float = LOOK) -> str:
    """Return OpenSSL's words for a connection over which nothing is sent. Empty: TLS is well.

    With TLS 1.3 a server refuses the client's certificate only after the handshake. ``patience`` is for that.
    """
    try:
        async with asyncio.timeout(LOOK):
            reader, writer = await asyncio.open_connection(way.host, way.port, ssl=ssl_context(environment.trust()))
    except (TimeoutError, OSError, ConnectionFailed) as exc:
        return said_by(exc) or type(exc).__name__
    try:
        async with asyncio.timeout(patience):
            await reader.read(1)
    except TimeoutError:
        return ""
    except OSError as exc:  # ssl.SSLError is one
        return said_by(exc) if isinstance(exc, ssl.SSLError) else ""
    finally:
        await close(writer)
    return ""


async def _speaks_http(way: Way) -> bool:
    """Return True if the port answers in plain HTTP."""
    return (await look(way, HELLO)).startswith(b"HTTP/")
