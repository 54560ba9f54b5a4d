"""Backpack messages as `*Data`: WebSocket streams and REST answers.

Every function takes one decoded payload (`decoding.decode`); `unwrap` takes the `{stream, data}`
envelope off. Values that cannot be true raise `MalformedMessage`. Source: docs.backpack.exchange,
"Streams" and the REST reference, with the answers that ccxt recorded.

Traps:

- Streams give times in microseconds, REST in milliseconds as text or in ISO 8601 without an offset.
- `Bid` and `Ask` are our sides; a trade's `m` says that the buyer was the maker.
- REST depth comes with bids from low to high.
- Funding is hourly since 2025-08-20 08:00 UTC, was every eight hours before; rows do not say.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.decoding import (
    MICROSECOND,
    MILLISECOND,
    Fields,
    Listing,
    Reading,
    array,
    malformed,
    objects,
    refuse_crossed,
    refuse_scaled,
    shape,
    sorted_book,
    timeframe_of,
)
from core.adapters.exchanges.depth import BookDelta
from core.adapters.exchanges.models import (
    BalanceData,
    FillData,
    FundingPaymentData,
    FundingRateData,
    Liquidity,
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

_HOUR_S: Final = 3600
_EIGHT_HOURS_S: Final = 8 * 3600
_HOURLY_SINCE: Final = datetime(2025, 8, 20, 8, tzinfo=UTC)
_SIDES: Final = {"Bid": OrderSide.BUY, "Ask": OrderSide.SELL}
_STATUSES: Final = {
    "New": OrderStatus.OPEN,
    "PartiallyFilled": OrderStatus.PARTIALLY_FILLED,
    "Filled": OrderStatus.FILLED,
    "Cancelled": OrderStatus.CANCELED,
    "Expired": OrderStatus.EXPIRED,
    "TriggerPending": OrderStatus.PENDING,
    "TriggerFailed": OrderStatus.REJECTED,
}
_TIMES_IN_FORCE: Final = {"IOC": TimeInForce.IOC, "FOK": TimeInForce.FOK}

_DEPTH: Final = shape("depth", "asks bids lastUpdateId timestamp")
_DEPTH_EVENT: Final = shape("depth stream", "e E T s U u a b")
_BOOK_TICKER: Final = shape("bookTicker", "e E T s a A b B u")
_TICKER_EVENT: Final = shape("ticker stream", "e E s o c h l v V n")
_TICKER: Final = shape(
    "ticker",
    "symbol firstPrice lastPrice priceChange priceChangePercent high low volume quoteVolume trades",
)
_MARK_EVENT: Final = shape("markPrice", "e E s p f i n T")
_MARK: Final = shape("markPrices", "symbol fundingRate indexPrice markPrice nextFundingTimestamp")
_FUNDING: Final = shape(
    "fundingRates", "symbol intervalEndTimestamp fundingRate quantity subaccountId userId"
)
_TRADE_EVENT: Final = shape("trade stream", "e E T s t p q b a m M")
_TRADE: Final = shape("trades", "id price quantity quoteQuantity timestamp isBuyerMaker")
_KLINE_EVENT: Final = shape("kline stream", "e E s t T o c h l v n X")
_KLINE: Final = shape("klines", "start end open high low close volume quoteVolume trades")
_ORDER: Final = shape(
    "order",
    "id orderId clientId symbol side orderType price quantity quoteQuantity executedQuantity"
    " executedQuoteQuantity remainingQuantity status timeInForce postOnly reduceOnly"
    " selfTradePrevention createdAt timestamp triggeredAt relatedOrderId strategyId"
    " stopLossLimitPrice stopLossTriggerBy stopLossTriggerPrice takeProfitLimitPrice"
    " takeProfitTriggerBy takeProfitTriggerPrice triggerBy triggerPrice triggerQuantity"
    " expiryReason cancelReason systemOrderType",
)
_ORDER_EVENT: Final = shape(
    "account.orderUpdate",
    "e E T s c S o f q Q p P B W X R i t l z Z L m n N V O I H r y Y a b d j k g u G h",
)
_FILL: Final = shape(
    "fills",
    "clientId fee feeSymbol isMaker orderId price quantity side symbol systemOrderType timestamp"
    " tradeId",
)
_POSITION: Final = shape(
    "position",
    "breakEvenPrice cumulativeFundingPayment cumulativeInterest entryPrice estLiquidationPrice imf"
    " imfFunction markPrice mmf mmfFunction netCost netExposureNotional netExposureQuantity"
    " netQuantity pnlRealized pnlUnrealized positionId subaccountId symbol userId",
)
_POSITION_EVENT: Final = shape("account.positionUpdate", "e E T s b B l f M m q Q n i p P")
_BALANCE: Final = shape("capital", "available locked staked")
_COLLATERAL: Final = shape(
    "collateral",
    "netEquity netEquityAvailable netEquityLocked netExposureFutures imf mmf marginFraction"
    " pnlUnrealized unsettledEquity borrowLiability assetsValue liabilitiesValue collateral",
)
_COLLATERAL_ASSET: Final = shape(
    "collateral.collateral",
    "symbol totalQuantity availableQuantity lendQuantity openOrderQuantity assetMarkPrice"
    " balanceNotional collateralWeight collateralValue",
)


def unwrap(raw: object) -> object:
    """The payload inside a stream's envelope, or `raw` itself."""
    if isinstance(raw, dict) and "stream" in raw and "data" in raw:
        return raw["data"]
    return raw


