"""An engine with real venue, journal and services, its socket and real clients; one process."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import cast

import pytest

from core.adapters.exchanges.models import OrderOptions, OrderSide, OrderType
from core.domain.events import Event
from core.engine.client import EngineClient, EngineRefused
from core.engine.desk import FrontDesk
from core.engine.endpoint import Endpoint
from core.engine.engine import Engine, Fields
from core.engine.protocol import (
    Act,
    AskBot,
    Attach,
    BotEnded,
    BotStarted,
    Detach,
    Kill,
    KillStage,
    ListOrders,
    Orders,
    Push,
    StartBot,
    StopBot,
    Watch,
)
from core.engine.server import ControlServer
from core.engine.supervisor import Supervisor
from core.infrastructure.home import Home
from core.services.grid.snapshot import GridPhase, GridSnapshot
from core.wiring.doors import Doors

CONFIG = """
grid_system:
  exchange: paper
  name: {name}
  symbol: {symbol}
  grid_type: long
  grid_interval: "100"
  order_amount: "0.01"
  price_range: {{lower_price: "117000", upper_price: "119000"}}
  on_exit: cancel_orders
  paper: {{initial_balance: "1000000", latency_ms: 0, fill: through}}
"""


class House:
    """One engine and what it told."""

    def __init__(self, home: Home, engine: Engine, supervisor: Supervisor) -> None:
        self.home = home
        self.engine = engine
        self.supervisor = supervisor
        self.ends: list[BotEnded] = []
        self.events: list[str] = []
        self.server: ControlServer | None = None

    def line(self, bot: str, at_ns: int, event: str, fields: Fields) -> None:
        """Keeps the event's name."""
        self.events.append(event)
        if self.server is not None:
            self.server.line(bot, at_ns, event, fields)

    def push(self, push: Push) -> None:
        """Keeps endings."""
        if isinstance(push, BotEnded):
            self.ends.append(push)
        if self.server is not None:
            self.server.push(push)

    async def connect(self) -> EngineClient:
        """A client of this engine."""
        return await EngineClient.connect(self.home, "paper")


@asynccontextmanager
async def house(
    home: Home,
    *,
    grace_s: float = 30.0,
    linger_s: float = 0.05,
) -> AsyncIterator[House]:
    """An engine that listens."""
    folder = home.mode_folder("paper")
    doors = Doors()
    async with Engine(
        mode="paper",
        folder=folder,
        doors=doors,
        journal=doors.journal(folder),
        instance_id="abcde12345",
    ) as engine:
        supervisor = Supervisor(engine, grace_s=grace_s, linger_s=linger_s)
        found = House(home, engine, supervisor)
        engine.teller = found
        engine.on_ended = supervisor.ended
        found.server = ControlServer(
            Endpoint.of(home, "paper"), FrontDesk(engine, supervisor), frame_s=0.01
        )
        async with found.server.open():
            yield found


def start(
    name: str = "bot", symbol: str = "BTC-USDC-PERP", *, speed: str = "1", is_detached: bool = False
) -> StartBot:
    """A request for a bot on a simulated market."""
    return StartBot(
        app="grid",
        path=f"/{name}.yaml",
        text=CONFIG.format(name=name, symbol=symbol),
        feed="sim:7",
        speed=speed,
        is_detached=is_detached,
    )


async def until(is_so: Callable[[], bool], seconds: float = 10.0) -> None:
    """Waits for something in this process to come true."""
    async with asyncio.timeout(seconds):
        while not is_so():  # noqa: ASYNC110 # what is waited for tells nobody
            await asyncio.sleep(0.005)


@pytest.fixture
def home(ctos_home: Path) -> Home:
    """A private home."""
    return Home(ctos_home)


