"""The server itself: its models, and a short answer, timed. Both go the way of every request of the person."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from streamwidget._client.client import ChatClient
from streamwidget._client.refusal import refusal_of
from streamwidget._client.retry import RetryPolicy
from streamwidget._client.urls import host_of
from streamwidget._core.completion import ErrorInfo
from streamwidget._core.events import StreamEvent
from streamwidget._core.exceptions import ConfigurationError, StreamError, StreamTimeout
from streamwidget._core.timeout import Timeout
from streamwidget._core.visible import one_line
from streamwidget.doctor._finding import Finding, seconds
from streamwidget.doctor._network import Way
from streamwidget.doctor._pieces import ENOUGH, Pieces, pieces_of, written_over
from streamwidget.doctor._watched import Watched, WatchedClient

#: So many tokens are asked for. A person may pay for them.
TOKENS = 64
#: Any model answers this at once, with many small pieces.
PROMPT = "Count from 1 to 100, one number in each line. Write nothing else."
_SEEN = 12.0  # seconds of text. Then a slow model has shown how its pieces come
_SILENT = 4.0  # seconds. A proxy's timeout, rather than a broken connection
_NAMES = 12  # models in a sentence
#: Headers about servers and proxies, and about their treatment of the body.
_TELLING = (
    "server", "via", "x-powered-by", "x-served-by", "x-cache", "x-accel-buffering", "cf-ray", "x-amz-cf-id",
    "x-azure-ref", "x-squid-error", "proxy-agent", "content-encoding", "transfer-encoding", "content-type",
)  # fmt: skip
_WHO = ("server", "via", "x-served-by", "proxy-agent")
_PROXIES = ("tinyproxy", "squid", "privoxy", "bluecoat", "zscaler", "forcepoint", "mitmproxy")
_UNBUFFER = (
    "Whoever runs it must let streams through: in nginx `proxy_buffering off` (or the server sends the header "
    "`X-Accel-Buffering: no`), and no gzip for text/event-stream."
)
_PATIENCE = "Raise its read timeout: in nginx `proxy_read_timeout`, in haproxy `timeout server`."


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
    took = {"time": seconds(time.monotonic() - begun), **_headers(client.last)}
    host = _host(client)
    if failure is not None:
        return await _not_listed(client, way, failure, took), failure
    took["models"] = f"{len(names)}"
    if not names:
        return Finding("models", "unknown", f"{host} answers, and lists no models.", took), None
    if client.model is not None and not _is_among(client.model, names):
        offered = f"It lists {_some(names)}."
        sentence = f"{host} answers, and does not list the model {one_line(client.model, 80)}. {offered}"
        return Finding("models", "ok", sentence, took, "Choose a model that it lists: -m NAME.", "not listed"), None
    return Finding("models", "ok", f"{host} answers. It lists {_some(names)}.", took), None


def _is_among(model: str, names: Sequence[str]) -> bool:
    """Return True if a model is listed, perhaps with a tag: ``llama3.2`` is ``llama3.2:latest``."""
    return any(name in (model, f"{model}:latest") or name.endswith(f"/{model}") for name in names)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
    return ", ".join(one_line(name, 60) for name in names[:_NAMES]) + more


async def _not_listed(client: WatchedClient, way: Way | None, failure: StreamError, took: Mapping[str, str]) -> Finding:
    error, host, last = failure.error, _host(client), client.last
    if way is not None and last is not None and (by := _answered_by_proxy(way, last)):
        sentence = f"{by} answered in place of {host}: {one_line(error.message, 200)}"
        return Finding("proxy", "failed", sentence, took, "Ask whoever runs it, or add the host to NO_PROXY.", "proxy")
    lost = error.status in (404, 405) or (error.kind is None and error.status == 200)
    if lost and (better := await _with_version(client)):
        advice = f"Set the address to {better}."
        return Finding(
            "models", "failed", f"There is no API at {client.base_url}. It is at {better}.", took, advice, "path"
        )
    fault, sentence, advice = _refused(client, failure)
    return Finding("models", "failed", sentence, took, advice, fault)


async def _with_version(client: WatchedClient) -> str:
    """Return the address with ``/v1`` at its end, if the API is there. Else an empty text."""
    url = client.base_url
    if url is None or "?" in url or "v1" in urlsplit(url).path.split("/"):
        return ""
    other = WatchedClient(client)
    other._settings = replace(client._settings, base_url=f"{url}/v1")
    _, failure = await list_models(other)
    return "" if failure is not None and failure.error.status not in (401, 403) else f"{url}/v1"


def _answered_by_proxy(way: Way, watched: Watched) -> str:
    """Return the proxy in words, if it answered itself."""
    if not way.reads_along or watched.status is None or watched.status < 400:
        return ""
    said = " ".join([*(watched.header(name) for name in _WHO), watched.body[:4000].decode("latin-1")]).lower()
    return way.reads_along if watched.header("x-squid-error") or any(name in said for name in _PROXIES) else ""


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
    written_over : float or None
        How many seconds the server wrote, by the times in its events.
    watched : Watched or None
    """

    pieces: Pieces
    failure: StreamError | None = None
    whole: bool = False
    thought: bool = False
    silence: float = 0.0
    written_over: float | None = None
    watched: Watched | None = None


