"""What a message from a venue costs, and an order to it, beside ccxt.pro in the same run.

    python test/bench/streams.py [--messages N] [--only PART,PART] [--out FILE]

Parts: ticker, trade, depth, l2 (floods), order, sign.

A server in a process of its own floods one connection; each client is a fresh process that takes
everything in through what its users call: `subscribe_*` here, `watch_*` there. What is told is the
processor time of the client for each message that was sent, and how many trades reached the user.
Ours builds the data that a bot gets (Decimals, checked); newest states of one read replace each
other, as ccxt's do, and every trade is handed over.

    order    the client's processor time, without the kernel's (which is the same for both), for one
             order with its answer, over kept-alive sockets and over HTTP
    sign     one Hyperliquid order action
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

STACKS: Final = ("ctos", "ccxt")
FLOODS: Final = ("ticker", "trade", "depth", "l2")
PARTS: Final = (*FLOODS, "order", "sign")
MESSAGES: Final = {"ticker": 60_000, "trade": 60_000, "depth": 20_000, "l2": 20_000}
GOALS: Final = {
    "ticker": 1 / 20,
    "trade": 1 / 20,
    "depth": 1 / 6,
    "l2": 1 / 12,
    "order ws": 1 / 5,
    "order rest": 1 / 7,
    "order hyperliquid": 1 / 30,
    "sign": 1 / 60,
}
"""Ours as a part of ccxt's, at most."""
ROUNDS: Final = 3
END: Final = 77_777
"""A price that only the last message carries."""
_BATCH: Final = 64


def main() -> None:
    """Measures, and prints a table; `--role` is for its own processes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--messages", type=int)
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--out", type=Path)
    parser.add_argument("--role", nargs="*")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    if options.role:
        play(*options.role)
        return
    found: dict[str, dict[str, float]] = {}
    for part in options.only.split(","):
        if part in FLOODS:
            found[part] = flood_ratio(part, options.messages or MESSAGES[part])
        elif part == "order":
            found |= orders()
        else:
            found["sign"] = signing()
    show(found)
    if options.out is not None:
        options.out.write_text(json.dumps(found, indent=2), encoding="utf-8")


def play(role: str, *arguments: str) -> None:
    """One process of a flood."""
    if role == "serve":
        asyncio.run(serve(arguments[0], int(arguments[1])))
    elif role == "trade":
        asyncio.run(trade(arguments[0]))
    elif role == "orders":
        print(asyncio.run(send_orders(arguments[0], arguments[1], int(arguments[2]))))
    elif role == "ctos":
        print(json.dumps(asyncio.run(hear(arguments[0], int(arguments[1]), int(arguments[2])))))
    elif role == "ccxt":
        print(json.dumps(asyncio.run(watch(arguments[0], int(arguments[1]), int(arguments[2])))))


def show(found: dict[str, dict[str, float]]) -> None:
    """The table."""
    print(f"{'':20}{'ctos':>10}{'ccxt.pro':>10}{'ratio':>9}{'goal':>8}   delivered")
    for name, row in found.items():
        ratio = row["ctos"] / row["ccxt"]
        delivered = ""
        if "ctos delivered" in row:
            delivered = f"{row['ctos delivered']:.1%} | {row['ccxt delivered']:.1%}"
        print(
            f"{name:20}{row['ctos']:>8.2f} µs{row['ccxt']:>8.2f} µs"
            f"{f'1/{1 / ratio:.1f}':>8}{f'1/{1 / GOALS[name]:.0f}':>8}   {delivered}"
        )


# -- floods ---------------------------------------------------------------------------------------


def flood_ratio(kind: str, count: int) -> dict[str, float]:
    """Both stacks in turn, several rounds; the median of each."""
    costs: dict[str, list[float]] = {stack: [] for stack in STACKS}
    told: dict[str, float] = {}
    for _ in range(ROUNDS):
        for stack in STACKS:
            answer = flood(kind, stack, count)
            costs[stack].append(answer["us"])
            told[stack] = answer["delivered"]
    row = {stack: statistics.median(costs[stack]) for stack in STACKS}
    if kind == "trade":
        row |= {f"{stack} delivered": told[stack] for stack in STACKS}
    return row


def flood(kind: str, stack: str, count: int) -> dict[str, float]:
    """One server, one client."""
    me = [sys.executable, str(Path(__file__).resolve()), "--role"]
    with subprocess.Popen([*me, "serve", kind, str(count)], stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        port = server.stdout.readline().decode().strip()
        client = subprocess.run(
            [*me, stack, kind, str(count), port], capture_output=True, check=False
        )
        server.kill()
    if client.returncode:
        raise RuntimeError(client.stderr.decode()[-2_000:])
    answer: dict[str, float] = json.loads(client.stdout)
    return answer


def test_instrument(kind: str) -> Any:
    """BTC at a price around 50,000."""
    from core.testing.venue import instrument

    rules: dict[str, object] = {"base": "BTC", "min_notional": "10", "max_leverage": "20"}
    if kind == "l2":
        rules |= {"venue": "hyperliquid", "venue_symbol": "BTC", "tick_size": "1"}
        return instrument("BTC-USDC-PERP", lot_size="0.00001", **rules)
    rules |= {"venue": "binance", "quote": "USDT", "settle": "USDT", "tick_size": "0.1"}
    return instrument("BTC-USDT-PERP", lot_size="0.001", venue_symbol="BTCUSDT", **rules)


def open_venue(kind: str) -> Any:
    """The loopback server of a flood's venue."""
    from core.testing.venues.binance.venue import BinanceVenue
    from core.testing.venues.hyperliquid.venue import HyperliquidVenue

    venue = HyperliquidVenue if kind == "l2" else BinanceVenue
    return venue(instruments=[test_instrument(kind)], first_price="50000")