# -- public data ------------------------------------------------------------------------------


def parse_depth(raw: object, reading: Reading) -> OrderBookData:
    """REST `depth` of `reading.asked_for`: the whole book; its sequence is `lastUpdateId`."""
    fields = Fields(raw, _DEPTH, reading)
    listing = reading.listing(reading.asked_for)
    bids, asks = sorted_book(fields, fields.levels("bids", listing), fields.levels("asks", listing))
    return OrderBookData(
        venue=reading.venue,
        symbol=listing.symbol,
        bids=bids,
        asks=asks,
        sequence=fields.whole("lastUpdateId"),
        at=fields.event_time("timestamp", MICROSECOND)
        if fields.has("timestamp")
        else reading.arrival(),
        received_at=reading.received_at,
    )


def parse_depth_event(raw: object, reading: Reading) -> BookDelta:
    """Stream `depth`: changed levels; `U` follows the `u` of the message before."""
    fields = Fields(raw, _DEPTH_EVENT, reading)
    listing = reading.listing(fields.text("s"))
    return BookDelta(
        venue=reading.venue,
        symbol=listing.symbol,
        bids=fields.levels("b", listing),
        asks=fields.levels("a", listing),
        first_sequence=fields.whole("U"),
        last_sequence=fields.whole("u"),
        at=_event_time(fields),
        received_at=reading.received_at,
    )


def parse_book_ticker(raw: object, reading: Reading) -> TickerData:
    """Stream `bookTicker`: best bid and ask."""
    fields = Fields(raw, _BOOK_TICKER, reading)
    bid, ask = fields.positive_or_none("b"), fields.positive_or_none("a")
    refuse_crossed(fields, bid, ask)
    return TickerData(
        venue=reading.venue,
        symbol=reading.listing(fields.text("s")).symbol,
        bid=bid,
        bid_amount=fields.amount_or_none("B"),
        ask=ask,
        ask_amount=fields.amount_or_none("A"),
        at=_event_time(fields),
        received_at=reading.received_at,
    )


def parse_ticker_event(raw: object, reading: Reading) -> TickerData:
    """Stream `ticker`: last price and the day."""
    fields = Fields(raw, _TICKER_EVENT, reading)
    names = ("s", "c", "o", "h", "l", "v")
    return _day(fields, names, fields.event_time("E", MICROSECOND))


