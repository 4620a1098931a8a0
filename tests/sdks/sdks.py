"""The real libraries against a server that we did not write: ``make sdks``, in an environment of its own.

``tests/sources/test_libraries.py`` has the same in plain values. Here each library makes its own objects. The file's
name keeps it out of ``make test``, whose environment has none of these libraries.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # no network

import aiohttp
import anthropic
import cohere
import groq
import httpx
import httpx_sse
import litellm
import ollama
import openai
import requests
from agents import Agent as OpenAIAgent
from agents import OpenAIChatCompletionsModel, OpenAIResponsesModel, Runner, set_tracing_disabled
from google import genai
from huggingface_hub import AsyncInferenceClient, InferenceClient
from IPython.core.interactiveshell import InteractiveShell
from langchain_core.output_parsers import StrOutputParser
from langchain_openai import ChatOpenAI
from langgraph.graph import START, MessagesState, StateGraph
from llama_index.core.chat_engine import SimpleChatEngine
from llama_index.core.llms import ChatMessage, MockLLM
from mistralai.client import Mistral
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.models.test import TestModel
from pydantic_ai.providers.openai import OpenAIProvider

from streamwidget._sources import as_stream
from streamwidget._sources.models import as_model
from tests.support.aimock import KEY, SIMPLE, said, start_aimock
from tests.support.watchdog import MARK

pytestmark = pytest.mark.asyncio(loop_scope="module")

TEXT = "Grüezi! One, two, three."
FIXTURES: list[dict[str, Any]] = [
    {"match": {"userMessage": "whole"}, "response": {"content": TEXT}, "chunkSize": 3},
    *SIMPLE,
]
Ask = Callable[[str], Any]
os.environ.setdefault(MARK, "sdks")  # tests/conftest.py, which sets it, needs more than this environment has
litellm.suppress_debug_info = True
set_tracing_disabled(True)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with start_aimock(FIXTURES, tmp_path_factory.mktemp("aimock")) as started:
        yield started


@pytest.fixture(scope="module")
def asks(address: str) -> dict[str, Ask]:
    """Return each way to ask. A client that is not kept closes its connection."""
    one = f"{address}/v1"
    google = genai.Client(api_key=KEY, http_options={"base_url": address, "api_version": "v1beta"})
    mistral = Mistral(api_key=KEY, server_url=address)
    coheres = cohere.ClientV2(api_key=KEY, base_url=address), cohere.AsyncClientV2(api_key=KEY, base_url=address)
    hubs = InferenceClient(base_url=one, api_key=KEY), AsyncInferenceClient(base_url=one, api_key=KEY)
    auth = {"Authorization": f"Bearer {KEY}"}
    ollamas = ollama.Client(host=address, headers=auth), ollama.AsyncClient(host=address, headers=auth)
    groqs = groq.Groq(api_key=KEY, base_url=address)
    o, ao = openai.OpenAI(base_url=one, api_key=KEY), openai.AsyncOpenAI(base_url=one, api_key=KEY)
    pydantic = Agent(OpenAIChatModel("gpt-4o", provider=OpenAIProvider(base_url=one, api_key=KEY)))
    agents = [OpenAIAgent("a", model=kind("gpt-4o", ao)) for kind in (OpenAIResponsesModel, OpenAIChatCompletionsModel)]
    chat: Any = ChatOpenAI(model="gpt-4o", base_url=one, api_key=KEY)  # type: ignore[arg-type]

    async def ask_model(state: Any) -> Any:
        return {"messages": [await chat.ainvoke(state["messages"])]}

    builder: Any = StateGraph(MessagesState)
    builder.add_node("model", ask_model)
    builder.add_edge(START, "model")
    graph = builder.compile()
    url = f"{one}/chat/completions"

    def body(prompt: str) -> Any:
        return {"model": "gpt-4o", "messages": said(prompt), "stream": True}

    def post(prompt: str) -> Any:
        return requests.post(url, json=body(prompt), headers=auth, stream=True, timeout=30)

    def events(prompt: str) -> Iterator[Any]:
        with (
            httpx.Client(headers=auth) as client,
            httpx_sse.connect_sse(client, "POST", url, json=body(prompt)) as source,
        ):
            yield from source.iter_sse()

    async def lines(prompt: str) -> Any:
        async with aiohttp.ClientSession(headers=auth) as session, session.post(url, json=body(prompt)) as response:
            async for line in response.content:
                yield line

    async def growing(prompt: str) -> Any:
        async with pydantic.run_stream(prompt) as result:
            async for text in result.stream_text():
                yield text

    def chats(client: Any) -> Ask:
        return lambda p: client.chat.completions.create(model="gpt-4o", messages=said(p), stream=True)

    ways: dict[str, Ask] = {
        "google": lambda p: google.models.generate_content_stream(model="gemini-2.0-flash", contents=p),
        "google aio": lambda p: google.aio.models.generate_content_stream(model="gemini-2.0-flash", contents=p),
        "google chat": lambda p: google.chats.create(model="gemini-2.0-flash").send_message_stream(p),
        "ollama": lambda p: ollamas[0].chat(model="llama3", messages=said(p), stream=True),
        "ollama async": lambda p: ollamas[1].chat(model="llama3", messages=said(p), stream=True),
        "ollama generate": lambda p: ollamas[0].generate(model="llama3", prompt=p, stream=True),
        "mistral": lambda p: mistral.chat.stream(model="mistral-small", messages=said(p)),
        "mistral async": lambda p: mistral.chat.stream_async(model="mistral-small", messages=said(p)),
        "cohere": lambda p: coheres[0].chat_stream(model="command-r", messages=said(p)),
        "cohere async": lambda p: coheres[1].chat_stream(model="command-r", messages=said(p)),
        "hub": lambda p: hubs[0].chat_completion(said(p), model="gpt-4o", stream=True),
        "hub async": lambda p: hubs[1].chat_completion(said(p), model="gpt-4o", stream=True),
        "groq": chats(groqs),
        "openai raw": lambda p: o.chat.completions.with_raw_response.create(**body(p)),
        "openai raw async": lambda p: ao.chat.completions.with_raw_response.create(**body(p)),
        "openai response": lambda p: o.chat.completions.with_streaming_response.create(**body(p)),
        "openai response async": lambda p: ao.chat.completions.with_streaming_response.create(**body(p)),
        "pydantic-ai": pydantic.run_stream,
        "pydantic-ai growing": growing,
        "pydantic-ai events": pydantic.run_stream_events,
        "openai-agents": lambda p: Runner.run_streamed(agents[0], p),
        "openai-agents chat": lambda p: Runner.run_streamed(agents[1], p).stream_events(),
        "langchain": chat.stream,
        "langchain events": chat.astream_events,
        "langchain chain events": (chat | StrOutputParser()).astream_events,
        "requests": post,
        "requests lines": lambda p: post(p).iter_lines(),
        "aiohttp": lines,
        "httpx-sse": events,
    }
    for mode in ("messages", "updates", "values", ["messages", "updates"]):
        ways[f"langgraph {mode}"] = lambda p, mode=mode: graph.astream({"messages": [("user", p)]}, stream_mode=mode)
    for provider, model, path in LITELLM:
        settings: Any = {"model": f"{provider}/{model}", "api_base": address + path, "api_key": KEY, "stream": True}
        ways[f"litellm {provider}"] = lambda p, s=settings: litellm.completion(messages=said(p), **s)
        ways[f"litellm {provider} async"] = lambda p, s=settings: litellm.acompletion(messages=said(p), **s)
    return ways


LITELLM = (
    ("openai", "gpt-4o", "/v1"),
    ("anthropic", "claude-3-5-sonnet-20241022", ""),
    ("ollama_chat", "llama3", ""),
    ("groq", "llama3", "/openai/v1"),
    ("mistral", "mistral-small", "/v1"),
    ("gemini", "gemini-2.0-flash", "/v1beta"),
)
WAYS = (
    *("google", "google aio", "google chat", "ollama", "ollama async", "ollama generate", "mistral", "mistral async"),
    *("cohere", "cohere async", "hub", "hub async", "groq", "openai raw", "openai raw async", "openai response"),
    *("openai response async", "pydantic-ai", "pydantic-ai growing", "pydantic-ai events", "openai-agents"),
    *("openai-agents chat", "langchain", "langchain events", "langchain chain events", "requests", "requests lines"),
    *("aiohttp", "httpx-sse", "langgraph messages", "langgraph updates", "langgraph values"),
    *("langgraph ['messages', 'updates']",),
    *(f"litellm {provider}{way}" for provider, _, _ in LITELLM for way in ("", " async")),
)
#: Where the library or the server drops the tool call (no tool of this name) or the limit.
NO_CALLS = ("ollama generate", "mistral", "pydantic-ai", "openai-agents")
NO_LIMIT = ("ollama", "litellm ollama_chat", "pydantic-ai", "openai-agents chat")


@pytest.mark.parametrize("way", WAYS)
async def test_the_answer_comes_whole(asks: dict[str, Ask], way: str) -> None:
    """Its text and its end."""
    completion = await as_stream(asks[way]("whole"))
    assert (completion.text, completion.outcome, completion.error) == (TEXT, "complete", None)


@pytest.mark.parametrize("way", [way for way in WAYS if not way.startswith(NO_CALLS)])
async def test_a_tool_call_is_read(asks: dict[str, Ask], way: str) -> None:
    """Its name and its arguments."""
    (call,) = (await as_stream(asks[way]("weather"))).tool_calls
    assert (call.name, call.arguments.replace(" ", "")) == ("look", '{"at":"Bern"}')


@pytest.mark.parametrize("way", [way for way in WAYS if not way.startswith(NO_LIMIT) or way == "pydantic-ai events"])
async def test_a_limit_is_named(asks: dict[str, Ask], way: str) -> None:
    """A cut answer is not complete."""
    completion = await as_stream(asks[way]("limit"))
    assert (completion.text, completion.outcome) == ("cut", "length")


@pytest.fixture(params=("openai", "openai async", "anthropic", "anthropic async"))
def sdk(request: pytest.FixtureRequest, address: str) -> Any:
    """Return an SDK's client."""
    kind = {
        "openai": lambda: openai.OpenAI(base_url=f"{address}/v1", api_key=KEY),
        "openai async": lambda: openai.AsyncOpenAI(base_url=f"{address}/v1", api_key=KEY),
        "anthropic": lambda: anthropic.Anthropic(base_url=address, api_key=KEY),
        "anthropic async": lambda: anthropic.AsyncAnthropic(base_url=address, api_key=KEY),
    }
    return kind[request.param]()


