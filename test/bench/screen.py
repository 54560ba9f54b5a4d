"""What a screen costs, and whether it makes the engine late: real processes in real terminals.

    python test/bench/screen.py [--seconds N] [--out FILE]

first picture   from the start of `ctos grid FILE` in a fresh home to the ladder on the screen,
                beside a Textual app that shows a header, a line and a footer
screen          an engine whose bot has 200 levels, at the pace of the simulated market (several
                prices a second, eight pictures) and at 60 times that, where every picture is
                another; first alone, then with `ctos attach` in a terminal of 160 by 50: processor
                time of each process as a share of one core, and how late the engine's loop runs
                what asked to be called back after a millisecond
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import json
import os
import pty
import re
import select
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
CTOS: Final = (sys.executable, "-m", "tui.cli")
EXAMPLE: Final = ROOT / "config" / "grid" / "lighter-long-btc.yaml"
ROUNDS: Final = 5
SIZE: Final = (50, 160)
PATIENCE_S: Final = 30.0
_COLD: Final = frozenset({"PYTHONDONTWRITEBYTECODE"})
SETTLING_S: Final = 2.0
"""After a start, before anything is measured."""
SPEEDS: Final = ("1", "60")
_CONTROL: Final = re.compile(rb"\x1b\[[0-9;?<>=]*[A-Za-z]|\x1b[()][A-Z0-9]|\x1b[=>]")
WIDE: Final = """
grid_system:
  exchange: paper
  name: wide
  symbol: BTC-USDC-PERP
  grid_type: long
  grid_interval: "6"
  order_amount: "0.002"
  price_range: {lower_price: "117400", upper_price: "118600"}
  on_exit: cancel_orders
  fee_rate: "0"
  instrument: {tick_size: "0.1", lot_size: "0.001", min_notional: "0", maker_fee: "0",
               taker_fee: "0", reference_price: "118000"}
  paper: {initial_balance: "100000", latency_ms: 0, fill: through}
"""
BARE: Final = """
from textual.app import App
from textual.widgets import Footer, Header, Static

class Bare(App):
    def compose(self):
        yield Header()
        yield Static("first picture")
        yield Footer()

Bare().run()
"""
Table = dict[str, float]


class Terminal:
    """A process in a terminal of its own.

    Args:
        command: What runs.
        env: Its environment.
    """

    def __init__(self, command: tuple[str, ...], env: Mapping[str, str]) -> None:
        self.began = time.perf_counter()
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", *SIZE, 0, 0))
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**warm(env), "TERM": "xterm-256color", "COLORTERM": "truecolor"},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        self.shown = b""
        """Everything it wrote."""

    def until(self, *words: bytes) -> float:
        """Seconds from the start until it has written every one of these words.

        Raises:
            RuntimeError: If it ends, or takes too long.
        """
        while time.perf_counter() - self.began < PATIENCE_S:
            self.read(0.05)
            text = _CONTROL.sub(b"", self.shown)
            if all(word in text for word in words):
                return time.perf_counter() - self.began
            if self.process.poll() is not None:
                break
        message = f"{words} never appeared: {_CONTROL.sub(b'', self.shown)[-800:]!r}"
        raise RuntimeError(message)

    def read(self, seconds: float) -> None:
        """Takes in what it writes for so long, as a terminal does."""
        until = time.perf_counter() + seconds
        while (left := until - time.perf_counter()) > 0:
            ready, _, _ = select.select([self._master], [], [], left)
            if not ready:
                return
            try:
                self.shown += os.read(self._master, 1 << 16)
            except OSError:
                return

    def type(self, keys: bytes) -> None:
        """Presses keys."""
        os.write(self._master, keys)

    def close(self) -> None:
        """Asks it to end, then makes it."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            until = time.perf_counter() + 10
            while self.process.poll() is None and time.perf_counter() < until:
                self.read(0.1)
            if self.process.poll() is None:
                self.process.kill()
        self.process.wait()
        os.close(self._master)


def warm(env: Mapping[str, str]) -> dict[str, str]:
    """This environment and more, with compiled modules kept, as a user's interpreter keeps them."""
    kept = {name: value for name, value in os.environ.items() if name not in _COLD}
    return {**kept, **env}


