"""Lighter messages as `*Data`: WebSocket channels and REST answers.

Every function takes one decoded payload (`decoding.decode`), envelope and all: the channel
(`order_book:0`) names the market, and of private channels the account. Values that cannot be true
raise `MalformedMessage`. Sources: apidocs.lighter.xyz, "WebSocket" and "Data structures",
lighter-sdk 1.1.8 for words and fields.

Traps:

- Funding numbers come in three units: `market_stats` and `fundings` in percent per hour,
  `funding-rates` as a fraction per eight hours, of several venues.
- Fees of trades are in millionths of their value.
- A book's update follows the one whose `nonce` is its `begin_nonce`.
- `account_all_positions` is a snapshot: a market that is missing is flat.
- Ids of orders lie near 2^48 and above; they are text here, and so are the client's.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from core.adapters.exchanges.decoding import (
    MICROSECOND,
    MILLISECOND,
    SECOND,
    Fields,
    Listing,
    OrderAck,
    Reading,
    objects,
    refuse_crossed,
    refuse_scaled,
    shape,
    sorted_book,
    sound,
)
from core.adapters.exchanges.depth import BookDelta
from core.adapters.exchanges.lighter.instruments import FUNDING_INTERVAL_S
from core.adapters.exchanges.models import (
    BalanceData,
    BookLevel,
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

_HUNDRED: Final = Decimal(100)
_MILLION: Final = Decimal(1_000_000)
_EIGHT_HOURS_S: Final = 8 * 3600
_MARGIN_MODES: Final = {0: MarginMode.CROSS, 1: MarginMode.ISOLATED}
_CANCELED: Final = (
    "canceled canceled-post-only canceled-reduce-only canceled-position-not-allowed"
    " canceled-margin-not-allowed canceled-too-much-slippage canceled-not-enough-liquidity"
    " canceled-self-trade canceled-oco canceled-child canceled-liquidation"
    " canceled-invalid-balance"
)
_STATUSES: Final = {
    "in-progress": OrderStatus.PENDING,
    "pending": OrderStatus.PENDING,
    "open": OrderStatus.OPEN,
    "filled": OrderStatus.FILLED,
    "canceled-expired": OrderStatus.EXPIRED,
    **dict.fromkeys(_CANCELED.split(), OrderStatus.CANCELED),
}

_BOOK_EVENT: Final = shape(
    "order_book", "channel type timestamp last_updated_at offset nonce order_book"
)
_BOOK: Final = shape(
    "order_book.order_book",
    "code message asks bids offset nonce begin_nonce last_updated_at",
)
_BOOK_ORDERS: Final = shape(
    "orderBookOrders", "code message total_asks asks total_bids bids offset nonce"
)
_BOOK_ORDER: Final = shape(
    "orderBookOrders.order",
    "order_index order_id owner_account_index initial_base_amount remaining_base_amount price"
    " order_expiry transaction_time",
)
_TICKER_EVENT: Final = shape("ticker", "channel type timestamp nonce last_updated_at ticker")
_TICKER: Final = shape("ticker.ticker", "s a b last_updated_at")
_TICKER_SIDE: Final = shape("ticker.side", "price size")
_STATS_EVENT: Final = shape("market_stats", "channel type timestamp market_stats spot_market_stats")
_STATS: Final = shape(
    "market_stats.market_stats",
    "symbol market_id index_price mark_price mid_price open_interest open_interest_limit"
    " base_interest_rate funding_clamp_small funding_clamp_big last_trade_price"
    " current_funding_rate funding_rate funding_timestamp premium daily_base_token_volume"
    " daily_quote_token_volume daily_price_low daily_price_high daily_price_change",
)
_TRADES_EVENT: Final = shape("trade", "channel type nonce trades liquidation_trades timestamp")
_TRADES: Final = shape("recentTrades", "code message next_cursor trades")
_TRADE: Final = shape(
    "trade.trades",
    "trade_id trade_id_str tx_hash type market_id size price usd_amount ask_id ask_id_str bid_id"
    " bid_id_str ask_client_id ask_client_id_str bid_client_id bid_client_id_str ask_account_id"
    " bid_account_id is_maker_ask block_height timestamp taker_fee maker_fee transaction_time"
    " taker_position_size_before taker_entry_quote_before taker_initial_margin_fraction_before"
    " taker_position_sign_changed maker_position_size_before maker_entry_quote_before"
    " maker_initial_margin_fraction_before maker_position_sign_changed ask_account_pnl"
    " bid_account_pnl integrator_taker_fee integrator_maker_fee"
    " integrator_taker_fee_collector_index integrator_maker_fee_collector_index",
)
_ACCOUNT_TRADES: Final = shape(
    "account_all_trades",
    "channel type trades total_volume monthly_volume weekly_volume daily_volume timestamp",
)
_CANDLE_EVENT: Final = shape("candle", "channel type timestamp candles")
_CANDLES: Final = shape("candles", "code message r c")
_CANDLE: Final = shape("candle.candles", "t o h l c v V i O H L C")
_FUNDINGS: Final = shape("fundings", "code message resolution fundings")
_FUNDING: Final = shape("fundings.fundings", "timestamp value rate direction")
_FUNDING_RATES: Final = shape("funding-rates", "code message funding_rates")
_FUNDING_RATE: Final = shape("funding-rates.funding_rates", "market_id exchange symbol rate")
_ORDERS_EVENT: Final = shape("account_orders", "channel type account nonce orders timestamp")
_ORDERS: Final = shape("orders", "code message next_cursor orders")
_ORDER: Final = shape(
    "order",
    "order_index client_order_index order_id client_order_id market_index owner_account_index"
    " initial_base_amount price nonce remaining_base_amount is_ask base_size base_price"
    " filled_base_amount filled_quote_amount side type time_in_force reduce_only trigger_price"
    " order_expiry status trigger_status trigger_time parent_order_index parent_order_id"
    " to_trigger_order_id_0 to_trigger_order_id_1 to_cancel_order_id_0 block_height timestamp"
    " created_at updated_at transaction_time integrator_fee_collector_index integrator_maker_fee"
    " integrator_taker_fee order_flags order_version market_symbol market_kind",
)
_POSITIONS_EVENT: Final = shape(
    "account_all_positions",
    "channel type positions shares last_funding_round last_funding_discount timestamp",
)
_POSITION: Final = shape(
    "position",
    "market_id symbol initial_margin_fraction open_order_count pending_order_count"
    " position_tied_order_count sign position avg_entry_price position_value unrealized_pnl"
    " realized_pnl liquidation_price total_funding_paid_out margin_mode allocated_margin"
    " total_discount",
)
_ASSETS_EVENT: Final = shape("account_all_assets", "channel type timestamp assets")
_ASSET: Final = shape("asset", "symbol asset_id balance locked_balance margin_mode margin_balance")
_USER_STATS_EVENT: Final = shape("user_stats", "channel type timestamp stats")
_USER_STATS: Final = shape(
    "user_stats.stats",
    "account_trading_mode available_balance buying_power collateral leverage margin_usage"
    " portfolio_value cross_stats total_stats",
)
_ACCOUNTS: Final = shape("account", "code message total accounts")
_ACCOUNT: Final = shape(
    "account.accounts",
    "code message account_type index l1_address cancel_all_time total_order_count"
    " total_isolated_order_count pending_order_count available_balance status collateral"
    " transaction_time account_trading_mode account_index name description can_invite"
    " referral_points_percentage can_rfq can_rfq_market_ids created_at metadata positions assets"
    " total_asset_value cross_asset_value cross_initial_margin_requirement"
    " cross_maintenance_margin_requirement shares pending_unlocks approved_integrators pool_info",
)
_PAYMENTS: Final = shape("positionFunding", "code message next_cursor position_fundings")
_PAYMENT: Final = shape(
    "positionFunding.position_fundings",
    "timestamp market_id funding_id change rate position_size position_side discount",
)
_SENT: Final = shape(
    "sendTx",
    "code message tx_hash predicted_execution_time_ms volume_quota_remaining type data id",
)


# -- books ------------------------------------------------------------------------------------


def parse_book_event(raw: object, reading: Reading) -> OrderBookData | BookDelta:
    """Channel `order_book/{market}`: the whole book first, then changes."""
    event = Fields(raw, _BOOK_EVENT, reading)
    listing = _listing(event)
    book = event.part("order_book", _BOOK)
    bids = book.levels("bids", listing, price="price", amount="size")
    asks = book.levels("asks", listing, price="price", amount="size")
    at = _book_time(event)
    is_whole = (event.text_or_none("type") or "").startswith("subscribed/") or not (
        event.has("type") or book.has("begin_nonce")
    )
    if is_whole:
        bids, asks = sorted_book(book, bids, asks)
        return OrderBookData(
            venue=reading.venue,
            symbol=listing.symbol,
            bids=bids,
            asks=asks,
            sequence=book.whole("nonce"),
            at=at,
            received_at=reading.received_at,
        )
    return BookDelta(
        venue=reading.venue,
        symbol=listing.symbol,
        bids=bids,
        asks=asks,
        last_sequence=book.whole("nonce"),
        previous_sequence=book.whole("begin_nonce"),
        at=at,
        received_at=reading.received_at,
    )


def _book_time(event: Fields) -> datetime:
    """When the book last changed; the message's own time where it never did."""
    if event.raw("last_updated_at") in (None, 0):
        return event.event_time("timestamp", MILLISECOND)
    changed = event.time("last_updated_at", MICROSECOND)
    if event.raw("type") == "subscribed/order_book":
        return changed
    return event.event_time("last_updated_at", MICROSECOND)


