"""The promises of `ExchangeInterface`, asked of every venue."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from core.adapters.exchanges.models import (
    BalanceData,
    ConnectionState,
    EventType,
    FillData,
    Liquidity,
    MarginMode,
    OrderData,
    OrderOptions,
    OrderSide,
    OrderStatus,
    OrderType,
    PositionData,
    PositionSide,
    TimeInForce,
)
from core.errors import (
    DuplicateClientOrderId,
    InsufficientFunds,
    NotSent,
    NotSupported,
    OrderNotFound,
    OrderRejected,
    TransportError,
)
from core.testing.venue import PERP, SPOT, VenueHarness, venue_story

D = Decimal
BUY, SELL = OrderSide.BUY, OrderSide.SELL


async def limit(
    venue: VenueHarness,
    side: OrderSide,
    price: str,
    amount: str = "1",
    *,
    symbol: str = PERP,
    **options: object,
) -> OrderData:
    """Send a limit order."""
    return await venue.exchange.create_order(
        symbol,
        side,
        OrderType.LIMIT,
        D(amount),
        D(price),
        OrderOptions(**options),  # type: ignore[arg-type]
    )


async def market(
    venue: VenueHarness, side: OrderSide, amount: str, *, symbol: str = PERP, **options: object
) -> OrderData:
    """Send a market order."""
    return await venue.exchange.create_order(
        symbol,
        side,
        OrderType.MARKET,
        D(amount),
        None,
        OrderOptions(**options),  # type: ignore[arg-type]
    )


async def need_spot(venue: VenueHarness) -> None:
    """Leave a story out that this venue has no spot market for."""
    if SPOT not in (await venue.exchange.get_exchange_info()).symbols:
        pytest.skip("trades no spot market")


def heard(venue: VenueHarness, kind: type) -> list:
    """What the private stream delivered of a kind."""
    return [data for data in venue.private if isinstance(data, kind)]


# -- life cycle ---------------------------------------------------------------------------------


@venue_story
async def test_connect_is_idempotent(venue):
    """Connecting again does nothing and is still true."""
    assert await venue.exchange.connect() is True
    assert venue.exchange.is_connected()
    assert venue.exchange.is_authenticated()
    assert venue.exchange.get_status().state is ConnectionState.LIVE


@venue_story
async def test_disconnect_is_idempotent_and_keeps_orders(venue):
    """Disconnecting twice is harmless, and what rested is there after connecting again."""
    order = await limit(venue, BUY, "190")
    await venue.exchange.disconnect()
    await venue.exchange.disconnect()
    assert not venue.exchange.is_connected()

    await venue.exchange.connect()
    assert [open_.order_id for open_ in await venue.exchange.get_open_orders()] == [order.order_id]


@venue_story
async def test_nothing_is_sent_while_disconnected(venue):
    """An order is provably unsent, and a read is a transport error."""
    await venue.exchange.disconnect()

    with pytest.raises(NotSent):
        await limit(venue, BUY, "190")
    with pytest.raises(TransportError):
        await venue.exchange.get_balances()


@venue_story
async def test_health_is_told_up_and_down(venue):
    """A health check never raises for a venue that is down."""
    assert (await venue.exchange.health_check()).is_healthy
    await venue.exchange.disconnect()

    assert not (await venue.exchange.health_check()).is_healthy


@venue_story
async def test_events_tell_of_the_connection(venue):
    """Whoever asked hears of it in order, until the handle is cancelled."""
    heard_events = []
    for kind in (EventType.DISCONNECTED, EventType.CONNECTED):
        venue.exchange.add_event_callback(kind, lambda event: heard_events.append(event.event_type))
    await venue.exchange.disconnect()
    await venue.exchange.connect()

    assert heard_events == [EventType.DISCONNECTED, EventType.CONNECTED]


@venue_story
async def test_an_event_callback_can_be_removed(venue):
    """Removed by handle or by name, it is not called, and unknown ones are ignored."""
    calls = []
    handle = venue.exchange.add_event_callback(EventType.DISCONNECTED, calls.append)
    handle.cancel()
    venue.exchange.add_event_callback(EventType.DISCONNECTED, calls.append)
    venue.exchange.remove_event_callback(EventType.DISCONNECTED, calls.append)
    venue.exchange.remove_event_callback(EventType.DISCONNECTED, print)
    await venue.exchange.disconnect()

    assert calls == []


# -- market data --------------------------------------------------------------------------------


@venue_story
async def test_instruments_are_sorted_and_complete(venue):
    """Both markets are there with steps that prices of the suite keep to, in order of symbol."""
    found = await venue.exchange.get_instruments()

    assert [item.symbol for item in found] == sorted(item.symbol for item in found)
    traded = (await venue.exchange.get_exchange_info()).symbols
    assert PERP in traded
    assert set(traded) == {item.symbol for item in found}
    steps = [item.tick_size for item in found if item.symbol in {PERP, SPOT}]
    assert all(step > 0 and D("0.1") % step == 0 for step in steps)


@venue_story
async def test_exchange_info_names_capabilities(venue):
    """The venue says who it is and how long an id may be."""
    info = await venue.exchange.get_exchange_info()

    assert info.venue == venue.exchange.venue
    assert info.capabilities.max_client_order_id_length >= 32
    assert PERP in info.symbols


@venue_story
async def test_the_ticker_is_the_newest_price(venue):
    """Bid, ask, last and mark are those of the newest row, in aware UTC."""
    await venue.trade("201")
    ticker = await venue.exchange.get_ticker(PERP)

    assert (ticker.bid, ticker.ask, ticker.last) == (D("200.9"), D("201.1"), D("201"))
    assert ticker.mark == D("201")
    assert ticker.at.tzinfo is not None
    asked = sorted((await venue.exchange.get_exchange_info()).symbols, reverse=True)
    assert [item.symbol for item in await venue.exchange.get_tickers(asked)] == asked


@venue_story
async def test_the_book_is_best_first_and_limited(venue):
    """Bids fall, asks rise, and a limit cuts both sides."""
    book = await venue.exchange.get_orderbook(PERP)

    assert [level.price for level in book.bids] == [D("199.9"), D("199.8")]
    assert [level.price for level in book.asks] == [D("200.1"), D("200.2")]
    assert len((await venue.exchange.get_orderbook(PERP, 1)).bids) == 1


@venue_story
async def test_trades_and_candles_are_those_that_happened(venue):
    """Public trades come from old to new and add up to candles."""
    await venue.trade("202", "2")
    await venue.trade("199", "3")
    trades = await venue.exchange.get_trades(PERP)
    (candle,) = await venue.exchange.get_ohlcv(PERP, "1m")

    assert [trade.price for trade in trades][-2:] == [D("202"), D("199")]
    assert (candle.high, candle.low, candle.close) == (D("202"), D("199"), D("199"))
    assert not candle.is_closed


@venue_story
async def test_trades_filter_by_time_and_count(venue):
    """`since` includes its own moment, `limit` bounds the answer."""
    await venue.trade("201")
    await venue.trade("202")
    trades = await venue.exchange.get_trades(PERP)

    since = await venue.exchange.get_trades(PERP, since=trades[-1].at)
    assert [trade.price for trade in since] == [D("202")]
    assert len(await venue.exchange.get_trades(PERP, limit=2)) == 2


@venue_story
async def test_funding_rates_are_for_perpetuals(venue):
    """A perpetual has a rate per interval, a spot market has none."""
    await need_spot(venue)
    rate = await venue.exchange.get_funding_rate(PERP)

    assert rate.interval_s > 0
    with pytest.raises(NotSupported):
        await venue.exchange.get_funding_rate(SPOT)


# -- orders -------------------------------------------------------------------------------------


@venue_story
async def test_a_passive_limit_rests(venue):
    """It is acknowledged as open, found by both ids, and among the open orders."""
    order = await limit(venue, BUY, "190", client_order_id="a1")

    assert order.status is OrderStatus.OPEN
    assert order.order_id
    by_id = await venue.exchange.get_order(order.order_id, PERP)
    by_ours = await venue.exchange.get_order(None, PERP, client_order_id="a1")
    assert by_id == by_ours
    assert [item.order_id for item in await venue.exchange.get_open_orders(PERP)] == [
        order.order_id
    ]


@venue_story
async def test_a_limit_that_is_traded_through_fills_as_maker(venue):
    """It fills whole, at its own price, with the maker's fee."""
    await limit(venue, BUY, "199", "1", client_order_id="a1")
    await venue.trade("198.5")
    (fill,) = await venue.exchange.get_fills(PERP)

    assert (fill.price, fill.amount, fill.side) == (D("199"), D("1"), BUY)
    assert fill.liquidity is Liquidity.MAKER
    assert fill.fee == D("199") * D("0.0002")
    order = await venue.exchange.get_order(None, PERP, client_order_id="a1")
    assert (order.status, order.filled) == (OrderStatus.FILLED, D("1"))
    assert order.average_price in {D("199"), None}  # not every venue says


