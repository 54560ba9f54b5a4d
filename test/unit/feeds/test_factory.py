"""From `--feed` to a feed."""

import pytest

from core.adapters.feeds.factory import MAX_SEED, FeedOptions, make_feed
from core.adapters.feeds.live import LiveFeed
from core.adapters.feeds.recording import Recording, RecordingOptions
from core.adapters.feeds.sim import SimFeed
from core.errors import ConfigError, ExitCode, FeedError, VenueError


def make(spec, bitcoin, **keywords):
    """A feed for a bot on lighter."""
    return make_feed(spec, bitcoin, venue="lighter", **keywords)


def test_auto_without_an_adapter_is_a_simulation_and_says_so(bitcoin):
    """Prices that are made up are never shown in silence."""
    feed, notices = make("auto", bitcoin)

    assert isinstance(feed, SimFeed)
    assert notices == ("no adapter for lighter yet: prices are simulated (sim:7)",)


def test_auto_on_the_paper_venue_is_a_simulation_and_says_so(bitcoin):
    """A bot on `exchange: paper` has no venue to ask."""
    _, notices = make_feed("auto", bitcoin, venue="paper", options=FeedOptions(seed=5))

    assert notices == ("paper has no prices of its own: prices are simulated (sim:5)",)


def test_live_without_an_adapter_is_refused(bitcoin):
    """Whoever asks for live prices does not get others."""
    with pytest.raises(VenueError, match="no adapter for lighter yet") as refused:
        make("live", bitcoin)

    assert refused.value.exit_code is ExitCode.UNREACHABLE


@pytest.mark.parametrize("spec", ["auto", "live"])
def test_an_adapter_gives_live_prices(bitcoin, spec):
    """Where the venue can be asked it is, and nothing needs saying."""
    exchange = object()
    feed, notices = make(spec, bitcoin, adapters={"lighter": lambda: exchange})

    assert isinstance(feed, LiveFeed)
    assert notices == ()


@pytest.mark.parametrize(
    "spec, seed, name",
    [
        ("sim", None, "sim:7"),
        ("sim", 12, "sim:12"),
        ("sim:0", 12, "sim:0"),
        (f"sim:{MAX_SEED}", None, f"sim:{MAX_SEED}"),
    ],
)
def test_a_seed_comes_from_the_spec_then_the_options(bitcoin, spec, seed, name):
    """`sim:SEED` wins over `--seed`, and 7 stands in for both."""
    feed, notices = make(spec, bitcoin, options=FeedOptions(seed=seed, start_ns=99))

    assert (feed.name, feed.first_ns, notices) == (name, 99, ())


@pytest.mark.parametrize("spec", ["sim:", "sim:x", "sim:-1", "sim:1.5", f"sim:{MAX_SEED + 1}"])
def test_what_is_no_seed_is_refused(bitcoin, spec):
    """A seed is a whole number."""
    with pytest.raises(ConfigError, match="expected sim:SEED"):
        make(spec, bitcoin)


@pytest.mark.parametrize("spec", ["", "Auto", "nowhere.csv", "simulation"])
def test_a_spec_that_names_nothing_is_refused(bitcoin, spec):
    """Neither a word nor a path: an error of the arguments."""
    with pytest.raises(ConfigError, match="--feed") as refused:
        make(spec, bitcoin)

    assert refused.value.exit_code is ExitCode.CONFIG


def test_a_path_is_a_recording(write, bitcoin):
    """Its options are passed on, its warnings are the notices."""
    path = write("t.csv", "ts,symbol,price,amount,side", "1,BTCUSDT,1,1,buy", "2,ETHUSDC,2,1,buy")
    options = FeedOptions(recording=RecordingOptions(symbol="BTCUSDT"))

    feed, notices = make(str(path), bitcoin, options=options)

    assert isinstance(feed, Recording)
    assert notices == ("t.csv: the prices of BTCUSDT stand in for BTC-USDC-PERP.",)


def test_a_path_may_lead_upwards_or_look_like_a_seed(write, bitcoin, monkeypatch):
    """Paths on the command line may be absolute, contain `..`, or begin with `sim:`."""
    path = write("sim:7.csv", "ts,price,amount,side", "1,1,1,buy")
    monkeypatch.chdir(path.parent)
    around = f"../{path.parent.name}/{path.name}"

    assert [make(spec, bitcoin)[0].name for spec in (str(path), around, path.name)] == [
        path.name
    ] * 3


def test_a_bad_recording_is_a_feed_error(write, bitcoin):
    """A file that is there but cannot be trusted is not an unknown word."""
    with pytest.raises(FeedError, match="row 1: price 0"):
        make(str(write("t.csv", "ts,price,amount,side", "1,0,1,buy")), bitcoin)
