"""Hyperliquid messages as `*Data`: WebSocket channels and `/info` answers.

Every function takes one decoded payload (`decoding.decode`): `unwrap` takes the `{channel, data}`
envelope off. Values that cannot be true raise `MalformedMessage`. Sources: hyperliquid.gitbook.io,
"WebSocket: Subscriptions", "Info endpoint: Perpetuals / Spot", read with hyperliquid-python-sdk
0.24.0 and its recorded answers.

Traps:

- `l2Book` is a whole book each time, twenty levels a side, without a sequence.
- Side `B` is bid or buy, `A` is ask or sell; a trade's side is the taker's.
- `midPx` and `allMids` are mids, `impactPxs` are averages over a depth: neither is a bid or ask.
- Answers of before 2024 lack `tid` and `feeToken`; a fill's identity is then made of its hash,
  order, starting position, price and amount.
- Funding was paid every eight hours in 2023, hourly since.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Final

from core.adapters.exchanges.decoding import (
    MILLISECOND,
    Fields,
    Listing,
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
from core.adapters.exchanges.hyperliquid.instruments import FUNDING_INTERVAL_S, parse_meta
from core.adapters.exchanges.models import (
    BalanceData,
    FillData,
    FundingPaymentData,
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
from core.errors import OrderNotFound

_SIDES: Final = {"B": OrderSide.BUY, "A": OrderSide.SELL}
_MARGIN_MODES: Final = {"cross": MarginMode.CROSS, "isolated": MarginMode.ISOLATED}
_NO_HASH: Final = "0x" + "0" * 64

_CANCELED: Final = (
    "canceled marginCanceled vaultWithdrawalCanceled openInterestCapCanceled selfTradeCanceled"
    " reduceOnlyCanceled siblingFilledCanceled delistedCanceled liquidatedCanceled scheduledCancel"
)
_REJECTED: Final = (
    "rejected tickRejected minTradeNtlRejected perpMarginRejected reduceOnlyRejected"
    " badAloPxRejected iocCancelRejected badTriggerPxRejected marketOrderNoLiquidityRejected"
    " positionIncreaseAtOpenInterestCapRejected positionFlipAtOpenInterestCapRejected"
    " tooAggressiveAtOpenInterestCapRejected openInterestIncreaseRejected"
    " insufficientSpotBalanceRejected oracleRejected perpMaxPositionRejected"
)
_STATUSES: Final = {
    "open": OrderStatus.OPEN,
    "triggered": OrderStatus.OPEN,
    "filled": OrderStatus.FILLED,
    **dict.fromkeys(_CANCELED.split(), OrderStatus.CANCELED),
    **dict.fromkeys(_REJECTED.split(), OrderStatus.REJECTED),
}
"""Info endpoint, "Query order status by oid or cloid": the list of statuses."""

_BOOK: Final = shape("l2Book", "coin levels time spread")
_SIDES_OF_BOOK: Final = shape("l2Book.levels", "bids asks")
_BBO: Final = shape("bbo", "coin time bbo")
_LEVEL: Final = shape("bbo.bbo", "px sz n")
_TRADE: Final = shape("trades", "coin side px sz hash time tid users liquidation")
_ASSET_CTX_EVENT: Final = shape("activeAssetCtx", "coin ctx")
_CTX: Final = shape(
    "assetCtx",
    "funding openInterest prevDayPx dayNtlVlm premium oraclePx markPx midPx impactPxs dayBaseVlm"
    " circulatingSupply totalSupply coin",
)
_ALL_CTXS: Final = shape("allDexsAssetCtxs", "ctxs")
_FUNDING: Final = shape("fundingHistory", "coin fundingRate premium time")
_CANDLE: Final = shape("candle", "t T s i o c h l v n")
_FILL: Final = shape(
    "userFills",
    "coin px sz side time startPosition dir closedPnl hash oid crossed fee tid cloid feeToken"
    " builderFee builder liquidation twapId",
)
_FILLS_EVENT: Final = shape("userFills.event", "user isSnapshot fills")
_ORDER_EVENT: Final = shape("orderUpdates", "order status statusTimestamp")
_ORDER: Final = shape(
    "order",
    "coin side limitPx sz oid timestamp origSz cloid orderType tif reduceOnly isTrigger triggerPx"
    " triggerCondition isPositionTpsl children",
)
_ORDER_STATUS: Final = shape("orderStatus", "status order")
_STATUS: Final = shape("exchangeStatus", "specialStatuses time")
_ACCOUNT: Final = shape(
    "clearinghouseState",
    "assetPositions crossMarginSummary marginSummary crossMaintenanceMarginUsed withdrawable time",
)
_SUMMARY: Final = shape(
    "clearinghouseState.marginSummary", "accountValue totalNtlPos totalRawUsd totalMarginUsed"
)
_ASSET_POSITION: Final = shape("clearinghouseState.assetPositions", "position type")
_POSITION: Final = shape(
    "position",
    "coin szi leverage entryPx positionValue unrealizedPnl returnOnEquity liquidationPx marginUsed"
    " maxLeverage cumFunding",
)
_LEVERAGE: Final = shape("position.leverage", "type value rawUsd")
_ACTIVE_ASSET: Final = shape(
    "activeAssetData", "user coin leverage maxTradeSzs availableToTrade markPx"
)
_SPOT_ACCOUNT: Final = shape(
    "spotClearinghouseState", "balances evmEscrows tokenToAvailableAfterMaintenance"
)
_SPOT_BALANCE: Final = shape(
    "spotClearinghouseState.balances", "coin token total hold entryNtl supplied"
)
_USER_FUNDING: Final = shape("userFunding", "time hash delta")
_FUNDING_DELTA: Final = shape("userFunding.delta", "type coin usdc szi fundingRate nSamples")
_ANSWER: Final = shape("exchange", "status response")
_RESPONSE: Final = shape("exchange.response", "type data")
_STATUSES_OF_ANSWER: Final = shape("exchange.response.data", "statuses")
_ACK: Final = shape("exchange status", "resting filled error waitingForFill waitingForTrigger")
_RESTING: Final = shape("exchange resting", "oid cloid")
_FILLED: Final = shape("exchange filled", "totalSz avgPx oid cloid")


def unwrap(raw: object) -> object:
    """The payload inside a channel's envelope, or `raw` itself."""
    if isinstance(raw, dict) and "channel" in raw and "data" in raw:
        return raw["data"]
    return raw


