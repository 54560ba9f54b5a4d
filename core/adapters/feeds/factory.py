"""From what stands after `--feed` to a feed: `auto`, `live`, `sim[:SEED]` or a path."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from core.adapters.exchanges.interface import ExchangeInterface
from core.adapters.exchanges.models import Instrument
from core.adapters.feeds.live import LiveFeed
from core.adapters.feeds.recording import RecordingOptions, open_recording
from core.adapters.feeds.sim import DEFAULT_SEED, DEFAULT_START_NS, SimFeed
from core.errors import ConfigError, VenueError
from core.services.ports import Feed

Adapters = Mapping[str, Callable[[], ExchangeInterface]]
"""Venue name -> what makes its adapter."""

MAX_SEED: Final = (1 << 63) - 1
_PAPER: Final = "paper"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedOptions:
    """How to make a feed, beside what it is."""

    seed: int | None = None
    """For `sim` without a seed of its own; None for 7."""
    start_ns: int = DEFAULT_START_NS
    """When a simulation starts; a run in real time passes its clock's time."""
    recording: RecordingOptions = field(default_factory=RecordingOptions)


def make_feed(
    spec: str,
    instrument: Instrument,
    *,
    venue: str,
    options: FeedOptions | None = None,
    adapters: Adapters | None = None,
    reason: str = "",
) -> tuple[Feed, tuple[str, ...]]:
    """The feed that `spec` names, and what a person should be told, in sentences.

    Args:
        spec: `auto`, `live`, `sim`, `sim:SEED`, or the path of a recording as the user typed it.
        instrument: What is traded, by the paper venue's rules.
        venue: Whose prices `auto` and `live` are to show; `paper` has none of its own.
        options: Seed, start, and how to read a recording.
        adapters: Venues that can be asked.
        reason: Why the venue is not among them, as a clause; that it has no adapter when empty.

    Raises:
        ConfigError: For a spec that names nothing.
        VenueError: For `live` without an adapter for the venue.
        FeedError: For a recording that cannot be trusted.
        ExtraMissing: For Parquet without the `data` extra.
    """
    options = options or FeedOptions()
    adapter = (adapters or {}).get(venue)
    word, colon, seed = spec.partition(":")
    if word == "sim" and not (colon and Path(spec).exists()):
        return _simulation(instrument, options, _seed(spec, seed) if colon else None), ()
    if spec == "live":
        if adapter is None:
            raise VenueError(
                f"{reason or _no_adapter(venue)}.",
                venue=venue,
                remedy="Use --feed sim, or a recording.",
            )
        return LiveFeed(adapter(), instrument), ()
    if spec == "auto":
        if adapter is not None:
            return LiveFeed(adapter(), instrument), ()
        simulated = _simulation(instrument, options, None)
        if venue == _PAPER:
            reason = "paper has no prices of its own"
        why = reason or _no_adapter(venue)
        return simulated, (f"{why}: prices are simulated ({simulated.name})",)
    return _recording(spec, instrument, options)


def _no_adapter(venue: str) -> str:
    return f"no adapter for {venue} yet"


def _simulation(instrument: Instrument, options: FeedOptions, seed: int | None) -> SimFeed:
    asked = options.seed if seed is None else seed
    return SimFeed(
        instrument, seed=DEFAULT_SEED if asked is None else asked, start_ns=options.start_ns
    )


def _seed(spec: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or int(text) > MAX_SEED:
        raise ConfigError(
            f"{spec!r} has no seed: expected sim:SEED with a whole number from 0 to {MAX_SEED}",
            source="arguments",
            key="--feed",
        )
    return int(text)


def _recording(
    spec: str, instrument: Instrument, options: FeedOptions
) -> tuple[Feed, tuple[str, ...]]:
    path = Path(spec).expanduser()
    if not spec or not path.exists():
        raise ConfigError(
            f"{spec!r} is neither auto, live, sim, sim:SEED nor the path of a recording",
            source="arguments",
            key="--feed",
        )
    recording = open_recording(path, instrument, options.recording)
    return recording, recording.warnings