@venue_story
async def test_a_marketable_limit_walks_the_book_as_taker(venue):
    """It takes the levels at their prices, and the rest of it rests."""
    acknowledged = await limit(venue, BUY, "200.1", "4")
    order = await venue.exchange.get_order(acknowledged.order_id, PERP)

    assert (order.status, order.filled) == (OrderStatus.PARTIALLY_FILLED, D("3"))
    (fill,) = await venue.exchange.get_fills(PERP)
    assert (fill.price, fill.liquidity) == (D("200.1"), Liquidity.TAKER)
    assert fill.fee == D("3") * D("200.1") * D("0.0005")


@venue_story
async def test_a_market_order_takes_level_by_level(venue):
    """Its fills are at the levels' prices, best first."""
    order = await market(venue, SELL, "5")

    assert order.status is OrderStatus.FILLED
    fills = await venue.exchange.get_fills(PERP)
    assert [(fill.price, fill.amount) for fill in fills] == [
        (D("199.9"), D("3")),
        (D("199.8"), D("2")),
    ]


@venue_story
async def test_ioc_leaves_nothing_behind(venue):
    """What does not fill at once is gone; where nothing fills, some venues refuse it whole."""
    part = await limit(venue, BUY, "200.1", "4", time_in_force=TimeInForce.IOC)
    try:
        none = await limit(venue, BUY, "190", "1", time_in_force=TimeInForce.IOC)
    except OrderRejected:
        pass
    else:
        assert (none.filled, none.status.is_final) == (D("0"), True)

    assert (part.filled, part.status.is_final) == (D("3"), True)
    assert await venue.exchange.get_open_orders() == []


