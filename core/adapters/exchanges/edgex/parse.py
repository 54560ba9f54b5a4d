"""edgeX V2 messages as `*Data`: quote and trade events of the sockets, and REST answers.

Every function takes one decoded payload (`decoding.decode`) with its envelope: a socket frame
`{type, channel, content}` or a REST answer `{code, data}`, whose `data` is an object, an array or
a page `{dataList}`. Values that cannot be true raise `MalformedMessage`. Sources: edgeX
documentation, API V2, "Public WebSocket", "Private WebSocket", "Quote API", and what three public
integrations saw live (2026-08 to 2026-09). No recorded message could be had: nothing here has met
a frame of the venue.

Traps:

- Depth rows are objects `{price, size}` in live frames, pairs in the documentation; both are read.
- An update's `startVersion` is the `endVersion` before it; an empty change is a heartbeat.
- Depth frames carry no time: it is when they came (REST: `responseTime`).
- The first frame of trades replays history.
- Many rows come per funding time; only those with `isSettlement` were paid.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.decoding import (
    MILLISECOND,
    Fields,
    OrderAck,
    Reading,
    array,
    malformed,
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

DEFAULT_FUNDING_INTERVAL_S: Final = 4 * 3600
"""Of every contract seen in August and September 2026; metadata states each one's own."""

_SIDES: Final = {"BUY": OrderSide.BUY, "SELL": OrderSide.SELL}
_STATUSES: Final = {
    "PENDING": OrderStatus.PENDING,
    "OPEN": OrderStatus.OPEN,
    "FILLED": OrderStatus.FILLED,
    "CANCELING": OrderStatus.OPEN,
    "CANCELED": OrderStatus.CANCELED,
    "UNTRIGGERED": OrderStatus.PENDING,
}
_TIMES_IN_FORCE: Final = {
    "IMMEDIATE_OR_CANCEL": TimeInForce.IOC,
    "FILL_OR_KILL": TimeInForce.FOK,
}
_TIMEFRAMES: Final = {
    "MINUTE_1": "1m",
    "MINUTE_5": "5m",
    "MINUTE_15": "15m",
    "MINUTE_30": "30m",
    "HOUR_1": "1h",
    "HOUR_2": "2h",
    "HOUR_4": "4h",
    "HOUR_6": "6h",
    "HOUR_8": "8h",
    "HOUR_12": "12h",
    "DAY_1": "1d",
    "WEEK_1": "1w",
    "MONTH_1": "1M",
}

