"""Binance messages as `*Data`: spot, USDⓈ-M (`fapi`) and COIN-M (`dapi`) share these shapes.

Every function takes one decoded payload (`decoding.decode`), without the `{stream, data}` envelope
of combined streams, which `unwrap` takes off, and raises `MalformedMessage` for what cannot be
true. Sources: developers.binance.com, Spot "WebSocket Streams", "User Data Streams" and
"REST API"; USDⓈ-M "Websocket Market Streams", "User Data Streams", "Market Data Endpoints".

Traps:

- Spot's `bookTicker` and REST depth carry no time, REST depth no symbol.
- A cancelled order's report carries our id in `C`, and the cancel request's own in `c`.
- The futures `trade` stream also carries rows that are no trades (`X` other than `MARKET`).
- COIN-M amounts are contracts of a fixed dollar value.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from core.adapters.exchanges.binance.answers import NUMBERS as ORDER_NUMBERS
from core.adapters.exchanges.binance.answers import ORDER, OrderRow
from core.adapters.exchanges.binance.answers import WHOLES as ORDER_WHOLES
from core.adapters.exchanges.binance.messages import (
    NUMBERS,
    ORDER_UPDATE,
    WHOLES,
    AccountUpdate,
    FuturesReport,
    Holding,
    Report,
    Said,
    SpotReport,
    Wallet,
)
from core.adapters.exchanges.decoding import (
    MILLISECOND,
    Fields,
    Listing,
    Reading,
    array,
    malformed,
    number,
    number_of_text,
    objects,
    refuse_crossed,
    refuse_scaled,
    shape,
    sorted_book,
    time_of,
)
from core.adapters.exchanges.depth import BookDelta
from core.adapters.exchanges.models import (
    BalanceData,
    FillData,
    FundingRateData,
    Liquidity,
    MarginMode,
    OHLCVData,
    OrderBookData,
    OrderData,
    OrderSide,
    OrderStatus,
    OrderType,
    PositionData,
    TickerData,
    TimeInForce,
    TradeData,
    UserData,
)
from core.adapters.exchanges.native.molds import FillMold, OrderMold
from core.errors import MalformedMessage
from core.infrastructure.foreign_text import tame

DEFAULT_FUNDING_INTERVAL_S: Final = 8 * 3600
"""Of every perpetual that `fundingInfo` does not list ("Get Funding Rate Info")."""

_SIDES: Final = {"BUY": OrderSide.BUY, "SELL": OrderSide.SELL}
_STATUSES: Final = {
    "NEW": OrderStatus.OPEN,
    "PENDING_NEW": OrderStatus.PENDING,
    "PARTIALLY_FILLED": OrderStatus.PARTIALLY_FILLED,
    "PENDING_CANCEL": OrderStatus.OPEN,
    "FILLED": OrderStatus.FILLED,
    "CANCELED": OrderStatus.CANCELED,
    "REJECTED": OrderStatus.REJECTED,
    "EXPIRED": OrderStatus.EXPIRED,
    "EXPIRED_IN_MATCH": OrderStatus.EXPIRED,
}
_TIMES_IN_FORCE: Final = {"IOC": TimeInForce.IOC, "FOK": TimeInForce.FOK}
_ZERO: Final = Decimal(0)
_NO_REASON: Final = ("", "NONE", "0")
_UNSAID: Final = (None, "")
_MARKET_TYPES: Final = frozenset({"MARKET", "STOP_MARKET", "TAKE_PROFIT_MARKET", "STOP_LOSS"})
_MARGIN_MODES: Final = {"cross": MarginMode.CROSS, "isolated": MarginMode.ISOLATED}

_DEPTH: Final = shape("depth", "lastUpdateId E T symbol pair bids asks")
_DEPTH_UPDATE: Final = shape("depthUpdate", "e E T s ps st U u pu b a")
_BOOK_TICKER: Final = shape(
    "bookTicker",
    "e u E T s ps st b B a A symbol pair bidPrice bidQty askPrice askQty time lastUpdateId",
)
_TICKER: Final = shape("24hrTicker", "e E s ps st p P w x c Q b B a A o h l v q O C F L n")
_TICKER_REST: Final = shape(
    "ticker/24hr",
    "symbol pair priceChange priceChangePercent weightedAvgPrice prevClosePrice lastPrice lastQty"
    " bidPrice bidQty askPrice askQty openPrice highPrice lowPrice volume quoteVolume baseVolume"
    " openTime closeTime firstId lastId count",
)
_MARK_PRICE: Final = shape("markPriceUpdate", "e E s st p P i r T ap")
_PREMIUM_INDEX: Final = shape(
    "premiumIndex",
    "symbol pair markPrice indexPrice estimatedSettlePrice lastFundingRate interestRate"
    " nextFundingTime time",
)
_FUNDING_RATE: Final = shape("fundingRate", "symbol fundingRate fundingTime markPrice")
_LAST: Final = shape("ticker/price", "symbol price time ps")
_TRADE: Final = shape("trade", "e E s st t a p q f l nq b T m M X")
_TRADE_REST: Final = shape(
    "trades", "id price qty quoteQty baseQty time isBuyerMaker isBestMatch isRPITrade"
)
_KLINE_EVENT: Final = shape("kline", "e E s st k ps ct")
_KLINE: Final = shape("kline.k", "t T s i f L o c h l v n x q V Q B")
_ORDER: Final = shape("order", ORDER)
_FILL: Final = shape(
    "userTrades",
    "symbol pair id orderId orderListId price qty quoteQty baseQty commission commissionAsset time"
    " isBuyer isMaker isBestMatch buyer maker side positionSide realizedPnl marginAsset tradeId",
)
_EXECUTION_REPORT: Final = shape(
    "executionReport",
    "e E s c S o f q p P F g C x X r i l z L n N T t I w m M O Z Y Q W V v d D j J u A B U pl pL"
    " pY b a k uS cs eR er rm",
)
_ORDER_TRADE_UPDATE: Final = shape("ORDER_TRADE_UPDATE", "e E T o i")
_ORDER_UPDATE: Final = shape("ORDER_TRADE_UPDATE.o", ORDER_UPDATE)
_ACCOUNT_UPDATE: Final = shape("ACCOUNT_UPDATE", "e E T i a")
_ACCOUNT_PART: Final = shape("ACCOUNT_UPDATE.a", "m B P")
_WALLET: Final = shape("ACCOUNT_UPDATE.a.B", "a wb cw bc")
_POSITION_UPDATE: Final = shape("ACCOUNT_UPDATE.a.P", "s pa ep bep cr up mt iw ps ma")
_SPOT_POSITION: Final = shape("outboundAccountPosition", "e E u U B")
_SPOT_WALLET: Final = shape("outboundAccountPosition.B", "a f l")
_ACCOUNT: Final = shape(
    "account",
    "makerCommission takerCommission buyerCommission sellerCommission commissionRates canTrade"
    " canWithdraw canDeposit brokered requireSelfTradePrevention preventSor updateTime accountType"
    " balances permissions uid",
)
_SPOT_BALANCE: Final = shape("account.balances", "asset free locked")
_FUTURES_BALANCE: Final = shape(
    "balance",
    "accountAlias asset balance withdrawAvailable crossWalletBalance crossUnPnl availableBalance"
    " maxWithdrawAmount marginAvailable updateTime",
)
_POSITION: Final = shape(
    "positionRisk",
    "symbol positionAmt entryPrice breakEvenPrice markPrice unRealizedProfit liquidationPrice"
    " leverage maxNotionalValue maxQty marginType isolatedMargin isAutoAddMargin positionSide"
    " notional notionalValue isolatedWallet updateTime isolated adlQuantile adl initialMargin"
    " maintMargin positionInitialMargin openOrderInitialMargin bidNotional askNotional marginAsset",
)


def flag_of(raw: object, name: str, what: str) -> bool:
    """A yes or no about a key or an account; what does not say is neither.

    Raises:
        MalformedMessage: If there is no such word in the answer to `what`.
    """
    told = raw.get(name) if isinstance(raw, dict) else None
    if not isinstance(told, bool):
        raise MalformedMessage(f"binance {what}: it does not say {name}", venue="binance")
    return told


def name_of(raw: object, name: str, what: str) -> str:
    """What an account is called.

    Raises:
        MalformedMessage: As `flag_of`.
    """
    told = raw.get(name) if isinstance(raw, dict) else None
    if isinstance(told, bool) or not isinstance(told, str | int):
        raise MalformedMessage(f"binance {what}: it does not say {name}", venue="binance")
    return str(told)


def unwrap(raw: object) -> object:
    """The payload inside a combined stream's or a user stream's envelope, or `raw` itself."""
    if isinstance(raw, dict):
        if "stream" in raw and "data" in raw:
            return unwrap(raw["data"])
        if "subscriptionId" in raw and "event" in raw:
            return raw["event"]
    return raw


# -- books ------------------------------------------------------------------------------------


def parse_depth(raw: object, reading: Reading) -> OrderBookData:
    """REST `depth`: the whole book; its sequence is `lastUpdateId`.

    The answer of spot and USDⓈ-M names no symbol: that is `reading.asked_for`.
    """
    fields = Fields(raw, _DEPTH, reading)
    listing = reading.listing(fields.text_or_none("symbol") or reading.asked_for)
    bids, asks = sorted_book(fields, fields.levels("bids", listing), fields.levels("asks", listing))
    stated = "T" if fields.has("T") else "E"
    return OrderBookData(
        venue=reading.venue,
        symbol=listing.symbol,
        bids=bids,
        asks=asks,
        sequence=fields.whole("lastUpdateId"),
        at=fields.event_time(stated, MILLISECOND) if fields.has(stated) else reading.arrival(),
        received_at=reading.received_at,
    )


def parse_depth_update(raw: object, reading: Reading) -> BookDelta:
    """Stream `depth`: changed levels. Futures say `pu`, the `u` of the message before."""
    fields = Fields(raw, _DEPTH_UPDATE, reading)
    listing = reading.listing(fields.text("s"))
    return BookDelta(
        venue=reading.venue,
        symbol=listing.symbol,
        bids=fields.levels("b", listing),
        asks=fields.levels("a", listing),
        first_sequence=fields.whole("U"),
        last_sequence=fields.whole("u"),
        previous_sequence=fields.whole_or_none("pu"),
        at=fields.event_time("T" if fields.has("T") else "E", MILLISECOND),
        received_at=reading.received_at,
    )


# -- prices -----------------------------------------------------------------------------------


def parse_book_ticker(raw: object, reading: Reading) -> TickerData:
    """Stream or REST `bookTicker`: best bid and ask with their amounts."""
    fields = Fields(raw, _BOOK_TICKER, reading)
    is_rest = fields.has("symbol")
    names = ("bidPrice", "bidQty", "askPrice", "askQty") if is_rest else ("b", "B", "a", "A")
    listing = reading.listing(fields.text("symbol" if is_rest else "s"))
    bid, ask = fields.positive_or_none(names[0]), fields.positive_or_none(names[2])
    refuse_crossed(fields, bid, ask)
    stated = next((name for name in ("T", "E", "time") if fields.has(name)), None)
    return TickerData(
        venue=reading.venue,
        symbol=listing.symbol,
        bid=bid,
        bid_amount=listing.amount(fields.amount(names[1]), bid) if bid else None,
        ask=ask,
        ask_amount=listing.amount(fields.amount(names[3]), ask) if ask else None,
        at=fields.event_time(stated, MILLISECOND) if stated else reading.arrival(),
        received_at=reading.received_at,
    )


_TICKER_NAMES: Final = ("c", "b", "B", "a", "A", "o", "h", "l", "v")
_TICKER_REST_NAMES: Final = (
    "lastPrice",
    "bidPrice",
    "bidQty",
    "askPrice",
    "askQty",
    "openPrice",
    "highPrice",
    "lowPrice",
    "volume",
)


def parse_ticker(raw: object, reading: Reading) -> TickerData:
    """Stream `24hrTicker` or `24hrMiniTicker`: last price and the day; spot's has bid and ask."""
    fields = Fields(raw, _TICKER, reading)
    listing = reading.listing(fields.text("s"))
    return _ticker(fields, reading, listing, _TICKER_NAMES, fields.event_time("E", MILLISECOND))


