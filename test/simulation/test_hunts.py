"""Hunts: where the search for a missing safeguard begins, and what counts as a catch."""

from __future__ import annotations

from dataclasses import replace

from core.testing.simulation.ablations import ABLATIONS, BY_NAME
from core.testing.simulation.bots import NARROWEST
from core.testing.simulation.campaign import replay_command
from core.testing.simulation.faults import Kind
from core.testing.simulation.hunts import KNOWN, hunt, hunted, promising
from core.testing.simulation.removal import Edit
from core.testing.simulation.wire.tongues import PORT
from core.testing.simulation.world import Setup, draw_weather, drawn_bot

SEEDS = range(60)
A_RUN_S = 60.0


def test_every_seed_is_tried_once_those_that_missed_it_before_first():
    """The order of a search leaves nothing out and repeats nothing."""
    ablation = BY_NAME["requests during a ban"]
    order = list(promising(ablation, SEEDS, A_RUN_S))

    assert sorted(order) == list(SEEDS)
    assert order[: len(KNOWN[ablation.name])] == list(KNOWN[ablation.name])


def test_seeds_with_the_weather_that_shows_it_come_before_the_others():
    """Bans are looked for where the weather has bans."""
    ablation = replace(BY_NAME["requests during a ban"], name="another")
    has_ban = [
        any(item.kind is Kind.BAN for item in draw_weather(seed, 900.0))
        for seed in promising(ablation, SEEDS, 900.0)
    ]

    assert any(has_ban)
    assert has_ban == sorted(has_ban, reverse=True)


def test_what_is_about_rates_is_hunted_where_few_requests_are_allowed():
    """Whatever a seed draws, there it meets the narrowest rate; other hunts leave it its own."""
    ablation = BY_NAME["a turn from before the sleep"]
    narrow = [drawn_bot(hunted(ablation, seed, A_RUN_S)) for seed in SEEDS]
    other = hunted(BY_NAME["requests during a ban"], 0, A_RUN_S)

    rates = [bot.orders_per_minute for bot in narrow]
    assert all(rate is not None and rate >= NARROWEST for rate in rates)
    assert rates.count(NARROWEST) > len(SEEDS) // 2
    assert not other.is_narrow
    assert [replace(bot, orders_per_minute=None) for bot in narrow] == [
        replace(drawn_bot(Setup(seed=seed)), orders_per_minute=None) for seed in SEEDS
    ]


def test_a_turn_from_before_the_sleep_is_missed():
    """A request that leaves later than its turn, and is not counted then, breaks into the room."""
    catch = hunt(BY_NAME["a turn from before the sleep"], range(90))

    assert catch.seed in KNOWN["a turn from before the sleep"]
    assert catch.violation.startswith(("Q1", "Q2"))


def test_a_narrow_run_says_how_it_is_seen_again():
    """The command that shows a run again says that few requests were allowed."""
    setup = Setup(seed=36, venue=PORT, is_narrow=True)

    assert replay_command(setup).endswith("ARGS=--narrow")
    assert "ARGS" not in replay_command(replace(setup, is_narrow=False))


def test_what_is_known_is_of_ablations_that_exist_and_of_seeds_within_the_thousand():
    """No hint outlives its ablation, and none stands for a seed that a campaign would not run."""
    names = {ablation.name for ablation in ABLATIONS}

    assert set(KNOWN) <= names
    assert all(0 <= seed < 1_000 for seeds in KNOWN.values() for seed in seeds)


def test_a_change_that_nothing_depends_on_is_no_catch():
    """A seed that is as green without it as with it says that nobody missed anything."""
    ablation = replace(
        BY_NAME["requests during a ban"],
        name="nothing",
        edits=(
            Edit(
                "core.services.execution.sender:Sender.release",
                "self._in_flight -= 1",
                "self._in_flight = self._in_flight - 1",
            ),
        ),
        shown_by=(),
    )

    catch = hunt(ablation, range(2), A_RUN_S)

    assert catch.seed is None
    assert catch.tried == 2
