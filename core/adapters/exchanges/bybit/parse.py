"""Bybit V5 messages as `*Data`: topics and REST answers.

Every function takes one decoded payload (`decoding.decode`) with its envelope (`{topic, data}` of
a topic, `{retCode, result}` of REST). Values that cannot be true raise `MalformedMessage`. Source:
bybit-exchange.github.io/docs/v5. `retired.py` reads older recordings.

Traps:

- `u` counts a book's messages one by one; a message of type `snapshot` replaces the book at any
  time, and `u` 1 says that the service was restarted.
- A ticker's `delta` carries only what changed.
- Execution types other than trades (`Funding`, `Delivery`) are no fills.
- Executions of contracts name no coin of their fee: it is the one that settles.
- A post-only order that would take is accepted and then cancelled: it is REJECTED here.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.decoding import (
    MILLISECOND,
    Fields,
    Listing,
    OrderAck,
    Reading,
    Shape,
    array,
    objects,
    refuse_crossed,
    refuse_scaled,
    shape,
    sorted_book,
    sound,
)
from core.adapters.exchanges.depth import BookDelta
from core.adapters.exchanges.models import (
    BalanceData,
    ExchangeType,
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
)

_EIGHT_HOURS_S: Final = 8 * 3600
_SIDES: Final = {"Buy": OrderSide.BUY, "Sell": OrderSide.SELL}
_SIGNS: Final = {"Buy": 1, "Sell": -1, "None": 0, "": 0}
_STATUSES: Final = {
    "Created": OrderStatus.PENDING,
    "New": OrderStatus.OPEN,
    "PartiallyFilled": OrderStatus.PARTIALLY_FILLED,
    "Untriggered": OrderStatus.PENDING,
    "Triggered": OrderStatus.PENDING,
    "Rejected": OrderStatus.REJECTED,
    "PartiallyFilledCanceled": OrderStatus.CANCELED,
    "Filled": OrderStatus.FILLED,
    "Cancelled": OrderStatus.CANCELED,
    "Deactivated": OrderStatus.CANCELED,
}
_TIMES_IN_FORCE: Final = {"IOC": TimeInForce.IOC, "FOK": TimeInForce.FOK}
_TIMEFRAMES: Final = {
    **{str(minutes): f"{minutes}m" for minutes in (1, 3, 5, 15, 30)},
    **{str(hours * 60): f"{hours}h" for hours in (1, 2, 4, 6, 12)},
    "D": "1d",
    "W": "1w",
    "M": "1M",
}
_POST_ONLY_TAKES: Final = "EC_PostOnlyWillTakeLiquidity"
_NO_REASON: Final = frozenset({"", "EC_NoError", "UNKNOWN"})

_TOPIC: Final = shape("topic", "topic type ts cts data id creationTime cs")
_ANSWER: Final = shape("answer", "retCode retMsg result retExtInfo time")
_RESULT: Final = shape("answer.result", "category list nextPageCursor symbol")
_BOOK: Final = shape("orderbook", "s b a u seq ts cts")
_TICKER: Final = shape(
    "tickers",
    "symbol tickDirection price24hPcnt lastPrice prevPrice24h highPrice24h lowPrice24h prevPrice1h"
    " markPrice indexPrice openInterest openInterestValue turnover24h volume24h nextFundingTime"
    " fundingRate fundingIntervalHour fundingCap bid1Price bid1Size ask1Price ask1Size deliveryTime"
    " basisRate basis deliveryFeeRate predictedDeliveryPrice preOpenPrice preQty curPreListingPhase"
    " usdIndexPrice basisRateYear singleOpenInterest preListingPhase",
)
_TRADE_EVENT: Final = shape("publicTrade", "T s S v p L i BT RPI seq mP iP mIv iv")
_TRADE: Final = shape(
    "recent-trade", "execId symbol price size side time isBlockTrade isRPITrade seq"
)
_KLINE_EVENT: Final = shape(
    "kline", "start end interval open close high low volume turnover confirm timestamp"
)
_FUNDING: Final = shape("funding/history", "symbol fundingRate fundingRateTimestamp")
_ORDER: Final = shape(
    "order",
    "category orderId orderLinkId parentOrderLinkId isLeverage blockTradeId symbol price qty side"
    " positionIdx orderStatus createType cancelType rejectReason avgPrice leavesQty leavesValue"
    " cumExecQty cumExecValue cumExecFee closedPnl timeInForce orderType stopOrderType"
    " ocoTriggerBy orderIv marketUnit triggerPrice takeProfit stopLoss tpslMode tpLimitPrice"
    " slLimitPrice tpTriggerBy slTriggerBy triggerDirection triggerBy lastPriceOnCreated"
    " reduceOnly closeOnTrigger placeType smpType smpGroup smpOrderId createdTime updatedTime"
    " feeCurrency extraFees slippageTolerance slippageToleranceType cumFeeDetail",
)
_EXECUTION: Final = shape(
    "execution",
    "category symbol isLeverage orderId orderLinkId side orderPrice orderQty leavesQty createType"
    " orderType stopOrderType execFee execFeeV2 execId execPrice execQty execType execPnl execValue"
    " execTime isMaker feeRate tradeIv markIv markPrice indexPrice underlyingPrice blockTradeId"
    " closedSize extraFees feeCurrency marketUnit seq",
)
_POSITION: Final = shape(
    "position",
    "category symbol side size positionIdx positionValue riskId riskLimitValue entryPrice avgPrice"
    " breakEvenPrice markPrice leverage isReduceOnly autoAddMargin positionIM positionIMByMp"
    " positionMM positionMMByMp positionBalance liqPrice bustPrice tpslMode takeProfit stopLoss"
    " trailingStop unrealisedPnl curRealisedPnl cumRealisedPnl sessionAvgPrice delta gamma vega"
    " theta positionStatus adlRankIndicator tradeMode mmrSysUpdatedTime leverageSysUpdatedTime"
    " seq createdTime updatedTime openTime",
)
_WALLET: Final = shape(
    "wallet",
    "accountType accountLTV accountIMRate accountMMRate accountIMRateByMp accountMMRateByMp"
    " totalInitialMarginByMp totalMaintenanceMarginByMp totalEquity totalWalletBalance"
    " totalMarginBalance totalAvailableBalance totalPerpUPL totalPerpUpl totalInitialMargin"
    " totalMaintenanceMargin coin",
)
_COIN: Final = shape(
    "wallet.coin",
    "coin equity usdValue walletBalance free locked spotHedgingQty borrowAmount spotBorrow"
    " availableToWithdraw accruedInterest totalOrderIM totalPositionIM totalPositionMM"
    " unrealisedPnl cumRealisedPnl bonus marginCollateral collateralSwitch availableToBorrow",
)
_CREATED: Final = shape("order create", "orderId orderLinkId")


# -- public data ------------------------------------------------------------------------------


def parse_orderbook(raw: object, reading: Reading) -> OrderBookData | BookDelta:
    """Topic and REST `orderbook`: the whole book, or changed levels."""
    is_topic = isinstance(raw, dict) and "topic" in raw
    envelope = Fields(raw, _TOPIC if is_topic else _ANSWER, reading)
    fields = envelope.part("data" if is_topic else "result", _BOOK)
    listing = reading.listing(fields.text("s"))
    bids, asks = fields.levels("b", listing), fields.levels("a", listing)
    clock = envelope if is_topic else fields
    at = clock.event_time("cts" if clock.has("cts") else "ts", MILLISECOND)
    sequence = fields.whole("u")
    if is_topic and envelope.raw("type") == "delta":
        return BookDelta(
            venue=reading.venue,
            symbol=listing.symbol,
            bids=bids,
            asks=asks,
            first_sequence=sequence,
            last_sequence=sequence,
            at=at,
            received_at=reading.received_at,
        )
    bids, asks = sorted_book(fields, bids, asks)
    return OrderBookData(
        venue=reading.venue,
        symbol=listing.symbol,
        bids=bids,
        asks=asks,
        sequence=sequence,
        at=at,
        received_at=reading.received_at,
    )


def parse_tickers(raw: object, reading: Reading) -> tuple[TickerData | FundingRateData, ...]:
    """Topic and REST `tickers`: best bid and ask, last, mark, index, the day, and funding."""
    rows, at = _timed_rows(raw, reading)

    def parse(row: object) -> tuple[TickerData | FundingRateData, ...]:
        return _ticker(Fields(row, _TICKER, reading), at)

    return tuple(data for found in sound(rows, parse, reading, "tickers") for data in found)


def _ticker(fields: Fields, at: datetime) -> tuple[TickerData | FundingRateData, ...]:
    reading = fields.reading
    listing = reading.listing(fields.text("symbol"))
    bid, ask = fields.positive_or_none("bid1Price"), fields.positive_or_none("ask1Price")
    refuse_crossed(fields, bid, ask)
    mark, index = fields.positive_or_none("markPrice"), fields.positive_or_none("indexPrice")
    refuse_scaled(fields, mark=mark, index=index)
    ticker = TickerData(
        venue=reading.venue,
        symbol=listing.symbol,
        bid=bid,
        bid_amount=_base(listing, fields.amount_or_none("bid1Size"), bid),
        ask=ask,
        ask_amount=_base(listing, fields.amount_or_none("ask1Size"), ask),
        last=fields.positive_or_none("lastPrice"),
        mark=mark,
        index=index,
        open_24h=fields.positive_or_none("prevPrice24h"),
        high_24h=fields.positive_or_none("highPrice24h"),
        low_24h=fields.positive_or_none("lowPrice24h"),
        volume_24h=_base(listing, fields.amount_or_none("volume24h"), mark),
        at=at,
        received_at=reading.received_at,
    )
    if not fields.has("fundingRate"):
        return (ticker,)
    hours = fields.whole_or_none("fundingIntervalHour")
    funding = FundingRateData(
        venue=reading.venue,
        symbol=listing.symbol,
        rate=fields.decimal("fundingRate"),
        interval_s=hours * 3600 if hours else listing.funding_interval_s or _EIGHT_HOURS_S,
        next_at=fields.time_or_none("nextFundingTime", MILLISECOND),
        at=at,
    )
    return ticker, funding


def parse_funding_history(raw: object, reading: Reading) -> tuple[FundingRateData, ...]:
    """REST `funding/history` (new to old), in the venue's order."""
    return tuple(
        FundingRateData(
            venue=reading.venue,
            symbol=(listing := reading.listing(fields.text("symbol"))).symbol,
            rate=fields.decimal("fundingRate"),
            interval_s=listing.funding_interval_s or _EIGHT_HOURS_S,
            at=fields.time("fundingRateTimestamp", MILLISECOND),
        )
        for fields in _rows(raw, _FUNDING, reading)
    )


