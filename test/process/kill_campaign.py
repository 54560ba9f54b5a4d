"""Real engines, killed with SIGKILL at random moments; after every restart everything must add up.

    python test/process/kill_campaign.py --kills 200 --seed 1

A bot trades a fast simulated market in the foreground. It is killed while it starts, while it
recovers, or while it trades. After each restart, as soon as journal and venue have agreed, their
files are read and held against each other:

    each slot in one state      at most one order rests for a slot: the one that it remembers
    config and ledger           a slot that holds something has its exit resting, another its entry
    position                    ledger, machine and venue hold the same
    nothing twice               no client order id and no execution appears twice, none is missing
    residual                    our own executions and the funding that we took in explain the
                                venue's cash to the last digit
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from core.adapters.exchanges.models import plain
from core.services.grid.config import parse_grid
from core.services.grid.machine import GridMachine
from core.services.grid.slots import Leg
from core.wiring.configuration import find_instrument

CONFIG = """
grid_system:
  exchange: paper
  name: target
  symbol: BTC-USDC-PERP
  grid_type: long
  grid_interval: "25"
  order_amount: "0.01"
  price_range: {lower_price: "117000", upper_price: "119000"}
  initial_fill: taker_position
  on_exit: cancel_orders
  acknowledge: [losing_grid]
  instrument: {maker_fee: "0.0001", taker_fee: "0.0004"}
  paper: {initial_balance: "1000000", latency_ms: 20, fill: through}