# -- prices -----------------------------------------------------------------------------------


def parse_book(raw: object, reading: Reading) -> OrderBookData:
    """Channel and info `l2Book`: the whole book."""
    fields = Fields(raw, _BOOK, reading)
    listing = reading.listing(fields.text("coin"))
    levels = fields.items("levels")
    if len(levels) != 2:
        fields.refuse("levels", f"should have two sides, not {len(levels)}")
    sides = Fields({"bids": levels[0], "asks": levels[1]}, _SIDES_OF_BOOK, reading)
    bids, asks = sorted_book(
        sides,
        sides.levels("bids", listing, price="px", amount="sz"),
        sides.levels("asks", listing, price="px", amount="sz"),
    )
    return OrderBookData(
        venue=reading.venue,
        symbol=listing.symbol,
        bids=bids,
        asks=asks,
        at=fields.event_time("time", MILLISECOND),
        received_at=reading.received_at,
    )


def parse_bbo(raw: object, reading: Reading) -> TickerData:
    """Channel `bbo`: best bid and ask; null for an empty side."""
    fields = Fields(raw, _BBO, reading)
    listing = reading.listing(fields.text("coin"))
    sides = fields.items("bbo")
    if len(sides) != 2:
        fields.refuse("bbo", f"should have two sides, not {len(sides)}")
    bid, ask = (None if side is None else Fields(side, _LEVEL, reading) for side in sides)
    bid_price = bid.positive("px") if bid else None
    ask_price = ask.positive("px") if ask else None
    refuse_crossed(fields, bid_price, ask_price)
    return TickerData(
        venue=reading.venue,
        symbol=listing.symbol,
        bid=bid_price,
        bid_amount=bid.positive("sz") if bid else None,
        ask=ask_price,
        ask_amount=ask.positive("sz") if ask else None,
        at=fields.event_time("time", MILLISECOND),
        received_at=reading.received_at,
    )


