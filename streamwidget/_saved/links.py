"""The addresses in a model's text: which become links, and which host is shown.

js/src/markdown/links.ts has the same rules.
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote

from markdown_it.rules_inline import StateInline

MAX_URL = 2048

# A web address: its scheme, user, host, port and the rest. There is no "%" and no backslash before the rest.
_WEB = re.compile(
    r"(https?)://((?:[\w.~!$&'()*+,;=:%-]*@)?)([^/?#@:\\%\[\]\s\x00-\x20]+)((?::[0-9]*)?)(|[/?#].*)",
    re.IGNORECASE | re.ASCII | re.DOTALL,
)
# One mail address, with nothing but a subject and a text. "?cc=" and "," would add other receivers.
_MAILTO = re.compile(
    r"mailto:([A-Za-z0-9.!$&'*+=^_`{|}~-]+)@([a-z0-9.-]+)((?:\?(?:subject|body)=[^&]*(?:&(?:subject|body)=[^&]*)*)?)",
    re.IGNORECASE | re.ASCII | re.DOTALL,
)
# One number of an address such as "127.0.0.1". Browsers read "0x7f.1", "127.1" and "2130706433" as this address too.
_BYTE = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_NUMERIC_HOST = re.compile(rf"{_BYTE}(?:\.{_BYTE}){{3}}")
_NUMBER = re.compile("[0-9]+|0x[0-9a-f]*")
_LABEL = re.compile("[a-z0-9_-]{1,63}")
_LATIN = re.compile("[a-z][a-z0-9-]*(?<!-)")
_CAPITALS = re.compile("[A-Z]+")
# Letters that browsers drop or replace in a host's name, and Cherokee, which they replace by capitals.
_DROPPED = re.compile(
    "[\u034f\u115f\u1160\u13a0-\u13fd\u17b4\u17b5\u180b-\u180f\u3164\uab70-\uabbf\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
# What unicodedata says of the characters of a host's name: letters, marks, digits, emoji.
_CATEGORIES = frozenset({"Ll", "Lo", "Lm", "Mn", "Mc", "Nd", "So"})
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]")
# Where an address leads: "https://me@a.example:8/x" -> "a.example:8", "mailto:a@b.example?subject=x" -> "a@b.example".
_DESTINATION = re.compile(r"https?://(?:[^/?#]*@)?([^/?#]+)|mailto:([^?]*@[^?@]+)", re.IGNORECASE)
# Characters to percent-encode: "a b" -> "a%20b", "100%" -> "100%25". "%20" stays.
_NOT_IN_URL = re.compile(r"%(?![0-9a-fA-F]{2})|[^A-Za-z0-9;/?:@&=+$,\-_.!~*'()#%]+")
# The scheme of a bare address, after a space, an opening mark or a character of a script without spaces: "见https".
# Not "xhttps".
_SCHEME = re.compile(
    r"(?:^|[\s*_~(\"'\[{\u3000-\u9fff\uac00-\ud7af\uff00-\uffef\u2018-\u201f])(https?)$", re.IGNORECASE
)
# The state of a parse has under this name the end of the last address that is too long.
_LONG = "long_address"
# The rest of a bare address. It ends before white space, quotes, brackets and East Asian full stops:
# "://a.example/x。" -> "://a.example/x". The first pattern finds its host, with a user and a port.
_BARE_HOST, _BARE = (
    re.compile(rf"://[^\s<>\"`\\^{{}}\[\]|\u3000-\u303f\uff00-\uffef\u2018-\u201f\u00ab\u00bb{more}]+")
    for more in ("/?#", "")
)
# A mark at the end that belongs to the sentence: "https://a.example/x." -> "https://a.example/x".
_MARKS = frozenset("?!.,:*_~';")
# A character reference at the end. It belongs to the sentence too.
_REFERENCE = re.compile(r"&[a-zA-Z0-9]{1,32};\Z")
# The scheme of a link's text: "https://a.example/x" -> "https://".
_SEEN = re.compile(r"https?://|mailto:", re.IGNORECASE)
# The host behind a user's name: "me@a.example" -> "a.example".
_MAIL = re.compile(r"[^\s@/]+@([^\s@/]+)")


def is_link(url: str) -> bool:
    """Return whether a normalised address becomes a link.

    >>> is_link("https://a.example"), is_link("javascript:alert(1)")
    (True, False)
    """
    return len(url) <= MAX_URL and url.startswith(("https://", "http://", "mailto:"))


def normalize(url: str) -> str:
    """Return an address as browsers read it: scheme and host in small letters, the host in ASCII, no default port.

    It is "" if it is not a web or mail address, or if a browser might read another host than a person does. js/test
    compares the result with Chromium's.

    >>> normalize("HTTPS://straße.de:443/a b"), normalize("http://0x7f.1"), normalize("javascript:x")
    ('https://xn--strae-oqa.de/a%20b', '', '')
    """
    if (web := _WEB.fullmatch(url)) is not None:
        scheme, user, name, port, rest = web.groups()
        scheme, host, number = scheme.lower(), _host(name), port[1:].lstrip("0") or port[1:2]
        if not host or len(number) > 5 or int(number or 0) > 65_535:
            return ""
        port = "" if number in ("", "443" if scheme == "https" else "80") else f":{number}"
        return f"{scheme}://{_encoded(user)}{host}{port}{_encoded(rest)}"
    if (mail := _MAILTO.fullmatch(url)) is not None and (host := _host(mail[2])):
        return f"mailto:{_encoded(mail[1])}@{host}{_encoded(mail[3])}"
    return ""


def _encoded(text: str) -> str:
    return _NOT_IN_URL.sub(lambda match: quote(match[0].encode("utf-8", "replace"), safe=""), text)


def _host(name: str) -> str:
    """Return a host's name in ASCII, or "" if it is not one, or one that browsers read in another way."""
    small = _CAPITALS.sub(lambda found: found[0].lower(), name)
    labels = small.removesuffix(".").split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return small if _NUMERIC_HOST.fullmatch(small) else ""
    # "xn--" is another form of a name. A browser has more rules where both forms are in one host.
    has_encoded = any(label.startswith("xn--") for label in labels)
    if not small.isascii() and (has_encoded or not _is_one_direction(labels)):
        return ""
    if not all(_LABEL.fullmatch(label) or (not label.isascii() and _is_name(label)) for label in labels):
        return ""
    labels = [x if x.isascii() else f"xn--{x.encode('punycode').decode('ascii')}" for x in labels]
    host = ".".join(labels)
    if len(host) > 254 or any(len(label) > 63 for label in labels):
        return ""
    return f"{host}." if small.endswith(".") else host


