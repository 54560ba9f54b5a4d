"""Markets by the spelling of their names alone, for recordings that do not list them. Pure.

A guess says base, quote and whether it is a perpetual; never steps, limits or the size of a
contract. Real markets (`Markets.learn`) take the place of guesses.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from core.adapters.exchanges.ccxt.values import Unified

_PERPETUAL: Final = re.compile(r"^P[FI]_|[-_]?(PERPETUAL|PERP|SWAP|[US]UMCBL|DMCBL)$|USD[TC]?M$")
_INVERSE: Final = re.compile(r"^PI_|^[A-Z]+-PERPETUAL$|USDM$|_DMCBL$")
_EDGES: Final = re.compile(r"^P[FI]_|[-_]?(PERPETUAL|PERP|SWAP|[US]UMCBL|DMCBL|_SPBL)$")
_QUOTES: Final = ("USDT", "USDC", "USD", "EUR", "GBP", "BTC", "ETH", "KCS")
"""Longer ones first: a name without a mark in between ends in one of them."""


def guess(client: Any, key: str) -> Unified | None:  # noqa: ANN401 # ccxt has no types
    """A market of ccxt's by a venue's name of it; None for a text that names no pair.

    Args:
        client: ccxt's exchange object: knows other spellings of assets, and whether it has spot.
        key: The venue's name.
    """
    text = key.upper()
    if re.fullmatch(r"[A-Z0-9][A-Z0-9_/.-]{2,40}", text, re.ASCII) is None:
        return None
    is_swap = _PERPETUAL.search(text) is not None or not client.has.get("spot")
    is_inverse = _INVERSE.search(text) is not None
    pair = _pair(re.sub(r"(USD[TC]?)M$", r"\1", _EDGES.sub("", text)), is_swap=is_swap)
    if pair is None:
        return None
    base, quote = (str(client.safe_currency_code(asset)) for asset in pair)
    settle = (base if is_inverse else "USDC" if quote == "USD" else quote) if is_swap else None
    found: Unified = client.safe_market_structure(
        {
            "id": key,
            "symbol": f"{base}/{quote}:{settle}" if settle else f"{base}/{quote}",
            "base": base,
            "quote": quote,
            "settle": settle,
            "type": "swap" if is_swap else "spot",
            "spot": not is_swap,
            "swap": is_swap,
            "contract": is_swap,
            "linear": not is_inverse if is_swap else None,
            "inverse": is_inverse if is_swap else None,
            "active": True,
            "precision": {"price": None, "amount": None},
        }
    )
    return found


def _pair(text: str, *, is_swap: bool) -> tuple[str, str] | None:
    parts = [part for part in re.split(r"[-_/]", text) if part]
    if len(parts) == 2:  # a pair
        return parts[0], parts[1]
    if len(parts) != 1:
        return None
    for quote in _QUOTES:
        if text.endswith(quote) and len(text) > len(quote):
            return text.removesuffix(quote), quote
    return (text, "USD") if is_swap else None


class Markets(dict[str, Any]):
    """What ccxt looks markets up in: those that were learnt, and others by their spelling.

    Args:
        client: ccxt's exchange object.
        known: What it knows.
        is_by_id: Whether each key leads to a list of markets, as ccxt's ids do.
    """

    def __init__(self, client: Any, known: Mapping[str, Any], *, is_by_id: bool) -> None:  # noqa: ANN401 # ccxt has no types
        super().__init__(known)
        self._client = client
        self._is_by_id = is_by_id

    def __contains__(self, key: object) -> bool:
        if super().__contains__(key):
            return True
        if not isinstance(key, str) or (not self._is_by_id and "/" not in key):
            return False
        found = guess(self._client, key.partition(":")[0] if not self._is_by_id else key)
        if found is None or (not self._is_by_id and found["symbol"] != key):
            return False
        self[key] = [found] if self._is_by_id else found
        if self._is_by_id:
            self._client.markets[found["symbol"]] = found
        return True

    def __missing__(self, key: str) -> Any:  # noqa: ANN401 # ccxt has no types
        if key in self:
            return self[key]
        raise KeyError(key)
