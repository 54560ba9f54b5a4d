"""A bot of real money against a loopback venue: real process, real sockets, kills and an audit.

    spec = LiveSpec(
        venue="hyperliquid",                        the name in configuration files
        make=lambda: HyperliquidVenue(...),         not yet opened; made and run in a thread
        urls=lambda venue: {"rest": venue.rest_url, ...},
        keys=lambda venue: {"account": ..., "secret": ...},   fields as `ctos keys set` asks
        symbol="BTC-USDC-PERP", first_price="118010",
        grid="grid_type: long",                      the lines below `grid_system:` that make it
        told_id=cloid_of,                           our client order id as the venue's floor has it
    )
    with LiveRun(tmp_path / "home", spec) as run:
        run.place_foreign("buy", "90000", "0.01")   somebody else's order; audits watch it
        run.start()                                 `ctos grid FILE --live`, the word typed
        run.agreed()                                waits until everything adds up
        run.walk("117940", "117890", "118020")      price moves; each time everything adds up
        run.kill()                                  SIGKILL
        run.start(); run.agreed()
        run.kill_as_it_sends("117840")              SIGKILL once a create has left, unanswered
        run.cut("117790")                           sockets end, and the price moves meanwhile
        run.on_venue(lambda venue: venue.faults…)   anything, in the venue's own thread
        summary = run.end()                         SIGTERM; only what is ours is gone

What an audit holds against each other: journal, machine state and venue.

    one order a level      what rests of ours at the venue is what the slots remember, no more
    nothing twice          no client order id and no execution appears twice, none is missing
    position               ledger, machine and venue (without what is foreign) hold the same
    fees                   the ledger's are the sum of the venue's
    foreign                orders and positions of others are as they were
"""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from core.adapters.exchanges.models import OrderData, OrderSide, plain
from core.services.grid.config import parse_grid
from core.services.grid.machine import GridMachine
from core.services.grid.slots import Leg
from core.testing.venues.faults import Loss
from core.testing.venues.server import LoopbackVenue

PATIENCE_S = 30.0
"""How long anything may take before it counts as failed; the machine may be busy."""
LOOK_S = 0.02
NAME = "target"


class AuditFailed(AssertionError):
    """What did not add up, or did not happen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSpec:
    """A venue and a bot on it."""

    venue: str
    """Name in configuration files: `hyperliquid`, `ccxt-binance-usdm` …"""
    make: Callable[[], Any]
    """The loopback venue, not yet opened; called in the thread that runs it."""
    urls: Callable[[Any], Mapping[str, str]]
    """Address by the adapter's name of it, of the opened venue."""
    keys: Callable[[Any], Mapping[str, str]]
    """Field -> value, as `ctos keys set` asks for them."""
    symbol: str
    """Canonical; what the bot trades and what `move` moves."""
    first_price: str
    """Traded before anybody connects."""
    grid: str
    """YAML of the grid without `exchange`, `symbol`, `name`, `risk` and `on_exit`."""
    told_id: Callable[[str], str] | None = None
    """Our client order id as the venue's floor knows it; None: orders are compared by their terms
    alone."""
    keys_in: str = "environment"
    """`environment`, or `file` for one that only its owner reads."""
    has_fees: bool = True
    """Whether the fees that the venue tells are those of its floor to the last digit."""
    program: tuple[str, ...] = (sys.executable, "-m", "tui.cli")
    """What is started; another where a stand-in has to be put in first."""
    environ: Mapping[str, str] = field(default_factory=dict)
    """Further variables of the process."""
    settings: str = ""
    """Further lines of the venue's file, below `exchange:`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueFacts:
    """What the venue holds at one moment, ours and theirs apart."""

    open_orders: list[OrderData]
    """Ours."""
    ids: list[str]
    """Client order id of every order of ours that it ever took."""
    fills: list[tuple[str, str, str, str]]
    """(client order id, side, price, amount) of each execution of ours."""
    fees: Decimal
    position: Decimal
    """Of the symbol, without what was there before."""
    foreign: dict[str, tuple[str, str]]
    """Order id -> status and what has filled."""
    others: dict[str, str]
    """Symbol -> size, of positions in other symbols."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalFacts:
    """What our journal says at one moment."""

    state: dict[str, str]
    position: Decimal
    fees: Decimal
    ids: list[str]
    fills: list[tuple[str, str, str, str]]