def parse_trade_events(raw: object, reading: Reading) -> tuple[TradeData, ...]:
    """Topic `publicTrade.<symbol>`, in the venue's order."""
    names = ("s", "i", "p", "v", "S", "T")
    return tuple(_trade(fields, names) for fields in _rows(raw, _TRADE_EVENT, reading))


def parse_trades(raw: object, reading: Reading) -> tuple[TradeData, ...]:
    """REST `recent-trade` (new to old), in the venue's order."""
    names = ("symbol", "execId", "price", "size", "side", "time")
    return tuple(_trade(fields, names) for fields in _rows(raw, _TRADE, reading))


def _trade(fields: Fields, names: tuple[str, str, str, str, str, str]) -> TradeData:
    symbol, trade_id, price_name, amount, side, at = names
    listing = fields.reading.listing(fields.text(symbol))
    price = fields.positive(price_name)
    return TradeData(
        venue=fields.reading.venue,
        symbol=listing.symbol,
        trade_id=fields.identifier(trade_id),
        price=price,
        amount=listing.amount(fields.positive(amount), price),
        side=fields.choice(side, _SIDES),
        at=fields.time(at, MILLISECOND),
        received_at=fields.reading.received_at,
    )


def parse_kline_event(raw: object, reading: Reading) -> tuple[OHLCVData, ...]:
    """Topic `kline.<interval>.<symbol>`: the candle as it stands."""
    topic = Fields(raw, _TOPIC, reading).text("topic")
    listing = reading.listing(topic.rpartition(".")[2])
    return tuple(
        _candle(
            fields,
            listing,
            _TIMEFRAMES.get(fields.text("interval"), fields.text("interval")),
            is_closed=fields.flag("confirm"),
        )
        for fields in _rows(raw, _KLINE_EVENT, reading)
    )


