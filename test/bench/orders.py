"""From a price on the wire to an order on the wire, and what an order costs, beside ccxt.pro.

    python test/bench/orders.py [--only PART,PART] [--out FILE]

    order ws, order rest     Binance, over the WebSocket API and over HTTP
    order hyperliquid        a signed action over the socket, made of a book
    sign                     one Hyperliquid order action alone

A venue (`canned.py`) sends a price, and the client makes an order of it. `to order` is the time
from when the client has the price of the kernel to when it gives the order to the kernel: the
median of a run, the best of several runs of each, without the kernel and the wire, which are the
same for both. `sender` is the processor time of an order with its answer, as a grid sends them that
begins: building, signing, taking in the answer, many under way at once, the best burst; what the
kernel's send takes of it, which is the same for both, is left out too. Both stacks do the same
through what their users call: `subscribe_*` and `create_order` here, `watch_*` and
`create_order[_ws]` there. The engine is not in it; `engine.py` measures that way.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from door import Door  # noqa: E402 # the path is set above
from streams import adapter, ccxt_client, open_venue, with_goal  # noqa: E402 # the path is set above

STACKS: Final = ("ctos", "ccxt")
KINDS: Final = {"order ws": "ticker", "order rest": "ticker", "order hyperliquid": "l2"}
"""Row of the table -> kind of venue."""
PARTS: Final = (*KINDS, "sign")
GOALS: Final = {
    "order ws": 1 / 5,
    "order rest": 1 / 7,
    "order hyperliquid": 1 / 30,
    "sign": 1 / 60,
}
"""Ours as a part of ccxt's, at most."""
ROUNDS: Final = 2
TICKS: Final = {"order ws": 150, "order rest": 150, "order hyperliquid": 60}
"""Prices of a run; the first tenth warms everything up."""
BURST: Final = 20
BURSTS: Final = 12

Send = Callable[[int], Awaitable[object]]