@venue_story
async def test_fok_is_all_or_nothing(venue):
    """Too large it takes nothing, small enough it fills; a venue without it refuses both."""
    try:
        large = await limit(venue, BUY, "200.2", "9", time_in_force=TimeInForce.FOK)
    except OrderRejected:
        assert await venue.exchange.get_fills(PERP) == []
        return
    small = await limit(venue, BUY, "200.2", "8", time_in_force=TimeInForce.FOK)

    assert (large.filled, large.status.is_final) == (D("0"), True)
    assert (small.filled, small.status) == (D("8"), OrderStatus.FILLED)


@venue_story
async def test_post_only_is_refused_where_it_would_take(venue):
    """It rests where it is passive and is definitely refused at the ask."""
    order = await limit(venue, BUY, "200", post_only=True)
    assert order.status is OrderStatus.OPEN

    with pytest.raises(OrderRejected):
        await limit(venue, BUY, "200.1", post_only=True)
    assert len(await venue.exchange.get_open_orders()) == 1


@pytest.mark.parametrize(
    "price, amount",
    [("190.0005", "1"), ("190", "1.0001"), ("190", "0.02"), ("190", "0"), ("-1", "1")],
)
@venue_story
async def test_the_instruments_rules_are_enforced(venue, price, amount):
    """Off the tick, off the lot, under the minimum, zero and negative are definite no's."""
    with pytest.raises(OrderRejected) as caught:
        await limit(venue, BUY, price, amount)

    assert caught.value.code
    assert await venue.exchange.get_open_orders() == []


@venue_story
async def test_an_unknown_symbol_is_refused(venue):
    """Nothing is placed on a market that is not there."""
    with pytest.raises(OrderRejected):
        await limit(venue, BUY, "190", symbol="NONE-USDC-PERP")


