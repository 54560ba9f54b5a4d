"""What the venue's engine does at the edges: reduce-only, force, parts, and markets half known."""

from __future__ import annotations

import asyncio
import random
from decimal import Decimal
from pathlib import Path

import pytest

from core.adapters.exchanges.models import (
    BalanceData,
    FillData,
    FundingPaymentData,
    Liquidity,
    MarginMode,
    OrderData,
    OrderOptions,
    OrderSide,
    OrderStatus,
    OrderType,
    PositionData,
    TimeInForce,
)
from core.adapters.exchanges.paper.account import Account, Holding
from core.adapters.exchanges.paper.adapter import PaperExchange
from core.adapters.exchanges.paper.market import Market
from core.adapters.exchanges.paper.orders import OpenInterest
from core.adapters.exchanges.paper.settings import PaperSettings
from core.domain.events import Horizon
from core.domain.fees import Fee
from core.domain.matching import NEVER_ABOVE, NEVER_BELOW, FillRule
from core.domain.position import Position
from core.domain.worth import Worth
from core.errors import CtosError, OrderNotFound, OrderRejected
from core.infrastructure import virtual_time
from core.infrastructure.clock import VirtualClock
from core.testing.feeds import START_NS, FeedRow, PushedFeed, ScriptedFeed
from core.testing.venue import PERP, SPOT, PaperHarness, instrument, venue_story

D = Decimal
BUY, SELL = OrderSide.BUY, OrderSide.SELL


@pytest.fixture
def venue(tmp_path: Path) -> PaperHarness:
    """Orders arrive at once, and a resting one fills when it is traded through."""
    return PaperHarness(
        tmp_path / "venue.db", settings=PaperSettings(latency_ms=0, fill=FillRule.THROUGH)
    )


async def send(
    venue: PaperHarness,
    side: OrderSide,
    amount: str,
    price: str | None = None,
    *,
    symbol: str = PERP,
    **options: object,
) -> OrderData:
    """Send an order."""
    kind = OrderType.MARKET if price is None else OrderType.LIMIT
    limit = None if price is None else D(price)
    chosen = OrderOptions(**options)  # type: ignore[arg-type] # one value per field name
    return await venue.exchange.create_order(symbol, side, kind, D(amount), limit, chosen)


async def size(venue: PaperHarness) -> Decimal:
    """Of the perpetual's position."""
    return sum((item.size for item in await venue.exchange.get_positions()), D(0))


async def state(venue: PaperHarness, order: OrderData) -> OrderData:
    """An order as it is now."""
    return await venue.exchange.get_order(order.order_id, order.symbol)


# -- arriving -----------------------------------------------------------------------------------


@venue_story
async def test_a_post_only_order_that_would_take_is_refused(venue):
    """It leaves no trace: no order, no fill, nothing held."""
    with pytest.raises(OrderRejected) as refused:
        await send(venue, BUY, "1", "200.1", post_only=True)

    assert refused.value.code == "POST_ONLY_WOULD_CROSS"
    assert await venue.exchange.get_open_orders() == []
    assert await venue.exchange.get_order_history() == []
    rests = await send(venue, BUY, "1", "200", post_only=True)
    assert rests.status is OrderStatus.OPEN


@venue_story
async def test_an_order_takes_what_is_there_and_rests_with_the_others(venue):
    """Three of five are asked at its price: they are bought as taker, two wait as maker."""
    order = await send(venue, BUY, "5", "200.1")
    assert (order.status, order.filled) == (OrderStatus.PARTIALLY_FILLED, 3)
    await venue.trade("200")
    await venue.trade("199")

    assert (await state(venue, order)).status is OrderStatus.FILLED
    fills = await venue.exchange.get_fills()
    assert [(fill.amount, fill.liquidity) for fill in fills] == [
        (3, Liquidity.TAKER),
        (2, Liquidity.MAKER),
    ]
    assert await size(venue) == 5


