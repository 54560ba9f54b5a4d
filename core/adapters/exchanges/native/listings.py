"""The instruments of a venue by our symbol and by the venue's key, and what parsers read with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from decimal import Decimal

from core.adapters.exchanges.decoding import Listing, Reading
from core.adapters.exchanges.metadata import changes
from core.adapters.exchanges.models import Instrument, OrderOptions, OrderType, plain
from core.errors import NotSent, NotSupported, OrderRejected


class Listings:
    """What is tradable at a venue; refreshed as a whole.

    Args:
        venue: Its name.
        account: Identity of our account; messages of another one are refused.
    """

    def __init__(self, venue: str, account: str = "") -> None:
        self.venue = venue
        self.account = account
        self.by_symbol: dict[str, Listing] = {}
        self.by_key: dict[str, Listing] = {}
        """The venue's key in messages -> listing."""
        self._reading = Reading(venue=venue, listings=self.by_key)

    def __iter__(self) -> Iterator[Listing]:
        return iter(self.by_symbol.values())

    def replace(self, listings: Iterable[Listing]) -> None:
        """Takes in the venue's list; of two with one symbol the one that trades counts."""
        self.by_key.clear()
        self.by_symbol.clear()
        for listing in listings:
            self.by_key[listing.key] = listing
            known = self.by_symbol.get(listing.symbol)
            if known is None or (listing.is_trading and not known.is_trading):
                self.by_symbol[listing.symbol] = listing

    @property
    def unknown(self) -> dict[str, int]:
        """Fields and words that no parser knows -> how often they came."""
        return dict(self._reading.unknown)

    def reading(self, received_at: datetime | None, *, asked_for: str = "") -> Reading:
        """What a parser may know of a message that came now."""
        reading = self._reading
        reading.received_at = received_at
        reading.asked_for = asked_for
        reading.account = self.account
        return reading

    @property
    def lost(self) -> dict[str, int]:
        """Topic -> messages of the venue that are known to be missing for good."""
        return {
            name.removesuffix(":lost"): count
            for name, count in self._reading.unknown.items()
            if name.endswith(":lost")
        }

    def count(self, what: str, count: int = 1) -> None:
        """Counts something that was ignored."""
        self._reading.unknown[what] += count

    def of(self, symbol: str) -> Listing:
        """The listing of a symbol, to ask about it.

        Raises:
            NotSupported: If the venue has no such symbol.
        """
        listing = self.by_symbol.get(symbol)
        if listing is None:
            raise NotSupported(f"{self.venue} has no {symbol[:40]}.", venue=self.venue)
        return listing

    def instruments(self) -> list[Instrument]:
        """The rules of everything that trades, sorted by symbol."""
        return sorted(
            (item.instrument for item in self if item.instrument is not None and item.is_trading),
            key=lambda instrument: instrument.symbol,
        )

    def to_trade(self, symbol: str) -> tuple[Listing, Instrument]:
        """The listing and rules of a symbol that an order is for.

        Raises:
            OrderRejected: If the venue has no such symbol, or does not trade it now.
        """
        listing = self.by_symbol.get(symbol)
        if listing is None or listing.instrument is None:
            raise _refused(self.venue, "SYMBOL", f"has no {symbol[:40]}")
        if not listing.is_trading:
            raise _refused(self.venue, "HALTED", f"does not trade {symbol} now")
        return listing, listing.instrument


def rules_change(before: Listing | None, after: Listing | None) -> str:
    """What became different of an instrument that is traded, in words; empty where nothing did."""
    if before is None or before.instrument is None:
        return ""
    if after is None or after.instrument is None:
        return "it is not listed any more"
    found = changes(before.instrument, after.instrument)
    if before.is_trading is not after.is_trading:
        state = "it trades again" if after.is_trading else "it does not trade now"
        found = "; ".join(filter(None, (state, found)))
    return found


def check_order(
    instrument: Instrument,
    order_type: OrderType,
    amount: Decimal,
    price: Decimal | None,
    options: OrderOptions,
    tick: Decimal | None = None,
) -> None:
    """Refuses what the instrument's rules forbid, before anything is sent (reliability V20).

    Args:
        instrument: The rules.
        order_type: Limit or market.
        amount: Base units.
        price: Of a limit order.
        options: The rest.
        tick: Price step at this price, where that is not the instrument's.

    Raises:
        OrderRejected: Naming the rule; nothing was sent, and nothing is ever rounded here.
    """
    if amount <= 0:
        raise _broken(instrument, "AMOUNT", f"the amount {plain(amount)} is not above 0")
    if amount % instrument.lot_size:
        problem = f"is no multiple of the lot {plain(instrument.lot_size)}"
        raise _broken(instrument, "LOT", f"the amount {plain(amount)} {problem}")
    if amount < instrument.min_amount:
        problem = f"is below the minimum {plain(instrument.min_amount)}"
        raise _broken(instrument, "MIN_AMOUNT", f"the amount {plain(amount)} {problem}")
    if instrument.max_amount is not None and amount > instrument.max_amount:
        problem = f"is above the maximum {plain(instrument.max_amount)}"
        raise _broken(instrument, "MAX_AMOUNT", f"the amount {plain(amount)} {problem}")
    if (order_type is OrderType.LIMIT) is not (price is not None):
        problem = "a limit order has a price, a market order has none"
        raise _broken(instrument, "PRICE", problem)
    if price is None:
        return
    step = tick or instrument.tick_size
    if price <= 0 or price % step:
        problem = f"the price {plain(price)} is no multiple of the tick {plain(step)}"
        raise _broken(instrument, "TICK", problem)
    notional = instrument.notional(price, amount)
    if notional < instrument.min_notional and not options.reduce_only:
        least = f"{plain(instrument.min_notional)} {instrument.quote}"
        problem = f"notional {plain(notional)} is below the minimum {least}"
        raise _broken(instrument, "MIN_NOTIONAL", problem)


def check_leaves(venue: str, may_leave: Callable[[], bool] | None) -> None:
    """The last look of whoever sends an order, where something else was asked for before.

    Args:
        venue: Where to.
        may_leave: Of the order's options.

    Raises:
        NotSent: If what came in between forbids it.
    """
    if may_leave is not None and not may_leave():
        raise NotSent(f"{venue}: the order was withdrawn before it left.", venue=venue)


def _broken(instrument: Instrument, code: str, problem: str) -> OrderRejected:
    return _refused(instrument.venue, code, f"{instrument.symbol}: {problem}")


def _refused(venue: str, code: str, problem: str) -> OrderRejected:
    return OrderRejected(f"{venue} {problem}; nothing was sent.", venue=venue, code=code)
