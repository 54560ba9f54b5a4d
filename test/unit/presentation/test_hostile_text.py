"""Text that a venue, a file or a stranger wrote reaches terminals, logs, tables and the journal."""

from __future__ import annotations

import csv
import io
import json
import logging
from pathlib import Path

import pytest

from core.adapters.exchanges.binance import errors as binance
from core.adapters.exchanges.refusals import Meaning, refusal
from core.infrastructure.foreign_text import clean, tame
from core.infrastructure.logging import setup_logging
from core.infrastructure.redaction import MASK, REDACTOR, register_secret
from core.testing.execution import Bench
from core.testing.scripted_venue import ScriptedVenue
from tui.cli.border import put, say
from tui.cli.diary import Diary
from tui.presentation.cells import Span, harmless, left, width
from tui.presentation.csv import csv_text
from tui.presentation.glyphs import choose
from tui.widgets.paint import Paint

HOSTILE = {
    "clears the screen": "x\x1b[2J\x1b[Hy",
    "a link to elsewhere": "x\x1b]8;;http://e.example\x07click\x1b]8;;\x07y",
    "fills the clipboard": "x\x1b]52;c;cm0gLXJm\x07y",
    "renames the window": "x\x1b]0;root\x1b\\y",
    "C1 control": "x\x9b31my",
    "overwrites the line": "PAID\rLOST",
    "a second line": "x\n2026-11-21T10:00:00.000Z INFO core.engine all.good",
    "runs backwards": "x\u202egnp.exe\u202cy",
    "isolates": "x\u2066y\u2069z",
    "nothing to see": "x\u200b\u200dy\ufeff",
    "other line ends": "x\u2028y\u2029z\x85w",
    "bell and backspace": "x\a\b\b\by",
    "delete": "x\x7fy",
    "half a character": "x\ud800y",
    "markup": "[link=http://e.example]x[/link][red]y[/]",
    "a formula": "=HYPERLINK(1)",
    "another formula": "@SUM(1+1)*cmd|' /C calc'!A0",
}
OBEYED = {*map(chr, range(32)), *map(chr, range(127, 160))} - {"\n"}


@pytest.fixture(autouse=True)
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is registered here is no secret to the tests that follow."""
    monkeypatch.setattr(REDACTOR, "_forms", REDACTOR._forms)
    monkeypatch.setattr(REDACTOR, "_known", REDACTOR._known)


@pytest.fixture(params=HOSTILE.values(), ids=HOSTILE.keys())
def hostile(request: pytest.FixtureRequest) -> str:
    """One of the texts."""
    return str(request.param)


def is_calm(text: str) -> bool:
    """Whether a terminal only shows it."""
    return all(char.isprintable() for char in text)


class Lines:
    """An output that keeps lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, line: str) -> None:
        """Keeps it."""
        self.lines.append(line)

    def close(self) -> None:
        """Nothing waits."""


def test_the_diary_only_shows_it(hostile: str):
    """As a sentence and as JSON: one line, nothing that a terminal would obey."""
    for is_json in (False, True):
        out = Lines()
        fields = (("text", hostile), ("order_id", hostile))
        Diary(out, is_json=is_json).event("bot", "2026-11-21T10:00:00.000Z", "told", fields)
        (line,) = out.lines

        assert not OBEYED & set(line)
        assert all(map(is_calm, line.split("\n")))
        if is_json:
            assert "\n" not in line
            assert json.loads(line)["event"] == "told"


def test_the_command_line_only_shows_it(hostile: str, capsys: pytest.CaptureFixture[str]):
    """Errors and answers."""
    say(f"ctos: {hostile}")
    put(hostile)
    shown = capsys.readouterr()

    assert not OBEYED & set(shown.err + shown.out)
    assert all(map(is_calm, (shown.err + shown.out).split("\n")))


def test_a_screen_only_shows_it(hostile: str):
    """What is drawn has no control and takes the cells that it was measured to take."""
    painter = Paint({}, choose("auto", "utf-8"), has_colour=False)
    strip = painter.strip((Span(left(hostile, 40)),))

    assert is_calm(strip.text)
    assert len(strip.text) == len(left(hostile, 40))
    assert width(harmless(hostile)) == width(hostile)
    assert "[link=" not in hostile or "[link=" in strip.text


def test_a_log_only_shows_it(hostile: str, tmp_path: Path):
    """One record is one line of the file, and one of the ring."""
    setup = setup_logging(tmp_path)
    record = ("core.engine", logging.WARNING, __file__, 1, "venue said %s", (hostile,), None)
    setup._handler.emit(logging.LogRecord(*record))  # and not to whoever else listens here
    setup.close()
    lines = (tmp_path / "Engine.log").read_text(encoding="utf-8").split("\n")

    assert len(lines) == 2
    assert all(map(is_calm, lines))
    assert is_calm(setup.ring.newest()[-1].text)


def test_a_table_holds_it_as_text(hostile: str):
    """Read back it is one cell of one row, and no spreadsheet takes it for a formula."""
    table = csv_text(["title"], [[hostile], ["-5"], ["+1.5"]])
    rows = list(csv.reader(io.StringIO(table, newline="")))

    assert rows[1][0].removeprefix("'") == harmless(hostile)
    assert not rows[1][0].startswith(("=", "+", "-", "@"))
    assert [row[0] for row in rows[2:]] == ["-5", "+1.5"]


@pytest.mark.parametrize("meaning", list(Meaning), ids=lambda meaning: meaning.value)
def test_an_error_of_a_venue_only_shows_it(hostile: str, meaning: Meaning):
    """Whatever its code means, the venue's words in it are tame."""
    error = refusal("binance", meaning, code="-1", words=hostile, is_order=True)

    assert is_calm(str(error))
    assert is_calm(error.venue_message or "")


def test_an_error_that_repeats_a_key_does_not_keep_it():
    """A venue that echoes what it was sent: masked before anybody sees the error."""
    register_secret("kanarie-2f81c7d0")
    body = {"code": -2010, "msg": "bad kanarie-2f81c7d0 for X-MBX-APIKEY: kanarie-2f81c7d0"}

    error = binance.error_of(400, body, is_order=True)

    assert error is not None
    assert "kanarie" not in f"{error} {error.venue_message}"
    assert MASK in str(error)


def test_the_journal_keeps_it_tame(hostile: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Evidence of an order and the words of an alarm, from an adapter that tamed nothing."""
    register_secret("kanarie-77ab01")
    bench = Bench(tmp_path)
    bench.attach()

    said = hostile.encode("utf-8", "replace").decode()

    async def create_order(*_args: object, **_more: object) -> None:
        raise RuntimeError(f"{said} kanarie-77ab01")

    monkeypatch.setattr(ScriptedVenue, "create_order", create_order)
    bench.place("a1")
    bench.wait(120)
    details = [row.detail for row in bench.journal.evidence("a1")]
    texts = [alarm.text for alarm in bench.alarms]
    bench.close()

    assert any(MASK in text for text in details)
    assert all(map(is_calm, [*details, *texts]))
    assert "kanarie" not in " ".join([*details, *texts])


def test_cutting_leaves_no_half_of_a_secret():
    """Masked first, cut afterwards: the edge shows no part of a key."""
    register_secret("kanarie-" + "9" * 40)

    assert "kanarie" not in tame("x" * 30 + "kanarie-" + "9" * 40, 50)


def test_plain_text_stays_as_it_is():
    """Umlauts, Chinese, signs and emoji are words, not orders to a terminal."""
    for text in ("Größe 价格 × − ✓ 0.5", "naïve café", "🙂"):
        assert clean(text) == text
        assert harmless(text) == text