@venue_story
async def test_a_client_id_of_an_open_order_is_taken(venue):
    """The second one is refused as a duplicate, and the first one is still the only one."""
    first = await limit(venue, BUY, "190", client_order_id="a1")

    with pytest.raises(DuplicateClientOrderId):
        await limit(venue, BUY, "191", client_order_id="a1")
    assert [item.order_id for item in await venue.exchange.get_open_orders()] == [first.order_id]


@venue_story
async def test_a_client_id_is_unique_as_far_as_the_venue_says(venue):
    """After its order is closed an id is refused or taken, as the capabilities promise."""
    info = await venue.exchange.get_exchange_info()
    first = await limit(venue, BUY, "190", client_order_id="a1")
    await venue.exchange.cancel_order(first.order_id, PERP)

    if info.capabilities.client_order_id_unique_forever:
        with pytest.raises(DuplicateClientOrderId):
            await limit(venue, BUY, "190", client_order_id="a1")
    else:
        assert (await limit(venue, BUY, "190", client_order_id="a1")).status is OrderStatus.OPEN


@venue_story
async def test_an_order_that_never_was_is_not_found(venue):
    """Neither by the venue's id nor by ours."""
    with pytest.raises(OrderNotFound):
        await venue.exchange.get_order("nobody", PERP)
    with pytest.raises(OrderNotFound):
        await venue.exchange.get_order(None, PERP, client_order_id="nobody")


@venue_story
async def test_reduce_only_never_opens(venue):
    """It is refused while flat and on the side of the position."""
    with pytest.raises(OrderRejected):
        await limit(venue, SELL, "210", reduce_only=True)
    await market(venue, BUY, "1")
    with pytest.raises(OrderRejected):
        await market(venue, BUY, "1", reduce_only=True)

    await market(venue, SELL, "1", reduce_only=True)
    assert await venue.exchange.get_positions() == []


@venue_story
async def test_reduce_only_never_turns_a_position(venue):
    """Too large, it closes the position at most, or is refused."""
    await market(venue, BUY, "1")
    try:
        order = await market(venue, SELL, "2", reduce_only=True)
    except OrderRejected:
        (position,) = await venue.exchange.get_positions()
        assert position.size == D("1")
    else:
        assert order.filled == D("1")
        assert await venue.exchange.get_positions() == []


@venue_story
async def test_a_resting_reduce_only_order_goes_with_the_position(venue):
    """When nothing is left to reduce it does not open the other side."""
    await market(venue, BUY, "1")
    await limit(venue, SELL, "205", "1", reduce_only=True)
    await market(venue, SELL, "1")
    await venue.trade("206")

    assert await venue.exchange.get_positions() == []
    assert await venue.exchange.get_open_orders() == []


# -- cancelling ---------------------------------------------------------------------------------


@venue_story
async def test_a_cancel_is_final_once(venue):
    """The order is cancelled; a second cancel says that it is not open."""
    order = await limit(venue, BUY, "190")
    cancelled = await venue.exchange.cancel_order(order.order_id, PERP)

    assert cancelled.status is OrderStatus.CANCELED
    with pytest.raises(OrderNotFound):
        await venue.exchange.cancel_order(order.order_id, PERP)
    await venue.trade("180")
    assert await venue.exchange.get_fills() == []


@venue_story
async def test_a_cancel_of_a_filled_order_says_not_open(venue):
    """The fill came first, and only the order itself says so."""
    order = await limit(venue, BUY, "199")
    await venue.trade("198")

    with pytest.raises(OrderNotFound):
        await venue.exchange.cancel_order(order.order_id, PERP)
    assert (await venue.exchange.get_order(order.order_id, PERP)).status is OrderStatus.FILLED


@venue_story
async def test_a_partly_filled_order_keeps_its_part_when_cancelled(venue):
    """Filled and amount add up after the cancel."""
    order = await limit(venue, BUY, "200.1", "4")
    cancelled = await venue.exchange.cancel_order(order.order_id, PERP)

    assert (cancelled.filled, cancelled.amount, cancelled.status) == (
        D("3"),
        D("4"),
        OrderStatus.CANCELED,
    )
    assert sum(fill.amount for fill in await venue.exchange.get_fills()) == D("3")