def parse_book_orders(raw: object, reading: Reading) -> OrderBookData:
    """REST `orderBookOrders`: single orders, added up by price; of `reading.asked_for`."""
    fields = Fields(raw, _BOOK_ORDERS, reading)
    listing = reading.listing(reading.asked_for)
    bids, asks = sorted_book(
        fields, _added_up(fields, "bids", listing), _added_up(fields, "asks", listing)
    )
    return OrderBookData(
        venue=reading.venue,
        symbol=listing.symbol,
        bids=bids,
        asks=asks,
        at=reading.arrival(),
        received_at=reading.received_at,
    )


def _added_up(fields: Fields, name: str, listing: Listing) -> tuple[BookLevel, ...]:
    amounts: dict[Decimal, Decimal] = {}
    for order in objects(fields.items_or_empty(name), _BOOK_ORDER, fields.reading):
        price = order.positive("price")
        amount = listing.amount(order.amount("remaining_base_amount"), price)
        amounts[price] = amounts.get(price, Decimal(0)) + amount
    return tuple(BookLevel(price, amount) for price, amount in amounts.items() if amount)


# -- prices -----------------------------------------------------------------------------------


def parse_ticker(raw: object, reading: Reading) -> TickerData:
    """Channel `ticker/{market}`: best bid and ask; empty text for an empty side."""
    event = Fields(raw, _TICKER_EVENT, reading)
    ticker = event.part("ticker", _TICKER)
    bid, ask = ticker.part("b", _TICKER_SIDE), ticker.part("a", _TICKER_SIDE)
    bid_price, ask_price = bid.positive_or_none("price"), ask.positive_or_none("price")
    refuse_crossed(ticker, bid_price, ask_price)
    return TickerData(
        venue=reading.venue,
        symbol=_listing(event).symbol,
        bid=bid_price,
        bid_amount=bid.amount_or_none("size"),
        ask=ask_price,
        ask_amount=ask.amount_or_none("size"),
        at=event.event_time("timestamp", MILLISECOND),
        received_at=reading.received_at,
    )


