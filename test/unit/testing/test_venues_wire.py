"""Everything that loopback venues push, read back by the venues' own parsers."""

import pytest
from aiohttp import ClientSession

from core.adapters.exchanges.backpack import sign as backpack_sign
from core.adapters.exchanges.ed25519 import key_from_seed
from core.adapters.exchanges.edgex import sign as edgex_sign
from core.adapters.exchanges.models import (
    FillData,
    FundingRateData,
    OHLCVData,
    OrderBookData,
    OrderData,
    OrderSide,
    PositionData,
    TickerData,
    TradeData,
    plain,
)
from core.adapters.exchanges.transcript import Transcript
from core.testing.venue import PERP
from core.testing.venues.backpack.venue import BackpackVenue
from core.testing.venues.binance.venue import BinanceVenue
from core.testing.venues.edgex.venue import EdgexVenue
from core.testing.venues.hyperliquid.venue import HyperliquidVenue
from core.testing.venues.lighter.venue import LighterVenue
from core.testing.venues.socket import ENCODER

CLIENT_ID = "77"
CLOID = "0x" + "77" * 16


async def binance(venue, session):
    """Every market stream, and the user stream."""
    names = ("depth", "depth5", "bookTicker", "aggTrade", "trade", "markPrice", "ticker")
    topics = [f"testusdc@{name}" for name in (*names, "miniTicker", "kline_1m")]
    public = await session.ws_connect(f"{venue.socket_url}/stream?streams={'/'.join(topics)}")
    headers = {"X-MBX-APIKEY": venue.key.api_key}
    async with session.post(f"{venue.rest_url}/fapi/v1/listenKey", headers=headers) as answer:
        token = (await answer.json())["listenKey"]
    return [public, await session.ws_connect(f"{venue.private_url}?listenKey={token}")], 10


async def hyperliquid(venue, session):
    """Every subscription on one socket."""
    socket = await session.ws_connect(venue.public_url)
    coin, user = {"coin": "TEST"}, {"user": venue.key.address}
    wanted = [{"type": name, **coin} for name in ("l2Book", "bbo", "trades", "activeAssetCtx")]
    wanted.append({"type": "candle", "interval": "1m", **coin})
    wanted += [{"type": name, **user} for name in ("userFills", "orderUpdates", "userEvents")]
    for subscription in wanted:
        await socket.send_json({"method": "subscribe", "subscription": subscription})
    return [socket], len(wanted)


async def backpack(venue, session):
    """Every stream on one socket."""
    socket = await session.ws_connect(venue.public_url)
    names = ("depth", "bookTicker", "trade", "markPrice", "ticker", "kline.1m")
    topics = [f"{name}.TEST_USDC_PERP" for name in names]
    topics += ["account.orderUpdate", "account.positionUpdate"]
    signature = backpack_sign.subscription(
        api_key=venue.key.api_key,
        key=key_from_seed(venue.key.secret),
        timestamp_ms=venue.now_ms(),
    )
    await socket.send_json({"method": "SUBSCRIBE", "params": topics, "signature": signature})
    return [socket], len(topics)


async def edgex(venue, session):
    """Every channel, and the private socket."""
    public = await session.ws_connect(venue.public_url)
    names = ("depth.{}.15", "ticker.{}", "trades.{}", "kline.LAST_PRICE.{}.MINUTE_1")
    for name in (*names, "fundingRate.{}"):
        channel = name.format("30000101")
        await public.send_json({"type": "subscribe", "channel": channel})
    stamp = venue.now_ms()
    query = {"accountId": str(venue.key.account_id), "timestamp": str(stamp)}
    headers = edgex_sign.headers(
        api_key=venue.key.api_key,
        passphrase=venue.key.passphrase,
        secret=venue.key.secret,
        timestamp_ms=stamp,
        method="GET",
        path="/api/v1/private/ws",
        params=query,
    )
    private = await session.ws_connect(venue.private_url, params=query, headers=headers)
    return [public, private], 6