@venue_story
async def test_cancel_all_keeps_to_its_symbol(venue):
    """With a symbol only its orders go, without one all of them."""
    await need_spot(venue)
    await limit(venue, BUY, "190")
    await limit(venue, BUY, "190", symbol=SPOT)
    gone = await venue.exchange.cancel_all_orders(PERP)

    assert [order.symbol for order in gone] == [PERP]
    assert [order.symbol for order in await venue.exchange.get_open_orders()] == [SPOT]
    await venue.exchange.cancel_all_orders()
    assert await venue.exchange.get_open_orders() == []


# -- lists --------------------------------------------------------------------------------------


@venue_story
async def test_open_orders_and_history_are_from_old_to_new(venue):
    """Open ones by their making, closed ones by their end; nothing is in both."""
    orders = [await limit(venue, BUY, price) for price in ("190", "191", "192")]
    await venue.exchange.cancel_order(orders[2].order_id, PERP)
    await venue.clock.sleep(0.005)  # venues tell milliseconds
    await venue.exchange.cancel_order(orders[0].order_id, PERP)
    still_open = await venue.exchange.get_open_orders(PERP)
    closed = await venue.exchange.get_order_history(PERP)

    assert [item.order_id for item in still_open] == [orders[1].order_id]
    assert [item.order_id for item in closed] == [orders[2].order_id, orders[0].order_id]


@venue_story
async def test_history_filters_by_time(venue):
    """`since` compares with the last update and includes its own moment."""
    first = await limit(venue, BUY, "190")
    await venue.exchange.cancel_order(first.order_id, PERP)
    await venue.clock.sleep(1)
    second = await limit(venue, BUY, "191")
    ended = await venue.exchange.cancel_order(second.order_id, PERP)

    found = await venue.exchange.get_order_history(PERP, since=ended.updated_at)
    assert [item.order_id for item in found] == [second.order_id]
    newest = await venue.exchange.get_order_history(PERP, limit=1)
    assert [item.order_id for item in newest] == [second.order_id]


@venue_story
async def test_fills_filter_by_time_and_symbol(venue):
    """`since` includes its own moment, another symbol's fills stay out."""
    await market(venue, BUY, "1")
    await venue.clock.sleep(1)
    await market(venue, BUY, "1")
    fills = await venue.exchange.get_fills(PERP)

    assert [fill.trade_id for fill in await venue.exchange.get_fills(since=fills[1].at)] == [
        fills[1].trade_id
    ]
    later = fills[1].at + timedelta(microseconds=1)
    assert await venue.exchange.get_fills(since=later) == []
    others = [name for name in (await venue.exchange.get_exchange_info()).symbols if name != PERP]
    assert [await venue.exchange.get_fills(name) for name in others] == [[] for _ in others]


# -- account ------------------------------------------------------------------------------------


@venue_story
async def test_a_position_is_the_sum_of_its_fills(venue):
    """Size, side, average entry and open result follow the executions."""
    await market(venue, BUY, "3")
    await venue.trade("210")
    await market(venue, BUY, "3")
    (position,) = await venue.exchange.get_positions([PERP])

    assert (position.size, position.side) == (D("6"), PositionSide.LONG)
    assert position.entry_price == (D("200.1") + D("210.1")) / 2
    assert position.unrealized_pnl == 6 * (D("210") - position.entry_price)


@venue_story
async def test_equity_changes_by_results_and_fees_alone(venue):
    """Exactly, to the last digit: (exit - entry)·amount less both fees."""
    (before,) = await venue.exchange.get_balances()
    await market(venue, BUY, "1.234")
    await venue.trade("207.3")
    await market(venue, SELL, "1.234")
    (after,) = await venue.exchange.get_balances()

    gross = (D("207.2") - D("200.1")) * D("1.234")
    fees = (D("207.2") + D("200.1")) * D("1.234") * D("0.0005")
    assert after.equity - before.equity == gross - fees
    assert after.total == after.equity