_COLUMNS: Final = ("start", "open", "high", "low", "close", "volume", "turnover")


def parse_klines(raw: object, reading: Reading, timeframe: str = "") -> tuple[OHLCVData, ...]:
    """REST `kline` (new to old), in the venue's order; the newest may still be open."""
    result = Fields(raw, _ANSWER, reading).part("result", _RESULT)
    listing = reading.listing(result.text_or_none("symbol") or reading.asked_for)
    return tuple(
        _candle(
            Fields(
                dict(zip(_COLUMNS, array(row, "kline", reading), strict=False)),
                _KLINE_EVENT,
                reading,
            ),
            listing,
            timeframe,
            is_closed=True,
        )
        for row in result.items("list")
    )


def _candle(fields: Fields, listing: Listing, timeframe: str, *, is_closed: bool) -> OHLCVData:
    low, high, close = fields.positive("low"), fields.positive("high"), fields.positive("close")
    if low > high:
        fields.refuse("low", f"is above the high: {low} > {high}")
    return OHLCVData(
        venue=fields.reading.venue,
        symbol=listing.symbol,
        timeframe=timeframe,
        at=fields.time("start", MILLISECOND),
        open=fields.positive("open"),
        high=high,
        low=low,
        close=close,
        volume=listing.amount(fields.amount("volume"), close),
        is_closed=is_closed,
    )


