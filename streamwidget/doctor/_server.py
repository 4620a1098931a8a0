"""The server itself: its models, and a short answer, timed. Both go the way of every request of the person."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any
from urllib.parse import urlsplit

from streamwidget._client.client import ChatClient
from streamwidget._client.retry import RetryPolicy
from streamwidget._client.urls import host_of
from streamwidget._core.counted import counted
from streamwidget._core.events import StreamEvent
from streamwidget._core.exceptions import ConfigurationError, StreamError, StreamTimeout
from streamwidget._core.timeout import Timeout
from streamwidget._core.visible import one_line
from streamwidget.doctor._finding import SILENT, Finding, seconds, sentence
from streamwidget.doctor._front import answered_by_proxy, headers_of, suspects
from streamwidget.doctor._network import Way
from streamwidget.doctor._pieces import ENOUGH, Pieces, pieces_of, written_over
from streamwidget.doctor._refused import PATIENCE, Refused, refused
from streamwidget.doctor._watched import Watched, WatchedClient

#: So many tokens are asked for. A person may pay for them.
TOKENS = 64
#: Any model answers this at once, with many small pieces.
PROMPT = "Count from 1 to 100, one number in each line. Write nothing else."
_LIMIT = re.compile(r"max\w*tokens", re.IGNORECASE)  # each API has a name of its own for it
_SEEN = 12.0  # seconds of text. Then a slow model has shown how its pieces come
_MOST = 2  # times as many pieces as tokens. Then a model has ignored the limit
_SILENT = 4.0  # seconds. A proxy's timeout, rather than a broken connection
_NAMES = 12  # models in a sentence
_NEAR = 0.8  # of 1, as difflib compares two names
_UNBUFFER = (
    "Whoever runs it must let streams through: in nginx `proxy_buffering off` (or the server sends the header "
    "`X-Accel-Buffering: no`), and no gzip for text/event-stream."
)
_NOT_A_STREAM = "It may ignore `stream: true`, or a filter on the way collects the answer. Ask whoever runs it."
#: By the fault of a text that was held back, with {who}.
_REMEDIES = {
    "whole": f"The cause is {{who}}. {_NOT_A_STREAM}",
    "held back": f"The cause is {{who}}. {_UNBUFFER}",
    "compressed": f"The cause is {{who}}. {_UNBUFFER}",
    "framing": "Whoever wrote the server must end each event with an empty line: `data: {{...}}\\n\\n`.",
}
#: An event in JSON, and the next one right below it.
_UNENDED = re.compile(rb"\}\r?\n(?=data:)")
_NO_END = "If each answer ends so, the server leaves out the last event, with the reason of the end."
#: Where APIs stand below the address of a server.
_ENDS = ("/v1", "/api/v1", "/api", "")
_LOOKED_FOR = 10.0  # seconds
_TRIES = 12


def limited(client: ChatClient, patience: float) -> WatchedClient:
    """Return the client to ask with: it asks once, and waits no longer than this."""
    watched, limits = WatchedClient(client), client.timeout
    wait = {name: min(getattr(limits, name) or patience, patience) for name in ("headers", "first_delta", "stall")}
    watched.timeout = Timeout(connect=limits.connect, progress=None, total=2 * patience, **wait)
    watched.retry = RetryPolicy(attempts=1)
    return watched


# ---- the list of models


async def list_models(client: WatchedClient) -> tuple[list[str], StreamError | None]:
    """Ask for the names of the models. Return them, or the failure."""
    listing = client.list_models()
    try:
        await listing.stream
    except StreamError as exc:
        return [], exc
    finally:
        listing.stream.cancel()
    return listing.names, None


async def check_models(client: WatchedClient, way: Way | None) -> tuple[Finding, StreamError | None]:
    """List the models, and look for the person's among them."""
    begun = time.monotonic()
    names, failure = await list_models(client)
    took = {"time": seconds(time.monotonic() - begun), **headers_of(client.last)}
    host = _host(client)
    if failure is not None:
        return await _not_listed(client, way, failure, took), failure
    took["models"] = f"{len(names)}"
    if not names:
        return Finding("models", "unknown", f"{host} answers, and lists no models.", took), None
    near = _nearest(client.model or "", names)
    meant = f"Did you mean {one_line(near, 80)}? Type: -m {one_line(near, 80)}" if near else ""
    if client.model is not None and not _is_among(client.model, names):
        offered = f"It lists {_some(names)}."
        sentence = f"{host} answers, and does not list the model {one_line(client.model, 80)}. {offered}"
        advice = meant or "Choose a model that it lists: -m NAME."
        return Finding("models", "ok", sentence, took, advice, "not listed"), None
    return Finding("models", "ok", f"{host} answers. It lists {_some(names)}.", took, meant), None