async def serve(kind: str, count: int) -> None:
    """Opens the venue, waits for a subscriber, and sends everything as fast as it is taken."""
    topics = {
        "ticker": "btcusdt@bookTicker",
        "trade": "btcusdt@aggTrade",
        "depth": "btcusdt@depth",
        "l2": "l2Book:BTC",
    }
    async with open_venue(kind) as venue:
        print(venue.port, flush=True)

        def subscriber() -> Any:
            wanted = topics[kind]
            return next(
                (s for s in venue.sockets if any(t.startswith(wanted) for t in s.topics)), None
            )

        await venue.until(subscriber, 60.0)
        await asyncio.sleep(1.0)  # so that snapshots are taken
        venue.trade("50000.5")
        await asyncio.sleep(0.3)
        frames = frames_of(kind, count, venue)
        transport = subscriber()._request.transport  # below what the venue offers
        for start in range(0, len(frames), _BATCH):
            transport.write(b"".join(frames[start : start + _BATCH]))
            while transport.get_write_buffer_size() > 1 << 18:  # noqa: ASYNC110 # the buffer tells nobody
                await asyncio.sleep(0)
        await asyncio.sleep(60)


def frame(payload: bytes) -> bytes:
    """A text frame of a server."""
    size = len(payload)
    head = b"\x81" + (bytes([size]) if size < 126 else b"\x7e" + size.to_bytes(2, "big"))
    return head + payload


def frames_of(kind: str, count: int, venue: Any) -> list[bytes]:
    """The messages of a flood; the last one carries the price that ends it."""
    now_ms = venue.now_ms()
    if kind == "l2":
        return [frame(_l2(i, now_ms, is_last=i == count - 1)) for i in range(count)]
    if kind == "ticker":
        return [frame(_ticker(i, now_ms, is_last=i == count - 1)) for i in range(count)]
    tape = venue.tapes["BTC-USDT-PERP"]
    if kind == "trade":
        first = int(venue.floor.trades("BTC-USDT-PERP")[-1].trade_id) + 1
        return [frame(_trade(i, first, now_ms, is_last=i == count - 1)) for i in range(count)]
    return [frame(_depth(i, tape.last, now_ms, is_last=i == count - 1)) for i in range(count)]


def _ticker(i: int, now_ms: int, *, is_last: bool) -> bytes:
    bid = END if is_last else 50_000 + i % 900 / 10
    return (
        b'{"e":"bookTicker","u":%d,"s":"BTCUSDT","b":"%.2f","B":"31.210","a":"%.2f","A":"40.660",'
        b'"T":%d,"E":%d}' % (9_000_000 + i, bid, bid + 0.1, now_ms, now_ms)
    )


