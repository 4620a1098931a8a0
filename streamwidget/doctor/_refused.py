"""A request that was refused, in words: whose fault, what was said, and the next thing to do.

The list of models and the answer read a refusal in the same way. So the judge can see that it is the same one.
"""

from __future__ import annotations

from typing import NamedTuple

from streamwidget._client.refusal import Refusal, refusal_of
from streamwidget._client.urls import host_of
from streamwidget._core.completion import ErrorInfo
from streamwidget._core.exceptions import StreamError, StreamTimeout
from streamwidget._core.key_form import oddity_of
from streamwidget.doctor._finding import SILENT, seconds, sentence
from streamwidget.doctor._front import is_page, suspects, title_of
from streamwidget.doctor._network import Way
from streamwidget.doctor._watched import Watched, WatchedClient

PATIENCE = "Raise its read timeout: in nginx `proxy_read_timeout`, in haproxy `timeout server`."
_KEY_WORDS = ("api key", "api_key")
#: By the reason of a refusal, with {host}.
_BY_REASON: dict[Refusal, str] = {
    "model": "Choose a model that the server has: -m NAME.",
    "access": "This key may not use this model. Choose another one: -m NAME. Or ask whoever gave you the key.",
    "quota": "The quota or budget is used up. Waiting does not help. Ask whoever gave you the key for {host}.",
    "upstream_key": "{host} is a gateway, and the server behind it refused the gateway's own key. "
    "Tell whoever runs it.",
}
#: By the status, with {host} and {who}.
_BY_STATUS = {
    400: "The server did not understand the request. Check the model (-m NAME), and the provider (-p NAME).",
    404: "Check the model (-m NAME), and the end of the address. It is often /v1.",
    405: "The address leads to something else. Check its end. It is often /v1.",
    407: "A proxy on the way wants a user name and a password. Write them into HTTPS_PROXY: "
    "http://USER:PASSWORD@HOST:PORT.",
    413: "Something in front of the model takes only small requests: in nginx `client_max_body_size`. "
    "Ask whoever runs {who}.",
    422: "The server did not understand the request. Check the model (-m NAME), and the provider (-p NAME).",
    429: "Wait, and ask again. People who share a key share its limit.",
    511: "Your network wants you to sign in: open any page in a browser.",
}
_NAME_THE_KEY = (
    'In a notebook name the variable that holds it: `%config ChatMagics.api_key_env = "NAME"`. For the command, set '
    "STREAMWIDGET_BASE_URL and STREAMWIDGET_API_KEY, and leave the URL out."
)
_IN_ANOTHER_FORM = "Check the provider (-p NAME) and the end of the address. Or ask whoever runs {who}."
_OF_THE_SERVER = "The server has a fault of its own. Its log says more: ask whoever runs {who}."


class Refused(NamedTuple):
    """A refusal for the person.

    Attributes
    ----------
    fault : str
        In one word, for the judge and for programs.
    sentence, advice : str
    """

    fault: str
    sentence: str
    advice: str = ""


def refused(client: WatchedClient, host: str, failure: StreamError, way: Way | None) -> Refused:
    """Say what a failed request means. The client's last response is the refusal."""
    error, watched = failure.error, client.last
    who = suspects(host, watched, way)
    said = sentence(error.message)
    named = f"HTTP {error.status}" if error.status not in (None, 200) else ""
    what = f"{host} refused the request ({named}): {said}" if named and failure.outcome == "http_error" else said
    if isinstance(failure, StreamTimeout):
        advice = "The server takes connections, and does not answer. Is it busy, or loading a model?"
        return Refused(SILENT, said, advice)
    if (reason := refusal_of(error)) in _BY_REASON:
        return Refused(reason, what, _BY_REASON[reason].format(host=host))
    if error.kind == "redirect" and watched is not None:
        there = host_of(_place(watched)) or "nowhere"
        what = f"{host} redirects to {there} (HTTP {error.status}). Redirects are not followed."
        return Refused("redirect", what, _about_redirect(client, watched))
    if error.status in (502, 503, 504, 521, 522, 523, 530) and (is_page(watched) or error.status != 503):
        return _of_gateway(error, host, who, by_page=is_page(watched))
    if error.status in (200, 401, 403) and is_page(watched):
        return _of_page(error, host, who, title_of(watched))
    if error.status in (401, 403) or (named and any(words in said.lower() for words in _KEY_WORDS)):
        return Refused(f"{error.status}", what, _about_key(client, host, error))
    if error.status is None and error.kind == "connect":
        return Refused("connect", said, f"The cause is {who}.")
    advice = _by_status(error, failure).format(host=host, who=who)
    return Refused(_fault_of(failure, error), what, advice)


