"""The client library's own `IB` trades at the loopback TWS, as a second reader of its protocol."""

import asyncio
import importlib
import math
from contextlib import asynccontextmanager
from datetime import UTC, timedelta

import pytest

from core.adapters.exchanges.ibkr.library import load_library
from core.testing.venues.tws.contracts import EUR, NVDA, pair, stock
from core.testing.venues.tws.venue import PAPER_ACCOUNT, TwsVenue

api = importlib.import_module(load_library().name)


@asynccontextmanager
async def logged_in(venue, client_id=7):
    """A client of the library."""
    client = api.IB()
    client.RaiseRequestErrors = True
    await client.connectAsync("127.0.0.1", venue.port, clientId=client_id)
    try:
        yield client
    finally:
        client.disconnect()
        await asyncio.sleep(0)


async def until(event, holds):
    """Waits for an event of the library after which something is so."""
    async with asyncio.timeout(5):
        while not holds():
            await event


def is_paid(trade, count):
    """Whether so many executions came with their commissions."""
    return [bool(fill.commissionReport.execId) for fill in trade.fills] == [True] * count


async def test_the_client_decodes_every_message_without_a_complaint(caplog):
    """Login, details, prices, depth, orders, executions, commissions and history."""
    async with TwsVenue([stock(NVDA), pair()]) as venue, logged_in(venue) as client:
        (details,) = await client.reqContractDetailsAsync(api.Stock("NVDA", "SMART", "USD"))
        contract = details.contract
        ticker = client.reqMktData(contract, "232")
        client.reqMktDepth(contract, 5, True)
        client.reqTickByTickData(contract, "AllLast")
        await until(ticker.updateEvent, lambda: ticker.domAsks and not math.isnan(ticker.ask))
        limit = client.placeOrder(contract, api.LimitOrder("BUY", 1, 199, orderRef="a1"))
        await until(limit.statusEvent, lambda: limit.orderStatus.status == "Submitted")
        venue.trade("198")
        await until(limit.commissionReportEvent, lambda: is_paid(limit, 1))
        market = client.placeOrder(contract, api.MarketOrder("SELL", 5))
        await until(market.commissionReportEvent, lambda: is_paid(market, 2))
        bars = await client.reqHistoricalDataAsync(contract, "", "1 D", "1 min", "TRADES", False, 2)
        ticks = await client.reqHistoricalTicksAsync(
            contract, "", venue.clock.now() + timedelta(seconds=1), 10, "TRADES", False
        )
        completed = await client.reqCompletedOrdersAsync(False)

    assert (ticker.bid, ticker.ask) == (197.9, 198.1)
    assert (ticker.markPrice, ticker.domBids[0].size) == (198.0, 3.0)
    assert (limit.fills[0].execution.price, limit.fills[0].execution.orderRef) == (199.0, "a1")
    assert limit.fills[0].commissionReport.commission == 199 * 0.0002
    assert [fill.execution.price for fill in market.fills] == [197.9, 197.8]
    assert limit.orderStatus.permId != market.orderStatus.permId
    assert (bars[-1].close, bars[-1].date.tzinfo) == (198.0, UTC)
    assert [tick.price for tick in ticks] == [200.0, 198.0]
    assert {order.order.permId for order in completed} == {
        limit.orderStatus.permId,
        market.orderStatus.permId,
    }
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_a_second_login_finds_orders_positions_and_executions():
    """What an order asked for comes back field by field, and the account with it."""
    async with TwsVenue([stock(NVDA)]) as venue:
        async with logged_in(venue) as client:
            (details,) = await client.reqContractDetailsAsync(api.Stock("NVDA", "SMART", "USD"))
            order = api.LimitOrder("BUY", 2, 150.5, orderRef="rests", tif="GTC")
            resting = client.placeOrder(details.contract, order)
            filled = client.placeOrder(details.contract, api.MarketOrder("BUY", 1))
            await until(filled.filledEvent, lambda: filled.orderStatus.status == "Filled")
            await until(resting.statusEvent, lambda: resting.orderStatus.status == "Submitted")
        await venue.until(lambda: not venue.sessions)
        async with logged_in(venue) as client:
            (found,) = client.openTrades()
            (position,) = client.positions()
            (fill,) = client.fills()
            worth = {value.tag: value.value for value in client.accountValues()}

    shown = found.order
    assert (shown.orderRef, shown.totalQuantity, shown.lmtPrice, shown.tif) == (
        "rests",
        2.0,
        150.5,
        "GTC",
    )
    assert (shown.account, shown.clientId, found.orderStatus.status) == (
        PAPER_ACCOUNT,
        7,
        "Submitted",
    )
    assert (position.contract.symbol, position.position, position.avgCost) == ("NVDA", 1.0, 200.1)
    assert (fill.execution.permId, fill.commissionReport.currency) == (
        filled.orderStatus.permId,
        "USD",
    )
    assert float(worth["NetLiquidation"]) == pytest.approx(10_000 - 0.1 - 200.1 * 0.0005)


async def test_refusals_reach_the_client_under_their_codes():
    """200 for a contract that is not there, 201 for an order, 10147 for a cancel of nothing."""
    async with TwsVenue([stock(NVDA)]) as venue, logged_in(venue) as client:
        codes = []
        client.errorEvent += lambda _request, code, _text, _contract: codes.append(code)
        (details,) = await client.reqContractDetailsAsync(api.Stock("NVDA", "SMART", "USD"))
        with pytest.raises(Exception, match="200"):
            await client.reqContractDetailsAsync(api.Stock("NONE", "SMART", "USD"))
        refused = client.placeOrder(details.contract, api.LimitOrder("BUY", 1_000, 199))
        await until(refused.statusEvent, refused.isDone)
        client.client.cancelOrder(4_711, "")
        await until(client.errorEvent, lambda: 10147 in codes)

    assert [code for code in codes if code < 2_000 or code > 10_000] == [200, 201, 10147]


async def test_connectivity_codes_and_corrections_reach_the_client():
    """1100, then 1102; a corrected execution has the same id but for its last part."""
    async with TwsVenue([stock(NVDA)]) as venue, logged_in(venue) as client:
        codes = []
        client.errorEvent += lambda _request, code, _text, _contract: codes.append(code)
        (details,) = await client.reqContractDetailsAsync(api.Stock("NVDA", "SMART", "USD"))
        order = client.placeOrder(details.contract, api.LimitOrder("BUY", 1, 201, orderRef="a1"))
        await until(order.filledEvent, lambda: order.orderStatus.status == "Filled")
        venue.lose_connectivity()
        venue.restore_connectivity(keeps_data=True)
        await until(client.errorEvent, lambda: 1102 in codes)
        venue.correct_execution("a1", "200")
        await until(order.fillEvent, lambda: len(order.fills) == 2)

    first, second = (fill.execution for fill in order.fills)
    assert codes[-2:] == [1100, 1102]
    assert (first.execId[:-2], first.execId[-2:]) == (second.execId[:-2], "01")
    assert (second.execId[-2:], second.price) == ("02", 200.0)


async def test_a_pair_is_found_by_its_currencies():
    """At IDEALPRO, with the local name that has a point."""
    async with TwsVenue([stock(NVDA), pair()]) as venue, logged_in(venue) as client:
        (details,) = await client.reqContractDetailsAsync(api.Forex("EURUSD"))

    assert EUR.startswith(details.contract.symbol)
    assert (details.contract.localSymbol, details.minTick) == ("EUR.USD", 0.00005)