def parse_ticker_rest(raw: object, reading: Reading) -> TickerData:
    """REST `ticker/24hr`."""
    fields = Fields(raw, _TICKER_REST, reading)
    listing = reading.listing(fields.text("symbol"))
    return _ticker(
        fields, reading, listing, _TICKER_REST_NAMES, fields.time("closeTime", MILLISECOND)
    )


def _ticker(
    fields: Fields, reading: Reading, listing: Listing, names: tuple[str, ...], at: datetime
) -> TickerData:
    last, bid, bid_amount, ask, ask_amount, day_open, high, low, volume = names
    best_bid, best_ask = fields.positive_or_none(bid), fields.positive_or_none(ask)
    refuse_crossed(fields, best_bid, best_ask)
    price = fields.positive_or_none(last)
    return TickerData(
        venue=reading.venue,
        symbol=listing.symbol,
        bid=best_bid,
        bid_amount=_scaled(listing, fields.amount_or_none(bid_amount), best_bid),
        ask=best_ask,
        ask_amount=_scaled(listing, fields.amount_or_none(ask_amount), best_ask),
        last=price,
        open_24h=fields.positive_or_none(day_open),
        high_24h=fields.positive_or_none(high),
        low_24h=fields.positive_or_none(low),
        volume_24h=_scaled(listing, fields.amount_or_none(volume), price),
        at=at,
        received_at=reading.received_at,
    )


