"""The libraries with the same parts in other places: one layout for each, in plain paths.

A library is known by the shape of its items, and none is imported. In a condition ``...`` stands for any value.
"""

from __future__ import annotations

from dataclasses import replace

from streamwidget._dialects.layout import Call, Layout, Result, Rule

_OLLAMA_CHAT = Rule(
    when={"message.content": ..., "done": ...},
    text="message.content",
    reasoning="message.thinking",
    call=Call(each="message.tool_calls", id="id", name="function.name", arguments="function.arguments"),
    beside=("message.images",),
    model="model",
    end="done_reason",
    usage=("prompt_eval_count", "eval_count"),
)
OLLAMA = Layout(
    "ollama",
    plain_end=False,
    rules=(
        # Older servers give no reason for the end.
        replace(_OLLAMA_CHAT, when={"message.content": ..., "done": True}, ends="complete"),
        _OLLAMA_CHAT,
        Rule(
            when={"response": ..., "done": ...},
            text="response",
            reasoning="thinking",
            model="model",
            end="done_reason",
            usage=("prompt_eval_count", "eval_count"),
        ),
    ),
)

COHERE = Layout(
    "cohere v2",
    plain_end=False,
    rules=(
        Rule(when={"type": "message-start"}, id="id", new_step=True),
        Rule(
            when={"type": ("content-start", "content-delta")},
            text="delta.message.content.text",
            reasoning="delta.message.content.thinking",
        ),
        Rule(when={"type": "tool-plan-delta"}, reasoning="delta.message.tool_plan"),
        Rule(
            when={"type": ("tool-call-start", "tool-call-delta")},
            call=Call(
                id="delta.message.tool_calls.id",
                name="delta.message.tool_calls.function.name",
                arguments="delta.message.tool_calls.function.arguments",
                index="index",
            ),
        ),
        Rule(
            when={"type": "message-end"},
            end="delta.finish_reason",
            usage=("delta.usage.tokens.input_tokens", "delta.usage.tokens.output_tokens"),
        ),
    ),
)

#: The first API of Cohere. Its library still has it.
COHERE_V1 = Layout(
    "cohere v1",
    plain_end=False,
    rules=(
        Rule(when={"event_type": "stream-start", "generation_id": ...}, id="generation_id", new_step=True),
        Rule(when={"event_type": "text-generation"}, text="text"),
        Rule(when={"event_type": "tool-calls-chunk"}, reasoning="text"),
        Rule(when={"event_type": "tool-calls-generation"}, call=Call("", "name", "parameters", each="tool_calls")),
        Rule(
            when={"event_type": "stream-end"},
            end="finish_reason",
            usage=("response.meta.tokens.input_tokens", "response.meta.tokens.output_tokens"),
        ),
    ),
)

MISTRAL_CONVERSATIONS = Layout(
    "mistralai conversations",
    plain_end=False,
    rules=(
        Rule(when={"event": "conversation.response.started"}, id="data.conversation_id"),
        Rule(
            when={"event": "message.output.delta", "data.content.type": "thinking"}, reasoning="data.content.thinking"
        ),
        Rule(when={"event": "message.output.delta", "data.content.text": ...}, text="data.content.text"),
        Rule(when={"event": "message.output.delta"}, text="data.content", model="data.model"),
        Rule(
            when={"event": ("function.call.delta", "tool.execution.started")},
            call=Call("data.tool_call_id", "data.name", "data.arguments"),
        ),
        Rule(when={"event": "agent.handoff.started"}, new_step=True),
        Rule(
            when={"event": "conversation.response.done"},
            ends="complete",
            usage=("data.usage.prompt_tokens", "data.usage.completion_tokens", "data.usage.total_tokens"),
        ),
        Rule(when={"event": "conversation.response.error"}, error="data.message"),
    ),
)

_STARTED, _DELTA = ("interaction.created", "interaction.start"), ("step.delta", "content.delta")
GOOGLE_INTERACTIONS = Layout(
    "google-genai interactions",
    plain_end=False,
    rules=(
        Rule(when={"event_type": _STARTED}, id="interaction.id", model="interaction.model"),
        Rule(when={"event_type": _DELTA, "delta.type": "text"}, text="delta.text"),
        Rule(when={"event_type": _DELTA, "delta.type": "thought_summary"}, reasoning="delta.content.text"),
        Rule(
            when={"event_type": _DELTA, "delta.type": "arguments_delta"},
            call=Call(arguments="delta.arguments", index="index"),
        ),
        Rule(
            when={"event_type": "step.start", "step.type": "function_call"},
            call=Call("step.id", "step.name", "", "index"),
        ),
        Rule(
            when={"event_type": "step.start", "step.type": "function_result"},
            result=Result("step.call_id", "step.name", "step.result"),
        ),
        Rule(
            when={"event_type": ("interaction.completed", "interaction.complete")},
            end="interaction.status",
            ends="complete",
            usage=(
                "interaction.usage.total_input_tokens",
                "interaction.usage.total_output_tokens",
                "interaction.usage.total_tokens",
            ),
        ),
        Rule(when={"event_type": "error", "error.message": ...}, error="error.message"),
    ),
)