def parse_asset_ctx(raw: object, reading: Reading) -> tuple[TickerData | FundingRateData, ...]:
    """Channel `activeAssetCtx`: mark, oracle (as index), the day, and the hour's funding so far.

    The message carries no time; it is when it came.
    """
    fields = Fields(raw, _ASSET_CTX_EVENT, reading)
    return _context(fields.part("ctx", _CTX), reading.listing(fields.text("coin")), reading)


def parse_meta_and_ctxs(raw: object, reading: Reading) -> tuple[TickerData | FundingRateData, ...]:
    """Info `metaAndAssetCtxs`: what `parse_asset_ctx` gives, of every listed perpetual."""
    parts = array(raw, "metaAndAssetCtxs", reading)
    if len(parts) != 2:
        raise malformed(reading, "metaAndAssetCtxs", "expected metadata and contexts")
    listings = parse_meta(parts[0], reading)
    contexts = array(parts[1], "metaAndAssetCtxs[1]", reading)
    pairs = [pair for pair in zip(listings, contexts, strict=False) if pair[0].is_trading]
    return _contexts(pairs, reading)


def parse_all_ctxs(raw: object, reading: Reading) -> tuple[TickerData | FundingRateData, ...]:
    """Channel `allDexsAssetCtxs`: contexts by dex in the order of its universe.

    Those of instruments that nobody listed are counted and left out: they come without a name.
    """
    listed = {
        (listing.key.partition(":")[0] if ":" in listing.key else "", listing.number % 10_000): (
            listing
        )
        for listing in reading.listings.values()
        if listing.number is not None
    }
    pairs: list[tuple[Listing, object]] = []
    for pair in Fields(raw, _ALL_CTXS, reading).items("ctxs"):
        dex, contexts = _pair(pair, reading)
        for index, context in enumerate(contexts):
            listing = listed.get((dex, index))
            if listing is None:
                reading.unknown["allDexsAssetCtxs:not listed"] += 1
            elif listing.is_trading:
                pairs.append((listing, context))
    return _contexts(pairs, reading)


def _contexts(
    pairs: list[tuple[Listing, object]], reading: Reading
) -> tuple[TickerData | FundingRateData, ...]:
    def parse(pair: tuple[Listing, object]) -> tuple[TickerData | FundingRateData, ...]:
        return _context(Fields(pair[1], _CTX, reading), pair[0], reading)

    return tuple(data for found in sound(pairs, parse, reading, "assetCtx") for data in found)


def _pair(raw: object, reading: Reading) -> tuple[str, list[object]]:
    parts = array(raw, "allDexsAssetCtxs.ctxs", reading)
    if len(parts) != 2 or not isinstance(parts[0], str):
        raise malformed(reading, "allDexsAssetCtxs.ctxs", "expected a dex and its contexts")
    return parts[0], array(parts[1], "allDexsAssetCtxs.ctxs", reading)


def _context(
    fields: Fields, listing: Listing, reading: Reading
) -> tuple[TickerData | FundingRateData, ...]:
    mark, index = fields.positive("markPx"), fields.positive_or_none("oraclePx")
    refuse_scaled(fields, mark=mark, index=index)
    at = reading.arrival()
    ticker = TickerData(
        venue=reading.venue,
        symbol=listing.symbol,
        mark=mark,
        index=index,
        open_24h=fields.positive_or_none("prevDayPx"),
        volume_24h=fields.amount_or_none("dayBaseVlm"),
        at=at,
        received_at=reading.received_at,
    )
    if not fields.has("funding"):
        return (ticker,)
    funding = FundingRateData(
        venue=reading.venue,
        symbol=listing.symbol,
        rate=fields.decimal("funding"),
        interval_s=FUNDING_INTERVAL_S,
        next_at=at.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        if reading.received_at
        else None,
        at=at,
    )
    return ticker, funding


def parse_funding_history(raw: object, reading: Reading) -> tuple[FundingRateData, ...]:
    """Info `fundingHistory`: settled rates from old to new.

    The interval is the shortest distance between two rows, in whole hours; one row alone is hourly.
    """
    rows = [
        (fields.text("coin"), fields.decimal("fundingRate"), fields.time("time", MILLISECOND))
        for fields in objects(raw, _FUNDING, reading)
    ]
    gaps = [
        round((later[2] - earlier[2]).total_seconds() / 3600) for earlier, later in pairwise(rows)
    ]
    interval_s = 3600 * max(1, min(gaps, default=1))
    return tuple(
        FundingRateData(
            venue=reading.venue,
            symbol=reading.listing(coin).symbol,
            rate=rate,
            interval_s=interval_s,
            at=at,
        )
        for coin, rate, at in rows
    )