def parse_market_stats(raw: object, reading: Reading) -> tuple[TickerData | FundingRateData, ...]:
    """Channels `market_stats` and `spot_market_stats`, of one market or of `all`.

    The rate is the running estimate of the next hourly settlement.
    """
    event = Fields(raw, _STATS_EVENT, reading)
    name = "market_stats" if event.has("market_stats") else "spot_market_stats"
    stats = event.entries(name)
    rows = [stats] if "market_id" in stats else list(stats.values())
    at = event.event_time("timestamp", MILLISECOND) if event.has("timestamp") else reading.arrival()

    def parse(row: object) -> tuple[TickerData | FundingRateData, ...]:
        return _stats(Fields(row, _STATS, reading), reading, at)

    return tuple(data for found in sound(rows, parse, reading, name) for data in found)


def _stats(
    fields: Fields, reading: Reading, at: datetime
) -> tuple[TickerData | FundingRateData, ...]:
    listing = reading.listing(str(fields.whole("market_id")))
    mark, index = fields.positive_or_none("mark_price"), fields.positive_or_none("index_price")
    refuse_scaled(fields, mark=mark, index=index)
    ticker = TickerData(
        venue=reading.venue,
        symbol=listing.symbol,
        last=fields.positive_or_none("last_trade_price"),
        mark=mark,
        index=index,
        high_24h=fields.positive_or_none("daily_price_high"),
        low_24h=fields.positive_or_none("daily_price_low"),
        volume_24h=fields.amount_or_none("daily_base_token_volume"),
        at=at,
        received_at=reading.received_at,
    )
    if not fields.has("current_funding_rate"):
        return (ticker,)
    settled = fields.time("funding_timestamp", MILLISECOND)
    funding = FundingRateData(
        venue=reading.venue,
        symbol=listing.symbol,
        rate=fields.decimal("current_funding_rate") / _HUNDRED,
        interval_s=FUNDING_INTERVAL_S,
        next_at=settled.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1),
        at=at,
    )
    return ticker, funding