async def test_a_bot_starts_trades_and_stops(home: Home):
    """Start, snapshot, orders, stop: one conversation from greeting to ending."""
    async with house(home) as found, await found.connect() as client:
        started = await client.demand(start())
        await client.ask(Watch(bot="bot"))
        async for picture in client.pictures():
            if isinstance(picture, GridSnapshot) and picture.phase is GridPhase.RUNNING:
                break
        await until(lambda: found.events.count("order.placed") > 10)
        orders = await client.demand(ListOrders(bot="bot"))
        await client.demand(StopBot(bot="bot"))
        async for line in client.pushes():
            if isinstance(line, BotEnded):
                break
        await until(lambda: bool(found.ends))

    assert isinstance(started, BotStarted)
    assert started.name == "bot"
    assert isinstance(orders, Orders)
    assert len(orders.orders) > 10
    assert found.ends[0].exit_code == 0
    assert dict(found.ends[0].summary)["residual"] == "0"
    assert found.events[0] == "bot.started"
    assert found.events[-2:] == ["bot.stopped", "summary"]


async def test_a_screen_that_vanishes_leaves_a_grace_and_then_the_end(home: Home):
    """Without a Detach and without anyone who attaches the bot ends by its policy."""
    async with house(home, grace_s=0.1) as found:
        client = await found.connect()
        await client.demand(start())
        await client.close()
        await until(lambda: bool(found.ends))
        await until(found.supervisor.finished.is_set)

    assert found.ends[0].exit_code == 0
    assert "cancelled" in found.ends[0].text


async def test_attaching_within_the_grace_keeps_the_bot(home: Home):
    """Whoever attaches in time takes the bot over; leaving with Detach lets it run."""
    async with house(home, grace_s=0.3) as found:
        client = await found.connect()
        await client.demand(start())
        await client.close()
        async with await found.connect() as second:
            await second.demand(Attach(bot="bot"))
            await asyncio.sleep(0.4)
            ends_attached = list(found.ends)
            await second.demand(Detach())
        await asyncio.sleep(0.4)

        assert ends_attached == []
        assert found.ends == []
        assert found.engine.bot("bot").owner is None


async def test_an_engine_ends_when_nothing_is_left(home: Home):
    """The last bot ended and nobody is connected: there is nothing to live for."""
    async with house(home) as found:
        async with await found.connect() as client:
            await client.demand(start(is_detached=True))
            await client.demand(StopBot(bot="bot"))
            await until(lambda: bool(found.ends))
            is_finished_while_connected = found.supervisor.finished.is_set()
        await until(found.supervisor.finished.is_set)

    assert not is_finished_while_connected


async def test_bots_share_clock_and_engine_or_are_refused(home: Home):
    """A second bot joins; one of the same name, symbol or of another pace is refused with a way."""
    async with house(home) as found, await found.connect() as client:
        await client.demand(start())
        with pytest.raises(EngineRefused, match="runs already"):
            await client.demand(start())
        with pytest.raises(
            EngineRefused, match=r"trades BTC-USDC-PERP|other rules or another feed"
        ):
            await client.demand(start("other"))
        with pytest.raises(EngineRefused, match="time passes"):
            await client.demand(start("fast", "TEST-USDC-PERP", speed="60"))

        assert [bot.name for bot in found.engine.running] == ["bot"]


async def test_a_bad_file_starts_nothing(home: Home):
    """A configuration that is wrong is refused with exit code 2, and the engine goes on."""
    async with house(home) as found, await found.connect() as client:
        with pytest.raises(EngineRefused, match="grid_intervall") as caught:
            await client.demand(
                StartBot(
                    app="grid",
                    path="/x.yaml",
                    text=CONFIG.format(name="x", symbol="BTC").replace(
                        "grid_interval", "grid_intervall"
                    ),
                )
            )
        again = await client.demand(start())

    assert caught.value.exit_code == 2
    assert isinstance(again, BotStarted)


async def test_two_identical_acts_within_a_second_count_once(home: Home):
    """A key that is held, or a request that is repeated, asks once."""
    async with house(home) as found, await found.connect() as client:
        await client.demand(start())
        service = found.engine.bot("bot").service
        asked: list[Act] = []
        ask = service.ask
        service.ask = lambda act, by="you": (asked.append(act), ask(act, by))[1]  # type: ignore[method-assign]

        for request_id in ("1", "1", "2"):
            await client.demand(AskBot(bot="bot", act=Act.PAUSE, request_id=request_id))
        await client.demand(AskBot(bot="bot", act=Act.RESUME, request_id="3"))

    assert asked == [Act.PAUSE, Act.RESUME]


