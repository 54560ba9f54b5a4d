"""Symbols that no file ships are asked of the venue, kept in the home, and found again."""

import json
import socket
from contextlib import contextmanager

import pytest
from live import VenueThread

from core.adapters.exchanges.models import ExchangeType
from core.errors import ConfigError
from core.testing.venues.backpack.venue import BackpackVenue
from core.testing.venues.binance.venue import BinanceVenue
from core.testing.venues.edgex.venue import EdgexVenue
from core.testing.venues.hyperliquid.venue import HyperliquidVenue
from core.testing.venues.lighter.venue import LighterVenue
from core.testing.venues.tws.contracts import TEST, stock
from core.testing.venues.tws.venue import TwsVenue
from core.wiring.instruments import find_instrument, learn_instrument, rules_origin

pytestmark = [pytest.mark.process]


def plain_urls(venue):
    """The addresses that most adapters name."""
    return {"rest": venue.rest_url, "public": venue.public_url, "private": venue.private_url}


def binance_urls(venue):
    """Those of Binance."""
    return {
        "rest": venue.rest_url,
        "public": f"{venue.socket_url}/public/ws",
        "market": f"{venue.socket_url}/market/ws",
        "private": venue.private_url,
        "orders": venue.api_url,
        "account": venue.rest_url,
    }


VENUES = {
    "backpack": (BackpackVenue, plain_urls),
    "binance": (BinanceVenue, binance_urls),
    "ccxt-binance-usdm": (
        BinanceVenue,
        lambda venue: {"rest": venue.rest_url, "socket": venue.socket_url},
    ),
    "edgex": (EdgexVenue, plain_urls),
    "hyperliquid": (HyperliquidVenue, plain_urls),
    "ibkr": (lambda: TwsVenue([stock(TEST)]), lambda venue: {"tws": venue.url}),
    "lighter": (LighterVenue, plain_urls),
}
GRID = """
grid_system:
  exchange: {venue}
  symbol: {symbol}
  grid_type: long
  grid_interval: "1"
  order_amount: "1"
  price_range: {{lower_price: "190", upper_price: "210"}}
"""


def lead(home, name, urls):
    """Writes where a venue is into a home."""
    folder = home / "exchanges"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lines = "".join(f"    {key}: {url}\n" for key, url in urls.items())
    (folder / f"{name}.yaml").write_text(f"exchange:\n  urls:\n{lines}")


@contextmanager
def opened(home, name):
    """A venue of the table, which this home leads to."""
    make, urls = VENUES[name]
    server = VenueThread(make)
    server.open()
    try:
        lead(home, name, server.call(urls))
        yield server
    finally:
        server.close()


@pytest.mark.parametrize("name", sorted(VENUES))
def test_a_symbol_that_is_not_shipped_is_asked_of_the_venue(name, ctos_home):
    """By every adapter, from public data alone; afterwards it is known without asking."""
    with pytest.raises(ConfigError, match="TEST"):
        find_instrument(name, "TEST", {})
    with opened(ctos_home, name) as server:
        (listed,) = [
            item
            for item in server.call(lambda venue: list(venue.floor.instruments.values()))
            if "SPOT" not in item.symbol or name == "ibkr"
        ]
        found = learn_instrument(name, "TEST", {})

    again = find_instrument(name, found.symbol, {})
    assert again == found
    assert (found.symbol, found.lot_size) == (listed.symbol, listed.lot_size)
    assert rules_origin(name, found.symbol, is_live=False) == f"rules told by {name} just now"
    assert rules_origin(name, "BTC-USDC-PERP", is_live=False) is None
    assert name != "ibkr" or found.market_type is ExchangeType.STOCK


def test_what_a_venue_does_not_have_is_one_line_with_what_it_has(ctos_home):
    """The venue was asked, so the answer is final."""
    words = "hyperliquid has no 'TEXT-USDC-PERP'"
    with opened(ctos_home, "hyperliquid"), pytest.raises(ConfigError, match=words) as caught:
        learn_instrument("hyperliquid", "TEXT-USDC-PERP", {})

    assert "TEST-USDC-PERP" in (caught.value.remedy or "")


def test_a_venue_that_does_not_answer_is_named_with_its_address(ctos_home):
    """It is not said that the venue has no such symbol: nobody knows."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    lead(ctos_home, "hyperliquid", {"rest": f"http://127.0.0.1:{port}"})

    with pytest.raises(ConfigError, match=f"127.0.0.1:{port} does not answer") as caught:
        learn_instrument("hyperliquid", "NEW-USDC-PERP", {})
    assert caught.value.key == "symbol"


def test_with_real_money_old_rules_are_asked_for_again(ctos_home):
    """On paper shipped rules stand; live, the venue's are asked for and go before them."""
    with opened(ctos_home, "hyperliquid") as server:
        learn_instrument("hyperliquid", "TEST-USDC-PERP", {})
        folder = ctos_home / "cache" / "instruments" / "hyperliquid.json"
        rows = json.loads(folder.read_text())
        for row in rows:
            row.update(at_ns=row["at_ns"] - 3_600 * 10**9, lot_size="5")
        folder.write_text(json.dumps(rows))
        asked = server.call(lambda venue: len(venue.calls))

        told = rules_origin("hyperliquid", "TEST-USDC-PERP", is_live=True)
        assert told == "rules told by hyperliquid 60 minutes ago"
        paper = learn_instrument("hyperliquid", "TEST-USDC-PERP", {})
        assert server.call(lambda venue: len(venue.calls)) == asked
        live = learn_instrument("hyperliquid", "TEST-USDC-PERP", {}, is_live=True)
        assert server.call(lambda venue: len(venue.calls)) > asked
        once_more = server.call(lambda venue: len(venue.calls))
        learn_instrument("hyperliquid", "TEST-USDC-PERP", {}, is_live=True)

        assert server.call(lambda venue: len(venue.calls)) == once_more
    assert (paper.lot_size, live.lot_size != 5) == (5, True)


def test_a_check_learns_and_a_run_on_paper_finds_it_without_a_network(ctos):
    """`ctos check FILE` asks; `ctos grid FILE` trades it afterwards though the venue is gone."""
    path = ctos.home / "new.yaml"
    path.write_text(GRID.format(venue="hyperliquid", symbol="TEST"))
    with opened(ctos.home, "hyperliquid"):
        checked = ctos.run("check", path)
    ran = ctos.run(
        "grid", path, "--headless", "--json", "--feed", "sim:7", "--speed", "max", "--for", "1m"
    )

    assert checked.returncode == 0, checked.stderr
    assert "TEST-USDC-PERP" in checked.stdout
    assert "rules told by hyperliquid just now" in checked.stdout
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout.splitlines()[-1])["event"] == "summary"
