"""A sweep from the file to the rows: by kernel and engine, killed and resumed, on a cluster."""

import json
import os
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from core.adapters.compute.processes import LocalProcesses
from core.engine.protocol import StartBot
from core.errors import ConfigError
from core.services.backtest import compiling
from core.services.backtest.sweep_result import SweepRow
from core.wiring import backtests, configuration, sweeps
from tui.cli.main import app

START_MS: Final = 1_717_200_000_000
GRID: Final = """grid_system:
  exchange: paper
  symbol: TEST-USDC-PERP
  grid_type: long
  grid_interval: "1"
  order_amount: "0.5"
  price_range: {lower_price: "90", upper_price: "110"}
  instrument: {tick_size: "0.1", lot_size: "0.001", min_notional: "0", maker_fee: "0.0002",
    taker_fee: "0.0005"}
  paper: {initial_balance: "10000", latency_ms: 50, fill: touch}
"""
RECORDINGS: Final = Path(__file__).resolve().parents[3] / "shared" / "data" / "trades"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of this test's own; compiled code is shared by all."""
    pytest.importorskip("numba")
    monkeypatch.setenv("CTOS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(Path(compiling.__file__).parent / "__pycache__"))
    return tmp_path / "home"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A grid's file."""
    path = tmp_path / "grid.yaml"
    path.write_text(GRID)
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two days of trades that walk around 100."""
    chance = np.random.default_rng(11)
    walk, price = [], 100.0
    for step in chance.normal(0, 0.25, 3000).tolist():
        price += step - (price - 100) * 0.01
        walk.append(round(price, 1))
    times = START_MS + np.cumsum(chance.integers(0, 115_000, 3000))
    path = tmp_path / "trades.csv"
    lines = [f"{at},{price},0.4,buy" for at, price in zip(times.tolist(), walk, strict=True)]
    path.write_text("\n".join(["ts_ms,price,amount,side", *lines]) + "\n")
    return path


def ctos(*arguments: object) -> Result:
    """Runs a command in this process."""
    return CliRunner().invoke(app, ["sweep", *map(str, arguments)])


def rows_of(result: Result) -> list[dict[str, Any]]:
    """What `--json` gave."""
    assert result.exit_code == 0, result.output
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


def request_of(file: Path) -> StartBot:
    """A file as the command line hands it on."""
    return StartBot(app="grid", path=str(file), text=file.read_text(), speed="max")


def swept(file: Path, data: Path, *grids: str, **wishes: Any) -> tuple[SweepRow, ...]:
    """The rows of a sweep in this process."""
    wish = sweeps.SweepWish(grids=grids, objective="equity_change", workers=1, **wishes)
    found = sweeps.sweep(
        request_of(file), backtests.BacktestData(paths=(data,)), wish, lambda *_: None
    )
    return found.rows


def bare(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row without who ran it."""
    return {name: value for name, value in row.items() if name not in {"by", "why"}}


def test_rows_are_best_first_and_exact(file: Path, data: Path) -> None:
    """Every set is a row with its parameters; money is plain decimal text."""
    arguments = (file, "--data", data, "--grid", "grid_interval=0.5:2:0.5", "--workers", 1)

    rows = rows_of(ctos(*arguments, "--json"))

    assert {row["params"]["grid_interval"] for row in rows} == {"0.5", "1", "1.5", "2"}
    changes = [Decimal(row["equity_change"]) for row in rows]
    assert changes == sorted(changes, reverse=True)
    assert {row["by"] for row in rows} == {"kernel"}
    for row in rows:
        assert row["fills"] > 0
        assert Decimal(row["fees"]) > 0
        assert "E" not in row["fees"] + row["realized_pnl"] + row["equity_change"]
        assert 0 < Decimal(row["max_drawdown"]) < 1


def test_engine_gives_the_same_rows(file: Path, data: Path) -> None:
    """`--engine` runs the whole bot for every set and comes to the same, digit for digit."""
    arguments = (file, "--data", data, "--grid", "grid_type=long,short", "--workers", 1, "--json")

    by_kernel = rows_of(ctos(*arguments))
    by_engine = rows_of(ctos(*arguments, "--engine"))

    assert [bare(row) for row in by_kernel] == [bare(row) for row in by_engine]
    assert {row["by"] for row in by_engine} == {"engine"}


def test_what_the_kernel_does_not_do_the_engine_does(file: Path, data: Path) -> None:
    """A set with a limit on risk is run by the engine, and says why."""
    first, second = swept(file, data, "risk.daily_loss=100000", "order_amount=0.5,0.4")

    assert {first.whole.by, second.whole.by} == {"engine"}
    assert first.whole.why == "risk limits are set"
    plain = swept(file, data, "order_amount=0.5,0.4")
    assert [row.whole.equity_change for row in plain] == [
        row.whole.equity_change for row in (first, second)
    ]


def test_sets_that_are_no_grid_are_left_out_and_named(file: Path, data: Path) -> None:
    """An impossible set is told, the others run."""
    result = ctos(file, "--data", data, "--grid", "grid_interval=1,0.05", "--workers", 1, "--json")

    assert [row["params"]["grid_interval"] for row in rows_of(result)] == ["1"]
    assert "1 sets are no grid. grid_interval=0.05" in result.stderr


def test_sweep_without_a_grid_in_it_is_refused(file: Path, data: Path) -> None:
    """Where no set is a grid the first one says why, and the exit code is 2."""
    result = ctos(file, "--data", data, "--grid", "grid_interval=0.05", "--workers", 1)

    assert result.exit_code == 2
    assert "grid_interval" in result.stderr


def test_explosion_needs_a_yes(file: Path, data: Path) -> None:
    """Nobody is there to ask: the number of sets is shown, and nothing runs."""
    result = ctos(file, "--data", data, "--grid", "grid_interval=0.1:1000:0.01")

    assert result.exit_code == 2
    assert "99,991 sets of parameters" in result.stderr
    assert "--yes" in result.stderr


@pytest.mark.parametrize(
    "arguments, found",
    [
        (("--objective", "luck"), "There are: equity_change"),
        (("--workers", "0"), "--workers must be 1 or more"),
        (("--walk-forward", "-1"), "--walk-forward must be 1 or more"),
        (("--out", "rows.csv"), "written as Parquet"),
        (("--from", "2025-01-02", "--to", "2025-01-01"), "--from must be before --to"),
        (("--from", "2030-01-01"), "no row between --from and --to"),
    ],
)
def test_bad_arguments_are_refused(
    file: Path, data: Path, arguments: tuple[str, ...], found: str
) -> None:
    """A wrong option is named with the way out, before anything runs."""
    result = ctos(file, "--data", data, "--grid", "order_amount=1,2", *arguments)

    assert result.exit_code == 2
    assert found in result.stderr


def test_walk_forward_shows_both_spans(file: Path, data: Path) -> None:
    """Each fold has the span a set was chosen on and the one after; one set a fold is chosen."""
    rows = swept(file, data, "grid_interval=0.5,1,2", folds=3)

    chosen = [fold.number for row in rows for fold in row.folds if fold.is_chosen]
    assert sorted(chosen) == [1, 2, 3]
    assert all(len(row.folds) == 3 for row in rows)
    for row in rows:
        for before, after in zip(row.folds, row.folds[1:], strict=False):
            assert before.out_of_sample == after.in_sample


def test_killed_sweep_goes_on(
    file: Path, data: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was done before the end is not done again, and the rows are those of one whole run."""
    grid = "order_amount=0.1:1.6:0.1"
    whole = swept(file, data, grid)
    run, seen = sweeps.sweep_batch, list[str]()

    def dying(job: Any, batch: Any) -> Any:
        seen.extend(params[0][1] for params in batch)
        if len(seen) > 5:
            raise KeyboardInterrupt
        return run(job, batch)

    monkeypatch.setattr(sweeps, "sweep_batch", dying)
    with pytest.raises(KeyboardInterrupt):
        swept(file, data, grid)
    assert len(list((home / "sweeps").iterdir())) == 1
    done = set(seen[:5])
    again = list[str]()

    def noting(job: Any, batch: Any) -> Any:
        again.extend(params[0][1] for params in batch)
        return run(job, batch)

    monkeypatch.setattr(sweeps, "sweep_batch", noting)

    rows = swept(file, data, grid, is_resumed=True)

    assert rows == whole
    assert done.isdisjoint(again)
    assert len(again) == 16 - len(done)
    assert list((home / "sweeps").iterdir()) == []


def test_rows_are_written_as_parquet(file: Path, data: Path, tmp_path: Path) -> None:
    """All rows with all figures, ranked, exact money as text."""
    parquet = pytest.importorskip("pyarrow.parquet")
    out = tmp_path / "rows.parquet"

    rows = rows_of(
        ctos(
            file,
            "--data",
            data,
            "--grid",
            "order_amount=1,2",
            "--workers",
            1,
            "--json",
            "--out",
            out,
        )
    )
    table = parquet.read_table(out).to_pydict()

    assert table["param.order_amount"] == [row["params"]["order_amount"] for row in rows]
    assert table["equity_change"] == [row["equity_change"] for row in rows]
    assert table["trials"] == [2, 2]


def test_workers_and_cluster_give_the_same_rows(
    file: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Processes of this machine and a cluster that shares no folder come to the same.

    The processes run the kernel as it is written, so it is also what was compiled.
    """
    distributed = pytest.importorskip("distributed")
    alone = swept(file, data, "grid_interval=0.5,1,2")
    with distributed.LocalCluster(
        n_workers=1,
        threads_per_worker=2,
        processes=False,
        protocol="tcp",
        dashboard_address=None,
        host="127.0.0.1",
    ) as cluster:
        shared = swept(file, data, "grid_interval=0.5,1,2", cluster=cluster.scheduler_address)
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")
    local = sweeps.sweep(
        request_of(file),
        backtests.BacktestData(paths=(data,)),
        sweeps.SweepWish(grids=("grid_interval=0.5,1,2",), objective="equity_change", workers=2),
        lambda *_: None,
    ).rows

    assert shared == alone
    assert local == alone


def test_candles_follow_the_direction_of_each_set(file: Path, tmp_path: Path) -> None:
    """A long and a short grid see the path of a candle that is worse for each."""
    path = tmp_path / "candles.csv"
    chance = np.random.default_rng(2)
    lines, price = ["ts_ms,open,high,low,close,volume"], 1000
    for minute in range(400):
        close = price + int(chance.integers(-12, 13))
        high = max(price, close) + int(chance.integers(0, 9))
        low = min(price, close) - int(chance.integers(0, 9))
        at = START_MS + 60_000 * minute
        lines.append(f"{at},{price / 10},{high / 10},{low / 10},{close / 10},5")
        price = close
    path.write_text("\n".join(lines) + "\n")

    by_kernel = swept(file, path, "grid_type=long,short")
    by_engine = swept(file, path, "grid_type=long,short", is_engine=True)

    assert {row.whole.by for row in by_kernel} == {"kernel"}
    assert [bare(row.as_json()) for row in by_kernel] == [bare(row.as_json()) for row in by_engine]


def test_book_belongs_to_the_engine(file: Path, tmp_path: Path) -> None:
    """Quotes are run by the engine, with and without `--engine`."""
    path = tmp_path / "quotes.csv"
    rows = [f"{START_MS + 1000 * at},{100 + at % 7},5,{100 + at % 7}.1,5" for at in range(300)]
    path.write_text("\n".join(["ts_ms,bid,bid_amount,ask,ask_amount", *rows]) + "\n")

    found = swept(file, path, "order_amount=0.5,1", folds=1)

    assert {row.whole.why for row in found} == {"the data have a book"}
    assert all(row.whole.fills > 0 for row in found)
    assert all(len(row.folds) == 1 for row in found)


def test_key_that_leads_nowhere_is_refused(file: Path, data: Path) -> None:
    """A key that the grid does not know is refused by the grid's own rules."""
    with pytest.raises(ConfigError, match="grid_intervall"):
        swept(file, data, "grid_intervall=1,2")


@pytest.mark.skipif(not RECORDINGS.is_dir(), reason="no recordings here")
@pytest.mark.parametrize("kind", ["long", "short", "follow_long", "neutral"])
def test_recorded_trades_come_to_the_same(tmp_path: Path, kind: str) -> None:
    """On a day of recorded trades kernel and engine agree to the last digit."""
    pytest.importorskip("pyarrow")
    shape = {
        "follow_long": "follow_grid_count: 20\n  follow_timeout: 300",
        "neutral": 'price_range: {lower_price: "0.7", upper_price: "0.8"}',
    }.get(kind, 'price_range: {lower_price: "0.7", upper_price: "0.8"}')
    path = tmp_path / "ape.yaml"
    path.write_text(
        f"""grid_system:
  exchange: paper
  symbol: APE-USDT-PERP
  grid_type: {kind}
  {shape}
  grid_interval: "0.001"
  order_amount: "20"
  instrument: {{tick_size: "0.0001", lot_size: "1", min_notional: "5", maker_fee: "0.0002",
    taker_fee: "0.0005"}}
  paper: {{initial_balance: "10000", latency_ms: 50}}
"""
    )
    data = RECORDINGS / "binance_usdm_APEUSDT_aggtrades_2024-10-18.parquet"
    grids = ("paper.fill=through,queue", "order_amount=20")

    by_kernel, by_engine = swept(path, data, *grids), swept(path, data, *grids, is_engine=True)

    assert {row.whole.by for row in by_kernel} == {"kernel"}
    assert all(row.whole.fills > 20 for row in by_kernel)
    assert [bare(row.as_json()) for row in by_kernel] == [bare(row.as_json()) for row in by_engine]


def test_golden_tape_comes_to_the_figures_that_all_engines_agree_on(tmp_path: Path) -> None:
    """Two million trades, a neutral grid of 41 lines filled on touch: fills, position, fees, worth.

    The walk is drawn back to 50,000 in steps of some 4, so that no trade leaps over two lines.
    """
    chance = np.random.default_rng(7)
    rows = 2_000_000
    steps = (chance.standard_normal(rows) * 40.0).tolist()
    place, places = 0.0, []
    for step in steps:
        place = (1.0 - 5e-5) * place + step
        places.append(place)
    last = 500_000 + np.rint(np.array(places)).astype(np.int64)
    last[0] = 500_000
    from core.services.backtest.kernel_run import run_case
    from core.services.backtest.sweep_case import make_case
    from core.services.backtest.sweep_tape import SweepTape, TapeHead
    from core.services.grid.config import parse_grid

    file = (
        GRID.replace("long", "neutral")
        .replace('"90", upper_price: "110"', '"49000", upper_price: "51000"')
        .replace('grid_interval: "1"', 'grid_interval: "50"')
        .replace('order_amount: "0.5"', 'order_amount: "0.010"')
        .replace("latency_ms: 50", "latency_ms: 0")
        .replace('"10000"', '"100000"')
    )
    config = parse_grid(file, "golden.yaml", configuration.find_instrument)
    ones = np.ones(rows, np.int64)
    head = TapeHead(
        name="golden",
        kind="trades",
        digest="",
        rows=rows,
        price_unit="0.1",
        amount_unit="0.001",
        has_funding=False,
    )
    times = START_MS * 1_000_000 + np.arange(rows, dtype=np.int64) * 40_000_000
    tape = SweepTape(head, {"ts_ns": times, "last": last, "amount": ones, "side": ones})
    limits = config.risk.limits()
    case = make_case(config, limits, tape, highest=int(last.max()), most=None)

    found = run_case(case, tape.lows_and_highs(), tape.price_unit)

    assert found.fills == 11_679
    assert found.position == Decimal("0.090")
    assert found.fees == Decimal("1167.2636")
    assert found.equity_change == Decimal("1732.8844")


def test_workers_inherit_no_keys(file: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sweep needs no venue: keys and passphrase are gone before a process is started (SK10)."""
    names = ("CTOS_BINANCE_SECRET", "CTOS_CCXT_KRAKEN_SECRET", "CTOS_KEYS_PASSPHRASE")
    for name in names:
        monkeypatch.setenv(name, "canary-of-the-secret")
    monkeypatch.setenv("CTOS_THEME", "dark")

    swept(file, data, "grid_interval=1:2:1")

    pool = LocalProcesses(os.getenv, 2)
    assert sorted(map(str, pool.results([*names, "CTOS_THEME"]))) == ["None"] * 3 + ["dark"]
