"""How long a message is on its way to whoever listens, beside ccxt.pro in the same run.

    python test/bench/latency.py [--only PART,PART] [--out FILE]

    trade steady, depth steady   a thousand messages a second
    trade burst, depth burst     fifty at once, twenty times a second
    300 symbols                  best prices of three hundred symbols on one connection, all of them
                                 every fiftieth of a second, and the next before long

A server in a process of its own notes when it gives each message to the kernel; each client is a
fresh process that notes when its user is told, through what users call: `subscribe_*` here,
`watch_*` there. Both read one clock of the machine. Every trade counts as itself; a state of a book
counts as told when it or a newer one is, and of a burst of books the last alone counts. Neither
client is kept awake. Of several rounds the best of each counts.

Of three hundred symbols is told as well how many rounds were not wholly heard when the next began:
that would be lag, and it would grow.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from streams import STACKS, adapter, ccxt_client, frame, open_venue  # noqa: E402 # path first

MARK: Final = 7_000_000
"""Number of the first message: what a venue tells by itself has smaller ones."""
MANY: Final = 300
ROUNDS: Final = 2
GOAL: Final = 1.0
"""Ours as a part of ccxt's, at most, at p50 and at p99."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How messages are sent."""

    kind: str
    """`trade`, `depth` or `many`."""
    together: int
    """Messages given to the kernel at once."""
    every_s: float
    times: int
    tells_last: bool = False
    """Whether of those that left together the last alone counts."""


PACES: Final = {
    "trade steady": Pace("trade", 1, 0.001, 1_500),
    "depth steady": Pace("depth", 1, 0.001, 1_500),
    "trade burst": Pace("trade", 50, 0.05, 40),
    "depth burst": Pace("depth", 50, 0.05, 40, tells_last=True),
    "300 symbols": Pace("many", MANY, 0.05, 60),
}


def main() -> None:
    """Measures, and prints a table; `--role` is for its own processes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default=",".join(PACES))
    parser.add_argument("--out", type=Path)
    parser.add_argument("--role", nargs="*")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    if options.role:
        role, name, *rest = options.role
        work = serve(name) if role == "serve" else listen(role, name, int(rest[0]))
        asyncio.run(work)
        return
    tables: dict[str, dict[str, float]] = {}
    print(
        f"{'':16}{'ctos p50':>10}{'ccxt p50':>10}{'ratio':>7}{'ctos p99':>11}{'ccxt p99':>11}",
        end="",
    )
    print(f"{'ratio':>7}{'goal':>6}   not told, late")
    for name in options.only.split(","):
        row = both(name)
        show(name, row)
        tables[f"{name}, us to the listener"] = row
    if options.out is not None:
        options.out.write_text(json.dumps(tables, indent=2), encoding="utf-8")


def show(name: str, row: dict[str, float]) -> None:
    """A row of the table."""
    print(f"{name:16}", end="")
    for part in ("p50", "p99"):
        ours, theirs = row[f"ctos {part}"], row[f"ccxt {part}"]
        print(f"{ours:>7.0f} µs{theirs:>7.0f} µs{ours / theirs:>7.2f}", end=" " * (part == "p50"))
    missed = " | ".join(f"{row[f'{stack} not told']:.0f}" for stack in STACKS)
    late = " | ".join(f"{row[f'{stack} late rounds']:.0f}" for stack in STACKS)
    print(f"{GOAL:>6.1f}   {missed}, {late}", flush=True)


# -- both stacks, in turn -------------------------------------------------------------------------


def both(name: str) -> dict[str, float]:
    """What both stacks took, in turn, several rounds."""
    row: dict[str, float] = {}
    for _ in range(ROUNDS):
        for stack in STACKS:
            for what, value in judged(PACES[name], *run(stack, name)).items():
                key = f"{stack} {what}"
                row[key] = min(value, row.get(key, value))
    ratios = {
        f"ctos / ccxt, {part}": row[f"ctos {part}"] / row[f"ccxt {part}"] for part in QUANTILES
    }
    return row | ratios | {"goal": GOAL}


QUANTILES: Final = {"p50": 50, "p99": 99}


def judged(pace: Pace, sent: list[int], heard: dict[int, int]) -> dict[str, float]:
    """Quantiles of the ways (µs), what was never told, and rounds that the next one overtook.

    Args:
        pace: How they were sent.
        sent: When each message left, in order; a monotonic clock, ns.
        heard: Number of a message -> when it was told.
    """
    counts = range(pace.together - 1, len(sent), pace.together) if pace.tells_last else None
    numbers = list(range(len(sent)) if counts is None else counts)
    if pace.kind == "depth":
        known_ns = 0
        for i in reversed(range(len(sent))):
            known_ns = heard.setdefault(i, known_ns) or known_ns
    ways = sorted((heard[i] - sent[i]) / 1_000 for i in numbers if i in heard)
    if not ways:
        raise RuntimeError("nothing was told")
    late = 0
    for start in range(0, len(sent) - pace.together, pace.together):
        ends = [heard[i] for i in range(start, start + pace.together) if i in heard]
        late += bool(ends) and max(ends) > sent[start + pace.together]
    return {
        **{name: ways[len(ways) * part // 100] for name, part in QUANTILES.items()},
        "not told": float(len(numbers) - len(ways)),
        "late rounds": float(late if pace.together > 1 else 0),
    }


def run(stack: str, name: str) -> tuple[list[int], dict[int, int]]:
    """One server and one client: when each message left, and when each was told."""
    me = [sys.executable, str(Path(__file__).resolve()), "--role"]
    with subprocess.Popen([*me, "serve", name], stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        port = server.stdout.readline().decode().strip()
        done = subprocess.run(
            [*me, stack, name, port], capture_output=True, check=False, timeout=120
        )
        if done.returncode:
            server.kill()
            raise RuntimeError(done.stderr.decode()[-2_000:])
        sent: list[int] = json.loads(server.stdout.readline())
        server.kill()
    heard = {int(number): at_ns for number, at_ns in json.loads(done.stdout).items()}
    return sent, heard


# -- the venue ------------------------------------------------------------------------------------


def many_instruments() -> list[Any]:
    """As many perpetuals as there are in a large account's list."""
    from core.testing.venue import instrument

    return [
        instrument(f"C{i}-USDC-PERP", base=f"C{i}", venue="binance", venue_symbol=f"C{i}USDC")
        for i in range(MANY)
    ]


