"""Watches that begin again by themselves, and silence that is noticed, on virtual time."""

import asyncio

from core.adapters.exchanges.ccxt.stream import Watches
from core.infrastructure import virtual_time
from core.infrastructure.clock import VirtualClock
from core.infrastructure.rng import SeededRng
from core.infrastructure.virtual_time import running_loop
from core.testing.feeds import START_NS


class Desk:
    """Watches with what became of them."""

    def __init__(self, *, is_quiet):
        self.clock = VirtualClock(running_loop())
        self.dropped = []
        self.changes = []
        self.asked = []
        self.stands = False
        self._is_quiet = is_quiet
        self.watches = Watches(
            self.clock,
            SeededRng(3),
            is_quiet=self.ask,
            drop=lambda why: self.dropped.append((self.clock.monotonic_ns() / 1e9, why)),
            stands=lambda: self.stands,
            on_change=lambda watch, lives: self.changes.append((watch.name, lives)),
        )

    async def ask(self, symbol):
        """What the other source says."""
        self.asked.append(symbol)
        if self._is_quiet is None:
            raise OSError("no way")
        return self._is_quiet


async def forever():
    """No news."""
    await asyncio.Event().wait()


def told(story):
    """Tells a story on virtual time."""
    virtual_time.run(story(), start_ns=START_NS)


def test_silence_that_nobody_explains_costs_the_sockets_within_ten_seconds():
    """Whether the other source disagrees or does not answer."""

    async def story():
        for answer in (False, None):
            desk = Desk(is_quiet=answer)
            began_s = desk.clock.monotonic_ns() / 1e9
            desk.watches.begin("watch_order_book A", forever, print)
            desk.watches.priced("A")
            await desk.clock.sleep(10)
            await desk.watches.close()

            assert [at - began_s <= 10 for at, _ in desk.dropped] == [True]

    told(story)


def test_silence_that_is_explained_costs_nothing():
    """A quiet market is asked about, again and again, and left alone."""

    async def story():
        desk = Desk(is_quiet=True)
        desk.watches.begin("watch_order_book A", forever, print)
        desk.watches.priced("A")
        await desk.clock.sleep(60)
        await desk.watches.close()

        assert desk.dropped == []
        assert len(desk.asked) > 5

    told(story)


def test_a_watch_that_fails_begins_again():
    """Failures and the first news after them are told once each, and what came is taken."""

    async def story():
        desk = Desk(is_quiet=True)
        taken = []
        calls = iter(["down", "down", 1, 2])

        async def call():
            found = next(calls, None)
            if found is None:
                await forever()
            if found == "down":
                raise ConnectionError(found)
            return found

        desk.watches.begin("watch_ticker A", call, taken.append)
        await desk.clock.sleep(30)
        await desk.watches.close()

        assert taken == [1, 2]
        assert desk.changes == [("watch_ticker A", False), ("watch_ticker A", True)]

    told(story)


def test_a_watch_ends_with_its_last_user():
    """Two subscriptions share one."""

    async def story():
        desk = Desk(is_quiet=True)
        desk.watches.begin("watch_trades A", forever, print)
        desk.watches.begin("watch_trades A", forever, print)
        desk.watches.end("watch_trades A")
        assert [watch.name for watch in desk.watches.all] == ["watch_trades A"]
        desk.watches.end("watch_trades A")
        assert desk.watches.all == []
        await desk.watches.close()

    told(story)


def test_a_watch_lives_again_with_its_socket():
    """Also one that was still pausing when another one had the socket opened."""

    async def story():
        desk = Desk(is_quiet=True)
        calls = iter(["down"])

        async def call():
            if next(calls, None) == "down":
                raise ConnectionError
            await forever()

        desk.watches.begin("watch_trades A", call, print)
        await desk.clock.sleep(0)
        desk.watches.on_socket()
        desk.stands = True
        await desk.clock.sleep(10)
        await desk.watches.close()

        assert desk.changes == [("watch_trades A", False), ("watch_trades A", True)]

    told(story)