def parse_trades(raw: object, reading: Reading) -> tuple[TradeData, ...]:
    """Channel `trades` and info `recentTrades`, in the venue's order (recent ones: new to old)."""
    return tuple(
        TradeData(
            venue=reading.venue,
            symbol=reading.listing(fields.text("coin")).symbol,
            trade_id=fields.identifier("tid"),
            price=fields.positive("px"),
            amount=fields.positive("sz"),
            side=fields.choice("side", _SIDES),
            at=fields.event_time("time", MILLISECOND),
            received_at=reading.received_at,
        )
        for fields in objects(raw, _TRADE, reading)
    )


def parse_candle(raw: object, reading: Reading) -> OHLCVData:
    """Channel `candle`, or one row of `candleSnapshot`; closed once its end has passed."""
    fields = Fields(raw, _CANDLE, reading)
    low, high = fields.positive("l"), fields.positive("h")
    if low > high:
        fields.refuse("l", f"is above the high: {low} > {high}")
    closes_at = fields.time("T", MILLISECOND)
    return OHLCVData(
        venue=reading.venue,
        symbol=reading.listing(fields.text("s")).symbol,
        timeframe=fields.text("i"),
        at=fields.time("t", MILLISECOND),
        open=fields.positive("o"),
        high=high,
        low=low,
        close=fields.positive("c"),
        volume=fields.amount("v"),
        is_closed=reading.received_at is None or closes_at < reading.received_at,
    )


def parse_candles(raw: object, reading: Reading) -> tuple[OHLCVData, ...]:
    """Info `candleSnapshot`, from old to new."""
    return tuple(parse_candle(item, reading) for item in array(raw, "candleSnapshot", reading))


# -- our orders, fills and money --------------------------------------------------------------


def parse_order_updates(raw: object, reading: Reading) -> tuple[OrderData, ...]:
    """Channel `orderUpdates` and info `historicalOrders`, in the venue's order."""
    return tuple(_order_event(fields) for fields in objects(raw, _ORDER_EVENT, reading))


def parse_open_orders(raw: object, reading: Reading) -> tuple[OrderData, ...]:
    """Info `openOrders` and `frontendOpenOrders`; what `openOrders` leaves out is unknown.

    Its `sz` is what remains; without `origSz` the filled part is not told, and the amount is what
    remains.
    """
    return tuple(_order(fields, OrderStatus.OPEN, None) for fields in objects(raw, _ORDER, reading))


def parse_order_status(raw: object, reading: Reading) -> OrderData:
    """Info `orderStatus`: one order in any state.

    Raises:
        OrderNotFound: If the venue does not know it.
    """
    fields = Fields(raw, _ORDER_STATUS, reading)
    status = fields.text("status")
    if status == "unknownOid":
        raise OrderNotFound(
            f"{reading.venue} does not know the order.", venue=reading.venue, code=status
        )
    if status != "order":
        fields.refuse("status", f"should be order or unknownOid, not {status[:40]!r}")
    return _order_event(fields.part("order", _ORDER_EVENT))


def _order_event(fields: Fields) -> OrderData:
    word = fields.text_or_none("status")
    return _order(fields.part("order", _ORDER), fields.status("status", _STATUSES), word, fields)