#: The items of the models of Amazon Bedrock in ``invoke_model_with_response_stream``, each in its own form.
BEDROCK_MODELS = Layout(
    "Bedrock's models",
    plain_end=False,
    rules=(
        Rule(
            when={"outputText": ..., "completionReason": ...},
            text="outputText",
            end="completionReason",
            usage=("inputTextTokenCount", "totalOutputTextTokenCount"),
        ),
        Rule(
            when={"generation": ..., "stop_reason": ...},
            text="generation",
            end="stop_reason",
            usage=("prompt_token_count", "generation_token_count"),
        ),
        Rule(when={"outputs.0.text": ..., "outputs.0.stop_reason": ...}, text="outputs.0.text",
             end="outputs.0.stop_reason"),
    ),
)  # fmt: skip

_WATSONX = Rule(
    when={"results.0.generated_text": ..., "results.0.stop_reason": ...},
    text="results.0.generated_text",
    end="results.0.stop_reason",
    usage=("results.0.input_token_count", "results.0.generated_token_count"),
)
WATSONX = Layout(
    "watsonx",
    plain_end=False,
    rules=(replace(_WATSONX, when={**_WATSONX.when, "results.0.stop_reason": ("not_finished", "NOT_FINISHED")}, end=""),
           _WATSONX),
)  # fmt: skip

#: ``/completion`` of llama.cpp's server.
LLAMA_SERVER = Layout(
    "llama-server",
    plain_end=False,
    rules=(
        Rule(when={"content": ..., "stop": False}, text="content"),
        Rule(
            when={"content": ..., "stop": True},
            text="content",
            end="stop_type",
            ends="complete",
            usage=("tokens_evaluated", "tokens_predicted"),
        ),
    ),
)

TEXT_GENERATION = Layout(
    "huggingface_hub text_generation",
    plain_end=False,
    rules=(
        Rule(
            when={"token.text": ..., "token.special": True},  # </s> is not text
            end="details.finish_reason",
            usage=("", "details.generated_tokens"),
        ),
        Rule(
            when={"token.text": ..., "token.special": ...},
            text="token.text",
            end="details.finish_reason",
            usage=("", "details.generated_tokens"),
        ),
    ),
)

PYDANTIC_AI = Layout(
    "pydantic-ai events",
    rules=(
        Rule(when={"event_kind": "part_start", "part.part_kind": "text"}, text="part.content"),
        Rule(when={"event_kind": "part_start", "part.part_kind": "thinking"}, reasoning="part.content"),
        Rule(
            when={"event_kind": "part_start", "part.part_kind": "tool-call"},
            call=Call("part.tool_call_id", "part.tool_name", "part.args", "index"),
        ),
        Rule(when={"event_kind": "part_delta", "delta.part_delta_kind": "text"}, text="delta.content_delta"),
        Rule(when={"event_kind": "part_delta", "delta.part_delta_kind": "thinking"}, reasoning="delta.content_delta"),
        Rule(
            when={"event_kind": "part_delta", "delta.part_delta_kind": "tool_call"},
            call=Call(name="delta.tool_name_delta", arguments="delta.args_delta", index="index"),
        ),
        Rule(
            when={"event_kind": ("function_tool_result", "builtin_tool_result"), "part.content": ...},
            result=Result("part.tool_call_id", "part.tool_name", "part.content"),
        ),
        Rule(
            when={"event_kind": "function_tool_result"},
            result=Result("result.tool_call_id", "result.tool_name", "result.content"),
        ),
        Rule(
            when={"event_kind": "agent_run_result"},
            end="result.response.finish_reason",
            ends="complete",
            usage=("result.usage.input_tokens", "result.usage.output_tokens"),
        ),
        Rule(when={"event_kind": ...}),
    ),
)

#: Snapshots of the whole answer so far.
PYDANTIC_AI_RESPONSES = Layout(
    "pydantic-ai responses",
    grows=True,
    rules=(
        Rule(
            when={"kind": "response", "parts": ..., "model_name": ...},
            text="text",
            reasoning="thinking",
            model="model_name",
            end="finish_reason",
            usage=("usage.input_tokens", "usage.output_tokens"),
        ),
    ),
)