@venue_story
async def test_what_an_immediate_order_does_not_get_at_once_expires(venue):
    """And holds nothing afterwards."""
    order = await send(venue, BUY, "5", "200.1", time_in_force=TimeInForce.IOC)

    assert (order.status, order.filled, order.reason) == (
        OrderStatus.EXPIRED,
        3,
        "IOC_REMAINDER",
    )
    assert await venue.exchange.get_open_orders() == []
    interest = venue.exchange._live().orders.interest(PERP)
    assert interest == OpenInterest()
    assert await size(venue) == 3


@venue_story
async def test_a_symbol_that_is_not_traded_here_is_refused(venue):
    """By name."""
    with pytest.raises(CtosError, match="NONE-USDC-PERP"):
        await send(venue, BUY, "1", "200", symbol="NONE-USDC-PERP")


# -- reduce-only --------------------------------------------------------------------------------


@venue_story
async def test_a_reduce_only_order_never_turns_a_position(venue):
    """Eight asked, one held: one is sold, over the best level alone, and the rest is gone."""
    await send(venue, BUY, "1")
    order = await send(venue, SELL, "8", "199.8", reduce_only=True, time_in_force=TimeInForce.IOC)

    assert (order.status, order.filled, order.reason) == (
        OrderStatus.CANCELED,
        1,
        "REDUCE_ONLY",
    )
    assert await size(venue) == 0
    assert (await venue.exchange.get_fills())[-1].price == D("199.9")


@venue_story
async def test_of_two_reduce_only_orders_one_row_fills_what_there_is_to_reduce(venue):
    """The first closes the position; the second ends unfilled though the row passed its price."""
    await send(venue, BUY, "1")
    first = await send(venue, SELL, "1", "205", reduce_only=True)
    second = await send(venue, SELL, "1", "206", reduce_only=True)
    await venue.trade("210")

    assert (await state(venue, first)).status is OrderStatus.FILLED
    ended = await state(venue, second)
    assert (ended.status, ended.filled, ended.reason) == (OrderStatus.CANCELED, 0, "REDUCE_ONLY")
    assert await size(venue) == 0


@venue_story
async def test_a_reduce_only_order_of_a_position_that_turned_ends_unfilled(venue):
    """Long when it came, short when it is reached: it would add, so it is taken out."""
    await send(venue, BUY, "1")
    order = await send(venue, SELL, "1", "205", reduce_only=True)
    await send(venue, SELL, "2")
    assert await size(venue) == -1
    await venue.trade("206")

    ended = await state(venue, order)
    assert (ended.status, ended.filled, ended.reason) == (OrderStatus.CANCELED, 0, "REDUCE_ONLY")
    assert await size(venue) == -1


@pytest.mark.parametrize("side", [BUY, None])
@venue_story
async def test_a_reduce_only_order_with_nothing_to_reduce_is_refused(venue, side):
    """Flat, or on the side that is held."""
    if side is not None:
        await send(venue, BUY, "1")
    with pytest.raises(OrderRejected) as refused:
        await send(venue, BUY, "1", "190", reduce_only=True)

    assert refused.value.code == "REDUCE_ONLY"
    assert await venue.exchange.get_open_orders() == []


@venue_story
async def test_a_position_that_comes_to_nothing_ends_only_what_would_reduce_it(venue):
    """Other orders of the symbol rest on; so do those of the other market."""
    await send(venue, BUY, "1")
    reduces = await send(venue, SELL, "1", "205", reduce_only=True)
    rests = await send(venue, BUY, "1", "190")
    elsewhere = await send(venue, BUY, "1", "190", symbol=SPOT)
    await send(venue, SELL, "1")

    assert (await state(venue, reduces)).status is OrderStatus.CANCELED
    assert (await state(venue, rests)).status is OrderStatus.OPEN
    assert (await state(venue, elsewhere)).status is OrderStatus.OPEN


# -- cancels ------------------------------------------------------------------------------------


@venue_story
async def test_a_cancel_under_other_faults_is_a_cancel(venue):
    """A rule about something else does not touch it; under another symbol it is not found."""
    order = await send(venue, BUY, "1", "190")
    venue.faults.fill_first(when=lambda _: False)
    with pytest.raises(OrderNotFound):
        await venue.exchange.cancel_order(order.order_id, SPOT)
    ended = await venue.exchange.cancel_order(order.order_id, PERP)

    assert (ended.status, ended.filled) == (OrderStatus.CANCELED, 0)
    assert await size(venue) == 0


