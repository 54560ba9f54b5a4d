"""Answers of loopback venues, read back by the venues' own parsers, without sockets between."""

import pytest

from core.adapters.exchanges.backpack import instruments as backpack_instruments
from core.adapters.exchanges.backpack import parse as backpack
from core.adapters.exchanges.binance import instruments as binance_instruments
from core.adapters.exchanges.binance import parse as binance
from core.adapters.exchanges.decoding import Reading, decode
from core.adapters.exchanges.edgex import instruments as edgex_instruments
from core.adapters.exchanges.edgex import parse as edgex
from core.adapters.exchanges.hyperliquid import instruments as hyperliquid_instruments
from core.adapters.exchanges.hyperliquid import parse as hyperliquid
from core.adapters.exchanges.lighter import instruments as lighter_instruments
from core.adapters.exchanges.lighter import parse as lighter
from core.adapters.exchanges.models import FillData, OrderData, OrderSide, PositionData, plain
from core.testing.venue import PERP
from core.testing.venues.backpack.venue import BackpackVenue
from core.testing.venues.binance.venue import BinanceVenue
from core.testing.venues.edgex.venue import EdgexVenue
from core.testing.venues.faults import Call
from core.testing.venues.hyperliquid.venue import HyperliquidVenue
from core.testing.venues.lighter.venue import LighterVenue
from core.testing.venues.socket import ENCODER

BTC = {"symbol": "TESTUSDC"}
PERPETUAL = {"symbol": "TEST_USDC_PERP"}
MARKET = {"market_id": "0"}
CONTRACT = {"contractId": "30000101"}
SPAN = {"start_timestamp": "0", "end_timestamp": "9999999999999"}


def each(parse):
    """Reads a list row by row."""
    return lambda raw, reading: [item for row in raw for item in _several(parse(row, reading))]


def klines(raw, reading):
    """One minute's."""
    return binance.parse_klines(raw, reading, "1m")


def history(raw, reading):
    """Settled ones."""
    return edgex.parse_funding(raw, reading, settled_only=True)


