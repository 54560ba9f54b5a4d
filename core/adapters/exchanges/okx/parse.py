"""OKX V5 messages as `*Data`: channels and REST answers.

Every function takes one decoded payload (`decoding.decode`) with its envelope (`{arg, data}` of a
channel, `{code, data}` of REST) or a single row of it. Values that cannot be true raise
`MalformedMessage`. Source: okx.com/docs-v5.

Traps:

- Derivatives count in contracts; amounts leave here in base units.
- Fees are negative when paid.
- A position of a short side is positive in hedge mode; here a short is negative.
- `checksum` is 0 since June 2026: then it is not provided. `seqId` and `prevSeqId` are the check.
- `fundingTime` is the next settlement, `nextFundingTime` the one after it.
- The orders channel may leave an execution's own fee out; the order's sum is that of its first one
  alone.
- A post-only order that would take is accepted and then canceled, with the cancel source 31: it is
  REJECTED here.
"""

from __future__ import annotations

from collections.abc import Iterator
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
    UserData,
)

_EIGHT_HOURS_S: Final = 8 * 3600
_SIDES: Final = {"buy": OrderSide.BUY, "sell": OrderSide.SELL}
_MARGIN_MODES: Final = {"cross": MarginMode.CROSS, "isolated": MarginMode.ISOLATED}
_LIQUIDITY: Final = {"T": Liquidity.TAKER, "M": Liquidity.MAKER}
_STATUSES: Final = {
    "live": OrderStatus.OPEN,
    "partially_filled": OrderStatus.PARTIALLY_FILLED,
    "filled": OrderStatus.FILLED,
    "canceled": OrderStatus.CANCELED,
    "mmp_canceled": OrderStatus.CANCELED,
}
_POST_ONLY_TAKES: Final = "31"
_TIMES_IN_FORCE: Final = {
    "ioc": TimeInForce.IOC,
    "optimal_limit_ioc": TimeInForce.IOC,
    "fok": TimeInForce.FOK,
}

_ENVELOPE: Final = shape(
    "envelope", "arg action data code msg inTime outTime eventType curPage lastPage id op"
)
_ARG: Final = shape("arg", "channel instId instType instFamily uid extraParams ccy algoId")
_BOOK: Final = shape("books", "asks bids ts checksum prevSeqId seqId instId")
_TICKER: Final = shape(
    "tickers",
    "instType instId last lastSz askPx askSz bidPx bidSz open24h high24h low24h volCcy24h vol24h"
    " ts sodUtc0 sodUtc8 source",
)
_TRADE: Final = shape("trades", "instId tradeId px sz side ts count source seqId")
_CANDLE: Final = shape("candles", "ts o h l c vol volCcy volCcyQuote confirm")
_MARK: Final = shape("mark-price", "instType instId markPx ts")
_FUNDING: Final = shape(
    "funding-rate",
    "instType instId method formulaType fundingRate nextFundingRate fundingTime nextFundingTime"
    " minFundingRate maxFundingRate interestRate impactValue settState settFundingRate premium ts"
    " prevFundingTime realizedRate",
)
_ORDER: Final = shape(
    "orders",
    "accFillSz algoClOrdId algoId amendResult amendSource attachAlgoClOrdId attachAlgoOrds avgPx"
    " cTime cancelSource cancelSourceReason category ccy clOrdId code execType fee feeCcy"
    " fillFee fillFeeCcy fillFwdPx fillIdxPx fillMarkPx fillMarkVol fillNotionalUsd fillPnl fillPx"
    " fillPxUsd fillPxVol fillSz fillTime instId instIdCode instType isTpLimit lastPx lever"
    " linkedAlgoOrd msg notionalUsd ordId ordType outcome pnl posSide px pxType pxUsd pxVol"
    " quickMgnType rebate rebateCcy reduceOnly reqId side slOrdPx slTriggerPx slTriggerPxType"
    " source state stpId stpMode sz tag tdMode tgtCcy tpOrdPx tpTriggerPx tpTriggerPxType tradeId"
    " tradeQuoteCcy uTime",
)
_FILL: Final = shape(
    "fills",
    "instType instId tradeId ordId clOrdId billId subType tag fillPx fillSz fillIdxPx fillPnl"
    " fillPxVol fillPxUsd fillMarkVol fillFwdPx fillMarkPx side posSide execType feeCcy fee"
    " feeRate ts fillTime tradeQuoteCcy count",
)
_POSITION: Final = shape(
    "positions",
    "adl availPos avgPx baseBal baseBorrowed baseInterest bePx bizRefId bizRefType cTime ccy"
    " clSpotInUseAmt closeOrderAlgo deltaBS deltaPA fee fundingFee gammaBS gammaPA hedgedPos idxPx"
    " imr instId instType interest last lever liab liabCcy liqPenalty liqPx margin markPx"
    " maxSpotInUseAmt mgnMode mgnRatio mmr nonSettleAvgPx notionalUsd optVal pendingCloseOrdLiabVal"
    " pTime pnl pos posCcy posId posSide quoteBal quoteBorrowed quoteInterest realizedPnl"
    " settledPnl spotInUseAmt spotInUseCcy thetaBS thetaPA tradeId uTime upl uplLastPx uplRatio"
    " uplRatioLastPx usdPx vegaBS vegaPA",
)
_ACCOUNT: Final = shape(
    "account",
    "adjEq availEq borrowFroz delta deltaLever deltaNeutralStatus details imr isoEq mgnRatio mmr"
    " notionalUsd notionalUsdForBorrow notionalUsdForFutures notionalUsdForOption"
    " notionalUsdForSwap ordFroz totalEq uTime upl",
)
_DETAIL: Final = shape(
    "account.details",
    "accAvgPx autoLendAmt autoLendMtAmt autoLendStatus availBal availEq borrowFroz cashBal ccy"
    " clSpotInUseAmt coinUsdPrice colBorrAutoConversion colRes collateralEnabled collateralRestrict"
    " crossLiab disEq eq eqUsd fixedBal frozenBal frpType imr interest isoEq isoLiab isoUpl liab"
    " maxLoan maxSpotInUse maxSpotInUseAmt mgnRatio mmr notionalLever openAvgPx ordFrozen rewardBal"
    " smtSyncEq spotBal spotCopyTradingEq spotInUseAmt spotIsoBal spotUpl spotUplRatio stgyEq"
    " totalPnl totalPnlRatio twap uTime upl uplLiab",
)
_PLACED: Final = shape("order ack", "ordId clOrdId tag ts sCode sMsg reqId subCode")