@venue_story
async def test_everything_is_cancelled_by_symbol_or_at_once(venue):
    """Each order is told as ended, and what it held is free again."""
    for symbol in (PERP, SPOT, PERP):
        await send(venue, BUY, "1", "190", symbol=symbol)
    ended = await venue.exchange.cancel_all_orders(SPOT)
    assert [(item.symbol, item.status) for item in ended] == [(SPOT, OrderStatus.CANCELED)]
    assert len(await venue.exchange.get_open_orders()) == 2
    await venue.exchange.cancel_all_orders()

    assert await venue.exchange.get_open_orders() == []
    (cash,) = await venue.exchange.get_balances()
    assert (cash.free, cash.used) == (10_000, 0)
    assert await venue.exchange.cancel_all_orders() == []


@venue_story
async def test_a_cancelled_order_waits_for_nothing_any_more(venue):
    """It leaves its level: the market moves through its price, and no row concerns it."""
    order = await send(venue, BUY, "1", "190")
    matcher = venue.exchange._live().markets[PERP].matcher
    assert (len(matcher), matcher.reach.below > NEVER_BELOW) == (1, True)
    await venue.exchange.cancel_order(order.order_id, PERP)

    assert (len(matcher), matcher.reach) == (0, (NEVER_BELOW, NEVER_ABOVE))
    await venue.trade("180")
    assert await venue.exchange.get_fills() == []


# -- the account --------------------------------------------------------------------------------


@venue_story
async def test_a_resting_buy_on_spot_holds_its_value_and_its_fee(venue):
    """One at 190: 190 and the dearer of both fees; a sell holds what it sells."""
    await send(venue, BUY, "2", symbol=SPOT)
    await send(venue, BUY, "1", "190", symbol=SPOT)
    await send(venue, SELL, "0.5", "250", symbol=SPOT)

    balances = {item.asset: item for item in await venue.exchange.get_balances()}
    assert balances["USDC"].used == D("190.095")
    assert balances["TEST"].used == D("0.5")
    assert balances["TEST"].free == D("1.5")


@venue_story
async def test_a_buy_on_spot_needs_its_value_and_its_fee(venue):
    """52.62 at 190 cost 9,997.80 and 5.00: more than there is; 52.6 cost 9,999.00 in all."""
    with pytest.raises(OrderRejected) as refused:
        await send(venue, BUY, "52.62", "190", symbol=SPOT)

    assert refused.value.code == "INSUFFICIENT_BALANCE"
    rests = await send(venue, BUY, "52.6", "190", symbol=SPOT)
    assert rests.status is OrderStatus.OPEN


@pytest.mark.parametrize("symbol, amount", [(SPOT, "60"), (PERP, "600")])
@venue_story
async def test_what_takes_and_what_rests_is_needed_together(venue, symbol, amount):
    """Three of it would be bought at once, the others would wait: the account carries not all."""
    with pytest.raises(OrderRejected):
        await send(venue, BUY, amount, "200.1", symbol=symbol)

    assert await venue.exchange.get_fills() == []
    assert await venue.exchange.get_open_orders() == []


@venue_story
async def test_whoever_watches_what_is_held_hears_of_each_change(venue):
    """An execution on either market, and a settlement: cash, amount and the row it happened at."""
    heard: list[tuple[str, Worth]] = []
    engine = venue.exchange._live()
    engine.on_worth = lambda symbol, worth: heard.append((symbol, worth))
    await send(venue, BUY, "1", symbol=SPOT)
    await send(venue, BUY, "1")
    engine.settle_funding(engine.markets[PERP], D("0.001"), venue.clock.now_ns())

    assert [symbol for symbol, _ in heard] == [SPOT, PERP, PERP]
    cash = [worth.cash for _, worth in heard]
    after_spot = 10_000 - D("200.1") * D("1.0005")
    assert cash[0] == after_spot
    assert cash[1] == after_spot - D("200.1") * D("1.0005")
    assert cash[2] == cash[1] - D("0.2")
    assert [worth.size for _, worth in heard] == [1, 1, 1]


