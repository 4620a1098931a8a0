"""The real libraries of agents, each with the objects that it makes itself. ``make sdks`` runs it after ``sdks.py``."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"  # no network
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import ag_ui.core as ag_ui
import dspy
from ag_ui.encoder import EventEncoder
from autogen_agentchat.base import TaskResult
from autogen_agentchat.messages import (
    ModelClientStreamingChunkEvent,
    TextMessage,
    ThoughtEvent,
    ToolCallExecutionEvent,
    ToolCallRequestEvent,
)
from autogen_core import FunctionCall
from autogen_core.models import FunctionExecutionResult, RequestUsage
from haystack.components.generators.chat import OpenAIChatGenerator
from haystack.dataclasses import ChatMessage
from haystack.utils import Secret
from smolagents import ChatMessage as SmolMessage
from smolagents import OpenAIModel as SmolModel
from smolagents import ToolCallingAgent, tool
from strands import Agent as StrandsAgent
from strands.models.openai import OpenAIModel as StrandsModel

from streamwidget._sources import as_stream
from tests.support.aimock import KEY, SIMPLE, start_aimock
from tests.support.watchdog import MARK

pytestmark = pytest.mark.asyncio(loop_scope="module")

TEXT = "Grüezi! One, two, three."
FIELDS = f"[[ ## answer ## ]]\n{TEXT}\n\n[[ ## completed ## ]]"
FIXTURES: list[dict[str, Any]] = [
    {"match": {"userMessage": "whole"}, "response": {"content": TEXT}, "chunkSize": 3},
    {"match": {"userMessage": "fields"}, "response": {"content": FIELDS}, "chunkSize": 3},
    {
        "match": {"userMessage": "final"},
        "response": {"toolCalls": [{"name": "final_answer", "arguments": {"answer": TEXT}}]},
    },
    *SIMPLE,
]
os.environ.setdefault(MARK, "sdks")
Ask = Callable[[str], Any]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with start_aimock(FIXTURES, tmp_path_factory.mktemp("aimock")) as started:
        yield f"{started}/v1"


@pytest.fixture(scope="module")
def asks(address: str) -> dict[str, Ask]:
    """Return each way to ask a model."""
    haystack = OpenAIChatGenerator(api_key=Secret.from_token(KEY), model="gpt-4o", api_base_url=address)
    smol = SmolModel(model_id="gpt-4o", api_base=address, api_key=KEY)
    strands = StrandsModel(client_args={"base_url": address, "api_key": KEY}, model_id="gpt-4o")

    def of_haystack(prompt: str) -> Iterator[Any]:
        chunks: list[Any] = []
        haystack.run([ChatMessage.from_user(prompt)], streaming_callback=chunks.append)
        return iter(chunks)

    return {
        "haystack": of_haystack,
        "smolagents": lambda p: smol.generate_stream([SmolMessage(role="user", content=[{"type": "text", "text": p}])]),
        "strands": lambda p: StrandsAgent(model=strands, callback_handler=None).stream_async(p),
    }


@pytest.mark.parametrize("way", ["haystack", "smolagents", "strands"])
async def test_the_answer_comes_whole(asks: dict[str, Ask], way: str) -> None:
    """Its text and its end."""
    completion = await as_stream(asks[way]("whole"))
    assert (completion.text, completion.outcome, completion.error) == (TEXT, "complete", None)


@pytest.mark.parametrize("way", ["haystack", "smolagents"])
async def test_a_tool_call_is_read(asks: dict[str, Ask], way: str) -> None:
    """Its name and its arguments."""
    (call,) = (await as_stream(asks[way]("weather"))).tool_calls
    assert (call.name, call.arguments.replace(" ", "")) == ("look", '{"at":"Bern"}')


async def test_a_limit_is_named(asks: dict[str, Ask]) -> None:
    """The libraries beside haystack raise at it, or have no word for it."""
    completion = await as_stream(asks["haystack"]("limit"))
    assert (completion.text, completion.outcome) == ("cut", "length")


async def test_an_agent_of_smolagents_gives_its_final_answer(address: str) -> None:
    """The answer of its last step, once."""

    @tool
    def look(at: str) -> str:
        """Look.

        Args:
            at: A place.
        """
        return f"RAW {at}"

    agent = ToolCallingAgent(
        [look], SmolModel(model_id="gpt-4o", api_base=address, api_key=KEY), stream_outputs=True, verbosity_level=-1
    )
    completion = await as_stream(agent.run("final", stream=True))
    assert (completion.text.count(TEXT), completion.outcome, completion.error) == (1, "complete", None)


async def test_the_fields_of_dspy_are_text(address: str) -> None:
    """Its own signs around the fields are not."""
    model = dspy.LM("openai/gpt-4o", api_base=address, api_key=KEY, cache=False)
    listener = dspy.streaming.StreamListener(signature_field_name="answer")
    with dspy.context(lm=model):
        program = dspy.streamify(dspy.Predict("question -> answer"), stream_listeners=[listener])
        completion = await as_stream(program(question="fields"))
    assert (completion.text, completion.outcome) == (TEXT, "complete")


async def test_the_messages_of_autogen_are_read() -> None:
    """Thoughts, a call, its result, and the text once, though its message repeats the pieces."""
    ours: dict[str, Any] = {"source": "a"}
    completion = await as_stream(
        iter(
            [
                TextMessage(source="user", content="My question?"),
                ThoughtEvent(content="Hm.", **ours),
                ToolCallRequestEvent(content=[FunctionCall("1", '{"at":"Bern"}', "look")], **ours),
                ToolCallExecutionEvent(
                    content=[FunctionExecutionResult(content="RAW", name="look", call_id="1", is_error=False)], **ours
                ),
                *(ModelClientStreamingChunkEvent(content=piece, **ours) for piece in ("Grüezi! ", "One, two, three.")),
                TextMessage(content=TEXT, models_usage=RequestUsage(7, 5), **ours),
                TaskResult(messages=[], stop_reason=None),
            ]
        )
    )
    assert (completion.text, completion.reasoning, completion.outcome) == (TEXT, "Hm.", "complete")
    assert [(call.name, call.arguments) for call in completion.tool_calls] == [("look", '{"at":"Bern"}')]
    assert [result.text for result in completion.tool_results] == ["RAW"]
    assert completion.usage is not None
    assert completion.usage.completion_tokens == 5


AG_UI = [
    ag_ui.RunStartedEvent(thread_id="t", run_id="r"),
    ag_ui.ReasoningMessageContentEvent(message_id="m", delta="Hm."),
    ag_ui.ToolCallStartEvent(tool_call_id="1", tool_call_name="look"),
    ag_ui.ToolCallArgsEvent(tool_call_id="1", delta='{"at":"Bern"}'),
    ag_ui.ToolCallEndEvent(tool_call_id="1"),
    ag_ui.ToolCallResultEvent(message_id="n", tool_call_id="1", content="RAW"),
    ag_ui.TextMessageStartEvent(message_id="o"),
    *(ag_ui.TextMessageContentEvent(message_id="o", delta=piece) for piece in ("Grüezi! ", "One, two, three.")),
    ag_ui.TextMessageEndEvent(message_id="o"),
    ag_ui.RunFinishedEvent(thread_id="t", run_id="r"),
]


@pytest.mark.parametrize("form", ["objects", "server-sent events"])
async def test_the_events_of_ag_ui_are_read(form: str) -> None:
    """As objects, and as its own encoder writes them."""
    encoder = EventEncoder()
    items = AG_UI if form == "objects" else [encoder.encode(event) for event in AG_UI]
    completion = await as_stream(iter(items))
    assert (completion.text, completion.reasoning, completion.outcome) == (TEXT, "Hm.", "complete")
    assert [(call.name, call.arguments) for call in completion.tool_calls] == [("look", '{"at":"Bern"}')]
    assert [result.text for result in completion.tool_results] == ["RAW"]
