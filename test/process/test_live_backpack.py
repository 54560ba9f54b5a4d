"""Backpack, live and end to end: the command line, real sockets, signatures that are checked."""

import random
from decimal import Decimal

import pytest
from live import LiveRun, LiveSpec

from core.adapters.exchanges.native.client_numbers import ClientNumbers
from core.adapters.exchanges.paper.instruments import load_instruments
from core.adapters.exchanges.paper.settings import PaperSettings
from core.testing.venues.backpack.venue import BackpackVenue

pytestmark = [pytest.mark.process, pytest.mark.slow]

SPEC = LiveSpec(
    venue="backpack",
    make=lambda: BackpackVenue(
        instruments=list(load_instruments("backpack").values()),
        settings=PaperSettings(initial_balance=Decimal(1_000_000), latency_ms=0),
        first_price=None,
    ),
    urls=lambda venue: {
        "rest": venue.rest_url,
        "public": venue.public_url,
        "private": venue.private_url,
    },
    keys=lambda venue: {
        "key": venue.key.api_key,
        "secret": venue.key.secret,
    },
    keys_in="file",
    symbol="BTC-USDC-PERP",
    first_price="118010",
    grid="""
        grid_type: long
        grid_interval: "50"
        order_amount: "0.001"
        price_range: {lower_price: "117800", upper_price: "118200"}
        initial_fill: taker_position
        margin_mode: cross
    """,
    told_id=lambda ours: str(ClientNumbers("backpack", 32).number(ours)),
)
LINES = range(117_790, 118_220, 10)


@pytest.fixture
def run(tmp_path):
    """A live run, and beside it orders and a position that are somebody else's."""
    with LiveRun(tmp_path / "home", SPEC) as found:
        found.on_venue(lambda venue: venue.trade("4200", symbol="ETH-USDC-PERP"))
        found.hold_foreign("sell", "0.5", "ETH-USDC-PERP")
        found.place_foreign("buy", "90000", "0.01")
        found.place_foreign("sell", "5000", "1", "ETH-USDC-PERP")
        yield found


def test_a_live_grid_survives_kills_and_cuts(run):
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

    summary = run.end()

    assert summary["fills"] > 10
    assert "POSITION_DIFFERS" not in run.log()


@pytest.mark.nightly
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", [1, 2])
def test_many_kills_end_in_the_same_grid(run, monkeypatch, seed):
    """Random prices, kills, outages and lost answers, again and again."""
    # So much in so few seconds uses a rate budget up, and then it is waited for.
    monkeypatch.setattr("live.PATIENCE_S", 120.0)
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

    # The account is valued at the price that both know.
    run.wait_venue(
        lambda venue: venue.listening("markPrice.BTC_USDC_PERP"), "prices to be streamed"
    )
    run.walk("118000", "118000")

    assert run.end()["residual"] == "0"