@venue_story
async def test_margin_in_use_is_not_free(venue):
    """A resting order and a position take from what is free, and give it back."""
    (before,) = await venue.exchange.get_balances()
    order = await limit(venue, BUY, "190", "10")
    (during,) = await venue.exchange.get_balances()
    await venue.exchange.cancel_order(order.order_id, PERP)
    (after,) = await venue.exchange.get_balances()

    assert during.free == before.free - D("190")
    assert after.free == before.free


@venue_story
async def test_what_the_account_cannot_carry_is_refused(venue):
    """The margin of 10 times leverage ends at 100,000 of notional."""
    with pytest.raises(InsufficientFunds):
        await limit(venue, BUY, "199", "510")

    assert (await limit(venue, BUY, "199", "500")).status is OrderStatus.OPEN


@venue_story
async def test_spot_moves_both_assets(venue):
    """A spot buy gives base and takes quote and fee; a sell gives it back."""
    await need_spot(venue)
    await market(venue, BUY, "2", symbol=SPOT)
    balances = {item.asset: item for item in await venue.exchange.get_balances()}

    spent = D("200.1") * 2
    assert balances["TEST"].total == D("2")
    assert balances["USDC"].total == D("10000") - spent - spent * D("0.0005")
    await market(venue, SELL, "2", symbol=SPOT)
    assert [item.asset for item in await venue.exchange.get_balances()] == ["USDC"]


@venue_story
async def test_spot_cannot_be_sold_short(venue):
    """More than is held is a definite no, resting orders counted."""
    await need_spot(venue)
    with pytest.raises(OrderRejected):
        await market(venue, SELL, "1", symbol=SPOT)
    await market(venue, BUY, "2", symbol=SPOT)
    await limit(venue, SELL, "210", "1.5", symbol=SPOT)

    with pytest.raises(OrderRejected):
        await limit(venue, SELL, "211", "1", symbol=SPOT)


@venue_story
async def test_settings_are_read_back(venue):
    """What is in force is what the venue says, and what is not allowed is refused."""
    assert (await venue.exchange.set_leverage(PERP, D("5"))).leverage == D("5")
    try:
        mode = (await venue.exchange.set_margin_mode(PERP, MarginMode.ISOLATED)).margin_mode
        assert mode is MarginMode.ISOLATED
    except OrderRejected:  # some venues margin whole accounts
        mode = (await venue.exchange.set_margin_mode(PERP, MarginMode.CROSS)).margin_mode
        assert mode is MarginMode.CROSS
    with pytest.raises(OrderRejected):
        await venue.exchange.set_leverage(PERP, D("11"))

    await market(venue, BUY, "1")
    (position,) = await venue.exchange.get_positions()
    assert (position.leverage, position.margin_mode) == (D("5"), mode)


# -- streams ------------------------------------------------------------------------------------


@venue_story
async def test_the_private_stream_tells_a_life_in_order(venue):
    """Open, then the fill, then filled, then position and balance."""
    order = await limit(venue, BUY, "199", client_order_id="a1")
    await venue.trade("198")
    told = [data for data in venue.private if not isinstance(data, BalanceData | PositionData)]

    assert [type(data) for data in told] == [OrderData, FillData, OrderData]
    assert [told[0].status, told[2].status] == [OrderStatus.OPEN, OrderStatus.FILLED]
    assert told[1].order_id == order.order_id
    assert told[1].client_order_id == "a1"
    assert [item.size for item in heard(venue, PositionData)] == [D("1")]
    assert isinstance(venue.private[-1], BalanceData)


@venue_story
async def test_stream_and_queries_agree_on_fills(venue):
    """Every execution is on both, with the same identity, once."""
    await limit(venue, BUY, "199", "2")
    await market(venue, SELL, "4")
    await venue.trade("198")
    fills = await venue.exchange.get_fills()

    def bare(found):
        """Without what only one of both tells: when it was heard, and our id."""
        return [replace(item, received_at=None, client_order_id=None) for item in found]

    assert bare(heard(venue, FillData)) == bare(fills)
    assert len({fill.trade_id for fill in fills}) == len(fills) == 3
    assert all(fill.account == venue.exchange.account for fill in fills)