def venue_of(kind: str) -> Any:
    """The loopback server."""
    if kind != "many":
        return open_venue(kind)
    from core.testing.venues.binance.venue import BinanceVenue

    return BinanceVenue(instruments=many_instruments(), first_price="50000")


async def serve(name: str) -> None:
    """Opens the venue, waits for a subscriber, sends at the pace, and says when each left."""
    pace = PACES[name]
    wanted = {"trade": "@aggTrade", "depth": "@depth", "many": "@bookTicker"}[pace.kind]
    topics = MANY if pace.kind == "many" else 1
    async with venue_of(pace.kind) as venue:
        print(venue.port, flush=True)

        def subscriber() -> Any:
            """The socket with everything that is waited for: one connection has it all."""
            return next(
                (s for s in venue.sockets if sum(wanted in t for t in s.topics) >= topics), None
            )

        await venue.until(subscriber, 60.0)
        await asyncio.sleep(1.0)  # so that snapshots are taken
        if pace.kind != "many":
            venue.trade("50000.5")
            await asyncio.sleep(0.3)
        messages = messages_of(pace, venue)
        transport = subscriber()._request.transport  # below what the venue offers
        transport.write(frame(messages[0]))  # warms everything up
        await asyncio.sleep(0.3)
        sent: list[int] = []
        began_s = time.perf_counter()
        for turn in range(pace.times):
            wait_s = began_s + turn * pace.every_s - time.perf_counter()
            await asyncio.sleep(max(wait_s, 0))
            start = 1 + turn * pace.together
            data = b"".join(frame(message) for message in messages[start : start + pace.together])
            sent += [time.perf_counter_ns()] * pace.together
            transport.write(data)
        print(json.dumps(sent), flush=True)
        await asyncio.sleep(60)


def messages_of(pace: Pace, venue: Any) -> list[bytes]:
    """One to begin with, then all of a run; each carries its number."""
    count = 1 + pace.together * pace.times
    now_ms = venue.now_ms()
    if pace.kind == "trade":
        first = venue.numbers.newest("BTC-USDT-PERP") + 1
        return [_trade(i, first, now_ms) for i in range(count)]
    if pace.kind == "depth":
        return [_depth(i, venue.tapes["BTC-USDT-PERP"].last, now_ms) for i in range(count)]
    return [_best(i, now_ms) for i in range(count)]


def _trade(i: int, first: int, now_ms: int) -> bytes:
    """Its amount is its number, in thousandths."""
    return (
        b'{"e":"aggTrade","E":%d,"s":"BTCUSDT","a":%d,"p":"50000.00","q":"%d.%03d","f":%d,"l":%d,'
        b'"T":%d,"m":true}'
        % (now_ms, first + i, *divmod(MARK + i, 1_000), first + i, first + i, now_ms)
    )


