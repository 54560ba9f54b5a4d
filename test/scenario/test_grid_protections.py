"""Protections as stories: what each does, in what order they are heard, and what survives."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from core.adapters.exchanges.models import OrderStatus
from core.domain.commands import CancelOrder, PlaceOrder
from core.domain.events import Act, DataStale, FundingPaid, RiskStateChanged
from core.services.grid.outcome import explained
from core.services.grid.protections.settings import (
    After,
    CapitalSettings,
    LockMode,
    LockSettings,
    ProtectionSettings,
    ScalpingSettings,
    SmartSettings,
    StopLossSettings,
    TakeProfitSettings,
)
from core.services.grid.settings import GridSettings, GridType
from core.services.grid.snapshot import GridPhase
from core.testing.grid_story import GridStory
from core.testing.grids import FALL, FREE, following, told

FOLLOW = following(FREE, levels=20)
STOP = StopLossSettings(trigger_percent=Decimal(75), timeout_s=30)
"""At 95, or 105 for a short grid."""
RESET = replace(STOP, is_reset_without_data=True)
SCALP = ScalpingSettings(trigger_percent=60)
"""At level 8, which is 97."""


def guarded(settings: GridSettings, **protections: object) -> GridSettings:
    """A grid under protection."""
    return replace(settings, protections=ProtectionSettings(**protections))


def words(story: GridStory, *kinds: str) -> list[str]:
    """`stop_loss armed` for each line about a protection, in order."""
    return [
        f"{dict(line.fields)['protection']} {line.event.partition('.')[2]}"
        for line in story.diary
        if line.event.startswith("protection.") and (not kinds or line.event[11:] in kinds)
    ]


# -- stop loss ---------------------------------------------------------------------------------


def test_a_stop_loss_cancels_entries_then_closes_then_cancels_the_rest():
    """Nothing that could enlarge the position rests meanwhile, and exits do not delay it."""
    story = told(guarded(FREE, stop_loss=STOP), *FALL, "94.9")
    begun = len(story.commands)
    story.wait(31)
    what = [
        "cancel" if isinstance(command, CancelOrder) else "close"
        for command in story.commands[begun:]
        if isinstance(command, CancelOrder | PlaceOrder)
    ]

    assert what == ["cancel"] * 5 + ["close"] + ["cancel"] * 15
    assert story.machine.position == 0
    assert story.resting() == []
    assert story.machine.is_stopped
    assert words(story) == ["stop_loss armed", "stop_loss triggered"]
    assert story.residual() == 0


def test_a_price_that_comes_back_clears_the_timer():
    """The condition must hold without a break."""
    story = told(guarded(FREE, stop_loss=STOP), *FALL, "94.9")
    story.wait(20)
    story.price("95.1")
    story.price("94.9")
    story.wait(29)

    assert not story.machine.is_stopped
    assert words(story) == ["stop_loss armed", "stop_loss cleared", "stop_loss armed"]


def test_a_fixed_grid_is_not_built_again_before_the_price_is_back():
    """After a reset it waits above 95 and inside its range, and only then builds."""
    story = told(guarded(FREE, stop_loss=RESET), *FALL, "94.9")
    story.wait(31)
    assert story.machine.position == 0
    assert story.resting() == []
    assert story.machine.phase is GridPhase.BUILDING
    assert "above 95" in story.machine.phase_reason
    for price in ("92", "95"):
        story.price(price)
    assert story.resting() == []
    story.price("95.1")

    assert len(story.resting()) == 20
    (line,) = story.lines("grid.reset")
    assert (line["reason"], line["resets"]) == ("stop_loss", 1)
    assert story.residual() == 0


def test_a_follow_grid_goes_on_around_the_new_price():
    """Its range comes from the price at which it was closed."""
    settings = guarded(FOLLOW, stop_loss=replace(RESET, trigger_percent=Decimal(50)))
    story = told(settings, "100", *(f"{price}" for price in range(97, 88, -1)))
    story.wait(31)

    (line,) = story.lines("grid.reset")
    assert (line["reason"], line["upper_price"]) == ("stop_loss", "89")
    assert story.machine.position == 0


def test_too_many_resets_in_a_day_are_the_end():
    """After `stop_loss_max_resets` within 24 hours it stops, whatever the rate."""
    story = GridStory(guarded(FREE, stop_loss=replace(RESET, max_resets=2)))
    for _ in range(3):
        for price in ("99", *FALL[-4:], "94.9"):
            story.price(price)
        story.wait(31)

    assert story.machine.is_stopped
    assert len(story.lines("grid.reset")) == 2
    assert "2 resets within 24 hours" in story.machine.phase_reason


@pytest.mark.parametrize("threshold, stops", [(Decimal(50), True), (Decimal(0), False)])
def test_the_rate_decides_whether_it_goes_on(threshold: Decimal, stops: bool):
    """Ten minutes without a round trip are a rate of 0, which reaches a threshold of 0 only."""
    guards = replace(STOP, apr_threshold=threshold)
    story = told(guarded(FREE, stop_loss=guards), "99")
    story.wait(700)
    for price in ("96", "94.9", "94.9"):
        story.price(price)
    story.wait(31)

    assert story.machine.is_stopped is stops


def test_round_trips_of_the_last_minutes_let_it_go_on():
    """Twenty round trips in the window are worth far more than 50 % a year."""
    story = told(guarded(FREE, stop_loss=STOP), "99")
    story.wait(600)
    for _ in range(20):
        story.price("98.9")
        story.price("100.1")
    for price in ("97", "94.9", "94.9"):
        story.price(price)
    story.wait(31)

    assert not story.machine.is_stopped
    assert story.machine.phase_reason.startswith("stop loss: waits")
    assert "a year reaches 50 %" in str(story.lines("protection.triggered")[0]["reason"])

    waits = story.machine.phase_reason
    story.ask(Act.PAUSE)
    assert story.machine.phase_reason == "paused by you"
    story.ask(Act.RESUME)
    assert story.machine.phase_reason == waits


def test_a_gap_in_the_data_stops_the_timer_and_a_long_one_is_told():
    """Up to a minute the timer stands still; after that it begins anew, and a person is told."""
    story = told(guarded(FREE, stop_loss=STOP), *FALL, "94.9")
    story.wait(10)
    stale_ns = story.now_ns
    story.tell(DataStale(at_ns=stale_ns, what="prices", since_ns=stale_ns))
    story.wait(40)
    story.price("94.9", after_s=0)
    story.wait(19)
    assert not story.machine.is_stopped
    story.wait(2)
    assert story.machine.is_stopped

    other = told(guarded(FREE, stop_loss=STOP), *FALL, "94.9")
    other.tell(DataStale(at_ns=other.now_ns, what="prices", since_ns=other.now_ns))
    other.wait(61)
    assert words(other, "blind") == ["stop_loss blind"]
    other.price("94.9", after_s=10)
    other.wait(29)
    assert not other.machine.is_stopped
    other.wait(2)
    assert other.machine.is_stopped


def test_a_paused_grid_keeps_its_stop_loss():
    """A pause holds back what is new, not the way out."""
    guards = {"stop_loss": STOP, "take_profit": TakeProfitSettings(fraction=Decimal("0.001"))}
    story = told(guarded(FREE, **guards), *FALL)
    story.ask(Act.PAUSE)
    story.price("94.9")
    story.wait(31)

    assert story.machine.is_stopped
    assert story.machine.position == 0


def test_what_cannot_be_closed_is_tried_again_and_alarmed():
    """Three tries that leave something open call for a person; it goes on trying."""
    story = told(guarded(FREE, stop_loss=STOP), *FALL, "94.9")
    story.taker_lots = 3
    story.wait(36)
    assert story.machine.phase is GridPhase.DEGRADED
    assert len(story.lines("grid.degraded")) == 1
    story.taker_lots = None
    story.wait(60)

    assert story.machine.is_stopped
    assert story.machine.position == 0


# -- take profit -------------------------------------------------------------------------------


def test_the_target_compounds():
    """The next target is a fraction of what the grid was worth once everything was closed."""
    settings = replace(FREE, reverse_order_grid_distance=9)
    story = told(
        guarded(settings, take_profit=TakeProfitSettings(fraction=Decimal("0.005"))), "100"
    )
    assert story.machine._start_capital == 1000
    story.price("100.6")
    story.wait(3)

    assert len(story.lines("grid.reset")) == 1
    assert story.machine._start_capital == 1006
    assert story.machine.protections(story.now_ns)[1].words == "at a worth of 1011.03"


def test_the_gain_must_be_there_after_fees():
    """Worth 1006, but closing costs more than the gain: nothing is closed."""
    settings = replace(FREE, reverse_order_grid_distance=9, taker_fee=Decimal("0.001"))
    guards = TakeProfitSettings(fraction=Decimal("0.005"))
    story = told(guarded(settings, take_profit=guards), "100", "100.6")
    story.wait(3)
    assert story.lines("grid.reset") == []
    story.price("100.8")
    story.wait(3)

    assert len(story.lines("grid.reset")) == 1
    assert (story.machine._start_capital or 0) >= 1005
    assert story.residual() == 0


def test_a_gain_that_does_not_last_two_seconds_is_none():
    """It must hold without a break."""
    settings = replace(FREE, reverse_order_grid_distance=9)
    guards = TakeProfitSettings(fraction=Decimal("0.005"))
    story = told(guarded(settings, take_profit=guards), "100", "100.6", "100.4", "100.6", "100.4")
    story.wait(60)

    assert story.lines("grid.reset") == []
    assert words(story) == ["take_profit armed", "take_profit cleared"] * 2


def test_funding_counts_towards_the_target():
    """A settlement is part of what the grid is worth: the next price notices."""
    settings = replace(FREE, reverse_order_grid_distance=9)
    guards = TakeProfitSettings(fraction=Decimal("0.005"))
    story = told(guarded(settings, take_profit=guards), "100")
    story.tell(FundingPaid(at_ns=story.now_ns, amount=Decimal(6), rate=Decimal(0)))
    story.price("100")
    story.wait(3)

    assert len(story.lines("grid.reset")) == 1


# -- capital protection ------------------------------------------------------------------------


@pytest.mark.parametrize("follows", [False, True])
def test_capital_protection_leaves_at_break_even(follows: bool):
    """Armed by a fall, it closes at the third price that makes the grid worth its capital."""
    settings = FOLLOW if follows else FREE
    story = told(guarded(settings, capital=CapitalSettings(trigger_percent=30)), "110", *FALL)
    assert words(story) == ["capital_protection armed"]
    recovered = 0
    for tenths in range(960, 1100, 3):
        story.price(str(Decimal(tenths) / 10))
        recovered += explained(story.machine.result(story.now_ns)) >= Decimal("-0.01")
        if words(story, "triggered"):
            break

    assert recovered == 3
    assert words(story, "triggered") == ["capital_protection triggered"]
    assert story.machine.is_stopped is not follows
    assert len(story.lines("grid.reset")) == (1 if follows else 0)
    assert story.residual() == 0


def test_a_grid_that_begins_below_the_trigger_is_not_closed_at_once():
    """Break-even counts only after the grid had been worth less."""
    story = told(guarded(FREE, capital=CapitalSettings(trigger_percent=30)), "95", "95", "95", "95")

    assert words(story) == ["capital_protection armed"]
    assert len(story.resting()) == 20


def test_freezing_withholds_entries_and_keeps_exits():
    """While armed no entry rests; exits do, and what they free is not entered again."""
    guards = CapitalSettings(trigger_percent=30, freezes_entries=True)
    story = told(guarded(FREE, capital=guards), *FALL)
    assert all(text.startswith("sell") for text in story.resting())
    held = story.machine.position
    story.price("92")
    assert story.machine.position == held
    for price in ("96", "100", "103", "105.5"):
        story.price(price)

    assert story.machine.position < held
    assert all(text.startswith("sell") for text in story.resting())


# -- scalping ----------------------------------------------------------------------------------


def test_scalping_replaces_the_exits_and_follows_the_position():
    """One order for everything; each entry that fills makes it anew, for more, elsewhere."""
    story = told(guarded(FREE, scalping=SCALP), *FALL)
    assert story.machine.is_scalping
    sells = [text for text in story.resting() if text.startswith("sell")]
    assert sells == ["sell 104"]
    assert story.orders[story.find("sell 104")].command.amount == 14_000
    story.price("94.5")
    story.price("93.9")

    sells = [text for text in story.resting() if text.startswith("sell")]
    assert sells == ["sell 103"]
    assert story.orders[story.find("sell 103")].command.amount == 16_000
    assert story.residual() == 0


@pytest.mark.parametrize(
    "settings, after, stops",
    [
        (FREE, After.AUTO, True),
        (FREE, After.RESTART, False),
        (FOLLOW, After.AUTO, False),
        (FOLLOW, After.STOP, True),
    ],
)
def test_what_follows_the_one_exit(settings: GridSettings, after: After, stops: bool):
    """Follow grids begin anew, others stop, unless the key says otherwise."""
    story = told(guarded(settings, scalping=replace(SCALP, after=after)), "110", *FALL)
    for price in ("98", "101", "104", "106"):
        story.price(price)

    assert story.machine.is_stopped is stops
    assert [line["reason"] for line in story.lines("grid.reset")] == ([] if stops else ["scalping"])
    worth = story.machine.result(story.now_ns)
    assert worth.realized_pnl + worth.unrealized_pnl > 0
    assert story.residual() == 0


def test_a_rebound_gives_every_slot_its_exit_back():
    """Off by default; with the key the slots sell what they hold at their own prices again."""
    story = told(guarded(FREE, scalping=replace(SCALP, rebound_grids=1)), *FALL)
    story.price("97")
    assert story.machine.is_scalping
    story.price("98.6")

    assert not story.machine.is_scalping
    sells = [text for text in story.resting() if text.startswith("sell")]
    assert sells == [f"sell {price}" for price in range(99, 111)]
    assert story.fills()[-2:] == ["exit sell 1 @ 98.6", "exit sell 1 @ 98.6"]
    assert story.machine.position == 12
    assert "scalping cleared" in words(story)


def test_exits_that_cannot_be_cancelled_end_the_attempt():
    """After ten seconds it gives up, and tries again a minute later."""
    story = told(guarded(FREE, scalping=SCALP), *FALL[:-2])
    story.is_silent = True
    story.price(FALL[-2])
    story.price(FALL[-1])
    story.wait(11)
    assert not story.machine.is_scalping
    assert words(story, "triggered", "cleared") == ["scalping triggered", "scalping cleared"]
    story.price(FALL[-1])
    assert not story.machine.is_scalping
    assert story.machine.protections(story.now_ns)[3].state == "cooling"


def test_the_exit_is_reduce_only_and_says_why():
    """It may never open a position, and `ctos why` finds its rule and inputs."""
    story = told(guarded(FREE, scalping=SCALP), *FALL)
    command = story.orders[story.find("sell 104")].command

    assert command.reduce_only
    assert command.reason.rule == "exit.scalping"
    assert dict(command.reason.inputs)["capital"] == "1000"


def test_an_exit_that_the_price_has_passed_is_asked_for():
    """Five seconds beyond its price without a fill: cancelled, and placed again."""
    story = told(guarded(FREE, scalping=SCALP), *FALL)
    identity = story.find("sell 104")
    hidden = story.orders.pop(identity)
    for price in ("100", "104.5", "104.5"):
        story.price(price)
    story.orders[identity] = hidden
    story.wait(6)

    assert "scalping doubted" in words(story)
    assert story.machine.is_stopped
    assert story.machine.position == 0
    assert story.residual() == 0


# -- price lock --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [GridType.FOLLOW_LONG, GridType.FOLLOW_SHORT])
def test_a_lock_keeps_a_follow_grid_where_it_is(kind: GridType):
    """Beyond the threshold the escape does not re-centre; back before it, it does."""
    is_long = kind is GridType.FOLLOW_LONG
    at = (lambda price: price) if is_long else (lambda price: f"{200 - float(price):.1f}")
    lock = LockSettings(threshold=Decimal(at("103")))
    settings = guarded(replace(FOLLOW, grid_type=kind), price_lock=lock)
    story = told(settings, "100", at("103.5"))
    story.wait(6)
    assert words(story) == ["price_lock triggered"]
    assert story.lines("grid.reset") == []
    story.price(at("102"))
    story.wait(6)

    assert len(story.lines("grid.reset")) == 1


def test_a_lock_opens_after_ten_seconds_inside():
    """Nine seconds inside are not enough, and leaving begins anew."""
    lock = LockSettings(threshold=Decimal(103))
    story = told(guarded(FOLLOW, price_lock=lock), "100", "103.5")
    story.wait(6)
    story.price("99")
    story.wait(8)
    story.price("101")
    story.price("99")
    story.wait(9)
    assert words(story) == ["price_lock triggered"]
    story.wait(2)

    assert words(story) == ["price_lock triggered", "price_lock cleared"]


def test_a_frozen_lock_withholds_entries_until_it_opens():
    """Entries are cancelled while locked and come back when the price is inside again."""
    lock = LockSettings(threshold=Decimal(103), mode=LockMode.FREEZE_ENTRIES)
    story = told(guarded(FOLLOW, price_lock=lock), "100", "103.5")
    assert len(story.resting()) == 20
    story.wait(6)
    assert story.resting() == []
    story.price("99.5")
    story.wait(11)

    assert len(story.resting()) == 20
    assert story.machine.position == 0


def test_a_ladder_begins_at_the_threshold():
    """Beyond it the range is computed from the threshold, before it from the price."""
    lock = LockSettings(threshold=Decimal(100), starts_at_threshold=True)
    for price, upper in (("103", 1000), ("98", 980)):
        story = told(guarded(FOLLOW, price_lock=lock), price)

        assert story.machine.ladder.upper == upper


def test_on_a_fixed_range_the_lock_is_only_shown():
    """The price is out on the favourable side, beyond the threshold: nothing is cancelled."""
    story = told(guarded(FREE, price_lock=LockSettings(threshold=Decimal(111))), "109.5", "111.5")

    assert story.machine.protections(story.now_ns)[5].state == "active"
    assert len(story.resting()) == 20


# -- precedence --------------------------------------------------------------------------------


def test_a_stop_loss_cancels_the_scalping_exit_and_closes():
    """Scalping is rank 5, the stop loss rank 2: everything is closed and forgotten."""
    story = told(guarded(FREE, stop_loss=RESET, scalping=SCALP), *FALL, "94.9")
    assert story.machine.is_scalping
    story.wait(31)

    assert story.machine.position == 0
    assert story.resting() == []
    assert not story.machine.is_scalping
    story.price("99")
    assert len(story.resting()) == 20
    assert story.residual() == 0


def test_capital_protection_arms_first_and_scalping_takes_over():
    """The scalping exit fills, the grid begins anew, and capital protection is disarmed."""
    guards = {"capital": CapitalSettings(trigger_percent=30), "scalping": SCALP}
    story = told(guarded(FOLLOW, **guards), "110", *FALL)
    assert words(story) == ["capital_protection armed", "scalping triggered"]
    for price in ("97", "99", "100.5"):
        story.price(price)
    states = {view.name: view.state for view in story.machine.protections(story.now_ns)}
    assert states["capital_protection"] == "armed"
    for price in ("101.9", "102", "102.1", "102.1", "104.1", "105"):
        story.price(price)

    assert story.lines("grid.reset")
    states = {view.name: view.state for view in story.machine.protections(story.now_ns)}
    assert states["capital_protection"] == "idle"
    assert not story.machine.is_scalping


def test_capital_protection_comes_before_the_scalping_exit():
    """Worth its capital again below the scalping exit: rank 4 closes first."""
    guards = {"capital": CapitalSettings(trigger_percent=30), "scalping": SCALP}
    story = told(guarded(FREE, **guards), *FALL, "99", "101", "102.6", "102.6", "102.6")

    assert words(story)[-1] == "capital_protection triggered"
    assert story.machine.is_stopped


def test_following_waits_for_scalping():
    """The price has escaped, but the one exit still stands far above: no re-centre."""
    story = told(guarded(FOLLOW, scalping=SCALP), "110", *FALL)
    story.tell(FundingPaid(at_ns=story.now_ns, amount=Decimal(-500), rate=Decimal(0)))
    story.account.cash -= 500
    for price in ("94.9", "99", "103", "108", "112", "112"):
        story.price(price)
    story.wait(30)

    assert story.machine.is_scalping
    assert story.lines("grid.reset") == []
    assert [text for text in story.resting() if text.startswith("sell")] == ["sell 137.4"]
    assert story.residual() == 0


def test_take_profit_and_capital_protection_share_the_capital():
    """Both are measured on what the ladder began with."""
    guards = {
        "take_profit": TakeProfitSettings(fraction=Decimal("0.005")),
        "capital": CapitalSettings(trigger_percent=50),
    }
    settings = replace(FREE, reverse_order_grid_distance=9)
    story = told(guarded(settings, **guards), "100", "100.6")
    story.wait(3)
    assert story.machine._start_capital == 1006
    views = {view.name: view for view in story.machine.protections(story.now_ns)}

    assert views["take_profit"].words == "at a worth of 1011.03"
    assert story.machine.protections(story.now_ns)[2].name == "capital_protection"


def test_a_lock_survives_no_reset():
    """Every reset begins with nothing locked, armed or counted."""
    guards = {
        "price_lock": LockSettings(threshold=Decimal(103)),
        "take_profit": TakeProfitSettings(fraction=Decimal("0.0001")),
    }
    story = told(guarded(FOLLOW, **guards), "100", "99.5", "98.5", "103.5")
    story.wait(6)
    story.price("103.5")
    story.wait(3)
    assert [line["reason"] for line in story.lines("grid.reset")][:1] == ["take_profit"]

    states = {view.name: view.state for view in story.machine.protections(story.now_ns)}
    assert states["price_lock"] == "idle"


def test_a_person_comes_before_every_protection():
    """What you asked for is under way: a stop loss that would have fired does not change it."""
    story = told(guarded(FREE, stop_loss=RESET), *FALL, "94.9")
    story.wait(10)
    story.ask(Act.FLATTEN)
    story.wait(60)

    assert story.machine.phase is GridPhase.HOLDING
    assert story.lines("grid.reset") == []


def test_nothing_is_decided_while_halted():
    """Rank 0: risk lets nothing leave, and timers begin anew when it does again."""
    story = told(guarded(FREE, stop_loss=STOP), *FALL, "94.9")
    story.tell(RiskStateChanged(at_ns=story.now_ns, state="HALTED", by="you"))
    story.wait(60)
    assert not story.machine.is_stopped
    story.tell(RiskStateChanged(at_ns=story.now_ns, state="ACTIVE", by="you"))
    story.price("94.9")
    story.wait(29)
    assert not story.machine.is_stopped
    story.wait(2)

    assert story.machine.is_stopped


def test_one_price_far_from_the_others_closes_nothing():
    """A single print 10 % away starts a take profit, and the next price ends it."""
    settings = replace(FREE, reverse_order_grid_distance=19)
    guards = {"take_profit": TakeProfitSettings(fraction=Decimal("0.005"))}
    story = told(guarded(settings, **guards), "100", "108")
    story.wait(10)
    story.price("100")
    story.wait(10)

    assert story.lines("grid.reset") == []


# -- memory ------------------------------------------------------------------------------------


def test_a_running_stop_loss_survives_a_crash():
    """Ten seconds before, nineteen after: it fires thirty seconds after it began."""
    story = told(guarded(FREE, stop_loss=STOP), *FALL, "94.9")
    story.wait(10)
    story = story.restart()
    story.wait(19)
    assert not story.machine.is_stopped
    story.wait(2)

    assert story.machine.is_stopped
    assert story.machine.position == 0


def test_the_one_exit_survives_a_crash():
    """The same order rests, and its fill ends the grid as it would have."""
    story = told(guarded(FREE, scalping=SCALP), *FALL)
    resting = story.resting()
    story = story.restart()
    assert story.resting() == resting
    assert story.machine.is_scalping
    for price in ("98", "101", "104.1"):
        story.price(price)

    assert story.machine.is_stopped
    assert story.machine.position == 0
    assert story.residual() == 0


def test_what_is_armed_locked_and_counted_survives_a_crash():
    """The rules of a restarted machine remember what those of the old one knew."""
    guards = {
        "capital": CapitalSettings(trigger_percent=30),
        "scalping": replace(SCALP, trigger_percent=40, smart=SmartSettings(allowed_drops=2)),
        "stop_loss": STOP,
    }
    story = told(guarded(FREE, **guards), *FALL)
    before = story.machine.protections(story.now_ns)
    after = story.restart()

    assert after.machine.protections(story.now_ns) == before
    assert after.machine._start_capital == 1000


def test_a_directive_under_way_survives_a_crash():
    """Killed between the cancels and the close of a take profit, it goes on where it was."""
    settings = replace(FREE, reverse_order_grid_distance=9)
    guards = TakeProfitSettings(fraction=Decimal("0.005"))
    story = told(guarded(settings, take_profit=guards), "100", "100.6")
    story.is_silent = True
    story.wait(3)
    assert story.machine.phase is GridPhase.RESETTING
    story = story.restart()

    assert [line["reason"] for line in story.lines("grid.reset")] == ["take_profit"]
    assert story.machine._start_capital == 1006
    assert story.residual() == 0


def test_a_one_exit_that_somebody_ends_is_placed_again():
    """Its end is no fill: the position is still there, so the exit is."""
    story = told(guarded(FREE, scalping=SCALP), *FALL)
    story.end(story.find("sell 104"), OrderStatus.CANCELED)

    assert story.find("sell 104")


def test_an_edit_that_switches_scalping_off_gives_the_exits_back():
    """The one exit is cancelled, and every slot sells what it holds at its own price again."""
    settings = guarded(FREE, scalping=SCALP)
    story = told(settings, *FALL)
    assert story.machine.is_scalping
    story.edit(replace(settings, protections=ProtectionSettings()))

    assert not story.machine.is_scalping
    sells = [text for text in story.resting() if text.startswith("sell")]
    assert sells == [f"sell {price}" for price in range(97, 111)]
    assert story.machine.position == 14
    assert story.machine.dump() == story.state


def test_an_edit_keeps_what_a_rule_remembers():
    """Another timeout does not start the timer anew, and what was armed stays armed."""
    settings = guarded(FREE, stop_loss=STOP, capital=CapitalSettings(trigger_percent=30))
    story = told(settings, *FALL, "94.9")
    story.wait(10)
    longer = replace(STOP, timeout_s=60)
    story.edit(guarded(FREE, stop_loss=longer, capital=CapitalSettings(trigger_percent=30)))
    states = {view.name: view.state for view in story.machine.protections(story.now_ns)}
    assert states["capital_protection"] == "armed"
    story.wait(49)
    assert not story.machine.is_stopped
    story.wait(2)

    assert story.machine.is_stopped
