"""A watch misses nothing that came while it was busy."""

import asyncio

import pytest

from core.adapters.exchanges.ccxt.latest import Latest

MARKET = "BTC/USDT"


class Client:
    """As ccxt.pro does it: whoever waits is woken, and the caches change in any case."""

    def __init__(self):
        self.tickers = {}
        self.bidsasks = {}
        self.orderbooks = {}
        self.waits = []

    async def watch_ticker(self, symbol):
        """The next one."""
        return await self._next(symbol)

    async def watch_bids_asks(self, symbols):
        """The next ones, by symbol."""
        return {symbols[0]: await self._next(symbols[0])}

    async def watch_order_book(self, symbol):
        """The book, which goes on changing."""
        return await self._next(symbol)

    def tell(self, cache, data):
        """A message of the venue."""
        cache[MARKET] = data
        for wait in self.waits:
            wait.set_result(data)
        self.waits.clear()

    def fail(self):
        """The socket is gone."""
        for wait in self.waits:
            wait.set_exception(OSError("gone"))
        self.waits.clear()

    def _next(self, symbol):
        assert symbol == MARKET
        self.waits.append(asyncio.get_running_loop().create_future())
        return self.waits[-1]


async def begun(latest):
    """A call that waits."""
    task = asyncio.create_task(latest.call())
    await asyncio.sleep(0)
    return task


@pytest.mark.parametrize("method", ["watch_ticker", "watch_bids_asks"])
async def test_a_price_that_came_between_two_calls_is_given_by_the_second(method):
    """Once, though nobody waited when it came; the call after it waits again."""
    client = Client()
    latest = Latest(client, method, MARKET)
    cache = client.tickers if method == "watch_ticker" else client.bidsasks
    waiting = await begun(latest)
    client.tell(cache, {"last": 200})
    client.tell(cache, {"last": 201})
    given = [await waiting, await latest.call()]
    third = await begun(latest)

    assert [data.get(MARKET, data) for data in given] == [{"last": 200}, {"last": 201}]
    assert not third.done()
    third.cancel()


async def test_a_book_that_changed_between_two_calls_is_given_by_the_second():
    """It is the same object in a later state; a book that begins anew is waited for."""
    client = Client()
    latest = Latest(client, "watch_order_book", MARKET)
    book = {"nonce": 1, "timestamp": 5}
    waiting = await begun(latest)
    client.tell(client.orderbooks, book)
    await waiting
    book["nonce"] = 2
    assert await latest.call() is book

    client.orderbooks[MARKET] = {"nonce": None, "timestamp": None}
    third = await begun(latest)
    assert not third.done()
    third.cancel()


async def test_what_is_kept_from_before_a_failure_is_no_news():
    """The socket was lost: the next call waits for what is new."""
    client = Client()
    latest = Latest(client, "watch_ticker", MARKET)
    waiting = await begun(latest)
    client.tell(client.tickers, {"last": 200})
    await waiting
    waiting = await begun(latest)
    client.tickers[MARKET] = {"last": 201}
    client.fail()
    with pytest.raises(OSError, match="gone"):
        await waiting

    third = await begun(latest)
    assert not third.done()
    third.cancel()


async def test_an_equal_copy_of_what_was_given_is_no_news():
    """Some methods give a copy of what is kept."""
    client = Client()
    latest = Latest(client, "watch_ticker", MARKET)
    waiting = await begun(latest)
    client.tell(client.tickers, {"last": 200})
    await waiting
    client.tickers[MARKET] = {"last": 200}
    second = await begun(latest)

    assert not second.done()
    second.cancel()