def parse_mark_price(raw: object, reading: Reading) -> tuple[TickerData | FundingRateData, ...]:
    """Stream `markPrice`: mark and index, and for perpetuals the rate of the next settlement."""
    return _mark(Fields(raw, _MARK_PRICE, reading), reading, ("s", "p", "i", "r", "T", "E"))


def parse_premium_index(raw: object, reading: Reading) -> tuple[TickerData | FundingRateData, ...]:
    """REST `premiumIndex`: the same as `parse_mark_price`."""
    names = ("symbol", "markPrice", "indexPrice", "lastFundingRate", "nextFundingTime", "time")
    return _mark(Fields(raw, _PREMIUM_INDEX, reading), reading, names)


def _mark(
    fields: Fields, reading: Reading, names: tuple[str, str, str, str, str, str]
) -> tuple[TickerData | FundingRateData, ...]:
    symbol, mark_name, index_name, rate, next_at, stated = names
    listing = reading.listing(fields.text(symbol))
    mark, index = fields.positive(mark_name), fields.positive_or_none(index_name)
    refuse_scaled(fields, mark=mark, index=index)
    at = fields.event_time(stated, MILLISECOND)
    ticker = TickerData(
        venue=reading.venue,
        symbol=listing.symbol,
        mark=mark,
        index=index,
        at=at,
        received_at=reading.received_at,
    )
    if not fields.has(rate):
        return (ticker,)
    funding = FundingRateData(
        venue=reading.venue,
        symbol=listing.symbol,
        rate=fields.decimal(rate),
        interval_s=listing.funding_interval_s or DEFAULT_FUNDING_INTERVAL_S,
        next_at=fields.time_or_none(next_at, MILLISECOND),
        at=at,
    )
    return ticker, funding