async def lighter(venue, session):
    """Every channel on one socket."""
    socket = await session.ws_connect(venue.public_url)
    channels = [f"{name}/0" for name in ("order_book", "ticker", "trade", "market_stats")]
    channels.append("candle/0/1m")
    names = ("account_all_orders", "account_all_trades", "account_all_positions", "user_stats")
    channels += [f"{name}/1234" for name in (*names, "account_all_assets")]
    token = venue.signer.token(venue.now_ms() // 1000 + 600)
    for channel in channels:
        await socket.send_json({"type": "subscribe", "channel": channel, "auth": token})
    return [socket], len(channels)


VENUES = [
    (BinanceVenue, binance, CLIENT_ID),
    (HyperliquidVenue, hyperliquid, CLOID),
    (BackpackVenue, backpack, CLIENT_ID),
    (EdgexVenue, edgex, CLIENT_ID),
    (LighterVenue, lighter, CLIENT_ID),
]


def lines(venue):
    """What was pushed to every socket, as a recording."""
    for socket in venue.sockets:
        for payload in socket.sent:
            if not isinstance(payload, str):
                yield ENCODER.encode({"recv_ns": venue.clock.now_ns(), "msg": payload})


async def told(kind, subscribe, client_id):
    """(entries, transcript, fills, position, book) of a story on a venue."""
    async with kind() as venue, ClientSession() as session:
        sockets, count = await subscribe(venue, session)
        await venue.until(lambda: sum(len(socket.topics) for socket in venue.sockets) >= count)
        venue.place_foreign(PERP, OrderSide.BUY, "199", "1", client_id)
        venue.fill(client_id, "0.4")
        venue.cancel_foreign(client_id)
        venue.place_foreign(PERP, OrderSide.SELL, "199.9", "1")
        venue.trade("198", "4", side=OrderSide.SELL)
        venue.trade("201")
        transcript = Transcript(venue=venue.name, channel="all")
        entries = list(transcript.read(lines(venue)))
        fills, position = venue.floor.fills(), venue.floor.position(PERP)
        book = venue.floor.book(PERP)
        for socket in sockets:
            await socket.close()
        return entries, transcript, fills, position, book


def of(entries, kind):
    """What was read of a kind, in order."""
    return [item for entry in entries for item in entry.items if isinstance(item, kind)]


@pytest.mark.parametrize("kind, subscribe, client_id", VENUES)
async def test_every_message_is_read_and_none_has_a_field_that_nobody_knows(
    kind, subscribe, client_id
):
    """Nothing is refused, nothing is of an unknown kind, no field is new to the parsers."""
    entries, transcript, *_ = await told(kind, subscribe, client_id)

    assert [entry.error for entry in entries if entry.error] == []
    assert transcript.unknown == {}
    assert "unknown kind" not in transcript.skipped
    for wanted in (TickerData, FundingRateData, TradeData, OHLCVData, OrderData, FillData):
        assert of(entries, wanted), wanted


@pytest.mark.parametrize("kind, subscribe, client_id", VENUES)
async def test_executions_are_told_as_matching_made_them(kind, subscribe, client_id):
    """Price, amount, fee, side, liquidity, and whose they are, to the last digit."""
    entries, _, fills, *_ = await told(kind, subscribe, client_id)
    seen = {fill.trade_id: fill for fill in of(entries, FillData)}

    assert [
        (fill.side, fill.price, fill.amount, plain(fill.fee), fill.liquidity)
        for fill in seen.values()
    ] == [(fill.side, fill.price, fill.amount, plain(fill.fee), fill.liquidity) for fill in fills]
    first, second = seen.values()
    assert first.client_order_id == client_id
    assert first.order_id != second.order_id


@pytest.mark.parametrize("kind, subscribe, client_id", VENUES)
async def test_an_orders_life_is_told_in_its_order(kind, subscribe, client_id):
    """Open, filled in part, cancelled: each with what had filled by then."""
    entries, *_ = await told(kind, subscribe, client_id)
    states = [
        (order.status.value, plain(order.filled))
        for order in of(entries, OrderData)
        if order.client_order_id == client_id
    ]

    assert states == [("open", "0"), ("partially_filled", "0.4"), ("canceled", "0.4")]


@pytest.mark.parametrize("kind, subscribe, client_id", VENUES)
async def test_prices_are_told_as_the_market_made_them(kind, subscribe, client_id):
    """Trades with the taker's side, the newest best prices, the newest candle."""
    entries, _, _, _, book = await told(kind, subscribe, client_id)
    trades = {(plain(each.price), each.side) for each in of(entries, TradeData)}
    quotes = [each for each in of(entries, TickerData) if each.bid is not None]
    candle = of(entries, OHLCVData)[-1]

    assert {("198", OrderSide.SELL), ("201", OrderSide.BUY)} <= trades
    assert (quotes[-1].bid, quotes[-1].ask) == (book.bids[0].price, book.asks[0].price)
    assert candle.close == 201


WITH_POSITIONS = [each for each in VENUES if each[0] is not HyperliquidVenue]


@pytest.mark.parametrize("kind, subscribe, client_id", WITH_POSITIONS)
async def test_positions_are_told_as_the_account_has_them(kind, subscribe, client_id):
    """Bought 0.4, sold 1: long 0.4, then short 0.6 from the price of the sale."""
    entries, _, _, position, _ = await told(kind, subscribe, client_id)
    sizes = [plain(each.size) for each in of(entries, PositionData)]

    assert sizes[-2:] == ["0.4", "-0.6"]
    assert plain(position.size) == "-0.6"
    assert of(entries, PositionData)[-1].entry_price == position.entry_price


WITH_WHOLE_BOOKS = [each for each in VENUES if each[0] not in {BackpackVenue, BinanceVenue}]


@pytest.mark.parametrize("kind, subscribe, client_id", WITH_WHOLE_BOOKS)
async def test_whole_books_are_told_best_first(kind, subscribe, client_id):
    """Hyperliquid tells every book whole, edgeX and Lighter the first one."""
    entries, *_ = await told(kind, subscribe, client_id)
    first = of(entries, OrderBookData)[0]

    assert [plain(level.price) for level in first.bids] == ["199.9", "199.8"]
    assert [plain(level.amount) for level in first.asks] == ["3", "5"]
