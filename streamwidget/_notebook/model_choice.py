"""The models of a server: listed by ``%chat --models``, and offered when a prompt names none.

The session remembers the names, for the completion of ``-m``.
"""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace
from typing import NoReturn

from IPython.core.error import UsageError

from streamwidget._client.client import ChatClient
from streamwidget._client.retry import RetryPolicy
from streamwidget._core.completion import ChatCompletion
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.tab import in_tab
from streamwidget._core.visible import visible
from streamwidget._notebook.cell_run import CellJob
from streamwidget._notebook.named import find_model, target_of
from streamwidget._notebook.prepared import NoModel
from streamwidget._notebook.session import Session
from streamwidget._notebook.terminal import say

_OFFERED = 50  # names. OpenAI has a hundred
_PATIENCE = 10.0  # seconds. The person waits for an answer, not for a list
_WAYS = """Choose one:
  %%chat -m NAME                        for this cell
  %config ChatMagics.model = "NAME"     for all cells"""
if not in_tab():
    _WAYS += "\n  STREAMWIDGET_MODEL=NAME               in the environment, before Jupyter starts"


def list_models(session: Session, _: bool, options: Namespace) -> CellJob:
    """Return the job that prints the server's models."""
    client = find_model(session, options)
    if not isinstance(client, ChatClient):
        raise ConfigurationError(f"{client.name} lists no models.")
    models = client.list_models()

    def tell(_: ChatCompletion) -> None:
        session.listed_models[:] = models.names
        say("\n".join(models.names) or "The server lists no models.")

    return CellJob(models.stream, target_of(client, options), result=tell)


def offer_models(session: Session, missing: NoModel) -> CellJob:
    """Return the job that asks the server for its models, and then says that one must be chosen."""
    client, problem = missing.client, f"{missing} Nothing was sent."
    client.timeout = replace(client.timeout, headers=_PATIENCE, total=_PATIENCE)
    client.retry = RetryPolicy(attempts=1)
    models = client.list_models()

    def tell(_: ChatCompletion) -> NoReturn:
        session.listed_models[:] = models.names
        raise UsageError(visible(f"{problem} {_offer(models.names)}{_WAYS}"))

    def not_listed(lines: list[str]) -> list[str]:
        return [
            f"{problem} {_WAYS}",
            f"Its models cannot be listed. {lines[0]}",
            *lines[1:],
        ]

    return CellJob(models.stream, missing.target, result=tell, explained=not_listed)


def _offer(names: list[str]) -> str:
    if not names:
        return ""
    more = f", and {len(names) - _OFFERED} more (`%chat --models` lists all)" if len(names) > _OFFERED else ""
    return f"Its models: {', '.join(names[:_OFFERED])}{more}.\n"