def _trade(i: int, first: int, now_ms: int, *, is_last: bool) -> bytes:
    price = END if is_last else 50_000 + i % 900 / 10
    return (
        b'{"e":"aggTrade","E":%d,"s":"BTCUSDT","a":%d,"p":"%.2f","q":"0.125","f":%d,"l":%d,'
        b'"T":%d,"m":%s}'
        % (now_ms, first + i, price, first + i, first + i, now_ms, b"true" if i % 2 else b"false")
    )


def _depth(i: int, known: int, now_ms: int, *, is_last: bool) -> bytes:
    first = known + 1 + i
    if is_last:
        bids, asks = b'["%d.00","1.000"]' % END, b'["%d.10","1.000"]' % END
        # every other ask below would cross: they are taken out
        asks += b"".join(b',["%.2f","0"]' % (50_000.5 + n / 10) for n in range(200))
    else:
        bids = b",".join(
            b'["%.2f","%.3f"]' % (49_999.9 - n * 0.3 - i % 3 / 10, (i * 7 + n) % 50 / 10)
            for n in range(20)
        )
        asks = b",".join(
            b'["%.2f","%.3f"]' % (50_002.1 + n * 0.3 + i % 3 / 10, (i * 3 + n) % 50 / 10)
            for n in range(20)
        )
    return (
        b'{"e":"depthUpdate","E":%d,"T":%d,"s":"BTCUSDT","U":%d,"u":%d,"pu":%d,"b":[%b],"a":[%b]}'
        % (now_ms, now_ms, first, first, first - 1, bids, asks)
    )


def _l2(i: int, now_ms: int, *, is_last: bool) -> bytes:
    bid = END if is_last else 50_000 + i % 90
    bids = b",".join(b'{"px":"%d.0","sz":"%.5f","n":3}' % (bid - n, 0.5 + n) for n in range(20))
    asks = b",".join(b'{"px":"%d.0","sz":"%.5f","n":3}' % (bid + 1 + n, 0.5 + n) for n in range(20))
    return b'{"channel":"l2Book","data":{"coin":"BTC","time":%d,"levels":[[%b],[%b]]}}' % (
        now_ms + i // 1000,
        bids,
        asks,
    )


class Meter:
    """Processor time from the first message to the last."""

    def __init__(self) -> None:
        self.seen = 0
        self.began_s = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def begin(self) -> None:
        """From here on it counts."""
        self.began_s = time.process_time()

    def take(self, price: object, count: int = 1) -> None:
        """Something reached the user."""
        self.seen += count
        if price == END and not self.done.done():
            self.done.set_result(None)

    def answer(self, count: int) -> dict[str, float]:
        """What is told."""
        return {
            "us": (time.process_time() - self.began_s) / count * 1e6,
            "delivered": min(1.0, self.seen / count),
        }


async def hear(kind: str, count: int, port: int) -> dict[str, float]:
    """Our adapter."""
    exchange = adapter(kind, port)
    await exchange.connect()
    meter = Meter()
    symbol = "BTC-USDC-PERP" if kind == "l2" else "BTC-USDT-PERP"
    if kind == "trade":
        await exchange.subscribe_trades(symbol, lambda trade: meter.take(trade.price))
    elif kind == "ticker":
        await exchange.subscribe_ticker(symbol, lambda ticker: meter.take(ticker.bid))
    else:
        await exchange.subscribe_orderbook(
            symbol, lambda book: meter.take(book.bids[0].price if book.bids else None)
        )
    await asyncio.sleep(0.5)
    meter.seen = 0
    meter.begin()
    async with asyncio.timeout(120):
        await meter.done
    answer = meter.answer(count)
    await exchange.disconnect()
    return answer