def parse_funding_rates(raw: object, reading: Reading) -> tuple[FundingRateData, ...]:
    """REST `fundingRate`: settled rates from old to new."""
    return tuple(
        FundingRateData(
            venue=reading.venue,
            symbol=(listing := reading.listing(fields.text("symbol"))).symbol,
            rate=fields.decimal("fundingRate"),
            interval_s=listing.funding_interval_s or DEFAULT_FUNDING_INTERVAL_S,
            at=fields.time("fundingTime", MILLISECOND),
        )
        for fields in objects(raw, _FUNDING_RATE, reading)
    )


def parse_funding_marks(
    raw: object, reading: Reading
) -> tuple[tuple[Decimal, Decimal | None], ...]:
    """REST `fundingRate`: (rate, mark then) from old to new; old rows lack the mark."""
    return tuple(
        (fields.decimal("fundingRate"), fields.positive_or_none("markPrice"))
        for fields in objects(raw, _FUNDING_RATE, reading)
    )


def parse_last(raw: object, reading: Reading) -> Decimal:
    """REST `ticker/price` of one symbol: the newest trade's price."""
    return Fields(raw, _LAST, reading).positive("price")


# -- trades and candles -----------------------------------------------------------------------


def parse_trade(raw: object, reading: Reading) -> tuple[TradeData, ...]:
    """Stream `trade` or `aggTrade`, or one row of REST `aggTrades`; empty for no real trade."""
    fields = Fields(raw, _TRADE, reading)
    if fields.has("X") and fields.text("X") != "MARKET":
        reading.unknown[f"trade:X={fields.text('X')[:20]}"] += 1
        return ()
    listing = reading.listing(fields.text_or_none("s") or reading.asked_for)
    price = fields.positive("p")
    is_aggregate = not fields.has("t")
    return (
        TradeData(
            venue=reading.venue,
            symbol=listing.symbol,
            trade_id=fields.identifier("a" if is_aggregate else "t"),
            price=price,
            amount=listing.amount(fields.positive("q"), price),
            side=OrderSide.SELL if fields.flag("m") else OrderSide.BUY,
            at=fields.time("T", MILLISECOND) if not fields.has("e") else _event(fields, "T"),
            received_at=reading.received_at,
        ),
    )


def parse_agg_trades(raw: object, reading: Reading) -> tuple[TradeData, ...]:
    """REST `aggTrades` from old to new; the symbol is `reading.asked_for`."""
    return tuple(
        trade for item in array(raw, "aggTrades", reading) for trade in parse_trade(item, reading)
    )


def parse_trades(raw: object, reading: Reading) -> tuple[TradeData, ...]:
    """REST `trades` or `historicalTrades` from old to new; the symbol is `reading.asked_for`."""
    listing = reading.listing(reading.asked_for)
    return tuple(
        TradeData(
            venue=reading.venue,
            symbol=listing.symbol,
            trade_id=fields.identifier("id"),
            price=(price := fields.positive("price")),
            amount=listing.amount(fields.positive("qty"), price),
            side=OrderSide.SELL if fields.flag("isBuyerMaker") else OrderSide.BUY,
            at=fields.time("time", MILLISECOND),
            received_at=reading.received_at,
        )
        for fields in objects(raw, _TRADE_REST, reading)
    )


