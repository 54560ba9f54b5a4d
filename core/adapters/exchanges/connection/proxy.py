"""Proxies for requests and sockets: HTTP CONNECT, SOCKS4 and SOCKS5.

A proxy's address is a URL such as `socks5://127.0.0.1:1080` or `http://user:word@host:3128`. Its
user and password never appear in an error or a log line.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from core.errors import ConfigError, NotSent

SCHEMES: Final = ("http", "socks4", "socks5")


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """Where connections are made through."""

    scheme: str
    host: str
    port: int
    url: str = field(repr=False)
    """As it was given, with user and password."""

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}"


def read_proxy(url: str) -> Proxy:
    """The proxy that a URL names.

    Raises:
        ConfigError: If it names none; a password in it is not repeated.
    """
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = None
    if parts.scheme not in SCHEMES or not parts.hostname or port is None:
        raise ConfigError(
            "a proxy is written as http://HOST:PORT or socks5://HOST:PORT.", key="proxy"
        )
    return Proxy(scheme=parts.scheme, host=parts.hostname, port=port, url=url)


async def open_tunnel(proxy: Proxy, host: str, port: int, timeout_s: float) -> socket.socket:
    """A TCP connection to `host` through the proxy, which looks the name up itself.

    Raises:
        NotSent: If the proxy cannot be reached or refuses.
    """
    from python_socks import ProxyError, ProxyTimeoutError
    from python_socks.async_.asyncio import Proxy as Client

    try:
        opened: socket.socket = await Client.from_url(proxy.url, rdns=True).connect(
            dest_host=host, dest_port=port, timeout=timeout_s
        )
    except (ProxyError, ProxyTimeoutError, OSError, TimeoutError) as error:
        raise NotSent(
            f"the proxy {proxy} did not connect to {host}: {type(error).__name__}",
            remedy="Look at `proxy:` in the venue's file in config/exchanges.",
        ) from error
    return opened
