"""The neutral grid of the golden tape in hftbacktest 2.4.4; run with a Python that has it.

    python hftbacktest_grid.py golden.npz

Prints one JSON object: seconds of compiling and loading, seconds of the run, fills, position.
"""

from __future__ import annotations

import json
import sys
import time

began = time.perf_counter()

import numpy as np  # noqa: E402 # imports are part of what is measured
from hftbacktest import (  # noqa: E402
    BUY_EVENT,
    EXCH_EVENT,
    GTC,
    LIMIT,
    LOCAL_EVENT,
    SELL_EVENT,
    TRADE_EVENT,
    BacktestAsset,
    HashMapMarketDepthBacktest,
)
from hftbacktest.types import event_dtype  # noqa: E402
from numba import njit  # noqa: E402

TICK, LOT = 0.1, 0.001
LINES, FIRST, STEP, START, AMOUNT = 41, 490_000, 500, 20, 0.010


def events(path: str) -> np.ndarray:
    """The tape as hftbacktest wants it."""
    tape = np.load(path)
    rows = np.zeros(len(tape["ts"]), event_dtype)
    side = np.where(tape["side"] > 0, BUY_EVENT, SELL_EVENT)
    rows["ev"] = TRADE_EVENT | EXCH_EVENT | LOCAL_EVENT | side
    rows["exch_ts"] = rows["local_ts"] = tape["ts"]
    rows["px"] = tape["px"] * TICK
    rows["qty"] = tape["qty"] * LOT
    return rows


@njit
def run(hbt):  # type: ignore[no-untyped-def] # noqa: C901 # compiled
    """Looks after every event; reverses each fill one line away."""
    fills = 0
    serial = 0
    line_of = np.full(1_000_000, -1, np.int64)
    empty = START
    hbt.wait_next_feed(False, 10**18)
    for line in range(LINES):
        if line == START:
            continue
        price = (FIRST + line * STEP) * TICK
        line_of[serial] = line
        if line < START:
            hbt.submit_buy_order(0, serial, price, AMOUNT, GTC, LIMIT, False)
        else:
            hbt.submit_sell_order(0, serial, price, AMOUNT, GTC, LIMIT, False)
        serial += 1
    held = hbt.position(0)
    while True:
        found = hbt.wait_next_feed(True, 10**18)
        if found == 1:
            return fills, hbt.position(0)
        if hbt.position(0) == held:
            continue
        held = hbt.position(0)
        done_ids = np.empty(64, np.int64)
        done_sides = np.empty(64, np.int64)
        count = 0
        values = hbt.orders(0).values()
        while values.has_next():
            order = values.get()
            if order.status == 3:
                done_ids[count] = order.order_id
                done_sides[count] = order.side
                count += 1
        hbt.clear_inactive_orders(0)
        for place in range(count):
            fills += 1
            line = line_of[done_ids[place]]
            price = (FIRST + empty * STEP) * TICK
            line_of[serial] = empty
            if done_sides[place] == 1:
                hbt.submit_sell_order(0, serial, price, AMOUNT, GTC, LIMIT, False)
            else:
                hbt.submit_buy_order(0, serial, price, AMOUNT, GTC, LIMIT, False)
            serial += 1
            empty = line


def market(rows: np.ndarray) -> HashMapMarketDepthBacktest:
    """Fills when touched, no latency, maker fee 0.02 %."""
    asset = (
        BacktestAsset()
        .data(rows)
        .linear_asset(1.0)
        .constant_order_latency(0, 0)
        .risk_adverse_queue_model()
        .no_partial_fill_exchange()
        .trading_value_fee_model(0.0002, 0.0007)
        .tick_size(TICK)
        .lot_size(LOT)
    )
    return HashMapMarketDepthBacktest([asset])


def main() -> None:
    """Compiles on a few rows, then runs them all."""
    rows = events(sys.argv[1])
    loaded = time.perf_counter()
    run(market(rows[:1000]))
    compiled = time.perf_counter()
    hbt = market(rows)
    start = time.perf_counter()
    fills, position = run(hbt)
    end = time.perf_counter()
    print(
        json.dumps(
            {
                "loading": loaded - began,
                "compiling": compiled - loaded,
                "run": end - start,
                "fills": int(fills),
                "position": round(float(position), 6),
                "rows": len(rows),
            }
        )
    )


if __name__ == "__main__":
    main()
