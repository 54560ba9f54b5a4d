"""Where paper orders meet the market. Pure: integers in, matches out.

Prices count units (a tick is a whole number of them), amounts count parts (a lot is). The market's
rows are recorded or simulated, so our orders never change them; they only ask what would have been.

    judge(order, market)   what an order does on acceptance: take, rest, expire, or be refused
    rest(order, market)    it joins its level, and learns what stands ahead of it
    meet(row)              which resting orders a row fills: best price first, then oldest
    fill / remove          the venue carried a match out, or an order is gone

When a resting order fills is one rule of three. `through`: whole, when a trade prints strictly
beyond its price or the opposite quote stands beyond it. `touch`: whole, at its price already.
`queue`: whole when traded through; at its price, what is left of the trades after the volume that
stood ahead of it when it was accepted. All fill at the order's own price.

`reach` names the nearest prices at which a row could matter, so that a row inside costs two
comparisons.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from core.adapters.exchanges.models import TimeInForce
from core.domain.book import Execution, Levels, amount_at, walk

NEVER_BELOW: Final = -(1 << 62)
NEVER_ABOVE: Final = 1 << 62
NONE: Final = -1
"""A row's word for a value that it does not carry."""


class FillRule(StrEnum):
    """When a resting order fills."""

    THROUGH = "through"
    TOUCH = "touch"
    QUEUE = "queue"


class Outcome(StrEnum):
    """What becomes of an order on acceptance, after its executions."""

    RESTS = "rests"
    FILLED = "filled"
    EXPIRED = "expired"
    REFUSED = "refused"


@dataclass(slots=True, eq=False)
class Resting:
    """An order, as far as matching needs to know it."""

    number: int
    """Order of acceptance."""
    is_buy: bool
    price: int | None
    """Units; None for a market order, which never rests."""
    remaining: int
    """Parts."""
    ahead: int = 0
    """Parts that stand before it at its price (`queue` only)."""


class Market(NamedTuple):
    """What an arriving order finds."""

    last: int | None
    bids: Levels = ()
    asks: Levels = ()
    has_book: bool = False
    """Whether the sides say something; else the last trade is bid and ask of any depth."""


class Row(NamedTuple):
    """One row of a feed; -1 for what it does not carry."""

    last: int
    amount: int = NONE
    side: int = 0
    """Taker: +1 buy, -1 sell, 0 not known."""
    bid: int = NONE
    ask: int = NONE


class Acceptance(NamedTuple):
    """What an order does on arrival."""

    executions: list[Execution]
    outcome: Outcome
    code: str = ""
    """Why it expires or is refused."""


class Match(NamedTuple):
    """A resting order that a row fills, and how far."""

    order: Resting
    amount: int


class Reach(NamedTuple):
    """Prices (units) at or beyond which a row could fill something."""

    below: int
    above: int


class _Side:
    """Resting orders of one direction by price; the best price is cached."""

    __slots__ = ("is_buy", "levels", "prices")

    def __init__(self, *, is_buy: bool) -> None:
        self.is_buy = is_buy
        self.prices: list[int] = []
        """Sorted so that the best is last: bids rise, asks are negated and rise."""
        self.levels: dict[int, dict[int, Resting]] = {}
        """Key of a price -> its orders by number, oldest first."""

    def key(self, price: int) -> int:
        return price if self.is_buy else -price

    def add(self, order: Resting, price: int) -> None:
        key = self.key(price)
        level = self.levels.get(key)
        if level is None:
            insort(self.prices, key)
            self.levels[key] = {order.number: order}
        else:
            level[order.number] = order

    def remove(self, order: Resting, price: int) -> None:
        key = self.key(price)
        level = self.levels[key]
        del level[order.number]
        if not level:
            del self.levels[key]
            del self.prices[bisect_left(self.prices, key)]

    @property
    def best(self) -> int | None:
        """Best key."""
        return self.prices[-1] if self.prices else None

    def from_best(self, worst_key: int) -> Iterator[tuple[int, list[Resting]]]:
        """(key, orders oldest first) of every level down to `worst_key`."""
        for index in range(len(self.prices) - 1, -1, -1):
            key = self.prices[index]
            if key < worst_key:
                return
            yield key, list(self.levels[key].values())