def _is_among(model: str, names: Sequence[str]) -> bool:
    """Return True if a model is listed, perhaps with a tag: ``llama3.2`` is ``llama3.2:latest``."""
    return any(name in (model, f"{model}:latest") or name.endswith(f"/{model}") for name in names)


def _nearest(model: str, names: Sequence[str]) -> str:
    """Return the listed name that somebody meant. Empty: the model is listed as it is, or none is near.

    Examples
    --------
    >>> names = ["gpt-4o-mini", "Qwen/Qwen2.5-7B-Instruct"]
    >>> _nearest("GPT-4o-mini", names), _nearest("qwen2.5-7b-instruct", names), _nearest("openai/gpt-4o-mini", names)
    ('gpt-4o-mini', 'Qwen/Qwen2.5-7B-Instruct', 'gpt-4o-mini')
    >>> _nearest("gpt-4o-mini", names), _nearest("a-name-of-mine", names)
    ('', '')
    """
    if not model or model in names:
        return ""
    asked = model.lower()
    spelled = {name.lower(): name for name in reversed(names)}
    if asked in spelled:
        return spelled[asked]
    for low, name in spelled.items():
        if low.endswith(f"/{asked}") or asked.endswith(f"/{low}"):
            return name
    close = get_close_matches(asked, spelled, n=1, cutoff=_NEAR)
    return spelled[close[0]] if close else ""


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
    return ", ".join(one_line(name, 60) for name in names[:_NAMES]) + more


async def _not_listed(client: WatchedClient, way: Way | None, failure: StreamError, took: Mapping[str, str]) -> Finding:
    error, host, last = failure.error, _host(client), client.last
    if by := answered_by_proxy(way, last):
        what = f"{by}, answered in place of {host}: {sentence(error.message, 200)}"
        return Finding("proxy", "failed", what, took, "Ask whoever runs it, or add the host to NO_PROXY.", "proxy")
    lost = error.status in (404, 405) or (error.kind is None and error.status == 200)
    if lost and (better := await _elsewhere(client)):
        what = f"There is no API at {_shown(client.base_url)}. It is at {_shown(better)}."
        return Finding("models", "failed", what, took, f"Set the address to {_shown(better)}.", "path")
    fault, what, advice = refused(client, host, failure, way)
    return Finding("models", "failed", what, took, advice, fault)


async def _elsewhere(client: WatchedClient) -> str:
    """Return the address of the API, if it is near the person's address. Else an empty text."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_LOOKED_FOR):
            for url in _near(client.base_url or "?"):
                other = WatchedClient(client)
                other._settings = replace(client._settings, base_url=url)
                names, failure = await list_models(other)
                if names or (failure is not None and failure.error.status in (401, 403)):
                    return url
    return ""


def _near(url: str) -> list[str]:
    """Return the addresses above and below this one: ``http://host/v2`` -> ``http://host/v1`` and others."""
    site = urlsplit(url)
    if site.query or not site.netloc:
        return []
    parts = [part for part in site.path.split("/") if part]
    roots = ["/".join([f"{site.scheme}://{site.netloc}", *parts[:count]]) for count in range(len(parts), -1, -1)]
    found = dict.fromkeys(f"{root}{end}" for root in roots for end in _ENDS)
    return [other for other in found if other != url][:_TRIES]


# ---- the stream


@dataclass(frozen=True, slots=True)
class Answer:
    """How one short answer came.

    Attributes
    ----------
    pieces : Pieces
    failure : StreamError or None
    whole : bool
        It came as one reply, and not as a stream.
    thought : bool
        The model thought first, as far as the server says so.
    silence : float
        Seconds without a byte before the end.
    ended : bool
        The server says that the answer is complete.
    written_over : float or None
        How many seconds the server wrote, by the times in its events.
    watched : Watched or None
    """

    pieces: Pieces
    failure: StreamError | None = None
    whole: bool = False
    thought: bool = False
    silence: float = 0.0
    ended: bool = False
    written_over: float | None = None
    watched: Watched | None = None


