"""The name of a request: a hash of all that decides its answer. It has no key, no time and no order of fields.

Answers that are kept for later are found by it: those of a notebook, and the rows of a batch.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def request_hash(server: str, path: str, body: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a request, as 64 hexadecimal digits.

    Parameters
    ----------
    server : str
        The server's address without its query, or the name of a server of ours. The port of the demo server changes.
    path : str
        The path of the request, relative to the address.
    body : mapping
        The JSON object that is sent: the model, the messages with their files, the parameters, the tools, the schema.

    Returns
    -------
    str
        The same in each process, whatever the order of the fields.

    Examples
    --------
    >>> one = request_hash("http://localhost/v1", "chat", {"model": "m", "stream": True})
    >>> two = request_hash("http://localhost/v1", "chat", {"stream": True, "model": "m"})
    >>> one == two, len(one)
    (True, 64)
    >>> one == request_hash("http://localhost/v1", "chat", {"model": "n", "stream": True})
    False
    """
    request = [server, path, body]
    try:
        text = _canonical(request)
    except TypeError:  # keys of several types, which JSON makes strings
        text = _canonical(json.loads(json.dumps(request)))
    return hashlib.sha256(text.encode()).hexdigest()


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