def parse_fundings(raw: object, reading: Reading) -> tuple[FundingRateData, ...]:
    """REST `fundings` of `reading.asked_for`: settled hourly rates; `long`: longs paid."""
    answer = Fields(raw, _FUNDINGS, reading)
    signs = {"long": Decimal(1), "short": Decimal(-1)}
    return tuple(
        FundingRateData(
            venue=reading.venue,
            symbol=reading.listing(reading.asked_for).symbol,
            rate=fields.choice("direction", signs) * fields.decimal("rate") / _HUNDRED,
            interval_s=FUNDING_INTERVAL_S,
            at=fields.time("timestamp", SECOND),
        )
        for fields in objects(answer.items_or_empty("fundings"), _FUNDING, reading)
    )


def parse_funding_rates(raw: object, reading: Reading) -> tuple[FundingRateData, ...]:
    """REST `funding-rates`: the venue's own rows, fractions per eight hours."""
    answer = Fields(raw, _FUNDING_RATES, reading)
    return tuple(
        FundingRateData(
            venue=reading.venue,
            symbol=reading.listing(str(fields.whole("market_id"))).symbol,
            rate=fields.decimal("rate"),
            interval_s=_EIGHT_HOURS_S,
            at=reading.arrival(),
        )
        for fields in objects(answer.items("funding_rates"), _FUNDING_RATE, reading)
        if fields.raw("exchange") in (None, "lighter")
    )


# -- trades and candles -----------------------------------------------------------------------


