"""Real terminals: closed windows, resizes, no size at all, Ctrl+Z, a process that stood still."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import signal
import struct
import termios
import time

import pytest

pytestmark = [pytest.mark.process, pytest.mark.slow]

FEED = ("--feed", "sim:7", "--speed", "20")
ENTERED, LEFT = "\x1b[?1049h", "\x1b[?1049l"
"""What a terminal is told as a screen takes it over, and as it gives it back."""


def resize(terminal, rows: int, columns: int) -> None:
    """The window gets another size, and the program is told."""
    size = struct.pack("HHHH", rows, columns, 0, 0)
    fcntl.ioctl(terminal._terminal, termios.TIOCSWINSZ, size)
    os.kill(terminal.pid, signal.SIGWINCH)


def events(output: bytes) -> list[dict]:
    """The JSON lines of a diary."""
    return [json.loads(line) for line in output.splitlines() if line.startswith(b"{")]


@pytest.mark.parametrize("heard", [signal.SIG_DFL, signal.SIG_IGN])
def test_a_closed_window_leaves_the_bot_its_grace(ctos, terminal, heard):
    """The window is closed under a running screen: the screen ends, the bot trades on.

    Also where hang-ups were ignored by whoever started it, as nohup does.
    """
    before = signal.signal(signal.SIGHUP, heard)
    try:
        opened = terminal("grid", ctos.config(), *FEED)
    finally:
        signal.signal(signal.SIGHUP, before)
    opened.wait_text("Fills")
    ctos.wait_running()

    opened.hang_up()
    ctos.wait_for(lambda: opened.poll() is not None, "the screen to end")
    ctos.wait_for(lambda: "screen.vanished" in ctos.log(), "the engine to notice")
    ctos.wait_running()

    stopped = ctos.run("stop", "bot")
    assert stopped.returncode == 0, stopped.stderr
    assert "orders cancelled" in stopped.stdout
    assert "Traceback" not in ctos.log()


def test_a_terminal_that_is_gone_is_no_reason_to_stop(ctos):
    """Writes to a terminal that was closed fail (EIO); a bot that got no SIGHUP trades on."""
    ours, theirs = pty.openpty()
    child = ctos.start("grid", ctos.config(), "--headless", "--json", *FEED, stdout=theirs)
    os.close(theirs)
    os.read(ours, 10)
    os.close(ours)
    ctos.wait_running()
    ctos.wait_running()

    child.send_signal(signal.SIGTERM)
    _, err = child.communicate(timeout=30)

    assert child.returncode == 0
    assert b"Traceback" not in err
    assert b"orders cancelled" in err


def test_a_window_of_any_size_is_survived(ctos, terminal):
    """Resized to nothing, to a stamp and back while the bot runs, the screen still takes keys."""
    opened = terminal("grid", ctos.config(), *FEED)
    opened.wait_text("Fills")
    ctos.wait_running()

    for rows, columns in ((0, 0), (3, 10), (24, 80), (200, 400), (1, 1), (36, 120)):
        resize(opened, rows, columns)
        opened.read(0.1)
    opened.press(b"q")

    assert opened.wait() == 0
    assert b"Traceback" not in opened.output
    assert b"orders cancelled" in opened.output[-400:]


def test_ctrl_z_never_stops_a_bot(ctos, terminal):
    """Ctrl+Z is a key like others; SIGTSTP holds the screen, and the bot's engine goes on."""
    opened = terminal("grid", ctos.config(), *FEED)
    opened.wait_text("Fills")
    ctos.wait_running()

    opened.press(b"\x1a")
    opened.read(0.2)
    os.kill(opened.pid, signal.SIGTSTP)
    opened.wait_text(LEFT)
    ctos.wait_running()
    seen = opened.output.count(ENTERED.encode())
    os.kill(opened.pid, signal.SIGCONT)
    ctos.wait_for(lambda: opened.read().count(ENTERED.encode()) > seen, "the screen to come back")
    opened.press(b"q")

    assert opened.wait() == 0
    assert b"orders cancelled" in opened.output[-400:]


def test_a_process_that_stood_still_compares_before_it_goes_on(ctos):
    """SIGSTOP for three seconds, then SIGCONT: noticed, compared with the venue, and traded on."""
    child = ctos.start("grid", ctos.config(), "--headless", "--json", "--feed", "sim:7")
    ctos.wait_running()

    child.send_signal(signal.SIGSTOP)
    stopped_at = time.monotonic()
    ctos.wait_for(lambda: time.monotonic() > stopped_at + 3, "three seconds to pass")
    child.send_signal(signal.SIGCONT)
    ctos.wait_for(lambda: "loop.late" in ctos.log(), "the engine to notice")
    ctos.wait_running()
    child.send_signal(signal.SIGTERM)
    out, _ = child.communicate(timeout=30)

    told = events(out)
    assert child.returncode == 0
    assert [line["event"] for line in told].count("reconciled") >= 2
    assert told[-1]["residual"] == "0"
    assert told[-1]["open_orders_left"] == 0