# -- public data ------------------------------------------------------------------------------


def parse_books(raw: object, reading: Reading) -> tuple[OrderBookData | BookDelta, ...]:
    """Channels `books`, `books5` and REST `books`: the whole book, or changed levels."""
    is_change = isinstance(raw, dict) and raw.get("action") == "update"
    return tuple(
        _book(fields, _listing(fields, raw), is_change=is_change)
        for fields in _rows(raw, _BOOK, reading)
    )


def _book(fields: Fields, listing: Listing, *, is_change: bool) -> OrderBookData | BookDelta:
    reading = fields.reading
    bids, asks = fields.levels("bids", listing), fields.levels("asks", listing)
    at = fields.event_time("ts", MILLISECOND)
    sequence = fields.whole_or_none("seqId")
    if is_change:
        return BookDelta(
            venue=reading.venue,
            symbol=listing.symbol,
            bids=bids,
            asks=asks,
            last_sequence=sequence,
            previous_sequence=fields.whole_or_none("prevSeqId"),
            checksum=fields.whole_or_none("checksum") or None,
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


def parse_bbo(raw: object, reading: Reading) -> tuple[TickerData, ...]:
    """Channel `bbo-tbt`: best bid and ask."""
    found = []
    for fields in _rows(raw, _BOOK, reading):
        listing = _listing(fields, raw)
        bids, asks = fields.levels("bids", listing), fields.levels("asks", listing)
        bid, ask = (bids[0] if bids else None), (asks[0] if asks else None)
        refuse_crossed(fields, bid.price if bid else None, ask.price if ask else None)
        found.append(
            TickerData(
                venue=reading.venue,
                symbol=listing.symbol,
                bid=bid.price if bid else None,
                bid_amount=bid.amount if bid else None,
                ask=ask.price if ask else None,
                ask_amount=ask.amount if ask else None,
                at=fields.event_time("ts", MILLISECOND),
                received_at=reading.received_at,
            )
        )
    return tuple(found)


def parse_tickers(raw: object, reading: Reading) -> tuple[TickerData, ...]:
    """Channel `tickers`, REST `ticker` and `tickers`: best bid and ask, last, the day."""
    rows = _raw_rows(raw, reading)
    return tuple(sound(rows, lambda row: _ticker(row, reading), reading, "tickers"))


def _ticker(row: object, reading: Reading) -> TickerData:
    fields = Fields(row, _TICKER, reading)
    listing = reading.listing(fields.text("instId"))
    bid, ask = fields.positive_or_none("bidPx"), fields.positive_or_none("askPx")
    refuse_crossed(fields, bid, ask)
    volume = "vol24h" if listing.market_type is ExchangeType.SPOT else "volCcy24h"
    return TickerData(
        venue=reading.venue,
        symbol=listing.symbol,
        bid=bid,
        bid_amount=_base(listing, fields.amount_or_none("bidSz"), bid),
        ask=ask,
        ask_amount=_base(listing, fields.amount_or_none("askSz"), ask),
        last=fields.positive_or_none("last"),
        open_24h=fields.positive_or_none("open24h"),
        high_24h=fields.positive_or_none("high24h"),
        low_24h=fields.positive_or_none("low24h"),
        volume_24h=fields.amount_or_none(volume),
        at=fields.time("ts", MILLISECOND),
        received_at=reading.received_at,
    )


def parse_mark_prices(raw: object, reading: Reading) -> tuple[TickerData, ...]:
    """Channel and REST `mark-price`."""
    return tuple(
        TickerData(
            venue=reading.venue,
            symbol=reading.listing(fields.text("instId")).symbol,
            mark=fields.positive("markPx"),
            at=fields.event_time("ts", MILLISECOND),
            received_at=reading.received_at,
        )
        for fields in _rows(raw, _MARK, reading)
    )


def parse_funding_rates(raw: object, reading: Reading) -> tuple[FundingRateData, ...]:
    """Channel and REST `funding-rate`, and the history, settled at `fundingTime`."""
    found = []
    for fields in _rows(raw, _FUNDING, reading):
        due = fields.time("fundingTime", MILLISECOND)
        after = fields.time_or_none("nextFundingTime", MILLISECOND)
        interval_s = int((after - due).total_seconds()) if after else _EIGHT_HOURS_S
        if interval_s <= 0:
            fields.refuse("nextFundingTime", f"is not after fundingTime: {due.isoformat()}")
        stated = fields.time_or_none("ts", MILLISECOND)
        found.append(
            FundingRateData(
                venue=reading.venue,
                symbol=reading.listing(fields.text("instId")).symbol,
                rate=fields.decimal("fundingRate"),
                interval_s=interval_s,
                next_at=due if after else None,
                at=stated or (reading.arrival() if after else due),
            )
        )
    return tuple(found)


def parse_trades(raw: object, reading: Reading) -> tuple[TradeData, ...]:
    """Channels `trades` and `trades-all`, REST `trades` (new to old), in the venue's order."""
    return tuple(
        TradeData(
            venue=reading.venue,
            symbol=(listing := reading.listing(fields.text("instId"))).symbol,
            trade_id=fields.identifier("tradeId"),
            price=(price := fields.positive("px")),
            amount=listing.amount(fields.positive("sz"), price),
            side=fields.choice("side", _SIDES),
            at=fields.time("ts", MILLISECOND),
            received_at=reading.received_at,
        )
        for fields in _rows(raw, _TRADE, reading)
    )


_COLUMNS: Final = ("ts", "o", "h", "l", "c", "vol", "volCcy", "volCcyQuote", "confirm")


def parse_candles(raw: object, reading: Reading, timeframe: str = "") -> tuple[OHLCVData, ...]:
    """Channel `candle<timeframe>` and REST `candles` (new to old), in the venue's order."""
    channel = _arg(raw, reading).text("channel") if _has_arg(raw) else ""
    name = channel.removeprefix("candle").removesuffix("utc") or timeframe
    listing = reading.listing(_key(raw, reading))
    found = []
    for row in _raw_rows(raw, reading):
        cells = dict(zip(_COLUMNS, array(row, "candles", reading), strict=False))
        fields = Fields(cells, _CANDLE, reading)
        low, high, close = fields.positive("l"), fields.positive("h"), fields.positive("c")
        if low > high:
            fields.refuse("l", f"is above the high: {low} > {high}")
        found.append(
            OHLCVData(
                venue=reading.venue,
                symbol=listing.symbol,
                timeframe=name[:-1] + name[-1:].lower() if not name.endswith("M") else name,
                at=fields.time("ts", MILLISECOND),
                open=fields.positive("o"),
                high=high,
                low=low,
                close=close,
                volume=listing.amount(fields.amount("vol"), close),
                is_closed=fields.raw("confirm") != "0",
            )
        )
    return tuple(found)


# -- our orders, fills and money --------------------------------------------------------------


def parse_orders(raw: object, reading: Reading) -> tuple[OrderData, ...]:
    """REST orders, open or closed, in the venue's order."""
    return tuple(_order(fields) for fields in _rows(raw, _ORDER, reading))


def parse_order_events(raw: object, reading: Reading) -> tuple[UserData, ...]:
    """Channel `orders`: each order, and its newest fill where it is one."""
    found: list[UserData] = []
    for fields in _rows(raw, _ORDER, reading):
        order = _order(fields)
        found.append(order)
        if fields.has("tradeId") and fields.positive_or_none("fillSz"):
            found.append(_event_fill(fields, order))
    return tuple(found)


def _order(fields: Fields) -> OrderData:
    reading = fields.reading
    listing = reading.listing(fields.text("instId"))
    kind = fields.text("ordType")
    is_market = kind == "market"
    price, average = fields.positive_or_none("px"), fields.positive_or_none("avgPx")
    filled = listing.amount(fields.amount_or_none("accFillSz") or Decimal(0), average)
    in_quote = fields.raw("tgtCcy") == "quote_ccy" and is_market
    status = fields.status("state", _STATUSES)
    reason = fields.text_or_none("cancelSourceReason") or fields.text_or_none("cancelSource")
    if status is OrderStatus.CANCELED and fields.raw("cancelSource") == _POST_ONLY_TAKES:
        status, reason = OrderStatus.REJECTED, "POST_ONLY_WOULD_CROSS"
    return OrderData(
        venue=reading.venue,
        symbol=listing.symbol,
        order_id=fields.identifier("ordId"),
        client_order_id=fields.identifier_or_none("clOrdId"),
        side=fields.choice("side", _SIDES),
        order_type=OrderType.MARKET if is_market else OrderType.LIMIT,
        status=status,
        amount=filled if in_quote else listing.amount(fields.positive("sz"), price or average),
        price=None if is_market else price,
        filled=filled,
        average_price=average,
        time_in_force=_TIMES_IN_FORCE.get(kind, TimeInForce.GTC),
        post_only=kind == "post_only",
        reduce_only=fields.raw("reduceOnly") in (True, "true"),
        reason=reason,
        created_at=fields.time_or_none("cTime", MILLISECOND),
        updated_at=fields.time_or_none("uTime", MILLISECOND),
    )


def _event_fill(fields: Fields, order: OrderData) -> FillData:
    reading = fields.reading
    price = fields.positive("fillPx")
    fee, currency = _event_fee(fields)
    return FillData(
        venue=reading.venue,
        account=reading.account,
        symbol=order.symbol,
        trade_id=fields.identifier("tradeId"),
        order_id=order.order_id,
        client_order_id=order.client_order_id,
        side=order.side,
        price=price,
        amount=reading.listing(fields.text("instId")).amount(fields.positive("fillSz"), price),
        fee=fee,
        fee_currency=currency,
        liquidity=_LIQUIDITY.get(str(fields.raw("execType"))),
        at=fields.time("fillTime", MILLISECOND),
        received_at=reading.received_at,
    )


def _event_fee(fields: Fields) -> tuple[Decimal, str]:
    """Fee and coin of the newest execution; recorded messages tell only the sum of the order's."""
    if fields.has("fillFee"):
        return -fields.decimal("fillFee"), fields.text_or_none("fillFeeCcy") or ""
    if fields.decimal("accFillSz") != fields.decimal("fillSz"):
        fields.refuse("fillFee", "is missing, and the order has filled before")
    return -fields.decimal("fee"), fields.text_or_none("feeCcy") or ""


def parse_fills(raw: object, reading: Reading) -> tuple[FillData, ...]:
    """REST `fills` and `fills-history` (new to old), in the venue's order."""
    return tuple(
        FillData(
            venue=reading.venue,
            account=reading.account,
            symbol=(listing := reading.listing(fields.text("instId"))).symbol,
            trade_id=fields.identifier("tradeId"),
            order_id=fields.identifier("ordId"),
            client_order_id=fields.identifier_or_none("clOrdId"),
            side=fields.choice("side", _SIDES),
            price=(price := fields.positive("fillPx")),
            amount=listing.amount(fields.positive("fillSz"), price),
            fee=-fields.decimal("fee"),
            fee_currency=fields.text_or_none("feeCcy") or "",
            liquidity=_LIQUIDITY.get(str(fields.raw("execType"))),
            at=fields.time("fillTime" if fields.has("fillTime") else "ts", MILLISECOND),
            received_at=reading.received_at,
        )
        for fields in _rows(raw, _FILL, reading)
    )


def parse_positions(raw: object, reading: Reading) -> tuple[PositionData, ...]:
    """Channel and REST `positions`, flat ones included as the venue sends them."""
    return tuple(_position(fields) for fields in _rows(raw, _POSITION, reading))


def _position(fields: Fields) -> PositionData:
    listing = fields.reading.listing(fields.text("instId"))
    entry = fields.positive_or_none("avgPx")
    size = listing.amount(fields.decimal_or_none("pos") or Decimal(0), entry)
    return PositionData(
        venue=fields.reading.venue,
        symbol=listing.symbol,
        size=-abs(size) if fields.raw("posSide") == "short" else size,
        entry_price=entry,
        mark_price=fields.positive_or_none("markPx"),
        liquidation_price=fields.positive_or_none("liqPx"),
        unrealized_pnl=fields.decimal_or_none("upl"),
        margin=fields.positive_or_none("margin"),
        leverage=fields.positive_or_none("lever"),
        margin_mode=_MARGIN_MODES.get(str(fields.raw("mgnMode"))),
        at=fields.time_or_none("uTime", MILLISECOND),
    )


def parse_account(raw: object, reading: Reading) -> tuple[BalanceData, ...]:
    """Channel `account` and REST `balance`: assets other than zero."""
    found = []
    for account in _rows(raw, _ACCOUNT, reading):
        for fields in objects(account.items("details"), _DETAIL, reading):
            total, equity = fields.decimal("cashBal"), fields.decimal_or_none("eq")
            if total or equity:
                found.append(
                    BalanceData(
                        venue=reading.venue,
                        asset=fields.text("ccy"),
                        total=total,
                        free=fields.decimal_or_none("availBal") or Decimal(0),
                        used=fields.amount_or_none("frozenBal") or Decimal(0),
                        equity=equity,
                        at=fields.time_or_none("uTime", MILLISECOND),
                    )
                )
    return tuple(found)


def parse_order_acks(raw: object, reading: Reading) -> tuple[OrderAck, ...]:
    """The answer to a create: ids of the orders that were accepted (`sCode` 0).

    `okx.errors` says what another `sCode` means.
    """
    return tuple(
        OrderAck(
            order_id=fields.identifier("ordId"),
            client_order_id=fields.identifier_or_none("clOrdId"),
        )
        for fields in _rows(raw, _PLACED, reading)
        if fields.text("sCode") == "0"
    )


# -- envelopes --------------------------------------------------------------------------------


def _raw_rows(raw: object, reading: Reading) -> list[object]:
    if isinstance(raw, dict) and "data" in raw:
        return Fields(raw, _ENVELOPE, reading).items("data")
    return raw if isinstance(raw, list) else [raw]


def _rows(raw: object, kind: Shape, reading: Reading) -> Iterator[Fields]:
    return objects(_raw_rows(raw, reading), kind, reading)


def _has_arg(raw: object) -> bool:
    return isinstance(raw, dict) and "arg" in raw


def _arg(raw: object, reading: Reading) -> Fields:
    return Fields(raw, _ENVELOPE, reading).part("arg", _ARG)


def _key(raw: object, reading: Reading) -> str:
    return _arg(raw, reading).text("instId") if _has_arg(raw) else reading.asked_for


def _listing(fields: Fields, raw: object) -> Listing:
    """The instrument of a book: rows of books do not name it, their envelope does."""
    key = fields.text_or_none("instId") or _key(raw, fields.reading)
    return fields.reading.listing(key)


def _base(listing: Listing, amount: Decimal | None, price: Decimal | None) -> Decimal | None:
    return None if amount is None else listing.amount(amount, price)
