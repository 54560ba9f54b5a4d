"""What venues said: recorded, replayed, and read by the venues' parsers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.wiring.venues import Opening, factory, has_adapter

if TYPE_CHECKING:
    from core.adapters.exchanges.ccxt.transcript import CcxtTranscript
    from core.adapters.exchanges.connection.tap import Frame
    from core.adapters.exchanges.interface import ExchangeInterface
    from core.adapters.exchanges.transcript import Transcript
    from core.adapters.feeds.spool import Spool
    from core.services.recorder.rows import Kind
    from core.services.recorder.service import Recorded


_LOCK: Final = ".recording.lock"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRequest:
    """What is to be recorded, and how."""

    venue: str
    symbols: tuple[str, ...]
    out: Path
    kinds: tuple[str, ...] = ("trades", "quotes", "books")
    has_raw: bool = True
    is_parquet: bool | None = None
    """None: where pyarrow is installed."""
    depth: int = 50
    seconds: float | None = None
    limit_bytes: int | None = None


def record(request: RecordRequest) -> Recorded:
    """Records a venue's public data until the time is over or the process is asked to end.

    Raises:
        ConfigError: For a venue, symbol or folder that cannot be.
        LeaseHeld: If another recording writes into the folder.
        VenueError: If the venue cannot be reached.
        ExtraMissing: For Parquet without the `data` extra.
    """
    import asyncio
    import signal
    import threading

    from core.adapters.feeds.spool import in_thread
    from core.infrastructure.clock import WallClock
    from core.infrastructure.files import FileLock, ensure_folder
    from core.services.recorder.rows import Kind
    from core.services.recorder.service import Recorder, Wish

    clock = WallClock()
    tap = _Tap()
    spot = [name.upper().endswith("-SPOT") for name in request.symbols]
    market = None if any(spot) and not all(spot) else "spot" if all(spot) else "perpetual"
    opening = Opening(
        clock=clock,
        market=market,
        tap=tap.tell if request.has_raw else None,
    )
    has_adapter(request.venue)  # registers what ccxt knows
    exchange = factory().create(request.venue, opening)

    async def run(spools: dict[Kind, Spool]) -> Recorded:
        recorder = Recorder(
            exchange,
            clock,
            spools,
            Wish(
                symbols=request.symbols,
                kinds=frozenset(map(Kind, request.kinds)),
                depth=request.depth,
                seconds=request.seconds,
            ),
            apart=in_thread,
            missing=partial(_missing_of, exchange),
        )
        tap.listener = recorder.on_frame
        loop = asyncio.get_running_loop()
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            if hasattr(signal, name) and threading.current_thread() is threading.main_thread():
                loop.add_signal_handler(getattr(signal, name), recorder.end)
        return await recorder.run()

    with _folders(request):
        ensure_folder(request.out)
        with FileLock(request.out / _LOCK) as lock:
            lock.acquire(clock.now_ns())
            return asyncio.run(run(_spools(request)))


@contextmanager
def _folders(request: RecordRequest) -> Iterator[None]:
    """Leaves no folder behind that this recording made and put nothing into."""
    places = (*_inner(request), request.out, *request.out.parents)
    new = [path for path in places if not path.exists()]
    try:
        yield
    finally:
        for folder in new:
            if {path.name for path in folder.glob("*")} == {_LOCK}:
                (folder / _LOCK).unlink()
            with suppress(OSError):  # it holds something, or was never made
                folder.rmdir()


def _inner(request: RecordRequest) -> tuple[Path, Path]:
    return request.out / "books", request.out / "raw"


def _missing_of(exchange: ExchangeInterface) -> Mapping[str, int]:
    """What an adapter of ours knows to be missing for good."""
    from core.adapters.exchanges.native.exchange import NativeExchange

    return exchange.listings.lost if isinstance(exchange, NativeExchange) else {}


class _Tap:
    """Between an adapter that is made first and a recorder that is made with it."""

    def __init__(self) -> None:
        self.listener: Callable[[Frame], None] | None = None

    def tell(self, frame: Frame) -> None:
        """Hands a frame on once somebody listens."""
        if self.listener is not None:
            self.listener(frame)


def _spools(request: RecordRequest) -> dict[Kind, Spool]:
    """Where each kind goes: trades and quotes side by side, so that they are read as one feed."""
    from core.adapters.feeds.parquet_writer import is_available, to_parquet
    from core.adapters.feeds.spool import LIMIT_BYTES, Spool, renamed
    from core.errors import ExtraMissing
    from core.infrastructure.files import ensure_folder
    from core.services.recorder.rows import COLUMNS, WHOLE_COLUMNS, Kind

    is_parquet = is_available() if request.is_parquet is None else request.is_parquet
    if is_parquet and not is_available():
        raise ExtraMissing("data", "Writing Parquet")
    table = partial(to_parquet, integers=WHOLE_COLUMNS) if is_parquet else renamed(".csv")
    places = dict(zip((Kind.BOOKS, Kind.RAW), _inner(request), strict=True))
    wanted = [*map(Kind, request.kinds), *([Kind.RAW] if request.has_raw else []), Kind.GAPS]
    spools = {}
    for kind in wanted:
        folder = places.get(kind, request.out)
        ensure_folder(folder)
        columns = COLUMNS.get(kind)
        spools[kind] = Spool(
            folder,
            kind.value,
            "" if columns is None else ",".join(columns),
            renamed(".jsonl") if columns is None else table,
            limit_bytes=request.limit_bytes or LIMIT_BYTES,
        )
    return spools


def replay(path: Path, *, symbol: str | None, depth: int) -> Iterator[tuple[int, object]]:
    """What a recording holds, in order of time: (nanoseconds, what was told or a gap).

    Raises:
        FeedError: For a recording that cannot be read.
    """
    from core.adapters.feeds.replay import replay as read

    return read(path, symbol=symbol, depth=depth)


def transcript(venue: str, channel: str) -> Transcript | CcxtTranscript:
    """Reads a recording of a venue's messages with that venue's parsers, or with ccxt's.

    Args:
        venue: One with parsers of ours, or any that ccxt knows, with or without `ccxt-`.
        channel: One of the venue's, a common one, or `all`.

    Raises:
        ConfigError: If the venue or the channel is not known.
    """
    from core.adapters.exchanges.ccxt.names import rules_venue
    from core.adapters.exchanges.transcript import Transcript, venues

    if rules_venue(venue) in venues():
        return Transcript(rules_venue(venue), channel)
    from core.adapters.exchanges.ccxt.client import knows
    from core.adapters.exchanges.ccxt.transcript import CcxtTranscript

    if knows(venue):
        return CcxtTranscript(venue, channel)
    return Transcript(venue, channel)


def is_foreign(read: Transcript | CcxtTranscript) -> bool:
    """Whether the messages of a recording that was read are of nobody's that its parsers know."""
    from core.adapters.exchanges.transcript import SENT, UNKNOWN

    return bool(read.skipped.get(UNKNOWN)) and not read.skipped.keys() - {SENT, UNKNOWN}


def other_versions(venue: str) -> tuple[str, ...]:
    """Versions of the venue's protocol that have parsers of their own, such as `kraken-v1`."""
    from core.adapters.exchanges.transcript import venues

    return tuple(name for name in venues() if name.startswith(f"{venue.removeprefix('ccxt-')}-v"))