def parse_kline(raw: object, reading: Reading) -> OHLCVData:
    """Stream `kline`: the candle as it stands."""
    event = Fields(raw, _KLINE_EVENT, reading)
    fields = event.part("k", _KLINE)
    return _candle(
        fields,
        reading.listing(event.text("s")),
        fields.text("i"),
        {"open": "o", "high": "h", "low": "l", "close": "c", "volume": "v", "at": "t"},
        is_closed=fields.flag("x"),
    )


def parse_klines(raw: object, reading: Reading, timeframe: str) -> tuple[OHLCVData, ...]:
    """REST `klines`: arrays from old to new, of the symbol `reading.asked_for`.

    A candle is closed if its close time has passed when the answer came; without that, all are.
    """
    return tuple(_kline_row(row, reading, timeframe) for row in array(raw, "klines", reading))


_KLINE_COLUMNS: Final = ("t", "o", "h", "l", "c", "v", "T")


def _kline_row(row: object, reading: Reading, timeframe: str) -> OHLCVData:
    cells = array(row, "klines row", reading)
    fields = Fields(dict(zip(_KLINE_COLUMNS, cells, strict=False)), _KLINE, reading)
    closes_at = fields.time("T", MILLISECOND)
    return _candle(
        fields,
        reading.listing(reading.asked_for),
        timeframe,
        {"open": "o", "high": "h", "low": "l", "close": "c", "volume": "v", "at": "t"},
        is_closed=reading.received_at is None or closes_at < reading.received_at,
    )


def _candle(
    fields: Fields, listing: Listing, timeframe: str, names: dict[str, str], *, is_closed: bool
) -> OHLCVData:
    low, high = fields.positive(names["low"]), fields.positive(names["high"])
    first, last = fields.positive(names["open"]), fields.positive(names["close"])
    if low > high:
        fields.refuse(names["low"], f"is above the high: {low} > {high}")
    return OHLCVData(
        venue=fields.reading.venue,
        symbol=listing.symbol,
        timeframe=timeframe,
        at=fields.time(names["at"], MILLISECOND),
        open=first,
        high=high,
        low=low,
        close=last,
        volume=listing.amount(fields.amount(names["volume"]), last),
        is_closed=is_closed,
    )


# -- our orders and fills ---------------------------------------------------------------------


def parse_order(raw: object, reading: Reading) -> OrderData:
    """REST `order`: the answer to a create, a query or a cancel, spot or futures."""
    row = Fields(raw, _ORDER, reading).struct(OrderRow, numbers=ORDER_NUMBERS, wholes=ORDER_WHOLES)
    return read_order(row, reading)


def read_order(row: OrderRow, reading: Reading) -> OrderData:
    """The same from what was decoded straight into its fields."""
    listing = reading.listing(row.symbol)
    made, is_market = _begun_order(row, listing, reading)
    price = _amount(row, "price", row.price, reading) or None if row.price else None
    filled = _amount(row, "executedQty", row.filled, reading) if row.filled else _ZERO
    made_ms = row.created_ms or row.traded_ms
    created = _moment(row, "time", made_ms, reading) if made_ms else None
    made.client_order_id = row.first_client_order_id or row.client_order_id or None
    made.amount = listing.amount(_amount(row, "origQty", row.amount, reading), price)
    made.price = None if is_market else price
    made.filled = listing.amount(filled, price)
    made.average_price = _average(row, filled, reading) if filled else None
    made.reduce_only = row.is_reducing
    made.reason = made.raw = None
    made.created_at = created
    made.updated_at = (
        _moment(row, "updateTime", row.updated_ms, reading) if row.updated_ms else created
    )
    made.__class__ = OrderData
    order: OrderData = made
    return order


def _begun_order(said: OrderRow | Report, listing: Listing, reading: Reading) -> tuple[Any, bool]:
    """What an answer and a report say of an order alike, and whether it is a market order."""
    order_id, kind, side = str(said.order_id), said.kind, _SIDES.get(said.side)
    if side is None or not kind or not order_id:
        problem = f"side {said.side!r}, type {kind!r} and id {order_id!r} are no order's"
        raise malformed(reading, said.what, tame(problem, 120))
    status = _STATUSES.get(said.status) if isinstance(said.status, str) else None
    if status is None:
        reading.unknown[f"{said.what}:{said.word_of_status}={str(said.status)[:40]}"] += 1
        status = OrderStatus.UNKNOWN
    is_market = kind in _MARKET_TYPES
    made = OrderMold()
    made.venue = reading.venue
    made.symbol = listing.symbol
    made.order_id = order_id
    made.side = side
    made.order_type = OrderType.MARKET if is_market else OrderType.LIMIT
    made.status = status
    made.time_in_force = _TIMES_IN_FORCE.get(said.time_in_force, TimeInForce.GTC)
    made.post_only = kind == "LIMIT_MAKER" or said.time_in_force == "GTX"
    return made, is_market