ANSWERS = [
    (BinanceVenue, "/fapi/v1/exchangeInfo", {}, binance_instruments.parse_exchange_info),
    (BinanceVenue, "/fapi/v1/depth", BTC, binance.parse_depth),
    (BinanceVenue, "/fapi/v1/trades", BTC, binance.parse_trades),
    (BinanceVenue, "/fapi/v1/aggTrades", BTC, binance.parse_agg_trades),
    (BinanceVenue, "/fapi/v1/klines", {**BTC, "interval": "1m"}, klines),
    (BinanceVenue, "/fapi/v1/ticker/24hr", BTC, binance.parse_ticker_rest),
    (BinanceVenue, "/fapi/v1/ticker/bookTicker", BTC, binance.parse_book_ticker),
    (BinanceVenue, "/fapi/v1/premiumIndex", BTC, binance.parse_premium_index),
    (BinanceVenue, "/fapi/v1/fundingRate", BTC, binance.parse_funding_rates),
    (BinanceVenue, "/fapi/v1/openOrders", {}, binance.parse_orders),
    (BinanceVenue, "/fapi/v1/allOrders", BTC, binance.parse_orders),
    (BinanceVenue, "/fapi/v1/userTrades", BTC, binance.parse_fills),
    (BinanceVenue, "/fapi/v2/positionRisk", {}, binance.parse_positions),
    (BinanceVenue, "/fapi/v3/positionRisk", {}, binance.parse_positions),
    (BinanceVenue, "/fapi/v3/balance", {}, binance.parse_balances),
    (HyperliquidVenue, "meta", {}, hyperliquid_instruments.parse_meta),
    (HyperliquidVenue, "spotMeta", {}, hyperliquid_instruments.parse_spot_meta),
    (HyperliquidVenue, "metaAndAssetCtxs", {}, hyperliquid.parse_meta_and_ctxs),
    (HyperliquidVenue, "l2Book", {"coin": "TEST"}, hyperliquid.parse_book),
    (HyperliquidVenue, "recentTrades", {"coin": "TEST"}, hyperliquid.parse_trades),
    (
        HyperliquidVenue,
        "candleSnapshot",
        {"req": {"coin": "TEST", "interval": "1m", "startTime": 0}},
        hyperliquid.parse_candles,
    ),
    (
        HyperliquidVenue,
        "fundingHistory",
        {"coin": "TEST", "startTime": 0},
        hyperliquid.parse_funding_history,
    ),
    (HyperliquidVenue, "openOrders", {}, hyperliquid.parse_open_orders),
    (HyperliquidVenue, "frontendOpenOrders", {}, hyperliquid.parse_open_orders),
    (HyperliquidVenue, "historicalOrders", {}, hyperliquid.parse_order_updates),
    (HyperliquidVenue, "userFills", {}, hyperliquid.parse_fills),
    (HyperliquidVenue, "userFillsByTime", {"startTime": 0}, hyperliquid.parse_fills),
    (HyperliquidVenue, "clearinghouseState", {}, hyperliquid.parse_account),
    (HyperliquidVenue, "userFunding", {"startTime": 0}, hyperliquid.parse_user_funding),
    (BackpackVenue, "/api/v1/markets", {}, backpack_instruments.parse_markets),
    (BackpackVenue, "/api/v1/depth", PERPETUAL, backpack.parse_depth),
    (BackpackVenue, "/api/v1/trades", PERPETUAL, backpack.parse_trades),
    (BackpackVenue, "/api/v1/tickers", {}, each(backpack.parse_ticker)),
    (BackpackVenue, "/api/v1/klines", {**PERPETUAL, "interval": "1m"}, backpack.parse_klines),
    (BackpackVenue, "/api/v1/markPrices", PERPETUAL, each(backpack.parse_mark)),
    (BackpackVenue, "/api/v1/fundingRates", PERPETUAL, backpack.parse_funding_rates),
    (BackpackVenue, "/api/v1/orders", {}, backpack.parse_orders),
    (BackpackVenue, "/wapi/v1/history/orders", {}, backpack.parse_orders),
    (BackpackVenue, "/wapi/v1/history/fills", {}, backpack.parse_fills),
    (BackpackVenue, "/wapi/v1/history/funding", {}, backpack.parse_funding_rates),
    (BackpackVenue, "/api/v1/position", {}, backpack.parse_positions),
    (BackpackVenue, "/api/v1/capital", {}, backpack.parse_balances),
    (BackpackVenue, "/api/v1/capital/collateral", {}, backpack.parse_collateral),
    (EdgexVenue, "/api/v2/public/meta/getMetaData", {}, edgex_instruments.parse_listings),
    (EdgexVenue, "/api/v2/public/quote/getDepth", CONTRACT, edgex.parse_depth),
    (EdgexVenue, "/api/v2/public/quote/getTicker", CONTRACT, edgex.parse_tickers),
    (
        EdgexVenue,
        "/api/v2/public/quote/getKline",
        {**CONTRACT, "klineType": "MINUTE_1"},
        edgex.parse_klines,
    ),
    (
        EdgexVenue,
        "/api/v2/public/funding/getLatestFundingRate",
        CONTRACT,
        edgex.parse_funding,
    ),
    (EdgexVenue, "/api/v2/public/funding/getFundingRatePage", CONTRACT, history),
    (EdgexVenue, "/api/v2/private/order/getActiveOrderPage", {}, edgex.parse_orders),
    (EdgexVenue, "/api/v2/private/order/getHistoryOrderPage", {}, edgex.parse_orders),
    (
        EdgexVenue,
        "/api/v2/private/order/getHistoryOrderFillTransactionPage",
        {},
        edgex.parse_fills,
    ),
    (EdgexVenue, "/api/v2/private/account/getAccountAsset", {}, edgex.parse_account_asset),
    (LighterVenue, "/api/v1/orderBookDetails", {}, lighter_instruments.parse_markets),
    (LighterVenue, "/api/v1/orderBooks", {}, lighter_instruments.parse_markets),
    (LighterVenue, "/api/v1/orderBookOrders", MARKET, lighter.parse_book_orders),
    (LighterVenue, "/api/v1/recentTrades", MARKET, lighter.parse_trades),
    (
        LighterVenue,
        "/api/v1/candles",
        {**MARKET, **SPAN, "resolution": "1m"},
        lighter.parse_candles,
    ),
    (LighterVenue, "/api/v1/fundings", MARKET, lighter.parse_fundings),
    (LighterVenue, "/api/v1/funding-rates", {}, lighter.parse_funding_rates),
    (LighterVenue, "/api/v1/accountActiveOrders", {}, lighter.parse_orders),
    (LighterVenue, "/api/v1/accountInactiveOrders", {}, lighter.parse_orders),
    (LighterVenue, "/api/v1/trades", {}, lighter.parse_fills),
    (LighterVenue, "/api/v1/account", {}, lighter.parse_account),
]
LISTED = {
    BinanceVenue: ("TESTUSDC", "/fapi/v1/exchangeInfo", binance_instruments.parse_exchange_info),
    HyperliquidVenue: ("TEST", "meta", hyperliquid_instruments.parse_meta),
    BackpackVenue: ("TEST_USDC_PERP", "/api/v1/markets", backpack_instruments.parse_markets),
    EdgexVenue: (
        "30000101",
        "/api/v2/public/meta/getMetaData",
        edgex_instruments.parse_listings,
    ),
    LighterVenue: ("0", "/api/v1/orderBookDetails", lighter_instruments.parse_markets),
}
"""Venue -> the perpetual's name there, and where its rules stand."""


