"""What a bot of real money lives through at every venue: told once, lived at each.

A venue's own test says what its bot is (`LiveSpec`) and what only that venue must keep; the days
themselves, the grid, its prices and the others on the account are here.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from live import LiveRun, LiveSpec

from core.adapters.exchanges.models import Instrument
from core.adapters.exchanges.paper.instruments import load_instruments
from core.adapters.exchanges.paper.settings import PaperSettings

FIRST_PRICE = "118010"
GRID = """
grid_type: long
grid_interval: "50"
order_amount: "0.001"
price_range: {lower_price: "117800", upper_price: "118200"}
initial_fill: taker_position
"""
"""Eight levels around the first price."""
CROSS = f"{GRID}margin_mode: cross\n"
LINES = range(117_790, 118_220, 10)
ACTS = (*("kill", "cut", "outage", "lost") * 3, *("sending",) * 3)
"""An order of a level that never arrived four times in an hour parks its slot, as it should."""


def rich(kind: Any, instruments: Iterable[Instrument], **more: Any) -> Any:
    """A loopback venue, not yet opened, whose account has enough for everything."""
    return kind(
        instruments=list(instruments),
        settings=PaperSettings(initial_balance=Decimal(1_000_000), latency_ms=0),
        first_price=None,
        **more,
    )


def shipped(kind: Any, venue: str, **more: Any) -> Any:
    """The same with the instruments that ctos ships for a venue."""
    return rich(kind, load_instruments(venue).values(), **more)


def addresses(venue: Any) -> Mapping[str, str]:
    """Of a venue with one address for requests, one for prices and one for the account."""
    return {"rest": venue.rest_url, "public": venue.public_url, "private": venue.private_url}


@contextmanager
def among_others(home: Path, spec: LiveSpec) -> Iterator[LiveRun]:
    """A live run, and beside it orders and a position that are somebody else's."""
    other = spec.symbol.replace("BTC", "ETH")
    with LiveRun(home, spec) as run:
        run.on_venue(lambda venue: venue.trade("4200", symbol=other))
        run.hold_foreign("sell", "0.5", other)
        run.place_foreign("buy", "90000", "0.01")
        run.place_foreign("sell", "5000", "1", other)
        yield run


def kills_and_cuts(run: LiveRun) -> None:
    """Fills, SIGKILL at rest and right after a create, cut sockets: each time all adds up."""
    run.start()
    run.walk("117940", "118060")
    run.kill()
    run.move("117980")  # what fills while nobody is there is found
    run.start()
    run.agreed()
    run.kill_as_it_sends("117940")  # fills one order, so one is sent
    run.start()
    run.agreed()
    run.cut("117840", "118110")
    assert run.end()["fills"] > 10


def many_kills(
    run: LiveRun,
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
    *,
    acts: Sequence[str] = ACTS,
    further: Mapping[str, Callable[[Any], object]] | None = None,
) -> None:
    """Random prices, kills, outages and lost answers, again and again; the run goes on after it.

    Args:
        run: Not yet started.
        monkeypatch: Of the test.
        seed: Of the prices and the order of the acts.
        acts: What happens, in an order that is drawn.
        further: What an act does to the venue, of those that only it knows.
    """
    # So much in so few seconds uses a rate budget up, and then it is waited for.
    monkeypatch.setattr("live.PATIENCE_S", 120.0)
    at_venue = {"lost": _lose_answers, **(further or {})}
    draw = random.Random(seed)
    run.start()
    for act in draw.sample(acts, k=len(acts)):
        run.walk(*(str(draw.choice(LINES)) for _ in range(2)))
        prices = [str(draw.choice(LINES)) for _ in range(2)]
        if act == "kill":
            run.kill()
            run.move(prices[0])
        elif act == "sending":
            run.walk("118190")
            run.kill_as_it_sends("117810")
        elif act == "cut":
            run.cut(*prices)
        elif act == "outage":
            run.outage(*prices)
        else:
            run.on_venue(at_venue[act])
            run.walk(*prices)
        if act in {"kill", "sending"}:
            run.start()
            run.agreed()


def _lose_answers(venue: Any) -> None:
    venue.faults.lose_answer("create_order", times=2)
