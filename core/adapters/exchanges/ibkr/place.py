"""Where TWS listens, and whose account may be traded there. Pure.

Ports say whether money is real: 7496 (TWS) and 4001 (Gateway) are live, 7497 and 4002 are paper,
and a paper account's id begins with `D` (`DU…`). One without the other is refused before anything
is sent. A port that is none of the four says nothing; then the configuration's `is_testnet` counts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, urlsplit

from core.errors import ConfigError

LIVE_PORTS: Final = {7496: "TWS", 4001: "IB Gateway"}
PAPER_PORTS: Final = {7497: "TWS", 4002: "IB Gateway"}
CLIENT_ID: Final = 71
"""Ours where the address names none. 0 would bind orders that were placed by hand."""
_PAPER: Final = re.compile(r"D[A-Z]\d+", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """`tcp://127.0.0.1:7497?client_id=71`."""

    host: str
    port: int
    client_id: int = CLIENT_ID


def read_place(url: str) -> Place:
    """The place that an address names.

    Raises:
        ConfigError: If it is none.
    """
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = None
    if parts.scheme != "tcp" or not parts.hostname or port is None:
        raise ConfigError(
            f"{url[:80]!r} is no address of TWS: expected tcp://127.0.0.1:7497.", key="urls.tws"
        )
    ids = parse_qs(parts.query).get("client_id", [str(CLIENT_ID)])
    if not ids[0].isdigit() or int(ids[0]) == 0:
        raise ConfigError(f"{ids[0][:20]!r} is no client id: a number above 0.", key="urls.tws")
    return Place(host=parts.hostname, port=port, client_id=int(ids[0]))


def is_paper(account: str) -> bool:
    """Whether an account id is one of paper trading."""
    return _PAPER.fullmatch(account) is not None


def account_problem(place: Place, account: str, *, is_testnet: bool = False) -> str:
    """Why an account may not be traded at a place; empty if it may."""
    if place.port in LIVE_PORTS and is_paper(account):
        return (
            f"{account} is a paper account, and port {place.port} is {LIVE_PORTS[place.port]}'s "
            "live one: log in for paper trading at port 7497 or 4002"
        )
    if place.port in PAPER_PORTS and not is_paper(account):
        return (
            f"{account} is a live account, and port {place.port} is {PAPER_PORTS[place.port]}'s "
            "paper one: a live login listens at port 7496 or 4001"
        )
    if is_testnet and not is_paper(account):
        return f"{account} is a live account, and the configuration says is_testnet"
    return ""
