"""ChatClient: it has an address, a key and a model, and makes streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streamwidget._client.attempts import Attempts
from streamwidget._client.config import Settings, resolve
from streamwidget._client.exchange import Request
from streamwidget._client.http import host_of
from streamwidget._client.retry import RetryPolicy
from streamwidget._client.sse import MAX_EVENT_SIZE
from streamwidget._client.transport import HTTPXTransport
from streamwidget._core.completion import ChatCompletion
from streamwidget._core.exceptions import ConfigurationError
from streamwidget._core.messages import Prompt, as_messages
from streamwidget._core.stream import ChatStream
from streamwidget._core.timeout import Timeout
from streamwidget._dialects.dialect import Dialect, Question

if TYPE_CHECKING:
    from streamwidget._client.model_list import ModelList


class ChatClient:
    """Streams chat completions from an OpenAI-compatible server.

    Parameters
    ----------
    base_url : str, optional
        The server's address, such as ``"http://localhost:11434/v1"``. Default: ``STREAMWIDGET_BASE_URL``, then
        ``OPENAI_BASE_URL``. If neither an address nor a key is configured, the built-in demo server answers.
    api_key : str, optional
        Default: ``STREAMWIDGET_API_KEY`` or ``OPENAI_API_KEY``. Each is sent only to the address it belongs to.
    model : str, optional
        The model for calls without one. Default: ``STREAMWIDGET_MODEL``, then the server's own choice.
    provider : str, optional
        A server by name, such as ``"ollama"`` or ``"openrouter"``. It gives the address, unless ``base_url`` is another
        one, and the environment variable of the key, such as ``OPENROUTER_API_KEY``.
    timeout : Timeout, optional
        When to give up, in seconds.
    retry : RetryPolicy, optional
        When to try again, before the first delta.
    http_client : httpx.AsyncClient, optional
        Used instead of the shared one, for a proxy, other certificates or a test transport. You close it.
    max_event_size : int, default 64 MiB
        The largest event of a stream, in bytes. A larger one ends the stream with outcome ``protocol_error``, so an
        endless line cannot fill the memory.

    Raises
    ------
    ConfigurationError
        If the address is not an http(s) URL, the provider is unknown (the message lists the known ones), the key holds
        characters that cannot be sent, or ``max_event_size`` is less than 1.

    Examples
    --------
    >>> import streamwidget as sw
    >>> client = sw.ChatClient()  # nothing is configured, so the demo server answers
    >>> completion = client.stream("What is a stream?").wait()  # in a notebook also: await client.stream(...)
    >>> completion.outcome
    'complete'
    """

    _settings = Settings(None, None, None)  # a traceback shows the repr of a client that could not be made, too

    def __init__(
        self,
        base_url: str | None = None,
        api_key: str | None = None,
        model: str | None = None,
        *,
        provider: str | None = None,
        timeout: Timeout | None = None,
        retry: RetryPolicy | None = None,
        http_client: Any = None,
        max_event_size: int = MAX_EVENT_SIZE,
    ) -> None:
        if max_event_size < 1:
            raise ConfigurationError("max_event_size must be at least 1 byte.")
        try:
            self._settings = resolve(base_url, api_key, model, provider=provider)
        except ConfigurationError as exc:
            # The frames below hold the environment's keys, and `%xmode Verbose` prints the locals of every frame.
            raise exc.with_traceback(None) from None
        finally:
            del api_key
        self.timeout = timeout or Timeout()
        self.retry = retry or RetryPolicy()
        self._http_client = http_client
        self._max_event_size = max_event_size

    def __repr__(self) -> str:
        return f"ChatClient({self.base_url or 'demo server'!r}, model={self.model!r})"

    @property
    def base_url(self) -> str | None:
        """The address of the server. None: the built-in demo server."""
        return self._settings.base_url

    @property
    def model(self) -> str | None:
        """The model for calls without one. None: the server chooses."""
        return self._settings.model

    @property
    def needs_model(self) -> bool:
        """True if the server refuses a request without a model."""
        return self._settings.server.needs_model

    @property
    def dialect(self) -> Dialect:
        """The words in which the server is asked."""
        return self._settings.server.dialect

    def stream(self, prompt: Prompt, model: str | None = None, **params: Any) -> ChatStream:
        """Make a stream. Nothing is sent before you await it, iterate it, call ``wait()`` or show it.

        Parameters
        ----------
        prompt : str, Message or list
            One user message, or all messages: ``Message`` values, or dicts such as
            ``{"role": "user", "content": "Hello"}``.
        model : str, optional
            Default: the client's.
        **params
            Fields of the request, such as ``temperature`` or ``max_tokens``. ``stream_options`` asks for usage by
            default. None leaves it out.

        Returns
        -------
        ChatStream

        Raises
        ------
        ConfigurationError
            If there is nothing to send, or the server needs a model and has none.

        Examples
        --------
        >>> import streamwidget as sw
        >>> stream = sw.ChatClient().stream("Name three rivers.", max_tokens=20)
        >>> stream.wait().outcome
        'length'
        """
        return self.request(prompt, model, params, stream=True)

    async def complete(self, prompt: Prompt, model: str | None = None, **params: Any) -> ChatCompletion:
        """Ask for the whole answer at once. Choose this if you parse the answer, for example as JSON.

        Parameters
        ----------
        prompt : str, Message or list
            As for :meth:`stream`.
        model : str, optional
            Default: the client's.
        **params
            Fields of the request, such as ``temperature`` or ``response_format``.

        Returns
        -------
        ChatCompletion

        Raises
        ------
        ConfigurationError
            As for :meth:`stream`.
        StreamError
            If the request fails. Its subclass says how.

        Examples
        --------
        >>> import asyncio
        >>> import streamwidget as sw
        >>> completion = asyncio.run(sw.ChatClient().complete("count to 3"))  # or: await client.complete(...)
        >>> completion.text.split()
        ['1', '2', '3']
        """
        return await self.request(prompt, model, params, stream=False)

    def request(self, prompt: Prompt, model: str | None, params: dict[str, Any], *, stream: bool) -> ChatStream:
        """Make a stream. If ``stream`` is False it asks for one whole reply. Even then you can stop it.

        Parameters
        ----------
        prompt : str, Message or list
            As for :meth:`stream`.
        model : str or None
            None: the client's.
        params : dict
            Fields of the request.
        stream : bool
            Ask for the answer piece by piece.

        Returns
        -------
        ChatStream

        Raises
        ------
        ConfigurationError
            As for :meth:`stream`.
        """
        model = model or self.model
        if model is None and self.needs_model:
            raise ConfigurationError(
                f"No model chosen for {host_of(self.base_url or '')}. Its models: await client.models(). "
                "Then pass model=, or set STREAMWIDGET_MODEL."
            )
        request = self._request(Question(as_messages(prompt), model, params, stream=stream))
        try:
            request.to_http()
        except (TypeError, ValueError, RecursionError) as exc:
            raise ConfigurationError(f"The request cannot be written as JSON: {exc}.") from exc
        return ChatStream(Attempts(request, self.timeout, self.retry))

    async def models(self) -> list[str]:
        """Ask the server for the names of its models.

        Returns
        -------
        list of str
            In the server's order.

        Raises
        ------
        StreamError
            If the request fails.

        Examples
        --------
        >>> import asyncio
        >>> import streamwidget as sw
        >>> asyncio.run(sw.ChatClient().models())[0]  # in a notebook: await client.models()
        'demo'
        """
        models = self.list_models()
        await models.stream
        return models.names

    def list_models(self) -> ModelList:
        """Make the request of :meth:`models`. You can stop it and wait for it like any other.

        Returns
        -------
        ModelList
            Await its ``stream``. Then it has its ``names``.
        """
        from streamwidget._client.model_list import ModelList  # late: few clients list models

        return ModelList(self._request(Question((), None, {}, stream=False)), self.timeout, self.retry)

    def _request(self, question: Question) -> Request:
        url = self.base_url
        if url is None:
            from streamwidget.demo import shared_server

            url = shared_server().url
        transport = HTTPXTransport(url, self._settings.api_key, self._http_client)
        return Request(transport, self.dialect, question, self._max_event_size)
