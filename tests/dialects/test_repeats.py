"""What a provider says again stands once: whole messages after their pieces, last pieces, texts that grow."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamwidget._core.accumulator import Accumulator
from streamwidget._core.completion import ChatCompletion
from streamwidget._dialects import reader_for
from streamwidget._dialects.repeats import new_in_message, new_in_piece
from tests.dialects.test_chat_completions import choice

proves = pytest.mark.fault("N34", "the text, the thought and the call stand once, in every dialect")
WHOLE = "Paris is big."
PARIS = [choice({"content": "Paris is "}), choice({"content": "big."})]
LONG = "Paris is the big capital of France, and it lies on the Seine."


def read(items: list[Any]) -> ChatCompletion:
    """Read the items as a stream of any dialect is read."""
    accumulator = Accumulator()
    reader = reader_for(items[0], lambda: accumulator.text)
    assert reader is not None
    for item in items:
        accumulator.take(reader.parse(item))
    accumulator.take(getattr(reader, "close", list)())
    accumulator.flush()
    return accumulator.snapshot()


def last(**rest: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "finish_reason": "stop", **rest}]}


def call(arguments: str, *, index: int | None = 0, name: str = "c1") -> dict[str, Any]:
    return {"id": name, "function": {"name": "f", "arguments": arguments}} | ({} if index is None else {"index": index})


def calls(*given: dict[str, Any]) -> dict[str, Any]:
    return choice({"tool_calls": [*given]})


CALL = [calls(call('{"a":')), choice({"tool_calls": [{"index": 0, "function": {"arguments": "1}"}}]})]
GROWN = [{"choices": [{"index": 0, "message": {"reasoning": text}}]} for text in ("The", "The city")]

CHAT: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "trimmed": (
        [choice({"content": "\n\nParis is big.\n"}), last(message={"content": WHOLE})],
        {"text": f"\n\n{WHOLE}\n"},
    ),
    "trimmed in the last piece": (
        [choice({"content": " Paris is big. "}), last(delta={"content": WHOLE})],
        {"text": f" {WHOLE} "},
    ),
    "deltas that grow from one letter": (
        [*(choice({"content": WHOLE[:end]}) for end in (1, 3, 5, 9)), last(delta={"content": WHOLE})],
        {"text": WHOLE},
    ),
    "deltas that grow, in Chinese": (
        [choice({"content": text}) for text in ("你", "你好", "你好吗", "你好吗？好")],
        {"text": "你好吗？好"},
    ),
    "a piece that begins like the first": (
        [choice({"content": text}) for text in ("The", "The Rhine", " x", "y")],
        {"text": "TheThe Rhine xy"},
    ),
    "numbers are not a growing text": ([choice({"content": text}) for text in ("1", "10", "100")], {"text": "110100"}),
    "a call that is not in a list": ([choice({"tool_calls": call('{"a":1}')})], {"calls": ['{"a":1}']}),
    "messages that are blank pieces": (
        [last(finish_reason=None, message={"content": text}) for text in ("Paris", " ", "is ", "\n", "big.")],
        {"text": "Paris is \nbig."},
    ),
    "messages that are pieces": (
        [last(finish_reason=None, message={"content": text}) for text in ("Paris is ", "big.")],
        {"text": WHOLE},
    ),
    "a longer message": ([PARIS[0], last(message={"content": WHOLE})], {"text": WHOLE}),
    "an earlier state": ([*PARIS, last(message={"content": "Paris is"})], {"text": WHOLE}),
    "a list of parts": ([*PARIS, last(message={"content": [{"type": "text", "text": WHOLE}]})], {"text": WHOLE}),
    "a thought": (
        [choice({"reasoning": "hm"}), *PARIS, last(message={"content": WHOLE, "reasoning_content": "hm"})],
        {"text": WHOLE, "reasoning": "hm"},
    ),
    "a thought in tags": (
        [choice({"content": "<think>hm</think>"}), *PARIS, last(message={"content": f"<think>hm</think>{WHOLE}"})],
        {"text": WHOLE, "reasoning": "hm"},
    ),
    "a long thought in the last piece": (
        [choice({"reasoning": LONG}), *PARIS, last(delta={"content": WHOLE, "reasoning": LONG})],
        {"text": WHOLE, "reasoning": LONG},
    ),
    "a refusal": (
        [choice({"refusal": "No, "}), choice({"refusal": "sorry."}), last(message={"refusal": "No, sorry."})],
        {"refusal": "No, sorry."},
    ),
    "a call in a message": ([*CALL, last(message={"tool_calls": [call('{"a":1}')]})], {"calls": ['{"a":1}']}),
    "a call without a number": (
        [*CALL, last(message={"tool_calls": [call('{"a":1}', index=None)]})],
        {"calls": ['{"a":1}']},
    ),
    "a call in the last piece": ([*CALL, last(delta={"tool_calls": [call('{"a":1}')]})], {"calls": ['{"a":1}']}),
    "a call in each piece": ([calls(call("{}")), calls(call("{}")), last()], {"calls": ["{}"]}),
    "two calls": (
        [
            calls(call("{}"), call("[2]", index=1, name="c2")),
            last(message={"tool_calls": [call("{}"), call("[2]", index=1, name="c2")]}),
        ],
        {"calls": ["{}", "[2]"]},
    ),
    "a call of the old kind": (
        [
            choice({"function_call": {"name": "f", "arguments": "{}"}}),
            last(message={"function_call": {"name": "f", "arguments": "{}"}}),
        ],
        {"calls": ["{}"]},
    ),
    "messages that grow, with thoughts": (
        [
            *GROWN,
            *(
                {"choices": [{"index": 0, "message": {"reasoning": "The city", "content": text}}]}
                for text in ("Paris", WHOLE)
            ),
        ],
        {"text": WHOLE, "reasoning": "The city"},
    ),
    "pieces that grow": ([choice({"content": text}) for text in ("Paris ", "Paris is ", WHOLE)], {"text": WHOLE}),
    "a long piece before the end": (
        [choice({"content": LONG[:30]}), choice({"content": LONG[30:]}), choice({"content": LONG})],
        {"text": LONG},
    ),
    "a completion's text": (
        [{"choices": [{"index": 0, "text": text}]} for text in ("Paris is ", "big.")] + [last(text=WHOLE)],
        {"text": WHOLE},
    ),
    "two choices": (
        [
            {"choices": [{"index": 0, "delta": {"content": "Paris is "}}, {"index": 1, "delta": {"content": "Rome"}}]},
            PARIS[1],
            {"choices": [{"index": 0, "message": {"content": WHOLE}}, {"index": 1, "message": {"content": "Rome"}}]},
        ],
        {"text": WHOLE},
    ),
    "a piece beside its message": ([last(delta={"content": WHOLE}, message={"content": WHOLE})], {"text": WHOLE}),
    "a call with other white space": (
        [calls(call('{"a":1}')), last(message={"tool_calls": [call('{"a": 1}')]})],
        {"calls": ['{"a":1}']},
    ),
    "what was spoken": ([*PARIS, last(message={"content": None, "audio": {"transcript": WHOLE}})], {"text": WHOLE}),
    "thoughts that grow": (
        [choice({"reasoning": LONG[:30]}), choice({"reasoning": LONG}), *PARIS],
        {"text": WHOLE, "reasoning": LONG},
    ),
    "laughter is not a repeat": (
        [choice({"content": "ha"}), choice({"content": "ha"}), last(delta={"content": "ha"})],
        {"text": "hahaha"},
    ),
    "nor is a line": ([choice({"content": "-----"}), choice({"content": "----------"})], {"text": "-" * 15}),
    "nor a word": ([choice({"content": "No, "}), choice({"content": "No, "})], {"text": "No, No, "}),
}

TEXT = {"type": "output_text", "text": WHOLE}
ITEM = {"type": "message", "content": [TEXT]}
LOOK = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
BEGIN = {"type": "response.created", "response": {"status": "in_progress"}}
PIECES = [
    {"type": "response.output_text.delta", "delta": text, "output_index": 0, "content_index": 0}
    for text in ("Paris is ", "big.")
]


def over(*output: dict[str, Any]) -> dict[str, Any]:
    return {"type": "response.completed", "response": {"status": "completed", "output": [*output]}}


def done(kind: str, **rest: Any) -> dict[str, Any]:
    return {"type": f"response.{kind}.done", "output_index": 0, "content_index": 0, **rest}


THOUGHT = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]}
RESPONSES: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "everything": (
        [*PIECES, done("output_text", text=WHOLE), done("output_item", item=ITEM), over(ITEM)],
        {"text": WHOLE},
    ),
    "only the part": ([BEGIN, done("output_text", text=WHOLE), over(ITEM)], {"text": WHOLE}),
    "only the item": ([BEGIN, done("output_item", item=ITEM), over(ITEM)], {"text": WHOLE}),
    "only the response": ([BEGIN, over(THOUGHT, ITEM)], {"text": WHOLE, "reasoning": "hm"}),
    "pieces without places": (
        [{"type": p["type"], "delta": p["delta"]} for p in PIECES] + [over(ITEM)],
        {"text": WHOLE},
    ),
    "a call": (
        [
            {"type": "response.output_item.added", "output_index": 0, "item": {**LOOK, "arguments": ""}},
            {"type": "response.function_call_arguments.delta", "output_index": 0, "delta": "{}"},
            *(done("output_item", item=LOOK), over(LOOK)),
        ],
        {"calls": ["{}"]},
    ),
    "only the call's item": ([BEGIN, done("output_item", item=LOOK), over(LOOK)], {"calls": ["{}"]}),
    "only the response's call": ([BEGIN, over(LOOK)], {"calls": ["{}"]}),
}

START: list[Any] = [{"type": "message_start", "message": {"content": []}}]
BLOCK = {"type": "text", "text": WHOLE}
SAID = [
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    *(
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
        for text in ("Paris is ", "big.")
    ),
]
TOOL = {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}}
TOLD = {"type": "content_block_start", "index": 0, "content_block": TOOL}
ANTHROPIC: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "a message at the end": ([*START, *SAID, {"type": "message", "content": [BLOCK]}], {"text": WHOLE}),
    "the SDK's own events": (
        [
            *START,
            *SAID,
            {"type": "text", "text": "big.", "snapshot": WHOLE},
            {"type": "message_stop", "message": {"content": [BLOCK]}},
        ],
        {"text": WHOLE},
    ),
    "only the first event": ([{"type": "message_start", "message": {"content": [BLOCK]}}], {"text": WHOLE}),
    "a call's input at once": ([*START, TOLD], {"calls": ['{"a":1}']}),
    "a call's input twice": (
        [
            *START,
            TOLD,
            {
                "type": "content_block_delta",
                "index": 0,
                "delta": {"type": "input_json_delta", "partial_json": '{"a":1}'},
            },
        ],
        {"calls": ['{"a":1}']},
    ),
}


def chunk(text: str, kind: str = "AIMessageChunk", name: str | None = "r", **rest: Any) -> dict[str, Any]:
    return {"type": kind, "content": text, "id": name, **rest}


LANGCHAIN: dict[str, tuple[list[Any], dict[str, Any]]] = {
    "the message, without ids": (
        [chunk("Paris is ", name=None), chunk("big.", name=None), chunk(WHOLE, "ai", None)],
        {"text": WHOLE},
    ),
    "the message, with another id": ([chunk("Paris is "), chunk("big."), chunk(WHOLE, "ai", "run-r")], {"text": WHOLE}),
    "chunks that grow": ([chunk("Paris is"), chunk(WHOLE)], {"text": WHOLE}),
    "the last chunk": ([chunk("Paris is "), chunk("big."), chunk(WHOLE, chunk_position="last")], {"text": WHOLE}),
    "another message": (
        [chunk("Paris is "), chunk("big."), chunk(" Rome too.", "ai", "s")],
        {"text": f"{WHOLE} Rome too."},
    ),
}
CASES = [
    pytest.param(*case, id=f"{dialect}: {name}")
    for dialect, cases in {"chat": CHAT, "responses": RESPONSES, "anthropic": ANTHROPIC, "langchain": LANGCHAIN}.items()
    for name, case in cases.items()
]


@pytest.mark.parametrize(("items", "expect"), CASES)
@proves
def test_what_is_said_again_stands_once(items: list[Any], expect: dict[str, Any]) -> None:
    """Text, reasoning, refusal and the arguments of calls, and no warning."""
    completion = read(items)
    found = {
        "text": completion.text,
        "reasoning": completion.reasoning,
        "refusal": completion.refusal,
        "calls": [call.arguments for call in completion.tool_calls],
    }
    assert found == {"text": "", "reasoning": "", "refusal": "", "calls": [], **expect}
    assert "rewritten" not in [warning.code for warning in completion.warnings]


@given(st.text(max_size=60), st.text(max_size=60))
def test_a_message_that_goes_on_adds_its_rest(said: str, rest: str) -> None:
    """Exactly the rest, whatever white space there is."""
    assert new_in_message(said + rest, said) in (rest, rest.lstrip(), "") or not said.strip()
    assert "".join((new_in_message(said + rest, said) or "").split()) == "".join(rest.split()) or not said.strip()


@given(st.text("ab \n", max_size=12), st.text("ab \n", max_size=12))
def test_a_piece_of_few_letters_is_never_dropped(piece: str, said: str) -> None:
    """It may be the same by accident."""
    assert new_in_piece(piece, said, is_last=True) == piece