_FRAME: Final = shape("frame", "type channel content sid time request")
_CONTENT: Final = shape("frame.content", "channel dataType data event version")
_ANSWER: Final = shape("answer", "code data msg errorParam requestTime responseTime traceId")
_PAGE: Final = shape("answer.data", "dataList nextPageOffsetData")
_DEPTH: Final = shape(
    "depth",
    "startVersion endVersion level contractId contractName depthType asks bids",
)
_TICKER: Final = shape(
    "ticker",
    "contractId contractName priceChange priceChangePercent trades size value high low open close"
    " highTime lowTime startTime endTime lastPrice indexPrice oraclePrice markPrice openInterest"
    " fundingRate fundingTime nextFundingTime bestAskPrice bestAskSize bestBidPrice bestBidSize",
)
_TRADE: Final = shape(
    "trades",
    "ticketId time price size value takerOrderId makerOrderId takerAccountId makerAccountId"
    " contractId contractName isBestMatch isBuyerMaker",
)
_KLINE: Final = shape(
    "kline",
    "klineId contractId contractName klineType klineTime priceType trades size value high low open"
    " close makerBuySize makerBuyValue",
)
_FUNDING: Final = shape(
    "fundingRate",
    "contractId contractName fundingTime fundingTimestamp nextFundingTime oraclePrice indexPrice"
    " markPrice fundingRate isSettlement forecastFundingRate previousFundingRate"
    " previousFundingTimestamp premiumIndex avgPremiumIndex premiumIndexTimestamp"
    " impactMarginNotional impactAskPrice impactBidPrice interestRate predictedFundingRate"
    " fundingRateIntervalMin starkExFundingIndex",
)
_PRIVATE: Final = shape(
    "trade-event.data",
    "account collateral collateralTransaction position positionTransaction positionTerm deposit"
    " withdraw transferIn transferOut order orderFillTransaction",
)
_ORDER: Final = shape(
    "order",
    "id userId accountId marginMode separatedPositionId coinId contractId side price size"
    " clientOrderId type timeInForce reduceOnly triggerPrice triggerPriceType expireTime sourceKey"
    " isPositionTpsl isLiquidate isDeleverage isSeparated isSetOpenTp openTp isSetOpenSl openSl"
    " openTpslParentOrderId isWithoutMatch status cancelReason triggerTime triggerPriceTime"
    " triggerPriceValue matchSequenceId cumFillSize cumFillValue cumFillFee maxFillPrice"
    " minFillPrice cumLiquidateFee cumRealizePnl createdTime updatedTime l2Nonce l2Value l2Size"
    " l2LimitFee l2ExpireTime l2Signature extraType extraDataJson leaderboardRank"
    " orderFilterPrice orderFilterSize exchangeOrderId symbol cumMatchSize cumMatchValue"
    " cumMatchFee cumFailSize cumFailValue cumFailFee cumApprovedSize cumApprovedValue"
    " cumApprovedFee",
)
_FILL: Final = shape(
    "orderFillTransaction",
    "id userId accountId marginMode separatedPositionId coinId contractId orderId orderSide"
    " fillSize fillValue fillFee fillPrice liquidateFee realizePnl direction isPositionTpsl"
    " isLiquidate isDeleverage isWithoutMatch matchSequenceId matchIndex matchTime"
    " matchAccountId matchOrderId matchFillId positionTransactionId collateralTransactionId"
    " extraType extraDataJson censorStatus censorTxId censorTime censorFailCode censorFailReason"
    " l2TxId l2RejectTime l2RejectCode l2RejectReason l2ApprovedTime createdTime updatedTime"
    " clientOrderId",
)
_POSITION: Final = shape(
    "position",
    "userId accountId coinId contractId openSize openValue openFee fundingFee longTermCount"
    " longTermStat longTermCreatedTime longTermUpdatedTime shortTermCount shortTermStat"
    " shortTermCreatedTime shortTermUpdatedTime longTotalStat shortTotalStat createdTime"
    " updatedTime marginMode",
)
_COLLATERAL: Final = shape(
    "collateral",
    "userId accountId coinId amount legacyAmount cumDepositAmount cumWithdrawAmount"
    " cumTransferInAmount cumTransferOutAmount cumPositionBuyAmount cumPositionSellAmount"
    " cumFillFeeAmount cumFundingFeeAmount cumFillFeeIncomeAmount createdTime updatedTime",
)
_ASSET: Final = shape(
    "getAccountAsset",
    "account collateralList positionList version positionAssetList collateralAssetModelList"
    " oraclePriceList",
)
_ASSET_MODEL: Final = shape(
    "getAccountAsset.collateralAssetModelList",
    "userId accountId coinId totalEquity totalPositionValueAbs initialMarginRequirement"
    " starkExRiskValue pendingWithdrawAmount pendingTransferOutAmount orderFrozenAmount"
    " availableAmount",
)
_MOVE: Final = shape(
    "positionTransaction",
    "id userId accountId coinId contractId type deltaOpenSize deltaOpenValue deltaOpenFee"
    " deltaFundingFee beforeOpenSize beforeOpenValue beforeOpenFee beforeFundingFee fillCloseSize"
    " fillCloseValue fillCloseFee fillOpenSize fillOpenValue fillOpenFee fillPrice liquidateFee"
    " realizePnl isLiquidate isDeleverage fundingTime fundingRate fundingIndexPrice"
    " fundingOraclePrice fundingPositionSize orderId orderFillTransactionId"
    " collateralTransactionId forceTradeId extraType extraDataJson censorStatus censorTxId"
    " censorTime createdTime updatedTime",
)
_CREATED: Final = shape("createOrder", "orderId clientOrderId")


