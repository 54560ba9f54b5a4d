"""An alarm is told to whoever looks, in words, in both languages."""

import ast
import re
from pathlib import Path

import pytest

from core.services.grid.snapshot import GridPhase
from tui.strings import words

ROOT = Path(__file__).resolve().parents[2]
SIZE = (150, 40)
CODE = re.compile(r"[A-Z][A-Z_]{3,}")


async def settle(pilot):
    """Until everything that was posted has been handled and painted."""
    for _ in range(8):  # a busy machine needs more turns than a quiet one
        await pilot.pause()


def codes() -> set[str]:
    """Every code that execution calls a person with."""
    found = set()
    for path in sorted((ROOT / "core" / "services" / "execution").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            name = node.func.id if isinstance(node.func, ast.Name) else name
            if name in {"Alarm", "_alarm"} and len(node.args) > 1:
                wanted = node.args[1]
                if isinstance(wanted, ast.Constant):
                    found.add(str(wanted.value))
    return found | {"JOURNAL", "JOURNAL_FULL"}


def test_every_alarm_has_words_and_a_way_out():
    """In both catalogues, and in the table of the runbook; none that nobody raises has any."""
    runbook = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
    table = runbook.split("\n## Alarms\n", 1)[1].split("\n## ", 1)[0]
    rows = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    explained = {code for row in rows for code in CODE.findall(row)}
    worded = {
        language: {name[6:] for name in words(language).texts if name.startswith("alarm.")}
        for language in ("en", "zh")
    }

    assert {"FOREIGN_ORDER", "POSITION_DIFFERS", "UNRESOLVED", "LATE_FILL"} <= codes()
    assert worded["en"] == worded["zh"] == codes()
    assert codes() - explained == set()


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("code", ["FOREIGN_ORDER", "POSITION_DIFFERS", "UNRESOLVED", "LATE_FILL"])
async def test_an_alarm_stands_on_the_screen_until_it_is_read(
    make_app, source, samples, text, language, code
):
    """Named in the language of the screen, with what happened behind it; later news wait."""
    app = make_app(display={"language": language})
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        told = {"alarm": f"{code}: order 77", "alarm_code": code, "alarm_at": samples.NOW}
        source.push(samples.grid(message="buy filled 0.02 @ 101", **told))
        await settle(pilot)
        shown = text(app)
        source.push(samples.grid(message="buy filled 0.01 @ 100", **told))
        await settle(pilot)
        later = text(app)

    for picture in (shown, later):
        assert words(language)(f"alarm.{code}") in picture
        assert "order 77" in picture
    assert f"{code}:" not in shown


async def test_an_alarm_whose_cause_is_over_leaves_the_screen(make_app, source, samples, text):
    """What happened last stands in its place, unless something else was said meanwhile."""
    app = make_app()
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        told = {"alarm": "clock", "alarm_code": "CLOCK_DIFFERS", "alarm_at": samples.NOW}
        source.push(samples.grid(message="buy filled 0.02 @ 101", **told))
        await settle(pilot)
        shown = text(app)
        source.push(samples.grid(message="buy filled 0.02 @ 101"))
        await settle(pilot)
        later = text(app)

    assert words("en")("alarm.CLOCK_DIFFERS") in shown
    assert words("en")("alarm.CLOCK_DIFFERS") not in later
    assert "buy filled 0.02 @ 101" in later


async def test_a_chinese_screen_says_what_happened_in_chinese(make_app, source, samples, text):
    """From the line's name and fields, not from its English words."""
    app = make_app(display={"language": "zh"})
    fields = (("side", "buy"), ("amount", "0.02"), ("price", "101"), ("level", 7))
    async with app.run_test(size=SIZE) as pilot:
        await settle(pilot)
        source.push(
            samples.grid(
                message="buy filled 0.02 @ 101",
                message_event="order.filled",
                message_fields=fields,
                phase_reason="paused by you. Orders stay; nothing new is sent.",
                phase=GridPhase.PAUSED,
            )
        )
        await settle(pilot)
        shown = text(app)

    assert "买单成交 0.02 @ 101  第 7 格" in shown
    assert "由 您 暂停" in shown
    assert "filled" not in shown.splitlines()[-2]
