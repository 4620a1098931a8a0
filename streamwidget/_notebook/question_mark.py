"""A prompt may end in a question mark: ``%chat What is entropy?``

IPython takes a line that ends in ``?`` for a request for help on its last word, so such a line would never reach the
magic. The transformer here runs before IPython's rule, only for these lines:

- ``%chat What is entropy?`` -> ``get_ipython().run_line_magic('chat', 'What is entropy?')``
- ``x = %chat Why?`` -> ``x = get_ipython().run_line_magic('chat', 'Why?')``
- ``%time %chat Why?`` -> ``get_ipython().run_line_magic('time', '%chat Why?')``
- ``%chat?`` is still help.
"""

from __future__ import annotations

from itertools import pairwise
from tokenize import TokenInfo
from typing import Any

from IPython.core.inputtransformer2 import HelpEnd, MagicAssign


class QuestionMarkTransform(MagicAssign):
    """An entry of ``input_transformer_manager.token_transformers``."""

    priority = HelpEnd.priority - 1

    def __init__(self, start: tuple[int, int]) -> None:
        super().__init__(start)  # type: ignore[no-untyped-call]  # IPython is typed in part
        # IPython sorts by line, column, priority. The help on `x = %chat ...?` would start at the x, so we do too.
        self._column, self.start_col = self.start_col, 0

    @classmethod
    def find(cls, tokens_by_line: list[list[TokenInfo]]) -> Any:
        for line in tokens_by_line:
            tokens = [token for token in line if token.string.strip()]
            words = [token.string for token in tokens]
            for place, pair in enumerate(pairwise(words)):
                if pair != ("%", "chat") or words[-1] != "?" or set(words[place + 2 :]) == {"?"}:
                    continue
                if words[0] == "%":
                    return cls(tokens[0].start)
                if words[place - 1] == "=":
                    return cls(tokens[place].start)
        return None

    def transform(self, lines: list[str]) -> Any:
        self.start_col = self._column
        return super().transform(lines)


def install(shell: Any) -> None:
    """Let a prompt end in a question mark. A second call changes nothing."""
    uninstall(shell)
    shell.input_transformer_manager.token_transformers.append(QuestionMarkTransform)


def uninstall(shell: Any) -> None:
    """Undo :func:`install`."""
    entries = shell.input_transformer_manager.token_transformers
    # By name: after an autoreload the entry is not this module's class any more.
    ours = (__name__, QuestionMarkTransform.__name__)
    entries[:] = [entry for entry in entries if (entry.__module__, entry.__name__) != ours]
