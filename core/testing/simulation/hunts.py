"""Hunts for seeds that miss a safeguard which was taken out.

A seed counts that is green with the safeguard and not green without it, in the protocol that it is
spoken in anyway. What is about rates is hunted where few requests are allowed: one seed in ten has
such a rate by itself, and few of those ever use it up. Seeds that did it before are tried first,
then those whose weather has what the safeguard is for, then the others: the search is over when one
of the seeds has missed it, or all of them were tried.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from types import MappingProxyType
from typing import Final

from core.testing.simulation.ablations import BY_NAME, KILLS
from core.testing.simulation.faults import NS_PER_S, Episode
from core.testing.simulation.removal import Ablation, removed
from core.testing.simulation.wire.tongues import PORT, drawn_venue
from core.testing.simulation.world import Setup, draw_weather, simulate

KNOWN: Final[Mapping[str, tuple[int, ...]]] = MappingProxyType(
    {
        "send before durable": (0,),
        "failure means refused": (6,),
        "order again after a timeout": (0,),
        "negatives count at once": (
            1,
            6,
        ),
        "one kind of negative is enough": (44,),
        "negatives of one moment": (44,),
        "not found once is gone": (0,),
        "errors count as not found": (6,),
        "in flight at the crash means refused": (0,),
        "unconfirmed means rejected": (0,),
        "answers of others are taken": (21,),
        "states go back": (0,),
        "cancel once": (759,),
        "unknown to the cancel means cancelled": (3,),
        "missing orders are not asked about": (3,),
        "strangers are cancelled": (1,),
        "numbers begin again": (0,),
        "fills count twice": (0,),
        "old fills are news": (0,),
        "seen before applied": (0,),
        "inferred fills": (0,),
        "state apart from fills": (3,),
        "the end before its fills": (0,),
        "missing fills are not fetched": (827,),
        "settlements count twice": (0,),
        "settlements are not caught up": (660,),
        "fees are rounded": (0,),
        "shares without a slot": (494,),
        "a doubtful write leaves ghosts": (420,),
        "halted orders leave": (796,),
        "a halt ends with its process": (494,),
        "two on one account": (6,),
        "nobody looks for the unknown": (546,),
        "no rate budget": (3, 6, 9),
        "a turn from before the sleep": (36, 89, 133),
        "no room for cancels": (3, 6, 9),
        "requests during a ban": (0,),
        "cancels during a ban": (796,),
        "orders in a wrong time": (191,),
        "an edit is not on record": (673,),
        "one alarm for every look": (466,),
        "one lost message for ever": (412,),
        "no deadline that holds": (796,),
        "comparisons pile up": (376,),
        "unreadable means dead": (494,),
        "unknown orders free their slot": (546,),
        "fills come again under new names": (42,),
    }
)
"""Ablation -> seeds that missed it once. Only where a search begins: each is run again, and one
that does not miss the safeguard any more costs its time and nothing else."""

LINGERS_NS: Final = 5 * NS_PER_S
"""How long after its end a fault is still felt."""
OFTEN: Final = 5
"""Deaths from which a run has more of them than of anything else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Catch:
    """How a campaign noticed."""

    ablation: Ablation
    seed: int | None
    """The seed that did; None where none did."""
    violation: str = ""
    tried: int = 0
    """Seeds that were run without the safeguard."""


def hunt(ablation: Ablation, seeds: range, lasts_s: float = 900.0) -> Catch:
    """Runs seeds without a safeguard until one violates an invariant that it keeps with it."""
    tried = 0
    for seed in promising(ablation, seeds, lasts_s):
        setup = hunted(ablation, seed, lasts_s)
        tried += 1
        with removed(ablation):
            outcome = simulate(setup)
        if not outcome.is_green and simulate(setup).is_green:
            violation = str(outcome.violations[0])
            return Catch(ablation=ablation, seed=seed, violation=violation, tried=tried)
    return Catch(ablation=ablation, seed=None, tried=tried)


def hunted(ablation: Ablation, seed: int, lasts_s: float) -> Setup:
    """What is run of a seed to see whether it misses a safeguard."""
    if ablation.is_about_rates:
        return Setup(seed=seed, lasts_s=lasts_s, venue=PORT, is_narrow=True)
    return Setup(seed=seed, lasts_s=lasts_s, venue=drawn_venue(seed))


def promising(ablation: Ablation, seeds: range, lasts_s: float) -> Iterator[int]:
    """Every seed once, those first that are likely to miss the safeguard."""
    known = [seed for seed in KNOWN.get(ablation.name, ()) if seed in seeds]
    yield from known
    others = [seed for seed in seeds if seed not in known]
    yield from sorted(others, key=lambda seed: -_promise(ablation, seed, lasts_s))


def _promise(ablation: Ablation, seed: int, lasts_s: float) -> float:
    """How many ways a seed has to show what is missing; whoever dies all the time does little."""
    weather = draw_weather(seed, lasts_s)
    sets = [[item for item in weather if item.kind in kinds] for kinds in ablation.shown_by]
    ways = sum(_meet(chosen) for chosen in product(*sets))
    deaths = sum(item.kind in KILLS for item in weather)
    return ways / (1 + deaths / OFTEN)


def _meet(episodes: Sequence[Episode]) -> bool:
    """Whether all of them are under way, or just over, at one time."""
    last_ns = max((item.from_ns for item in episodes), default=0)
    return all(item.until_ns + LINGERS_NS >= last_ns for item in episodes)


def hunt_all(ablations: Sequence[Ablation], seeds: range, workers: int = 1) -> Iterator[Catch]:
    """Hunts each, in order, on several cores."""
    if workers <= 1:
        for ablation in ablations:
            yield hunt(ablation, seeds)
        return
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        work = [(ablation.name, seeds) for ablation in ablations]
        for name, seed, violation, tried in pool.imap(_hunt_by_name, work, chunksize=1):
            yield Catch(ablation=BY_NAME[name], seed=seed, violation=violation, tried=tried)


def _hunt_by_name(work: tuple[str, range]) -> tuple[str, int | None, str, int]:
    name, seeds = work
    catch = hunt(BY_NAME[name], seeds)
    return name, catch.seed, catch.violation, catch.tried
