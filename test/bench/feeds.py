"""How fast recordings are read and a market is simulated, beside readers that do less.

    python test/bench/feeds.py [ROWS]

The peers only cut and parse: they check nothing, and floats are not exact. `ours, kept` is the
second opening, from the columns kept beside the recording. Memory is the peak of a fresh process
that reads the tape and walks through every chunk, for one and for four times the rows.
"""

from __future__ import annotations

import csv
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from core.adapters.exchanges.models import ExchangeType, Instrument  # noqa: E402
from core.adapters.feeds.recording import RecordingOptions, open_recording  # noqa: E402
from core.adapters.feeds.sim import BLOCK_ROWS, SimFeed  # noqa: E402

INSTRUMENT: Final = Instrument(
    symbol="BTC-USDC-PERP",
    venue="paper",
    market_type=ExchangeType.PERPETUAL,
    base="BTC",
    quote="USDC",
    tick_size=Decimal("0.1"),
    lot_size=Decimal("0.0001"),
    reference_price=Decimal(118_000),
)
WALK: Final = "walk"


def write_tape(path: Path, rows: int) -> None:
    """A tape of the smallest kind: a walk around 118,000 with 6 or 7 trades a second."""
    chance = random.Random(7)
    ts_ms, price = 1_700_000_000_000, 1_180_000
    with path.open("w", encoding="ascii") as file:
        file.write("ts,price,amount,side\n")
        for _ in range(rows):
            ts_ms += chance.randint(0, 300)
            price += chance.randint(-5, 5)
            amount = chance.randint(1, 5_000)
            side = "buy" if chance.random() < 0.5 else "sell"
            file.write(f"{ts_ms},{price // 10}.{price % 10},0.{amount:04d},{side}\n")


def walk(path: Path, *, cache: bool = False) -> int:
    """Reads a tape and goes through all chunks."""
    feed = open_recording(path, INSTRUMENT, RecordingOptions(cache=cache))
    return sum(len(chunk) for chunk in feed.chunks())


def best_of(times: int, work: Callable[[], object]) -> float:
    """Seconds of the fastest run."""
    found = []
    for _ in range(times):
        before = time.perf_counter()
        work()
        found.append(time.perf_counter() - before)
    return min(found)


def read_with_csv(path: Path) -> int:
    """The csv module and nothing else: rows of text."""
    with path.open(newline="", encoding="ascii") as file:
        return sum(1 for _ in csv.reader(file))


def read_with_arrow(path: Path) -> int:
    """Arrow's CSV reader on all cores, numbers as binary floats."""
    from pyarrow import csv as arrow_csv

    return int(arrow_csv.read_csv(path).num_rows)


def simulate(rows: int) -> int:
    """A simulated market of about this many rows."""
    chunks = islice(SimFeed(INSTRUMENT).chunks(), max(1, rows // BLOCK_ROWS))
    return sum(len(chunk) for chunk in chunks)


def peak_mib(path: Path) -> float:
    """Peak memory of a process that walks through a tape."""
    done = subprocess.run(
        [sys.executable, __file__, WALK, str(path)], capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def own_peak_mib() -> float:
    """Peak memory of this process so far, of this program alone where the system tells."""
    status = Path("/proc/self/status")
    if status.exists():
        # What getrusage says there includes the parent's memory from before this program ran.
        lines = status.read_text("ascii").splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)


def measure(rows: int) -> None:
    """Prints the table."""
    with tempfile.TemporaryDirectory(prefix="ctos-bench-") as folder:
        tape, long_tape = Path(folder, "tape.csv"), Path(folder, "long.csv")
        write_tape(tape, rows)
        write_tape(long_tape, 4 * rows)
        walk(tape, cache=True)
        seconds = {
            "csv module": best_of(2, lambda: read_with_csv(tape)),
            "ours": best_of(3, lambda: walk(tape)),
            "ours, kept": best_of(3, lambda: walk(tape, cache=True)),
            "simulated": best_of(2, lambda: simulate(rows)),
        }
        try:
            seconds["pyarrow, floats"] = best_of(3, lambda: read_with_arrow(tape))
        except ImportError:
            print("pyarrow is not installed; left out")
        ours = seconds["ours"]
        print(f"{rows:,} trades, {tape.stat().st_size / 1e6:.0f} MB of CSV\n")
        print(f"{'':18}{'seconds':>9}{'rows/s':>14}{'to ours':>9}")
        for name, taken in sorted(seconds.items(), key=lambda item: item[1]):
            print(f"{name:18}{taken:9.4f}{rows / taken:14,.0f}{taken / ours:8.2f}x")
        short, long = peak_mib(tape), peak_mib(long_tape)
        print(f"\npeak memory: {short:.0f} MiB, of four times the rows {long:.0f} MiB")


def main() -> None:
    """Measures, or is the process whose memory is measured."""
    if sys.argv[1:2] == [WALK]:
        walk(Path(sys.argv[2]))
        print(own_peak_mib())
        return
    measure(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)


if __name__ == "__main__":
    main()
