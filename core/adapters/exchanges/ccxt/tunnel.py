"""ccxt's sockets through a proxy: the same tunnel as that of our own connections.

ccxt wants another package for SOCKS, and asks an HTTP proxy to speak HTTP where a socket without
TLS is meant. Here every connection is made by `connection/proxy.py`, which lets the proxy look
names up.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Any, Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from core.adapters.exchanges.connection.proxy import Proxy, open_tunnel

_OPENS_IN_S: Final = 10.0


class Tunnels(aiohttp.TCPConnector):
    """Connects through a proxy.

    Args:
        proxy: Through which.
        context: Of TLS.
    """

    def __init__(self, proxy: Proxy, context: ssl.SSLContext | bool) -> None:  # noqa: FBT001 # ccxt has it so
        super().__init__(ssl=context, resolver=_Unresolved(), use_dns_cache=False)
        self._proxy = proxy

    async def _wrap_create_connection(self, *args: Any, **settings: Any) -> Any:  # noqa: ANN401 # aiohttp's own, private
        for name in ("addr_infos", "timeout", "client_error"):
            settings.pop(name, None)
        url = settings.pop("req").url
        tunnel = await open_tunnel(self._proxy, url.host, url.port, _OPENS_IN_S)
        loop = asyncio.get_running_loop()
        return await loop.create_connection(*args, **settings, sock=tunnel)


class _Unresolved(AbstractResolver):
    """No look-up: the proxy is told the name."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """An address that nobody connects to."""
        return [
            ResolveResult(
                hostname=host,
                host="127.0.0.1",
                port=port,
                family=family,
                proto=0,
                flags=0,
            )
        ]

    async def close(self) -> None:
        """Nothing is held."""


def tunnelled_session(
    proxy: Proxy,
    context: ssl.SSLContext | bool,  # noqa: FBT001 # ccxt has it so
) -> aiohttp.ClientSession:
    """A session of aiohttp whose every connection goes through a proxy."""
    return aiohttp.ClientSession(connector=Tunnels(proxy, context))
