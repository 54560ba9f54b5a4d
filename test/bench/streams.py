"""What a message from a venue costs, beside ccxt.pro in the same run.

    python test/bench/streams.py [--messages N] [--only PART,PART] [--out FILE]

Parts: ticker, trade, depth, l2, and reconnect: until 50 subscriptions are live again.

A server in a process of its own floods one connection; each client is a fresh process that takes
everything in through what its users call: `subscribe_*` here, `watch_*` there. What is told is the
processor time of the client for each message that was sent, and how many trades reached the user.
Ours builds the data that a bot gets (Decimals, checked); newest states of one read replace each
other, as ccxt's do, and every trade is handed over. Of several rounds the best of each counts.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

STACKS: Final = ("ctos", "ccxt")
FLOODS: Final = ("ticker", "trade", "depth", "l2")
PARTS: Final = (*FLOODS, "reconnect")
RECONNECT_GOAL_S: Final = 2.0
MESSAGES: Final = {"ticker": 40_000, "trade": 40_000, "depth": 12_000, "l2": 12_000}
GOALS: Final = {
    "ticker": 1 / 20,
    "trade": 1 / 20,
    "depth": 1 / 6,
    "l2": 1 / 12,
}
"""Ours as a part of ccxt's, at most."""
ROUNDS: Final = 2
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
    parts = options.only.split(",")
    print(f"{'':20}{'ctos':>10}{'ccxt.pro':>10}{'ratio':>9}{'goal':>8}   delivered")
    for part in parts:
        if part in FLOODS:
            found[part] = flood_ratio(part, options.messages or MESSAGES[part])
            show({part: found[part]})
    tables = {f"{name}, us a message": with_goal(row, GOALS[name]) for name, row in found.items()}
    if "reconnect" in parts:
        took_s = asyncio.run(reconnect())
        tables["reconnect, 50 subscriptions"] = {"s": took_s, "goal, s": RECONNECT_GOAL_S}
        print(f"50 subscriptions live again in {took_s:.2f} s (goal {RECONNECT_GOAL_S:.0f} s)")
    if options.out is not None:
        options.out.write_text(json.dumps(tables, indent=2), encoding="utf-8")


def with_goal(row: dict[str, float], goal: float) -> dict[str, float]:
    """A row with its ratio and the goal."""
    return {**row, "ctos / ccxt": row["ctos"] / row["ccxt"], "goal": goal}


async def comes(is_so: Callable[[], bool]) -> None:
    """Waits until something is so."""
    while not is_so():  # noqa: ASYNC110 # what is asked tells nobody
        await asyncio.sleep(0.001)


async def reconnect() -> float:
    """Seconds from the loss of every socket until 50 topics are told of again."""
    from core.adapters.exchanges.credentials import Credentials, Secret
    from core.testing.venue import instrument
    from core.testing.venues.binance.venue import BinanceVenue

    markets = [
        instrument(f"C{i}-USDC-PERP", base=f"C{i}", venue="binance", venue_symbol=f"C{i}USDC")
        for i in range(25)
    ]
    async with BinanceVenue(instruments=markets) as venue:
        keys = Credentials(venue="binance", key=venue.key.api_key, secret=Secret(venue.key.secret))
        exchange = adapter("ticker", venue.port, keys)
        await exchange.connect()
        assert await exchange.authenticate(), exchange.get_status()
        heard: set[str] = set()
        for market in markets:  # best prices and marks: 50 topics
            await exchange.subscribe_ticker(market.symbol, lambda item: heard.add(item.symbol))
        best_s = float("inf")
        for _ in range(ROUNDS):
            await asyncio.sleep(0.2)
            heard.clear()
            began_s = time.perf_counter()
            venue.kill_sockets()
            await comes(lambda: not exchange.is_connected())
            await comes(lambda: exchange.is_connected() and exchange.is_authenticated())
            await comes(lambda: len(heard) == len(markets))
            best_s = min(best_s, time.perf_counter() - began_s)
        await exchange.disconnect()
    return best_s


def play(role: str, *arguments: str) -> None:
    """One process of a flood."""
    if role == "serve":
        asyncio.run(serve(arguments[0], int(arguments[1])))
    elif role == "ctos":
        print(json.dumps(asyncio.run(hear(arguments[0], int(arguments[1]), int(arguments[2])))))
    elif role == "ccxt":
        print(json.dumps(asyncio.run(watch(arguments[0], int(arguments[1]), int(arguments[2])))))


