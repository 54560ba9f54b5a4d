"""A grid on an IBKR stock with real money, as a real process at the loopback TWS."""

import os
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from live import LiveRun, LiveSpec

from core.adapters.exchanges.models import OrderSide
from core.adapters.exchanges.paper.settings import PaperSettings
from core.infrastructure.clock import WallClock
from core.testing.venues.tws.contracts import EUR, NVDA, pair, stock
from core.testing.venues.tws.venue import TwsVenue

pytestmark = [pytest.mark.process, pytest.mark.slow]

INSYNC = os.environ.get("CTOS_TEST_IB_INSYNC", "")
"""A folder with ib_insync and what it needs; it cannot stand in one environment with ib_async."""

SPEC = LiveSpec(
    venue="ibkr",
    make=lambda: TwsVenue(
        [stock(NVDA, tick_size="0.01", lot_size="1", min_amount="1"), pair()],
        settings=PaperSettings(initial_balance=1_000_000, latency_ms=0),
        first_price=None,
    ),
    urls=lambda venue: {"tws": venue.url},
    keys=lambda venue: {"account": venue.account},
    symbol=NVDA,
    first_price="180.05",
    grid="""
        grid_type: long
        grid_interval: "1"
        order_amount: "10"
        price_range: {lower_price: "176", upper_price: "184"}
        initial_fill: taker_position
    """,
    told_id=lambda ours: ours,
)


def cut_from_ibkr(run, *prices, keeps_data):
    """1100; prices move and orders fill at IBKR; then 1102, or 1101 where data was lost."""
    run.on_venue(lambda venue: venue.lose_connectivity())
    for price in prices:
        run.move(price)
    run.on_venue(lambda venue: venue.restore_connectivity(keeps_data=keeps_data))
    run.agreed()


def restart_gateway(run, *prices):
    """The daily restart: nobody listens at the port, orders fill at IBKR, then it is back."""
    calls = run.on_venue(lambda venue: len(venue.calls_of("connect")))
    run.outage(*prices)
    assert run.on_venue(lambda venue: len(venue.calls_of("connect"))) > calls


def move_client_id(run, client_id):
    """Another client id in the address, for the next life."""
    path = run.home / "exchanges" / "ibkr.yaml"
    url = run.on_venue(lambda venue: venue.url)
    path.write_text(f"exchange:\n  urls:\n    tws: {url}?client_id={client_id}\n")


def test_a_grid_on_a_stock_lives_through_kills_cuts_and_codes(tmp_path):
    """Fills, SIGKILL before an answer, the client id still in use, 1100 to 1102, a cut, the end.

    After each step journal, machine and venue agree, and what is foreign stays as it was.
    """
    with LiveRun(tmp_path / "home", SPEC) as run:
        run.place_foreign("buy", "90", "1")
        run.start()
        run.walk("178.95", "181.1")
        run.on_venue(lambda venue: setattr(venue, "linger_s", 0.4))
        run.kill_as_it_sends("179.9")
        run.start()
        run.agreed()
        cut_from_ibkr(run, "178.9", "180.95", keeps_data=True)
        run.cut("177.9", "181.2")

        summary = run.end()
        logins = run.on_venue(lambda venue: len(venue.calls_of("connect")))

    assert summary["round_trips"] >= 1
    assert logins > 4


def whole_story(run, kills=2):
    """Every way in which TWS comes and goes, more than once, with fills in between."""
    run.place_foreign("buy", "90", "1")
    run.place_foreign("sell", "1.20", "100", EUR)
    run.start()
    for _ in range(kills):
        run.walk("178.95", "177.95", "181.1")
        cut_from_ibkr(run, "178.9", "180.95", keeps_data=True)
        cut_from_ibkr(run, "177.9", "181.95", keeps_data=False)
        restart_gateway(run, "178.9", "181.2")
        run.cut("176.9", "182.2")
        run.kill()
        run.move("178.9")
        run.start()
        run.agreed()
        run.kill_as_it_sends("181.2")
        run.start()
        run.agreed()


@pytest.mark.nightly
def test_a_grid_on_a_stock_through_everything_twice(tmp_path):
    """1100 with 1102 and 1101, daily restarts, cuts, kills, and another client id at the end."""
    with LiveRun(tmp_path / "home", SPEC) as run:
        whole_story(run)
        run.kill()
        move_client_id(run, 5)
        run.start()
        run.walk("179.9", "178.9", "181.9")

        summary = run.end()

    assert summary["residual"] == "0"


@pytest.mark.nightly
@pytest.mark.skipif(not INSYNC, reason="CTOS_TEST_IB_INSYNC names no folder with ib_insync")
def test_the_same_with_ib_insync(tmp_path):
    """`ib_insync` in `ib_async`'s place, which the process cannot import."""
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "ib_async.py").write_text('raise ImportError("hidden by a test")\n')
    path = (str(hidden), INSYNC, os.environ.get("PYTHONPATH", ""))
    environ = {"PYTHONPATH": os.pathsep.join(filter(None, path))}
    with LiveRun(tmp_path / "home", replace(SPEC, environ=environ)) as run:
        whole_story(run, kills=1)

        summary = run.end()

    assert summary["residual"] == "0"


def test_an_order_by_hand_between_lives_is_left_alone(tmp_path):
    """What was placed by hand while the bot was dead is told of, and rests on after its end."""
    with LiveRun(tmp_path / "home", SPEC) as run:
        run.start()
        run.walk("178.95")
        run.kill()
        run.place_foreign("sell", "250", "3")
        run.start()
        run.wait_line("foreign.order")
        run.walk("180.9", "178.9")
        run.end()
        foreign = run.on_venue(lambda venue: [o.side for o in venue.floor.open_orders()])

    assert foreign == [OrderSide.SELL]


def closed_until_tomorrow():
    """The stock with its next session 20 hours ahead."""
    opens = WallClock().now() + timedelta(hours=20)
    ends = (opens, opens + timedelta(hours=3))
    zone = ZoneInfo("US/Eastern")
    hours = "-".join(f"{at.astimezone(zone):%Y%m%d:%H%M}" for at in ends)
    listed = stock(NVDA, tick_size="0.01", lot_size="1", min_amount="1")
    return replace(listed, hours=hours, liquid_hours=hours)


@pytest.mark.nightly
def test_while_the_session_is_closed_nothing_is_taken(tmp_path):
    """What would take at once is refused before it is sent; what may rest waits for the opening."""
    settings = PaperSettings(initial_balance=1_000_000, latency_ms=0)
    spec = replace(
        SPEC,
        make=lambda: TwsVenue([closed_until_tomorrow()], settings=settings, first_price=None),
    )
    with LiveRun(tmp_path / "home", spec) as run:
        run.start()
        run.wait_line("order.rejected")
        refused = [line for line in run.lines() if line["event"] == "order.rejected"]
        run.end()
        fills = run.on_venue(lambda venue: venue.floor.fills())

    assert {line["code"] for line in refused} == {"SESSION_CLOSED"}
    assert fills == []
