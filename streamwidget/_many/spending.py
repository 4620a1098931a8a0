"""The spending of a batch, and the room in its budget for one more row.

Rules
-----
- Tokens are the server's counts. Without a count, 4 characters are one token.
- The next row is an estimate: the tokens of so many characters in the rows so far, and the mean of
  their answers. With a budget, the first row is asked alone, because before it nothing is known.
- A row is not asked if it would pass the budget, together with the running ones. They are finished.
- An unknown cost is not 0. If a row with a ``cost_limit`` has no known cost, no more rows are asked.
"""

from __future__ import annotations

from streamwidget._client.token_ratio import CHARACTERS_PER_TOKEN
from streamwidget._core.completion import ChatCompletion
from streamwidget._core.cost import NOTHING, Cost, dollars
from streamwidget._core.events import Usage
from streamwidget._core.exceptions import ConfigurationError


def guessed_tokens(characters: int) -> int:
    """Return about how many tokens a text of so many characters has."""
    return -(-characters // CHARACTERS_PER_TOKEN)


class Spending:
    """The tokens and the money of one batch.

    Parameters
    ----------
    token_limit : int, optional
        The most tokens, of prompts and answers together.
    cost_limit : float, optional
        The most US dollars.

    Attributes
    ----------
    tokens : int
        Of the rows that have ended.
    cost : Cost
        Of the rows that have ended.
    guessed : bool
        The server did not count all of the tokens.

    Raises
    ------
    ConfigurationError
        If a limit is not a number above 0.

    Examples
    --------
    >>> spending = Spending(token_limit=100)
    >>> spending.has_room(10, running=0), spending.has_room(10, running=1)
    (True, False)
    >>> spending.reserve(10)
    >>> spending.settle(10, 40, answer=30, characters=40, cost=Cost())
    >>> spending.estimate(40), spending.has_room(40, running=0), spending.has_room(70, running=0)
    (40, True, False)
    >>> spending.reason
    'the budget of 100 tokens is used up'
    """

    def __init__(self, token_limit: int | None = None, cost_limit: float | None = None) -> None:
        for name, limit in (("token_limit", token_limit), ("cost_limit", cost_limit)):
            if limit is not None and not (isinstance(limit, int | float) and limit > 0):
                raise ConfigurationError(f"{name} must be a number above 0, or None for no limit. Nothing was sent.")
        self._token_limit = token_limit
        self._cost_limit = cost_limit
        self._reserved = 0
        self._ended = 0  # rows
        self._answered = 0  # rows with tokens. The next three are of these rows
        self._characters = self._prompts = self._answers = 0
        self.tokens = 0
        self.cost = NOTHING
        self.guessed = False

    def estimate(self, characters: int) -> int:
        """Return about how many tokens a row with a prompt of so many characters will take."""
        if not self._answered:
            return guessed_tokens(characters)
        return characters * self._prompts // max(1, self._characters) + self._answers // self._answered

    def has_room(self, tokens: int, running: int) -> bool:
        """Return True if a row of about so many tokens may be asked beside the running ones."""
        if self._token_limit is None and self._cost_limit is None:
            return True
        if not self._ended:
            return running == 0
        if self._token_limit is not None and self.tokens + self._reserved + tokens > self._token_limit:
            return False
        if self._cost_limit is None:
            return True
        if self.cost.amount is None or not self.cost.is_known:
            return False
        return self.cost.amount * (1 + (running + 1) / max(1, self._answered)) <= self._cost_limit

    @property
    def reason(self) -> str:
        """Why no more rows are asked once there is no room."""
        if self._cost_limit is not None and not self.cost.is_known:
            return f"the cost of an answer is not known, so the budget of {dollars(self._cost_limit)} cannot be kept"
        if self._cost_limit is not None and (self._token_limit is None or self.tokens < self._token_limit):
            return f"the budget of {dollars(self._cost_limit)} is used up"
        return f"the budget of {self._token_limit:,} tokens is used up"

    def reserve(self, tokens: int) -> None:
        """Note the start of a row of about so many tokens."""
        self._reserved += tokens

    def settle(self, reserved: int, tokens: int, *, answer: int, characters: int, cost: Cost) -> None:
        """Note the end of a row: its reserve, its tokens, those of its answer, its prompt's size, its cost."""
        self._reserved -= reserved
        self._ended += 1
        if tokens:  # a failed request took none, as far as anybody knows
            self.tokens += tokens
            self._answered += 1
            self._characters += characters
            self._prompts += tokens - answer
            self._answers += answer
            self.cost = self.cost + cost


def tokens_of(completion: ChatCompletion, characters: int) -> tuple[int, int, bool]:
    """Return the tokens of a row, those of its answer, and whether they are a guess.

    A request without any answer took none.

    Examples
    --------
    >>> tokens_of(ChatCompletion("abcdefgh", usage=Usage(5, 3, 8)), 20), tokens_of(ChatCompletion("abcdefgh"), 20)
    ((8, 3, False), (7, 2, True))
    >>> tokens_of(ChatCompletion(outcome="http_error"), 20)
    (0, 0, False)
    """
    usage, said = completion.usage or Usage(), len(completion.text) + len(completion.reasoning)
    answer = guessed_tokens(said) if usage.completion_tokens is None else usage.completion_tokens
    if usage.total_tokens is not None:
        return usage.total_tokens, answer, False
    if not said and completion.usage is None:
        return 0, 0, False
    prompt = guessed_tokens(characters) if usage.prompt_tokens is None else usage.prompt_tokens
    return prompt + answer, answer, usage.prompt_tokens is None or usage.completion_tokens is None