def parse_trades(raw: object, reading: Reading) -> tuple[TradeData, ...]:
    """Channel `trade/{market}` (liquidations included) and REST `recentTrades`, venue's order."""
    is_event = isinstance(raw, dict) and "channel" in raw
    fields = Fields(raw, _TRADES_EVENT if is_event else _TRADES, reading)
    rows = [*fields.items_or_empty("trades"), *fields.items_or_empty("liquidation_trades")]
    fallback = _listing(fields) if is_event else None
    return tuple(_trade(trade, fallback) for trade in objects(rows, _TRADE, reading))


def _trade(fields: Fields, fallback: Listing | None) -> TradeData:
    reading = fields.reading
    if fallback is None or fields.has("market_id"):
        listing = reading.listing(str(fields.whole("market_id")))
    else:
        listing = fallback
    return TradeData(
        venue=reading.venue,
        symbol=listing.symbol,
        trade_id=_id(fields, "trade_id") or "",
        price=fields.positive("price"),
        amount=fields.positive("size"),
        side=OrderSide.BUY if fields.flag("is_maker_ask") else OrderSide.SELL,
        at=_trade_time(fields),
        received_at=reading.received_at,
    )


def _trade_time(fields: Fields) -> datetime:
    if fields.has("transaction_time") and fields.raw("transaction_time") != 0:
        return fields.time("transaction_time", MICROSECOND)
    return fields.time("timestamp", MILLISECOND)


def parse_candle_event(raw: object, reading: Reading) -> tuple[OHLCVData, ...]:
    """Channel `candle/{market}/{timeframe}`: the candle as it stands."""
    event = Fields(raw, _CANDLE_EVENT, reading)
    parts = event.text("channel").split(":")
    if len(parts) != 3:
        event.refuse("channel", f"names no market and timeframe: {event.text('channel')[:40]!r}")
    return tuple(
        _candle(fields, _listing(event), parts[2], is_closed=False)
        for fields in objects(event.items("candles"), _CANDLE, reading)
    )


def parse_candles(raw: object, reading: Reading) -> tuple[OHLCVData, ...]:
    """REST `candles` of `reading.asked_for`, from old to new; the last one may still be open."""
    answer = Fields(raw, _CANDLES, reading)
    timeframe = answer.text_or_none("r") or ""
    return tuple(
        _candle(fields, reading.listing(reading.asked_for), timeframe, is_closed=True)
        for fields in objects(answer.items_or_empty("c"), _CANDLE, reading)
    )


def _candle(fields: Fields, listing: Listing, timeframe: str, *, is_closed: bool) -> OHLCVData:
    low, high = fields.positive("l"), fields.positive("h")
    if low > high:
        fields.refuse("l", f"is above the high: {low} > {high}")
    return OHLCVData(
        venue=fields.reading.venue,
        symbol=listing.symbol,
        timeframe=timeframe,
        at=fields.time("t", MILLISECOND),
        open=fields.positive("o"),
        high=high,
        low=low,
        close=fields.positive("c"),
        volume=fields.amount("v"),
        is_closed=is_closed,
    )


# -- our orders, fills and money --------------------------------------------------------------


def parse_account_orders(raw: object, reading: Reading) -> tuple[OrderData, ...]:
    """Channels `account_orders` and `account_all_orders`: orders by market."""
    event = Fields(raw, _ORDERS_EVENT, reading)
    _own_channel(event)
    return tuple(
        parse_order(row, reading)
        for rows in event.entries("orders").values()
        for row in _rows(rows)
    )


def parse_orders(raw: object, reading: Reading) -> tuple[OrderData, ...]:
    """REST `accountActiveOrders` and `accountInactiveOrders`, in the venue's order."""
    answer = Fields(raw, _ORDERS, reading)
    return tuple(parse_order(row, reading) for row in _listed(raw, answer, "orders"))