def parse_ticker(raw: object, reading: Reading) -> TickerData:
    """REST `ticker`, or one row of `tickers`; it carries no time."""
    fields = Fields(raw, _TICKER, reading)
    names = ("symbol", "lastPrice", "firstPrice", "high", "low", "volume")
    return _day(fields, names, reading.arrival())


def _day(fields: Fields, names: tuple[str, ...], at: datetime) -> TickerData:
    symbol, last, first, high, low, volume = names
    reading = fields.reading
    return TickerData(
        venue=reading.venue,
        symbol=reading.listing(fields.text(symbol)).symbol,
        last=fields.positive_or_none(last),
        open_24h=fields.positive_or_none(first),
        high_24h=fields.positive_or_none(high),
        low_24h=fields.positive_or_none(low),
        volume_24h=fields.amount_or_none(volume),
        at=at,
        received_at=reading.received_at,
    )


def parse_mark_event(raw: object, reading: Reading) -> tuple[TickerData | FundingRateData, ...]:
    """Stream `markPrice`: mark, index and the rate of the next settlement."""
    fields = Fields(raw, _MARK_EVENT, reading)
    return _mark(
        fields, ("s", "p", "i", "f", "n"), fields.event_time("E", MICROSECOND), MICROSECOND
    )


def parse_mark(raw: object, reading: Reading) -> tuple[TickerData | FundingRateData, ...]:
    """One row of REST `markPrices`; it carries no time."""
    fields = Fields(raw, _MARK, reading)
    names = ("symbol", "markPrice", "indexPrice", "fundingRate", "nextFundingTimestamp")
    return _mark(fields, names, reading.arrival(), MILLISECOND)


def _mark(
    fields: Fields, names: tuple[str, str, str, str, str], at: datetime, unit: int
) -> tuple[TickerData | FundingRateData, ...]:
    symbol, mark_name, index_name, rate, next_name = names
    reading = fields.reading
    listing = reading.listing(fields.text(symbol))
    mark, index = fields.positive(mark_name), fields.positive_or_none(index_name)
    refuse_scaled(fields, mark=mark, index=index)
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
        interval_s=listing.funding_interval_s or _HOUR_S,
        next_at=fields.time_or_none(next_name, unit),
        at=at,
    )
    return ticker, funding


def parse_funding_rates(raw: object, reading: Reading) -> tuple[FundingRateData, ...]:
    """REST `fundingRates`, and the rates in our own funding history, in the venue's order."""
    return tuple(
        FundingRateData(
            venue=reading.venue,
            symbol=reading.listing(fields.text("symbol")).symbol,
            rate=fields.decimal("fundingRate"),
            interval_s=_HOUR_S
            if (at := fields.iso_time("intervalEndTimestamp")) > _HOURLY_SINCE
            else _EIGHT_HOURS_S,
            at=at,
        )
        for fields in objects(raw, _FUNDING, reading)
    )


def parse_trade_event(raw: object, reading: Reading) -> TradeData:
    """Stream `trade`."""
    fields = Fields(raw, _TRADE_EVENT, reading)
    listing = reading.listing(fields.text("s"))
    return _trade(fields, listing, ("t", "p", "q", "m"), _event_time(fields))


def parse_trades(raw: object, reading: Reading) -> tuple[TradeData, ...]:
    """REST `trades` of `reading.asked_for`, in the venue's order."""
    listing = reading.listing(reading.asked_for)
    names = ("id", "price", "quantity", "isBuyerMaker")
    return tuple(
        _trade(fields, listing, names, fields.time("timestamp", MILLISECOND))
        for fields in objects(raw, _TRADE, reading)
    )


def _trade(
    fields: Fields, listing: Listing, names: tuple[str, str, str, str], at: datetime
) -> TradeData:
    trade_id, price, amount, is_buyer_maker = names
    return TradeData(
        venue=fields.reading.venue,
        symbol=listing.symbol,
        trade_id=fields.identifier_or_none(trade_id) or "",
        price=fields.positive(price),
        amount=fields.positive(amount),
        side=OrderSide.SELL if fields.flag(is_buyer_maker) else OrderSide.BUY,
        at=at,
        received_at=fields.reading.received_at,
    )


