"""The judge finds the hop at fault. Pure: it has only the findings.

Rules
-----
- The hops stand in the order of a request. The first failure is the cause, because the later hops were
  not reached.
- If the answer came all the same, nothing before it has failed. Example: a server streams and lists no models.
- A model that has sent nothing yet accuses nobody, if its server answers else: it may be loading.
- A model that is not listed is the cause of a refusal, and not of an answer that was cut.
- A blocked event loop comes before a slow stream, because it holds every stream back. So does a demo server on this
  machine with the same fault.
- A machine with too much to do accuses nobody: its own demo server comes late too.
- A proxy is accused of a slow stream only if the text streams without it.
- The way to the page comes last: a slow page cannot make the server slow.
- An unknown hop is not accused, and a walk without an answer finds nobody healthy: it was interrupted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from streamwidget.doctor._finding import SILENT, Finding, Hop
from streamwidget.doctor._process import BUSY

#: Before the first byte of an answer.
_ON_THE_WAY: tuple[Hop, ...] = ("settings", "environment", "DNS", "TCP", "proxy", "TLS", "models")
_AT_HOME: tuple[Hop, ...] = ("kernel", "Python")
_TO_THE_PAGE: tuple[Hop, ...] = ("comm", "page")
#: How servers refuse a model that they do not have. A name that is not listed is not the cause of anything else.
_BY_A_NAME = ("model", "access", "400", "403", "404", "422", "500")


@dataclass(frozen=True, slots=True)
class Verdict:
    """The doctor's conclusion.

    Attributes
    ----------
    hop : str or None
        The hop at fault. None: nobody is accused.
    sentence : str
    advice : str
        The next thing to do. Empty: nothing.
    """

    hop: Hop | None
    sentence: str
    advice: str = ""


_TOO_BUSY = Verdict(None, "This machine is too busy to tell how the text comes.", "Try again when it is idle.")


def judge(findings: Iterable[Finding]) -> Verdict:
    """Name the hop at fault.

    Examples
    --------
    >>> refused = Finding("TCP", "failed", "No connection to localhost:9.", advice="Is the server running there?")
    >>> judge([Finding("DNS", "ok", "localhost is 127.0.0.1."), refused]).hop
    'TCP'
    >>> judge([Finding("models", "failed", "404"), Finding("stream", "ok", "It streams.")]).hop is None
    True
    """
    seen = {finding.hop: finding for finding in findings}
    if (guilty := _guilty(seen)) is not None:
        return guilty
    if "stream" in seen and seen["stream"].fault == SILENT:
        return Verdict(None, seen["stream"].sentence, seen["stream"].advice)
    unknown = [hop for hop, finding in seen.items() if finding.state == "unknown"]
    rest = f" Not checked: {', '.join(unknown)}." if unknown else ""
    if "stream" not in seen:
        return Verdict(None, f"So far nothing fails, and no answer was seen.{rest}")
    if unknown:
        return Verdict(None, f"Nothing of what was checked fails or holds text back.{rest}")
    return Verdict(None, "Nothing on the way fails or holds text back.")


def _guilty(seen: dict[Hop, Finding]) -> Verdict | None:
    stream = seen.get("stream")
    if stream is None or stream.state == "failed":
        return _what_failed(seen)
    if stream.fault == SILENT and (mute := _mute(seen)) is not None:
        return mute
    if (at_home := _first(seen, _AT_HOME, ("slow", "failed"))) is not None:
        return at_home
    if stream.fault == SILENT:
        return None
    is_busy = any(hop in seen and seen[hop].fault == BUSY for hop in _AT_HOME)
    if stream.state != "slow":
        no_page = _first(seen, _TO_THE_PAGE, ("failed",))
        late = _first(seen, _TO_THE_PAGE, ("slow",))
        return no_page or (_TOO_BUSY if late is not None and is_busy else late)
    demo = seen.get("demo")
    if demo is not None and demo.state == "slow":
        if is_busy:
            return _TOO_BUSY
        sentence = "The demo server on this machine is held back too. So the network is not the cause."
        return Verdict("demo", sentence, "Something on this machine is in the way: is it very busy?")
    return _first(seen, ("proxy",), ("slow",)) or _accused(stream)


def _mute(seen: dict[Hop, Finding]) -> Verdict | None:
    """Return the cause of a silence that is not a model's: the whole server is silent, or a proxy is in the way."""
    models = seen.get("models")
    if models is not None and models.fault == SILENT:
        return _accused(models)
    return _first(seen, ("proxy",), ("failed",))


def _what_failed(seen: dict[Hop, Finding]) -> Verdict | None:
    """Return the cause if no answer came."""
    stream, models = seen.get("stream"), seen.get("models")
    if stream is None:
        return _first(seen, _ON_THE_WAY, ("failed",))
    if models is not None and models.fault not in ("path", stream.fault):
        seen = {hop: finding for hop, finding in seen.items() if hop != "models"}  # a server may have no list
    if stream.fault == "proxy":
        return Verdict("proxy", stream.sentence, stream.advice)
    if stream.fault == "not sent":
        names = f" {models.sentence}" if models is not None and models.state == "ok" else ""
        return Verdict("settings", f"{stream.sentence}{names}", stream.advice)
    if models is not None and models.fault == "not listed" and stream.fault in _BY_A_NAME:
        return _accused(models)
    if stream.fault == "model":
        meant = models.advice if models is not None and models.state == "ok" else ""
        return Verdict("models", stream.sentence, meant or stream.advice)
    return _first(seen, _ON_THE_WAY, ("failed",)) or _accused(stream)


def _first(seen: dict[Hop, Finding], hops: Sequence[Hop], states: Sequence[str]) -> Verdict | None:
    return next((_accused(seen[hop]) for hop in hops if hop in seen and seen[hop].state in states), None)


def _accused(finding: Finding) -> Verdict:
    return Verdict(finding.hop, finding.sentence, finding.advice)
