"""A trade with ourselves: both orders report one trade id, and each counts once."""

from decimal import Decimal
from pathlib import Path

from core.testing.execution import BOT, Bench


def test_one_trade_id_on_two_orders_counts_once_each_also_after_restarts(tmp_path: Path):
    """V32: the ledger equals the venue's position after every start."""
    bench = Bench(tmp_path)
    bench.attach()
    bench.place("a1")
    bench.do(lambda: bench.venue.fill("a1", trade_id="t1"))
    bench.step()
    bench.place("a2", price=990)
    bench.do(lambda: bench.venue.fill("a2", trade_id="t1"))
    bench.step()
    bench.wait(30)

    positions: list[Decimal] = []
    for _ in range(3):
        bench.crash()
        bench.attach()
        bench.wait(30)
        bench.step()
        positions.append(bench.service.ledger(BOT).position)
    held = bench.venue.position
    bench.close()

    assert positions == [held] * 3
