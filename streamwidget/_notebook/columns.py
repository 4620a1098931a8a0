"""Several models on the line of ``%%chat``: which ``-m`` is asked at the server of which ``-p``."""

from __future__ import annotations

from argparse import Action, ArgumentParser, Namespace
from collections.abc import Sequence
from typing import Any


class InOrder(Action):
    """Keeps the values of ``-m`` and ``-p`` in the order in which they were typed. The last one is the option's own."""

    def __call__(
        self,
        parser: ArgumentParser,  # noqa: ARG002
        namespace: Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,  # noqa: ARG002
    ) -> None:
        """Keep a value."""
        namespace.in_order = (*getattr(namespace, "in_order", ()), (self.dest, values))
        setattr(namespace, self.dest, values)


def columns_of(options: Namespace) -> list[Namespace]:
    """Return the options of each column. One ``-m`` and one ``-p``, in any order, are one column.

    Each ``-m`` of several is a column, at the server of the last ``-p`` before it. A ``-p`` with no ``-m`` after it is
    a column too, with the default model of that server.

    Examples
    --------
    >>> typed = (("model", "a"), ("model", "b"), ("provider", "local"))  # -m a -m b -p local
    >>> [(one.model, one.provider) for one in columns_of(Namespace(in_order=typed, model="b", provider="local"))]
    [('a', None), ('b', None), (None, 'local')]
    """
    typed: Sequence[tuple[str, str]] = getattr(options, "in_order", ())
    names = [name for name, _ in typed]
    if max(names.count("model"), names.count("provider")) < 2:
        return [options]
    columns: list[tuple[str | None, str | None]] = []
    server: str | None = None
    is_used = True
    for name, value in (*typed, ("provider", "")):
        if name == "model":
            columns.append((value, server))
            is_used = True
        else:
            if not is_used:
                columns.append((None, server))
            server, is_used = value, False
    return [Namespace(**{**vars(options), "model": model, "provider": provider}) for model, provider in columns]