# -- public data ------------------------------------------------------------------------------


def parse_depth(raw: object, reading: Reading) -> tuple[OrderBookData | BookDelta, ...]:
    """Channel `depth.<id>.<level>` and REST `getDepth`: the whole book, or changed levels."""
    stated = _response_time(raw, reading)
    return tuple(
        book
        for row in _rows(raw, reading)
        if (book := _depth(Fields(row, _DEPTH, reading), stated, raw)) is not None
    )


def _depth(
    fields: Fields, stated: datetime | None, raw: object
) -> OrderBookData | BookDelta | None:
    reading = fields.reading
    listing = reading.listing(fields.identifier("contractId"))
    bids = fields.levels("bids", listing, price="price", amount="size")
    asks = fields.levels("asks", listing, price="price", amount="size")
    at = stated or reading.arrival()
    kind = fields.raw("depthType") or _data_type(raw) or "SNAPSHOT"
    if str(kind).upper() == "SNAPSHOT":
        bids, asks = sorted_book(fields, bids, asks)
        return OrderBookData(
            venue=reading.venue,
            symbol=listing.symbol,
            bids=bids,
            asks=asks,
            sequence=fields.whole("endVersion"),
            at=at,
            received_at=reading.received_at,
        )
    return BookDelta(
        venue=reading.venue,
        symbol=listing.symbol,
        bids=bids,
        asks=asks,
        previous_sequence=fields.whole("startVersion"),
        last_sequence=fields.whole("endVersion"),
        at=at,
        received_at=reading.received_at,
    )


def parse_tickers(raw: object, reading: Reading) -> tuple[TickerData | FundingRateData, ...]:
    """Channels `ticker.<id>`, `ticker.all.1s`, `bookTicker.all.1s` and REST `getTicker`."""

    def parse(row: object) -> tuple[TickerData | FundingRateData, ...]:
        return _ticker(Fields(row, _TICKER, reading))

    rows = _rows(raw, reading)
    return tuple(data for found in sound(rows, parse, reading, "ticker") for data in found)


def _ticker(fields: Fields) -> tuple[TickerData | FundingRateData, ...]:
    reading = fields.reading
    listing = reading.listing(fields.identifier("contractId"))
    bid, ask = fields.positive_or_none("bestBidPrice"), fields.positive_or_none("bestAskPrice")
    refuse_crossed(fields, bid, ask)
    mark, index = fields.positive_or_none("markPrice"), fields.positive_or_none("indexPrice")
    refuse_scaled(fields, mark=mark, index=index, oracle=fields.positive_or_none("oraclePrice"))
    has_time = fields.has("endTime")
    at = fields.time("endTime", MILLISECOND) if has_time else reading.arrival()
    ticker = TickerData(
        venue=reading.venue,
        symbol=listing.symbol,
        bid=bid,
        bid_amount=fields.amount_or_none("bestBidSize"),
        ask=ask,
        ask_amount=fields.amount_or_none("bestAskSize"),
        last=fields.positive_or_none("lastPrice"),
        mark=mark,
        index=index,
        open_24h=fields.positive_or_none("open"),
        high_24h=fields.positive_or_none("high"),
        low_24h=fields.positive_or_none("low"),
        volume_24h=fields.amount_or_none("size"),
        at=at,
        received_at=reading.received_at,
    )
    if not fields.has("fundingRate"):
        return (ticker,)
    funding = FundingRateData(
        venue=reading.venue,
        symbol=listing.symbol,
        rate=fields.decimal("fundingRate"),
        interval_s=listing.funding_interval_s or DEFAULT_FUNDING_INTERVAL_S,
        next_at=fields.time_or_none("nextFundingTime", MILLISECOND),
        at=at,
    )
    return ticker, funding


