"""Which instrument of a venue a person means, and what to say when there is none. Pure.

A symbol is taken in canonical spelling, in the venue's own, and in any other that says base and
quote (`symbols.py`). Nothing is guessed that would change what a price means: `PEPE` is not taken
for `kPEPE`, whose prices are a thousand times those of `PEPE`, and USDC not for USDT; the nearest
ones are named instead.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from decimal import Decimal

from core.adapters.exchanges.models import ExchangeType, Instrument, plain
from core.adapters.exchanges.symbols import read_spelling, unit_of


def find(
    known: Mapping[str, Instrument],
    symbol: str,
    kind: ExchangeType | None = None,
    *,
    is_kind_binding: bool = False,
) -> Instrument | None:
    """The instrument that a symbol in any spelling means; of several the perpetual.

    Args:
        known: By canonical symbol.
        symbol: As somebody wrote it.
        kind: The market that was asked for beside it; what the symbol says when None.
        is_kind_binding: Whether an instrument of another kind is no answer.
    """
    wanted = read_spelling(symbol)
    kind = kind or wanted.market_type
    found = [item for item in known.values() if symbol in {item.symbol, item.venue_symbol}] or [
        item
        for item in known.values()
        if read_spelling(item.symbol).matches(wanted) and kind in {None, item.market_type}
    ]
    if kind is not None:
        of_kind = [item for item in found if item.market_type == kind]
        found = of_kind if of_kind or is_kind_binding else found
    if len(found) > 1:
        found = [item for item in found if not item.is_spot] or found
    return found[0] if found else None


def hint(known: Iterable[Instrument], symbol: str, *, most: int = 8) -> str:
    """What could have been meant, as a sentence."""
    rows = list(known)
    asset, units = unit_of(_base_of(symbol))
    same = [item for item in rows if unit_of(item.base)[0].upper() == asset.upper()]
    if same:
        return " ".join(_related(item, units) for item in same[:most])
    names = [item.symbol for item in rows]
    near = difflib.get_close_matches(symbol.upper(), names, n=1, cutoff=0.3)
    if near:
        return f"Did you mean {near[0]}?"
    shown = ", ".join(sorted(names)[:most])
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"Known: {shown}{more}." if names else ""


def _base_of(symbol: str) -> str:
    """The base as it was written: a small `k` before a name says a thousand."""
    base = read_spelling(symbol).base
    begin = symbol.upper().find(base)
    return symbol[begin : begin + len(base)] if begin >= 0 else base


def _related(item: Instrument, wanted: Decimal) -> str:
    """One instrument of the same asset, and how it differs from what was asked for."""
    asset, units = unit_of(item.base)
    if units != wanted:
        return f"It has {item.symbol}, whose unit is {plain(units)} {asset}: prices are of that."
    return f"It has {item.symbol}."
