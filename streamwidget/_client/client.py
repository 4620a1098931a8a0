"""ChatClient: an address, a key and a model. It makes streams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from streamwidget._client.attempts import Attempts
from streamwidget._client.calls import refuse_if_spent
from streamwidget._client.config import Settings, resolve
from streamwidget._client.http import Transport
from streamwidget._client.request import Request
from streamwidget._client.retry import RetryPolicy
from streamwidget._client.spending import is_refused_early
from streamwidget._client.sse import MAX_EVENT_SIZE
from streamwidget._client.token_ratio import RATIOS, TokenEstimate
from streamwidget._client.transport import HTTPXTransport
from streamwidget._client.urls import host_of, secrets_in
from streamwidget._core.accumulator import MAX_TEXT
from streamwidget._core.completion import ChatCompletion
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.messages import Prompt, as_messages
from streamwidget._core.misplaced import check_fields, check_model
from streamwidget._core.secrets import Secrets, mask, shows_no_variables
from streamwidget._core.stream import ChatStream
from streamwidget._core.tab import in_tab
from streamwidget._core.timeout import Timeout
from streamwidget._core.tools import Toolbox, toolbox
from streamwidget._core.values import value_type
from streamwidget._dialects.dialect import Dialect, Question

if TYPE_CHECKING:
    from streamwidget._client.model_list import ModelList


class ChatClient:
    """A client for one server: an OpenAI-compatible one, or a provider with an API of its own. It streams answers.

    Parameters
    ----------
    base_url : str, optional
        The address, such as ``"http://localhost:11434/v1"``. Default: ``%config ChatMagics`` in a notebook, then
        ``STREAMWIDGET_BASE_URL``, then ``OPENAI_BASE_URL``. If neither an address nor a key is configured, the built-in
        demo server answers.
    api_key : str, optional
        The key. Default: ``STREAMWIDGET_API_KEY`` or ``OPENAI_API_KEY``. Each of them is sent only to its own address.
    model : str, optional
        The model for calls without one. Default: ``%config ChatMagics.model``, then ``STREAMWIDGET_MODEL``, then the
        server's own choice.
    provider : str, optional
        A server by name, such as ``"ollama"`` or ``"openrouter"``. It sets the address, unless you pass ``base_url``.
        ``"local"`` runs a model on this machine, with llama.cpp. ``"anthropic"``, ``"openai-responses"``,
        ``"google"`` and ``"ollama-native"`` speak the provider's own API.
        The key comes from the provider's own variable, such as ``OPENROUTER_API_KEY``. Default, without ``base_url``:
        ``%config ChatMagics.provider``, then ``STREAMWIDGET_PROVIDER``.
    timeout : Timeout, optional
        When to give up, in seconds. Default: ``%config ChatMagics.timeout``, then ``Timeout()``. A server on this
        machine gets 600 s for its headers, because it may load its model first.
    retry : RetryPolicy, optional
        When to try again. This happens only before the first delta.
    headers : mapping of str to str, optional
        Headers of each request, such as ``{"X-Api-Key": "...", "OpenAI-Organization": "..."}``. They replace ours of
        the same name. Their values are treated like the key: they are sent and never shown. Default: the variables in
        ``%config ChatMagics.headers_env``.
    http_client : httpx.AsyncClient, optional
        Used instead of the shared client, for a proxy, other certificates or a test transport. You close it.
    max_event_size : int, default 64 MiB
        The most bytes of one event of a stream. A larger event ends the stream with outcome ``protocol_error``, so a
        line without an end cannot fill the memory.
    max_text : int, default 16 Mi
        The most characters of an answer. A longer one is cut there, with outcome ``length`` and the warning
        ``max_text``.

    Attributes
    ----------
    timeout : Timeout
        The limits of each stream.
    retry : RetryPolicy
        The retries of each stream.

    Raises
    ------
    ConfigurationError
        If the address is not an http(s) URL, the provider is unknown (the message lists the known ones), the key or a
        header holds characters that cannot be sent, or ``max_event_size`` or ``max_text`` is less than 1.

    Examples
    --------
    >>> import streamwidget as sw
    >>> client = sw.ChatClient()  # nothing is configured, so the demo server answers
    >>> print(client.stream("Name three rivers.", max_tokens=3).wait())
    ## Name three
    >>> sw.ChatClient(provider="ollama", model="llama3.2")
    ChatClient('http://localhost:11434/v1', model='llama3.2')
    """

    _settings = Settings(None, None, None)  # a traceback shows the repr, even if __init__ failed

    @shows_no_variables
    def __init__(
        self,
        base_url: str | None = None,
        api_key: str | None = None,
        model: str | None = None,
        *,
        provider: str | None = None,
        timeout: Timeout | None = None,
        retry: RetryPolicy | None = None,
        headers: Mapping[str, str] | None = None,
        http_client: Any = None,
        max_event_size: int = MAX_EVENT_SIZE,
        max_text: int = MAX_TEXT,
    ) -> None:
        _check("timeout", timeout, Timeout, "Timeout(stall=60)")
        _check("retry", retry, RetryPolicy, "RetryPolicy(attempts=1)")
        if type(max_event_size) is not int or max_event_size < 1:
            raise ConfigurationError("max_event_size must be a whole number of bytes, from 1.")
        if type(max_text) is not int or max_text < 1:
            raise ConfigurationError("max_text must be a whole number of characters, from 1.")
        if isinstance(http_client, str | bytes | Mapping):
            raise TypeError(f"http_client must be an httpx.AsyncClient, not {type(http_client).__name__}.")
        self._settings = resolve(base_url, api_key, model, provider=provider, headers=headers)
        self._secrets = Secrets(self._settings.api_key, self._settings.headers, secrets_in(self._settings.base_url))
        self._dialect = self._settings.server.dialect  # imported now, and not in the middle of a question
        self.timeout = timeout or self._settings.timeout
        self.retry = retry or RetryPolicy()
        self._http_client = http_client
        self._max_event_size = max_event_size
        self._max_text = max_text

    def __repr__(self) -> str:
        url = mask(self._settings.place)  # its query may hold a key
        return f"ChatClient({url!r}, model={self.model!r})"

    def __reduce__(self) -> str:
        raise TypeError("A ChatClient cannot be pickled or copied: it may hold a key. Make one in each process.")

    @property
    def base_url(self) -> str | None:
        """The address of the server. None for a server that streamwidget starts itself: the demo server or ``local``.

        Examples
        --------
        >>> import streamwidget as sw
        >>> sw.ChatClient("http://localhost:8000/v1/").base_url
        'http://localhost:8000/v1'
        """
        return self._settings.base_url

    @property
    def model(self) -> str | None:
        """The model for calls without one. None if the server chooses.

        Examples
        --------
        >>> import streamwidget as sw
        >>> sw.ChatClient(model="some-model").model
        'some-model'
        """
        return self._settings.model

    @property
    def needs_model(self) -> bool:
        """True if the server refuses a request without a model.

        Examples
        --------
        >>> import streamwidget as sw
        >>> sw.ChatClient(provider="openai").needs_model, sw.ChatClient(provider="ollama").needs_model
        (True, False)
        """
        return self._settings.server.needs_model

    @property
    def dialect(self) -> Dialect:
        """The API of the server: how requests are written and answers are read.

        Examples
        --------
        >>> import streamwidget as sw
        >>> sw.ChatClient(provider="ollama").dialect.name
        'chat_completions'
        >>> sw.ChatClient(provider="anthropic").dialect.name
        'anthropic_messages'
        """
        return self._dialect

    @shows_no_variables
    def stream(
        self,
        prompt: Prompt,
        model: str | None = None,
        *,
        as_: Any = None,
        retries: int = 0,
        tools: Sequence[Any] | None = None,
        confirm: Literal["ask", "never"] = "ask",
        max_steps: int = 10,
        **params: Any,
    ) -> ChatStream:
        """Make a stream. The request is sent when you await, iterate, show or wait for it.

        Parameters
        ----------
        prompt : str, Message or list
            One user message, or all messages: ``Message`` values, or dicts such as
            ``{"role": "user", "content": "Hello"}``.
        model : str, optional
            The model. Default: the client's.
        as_ : type or dict, optional
            What the answer is to be: a pydantic model, a dataclass, a TypedDict, ``list[...]`` of one, an Enum, a
            Literal or a JSON schema. The value is in ``completion.value``.
        retries : int, default 0
            How many times to ask again, with the error, if the answer is not such a value.
        tools : sequence, optional
            What the model may call: functions with type hints, async functions, methods, or those of
            :func:`~streamwidget.mcp`. They run here, and the model is asked again with the results, until it answers.
            A dict is the JSON of a tool in the server's own form. A call of such a tool ends the answer, for you to
            run.
        confirm : str, default "ask"
            Before a tool runs that is not marked with :func:`~streamwidget.tool`, the view asks the person. Where
            nobody can be asked, it does not run. ``"never"`` asks nobody and runs all.
        max_steps : int, default 10
            The model is asked at most so often. An answer that needs more ends with outcome ``length``.
        **params
            Fields of the request, such as ``temperature`` or ``max_tokens``. By default ``stream_options`` asks for the
            usage. ``stream_options=None`` leaves it out. Default of ``max_tokens``: ``%config ChatMagics.max_tokens``,
            then ``STREAMWIDGET_MAX_TOKENS``.

        Returns
        -------
        ChatStream
            It has not started yet.

        Raises
        ------
        ConfigurationError
            If there is nothing to send, the request cannot be written as JSON, the server needs a model and you named
            none, or ``as_`` is not such a type or needs pydantic, and it is not installed. And if
            ``%config ChatMagics.budget`` is used up.

        Examples
        --------
        >>> import streamwidget as sw
        >>> stream = sw.ChatClient().stream("Name three rivers.", max_tokens=3)
        >>> stream.wait().text
        '## Name three'
        >>> messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}]
        >>> sw.ChatClient().stream(messages, temperature=0).wait().outcome
        'complete'
        >>> from dataclasses import dataclass
        >>> @dataclass
        ... class River:
        ...     name: str
        ...     km: int
        >>> said = {"text": '{"name": "Elbe", "km": 1094}'}  # what the demo server answers
        >>> sw.ChatClient().stream("Name a river.", as_=River, demo=said).wait().value
        River(name='Elbe', km=1094)
        """
        offered = toolbox(tools, confirm, max_steps)
        return self.request(prompt, model, params, stream=True, as_=as_, retries=retries, tools=offered)

    @shows_no_variables
    async def complete(
        self,
        prompt: Prompt,
        model: str | None = None,
        *,
        as_: Any = None,
        retries: int = 0,
        tools: Sequence[Any] | None = None,
        confirm: Literal["ask", "never"] = "ask",
        max_steps: int = 10,
        **params: Any,
    ) -> ChatCompletion:
        """Ask for the whole answer at once. Use it if you parse the answer, for example as JSON.

        Parameters
        ----------
        prompt : str, Message or list
            One user message, or all messages, as for :meth:`stream`.
        model : str, optional
            The model. Default: the client's.
        as_ : type or dict, optional
            What the answer is to be, as for :meth:`stream`.
        retries : int, default 0
            How many times to ask again if it is not that.
        tools, confirm, max_steps
            As for :meth:`stream`.
        **params
            Fields of the request.

        Returns
        -------
        ChatCompletion
            The same type as awaiting a stream returns.

        Raises
        ------
        ConfigurationError
            As :meth:`stream` does.
        StreamError
            If the answer fails. Its ``.completion`` holds the text so far.

        Examples
        --------
        >>> import asyncio
        >>> import streamwidget as sw
        >>> client = sw.ChatClient()
        >>> asyncio.run(client.complete("Name three rivers.", max_tokens=3)).text  # or: await client.complete(...)
        '## Name three'
        """
        offered = toolbox(tools, confirm, max_steps)
        return await self.request(prompt, model, params, stream=False, as_=as_, retries=retries, tools=offered)

    @shows_no_variables
    def request(
        self,
        prompt: Prompt,
        model: str | None,
        params: dict[str, Any],
        *,
        stream: bool,
        as_: Any = None,
        retries: int = 0,
        tools: Toolbox | None = None,
        retry: RetryPolicy | None = None,
    ) -> ChatStream:
        """Make a stream, or a request for one whole reply. You can stop both.

        Parameters
        ----------
        prompt : str, Message or list
            One user message, or all messages, as for :meth:`stream`.
        model : str or None
            The model. None: the client's.
        params : dict
            Fields of the request.
        stream : bool
            Whether the answer comes piece by piece. False asks for one whole reply.
        as_ : type or dict, optional
            What the answer is to be, as for :meth:`stream`.
        retries : int, default 0
            How many times to ask again if it is not that.
        tools : Toolbox, optional
            What the model may call.
        retry : RetryPolicy, optional
            When to try again. Default: the client's.

        Returns
        -------
        ChatStream
            It has not started yet.

        Raises
        ------
        ConfigurationError
            As :meth:`stream` does.

        Examples
        --------
        >>> import streamwidget as sw
        >>> whole = sw.ChatClient().request("Name three rivers.", None, {"max_tokens": 3}, stream=False)
        >>> whole.wait().text
        '## Name three'
        """
        _check("model", model, str, "'gpt-5'")
        check_model(model)
        check_fields(params)
        model = model or self.model
        if model is None and self.needs_model:
            raise ConfigurationError(
                f"No model chosen for {host_of(self.base_url or '')}. Its models: await client.models(). "
                "Then pass model=, or set STREAMWIDGET_MODEL."
            )
        kind, offered = value_type(as_, retries), () if tools is None else tools.tools
        question = Question(as_messages(prompt), model, self._limited(params), stream, kind, offered)
        request = self._request(question)
        try:
            request.to_http()
        except ConfigurationError:  # it says what is wrong
            raise
        except (TypeError, ValueError, RecursionError) as exc:
            raise ConfigurationError(f"The request cannot be written as JSON: {exc}.") from exc
        if is_refused_early():
            refuse_if_spent(request)
        if tools is not None and tools.runs:
            from streamwidget._client.tool_loop import ToolLoop  # late: few questions have tools

            return ChatStream(ToolLoop(request, self.timeout, retry or self.retry, tools, asks_again=retries), kind)
        return ChatStream(Attempts(request, self.timeout, retry or self.retry, asks_again=retries), kind)

    def estimate_tokens(self, prompt: Prompt, model: str | None = None) -> TokenEstimate:
        """Return about how many tokens a request has. Nothing is sent.

        It is made of what this server has counted for earlier requests of this process to the same model.

        Parameters
        ----------
        prompt : str, Message or list
            One user message, or all messages, as for :meth:`stream`.
        model : str, optional
            The model. Default: the client's.

        Returns
        -------
        TokenEstimate
            Its ``tokens``, and how many answers have taught it.

        Examples
        --------
        >>> import streamwidget as sw
        >>> sw.ChatClient("http://localhost:8000/v1").estimate_tokens("Name three rivers.")
        TokenEstimate(tokens=5, learned_from=0)
        """
        question = Question(as_messages(prompt), model or self.model, {})
        return RATIOS.estimate(host_of(self._transport().base_url), question)

    async def models(self) -> list[str]:
        """Ask the server for the names of its models.

        Returns
        -------
        list of str
            The names, in the server's order.

        Raises
        ------
        StreamError
            If the request fails.

        Examples
        --------
        >>> import asyncio
        >>> import streamwidget as sw
        >>> asyncio.run(sw.ChatClient().models())[:2]  # in a notebook: await client.models()
        ['demo', 'demo-long']
        """
        models = self.list_models()
        await models.stream
        return models.names

    def list_models(self) -> ModelList:
        """Make the request of :meth:`models`. You can stop it and wait for it like an answer.

        Returns
        -------
        ModelList
            Run its ``stream``. Then its ``names`` are complete.

        Examples
        --------
        >>> import streamwidget as sw
        >>> listing = sw.ChatClient().list_models()
        >>> listing.stream.wait().outcome
        'complete'
        >>> listing.names[:2]
        ['demo', 'demo-long']
        """
        from streamwidget._client.model_list import ModelList  # late: few clients list models

        return ModelList(self._request(Question((), None, {}, stream=False)), self.timeout, self.retry)

    def _limited(self, params: dict[str, Any]) -> dict[str, Any]:
        """Add the limit of the settings, unless the caller named one."""
        most = self._settings.max_tokens
        if most is None or not self.dialect.token_limits.isdisjoint(params):
            return params
        return {**self.dialect.limit_tokens(most), **params}

    def _request(self, question: Question) -> Request:
        settings = self._settings
        own = "" if settings.base_url else " ".join(filter(None, [settings.place, Path(settings.gguf or "").name]))
        return Request(self._transport(), self.dialect, question, self._max_event_size, self._max_text, own)

    def _transport(self) -> Transport:
        url, starts = self.base_url, self._settings.server.starts
        if url is None and starts is not None:
            return starts(self._settings.gguf, self._secrets, self._http_client)
        if url is None:
            from streamwidget.demo import shared_server

            url = shared_server().url
        if in_tab():
            from streamwidget._client.tab import transport_to  # late: no other place has a tab

            return transport_to(url, self._secrets, self._http_client)
        return HTTPXTransport(url, self._secrets, self._http_client)


def _check(name: str, value: object, kind: type, example: str) -> None:
    """Refuse an argument of the wrong type. Its value is not repeated, because it may be a key."""
    if value is not None and not isinstance(value, kind):
        raise ConfigurationError(f"{name} takes a {kind.__name__} such as {example}, not {type(value).__name__}.")