@contextmanager
def fresh_home() -> Iterator[dict[str, str]]:
    """An environment with an empty CTOS_HOME."""
    folder = tempfile.mkdtemp(prefix="ctos-bench-")
    try:
        yield {"CTOS_HOME": folder}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def first_picture() -> Table:
    """Medians of interleaved starts, in seconds."""
    ours: list[float] = []
    bare: list[float] = []
    for _ in range(ROUNDS):
        terminal = Terminal((sys.executable, "-c", BARE), {})
        bare.append(terminal.until(b"first picture"))
        terminal.close()
        with fresh_home() as env:
            terminal = Terminal((*CTOS, "grid", str(EXAMPLE), "--feed", "sim:7"), env)
            ours.append(terminal.until(b"BTC-USDC", b"buy", b"sell"))
            terminal.type(b"Q")
            terminal.read(1.0)
            terminal.close()
    beside, with_ctos = statistics.median(bare), statistics.median(ours)
    return {
        "bare textual app, s": beside,
        "ctos grid, s": with_ctos,
        "ctos grid / bare textual app": with_ctos / beside,
    }


def screen(seconds: float, speed: str) -> Table:
    """An engine alone, then with a screen."""
    with fresh_home() as env:
        config, lateness = Path(env["CTOS_HOME"], "wide.yaml"), Path(env["CTOS_HOME"], "late.json")
        config.write_text(WIDE, "utf-8")
        command = (sys.executable, __file__, "--child", str(lateness), str(config), speed)
        engine = subprocess.Popen(
            command,
            cwd=ROOT,
            env=warm(env),
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            time.sleep(2 * SETTLING_S)
            alone = Interval(engine.pid)
            time.sleep(seconds)
            alone.end()
            terminal = Terminal((*CTOS, "attach", "wide"), env)
            terminal.until(b"BTC-USDC", b"buy", b"sell")
            terminal.read(SETTLING_S)
            seen, watched = Interval(terminal.process.pid), Interval(engine.pid)
            bytes_before = len(terminal.shown)
            terminal.read(seconds)
            seen.end()
            watched.end()
            written = len(terminal.shown) - bytes_before
            terminal.type(b"d")
            terminal.read(1.0)
            terminal.close()
        finally:
            engine.send_signal(signal.SIGTERM)
            engine.wait(PATIENCE_S)
        late = json.loads(lateness.read_text("utf-8"))
    without, beside = alone.of(late), watched.of(late)
    return {
        "screen, % of a core": seen.share,
        "screen, bytes a second": written / seconds,
        "engine alone, % of a core": alone.share,
        "engine with a screen, % of a core": watched.share,
        "loop late alone, p99 us": without,
        "loop late with a screen, p99 us": beside,
        "with a screen / alone": beside / without,
    }


class Interval:
    """Some seconds of a process."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._from = time.monotonic()
        self._to = self._from
        self._used = _used_s(pid)
        self.share = 0.0
        """Processor time in percent of a core."""

    def end(self) -> None:
        """The interval is over."""
        self._to = time.monotonic()
        self.share = 100 * (_used_s(self._pid) - self._used) / (self._to - self._from)

    def of(self, late: list[tuple[float, float]]) -> float:
        """99 % of the callbacks in it were no later than so many microseconds."""
        inside = sorted(us for at, us in late if self._from <= at < self._to)
        return inside[len(inside) * 99 // 100]


def _used_s(pid: int) -> float:
    """Processor time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class _Watched(asyncio.DefaultEventLoopPolicy):
    """Makes loops that note how late they are."""

    def __init__(self) -> None:
        super().__init__()
        self.late: list[tuple[float, float]] = []
        """(monotonic seconds, microseconds of delay)."""

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        loop = super().new_event_loop()

        def look(due: float) -> None:
            now = loop.time()
            self.late.append((now, (now - due) * 1e6))
            due = now + 0.001
            loop.call_at(due, look, due)

        loop.call_soon(look, loop.time())
        return loop


def engine(lateness: Path, config: Path, speed: str) -> None:
    """A headless engine that notes how late its loop is."""
    policy = _Watched()
    asyncio.set_event_loop_policy(policy)
    sys.argv = ["ctos", "grid", str(config), "--headless", "--json"]
    sys.argv += ["--feed", "sim:7", "--speed", speed]
    from tui.cli.main import app

    try:
        app()
    finally:
        lateness.write_text(json.dumps(policy.late), "utf-8")


def main() -> None:
    """Measures everything and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=10.0, help="of each part of `screen`")
    parser.add_argument("--out", type=Path, help="where the numbers go as JSON")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        lateness, config, speed = options.child
        engine(Path(lateness), Path(config), speed)
        return
    found = {"first picture": first_picture()}
    for speed in SPEEDS:
        found[f"screen at speed {speed}"] = screen(options.seconds, speed)
    for name, values in found.items():
        print(f"\n{name}")
        for key, value in values.items():
            print(f"  {key:<34} {value:>14,.3f}")
    if options.out is not None:
        options.out.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