async def ask(client: WatchedClient, **fields: object) -> Answer:
    """Ask for a short answer, and watch it come.

    Raises
    ------
    ConfigurationError
        If the request cannot be sent: no model is chosen, or the budget is spent.
    """
    stream = client.stream(PROMPT, **{**client.dialect.limit_tokens(TOKENS), **fields})

    def enough(_: list[StreamEvent]) -> None:
        arrivals = stream.timeline.arrivals
        if len(arrivals) >= ENOUGH and arrivals[-1].at - arrivals[0].at >= _SEEN:
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


async def check_without_proxy(client: WatchedClient, way: Way) -> Finding:
    """Ask once more without the proxy, which reads the requests. If the text streams then, the proxy holds it back."""
    answer = await ask(client.without_proxy())
    figures = _figures(answer.pieces)
    if answer.failure is not None:
        return Finding("proxy", "unknown", f"Without {way.reads_along}, the server cannot be reached.", figures)
    if answer.pieces.count < ENOUGH or _held_back(answer):
        return Finding("proxy", "ok", f"Without {way.reads_along}, the text is held back too.", figures)
    sentence = f"Without {way.reads_along}, the text streams. So the proxy holds it back."
    host = urlsplit(way.url).hostname
    advice = f"Add {host} to NO_PROXY, or use https. {_UNBUFFER}"
    return Finding("proxy", "slow", sentence, figures, advice, "held back")


def told(answer: Answer, host: str, client: WatchedClient, way: Way | None) -> Finding:
    """Return the finding for an answer."""
    figures = {**_figures(answer.pieces), **_headers(answer.watched)}
    if answer.failure is not None:
        return _broken(answer, host, client, way, figures)
    if held := _held_back(answer):
        fault, what = held
        advice = f"The cause is {_suspects(answer, host, way)}. {_UNBUFFER}"
        return Finding("stream", "slow", f"{what} The text is held back.", figures, advice, fault)
    pieces = answer.pieces
    if pieces.count < ENOUGH:
        why = " The model thought instead." if answer.thought else ""
        sentence = f"{host} answers. It sent {pieces.count} pieces, and so few do not show how they come.{why}"
        return Finding("stream", "unknown", sentence, figures)
    thought = " The model thought first." if answer.thought and (pieces.first or 0) > 1 else ""
    sentence = (
        f"{host} streams: {pieces.count} pieces came in {pieces.reads} moments, over {seconds(pieces.span)}.{thought}"
    )
    return Finding("stream", "ok", sentence, figures)


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
    if at_once:
        what = f"All {pieces.count} pieces came at once, after {seconds(pieces.first or 0)}.{written}"
    else:
        what = f"{pieces.joined} of {pieces.count} pieces came in {pieces.bursts} bursts.{written}"
    if coding != "identity":
        return "compressed", f"{what} They were compressed ({coding}), although nobody asked for it."
    return "held back", what


