"""Backpack, live and end to end: the command line, real sockets, signatures that are checked."""

import pytest
from live import LiveSpec
from live_days import (
    CROSS,
    FIRST_PRICE,
    addresses,
    among_others,
    kills_and_cuts,
    many_kills,
    shipped,
)

from core.adapters.exchanges.native.client_numbers import ClientNumbers
from core.testing.venues.backpack.venue import BackpackVenue

pytestmark = [pytest.mark.process, pytest.mark.slow]

SPEC = LiveSpec(
    venue="backpack",
    make=lambda: shipped(BackpackVenue, "backpack"),
    urls=addresses,
    keys=lambda venue: {
        "key": venue.key.api_key,
        "secret": venue.key.secret,
    },
    keys_in="file",
    symbol="BTC-USDC-PERP",
    first_price=FIRST_PRICE,
    grid=CROSS,
    told_id=lambda ours: str(ClientNumbers("backpack", 32).number(ours)),
)


@pytest.fixture
def run(tmp_path):
    """A live run, and beside it orders and a position that are somebody else's."""
    with among_others(tmp_path / "home", SPEC) as found:
        yield found


def test_a_live_grid_survives_kills_and_cuts(run):
    """Fills, SIGKILL at rest and right after a create, cut sockets: each time all adds up."""
    kills_and_cuts(run)

    assert "POSITION_DIFFERS" not in run.log()


@pytest.mark.nightly
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", [1, 2])
def test_many_kills_end_in_the_same_grid(run, monkeypatch, seed):
    """Random prices, kills, outages and lost answers, again and again."""
    many_kills(run, monkeypatch, seed)

    # The account is valued at the price that both know.
    run.wait_venue(
        lambda venue: venue.listening("markPrice.BTC_USDC_PERP"), "prices to be streamed"
    )
    run.walk("118000", "118000")

    assert run.end()["residual"] == "0"
