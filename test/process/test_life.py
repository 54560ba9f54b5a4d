import json
import os
import signal
import subprocess
import sys
from functools import partial

import pytest

pytestmark = [pytest.mark.process, pytest.mark.slow]

FEED = ("--feed", "sim:7", "--speed", "20")


def events(output: bytes | str) -> list[dict]:
    """The JSON lines of a diary."""
    return [json.loads(line) for line in output.splitlines() if line.strip()]


def press(ctos, child, *, times: int) -> None:
    """Ctrl+C so often; two at once would arrive as one."""
    for stage in range(1, times + 1):
        child.send_signal(signal.SIGINT)
        word = f"stage={stage}"
        ctos.wait_for(partial(is_told, ctos, child, word), word)


def is_told(ctos, child, word: str) -> bool:
    """Whether a process has logged a word, or is gone."""
    return child.poll() is not None or word in ctos.log()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_one_signal_is_an_orderly_end(ctos, number):
    """SIGINT, SIGTERM and SIGHUP end the bot by its policy, say so, and give 0."""
    child = ctos.start("grid", ctos.config(), "--headless", "--json", *FEED)
    ctos.wait_running()

    child.send_signal(number)
    out, err = child.communicate(timeout=30)

    told = events(out)
    assert child.returncode == 0
    assert told[-1]["event"] == "summary"
    assert told[-1]["residual"] == "0"
    assert told[-1]["open_orders_left"] == 0
    assert "orders cancelled" in err.decode()


def test_a_second_signal_hurries_and_the_next_start_finishes(ctos):
    """With a slow venue a second SIGINT cuts the clean-up short; the next start finishes it."""
    child = ctos.start(
        "grid", ctos.config(latency_ms=9000), "--headless", "--json", "--feed", "sim:7"
    )
    ctos.wait_running()
    press(ctos, child, times=2)
    _, err = child.communicate(timeout=20)

    again = ctos.run(
        "grid", ctos.config(), "--headless", "--json", "--feed", "sim:7", "--for", "4s"
    )
    told = events(again.stdout)

    assert child.returncode == 3
    assert "the next start finishes it" in err.decode()
    assert again.returncode == 0, again.stderr
    assert told[-1]["open_orders_left"] == 0
    assert told[-1]["residual"] == "0"


def test_a_third_signal_ends_at_once(ctos):
    """Three SIGINTs end the process without waiting for anything."""
    child = ctos.start(
        "grid", ctos.config(latency_ms=9000), "--headless", "--json", "--feed", "sim:7"
    )
    ctos.wait_running()
    press(ctos, child, times=3)

    assert child.wait(timeout=2) == 3


def test_a_reader_that_goes_away_is_no_reason_to_stop(ctos):
    """A closed pipe ends the diary, never the bot."""
    read_end, write_end = os.pipe()
    child = ctos.start("grid", ctos.config(), "--headless", "--json", *FEED, stdout=write_end)
    os.close(write_end)
    os.read(read_end, 10)
    os.close(read_end)
    ctos.wait_running()
    ctos.wait_running()

    child.send_signal(signal.SIGTERM)
    _, err = child.communicate(timeout=30)

    assert child.returncode == 0
    assert b"Traceback" not in err
    assert b"Broken pipe" not in err


def test_a_detached_bot_runs_on_and_is_stopped_from_elsewhere(ctos):
    """`--detach`, `ps`, `status`, `attach` into a pipe, `stop`: each from a process of its own."""
    started = ctos.run("grid", ctos.config(), "--detach", *FEED)
    listed = ctos.run("ps")
    status = json.loads(ctos.run("status", "--json").stdout)
    watcher = ctos.start("attach", "bot")
    while b"order" not in watcher.stdout.readline():
        pass
    stopped = ctos.run("stop", "bot")
    watcher.communicate(timeout=20)

    assert started.returncode == 0, started.stderr
    assert "runs detached" in started.stderr
    assert "bot" in listed.stdout
    assert status["engines"][0]["bots"][0]["is_running"] is True
    assert stopped.returncode == 0
    assert "orders cancelled" in stopped.stdout
    assert watcher.returncode == 0
    assert ctos.run("ps").stderr.strip() in {"Nothing runs.", "No bot runs."}


def test_two_bots_share_an_engine(ctos):
    """A second detached bot joins the engine of the first; a double of either is refused."""
    ctos.run("grid", ctos.config("one"), "--detach", *FEED)
    second = ctos.config("two", symbol="ETH-USDC-PERP")
    second.write_text(
        second.read_text().replace("117000", "2000").replace("119000", "6000").replace("0.01", "1")
    )
    joined = ctos.run("grid", second, "--detach", *FEED)
    double = ctos.run("grid", ctos.config("one"), "--detach", *FEED)
    engines = ctos.engines()

    assert joined.returncode == 0, joined.stderr
    assert len(engines) == 1
    assert {bot["name"] for bot in engines[0]["bots"]} == {"one", "two"}
    assert double.returncode == 2
    assert "runs already" in double.stderr


def test_a_second_engine_on_the_same_home_is_refused(ctos):
    """A foreground run beside a running engine says who owns the home, and touches nothing."""
    ctos.run("grid", ctos.config("one"), "--detach", *FEED)

    second = ctos.run("grid", ctos.config("two"), "--headless", "--json", *FEED)

    assert second.returncode == 1
    assert second.stdout == ""
    assert "another engine" in second.stderr
    assert "Traceback" not in second.stderr


