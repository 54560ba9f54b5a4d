"""EdgeX, live and end to end: the command line, real sockets, signatures that are checked."""

import pytest
from live import LiveSpec
from live_days import CROSS, FIRST_PRICE, addresses, among_others, kills_and_cuts, many_kills, rich

from core.adapters.exchanges.paper.instruments import load_instruments
from core.testing.venues.edgex.venue import EdgexVenue

pytestmark = [pytest.mark.process, pytest.mark.slow]


def usdc_contracts():
    """What the venue trades: everything is margined in USDC."""
    return [item for item in load_instruments("edgex").values() if item.settle == "USDC"]


SPEC = LiveSpec(
    venue="edgex",
    make=lambda: rich(EdgexVenue, usdc_contracts()),
    urls=addresses,
    keys=lambda venue: {
        "account": str(venue.key.account_id),
        "key": venue.key.api_key,
        "secret": venue.key.secret,
        "passphrase": venue.key.passphrase,
        "trading_key": venue.key.trading_secret,
    },
    symbol="BTC-USDC-PERP",
    first_price=FIRST_PRICE,
    grid=f"{CROSS}acknowledge: [losing_grid]",
    told_id=lambda ours: ours,
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
    assert len(run.on_venue(nonces)) == len(set(run.on_venue(nonces)))


def nonces(venue):
    """The nonces that orders were signed with: each follows from its client order id."""
    return [str(call.params["l2Nonce"]) for call in venue.calls_of("create_order")]


@pytest.mark.nightly
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", [1, 2])
def test_many_kills_end_in_the_same_grid(run, monkeypatch, seed):
    """Random prices, kills, outages and lost answers, again and again."""
    run.on_venue(lambda venue: setattr(venue.rest.weights, "limit", 1_000_000))
    many_kills(run, monkeypatch, seed)

    assert run.end()["residual"] == "0"