"""
SPEED = "60"
SETTLE_S = 20.0
LOOK_S = 0.02
RECONCILED = "reconciled"


class CampaignFailed(AssertionError):
    """What did not add up."""


@dataclass(slots=True)
class Ledgers:
    """What journal and venue say at one moment."""

    state: dict[str, str]
    position: Decimal
    intents: dict[str, str]
    """Client order id -> state, of those that are not settled."""
    ids: list[str]
    """Every client order id that was ever meant."""
    fills: list[tuple[str, str, str, str]]
    """(client order id, side, price, amount) of every execution taken in."""
    fees: Decimal
    funding: Decimal
    """What settlements paid us; negative when we paid."""
    venue_orders: list[tuple[str, str]]
    """(client order id, status) of every order the venue ever took."""
    open_orders: dict[str, tuple[str, Decimal, Decimal]]
    """Client order id -> side, price, what has not filled."""
    venue_fills: list[tuple[str, str, str, str]]
    venue_position: Decimal
    cash: Decimal


@dataclass(slots=True)
class Campaign:
    """One home, one bot, many lives.

    Args:
        home: `CTOS_HOME`; made when it is missing.
        seed: Of the market and of the moments.
    """

    home: Path
    seed: int = 1
    kills: int = 0
    checks: int = 0
    moments: list[str] = field(default_factory=list)
    _random: random.Random = field(init=False)
    _engine: subprocess.Popen[bytes] | None = None
    _out: Path = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Killed before the first order event is what this campaign does: no reason for safe mode.
        (self.home / "ctos.yaml").write_text("engine: {crash_limit: 0}\n")
        (self.home / "target.yaml").write_text(CONFIG)
        self._out = self.home / "out.jsonl"

    def run(self, kills: int) -> dict[str, object]:
        """Kills so often, then ends in order; gives the summary.

        Raises:
            CampaignFailed: Saying what did not add up, and after which kill.
        """
        try:
            for number in range(1, kills + 1):
                self._start()
                self._live(number)
                self._kill()
            self._start()
            self._wait_agreed()
            self._check()
            return self._end()
        except CampaignFailed as error:
            raise CampaignFailed(f"after {self.kills} kills (seed {self.seed}): {error}") from None
        finally:
            if self._engine is not None and self._engine.poll() is None:
                self._engine.kill()
                self._engine.wait()

    # -- lives --------------------------------------------------------------------------------

    def _start(self) -> None:
        self._out.unlink(missing_ok=True)
        environ = {**os.environ, "CTOS_HOME": str(self.home), "PYTHONUNBUFFERED": "1"}
        command = [sys.executable, "-m", "tui.cli", "grid", str(self.home / "target.yaml")]
        command += ["--headless", "--json", "--feed", f"sim:{self.seed}", "--speed", SPEED]
        with self._out.open("wb") as out, (self.home / "err.txt").open("ab") as err:
            self._engine = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=environ
            )

    def _live(self, number: int) -> None:
        """Lets the engine live for a while; most lives are long enough to be checked."""
        draw = self._random.random()
        if number > 1 and draw < 0.25:
            self.moments.append("starting")
            time.sleep(self._random.uniform(0.0, 0.9))
        elif draw < 0.4:
            self.moments.append("recovering")
            self._wait_for_line("bot.started")
            time.sleep(self._random.uniform(0.0, 0.1))
        else:
            self.moments.append("trading")
            self._wait_agreed()
            self._check()
            time.sleep(self._random.uniform(0.0, 0.5))

    def _kill(self) -> None:
        assert self._engine is not None
        self._engine.send_signal(signal.SIGKILL)
        self._engine.wait()
        self.kills += 1

    def _end(self) -> dict[str, object]:
        assert self._engine is not None
        self._engine.send_signal(signal.SIGTERM)
        try:
            code = self._engine.wait(timeout=30)
        except subprocess.TimeoutExpired:
            raise CampaignFailed("SIGTERM did not end it within 30 s") from None
        summary: dict[str, object] = self._lines()[-1]
        self._demand(code == 0, f"the orderly end gave {code}: {self._last_words()}")
        self._demand(summary["event"] == "summary", f"the last line is {summary}")
        self._demand(summary["residual"] == "0", f"residual {summary['residual']}")
        self._demand(summary["open_orders_left"] == 0, f"{summary['open_orders_left']} orders left")
        ledgers = self._read()
        self._demand(not ledgers.open_orders, f"rest at the venue: {sorted(ledgers.open_orders)}")
        self._check_sums(ledgers)
        return summary

    def _wait_agreed(self) -> None:
        self._wait_for_line(RECONCILED)

    def _wait_for_line(self, event: str) -> None:
        deadline = time.monotonic() + SETTLE_S
        word = f'"event":"{event}"'.encode()
        while word not in self._out.read_bytes():
            assert self._engine is not None
            if self._engine.poll() is not None:
                raise CampaignFailed(f"the engine ended by itself: {self._last_words()}")
            if time.monotonic() > deadline:
                raise CampaignFailed(f"no {event} within {SETTLE_S:g} s: {self._last_words()}")
            time.sleep(LOOK_S)

    def _lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self._out.read_text().splitlines() if line]

    def _last_words(self) -> str:
        return (self.home / "err.txt").read_text()[-600:]

    # -- checks -------------------------------------------------------------------------------

    def _check(self) -> None:
        """Everything must add up within seconds; orders on their way need a moment."""
        deadline = time.monotonic() + SETTLE_S
        while True:
            try:
                ledgers = self._read()
                self._check_sums(ledgers)
                self._check_slots(ledgers)
            except (CampaignFailed, sqlite3.Error) as error:
                if time.monotonic() > deadline:
                    raise CampaignFailed(str(error)) from error
                time.sleep(LOOK_S)
            else:
                self.checks += 1
                return

    def _check_sums(self, ledgers: Ledgers) -> None:
        twice = [name for name, count in Counter(ledgers.ids).items() if count > 1]
        self._demand(not twice, f"meant twice: {twice}")
        twice = [
            name
            for name, count in Counter(name for name, _ in ledgers.venue_orders).items()
            if count > 1
        ]
        self._demand(not twice, f"at the venue twice: {twice}")
        strange = {name for name, _ in ledgers.venue_orders} - set(ledgers.ids)
        self._demand(not strange, f"at the venue without an intent: {sorted(strange)}")
        ours, theirs = Counter(ledgers.fills), Counter(ledgers.venue_fills)
        self._demand(not ours - theirs, f"taken in, never executed: {ours - theirs}")
        self._demand(not theirs - ours, f"executed, not taken in: {theirs - ours}")
        self._demand(
            ledgers.position == ledgers.venue_position,
            f"ledger holds {ledgers.position}, the venue {ledgers.venue_position}",
        )
        flow = sum(
            (
                (-1 if side == "buy" else 1) * Decimal(price) * Decimal(amount)
                for _, side, price, amount in ledgers.fills
            ),
            Decimal(0),
        )
        residual = ledgers.cash - (flow - ledgers.fees + ledgers.funding)
        self._demand(residual == 0, f"the venue's cash differs from our books by {residual}")

    def _check_slots(self, ledgers: Ledgers) -> None:
        machine = self._machine(ledgers.state)
        instrument = machine.settings.instrument
        self._demand(
            machine.position == ledgers.position,
            f"the machine holds {machine.position}, the ledger {ledgers.position}",
        )
        expected: dict[str, tuple[str, Decimal, Decimal]] = {}
        for slot in machine.slots:
            order = slot.order
            held = machine.ledger.lots(slot.level)
            if order is None:
                may_wait = slot.is_waiting and held == 0
                self._demand(may_wait, f"slot {slot.level} holds {held} lots and has no order")
                continue
            wanted = (Leg.EXIT, slot.exit_price) if held else (Leg.ENTRY, slot.entry_price)
            if order.filled == 0 or order.leg is Leg.EXIT:
                self._demand(
                    (order.leg, order.price) == wanted,
                    f"slot {slot.level} holds {held} lots and has {order.leg} at {order.price}",
                )
            remaining = instrument.amount(order.amount - order.filled)
            price = Decimal(0) if order.price is None else instrument.price(order.price)
            expected[order.client_order_id] = (order.side.value, price, remaining)
        self._demand(
            expected == ledgers.open_orders,
            f"expected but not resting {_missing(expected, ledgers.open_orders)}, "
            f"resting but not expected {_missing(ledgers.open_orders, expected)}",
        )

    def _machine(self, state: dict[str, str]) -> GridMachine:
        config = parse_grid(CONFIG, "target.yaml", find_instrument)
        machine = GridMachine(config.settings, order_prefix="x")
        machine.restore({key: value for key, value in state.items() if key != "service"})
        return machine

    def _read(self) -> Ledgers:
        folder = self.home / "paper"
        with (
            closing(_open(folder / "journal.db")) as journal,
            closing(_open(folder / "venue.db")) as venue,
        ):
            journal.execute("BEGIN")
            venue.execute("BEGIN")
            position, fees, funding = journal.execute(
                "SELECT position, fees, funding FROM ledger"
            ).fetchone() or ("0", "0", "0")
            size = venue.execute("SELECT size FROM feeds").fetchone() or ("0",)
            cash = venue.execute("SELECT amount FROM cash WHERE asset = 'USDC'").fetchone()
            return Ledgers(
                state=dict(journal.execute("SELECT key, value FROM machine_state")),
                position=Decimal(position),
                intents=dict(
                    journal.execute(
                        "SELECT client_order_id, state FROM intents WHERE is_settled = 0"
                    )
                ),
                ids=[row[0] for row in journal.execute("SELECT client_order_id FROM intents")],
                fills=_fills(journal),
                fees=Decimal(fees),
                funding=Decimal(funding),
                venue_orders=list(venue.execute("SELECT client_order_id, status FROM orders")),
                open_orders={
                    name: (side, Decimal(price), Decimal(amount) - Decimal(filled))
                    for name, side, price, amount, filled in venue.execute(
                        "SELECT client_order_id, side, price, amount, filled FROM orders"
                        " WHERE status IN ('open', 'partially_filled')"
                    )
                },
                venue_fills=_fills(venue),
                venue_position=Decimal(size[0]),
                cash=Decimal(cash[0]) - 1_000_000,
            )

    def _demand(self, is_so: bool, otherwise: str) -> None:
        if not is_so:
            raise CampaignFailed(otherwise)


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, isolation_level=None)


def _fills(connection: sqlite3.Connection) -> list[tuple[str, str, str, str]]:
    rows = connection.execute("SELECT client_order_id, side, price, amount FROM fills")
    return [
        (name, side, plain(Decimal(price)), plain(Decimal(amount)))
        for name, side, price, amount in rows
    ]


def _missing(
    first: dict[str, tuple[str, Decimal, Decimal]], second: dict[str, tuple[str, Decimal, Decimal]]
) -> dict[str, tuple[str, Decimal, Decimal]]:
    return {name: value for name, value in first.items() if second.get(name) != value}


def main() -> int:
    """Runs a campaign from the command line."""
    import tempfile

    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--home", type=Path)
    options = parser.parse_args()
    home = options.home or Path(tempfile.mkdtemp(prefix="ctos-kill-"))
    began = time.monotonic()
    campaign = Campaign(home, options.seed)
    summary = campaign.run(options.kills)
    took = time.monotonic() - began
    moments = ", ".join(f"{name} {count}" for name, count in Counter(campaign.moments).items())
    sys.stdout.write(
        f"{campaign.kills} kills ({moments}), {campaign.checks} checks, {summary['fills']} fills, "
        f"residual {summary['residual']}, {took:.0f} s, {home}\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
