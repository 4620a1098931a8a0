"""The cost of answers, the budget, the estimate before sending, the log and the traces."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import streamwidget as sw
from streamwidget._client import calls, config, prices
from streamwidget._client.prices import cost_of, has_price
from streamwidget._client.spending import SPENDING, Budget, Spent
from streamwidget._client.token_ratio import TokenRatios
from streamwidget._core.cost import NOTHING, UNKNOWN, total
from streamwidget._core.events import Usage
from streamwidget._core.exceptions import ConfigurationError

OPENAI = "https://api.openai.com/v1"
KEY = "sk-1234567890abcdefghij"
USED = {
    "prompt_tokens": 1000,
    "completion_tokens": 500,
    "total_tokens": 1500,
    "prompt_tokens_details": {"cached_tokens": 200},
    "completion_tokens_details": {"reasoning_tokens": 64},
}


@pytest.fixture(autouse=True)
def spending() -> Iterator[None]:
    """Let each test begin with nothing spent, and without a budget."""
    before, SPENDING._spent, SPENDING.budget = SPENDING._spent, Spent(NOTHING, 0), None
    yield
    SPENDING._spent = before
    config.set_defaults(config.Defaults())


def client(*bodies: bytes | int, url: str = OPENAI, model: str = "gpt-5-mini") -> sw.ChatClient:
    """Return a client whose requests get these bodies, or these errors, one after the other."""
    left = iter(bodies)

    def answer(_: httpx.Request) -> httpx.Response:
        body = next(left)
        return httpx.Response(body) if isinstance(body, int) else httpx.Response(200, stream=httpx.ByteStream(body))

    http = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    once = sw.RetryPolicy(attempts=2, wait_initial=0.0)
    return sw.ChatClient(url, KEY, model, http_client=http, retry=once)


def body(text: str = "Elbe", usage: dict[str, Any] | None = USED, finish: str | None = "stop", **call: Any) -> bytes:
    """Return the events of an answer."""
    delta = {"content": text, **({"tool_calls": [{"index": 0, "id": "c1", "function": call}]} if call else {})}
    chunks = [
        {"id": "chat-7", "model": "gpt-5-mini-2025-08-07", "choices": [{"index": 0, "delta": delta}]},
        *([{"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]}] if finish else []),
        *([{"choices": [], "usage": usage}] if usage else []),
    ]
    return "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks).encode() + b"data: [DONE]\n\n" * bool(finish)


# ---- the client of an SDK


def sdk(url: str) -> Any:
    """Return a client with the shape of openai's. It answers like ours."""
    lines = body().decode().split("\n\n")
    chunks = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: {")]
    completions = SimpleNamespace(create=lambda **_: iter(chunks))
    return SimpleNamespace(base_url=httpx.URL(url), chat=SimpleNamespace(completions=completions))


@pytest.mark.parametrize(("url", "known"), [("https://api.openai.com/v1/", True), ("https://llm.example.org/", False)])
def test_the_answer_of_an_sdk_has_the_price_of_its_server(url: str, *, known: bool) -> None:
    """The budget counts it, and refuses the next one."""
    cost = sw.Conversation().ask("Name a river.", sdk(url), model="gpt-5-mini").wait().cost
    assert cost == (cost_of(Usage(1000, 500, 1500, 200, 64), OPENAI, "gpt-5-mini") if known else UNKNOWN)
    assert (cost.amount is not None) is known
    assert SPENDING.spent.tokens == 1500
    SPENDING.budget = Budget.of("1000 tokens")
    with pytest.raises(ConfigurationError, match="used up"):
        sw.Conversation().ask("Name a lake.", sdk(url), model="gpt-5-mini")


# ---- prices


@pytest.mark.parametrize(
    ("usage", "url", "model", "said"),
    [
        (Usage(1000, 500, cached_tokens=200), OPENAI, "gpt-5-mini-2025-08-07", "≈ $0.0012"),
        (Usage(1000, 500), OPENAI, "gpt-5-mini", "≈ $0.0013"),  # without a cache it is more
        (Usage(1000, 0, cache_write_tokens=1000), "https://api.anthropic.com/v1", "claude-sonnet-4-5", "≈ $0.0037"),
        (Usage(1000, 0), "https://api.anthropic.com/v1", "claude-sonnet-4-5", "≈ $0.0030"),
        (Usage(1000, 500, cost=0.0), "https://openrouter.ai/api/v1", "a/free-model", "$0"),
        (Usage(1000, 500), "https://llm.example.org/v1", "gpt-5-mini", "unknown"),  # a gateway has prices of its own
        (Usage(1000, 500), "http://localhost:11434/v1", "gpt-5-mini", "unknown"),
        (Usage(1000, 500), OPENAI, "no-such-model", "unknown"),
        (Usage(1000, None), OPENAI, "gpt-5-mini", "unknown"),
        (Usage(10, 10, cached_tokens=500), OPENAI, "gpt-5-mini", "unknown"),  # a server's nonsense
        (None, OPENAI, "gpt-5-mini", "unknown"),
    ],
)
def test_a_price_belongs_to_a_server_and_a_model(usage: Usage | None, url: str, model: str, said: str) -> None:
    """Cached tokens have prices of their own. An unknown cost is unknown, and never 0."""
    assert str(cost_of(usage, url, None, model)) == said


def test_without_the_tables_the_cost_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is optional. A cost named by the provider is known without it."""
    monkeypatch.setattr(prices, "are_installed", lambda: False)
    assert cost_of(Usage(1000, 500), OPENAI, "gpt-5-mini") == UNKNOWN
    assert str(cost_of(Usage(1000, 500, cost=0.02), OPENAI, "gpt-5-mini")) == "$0.020"
    assert not has_price(OPENAI, "gpt-5-mini")
    assert has_price("https://openrouter.ai/api/v1", "any")  # it says so itself


@pytest.mark.parametrize(
    ("costs", "said"),
    [
        ([], "$0"),
        ([sw.Cost(0.5, charged=True), sw.Cost(0.25, charged=True)], "$0.75"),
        ([sw.Cost(0.5, charged=True), sw.Cost(0.25)], "≈ $0.75"),
        ([sw.Cost(0.5), UNKNOWN], "at least $0.50"),
        ([UNKNOWN, sw.Cost(0.5), sw.Cost(0.25, at_least=True)], "at least $0.75"),
        ([UNKNOWN, UNKNOWN], "unknown"),
    ],
)
def test_a_sum_says_what_it_does_not_know(costs: list[sw.Cost], said: str) -> None:
    """One unknown part makes "at least" of the whole."""
    assert str(total(costs)) == said


async def test_an_answer_has_its_cost_and_says_so() -> None:
    """In the completion, in the line under it, in the conversation and in its file. Cached and reasoning tokens too."""
    conversation = sw.Conversation()
    asked = client(body(), body(usage=None))
    answer = await conversation.ask("Name a river.", asked)
    assert answer.cost == sw.Cost(pytest.approx(0.001205))
    line = "500 tokens · 64 of them reasoning · 200 of 1,000 prompt tokens cached · ≈ $0.0012"
    assert line in answer._repr_mimebundle_()["text/plain"]
    assert sw.Conversation.from_json(conversation.to_json()).cost == conversation.cost == answer.cost
    await conversation.ask("And another?", asked)
    assert str(conversation.cost) == "at least $0.0012"


async def test_each_request_of_an_answer_costs() -> None:
    """The steps with tools are added up. A cut answer's cost is unknown. A refused request costs nothing, unsaid."""

    @sw.tool(safe=True)
    def look(river: str) -> str:
        """Look it up."""
        return f"{river}: 1094 km"

    called = body("", finish="tool_calls", name="look", arguments='{"river": "Elbe"}')
    answer = await client(called, 503, body()).stream("How long?", tools=[look])
    assert (answer.cost.amount, answer.cost.is_known) == (pytest.approx(2 * 0.001205), True)
    cut = client(body(usage=None, finish=None)).stream("How long?")
    with pytest.raises(sw.StreamInterrupted):
        await cut
    assert cut.completion.cost == UNKNOWN
    with pytest.raises(sw.HTTPStatusError):
        await (refused := client(401).stream("How long?"))
    assert str(refused.completion.cost) == "$0"
    assert "$" not in refused.completion._repr_mimebundle_()["text/plain"]


async def test_the_rest_of_an_answer_costs_as_well() -> None:
    """After Continue the completion has both parts, and their cost."""
    asked = client(body(finish="length"), body())
    first = asked.stream("Tell me.")
    await first
    assert (await first.again(go_on=True)).cost.amount == pytest.approx(2 * 0.001205)
    assert SPENDING.spent.cost.amount == pytest.approx(2 * 0.001205)


# ---- the budget


@pytest.mark.parametrize(
    ("typed", "budget"),
    [
        (2, Budget(2.0, "dollars")),
        (0.5, Budget(0.5, "dollars")),
        ("$1,200.50", Budget(1200.5, "dollars")),
        ("2 USD", Budget(2.0, "dollars")),
        ("500 tokens", Budget(500.0, "tokens")),
        ("1.5", Budget(1.5, "dollars")),
        ("2M tokens", Budget(2e6, "tokens")),
        ("1,5", None),
        ("$12,34", None),
        ("1,5k tokens", None),
        ("200_000 tokens", Budget(2e5, "tokens")),
        ("2 EUR", None),
        ("some tokens", None),
        (-1, None),
        (True, None),
        ("", None),
    ],
)
def test_a_budget_is_dollars_or_tokens(typed: Any, budget: Budget | None) -> None:
    """A number is dollars. Anything else needs its unit."""
    if budget is None:
        with pytest.raises(ConfigurationError, match="200k tokens"):
            Budget.of(typed)
    else:
        assert Budget.of(typed) == budget


@pytest.mark.parametrize(("budget", "spent"), [("$0.001", "≈ \\$0.0012"), ("1000 tokens", "1,500 tokens")])
async def test_a_used_up_budget_refuses_before_sending(budget: str, spent: str) -> None:
    """The question and its retry. The conversation stays as it was."""
    config.set_defaults(config.Defaults(budget=budget))
    asked = client(body(), body())
    first = asked.stream("Name a river.")
    await first
    said = f"budget of {budget.replace('1000', '1,000')} is used up: this session has spent {spent}. Nothing was sent."
    said = said.replace("of $", r"of \$").replace("0.001 ", "0.0010 ")
    conversation = sw.Conversation()
    with pytest.raises(ConfigurationError, match=said):
        conversation.ask("And another?", asked)
    assert len(conversation) == 0
    with pytest.raises(sw.StreamError, match=said):
        await first.again()
    config.set_defaults(config.Defaults(budget="$5"))
    assert (await first.again()).outcome == "complete"


def test_a_budget_of_money_needs_a_price(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without one it could not hold, and the sentence says so. The demo server and a local model cost nothing."""
    config.set_defaults(config.Defaults(budget="$2"))
    with pytest.raises(ConfigurationError, match=r"price of llama3 at localhost:8000 is unknown.*200k tokens"):
        sw.ChatClient("http://localhost:8000/v1", model="llama3").stream("Hello")
    assert sw.ChatClient().stream("Hello", max_tokens=2).wait().outcome == "length"
    config.set_defaults(config.Defaults(budget="1 token"))
    with pytest.raises(ConfigurationError, match="used up"):
        sw.ChatClient().stream("Hello")
    monkeypatch.setattr(prices, "are_installed", lambda: False)
    monkeypatch.setattr("streamwidget._client.spending.are_installed", lambda: False)
    config.set_defaults(config.Defaults(budget="$2"))
    with pytest.raises(ConfigurationError, match=re.escape('pip install "streamwidget[costs]"')):
        client().stream("Hello")


# ---- the estimate


async def test_the_estimate_learns_from_the_servers_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """For each server and model apart. A question with a file teaches nothing, and a file is a thousand tokens."""
    ratios = TokenRatios()
    monkeypatch.setattr(calls, "RATIOS", ratios)
    monkeypatch.setattr("streamwidget._client.client.RATIOS", ratios)
    asked = client(body(usage={"prompt_tokens": 50, "completion_tokens": 1}), body())
    question = "x" * 100
    assert str(asked.estimate_tokens(question)) == "about 25 tokens, by a guess of 4 characters a token"
    await asked.stream(question)
    assert str(asked.estimate_tokens(2 * question)) == "about 100 tokens, by the counts of 1 answer of this model"
    assert asked.estimate_tokens(question, "another").learned_from == 0
    await asked.stream(sw.Message("user", "y" * 999, [b"\x89PNG\r\n\x1a\n" + bytes(20)]))
    picture = sw.Message("user", question, [b"\x89PNG\r\n\x1a\n" + bytes(20)])
    assert asked.estimate_tokens(picture).tokens == 1050


# ---- the log and the traces


async def test_the_log_has_a_line_for_each_request(caplog: pytest.LogCaptureFixture) -> None:
    """At INFO. It has the figures, and neither the key nor a word of the prompt."""
    caplog.set_level(logging.INFO, "streamwidget")
    await client(503, body()).stream("Name a river.")
    await sw.ChatClient().models()
    lines = [record.getMessage() for record in caplog.records if record.name == "streamwidget"]
    assert [re.sub(r"\d+\.\d\d s$", "N s", line) for line in lines] == [
        "gpt-5-mini at api.openai.com: http_error, ? prompt tokens, ? answer tokens, cost $0, N s",
        "gpt-5-mini-2025-08-07 at api.openai.com: complete, 1000 prompt tokens, 500 answer tokens, cost ≈ $0.0012, N s",
    ]
    assert KEY not in caplog.text


@pytest.fixture(scope="module")
def exporter() -> InMemorySpanExporter:
    """Trace as a person's program does, for the rest of the process."""
    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    trace.set_tracer_provider(provider)
    return spans


@pytest.fixture
def spans(exporter: InMemorySpanExporter) -> InMemorySpanExporter:
    """Those of this test."""
    exporter.clear()
    return exporter


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


async def test_a_request_is_a_span_of_the_convention(spans: InMemorySpanExporter) -> None:
    """Inside of the person's own span, with the names of the convention, and without content."""
    with trace.get_tracer("person").start_as_current_span("lesson"):
        await client(body()).stream("Name a river.", temperature=0.5, max_tokens=100)
    span, lesson = spans.get_finished_spans()
    assert (span.name, span.kind, span.parent and span.parent.span_id) == (
        "chat gpt-5-mini",
        trace.SpanKind.CLIENT,
        lesson.context and lesson.context.span_id,
    )
    assert attributes(span) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-5-mini",
        "gen_ai.request.stream": True,
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.max_tokens": 100,
        "server.address": "api.openai.com",
        "server.port": 443,
        "gen_ai.response.model": "gpt-5-mini-2025-08-07",
        "gen_ai.response.id": "chat-7",
        "gen_ai.response.finish_reasons": ("stop",),
        "streamwidget.outcome": "complete",
        "gen_ai.usage.input_tokens": 1000,
        "gen_ai.usage.output_tokens": 500,
        "gen_ai.usage.cache_read.input_tokens": 200,
        "gen_ai.usage.reasoning.output_tokens": 64,
    }


async def test_a_tool_is_a_span_of_the_convention(spans: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch) -> None:
    """Spans of the tool itself are inside of it. What it got and gave is there by the convention's own word."""

    def length(river: str) -> str:
        """Return the length of a river."""
        with trace.get_tracer("person").start_as_current_span("a look"):
            if river == "Nile":
                raise ValueError(f"not known, {KEY}")
            return f"1,094 km, {KEY}"

    for river in ("Elbe", "Nile"):
        asks = body(name="length", arguments=json.dumps({"river": river}))
        await client(asks, body()).stream("How long is it?", tools=[length], confirm="never")
        monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "true")
    made = spans.get_finished_spans()
    assert [span.name for span in made] == ["chat gpt-5-mini", "a look", "execute_tool length", "chat gpt-5-mini"] * 2
    (look, plain), (_, told) = made[1:3], made[5:7]
    assert look.parent is not None
    assert plain.context is not None
    assert look.parent.span_id == plain.context.span_id
    assert plain.kind is trace.SpanKind.INTERNAL
    given = attributes(plain)
    assert given.pop("gen_ai.tool.call.id")
    assert given == {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "length",
        "gen_ai.tool.type": "function",
        "gen_ai.tool.description": "Return the length of a river.",
    }
    assert attributes(told)["gen_ai.tool.call.arguments"] == '{"river": "Nile"}'
    assert "not known, [key]" in str(attributes(told)["gen_ai.tool.call.result"])
    assert (attributes(told)["error.type"], told.status.status_code) == ("tool_error", trace.StatusCode.ERROR)
    assert KEY not in "".join(span.to_json() for span in (plain, told))


async def test_content_is_on_a_span_only_by_the_conventions_own_word(
    spans: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then a key in it is masked. A failure has its status and no key."""
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": f"My key: {KEY}"}]
    await client(body()).stream(messages)
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "SPAN_ONLY")
    await client(body(f"It is {KEY}.", name="look", arguments="{}")).stream(messages)
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "EVENT_ONLY")
    with pytest.raises(sw.HTTPStatusError):
        await client(401).stream(messages)
    plain, told, failed = spans.get_finished_spans()
    content = {name: json.loads(value) for name, value in attributes(told).items() if "messages" in name}
    assert content["gen_ai.input.messages"] == [
        {"role": "user", "parts": [{"type": "text", "content": "My key: [key]"}]}
    ]
    assert [part["type"] for part in content["gen_ai.output.messages"][0]["parts"]] == ["text", "tool_call"]
    assert "Be brief." in attributes(told)["gen_ai.system_instructions"]
    for span in (plain, failed):
        assert not {name for name in attributes(span) if "messages" in name or "instructions" in name}
    assert attributes(failed)["error.type"] == "401"
    assert failed.status.status_code is trace.StatusCode.ERROR
    assert KEY not in "".join(span.to_json() for span in (plain, told, failed))