AGNO = Layout(
    "agno",
    plain_end=False,
    rules=(
        Rule(when={"event": ("RunStarted", "TeamRunStarted"), "run_id": ...}, model="model", id="run_id"),
        Rule(
            when={"event": ("RunContent", "TeamRunContent"), "content_type": ...},
            text="content",
            reasoning="reasoning_content",
        ),
        Rule(when={"event": ("ReasoningContentDelta", "TeamReasoningContentDelta")}, reasoning="reasoning_content"),
        Rule(
            when={"event": ("ToolCallStarted", "TeamToolCallStarted")},
            call=Call("tool.tool_call_id", "tool.tool_name", "tool.tool_args"),
        ),
        Rule(
            when={"event": ("ToolCallCompleted", "TeamToolCallCompleted")},
            result=Result("tool.tool_call_id", "tool.tool_name", "tool.result"),
        ),
        Rule(
            when={"event": ("RunCompleted", "TeamRunCompleted"), "content_type": ...},
            whole="content",
            ends="complete",
            usage=("metrics.input_tokens", "metrics.output_tokens", "metrics.total_tokens"),
        ),
        Rule(when={"event": ("RunError", "TeamRunError"), "content": ...}, error="content"),
    ),
)

CLAUDE_AGENT = Layout(
    "claude-agent-sdk",
    plain_end=False,
    rules=(
        Rule(when={"subtype": "init", "data": ...}),
        Rule(
            when={"content.0.thinking": ..., "model": ..., "parent_tool_use_id": ...},
            reasoning="content.0.thinking",
            model="model",
        ),
        Rule(
            when={"content": ..., "model": ..., "parent_tool_use_id": ...},
            text="content",
            call=Call("id", "name", "input", each="content"),
            model="model",
        ),
        Rule(
            when={"content.0.tool_use_id": ..., "parent_tool_use_id": ...},
            result=Result("tool_use_id", "", "content", each="content"),
        ),
        Rule(when={"subtype": ..., "is_error": True, "num_turns": ...}, error="result"),
        Rule(
            when={"subtype": ..., "is_error": ..., "num_turns": ...},
            whole="result",
            ends="complete",
            usage=("usage.input_tokens", "usage.output_tokens"),
        ),
    ),
)

OPENAI_AGENTS_RESULT = Layout(
    "a tool's result of openai-agents",
    rules=(
        Rule(
            when={"type": "run_item_stream_event", "item.type": "tool_call_output_item"},
            result=Result("item.raw_item.call_id", "", "item.output"),
        ),
    ),
)

LLAMA_INDEX = Layout(
    "llama-index",
    rules=(
        Rule(
            when={"tool_name": ..., "tool_output": ..., "tool_kwargs": ...},
            result=Result("tool_id", "tool_name", "tool_output.content"),
        ),
        Rule(
            when={"tool_name": ..., "tool_kwargs": ..., "tool_id": ...},
            call=Call("tool_id", "tool_name", "tool_kwargs"),
        ),
        Rule(when={"delta": ..., "current_agent_name": ...}, text="delta", reasoning="thinking_delta",
             end="raw.choices.0.finish_reason"),
        Rule(when={"delta": ..., "message.role": ..., "raw": ...}, text="delta", end="raw.choices.0.finish_reason",
             reasoning="additional_kwargs.thinking_delta"),
        Rule(when={"delta": ..., "text": ..., "raw": ...}, text="delta", end="raw.choices.0.finish_reason"),
        Rule(when={"response.content": ..., "current_agent_name": ..., "tool_calls": ...}, whole="response.content"),
    ),
)  # fmt: skip

HAYSTACK = Layout(
    "haystack",
    rules=(
        Rule(
            when={"content": ..., "meta": ..., "component_info": ..., "tool_call_result.result": ...},
            result=Result("tool_call_result.origin.id", "tool_call_result.origin.tool_name", "tool_call_result.result"),
        ),
        Rule(
            when={"content": ..., "meta": ..., "component_info": ...},
            text="content",
            reasoning="reasoning.reasoning_text",
            call=Call("id", "tool_name", "arguments", "index", each="tool_calls"),
            model="meta.model",
            end="finish_reason",
            usage=("meta.usage.prompt_tokens", "meta.usage.completion_tokens", "meta.usage.total_tokens"),
        ),
    ),
)

DSPY = Layout(
    "dspy", rules=(Rule(when={"chunk": ..., "predict_name": ..., "signature_field_name": ...}, text="chunk"),)
)

