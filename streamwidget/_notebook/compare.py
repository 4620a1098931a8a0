"""``await compare(prompt, [client, answer])``: several models beside each other."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from typing import Any

from streamwidget._conversation.conversation import Conversation, check_conversation
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.messages import Message, Prompt
from streamwidget._notebook.comparison import Comparison
from streamwidget._notebook.short_traceback import shorten_traceback
from streamwidget._notebook.side_by_side import ComparedTurn, SideBySideOutput, column_of
from streamwidget._sources.models import CallableModel, Model, as_model


async def compare(
    prompt: Prompt, models: Sequence[Any], *, conversation: Conversation | None = None, **params: Any
) -> Comparison:
    """Ask several models one question at one moment, and show the answers side by side while they come.

    In a notebook each answer has a Stop button. One that fails or is stopped does not stop the others. At the end each
    has "Keep this one", until a later question is asked. If nobody chooses, the first complete answer is kept.

    Parameters
    ----------
    prompt : str or list of dict
        As for :meth:`ChatClient.stream`. With ``conversation`` it is a text or a :class:`Message`.
    models : sequence of ChatClient, callable or an SDK's client
        What to ask, as for :class:`ChatWidget`: a callable such as ``answer(messages)`` returns what :func:`show`
        takes. The same one twice gives two answers.
    conversation : Conversation, optional
        The question is its next turn, with the turns before it. The kept answer is the turn's answer. ``_conversation``
        is the notebook's. Default: the question is asked alone.
    **params
        Fields of each request. A callable gets those that it takes.

    Returns
    -------
    Comparison
        All answers, also those that failed. ``kept`` is the one that goes on.

    Raises
    ------
    ConfigurationError
        If ``models`` is empty, one of them cannot answer, or the prompt cannot be sent. Nothing was sent then.

    Examples
    --------
    In a notebook, write ``await sw.compare(...)``. In a script, run it:

    >>> import asyncio
    >>> import streamwidget as sw
    >>> def short(messages):
    ...     return "The Elbe."
    >>> talk = sw.Conversation()
    >>> comparison = asyncio.run(sw.compare("Name a river.", [sw.ChatClient(), short], conversation=talk))
    >>> [answer.outcome for answer in comparison.answers]
    ['complete', 'complete']
    >>> comparison.kept == comparison.answers[0], talk.turns[0].answer.text == comparison.kept.text
    (True, True)
    """
    try:
        asked = _with_params(models, params)
    finally:
        del params  # people pass a key here, and a traceback shows variables
    columns = [column_of(model) for model, _ in asked]
    if conversation is None:
        streams = [model.request(prompt, None, fields, stream=True) for model, fields in asked]
        turn = None
    else:
        check_conversation(conversation)
        if not isinstance(prompt, str | Message):
            raise ConfigurationError("With conversation= the prompt is a text or a Message. Nothing was sent.")
        message = prompt if isinstance(prompt, Message) else Message("user", prompt)
        turn = ComparedTurn(conversation, uuid.uuid4().hex)
        streams = turn.ask(message, asked)
    shown = SideBySideOutput(columns, streams, turn)
    shown.begin()
    try:
        await shown.stream
    except asyncio.CancelledError as exc:
        kept = sum(len(stream.completion.text) for stream in streams)
        shorten_traceback(exc, f"Interrupted: all {len(streams)} streams are closed. {kept} characters had come.")
        raise
    return shown.comparison


def _with_params(models: Sequence[Any], params: dict[str, Any]) -> list[tuple[Model, dict[str, Any]]]:
    if isinstance(models, str) or not isinstance(models, Sequence) or not models:
        raise ConfigurationError("compare() takes a list of what to ask: [client, answer]. Nothing was sent.")
    return [
        (model, {name: value for name, value in params.items() if model.takes(name)})
        if isinstance(model, CallableModel)
        else (model, params)
        for model in map(as_model, models)
    ]
