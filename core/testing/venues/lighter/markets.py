"""Lighter's numbers of the floor's instruments: perpetuals from 0, spot from 2048."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.models import Instrument, plain
from core.testing.venues.floor import Day

_FIRST_SPOT: Final = 2048
_FRACTIONS: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketName:
    """One market."""

    instrument: Instrument
    number: int

    @property
    def symbol(self) -> str:
        """`BTC`, or `ETH/USDC` for spot."""
        rules = self.instrument
        return f"{rules.base}/{rules.quote}" if rules.is_spot else rules.base

    def price(self, ticks: int) -> Decimal:
        """The price of a transaction's integer."""
        return ticks * self.instrument.tick_size

    def amount(self, lots: int) -> Decimal:
        """The amount of a transaction's integer."""
        return lots * self.instrument.lot_size


class Markets:
    """All of them.

    Args:
        instruments: Of the floor.
    """

    def __init__(self, instruments: Iterable[Instrument]) -> None:
        perps = [each for each in instruments if not each.is_spot]
        spots = [each for each in instruments if each.is_spot]
        self.perps = [MarketName(instrument=each, number=n) for n, each in enumerate(perps)]
        self.spots = [
            MarketName(instrument=each, number=n) for n, each in enumerate(spots, _FIRST_SPOT)
        ]
        everything = [*self.perps, *self.spots]
        self.by_symbol = {market.instrument.symbol: market for market in everything}
        self.by_number = {market.number: market for market in everything}

    def details(self, days: Mapping[int, Day], only: int | None = None) -> dict[str, object]:
        """`orderBookDetails`; `days` by number; of one market where `only` names it."""

        def rows(markets: list[MarketName]) -> list[dict[str, object]]:
            asked = [each for each in markets if only in {None, each.number}]
            return [_details(each, days[each.number]) for each in asked]

        return {
            "code": 200,
            "order_book_details": rows(self.perps),
            "spot_order_book_details": rows(self.spots),
        }

    def names(self) -> dict[str, object]:
        """`orderBooks`."""
        return {"code": 200, "order_books": [_row(each) for each in self.by_number.values()]}


def _percent(rate: Decimal | None) -> str:
    return f"{(rate or Decimal(0)) * 100:.4f}"


def _row(market: MarketName) -> dict[str, object]:
    rules = market.instrument
    return {
        "symbol": market.symbol,
        "market_id": market.number,
        "market_type": "spot" if rules.is_spot else "perp",
        "base_asset_id": market.number + 1,
        "quote_asset_id": 3,
        "status": "active",
        "taker_fee": _percent(rules.taker_fee),
        "is_taker_fee_enabled": True,
        "maker_fee": _percent(rules.maker_fee),
        "is_maker_fee_enabled": True,
        "liquidation_fee": "1.0000",
        "min_base_amount": plain(max(rules.lot_size, rules.min_amount)),
        "min_quote_amount": plain(rules.min_notional),
        "order_quote_limit": "281474976.710655",
        "supported_size_decimals": rules.amount_decimals,
        "supported_price_decimals": rules.price_decimals,
        "supported_quote_decimals": 6,
    }


def _details(market: MarketName, day: Day) -> dict[str, object]:
    rules = market.instrument
    row = _row(market) | {
        "size_decimals": rules.amount_decimals,
        "price_decimals": rules.price_decimals,
        "quote_multiplier": 1,
        "last_trade_price": day.last,
        "daily_trades_count": day.trades,
        "daily_base_token_volume": day.volume,
        "daily_quote_token_volume": day.value,
        "daily_price_low": day.low,
        "daily_price_high": day.high,
        "daily_price_change": day.change_ratio * 100,
        "daily_chart": {},
        "market_config": {"hidden": False},
    }
    if rules.is_spot:
        return row
    least = int(_FRACTIONS / rules.max_leverage)
    return row | {
        "default_initial_margin_fraction": least,
        "min_initial_margin_fraction": least,
        "maintenance_margin_fraction": int(rules.maintenance_margin_rate * _FRACTIONS),
        "closeout_margin_fraction": int(rules.maintenance_margin_rate * _FRACTIONS),
        "open_interest": Decimal(1),
        "mark_price": plain(day.last),
        "index_price": plain(day.last),
    }
