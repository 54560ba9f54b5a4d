"""What ctos costs, as ratios within one run.

python test/bench/run.py [--rows N] [--only PART] [--out FILE]

help      `ctos --help` beside an interpreter that imports typer and one that does nothing
replay    a tape of trades through the whole bot on virtual time: reading, matching, machine,
          execution, risk, ledger, journal; trades a second, peak memory for a quarter and for
          all of it, and the share of each part (by the profiler, which slows small functions)
reaction  word in to order out in one process: from an execution leaving the venue until the
          order it causes is handed to the venue's door, without the journal's commit
picture   one snapshot with 200 levels: made, encoded, decoded
screen    `screen.py`: start to first picture; what a screen costs, and whether it delays the engine
golden    `golden.py`: two million trades, beside hftbacktest and nautilus_trader in the same run
streams   `streams.py`: a message of a venue, and a reconnection, beside ccxt.pro in the same run
latency   `latency.py`: from a venue to whoever listens, at a pace and in bursts, and three hundred
          symbols on one connection, beside ccxt.pro
orders    `orders.py`: a price to an order, an order alone, a signature, beside ccxt in the same run
engine    `engine.py`: a price to an order through the whole live engine, beside ccxt's bare one
simulation  `simulation.py`: one grid under faults, as a multiple of real time

The replay is also given as a multiple of a plain loop in Decimal over as many prices, so that runs
on different machines compare. `feeds.py` beside this measures the reading of recordings alone.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import os
import pstats
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
REPEATS: Final = 7
BESIDE: Final = ("screen", "golden", "streams", "latency", "orders", "engine", "simulation")
"""Parts that are scripts of their own."""
Value = float | int | str
"""A figure; text where every digit of it counts."""
PARTS: Final = ("help", "replay", "reaction", "picture", *BESIDE)
CONFIG: Final = """
grid_system:
  exchange: paper
  name: bench
  symbol: BTC-USDC-PERP
  grid_type: long
  grid_interval: "30"
  order_amount: "0.002"
  price_range: {lower_price: "117400", upper_price: "118600"}
  on_exit: cancel_orders
  instrument: {maker_fee: "0", taker_fee: "0"}
  paper: {initial_balance: "100000", latency_ms: 0, fill: through}
"""
WIDE: Final = CONFIG.replace('"30"', '"6"')
"""The same range in 200 levels."""


def main() -> None:
    """Measures everything and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000, help="trades of the tape")
    parser.add_argument("--only", choices=PARTS, help="one part alone")
    parser.add_argument("--out", type=Path, help="where the numbers go as JSON")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--tape", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        sys.stdout.write(json.dumps(CHILDREN[options.child](options.tape)))
        return
    with tempfile.TemporaryDirectory(prefix="ctos-bench-") as folder:
        found = measure(Path(folder), options.rows, (options.only,) if options.only else PARTS)
    if options.out is not None:
        options.out.write_text(json.dumps(found, indent=2) + "\n")
    for name, values in found.items():
        print(f"\n{name}")
        for key, value in values.items():
            print(f"  {key:<34} {shown(value):>14}")


def shown(value: Value) -> str:
    """A figure with its thousands apart; an exact one stays as it was told."""
    if isinstance(value, str):
        return value
    return f"{value:,.3f}" if isinstance(value, float) else f"{value:,}"


def measure(folder: Path, rows: int, parts: tuple[str, ...]) -> dict[str, dict[str, Value]]:
    """The tables of some parts, by name."""
    found: dict[str, dict[str, Value]] = {}
    if "help" in parts:
        found["help"] = start_up()
    if {"replay", "reaction", "picture"} & set(parts):
        found |= on_tape(folder, rows, parts)
    for part in BESIDE:
        if part in parts:
            found |= beside(f"{part}.py", folder / f"{part}.json")
    return found


def beside(script: str, out: Path) -> dict[str, dict[str, Value]]:
    """The tables of a script beside this one."""
    command = [sys.executable, str(Path(__file__).with_name(script)), "--out", str(out)]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    tables: dict[str, dict[str, Value]] = json.loads(out.read_text("utf-8"))
    return tables


def plain_loop(rows: int) -> float:
    """Seconds of a loop that makes as many prices as Decimal and compares each with two others."""
    price, low, high, step = Decimal(118_000), Decimal(100_000), Decimal(130_000), Decimal("0.1")
    began = time.perf_counter()
    for index in range(rows):
        price = price + step if index & 1 else price - step
        if price <= low or price >= high:
            break
    return time.perf_counter() - began


