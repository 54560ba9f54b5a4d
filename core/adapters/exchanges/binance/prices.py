"""Binance's prices over REST: what is asked, and what the market sockets ask back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from core.adapters.exchanges.binance import parse
from core.adapters.exchanges.binance.boards import Board, Boards
from core.adapters.exchanges.binance.books import Whole
from core.adapters.exchanges.binance.market_stream import key_of_topic
from core.adapters.exchanges.binance.rest import BinanceRest
from core.adapters.exchanges.connection.subscriptions import Topic
from core.adapters.exchanges.decoding import Listing
from core.adapters.exchanges.models import (
    ExchangeType,
    FundingRateData,
    OHLCVData,
    OrderBookData,
    TickerData,
    TradeData,
    to_ns,
)
from core.adapters.exchanges.native.hub import Hub
from core.errors import MalformedMessage, NotSupported

_TIMEFRAMES: Final = frozenset(
    "1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 3d 1w 1M".split()  # noqa: SIM905 # reads better
)


class Prices:
    """Questions about the market.

    Args:
        rest: Asks them.
        boards: The markets in use.
        hub: Who listens to prices.
    """

    def __init__(self, rest: BinanceRest, boards: Boards, hub: Hub) -> None:
        self._rest = rest
        self._boards = boards
        self._hub = hub
        self._venue = rest.venue
        self._clock = rest.clock

    async def ticker(self, symbol: str) -> TickerData:
        """Best prices and the last one; of perpetuals also mark and index."""
        board, listing = self._boards.of(symbol)
        market, params = board.market, {"symbol": listing.key}
        best = await self._rest.public(market, "ticker/bookTicker", params, 2)
        last = await self._rest.public(market, "ticker/price", params, 2)
        ticker = parse.parse_book_ticker(best, self._boards.reading(board))
        ticker = replace(ticker, last=parse.parse_last(last, self._boards.reading(board)))
        if market.is_spot:
            return ticker
        premium = await self._rest.public(market, "premiumIndex", params)
        for part in parse.parse_premium_index(premium, self._boards.reading(board)):
            if isinstance(part, TickerData):
                return replace(ticker, mark=part.mark, index=part.index)
        return ticker

    async def book(self, symbol: str, limit: int | None = None) -> OrderBookData:
        """Depth of at most a thousand levels."""
        board, listing = self._boards.of(symbol)
        asked = next((size for size in (5, 10, 20, 50, 100, 500) if size >= (limit or 100)), 1000)
        answer = await self._rest.public(
            board.market,
            "depth",
            {"symbol": listing.key, "limit": asked},
            board.market.depth_weight,
        )
        book = parse.parse_depth(answer, self._boards.reading(board, listing.key))
        if limit is None:
            return book
        return replace(book, bids=book.bids[:limit], asks=book.asks[:limit])

    async def candles(
        self,
        symbol: str,
        timeframe: str,
        since: datetime | None = None,
        limit: int | None = None,
    ) -> list[OHLCVData]:
        """At most a thousand candles."""
        board, listing = self._boards.of(symbol)
        if timeframe not in _TIMEFRAMES:
            raise NotSupported(
                f"{self._venue} has no candles of {timeframe[:10]}.", venue=self._venue
            )
        params: dict[str, object] = {"symbol": listing.key, "interval": timeframe}
        params["limit"] = min(limit or 500, 1000)
        if since is not None:
            params["startTime"] = to_ns(since) // 1_000_000
        answer = await self._rest.public(board.market, "klines", params, 5)
        return list(parse.parse_klines(answer, self._boards.reading(board, listing.key), timeframe))

    async def trades(
        self, symbol: str, since: datetime | None = None, limit: int | None = None
    ) -> list[TradeData]:
        """Aggregated trades, at most a thousand."""
        _, listing = self._boards.of(symbol)
        params: dict[str, object] = {"limit": min(limit or 500, 1000)}
        if since is not None:
            params["startTime"] = to_ns(since) // 1_000_000
        found = await self._agg_trades(listing, params)
        return [trade for trade in found if since is None or trade.at >= since]

    async def funding_rate(self, symbol: str) -> FundingRateData:
        """The rate of the next settlement."""
        board, listing = self._boards.of(symbol)
        if listing.market_type is not ExchangeType.PERPETUAL:
            raise NotSupported(f"{symbol} is no perpetual.", venue=self._venue)
        answer = await self._rest.public(board.market, "premiumIndex", {"symbol": listing.key})
        for part in parse.parse_premium_index(answer, self._boards.reading(board)):
            if isinstance(part, FundingRateData):
                return part
        raise MalformedMessage(f"{self._venue} told no funding of {symbol}", venue=self._venue)

    async def whole_book(self, listing: Listing) -> Whole:
        """A whole book for the stream to build on."""
        market = self._boards.of(listing.symbol)[0].market
        answer = await self._rest.public(
            market,
            "depth",
            {"symbol": listing.key, "limit": market.depth_limit},
            market.depth_weight,
        )
        board = self._boards.of(listing.symbol)[0]
        book = parse.parse_depth(answer, self._boards.reading(board, listing.key))
        assert book.sequence is not None  # noqa: S101 # `parse_depth` wants it
        bids, asks = (
            [(float(level.price), float(level.amount)) for level in side]
            for side in (book.bids, book.asks)
        )
        return Whole(
            sequence=book.sequence, at_ms=to_ns(book.at) // 1_000_000, bids=bids, asks=asks
        )

    async def tell_best(self, board: Board, topics: Sequence[Topic]) -> None:
        """Tells the best prices of these topics' instruments, with one question."""
        keys = {key_of_topic(topic) for topic in topics}
        params = {"symbol": next(iter(keys))} if len(keys) == 1 else None
        answer = await self._rest.public(board.market, "ticker/bookTicker", params, 5)
        reading = self._boards.reading(board)
        for row in answer if isinstance(answer, list) else [answer]:
            if not isinstance(row, dict) or row.get("symbol") not in keys:
                continue
            try:
                ticker = parse.parse_book_ticker(row, reading)
            except MalformedMessage:
                board.listings.count("ticker/bookTicker:refused")
                continue
            quote = self._hub.of(ticker.symbol).quote
            if quote.at is None or quote.bid is None or ticker.at > quote.at:
                self._hub.take_part(ticker.symbol, ticker)
                self._hub.tell_quote(ticker.symbol, self._clock.now())

    async def trades_from(self, listing: Listing, first: int) -> Sequence[TradeData]:
        """Public trades from an id on."""
        return await self._agg_trades(listing, {"fromId": first, "limit": 1000})

    async def _agg_trades(self, listing: Listing, params: dict[str, object]) -> list[TradeData]:
        board = self._boards.of(listing.symbol)[0]
        answer = await self._rest.public(
            board.market, "aggTrades", {"symbol": listing.key, **params}, 20
        )
        return list(parse.parse_agg_trades(answer, self._boards.reading(board, listing.key)))

    async def is_quiet(self, board: Board, topics: Sequence[Topic]) -> bool:
        """Whether REST tells what the stream told last; then its prices are fresh again."""
        key = next((key_of_topic(topic) for topic in topics), "")
        listing = board.listings.by_key.get(key)
        if listing is None:
            return not topics
        answer = await self._rest.public(
            board.market, "ticker/bookTicker", {"symbol": listing.key}, 2
        )
        told = parse.parse_book_ticker(answer, self._boards.reading(board))
        quote = self._hub.of(listing.symbol).quote
        if (quote.bid, quote.ask) != (told.bid, told.ask):
            return False
        quote.at = self._clock.now()
        self._hub.tell_quote(listing.symbol, quote.at)
        return True