def _is_name(label: str) -> bool:
    if label.lower() != label or unicodedata.normalize("NFKC", label) != label or _DROPPED.search(label):
        return False
    fits = (_LABEL.fullmatch(x) if x.isascii() else unicodedata.category(x) in _CATEGORIES for x in label)
    return all(fits) and unicodedata.category(label[0])[0] != "M"


def _is_one_direction(labels: list[str]) -> bool:
    """Return whether no label has letters of both directions. A browser has more rules for those."""
    rest = [_RIGHT_TO_LEFT.sub("", label) for label in labels]
    if rest == labels:
        return True
    return all(
        left == "" or (left == label and _LATIN.fullmatch(label)) for left, label in zip(rest, labels, strict=True)
    )


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
    An address that is too long is text, and so is whatever looks like an address in it.
    """
    if not state.src.startswith("://", state.pos) or state.linkLevel > 0:
        return False
    if state.pos < state.__dict__.get(_LONG, 0):
        return False
    scheme = _SCHEME.search(state.pending[-8:])
    if not scheme:
        return False
    text = state.src[state.pos : state.posMax]
    # The host is read first, because many texts that begin like an address have none.
    host = _BARE_HOST.match(text)
    rest = _BARE.match(text) if host and _may_begin(scheme[1] + host[0], text[host.end() : host.end() + 1]) else None
    if not rest:
        return False
    url = _trimmed(scheme[1] + rest[0])
    href = normalize(url)
    if not is_link(href):
        if href:
            state.__dict__[_LONG] = state.pos + rest.end()
        return False
    if not silent:
        state.pending = state.pending[: -len(scheme[1])]
        state.push("link_open", "a", 1).attrs = {"href": href}
        state.push("text", "", 0).content = url
        state.push("link_close", "a", -1)
    state.pos += len(url) - len(scheme[1])
    return True


def _may_begin(address: str, following: str) -> bool:
    """Return whether an address may be one of a link, if this character follows its host."""
    if following == "?" and normalize(_trimmed(address)):
        return True  # the "?" may belong to the sentence
    return following not in ("/", "?", "#") or normalize(address) != ""


def _trimmed(url: str) -> str:
    """Cut what belongs to the sentence from the end of an address.

    A closing bracket belongs to the address if the address has the opening one too: ``https://a.example/x_(y)``.
    """
    end = len(url)
    closed = url.count(")") - url.count("(")
    while end > 0:
        last = url[end - 1]
        if last in _MARKS:
            reference = _REFERENCE.search(url, max(0, end - 34), end) if last == ";" else None
            end = reference.start() if reference else end - 1
        elif last == ")" and closed > 0:
            end -= 1
            closed -= 1
        else:
            break
    return url[:end]
