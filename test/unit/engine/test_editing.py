"""Editing through the engine: journal, limits and record follow, running or not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from core.engine.editing import edit_bot, read_config
from core.engine.engine import Engine
from core.engine.protocol import Act, EditBot, EditShown, StartBot
from core.errors import ConfigError
from core.services.execution.explanation import UnknownOrder, explain
from core.services.grid.slots import Progress
from core.services.grid.snapshot import GridPhase
from core.wiring.doors import Doors

CONFIG = """
grid_system:
  exchange: paper
  name: bot
  symbol: BTC-USDC-PERP
  grid_type: long
  grid_interval: "{interval}"
  order_amount: "{amount}"
  price_range: {{lower_price: "{lower}", upper_price: "119000"}}
  on_exit: cancel_orders
  paper: {{initial_balance: "{balance}", latency_ms: 0, fill: through}}
"""


def config(
    interval: str = "100", amount: str = "0.01", lower: str = "117000", balance: str = "1000000"
) -> str:
    """A long grid below and above the simulated price."""
    return CONFIG.format(interval=interval, amount=amount, lower=lower, balance=balance)


def start(text: str) -> StartBot:
    """A request for the bot on a simulated market."""
    return StartBot(app="grid", path="/bot.yaml", text=text, feed="sim:7", is_detached=True)


def engine(folder: Path) -> Engine:
    """An engine over the journal of a folder."""
    doors = Doors()
    return Engine(
        mode="paper",
        folder=folder,
        doors=doors,
        journal=doors.journal(folder),
        instance_id="abcde12345",
    )


async def until(is_so: Callable[[], bool]) -> None:
    """Lets the engine work until something holds."""
    while not is_so():  # noqa: ASYNC110 # a machine tells nobody
        await asyncio.sleep(0.01)


async def running(made: Engine) -> None:
    """Until every line has an order of its own at the venue."""
    machine = made.bot("bot").service.machine

    def stands() -> bool:
        orders = [slot.order for slot in machine.slots]
        return bool(orders) and all(
            order is not None
            and order.shares is None
            and order.progress is Progress.OPEN
            and not order.is_cancelling
            for order in orders
        )

    await until(stands)


async def ended(made: Engine) -> None:
    """Until the bot has come to its end."""
    bot = made.bots["bot"]
    await until(lambda: not bot.is_running)


async def edit(made: Engine, text: str, *, is_applied: bool = True) -> EditShown:
    """An edit with a new text."""
    request = EditBot(bot="bot", path="/new.yaml", text=text, is_applied=is_applied)
    return await edit_bot(made, request)


def limits(made: Engine) -> dict[str, Decimal | None]:
    """The limits in force, by name."""
    gauges = made.bot("bot").snapshot().limits
    return {gauge.name.replace("_", " "): gauge.limit for gauge in gauges}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where journal and venue live."""
    found = tmp_path / "paper"
    found.mkdir()
    return found


async def test_an_edit_changes_the_record_with_the_grid(folder: Path):
    """Fingerprint, configuration, limits and what home shows follow the new file."""
    async with engine(folder) as made:
        await made.start_bot(start(config()))
        await running(made)
        bot = made.bot("bot")
        before = limits(made)
        shown = await edit(made, config(lower="116500"))
        row = made.journal.bot(bot.bot_id)

        assert shown.is_applied
        assert [line.price for line in shown.diff.place] == [116900, 116800, 116700, 116600, 116500]
        assert shown.diff.cancel == ()
        assert row is not None
        assert json.loads(row.fingerprint)["price_range.lower_price"] == "116500"
        assert json.loads(row.config)["grid_system"]["price_range"]["lower_price"] == "116500"
        assert bot.row().config_path == "/new.yaml"
        assert read_config(made, "bot").text == config(lower="116500")
        assert limits(made)["open orders"] == before["open orders"] + 5


async def test_a_preview_changes_nothing(folder: Path):
    """The same diff, and everything as it was."""
    async with engine(folder) as made:
        await made.start_bot(start(config()))
        await running(made)
        bot = made.bot("bot")
        state = made.journal.state(bot.bot_id)["ladder"]
        shown = await edit(made, config(amount="0.02"), is_applied=False)

        assert not shown.is_applied
        assert shown.diff.cancel
        assert [change.key for change in shown.diff.changes] == ["grid_system.order_amount"]
        assert made.journal.state(bot.bot_id)["ladder"] == state
        assert read_config(made, "bot").text == config()


