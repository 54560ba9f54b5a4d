"""A campaign as a document: what was simulated, what went wrong on purpose, and what came of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

from core.testing.simulation.campaign import Tally, replay_command
from core.testing.simulation.faults import HABITS, Kind
from core.testing.simulation.hunts import Catch
from core.testing.simulation.invariants.watch import INVARIANTS
from core.testing.simulation.marks import MARKS

STATES: Final = ("none", "INTENT", "SENT", "UNKNOWN", "ACKED", "PARTIAL")
OFTEN: Final = 100
_ABLATIONS: Final = "## Ablations"
_MATRIX: Final = "## Faults and the orders they met"
_PART: Final = re.compile(r"^(?=## )", re.MULTILINE)


def write_report(tally: Tally, command: str, catches: Sequence[Catch] = ()) -> str:
    """The document.

    Args:
        tally: Of the campaign.
        command: That wrote it.
        catches: What became of the ablations, where they were hunted.
    """
    parts = (
        _head(tally, command),
        _verdict(tally),
        _invariants(),
        _faults(tally),
        _marks(tally),
        _ablations(catches),
        _matrix(tally),
    )
    return "\n".join(part for part in parts if part).rstrip() + "\n"


def with_ablations(report: str, catches: Sequence[Catch]) -> str:
    """A report whose part about ablations is that of another hunt."""
    parts = _PART.split(report)
    kept = [part for part in parts if not part.startswith(_ABLATIONS)]
    before = next(i for i, part in enumerate(kept) if part.startswith(_MATRIX))
    return "".join([*kept[:before], _ablations(catches) + "\n", *kept[before:]])


def _head(tally: Tally, command: str) -> str:
    hours = tally.simulated_s / 3600
    counts = tally.counts
    rows = (
        ("seeds", f"{tally.seeds:,}"),
        ("simulated", f"{hours:,.1f} hours"),
        ("faults that acted", f"{tally.fired.total():,}"),
        ("fewest faults in a run", f"{tally.fewest_faults or 0:,}"),
        ("lives of the program", f"{counts['lives']:,}"),
        ("of these killed", f"{counts['killed']:,}"),
        ("intents", f"{counts['intents']:,}"),
        ("orders at the venue", f"{counts['orders']:,}"),
        ("executions", f"{counts['fills']:,}"),
        ("requests", f"{counts['requests']:,}"),
        ("latest agreement after healing", f"{tally.slowest_heal_s:.0f} s"),
        ("speed, one core", f"{tally.speed:,.0f} times real time"),
    )
    return "\n".join(
        (
            "# Report of a simulation campaign",
            "",
            f"Written by `{command}`; [simulation.md](simulation.md) says what the words mean.",
            "",
            "| what | how much |",
            "| --- | --- |",
            *(f"| {name} | {value} |" for name, value in rows),
            "",
        )
    )


def _verdict(tally: Tally) -> str:
    if not tally.failed:
        return "No invariant was violated.\n"
    lines = [f"**{len(tally.failed)} runs violated an invariant.**", ""]
    for outcome in tally.failed[:50]:
        names = ", ".join(dict.fromkeys(item.name for item in outcome.violations))
        lines.append(f"- {names}: `{replay_command(outcome.setup)}`")
    return "\n".join(lines) + "\n"


def _invariants() -> str:
    rows = (f"| {kind.name} | {kind.sentence} |" for kind in INVARIANTS)
    return "\n".join(
        (
            "## Invariants",
            "",
            "Watched on every record of every run, and asked again when the run had come to rest.",
            "",
            "| name | what holds |",
            "| --- | --- |",
            *rows,
            "",
        )
    )


def _faults(tally: Tally) -> str:
    rows = (
        f"| {kind.value} | {HABITS[kind].group.value} | {tally.fired[kind.value]:,} |"
        for kind in Kind
        if HABITS[kind].weight
    )
    return "\n".join(
        ("## Faults by kind", "", "| fault | class | acted |", "| --- | --- | --- |", *rows, "")
    )


def _marks(tally: Tally) -> str:
    rows = (f"| {mark} | {tally.marks[mark]:,} |" for mark in MARKS)
    return "\n".join(
        (
            "## Marks",
            "",
            "Rare things that a campaign must have seen at least once.",
            "",
            "| mark | seen |",
            "| --- | --- |",
            *rows,
            "",
        )
    )


def _ablations(catches: Sequence[Catch]) -> str:
    if not catches:
        return ""
    caught = sum(catch.seed is not None for catch in catches)
    public = sum(catch.ablation.is_historic for catch in catches)
    rows = (
        f"| {catch.ablation.name} | {catch.ablation.safeguard} | "
        f"{_seed(catch)} | {catch.violation.split(' ')[0]} |"
        for catch in catches
    )
    return "\n".join(
        (
            _ABLATIONS,
            "",
            f"Safeguards that were taken out, one at a time: {caught} of {len(catches)} were",
            f"missed within a thousand seeds. {public} are bugs that other systems had in public.",
            "A seed that is marked as narrow was run where few requests are allowed.",
            "",
            "| taken out | what is missing then | seed | what it violated |",
            "| --- | --- | --- | --- |",
            *rows,
            "",
        )
    )


def _seed(catch: Catch) -> str:
    """Which one it was, as a person asks to see it again."""
    if catch.seed is None:
        return "none"
    return f"{catch.seed}, narrow" if catch.ablation.is_about_rates else str(catch.seed)


def _matrix(tally: Tally) -> str:
    by_state: Counter[tuple[str, str]] = Counter()
    for (fault, state, _), count in tally.cells.items():
        by_state[fault, state] += count
    kinds = [kind.value for kind in Kind if HABITS[kind].weight]
    hit, often = _share(by_state, kinds)
    phases = Counter[str]()
    for (_, _, phase), count in tally.cells.items():
        phases[phase] += count
    rows = (
        f"| {kind} | " + " | ".join(f"{by_state[kind, state]:,}" for state in STATES) + " |"
        for kind in kinds
    )
    return "\n".join(
        (
            _MATRIX,
            "",
            "How often a fault acted, or began, while an order stood in a state of the journal;",
            "`none` is without an order that could still change.",
            f"{hit:.1%} of the cells were met, {often:.1%} at least {OFTEN} times; with the phase",
            f"of the bot there are {len(tally.cells):,} different cells.",
            "",
            "| fault | " + " | ".join(STATES) + " |",
            "| --- |" + " --- |" * len(STATES),
            *rows,
            "",
            "Phases met: "
            + ", ".join(f"{name} {count:,}" for name, count in sorted(phases.items()))
            + ".",
            "",
        )
    )


def _share(cells: Counter[tuple[str, str]], kinds: Sequence[str]) -> tuple[float, float]:
    every = [cells[kind, state] for kind in kinds for state in STATES]
    return (
        sum(count > 0 for count in every) / len(every),
        sum(count >= OFTEN for count in every) / len(every),
    )
