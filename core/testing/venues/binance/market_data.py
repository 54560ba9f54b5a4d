"""Binance's public REST answers."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from core.adapters.exchanges.models import TradeData, plain, to_ns
from core.testing.venues.binance.numbering import TradeNumbers
from core.testing.venues.binance.orders import Orders
from core.testing.venues.binance.paging import Params, in_time, newest
from core.testing.venues.binance.refusals import BAD_INTERVAL, Refused
from core.testing.venues.binance.words import (
    INTERVALS,
    agg_trade_row,
    day_row,
    exchange_info,
    key_of,
    kline_row,
    levels,
    ms,
    premium_row,
    trade_row,
)
from core.testing.venues.faults import Call
from core.testing.venues.floor import perpetuals
from core.testing.venues.server import LoopbackVenue


class MarketData:
    """What anyone may ask.

    Args:
        venue: Whose.
        orders: Names of symbols.
        numbers: Ids of trades.
    """

    def __init__(self, venue: LoopbackVenue, orders: Orders, numbers: TradeNumbers) -> None:
        self._venue = venue
        self._floor = venue.floor
        self._orders = orders
        self._numbers = numbers

    def time(self, _call: Call, _params: Params) -> object:
        """The venue's clock."""
        return {"serverTime": self._venue.now_ms()}

    def info(self, _call: Call, _params: Params) -> object:
        """Every symbol with its rules."""
        return exchange_info(self._floor, self._venue.now_ms())

    def depth(self, call: Call, params: Params) -> object:
        """The book, and the number of its newest change."""
        symbol = self._orders.symbol(params)
        book = self._venue.snapshot(call, symbol)
        limit = int(params.get("limit", "500"))
        stamp = self._venue.now_ms() if book is None else ms(book.at)
        return {
            "lastUpdateId": self._venue.tapes[symbol].last if book is None else book.sequence,
            "E": stamp,
            "T": stamp,
            "bids": [] if book is None else levels(book.bids[:limit]),
            "asks": [] if book is None else levels(book.asks[:limit]),
        }

    def trades(self, _call: Call, params: Params) -> object:
        """The newest public trades."""
        found = self._newest_trades(params)
        first = int(params.get("fromId", "0"))
        rows = [trade_row(trade) for trade in found if int(trade.trade_id) >= first]
        return newest(rows, params, 500)

    def agg_trades(self, _call: Call, params: Params) -> object:
        """The same, from an id or a time on."""
        found = self._newest_trades(params)
        first = int(params.get("fromId", "0"))
        rows = [
            agg_trade_row(trade)
            for trade in found
            if int(trade.trade_id) >= first and in_time(params, to_ns(trade.at))
        ]
        if "fromId" in params or "startTime" in params:
            return rows[: int(params.get("limit", "500"))]
        return newest(rows, params, 500)

    def _newest_trades(self, params: Params) -> list[TradeData]:
        """From old to new, under the ids that the stream told them by."""
        return [self._numbers.of(each) for each in self._floor.trades(self._orders.symbol(params))]

    def klines(self, _call: Call, params: Params) -> object:
        """Candles of an interval."""
        symbol, interval = self._orders.symbol(params), params.get("interval", "")
        if interval not in INTERVALS:
            raise Refused(BAD_INTERVAL)
        rows = [
            kline_row(candle, INTERVALS[interval])
            for candle in self._floor.candles(symbol, INTERVALS[interval], interval)
            if in_time(params, to_ns(candle.at))
        ]
        if "startTime" in params:
            return rows[: int(params.get("limit", "500"))]
        return newest(rows, params, 500)

    def day(self, _call: Call, params: Params) -> object:
        """The last 24 hours."""
        return self._each(params, self.day_of)

    def last(self, _call: Call, params: Params) -> object:
        """The last price."""
        return self._each(params, self.last_of)

    def best(self, _call: Call, params: Params) -> object:
        """Best bid and ask."""
        return self._each(params, self.best_of)

    def premium(self, _call: Call, params: Params) -> object:
        """Mark, index and the coming funding."""
        return self._each(params, self.premium_of)

    def day_of(self, symbol: str) -> object:
        """Of one symbol."""
        ticker, day = self._floor.ticker(symbol), self._floor.day(symbol)
        return day_row(ticker, day, self._orders.keys[symbol])

    def last_of(self, symbol: str) -> object:
        """Of one symbol."""
        ticker = self._floor.ticker(symbol)
        return {
            "symbol": self._orders.keys[symbol],
            "price": plain(ticker.last or Decimal(0)),
            "time": ms(ticker.at),
        }

    def best_of(self, symbol: str) -> object:
        """Of one symbol."""
        ticker = self._floor.ticker(symbol)
        return {
            "symbol": self._orders.keys[symbol],
            "bidPrice": plain(ticker.bid or Decimal(0)),
            "bidQty": plain(ticker.bid_amount or Decimal(0)),
            "askPrice": plain(ticker.ask or Decimal(0)),
            "askQty": plain(ticker.ask_amount or Decimal(0)),
            "time": ms(ticker.at),
            "lastUpdateId": self._venue.tapes[symbol].last,
        }

    def premium_of(self, symbol: str) -> object:
        """Of one symbol."""
        funding = self._floor.funding(symbol)
        return premium_row(self._floor.ticker(symbol), funding, self._orders.keys[symbol])

    def funding_history(self, _call: Call, params: Params) -> object:
        """Settled rates."""
        symbol = self._orders.symbol(params)
        return [
            {
                "symbol": self._orders.keys[symbol],
                "fundingRate": plain(payment.rate),
                "fundingTime": ms(payment.at),
                "markPrice": "",
            }
            for payment in self._floor.funding_payments(symbol)
            if in_time(params, to_ns(payment.at))
        ]

    def funding_info(self, _call: Call, _params: Params) -> object:
        """Intervals of funding."""
        return [
            {
                "symbol": key_of(each),
                "adjustedFundingRateCap": "0.02000000",
                "adjustedFundingRateFloor": "-0.02000000",
                "fundingIntervalHours": each.funding_interval_s // 3600,
                "disclaimer": False,
            }
            for each in perpetuals(self._floor.instruments.values())
            if each.funding_interval_s is not None
        ]

    def _each(self, params: Params, row: Callable[[str], object]) -> object:
        """Of one symbol, or of all that have a price."""
        if "symbol" in params:
            return row(self._orders.symbol(params))
        return [
            row(symbol)
            for symbol in [each.symbol for each in perpetuals(self._floor.instruments.values())]
            if self._floor.market(symbol).has_price
        ]