def parse_trades(raw: object, reading: Reading) -> tuple[TradeData, ...]:
    """Channel `trades.<id>`, in the venue's order."""
    return tuple(
        TradeData(
            venue=reading.venue,
            symbol=reading.listing(fields.identifier("contractId")).symbol,
            trade_id=fields.identifier("ticketId"),
            price=fields.positive("price"),
            amount=fields.positive("size"),
            side=OrderSide.SELL if fields.flag("isBuyerMaker") else OrderSide.BUY,
            at=fields.time("time", MILLISECOND),
            received_at=reading.received_at,
        )
        for fields in objects(_rows(raw, reading), _TRADE, reading)
    )


def parse_klines(raw: object, reading: Reading) -> tuple[OHLCVData, ...]:
    """Channel `kline.<price>.<id>.<type>` and REST `getKline`, in the venue's order.

    Candles of a socket still change; those of REST are taken as closed.
    """
    is_frame = isinstance(raw, dict) and "content" in raw
    found = []
    for fields in objects(_rows(raw, reading), _KLINE, reading):
        low, high = fields.positive("low"), fields.positive("high")
        if low > high:
            fields.refuse("low", f"is above the high: {low} > {high}")
        kind = fields.text("klineType")
        found.append(
            OHLCVData(
                venue=reading.venue,
                symbol=reading.listing(fields.identifier("contractId")).symbol,
                timeframe=_TIMEFRAMES.get(kind, kind),
                at=fields.time("klineTime", MILLISECOND),
                open=fields.positive("open"),
                high=high,
                low=low,
                close=fields.positive("close"),
                volume=fields.amount("size"),
                is_closed=not is_frame,
            )
        )
    return tuple(found)


def parse_funding(
    raw: object, reading: Reading, *, settled_only: bool = False
) -> tuple[FundingRateData, ...]:
    """Channel `fundingRate.<id>` and REST `getLatestFundingRate`, `getFundingRatePage`.

    Args:
        raw: The message.
        reading: What is known beside.
        settled_only: For history: leaves out the rows of rates that were only estimates.
    """
    found = []
    for fields in objects(_rows(raw, reading), _FUNDING, reading):
        if settled_only and not fields.flag_or("isSettlement", default=False):
            continue
        listing = reading.listing(fields.identifier("contractId"))
        minutes = fields.whole_or_none("fundingRateIntervalMin")
        stated = "fundingTimestamp" if fields.has("fundingTimestamp") else "fundingTime"
        found.append(
            FundingRateData(
                venue=reading.venue,
                symbol=listing.symbol,
                rate=fields.decimal("fundingRate"),
                interval_s=minutes * 60
                if minutes
                else listing.funding_interval_s or DEFAULT_FUNDING_INTERVAL_S,
                next_at=fields.time_or_none("nextFundingTime", MILLISECOND),
                at=fields.time(stated, MILLISECOND),
            )
        )
    return tuple(found)


# -- our orders, fills and money --------------------------------------------------------------


def parse_trade_event(
    raw: object, reading: Reading, coins: dict[str, str] | None = None
) -> tuple[UserData, ...]:
    """Private socket `trade-event`: orders, fills, positions, then balances that changed.

    Args:
        raw: The frame.
        reading: What is known beside; `account` is checked against every row.
        coins: Coin id -> name, from metadata.
    """
    content = Fields(raw, _FRAME, reading).part("content", _CONTENT)
    data = content.part("data", _PRIVATE)
    return (
        *(_order(f) for f in objects(data.items_or_empty("order"), _ORDER, reading)),
        *(_fill(f) for f in objects(data.items_or_empty("orderFillTransaction"), _FILL, reading)),
        *(_position(f) for f in objects(data.items_or_empty("position"), _POSITION, reading)),
        *(
            _collateral(f, coins or {})
            for f in objects(data.items_or_empty("collateral"), _COLLATERAL, reading)
        ),
    )


def parse_orders(raw: object, reading: Reading) -> tuple[OrderData, ...]:
    """REST order pages and `getOrderById`, in the venue's order."""
    return tuple(_order(fields) for fields in objects(_rows(raw, reading), _ORDER, reading))


