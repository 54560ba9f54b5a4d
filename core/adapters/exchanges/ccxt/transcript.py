"""What ccxt makes of a recording, message by message, through our door.

A message of a socket goes to the `handle_message` of ccxt's class, an answer of REST to the method
that would have asked for it, with nothing behind them: no socket, no request, no signature. What
ccxt tells is read by the same words as at trading (`Words`). A message of which ccxt makes nothing
is counted as unknown; one that it stumbles over is refused.
"""

# ruff: noqa: ANN401 # ccxt has no types

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Collection, Coroutine, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import localcontext
from itertools import pairwise
from typing import Any, Final

from core.adapters.exchanges.ccxt.client import make_client
from core.adapters.exchanges.ccxt.convert import Words
from core.adapters.exchanges.ccxt.instruments import listing_of
from core.adapters.exchanges.ccxt.rest import decode_text
from core.adapters.exchanges.ccxt.spelling import Markets
from core.adapters.exchanges.ccxt.stage import Answer, Caches, Told, unsigned
from core.adapters.exchanges.ccxt.stream import told_class
from core.adapters.exchanges.ccxt.table import row_of
from core.adapters.exchanges.models import (
    BalanceData,
    FillData,
    FundingRateData,
    Instrument,
    OHLCVData,
    OrderBookData,
    OrderData,
    PositionData,
    TickerData,
    TradeData,
)
from core.adapters.exchanges.settings import VenueSettings
from core.adapters.exchanges.transcript import CHANNELS, SENT, UNKNOWN, Entry, Line
from core.errors import ConfigError, MalformedMessage

