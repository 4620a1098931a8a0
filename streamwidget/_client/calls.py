"""Each request to a model, from its beginning to its end, for the budget, the log and the traces.

Rules
-----
- One line of the logger ``streamwidget`` for each request, level INFO: the model, the host, the outcome, the tokens and
  the seconds. It has no handler, so nothing is printed unless your program asks for it.
- One span of OpenTelemetry, if your program traces (:mod:`streamwidget._client.spans`).
- No key is in either, and no text of a prompt or an answer unless you opt in by OpenTelemetry's own variable.
- A list of models and a replay are not requests to a model.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Context
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streamwidget._client.prices import cost_of
from streamwidget._client.spans import span_of
from streamwidget._client.spending import SPENDING
from streamwidget._client.token_ratio import CHARACTERS_PER_TOKEN, RATIOS
from streamwidget._client.urls import host_of
from streamwidget._core.accumulator import Accumulator
from streamwidget._core.completion import ErrorInfo
from streamwidget._core.cost import NOTHING, Cost
from streamwidget._core.events import Outcome, Usage
from streamwidget._core.exceptions import ConfigurationError, StreamError
from streamwidget._core.visible import one_line

if TYPE_CHECKING:
    from streamwidget._client.request import Request

LOG = logging.getLogger("streamwidget")


@dataclass(slots=True)
class Call:
    """One request to a model, and how it ended.

    Attributes
    ----------
    request : Request
    accumulator : Accumulator
        The answer so far.
    outcome : Outcome
        ``cancelled`` until it ends in another way.
    error : ErrorInfo or None
        The failure.
    cost : Cost
        Known at the end.
    context : Context or None
        Of the sending task. None: the caller's.
    """

    request: Request
    accumulator: Accumulator
    outcome: Outcome = "cancelled"
    error: ErrorInfo | None = None
    cost: Cost = NOTHING
    context: Context | None = None

    @property
    def host(self) -> str:
        return host_of(self.request.transport.base_url)

    @property
    def usage(self) -> Usage | None:
        """The provider's counts for this request alone."""
        return self.accumulator.step_usage

    @property
    def model(self) -> str | None:
        """The model of the answer, or else of the request."""
        return self.accumulator.model or self.request.question.model


@contextmanager
def watched(request: Request, accumulator: Accumulator) -> Iterator[Call]:
    """Watch one request. The block sends it, and sets ``outcome``.

    Raises
    ------
    StreamError
        Before it is sent, if the budget is used up.
    """
    call = Call(request, accumulator)
    if not request.question.messages:
        yield call
        return
    refuse_if_spent(request)
    begun = time.monotonic()
    with span_of(call) as call.context:
        try:
            yield call
        except StreamError as exc:
            call.outcome, call.error = exc.outcome, exc.error
            raise
        finally:
            _count(call)
            _log(call, time.monotonic() - begun)


def refuse_if_spent(request: Request) -> None:
    """Raise ConfigurationError if the budget of the session ends this request."""
    transport = request.transport
    refusal = SPENDING.refusal(transport.base_url, request.question.model, is_ours=bool(request.own_server))
    if refusal is not None:
        raise ConfigurationError(refusal)


def _count(call: Call) -> None:
    usage, question = call.usage, call.request.question
    # A refused request has cost nothing. The cost of a cut one is unknown.
    if usage is not None or call.outcome != "http_error" or call.accumulator.has_begun:
        call.cost = cost_of(usage, call.request.transport.base_url, call.accumulator.model, question.model)
    RATIOS.learn(call.host, question, usage.prompt_tokens if usage else None)
    SPENDING.add(call.cost, _tokens(call))


def _tokens(call: Call) -> int:
    """Return the tokens of a request as the provider has counted them, or an estimate."""
    usage = call.usage
    if usage is not None:
        return usage.total_tokens or (usage.prompt_tokens or 0) + (usage.completion_tokens or 0)
    if not call.accumulator.has_begun:
        return 0
    return RATIOS.estimate(call.host, call.request.question).tokens + call.accumulator.size // CHARACTERS_PER_TOKEN


def _log(call: Call, seconds: float) -> None:
    if not LOG.isEnabledFor(logging.INFO):
        return
    usage = call.usage or Usage()
    prompt, answer = ("?" if n is None else n for n in (usage.prompt_tokens, usage.completion_tokens))
    LOG.info(
        "%s at %s: %s, %s prompt tokens, %s answer tokens, cost %s, %.2f s",
        one_line(call.model or "default model", 100),
        call.host,
        call.outcome,
        prompt,
        answer,
        call.cost,
        seconds,
    )