class VenueThread:
    """A loopback venue on an event loop of its own, in a thread.

    Args:
        make: Makes the venue; called in the thread.
    """

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.venue: Any = None

    def open(self) -> Any:
        """Starts the thread and opens the venue."""
        self._thread.start()

        async def opened() -> None:
            self.venue = self._make()
            await self.venue.__aenter__()

        self._wait(opened())
        return self.venue

    def call(self, act: Callable[[Any], Any]) -> Any:
        """Does something to the venue in its thread, and gives what comes of it."""

        async def done() -> Any:
            found = act(self.venue)
            return await found if inspect.isawaitable(found) else found

        return self._wait(done())

    def close(self) -> None:
        """Leaves the venue, which raises what broke inside it, and ends the thread."""
        try:
            if self.venue is not None:
                self._wait(self.venue.__aexit__(None, None, None))
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(PATIENCE_S)
            self._loop.close()

    def _wait(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(PATIENCE_S)


class LiveRun:
    """One home, one live bot, one venue, many lives; a context manager.

    Args:
        home: `CTOS_HOME`; made when it is missing.
        spec: Venue and bot.
    """

    def __init__(self, home: Path, spec: LiveSpec) -> None:
        self.home = home
        self.spec = spec
        self.server = VenueThread(spec.make)
        self.foreign: dict[str, tuple[str, str]] = {}
        """Order id -> status and filled, as they have to stay."""
        self.others: dict[str, str] = {}
        """Symbol -> size of foreign positions in other symbols."""
        self.kills = 0
        self._foreign_size = Decimal(0)
        self._engine: subprocess.Popen[bytes] | None = None
        self._environ: dict[str, str] = {}
        self._keyboard = -1

    # -- life ---------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self.server.open()
        self.move(self.spec.first_price)
        self._write_home()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._engine is not None and self._engine.poll() is None:
            self._engine.kill()
            self._engine.wait()
        self.server.close()

    @property
    def file(self) -> Path:
        """The bot's file."""
        return self.home / f"{NAME}.yaml"

    @property
    def command(self) -> list[str]:
        """What starts the bot."""
        return [*self.spec.program, "grid", str(self.file), "--live"]

    @property
    def environ(self) -> dict[str, str]:
        """What the process gets: its home, and its keys where they are given this way."""
        return {**os.environ, "CTOS_HOME": str(self.home), **self._environ, **self.spec.environ}

    def start(self, *, is_awaited: bool = True) -> None:
        """Starts the bot and types the word; waits until journal and venue have agreed.

        Args:
            is_awaited: Whether to wait for that.
        """
        keyboard, stdin = os.openpty()
        try:
            with self._out.open("wb") as out, (self.home / "err.txt").open("ab") as err:
                self._engine = subprocess.Popen(
                    [*self.command, "--headless", "--json"],
                    env=self.environ,
                    stdin=stdin,
                    stdout=out,
                    stderr=err,
                    start_new_session=True,
                )
        finally:
            os.close(stdin)
        os.write(keyboard, f"{self.spec.venue}\n".encode())
        self._keyboard = keyboard
        if is_awaited:
            self.wait_line("reconciled")

    def kill(self) -> None:
        """SIGKILL."""
        engine = self._running
        engine.send_signal(signal.SIGKILL)
        engine.wait()
        os.close(self._keyboard)
        self.kills += 1

    def end(self) -> dict[str, Any]:
        """SIGTERM: what is ours is gone, what is foreign stays; the summary.

        Raises:
            AuditFailed: If the end was not clean.
        """
        engine = self._running
        engine.send_signal(signal.SIGTERM)
        try:
            code = engine.wait(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            raise AuditFailed(f"SIGTERM did not end it within {PATIENCE_S:g} s") from None
        finally:
            os.close(self._keyboard)
        summary = self.lines()[-1]
        demand(code == 0, f"the orderly end gave {code}: {self.last_words()}")
        demand(summary["event"] == "summary", f"the last line is {summary}")
        demand(summary["residual"] == "0", f"residual {summary['residual']}")
        demand(summary["open_orders_left"] == 0, f"{summary['open_orders_left']} orders left")
        theirs = self.venue_facts()
        demand(not theirs.open_orders, f"still rest at the venue: {theirs.open_orders}")
        self._check_sums(self.journal_facts(), theirs)
        self._check_foreign(theirs)
        return summary

    # -- the venue ----------------------------------------------------------------------------

    def on_venue(self, act: Callable[[Any], Any]) -> Any:
        """Does something to the venue in its own thread; a coroutine is awaited there."""
        return self.server.call(act)

    def wait_venue(self, holds: Callable[[Any], object], what: str) -> None:
        """Waits until something holds at the venue."""
        self.wait_for(lambda: bool(self.on_venue(holds)), what)

    def move(self, price: str) -> None:
        """A public trade at a price, with a book around it."""
        self.on_venue(lambda venue: venue.trade(price, symbol=self.spec.symbol))

    def walk(self, *prices: str) -> None:
        """The price moves from one to the next; after each step everything adds up."""
        for price in prices:
            self.move(price)
            self.agreed()

    def place_foreign(self, side: str, price: str, amount: str, symbol: str = "") -> str:
        """Somebody else's resting order on the account; gives its id at the floor."""
        where = symbol or self.spec.symbol
        order = self.on_venue(lambda v: v.place_foreign(where, OrderSide(side), price, amount))
        self.foreign[order.order_id] = (order.status.value, plain(order.filled))
        return str(order.order_id)

    def hold_foreign(self, side: str, amount: str, symbol: str = "") -> None:
        """Somebody else's position on the account, made at market now."""
        where = symbol or self.spec.symbol
        order = self.on_venue(lambda v: v.place_foreign(where, OrderSide(side), None, amount))
        self.foreign[order.order_id] = (order.status.value, plain(order.filled))
        size = Decimal(amount) if side == "buy" else -Decimal(amount)
        if where == self.spec.symbol:
            self._foreign_size += size
        else:
            self.others[where] = plain(Decimal(self.others.get(where, "0")) + size)

    def cut(self, *prices: str) -> None:
        """Every socket ends, and the price moves before any is back; then everything adds up."""

        def act(venue: LoopbackVenue) -> None:
            venue.kill_sockets()
            for price in prices:
                venue.trade(price, symbol=self.spec.symbol)

        self.on_venue(act)
        self.agreed()

    def outage(self, *prices: str) -> None:
        """The venue refuses connections, the price moves meanwhile, and it comes back."""
        self.on_venue(lambda venue: venue.go_down())
        for price in prices:
            self.move(price)
        self.on_venue(lambda venue: venue.come_back())
        self.agreed()

    def kill_as_it_sends(self, price: str) -> None:
        """SIGKILL once the create that follows a price has arrived and is not answered.

        Args:
            price: Has to fill an order, so that another is sent.
        """
        before = self.on_venue(lambda venue: len(venue.calls_of("create_order")))
        rule = self.on_venue(lambda venue: venue.faults.lose_answer(how=Loss.SILENCE))
        self.move(price)
        self.wait_venue(
            lambda venue: len(venue.calls_of("create_order")) > before, "an order to be sent"
        )
        self.kill()
        self.on_venue(lambda _venue: rule.cancel())

    # -- what is told -------------------------------------------------------------------------

    def lines(self) -> list[dict[str, Any]]:
        """The diary of this life."""
        whole = self._out.read_bytes().rpartition(b"\n")[0]
        return [json.loads(line) for line in whole.splitlines() if line]

    def wait_line(self, event: str) -> None:
        """Waits until the diary of this life has an event."""
        word = f'"event":"{event}"'.encode()

        def is_told() -> bool:
            self._alive()
            return word in self._out.read_bytes()

        self.wait_for(is_told, event)

    def last_words(self) -> str:
        """The end of what was said on stderr."""
        path = self.home / "err.txt"
        return path.read_text()[-1500:] if path.exists() else ""

    def log(self) -> str:
        """What was logged so far, of all lives."""
        path = self.home / "logs" / "ctos.log"
        return path.read_text() if path.exists() else ""

    def wait_for(self, is_so: Callable[[], bool], what: str) -> None:
        """Waits for something to come true."""
        deadline = time.monotonic() + PATIENCE_S
        while not is_so():
            if time.monotonic() > deadline:
                raise AuditFailed(f"waited {PATIENCE_S:g} s for {what}: {self.last_words()}")
            time.sleep(LOOK_S)

    # -- audit --------------------------------------------------------------------------------

    def agreed(self) -> None:
        """Waits until everything adds up.

        Raises:
            AuditFailed: Saying what did not, when patience is over.
        """
        deadline = time.monotonic() + PATIENCE_S
        while True:
            self._alive()
            try:
                self.audit()
            except (AuditFailed, sqlite3.Error) as error:
                if time.monotonic() > deadline:
                    raise AuditFailed(
                        f"after {self.kills} kills: {error}; {self.last_words()}"
                    ) from error
                time.sleep(LOOK_S)
            else:
                return

    def audit(self) -> None:
        """Journal, machine and venue are held against each other as they are now."""
        ours = self.journal_facts()
        theirs = self.venue_facts()
        self._check_sums(ours, theirs)
        self._check_slots(ours, theirs)
        self._check_foreign(theirs)

    def journal_facts(self) -> JournalFacts:
        """What the journal says now."""
        path = self.home / "live" / "journal.db"
        with closing(
            sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, isolation_level=None)
        ) as journal:
            journal.execute("BEGIN")
            row = journal.execute("SELECT position, fees FROM ledger").fetchone() or ("0", "0")
            fills = journal.execute("SELECT client_order_id, side, price, amount FROM fills")
            return JournalFacts(
                state=dict(journal.execute("SELECT key, value FROM machine_state")),
                position=Decimal(row[0]),
                fees=Decimal(row[1]),
                fills=[self._fill(*found) for found in fills],
                ids=[
                    self._told(found[0])
                    for found in journal.execute("SELECT client_order_id FROM intents")
                ],
            )

    def venue_facts(self) -> VenueFacts:
        """What the venue holds now."""
        facts: VenueFacts = self.on_venue(self._facts)
        return facts

    # -- inside -------------------------------------------------------------------------------

    @property
    def _out(self) -> Path:
        return self.home / "out.jsonl"

    @property
    def _running(self) -> subprocess.Popen[bytes]:
        assert self._engine is not None, "nothing was started"
        return self._engine

    def _alive(self) -> None:
        if self._engine is not None and self._engine.poll() is not None:
            raise AuditFailed(f"it ended with {self._engine.returncode}: {self.last_words()}")

    def _write_home(self) -> None:
        spec = self.spec
        self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Killed before the first order event is what some tests do: no reason for safe mode.
        (self.home / "ctos.yaml").write_text("engine: {crash_limit: 0}\n")
        folder = self.home / "exchanges"
        folder.mkdir(exist_ok=True)
        urls = "".join(f"    {name}: {url}\n" for name, url in self.on_venue(spec.urls).items())
        more = textwrap.indent(textwrap.dedent(spec.settings).strip("\n"), "  ")
        (folder / f"{spec.venue}.yaml").write_text(f"exchange:\n  urls:\n{urls}{more}\n")
        self.file.write_text(self._config())
        keys = dict(self.on_venue(spec.keys))
        if spec.keys_in == "file":
            place = self.home / "keys"
            place.mkdir(exist_ok=True, mode=0o700)
            path = place / f"{spec.venue}.json"
            path.touch(mode=0o600)
            path.write_text(json.dumps(keys))
        else:
            begin = f"CTOS_{spec.venue}_".upper().replace("-", "_")
            self._environ = {f"{begin}{name.upper()}": text for name, text in keys.items()}

    def _config(self) -> str:
        spec = self.spec
        fixed = (
            f"exchange: {spec.venue}\n"
            f"name: {NAME}\n"
            f"symbol: {spec.symbol}\n"
            'risk: {daily_loss: "100000"}\n'
            "on_exit: cancel_orders\n"
        )
        lines = textwrap.indent(fixed + textwrap.dedent(spec.grid).strip("\n"), "  ")
        return f"grid_system:\n{lines}\n"

    def _facts(self, venue: Any) -> VenueFacts:
        floor, symbol = venue.floor, self.spec.symbol
        closed = floor.closed_orders()
        everything = {order.order_id: order for order in [*closed, *floor.open_orders()]}
        ours = [order for name, order in everything.items() if name not in self.foreign]
        fills = [fill for fill in floor.fills(symbol) if fill.order_id not in self.foreign]
        positions = {item.symbol: item.size for item in floor.positions()}
        flow = sum((fill.amount * fill.side.sign for fill in fills), Decimal(0))
        return VenueFacts(
            open_orders=[order for order in ours if order.status.is_open],
            ids=[order.client_order_id or order.order_id for order in ours],
            fills=[
                self._fill(fill.client_order_id or "", fill.side.value, fill.price, fill.amount,
                           is_told=True)
                for fill in fills
            ],
            fees=sum((fill.fee for fill in fills), Decimal(0)),
            position=positions.get(symbol, flow + self._foreign_size) - self._foreign_size,
            foreign={
                name: (everything[name].status.value, plain(everything[name].filled))
                for name in self.foreign
                if name in everything
            },
            others={
                name: plain(size) for name, size in positions.items() if size and name != symbol
            },
        )  # fmt: skip

    def _told(self, client_order_id: str) -> str:
        return self.spec.told_id(client_order_id) if self.spec.told_id else client_order_id

    def _fill(
        self, name: str, side: str, price: object, amount: object, *, is_told: bool = False
    ) -> tuple[str, str, str, str]:
        terms = (side, plain(Decimal(str(price))), plain(Decimal(str(amount))))
        if self.spec.told_id is None:
            return ("", *terms)
        return (name if is_told else self._told(name), *terms)

    def _check_sums(self, ours: JournalFacts, theirs: VenueFacts) -> None:
        for where, ids in (("meant", ours.ids), ("at the venue", theirs.ids)):
            twice = [name for name, count in Counter(ids).items() if count > 1]
            demand(not twice, f"{where} twice: {twice}")
        if self.spec.told_id is not None:
            strange = set(theirs.ids) - set(ours.ids)
            demand(not strange, f"at the venue without an intent: {sorted(strange)}")
        mine, told = Counter(ours.fills), Counter(theirs.fills)
        demand(not mine - told, f"taken in, never executed: {mine - told}")
        demand(not told - mine, f"executed, not taken in: {told - mine}")
        demand(
            ours.position == theirs.position,
            f"the ledger holds {ours.position}, the venue {theirs.position}",
        )
        if self.spec.has_fees:
            demand(ours.fees == theirs.fees, f"fees {ours.fees}, at the venue {theirs.fees}")

    def _check_slots(self, ours: JournalFacts, theirs: VenueFacts) -> None:
        machine = self._machine(ours.state)
        instrument = machine.settings.instrument
        demand(
            machine.position == ours.position,
            f"the machine holds {machine.position}, the ledger {ours.position}",
        )
        expected: list[tuple[str, str, str, str]] = []
        for slot in machine.slots:
            order, held = slot.order, machine.ledger.lots(slot.level)
            if order is None:
                may_wait = slot.is_waiting and held == 0
                demand(may_wait, f"slot {slot.level} holds {held} lots and has no order")
                continue
            wanted = (Leg.EXIT, slot.exit_price) if held else (Leg.ENTRY, slot.entry_price)
            if order.filled == 0 or order.leg is Leg.EXIT:
                demand(
                    (order.leg, order.price) == wanted,
                    f"slot {slot.level} holds {held} lots and has {order.leg} at {order.price}",
                )
            price = Decimal(0) if order.price is None else instrument.price(order.price)
            remaining = instrument.amount(order.amount - order.filled)
            expected.append(self._fill(order.client_order_id, order.side.value, price, remaining))
        resting = [
            self._fill(
                order.client_order_id or "", order.side.value, order.price or 0,
                order.amount - order.filled, is_told=True,
            )
            for order in theirs.open_orders
        ]  # fmt: skip
        wanted_orders, found = Counter(expected), Counter(resting)
        demand(
            wanted_orders == found,
            f"expected but not resting {wanted_orders - found}, "
            f"resting but not expected {found - wanted_orders}",
        )
        demand(bool(expected), "the ladder has no order")

    def _check_foreign(self, theirs: VenueFacts) -> None:
        demand(
            theirs.foreign == self.foreign,
            f"foreign orders were {self.foreign} and are {theirs.foreign}",
        )
        demand(
            theirs.others == self.others,
            f"foreign positions were {self.others} and are {theirs.others}",
        )

    def _machine(self, state: Mapping[str, str]) -> GridMachine:
        from core.wiring.configuration import find_instrument

        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("CTOS_HOME", str(self.home))  # where rules are kept that the venue told
            config = parse_grid(self.file.read_text(), str(self.file), find_instrument)
        machine = GridMachine(config.settings, order_prefix="x")
        machine.restore({key: value for key, value in state.items() if key != "service"})
        return machine


def demand(is_so: bool, otherwise: str) -> None:
    """Raises `AuditFailed` unless something holds."""
    if not is_so:
        raise AuditFailed(otherwise)