@pytest.mark.parametrize(
    "text, words",
    [
        (config(interval="abc"), "/new.yaml:7: grid_system.grid_interval"),
        (config(balance="5"), "/new.yaml: grid_system.paper.initial_balance: it is 1000000"),
        (config().replace("BTC-USDC", "ETH-USDC"), "/new.yaml: grid_system.symbol"),
        (config().replace("type: long", "type: short"), "long cannot become short"),
    ],
    ids=["number", "account", "symbol", "direction"],
)
async def test_a_bad_edit_leaves_the_grid_running(folder: Path, text: str, words: str):
    """File, key and value are named, and no order is touched."""
    async with engine(folder) as made:
        await made.start_bot(start(config()))
        await running(made)
        machine = made.bot("bot").service.machine
        orders = [order.client_order_id for order in machine.orders]
        with pytest.raises(ConfigError) as refused:
            await edit(made, text)

        assert words in str(refused.value)
        assert machine.phase is GridPhase.RUNNING
        assert set(orders) & {order.client_order_id for order in machine.orders}


async def test_a_killed_engine_goes_on_with_the_edited_grid(folder: Path):
    """After an edit the new file resumes, and the old one is refused with the way out."""
    async with engine(folder) as made:
        await made.start_bot(start(config()))
        await running(made)
        await edit(made, config(amount="0.02"))
    async with engine(folder) as made:
        with pytest.raises(ConfigError, match="ctos edit bot FILE"):
            await made.start_bot(start(config()))
    async with engine(folder) as made:
        await made.start_bot(start(config(amount="0.02")))
        await running(made)

        machine = made.bot("bot").service.machine
        entries = {order.amount for order in machine.orders if order.leg.word == "entry"}
        assert entries == {machine.settings.instrument.lots(machine.settings.order_amount)}


async def test_a_bot_at_rest_is_edited_in_the_journal(folder: Path):
    """What it left behind is carried over, so that the next start goes on with the new file."""
    async with engine(folder) as made:
        await made.start_bot(start(config()))
        await running(made)
        held = made.bot("bot").service.machine.position
        made.stop_bot(made.bot("bot"), Act.STOP_CANCEL)
        await ended(made)
        assert held > 0
        shown = await edit(made, config(lower="117500"))
        assert "It does not run" in shown.diff.notices[0]
        assert "lower_price: '117500'" in read_config(made, "bot").text
        await made.start_bot(start(config(lower="117500")))
        await running(made)

        machine = made.bot("bot").service.machine
        assert machine.ladder is not None
        assert machine.ladder.count == 15
        assert machine.position >= held


async def test_why_names_rule_inputs_and_what_came_of_it(folder: Path):
    """An initial order, an exit that followed it, and an id that nobody knows."""
    async with engine(folder) as made:
        await made.start_bot(start(config()))
        await running(made)
        bot = made.bot("bot")
        orders = made.journal.orders(bot.bot_id, 100)
        initial = next(item for item in orders if item.intent.rule == "entry.initial_fill")
        found = explain(made.journal, initial.intent.client_order_id)

        assert (found.bot, found.leg, found.rule) == ("bot", "entry", "entry.initial_fill")
        assert {"ask", "cap", "price_age_ms"} <= dict(found.inputs).keys()
        assert sum(item.amount for item in found.fills) == found.filled > 0
        assert explain(made.journal, initial.order_id).client_order_id == found.client_order_id
        resting = next(item for item in orders if item.intent.role == "exit")
        after = explain(made.journal, resting.intent.client_order_id)
        assert {"level", "bid", "ask", "price_age_ms"} <= dict(after.inputs).keys()
        assert after.history[-1].client_order_id == after.client_order_id
        with pytest.raises(UnknownOrder):
            explain(made.journal, "nothing")


async def test_why_knows_why_an_order_was_cancelled(folder: Path):
    """The rule of a cancel is on record beside the order."""
    async with engine(folder) as made:
        await made.start_bot(start(config()))
        await running(made)
        shown = await edit(made, config(amount="0.02"))
        # The lowest entry is far from the market, so that nothing can fill it meanwhile.
        lowest = min(shown.diff.cancel, key=lambda row: Decimal(row.price))
        await running(made)
        found = explain(made.journal, lowest.client_order_id)

        assert ("CANCEL_ASKED", "cancel.edited") in [
            (item.kind, item.detail) for item in found.learned
        ]
        assert found.state == "CANCELED"
        assert "cancelled" in found.outcome


async def test_why_tells_a_refusal_with_code_limit_and_value(folder: Path):
    """Risk said no: the order never existed, and the explanation says what would have."""
    limited = config() + '  risk: {order_notional: "900"}\n'
    async with engine(folder) as made:
        await made.start_bot(start(limited))
        bot = made.bot("bot")
        denied = "risk.denied"
        await until(lambda: any(row.event == denied for row in made.journal.diary(bot.bot_id, 50)))
        line = next(row for row in made.journal.diary(bot.bot_id, 50) if row.event == denied)
        found = explain(made.journal, json.loads(line.fields)["client_order_id"])

        assert found.state == "DENIED"
        assert found.refusal is not None
        assert found.refusal.code == "NOTIONAL_EXCEEDS_CAP"
        assert found.refusal.limit == "900"
        assert found.refusal.value is not None
        assert found.rule.startswith("entry.")
        assert "never sent" in found.outcome
