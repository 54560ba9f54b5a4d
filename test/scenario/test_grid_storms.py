"""Every kind of grid in bad weather: whatever happens, books, account and journal agree."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from core.adapters.exchanges.models import ExchangeType, FeeAsset, OrderStatus
from core.domain.events import Act, DataStale, MarketMoved, OrderUnknown, RiskStateChanged
from core.services.grid.protections.settings import (
    CapitalSettings,
    LockMode,
    LockSettings,
    ProtectionSettings,
    ReserveSettings,
    ScalpingSettings,
    SmartSettings,
    StopLossSettings,
    TakeProfitSettings,
)
from core.services.grid.settings import (
    FollowShift,
    GridSettings,
    GridType,
    InitialFill,
    StopAction,
    TargetSettings,
)
from core.services.grid.spacing import ratio_of
from core.testing.grid_story import GridStory
from core.testing.grids import INSTRUMENT as PERP
from core.testing.grids import TWENTY, following

INSTRUMENT = replace(PERP, min_notional=Decimal(1))
SPOT = replace(INSTRUMENT, market_type=ExchangeType.SPOT, fee_asset=FeeAsset.BASE)
LONG = replace(TWENTY, instrument=INSTRUMENT, grid_interval=Decimal(2), order_amount=Decimal("0.5"))
FOLLOW = following(LONG, timeout_s=3)
INFINITY = replace(
    LONG,
    grid_type=GridType.INFINITY,
    grid_interval=Decimal(0),
    grid_ratio=Decimal("1.02"),
    order_value=Decimal(20),
    order_amount=Decimal("0.2"),
    upper_price=None,
    active_window=5,
)
GUARDS: dict[str, Any] = {
    "stop_loss": StopLossSettings(
        trigger_percent=Decimal(75), timeout_s=4, is_reset_without_data=True
    ),
    "take_profit": TakeProfitSettings(fraction=Decimal("0.003")),
    "capital": CapitalSettings(trigger_percent=40, freezes_entries=True),
    "scalping": ScalpingSettings(
        trigger_percent=50, smart=SmartSettings(allowed_drops=1, min_drop_percent=10)
    ),
}
LOCK = LockSettings(threshold=Decimal(104), mode=LockMode.FREEZE_ENTRIES)
KINDS: dict[str, GridSettings] = {
    "long": LONG,
    "passive, window": replace(LONG, initial_fill=InitialFill.PASSIVE_ONLY, active_window=2),
    "all limits, distance": replace(
        LONG, initial_fill=InitialFill.ALL_LIMITS, reverse_order_grid_distance=2
    ),
    "short": replace(LONG, grid_type=GridType.SHORT),
    "trailing": replace(LONG, trailing_up=True, trailing_down=True),
    "trailing short": replace(
        LONG, grid_type=GridType.SHORT, trailing_down=True, trailing_up_limit=None
    ),
    "compounding": replace(LONG, is_compounding=True, profit_reserve_percent=Decimal(20)),
    "geometric": replace(
        LONG,
        grid_interval=Decimal(0),
        grid_ratio=ratio_of(Decimal(90), Decimal(110), 10),
        grid_count=10,
    ),
    "martingale": replace(
        LONG, grid_type=GridType.MARTINGALE_LONG, martingale_increment=Decimal("0.1")
    ),
    "neutral": replace(LONG, grid_type=GridType.NEUTRAL),
    "neutral, window": replace(LONG, grid_type=GridType.NEUTRAL, active_window=2),
    "follow": FOLLOW,
    "rolling short": replace(
        FOLLOW, grid_type=GridType.FOLLOW_SHORT, follow_shift=FollowShift.ROLL
    ),
    "infinity": INFINITY,
    "guarded": replace(LONG, protections=ProtectionSettings(**GUARDS)),
    "guarded follow": replace(FOLLOW, protections=ProtectionSettings(**GUARDS, price_lock=LOCK)),
    "targets": replace(
        LONG,
        trigger_price=Decimal(99),
        bot_take_profit=TargetSettings(fraction=Decimal("0.004"), restarts=True),
        bot_stop_loss=TargetSettings(fraction=Decimal("0.02"), action=StopAction.KEEP),
    ),
    "spot reserve": replace(
        LONG,
        instrument=SPOT,
        maker_fee=Decimal("0.001"),
        taker_fee=Decimal("0.001"),
        protections=ProtectionSettings(
            reserve=ReserveSettings(amount=Decimal("0.2"), replenishes=True)
        ),
    ),
}
CODES = ("RATE_LIMITED", "NOT_SENT", "INSUFFICIENT_FUNDS", "")
EVENTS = 160


class Storm:
    """One bot in the weather of one seed."""

    def __init__(self, settings: GridSettings, seed: str) -> None:
        self.chance = random.Random(seed)
        self.story = GridStory(settings)
        self.price = Decimal(100)
        self.acts: list[tuple[int, Callable[[], None]]] = [
            (60, self.move),
            (12, self.fill_a_part),
            (6, self.end_one),
            (5, self.refuse),
            (4, self.go_silent),
            (4, self.ask),
            (4, self.crash),
            (3, self.grow_stale),
            (3, self.show_one_side),
            (3, self.change_risk),
            (2, self.doubt_one),
            (2, self.find_little),
        ]

    def blow(self) -> None:
        """One thing happens; all agree afterwards."""
        weights = [weight for weight, _ in self.acts]
        ((_, act),) = self.chance.choices(self.acts, weights)
        act()
        story = self.story
        assert story.machine.position == story.account.base, act.__name__
        assert story.residual() == 0, act.__name__
        parts = story.machine.ledger.accounts.values()
        assert sum(item.sign * item.amount for item in parts) == story.machine.ledger.held

    def move(self) -> None:
        """The next price, a moment or a while later."""
        step = Decimal(self.chance.choice([-25, -12, -4, -1, 0, 1, 4, 12, 25])) / 10
        self.price = min(max(self.price + step, Decimal(84)), Decimal(118))
        self.story.price(self.price, after_s=self.chance.choice([0.2, 1.0, 5.0]))

    def one(self) -> str | None:
        """An order that rests."""
        resting = [key for key, item in self.story.orders.items() if item.command.price]
        return self.chance.choice(resting) if resting else None

    def fill_a_part(self) -> None:
        """Some of an order executes, at its own price."""
        identity = self.one()
        if identity is not None:
            order = self.story.orders[identity]
            self.story.fill(identity, self.chance.randint(1, order.left))

    def end_one(self) -> None:
        """Somebody else, or the venue, ends an order."""
        identity = self.one()
        if identity is not None:
            self.story.end(identity, OrderStatus.CANCELED)

    def refuse(self) -> None:
        """New orders are refused for a while."""
        self.story.refusal = self.chance.choice(CODES)

    def go_silent(self) -> None:
        """Requests are swallowed, and nobody says so; a comparison finds out."""
        self.story.is_silent = True
        self.move()
        self.story.is_silent = False
        self.crash()

    def ask(self) -> None:
        """A person wants something."""
        acts = [Act.PAUSE, Act.RESUME, Act.RESUME, Act.CANCEL_ALL, Act.FLATTEN]
        self.story.ask(self.chance.choice(acts))

    def crash(self) -> None:
        """The process dies, and the next one goes on."""
        refusal = self.story.refusal
        self.story = self.story.restart()
        self.story.refusal = refusal
        if self.story.machine.phase.value == "holding":
            self.story.ask(Act.RESUME)

    def grow_stale(self) -> None:
        """No prices for a while."""
        story = self.story
        story.tell(DataStale(at_ns=story.now_ns, what="prices", since_ns=story.now_ns - 10**9))
        story.wait(self.chance.choice([1, 10, 90]))

    def show_one_side(self) -> None:
        """A book with an empty side, and no trade."""
        story, ticks = self.story, int(self.price * 10)
        sides = self.chance.choice([(ticks, None), (None, ticks), (None, None)])
        story.wait(1)
        story.tell(
            MarketMoved(at_ns=story.now_ns, bid=sides[0], ask=sides[1], last=None, mark=None)
        )

    def change_risk(self) -> None:
        """Halted, reducing, released."""
        story = self.story
        state = self.chance.choice(["HALTED", "REDUCING", "ACTIVE", "ACTIVE"])
        story.tell(RiskStateChanged(at_ns=story.now_ns, state=state, by="you"))

    def doubt_one(self) -> None:
        """An order's outcome is unknown for a while."""
        identity = self.one()
        if identity is not None:
            self.story.tell(OrderUnknown(at_ns=self.story.now_ns, client_order_id=identity))

    def find_little(self) -> None:
        """The next takers find only so much."""
        self.story.taker_lots = self.chance.choice([0, 300, 1500, None])


@pytest.mark.parametrize("kind", KINDS)
def test_books_account_and_journal_agree_in_any_weather(kind: str):
    """After every event; and in the end, on a calm day, everything can be closed."""
    storm = Storm(KINDS[kind], kind)
    for _ in range(EVENTS):
        storm.blow()
        if storm.story.machine.is_stopped:
            storm = Storm(KINDS[kind], f"{kind} again")
    story = storm.story
    story.refusal, story.taker_lots = "", None
    story.tell(RiskStateChanged(at_ns=story.now_ns, state="ACTIVE", by="you"))
    story.price(Decimal(100))
    story.ask(Act.STOP_FLATTEN)
    story.wait(200)
    story.price(Decimal(100))
    story.wait(200)

    assert story.machine.is_stopped
    assert story.resting() == []
    assert story.residual() == 0