async def ask(client: WatchedClient, **fields: object) -> Answer:
    """Ask for a short answer, and watch it come.

    Some models refuse every limit of an answer. They are asked without one, and left after as many pieces.

    Raises
    ------
    ConfigurationError
        If the request cannot be sent: no model is chosen, or the budget is spent.
    """
    answer = await _ask(client, {**client.dialect.limit_tokens(TOKENS), **fields})
    if answer.failure is not None and _is_about_limit(answer.failure):
        answer = await _ask(client, fields)
    return answer


def _is_about_limit(failure: StreamError) -> bool:
    return failure.error.status in (400, 422) and _LIMIT.search(failure.error.message) is not None


async def _ask(client: WatchedClient, fields: Mapping[str, Any]) -> Answer:
    stream = client.stream(PROMPT, **fields)

    def enough(_: list[StreamEvent]) -> None:
        arrivals = stream.timeline.arrivals
        span = arrivals[-1].at - arrivals[0].at if arrivals else 0
        is_shown = len(arrivals) >= ENOUGH and span >= _SEEN
        if is_shown or (arrivals and arrivals[-1].deltas >= _MOST * TOKENS):
            stream.cancel()

    stream.subscribe(enough)
    failure = None
    try:
        completion = await stream
    except StreamError as exc:
        failure, completion = exc, exc.completion
    finally:
        stream.cancel()
    usage, watched = completion.usage, client.last
    return Answer(
        pieces_of(stream.timeline.arrivals),
        failure,
        any(warning.code == "not_streamed" for warning in completion.warnings),
        bool(completion.reasoning or (usage and usage.reasoning_tokens)),
        time.monotonic() - watched.heard_at if watched is not None else 0.0,
        completion.outcome == "complete",
        written_over(bytes(watched.body)) if watched is not None else None,
        watched,
    )


async def check_stream(client: WatchedClient, way: Way | None, **fields: object) -> Finding:
    """Ask for a short answer, and say how it came. If it seems held back, ask once more: this machine may be busy."""
    try:
        answer = await ask(client, **fields)
        if answer.failure is None and answer.pieces.held_back:
            answer = await ask(client, **fields)
    except ConfigurationError as exc:
        lacks_model = client.model is None and client.needs_model
        advice = "Choose a model: -m NAME." if lacks_model else ""
        return Finding("stream", "failed", str(exc), advice=advice, fault="not sent")
    return told(answer, _host(client), client, way)


async def check_without_proxy(client: WatchedClient, way: Way, stream: Finding) -> Finding:
    """Ask once more without the proxy, which reads the requests. If the text streams then, the proxy is at fault."""
    answer = await ask(client.without_proxy())
    figures, by = _figures(answer.pieces), way.reads_along
    if answer.failure is not None:
        what = f"Without {by}, {sentence(answer.failure.error.message, 160)}"
        return Finding("proxy", "unknown", what, figures)
    host = urlsplit(way.url).hostname
    if stream.state != "slow":
        what = f"{stream.sentence} Without {by}, an answer comes. So the proxy is the cause."
        return Finding(
            "proxy", "failed", what, figures, f"Add {host} to NO_PROXY, or ask whoever runs the proxy.", "proxy"
        )
    if answer.pieces.count < ENOUGH or _held_back(answer):
        return Finding("proxy", "ok", f"Without {by}, the text is held back too.", figures)
    what = f"Without {by}, the text streams. So the proxy holds it back."
    return Finding("proxy", "slow", what, figures, f"Add {host} to NO_PROXY, or use https. {_UNBUFFER}", "held back")


def told(answer: Answer, host: str, client: WatchedClient, way: Way | None) -> Finding:
    """Return the finding for an answer."""
    figures, pieces = {**_figures(answer.pieces), **headers_of(answer.watched)}, answer.pieces
    who = suspects(host, answer.watched, way)
    if answer.failure is not None:
        fault, what, advice = _broken(answer, answer.failure, host, client, way)
        return Finding("stream", "unknown" if fault == SILENT else "failed", what, figures, advice, fault)
    if held := _held_back(answer):
        fault, what = held
        return Finding(
            "stream", "slow", f"{what} The text is held back.", figures, _REMEDIES[fault].format(who=who), fault
        )
    if pieces.count == 0 and answer.ended and not answer.thought:
        what = f"{host} ended the answer, and sent no text at all."
        advice = f"Try another model: -m NAME. Or a filter on the way takes the text out: ask whoever runs {who}."
        return Finding("stream", "failed", what, figures, advice, "empty")
    if pieces.count < ENOUGH:
        why = " The model thought instead." if answer.thought else ""
        what = f"{host} answers. It sent {counted(pieces.count, 'piece')}, and so few do not show how they come.{why}"
        return Finding("stream", "unknown", what, figures)
    thought = " The model thought first." if answer.thought and (pieces.first or 0) > 1 else ""
    moments = counted(pieces.reads, "moment")
    what = f"{host} streams: {pieces.count} pieces came in {moments}, over {seconds(pieces.span)}.{thought}"
    return Finding("stream", "ok", what, figures)