def _by_status(error: ErrorInfo, failure: StreamError) -> str:
    status = error.status or 0
    if status == 429 and error.retry_after:
        return f"The server asks to wait {seconds(error.retry_after)}. {_BY_STATUS[429]}"
    if status == 503:
        return "The server is busy, or it loads the model. Ask again in a minute."
    if failure.outcome == "error" or status >= 500:
        return _BY_STATUS.get(status, _OF_THE_SERVER)
    return _BY_STATUS.get(status, _IN_ANOTHER_FORM if failure.outcome == "protocol_error" else "")


def _of_gateway(error: ErrorInfo, host: str, who: str, *, by_page: bool) -> Refused:
    """A proxy in front of the server answers in its place."""
    if error.status in (504, 522):
        what = f"A proxy in front of {host} gave up waiting for it: HTTP {error.status}."
        return Refused("gateway", what, f"Ask whoever runs {who}. {PATIENCE}")
    what = f"A proxy answers for {host}, and does not reach the server behind it: HTTP {error.status}."
    if not by_page:
        what = f"{what} It says: {sentence(error.message, 200)}"
    return Refused("gateway", what, f"Is that server running? Ask whoever runs {who}.")


def _of_page(error: ErrorInfo, host: str, who: str, title: str) -> Refused:
    """A web page came in place of JSON."""
    named = f" (HTTP {error.status})" if error.status != 200 else ""
    called = f" The page is called “{title}”." if title else ""
    what = f"{host} answered with a web page{named}, and not as a model's server does.{called}"
    if error.status == 403:
        return Refused("page", what, f"A filter or a firewall refuses the request. Ask whoever runs {who}.")
    advice = "Open the address in a browser. If it is a login page, sign in to the network. Otherwise check the end of "
    return Refused("page", what, f"{advice}the address. It is often /v1.")


def _about_redirect(client: WatchedClient, watched: Watched) -> str:
    """Name the new address, if it is the same path elsewhere. Else it is a login page."""
    there, path = _place(watched), (client.base_url or "").partition("?")[0]
    for end in ("/models", "/chat/completions"):
        base, has_end, _ = there.rpartition(end)
        if has_end and base.startswith(("http://", "https://")) and base != path:
            return f"Set the address to {base}."
    return (
        "If that is a login page, open it in a browser and sign in to the network. Otherwise the address is wrong, or "
        "the API has moved. Neither the key nor the prompt was sent on."
    )


def _place(watched: Watched) -> str:
    """Return where a redirect leads, without its query, which may hold a session."""
    return watched.header("location", 200).partition("?")[0]


def _about_key(client: WatchedClient, host: str, error: ErrorInfo) -> str:
    settings = client._settings
    rights = " Or this key, network or country may not use it." if error.status == 403 else ""
    if settings.api_key is not None:
        check = f"Check the key in {settings.sources.get('key', 'the settings')}."
        odd = oddity_of(settings.api_key, host)
        return f"{' '.join(filter(None, [check, odd]))} It must belong to {host}.{rights}"
    if settings.key_variable:
        return f"No key was sent. Set {settings.key_variable}.{rights}"
    return f"No key was sent. {_NAME_THE_KEY}{rights}"


def _fault_of(failure: StreamError, error: ErrorInfo) -> str:
    return f"{error.status}" if error.status not in (None, 200) else error.kind or failure.outcome