def _depth(i: int, known: int, now_ms: int) -> bytes:
    """Forty levels; the amount of the best bid is the number. The first clears the book."""
    first = known + 1 + i
    bids = [b'["50000.00","%d.%03d"]' % divmod(MARK + i, 1_000)]
    bids += [b'["%.2f","%d.5"]' % (50_000 - n / 2, 1 + (i + n) % 9) for n in range(1, 20)]
    asks = [b'["%.2f","%d.5"]' % (50_001 + n / 2, 1 + (i + n) % 9) for n in range(20)]
    if i == 0:
        ours = {50_000 - n / 2 for n in range(20)} | {50_001 + n / 2 for n in range(20)}
        others = [50_020 - n / 10 for n in range(400)]
        gone = [b'["%.2f","0"]' % price for price in others if round(price, 1) not in ours]
        bids, asks = bids + gone, asks + gone
    return (
        b'{"e":"depthUpdate","E":%d,"T":%d,"s":"BTCUSDT","U":%d,"u":%d,"pu":%d,"b":[%b],"a":[%b]}'
        % (now_ms, now_ms, first, first, first - 1, b",".join(bids), b",".join(asks))
    )


def _best(i: int, now_ms: int) -> bytes:
    """Best prices of one symbol after the other; the bid's amount is the number."""
    whole, part = divmod(MARK + i, 1_000)
    return (
        b'{"e":"bookTicker","u":%d,"s":"C%dUSDC","b":"50000.0","B":"%d.%03d","a":"50000.1",'
        b'"A":"1.000","T":%d,"E":%d}' % (9_000_000 + i, (i - 1) % MANY, whole, part, now_ms, now_ms)
    )


# -- clients --------------------------------------------------------------------------------------


class Ear:
    """When which message was told."""

    def __init__(self, pace: Pace) -> None:
        self.heard: dict[int, int] = {}
        self._last = pace.together * pace.times - 1
        self.has_all = asyncio.Event()

    def number(self, amount: Decimal | float | None) -> None:
        """A user was told of the message that carries this."""
        at_ns = time.perf_counter_ns()
        number = round(amount * 1_000) - MARK - 1 if amount else -1
        if number >= 0:
            self.heard.setdefault(number, at_ns)
            if number >= self._last:
                self.has_all.set()


async def listen(stack: str, name: str, port: int) -> None:
    """One client; says when it was told of which message."""
    pace = PACES[name]
    ear = Ear(pace)
    close = await (_ours if stack == "ctos" else _theirs)(pace.kind, port, ear)
    async with asyncio.timeout(60):
        await ear.has_all.wait()
    print(json.dumps(ear.heard))
    await close()


async def _ours(kind: str, port: int, ear: Ear) -> Callable[[], Awaitable[object]]:
    exchange = adapter("ticker", port)
    await exchange.connect()
    symbol = "BTC-USDT-PERP"
    if kind == "trade":
        await exchange.subscribe_trades(symbol, lambda trade: ear.number(trade.amount))
    elif kind == "depth":
        await exchange.subscribe_orderbook(
            symbol, lambda book: ear.number(book.bids[0].amount if book.bids else None)
        )
    else:
        wanted = [market.symbol for market in many_instruments()]
        await asyncio.gather(
            *(
                exchange.subscribe_ticker(each, lambda ticker: ear.number(ticker.bid_amount))
                for each in wanted
            )
        )
    close: Callable[[], Awaitable[object]] = exchange.disconnect
    return close


async def _theirs(kind: str, port: int, ear: Ear) -> Callable[[], Awaitable[object]]:
    exchange = await ccxt_client("ticker", port)
    await exchange.load_markets()
    symbol = "BTC/USDT:USDT"
    symbols = [f"C{i}/USDC:USDC" for i in range(MANY)]

    async def told() -> None:
        if kind == "trade":
            for trade in await exchange.watch_trades(symbol):
                ear.number(trade["amount"])
        elif kind == "depth":
            book = await exchange.watch_order_book(symbol)
            ear.number(book["bids"][0][1] if book["bids"] else None)
        else:
            for ticker in (await exchange.watch_bids_asks(symbols)).values():
                ear.number(ticker["bidVolume"])

    async def watch() -> None:
        while True:
            await told()

    watching = asyncio.create_task(watch())

    async def close() -> None:
        watching.cancel()
        await asyncio.wait([watching])
        await exchange.close()

    return close


if __name__ == "__main__":
    main()