def parse_kline_event(raw: object, reading: Reading, timeframe: str = "") -> OHLCVData:
    """Stream `kline.<timeframe>.<symbol>`; only the stream's name says the timeframe."""
    fields = Fields(raw, _KLINE_EVENT, reading)
    names = ("o", "h", "l", "c", "v")
    is_closed = fields.flag_or("X", default=False)
    listing = reading.listing(fields.text("s"))
    return _candle(fields, listing, names, timeframe, fields.iso_time("t"), is_closed=is_closed)


def parse_klines(raw: object, reading: Reading) -> tuple[OHLCVData, ...]:
    """REST `klines` of `reading.asked_for`, from old to new; start and end give the timeframe."""
    listing = reading.listing(reading.asked_for)
    names = ("open", "high", "low", "close", "volume")
    found = []
    for fields in objects(raw, _KLINE, reading):
        start, end = fields.iso_time("start"), fields.iso_time("end")
        timeframe = timeframe_of(int((end - start).total_seconds()))
        is_closed = reading.received_at is None or end <= reading.received_at
        found.append(_candle(fields, listing, names, timeframe, start, is_closed=is_closed))
    return tuple(found)


def _candle(
    fields: Fields,
    listing: Listing,
    names: tuple[str, str, str, str, str],
    timeframe: str,
    at: datetime,
    *,
    is_closed: bool,
) -> OHLCVData:
    first, high_name, low_name, last, volume = names
    low, high = fields.positive(low_name), fields.positive(high_name)
    if low > high:
        fields.refuse(low_name, f"is above the high: {low} > {high}")
    return OHLCVData(
        venue=fields.reading.venue,
        symbol=listing.symbol,
        timeframe=timeframe,
        at=at,
        open=fields.positive(first),
        high=high,
        low=low,
        close=fields.positive(last),
        volume=fields.amount(volume),
        is_closed=is_closed,
    )


# -- our orders, fills and money --------------------------------------------------------------


def parse_order(raw: object, reading: Reading) -> OrderData:
    """REST order: the answer to a create, a query or a cancel.

    A market order by value carries no amount until it has filled; its amount is what it filled.
    """
    fields = Fields(raw, _ORDER, reading)
    filled = fields.amount_or_none("executedQuantity") or Decimal(0)
    quote = fields.amount_or_none("executedQuoteQuantity")
    is_market = fields.raw("orderType") == "Market"
    created = _created(fields, "createdAt" if fields.has("createdAt") else "timestamp")
    return OrderData(
        venue=reading.venue,
        symbol=reading.listing(fields.text("symbol")).symbol,
        order_id=fields.identifier("id" if fields.has("id") else "orderId"),
        client_order_id=fields.identifier_or_none("clientId"),
        side=fields.choice("side", _SIDES),
        order_type=OrderType.MARKET if is_market else OrderType.LIMIT,
        status=fields.status("status", _STATUSES),
        amount=fields.amount("quantity") if fields.has("quantity") else filled,
        price=None if is_market else fields.positive_or_none("price"),
        filled=filled,
        average_price=quote / filled if quote and filled else None,
        time_in_force=_time_in_force(fields, "timeInForce"),
        post_only=fields.flag_or("postOnly", default=False),
        reduce_only=fields.flag_or("reduceOnly", default=False),
        reason=fields.text_or_none("expiryReason") or fields.text_or_none("cancelReason"),
        created_at=created,
        updated_at=created,
    )


def parse_orders(raw: object, reading: Reading) -> tuple[OrderData, ...]:
    """REST `orders` (open ones) and the order history, in the venue's order."""
    return tuple(parse_order(item, reading) for item in array(raw, "orders", reading))