_KINDS: Final[dict[str, type]] = {
    "balances": BalanceData,
    "candles": OHLCVData,
    "fills": FillData,
    "funding": FundingRateData,
    "instruments": Instrument,
    "orderbook": OrderBookData,
    "orders": OrderData,
    "positions": PositionData,
    "ticker": TickerData,
    "trades": TradeData,
}
_ANSWERS: Final = (
    (r"candle|kline|ohlc|chart", "fetch_ohlcv"),
    (r"instrument|asset_pairs|products\b|symbols\b|exchange_?info", "fetch_markets"),
    (r"my_?trades|fills", "fetch_my_trades"),
    (r"open_orders", "fetch_open_orders"),
    (r"closed_orders", "fetch_closed_orders"),
    (r"order_?book|depth|level2|/book", "fetch_order_book"),
    (r"trades|market/histories", "fetch_trades"),
    (r"ticker", "fetch_ticker"),
    (r"funding", "fetch_funding_rate_history"),
    (r"get_orders|http_orders?\b", "fetch_orders"),
    (r"balance|http_accounts\b", "fetch_balance"),
    (r"positions", "fetch_positions"),
)
"""What the recorder called an answer -> the method of ccxt that reads it."""
_WITHOUT_SYMBOL: Final = frozenset(
    {"fetch_balance", "fetch_closed_orders", "fetch_markets", "fetch_my_trades"}
    | {"fetch_open_orders", "fetch_orders", "fetch_positions"}
)
_NAMES: Final = ("symbol", "instrument_name", "product_id", "instId", "ticker", "tradeable")
"""Fields by which an answer says what it is about."""
_NOBODY_KNOWS_WHEN: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class CcxtTranscript:
    """Reads a recording of a venue that ccxt knows; what was skipped is counted beside.

    Raises:
        ConfigError: From the constructor, if ccxt has no such venue, or the channel is unknown.
    """

    venue: str
    channel: str
    skipped: dict[str, int] = field(default_factory=dict)
    """Why -> how many messages were left out."""
    unknown: dict[str, int] = field(default_factory=dict)
    """Stays empty: which fields ccxt passes over, it does not say."""
    _client: Any = field(init=False)
    _words: Words = field(init=False)
    _told: Told = field(init=False, default_factory=Told)
    _answer: Answer = field(init=False, default_factory=Answer)
    _found: list[tuple[str, Any]] = field(init=False, default_factory=list)
    """What caches told of the message in hand: kind, and the row."""
    _tickers: dict[str, object] = field(init=False, default_factory=dict)
    """Symbol -> ccxt's ticker that was told last: it may come under several hashes."""

    def __post_init__(self) -> None:
        if self.channel != "all" and self.channel not in _KINDS:
            raise ConfigError(
                f"{self.venue} has no channel {self.channel!r}.",
                source="arguments",
                remedy=f"Known: all, {', '.join(CHANNELS)}.",
            )
        row = row_of(self.venue)
        self._client = make_client(row, VenueSettings(urls={}), {}, self._answer, self._told)
        self._words = Words(row, "")
        self._learn([])
        self._prepare()

    def read(self, lines: Iterable[bytes]) -> Iterator[Entry]:
        """Every line that belongs to the channel, in order; blank lines are passed over."""
        for number, line in enumerate(lines, start=1):
            if line.strip():
                entry = self._entry(number, line)
                if entry is not None:
                    yield entry

    # -- one line -----------------------------------------------------------------------------

    def _entry(self, number: int, text: bytes) -> Entry | None:
        decoded = decode_text(text)
        if decoded is None:
            return Entry(line=number, message=None, error=f"{self.venue} sent what is no JSON")
        row = Line.of(decoded)
        if row is None:
            self._skip(SENT)
            return None
        name = row.hint.partition(" ")[0].partition("?")[0] or None
        before = sum(self.skipped.values())
        try:
            with localcontext():  # ccxt changes the rounding of the context it runs in
                told, items = self._read(row)
        except MalformedMessage as error:
            return Entry(line=number, message=name, error=str(error))
        except Exception as error:  # noqa: BLE001 # whatever ccxt raises: it is no message
            why = f"{type(error).__name__}: {error}"[:200]
            return Entry(line=number, message=name, error=f"{self.venue}: ccxt refuses it: {why}")
        wanted = self._wanted(items)
        if wanted:
            return Entry(line=number, message=name or told, items=wanted)
        if not items and sum(self.skipped.values()) == before:
            self._skip(UNKNOWN)
        return None

    def _wanted(self, items: list[object]) -> tuple[object, ...]:
        """What belongs to the channel; a message of another one is counted."""
        if self.channel == "all":
            return tuple(items)
        wanted = tuple(item for item in items if isinstance(item, _KINDS[self.channel]))
        if items and not wanted:
            self._skip(f"other channel: {type(items[0]).__name__}")
        return wanted

    def _read(self, row: Line) -> tuple[str, list[object]]:
        """What a row is called, and what it says."""
        at = row.received_at or _NOBODY_KNOWS_WHEN
        method = _method_of(row.hint) if row.is_answer else None
        if row.is_answer:
            return ("", []) if method is None else (method, self._asked(method, row, at))
        self._found.clear()
        self._told.results.clear()
        self._told.failure = None
        self._client.handle_message(self._told, row.payload)
        if self._told.failure is not None:
            raise self._told.failure
        items = [item for kind, each in self._found for item in self._item(kind, each, at)]
        for name, result in self._told.results:
            items.extend(self._result(name, result, at))
        told = self._told.results[0][0] if self._told.results else ""
        return told, items

    # -- sockets ------------------------------------------------------------------------------

    def _prepare(self) -> None:
        """Caches that tell, and nothing that would go on by itself."""
        from ccxt.async_support.base.ws import cache

        client = self._client

        def hear(base: type, kind: str) -> Any:
            return told_class(base, lambda row: self._found.append((kind, row)))(1000)

        client.trades = Caches(lambda _symbol: hear(cache.ArrayCache, "trade"))
        client.ohlcvs = Caches(
            lambda symbol: Caches(
                lambda frame: hear(cache.ArrayCacheByTimestamp, f"candle {frame} {symbol}")
            )
        )
        client.orders = hear(cache.ArrayCacheBySymbolById, "order")
        client.myTrades = hear(cache.ArrayCacheBySymbolById, "fill")
        client.positions = hear(cache.ArrayCacheBySymbolBySide, "position")
        client.spawn = lambda *_arguments: None
        client.sign = unsigned
        client.load_markets = self._markets
        client.check_required_credentials = lambda *_arguments: True

    async def _markets(self, *_arguments: object, **_named: object) -> Any:
        return self._client.markets

    def _result(self, name: str, result: object, at: datetime) -> Iterator[object]:
        """Books, tickers and positions, which have no cache of their own."""
        if isinstance(result, dict) and "bids" in result and "asks" in result:
            symbol = result.get("symbol") or name.partition(":")[2]
            if self.channel not in {"all", "orderbook"}:
                self._skip(f"other channel: {OrderBookData.__name__}")  # a whole book is long
            elif self._knows(symbol):
                yield self._words.book(result, str(symbol), at)
            return
        rows = result if isinstance(result, list) else [result]
        if isinstance(result, dict) and "symbol" not in result:
            rows = [*result.values()]
        for row in rows:
            if isinstance(row, dict) and row.get("symbol") and {"bid", "last"} <= row.keys():
                symbol = str(row["symbol"])
                if self._tickers.get(symbol) is not row and self._knows(symbol):
                    self._tickers[symbol] = row
                    yield self._ticker(row, at)

    def _ticker(self, row: Any, at: datetime) -> TickerData:
        """One that says a price: of an older protocol ccxt finds none, and says so by nothing.

        Raises:
            MalformedMessage: For one without any.
        """
        ticker = self._words.ticker(row, at)
        if not {ticker.bid, ticker.ask, ticker.last, ticker.mark, ticker.index} - {None}:
            raise MalformedMessage(
                f"{self.venue}: ccxt finds no price in a ticker of {ticker.symbol}: "
                "another protocol than the one it speaks"
            )
        return ticker

    def _item(self, kind: str, row: Any, at: datetime) -> Iterator[object]:
        """One row of a cache."""
        if kind.startswith("candle"):
            _, frame, symbol = kind.split(" ", 2)
            if self._knows(symbol):
                yield from self._words.candles([row], symbol, frame, at)
        elif self._knows(row.get("symbol")):
            if kind == "trade":
                yield self._words.trade(row, at)
            elif kind == "order":
                yield self._words.order(row)
            elif kind == "position":
                yield self._words.position(row)
            else:
                yield self._words.fill(row, at)

    # -- answers ------------------------------------------------------------------------------

    def _asked(self, method: str, row: Line, at: datetime) -> list[object]:
        """What an answer says, read by the method that would have asked for it."""
        self._answer.body = row.payload
        if method == "fetch_markets":
            return self._learn(_done(self._client.fetch_markets()))
        if not callable(getattr(self._client, method, None)):
            return []
        if method in _WITHOUT_SYMBOL:
            return self._told_by(method, _done(getattr(self._client, method)()), "", at)
        symbol = self._about(row)
        found = _done(getattr(self._client, method)(symbol))
        return self._told_by(method, found, symbol, at) if self._knows(symbol) else []

    def _told_by(self, method: str, found: Any, symbol: str, at: datetime) -> list[object]:
        words = self._words
        if method == "fetch_order_book":
            return [words.book(found, symbol, at)]
        if method == "fetch_ticker":
            return [self._ticker(found, at)]
        if method == "fetch_ohlcv":
            return [*words.candles(found, symbol, self._length(found), at)]
        if method == "fetch_balance":
            return [*words.balances(found)]
        read: Callable[[Any], object] = {
            "fetch_trades": lambda row: words.trade(row, at),
            "fetch_my_trades": lambda row: words.fill(row, at),
            "fetch_funding_rate_history": lambda row: words.funding(row, at),
            "fetch_positions": words.position,
        }.get(method, words.order)
        return [read(row) for row in found if self._knows(row.get("symbol"))]

    def _about(self, row: Line) -> str:
        """What an answer is about, as ccxt calls it.

        Raises:
            MalformedMessage: If neither the answer nor the question says it.
        """
        by_id = self._client.markets_by_id
        key = row.asked_for or _named(row.payload, by_id.keys())
        if not key or key not in by_id:
            raise MalformedMessage(f"{self.venue}: this answer does not say what it is about")
        return str(by_id[key][0]["symbol"])

    def _length(self, rows: list[Any]) -> str:
        """How long the candles of an answer are, by the time between them.

        Raises:
            MalformedMessage: If they do not tell.
        """
        times = sorted({int(row[0]) for row in rows})
        steps = {second - first for first, second in pairwise(times)}
        seconds = min(steps) // 1000 if steps else 0
        for name in self._client.timeframes or ():
            if self._client.parse_timeframe(name) == seconds:
                return str(name)
        raise MalformedMessage(f"{self.venue}: these candles do not say how long they are")

    # -- instruments --------------------------------------------------------------------------

    def _learn(self, markets: list[Any]) -> list[object]:
        """Markets that the recording lists; others are known by their spelling alone."""
        client = self._client
        client.set_markets(markets)
        found = self._words.take_markets(client.markets, client.precisionMode)
        client.markets_by_id = Markets(client, client.markets_by_id or {}, is_by_id=True)
        client.markets = Markets(client, client.markets or {}, is_by_id=False)
        return [listing.instrument for listing in found if listing.instrument is not None]

    def _knows(self, symbol: object) -> bool:
        """Whether ctos trades a symbol of ccxt's through this door; what it does not is counted."""
        words, name = self._words, str(symbol)
        if name in words.listings:
            return True
        market = self._client.markets[name] if name in self._client.markets else None  # noqa: SIM401 # asking makes a guess
        listing = listing_of(words.row, market, self._client.precisionMode) if market else None
        if listing is None:
            self._skip(f"not traded through this door: {name[:40]}")
            return False
        words.listings[name] = listing
        words.unified.setdefault(listing.symbol, name)
        return True

    def _skip(self, why: str) -> None:
        self.skipped[why] = self.skipped.get(why, 0) + 1


def _method_of(hint: str) -> str | None:
    """The method of ccxt that reads an answer of such a name."""
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", hint).lower()
    return next((method for words, method in _ANSWERS if re.search(words, text)), None)


def _named(payload: object, known: Collection[str]) -> str:
    """The name of an instrument that stands first in an answer: by its field, or as a key."""
    if isinstance(payload, dict):
        for name in _NAMES:
            if isinstance(payload.get(name), str):
                return str(payload[name])
        listed = next((key for key in payload if key in known), "")
        return listed or next(
            (key for value in payload.values() if (key := _named(value, known))), ""
        )
    return _named(payload[0], known) if isinstance(payload, list) and payload else ""


def _done(asked: Coroutine[Any, Any, Any]) -> Any:
    """What a question gives: it waits for nobody, but ccxt gathers some of its requests."""
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(asked)
    finally:
        loop.close()