def _held_back(answer: Answer) -> tuple[str, str] | None:
    """Return the fault and a sentence, if the text was held back."""
    pieces, watched = answer.pieces, answer.watched
    coding = (watched.header("content-encoding") if watched is not None else "") or "identity"
    if answer.whole:
        return "whole", f"The whole answer came as one reply, after {seconds(pieces.first or 0)}."
    over = answer.written_over
    if over is not None and over < pieces.span + 1 and pieces.bursts < 2:
        return None  # the server wrote the pieces as quickly as they came
    at_once = pieces.held_back and pieces.bursts == 1 and pieces.joined == pieces.count
    if not pieces.held_back or (at_once and answer.thought):
        return None  # a model may write the rest at once, after its thoughts
    written = f" The server wrote them over {seconds(over)}." if over is not None else ""
    if at_once and watched is not None and len(_UNENDED.findall(watched.body)) >= ENOUGH:
        what = f"All {pieces.count} pieces became one event: the server leaves out the empty line that ends an event."
        return "framing", what
    if at_once:
        what = f"All {pieces.count} pieces came at once, after {seconds(pieces.first or 0)}.{written}"
    else:
        what = f"{pieces.joined} of {pieces.count} pieces came in {counted(pieces.bursts, 'burst')}.{written}"
    if coding != "identity":
        return "compressed", f"{what} They were compressed ({coding}), although nobody asked for it."
    return "held back", what


def _broken(answer: Answer, failure: StreamError, host: str, client: WatchedClient, way: Way | None) -> Refused:
    """Return what a failed answer means."""
    said, who = sentence(failure.error.message), suspects(host, answer.watched, way)
    if by := answered_by_proxy(way, answer.watched):
        return Refused("proxy", f"{by}, answered in place of {host}: {said}", "Ask whoever runs it.")
    is_cut, count = failure.outcome == "interrupted", answer.pieces.count
    if isinstance(failure, StreamTimeout) and failure.error.kind != "connect":
        longer = "Or give it more time: --timeout SECONDS in `%%chat`."
        if count:
            what = f"{said} That was in the middle of the answer, after {counted(count, 'piece')}."
            return Refused("stalled", what, f"The cause is {who}. {longer}")
        what = f"{said} A model that loads, or thinks for long, looks the same, so nobody is accused."
        again = "Ask again in a minute: a loaded model answers soon."
        return Refused(SILENT, what, f"{again} If not, look at the server's log, or ask whoever runs {who}. {longer}")
    if is_cut and answer.silence >= _SILENT:
        after = f"after {seconds(answer.silence)} without a byte"
        what = f"The connection was closed {after}, in the middle of the answer."
        return Refused("read timeout", what, f"The cause is a read timeout of {who}. {PATIENCE}")
    if is_cut:
        in_order = f" {_NO_END}" if "(" not in said else ""  # the connection's own error stands there
        return Refused("cut", said, f"The cause is {who}.{in_order}")
    if failure.outcome == "error":
        what = f"{host} reports an error in place of the {'rest of the ' * bool(count)}answer: {said}"
        return refused(client, host, failure, way)._replace(sentence=what)
    return refused(client, host, failure, way)


# ---- figures


def _shown(url: str | None) -> str:
    """Return an address for the person, without its query."""
    return (url or "").partition("?")[0]


def _host(client: ChatClient) -> str:
    return host_of(client.base_url) if client.base_url is not None else f"the {client._settings.place}"


def _figures(pieces: Pieces) -> dict[str, str]:
    if pieces.first is None:
        return {}
    return {
        "first text": seconds(pieces.first),
        "pieces": f"{pieces.count} in {counted(pieces.reads, 'moment')}",
        "over": seconds(pieces.span),
        "longest silence": seconds(pieces.longest),
        "joined": f"{pieces.joined} in {counted(pieces.bursts, 'burst')}" if pieces.bursts else "0",
    }