def parse_order_event(raw: object, reading: Reading) -> tuple[UserData, ...]:
    """Stream `account.orderUpdate`: the order, and its fill where it is one."""
    if isinstance(raw, dict) and "symbol" in raw:
        return (parse_order(raw, reading),)
    fields = Fields(raw, _ORDER_EVENT, reading)
    listing = reading.listing(fields.text("s"))
    filled = fields.amount_or_none("z") or Decimal(0)
    quote = fields.amount_or_none("Z")
    is_market = str(fields.raw("o")).upper() == "MARKET"
    order = OrderData(
        venue=reading.venue,
        symbol=listing.symbol,
        order_id=fields.identifier("i"),
        client_order_id=fields.identifier_or_none("c"),
        side=fields.choice("S", _SIDES),
        order_type=OrderType.MARKET if is_market else OrderType.LIMIT,
        status=fields.status("X", _STATUSES),
        amount=fields.amount("q") if fields.has("q") else filled,
        price=None if is_market else fields.positive_or_none("p"),
        filled=filled,
        average_price=quote / filled if quote and filled else None,
        time_in_force=_time_in_force(fields, "f"),
        post_only=fields.flag_or("y", default=False),
        reduce_only=fields.flag_or("r", default=False),
        reason=fields.text_or_none("R"),
        updated_at=fields.time("T" if fields.has("T") else "E", MICROSECOND),
    )
    return (order, *_event_fill(fields, order))


def _event_fill(fields: Fields, order: OrderData) -> tuple[FillData, ...]:
    if fields.raw("e") != "orderFill" or not fields.has("t"):
        return ()
    reading = fields.reading
    return (
        FillData(
            venue=reading.venue,
            account=reading.account,
            symbol=order.symbol,
            trade_id=fields.identifier("t"),
            order_id=order.order_id,
            client_order_id=order.client_order_id,
            side=order.side,
            price=fields.positive("L"),
            amount=fields.positive("l"),
            fee=fields.decimal_or_none("n") or Decimal(0),
            fee_currency=fields.text_or_none("N") or "",
            liquidity=_liquidity(fields, "m"),
            at=fields.time("T" if fields.has("T") else "E", MICROSECOND),
            received_at=reading.received_at,
        ),
    )


def parse_fills(raw: object, reading: Reading) -> tuple[FillData, ...]:
    """REST `fills`, in the venue's order (new to old).

    Raises:
        MalformedMessage: Also for a row that does not name its market or side.
    """
    return tuple(
        FillData(
            venue=reading.venue,
            account=reading.account,
            symbol=reading.listing(fields.text_or_none("symbol") or reading.asked_for).symbol,
            trade_id=fields.identifier("tradeId"),
            order_id=fields.identifier("orderId"),
            client_order_id=fields.identifier_or_none("clientId"),
            side=fields.choice("side", _SIDES),
            price=fields.positive("price"),
            amount=fields.positive("quantity"),
            fee=fields.decimal("fee"),
            fee_currency=fields.text("feeSymbol"),
            liquidity=_liquidity(fields, "isMaker"),
            at=fields.iso_time("timestamp"),
            received_at=reading.received_at,
        )
        for fields in objects(raw, _FILL, reading)
    )


def parse_funding_payments(raw: object, reading: Reading) -> tuple[FundingPaymentData, ...]:
    """REST `history/funding`: our settlements, in the venue's order (new to old).

    A quantity is positive where it was received. The venue does not say which position it was
    computed on: that is 0 here, for unknown.
    """
    return tuple(
        FundingPaymentData(
            venue=reading.venue,
            account=reading.account,
            symbol=reading.listing(fields.text("symbol")).symbol,
            payment_id=fields.text("intervalEndTimestamp"),
            amount=fields.decimal("quantity"),
            rate=fields.decimal("fundingRate"),
            position=Decimal(0),
            at=fields.iso_time("intervalEndTimestamp"),
        )
        for fields in objects(raw, _FUNDING, reading)
    )