def _order(fields: Fields) -> OrderData:
    reading = fields.reading
    reading.own(fields.identifier("accountId"))
    filled = fields.amount_or_none("cumFillSize") or Decimal(0)
    value = fields.amount_or_none("cumFillValue")
    status = fields.status("status", _STATUSES)
    if status is OrderStatus.OPEN and filled:
        status = OrderStatus.PARTIALLY_FILLED
    is_market = fields.text("type").endswith("MARKET")
    reason = fields.text_or_none("cancelReason")
    return OrderData(
        venue=reading.venue,
        symbol=reading.listing(fields.identifier("contractId")).symbol,
        order_id=fields.identifier("id"),
        client_order_id=fields.identifier_or_none("clientOrderId"),
        side=fields.choice("side", _SIDES),
        order_type=OrderType.MARKET if is_market else OrderType.LIMIT,
        status=status,
        amount=fields.positive("size"),
        price=None if is_market else fields.positive_or_none("price"),
        filled=filled,
        average_price=value / filled if value and filled else None,
        time_in_force=_TIMES_IN_FORCE.get(
            fields.text_or_none("timeInForce") or "", TimeInForce.GTC
        ),
        post_only=fields.raw("timeInForce") == "POST_ONLY",
        reduce_only=fields.flag_or("reduceOnly", default=False),
        reason=None if reason in (None, "UNKNOWN_ORDER_CANCEL_REASON") else reason,
        created_at=fields.time_or_none("createdTime", MILLISECOND),
        updated_at=fields.time_or_none("updatedTime", MILLISECOND),
    )


def parse_fills(raw: object, reading: Reading) -> tuple[FillData, ...]:
    """REST `getHistoryOrderFillTransactionPage`, in the venue's order."""
    return tuple(_fill(fields) for fields in objects(_rows(raw, reading), _FILL, reading))


def _fill(fields: Fields) -> FillData:
    reading = fields.reading
    account = fields.identifier("accountId")
    reading.own(account)
    words = {"MAKER": Liquidity.MAKER, "TAKER": Liquidity.TAKER}
    return FillData(
        venue=reading.venue,
        account=account,
        symbol=reading.listing(fields.identifier("contractId")).symbol,
        trade_id=fields.identifier("id"),
        order_id=fields.identifier("orderId"),
        client_order_id=fields.identifier_or_none("clientOrderId"),
        side=fields.choice("orderSide", _SIDES),
        price=fields.positive("fillPrice"),
        amount=fields.positive("fillSize"),
        fee=fields.decimal_or_none("fillFee") or Decimal(0),
        liquidity=words.get(str(fields.raw("direction"))),
        at=fields.time("matchTime" if fields.has("matchTime") else "createdTime", MILLISECOND),
        received_at=reading.received_at,
    )


def _position(fields: Fields) -> PositionData:
    reading = fields.reading
    reading.own(fields.identifier("accountId"))
    size, value = fields.decimal("openSize"), fields.decimal_or_none("openValue")
    return PositionData(
        venue=reading.venue,
        symbol=reading.listing(fields.identifier("contractId")).symbol,
        size=size,
        entry_price=abs(value / size) if size and value else None,
        at=fields.time_or_none("updatedTime", MILLISECOND),
    )


def _collateral(fields: Fields, coins: dict[str, str]) -> BalanceData:
    fields.reading.own(fields.identifier("accountId"))
    coin = fields.identifier("coinId")
    total = fields.decimal("amount")
    return BalanceData(
        venue=fields.reading.venue,
        asset=coins.get(coin, coin),
        total=total,
        free=total,
        at=fields.time_or_none("updatedTime", MILLISECOND),
    )


