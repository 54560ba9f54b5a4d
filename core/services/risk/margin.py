"""Whether an account can carry a new bot beside everything else on it. Pure.

    needed = for each symbol, the worst of what is held and what rests, at its leverage
             (for the symbol of a bot that runs at least its whole plan)
           + the whole plan of the new bot
    refused while needed > what the account is worth

The worst of a symbol is what would be held if every order that makes the position larger filled.
Spot is bought with money, not margin: what rests and the plan are held against the money itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.models import (
    BalanceData,
    Instrument,
    OrderData,
    OrderSide,
    PositionData,
    plain,
)

_ZERO: Final = Decimal(0)
_ONE: Final = Decimal(1)
_CENT: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanNeed:
    """What a bot could come to need, by its plan."""

    bot: str
    symbol: str
    margin: Decimal
    """Of all its entries together, at its leverage; on spot their price. Settlement asset."""
    leverage: Decimal
    """1 on spot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One part of what is needed."""

    what: str
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Headroom:
    """An account beside what it would have to carry."""

    asset: str
    worth: Decimal
    """Equity; on spot the money itself."""
    needs: tuple[Need, ...]
    """The new bot's comes last."""

    @property
    def needed(self) -> Decimal:
        """All together."""
        return sum((need.amount for need in self.needs), _ZERO)

    @property
    def is_enough(self) -> bool:
        """Whether the account can carry everything."""
        return self.needed <= self.worth

    @property
    def words(self) -> str:
        """The amounts, as a sentence."""
        parts = ", ".join(f"{_money(need.amount)} for {need.what}" for need in self.needs)
        return (
            f"the account is worth {_money(self.worth)} {self.asset}; {_money(self.needed)} would "
            f"be needed: {parts}"
        )

    @property
    def left_for_plan(self) -> Decimal:
        """What the new bot could have at most; 0 where others need everything."""
        return max(_ZERO, self.worth - self.needed + self.needs[-1].amount)


def headroom(
    instrument: Instrument,
    new: PlanNeed,
    running: Sequence[PlanNeed],
    balances: Iterable[BalanceData],
    positions: Iterable[PositionData],
    orders: Iterable[OrderData],
) -> Headroom:
    """The account beside all bots and everything else on it, in the new bot's settlement asset.

    Args:
        instrument: What the new bot trades.
        new: Its plan.
        running: Plans of bots that trade on the account.
        balances: Of the account.
        positions: Of the account, those of others included.
        orders: That rest, those of others included.
    """
    of_asset = [item for item in running if _settles_in(item.symbol, instrument)]
    held = {item.symbol: item for item in positions if _settles_in(item.symbol, instrument)}
    resting: dict[str, list[OrderData]] = {}
    for order in orders:
        if _settles_in(order.symbol, instrument):
            resting.setdefault(order.symbol, []).append(order)
    plans = {item.symbol: item for item in of_asset}
    needs = []
    for symbol in sorted({*held, *resting, *plans}):
        plan = plans.get(symbol)
        worst = _worst(held.get(symbol), resting.get(symbol, ()), is_spot=instrument.is_spot)
        now = worst / _leverage(held.get(symbol), plan or (new if symbol == new.symbol else None))
        if plan is not None:
            needs.append(Need(what=f"{plan.bot} ({symbol})", amount=max(now, plan.margin)))
        elif now:
            needs.append(Need(what=f"what is held and rests in {symbol}", amount=now))
    needs.append(Need(what=f"the plan of {new.bot} ({new.symbol})", amount=new.margin))
    worth = _worth(instrument, balances)
    return Headroom(asset=instrument.settle, worth=worth, needs=tuple(needs))


def _worth(instrument: Instrument, balances: Iterable[BalanceData]) -> Decimal:
    found = next((item for item in balances if item.asset == instrument.settle), None)
    if found is None:
        return _ZERO
    if instrument.is_spot or found.equity is None:
        return found.total
    return found.equity


def _worst(held: PositionData | None, orders: Sequence[OrderData], *, is_spot: bool) -> Decimal:
    """The largest value that a position could come to, if all that enlarges it filled."""
    buys = _value(orders, OrderSide.BUY)
    if is_spot:
        return buys
    sells = _value(orders, OrderSide.SELL)
    price = _ZERO if held is None else held.mark_price or held.entry_price or _ZERO
    now = _ZERO if held is None else held.size * price
    return max(abs(now), now + buys, sells - now)


def _value(orders: Sequence[OrderData], side: OrderSide) -> Decimal:
    return sum(
        (
            order.remaining * order.price
            for order in orders
            if order.side is side and order.price is not None and not order.reduce_only
        ),
        _ZERO,
    )


def _leverage(held: PositionData | None, plan: PlanNeed | None) -> Decimal:
    """That of the position, else of the bot; 1 where neither is known, which asks for most."""
    if held is not None and held.leverage:
        return held.leverage
    return _ONE if plan is None else plan.leverage


def _settles_in(symbol: str, instrument: Instrument) -> bool:
    """Whether a symbol is paid for with the same money, as far as its name says."""
    return symbol.split("-")[1:2] == [instrument.quote] and symbol.endswith("-SPOT") is (
        instrument.symbol.endswith("-SPOT")
    )


def _money(amount: Decimal) -> str:
    """Cents, or all digits of what is less than one."""
    return plain(amount if abs(amount) < 1 else amount.quantize(_CENT))
