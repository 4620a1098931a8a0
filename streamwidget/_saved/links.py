"""Which addresses in a model's text are followed, and what of them is shown: the rules of js/src/markdown/links.ts."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote

from markdown_it.rules_inline import StateInline

MAX_URL = 2048

_URL = re.compile(r"https?://[^/?#\s]|mailto:\S", re.IGNORECASE)
_AUTHORITY = re.compile(r"(https?://(?:[^/?#\\\s]*@)?)([^/?#\\\s@:]+)", re.IGNORECASE)
_HOST = re.compile(r"https?://(?:[^/?#]*@)?([^/?#]+)|mailto:[^?]*@([^?@]+)", re.IGNORECASE)
_NO_HOST = re.compile(r"[\x00-,/:-@\[-`{-\x7f]")
_NOT_IN_URL = re.compile(r"%(?![0-9a-fA-F]{2})|[^A-Za-z0-9;/?:@&=+$,\-_.!~*'()#%]+")
_SCHEME = re.compile(r"(?:^|[\s*_~(\"'\[{\u3000-\u303f\uff00-\uffef\u2018-\u201f])(https?)$", re.IGNORECASE)
# A bare address ends before white space, quotes, brackets and the full stops of East Asian scripts.
_BARE = re.compile(r"://[^\s<>\"`\\^{}\[\]|\u3000-\u303f\uff00-\uffef\u2018-\u201f\u00ab\u00bb]+")
_TRAILING = re.compile(r"(?:[?!.,:*_~';]|&[a-zA-Z0-9]+;)+$")
_SEEN = re.compile(r"https?://|mailto:[^@]*@", re.IGNORECASE)
_MAIL = re.compile(r"[^\s@/]+@([^\s@/]+)")


def is_link(url: str) -> bool:
    """Tell whether a normalised address becomes a link."""
    return len(url) <= MAX_URL and _URL.match(url) is not None


def normalize(url: str) -> str:
    """Give an address with its host in ASCII and the rest percent-encoded; "" where the host is none."""
    address = _AUTHORITY.match(url)
    if address and not address[2].isascii():
        host = _ascii(address[2])
        if not host:
            return ""
        url = address[1] + host + url[address.end() :]
    return _NOT_IN_URL.sub(lambda match: quote(match[0], safe=""), url)


def _ascii(host: str) -> str:
    """Encode a host as browsers do; Python's own codec has the older rules, by which straße.de is another's address."""
    if _NO_HOST.search(host):
        return ""
    labels = re.split(r"[.\u3002\uff0e\uff61]", unicodedata.normalize("NFKC", host.lower()))
    try:
        return ".".join(x if x.isascii() else f"xn--{x.encode('punycode').decode('ascii')}" for x in labels)
    except UnicodeError:
        return ""


def host_of(url: str) -> str:
    """Tell where a normalised address leads: its host (with port), or a mail address's domain; "" if neither."""
    found = _HOST.match(url)
    return (found[1] or found[2]) if found else ""


def shows_host(text: str, host: str) -> bool:
    """Tell whether the reader of a link's text already sees where it leads."""
    scheme = _SEEN.match(text)
    address = re.split(r"[/?#]", text[scheme.end() :] if scheme else text, maxsplit=1)[0]
    mail = _MAIL.fullmatch(address)
    return (mail[1] if mail else address).lower() == host.lower()


def bare_link(state: StateInline, silent: bool) -> bool:
    """Make links of ``http://`` and ``https://`` in running text: an inline rule of markdown-it."""
    if not state.src.startswith("://", state.pos) or state.linkLevel > 0:
        return False
    scheme = _SCHEME.search(state.pending[-8:])
    rest = _BARE.match(state.src, state.pos, min(state.posMax, state.pos + MAX_URL))
    if not scheme or not rest:
        return False
    url = _trimmed(scheme[1] + rest[0])
    href = normalize(url)
    if len(url) <= len(scheme[1]) + 3 or not is_link(href):
        return False
    if not silent:
        state.pending = state.pending[: -len(scheme[1])]
        state.push("link_open", "a", 1).attrs = {"href": href}
        state.push("text", "", 0).content = url
        state.push("link_close", "a", -1)
    state.pos += len(url) - len(scheme[1])
    return True


def _trimmed(url: str) -> str:
    while True:
        shorter = _TRAILING.sub("", url)
        # A closing bracket belongs to the address only if its opening one does.
        if shorter.endswith(")") and shorter.count(")") > shorter.count("("):
            shorter = shorter[:-1]
        if shorter == url:
            return url
        url = shorter
