"""Binance, live and end to end: the command line, real sockets, checked signatures."""

from dataclasses import replace
from decimal import Decimal

import pytest
from live import LiveRun, LiveSpec
from live_days import FIRST_PRICE, among_others, kills_and_cuts, many_kills, rich

from core.adapters.exchanges.models import FeeAsset
from core.adapters.exchanges.paper.instruments import load_instruments
from core.testing.venues.binance.venue import BinanceVenue
from core.testing.venues.binance_spot.venue import BinanceSpotVenue


def markets(*, is_spot):
    """The venue's instruments of one market."""
    return [item for item in load_instruments("binance").values() if item.is_spot is is_spot]


SPEC = LiveSpec(
    venue="binance",
    make=lambda: rich(BinanceVenue, markets(is_spot=False)),
    urls=lambda venue: {
        "rest": venue.rest_url,
        "account": venue.rest_url,
        "public": f"{venue.socket_url}/public/ws",
        "market": f"{venue.socket_url}/market/ws",
        "private": venue.private_url,
        "orders": venue.api_url,
    },
    keys=lambda venue: {"key": venue.key.api_key, "secret": venue.key.secret},
    symbol="BTC-USDT-PERP",
    first_price=FIRST_PRICE,
    grid="""
        grid_type: long
        grid_interval: "50"
        order_amount: "0.002"
        price_range: {lower_price: "117800", upper_price: "118200"}
        initial_fill: taker_position
        margin_mode: cross
    """,
    told_id=lambda ours: ours,
)
SPOT = LiveSpec(
    venue="binance",
    # Fees are paid from another balance: what is held is what was bought.
    make=lambda: rich(
        BinanceSpotVenue,
        [replace(item, fee_asset=FeeAsset.QUOTE) for item in markets(is_spot=True)],
    ),
    urls=lambda venue: {
        "spot_rest": venue.rest_url,
        "account": venue.rest_url,
        "spot_public": venue.public_url,
        "spot_orders": venue.api_url,
    },
    keys=lambda venue: {"key": venue.key.api_key, "secret": venue.key.secret},
    symbol="BTC-USDT-SPOT",
    first_price=FIRST_PRICE,
    grid="""
        grid_type: long
        grid_interval: "300"
        order_amount: "0.002"
        price_range: {lower_price: "116800", upper_price: "119200"}
        initial_fill: taker_position
    """,
    told_id=lambda ours: ours,
)

pytestmark = [pytest.mark.process, pytest.mark.slow]


@pytest.fixture
def run(tmp_path):
    """A live run, and beside it orders and a position that are somebody else's."""
    with among_others(tmp_path / "home", SPEC) as found:
        yield found


def test_a_live_grid_survives_kills_and_cuts(run):
    """Fills, SIGKILL at rest and right after a create, cut sockets: each time all adds up."""
    kills_and_cuts(run)

    assert "POSITION_DIFFERS" not in run.log()


def test_a_spot_grid_never_sells_what_it_has_not(tmp_path):
    """The same on spot: kills and cuts, and the inventory is never below zero."""
    with LiveRun(tmp_path / "home", SPOT) as run:
        run.start()
        run.walk("117550", "118350")
        run.kill()
        run.move("117950")
        run.start()
        run.agreed()
        run.cut("117250", "118350")
        held, least = Decimal(0), Decimal(0)
        for fill in run.on_venue(lambda venue: venue.floor.fills(SPOT.symbol)):
            held += fill.amount * fill.side.sign
            least = min(least, held)
        summary = run.end()

    assert least == 0
    assert summary["fills"] > 5


@pytest.mark.nightly
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", [1, 2])
def test_many_kills_end_in_the_same_grid(run, monkeypatch, seed):
    """Random prices, kills, outages and lost answers, again and again."""
    run.on_venue(lambda venue: setattr(venue.rest.weights, "limit", 1_000_000))
    many_kills(run, monkeypatch, seed)

    assert run.end()["residual"] == "0"
