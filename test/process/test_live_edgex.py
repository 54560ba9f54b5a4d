"""EdgeX, live and end to end: the command line, real sockets, signatures that are checked."""

import random
from decimal import Decimal

import pytest
from live import LiveRun, LiveSpec

from core.adapters.exchanges.paper.instruments import load_instruments
from core.adapters.exchanges.paper.settings import PaperSettings
from core.testing.venues.edgex.venue import EdgexVenue

pytestmark = [pytest.mark.process, pytest.mark.slow]


def usdc_contracts():
    """What the venue trades: everything is margined in USDC."""
    return [item for item in load_instruments("edgex").values() if item.settle == "USDC"]


SPEC = LiveSpec(
    venue="edgex",
    make=lambda: EdgexVenue(
        instruments=usdc_contracts(),
        settings=PaperSettings(initial_balance=Decimal(1_000_000), latency_ms=0),
        first_price=None,
    ),
    urls=lambda venue: {
        "rest": venue.rest_url,
        "public": venue.public_url,
        "private": venue.private_url,
    },
    keys=lambda venue: {
        "account": str(venue.key.account_id),
        "key": venue.key.api_key,
        "secret": venue.key.secret,
        "passphrase": venue.key.passphrase,
        "trading_key": venue.key.trading_secret,
    },
    symbol="BTC-USDC-PERP",
    first_price="118010",
    grid="""
        grid_type: long
        grid_interval: "50"
        order_amount: "0.001"
        price_range: {lower_price: "117800", upper_price: "118200"}
        initial_fill: taker_position
        margin_mode: cross
        acknowledge: [losing_grid]
    """,
    told_id=lambda ours: ours,
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
    assert len(run.on_venue(nonces)) == len(set(run.on_venue(nonces)))


def nonces(venue):
    """The nonces that orders were signed with: each follows from its client order id."""
    return [str(call.params["l2Nonce"]) for call in venue.calls_of("create_order")]


@pytest.mark.nightly
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", [1, 2])
def test_many_kills_end_in_the_same_grid(run, seed):
    """Random prices, kills, outages and lost answers, again and again."""
    draw = random.Random(seed)
    run.on_venue(lambda venue: setattr(venue.rest.weights, "limit", 1_000_000))
    run.start()
    # An order of a level that never arrived four times in an hour parks its slot, as it should.
    acts = [*("kill", "cut", "outage", "lost") * 3, *("sending",) * 3]
    draw.shuffle(acts)
    for act in acts:
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
            run.on_venue(lambda venue: venue.faults.lose_answer("create_order", times=2))
            run.walk(*prices)
        if act in {"kill", "sending"}:
            run.start()
            run.agreed()

    assert run.end()["residual"] == "0"