MODELS = {"o": "gpt-4o", "a": "claude-3-5-sonnet-20241022"}


async def test_a_client_is_a_model(sdk: Any) -> None:
    """It takes a system prompt, our names of fields and an image, and answers as a stream does."""
    model, image = as_model(sdk), "data:image/png;base64,iVBORw0KGgo="
    name = MODELS["a" if isinstance(sdk, anthropic.Anthropic | anthropic.AsyncAnthropic) else "o"]
    parts = [{"type": "image_url", "image_url": {"url": image}}, {"type": "text", "text": "whole"}]
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": parts}]
    completion = await model.request(messages, name, {"max_tokens": 90, "stop": "never"}, stream=True)
    assert (completion.text, completion.outcome, completion.error) == (TEXT, "complete", None)
    (call,) = (await model.request("weather", name, {}, stream=True)).tool_calls
    assert (call.name, call.arguments.replace(" ", "")) == ("look", '{"at":"Bern"}')


async def test_a_client_answers_in_a_cell(sdk: Any) -> None:
    """``%%chat --client sdk -m NAME``, with the turn before."""
    shell = InteractiveShell()
    shell.run_line_magic("load_ext", "streamwidget")
    shell.user_ns["sdk"] = sdk
    name = MODELS["a" if isinstance(sdk, anthropic.Anthropic | anthropic.AsyncAnthropic) else "o"]
    for prompt, text in (("limit", "cut"), ("whole", TEXT)):
        cell = shell.transform_cell(f"%%chat --client sdk -m {name} --system Brief\n{prompt}")
        result = await shell.run_cell_async(cell, transformed_cell=cell)
        result.raise_error()
        assert shell.user_ns["_chat"].text == text


async def test_an_agent_of_pydantic_ai_has_steps() -> None:
    """The tool's result is not text of the answer."""
    agent = Agent(TestModel(custom_output_text=TEXT))

    @agent.tool_plain
    def look(at: str) -> str:
        return f"RAW {at}"

    completion = await as_stream(agent.run_stream_events("x"))
    assert (completion.text, completion.outcome, len(completion.steps)) == (TEXT, "complete", 2)
    assert [result.text for result in completion.tool_results] == ["RAW a"]


async def test_llama_index_is_read() -> None:
    """Models and chat engines, sync and async."""
    llm, message = MockLLM(max_tokens=2), ChatMessage(role="user", content="x")
    engine = SimpleChatEngine.from_defaults(llm=llm)
    for source in (
        llm.stream_complete(TEXT), llm.astream_complete(TEXT), llm.stream_chat([message]), llm.astream_chat([message]),
        engine.stream_chat("x"), engine.astream_chat("x"),
    ):  # fmt: skip
        completion = await as_stream(source)
        assert (completion.text, completion.outcome) == ("text text", "complete")
