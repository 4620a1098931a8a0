"""What the environment says about the way to a server: the proxy, and the certificates to trust.

httpx can read these variables itself, but it reads all of them for all requests. One wrong value then stops every
request. Here each request reads only what it needs:

- A loopback address needs no proxy. ``http://`` needs no certificates.
- ``https://`` needs ``HTTPS_PROXY``, or else ``ALL_PROXY``. The other one may be wrong.
- An entry of ``NO_PROXY`` that nobody can read is skipped, as curl and Go do.

A wrong value that is needed gives a :class:`ConnectionFailed` of kind ``environment``. It names the variable, and it
never repeats a value that may hold a password.
"""

from __future__ import annotations

import os
import re
import ssl
import stat
import sys
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from importlib.util import find_spec
from ipaddress import ip_network
from pathlib import Path
from typing import TypeAlias
from urllib.parse import SplitResult, quote, unquote, urlsplit

from streamwidget._client.urls import address_of, is_loopback
from streamwidget._core.completion import ErrorInfo
from streamwidget._core.exceptions import ConnectionFailed

_PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")
#: A host, or an IPv6 address in brackets, and perhaps a port.
_AUTHORITY = re.compile(r"(?P<host>\[[\w:.%]+\]|[\w.-]+)(:(?P<port>\d{0,5}))?")
_SYSTEM = "the system's proxy settings"  # macOS and Windows have some
_FIX = "Correct or unset it"

Trust: TypeAlias = tuple[tuple[str, str, int], ...]


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy that a variable names.

    Attributes
    ----------
    scheme : str
        ``http``, ``https``, ``socks5`` or ``socks5h``.
    place : str
        Its host and port.
    variable : str
        The variable, as it is spelled there, such as ``https_proxy``.
    user, password : str
        Empty: none.
    """

    scheme: str
    place: str
    variable: str
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    def __str__(self) -> str:
        """`proxy.example:3128, the proxy of HTTPS_PROXY`"""
        return f"{self.place}, the proxy of {self.variable}"

    def mask(self, text: str) -> str:
        """Remove the password from a text, in both of its spellings."""
        for secret in filter(None, (self.password, quote(self.password, safe=""))):
            text = text.replace(secret, "[password]")
        return text


# ---- proxies


def proxy_for(url: str) -> Proxy | None:
    """Return the proxy for requests to this address. None: ask the server itself.

    Raises
    ------
    ConnectionFailed
        If the variable for this address cannot be used.
    """
    if is_loopback(url):
        return None
    from urllib.request import getproxies  # late: it takes a while to import, and httpx needs it too

    parts = urlsplit(url)
    settings = {name: value.strip() for name, value in getproxies().items()}
    scheme = next((scheme for scheme in (parts.scheme, "all") if settings.get(scheme)), None)
    if scheme is None or _is_exempt(parts, settings.get("no", "")):
        return None
    return read_proxy(settings[scheme], _variable(f"{scheme}_proxy"))


def read_proxy(value: str, variable: str) -> Proxy:
    """Read the value of a proxy variable. Without a scheme it is an HTTP proxy: ``host:3128`` -> ``http://host:3128``.

    Raises
    ------
    ConnectionFailed
        If the value is not the address of a proxy, or the proxy needs a package that is not installed.

    Examples
    --------
    >>> read_proxy("me:secret@proxy.example:3128", "HTTPS_PROXY")
    Proxy(scheme='http', place='proxy.example:3128', variable='HTTPS_PROXY')
    """
    scheme, has_scheme, rest = value.partition("://")
    if not has_scheme:
        scheme, rest = "http", value
    scheme = scheme.lower()
    if scheme not in _PROXY_SCHEMES:
        raise _wrong_scheme(scheme, variable)
    info, _, place = rest.rpartition("@")
    if end := next((character for character in info if character in "#/?"), None):
        what = f"has a user name or password with `{end}` in it. Write `{quote(end, safe='')}` for it"
        raise _wrong(variable, what)
    authority, *after = re.split(r"[/?#]", place, maxsplit=1)
    found = _AUTHORITY.fullmatch(authority)
    if found is None or int(found["port"] or 1) not in range(1, 65536) or (after and not has_scheme):
        # Not repeated: `user:password` without a host looks like this too.
        raise _wrong(variable, "is not the address of a proxy. Write it as http://HOST:PORT, or unset it")
    if scheme.startswith("socks"):
        _check_socks(variable)
    user, _, password = info.partition(":")
    return Proxy(scheme, authority.removesuffix(":"), variable, unquote(user), unquote(password))


def _check_socks(variable: str) -> None:
    """Raise ConnectionFailed if httpx cannot use a SOCKS proxy. httpcore looks for the package once, at its import."""
    if find_spec("socksio") is None:
        then = "Then restart the kernel, if it runs in one"
        what = f"names a SOCKS proxy, and for those a package is missing. Type: pip install socksio. {then}"
        raise _wrong(variable, what)
    if "httpcore" in sys.modules and "socksio" not in sys.modules:
        what = "names a SOCKS proxy, and the package for those is newer than this process. Restart the kernel"
        raise _wrong(variable, what)


def _wrong_scheme(scheme: str, variable: str) -> ConnectionFailed:
    if re.fullmatch(r"[a-z][a-z0-9+.-]{0,15}", scheme) is None:
        return _wrong(variable, "is not the address of a proxy. Write it as http://HOST:PORT, or unset it")
    better = "socks5" if scheme.startswith("socks") else "http"
    return _wrong(variable, f"begins with {scheme}://. Write {better}://HOST:PORT, or unset it")


def _variable(name: str) -> str:
    """Return the variable's name as it is spelled in the environment. Lower case wins, as in urllib."""
    if os.environ.get(name):
        return name
    return next((spelled for spelled in os.environ if spelled.lower() == name), _SYSTEM)


