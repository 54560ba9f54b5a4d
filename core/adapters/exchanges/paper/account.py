"""The paper account: cash, positions, margin. Every balance is a sum; no division enters one.

    equity of an asset = cash + Σ size·mark·contract_size of what is settled in it

`free` is what a new order may use: equity less initial margin for margined assets (worst case of
all open orders filling on either side), cash less what open orders hold for spot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.models import (
    BalanceData,
    FeeAsset,
    Instrument,
    MarginMode,
    OrderSide,
    PositionData,
)
from core.adapters.exchanges.paper.moments import moment
from core.adapters.exchanges.paper.orders import OpenInterest
from core.domain.fees import Fee
from core.domain.position import (
    MONEY,
    ZERO,
    Position,
    cash_flow,
    liquidation_price,
    maintenance_margin,
    unrealized,
    value_of,
)

_SHOWN: Final = Decimal(1).scaleb(-12)


@dataclass(slots=True)
class Holding:
    """One symbol of the account."""

    instrument: Instrument
    position: Position
    leverage: Decimal
    margin_mode: MarginMode
    mark: Callable[[], Decimal | None]
    interest: OpenInterest

    @property
    def price(self) -> Decimal:
        """Mark; the average entry while there is no mark, 0 while flat without one."""
        mark = self.mark()
        if mark is None:
            mark = self.position.entry_price
        return ZERO if mark is None else mark

    @property
    def value(self) -> Decimal:
        """Signed worth at mark, exact."""
        size = self.position.size
        return value_of(size, self.price, self.instrument.contract_size) if size else ZERO

    @property
    def unrealized(self) -> Decimal:
        """Open result at mark, rounded average entry."""
        return unrealized(self.position, self.price, self.instrument.contract_size)

    @property
    def maintenance(self) -> Decimal:
        """Maintenance margin at mark."""
        return maintenance_margin(self.value, self.instrument.maintenance_margin_rate)

    def exposure(self, value: Decimal, buys: Decimal = ZERO, sells: Decimal = ZERO) -> Decimal:
        """Largest notional when all open orders of one side fill, and so much more on top.

        Args:
            value: Signed worth of the position.
            buys: Notional beside the open buys.
            sells: Notional beside the open sells.
        """
        interest = self.interest
        if interest.buy_value:
            buys += interest.buy_value * self._value_of_one
        if interest.sell_value:
            sells += interest.sell_value * self._value_of_one
        return max(value + buys, sells - value, abs(value))

    def margin(self) -> Decimal:
        """Initial margin with the open orders."""
        return self.exposure(self.value) / self.leverage

    def position_margin(self) -> Decimal:
        """Collateral of an isolated position: its initial margin at entry."""
        entry = self.position.entry_price
        if entry is None:
            return ZERO
        value = value_of(self.position.size, entry, self.instrument.contract_size)
        return abs(value) / self.leverage

    @property
    def _value_of_one(self) -> Decimal:
        """Notional of one lot at one tick."""
        instrument = self.instrument
        return instrument.tick_size * instrument.lot_size * instrument.contract_size


class Account:
    """Cash and holdings.

    Args:
        initial_balance: Of each settlement or quote asset when it is first seen.
    """

    def __init__(self, initial_balance: Decimal) -> None:
        self._initial_balance = initial_balance
        self.cash: dict[str, Decimal] = {}
        """Asset -> cash."""
        self.holdings: dict[str, Holding] = {}
        """Symbol -> holding; spot ones have no position, their base is cash."""

    def add(self, holding: Holding) -> bool:
        """Takes an instrument in; True where that gave the account new cash."""
        instrument = holding.instrument
        self.holdings[instrument.symbol] = holding
        asset = instrument.quote if instrument.is_spot else instrument.settle
        if asset in self.cash:
            return False
        self.cash[asset] = self._initial_balance
        return True

    # -- what moves it ------------------------------------------------------------------------

    def execute(
        self, symbol: str, side: OrderSide, price: Decimal, amount: Decimal, fee: Fee
    ) -> tuple[str, ...]:
        """Books an execution and its fee.

        Returns:
            The assets whose cash changed.
        """
        holding = self.holdings[symbol]
        instrument = holding.instrument
        flow = cash_flow(side, price, amount, instrument.contract_size)
        if instrument.is_spot:
            base = amount if side is OrderSide.BUY else -amount
            self._move(instrument.base, base)
            self._move(instrument.quote, flow)
            assets: tuple[str, ...] = (instrument.base, instrument.quote)
        else:
            holding.position = holding.position.after(side, price, amount)
            self._move(instrument.settle, flow)
            assets = (instrument.settle,)
        if fee.amount:
            self._move(fee.asset, -fee.amount)
            if fee.asset not in assets:
                assets += (fee.asset,)
        return assets

    def receive(self, asset: str, amount: Decimal) -> None:
        """Books a payment; negative is paid."""
        self._move(asset, amount)

    # -- what it is worth ---------------------------------------------------------------------

    def equity(self, asset: str) -> Decimal:
        """Cash and open results in an asset, exact."""
        worth = self.cash.get(asset, ZERO)
        for holding in self._margined(asset):
            worth = MONEY.add(worth, holding.value)
        return worth

    def free(self, asset: str) -> Decimal:
        """What new orders may use; may be negative after losses."""
        left = self.equity(asset)
        for holding in self.holdings.values():
            left -= self._held(holding, asset)
        return left

    def room_for(
        self, symbol: str, side: OrderSide, notional: Decimal, fee: Decimal
    ) -> tuple[Decimal, Decimal]:
        """(needed, there) of a margined order, both in the settlement asset."""
        holding = self.holdings[symbol]
        value = holding.value
        now = holding.exposure(value)
        if side is OrderSide.BUY:
            after = holding.exposure(value, buys=notional)
        else:
            after = holding.exposure(value, sells=notional)
        if after <= now:
            return ZERO, ZERO
        needed = (after - now) / holding.leverage + max(fee, ZERO)
        return needed, self.free(holding.instrument.settle)

    def balances(self, venue: str, at_ns: int, assets: Iterable[str] = ()) -> list[BalanceData]:
        """Assets that are not zero (or exactly the named ones), sorted."""
        chosen = set(assets)
        return [
            self._balance(venue, asset, at_ns)
            for asset in sorted(chosen or self.cash)
            if chosen or self.cash[asset] or any(self._margined(asset))
        ]

    def position_data(
        self, venue: str, symbol: str, at_ns: int, liquidation: Decimal | None
    ) -> PositionData:
        """A margined position, flat ones too."""
        holding = self.holdings[symbol]
        position = holding.position
        return PositionData(
            venue=venue,
            symbol=symbol,
            size=position.size,
            entry_price=position.entry_price,
            mark_price=holding.mark(),
            liquidation_price=None if liquidation is None else _shown(liquidation),
            unrealized_pnl=_shown(holding.unrealized),
            margin=_shown(abs(holding.value) / holding.leverage),
            leverage=holding.leverage,
            margin_mode=holding.margin_mode,
            at=moment(at_ns),
        )

    # -- liquidation --------------------------------------------------------------------------

    def liquidation_price(self, symbol: str) -> Decimal | None:
        """The mark at which the venue closes the position; None for flat or never."""
        holding = self.holdings[symbol]
        position = holding.position
        if position.entry_price is None:
            return None
        instrument = holding.instrument
        if holding.margin_mode is MarginMode.ISOLATED:
            collateral = holding.position_margin()
        else:
            # Cash and entry value: what is there without the position's own open result.
            entry_value = value_of(position.size, position.entry_price, instrument.contract_size)
            collateral = self.cash[instrument.settle] + entry_value
            for other in self._margined(instrument.settle):
                if other is not holding:
                    collateral += self._support(other)
        return liquidation_price(
            position, collateral, instrument.maintenance_margin_rate, instrument.contract_size
        )

    def to_liquidate(self, symbol: str) -> str | None:
        """The symbol whose position must be closed now that `symbol` has a new mark, if any."""
        holding = self.holdings[symbol]
        if holding.instrument.is_spot:
            return None
        if holding.margin_mode is MarginMode.ISOLATED:
            if holding.position.is_flat:
                return None
            equity = holding.position_margin() + holding.unrealized
            return symbol if equity <= holding.maintenance else None
        asset = holding.instrument.settle
        cross = [item for item in self._cross(asset) if not item.position.is_flat]
        needed = sum((item.maintenance for item in cross), ZERO)
        if not cross or self._cross_equity(asset) > needed:
            return None
        return max(cross, key=lambda item: item.maintenance).instrument.symbol

    # -- inside -------------------------------------------------------------------------------

    def _move(self, asset: str, amount: Decimal) -> None:
        self.cash[asset] = MONEY.add(self.cash.get(asset, ZERO), amount)

    def _margined(self, asset: str) -> Iterable[Holding]:
        return (
            holding
            for holding in self.holdings.values()
            if not holding.instrument.is_spot
            and holding.instrument.settle == asset
            and not holding.position.is_flat
        )

    def _cross(self, asset: str) -> Iterable[Holding]:
        return (item for item in self._margined(asset) if item.margin_mode is MarginMode.CROSS)

    def _support(self, other: Holding) -> Decimal:
        """What another position adds to a cross position's collateral; mostly it takes."""
        if other.margin_mode is MarginMode.ISOLATED:
            return other.value - other.position_margin() - other.unrealized
        return other.value - other.maintenance

    def _cross_equity(self, asset: str) -> Decimal:
        """Equity that cross positions share: all but the collateral and result of isolated ones."""
        worth = self.equity(asset)
        for holding in self._margined(asset):
            if holding.margin_mode is MarginMode.ISOLATED:
                worth -= holding.position_margin() + holding.unrealized
        return worth

    def _held(self, holding: Holding, asset: str) -> Decimal:
        """What open orders and positions of a symbol keep of an asset."""
        instrument = holding.instrument
        if not instrument.is_spot:
            return holding.margin() if instrument.settle == asset else ZERO
        interest = holding.interest
        if asset == instrument.base:
            return instrument.amount(interest.sell_lots)
        if asset != instrument.quote or not interest.buy_value:
            return ZERO
        value = interest.buy_value * instrument.tick_size * instrument.lot_size
        return value + buy_fee_cushion(instrument, value * instrument.contract_size)

    def _balance(self, venue: str, asset: str, at_ns: int) -> BalanceData:
        equity = self.cash.get(asset, ZERO)
        open_result = ZERO
        held = ZERO
        for holding in self.holdings.values():
            if not holding.instrument.is_spot and holding.instrument.settle == asset:
                equity = MONEY.add(equity, holding.value)
                open_result += holding.unrealized
            held += self._held(holding, asset)
        free = _shown(max(equity - held, ZERO))
        return BalanceData(
            venue=venue,
            asset=asset,
            total=MONEY.subtract(equity, _shown(open_result)),
            free=free,
            used=max(equity - free, ZERO),
            equity=equity,
            at=moment(at_ns),
        )


def buy_fee_cushion(instrument: Instrument, notional: Decimal) -> Decimal:
    """Quote that a spot buy holds for its fee; none where the fee is taken in base."""
    if instrument.fee_asset is FeeAsset.BASE:
        return ZERO
    rates = (instrument.maker_fee or ZERO, instrument.taker_fee or ZERO, ZERO)
    return notional * max(rates)


def _shown(value: Decimal) -> Decimal:
    """Rounded for people: a division leaves more digits than anyone reads."""
    return value.quantize(_SHOWN, context=MONEY) if value else ZERO
