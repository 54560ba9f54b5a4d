"""What is edgeX's own: refusals without published codes, orders known by number alone."""

import asyncio
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from core.adapters.exchanges.edgex.errors import refused_by_words
from core.adapters.exchanges.models import (
    MarginMode,
    OrderOptions,
    OrderSide,
    OrderStatus,
    OrderType,
)
from core.errors import (
    DuplicateClientOrderId,
    InsufficientFunds,
    OrderNotFound,
    OrderRejected,
    OutcomeUnknown,
)
from core.testing.venue import PERP
from core.testing.venues.faults import Kind
from core.testing.venues.harness import edgex_harness

D = Decimal


@asynccontextmanager
async def started():
    """A harness while it runs."""
    harness = edgex_harness(Path())
    await harness.start()
    try:
        yield harness
    finally:
        await harness.stop()


async def create(harness, price="190", **options):
    """A limit order to buy one."""
    return await harness.exchange.create_order(
        PERP, OrderSide.BUY, OrderType.LIMIT, D(1), D(price), OrderOptions(**options)
    )


@pytest.mark.parametrize(
    "code, kind",
    [
        ("INVALID_ORDER_PRICE", OrderRejected),
        ("INSUFFICIENT_MARGIN", InsufficientFunds),
        ("DUPLICATE_CLIENT_ORDER_ID", DuplicateClientOrderId),
    ],
)
def test_a_code_is_read_by_its_words(code, kind):
    """There is no list of them."""
    assert type(refused_by_words(code, "no")) is kind


@pytest.mark.parametrize("code", [None, "503", "SYSTEM_BUSY", "TIMEOUT"])
def test_a_code_that_says_nothing_proves_nothing(code):
    """Neither does an HTTP status."""
    assert refused_by_words(code, "invalid") is None


async def test_a_code_without_a_meaning_leaves_the_outcome_unknown():
    """Even where no order is found afterwards."""
    async with started() as harness:
        harness.venue.faults.alter_answer(
            "create_order", lambda body: {**body, "code": "SYSTEM_BUSY", "data": None}
        )
        with pytest.raises(OutcomeUnknown):
            await create(harness, client_order_id="busy1")


async def test_a_refusal_of_an_order_that_is_there_is_no_refusal():
    """The code says no, and a question finds the order: it exists."""
    async with started() as harness:
        harness.venue.faults.alter_answer(
            "create_order", lambda body: {**body, "code": "INVALID_PARAMETER", "data": None}
        )
        with pytest.raises(DuplicateClientOrderId):
            await create(harness, client_order_id="there1")
        order = await harness.exchange.get_order(None, PERP, client_order_id="there1")

        assert order.status is OrderStatus.OPEN


async def test_what_became_of_an_order_is_asked_for_where_the_socket_is_late():
    """The answer to a create is a number alone."""
    async with started() as harness:
        harness.venue.faults.drop(Kind.ORDER)
        order = await create(harness, client_order_id="late1")

        assert order.status is OrderStatus.OPEN
        assert harness.venue.calls_of("get_order")


async def test_a_version_that_does_not_follow_has_the_executions_asked_for():
    """A private message was missed: the fill that it carried is told all the same."""
    from core.adapters.exchanges.models import FillData

    async with started() as harness:
        await create(harness, price="199", client_order_id="gap1")
        harness.venue.faults.drop(Kind.FILL)
        await harness.trade("198")
        await harness.venue.until(lambda: harness.venue.calls_of("get_fills"))
        await harness.clock.sleep(0.1)

        assert [item.amount for item in harness.private if isinstance(item, FillData)] == [D(1)]
        assert harness.exchange.listings.unknown["trade-event:gap"] >= 1


async def test_margin_is_cross():
    """Another mode is not asked for: its signature is not documented."""
    async with started() as harness:
        result = await harness.exchange.set_margin_mode(PERP, MarginMode.CROSS)
        with pytest.raises(OrderRejected, match="margin is cross"):
            await harness.exchange.set_margin_mode(PERP, MarginMode.ISOLATED)

        assert result.margin_mode is MarginMode.CROSS


async def test_an_order_without_an_id_of_ours_is_given_one():
    """The venue wants one, since the signature's nonce is made of it."""
    async with started() as harness:
        first, second = await create(harness), await create(harness, price="191")

        assert first.client_order_id != second.client_order_id
        assert first.client_order_id.isalnum()
        assert len(first.client_order_id) <= 32


async def test_a_cancel_of_what_is_over_says_so():
    """With the venue's own word for it."""
    async with started() as harness:
        order = await create(harness)
        await harness.exchange.cancel_order(order.order_id, PERP)
        with pytest.raises(OrderNotFound) as caught:
            await harness.exchange.cancel_order(order.order_id, PERP)

        assert caught.value.code.startswith("FAILED_ORDER")


@pytest.mark.parametrize("stream", ["ticker", "book", "trades"])
async def test_a_quiet_market_is_told_from_a_dead_socket(stream):
    """By REST, or by trades that are asked for anew: what moved unheard is not quiet (T14)."""
    async with started() as harness:
        exchange = harness.exchange
        await exchange.unsubscribe()
        heard = []
        await getattr(exchange, f"subscribe_{ {'book': 'orderbook'}.get(stream, stream) }")(
            PERP, heard.append
        )
        harness.venue.trade("203")
        async with asyncio.timeout(5):
            while not heard or shown(heard[-1]) != D(203):  # noqa: ASYNC110 # a list tells nobody
                await asyncio.sleep(0.005)
        dialect = exchange.public[0].dialect
        is_quiet = await dialect.confirm()
        kind = Kind.TRADE if stream == "trades" else Kind.BOOK
        harness.venue.faults.drop(kind)
        harness.venue.trade("204")
        is_quiet_then = await dialect.confirm()

        assert (is_quiet, is_quiet_then) == (True, False)


def shown(item):
    """The price that a trade was made at, or that a book or a quote stands around."""
    if hasattr(item, "bids"):
        return item.bids[0].price + D("0.1")
    return item.price if hasattr(item, "price") else item.bid + D("0.1")


async def test_a_word_that_does_not_name_our_id_is_not_enough():
    """The number alone might be another's order: it is asked for under our id (T5)."""

    def unnamed(message):
        for row in message["content"]["data"]["order"]:
            row.pop("clientOrderId")
        return message

    async with started() as harness:
        harness.venue.faults.alter(Kind.ORDER, unnamed)
        order = await create(harness, client_order_id="mine1")
        asked = harness.venue.calls_of("get_order")

        assert order.client_order_id == "mine1"
        assert len(asked) == 1
        assert asked[0].params["clientOrderIdList"] == "mine1"
