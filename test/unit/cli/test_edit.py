"""`ctos edit`: what it prints, when it asks, and when it acts."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from core.adapters.exchanges.models import OrderSide
from core.engine.protocol import EditShown
from core.errors import ConfigError
from core.services.grid.snapshot import EditDiff, EditLine, KeptHolding, KeyChange
from tui.cli import edit as module

LINE = EditLine(
    level=3, leg="entry", side=OrderSide.BUY, price=Decimal("97.0"), amount=Decimal("2.000")
)
DIFF = EditDiff(
    cancel=tuple(
        EditLine(
            level=level,
            leg="entry",
            side=OrderSide.BUY,
            price=Decimal(90 + level),
            amount=Decimal(1),
            client_order_id=f"c{level}",
        )
        for level in range(1, 16)
    ),
    place=(LINE,),
    kept_holdings=(
        KeptHolding(level=9, entry_price=Decimal(98), exit_price=Decimal(99), amount=Decimal(1)),
    ),
    capital_before=Decimal(100),
    capital_after=Decimal("150.5"),
    exposure_before=Decimal(5),
    exposure_after=Decimal(5),
    changes=(
        KeyChange(key="grid_system.order_amount", before="1", after="2"),
        KeyChange(key="grid_system.leverage", before=None, after="3"),
    ),
    notices=("One line is taken off.",),
    quote="USDC",
    base="TEST",
)


def test_the_text_names_keys_orders_and_money():
    """A person reads what changes before anything does; long lists are cut with their count."""
    lines = module.diff_lines("bot", DIFF)

    assert lines[0] == "bot: 15 orders to cancel, 0 to keep, 1 to place"
    assert module.diff_lines("bot", DIFF, is_done=True)[0] == (
        "bot: 15 orders cancelled, 0 kept, 1 placed"
    )
    assert "  order_amount: 1 -> 2" in lines
    assert "  leverage: not set -> 3" in lines
    assert "  buy  1 TEST @ 91  level 1" in lines
    assert "  … 3 more" in lines
    assert "left over: 1 TEST from 98 is sold at 99" in lines
    assert "capital    100 -> 150.5 USDC (+50.5)" in lines
    assert "all filled 5 -> 5 TEST" in lines


def test_json_is_one_object_on_stdout(capsys: pytest.CaptureFixture[str]):
    """The lists and both changes stand in it; nothing else is there."""
    module.show(EditShown(bot="bot", diff=DIFF, is_applied=False), is_json=True)
    out, err = capsys.readouterr()
    found = json.loads(out)

    assert err == ""
    assert (found["bot"], found["applied"]) == ("bot", False)
    assert (len(found["cancel"]), found["keep"], len(found["place"])) == (15, [], 1)
    assert (found["capital_change"], found["exposure_change"]) == ("50.5", "0")
    assert found["changes"][1] == {"key": "grid_system.leverage", "before": None, "after": "3"}
    assert found["notices"] == ["One line is taken off."]


def test_protections_alone_touch_no_order():
    """Then that is what the first line says."""
    diff = EditDiff(keep=(LINE,), changes=DIFF.changes)

    assert module.in_short(diff) == "no order is touched, 1 order stays"
    assert module.in_short(EditDiff(keep=(LINE,))) == "nothing changes"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path):
    """With its path and the reason."""
    with pytest.raises(ConfigError, match="cannot be read"):
        module.read_text(tmp_path / "missing.yaml")


def test_a_bot_that_nobody_knows_is_refused(ctos_home: Path, tmp_path: Path):
    """Nothing runs and nothing was left behind."""
    file = tmp_path / "bot.yaml"
    file.write_text("grid_system: {}\n")

    with pytest.raises(ConfigError, match="no bot named bot runs"):
        module.edit("bot", file, is_json=False, is_sure=True)
    assert not [*ctos_home.rglob("journal.db*")]