@venue_story
async def test_a_cancel_is_told_on_the_stream(venue):
    """The last word on the order is that it was cancelled."""
    order = await limit(venue, BUY, "190")
    await venue.exchange.cancel_order(order.order_id, PERP)
    await venue.clock.sleep(0.05)  # the stream may be another socket than the answer's

    assert heard(venue, OrderData)[-1].status is OrderStatus.CANCELED


@venue_story
async def test_several_fills_of_one_move_come_best_price_first(venue):
    """The highest buy first, at one price the oldest."""
    for price, name in (("197", "low"), ("199", "high1"), ("198", "mid"), ("199", "high2")):
        await limit(venue, BUY, price, client_order_id=name)
    await venue.trade("190")

    names = [fill.client_order_id for fill in heard(venue, FillData)]
    assert names == ["high1", "high2", "mid", "low"]


@venue_story
async def test_a_subscription_ends_with_its_handle(venue):
    """A cancelled handle, a left context and `unsubscribe` all end delivery."""
    first, second, third = [], [], []
    handle = await venue.exchange.subscribe_ticker(PERP, first.append)
    with await venue.exchange.subscribe_trades(PERP, second.append):
        await venue.trade("201")
    await venue.exchange.subscribe_orderbook(PERP, third.append)
    handle.cancel()
    handle.cancel()
    await venue.exchange.unsubscribe(PERP)
    counts = len(first), len(second), len(third)
    await venue.trade("202")

    assert counts[0] >= 1
    assert counts[1] == 1
    assert (len(first), len(second), len(third)) == counts


@venue_story
async def test_a_listener_that_raises_disturbs_nobody(venue, caplog):
    """The others are told all the same."""
    calls = []

    def fail(_):
        raise ValueError("on purpose")

    await venue.exchange.subscribe_ticker(PERP, lambda _: None)
    await venue.exchange.subscribe_user_data(fail)
    await venue.exchange.subscribe_user_data(calls.append)
    await limit(venue, BUY, "190")
    await venue.clock.sleep(0.05)  # the stream may be another socket than the answer's

    assert len(calls) == 1
    assert "listener.failed" in caplog.text


# -- restarts -----------------------------------------------------------------------------------


@venue_story
async def test_a_restart_finds_everything_as_it_was(venue):
    """Open orders, fills, position and balances survive the client's death."""
    await limit(venue, BUY, "190", client_order_id="rests")
    await market(venue, BUY, "1", client_order_id="filled")
    before = (
        await venue.exchange.get_open_orders(),
        await venue.exchange.get_fills(),
        [item.size for item in await venue.exchange.get_positions()],
        [item.total for item in await venue.exchange.get_balances()],
    )
    await venue.restart()
    after = (
        await venue.exchange.get_open_orders(),
        await venue.exchange.get_fills(),
        [item.size for item in await venue.exchange.get_positions()],
        [item.total for item in await venue.exchange.get_balances()],
    )

    assert after == before


@venue_story
async def test_ids_go_on_after_a_restart(venue):
    """No order or execution ever gets an id that was given out before."""
    first = await market(venue, BUY, "1")
    await venue.restart()
    second = await market(venue, BUY, "1")

    assert first.order_id != second.order_id
    assert len({fill.trade_id for fill in await venue.exchange.get_fills()}) == 2


@venue_story
async def test_an_order_from_before_the_restart_still_fills(venue):
    """It rests where it rested and fills once."""
    order = await limit(venue, BUY, "199", client_order_id="a1")
    await venue.restart()
    await venue.trade("198")
    await venue.trade("197")

    assert [fill.order_id for fill in await venue.exchange.get_fills()] == [order.order_id]
    assert [fill.client_order_id for fill in heard(venue, FillData)][-1:] == ["a1"]


@venue_story
async def test_a_cancelled_caller_leaves_the_outcome_to_be_asked_for(venue):
    """Cancelling the wait does not unsend the order."""
    task = asyncio.ensure_future(limit(venue, BUY, "190", client_order_id="a1"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await venue.clock.sleep(1)

    order = await venue.exchange.get_order(None, PERP, client_order_id="a1")
    assert order.status is OrderStatus.OPEN
