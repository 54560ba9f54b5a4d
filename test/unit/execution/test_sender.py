"""Whose turn it is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from core.infrastructure.clock import VirtualClock
from core.infrastructure.virtual_time import VirtualLoop
from core.services.execution.sender import Priority, Sender
from core.services.execution.settings import ExecutionSettings


class Line:
    """Requests that note when they had their turn."""

    def __init__(self, budget: int | None, changes: int | None = None, **settings: float) -> None:
        self.loop = VirtualLoop(0)
        self.clock = VirtualClock(self.loop)
        bounds = ExecutionSettings(**settings)  # type: ignore[arg-type]
        self.sender = Sender(self.clock, bounds, budget, changes)
        self.turns: list[tuple[str, float]] = []

    def ask(self, *wanted: tuple[str, Priority], hold_s: float = 0.0) -> None:
        """Everyone asks at once and holds the turn for a while."""

        async def one(name: str, priority: Priority) -> None:
            await self.sender.acquire(priority)
            self.turns.append((name, self.clock.now_ns() / 1e9))
            await self.clock.sleep(hold_s)
            self.sender.release(priority)

        async def together() -> None:
            tasks = [self.loop.create_task(one(*each)) for each in wanted]
            for task in tasks:
                await task

        self.loop.run_until_complete(together())


@pytest.fixture
def line() -> Iterator[Line]:
    """A rate-limited venue with one place."""
    made = Line(100, max_in_flight=1)
    yield made
    made.loop.close()


def test_cancels_go_first_and_queries_last(line: Line):
    """Cancel > reduce > exit > entry > query, whatever the order of asking."""
    line.ask(
        ("first", Priority.ENTRY),
        ("query", Priority.QUERY),
        ("entry", Priority.ENTRY),
        ("exit", Priority.EXIT),
        ("reduce", Priority.REDUCE),
        ("cancel", Priority.CANCEL),
        hold_s=0.1,
    )

    assert [name for name, _ in line.turns] == [
        "first",
        "cancel",
        "reduce",
        "exit",
        "entry",
        "query",
    ]


def test_without_a_limit_nothing_waits():
    """A venue without a published limit gets everything at once."""
    line = Line(None, max_in_flight=1)

    line.ask(*((f"{n}", Priority.ENTRY) for n in range(200)), hold_s=5)

    assert {at for _, at in line.turns} == {0.0}
    line.loop.close()


def test_the_budget_of_a_minute_is_never_passed():
    """Q1: at most ten in any sixty seconds."""
    line = Line(10)

    line.ask(*((f"{n}", Priority.CANCEL) for n in range(25)))

    times = [at for _, at in line.turns]
    assert all(sum(start <= at < start + 60 for at in times) <= 10 for start in times)
    assert times[-1] == 120.0
    line.loop.close()


def test_a_fifth_is_kept_for_cancels_and_queries():
    """Q2: entries stop at eight of ten; a cancel and a query still go at once."""
    line = Line(10)

    line.ask(
        *((f"e{n}", Priority.ENTRY) for n in range(9)),
        ("cancel", Priority.CANCEL),
        ("query", Priority.QUERY),
    )

    at_once = [name for name, at in line.turns if at == 0.0]
    assert at_once == [*(f"e{n}" for n in range(8)), "cancel", "query"]
    assert line.turns[-1] == ("e8", 60.0)
    line.loop.close()


def test_a_pause_stops_everything_but_cancels():
    """T10: a query and an entry wait for the venue's time."""
    line = Line(None)
    line.sender.pause(5)

    line.ask(("entry", Priority.ENTRY), ("query", Priority.QUERY), ("cancel", Priority.CANCEL))

    assert line.turns == [("cancel", 0.0), ("entry", 5.0), ("query", 5.0)]
    line.loop.close()


def test_a_ban_stops_cancels_too():
    """T11: nothing is sent into a ban."""
    line = Line(None)
    line.sender.pause(120)

    line.ask(("entry", Priority.ENTRY), ("cancel", Priority.CANCEL))

    assert line.turns == [("cancel", 120.0), ("entry", 120.0)]
    line.loop.close()


def test_refusals_in_a_row_rest_longer_each_time():
    """One, two, four seconds; an answer begins anew."""
    line = Line(None)
    rests = []
    for _ in range(3):
        line.sender.back_off()
        rests.append(line.sender.paused_for_s)
    line.sender.answered()
    line.loop.run_until_complete(line.clock.sleep(10))
    line.sender.back_off()

    assert rests == [1.0, 2.0, 4.0]
    assert line.sender.paused_for_s == 1.0
    line.loop.close()


def test_a_cancelled_request_gives_its_turn_to_the_next(line: Line):
    """A turn that nobody takes is not lost."""

    async def story() -> list[str]:
        await line.sender.acquire(Priority.ENTRY)
        waiting = line.loop.create_task(line.sender.acquire(Priority.ENTRY))
        await line.clock.sleep(0)
        line.sender.release(Priority.ENTRY)
        waiting.cancel()
        await line.clock.sleep(0)
        await line.sender.acquire(Priority.ENTRY)
        return ["went"]

    assert line.loop.run_until_complete(story()) == ["went"]


def test_changes_that_leave_one_after_the_other_wait_in_line_and_questions_pass_them():
    """Seed 517: who waits inside the venue's door uses up the time that its answer has."""
    line = Line(None, changes=2)
    orders = [(f"entry {number}", Priority.ENTRY) for number in range(4)]
    line.ask(*orders, ("query", Priority.QUERY), ("cancel", Priority.CANCEL), hold_s=1.0)

    assert line.turns == [
        ("entry 0", 0.0),
        ("entry 1", 0.0),
        ("query", 0.0),
        ("cancel", 1.0),
        ("entry 2", 1.0),
        ("entry 3", 2.0),
    ]
    line.loop.close()


def test_a_change_without_a_place_does_not_keep_a_question_from_waking():
    """The pause of the one ends by itself, while the other waits for a turn to be given back."""
    line = Line(None, changes=1)

    async def story() -> float:
        await line.sender.acquire(Priority.ENTRY)
        line.sender.pause(3.0)
        cancel = line.loop.create_task(line.sender.acquire(Priority.CANCEL))
        await line.sender.acquire(Priority.QUERY)
        cancel.cancel()
        return line.clock.now_ns() / 1e9

    assert line.loop.run_until_complete(story()) == 3.0
    line.loop.close()


class StoppedClock(VirtualClock):
    """A clock that can leap while nothing else runs, as when a process stands still."""

    leap_ns = 0

    def monotonic_ns(self) -> int:
        """Time that passed, with what nobody lived through."""
        return super().monotonic_ns() + self.leap_ns


def test_a_turn_from_before_a_standstill_is_counted_when_it_is_used():
    """CK7: given a turn, stopped for 59 s: on waking it asks again, and counts in that minute."""
    loop = VirtualLoop(0)
    clock = StoppedClock(loop)
    sender = Sender(clock, ExecutionSettings(max_in_flight=1), 2)
    left_s: list[float] = []

    async def second() -> None:
        await sender.acquire(Priority.CANCEL)
        left_s.append(clock.monotonic_ns() / 1e9)
        sender.release(Priority.CANCEL)

    async def story() -> None:
        await sender.acquire(Priority.CANCEL)
        waiting = loop.create_task(second())
        await clock.sleep(0.1)
        sender.release(Priority.CANCEL)
        clock.leap_ns = 59 * 10**9
        await waiting

    loop.run_until_complete(story())

    assert left_s[0] >= 60
    assert sender.used_fraction == 1.0
    loop.close()
