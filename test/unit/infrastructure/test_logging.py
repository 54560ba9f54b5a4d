"""Logs: where a line goes, how it reads, and what never reaches it."""

from __future__ import annotations

import logging
import os
import stat
import warnings
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path

import pytest

from core.infrastructure.logging import (
    PINNED,
    LogFile,
    LogLine,
    LogRing,
    Repeats,
    area_of,
    clean,
    fields,
    register_secret,
    setup_logging,
)


class Side(StrEnum):
    BUY = "buy"


@pytest.fixture
def setup(tmp_path):
    """Logging into a folder that does not exist yet, taken away afterwards."""
    done = setup_logging(tmp_path / "logs", level="debug")
    yield done
    done.close()


def lines(tmp_path, name):
    """The lines of one log file."""
    return (tmp_path / "logs" / f"{name}.log").read_text().splitlines()


def test_a_line_goes_to_its_area_and_to_the_whole(tmp_path, setup):
    """Info and above stand in `ctos.log` too, debug only in the area."""
    log = logging.getLogger("core.services.grid.service")
    log.info("grid.built", extra=fields(levels=40))
    log.debug("machine.turn")

    area, whole = lines(tmp_path, "Grid"), lines(tmp_path, "ctos")
    assert [line.split(" ", 1)[1] for line in area] == [
        "INFO core.services.grid.service grid.built levels=40",
        "DEBUG core.services.grid.service machine.turn",
    ]
    assert whole == area[:1]
    moment = datetime.fromisoformat(area[0].split(" ")[0])
    assert moment.tzinfo == UTC
    assert area[0].split(" ")[0].endswith("Z")
    assert stat.S_IMODE((tmp_path / "logs" / "Grid.log").stat().st_mode) == 0o600


def test_fields_are_written_so_that_they_can_be_read_back(tmp_path, setup):
    """Decimals are plain, unknown is null, and text with blanks is quoted."""
    extra = fields(
        side=Side.BUY,
        amount=Decimal("1E-7"),
        price=Decimal("118000.50"),
        maker=True,
        unknown=None,
        reason='level "4" freed',
        at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    logging.getLogger("core.services.execution.manager").info("order.filled", extra=extra)

    assert lines(tmp_path, "Execution")[0].endswith(
        "order.filled side=buy amount=0.0000001 price=118000.50 maker=true unknown=null "
        'reason="level \\"4\\" freed" at=2026-01-01T00:00:00+00:00'
    )


@pytest.mark.parametrize(
    "name, area",
    [
        ("core.adapters.exchanges.paper.adapter", "ExchangeAdapter"),
        ("core.adapters.storage.journal", "Storage"),
        ("core.services.execution", "Execution"),
        ("core.services.gridlike", "ctos"),
        ("core.engine.main", "Engine"),
        ("tui.app", "Screen"),
        ("httpx", "ctos"),
    ],
)
def test_areas_follow_the_longest_prefix(name, area):
    """A logger's name is its address."""
    assert area_of(name) == area


def test_secrets_reach_neither_file_nor_ring(tmp_path, setup):
    """Registered values and shapes of secrets are masked in messages, fields and tracebacks."""
    secret = "canary-c4n4ry-value"
    register_secret(secret)
    log = logging.getLogger("core.adapters.exchanges.x")
    log.info("sent %s", secret, extra=fields(url=f"https://x/?signature={'ab' * 20}", key=secret))
    log.error("request.failed", exc_info=ValueError(f"refused {secret}"))
    logging.getLogger("elsewhere").warning("X-MBX-APIKEY: %s", "k" * 20)

    text = "".join(path.read_text() for path in (tmp_path / "logs").iterdir())
    ring = " ".join(line.text for line in setup.ring.newest())
    assert "request.failed" in text
    for hidden in (secret, "abab", "kkkk"):
        assert hidden not in text
        assert hidden not in ring


def test_control_characters_cannot_forge_lines(tmp_path, setup):
    """A message stays one line, without terminal sequences and direction marks."""
    log = logging.getLogger("core.engine")
    log.info("venue said %s", "x\n2026 INFO fake\x1b[31m\x1b]8;;http://e\x07\r\u202eend\x00")

    assert lines(tmp_path, "Engine")[0].endswith("venue said x\\n2026 INFO fake\\r\ufffdend")
    assert clean("a\tb\x9bc") == "a bc"


def test_a_traceback_is_marked_line_by_line(tmp_path, setup):
    """What an exception says cannot look like a line of its own."""
    error = ValueError("first\n2026-01-01T00:00:00.000Z INFO core fake")
    logging.getLogger("core.engine").error("task.crashed", exc_info=error)

    first, *rest = lines(tmp_path, "Engine")
    assert first.endswith("ERROR core.engine task.crashed")
    assert rest
    assert all(line.startswith("    | ") for line in rest)


def test_repeats_are_counted_instead_of_written():
    """The same line passes five times a minute; the next minute tells how many did not."""
    repeats = Repeats(burst=5, window_s=60)

    passed = [repeats.admit("x", float(second)) for second in range(60)]

    assert passed == [0] * 5 + [None] * 55
    assert repeats.admit("y", 30.0) == 0
    assert repeats.admit("x", 60.0) == 55
    assert repeats.admit("x", -5.0) == 0


def test_repeated_lines_do_not_fill_the_file(tmp_path, setup):
    """A thousand identical warnings cost a few lines."""
    for _ in range(1_000):
        logging.getLogger("core.engine").warning("loop.late")

    assert len(lines(tmp_path, "Engine")) == 5
    assert setup.ring.count == 5


def test_a_full_file_is_renamed_and_the_oldest_is_dropped(tmp_path):
    """Rotation keeps the newest three files beside the one that is written."""
    file = LogFile(tmp_path / "x.log", max_bytes=100, kept=3)
    for number in range(50):
        file.write(f"{number:02d} " + "x" * 40)
    file.close()

    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "x.log",
        "x.log.1",
        "x.log.2",
        "x.log.3",
    ]
    assert all(path.stat().st_size <= 100 for path in tmp_path.iterdir())
    assert (tmp_path / "x.log").read_text().startswith("48 ")
    assert (tmp_path / "x.log.3").read_text().startswith("42 ")