def adapter(kind: str, port: int, credentials: Any = None) -> Any:
    """Our adapter, pointed at the loopback."""
    from core.adapters.exchanges.binance.adapter import BinanceExchange
    from core.adapters.exchanges.connection.limiter import Budgets
    from core.adapters.exchanges.connection.network import NetworkTransport
    from core.adapters.exchanges.connection.socket import Seams
    from core.adapters.exchanges.hyperliquid.adapter import HyperliquidExchange
    from core.adapters.exchanges.native.exchange import Doors
    from core.adapters.exchanges.settings import VenueSettings
    from core.infrastructure.clock import WallClock
    from core.infrastructure.rng import SeededRng

    clock = WallClock()
    rest, socket = f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}"
    if kind == "l2":
        urls = {"rest": rest, "public": f"{socket}/ws", "private": f"{socket}/ws"}
    else:
        urls = {
            "rest": rest,
            "account": rest,
            "public": f"{socket}/public/ws",
            "market": f"{socket}/market/ws",
            "private": f"{socket}/private/ws",
            "orders": f"{socket}/ws-fapi/v1",
        }
    doors = Doors(
        seams=Seams(transport=NetworkTransport(clock), clock=clock, rng=SeededRng(7)),
        budgets=Budgets(clock),
        settings=VenueSettings(urls=urls),
        credentials=credentials,
    )
    return HyperliquidExchange(doors) if kind == "l2" else BinanceExchange(doors, markets={"usdm"})


async def watch(kind: str, count: int, port: int) -> dict[str, float]:
    """ccxt.pro."""
    exchange = await ccxt_client(kind, port)
    await exchange.load_markets()
    symbol = "BTC/USDC:USDC" if kind == "l2" else "BTC/USDT:USDT"
    meter = Meter()
    calls: dict[str, Callable[[], Any]] = {
        "ticker": lambda: exchange.watch_bids_asks([symbol]),
        "trade": lambda: exchange.watch_trades(symbol),
        "depth": lambda: exchange.watch_order_book(symbol),
        "l2": lambda: exchange.watch_order_book(symbol),
    }
    is_begun = False
    async with asyncio.timeout(300):
        while not meter.done.done():
            told = await calls[kind]()
            if not is_begun:
                is_begun = True
                meter.begin()
                meter.seen = 0
            if kind == "trade":
                for trade in told:
                    meter.take(trade["price"])
            elif kind == "ticker":
                meter.take(told[symbol]["bid"])
            else:
                meter.take(told["bids"][0][0] if told["bids"] else None)
    answer = meter.answer(count)
    await exchange.close()
    return answer


async def ccxt_client(kind: str, port: int, **settings: object) -> Any:
    """ccxt.pro, pointed at the loopback."""
    import ccxt.pro

    from core.testing.venues.clients import _repointed

    made = ccxt.pro.hyperliquid if kind == "l2" else ccxt.pro.binanceusdm
    exchange = made({"enableRateLimit": False, "newUpdates": True, **settings})
    for name in ("watchTrades", "watchTradesForSymbols"):
        exchange.options[name] = {**exchange.options.get(name, {}), "name": "aggTrade"}
    kinds = ["swap"] if kind == "l2" else ["linear"]
    exchange.options["fetchMarkets"] = {**exchange.options["fetchMarkets"], "types": kinds}
    exchange.options["fetchCurrencies"] = False
    exchange.urls["api"] = _repointed(exchange, exchange.urls["api"], port)
    return exchange


# -- orders ---------------------------------------------------------------------------------------

ORDERS: Final = {"order ws": "ticker", "order rest": "ticker", "order hyperliquid": "l2"}
"""Row of the table -> kind of venue."""
_TRIES: Final = 300


def orders() -> dict[str, dict[str, float]]:
    """Both stacks send the same orders one after the other, each to a server of its own."""
    found: dict[str, dict[str, float]] = {}
    for name in ORDERS:
        costs: dict[str, list[float]] = {stack: [] for stack in STACKS}
        for _ in range(ROUNDS):
            for stack in STACKS:
                costs[stack].append(order_cost(name, stack))
        found[name] = {stack: statistics.median(costs[stack]) for stack in STACKS}
    return found


