"""Real processes: the command line as a user starts it, its engine, its signals."""

import importlib.util
import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

# Tests of live bots say `from live import LiveRun, LiveSpec`; test/ is no package.
for _name in ("live", "live_days"):
    _found = importlib.util.spec_from_file_location(_name, Path(__file__).with_name(f"{_name}.py"))
    assert _found is not None
    assert _found.loader is not None
    sys.modules[_name] = importlib.util.module_from_spec(_found)
    _found.loader.exec_module(sys.modules[_name])

PATIENCE_S = 30.0
LOOK_S = 0.02
CONFIG = """
grid_system:
  exchange: paper
  name: {name}
  symbol: {symbol}
  grid_type: long
  grid_interval: "50"
  order_amount: "0.01"
  price_range: {{lower_price: "117000", upper_price: "119000"}}
  on_exit: cancel_orders
  paper: {{initial_balance: "1000000", latency_ms: {latency_ms}, fill: through}}
"""


class Ctos:
    """The command line with a home of its own; whatever it leaves running is ended.

    Args:
        home: `CTOS_HOME`.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.extra: dict[str, str] = {}
        """Further variables of the environment."""
        self._children: list[subprocess.Popen[bytes]] = []

    @property
    def environ(self) -> dict[str, str]:
        """What every process of this home gets."""
        return {**os.environ, "CTOS_HOME": str(self.home), "TERM": "xterm-256color", **self.extra}

    def config(
        self, name: str = "bot", *, symbol: str = "BTC-USDC-PERP", latency_ms: int = 0
    ) -> Path:
        """Writes a bot's file."""
        path = self.home / f"{name}.yaml"
        path.write_text(CONFIG.format(name=name, symbol=symbol, latency_ms=latency_ms))
        return path

    def run(
        self, *arguments: str | Path, timeout_s: float = 60.0
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "tui.cli", *map(str, arguments)],
            env=self.environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def start(
        self, *arguments: str | Path, stdout: Any = subprocess.PIPE
    ) -> subprocess.Popen[bytes]:
        """Starts a command and does not wait."""
        child = subprocess.Popen(
            [sys.executable, "-m", "tui.cli", *map(str, arguments)],
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
        )
        self._children.append(child)
        return child

    def engines(self) -> list[dict[str, Any]]:
        """What `ctos ps --json` lists."""
        found: list[dict[str, Any]] = json.loads(self.run("ps", "--json").stdout)["engines"]
        return found

    def wait_running(self, name: str = "bot") -> None:
        """Waits until a bot trades."""

        def is_running() -> bool:
            bots = [bot for engine in self.engines() for bot in engine["bots"]]
            return any(bot["name"] == name and bot["state"] == "running" for bot in bots)

        wait_for(is_running, f"{name} to trade")

    def wait_for(self, is_so: Callable[[], bool], what: str) -> None:
        """Waits for something to come true."""
        wait_for(is_so, what)

    def log(self) -> str:
        """What was logged so far."""
        path = self.home / "logs" / "ctos.log"
        return path.read_text() if path.exists() else ""

    def close(self) -> None:
        """Ends whatever is left."""
        for child in self._children:
            if child.poll() is None:
                child.kill()
            child.wait()
            for stream in (child.stdout, child.stderr):
                if stream is not None:
                    stream.close()
        for mode in ("paper", "live"):
            lease = self.home / mode / "engine.lock"
            if lease.exists() and (text := lease.read_text()).strip():
                end_if_ours(json.loads(text)["pid"], self.home)


def end_if_ours(pid: int, home: Path) -> None:
    """Ends an engine that a test left behind, if the process still is one of this home."""
    try:
        environ = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return
    if f"CTOS_HOME={home}".encode() in environ:
        os.kill(pid, signal.SIGKILL)


class Terminal:
    """A child on a pseudo-terminal."""

    def __init__(
        self, command: list[str], environ: dict[str, str], rows: int, columns: int
    ) -> None:
        import fcntl
        import struct
        import termios

        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            # What a screen writes goes into the folder that it was opened in.
            os.chdir(environ["CTOS_HOME"])
            os.execvpe(command[0], command, environ)  # noqa: S606 - no shell wanted
        size = struct.pack("HHHH", rows, columns, 0, 0)
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, size)
        self.output = b""
        self._code: int | None = None

    def press(self, keys: bytes) -> None:
        """Types."""
        os.write(self._terminal, keys)

    def read(self, seconds: float = 0.05) -> bytes:
        """Everything shown so far."""
        ready, _, _ = select.select([self._terminal], [], [], seconds)
        if ready:
            try:
                self.output += os.read(self._terminal, 1 << 16)
            except OSError:
                time.sleep(LOOK_S)
        return self.output

    def wait_text(self, text: str, timeout_s: float = PATIENCE_S) -> None:
        """Waits until something is shown."""
        deadline = time.monotonic() + timeout_s
        while text.encode() not in self.read():
            assert time.monotonic() < deadline, f"no {text!r} in {self.output[-2000:]!r}"
            assert self.poll() is None, f"ended with {self._code}: {self.output[-2000:]!r}"

    def poll(self) -> int | None:
        """The exit code, once there is one."""
        if self._code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._code = os.waitstatus_to_exitcode(status)
        return self._code

    def wait(self, timeout_s: float = PATIENCE_S) -> int:
        """Waits for the end."""
        deadline = time.monotonic() + timeout_s
        while (code := self.poll()) is None:
            assert time.monotonic() < deadline, f"does not end: {self.output[-2000:]!r}"
            self.read()
        self.read()
        return code

    def hang_up(self) -> None:
        """Closes the terminal's other end, as a closed window does."""
        os.close(self._terminal)
        self._terminal = -1

    def close(self) -> None:
        """Ends whatever is left."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        if self._terminal >= 0:
            os.close(self._terminal)


def wait_for(is_so: Callable[[], bool], what: str, timeout_s: float = PATIENCE_S) -> None:
    """Waits for something outside this process to come true."""
    deadline = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < deadline, f"waited {timeout_s:g} s for {what}"
        time.sleep(LOOK_S)


@pytest.fixture
def ctos(tmp_path: Path) -> Iterator[Ctos]:
    """The command line with a home of its own."""
    found = Ctos(tmp_path / "home")
    yield found
    found.close()


@pytest.fixture
def terminal(ctos: Ctos) -> Iterator[Callable[..., Terminal]]:
    """Opens the command line in terminals."""
    opened: list[Terminal] = []

    def open_terminal(
        *arguments: str | Path, rows: int = 36, columns: int = 120, program: str = ""
    ) -> Terminal:
        front = [program] if program else ["-m", "tui.cli"]
        command = [sys.executable, *front, *map(str, arguments)]
        opened.append(Terminal(command, ctos.environ, rows, columns))
        return opened[-1]

    yield open_terminal
    for item in opened:
        item.close()
