"""ChatClient: an address, a key and a model; it makes streams."""

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
        Such as ``"http://localhost:11434/v1"``. Default: ``STREAMWIDGET_BASE_URL``, then ``OPENAI_BASE_URL``; with no
        key and no address configured at all, the built-in demo server.
    api_key : str, optional
        Default: ``STREAMWIDGET_API_KEY`` or ``OPENAI_API_KEY``, each only for the address that it belongs to.
    model : str, optional
        Used where a call names none. Default: ``STREAMWIDGET_MODEL``, then the server's own choice.
    provider : str, optional
        A server by name, such as ``"ollama"`` or ``"openrouter"``: its address, unless ``base_url`` is another, and its
        key from the environment variable that is customary there. An unknown name is answered with the known ones.
    timeout : Timeout, optional
        When to give up, in seconds.
    retry : RetryPolicy, optional
        When to try again, before the first delta.
    http_client : httpx.AsyncClient, optional
        Used instead of the shared one (a proxy, other certificates, a test transport). You close it.
    max_event_size : int, default 64 MiB
        Bytes that one event of a stream may have. A larger one ends the stream with outcome ``protocol_error``, so that
        a line without end cannot fill the memory.

    Raises
    ------
    ConfigurationError
        If the address is no http(s) URL, the provider is not known, the key holds characters that cannot be sent, or
        ``max_event_size`` is less than 1.

    Examples
    --------
    >>> client = ChatClient()  # doctest: +SKIP
    >>> completion = await client.stream("What is a stream?")  # doctest: +SKIP
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
        """Where requests go; None stands for the built-in demo server."""
        return self._settings.base_url

    @property
    def model(self) -> str | None:
        """The model that is used where a call names none."""
        return self._settings.model

    @property
    def needs_model(self) -> bool:
        """True where the server refuses a request that names no model."""
        return self._settings.server.needs_model

    @property
    def dialect(self) -> Dialect:
        """The words in which the server is asked."""
        return self._settings.server.dialect

    def stream(self, prompt: Prompt, model: str | None = None, **params: Any) -> ChatStream:
        """Make a stream. Nothing is sent before it is awaited, iterated, waited for or shown.

        Parameters
        ----------
        prompt : str or list of dict
            One user message, or the messages themselves (``{"role": ..., "content": ...}``).
        model : str, optional
            Default: the client's.
        **params
            Fields of the request, such as ``temperature`` or ``max_tokens``. ``stream_options`` asks for usage by
            default; None leaves it out.

        Raises
        ------
        ConfigurationError
            If there is nothing to send, or the server needs a model and none is named.
        """
        return self.request(prompt, model, params, stream=True)

    async def complete(self, prompt: Prompt, model: str | None = None, **params: Any) -> ChatCompletion:
        """Make one request that is not streamed: the choice where the answer is parsed, validated or billed whole.

        Takes, returns and raises what awaiting :meth:`stream` does.
        """
        return await self.request(prompt, model, params, stream=False)

    def request(self, prompt: Prompt, model: str | None, params: dict[str, Any], *, stream: bool) -> ChatStream:
        """Make a stream. With ``stream`` False it asks for one whole reply, and can be stopped all the same.

        Takes and raises what :meth:`stream` does, the fields of the request as a dict.

        Returns
        -------
        ChatStream
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
            As an answer would.
        """
        models = self.list_models()
        await models.stream
        return models.names

    def list_models(self) -> ModelList:
        """Make the request of :meth:`models`, which can be stopped and waited for like any other.

        Returns
        -------
        ModelList
            Its ``stream`` is to be awaited. Then its ``names`` are there.
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