def _broken(answer: Answer, host: str, client: WatchedClient, way: Way | None, figures: Mapping[str, str]) -> Finding:
    failure, watched = answer.failure, answer.watched
    assert failure is not None
    if way is not None and watched is not None and (by := _answered_by_proxy(way, watched)):
        sentence = f"{by} answered in place of {host}: {one_line(failure.error.message, 200)}"
        return Finding("stream", "failed", sentence, figures, "Ask whoever runs it.", "proxy")
    if isinstance(failure, StreamTimeout) and failure.error.kind != "connect":
        said = one_line(failure.error.message, 200).rstrip(".")
        sentence = f"{said}. A model that loads, or thinks for long, looks the same."
        advice = f"Ask {_suspects(answer, host, way)}. Or give it more time: --timeout SECONDS in `%%chat`."
        return Finding("stream", "failed", sentence, figures, advice, "silent")
    is_cut = failure.outcome == "interrupted"
    if is_cut and answer.silence >= _SILENT:
        sentence = (
            f"The connection was closed after {seconds(answer.silence)} without a byte, in the middle of the answer."
        )
        advice = f"The cause is a read timeout of {_suspects(answer, host, way)}. {_PATIENCE}"
        return Finding("stream", "failed", sentence, figures, advice, "read timeout")
    if failure.error.status == 504 or (
        failure.error.status in (502, 503) and watched is not None and _is_page(watched)
    ):
        sentence = f"A proxy in front of {host} gave up waiting for it: HTTP {failure.error.status}."
        advice = f"Ask whoever runs {_suspects(answer, host, way)}. {_PATIENCE}"
        return Finding("stream", "failed", sentence, figures, advice, "gateway")
    if is_cut:
        advice = f"The cause is {_suspects(answer, host, way)}."
        return Finding("stream", "failed", one_line(failure.error.message, 300), figures, advice, "cut")
    fault, sentence, advice = _refused(client, failure)
    return Finding("stream", "failed", sentence, figures, advice, fault)


def _is_page(watched: Watched) -> bool:
    return "html" in watched.header("content-type")


def _suspects(answer: Answer, host: str, way: Way | None) -> str:
    """Return the possible causes, in words. Headers name some of them."""
    named = list(_who(answer.watched)) if answer.watched is not None else []
    front = f"a proxy in front of it ({', '.join(named)})" if named else "a proxy in front of it"
    reads_along = way.reads_along if way is not None else ""
    return f"{host}, {front}, or {reads_along}" if reads_along else f"{host} or {front}"


def _who(watched: Watched) -> Iterator[str]:
    """Yield the servers and proxies named in a response's headers: ``nginx/1.22.1``, ``Cloudflare``."""
    if watched.header("cf-ray"):
        yield "Cloudflare"
    if watched.header("x-amz-cf-id"):
        yield "CloudFront"
    for name in _WHO:
        if (value := watched.header(name)) and value.lower() != "cloudflare":
            yield value


# ---- the words of a refusal


def _refused(client: WatchedClient, failure: StreamError) -> tuple[str, str, str]:
    """Return the fault, the sentence and the advice for a refused request."""
    error, host = failure.error, _host(client)
    said = one_line(error.message, 300)
    named = f"HTTP {error.status}" if error.status not in (None, 200) else ""
    sentence = f"{host} refused the request ({named}): {said}" if named and failure.outcome == "http_error" else said
    if refusal_of(error) == "model":
        return "model", sentence, "Choose a model that the server has: -m NAME."
    if error.status in (401, 403) or "api key" in said.lower():
        return f"{error.status or 'key'}", sentence, _about_key(client)
    if error.status == 404:
        return "404", sentence, "Check the model (-m NAME), and the end of the address. It is often /v1."
    if isinstance(failure, StreamTimeout):
        return "silent", sentence, "The server takes connections, and does not answer. Is it busy, or loading a model?"
    return _fault_of(failure, error), sentence, ""


def _fault_of(failure: StreamError, error: ErrorInfo) -> str:
    return f"{error.status}" if error.status not in (None, 200) else error.kind or failure.outcome


def _about_key(client: WatchedClient) -> str:
    settings, host = client._settings, _host(client)
    if settings.api_key is not None:
        return f"Check the key in {settings.sources.get('key', 'the settings')}. It must belong to {host}."
    if settings.key_variable:
        return f"No key was sent. Set {settings.key_variable}."
    return 'No key was sent. Name the variable that holds it: `%config ChatMagics.api_key_env = "NAME"`.'


# ---- figures


def _host(client: ChatClient) -> str:
    return host_of(client.base_url) if client.base_url is not None else f"the {client._settings.place}"


def _figures(pieces: Pieces) -> dict[str, str]:
    if pieces.first is None:
        return {}
    return {
        "first text": seconds(pieces.first),
        "pieces": f"{pieces.count} in {pieces.reads} moments",
        "over": seconds(pieces.span),
        "longest silence": seconds(pieces.longest),
        "joined": f"{pieces.joined} in {pieces.bursts} bursts" if pieces.bursts else "0",
    }


def _headers(watched: Watched | None) -> dict[str, str]:
    """Return the telling headers."""
    if watched is None:
        return {}
    shown = [f"{name}: {value}" for name in _TELLING if (value := watched.header(name))]
    return {"headers": "; ".join(shown)} if shown else {}
