"""Matching against a slow and obvious oracle, and leaping against stepping."""

import asyncio
import random
from dataclasses import dataclass
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from core.adapters.exchanges.models import EventType, OrderOptions, OrderSide, OrderType
from core.adapters.exchanges.paper.adapter import PaperExchange
from core.adapters.exchanges.paper.settings import PaperSettings
from core.domain.events import Horizon
from core.domain.matching import NONE, FillRule, Market, Matcher, Resting, Row
from core.infrastructure import virtual_time
from core.infrastructure.clock import VirtualClock
from core.testing.feeds import START_NS, FeedRow, ScriptedFeed
from core.testing.venue import PERP, instrument

RULES = st.sampled_from(FillRule)
PRICES = st.integers(90, 110)


@dataclass
class Known:
    """An order as the oracle keeps it."""

    number: int
    is_buy: bool
    price: int
    left: int
    ahead: int


def oracle(orders: list[Known], rule: FillRule, row: Row, lot: int) -> list[tuple[int, int]]:
    """(number, amount) of every fill, by looking at each order on its own."""
    fills: list[tuple[int, int]] = []
    for is_buy in (True, False):
        sign = 1 if is_buy else -1
        side = [order for order in orders if order.is_buy == is_buy]
        side.sort(key=lambda order: (-sign * order.price, order.number))
        volume: dict[int, int] = {}
        quote = row.ask if is_buy else row.bid
        for order in side:
            beyond = [sign * (order.price - price) for price in (row.last, quote) if price != NONE]
            reached = max(beyond, default=-1)
            if reached > 0 or (reached == 0 and rule is FillRule.TOUCH):
                fills.append((order.number, order.left))
                order.left = 0
            elif rule is FillRule.QUEUE and row.last == order.price and row.side != sign:
                left = volume.setdefault(order.price, max(row.amount, 0))
                eaten = min(order.ahead, left)
                order.ahead -= eaten
                amount = min(order.left, (left - eaten) // lot * lot)
                if amount > 0:
                    fills.append((order.number, amount))
                    order.left -= amount
                    volume[order.price] = left - amount
    orders[:] = [order for order in orders if order.left]
    return fills


ROWS = st.builds(
    Row,
    last=st.one_of(st.just(NONE), PRICES),
    amount=st.integers(0, 9),
    side=st.sampled_from([-1, 0, 1]),
    bid=st.one_of(st.just(NONE), st.integers(90, 100)),
    ask=st.one_of(st.just(NONE), st.integers(101, 110)),
)
ORDERS = st.tuples(st.booleans(), PRICES, st.integers(1, 5), st.integers(0, 6))


@given(RULES, st.integers(1, 2), st.lists(st.one_of(ORDERS, ROWS), max_size=40))
def test_every_fill_is_the_oracles(rule, lot, steps):
    """Same fills, same order, same amounts, whatever mixture of orders and rows comes."""
    matcher = Matcher(rule, lot=lot)
    known: list[Known] = []
    for number, step in enumerate(steps, 1):
        if isinstance(step, Row):
            matches = matcher.meet(step)
            for match in matches:
                matcher.fill(match.order, match.amount)
            found = [(match.order.number, match.amount) for match in matches]
            assert found == oracle(known, rule, step, lot)
        else:
            is_buy, price, lots, ahead = step
            resting = Resting(number, is_buy, price, lots * lot, ahead)
            matcher.rest(resting)
            known.append(Known(number, is_buy, price, lots * lot, ahead))
    assert len(matcher) == len(known)


@given(RULES, st.lists(ORDERS, max_size=20), ROWS)
def test_a_row_inside_the_reach_fills_nothing(rule, orders, row):
    """`reach` is a promise: no price of the row at or beyond it, no fill and no change."""
    matcher = Matcher(rule)
    for number, (is_buy, price, lots, ahead) in enumerate(orders):
        matcher.rest(Resting(number, is_buy, price, lots, ahead))
    lows = [price for price in (row.last, row.ask) if price != NONE]
    highs = [price for price in (row.last, row.bid) if price != NONE]
    before = {order.number: order.ahead for order in matcher}
    reach = matcher.reach

    if all(low > reach.below for low in lows) and all(high < reach.above for high in highs):
        assert matcher.meet(row) == []
        assert {order.number: order.ahead for order in matcher} == before


@given(st.lists(ORDERS, max_size=20), st.data())
def test_removing_restores_the_reach(orders, data):
    """After any removals the cached best prices are those of what is left."""
    matcher = Matcher(FillRule.TOUCH)
    resting = []
    for number, (is_buy, price, lots, ahead) in enumerate(orders):
        order = Resting(number, is_buy, price, lots, ahead)
        matcher.rest(order)
        resting.append(order)
    for order in data.draw(st.permutations(resting)):
        matcher.remove(order)
        resting.remove(order)
        bids = [item.price for item in resting if item.is_buy]
        asks = [item.price for item in resting if not item.is_buy]
        if bids:
            assert matcher.reach_below == max(bids)
        if asks:
            assert matcher.reach_above == min(asks)


@given(st.booleans(), PRICES, st.integers(1, 30), st.data())
def test_a_taker_never_pays_worse_than_its_limit(is_buy, price, amount, data):
    """Executions keep to the limit, to what stands there, and to whole lots."""
    asks = tuple((101 + step, data.draw(st.integers(1, 9))) for step in range(4))
    bids = tuple((100 - step, data.draw(st.integers(1, 9))) for step in range(4))
    order = Resting(1, is_buy, price, amount * 2)
    found = Matcher(FillRule.QUEUE, lot=2).judge(
        order, Market(last=100, bids=bids, asks=asks, has_book=True)
    )

    standing = dict(asks if is_buy else bids)
    for execution in found.executions:
        assert execution.price <= price if is_buy else execution.price >= price
        assert execution.amount <= standing[execution.price]
        assert execution.amount % 2 == 0
    assert sum(execution.amount for execution in found.executions) <= order.remaining


# -- leaping ------------------------------------------------------------------------------------


def tape(seed: int, *, has_book: bool, rows: int = 300) -> list[FeedRow]:
    """A random walk in twentieths of a unit, half a tick of the instrument's tenth."""
    chance = random.Random(seed)
    price, ms = 4000, 0
    found = []
    for _ in range(rows):
        price += chance.choice((-9, -2, 0, 0, 2, 9)) + chance.choice((0,) * 60 + (-90, 60))
        ms += chance.choice((0, 0, 1, 40, 400))
        last = Decimal(price) / 20
        spread = chance.randint(1, 4)
        quoted = has_book and chance.random() < 0.9
        traded = not quoted or chance.random() < 0.7
        found.append(
            FeedRow(
                ms=ms,
                last=str(last) if traded else "",
                amount=str(chance.randint(1, 9)),
                side=chance.choice(("buy", "sell", "")),
                bid=str(Decimal(price - spread) / 20) if quoted else "",
                bid_amount=str(chance.randint(1, 9)),
                ask=str(Decimal(price + spread) / 20) if quoted else "",
                ask_amount=str(chance.randint(1, 9)),
            )
        )
    return found


async def ladder(feed: ScriptedFeed, rule: FillRule, *, leaps: bool, latency_ms: int) -> list:
    """A little grid on a feed: what its private stream said, and what was left at the end."""
    loop = virtual_time.running_loop()
    exchange = PaperExchange(
        venue="paper",
        instruments=[instrument(min_notional="0", max_leverage="10")],
        feeds={PERP: feed},
        clock=VirtualClock(loop),
        settings=PaperSettings(latency_ms=latency_ms, fill=rule, initial_balance=Decimal(40)),
        is_durable=False,
        rng=random.Random(1),
    )
    await exchange.connect()
    said: list = []
    inbox: asyncio.Queue = asyncio.Queue()

    def hear(data: object) -> None:
        said.append(data)
        if type(data).__name__ == "FillData":
            inbox.put_nowait(data)

    await exchange.subscribe_user_data(hear)
    exchange.add_event_callback(EventType.FEED_ENDED, lambda _: inbox.put_nowait(None))
    if leaps:
        exchange.set_horizon(Horizon)
    priced = asyncio.Event()
    await exchange.subscribe_ticker(PERP, lambda _: priced.set())
    await priced.wait()

    async def put(side: OrderSide, price: Decimal, name: str) -> None:
        try:
            await exchange.create_order(
                PERP,
                side,
                OrderType.LIMIT,
                Decimal("0.25"),
                price,
                OrderOptions(client_order_id=name),
            )
        except Exception as error:  # noqa: BLE001
            said.append(repr(error))

    for level in range(8):
        await put(OrderSide.BUY, Decimal(199) - level, f"e{level}")
    count = 0
    while (fill := await inbox.get()) is not None:
        count += 1
        step = 1 if fill.side is OrderSide.BUY else -1
        if fill.client_order_id is not None:
            await put(fill.side.opposite, fill.price + step, f"x{count}")
    said.extend(await exchange.get_balances())
    said.extend(await exchange.get_positions())
    await exchange.disconnect()
    return said


@given(st.integers(0, 10_000), st.booleans(), RULES, st.sampled_from([0, 50]), st.integers(1, 97))
def test_leaping_and_stepping_are_the_same(seed, has_book, rule, latency_ms, chunk_rows):
    """Every private message, in order and to the nanosecond, liquidations included."""
    rows = tape(seed, has_book=has_book)

    def run(*, leaps: bool, size: int) -> list:
        feed = ScriptedFeed(rows, chunk_rows=size)
        story = ladder(feed, rule, leaps=leaps, latency_ms=latency_ms)
        return virtual_time.run(story, start_ns=START_NS)

    assert run(leaps=True, size=chunk_rows) == run(leaps=False, size=64)