def main() -> None:
    """Measures, and prints a table; `--role` is for its own processes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--out", type=Path)
    parser.add_argument("--role", nargs="*")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    if options.role:
        role, *arguments = options.role
        if role == "serve":
            asyncio.run(serve(arguments[0]))
        else:
            asyncio.run(play(*arguments))
        return
    found: dict[str, dict[str, float]] = {}
    print(f"{'':24}{'ctos':>10}{'ccxt.pro':>10}{'ratio':>9}{'goal':>8}   99 of 100")
    for part in options.only.split(","):
        rows = {"sign": signing()} if part == "sign" else both(part)
        show(rows)
        found |= rows
    if options.out is not None:
        tables = {
            f"{name}, us": with_goal(row, GOALS[name.partition(",")[0]])
            for name, row in found.items()
        }
        options.out.write_text(json.dumps(tables, indent=2), encoding="utf-8")


def show(found: dict[str, dict[str, float]]) -> None:
    """Rows of the table."""
    for name, row in found.items():
        goal = GOALS[name.partition(",")[0]]
        ratio = row["ctos"] / row["ccxt"]
        tail = ""
        if "ctos p99" in row:
            tail = f"{row['ctos p99']:.0f} | {row['ccxt p99']:.0f}"
        print(
            f"{name:24}{row['ctos']:>8.1f} µs{row['ccxt']:>8.1f} µs"
            f"{f'1/{1 / ratio:.1f}':>8}{f'1/{1 / goal:.0f}':>8}   {tail}",
            flush=True,
        )


# -- both stacks, in turn ------------------------------------------------------------------------


def both(name: str) -> dict[str, dict[str, float]]:
    """The whole way, and the sender's part of it, of one kind of order."""
    whole: dict[str, float] = {}
    sender: dict[str, float] = {}
    for _ in range(ROUNDS):
        for stack in STACKS:
            told = measured(name, stack)
            waits = sorted(told["to order"])
            middle = statistics.median(waits) / 1_000
            if middle < whole.get(stack, float("inf")):
                whole[stack] = middle
                whole[f"{stack} p99"] = waits[len(waits) * 99 // 100] / 1_000
            spent = min(told["sender"]) / 1_000
            sender[stack] = min(spent, sender.get(stack, float("inf")))
    return {f"{name}, to order": whole, f"{name}, sender": sender}


def measured(name: str, stack: str, *, gap_ms: int = 1) -> dict[str, list[int]]:
    """Nanoseconds of each order of one run.

    Args:
        name: Of the row.
        stack: Whose.
        gap_ms: From an order to the next price. With more than one the client sleeps meanwhile, as
            one does that trades; else its processor is kept awake.
    """
    kind = "hyperliquid" if KINDS[name] == "l2" else "binance"
    with (
        server("orders.py", "--role", "serve", KINDS[name]) as rest,
        server("canned.py", kind, str(2 * TICKS[name]), str(gap_ms)) as port,
    ):
        told: dict[str, list[int]] = json.loads(client(stack, name, rest, port, str(gap_ms)))
    return told


@contextmanager
def server(script: str, *arguments: str) -> Iterator[str]:
    """A server in a process of its own; its port."""
    command = [sys.executable, str(Path(__file__).with_name(script)), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().decode().strip()
        finally:
            process.kill()


def client(*arguments: str) -> str:
    """What a client says in the end."""
    command = [sys.executable, __file__, "--role", "play", *arguments]
    done = subprocess.run(command, capture_output=True, check=False, timeout=120)
    if done.returncode:
        raise RuntimeError(done.stderr.decode()[-2_000:])
    return done.stdout.decode()


async def serve(kind: str) -> None:
    """A whole venue, for everything that is no price and no order."""
    async with open_venue(kind) as venue:
        weights = venue.weights if kind == "l2" else venue.rest.weights
        weights.limit = 1 << 30
        venue.trade("50000")
        print(venue.port, flush=True)
        await asyncio.sleep(600)


# -- clients --------------------------------------------------------------------------------------


class Watch:
    """Times of the prices and orders that pass through this process's door."""

    def __init__(self) -> None:
        self._came_ns = self._came_cpu_ns = 0
        self._left_ns = self._left_cpu_ns = 0
        self.to_order: list[int] = []
        self.cpu: list[int] = []
        """The same in processor time."""
        self.door = Door(self._came, self._left)

    def _came(self, at_ns: int, _what: bytes) -> None:
        self._came_ns, self._came_cpu_ns = at_ns, time.thread_time_ns()

    def _left(self, at_ns: int, _what: bytes) -> None:
        self._left_ns, self._left_cpu_ns = at_ns, time.thread_time_ns()

    async def pass_on(self, send: Send, price: int) -> None:
        """Makes an order of the price that just came."""
        price_ns, price_cpu_ns = self._came_ns, self._came_cpu_ns
        await send(price)
        self.to_order.append(self._left_ns - price_ns)
        self.cpu.append(self._left_cpu_ns - price_cpu_ns)


async def play(stack: str, name: str, rest: str, port: str, gap_ms: str) -> None:
    """One client."""
    watch = Watch()
    made = _ours
    if stack != "ctos":
        made = _theirs
        watch.door.watch_aiohttp()
    send, ticks, close = await made(name, int(rest), int(port))
    awake = asyncio.Event()
    if gap_ms == "1":
        stay_awake(asyncio.get_running_loop(), awake)
    async with asyncio.timeout(60):
        await ticks(TICKS[name], lambda price: watch.pass_on(send, price))
    awake.set()
    first = TICKS[name] // 10
    told = {"to order": watch.to_order[first:], "cpu": watch.cpu[first:]}
    print(json.dumps(told | {"sender": await bursts(send, watch.door)}))
    await close()


async def bursts(send: Send, door: Door) -> list[int]:
    """Processor time of an order with its answer, several being under way at once."""
    door.tell_nobody()
    spent: list[int] = []
    for burst in range(BURSTS):
        before_ns = time.process_time_ns() - door.kernel_ns
        await asyncio.gather(*(send(30_000 + burst * BURST + i) for i in range(BURST)))
        spent.append((time.process_time_ns() - door.kernel_ns - before_ns) // BURST)
    return spent


def stay_awake(loop: asyncio.AbstractEventLoop, is_enough: asyncio.Event) -> None:
    """Keeps the processor awake until it is set: waking up costs more than what is measured."""

    def again() -> None:
        if not is_enough.is_set():
            loop.call_soon(again)

    again()


async def _ours(name: str, rest: int, port: int) -> tuple[Send, Any, Any]:  # noqa: C901, PLR0915
    from core.adapters.exchanges.credentials import Credentials, Secret
    from core.adapters.exchanges.models import OrderOptions, OrderSide, OrderType

    kind = KINDS[name]
    same = open_venue(kind)  # the same seed makes the same keys
    socket = f"ws://127.0.0.1:{port}/ws"
    if kind == "l2":
        wallets = same.wallets
        secret, account = Secret(wallets.agent.secret), wallets.main.address
        keys = Credentials(venue="hyperliquid", account=account, secret=secret)
        urls = {"public": socket, "private": socket}
    else:
        keys = Credentials(venue="binance", key=same.key.api_key, secret=Secret(same.key.secret))
        urls = {"public": socket, "orders": socket}
    exchange = adapter(kind, rest, keys, urls)
    await exchange.connect()
    assert await exchange.authenticate(), exchange.get_status()
    symbol = "BTC-USDC-PERP" if kind == "l2" else "BTC-USDT-PERP"
    if kind != "l2":  # the peer does not listen to the account either
        await exchange._boards.first.private.stop()
    if name == "order rest":
        await exchange._boards.first.orders.stop()  # so that HTTP is taken
        exchange.rest._urls = {**exchange.rest._urls, "rest": f"http://127.0.0.1:{port}"}
    amount, buy, limit = Decimal("0.01"), OrderSide.BUY, OrderType.LIMIT
    numbers = iter(range(10**9))

    async def send(price: int) -> None:
        options = OrderOptions(client_order_id=f"bench{next(numbers)}" if kind != "l2" else None)
        await exchange.create_order(symbol, buy, limit, amount, Decimal(price), options)

    async def ticks(count: int, take: Send) -> None:
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        seen: set[Decimal] = set()
        under_way = set()

        def heard(price: Decimal) -> None:
            nonlocal count
            if price % 1 or price in seen:
                return  # what the whole venue says before the first price
            seen.add(price)
            task = loop.create_task(take(int(price) - 9_000))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
            task.add_done_callback(answered)

        def answered(task: asyncio.Task[object]) -> None:
            nonlocal count
            count -= 1
            error = task.exception()
            if error is not None and not done.done():
                done.set_exception(error)
            elif not count and not done.done():
                done.set_result(None)

        if kind == "l2":
            await exchange.subscribe_orderbook(symbol, lambda book: heard(book.bids[0].price))
        else:
            await exchange.subscribe_ticker(symbol, lambda ticker: heard(ticker.bid))
        await done

    return send, ticks, exchange.disconnect


async def _theirs(name: str, rest: int, port: int) -> tuple[Send, Any, Any]:
    from core.testing.venues.clients import _repointed

    kind = KINDS[name]
    same = open_venue(kind)
    if kind == "l2":
        wallets = same.wallets
        exchange = await ccxt_client(
            kind, rest, walletAddress=wallets.main.address, privateKey=wallets.agent.secret
        )

        async def nothing(*_arguments: object, **_named: object) -> bool:
            return True

        exchange.handle_builder_fee_approval = exchange.set_ref = nothing
    else:
        exchange = await ccxt_client(kind, rest, apiKey=same.key.api_key, secret=same.key.secret)
    await exchange.load_markets()
    exchange.urls["api"] = _repointed(exchange, exchange.urls["api"], port)
    symbol = "BTC/USDC:USDC" if kind == "l2" else "BTC/USDT:USDT"
    create = exchange.create_order if name == "order rest" else exchange.create_order_ws

    async def send(price: int) -> None:
        await create(symbol, "limit", "buy", 0.01, price)

    async def ticks(count: int, take: Send) -> None:
        for _ in range(count):
            if kind == "l2":
                bid = (await exchange.watch_order_book(symbol))["bids"][0][0]
            else:
                bid = (await exchange.watch_bids_asks([symbol]))[symbol]["bid"]
            await take(int(bid) - 9_000)

    return send, ticks, exchange.close


# -- signing --------------------------------------------------------------------------------------


def signing() -> dict[str, float]:
    """One Hyperliquid order, signed; the signatures are the same."""
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
    best_s = float("inf")
    for _ in range(ROUNDS):
        before_s = time.process_time()
        for i in range(times):
            work(1_700_000_000_001 + i)
        best_s = min(best_s, time.process_time() - before_s)
    return best_s / times * 1e6


if __name__ == "__main__":
    main()
