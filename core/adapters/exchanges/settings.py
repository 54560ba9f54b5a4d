"""Where a venue is and how to get there: `config/exchanges/<venue>.yaml`.

    exchange:
      urls:
        rest: http://127.0.0.1:8080
        public: ws://127.0.0.1:8080/ws
      proxy: socks5://127.0.0.1:1080
      is_testnet: false
      dead_mans_switch_s: 60

Each venue names its addresses (`ADDRESSES` in its `adapter.py`); a name it does not know is
refused, and what a file leaves out is the venue's own.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field

from core.adapters.exchanges.connection.proxy import Proxy, read_proxy
from core.errors import ConfigError
from core.infrastructure.config import load_yaml, validate
from core.infrastructure.config_types import BoolStrict, ConfigModel
from core.infrastructure.yaml_document import Document


class VenueFile(ConfigModel):
    """`config/exchanges/<venue>.yaml`, inside the key `exchange:`."""

    urls: dict[str, str] = Field(default_factory=dict)
    """Address by the venue's name of it: `rest`, `public`, `private`, `orders` …"""
    proxy: str | None = None
    """`http://HOST:PORT`, `socks4://…` or `socks5://…`, for requests and sockets."""
    is_testnet: BoolStrict = False
    """Whether addresses and signatures are those of the venue's test network."""
    dead_mans_switch_s: Annotated[int, Field(ge=10, le=3600)] | None = None
    """Seconds without us after which the venue cancels every order of the account, renewed while
    ctos runs and no foreign order rests; only where the venue has such a switch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """One of a venue's addresses."""

    main: str
    test: str = ""
    """On the test network; the venue has none where it is empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueSettings:
    """How an adapter reaches its venue."""

    urls: Mapping[str, str]
    proxy: Proxy | None = field(default=None)
    is_testnet: bool = False
    dead_mans_switch_s: int | None = None


def settings_of(addresses: Mapping[str, Address], file: VenueFile | None = None) -> VenueSettings:
    """A venue's addresses with what a file puts in their place.

    Raises:
        ConfigError: For an address that the venue does not have, or that is none.
    """
    file = file or VenueFile()
    urls = {
        name: address.test if file.is_testnet else address.main
        for name, address in addresses.items()
    }
    for name, url in file.urls.items():
        if name not in addresses:
            near = difflib.get_close_matches(name, addresses, n=1)
            raise ConfigError(
                f"is no address of this venue; it has {', '.join(addresses)}.",
                key=f"urls.{name}",
                remedy=f"Did you mean {near[0]!r}?" if near else None,
            )
        urls[name] = _checked(name, url)
    missing = [name for name, url in urls.items() if not url]
    if missing:
        raise ConfigError(
            f"this venue has no test network at: {', '.join(missing)}.", key="is_testnet"
        )
    proxy = None if file.proxy is None else read_proxy(file.proxy)
    return VenueSettings(
        urls=urls,
        proxy=proxy,
        is_testnet=file.is_testnet,
        dead_mans_switch_s=file.dead_mans_switch_s,
    )


def load_settings(
    venue: str, addresses: Mapping[str, Address], folders: tuple[Path, ...]
) -> VenueSettings:
    """The settings of a venue from the first folder that has a file `exchanges/<venue>.yaml`.

    Raises:
        ConfigError: If the file says something impossible, naming it.
    """
    for folder in folders:
        path = folder / "exchanges" / f"{venue}.yaml"
        if path.is_file():
            document = load_yaml(path)
            file = validate(VenueFile, document, ("exchange",))
            return _settled(document, addresses, file)
    return settings_of(addresses)


def _settled(
    document: Document, addresses: Mapping[str, Address], file: VenueFile
) -> VenueSettings:
    try:
        return settings_of(addresses, file)
    except ConfigError as error:
        keys = ("exchange", *(error.key or "").split("."))
        raise document.error(error.message, keys, remedy=error.remedy) from error


def _checked(name: str, url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https", "ws", "wss", "tcp") or not parts.hostname:
        raise ConfigError(
            "is no address: expected http(s)://, ws(s):// or tcp:// and a host.", key=f"urls.{name}"
        )
    return url.rstrip("/")
