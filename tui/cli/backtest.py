"""`ctos backtest FILE --data PATH`: a bot over recorded prices, measured."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from core.errors import ConfigError
from tui.cli.border import put, say
from tui.cli.grid import GridOptions, start_request
from tui.cli.moments import moment_ns

if TYPE_CHECKING:
    from core.engine.protocol import StartBot
    from core.services.backtest.snapshot import BacktestReport

PICTURES: Final = (".svg", ".png")
READABLE: Final = 0o644
"""Mode of what is written: a report is for showing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestOptions:
    """What was typed."""

    file: Path
    data: tuple[Path, ...]
    first: str | None = None
    last: str | None = None
    seed: int | None = None
    symbol: str | None = None
    market: str | None = None
    interval: str | None = None
    is_json: bool = False
    html: Path | None = None
    plot: Path | None = None
    keeps_columns: bool = True
    by_kernel: bool = False
    is_debug: bool = False


def backtest(options: BacktestOptions) -> int:
    """Runs it, and writes or shows the report."""
    from core.wiring import backtests, places

    places.check_environment()
    if options.plot is not None and options.plot.suffix.lower() not in PICTURES:
        raise ConfigError(
            f"--plot {options.plot}: its ending says how it is drawn.",
            source="arguments",
            remedy=f"Write {' or '.join(PICTURES)}.",
        )
    request = _request(options)
    data = backtests.BacktestData(
        paths=paths_of(options.data),
        from_ns=None if options.first is None else moment_ns(options.first, "--from"),
        to_ns=None if options.last is None else moment_ns(options.last, "--to"),
        keeps_columns=options.keeps_columns,
    )
    if data.from_ns is not None and data.to_ns is not None and data.from_ns >= data.to_ns:
        raise ConfigError("--from must be before --to.", source="arguments")
    report = backtests.backtest(
        request, data, by_kernel=options.by_kernel, is_debug=options.is_debug
    )
    for notice in report.notices:
        say(f"note: {notice}")
    if options.html is not None:
        _write_html(report, options.html)
    if options.plot is not None:
        _write_plot(report, options.plot)
    if options.is_json:
        put(json.dumps(report.as_json()))
    elif options.html is None and options.plot is None:
        _show(report)
    return report.exit_code


def _request(options: BacktestOptions) -> StartBot:
    return start_request(
        GridOptions(
            file=options.file,
            speed="max",
            seed=options.seed,
            symbol=options.symbol,
            market=options.market,
            interval=options.interval,
        )
    )


def paths_of(data: tuple[Path, ...]) -> tuple[Path, ...]:
    """Where `--data` points.

    Raises:
        ConfigError: Where nothing is.
    """
    found = tuple(path.expanduser() for path in data)
    for path in found:
        if not path.exists():
            raise ConfigError(
                f"--data {path}: there is no such file or folder.", source="arguments"
            )
    return found


def _show(report: BacktestReport) -> None:
    from tui.cli.terminal import stdout_glyphs
    from tui.presentation.backtest import report_lines

    for line in report_lines(report, stdout_glyphs()):
        put(line)


def _write_html(report: BacktestReport, path: Path) -> None:
    from tui.presentation.backtest_page import page

    _write(path, page(report).encode(), "--html")


def _write_plot(report: BacktestReport, path: Path) -> None:
    from tui.presentation.backtest_page import equity_plot
    from tui.presentation.png import png
    from tui.presentation.svg import svg

    plot = equity_plot(report)
    raw = png(plot) if path.suffix.lower() == ".png" else svg(plot, has_style=True).encode()
    _write(path, raw, "--plot")


def _write(path: Path, content: bytes, option: str) -> None:
    from core.infrastructure.files import write_atomic

    try:
        write_atomic(path.expanduser(), content, mode=READABLE)
    except OSError as error:
        raise ConfigError(
            f"{option} {path}: cannot be written ({error.strerror}).", source="arguments"
        ) from error
    say(f"{path} written")
