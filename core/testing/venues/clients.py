"""Real client libraries, pointed at a loopback venue.

ccxt keeps every address in `urls["api"]`; hosts are exchanged there and paths kept, so that what a
library makes of its own paths is what a server sees.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from core.testing.venues.server import LoopbackVenue


@asynccontextmanager
async def ccxt_client(venue: LoopbackVenue, name: str, **settings: object) -> AsyncIterator[Any]:
    """An exchange of ccxt.pro whose every address is the venue's; closed in the end.

    Args:
        venue: Where it goes.
        name: ccxt's name of the exchange.
        settings: Credentials and options as ccxt takes them.
    """
    import ccxt.pro

    exchange = getattr(ccxt.pro, name)({"enableRateLimit": False, **settings})
    exchange.urls["api"] = _repointed(exchange, exchange.urls["api"], venue.port)
    try:
        yield exchange
    finally:
        await exchange.close()


def _repointed(exchange: Any, urls: object, port: int) -> object:  # noqa: ANN401 # ccxt has no types
    if isinstance(urls, dict):
        return {name: _repointed(exchange, url, port) for name, url in urls.items()}
    parts = urlsplit(exchange.implode_hostname(urls))
    scheme = "ws" if parts.scheme in {"ws", "wss"} else "http"
    query = f"?{parts.query}" if parts.query else ""
    return f"{scheme}://127.0.0.1:{port}{parts.path}{query}"
