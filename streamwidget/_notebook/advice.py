"""Advice after a failure, in one or two lines for the person at the cell.

Advice names only settings within reach. In a cell of ``%chat`` these are ``-m NAME`` and ``%config ChatMagics``. In a
cell with Python code they are the arguments of ``ChatClient``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from streamwidget._client.config import how_to_set
from streamwidget._client.fetch import PAGES_MAY_ASK
from streamwidget._client.refusal import Refusal, is_of_gateway, refusal_of
from streamwidget._client.servers import OPENAI_URL
from streamwidget._client.urls import host_of
from streamwidget._core.completion import ErrorInfo
from streamwidget._core.exceptions import StreamError, StreamTimeout
from streamwidget._core.timeout import Timeout
from streamwidget._core.visible import one_line

_LONGEST = 300  # characters of a server's message, for the person
_BY_STATUS = {
    400: "The server did not understand the request. Check the model and the options.",
    403: "The key is known, but it may not do this. Check its permissions, or the account's region.",
    407: "A proxy on the way wants a user name and a password. Write them into HTTPS_PROXY (HTTP_PROXY for an http:// "
    "address): http://USER:PASSWORD@HOST:PORT.",
    413: "The prompt is too long for this server.",
    429: "Wait a little, or ask for less at a time.",
}
_BY_KIND = {
    "tls": "To trust your own certificate authority, set SSL_CERT_FILE. Certificate checks cannot be turned off.",
    "source": "The source's own exception is the __cause__ of this one.",
    "redirect": "Neither the key nor the prompt was sent on.",
    "local": "",  # the message has it
    "cors": "",  # the same
    "cors_header": f'Add it: ChatClient(..., headers={{"{PAGES_MAY_ASK}": "true"}}).',
    "thread": "",
}
_ADD_HEADER = (
    f'Add it in a cell: `%env PAGES_MAY_ASK=true` and `%config ChatMagics.headers_env = {{"{PAGES_MAY_ASK}": '
    '"PAGES_MAY_ASK"}`.'
)
#: By the reason of a refusal, in a cell. ``{host}`` is the server's.
_BY_REASON: dict[Refusal, str] = {
    "context": "The prompt and the conversation are too long for this model. Shorten the prompt, start over with "
    "`%%chat --new`, or send fewer turns: `%config ChatMagics.max_history_tokens = 4000`.",
    "quota": "The quota or budget is used up. Waiting does not help. Ask whoever gave you the key for {host}.",
    "access": "This key may not use this model. `%chat --models` lists the models. Choose another one with -m NAME, or "
    "ask whoever gave you the key for {host}.",
    "upstream_key": "{host} is a gateway, and the server behind it refused the gateway's own key. Your key is not the "
    "cause. Tell whoever runs {host}.",
    "unsupported": "The model cannot do a part of this, such as an image, a tool or an option. Leave it out, or choose "
    "another model with -m NAME.",
}
_BY_REASON_IN_PYTHON: dict[Refusal, str] = {
    "context": "The messages are too long for this model. Shorten them, or send fewer turns: "
    "Conversation(max_tokens=...).",
    "quota": "The quota or budget is used up. Waiting does not help. Ask whoever gave you the key.",
    "access": "This key may not use this model. Choose another one, or ask whoever gave you the key.",
    "upstream_key": "The server behind the gateway refused the gateway's own key. Your key is not the cause. Tell "
    "whoever runs the gateway.",
    "unsupported": "The model cannot do a part of this, such as an image, a tool or an option. Leave it out, or choose "
    "another model.",
}
#: Faults of the way to the server. The doctor walks it.
_ON_THE_WAY = ("connect", "tls", "proxy")
_DOCTOR = "`%chat --doctor` looks for the cause."
_DEFAULT = host_of(OPENAI_URL)  # the server of a key alone
#: How a server on this machine is started, by its provider's name.
_START = {"ollama": "ollama serve", "ollama-native": "ollama serve"}
#: Google refuses a wrong key with 400, and a missing one with 403.
_WRONG_KEY = re.compile(r"API key (not valid|expired|not found)|unregistered callers", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Limits:
    """The time limits of a request of the magic.

    Attributes
    ----------
    in_force : Timeout
    on_the_line : bool
        The line has ``--timeout``.
    """

    in_force: Timeout = field(default_factory=Timeout)
    on_the_line: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """The destination of a request of the magic, and its settings.

    Attributes
    ----------
    host : str
        The host, with its port if the address has one.
    provider : str or None
        The name given with ``-p``, in ``ChatMagics.provider`` or in ``STREAMWIDGET_PROVIDER``.
    key_variable : str or None
        The environment variable of this host's key. None without one.
    key_is_set : bool
        The variable has a value.
    key_oddity : str
        A sentence on what is odd about the key. Empty: it looks well.
    limits : Limits
    is_demo : bool
        No server is set, so the demo server is asked.
    """

    host: str
    provider: str | None = None
    key_variable: str | None = None
    key_is_set: bool = False
    limits: Limits = field(default_factory=Limits)
    is_demo: bool = False
    key_oddity: str = ""


def explain(failure: StreamError, target: Target | None = None, *, line: str = "") -> list[str]:
    """Return one or two lines: the failure, the kept text, and the next step.

    Parameters
    ----------
    failure : StreamError
    target : Target, optional
        For a failure of the magic. Default: the stream was made in Python.
    line : str, default ""
        The line under the answer, if it stands above. Its reason is not said again.
    """
    status = failure.error.status
    named = f" (HTTP {status})" if status not in (None, 200) else ""
    what, reason = f"{type(failure).__name__}{named}", one_line(failure.error.message, _LONGEST)
    count = len(failure.completion.text)
    where = "in its .completion" if target is None else "in _chat"
    kept = f"The {count} characters that came are {where}." if count else ""
    todo = _wait_longer(failure, target) if isinstance(failure, StreamTimeout) else advice(failure.error, target)
    has_more = failure.error.detail or len(failure.error.message) > _LONGEST
    rest = "`%chat --traceback` shows the whole message." if has_more and target is not None else ""
    is_way = target is not None and failure.error.kind in _ON_THE_WAY and not isinstance(failure, StreamTimeout)
    doctor = _DOCTOR if is_way else ""
    more = " ".join(filter(None, [kept, todo, rest, doctor]))
    if reason.rstrip(".") in line:
        return [f"{what}: {more or 'the reason is in the line above.'}"]
    return [f"{what}: {reason}", *filter(None, [more])]


def advice(error: ErrorInfo, target: Target | None = None) -> str:
    """Return the next step. Empty if there is nothing to add."""
    if error.kind == "connect":
        return _reach(target)
    if error.status == 407:
        return _BY_STATUS[407]  # from a proxy without a variable. The others fail as connections
    if error.kind == "cors_header" and target is not None:
        return _ADD_HEADER
    if error.kind in _BY_KIND:
        return _BY_KIND[error.kind]
    reason = refusal_of(error)
    if reason == "model":
        return _check_model(target)
    if reason is not None:
        return _BY_REASON_IN_PYTHON[reason] if target is None else _BY_REASON[reason].format(host=target.host)
    if error.retry_after is not None:
        return f"The server asks to wait {error.retry_after:g} s."
    if error.status == 401 or (error.status in (400, 403) and _WRONG_KEY.search(error.message)):
        return _check_key(target)
    if error.status == 404:
        return _check_model(target)
    if error.status is not None and error.status >= 500:
        if is_of_gateway(error):
            host = "it" if target is None else target.host
            return f"The server behind the gateway failed. Try again later, or tell whoever runs {host}."
        return "The error is on the server. Try again later."
    return _BY_STATUS.get(error.status or 0, "")


def _reach(target: Target | None) -> str:
    if target is None:
        return "Is the server running? Check its base_url."
    if target.provider in _START:
        return f"Is {target.provider} running? Start it: `{_START[target.provider]}`."
    if target.key_variable and not target.key_is_set:
        return how_to_set(target.key_variable)
    if target.provider is not None or target.host == _DEFAULT:
        return ""
    return "Is the server running? Its address is STREAMWIDGET_BASE_URL or `%config ChatMagics.base_url`."


def _check_key(target: Target | None) -> str:
    if target is None:
        return "The server refused the key. Check the client's api_key. The key must belong to this server."
    if target.key_variable is None:
        return f'{target.host} needs a key. Name its environment variable: `%config ChatMagics.api_key_env = "NAME"`.'
    if not target.key_is_set:
        return f"{target.host} needs a key. {how_to_set(target.key_variable)}"
    gateway = target.provider == "litellm"
    needed = "a key of the gateway, not of a provider behind it" if gateway else f"the key must belong to {target.host}"
    odd = f" {target.key_oddity}" if target.key_oddity else ""
    return f"{target.host} refused the key. Check {target.key_variable} ({needed}).{odd}"


def _check_model(target: Target | None) -> str:
    if target is None:
        return "Check the model's name, and that base_url ends as the provider says, often in /v1."
    if target.is_demo:
        return "-p names a provider, such as `-p ollama`. `%chat --models` lists the demo server's models."
    return (
        "Check the model (-m NAME). `%chat --models` lists them. "
        "Check also that the address ends as the provider says, often in /v1."
    )


def _wait_longer(failure: StreamTimeout, target: Target | None) -> str:
    limit = failure.error.kind or ""
    if target is None:
        return f"Wait longer: ChatClient(timeout=Timeout({limit}=...))."
    limits = target.limits
    seconds: float = 2 * getattr(limits.in_force, limit)
    in_this_cell = f"--timeout {seconds:g}"
    if limits.on_the_line and limit != "connect":
        return f"Wait longer: {in_this_cell}"
    in_all_cells = f"%config ChatMagics.timeout_{limit} = {seconds:g}"
    return f"Wait longer: {'' if limit == 'connect' else f'{in_this_cell}, or '}{in_all_cells}"