def parse_account_asset(
    raw: object, reading: Reading, coins: dict[str, str] | None = None
) -> tuple[UserData, ...]:
    """REST `getAccountAsset`: positions other than flat, then balances.

    Where the venue tells what is available and what the account is worth, the balance says so.
    """
    found: list[UserData] = []
    for row in _rows(raw, reading):
        fields = Fields(row, _ASSET, reading)
        positions = objects(fields.items_or_empty("positionList"), _POSITION, reading)
        found.extend(p for f in positions if (p := _position(f)).size)
        rows = objects(fields.items_or_empty("collateralList"), _COLLATERAL, reading)
        models = {
            f.identifier("coinId"): f
            for f in objects(
                fields.items_or_empty("collateralAssetModelList"), _ASSET_MODEL, reading
            )
        }
        found.extend(
            _valued(_collateral(f, coins or {}), models.get(f.identifier("coinId"))) for f in rows
        )
    return tuple(found)


def _valued(balance: BalanceData, model: Fields | None) -> BalanceData:
    if model is None:
        return balance
    free = model.decimal_or_none("availableAmount")
    free = balance.free if free is None else free
    return replace(
        balance,
        free=free,
        used=max(balance.total - free, Decimal(0)),
        equity=model.decimal_or_none("totalEquity"),
    )


def parse_funding_payments(raw: object, reading: Reading) -> tuple[FundingPaymentData, ...]:
    """REST `getPositionTransactionPage`: settlements of funding, in the venue's order.

    A fee is what the account received (negative: paid).
    """
    found = []
    for fields in objects(_rows(raw, reading), _MOVE, reading):
        if fields.raw("type") != "SETTLE_FUNDING_FEE":
            continue
        reading.own(fields.identifier("accountId"))
        size = fields.decimal_or_none("fundingPositionSize")
        found.append(
            FundingPaymentData(
                venue=reading.venue,
                account=reading.account,
                symbol=reading.listing(fields.identifier("contractId")).symbol,
                payment_id=fields.identifier("id"),
                amount=fields.decimal("deltaFundingFee"),
                rate=fields.decimal_or_none("fundingRate") or Decimal(0),
                position=fields.decimal_or_none("beforeOpenSize") or Decimal(0)
                if size is None
                else size,
                at=fields.time(
                    "fundingTime" if fields.has("fundingTime") else "createdTime", MILLISECOND
                ),
            )
        )
    return tuple(found)


def parse_created(raw: object, reading: Reading) -> OrderAck:
    """REST `createOrder`: the venue's id; what became of the order comes on the private socket."""
    rows = _rows(raw, reading)
    if len(rows) != 1:
        raise malformed(reading, "createOrder", f"expected one order, not {len(rows)}")
    fields = Fields(rows[0], _CREATED, reading)
    return OrderAck(
        order_id=fields.identifier("orderId"),
        client_order_id=fields.identifier_or_none("clientOrderId"),
    )


# -- envelopes --------------------------------------------------------------------------------


def _rows(raw: object, reading: Reading) -> list[object]:
    """The rows that a frame or an answer carries.

    Raises:
        MalformedMessage: If it is neither, or an answer without success.
    """
    if isinstance(raw, dict) and "content" in raw:
        content = Fields(raw, _FRAME, reading).part("content", _CONTENT)
        return array(content.raw("data"), "frame data", reading)
    answer = Fields(raw, _ANSWER, reading)
    if answer.text("code") != "SUCCESS":
        answer.refuse("code", f"is not SUCCESS: {answer.text('code')[:60]}")
    data = answer.raw("data")
    if isinstance(data, dict) and "dataList" in data:
        return answer.part("data", _PAGE).items("dataList")
    return data if isinstance(data, list) else [data]


def _data_type(raw: object) -> object:
    content = raw.get("content") if isinstance(raw, dict) else None
    return content.get("dataType") if isinstance(content, dict) else None


def _response_time(raw: object, reading: Reading) -> datetime | None:
    if not isinstance(raw, dict) or "content" in raw:
        return None
    answer = Fields(raw, _ANSWER, reading)
    if not answer.has("responseTime"):
        return None
    return answer.event_time("responseTime", MILLISECOND)