def _order(
    fields: Fields, status: OrderStatus, word: str | None, event: Fields | None = None
) -> OrderData:
    listing = fields.reading.listing(fields.text("coin"))
    remaining = fields.amount("sz")
    amount = fields.amount("origSz") if fields.has("origSz") else remaining
    filled = amount if status is OrderStatus.FILLED else amount - remaining
    if filled < 0:
        fields.refuse("sz", f"is more than was ordered: {remaining} of {amount}")
    if status is OrderStatus.OPEN and filled:
        status = OrderStatus.PARTIALLY_FILLED
    kind = fields.text_or_none("orderType") or "Limit"
    order_type = OrderType.MARKET if kind.endswith("Market") else OrderType.LIMIT
    created = fields.time("timestamp", MILLISECOND)
    time_in_force = fields.text_or_none("tif")
    has_reason = status in (OrderStatus.CANCELED, OrderStatus.REJECTED, OrderStatus.UNKNOWN)
    return OrderData(
        venue=fields.reading.venue,
        symbol=listing.symbol,
        order_id=fields.identifier("oid"),
        client_order_id=fields.text_or_none("cloid"),
        side=fields.choice("side", _SIDES),
        order_type=order_type,
        status=status,
        amount=amount,
        price=None if order_type is OrderType.MARKET else fields.positive_or_none("limitPx"),
        filled=filled,
        time_in_force=TimeInForce.IOC if time_in_force == "Ioc" else TimeInForce.GTC,
        post_only=time_in_force == "Alo",  # codespell:ignore alo
        reduce_only=fields.flag_or("reduceOnly", default=False),
        reason=word if has_reason else None,
        created_at=created,
        updated_at=event.time("statusTimestamp", MILLISECOND) if event else created,
    )


def parse_fills(raw: object, reading: Reading) -> tuple[FillData, ...]:
    """Info `userFills` and `userFillsByTime`, or the fills of a channel, in the venue's order."""
    return tuple(_fill(fields) for fields in objects(raw, _FILL, reading))


def parse_fills_event(raw: object, reading: Reading) -> tuple[FillData, ...]:
    """Channels `userFills` and `user`; the first one after subscribing is a snapshot.

    Raises:
        MalformedMessage: Also if it is about another account than ours.
    """
    fields = Fields(raw, _FILLS_EVENT, reading)
    if fields.has("user"):
        reading.own(fields.text("user"))
    return parse_fills(fields.items("fills"), reading)


def _fill(fields: Fields) -> FillData:
    reading = fields.reading
    listing = reading.listing(fields.text("coin"))
    is_taker = fields.flag("crossed")
    return FillData(
        venue=reading.venue,
        account=reading.account,
        symbol=listing.symbol,
        trade_id=_trade_id(fields),
        order_id=fields.identifier("oid"),
        client_order_id=fields.text_or_none("cloid"),
        side=fields.choice("side", _SIDES),
        price=fields.positive("px"),
        amount=fields.positive("sz"),
        fee=fields.decimal("fee"),
        fee_currency=fields.text_or_none("feeToken") or "",
        liquidity=Liquidity.TAKER if is_taker else Liquidity.MAKER,
        at=fields.time("time", MILLISECOND),
        received_at=reading.received_at,
    )


def _trade_id(fields: Fields) -> str:
    stated = fields.identifier_or_none("tid")
    if stated is not None and stated != "0":
        return stated
    seal = fields.text("hash")
    if seal == _NO_HASH:
        seal = str(fields.whole("time"))
    parts = (fields.raw(name) for name in ("oid", "startPosition", "px", "sz"))
    return ":".join([seal, *map(str, parts)])


def parse_status(raw: object, reading: Reading) -> datetime:
    """Info `exchangeStatus`: the venue's time."""
    return Fields(raw, _STATUS, reading).time("time", MILLISECOND)


def parse_account(raw: object, reading: Reading) -> tuple[UserData, ...]:
    """Info `clearinghouseState`: the USDC of the perpetuals' account, then its positions."""
    fields = Fields(raw, _ACCOUNT, reading)
    at = fields.time_or_none("time", MILLISECOND)
    name = "marginSummary" if fields.has("marginSummary") else "crossMarginSummary"
    summary = fields.part(name, _SUMMARY)
    equity, used = summary.decimal("accountValue"), summary.amount("totalMarginUsed")
    positions = tuple(
        _position(item.part("position", _POSITION))
        for item in objects(fields.items("assetPositions"), _ASSET_POSITION, reading)
    )
    unrealized = sum((p.unrealized_pnl or Decimal(0) for p in positions), Decimal(0))
    balance = BalanceData(
        venue=reading.venue,
        asset="USDC",
        total=equity - unrealized,
        free=fields.decimal("withdrawable"),
        used=used,
        equity=equity,
        at=at,
    )
    return (balance, *(position for position in positions if position.size))


