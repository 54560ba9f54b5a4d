"""Hyperliquid, live and end to end: the command line, real sockets, signatures that are checked."""

from dataclasses import replace
from decimal import Decimal

import pytest
from live import LiveRun, LiveSpec
from live_days import (
    FIRST_PRICE,
    GRID,
    addresses,
    among_others,
    kills_and_cuts,
    many_kills,
    shipped,
)

from core.adapters.exchanges.hyperliquid.client_ids import readable_cloid
from core.adapters.exchanges.models import ExchangeType, Instrument
from core.adapters.exchanges.paper.instruments import load_instruments
from core.adapters.exchanges.paper.settings import PaperSettings
from core.testing.venues.hyperliquid.venue import HyperliquidVenue

pytestmark = [pytest.mark.process, pytest.mark.slow]

SPEC = LiveSpec(
    venue="hyperliquid",
    make=lambda: shipped(HyperliquidVenue, "hyperliquid"),
    urls=addresses,
    keys=lambda venue: {
        "account": venue.wallets.main.address,
        "secret": venue.wallets.agent.secret,
    },
    symbol="BTC-USDC-PERP",
    first_price=FIRST_PRICE,
    grid=GRID,
    told_id=lambda ours: readable_cloid(ours) or "",
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
    assert run.on_venue(lambda venue: venue.actions.approved_builders) == set()


@pytest.mark.nightly
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", [1, 2])
def test_many_kills_end_in_the_same_grid(run, monkeypatch, seed):
    """Random prices, kills, outages and lost answers, again and again."""
    run.on_venue(lambda venue: setattr(venue.weights, "limit", 1_000_000))
    many_kills(run, monkeypatch, seed)

    # The account is valued at the price that both know.
    run.wait_venue(lambda venue: venue.listening("activeAssetCtx:BTC"), "prices to be streamed")
    run.walk("118000", "118000")

    assert run.end()["residual"] == "0"


def own_orders(run):
    """How many of our orders rest."""
    return len(run.venue_facts().open_orders)


@pytest.mark.nightly
def test_the_dead_mans_switch_takes_our_orders_along(tmp_path):
    """SIGKILL: ten seconds later nothing rests; the next start places the same ladder again."""
    spec = replace(SPEC, settings="dead_mans_switch_s: 10")
    with LiveRun(tmp_path / "home", spec) as run:
        run.start()
        run.walk("117940", "118060")
        run.wait_venue(lambda venue: venue.calls_of("arm_switch"), "the switch to be armed")
        run.kill()
        rested = own_orders(run)
        run.wait_for(lambda: own_orders(run) == 0, "the venue to cancel")
        run.start()
        run.agreed()

        assert rested == 8
        assert own_orders(run) == 8
        run.end()
        last = run.on_venue(lambda venue: venue.calls_of("arm_switch")[-1].params["action"])
        assert last == {"type": "scheduleCancel"}


@pytest.mark.nightly
def test_the_switch_is_never_armed_over_somebody_elses_order(run):
    """A foreign order rests: nothing is armed, somebody is told, a death leaves all as it is."""
    path = run.home / "exchanges" / "hyperliquid.yaml"
    path.write_text(f"{path.read_text()}  dead_mans_switch_s: 10\n")
    run.start()
    run.agreed()
    run.wait_line("bot.alarm")
    run.kill()

    assert run.on_venue(lambda venue: venue.calls_of("arm_switch")) == []
    assert own_orders(run) == 8
    run.start()
    run.agreed()
    run.end()


@pytest.mark.nightly
def test_a_grid_on_a_builders_perpetual(tmp_path):
    """`xyz:NVDA` (HIP-3): its rules come from the venue; fills, a kill and a clean end."""
    nvda = Instrument(
        symbol="xyz:NVDA-USDC-PERP",
        venue="hyperliquid",
        market_type=ExchangeType.PERPETUAL,
        base="xyz:NVDA",
        quote="USDC",
        tick_size=Decimal("0.001"),
        lot_size=Decimal("0.001"),
        min_notional=Decimal(10),
        maker_fee=Decimal("0.00015"),
        taker_fee=Decimal("0.00045"),
        max_leverage=Decimal(20),
    )
    spec = replace(
        SPEC,
        make=lambda: HyperliquidVenue(
            instruments=[*load_instruments("hyperliquid").values(), nvda],
            settings=PaperSettings(initial_balance=Decimal(1_000_000), latency_ms=0),
            first_price=None,
        ),
        symbol=nvda.symbol,
        first_price="180.1",
        grid="""
            grid_type: long
            grid_interval: "0.5"
            order_amount: "1"
            price_range: {lower_price: "178", upper_price: "182"}
            initial_fill: taker_position
        """,
    )
    with LiveRun(tmp_path / "home", spec) as run:
        run.start()
        run.walk("179.3", "180.6")
        run.kill()
        run.move("179.9")
        run.start()
        run.agreed()
        run.cut("178.9", "181.1")

        assert run.end()["fills"] > 8