def test_a_file_that_another_process_renamed_is_opened_anew(tmp_path):
    """Two writers of one file follow each other's rotation, and a removed folder comes back."""
    first, second = LogFile(tmp_path / "a" / "x.log"), LogFile(tmp_path / "a" / "x.log")
    first.write("one")
    (tmp_path / "a" / "x.log").rename(tmp_path / "a" / "x.log.1")
    second.write("two")
    first.write("three")
    first.close()
    second.close()

    assert (tmp_path / "a" / "x.log").read_text() == "two\nthree\n"


def test_a_disk_that_takes_nothing_raises_nowhere(tmp_path, setup, monkeypatch):
    """A line that cannot be written is counted, and the caller goes on."""

    def no_room(descriptor, raw):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", no_room)
    logging.getLogger("core.engine").error("journal.failed")

    assert setup.failures == 2
    assert setup.ring.newest()[-1].text == "journal.failed"


def test_wrong_arguments_of_a_log_call_raise_nowhere(setup, capsys):
    """A slip in a log call is written as it stands, and nothing reaches the terminal."""

    def record(message, args, **extra):
        made = logging.LogRecord("core.engine", logging.ERROR, "x.py", 1, message, args, None)
        made.__dict__.update(extra)
        return made

    setup._handler.handle(record("%d orders", ("three",)))
    setup._handler.handle(record("x", (), **fields(bad=Unprintable())))

    assert setup.ring.newest()[0].text == "%d orders ('three',)"
    assert setup.failures == 1
    assert capsys.readouterr() == ("", "")


class Unprintable:
    def __str__(self):
        raise RuntimeError("no text")


def test_libraries_speak_from_warning_on(tmp_path, setup):
    """Libraries that log addresses and headers below warning are pinned, children included."""
    for name in PINNED:
        assert logging.getLogger(name).getEffectiveLevel() == logging.WARNING
    logging.getLogger("httpx").info("GET https://api/bot1234:token")
    logging.getLogger("ccxt.base.exchange").debug("headers")

    assert not (tmp_path / "logs").exists()


def test_closing_puts_back_what_was_there(tmp_path):
    """After `close` the loggers have their old levels and no handler of ours."""
    logger = logging.getLogger("httpx")
    before = (logger.level, list(logging.getLogger().handlers))

    done = setup_logging(tmp_path / "logs")
    assert logging.getLogger("core").level == logging.INFO
    done.close()

    assert (logger.level, list(logging.getLogger().handlers)) == before


def test_warnings_are_logged_and_not_printed(setup, capsys):
    """Python's warnings go to the log, so that they never tear the screen."""
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        logging.captureWarnings(True)
        warnings.warn("old function", UserWarning, stacklevel=1)

    assert "old function" in setup.ring.newest()[-1].text
    assert capsys.readouterr().err == ""


def test_the_ring_keeps_the_newest_lines():
    """The oldest fall out; a reader sees by the count that there is something new."""
    ring = LogRing(3)
    for number in range(5):
        at = datetime(2026, 1, 1, tzinfo=UTC)
        ring.append(LogLine(at=at, level="info", source=f"core.{number % 2}", text=str(number)))

    assert [line.text for line in ring.newest()] == ["2", "3", "4"]
    assert [line.text for line in ring.newest(1)] == ["4"]
    assert [line.text for line in ring.newest(source="core.1")] == ["3"]
    assert ring.newest(0) == ()
    assert ring.count == 5


def test_the_log_folder_is_made_when_the_first_line_is_written(tmp_path):
    """Setting up writes nothing, so a read-only place costs nothing until then."""
    done = setup_logging(Path("/proc/nowhere/logs"))
    logging.getLogger("core.engine").error("x")
    done.close()

    assert done.failures == 2