# -- our orders, fills and money --------------------------------------------------------------


def parse_orders(raw: object, reading: Reading) -> tuple[OrderData, ...]:
    """Topic `order`, REST `order/realtime` and `order/history`, in the venue's order."""
    return tuple(_order(fields) for fields in _rows(raw, _ORDER, reading))


def _order(fields: Fields) -> OrderData:
    reading = fields.reading
    listing = reading.listing(fields.text("symbol"))
    is_market = fields.raw("orderType") == "Market"
    price, average = fields.positive_or_none("price"), fields.positive_or_none("avgPrice")
    filled = listing.amount(fields.amount_or_none("cumExecQty") or Decimal(0), average)
    in_quote = fields.raw("marketUnit") == "quoteCoin"
    reasons = (fields.text_or_none("rejectReason"), fields.text_or_none("cancelType"))
    status = fields.status("orderStatus", _STATUSES)
    reason = next((text for text in reasons if text and text not in _NO_REASON), None)
    if status is OrderStatus.CANCELED and reason == _POST_ONLY_TAKES:
        status, reason = OrderStatus.REJECTED, "POST_ONLY_WOULD_CROSS"
    return OrderData(
        venue=reading.venue,
        symbol=listing.symbol,
        order_id=fields.identifier("orderId"),
        client_order_id=fields.identifier_or_none("orderLinkId"),
        side=fields.choice("side", _SIDES),
        order_type=OrderType.MARKET if is_market else OrderType.LIMIT,
        status=status,
        amount=filled if in_quote else listing.amount(fields.amount("qty"), price or average),
        price=None if is_market else price,
        filled=filled,
        average_price=average,
        time_in_force=_TIMES_IN_FORCE.get(
            fields.text_or_none("timeInForce") or "", TimeInForce.GTC
        ),
        post_only=fields.raw("timeInForce") == "PostOnly",
        reduce_only=fields.flag_or("reduceOnly", default=False),
        reason=reason,
        created_at=fields.time_or_none("createdTime", MILLISECOND),
        updated_at=fields.time_or_none("updatedTime", MILLISECOND),
    )


def parse_executions(raw: object, reading: Reading) -> tuple[FillData, ...]:
    """Topics `execution` and `execution.fast`, REST `execution/list`: our trades.

    The fast topic tells no fee; the other one follows with it under the same id.
    """
    return tuple(_fill(fields) for fields in _rows(raw, _EXECUTION, reading) if _is_trade(fields))


def _is_trade(fields: Fields) -> bool:
    kind = fields.text_or_none("execType")
    if kind in (None, "Trade", "AdlTrade", "BustTrade", "BlockTrade"):
        return True
    fields.reading.unknown[f"execution:execType={str(kind)[:30]}"] += 1
    return False


def _fill(fields: Fields) -> FillData:
    reading = fields.reading
    listing = reading.listing(fields.text("symbol"))
    price = fields.positive("execPrice")
    return FillData(
        venue=reading.venue,
        account=reading.account,
        symbol=listing.symbol,
        trade_id=fields.identifier("execId"),
        order_id=fields.identifier("orderId"),
        client_order_id=fields.identifier_or_none("orderLinkId"),
        side=fields.choice("side", _SIDES),
        price=price,
        amount=listing.amount(fields.positive("execQty"), price),
        fee=fields.decimal_or_none("execFee") or Decimal(0),
        fee_currency=fields.text_or_none("feeCurrency") or _settled_in(listing),
        liquidity=Liquidity.MAKER if fields.flag("isMaker") else Liquidity.TAKER,
        at=fields.time("execTime", MILLISECOND),
        received_at=reading.received_at,
    )