def parse_order(raw: object, reading: Reading) -> OrderData:
    """One order, from a channel or REST.

    Raises:
        MalformedMessage: Also if it is of another account, or its scaled price contradicts it.
    """
    fields = Fields(raw, _ORDER, reading)
    reading.own(fields.identifier("owner_account_index"))
    listing = reading.listing(str(fields.whole("market_index")))
    filled, quote = fields.amount("filled_base_amount"), fields.amount("filled_quote_amount")
    status = fields.status("status", _STATUSES)
    word = fields.text_or_none("status") or ""
    if status is OrderStatus.OPEN and filled:
        status = OrderStatus.PARTIALLY_FILLED
    price = fields.positive_or_none("price")
    _refuse_contradiction(fields, listing, price)
    kind = fields.text("type")
    is_market = kind == "market" or kind in ("stop-loss", "take-profit")
    return OrderData(
        venue=reading.venue,
        symbol=listing.symbol,
        order_id=_id(fields, "order") or "",
        client_order_id=_id(fields, "client_order"),
        side=OrderSide.SELL if fields.flag("is_ask") else OrderSide.BUY,
        order_type=OrderType.MARKET if is_market else OrderType.LIMIT,
        status=status,
        amount=fields.positive("initial_base_amount"),
        price=None if is_market else price,
        filled=filled,
        average_price=quote / filled if filled else None,
        time_in_force=TimeInForce.IOC
        if fields.raw("time_in_force") == "immediate-or-cancel"
        else TimeInForce.GTC,
        post_only=fields.raw("time_in_force") == "post-only",
        reduce_only=_truth(fields, "reduce_only"),
        reason=word if word.startswith("canceled-") or status is OrderStatus.UNKNOWN else None,
        created_at=fields.time_or_none("created_at", MILLISECOND),
        updated_at=fields.time_or_none("updated_at", MILLISECOND),
    )


def _refuse_contradiction(fields: Fields, listing: Listing, price: Decimal | None) -> None:
    """The price comes as text and as an integer of ticks; both must say the same."""
    if listing.instrument is None or price is None or not fields.has("base_price"):
        return
    if fields.whole("base_price") * listing.instrument.tick_size != price:
        fields.refuse("price", f"{price} contradicts base_price {fields.raw('base_price')}")


def parse_account_trades(raw: object, reading: Reading) -> tuple[FillData, ...]:
    """Channel `account_all_trades`: our fills by market; the account is the channel's."""
    event = Fields(raw, _ACCOUNT_TRADES, reading)
    account = _own_channel(event)
    return tuple(
        _fill(fields, account)
        for rows in event.entries("trades").values()
        for fields in objects(_rows(rows), _TRADE, reading)
    )


def parse_fills(raw: object, reading: Reading) -> tuple[FillData, ...]:
    """REST `trades` with an account index: our fills, in the venue's order."""
    answer = Fields(raw, _TRADES, reading)
    return tuple(
        _fill(fields, reading.account)
        for fields in objects(_listed(raw, answer, "trades"), _TRADE, reading)
    )


def _fill(fields: Fields, account: str) -> FillData:
    reading = fields.reading
    ask, bid = fields.identifier("ask_account_id"), fields.identifier("bid_account_id")
    if account not in (ask, bid):
        fields.refuse("ask_account_id", f"and bid_account_id are not our account {account!r}")
    is_ask = ask == account
    is_maker = fields.flag("is_maker_ask") == is_ask
    side = "ask" if is_ask else "bid"
    rate = fields.decimal_or_none("maker_fee" if is_maker else "taker_fee") or Decimal(0)
    return FillData(
        venue=reading.venue,
        account=account,
        symbol=reading.listing(str(fields.whole("market_id"))).symbol,
        trade_id=_id(fields, "trade_id") or "",
        order_id=_id(fields, f"{side}_id") or "",
        client_order_id=_id(fields, f"{side}_client_id"),
        side=OrderSide.SELL if is_ask else OrderSide.BUY,
        price=fields.positive("price"),
        amount=fields.positive("size"),
        fee=fields.amount("usd_amount") * rate / _MILLION,
        liquidity=Liquidity.MAKER if is_maker else Liquidity.TAKER,
        at=_trade_time(fields),
        received_at=reading.received_at,
    )