def show(found: dict[str, dict[str, float]]) -> None:
    """Rows of the table."""
    for name, row in found.items():
        ratio = row["ctos"] / row["ccxt"]
        delivered = ""
        if "ctos delivered" in row:
            delivered = f"{row['ctos delivered']:.1%} | {row['ccxt delivered']:.1%}"
        print(
            f"{name:20}{row['ctos']:>8.2f} µs{row['ccxt']:>8.2f} µs"
            f"{f'1/{1 / ratio:.1f}':>8}{f'1/{1 / GOALS[name]:.0f}':>8}   {delivered}",
            flush=True,
        )


# -- floods ---------------------------------------------------------------------------------------


def flood_ratio(kind: str, count: int) -> dict[str, float]:
    """Both stacks in turn, several rounds; the best of each."""
    costs: dict[str, list[float]] = {stack: [] for stack in STACKS}
    told: dict[str, float] = {}
    for _ in range(ROUNDS):
        for stack in STACKS:
            answer = flood(kind, stack, count)
            costs[stack].append(answer["us"])
            told[stack] = answer["delivered"]
    row = {stack: min(costs[stack]) for stack in STACKS}
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
        first = venue.numbers.newest("BTC-USDT-PERP") + 1
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
        self.ends = (float(END), Decimal(END))
        """The last price as each stack tells prices: comparing kinds of number would cost more."""

    def begin(self) -> None:
        """From here on it counts."""
        self.began_s = time.process_time()

    def trade(self, trade: Any) -> None:
        """A trade of ours reached the user."""
        self.seen += 1
        if trade.price == self.ends[1]:
            self.end()

    def row(self, price: float) -> None:
        """A price of ccxt's reached the user."""
        self.seen += 1
        if price == self.ends[0]:
            self.end()

    def price(self, price: Decimal | None) -> None:
        """A best price of ours reached the user."""
        self.seen += 1
        if price == self.ends[1]:
            self.end()

    def end(self) -> None:
        """It was the last message."""
        if not self.done.done():
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
        await exchange.subscribe_trades(symbol, meter.trade)
    elif kind == "ticker":
        await exchange.subscribe_ticker(symbol, lambda ticker: meter.price(ticker.bid))
    else:
        await exchange.subscribe_orderbook(
            symbol, lambda book: meter.price(book.bids[0].price if book.bids else None)
        )
    await asyncio.sleep(0.5)
    meter.seen = 0
    meter.begin()
    async with asyncio.timeout(120):
        await meter.done
    answer = meter.answer(count)
    await exchange.disconnect()
    return answer


def adapter(
    kind: str, port: int, credentials: Any = None, urls: Mapping[str, str] | None = None
) -> Any:
    """Our adapter, pointed at the loopback; some of its addresses may be others."""
    from core.adapters.exchanges.binance.adapter import BinanceExchange
    from core.adapters.exchanges.connection.limiter import Budgets, Limit, RateBudget
    from core.adapters.exchanges.connection.network import NetworkTransport
    from core.adapters.exchanges.connection.socket import Seams
    from core.adapters.exchanges.hyperliquid.adapter import HyperliquidExchange
    from core.adapters.exchanges.native.exchange import Doors
    from core.adapters.exchanges.settings import VenueSettings
    from core.infrastructure.clock import WallClock
    from core.infrastructure.rng import SeededRng

    class Generous(Budgets):
        """The same windows, a million times as wide."""

        def of(self, name: str, *limits: Limit) -> RateBudget:
            return super().of(name, *(Limit(each.weight * 10**6, each.window_s) for each in limits))

    clock = WallClock()
    rest, socket = f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}"
    if kind == "l2":
        known = {"rest": rest, "public": f"{socket}/ws", "private": f"{socket}/ws"}
    else:
        known = {
            "rest": rest,
            "account": rest,
            "public": f"{socket}/public/ws",
            "market": f"{socket}/market/ws",
            "private": f"{socket}/private/ws",
            "orders": f"{socket}/ws-fapi/v1",
        }
    doors = Doors(
        seams=Seams(transport=NetworkTransport(clock), clock=clock, rng=SeededRng(7)),
        budgets=Generous(clock),
        settings=VenueSettings(urls=known | dict(urls or {})),
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
                    meter.row(trade["price"])
            elif kind == "ticker":
                meter.row(told[symbol]["bid"])
            else:
                meter.row(told["bids"][0][0] if told["bids"] else 0.0)
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


if __name__ == "__main__":
    main()