def _average(row: OrderRow, filled: Decimal, reading: Reading) -> Decimal | None:
    """The average price, where the venue says it, or what it was worth altogether."""
    stated = _amount(row, "avgPrice", row.average, reading) if row.average else _ZERO
    quote = _amount(row, "cummulativeQuoteQty", row.quote, reading) if row.quote else _ZERO
    return stated or (quote / filled if quote else None)


def parse_orders(raw: object, reading: Reading) -> tuple[OrderData, ...]:
    """REST `openOrders` and `allOrders`, in the venue's order."""
    return tuple(parse_order(item, reading) for item in array(raw, "orders", reading))


def parse_fills(raw: object, reading: Reading) -> tuple[FillData, ...]:
    """REST `myTrades` (spot) and `userTrades` (futures), in the venue's order."""
    return tuple(
        FillData(
            venue=reading.venue,
            account=reading.account,
            symbol=(listing := reading.listing(fields.text("symbol"))).symbol,
            trade_id=fields.identifier("id"),
            order_id=fields.identifier("orderId"),
            side=_fill_side(fields),
            price=(price := fields.positive("price")),
            amount=listing.amount(fields.positive("qty"), price),
            fee=fields.decimal("commission"),
            fee_currency=fields.text("commissionAsset"),
            liquidity=_liquidity(fields, "maker" if fields.has("maker") else "isMaker"),
            at=fields.time("time", MILLISECOND),
            received_at=reading.received_at,
        )
        for fields in objects(raw, _FILL, reading)
    )


def parse_execution_report(raw: object, reading: Reading) -> tuple[UserData, ...]:
    """Spot user stream `executionReport`: the order, and its fill where it is one."""
    fields = Fields(raw, _EXECUTION_REPORT, reading)
    report = fields.struct(SpotReport, numbers=NUMBERS, wholes=WHOLES)
    average, created = None, report.created_ms
    if report.quote:
        quote = _amount(report, "Z", report.quote, reading)
        filled = _amount(report, "z", report.filled, reading)
        average = quote / filled if quote and filled else None
    order = _reported_order(
        report,
        reading,
        client_order_id=report.first_client_order_id or report.client_order_id,
        average=average,
        created_at=None if created is None else _moment(report, "O", created, reading),
    )
    return (order, *_reported_fill(report, reading, order))


def parse_order_trade_update(raw: object, reading: Reading) -> tuple[UserData, ...]:
    """Futures user stream `ORDER_TRADE_UPDATE`: the order, and its fill where it is one."""
    fields = Fields(raw, _ORDER_TRADE_UPDATE, reading).part("o", _ORDER_UPDATE)
    return read_report(fields.struct(FuturesReport, numbers=NUMBERS, wholes=WHOLES), reading)


def read_report(report: FuturesReport, reading: Reading) -> tuple[UserData, ...]:
    """The same of one that was decoded as what it is."""
    average = _amount(report, "ap", report.average, reading) if report.average else None
    order = _reported_order(
        report,
        reading,
        client_order_id=report.client_order_id,
        average=average or None,
        created_at=None,
    )
    return (order, *_reported_fill(report, reading, order))


def _reported_order(
    report: Report,
    reading: Reading,
    *,
    client_order_id: str,
    average: Decimal | None,
    created_at: datetime | None,
) -> OrderData:
    listing = reading.listing(report.symbol)
    made, is_market = _begun_order(report, listing, reading)
    price = _amount(report, "p", report.price, reading) or None if report.price else None
    worth = price or average
    made.client_order_id = client_order_id or None
    made.amount = listing.amount(_amount(report, "q", report.amount, reading), worth)
    made.price = None if is_market else price
    made.filled = listing.amount(_amount(report, "z", report.filled, reading), worth)
    made.average_price = average
    made.reduce_only = report.is_reducing is True
    made.reason = _reason(report)
    made.created_at = created_at
    made.updated_at = _moment(report, "T", report.at_ms, reading)
    made.raw = report.execution
    made.__class__ = OrderData
    order: OrderData = made
    return order