SMOLAGENTS = Layout(
    "smolagents",
    rules=(
        Rule(
            when={"content": ..., "tool_calls": ..., "token_usage": ...},
            text="content",
            call=Call("id", "function.name", "function.arguments", "index", each="tool_calls"),
            usage=("token_usage.input_tokens", "token_usage.output_tokens"),
        ),
        Rule(
            when={"id": ..., "output": ..., "is_final_answer": ..., "tool_call": ...},
            result=Result("tool_call.id", "tool_call.name", "output"),
        ),
        Rule(when={"output": ..., "is_final_answer": True}, whole="output", ends="complete"),
        Rule(when={"output": ..., "step_number": ...}),
        Rule(when={"output": ...}, unless={"is_final_answer": ...}, whole="output", ends="complete"),
    ),
)

SEMANTIC_KERNEL = Layout(
    "semantic-kernel",
    rules=(
        Rule(
            when={"role": "tool", "choice_index": ..., "items": ...},
            result=Result("id", "name", "result", each="items"),
        ),
        Rule(
            when={"content": ..., "choice_index": ..., "items": ...},
            text="content",
            call=Call("id", "name", "arguments", "index", each="items"),
            model="ai_model_id",
            end="finish_reason",
            usage=("metadata.usage.prompt_tokens", "metadata.usage.completion_tokens"),
        ),
    ),
)

AUTOGEN = Layout(
    "autogen-agentchat",
    rules=(
        Rule(when={"type": "ModelClientStreamingChunkEvent"}, text="content"),
        Rule(when={"type": "ThoughtEvent"}, reasoning="content"),
        Rule(when={"type": "ToolCallRequestEvent"}, call=Call("id", "name", "arguments", each="content")),
        Rule(when={"type": "ToolCallExecutionEvent"}, result=Result("call_id", "name", "content", each="content")),
        Rule(
            when={"type": ("TextMessage", "ToolCallSummaryMessage", "StopMessage"), "source": ...},
            unless={"source": ("user", "User")},
            whole="content",
            usage=("models_usage.prompt_tokens", "models_usage.completion_tokens"),
        ),
        Rule(when={"messages": ..., "stop_reason": ...}, ends="complete"),
        Rule(when={"chat_message.content": ..., "inner_messages": ...}, whole="chat_message.content", ends="complete"),
    ),
)

AGENT_FRAMEWORK = Layout(
    "Microsoft agent-framework",
    rules=(
        Rule(
            when={"contents.0.type": "function_result"},
            result=Result("contents.0.call_id", "contents.0.name", "contents.0.result"),
        ),
        Rule(
            when={"contents.0.type": "function_call"},
            call=Call("call_id", "name", "arguments", each="contents"),
            end="finish_reason",
        ),
        Rule(when={"contents.0.type": "text_reasoning"}, reasoning="contents.0.text"),
        Rule(
            when={"contents.0.type": "usage"},
            usage=("contents.0.details.input_token_count", "contents.0.details.output_token_count"),
            end="finish_reason",
        ),
        Rule(when={"contents": ..., "text": ..., "role": ...}, text="text", end="finish_reason", model="model_id"),
    ),
)

LMSTUDIO = Layout(
    "lmstudio",
    rules=(
        Rule(when={"content": ..., "reasoning_type": "reasoning"}, reasoning="content"),
        Rule(when={"content": ..., "reasoning_type": ("reasoningStartTag", "reasoningEndTag")}),
        Rule(when={"content": ..., "reasoning_type": ..., "contains_drafted": ...}, text="content"),
    ),
)

MLX = Layout(
    "mlx-lm",
    rules=(
        Rule(
            when={"text": ..., "token": ..., "generation_tokens": ...},
            text="text",
            end="finish_reason",
            usage=("prompt_tokens", "generation_tokens"),
        ),
    ),
)

VLLM = Layout(
    "vLLM",
    plain_end=False,
    grows=True,
    rules=(
        Rule(
            when={"outputs.0.text": ..., "outputs.0.finish_reason": ...},
            text="outputs.0.text",
            end="outputs.0.finish_reason",
            id="request_id",
        ),
    ),
)