def on_tape(folder: Path, rows: int, parts: tuple[str, ...]) -> dict[str, dict[str, float | int]]:
    """The tables that need a tape."""
    small, whole = folder / "quarter.csv", folder / "whole.csv"
    write_tape(whole, rows)
    with whole.open() as source, small.open("w") as target:
        for _ in range(rows // 4 + 1):
            target.write(source.readline())
    found: dict[str, dict[str, float | int]] = {}
    if "replay" in parts:
        best, reference = min(
            ((replayed(whole), plain_loop(rows)) for _ in range(3)),
            key=lambda run: run[0]["seconds"],
        )
        quarter = child("replay", small)
        found["replay"] = {
            "trades": rows,
            "fills": int(best["fills"]),
            "seconds, reading included": best["seconds"],
            "trades a second": round(rows / best["seconds"]),
            "CPU seconds": best["cpu_seconds"],
            "trades a CPU second": round(rows / best["cpu_seconds"]),
            "times a plain Decimal loop": best["seconds"] / reference,
            "peak MB": best["peak_mb"],
            "peak MB of a quarter": quarter["peak_mb"],
        }
        found["share of each part, %"] = {**child("shares", small)}
    if "reaction" in parts:
        found["reaction, us"] = {**child("reaction", small)}
    if "picture" in parts:
        found["picture of 200 levels, us"] = {**child("picture", small)}
    return found


def replayed(tape: Path) -> dict[str, float]:
    """A replay that finds no columns kept from an earlier one."""
    shutil.rmtree(tape.parent / ".ctos-cache", ignore_errors=True)
    return child("replay", tape)


def write_tape(path: Path, rows: int) -> None:
    """Trades that walk around 118,000 and are drawn back to it, some 6 a thousand filling."""
    import numpy as np

    chance = np.random.default_rng(7)
    steps = chance.normal(0.0, 2.5, rows)
    place, places = 0.0, np.empty(rows)
    for index, step in enumerate(steps):
        place += step - 0.0001 * place
        places[index] = place
    prices = np.round(118_000 + places, 1)
    times = 1_700_000_000_000 + np.cumsum(chance.integers(20, 400, rows))
    amounts = np.round(chance.exponential(0.05, rows) + 0.001, 3)
    sides = chance.integers(0, 2, rows)
    with path.open("w") as file:
        file.write("ts,price,amount,side\n")
        for at, price, amount, side in zip(times, prices, amounts, sides, strict=True):
            file.write(f"{at},{price:.1f},{amount:.3f},{'buy' if side else 'sell'}\n")


def start_up() -> dict[str, float | int]:
    """Medians of interleaved starts, in milliseconds."""
    commands = {
        "python, ms": ["-c", "pass"],
        "import typer, ms": ["-c", "import typer"],
        "ctos --help, ms": ["-m", "tui.cli", "--help"],
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(REPEATS):
        for name, command in commands.items():
            began = time.perf_counter()
            subprocess.run(
                [sys.executable, *command],
                cwd=ROOT,
                env=warm({}),
                stdout=subprocess.DEVNULL,
                check=True,
            )
            times[name].append((time.perf_counter() - began) * 1000)
    medians: dict[str, float | int] = {
        name: statistics.median(values) for name, values in times.items()
    }
    return {
        **medians,
        "help / import typer": medians["ctos --help, ms"] / medians["import typer, ms"],
    }


def child(name: str, tape: Path) -> dict[str, float]:
    """Runs one measurement in a process of its own."""
    home = tempfile.mkdtemp(prefix="ctos-bench-", dir=memory_folder())
    try:
        shown = subprocess.run(
            [sys.executable, __file__, "--child", name, "--tape", str(tape)],
            env=warm({"CTOS_HOME": home}),
            stdout=subprocess.PIPE,
            check=True,
        ).stdout
    finally:
        shutil.rmtree(home, ignore_errors=True)
    found: dict[str, float] = json.loads(shown)
    return found


def warm(env: dict[str, str]) -> dict[str, str]:
    """This environment and more, with compiled modules kept, as a user's interpreter keeps them."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, **env}


def memory_folder() -> str | None:
    """Where files cost no disk, if there is such a place."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 # only measured in


class Counted:
    """Hears a run and formats its lines as stdout would get them."""

    def __init__(self) -> None:
        from tui.cli.diary import iso_of, json_line

        self.fills = 0
        self.residual: object = None
        self._line = json_line
        self._at = iso_of
        self.bytes = 0

    def event(
        self, bot: str, at_ns: int, event: str, fields: tuple[tuple[str, object], ...]
    ) -> None:
        """Counts one line."""
        self.bytes += len(self._line(bot, self._at(at_ns), event, fields))  # type: ignore[arg-type]
        if event == "summary":
            values = dict(fields)
            self.fills = int(str(values["fills"]))
            self.residual = values["residual"]

    def notice(self, text: str) -> None:
        """Nobody reads."""

    def ended(self, ended: object) -> None:
        """Nobody reads."""


def run_tape(tape: Path) -> Counted:
    """The whole bot over a tape."""
    from core.engine.protocol import StartBot
    from core.wiring import engines

    told = Counted()
    request = StartBot(app="grid", path="bench.yaml", text=CONFIG, feed=str(tape), speed="max")
    code = engines.run_virtual(request, told)
    if code or told.residual != "0":
        message = f"exit code {code}, residual {told.residual}"
        raise RuntimeError(message)
    return told


def replay(tape: Path) -> dict[str, float]:
    """Seconds from opening the tape to the summary."""
    began, began_cpu = time.perf_counter(), time.process_time()
    told = run_tape(tape)
    return {
        "seconds": time.perf_counter() - began,
        "cpu_seconds": time.process_time() - began_cpu,
        "fills": told.fills,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def shares(tape: Path) -> dict[str, float]:
    """Percent of the time that each room takes by itself, SQLite apart."""
    profile = cProfile.Profile()
    profile.enable()
    run_tape(tape)
    profile.disable()
    spent: Counter[str] = Counter()
    for (file, _, name), (_, _, own, _, _) in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        spent[part_of(file, name)] += own
    whole = sum(spent.values())
    return {part: 100 * own / whole for part, own in spent.most_common()}


def part_of(file: str, name: str) -> str:
    """The room that a function lives in."""
    if "sqlite3" in name:
        return "SQLite"
    parts = file.partition("/core/")[2].split("/")
    rooms = {
        "feeds": "feed",
        "exchanges": "paper venue",
        "storage": "journal",
        "execution": "execution",
        "risk": "risk",
        "grid": "grid",
        "market_data": "market data",
        "portfolio": "portfolio",
    }
    if parts[0] == "adapters" and parts[-1] == "models.py":
        return "values"
    if parts[0] in {"adapters", "services"} and len(parts) > 2:
        return rooms.get(parts[1], parts[1])
    if parts[0] == "domain":
        return "matching and rules"
    if parts[0] in {"engine", "infrastructure", "wiring"}:
        return "engine, loop"
    return "diary" if "/tui/" in file else "Python, NumPy, imports"


def reaction(tape: Path) -> dict[str, float]:
    """From the venue's word of an execution to the order that it causes."""
    from core.adapters.exchanges.models import FillData, UserData
    from core.adapters.exchanges.paper.adapter import PaperExchange
    from core.adapters.exchanges.paper.stream import PrivateStream
    from core.adapters.storage.journal import SqliteJournal
    from core.domain.matching import Match, Matcher, Row
    from core.services.ports import Transaction

    began_ns = 0
    waits: list[int] = []
    tell, create = PrivateStream.tell, PaperExchange.create_order

    def told(self: PrivateStream, message: UserData) -> None:
        nonlocal began_ns
        if not began_ns and isinstance(message, FillData):
            began_ns = time.perf_counter_ns()
        tell(self, message)

    def created(self: PaperExchange, *arguments: object, **options: object) -> object:
        nonlocal began_ns
        if began_ns:
            waits.append(time.perf_counter_ns() - began_ns)
            began_ns = 0
        return create(self, *arguments, **options)  # type: ignore[arg-type]

    meet, commit = Matcher.meet, SqliteJournal.commit

    def met(self: Matcher, row: Row) -> list[Match]:
        nonlocal began_ns
        began_ns = 0  # what caused no order so far has caused none
        return meet(self, row)

    async def committed(self: SqliteJournal, transaction: Transaction) -> None:
        nonlocal began_ns
        before_ns = time.perf_counter_ns()
        await commit(self, transaction)
        if began_ns:
            began_ns += time.perf_counter_ns() - before_ns

    Matcher.meet = met  # type: ignore[method-assign]
    SqliteJournal.commit = committed  # type: ignore[method-assign]
    PrivateStream.tell = told  # type: ignore[method-assign]
    PaperExchange.create_order = created  # type: ignore[assignment, method-assign]
    run_tape(tape)
    ordered = sorted(waits[1:])
    return {
        "orders": len(ordered),
        "p50": ordered[len(ordered) // 2] / 1000,
        "p99": ordered[len(ordered) * 99 // 100] / 1000,
    }


def picture(tape: Path) -> dict[str, float]:
    """A snapshot on its way from engine to screen, at the end of a run of 200 levels."""
    from core.engine import frames
    from core.engine.engine import Engine

    snapshots: list[object] = []
    made: list[float] = []
    ended = Engine._ended

    def last_look(self: Engine, bot: object, account: object) -> None:
        for _ in range(50):
            began = time.perf_counter()
            snapshots.append(bot.service.snapshot())  # type: ignore[attr-defined]
            made.append(time.perf_counter() - began)
        ended(self, bot, account)  # type: ignore[arg-type]

    Engine._ended = last_look  # type: ignore[assignment, method-assign]
    global CONFIG  # noqa: PLW0603 # one run with more levels
    CONFIG = WIDE  # type: ignore[misc]
    run_tape(tape)
    snapshot = snapshots[-1]
    began = time.perf_counter()
    for _ in range(50):
        frame = frames.encode(snapshot)  # type: ignore[arg-type]
    encoded = time.perf_counter()
    for _ in range(50):
        frames.decode(frame[4:])
    decoded = time.perf_counter()
    return {
        "made": statistics.median(made) * 1e6,
        "encoded": (encoded - began) / 50 * 1e6,
        "decoded": (decoded - encoded) / 50 * 1e6,
        "bytes": len(frame),
    }


CHILDREN: Final = {"replay": replay, "shares": shares, "reaction": reaction, "picture": picture}

if __name__ == "__main__":
    main()
