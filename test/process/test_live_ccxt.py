"""OKX and Bybit through ccxt, live and end to end: the command line, real sockets, kills."""

import pytest
from live import LiveSpec
from live_days import CROSS, FIRST_PRICE, among_others, kills_and_cuts, many_kills, shipped

from core.testing.venues.bybit.venue import BybitVenue
from core.testing.venues.okx.venue import OkxVenue

pytestmark = [pytest.mark.process, pytest.mark.slow]

KINDS = {"okx": OkxVenue, "bybit": BybitVenue}


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
        make=lambda: shipped(KINDS[name], name),
        urls=lambda venue: {"rest": venue.rest_url, "socket": venue.socket_url},
        keys=keys,
        keys_in="file" if name == "okx" else "environment",
        symbol="BTC-USDT-PERP",
        first_price=FIRST_PRICE,
        grid=CROSS,
        told_id=lambda ours: ours,
    )


@pytest.fixture(params=sorted(KINDS))
def run(request, tmp_path):
    """A live run, and beside it orders and a position that are somebody else's."""
    with among_others(tmp_path / "home", spec(request.param)) as found:
        yield found


def test_a_live_grid_survives_kills_and_cuts(run):
    """Fills, SIGKILL at rest and right after a create, cut sockets: each time all adds up."""
    kills_and_cuts(run)


@pytest.mark.nightly
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", [1, 2])
def test_many_kills_end_in_the_same_grid(run, monkeypatch, seed):
    """Random prices, kills, outages and lost answers, again and again."""
    many_kills(run, monkeypatch, seed)

    assert run.end()["residual"] == "0"
