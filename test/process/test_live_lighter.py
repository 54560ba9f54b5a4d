"""Lighter, live and end to end: the command line, real sockets, nonces over kills."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import live
import pytest
from live import LiveRun, LiveSpec
from live_days import (
    ACTS,
    FIRST_PRICE,
    GRID,
    addresses,
    among_others,
    kills_and_cuts,
    many_kills,
    shipped,
)

from core.adapters.exchanges.lighter.sign import find_library
from core.adapters.exchanges.native.client_numbers import ClientNumbers
from core.errors import ConfigError
from core.testing.venues.lighter.venue import LighterVenue

pytestmark = [pytest.mark.process, pytest.mark.slow]

NUMBERS = ClientNumbers("lighter", 48)


SPEC = LiveSpec(
    venue="lighter",
    make=lambda: shipped(LighterVenue, "lighter"),
    urls=addresses,
    keys=lambda venue: {
        "account": str(venue.key.account_index),
        "secret": venue.key.secret,
        "api_key_index": str(venue.key.api_key_index),
    },
    symbol="BTC-USDC-PERP",
    first_price=FIRST_PRICE,
    grid=GRID,
    told_id=lambda ours: str(NUMBERS.number(ours)),
    program=(sys.executable, str(Path(__file__).with_name("stand_in_signer.py"))),
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
    # Nothing but orders, cancels and leverage was ever signed, and no nonce twice.
    assert run.on_venue(kinds_sent) <= {"create_order", "cancel_order", "set_leverage"}


def kinds_sent(venue):
    """Names of the transactions that arrived."""
    return {call.name for call in venue.calls if call.path.endswith("sendTx")}


def test_the_venues_own_signer_trades_in_a_real_process(tmp_path):
    """Where lighter-sdk is installed: its library signs, and a restart goes on with its nonces."""
    try:
        find_library(None)
    except ConfigError:
        pytest.skip("lighter-sdk is not installed")
    spec = replace(
        SPEC,
        make=lambda: shipped(LighterVenue, "lighter", accepts_native=True),
        program=(sys.executable, "-m", "tui.cli"),
    )
    with LiveRun(tmp_path / "home", spec) as run:
        run.start()
        run.walk("117940")
        run.kill()
        run.start()
        run.walk("118060")
        run.end()


@pytest.mark.nightly
def test_a_grid_through_ccxt_survives_a_kill_and_a_cut(tmp_path):
    """`ccxt-lighter`: ccxt builds, our door to the signer signs, and all adds up again."""
    spec = replace(
        SPEC,
        venue="ccxt-lighter",
        urls=lambda venue: {"rest": venue.rest_url, "socket": venue.socket_url},
    )
    with LiveRun(tmp_path / "home", spec) as run:
        run.on_venue(lambda venue: venue.trade("4200", symbol="ETH-USDC-PERP"))
        run.hold_foreign("sell", "0.5", "ETH-USDC-PERP")
        run.place_foreign("buy", "90000", "0.01")
        run.start()
        run.walk("117940", "118060")
        run.kill_as_it_sends("117940")
        run.start()
        run.agreed()
        run.cut("117890", "118010")
        summary = run.end()

        assert summary["fills"] > 5
        assert run.on_venue(kinds_sent) <= {"create_order", "cancel_order", "set_leverage"}


@pytest.mark.nightly
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", [1, 2])
def test_many_kills_end_in_the_same_grid(run, monkeypatch, seed):
    """Random prices, kills, outages, lost answers and stolen nonces, again and again."""
    run.on_venue(lambda venue: setattr(venue.rest.weights, "limit", 1_000_000))
    acts = [*ACTS, "nonce"]
    many_kills(run, monkeypatch, seed, acts=acts, further={"nonce": steal_nonces})

    assert run.end()["residual"] == "0"


def steal_nonces(venue):
    """Somebody else signed with the same key, from a clock that is ten seconds ahead."""
    venue.keys.next_nonce += 10_000


@pytest.mark.nightly
def test_a_standard_account_is_enough(run, monkeypatch):
    """Sixty requests a minute for everything: a day with a kill and a cut gets by with them."""
    monkeypatch.setattr(live, "PATIENCE_S", 100.0)
    run.on_venue(lambda venue: venue.rest.be_standard())
    run.start()
    run.walk("117940", "118060")
    run.kill()
    run.start()
    run.agreed()
    run.cut("117990")
    run.walk("118060")
    run.end()

    assert run.on_venue(lambda venue: venue.rest.weights.banned_until_ms) == 0


def switches(venue):
    """What the cancels of everything were that arrived: 1 at a time, 2 no longer."""
    return [
        json.loads(str(call.params["tx_info"]))["TimeInForce"]
        for call in venue.calls_of("cancel_all_orders")
    ]


@pytest.mark.nightly
def test_the_dead_mans_switch_is_armed_while_we_live(tmp_path):
    """Armed, armed anew by the next life, acted on, called off in the end; never by mistake off."""
    spec = replace(SPEC, settings="dead_mans_switch_s: 300")
    with LiveRun(tmp_path / "home", spec) as run:
        run.start()
        run.walk("117940", "118060")
        run.wait_venue(lambda venue: 1 in switches(venue), "the switch to be armed")
        run.kill()
        run.start()
        run.agreed()
        run.wait_venue(lambda venue: switches(venue).count(1) == 2, "the next life to arm it")
        run.kill()
        run.on_venue(lambda venue: venue.floor.cancel_all())  # as it does five minutes later
        run.start()
        run.agreed()
        run.end()

        assert run.on_venue(switches)[-1] == 2
        assert "SWITCH_OFF" not in run.log()


@pytest.mark.nightly
def test_the_switch_is_never_armed_over_somebody_elses_order(run):
    """A foreign order rests: nothing is armed, and somebody is told why."""
    path = run.home / "exchanges" / "lighter.yaml"
    path.write_text(f"{path.read_text()}  dead_mans_switch_s: 300\n")
    run.start()
    run.agreed()
    run.wait_for(lambda: "SWITCH_OFF" in run.log(), "the alarm")
    run.end()

    assert 1 not in run.on_venue(switches)