def _position(fields: Fields) -> PositionData:
    leverage = fields.part("leverage", _LEVERAGE)
    return PositionData(
        venue=fields.reading.venue,
        symbol=fields.reading.listing(fields.text("coin")).symbol,
        size=fields.decimal("szi"),
        entry_price=fields.positive_or_none("entryPx"),
        liquidation_price=fields.positive_or_none("liquidationPx"),
        unrealized_pnl=fields.decimal_or_none("unrealizedPnl"),
        margin=fields.amount_or_none("marginUsed"),
        leverage=leverage.positive("value"),
        margin_mode=leverage.choice("type", _MARGIN_MODES),
    )


def parse_active_asset(raw: object, reading: Reading) -> tuple[Decimal, MarginMode]:
    """Info `activeAssetData`: leverage and margin mode of one perpetual, position or not."""
    fields = Fields(raw, _ACTIVE_ASSET, reading)
    if fields.has("user"):
        reading.own(fields.text("user"))
    leverage = fields.part("leverage", _LEVERAGE)
    return leverage.positive("value"), leverage.choice("type", _MARGIN_MODES)


def parse_spot_account(raw: object, reading: Reading) -> tuple[BalanceData, ...]:
    """Info `spotClearinghouseState`: every token other than zero."""
    account = Fields(raw, _SPOT_ACCOUNT, reading)
    return tuple(
        BalanceData(
            venue=reading.venue,
            asset=fields.text("coin"),
            total=total,
            free=total - (used := fields.amount("hold")),
            used=used,
        )
        for fields in objects(account.items("balances"), _SPOT_BALANCE, reading)
        if (total := fields.decimal("total"))
    )


def parse_user_funding(raw: object, reading: Reading) -> tuple[FundingPaymentData, ...]:
    """Info `userFunding`: what funding paid (positive) or cost us, in the venue's order."""
    found = []
    for fields in objects(raw, _USER_FUNDING, reading):
        delta = fields.part("delta", _FUNDING_DELTA)
        symbol = reading.listing(delta.text("coin")).symbol
        found.append(
            FundingPaymentData(
                venue=reading.venue,
                account=reading.account,
                symbol=symbol,
                payment_id=f"{fields.text('hash')}:{fields.whole('time')}",
                amount=delta.decimal("usdc"),
                rate=delta.decimal("fundingRate"),
                position=delta.decimal("szi"),
                at=fields.time("time", MILLISECOND),
            )
        )
    return tuple(found)


def parse_order_acks(raw: object, reading: Reading) -> tuple[OrderAck | str, ...]:
    """The answer of `/exchange` to an order action: an ack, or the venue's refusal as text, each.

    `hyperliquid.errors` says what a refusal means.

    Raises:
        MalformedMessage: If the answer has another form, which proves nothing about the orders.
    """
    answer = Fields(raw, _ANSWER, reading)
    if answer.text("status") != "ok":
        answer.refuse("status", f"is not ok: {answer.raw('response')!r}"[:200])
    data = answer.part("response", _RESPONSE).part("data", _STATUSES_OF_ANSWER)
    return tuple(_ack(item, reading) for item in data.items("statuses"))


def _ack(raw: object, reading: Reading) -> OrderAck | str:
    if isinstance(raw, str):
        return OrderAck(order_id="", status=_ACK_WORDS.get(raw, OrderStatus.UNKNOWN))
    fields = Fields(raw, _ACK, reading)
    if fields.has("error"):
        return fields.text("error")
    if fields.has("filled"):
        filled = fields.part("filled", _FILLED)
        return OrderAck(
            order_id=filled.identifier("oid"),
            client_order_id=filled.text_or_none("cloid"),
            status=OrderStatus.FILLED,
            filled=filled.positive("totalSz"),
            average_price=filled.positive("avgPx"),
        )
    resting = fields.part("resting", _RESTING)
    return OrderAck(
        order_id=resting.identifier("oid"),
        client_order_id=resting.text_or_none("cloid"),
        status=OrderStatus.OPEN,
    )


_ACK_WORDS: Final = {
    "success": OrderStatus.CANCELED,
    "waitingForFill": OrderStatus.PENDING,
    "waitingForTrigger": OrderStatus.PENDING,
}
"""Statuses that come as a bare word; `success` answers a cancel."""