def _is_exempt(parts: SplitResult, no_proxy: str) -> bool:
    """Return True if an entry of ``NO_PROXY`` covers the address."""
    return any(_covers(entry.lower(), parts) for entry in re.split(r"[,;\s\"']+", no_proxy) if entry)


def _covers(entry: str, parts: SplitResult) -> bool:
    """Return True if this entry covers the address.

    ``*``, ``example.com`` (and all below it), ``.example.com`` and ``*.example.com`` (only those below it),
    ``10.0.0.0/8``, ``10.1.*``, ``fd00::/8``, ``[::1]``, each with a port (``example.com:8080``) or a scheme before it.
    """
    if entry == "*":
        return True
    scheme, has_scheme, name = entry.rstrip("/").rpartition("://")
    if has_scheme and scheme not in ("all", parts.scheme):
        return False
    if found := re.fullmatch(r"(\[[^]]+\]|[^:]+):(\d+)", name):
        name = found[1]
        if int(found[2]) != (parts.port or {"http": 80, "https": 443}.get(parts.scheme)):
            return False
    host = (parts.hostname or "").removesuffix(".")
    name = name.replace("[", "").replace("]", "").removeprefix("*").removesuffix(".")
    if "*" in name:
        return fnmatchcase(host, name)
    try:
        network = ip_network(name, strict=False)
    except ValueError:
        return bool(name) and (host.endswith(name if name.startswith(".") else f".{name}") or host == name)
    address = address_of(host)
    return address is not None and address in network


# ---- certificates


def trust() -> Trust:
    """Return what the environment says of certificates, with the time of each file: it changes if a file does."""
    found = []
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"):
        if value := os.environ.get(name, ""):
            about = None if name == "SSLKEYLOGFILE" else _stat(value)  # we write the key log, so its time says nothing
            found.append((name, value, about.st_mtime_ns if about is not None else 0))
    return tuple(found)


def check_certificates() -> None:
    """Find out whether the certificates that the environment names are there. OpenSSL ignores a folder that is gone.

    Raises
    ------
    ConnectionFailed
        If a variable names a file or a folder that is not there, or a folder without certificates.
    """
    if file := os.environ.get("SSL_CERT_FILE", ""):
        about = _stat(file)
        if about is None:
            raise _wrong("SSL_CERT_FILE", f"names a file that is not there: {_shown(file)}. {_FIX}")
        if not stat.S_ISREG(about.st_mode):  # some pipes and devices can be read forever
            raise _wrong("SSL_CERT_FILE", f"does not name a file: {_shown(file)}. {_FIX}")
    elif folders := os.environ.get("SSL_CERT_DIR", ""):
        found = [(folder, _stat(folder)) for folder in folders.split(os.pathsep)]
        there = [folder for folder, about in found if about is not None and stat.S_ISDIR(about.st_mode)]
        if not there:
            raise _wrong("SSL_CERT_DIR", f"names a folder that is not there: {_shown(folders)}. {_FIX}")
        if not any(_holds_certificates(folder) for folder in there):
            what = f"names a folder without certificates: {_shown(folders)}. {_FIX}, or type: openssl rehash FOLDER"
            raise _wrong("SSL_CERT_DIR", what)


def certificates_failed(exc: OSError) -> ConnectionFailed:
    """Return the error for certificates that could not be read, or for a key log that could not be written."""
    log = os.environ.get("SSLKEYLOGFILE", "")
    why = exc.strerror or type(exc).__name__
    if log and exc.filename == log:
        return _wrong("SSLKEYLOGFILE", f"names a file that cannot be written: {_shown(log)} ({why}). {_FIX}")
    if file := os.environ.get("SSL_CERT_FILE", ""):
        if isinstance(exc, ssl.SSLError):
            return _wrong("SSL_CERT_FILE", f"names a file that holds no certificate: {_shown(file)}. {_FIX}")
        return _wrong("SSL_CERT_FILE", f"names a file that cannot be read: {_shown(file)} ({why}). {_FIX}")
    if folders := os.environ.get("SSL_CERT_DIR", ""):
        return _wrong("SSL_CERT_DIR", f"names a folder that cannot be read: {_shown(folders)} ({why}). {_FIX}")
    fix = "Type: pip install --force-reinstall certifi"
    message = f"The certificates of the package certifi cannot be read ({why}). {fix}."
    return ConnectionFailed(ErrorInfo(message, kind="environment"))


def trusted_certificates() -> str:
    """Return a sentence on whose certificates are trusted, if a variable says so. Else an empty text."""
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        if value := os.environ.get(name, ""):
            return f"Only the certificates of {name} are trusted: {_shown(value)}."
    return ""


def _stat(path: str) -> os.stat_result | None:
    try:
        return Path(path).stat()
    except OSError:
        return None


def _holds_certificates(folder: str) -> bool:
    """OpenSSL looks a certificate up by the hash of its subject: `ca6e4ad9.0`."""
    try:
        return any(re.fullmatch(r"[0-9a-f]{8}\.\d+", path.name) for path in Path(folder).iterdir())
    except OSError:
        return False


def _shown(path: str) -> str:
    """Return a path as it can be printed, and not longer than a line."""
    return (path if path.isprintable() and path.strip() else ascii(path))[:200]


def _wrong(variable: str, what: str) -> ConnectionFailed:
    return ConnectionFailed(ErrorInfo(f"{variable} {what}.", kind="environment"))