def _several(found):
    return found if isinstance(found, tuple) else (found,)


def answered(venue, path, params):
    """The body of an answer, as it goes over the wire, without the signature's check."""
    if isinstance(venue, HyperliquidVenue):
        asked = {"type": path, "user": venue.key.address, **params}
        body = venue.info.answer(Call(name=path, method="POST", path="/info"), asked)
    else:
        call = Call(name=path, method="GET", path=path, params=params)
        body = venue.rest._routes["GET", path].respond(call, params)
        if isinstance(venue, EdgexVenue):
            body = venue.rest._envelope(venue.now_ms(), "SUCCESS", body, None)
    return decode(ENCODER.encode(body), venue=venue.name)


def reading_of(venue):
    """What the parsers may know: the perpetual's listing, read from the venue itself."""
    key, path, parse = LISTED[type(venue)]
    bare = Reading(venue=venue.name)
    listings = {each.key: each for each in parse(answered(venue, path, {}), bare)}
    account = "1234" if isinstance(venue, LighterVenue) else ""
    now = venue.clock.now()
    return Reading(
        venue=venue.name, listings=listings, asked_for=key, account=account, received_at=now
    )


async def told(kind):
    """A venue on which something has happened; to be closed."""
    venue = kind()
    await venue.__aenter__()
    venue.place_foreign(PERP, OrderSide.BUY, "199", "1", "77")
    venue.fill("77", "0.4")
    venue.cancel_foreign("77")
    venue.place_foreign(PERP, OrderSide.SELL, "199.9", "1")
    venue.place_foreign(PERP, OrderSide.BUY, "150", "1", "78")
    venue.settle_funding(PERP, "0.0001")
    return venue


@pytest.mark.parametrize(
    "kind, path, params, parse", ANSWERS, ids=[f"{kind.name} {path}" for kind, path, *_ in ANSWERS]
)
async def test_every_answer_is_read_and_has_no_field_that_nobody_knows(kind, path, params, parse):
    """The parsers find what they need, and nothing that they have never heard of."""
    venue = await told(kind)
    reading = reading_of(venue)
    found = parse(answered(venue, path, params), reading)
    await venue.__aexit__(None, None, None)

    assert found
    assert reading.unknown == {}


PRIVATE = {
    BinanceVenue: ("/fapi/v1/allOrders", "/fapi/v1/userTrades", "/fapi/v3/positionRisk"),
    HyperliquidVenue: ("historicalOrders", "userFills", "clearinghouseState"),
    BackpackVenue: ("/wapi/v1/history/orders", "/wapi/v1/history/fills", "/api/v1/position"),
    EdgexVenue: (
        "/api/v2/private/order/getHistoryOrderPage",
        "/api/v2/private/order/getHistoryOrderFillTransactionPage",
        "/api/v2/private/account/getAccountAsset",
    ),
    LighterVenue: ("/api/v1/accountInactiveOrders", "/api/v1/trades", "/api/v1/account"),
}
"""Venue -> where its orders, executions and positions stand."""
PARSERS = {(kind, path): parse for kind, path, _, parse in ANSWERS}


@pytest.mark.parametrize("kind", list(PRIVATE))
async def test_rest_tells_the_account_as_it_is(kind):
    """The order's end, both executions, and the position that they left."""
    venue = await told(kind)
    reading, params = reading_of(venue), BTC if kind is BinanceVenue else {}
    items = [
        item
        for path in PRIVATE[kind]
        for item in PARSERS[kind, path](answered(venue, path, params), reading)
    ]
    await venue.__aexit__(None, None, None)

    (order,) = [
        each for each in items if isinstance(each, OrderData) and each.client_order_id == "77"
    ]
    fills = sorted(
        (each.side.value, plain(each.price), plain(each.amount), plain(each.fee))
        for each in items
        if isinstance(each, FillData)
    )
    (position,) = [each for each in items if isinstance(each, PositionData)]
    assert (order.status.value, plain(order.filled)) == ("canceled", "0.4")
    assert fills == [("buy", "199", "0.4", "0.01592"), ("sell", "199.9", "1", "0.09995")]
    assert (plain(position.size), plain(position.entry_price)) == ("-0.6", "199.9")