def order_cost(name: str, stack: str) -> float:
    """Processor time of the client outside the kernel, an order with its answer, microseconds."""
    me = [sys.executable, str(Path(__file__).resolve()), "--role"]
    with subprocess.Popen([*me, "trade", ORDERS[name]], stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        port = server.stdout.readline().decode().strip()
        client = subprocess.run(
            [*me, "orders", stack, name, port], capture_output=True, check=False, timeout=120
        )
        server.kill()
    if client.returncode:
        raise RuntimeError(client.stderr.decode()[-2_000:])
    return float(client.stdout)


async def trade(kind: str) -> None:
    """A venue that takes orders, without limits of its own."""
    async with open_venue(kind) as venue:
        weights = venue.weights if kind == "l2" else venue.rest.weights
        weights.limit = 1 << 30
        print(venue.port, flush=True)
        await asyncio.sleep(600)


async def send_orders(stack: str, name: str, port: int) -> float:
    """Microseconds of this process for each order."""
    send, close = await (_ours if stack == "ctos" else _theirs)(name, port)
    for i in range(20):
        await send(39_000 + i)
    before_s = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    for i in range(_TRIES):
        await send(40_000 + i)
    spent_s = resource.getrusage(resource.RUSAGE_SELF).ru_utime - before_s
    cost_us = spent_s / _TRIES * 1e6
    await close()
    return cost_us


async def _ours(name: str, port: int) -> tuple[Any, Any]:
    from core.adapters.exchanges.connection.limiter import RateBudget
    from core.adapters.exchanges.credentials import Credentials, Secret
    from core.adapters.exchanges.models import OrderOptions, OrderSide, OrderType

    kind = ORDERS[name]
    same = open_venue(kind)  # the same seed makes the same keys
    if kind == "l2":
        wallets = same.wallets
        secret, account = Secret(wallets.agent.secret), wallets.main.address
        keys = Credentials(venue="hyperliquid", account=account, secret=secret)
    else:
        keys = Credentials(venue="binance", key=same.key.api_key, secret=Secret(same.key.secret))
    exchange = adapter(kind, port, keys)
    RateBudget.wait_s = lambda *_arguments, **_named: 0.0  # type: ignore[method-assign] # no pace
    await exchange.connect()
    assert await exchange.authenticate(), exchange.get_status()
    symbol = "BTC-USDC-PERP" if kind == "l2" else "BTC-USDT-PERP"
    if kind != "l2":  # the peer does not listen to the account either
        await exchange._boards["usdm"].private.stop()
    if name == "order rest":
        await exchange._boards["usdm"].orders.stop()  # so that HTTP is taken

    async def send(price: int) -> None:
        await exchange.create_order(
            symbol,
            OrderSide.BUY,
            OrderType.LIMIT,
            Decimal("0.01"),
            Decimal(price),
            OrderOptions(client_order_id=f"bench{price}"),
        )

    return send, exchange.disconnect


async def _theirs(name: str, port: int) -> tuple[Any, Any]:
    kind = ORDERS[name]
    same = open_venue(kind)
    if kind == "l2":
        wallets = same.wallets
        exchange = await ccxt_client(
            kind, port, walletAddress=wallets.main.address, privateKey=wallets.agent.secret
        )

        async def nothing(*_arguments: object, **_named: object) -> bool:
            return True

        exchange.handle_builder_fee_approval = exchange.set_ref = nothing
    else:
        exchange = await ccxt_client(kind, port, apiKey=same.key.api_key, secret=same.key.secret)
    await exchange.load_markets()
    symbol = "BTC/USDC:USDC" if kind == "l2" else "BTC/USDT:USDT"
    create = exchange.create_order if name == "order rest" else exchange.create_order_ws

    async def send(price: int) -> None:
        await create(symbol, "limit", "buy", 0.01, price)

    return send, exchange.close


# -- signing --------------------------------------------------------------------------------------


def signing() -> dict[str, float]:
    """One Hyperliquid order, signed."""
    import ccxt

    from core.adapters.exchanges.ethereum import private_key
    from core.adapters.exchanges.hyperliquid.sign import order_action, order_wire, sign_action
    from core.adapters.exchanges.models import OrderOptions, OrderSide

    secret = "0x" + "17" * 32
    wire = order_wire(0, OrderSide.BUY, Decimal(50_000), Decimal("0.01"), OrderOptions())
    action, key = order_action([wire]), private_key(secret)
    theirs = ccxt.hyperliquid({"privateKey": secret})

    def ours(nonce: int) -> None:
        sign_action(action, nonce, key, is_mainnet=True)

    def peer(nonce: int) -> None:
        theirs.sign_l1_action(action, nonce)

    return {"ctos": _each(ours, 2_000), "ccxt": _each(peer, 60)}


def _each(work: Callable[[int], None], times: int) -> float:
    work(1_700_000_000_000)
    before_s = time.process_time()
    for i in range(times):
        work(1_700_000_000_001 + i)
    return (time.process_time() - before_s) / times * 1e6


if __name__ == "__main__":
    main()
