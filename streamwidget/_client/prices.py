"""The price of an answer, from the tables of ``genai-prices``. They are in that package, so nothing is fetched.

A price belongs to a server and a model. A gateway may sell the same model at another price, so nothing is guessed from
the model's name alone. Servers on this machine are in no table. Their price is unknown.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from streamwidget._client.servers import SERVERS
from streamwidget._client.urls import host_of
from streamwidget._core.cost import UNKNOWN, Cost
from streamwidget._core.events import Usage

#: They say themselves what they charge, in US dollars.
_SAY_IT = frozenset({"openrouter.ai"})


def cost_of(usage: Usage | None, url: str, *models: str | None) -> Cost:
    """Return the cost of one request.

    Parameters
    ----------
    usage : Usage or None
        What the provider has counted.
    url : str
        The server's address.
    *models : str or None
        The names of the model, the best first: the one that answered, and the one that was asked.

    Returns
    -------
    Cost
        Unknown if the counts or the price are.

    Examples
    --------
    >>> print(cost_of(Usage(1000, 500, cost=0.02), "https://openrouter.ai/api/v1", "any"))
    $0.020
    >>> print(cost_of(Usage(1000, 500), "http://localhost:8000/v1", "gpt-5-mini"))
    unknown
    """
    if usage is None:
        return UNKNOWN
    if usage.cost is not None and usage.cost >= 0:
        return Cost(usage.cost, charged=True)
    if usage.prompt_tokens is None or usage.completion_tokens is None:
        return UNKNOWN
    price = next((found for model in models if (found := _price(model, url)) is not None), None)
    if price is None:
        return UNKNOWN
    model, provider, tables = price
    counted = tables.Usage(
        input_tokens=usage.prompt_tokens,
        output_tokens=usage.completion_tokens,
        cache_read_tokens=usage.cached_tokens,
        cache_write_tokens=usage.cache_write_tokens,
    )
    try:
        return Cost(float(model.calc_price(counted, provider).total_price))
    except Exception:  # noqa: BLE001  (the counts are a server's: more cached tokens than tokens, for one)
        return UNKNOWN


def has_price(url: str, model: str | None) -> bool:
    """Return True if the cost of an answer of this model will be known."""
    return host_of(url) in _SAY_IT or _price(model, url) is not None


def are_installed() -> bool:
    """Return True if there are tables."""
    return find_spec("genai_prices") is not None


def _price(model: str | None, url: str) -> tuple[Any, Any, Any] | None:
    """Return the tables' model and provider, and the tables. None if there is no such price."""
    if not model or not url.startswith("https://") or not are_installed():
        return None
    tables: Any = import_module("genai_prices")  # late: it is large, and many servers have no price
    snapshot: Any = import_module("genai_prices.data_snapshot").get_snapshot()
    for named in ({"provider_api_url": url}, *({"provider_id": name} for name in rows_at(url))):
        try:
            place = {"provider_id": None, "provider_api_url": None, **named}
            provider, found = snapshot.find_provider_model(model, None, **place)
        except Exception:  # noqa: BLE001  (LookupError, and what a name of somebody else's may do)
            continue
        return found, provider, tables
    return None


def rows_at(url: str) -> list[str]:
    """Return the names of the providers at an address, of our own table.

    Examples
    --------
    >>> rows_at("https://api.together.ai/v1"), rows_at("https://example.org")
    (['together'], [])
    """
    host = host_of(url)
    return [name for name, server in SERVERS.items() if server.base_url and host_of(server.base_url) == host]