@venue_story
async def test_a_flat_position_settles_no_funding(venue):
    """Neither a row nor a message."""
    engine = venue.exchange._live()
    engine.settle_funding(engine.markets[PERP], D("0.001"), venue.clock.now_ns())
    await venue.trade("200")

    assert await venue.exchange.get_funding_payments() == []
    assert [item for item in venue.private if isinstance(item, FundingPaymentData)] == []


def holding() -> Holding:
    """Nothing of the perpetual, ten times, without a price."""
    return Holding(
        instrument=instrument(),
        position=Position(),
        leverage=D(10),
        margin_mode=MarginMode.CROSS,
        mark=lambda: None,
        interest=OpenInterest(),
    )


def test_a_fee_in_a_third_asset_moves_that_asset():
    """What is paid in it is owed in it, and it is named among what changed."""
    account = Account(D(1_000))
    account.add(holding())
    fee = Fee(asset="BONUS", amount=D("0.3"), is_base=False)
    changed = account.execute(PERP, BUY, D(200), D(1), fee)

    assert changed == ("USDC", "BONUS")
    assert account.cash == {"USDC": 800, "BONUS": D("-0.3")}
    again = account.execute(
        PERP, SELL, D(200), D(1), Fee(asset="USDC", amount=D("0.3"), is_base=False)
    )
    assert again == ("USDC",)
    assert account.cash["USDC"] == D("999.7")


def test_a_flat_position_needs_nothing_and_is_never_closed_by_force():
    """No collateral, no price of liquidation, crossed or isolated."""
    account = Account(D(1_000))
    flat = holding()
    account.add(flat)
    for mode in MarginMode:
        flat.margin_mode = mode
        assert (flat.position_margin(), flat.price, flat.value) == (0, 0, 0)
        assert account.liquidation_price(PERP) is None
        assert account.to_liquidate(PERP) is None


# -- prices -------------------------------------------------------------------------------------


def market(*rows: FeedRow, rule: FillRule = FillRule.THROUGH) -> Market:
    """A market on a live feed, each row a chunk in its own units."""
    made = Market(instrument(), PushedFeed(), rule)
    made.open()
    for row in rows:
        made.push(next(iter(ScriptedFeed([row]).chunks())))
        made.step()
    return made


def test_a_market_that_has_shown_nothing_says_nothing():
    """No price, no book, no trade, no next row, and no step."""
    empty = market()

    assert (empty.mark, empty.has_price) == (None, False)
    assert empty.ticker("paper") is None
    assert empty.book("paper", None) is None
    assert empty.newest_trade() == []
    assert empty.next_ns() is None
    assert empty.step() is None
    assert not empty.skip(None, empty.bounds(Horizon(), None, None), None)
    assert empty.is_chunk_over


def test_one_side_of_a_quote_is_no_mark():
    """Half a quote has no middle; the last trade takes its place when there is one."""
    assert market(FeedRow(ms=0, bid="199.9")).mark is None
    assert market(FeedRow(ms=0, bid="199.9", last="200.3")).mark == D("200.3")
    assert market(FeedRow(ms=0, bid="199.9", ask="200.2")).mark == D("200.05")


def test_a_market_of_which_only_one_side_is_known_closes_nothing():
    """A sell was met by a bid, nobody asks: without a mark there is no loss to close for."""

    async def story() -> tuple[list[Decimal | None], Decimal]:
        bids = ("198", "199.9", "9999")
        exchange = PaperExchange(
            venue="paper",
            instruments=[instrument()],
            feeds={PERP: ScriptedFeed([FeedRow(ms=ms, bid=bid) for ms, bid in enumerate(bids)])},
            clock=VirtualClock(virtual_time.running_loop()),
            settings=PaperSettings(latency_ms=0, initial_balance=D(100)),
            is_durable=False,
            rng=random.Random(5),
        )
        marks: list[Decimal | None] = []
        await exchange.connect()
        await exchange.subscribe_ticker(PERP, lambda ticker: marks.append(ticker.mark))
        await exchange.create_order(PERP, SELL, OrderType.LIMIT, D(1), D(199))
        await asyncio.sleep(2)
        (position,) = await exchange.get_positions()
        await exchange.disconnect()
        return marks, position.size

    marks, held = virtual_time.run(story(), start_ns=START_NS)
    assert set(marks) == {None}
    assert held == -1