def _reported_fill(report: Report, reading: Reading, order: OrderData) -> tuple[FillData, ...]:
    """The execution that a report carries; none without an amount, a price or a trade id."""
    amount = _amount(report, "l", report.last_amount, reading)
    price = _amount(report, "L", report.last_price, reading) if report.last_price else None
    if not amount or report.execution not in ("TRADE", "CALCULATED"):
        return ()
    if report.trade_id is None:
        raise malformed(reading, report.what, "t is not said of an execution")
    if report.trade_id <= 0:
        return ()
    if not price:
        reading.unknown["fill:without a price"] += 1
        return ()
    fee, fee_asset = report.fee, "" if report.fee_asset is None else report.fee_asset
    if not isinstance(report.is_maker, bool) or not isinstance(fee_asset, str):
        raise malformed(reading, report.what, "m is no flag, or N no asset, of an execution")
    made = FillMold()
    made.venue = reading.venue
    made.account = reading.account
    made.symbol = order.symbol
    made.trade_id = str(report.trade_id)
    made.order_id = order.order_id
    made.client_order_id = order.client_order_id
    made.side = order.side
    made.price = price
    made.amount = reading.listing(report.symbol).amount(amount, price)
    made.fee = _number(report, "n", "0" if fee in _UNSAID else fee, reading) or _ZERO
    made.fee_currency = fee_asset
    made.liquidity = Liquidity.MAKER if report.is_maker else Liquidity.TAKER
    made.at = order.updated_at
    made.received_at = reading.received_at
    made.__class__ = FillData
    return (made,)


def _amount(said: Said, name: str, value: object, reading: Reading) -> Decimal:
    """A number of 0 or more."""
    found = _number(said, name, value, reading)
    if found < 0:
        raise malformed(reading, said.what, f"{name} should not be negative: {found}")
    return found


def _number(said: Said, name: str, value: object, reading: Reading) -> Decimal:
    try:
        return number_of_text(value) if type(value) is str else number(value)
    except ValueError:
        problem = f"{name} should be a number, not {tame(repr(value), 60)}"
        raise malformed(reading, said.what, problem) from None


def _moment(said: Said, name: str, value: int, reading: Reading) -> datetime:
    try:
        return time_of(value, MILLISECOND, reading)
    except ValueError as error:
        raise malformed(reading, said.what, f"{name} {error}") from None


def _reason(report: Report) -> str | None:
    """Why an order was refused or has expired; None where the venue names no reason."""
    for word in (report.reason, report.expiry, report.futures_expiry, report.removal):
        if isinstance(word, str) and word not in _NO_REASON:
            return word
    return None


# -- positions and balances -------------------------------------------------------------------


def parse_account_update(raw: object, reading: Reading) -> tuple[UserData, ...]:
    """Futures user stream `ACCOUNT_UPDATE`: changed balances, then changed positions.

    In hedge mode a symbol comes with a long and a short row; ctos wants one-way mode.
    """
    event = Fields(raw, _ACCOUNT_UPDATE, reading)
    part = event.part("a", _ACCOUNT_PART)
    wallets, holdings = part.items_or_empty("B"), part.items_or_empty("P")
    return _account_news(
        event.time("T", MILLISECOND),
        [item.struct(Wallet) for item in objects(wallets, _WALLET, reading)],
        [item.struct(Holding) for item in objects(holdings, _POSITION_UPDATE, reading)],
        reading,
    )


def read_account(update: AccountUpdate, reading: Reading) -> tuple[UserData, ...]:
    """The same of one that was decoded as what it is."""
    part = update.a
    try:
        at = time_of(update.T, MILLISECOND, reading)
    except ValueError as error:
        raise malformed(reading, _ACCOUNT_UPDATE.name, f"T {error}") from None
    return _account_news(at, part.B or (), part.P or (), reading)


def _account_news(
    at: datetime, wallets: Iterable[Wallet], holdings: Iterable[Holding], reading: Reading
) -> tuple[UserData, ...]:
    found: list[UserData] = []
    for wallet in wallets:
        total = _number(wallet, "wb", wallet.total, reading)
        if not wallet.asset:
            raise malformed(reading, wallet.what, "a is empty")
        found.append(
            BalanceData(
                venue=reading.venue,
                asset=wallet.asset,
                total=total,
                free=total
                if wallet.cross in _UNSAID
                else _number(wallet, "cw", wallet.cross, reading),
                at=at,
            )
        )
    found.extend(_position_news(holding, at, reading) for holding in holdings)
    return tuple(found)


def _position_news(holding: Holding, at: datetime, reading: Reading) -> PositionData:
    listing, mode, unrealized = reading.listing(holding.symbol), holding.margin_mode, None
    entry = None
    if holding.entry not in _UNSAID:
        entry = _amount(holding, "ep", holding.entry, reading) or None
    if holding.unrealized not in _UNSAID:
        unrealized = _number(holding, "up", holding.unrealized, reading)
    if mode not in _UNSAID and (not isinstance(mode, str) or mode not in _MARGIN_MODES):
        raise malformed(reading, holding.what, f"mt is no margin mode: {tame(repr(mode), 60)}")
    return PositionData(
        venue=reading.venue,
        symbol=listing.symbol,
        size=listing.amount(_number(holding, "pa", holding.size, reading), entry),
        entry_price=entry,
        unrealized_pnl=unrealized,
        margin_mode=None if mode in _UNSAID else _MARGIN_MODES[mode],
        at=at,
    )