def _settled_in(listing: Listing) -> str:
    """The coin of a contract's fees; nothing is known of spot, whose executions always say."""
    if listing.market_type is ExchangeType.SPOT:
        return ""
    return listing.base if listing.contract_value is not None else listing.quote


def parse_positions(raw: object, reading: Reading) -> tuple[PositionData, ...]:
    """Topic `position` and REST `position/list`, flat ones included as the venue sends them."""
    return tuple(_position(fields) for fields in _rows(raw, _POSITION, reading))


def _position(fields: Fields) -> PositionData:
    listing = fields.reading.listing(fields.text("symbol"))
    side = fields.raw("side")
    sign = _SIGNS.get(side) if isinstance(side, str) else None
    if sign is None:
        fields.refuse("side", f"should be Buy, Sell or empty, not {str(side)[:20]!r}")
    entry = fields.positive_or_none("entryPrice") or fields.positive_or_none("avgPrice")
    mode = fields.whole_or_none("tradeMode")
    return PositionData(
        venue=fields.reading.venue,
        symbol=listing.symbol,
        size=sign * listing.amount(fields.amount("size"), entry),
        entry_price=entry,
        mark_price=fields.positive_or_none("markPrice"),
        liquidation_price=fields.positive_or_none("liqPrice"),
        unrealized_pnl=fields.decimal_or_none("unrealisedPnl"),
        margin=fields.positive_or_none("positionIM"),
        leverage=fields.positive_or_none("leverage"),
        margin_mode=None
        if mode is None
        else (MarginMode.ISOLATED if mode == 1 else MarginMode.CROSS),
        at=fields.time_or_none("updatedTime", MILLISECOND),
    )


def parse_wallet(raw: object, reading: Reading) -> tuple[BalanceData, ...]:
    """Topic `wallet` and REST `wallet-balance`: assets other than zero."""
    found = []
    for account in _rows(raw, _WALLET, reading):
        for fields in objects(account.items("coin"), _COIN, reading):
            total = fields.decimal("walletBalance")
            held = (
                fields.amount_or_none(name)
                for name in ("locked", "totalOrderIM", "totalPositionIM")
            )
            used = sum((amount for amount in held if amount), Decimal(0))
            equity = fields.decimal_or_none("equity")
            if total or equity:
                found.append(
                    BalanceData(
                        venue=reading.venue,
                        asset=fields.text("coin"),
                        total=total,
                        free=max(total - used, Decimal(0)),
                        used=used,
                        equity=equity,
                    )
                )
    return tuple(found)


def parse_created(raw: object, reading: Reading) -> OrderAck:
    """REST or socket `order.create`: ids; what became of the order comes on the topic `order`."""
    fields = Fields(raw, _ANSWER, reading).part("result", _CREATED)
    return OrderAck(
        order_id=fields.identifier("orderId"),
        client_order_id=fields.identifier_or_none("orderLinkId"),
    )


# -- envelopes --------------------------------------------------------------------------------


def _raw_rows(raw: object, reading: Reading) -> list[object]:
    if isinstance(raw, dict) and "topic" in raw:
        data = Fields(raw, _TOPIC, reading).raw("data")
        return data if isinstance(data, list) else [data]
    if isinstance(raw, dict) and "result" in raw:
        return Fields(raw, _ANSWER, reading).part("result", _RESULT).items("list")
    return raw if isinstance(raw, list) else [raw]


def _rows(raw: object, kind: Shape, reading: Reading) -> Iterator[Fields]:
    return objects(_raw_rows(raw, reading), kind, reading)


def _timed_rows(raw: object, reading: Reading) -> tuple[list[object], datetime]:
    """Rows with the envelope's time; without one it is when they came."""
    name = "ts" if isinstance(raw, dict) and "topic" in raw else "time"
    envelope = Fields(raw, _TOPIC if name == "ts" else _ANSWER, reading)
    has_time = envelope.has(name)
    at = envelope.event_time(name, MILLISECOND) if has_time else reading.arrival()
    return _raw_rows(raw, reading), at


def _base(listing: Listing, amount: Decimal | None, price: Decimal | None) -> Decimal | None:
    return None if amount is None else listing.amount(amount, price)