AG_UI = Layout(
    "AG-UI",
    plain_end=False,
    rules=(
        Rule(when={"type": ("TEXT_MESSAGE_CONTENT", "TEXT_MESSAGE_CHUNK"), "delta": ...}, text="delta"),
        Rule(
            when={
                "type": ("REASONING_MESSAGE_CONTENT", "REASONING_MESSAGE_CHUNK", "THINKING_TEXT_MESSAGE_CONTENT"),
            },
            reasoning="delta",
        ),
        Rule(
            when={"type": ("TOOL_CALL_START", "TOOL_CALL_ARGS", "TOOL_CALL_CHUNK")},
            call=Call("tool_call_id", "tool_call_name", "delta"),
        ),
        Rule(when={"type": "TOOL_CALL_RESULT"}, result=Result("tool_call_id", "", "content")),
        Rule(when={"type": "STEP_STARTED"}, new_step=True),
        Rule(when={"type": "RUN_FINISHED"}, ends="complete"),
        Rule(when={"type": "RUN_ERROR"}, error="message"),
        Rule(when={"type": ("RUN_STARTED", "TEXT_MESSAGE_START")}),
    ),
)

VERCEL = Layout(
    "Vercel's AI SDK",
    plain_end=False,
    rules=(
        Rule(when={"type": "text-delta", "delta": ...}, text="delta"),
        Rule(when={"type": "text-delta"}, text="text"),
        Rule(when={"type": "reasoning-delta", "delta": ...}, reasoning="delta"),
        Rule(when={"type": "reasoning-delta"}, reasoning="text"),
        Rule(when={"type": "tool-input-start"}, call=Call("tool_call_id", "tool_name")),
        Rule(when={"type": "tool-input-delta"}, call=Call("tool_call_id", "", "input_text_delta")),
        Rule(when={"type": "tool-call"}, call=Call("tool_call_id", "tool_name", "input")),
        Rule(
            when={"type": ("tool-output-available", "tool-result")},
            result=Result("tool_call_id", "tool_name", "output"),
        ),
        Rule(when={"type": "start-step"}, new_step=True),
        Rule(
            when={"type": "finish"},
            end="finish_reason",
            ends="complete",
            usage=("total_usage.input_tokens", "total_usage.output_tokens", "total_usage.total_tokens"),
        ),
        Rule(when={"type": "error", "error_text": ...}, error="error_text"),
        Rule(when={"type": ("start", "text-start", "reasoning-start")}),
    ),
)

#: The pairs of xai-sdk. An envelope joins them.
XAI = Layout(
    "xai-sdk",
    plain_end=False,
    rules=(
        Rule(
            when={"xai_content": ...},
            text="xai_content",
            reasoning="reasoning_content",
            call=Call("id", "function.name", "function.arguments", each="tool_calls"),
            id="id",
            end="finish_reason",
            usage=("usage.prompt_tokens", "usage.completion_tokens", "usage.total_tokens"),
        ),
    ),
)

REPLICATE = Layout(
    "replicate",
    plain_end=False,
    rules=(
        Rule(when={"event": "output", "data": ..., "retry": ...}, text="data"),
        Rule(when={"event": "error", "data": ..., "retry": ...}, error="data"),
        Rule(when={"event": "done", "data": ..., "retry": ...}, ends="complete"),
    ),
)

LANGCHAIN_LLM = Layout(
    "LangChain's text models",
    rules=(Rule(when={"text": ..., "generation_info": ...}, text="text", end="generation_info.finish_reason"),),
)

#: Of chatlas (``content="all"``), and the result at the end of autogen-core's ``create_stream``.
AMONG_STRINGS = Layout(
    "objects among strings",
    rules=(
        Rule(when={"content_type": ("thinking", "thinking_delta"), "thinking": ...}, reasoning="thinking"),
        Rule(when={"content_type": "tool_request"}, call=Call("id", "name", "arguments")),
        Rule(when={"content_type": "tool_result"}, result=Result("request.id", "request.name", "value")),
        Rule(
            when={"finish_reason": ..., "content": ..., "usage.prompt_tokens": ...},
            end="finish_reason",
            usage=("usage.prompt_tokens", "usage.completion_tokens"),
        ),
    ),
)

#: The order counts: a layout with more conditions comes first.
LAYOUTS = (
    AG_UI, VERCEL, COHERE, COHERE_V1, MISTRAL_CONVERSATIONS, GOOGLE_INTERACTIONS, AUTOGEN, AGNO, PYDANTIC_AI,
    PYDANTIC_AI_RESPONSES, AGENT_FRAMEWORK, CLAUDE_AGENT, OLLAMA, TEXT_GENERATION, VLLM, BEDROCK_MODELS, WATSONX, MLX,
    HAYSTACK, SEMANTIC_KERNEL, LMSTUDIO, XAI, LLAMA_INDEX, LANGCHAIN_LLM, REPLICATE, OPENAI_AGENTS_RESULT, DSPY,
    LLAMA_SERVER, SMOLAGENTS,
)  # fmt: skip
