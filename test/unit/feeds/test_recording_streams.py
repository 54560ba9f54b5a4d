"""Which stream of a file is read."""

import pytest

from core.adapters.feeds.recording import RecordingOptions, open_recording
from core.adapters.feeds.streams import Stream, choose
from core.errors import FeedError

HEADER = "ts,symbol,market,price,amount,side"


@pytest.fixture
def several(write):
    """A tape of four streams."""
    return write(
        "tape.csv",
        HEADER,
        "1,BTCUSDC,spot,100,1,buy",
        "2,BTCUSDC,usdm,200,1,buy",
        "3,BTCUSDT,usdm,300,1,buy",
        "4,ETHUSDC,usdm,400,1,buy",
        "5,BTCUSDC,usdm,210,1,sell",
    )


def prices(feed):
    """All prices, as whole numbers."""
    return [int(int(last) * chunk.price_unit) for chunk in feed.chunks() for last in chunk.last]


def test_the_bots_own_symbol_picks_its_stream(several, bitcoin):
    """Base, quote and kind of market of the bot's symbol fit one stream only."""
    feed = open_recording(several, bitcoin)

    assert prices(feed) == [200, 210]
    assert feed.warnings == ()


@pytest.mark.parametrize(
    "symbol, market, expected",
    [
        ("BTCUSDC", "spot", [100]),
        ("BTC-USDC-PERP", "usdm", [200, 210]),
        ("BTC/USDT:USDT", None, [300]),
        ("ETHUSDC", None, [400]),
        (None, "spot", [100]),
    ],
)
def test_what_is_asked_for_is_read(several, bitcoin, symbol, market, expected):
    """`--symbol` in any spelling and `--market` pick a stream."""
    feed = open_recording(several, bitcoin, RecordingOptions(symbol=symbol, market=market))

    assert prices(feed) == expected


def test_another_symbol_that_was_asked_for_is_said(several, bitcoin):
    """Whoever trades BTC on the prices of ETH is told so."""
    feed = open_recording(several, bitcoin, RecordingOptions(symbol="ETHUSDC"))

    assert feed.warnings == ("tape.csv: the prices of usdm ETHUSDC stand in for BTC-USDC-PERP.",)


@pytest.mark.parametrize(
    "symbol, market", [("BTC", None), ("SOLUSDC", None), (None, "coinm"), ("BTCUSDC", None)]
)
def test_doubt_is_an_error_that_lists_what_is_inside(several, bitcoin, symbol, market):
    """Several fitting streams, or none, are refused with the ways to pick one."""
    with pytest.raises(FeedError) as refused:
        open_recording(several, bitcoin, RecordingOptions(symbol=symbol, market=market))

    assert "--symbol BTCUSDC --market usdm" in str(refused.value)


def test_no_stream_of_the_bots_symbol_among_several_is_an_error(write, bitcoin):
    """Among other symbols nothing is guessed."""
    path = write("tape.csv", HEADER, "1,ETHUSDC,x,1,1,buy", "2,SOLUSDC,x,1,1,buy")

    with pytest.raises(FeedError, match="--symbol ETHUSDC --market x; --symbol SOLUSDC --market x"):
        open_recording(path, bitcoin)


def test_a_file_of_one_symbol_is_used_as_it_stands(write, bitcoin):
    """One stream of another name is read, with a warning."""
    path = write("tape.csv", HEADER, "1,BTCUSDT,usdm,100,1,buy")

    feed = open_recording(path, bitcoin)

    assert prices(feed) == [100]
    assert feed.warnings == ("tape.csv holds BTCUSDT, used as it stands for BTC-USDC-PERP.",)


def test_the_venue_of_the_bot_breaks_a_tie(bitcoin):
    """Of two venues with the same symbol the bot's own is read."""
    streams = [Stream("BTC", "", "lighter"), Stream("BTC", "", "hyperliquid")]

    assert choose(streams, bitcoin, "x").stream == streams[0]


def test_spot_stands_in_for_a_perpetual_where_it_is_all_there_is(write, bitcoin):
    """Pairs match by base and quote; that the market is another one is said."""
    path = write("tape.csv", HEADER, "1,BTC/USDC,spot,100,1,buy", "2,ETH/USDC,spot,7,1,buy")

    feed = open_recording(path, bitcoin)

    assert prices(feed) == [100]
    assert feed.warnings == ("tape.csv: the prices of spot BTC/USDC stand in for BTC-USDC-PERP.",)


def test_the_real_tape_lists_its_markets(shared, bitcoin):
    """A recording of five markets names them all."""
    pytest.importorskip("pyarrow")

    with pytest.raises(FeedError) as refused:
        open_recording(shared("trades/binance_trades_btc_eth_20240808.parquet"), bitcoin)

    for name in ("BTCUSDT --market spot", "BTCUSDT --market usdm", "ETHUSD_PERP --market coinm"):
        assert f"--symbol {name}" in str(refused.value)
