"""Rate budgets shared by everyone behind one address."""

import asyncio

import pytest

from core.adapters.exchanges.connection.limiter import Budgets, Limit, RateBudget
from core.errors import RateLimited
from core.infrastructure import virtual_time
from core.infrastructure.clock import VirtualClock
from core.infrastructure.virtual_time import running_loop


def on_virtual_time(story):
    """Runs a story about a clock."""

    def told():
        async def run():
            await story(VirtualClock(running_loop()))

        virtual_time.run(run())

    told.__doc__ = story.__doc__
    return told


@on_virtual_time
async def test_a_request_waits_until_the_window_has_room(clock):
    """Eighty of a hundred go at once, the next one when the oldest leave the window."""
    budget = RateBudget(clock, "venue address", Limit(100, 60.0))
    for _ in range(8):
        await budget.spend(10)
    began = clock.monotonic_ns()
    with pytest.raises(RateLimited) as refused:
        await budget.spend(10)
    await budget.spend(10, max_wait_s=61.0)

    assert refused.value.retry_after_s == pytest.approx(60.0)
    assert (clock.monotonic_ns() - began) / 1e9 == pytest.approx(60.0)


@on_virtual_time
async def test_cancels_have_a_reserve(clock):
    """A fifth is theirs alone, and then nobody may any more."""
    budget = RateBudget(clock, "venue address", Limit(100, 60.0))
    budget.take(80)

    with pytest.raises(RateLimited):
        budget.spend_now(1)
    budget.spend_now(20, is_urgent=True)
    with pytest.raises(RateLimited):
        budget.spend_now(1, is_urgent=True)


@on_virtual_time
async def test_the_venue_counts_for_the_whole_address(clock):
    """What others used is believed where it is more than we counted, never where it is less."""
    budget = RateBudget(clock, "venue address", Limit(100, 60.0))
    budget.take(10)
    budget.told(70, 60.0)
    assert budget.used_fraction == pytest.approx(0.7)
    budget.told(5, 60.0)
    budget.told(99, 10.0)

    assert budget.used_fraction == pytest.approx(0.7)


@on_virtual_time
async def test_after_429_only_cancels_leave_and_after_a_ban_nothing(clock):
    """Until the venue's time is over."""
    budget = RateBudget(clock, "venue address", Limit(100, 60.0))
    budget.pause(5.0)
    with pytest.raises(RateLimited) as refused:
        budget.spend_now(1)
    budget.spend_now(1, is_urgent=True)
    budget.pause(120.0, is_ban=True)
    with pytest.raises(RateLimited) as banned:
        budget.spend_now(1, is_urgent=True)
    await clock.sleep(120.0)
    budget.spend_now(1)

    assert refused.value.retry_after_s == pytest.approx(5.0)
    assert banned.value.retry_after_s == pytest.approx(120.0)


@on_virtual_time
async def test_every_limit_of_a_scope_holds(clock):
    """Three a second and four a minute: the fourth waits for one, the fifth for the other."""
    budget = RateBudget(clock, "venue orders", Limit(3, 1.0), Limit(4, 60.0))
    waits = []
    for _ in range(5):
        waits.append(round(budget.wait_s(is_urgent=True), 3))
        await clock.sleep(waits[-1])
        budget.take(1)

    assert waits == [0.0, 0.0, 0.0, 1.0, 59.0]


@on_virtual_time
async def test_two_adapters_share_a_budget_by_name(clock):
    """What one spends the other cannot."""
    budgets = Budgets(clock)
    one = budgets.of("venue address", Limit(10, 60.0))
    two = budgets.of("venue address", Limit(10, 60.0))
    one.take(8)

    assert two.wait_s(1) > 0
    assert budgets.of("venue orders", Limit(10, 60.0)).wait_s(1) == 0
    assert [budget.name for budget in budgets.all()] == ["venue address", "venue orders"]


@on_virtual_time
async def test_waiting_is_fair_to_time(clock):
    """Many who wait together never exceed the limit in any window."""
    budget = RateBudget(clock, "venue address", Limit(10, 1.0))
    at = []

    async def one():
        await budget.spend(1, max_wait_s=100.0)
        at.append(clock.monotonic_ns() / 1e9)

    await asyncio.gather(*(one() for _ in range(30)))

    assert all(sum(t <= x < t + 1.0 for x in at) <= 10 for t in at)


@on_virtual_time
async def test_two_budgets_are_spent_together_or_not_at_all(clock):
    """An order counts for the address and for the account; one that is refused counts for none."""
    address = RateBudget(clock, "venue address", Limit(100, 60.0))
    orders = RateBudget(clock, "venue orders", Limit(5, 10.0), Limit(100, 60.0))
    for _ in range(4):
        address.spend_now(1, also=orders)
    with pytest.raises(RateLimited, match="venue orders"):
        address.spend_now(1, also=orders)
    with pytest.raises(RateLimited, match="venue orders"):
        orders.spend_now(1, also=address)
    used = address.used_fraction, orders.used_fraction
    await clock.sleep(10.0)
    address.spend_now(1, also=orders)

    assert used == (0.04, 0.8)
    assert (address.used_fraction, orders.used_fraction) == (0.05, 0.2)


@on_virtual_time
async def test_what_is_asked_at_once_waits_as_long_as_what_may_wait(clock):
    """The same requests leave at the same times, whether they are asked to wait or refused."""
    waiting = RateBudget(clock, "venue waiting", Limit(10, 3.0), Limit(20, 60.0))
    refused = RateBudget(clock, "venue refused", Limit(10, 3.0), Limit(20, 60.0))
    for weight in (3, 3, 2, 4, 5, 1, 9, 30):
        wait_s = waiting.wait_s(weight)
        if wait_s:
            with pytest.raises(RateLimited) as caught:
                refused.spend_now(weight)
            assert caught.value.retry_after_s == wait_s
            await clock.sleep(wait_s)
        refused.spend_now(weight)
        waiting.take(weight)