def parse_account_positions(raw: object, reading: Reading) -> tuple[PositionData, ...]:
    """Channel `account_all_positions`: every position; a market that is missing is flat."""
    event = Fields(raw, _POSITIONS_EVENT, reading)
    _own_channel(event)
    return tuple(
        _position(Fields(row, _POSITION, reading)) for row in event.entries("positions").values()
    )


def parse_position(raw: object, reading: Reading) -> PositionData:
    """One position; `sign` tells its side."""
    return _position(Fields(raw, _POSITION, reading))


def _position(fields: Fields) -> PositionData:
    reading = fields.reading
    sign = fields.whole("sign")
    if sign not in (-1, 0, 1):
        fields.refuse("sign", f"should be -1, 0 or 1, not {sign}")
    percent = fields.positive_or_none("initial_margin_fraction")
    return PositionData(
        venue=reading.venue,
        symbol=reading.listing(str(fields.whole("market_id"))).symbol,
        size=sign * fields.amount("position"),
        entry_price=fields.positive_or_none("avg_entry_price"),
        liquidation_price=fields.positive_or_none("liquidation_price"),
        unrealized_pnl=fields.decimal_or_none("unrealized_pnl"),
        margin=fields.positive_or_none("allocated_margin"),
        leverage=_HUNDRED / percent if percent is not None and percent >= 1 else None,
        margin_mode=_MARGIN_MODES.get(fields.whole_or_none("margin_mode") or 0),
    )


def parse_assets(raw: object, reading: Reading) -> tuple[BalanceData, ...]:
    """Channel `account_all_assets`: holdings by asset; what margins positions is not in it."""
    event = Fields(raw, _ASSETS_EVENT, reading)
    _own_channel(event)
    at = event.event_time("timestamp", MILLISECOND) if event.has("timestamp") else None
    return tuple(
        _asset(Fields(row, _ASSET, reading), at) for row in event.entries("assets").values()
    )


def _asset(fields: Fields, at: datetime | None) -> BalanceData:
    total = fields.decimal_or_none("balance") or Decimal(0)
    used = fields.amount_or_none("locked_balance") or Decimal(0)
    margin = fields.decimal_or_none("margin_balance") or Decimal(0)
    return BalanceData(
        venue=fields.reading.venue,
        asset=fields.text("symbol"),
        total=total + margin,
        free=total + margin - used,
        used=used,
        at=at,
    )


def parse_user_stats(raw: object, reading: Reading) -> BalanceData:
    """Channel `user_stats`: the collateral in USDC and what the account is worth."""
    event = Fields(raw, _USER_STATS_EVENT, reading)
    _own_channel(event)
    stats = event.part("stats", _USER_STATS)
    return _collateral(stats, "portfolio_value", event.event_time("timestamp", MILLISECOND))


def parse_account(raw: object, reading: Reading) -> tuple[UserData, ...]:
    """REST `account`: the collateral in USDC, then every position other than flat."""
    answer = Fields(raw, _ACCOUNTS, reading)
    found: list[UserData] = []
    for fields in objects(answer.items("accounts"), _ACCOUNT, reading):
        reading.own(fields.identifier("account_index" if fields.has("account_index") else "index"))
        found.append(_collateral(fields, "total_asset_value", None))
        found.extend(
            position
            for row in objects(fields.items_or_empty("positions"), _POSITION, reading)
            if (position := _position(row)).size
        )
    return tuple(found)


def parse_account_assets(raw: object, reading: Reading) -> tuple[BalanceData, ...]:
    """REST `account`: holdings other than the collateral."""
    answer = Fields(raw, _ACCOUNTS, reading)
    return tuple(
        _asset(row, None)
        for fields in objects(answer.items("accounts"), _ACCOUNT, reading)
        for row in objects(fields.items_or_empty("assets"), _ASSET, reading)
        if row.text("symbol") != "USDC"
    )