def test_a_book_in_finer_units_keeps_the_depth_that_is_known():
    """The quote moved to a finer grid at the same price: the levels behind it are still there."""
    deep = FeedRow(ms=0, bids=(("199.9", "3"), ("199.8", "5")), asks=(("200.1", "2"),))
    finer = FeedRow(ms=1, last="200.05", amount="0.0005", bid="199.9", bid_amount="3", ask="200.1")
    made = market(deep, finer)

    book = made.book("paper", None)
    assert book is not None
    assert [(level.price, level.amount) for level in book.bids] == [
        (D("199.9"), D(3)),
        (D("199.8"), D(5)),
    ]
    assert made.newest_trade()[0].price == D("200.05")
    assert made.newest_trade()[0].amount == D("0.0005")


def test_a_depth_that_the_quote_has_left_behind_is_not_shown():
    """Its best price is not the quote's any more: the quote alone is believed."""
    deep = FeedRow(ms=0, bids=(("199.9", "3"), ("199.8", "5")), asks=(("200.1", "2"),))
    moved = FeedRow(ms=1, bid="200.0", bid_amount="4", ask="200.1", ask_amount="2")
    book = market(deep, moved).book("paper", None)

    assert book is not None
    assert [(level.price, level.amount) for level in book.bids] == [(D("200.0"), D(4))]
    assert [(level.price, level.amount) for level in book.asks] == [(D("200.1"), D(2))]


def test_a_row_without_a_trade_has_no_newest_trade():
    """The one before it was another row's."""
    made = market(FeedRow(ms=0, last="200"), FeedRow(ms=1, bid="199.9", ask="200.1"))

    assert made.newest_trade() == []
    assert [trade.price for trade in made.trades()] == [200]


def test_bounds_name_the_first_price_at_which_somebody_could_act():
    """Machines in ticks, liquidation in marks: whichever comes first on its side."""
    made = market(FeedRow(ms=0, last="200.01"))
    assert made.bounds(Horizon(), None, None)[:2] == (NEVER_BELOW, NEVER_ABOVE)
    ticks = Horizon(below=1990, above=2010)
    below, above, *_ = made.bounds(ticks, None, None)
    assert (below * made.unit, above * made.unit) == (D("199.09"), D("200.91"))
    below, above, *_ = made.bounds(ticks, D("199.555"), D("200.455"))
    assert (below * made.unit, above * made.unit) == (D("199.56"), D("200.45"))
    assert made.bounds(ticks, D(150), D(250)) == made.bounds(ticks, None, None)


def test_opening_twice_reads_the_feed_once():
    """The second call changes nothing."""
    made = Market(instrument(), ScriptedFeed([FeedRow(ms=0, last="200")]), FillRule.TOUCH)
    for _ in range(2):
        made.open()
        made.step()

    assert made.next_row == 1
    assert made.step() is None


@venue_story
async def test_a_liquidation_beyond_the_book_is_taken_over_at_the_mark(venue):
    """The depth ends before the position does: what is left of it goes at the mark, all at once."""
    await send(venue, BUY, "480", "200.1")
    await venue.trade("200")
    for price in ("199.9", "180", "178", "176"):
        await venue.trade(price)

    assert await venue.exchange.get_positions() == []
    fills = [item for item in venue.private if isinstance(item, FillData)]
    assert sum(fill.amount * fill.side.sign for fill in fills) == 0
    assert {item.size for item in venue.private[-3:] if isinstance(item, PositionData)} <= {0}
    assert [item for item in venue.private if isinstance(item, BalanceData)]