def test_a_killed_engine_is_resumed_by_starting_again(ctos):
    """After SIGKILL the same command goes on with the same slots."""
    path = ctos.config()
    ctos.run("grid", path, "--detach", *FEED)
    pid = ctos.engines()[0]["pid"]
    os.kill(pid, signal.SIGKILL)

    again = ctos.run("grid", path, "--detach", *FEED)
    ctos.wait_running()
    stopped = ctos.run("stop", "bot")

    assert again.returncode == 0, again.stderr
    assert stopped.returncode == 0, stopped.stderr


def test_what_a_killed_engine_left_can_be_stopped_by_name(ctos):
    """`ctos stop NAME` ends what a bot left behind though nothing runs."""
    ctos.run("grid", ctos.config(), "--detach", *FEED)
    ctos.wait_running()
    os.kill(ctos.engines()[0]["pid"], signal.SIGKILL)

    stopped = ctos.run("stop", "bot")

    assert stopped.returncode == 0, stopped.stderr
    assert "orders cancelled" in stopped.stdout


def test_kill_halts_cancels_and_is_released(ctos):
    """`ctos kill --cancel` halts and cancels; only `--release` lets bots trade again."""
    ctos.run("grid", ctos.config(), "--detach", *FEED)
    ctos.wait_running()

    killed = ctos.run("kill", "--cancel")
    halted = ctos.engines()[0]
    released = ctos.run("kill", "--release", "--yes")
    after = ctos.engines()[0]

    assert killed.returncode == 0, killed.stderr
    assert "halted" in killed.stdout
    assert "orders cancelled" in killed.stdout
    assert halted["risk_state"] == "HALTED"
    assert released.returncode == 0
    assert after["risk_state"] == "ACTIVE"


def test_kill_works_while_the_engine_hangs(ctos):
    """An engine that does not answer is ended, the halt is latched, its orders are cancelled."""
    ctos.run("grid", ctos.config(), "--detach", *FEED)
    ctos.wait_running()
    pid = ctos.engines()[0]["pid"]
    os.kill(pid, signal.SIGSTOP)

    asked = ctos.run("kill", "--cancel")
    forced = ctos.run("kill", "--cancel", "--yes")
    again = ctos.run("kill", "--cancel", "--yes")

    assert asked.returncode == 3
    assert "does not answer" in asked.stderr
    assert "--yes" in asked.stderr
    assert forced.returncode == 0, forced.stderr
    assert "halted" in forced.stdout
    assert "orders cancelled" in forced.stdout
    assert "0 of 0 orders cancelled" in again.stdout


def test_kill_with_nothing_there_is_harmless(ctos):
    """The panic button on a fresh home says so and gives 0."""
    killed = ctos.run("kill")

    assert killed.returncode == 0
    assert "nothing ever ran" in killed.stderr


def test_the_screen_opens_and_q_ends_everything(ctos, terminal):
    """In a terminal the grid screen shows; q ends the bot and the closing line stays."""
    opened = terminal("grid", ctos.config(), *FEED)
    opened.wait_text("Fills")
    ctos.wait_running()

    opened.press(b"q")
    code = opened.wait()

    assert code == 0
    assert b"orders cancelled" in opened.output[-400:]


def test_a_vanished_screen_leaves_the_bot_its_grace(ctos, terminal):
    """A terminal that is closed does not end the bot: the engine waits for someone to attach."""
    opened = terminal("grid", ctos.config(), *FEED)
    opened.wait_text("Fills")
    ctos.wait_running()

    os.kill(opened.pid, signal.SIGKILL)
    opened.wait()
    ctos.wait_running()

    assert "screen.vanished" in ctos.log()
    assert ctos.run("stop", "bot").returncode == 0


@pytest.mark.parametrize(
    "environ, size, word",
    [
        ({"TERM": "dumb"}, (36, 120), "TERM=dumb"),
        ({"TERM": ""}, (36, 120), "TERM=dumb"),
        ({}, (15, 60), "60x15"),
        ({}, (0, 0), "0x0"),
    ],
    ids=["dumb", "nameless", "small", "no size"],
)
def test_a_terminal_without_a_screen_gets_one_line_and_a_diary(ctos, terminal, environ, size, word):
    """A dumb or tiny terminal is told why, in one line, and the bot runs."""
    ctos.extra = environ
    opened = terminal("grid", ctos.config(), *FEED, rows=size[0], columns=size[1])
    opened.wait_text(word)
    opened.wait_text("order.placed")

    os.kill(opened.pid, signal.SIGTERM)

    assert opened.wait() == 0


def test_virtual_runs_say_the_same_twice(ctos, tmp_path):
    """Two runs of one recording at --speed max write the same bytes, with a residual of 0."""
    tape = tmp_path / "tape.csv"
    rows = ["ts,price,amount,side"]
    price = 118_000
    for number in range(2_000):
        price += (number * 7919) % 41 - 20
        rows.append(
            f"{1_700_000_000_000 + number * 250},{price},0.5,{'buy' if number % 2 else 'sell'}"
        )
    tape.write_text("\n".join(rows) + "\n")
    command = ("grid", ctos.config(), "--headless", "--json", "--feed", tape, "--speed", "max")

    first, second = ctos.run(*command), ctos.run(*command)

    assert first.returncode == 0, first.stderr
    assert first.stdout == second.stdout
    assert events(first.stdout)[-1]["residual"] == "0"
    assert events(first.stdout)[-1]["fills"] > 10
    assert str(ctos.home) not in first.stdout


def test_closed_stdout_is_survived(ctos):
    """With stdout closed from the start the bot runs and ends in order."""
    child = subprocess.run(  # noqa: S602 # only a shell closes a descriptor for a child
        f"exec {sys.executable} -m tui.cli grid {ctos.config()} --headless --feed sim:7"
        " --speed 20 --for 10s >&-",
        shell=True,
        env=ctos.environ,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )

    assert child.returncode == 0, child.stderr
    assert "Traceback" not in child.stderr