async def test_a_halt_survives_the_engine_and_only_a_person_takes_it_back(home: Home):
    """Killed, nothing new is sent, also by the next engine, until a release."""
    async with house(home) as found, await found.connect() as client:
        await client.demand(start())
        await until(lambda: found.events.count("order.placed") > 10)
        killed = await client.demand(Kill(stage=KillStage.CANCEL))
        left = found.engine.bot("bot").service.machine.open_orders
    async with house(home) as found, await found.connect() as client:
        await client.demand(start())
        await asyncio.sleep(0.2)
        placed = [event for event in found.events if event == "order.placed"]
        state = found.engine.risk.state.value
        await client.demand(Kill(stage=KillStage.RELEASE))
        await client.demand(AskBot(bot="bot", act=Act.RESUME, request_id="1"))
        await until(lambda: "order.placed" in found.events)

    assert "orders cancelled" in killed.detail  # type: ignore[union-attr]
    assert left == 0
    assert state == "HALTED"
    assert placed == []


async def test_flatten_closes_what_is_held(home: Home):
    """The last stage of a kill cancels, closes our position, and leaves the engine halted."""
    async with house(home) as found, await found.connect() as client:
        await client.demand(start())
        machine = found.engine.bot("bot").service.machine
        await until(lambda: machine.position > 0)
        done = await client.demand(Kill(stage=KillStage.FLATTEN), timeout_s=20)

        assert machine.position == 0
        assert machine.open_orders == 0
        assert "every position of ours closed" in done.detail  # type: ignore[union-attr]
        assert found.engine.risk.state.value == "HALTED"


async def test_what_was_left_behind_can_be_stopped_by_name(home: Home):
    """A bot that an engine left in the middle is started from the journal to be ended."""
    async with house(home) as found, await found.connect() as client:
        await client.demand(start(is_detached=True))
        await until(lambda: found.engine.bots["bot"].service.machine.open_orders >= 20)
        await until(lambda: found.events.count("order.placed") >= 20)
    async with house(home) as found, await found.connect() as client:
        await client.demand(StopBot(bot="bot"))
        await until(lambda: bool(found.ends))

    assert found.ends[0].exit_code == 0
    assert "orders cancelled" in found.ends[0].text


async def test_a_bot_whose_task_fails_leaves_no_order_behind(home: Home):
    """An error in a bot ends that bot, loudly: its orders are cancelled and its place is free."""
    async with house(home) as found, await found.connect() as client:
        await client.demand(start(is_detached=True))
        await until(lambda: found.events.count("order.placed") >= 20)
        bot = found.engine.bots["bot"]

        bot.service.inbox.post(cast("Event", object()))
        await until(lambda: bool(found.ends))
        account = found.engine.account_of(bot)

        assert found.ends[0].exit_code != 0
        assert await account.exchange.get_open_orders() == []
        assert not account.execution.has(bot.bot_id)


async def test_an_alarm_reaches_whoever_looks(home: Home):
    """Somebody else's order: in the diary, the journal and the screen, there until it is over."""
    async with house(home) as found, await found.connect() as client:
        await client.demand(start())
        await client.ask(Watch(bot="bot"))
        await until(lambda: found.events.count("order.placed") > 10)
        (account,) = found.engine._accounts.values()
        await account.exchange.create_order(
            "BTC-USDC-PERP",
            OrderSide.BUY,
            OrderType.LIMIT,
            Decimal("0.01"),
            Decimal(100_000),
            OrderOptions(client_order_id="byhand1"),
        )
        async for picture in client.pictures():
            if isinstance(picture, GridSnapshot) and picture.alarm_code == "FOREIGN_ORDER":
                break
        (bot,) = found.engine.running
        await found.engine._journal.flush()
        kept = found.engine._journal.diary(bot.bot_id, 500)

        found.engine._on_calm(bot.bot_id, "SLOW_DISK")
        still = bot.snapshot().alarm_code
        found.engine._on_calm("", "FOREIGN_ORDER")
        over = bot.snapshot().alarm_code

    assert (still, over) == ("FOREIGN_ORDER", "")
    assert found.events.count("bot.alarm_over") == 2
    assert "is not ours" in picture.alarm
    assert "bot.alarm" in found.events
    (row,) = [row for row in kept if row.event == "bot.alarm"]
    assert "FOREIGN_ORDER" in row.fields
