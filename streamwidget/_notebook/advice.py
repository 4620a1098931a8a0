"""Advice after a failure, in one or two lines for the person at the cell.

Advice names only settings within reach. In a cell of ``%chat`` these are ``-m NAME`` and ``%config ChatMagics``. In a
cell with Python code they are the arguments of ``ChatClient``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from streamwidget._core.completion import ErrorInfo
from streamwidget._core.exceptions import StreamError, StreamTimeout
from streamwidget._core.timeout import Timeout

_BY_STATUS = {
    400: "The server did not understand the request. Check the model and the options.",
    403: "The key is known, but it may not do this. Check its permissions, or the account's region.",
    413: "The prompt is too long for this server.",
    429: "Wait a little, or ask for less at a time.",
}
_BY_KIND = {
    "tls": "To trust your own certificate authority, set SSL_CERT_FILE. Certificate checks cannot be turned off.",
    "source": "The source's own exception is the __cause__ of this one.",
    "redirect": "Neither the key nor the prompt was sent on.",
}
#: How a server on this machine is started, by its provider's name.
_START = {"ollama": "ollama serve"}


@dataclass(frozen=True, slots=True)
class Target:
    """The destination of a request of the magic, and its settings.

    Attributes
    ----------
    host : str
        The host, with its port if the address has one.
    provider : str or None
        The name given with ``-p`` or in ``ChatMagics.provider``.
    key_variable : str or None
        The environment variable of this host's key. None without one.
    key_is_set : bool
        That variable has a value.
    timeout : mapping of str to float or None
        ``ChatMagics.timeout``.
    """

    host: str
    provider: str | None = None
    key_variable: str | None = None
    key_is_set: bool = False
    timeout: Mapping[str, float | None] = field(default_factory=dict)


def explain(failure: StreamError, target: Target | None = None) -> list[str]:
    """Return one or two lines: the failure, the kept text, and the next step.

    Parameters
    ----------
    failure : StreamError
    target : Target, optional
        For a failure of the magic. Default: the stream was made in Python.
    """
    status = failure.error.status
    named = f" (HTTP {status})" if status not in (None, 200) else ""
    lines = [f"{type(failure).__name__}{named}: {failure.error.message}"]
    count = len(failure.completion.text)
    where = "in its .completion" if target is None else "in _chat"
    kept = f"The {count} characters that came are {where}." if count else ""
    todo = _wait_longer(failure, target) if isinstance(failure, StreamTimeout) else advice(failure.error, target)
    if kept or todo:
        lines.append(" ".join(filter(None, [kept, todo])))
    return lines


def advice(error: ErrorInfo, target: Target | None = None) -> str:
    """Return the next step. Empty if there is nothing to add."""
    if error.kind == "connect":
        return _reach(target)
    if error.kind in _BY_KIND:
        return _BY_KIND[error.kind]
    if "insufficient_quota" in (error.code, error.type):
        return "The account's quota is used up. Waiting does not help."
    if error.retry_after is not None:
        return f"The server asks to wait {error.retry_after:g} s."
    if error.status == 401:
        return _check_key(target)
    if error.status == 404:
        return _check_model(target)
    if error.status is not None and error.status >= 500:
        return "The error is on the server. Try again later."
    return _BY_STATUS.get(error.status or 0, "")


def _reach(target: Target | None) -> str:
    if target is None:
        return "Is the server running? Check its base_url."
    if target.provider in _START:
        return f"Is {target.provider} running? Start it: `{_START[target.provider]}`."
    if target.key_variable and not target.key_is_set:
        return f"{target.key_variable} is not set."
    if target.provider is not None:
        return ""
    return "Is the server running? Its address is STREAMWIDGET_BASE_URL or `%config ChatMagics.base_url`."


def _check_key(target: Target | None) -> str:
    if target is None:
        return "The server refused the key. Check the client's api_key. The key must belong to this server."
    if target.key_variable is None:
        return f'{target.host} needs a key. Name its environment variable: `%config ChatMagics.api_key_env = "NAME"`.'
    if not target.key_is_set:
        return f"{target.host} needs a key. {target.key_variable} is not set."
    return f"{target.host} refused the key. Check {target.key_variable} (the key must belong to {target.host})."


def _check_model(target: Target | None) -> str:
    if target is None:
        return "Check the model's name, and that base_url ends as the provider says, often in /v1."
    return (
        "Check the model (-m NAME). `%chat --models` lists them. "
        "Check also that the address ends as the provider says, often in /v1."
    )


def _wait_longer(failure: StreamTimeout, target: Target | None) -> str:
    limit = failure.error.kind or ""
    if target is None:
        return f"Wait longer: ChatClient(timeout=Timeout({limit}=...))."
    seconds: float = getattr(Timeout(**target.timeout), limit)
    limits = ", ".join(f'"{name}": {value}' for name, value in {**target.timeout, limit: 2 * seconds}.items())
    return f"Wait longer: %config ChatMagics.timeout = {{{limits}}}"
