"""The addresses in a model's text: which become links, and which host is shown.

js/src/markdown/links.ts has the same rules.
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote

from markdown_it.rules_inline import StateInline

MAX_URL = 2048

# An address that may become a link: "https://a.example", "mailto:a@b.example". Not "ftp://a.example", not "x.html".
_URL = re.compile(r"https?://[^/?#\s]|mailto:\S", re.IGNORECASE)
# The part up to the host, and the host: "https://me@straße.de/x" -> "https://me@", "straße.de".
_AUTHORITY = re.compile(r"(https?://(?:[^/?#\\\s]*@)?)([^/?#\\\s@:]+)", re.IGNORECASE)
# Where an address leads: "https://me@a.example:8/x" -> "a.example:8", "mailto:a@b.example?subject=x" -> "a@b.example".
_DESTINATION = re.compile(r"https?://(?:[^/?#]*@)?([^/?#]+)|mailto:([^?]*@[^?@]+)", re.IGNORECASE)
# ASCII that is not part of a host's name: all but letters, digits, "-" and ".".
_NO_HOST = re.compile(r"[\x00-,/:-@\[-`{-\x7f]")
# Characters to percent-encode: "a b" -> "a%20b", "100%" -> "100%25". "%20" stays.
_NOT_IN_URL = re.compile(r"%(?![0-9a-fA-F]{2})|[^A-Za-z0-9;/?:@&=+$,\-_.!~*'()#%]+")
# The scheme of a bare address, after a space or an opening mark: "see (https". Not "xhttps".
_SCHEME = re.compile(r"(?:^|[\s*_~(\"'\[{\u3000-\u303f\uff00-\uffef\u2018-\u201f])(https?)$", re.IGNORECASE)
# The rest of a bare address. It ends before white space, quotes, brackets and East Asian full stops:
# "://a.example/x。" -> "://a.example/x".
_BARE = re.compile(r"://[^\s<>\"`\\^{}\[\]|\u3000-\u303f\uff00-\uffef\u2018-\u201f\u00ab\u00bb]+")
# Marks at the end that belong to the sentence: "https://a.example/x." -> "https://a.example/x".
_TRAILING = re.compile(r"(?:[?!.,:*_~';]|&[a-zA-Z0-9]+;)+$")
# The scheme of a link's text: "https://a.example/x" -> "https://".
_SEEN = re.compile(r"https?://|mailto:", re.IGNORECASE)
# The host behind a user's name: "me@a.example" -> "a.example".
_MAIL = re.compile(r"[^\s@/]+@([^\s@/]+)")


def is_link(url: str) -> bool:
    """Return whether a normalised address becomes a link.

    >>> is_link("https://a.example"), is_link("javascript:alert(1)")
    (True, False)
    """
    return len(url) <= MAX_URL and _URL.match(url) is not None


def normalize(url: str) -> str:
    """Return an address with its host in ASCII and the rest percent-encoded. "" if it has no valid host.

    >>> normalize("https://straße.de/a b")
    'https://xn--strae-oqa.de/a%20b'
    """
    address = _AUTHORITY.match(url)
    if address and not address[2].isascii():
        host = _ascii(address[2])
        if not host:
            return ""
        url = address[1] + host + url[address.end() :]
    return _NOT_IN_URL.sub(lambda match: quote(match[0], safe=""), url)


def _ascii(host: str) -> str:
    """Encode a host like browsers do. Python's own codec has older rules, and turns straße.de into strasse.de."""
    if _NO_HOST.search(host):
        return ""
    labels = [unicodedata.normalize("NFKC", label) for label in re.split(r"[.\u3002\uff0e\uff61]", host.lower())]
    if any("." in label for label in labels):  # "…" is three dots, which no host has
        return ""
    try:
        return ".".join(x if x.isascii() else f"xn--{x.encode('punycode').decode('ascii')}" for x in labels)
    except UnicodeError:
        return ""


def destination_of(url: str) -> str:
    """Return where a normalised address leads: a host with its port, or a whole mail address. "" if neither.

    >>> destination_of("https://me@a.example:8/x"), destination_of("mailto:a@b.example?subject=x")
    ('a.example:8', 'a@b.example')
    """
    found = _DESTINATION.match(url)
    return (found[1] or found[2]) if found else ""


def shows_destination(text: str, destination: str) -> bool:
    """Return whether the text of a link already shows where it leads.

    >>> shows_destination("https://a.example/x", "a.example"), shows_destination("docs", "a.example")
    (True, False)
    """
    scheme = _SEEN.match(text)
    address = re.split(r"[/?#]", text[scheme.end() :] if scheme else text, maxsplit=1)[0]
    mail = _MAIL.fullmatch(address)
    return destination.lower() in (address.lower(), mail[1].lower() if mail else "")


def bare_link(state: StateInline, silent: bool) -> bool:
    """Make links of bare addresses. This is an inline rule of markdown-it.

    ``see https://a.example/x.`` -> ``see <a href="https://a.example/x">https://a.example/x</a>.``
    """
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
        # A closing bracket belongs to the address if the address has the opening one too: "https://a.example/x_(y)".
        if shorter.endswith(")") and shorter.count(")") > shorter.count("("):
            shorter = shorter[:-1]
        if shorter == url:
            return url
        url = shorter