def parse_spot_position(raw: object, reading: Reading) -> tuple[BalanceData, ...]:
    """Spot user stream `outboundAccountPosition`: every balance that may have changed."""
    event = Fields(raw, _SPOT_POSITION, reading)
    at = event.time("E", MILLISECOND)
    return tuple(
        _spot_balance(fields, ("a", "f", "l"), at)
        for fields in objects(event.items("B"), _SPOT_WALLET, reading)
    )


def parse_account(raw: object, reading: Reading) -> tuple[BalanceData, ...]:
    """REST spot `account`: every asset other than zero."""
    account = Fields(raw, _ACCOUNT, reading)
    balances = (
        _spot_balance(fields, ("asset", "free", "locked"), None)
        for fields in objects(account.items("balances"), _SPOT_BALANCE, reading)
    )
    return tuple(balance for balance in balances if balance.total)


def _spot_balance(fields: Fields, names: tuple[str, str, str], at: datetime | None) -> BalanceData:
    free, used = fields.amount(names[1]), fields.amount(names[2])
    return BalanceData(
        venue=fields.reading.venue,
        asset=fields.text(names[0]),
        total=free + used,
        free=free,
        used=used,
        at=at,
    )


def parse_balances(raw: object, reading: Reading) -> tuple[BalanceData, ...]:
    """REST futures `balance`: every asset other than zero."""
    found = []
    for fields in objects(raw, _FUTURES_BALANCE, reading):
        total = fields.decimal("balance")
        unrealized = fields.decimal_or_none("crossUnPnl") or Decimal(0)
        free = fields.decimal(
            "availableBalance" if fields.has("availableBalance") else "withdrawAvailable"
        )
        if total or unrealized:
            found.append(
                BalanceData(
                    venue=reading.venue,
                    asset=fields.text("asset"),
                    total=total,
                    free=free,
                    used=max(total - free, Decimal(0)),
                    equity=total + unrealized,
                    at=fields.time_or_none("updateTime", MILLISECOND),
                )
            )
    return tuple(found)


def parse_positions(raw: object, reading: Reading) -> tuple[PositionData, ...]:
    """REST `positionRisk`: every position other than flat."""
    found = []
    for fields in objects(raw, _POSITION, reading):
        size = fields.decimal("positionAmt")
        if size:
            listing = reading.listing(fields.text("symbol"))
            entry = fields.positive_or_none("entryPrice")
            mode = fields.text_or_none("marginType")
            found.append(
                PositionData(
                    venue=reading.venue,
                    symbol=listing.symbol,
                    size=listing.amount(size, entry),
                    entry_price=entry,
                    mark_price=fields.positive_or_none("markPrice"),
                    liquidation_price=fields.positive_or_none("liquidationPrice"),
                    unrealized_pnl=fields.decimal_or_none("unRealizedProfit"),
                    margin=fields.positive_or_none("isolatedMargin"),
                    leverage=fields.positive_or_none("leverage"),
                    margin_mode=_MARGIN_MODES.get(mode) if mode else None,
                    at=fields.time_or_none("updateTime", MILLISECOND),
                )
            )
    return tuple(found)


_INCOME: Final = shape("income", "symbol incomeType income asset info time tranId tradeId")


@dataclass(frozen=True, slots=True, kw_only=True)
class Income:
    """A funding settlement as the venue words it: without rate and position."""

    symbol: str
    payment_id: str
    amount: Decimal
    """Positive is received."""
    at: datetime


def parse_income(raw: object, reading: Reading) -> tuple[Income, ...]:
    """REST `income` of type `FUNDING_FEE`, in the venue's order."""
    return tuple(
        Income(
            symbol=reading.listing(fields.text("symbol")).symbol,
            payment_id=f"{fields.identifier('tranId')}:{fields.whole('time')}",
            amount=fields.decimal("income"),
            at=fields.time("time", MILLISECOND),
        )
        for fields in objects(raw, _INCOME, reading)
        if fields.raw("incomeType") == "FUNDING_FEE"
    )


# -- words ------------------------------------------------------------------------------------


def _fill_side(fields: Fields) -> OrderSide:
    if fields.has("side"):
        return fields.choice("side", _SIDES)
    is_buyer = fields.flag("isBuyer" if fields.has("isBuyer") else "buyer")
    return OrderSide.BUY if is_buyer else OrderSide.SELL


def _liquidity(fields: Fields, name: str) -> Liquidity:
    return Liquidity.MAKER if fields.flag(name) else Liquidity.TAKER


def _scaled(listing: Listing, amount: Decimal | None, price: Decimal | None) -> Decimal | None:
    return None if amount is None else listing.amount(amount, price)


def _event(fields: Fields, name: str) -> datetime:
    return fields.event_time(name, MILLISECOND)