class Matcher:
    """The resting orders of one symbol.

    Args:
        rule: When they fill.
        lot: Parts of a lot; partial fills are whole lots.
    """

    def __init__(self, rule: FillRule, *, lot: int = 1) -> None:
        self.rule = rule
        self.lot = lot
        self._buys = _Side(is_buy=True)
        self._sells = _Side(is_buy=False)
        self._slack = 1 if rule is FillRule.THROUGH else 0
        self.reach_below = NEVER_BELOW
        """A trade or ask at or below this could fill a buy."""
        self.reach_above = NEVER_ABOVE
        """A trade or bid at or above this could fill a sell."""

    def __len__(self) -> int:
        return sum(len(level) for side in self._sides for level in side.levels.values())

    def __iter__(self) -> Iterator[Resting]:
        """Every resting order, in no promised order."""
        for side in self._sides:
            for level in side.levels.values():
                yield from level.values()

    @property
    def reach(self) -> Reach:
        """The horizon of matching: rows strictly inside fill nothing."""
        return Reach(self.reach_below, self.reach_above)

    # -- arriving -----------------------------------------------------------------------------

    def judge(
        self,
        order: Resting,
        market: Market,
        *,
        time_in_force: TimeInForce = TimeInForce.GTC,
        post_only: bool = False,
    ) -> Acceptance:
        """What the order would do now; changes nothing.

        Marketable orders take from the book at its levels' prices, or where there is none whole at
        the last trade's price.
        """
        taken = _take(order, market, self.lot)
        if post_only and taken:
            return Acceptance([], Outcome.REFUSED, "POST_ONLY_WOULD_CROSS")
        filled = sum(execution.amount for execution in taken)
        if filled == order.remaining:
            return Acceptance(taken, Outcome.FILLED)
        if time_in_force is TimeInForce.FOK:
            return Acceptance([], Outcome.EXPIRED, "FOK_NOT_FILLED")
        if order.price is None:
            return Acceptance(taken, Outcome.EXPIRED, "NO_LIQUIDITY")
        if time_in_force is TimeInForce.IOC:
            return Acceptance(taken, Outcome.EXPIRED, "IOC_REMAINDER")
        return Acceptance(taken, Outcome.RESTS)

    def rest(self, order: Resting, market: Market | None = None) -> None:
        """Puts an order on its level; with a market it learns what stands ahead of it."""
        if order.price is None:
            raise ValueError("a market order never rests")
        if market is not None and self.rule is FillRule.QUEUE:
            order.ahead = amount_at(market.bids if order.is_buy else market.asks, order.price)
        self._side(order).add(order, order.price)
        self._cache()

    # -- rows ---------------------------------------------------------------------------------

    def meet(self, row: Row) -> list[Match]:
        """The resting orders that a row fills, buys from high to low, sells from low to high.

        Only the volume ahead (`queue`) changes; each match is to be carried out by `fill`.
        """
        last, _, _, bid, ask = row
        low = last if ask == NONE else ask if last == NONE else min(last, ask)
        high = max(last, bid)
        matches: list[Match] = []
        if low != NONE and low <= self.reach_below:
            self._collect(self._buys, row, ask, matches)
        if high != NONE and high >= self.reach_above:
            self._collect(self._sells, row, bid, matches)
        return matches

    def fill(self, order: Resting, amount: int) -> None:
        """Carries a match out; a filled order leaves its level."""
        if not 0 < amount <= order.remaining:
            raise ValueError(f"order {order.number}: {amount} of {order.remaining} cannot fill")
        order.remaining -= amount
        if order.remaining == 0:
            self.remove(order)

    def remove(self, order: Resting) -> None:
        """Takes a resting order off its level."""
        if order.price is None:
            raise ValueError("a market order never rests")
        self._side(order).remove(order, order.price)
        self._cache()

    def rescale(self, prices: int, amounts: int) -> None:
        """Goes over to units and parts that are so many times as fine."""
        if prices == amounts == 1:
            return
        found = [
            (order, side.key(key) * prices)  # a key of a key is the price
            for side in self._sides
            for key, level in side.levels.items()
            for order in level.values()
        ]
        self._buys, self._sells = _Side(is_buy=True), _Side(is_buy=False)
        self.lot *= amounts
        for order, price in sorted(found, key=lambda item: item[0].number):
            order.price = price
            order.remaining *= amounts
            order.ahead *= amounts
            self._side(order).add(order, price)
        self._cache()

    # -- inside -------------------------------------------------------------------------------

    @property
    def _sides(self) -> tuple[_Side, _Side]:
        return self._buys, self._sells

    def _side(self, order: Resting) -> _Side:
        return self._buys if order.is_buy else self._sells

    def _cache(self) -> None:
        bid, ask = self._buys.best, self._sells.best
        self.reach_below = NEVER_BELOW if bid is None else bid - self._slack
        self.reach_above = NEVER_ABOVE if ask is None else -ask + self._slack

    def _collect(self, side: _Side, row: Row, quote: int, matches: list[Match]) -> None:
        """Appends what the row fills on one side; all in keys, where higher is better."""
        trade = NEVER_ABOVE if row.last == NONE else side.key(row.last)
        stands = NEVER_ABOVE if quote == NONE else side.key(quote)
        beyond = min(trade, stands)
        is_touch = self.rule is FillRule.TOUCH
        worst = beyond + (0 if is_touch else 1)
        is_counted = self.rule is FillRule.QUEUE and _hits(row, is_buy=side.is_buy)
        if is_counted:
            worst = min(worst, trade)
        for key, orders in side.from_best(worst):
            if key > beyond or is_touch:
                matches.extend(Match(order, order.remaining) for order in orders)
            else:  # counted, and at the trade's very price: `worst` lets no other key through
                self._count(orders, row.amount, matches)

    def _count(self, orders: list[Resting], volume: int, matches: list[Match]) -> None:
        """Volume at a level's price goes to those ahead first, then to the oldest of ours."""
        for order in orders:
            eaten = min(order.ahead, volume)
            order.ahead -= eaten
            amount = min(order.remaining, (volume - eaten) // self.lot * self.lot)
            if amount > 0:
                matches.append(Match(order, amount))
                volume -= amount


def _take(order: Resting, market: Market, lot: int) -> list[Execution]:
    if market.has_book:
        levels = market.asks if order.is_buy else market.bids
    elif market.last is None:
        return []
    else:
        levels = ((market.last, 0),)
    return walk(levels, is_buy=order.is_buy, limit=order.price, amount=order.remaining, lot=lot)


def _hits(row: Row, *, is_buy: bool) -> bool:
    """Whether the row's trade is volume that met resting orders of this direction."""
    return row.last != NONE and row.amount > 0 and row.side != (1 if is_buy else -1)
