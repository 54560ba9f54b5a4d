"""Results kept while a sweep runs."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from core.services.backtest.sweep_result import KERNEL, Figures, Params, Refused
from core.services.backtest.sweep_store import SweepStore, params_digest

ONE: Params = (("a", "1"), ("b", "2"))
TWO: Params = (("a", "2"), ("b", "2"))
RUN = Figures(
    fills=7,
    round_trips=3,
    realized_pnl=Decimal("1.2345678901234567890123456789"),
    fees=Decimal("0.000001"),
    funding=Decimal(0),
    equity_change=Decimal(-3),
    position=Decimal("0.01"),
    max_drawdown=0.1234567890123,
    total_return=-0.25,
    sharpe=None,
    sortino=1.5,
    calmar=-2.25,
    samples=(1000.0, 999.9999999),
    by=KERNEL,
)


def test_what_was_kept_comes_back_digit_for_digit(tmp_path: Path) -> None:
    """A resumed sweep has the same figures, refusals and spans as the one that was ended."""
    path = tmp_path / "sweep.jsonl"
    store = SweepStore(path, is_resumed=False)
    runs = (RUN, replace(RUN, fills=8))
    store.add([(ONE, runs), (TWO, Refused(message="no grid"))])
    store.close()

    again = SweepStore(path, is_resumed=True)

    assert len(again) == 2
    assert again.get(ONE) == runs
    assert again.get(TWO) == Refused(message="no grid")
    again.close()


def test_line_cut_in_the_middle_is_dropped(tmp_path: Path) -> None:
    """A process that died while writing loses that one set, and the file goes on whole."""
    path = tmp_path / "sweep.jsonl"
    store = SweepStore(path, is_resumed=False)
    store.add([(ONE, (RUN,))])
    store.close()
    path.write_bytes(path.read_bytes() + b'["abc",[["a","2"]],[[7')

    again = SweepStore(path, is_resumed=True)
    again.add([(TWO, (RUN,))])
    again.close()
    third = SweepStore(path, is_resumed=True)

    assert (third.get(ONE), third.get(TWO)) == ((RUN,), (RUN,))
    third.close()


def test_sweep_that_is_not_resumed_begins_empty(tmp_path: Path) -> None:
    """Without `--resume` nothing of an earlier one counts."""
    path = tmp_path / "sweep.jsonl"
    store = SweepStore(path, is_resumed=False)
    store.add([(ONE, (RUN,))])
    store.close()

    again = SweepStore(path, is_resumed=False)

    assert again.get(ONE) is None
    again.remove()
    assert not path.exists()


def test_order_of_keys_does_not_make_another_set() -> None:
    """A set is known by what it says."""
    assert params_digest(ONE) == params_digest((ONE[1], ONE[0]))
    assert params_digest(ONE) != params_digest(TWO)