def parse_account_margins(raw: object, reading: Reading) -> tuple[PositionData, ...]:
    """REST `account`: the row of every market that has one, flat ones too."""
    answer = Fields(raw, _ACCOUNTS, reading)
    return tuple(
        _position(row)
        for fields in objects(answer.items("accounts"), _ACCOUNT, reading)
        for row in objects(fields.items_or_empty("positions"), _POSITION, reading)
    )


def parse_funding_payments(raw: object, reading: Reading) -> tuple[FundingPaymentData, ...]:
    """REST `positionFunding`: our settlements, newest first; a change is what was received."""
    answer = Fields(raw, _PAYMENTS, reading)
    signs = {"long": Decimal(1), "short": Decimal(-1)}
    return tuple(
        FundingPaymentData(
            venue=reading.venue,
            account=reading.account,
            symbol=reading.listing(str(fields.whole("market_id"))).symbol,
            payment_id=fields.identifier("funding_id"),
            amount=fields.decimal("change"),
            rate=fields.decimal("rate"),
            position=fields.choice("position_side", signs) * fields.amount("position_size"),
            at=fields.time("timestamp", SECOND),
        )
        for fields in objects(_listed(raw, answer, "position_fundings"), _PAYMENT, reading)
    )


def _collateral(fields: Fields, worth: str, at: datetime | None) -> BalanceData:
    total, free = fields.decimal("collateral"), fields.decimal("available_balance")
    return BalanceData(
        venue=fields.reading.venue,
        asset="USDC",
        total=total,
        free=free,
        used=max(total - free, Decimal(0)),
        equity=fields.decimal_or_none(worth),
        at=at,
    )


def parse_sent(raw: object, reading: Reading) -> OrderAck:
    """The answer of `sendTx`: accepted for sequencing, with a transaction hash and no order id.

    What became of the order comes on `account_orders`, under our client order index.
    """
    fields = Fields(raw, _SENT, reading)
    if fields.whole("code") != 200:
        fields.refuse("code", f"is not 200: {fields.whole('code')}")
    fields.text("tx_hash")
    return OrderAck(order_id="")


# -- words ------------------------------------------------------------------------------------


def _listing(event: Fields) -> Listing:
    """The market that an event's channel names: `order_book:0`, `candle:0:1m`."""
    parts = event.text("channel").replace("/", ":").split(":")
    if len(parts) < 2:
        event.refuse("channel", f"names no market: {event.text('channel')[:40]!r}")
    return event.reading.listing(parts[1])


def _own_channel(event: Fields) -> str:
    """The account that a private channel names, after checking that it is ours."""
    account = event.text("channel").replace("/", ":").split(":")[-1]
    event.reading.own(account)
    return account


def _id(fields: Fields, name: str) -> str | None:
    """An id as text: from its text field where there is one, else from the number; None for 0."""
    for candidate in (f"{name}_str", f"{name}_id", name, f"{name}_index"):
        if fields.has(candidate):
            value = fields.identifier(candidate)
            return None if value == "0" else value
    return None


def _truth(fields: Fields, name: str) -> bool:
    value = fields.raw(name)
    if value in (0, 1) and not isinstance(value, bool):
        return value == 1
    return fields.flag_or(name, default=False)


def _listed(raw: object, answer: Fields, name: str) -> list[object]:
    """The rows of an answer about us; null stands for none, and a list that is missing for nothing.

    Raises:
        MalformedMessage: If there is no such list: whatever was answered, it is not the question,
            and that nothing is there must not follow from it.
    """
    is_there = isinstance(raw, dict) and name in raw
    return answer.items_or_empty(name) if is_there else answer.items(name)


def _rows(raw: object) -> list[object]:
    return raw if isinstance(raw, list) else [raw]
