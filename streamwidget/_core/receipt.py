"""A receipt: what left the kernel for one answer. It has no key and no time, so two runs can be compared line by line.

The texts are masked, as in error messages. A file is its type, its size and its hash.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass

from streamwidget._core.counted import counted


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file in a request.

    Attributes
    ----------
    media_type : str
        Such as ``image/png``. Empty if the request does not name it.
    size : int
        Its bytes.
    hash : str
        The first 12 hexadecimal digits of its SHA-256.

    Examples
    --------
    >>> str(SentFile("image/png", 1234, "0123456789ab"))
    'image/png, 1,234 bytes, sha256 0123456789ab'
    """

    media_type: str
    size: int
    hash: str

    def __str__(self) -> str:
        return f"{self.media_type or 'a file'}, {counted(self.size, 'byte')}, sha256 {self.hash}"


@dataclass(frozen=True, slots=True, weakref_slot=True)  # receipts of one conversation share their messages
class SentMessage:
    """One message of a request.

    Attributes
    ----------
    role : str
        As it was sent: ``system``, ``user``, ``assistant``, ``tool``, ...
    text : str
        Its text. What is not text is JSON, and each file is its line in brackets.
    files : tuple of SentFile
        Its files.

    Examples
    --------
    >>> import streamwidget as sw
    >>> sw.ChatClient().stream("Name three rivers.").wait().receipt.requests[0].messages
    (SentMessage(role='user', text='Name three rivers.', files=()),)
    """

    role: str
    text: str
    files: tuple[SentFile, ...] = ()


@dataclass(frozen=True, slots=True)
class SentVariable:
    """A variable of the notebook in a prompt: ``{{df.head()}}``.

    Attributes
    ----------
    name : str
        As it was typed between the braces.
    size : int
        Its characters, or the bytes of a file.
    unit : str
        ``character`` or ``byte``.

    Examples
    --------
    >>> str(SentVariable("df.head()", 312))
    'df.head() (312 characters)'
    """

    name: str
    size: int
    unit: str = "character"

    def __str__(self) -> str:
        return f"{self.name} ({counted(self.size, self.unit)})"


@dataclass(frozen=True, slots=True)
class SentRequest:
    """One request that left the kernel.

    Attributes
    ----------
    host : str
        The host and the port, or the name of a server that streamwidget starts itself.
    path : str
        The path, relative to the address of the server.
    size : int
        The bytes of its body.
    hash : str
        The hash of the whole request. Equal requests to the same server have the same one.
    messages : tuple of SentMessage
        The messages, in order.
    fields : tuple of tuple of str
        The other fields, each with its JSON: ``("temperature", "0.5")``.
    variables : tuple of SentVariable
        The notebook's variables in the messages.

    Examples
    --------
    >>> import streamwidget as sw
    >>> receipt = sw.ChatClient().stream("Name three rivers.", "demo").wait().receipt
    >>> request = receipt.requests[0]
    >>> request.host, [(message.role, message.text) for message in request.messages]
    ('demo server', [('user', 'Name three rivers.')])
    """

    host: str
    path: str
    size: int
    hash: str
    messages: tuple[SentMessage, ...] = ()
    fields: tuple[tuple[str, str], ...] = ()
    variables: tuple[SentVariable, ...] = ()


@dataclass(frozen=True, slots=True)
class Receipt:
    """What left the kernel for one answer. ``str()`` gives all of it as text.

    Attributes
    ----------
    requests : tuple of SentRequest
        Each request that left: the first one, its retries, and one for each round of tools.

    Examples
    --------
    >>> import streamwidget as sw
    >>> receipt = sw.ChatClient().stream("Name three rivers.", "demo").wait().receipt
    >>> print(str(receipt).partition(", sha256")[0])
    Request 1: demo server, chat/completions, 141 bytes
    >>> receipt.diff(sw.ChatClient().stream("Name three rivers.", "demo").wait().receipt)
    ''
    """

    requests: tuple[SentRequest, ...]

    @property
    def hash(self) -> str:
        """The hash of the first request, as :attr:`ChatStream.request_hash` has it. Empty if nothing left.

        Examples
        --------
        >>> import streamwidget as sw
        >>> stream = sw.ChatClient().stream("Name three rivers.", "demo")
        >>> stream.wait().receipt.hash == stream.request_hash
        True
        """
        return self.requests[0].hash if self.requests else ""

    @property
    def variables(self) -> tuple[SentVariable, ...]:
        """The notebook's variables in all requests, each once.

        Examples
        --------
        >>> import streamwidget as sw
        >>> sw.ChatClient().stream("Name three rivers.").wait().receipt.variables
        ()
        """
        return tuple(dict.fromkeys(one for request in self.requests for one in request.variables))

    def __str__(self) -> str:
        return "\n".join(self._lines()) or "Nothing was sent."

    def diff(self, earlier: Receipt) -> str:
        """Compare with an earlier receipt, line by line.

        Parameters
        ----------
        earlier : Receipt
            That of another run.

        Returns
        -------
        str
            The lines that differ, with ``-`` or ``+`` before them, and a few around them. Empty if all is equal.

        Examples
        --------
        >>> import streamwidget as sw
        >>> one, two = (sw.ChatClient().stream(f"Name a {what}.").wait().receipt for what in ("lake", "river"))
        >>> [line for line in two.diff(one).splitlines() if "Name" in line]
        ['-    Name a lake.', '+    Name a river.']
        """
        before, after = str(earlier).splitlines(), str(self).splitlines()
        return "\n".join(list(difflib.unified_diff(before, after, lineterm=""))[2:])

    def _lines(self) -> Iterator[str]:
        before: SentRequest | None = None
        for number, request in enumerate(self.requests, 1):
            facts = f"{request.host}, {request.path}, {counted(request.size, 'byte')}, sha256 {request.hash}"
            yield f"Request {number}: {facts}"
            yield from _differing(request, before)
            before = request
        if self.variables:
            yield f"Variables: {', '.join(map(str, self.variables))}"


def _differing(request: SentRequest, before: SentRequest | None) -> Iterator[str]:
    """Yield the lines of a request. What the request before it had too is named only."""
    if before is None or request.fields != before.fields:
        yield from (f"  {name}: {value}" for name, value in request.fields)
    same = 0
    if before is not None:
        same = next(
            (n for n, (one, two) in enumerate(zip(request.messages, before.messages, strict=False)) if one != two),
            min(len(request.messages), len(before.messages)),
        )
    if same:
        yield f"  {counted(same, 'message')} as before"
    for number, message in enumerate(request.messages[same:], same + 1):
        files = f", {counted(len(message.files), 'file')}" if message.files else ""
        yield f"  Message {number}, {message.role}: {counted(len(message.text), 'character')}{files}"
        yield from (f"    {line}" for line in message.text.splitlines())
