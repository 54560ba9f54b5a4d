"""Ids of ours that a venue only knows as numbers, after a restart."""

from __future__ import annotations

import pytest

from core.adapters.exchanges.backpack.adapter import BackpackExchange
from core.adapters.exchanges.connection.limiter import Budgets
from core.adapters.exchanges.connection.network import NetworkTransport
from core.adapters.exchanges.connection.socket import Seams
from core.adapters.exchanges.lighter.adapter import LighterExchange
from core.adapters.exchanges.native.client_numbers import ClientNumbers
from core.adapters.exchanges.native.exchange import Doors
from core.adapters.exchanges.settings import VenueSettings
from core.infrastructure.rng import SeededRng
from core.testing.clock import ManualClock

LONG = "cnfgcfeeyarX5p"
"""Too long to be read back from a number."""


@pytest.mark.parametrize(
    "kind, venue, bits",
    [(BackpackExchange, "backpack", 32), (LighterExchange, "lighter", 48)],
)
def test_an_adapter_learns_what_numbers_stand_for(
    kind: type[BackpackExchange | LighterExchange], venue: str, bits: int
):
    """A new process names our orders in lists once it was told which ids it may meet."""
    clock = ManualClock()
    doors = Doors(
        seams=Seams(transport=NetworkTransport(clock), clock=clock, rng=SeededRng(1)),
        budgets=Budgets(clock),
        settings=VenueSettings(urls={"rest": "", "public": "", "private": ""}),
    )
    exchange = kind(doors)
    number = str(ClientNumbers(venue, bits).number(LONG))
    before = exchange._numbers.ours(number)
    exchange.remember([LONG])

    assert before is None
    assert exchange._numbers.ours(number) == LONG