def parse_positions(raw: object, reading: Reading) -> tuple[PositionData, ...]:
    """REST `position`: every position other than flat."""
    names = {
        "symbol": "symbol",
        "size": "netQuantity",
        "entry": "entryPrice",
        "mark": "markPrice",
        "liquidation": "estLiquidationPrice",
        "unrealized": "pnlUnrealized",
    }
    found = (_position(fields, names, None) for fields in objects(raw, _POSITION, reading))
    return tuple(position for position in found if position.size)


def parse_position_event(raw: object, reading: Reading) -> PositionData:
    """Stream `account.positionUpdate`: one position, also when it has become flat."""
    fields = Fields(raw, _POSITION_EVENT, reading)
    names = {
        "symbol": "s",
        "size": "q",
        "entry": "B",
        "mark": "M",
        "liquidation": "l",
        "unrealized": "P",
    }
    return _position(fields, names, fields.time("T" if fields.has("T") else "E", MICROSECOND))


def _position(fields: Fields, names: dict[str, str], at: datetime | None) -> PositionData:
    return PositionData(
        venue=fields.reading.venue,
        symbol=fields.reading.listing(fields.text(names["symbol"])).symbol,
        size=fields.decimal(names["size"]),
        entry_price=fields.positive_or_none(names["entry"]),
        mark_price=fields.positive_or_none(names["mark"]),
        liquidation_price=fields.positive_or_none(names["liquidation"]),
        unrealized_pnl=fields.decimal_or_none(names["unrealized"]),
        at=at,
    )


def parse_balances(raw: object, reading: Reading) -> tuple[BalanceData, ...]:
    """REST `capital`: assets by name, other than zero; what is lent out is not in it."""
    if not isinstance(raw, dict):
        raise malformed(reading, "capital", "expected an object of assets")
    found = []
    for asset, row in raw.items():
        fields = Fields(row, _BALANCE, reading)
        free, locked = fields.decimal("available"), fields.amount("locked")
        staked = fields.amount_or_none("staked") or Decimal(0)
        if free or locked or staked:
            found.append(
                BalanceData(
                    venue=reading.venue,
                    asset=str(asset),
                    total=free + locked + staked,
                    free=free,
                    used=locked + staked,
                )
            )
    return tuple(found)


def parse_collateral(raw: object, reading: Reading) -> tuple[BalanceData, ...]:
    """REST `capital/collateral`: assets that margin positions, lent ones included.

    What the whole account is worth, in USD, is the equity of its USDC.
    """
    fields = Fields(raw, _COLLATERAL, reading)
    equity = fields.decimal("netEquity")
    return tuple(
        BalanceData(
            venue=reading.venue,
            asset=(asset := row.text("symbol")),
            total=(total := row.decimal("totalQuantity")),
            free=(free := row.decimal("availableQuantity")),
            used=max(total - free, Decimal(0)),
            equity=equity if asset == "USDC" else None,
        )
        for row in objects(fields.items("collateral"), _COLLATERAL_ASSET, reading)
    )


# -- words ------------------------------------------------------------------------------------


def _event_time(fields: Fields) -> datetime:
    return fields.event_time("T" if fields.has("T") else "E", MICROSECOND)


def _created(fields: Fields, name: str) -> datetime | None:
    """Milliseconds in answers about open orders, ISO 8601 in the history."""
    value = fields.raw(name)
    is_text = isinstance(value, str) and "-" in value
    return fields.iso_time(name) if is_text else fields.time_or_none(name, MILLISECOND)


def _time_in_force(fields: Fields, name: str) -> TimeInForce:
    return _TIMES_IN_FORCE.get(fields.text_or_none(name) or "", TimeInForce.GTC)


def _liquidity(fields: Fields, name: str) -> Liquidity | None:
    if not fields.has(name):
        return None
    return Liquidity.MAKER if fields.flag(name) else Liquidity.TAKER
