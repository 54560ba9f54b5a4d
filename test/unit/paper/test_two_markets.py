"""Two perpetuals on one paper account: what each adds to, or takes from, the other's safety."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from core.adapters.exchanges.models import Margin, MarginMode, OrderSide, OrderType
from core.adapters.exchanges.paper.adapter import PaperExchange
from core.adapters.exchanges.paper.settings import PaperSettings
from core.infrastructure import virtual_time
from core.infrastructure.clock import VirtualClock
from core.testing.feeds import START_NS, ScriptedFeed, trades
from core.testing.venue import PERP, instrument

D = Decimal
OTHER = "OTHER-USDC-PERP"
CROSS, ISOLATED = MarginMode.CROSS, MarginMode.ISOLATED


def told(
    story: Callable[[PaperExchange], Awaitable[None]],
    other: MarginMode,
    prices: tuple[str, ...] = ("200",) * 60,
) -> None:
    """Tells a story on an account of 10,000 with two markets; the first is crossed, ten times."""

    async def between() -> None:
        exchange = PaperExchange(
            venue="paper",
            instruments=[instrument(), replace(instrument(), symbol=OTHER, base="OTHER")],
            feeds={
                PERP: ScriptedFeed(trades(*["200"] * 60)),
                OTHER: ScriptedFeed(trades(*prices)),
            },
            clock=VirtualClock(virtual_time.running_loop()),
            settings=PaperSettings(latency_ms=0),
            margins={
                PERP: Margin(leverage=D(10), mode=CROSS),
                OTHER: Margin(leverage=D(10), mode=other),
            },
            is_durable=False,
            rng=random.Random(7),
        )
        await exchange.connect()
        for symbol in (PERP, OTHER):
            await exchange.subscribe_ticker(symbol, lambda _: None)
        await asyncio.sleep(1.5)
        await story(exchange)

    virtual_time.run(between(), start_ns=START_NS)


async def buy(exchange: PaperExchange, symbol: str, amount: int) -> None:
    """At market."""
    await exchange.create_order(symbol, OrderSide.BUY, OrderType.MARKET, D(amount))


async def limit_of(exchange: PaperExchange, symbol: str) -> Decimal:
    """Where a position would be closed by force."""
    (position,) = await exchange.get_positions([symbol])
    assert position.liquidation_price is not None
    return position.liquidation_price


@pytest.mark.parametrize("mode", [CROSS, ISOLATED])
def test_a_second_position_brings_the_first_one_nearer_to_its_end(mode: MarginMode):
    """Crossed it takes its maintenance margin away, isolated the whole margin that it was given."""

    async def story(exchange: PaperExchange) -> None:
        await buy(exchange, PERP, 100)
        alone = await limit_of(exchange, PERP)
        await buy(exchange, OTHER, 100)
        both = await limit_of(exchange, PERP)

        # 1 % of 20,000 is kept when crossed, a tenth when isolated; per unit of 100, before fees.
        kept = D(2) if mode is CROSS else D(20)
        assert abs(both - alone - kept / D("0.99")) < D("0.2")

    told(story, mode)


def test_the_largest_is_closed_first_when_crossed_positions_cannot_be_carried():
    """A fall of one market takes the account below what both need."""
    prices = ("200",) * 5 + ("120",) * 55

    async def story(exchange: PaperExchange) -> None:
        await buy(exchange, OTHER, 125)
        await buy(exchange, PERP, 20)
        await asyncio.sleep(10)
        held = {item.symbol for item in await exchange.get_positions()}
        assert held in ({PERP}, set())

    told(story, CROSS, prices)


def test_an_isolated_position_falls_alone():
    """Its end leaves the crossed one where it was."""
    prices = ("200",) * 5 + tuple(str(price) for price in range(199, 170, -1)) + ("170",) * 26

    async def story(exchange: PaperExchange) -> None:
        await buy(exchange, OTHER, 125)
        await buy(exchange, PERP, 20)
        await asyncio.sleep(40)
        assert {item.symbol for item in await exchange.get_positions()} == {PERP}
        (balance,) = await exchange.get_balances()
        assert D(2_000) < D(10_000) - balance.equity < 125 * 20 + 200

    told(story, ISOLATED, prices)
