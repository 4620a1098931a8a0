"""The client's own headers: checked here, and hidden from then on.

Names and values are those of RFC 9110. A value keeps to visible ASCII, spaces and tabs, because nothing else reaches
every server unchanged. No message repeats a value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.secrets import LONGEST, Secret, may_hold_a_key

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t -~]*")
#: They describe this connection and this body, so the transport writes them. A second one would split the request.
_OURS = frozenset(
    {
        "connection", "content-encoding", "content-length", "expect", "host", "keep-alive", "proxy-connection", "te",
        "trailer", "transfer-encoding", "upgrade",
    }
)  # fmt: skip
_EXAMPLE = '{"X-Api-Key": "..."}'


def own_headers(headers: object) -> dict[str, Secret]:
    """Return the headers with hidden values.

    Raises
    ------
    ConfigurationError
        If they are not a mapping of names to texts, cannot be sent, or are the transport's.
    """
    if not isinstance(headers, Mapping):
        problem = f"headers is a mapping of names to values such as {_EXAMPLE}, not a {type(headers).__name__}."
        raise ConfigurationError(f"{problem} Nothing was sent.")
    found: dict[str, Secret] = {}
    for name, value in headers.items():
        if refused := _problem_of(name, value, found):
            del value, headers  # this frame stays in a traceback
            raise ConfigurationError(f"{refused} Nothing was sent.")
        found[name] = Secret(value.strip())
    return found


def _problem_of(name: object, value: object, found: Mapping[str, Secret]) -> str | None:
    """Return what is wrong with a header. The name is repeated only where it cannot be the secret by mistake."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return (
            "A name in headers contains a character that the name of a header cannot have (a space, a colon, a line "
            f"break, a non-ASCII character), or is empty. Write {_EXAMPLE}."
        )
    if may_hold_a_key(name):
        return f"A name in headers looks like an API key. The name comes first, and then the value: {_EXAMPLE}."
    if name.lower() in _OURS:
        return f"The header {name} is set by streamwidget itself. Leave it out of headers."
    if name.lower() in map(str.lower, found):
        return f"headers has {name} twice. The names of headers are the same in upper and lower case."
    if not isinstance(value, str):
        return f"The value of the header {name} is a text (str), not a {type(value).__name__}."
    if not _VALUE.fullmatch(value.strip()):
        return (
            f"The value of the header {name} contains a character that cannot be sent in a header (a line break, a "
            "control or non-ASCII character). Copy it again."
        )
    if len(value) > LONGEST:
        return f"The value of the header {name} has {len(value)} characters, and no server takes more than {LONGEST}."
    return None
