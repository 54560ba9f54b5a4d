"""OKX and Bybit through ccxt, live and end to end: the command line, real sockets, kills."""

import random
from decimal import Decimal

import pytest
from live import LiveRun, LiveSpec

from core.adapters.exchanges.paper.instruments import load_instruments
from core.adapters.exchanges.paper.settings import PaperSettings
from core.testing.venues.bybit.venue import BybitVenue
from core.testing.venues.okx.venue import OkxVenue

pytestmark = [pytest.mark.process, pytest.mark.slow]

GRID = """
    grid_type: long
    grid_interval: "50"
    order_amount: "0.001"
    price_range: {lower_price: "117800", upper_price: "118200"}
    initial_fill: taker_position
    margin_mode: cross
"""
KINDS = {"okx": OkxVenue, "bybit": BybitVenue}
LINES = range(117_790, 118_220, 10)


def made(name):
    """A loopback venue with the instruments that ctos ships for it."""
    return KINDS[name](
        instruments=list(load_instruments(name).values()),
        settings=PaperSettings(initial_balance=Decimal(1_000_000), latency_ms=0),
        first_price=None,
    )


def keys(venue):
    """What `ctos keys set` asks for."""
    found = {
        "key": venue.key.api_key,
        "secret": venue.key.secret,
        "account": venue.rest.account,
    }
    passphrase = getattr(venue.key, "passphrase", None)
    return found if passphrase is None else {**found, "passphrase": passphrase}


def spec(name):
    """A venue and a bot on it."""
    return LiveSpec(
        venue=name,
        make=lambda: made(name),
        urls=lambda venue: {"rest": venue.rest_url, "socket": venue.socket_url},
        keys=keys,
        keys_in="file" if name == "okx" else "environment",
        symbol="BTC-USDT-PERP",
        first_price="118010",
        grid=GRID,
        told_id=lambda ours: ours,
    )


@pytest.fixture(params=sorted(KINDS))
def run(request, tmp_path):
    """A live run, and beside it orders and a position that are somebody else's."""
    with LiveRun(tmp_path / "home", spec(request.param)) as found:
        found.on_venue(lambda venue: venue.trade("4200", symbol="ETH-USDT-PERP"))
        found.hold_foreign("sell", "0.5", "ETH-USDT-PERP")
        found.place_foreign("buy", "90000", "0.01")
        found.place_foreign("sell", "5000", "1", "ETH-USDT-PERP")
        yield found


def test_a_live_grid_survives_kills_and_cuts(run):
    """Fills, SIGKILL at rest and right after a create, cut sockets: each time all adds up."""
    run.start()
    run.walk("117940", "118060")
    run.kill()
    run.move("117980")  # what fills while nobody is there is found
    run.start()
    run.agreed()
    run.kill_as_it_sends("117890")
    run.start()
    run.agreed()
    run.cut("117840", "118110")

    summary = run.end()

    assert summary["fills"] > 10


@pytest.mark.nightly
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [1, 2])
def test_many_kills_end_in_the_same_grid(run, seed):
    """Random prices, kills, outages and lost answers, again and again."""
    draw = random.Random(seed)
    run.start()
    for _ in range(12):
        run.walk(*(str(draw.choice(LINES)) for _ in range(3)))
        act = draw.choice(["kill", "sending", "cut", "outage", "lost"])
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
            run.on_venue(lambda venue: venue.faults.lose_answer("create_order", times=2))
            run.walk(*prices)
        if act in {"kill", "sending"}:
            run.start()
            run.agreed()

    assert run.end()["residual"] == "0"
